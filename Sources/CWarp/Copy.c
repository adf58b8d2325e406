// SPDX-License-Identifier: Apache-2.0
// The racing copy of sizes that are rare or large. See the header for what it may be used for.
#include "CWarp.h"

void warp_copy_out_rest(void *restrict to, const void *restrict shared, size_t size) {
  if (size > WARP_WORDWISE_LIMIT) {
    __builtin_memcpy(to, shared, size);
    return;
  }
  size_t whole = size & ~(size_t)7;
  warp_copy_out(to, shared, whole);
  if (size == whole) return;
  uint64_t word = __atomic_load_n((const uint64_t *)shared + whole / 8, __ATOMIC_RELAXED);
  __builtin_memcpy((char *)to + whole, &word, size - whole);
}
