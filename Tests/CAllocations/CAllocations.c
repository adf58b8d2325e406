// SPDX-License-Identifier: Apache-2.0
// The executable's own malloc and its relatives come before libc's in the order in which names are looked up, also
// for the Swift runtime; so do the runtime's functions that count references and check for exclusive access. They count, and
// hand on to those that would have been called. Elsewhere nothing is counted.

#define _GNU_SOURCE
#include "CAllocations.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#if defined(__GLIBC__)

static __thread call_counts counts;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

int calls_counted(void) { return 1; }
call_counts calls(void) { return counts; }

// --- the allocator ------------------------------------------------------------------------------------------------

void *malloc(size_t size) {
  counts.allocations += 1;
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  counts.allocations += 1;
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  counts.allocations += 1;
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  counts.allocations += 1;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  void *memory = memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *result = memory;
  return 0;
}

// --- the Swift runtime --------------------------------------------------------------------------------------------

// The function of this name that comes after this file's. Two threads may both look it up, and find the same.
#define NEXT(name) \
  static void *next; \
  void *found = __atomic_load_n(&next, __ATOMIC_RELAXED); \
  if (found == NULL) { \
    found = dlsym(RTLD_NEXT, name); \
    __atomic_store_n(&next, found, __ATOMIC_RELAXED); \
  }

#define COUNT_REFERENCE(function) \
  void *function(void *object) { \
    NEXT(#function) \
    counts.references += 1; \
    return ((void *(*)(void *))found)(object); \
  }

COUNT_REFERENCE(swift_retain)
COUNT_REFERENCE(swift_release)
COUNT_REFERENCE(swift_bridgeObjectRetain)
COUNT_REFERENCE(swift_bridgeObjectRelease)

void swift_beginAccess(void *pointer, void *buffer, uintptr_t flags, void *pc) {
  NEXT("swift_beginAccess")
  counts.accesses += 1;
  ((void (*)(void *, void *, uintptr_t, void *))found)(pointer, buffer, flags, pc);
}

#else

int calls_counted(void) { return 0; }
call_counts calls(void) { return (call_counts){0}; }

#endif
