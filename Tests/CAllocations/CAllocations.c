// SPDX-License-Identifier: Apache-2.0
// The executable's own malloc and its relatives come before libc's in the order in which names are looked up, also
// for the Swift runtime. They count, and hand on to glibc's. Elsewhere nothing is counted.

#include "CAllocations.h"

#include <errno.h>
#include <stddef.h>

#if defined(__GLIBC__)

static __thread uint64_t count;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

int allocations_counted(void) { return 1; }
uint64_t allocations(void) { return count; }

void *malloc(size_t size) {
  count += 1;
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count += 1;
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  count += 1;
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  count += 1;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  void *memory = memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *result = memory;
  return 0;
}

#else

int allocations_counted(void) { return 0; }
uint64_t allocations(void) { return 0; }

#endif
