// SPDX-License-Identifier: Apache-2.0
// The racing copy of sizes that are rare or large. See the header for what it may be used for.
#include "CWarp.h"

void warp_copy_out_rest(void *restrict to, const void *restrict shared, size_t size) {
  if (size > WARP_WORDWISE_LIMIT) {
    __builtin_memcpy(to, shared, size);
    return;
  }
  char *out = (char *)to;
#if WARP_COPIES_PAIRS
  const char *from = (const char *)shared;
  if (size > 64 && size <= 128) {
    // Without a loop, as the sizes that are copied in place.
    for (int at = 0; at < 64; at += 16) warp_copy_pair(out + at, from + at);
    for (int at = 64; at > 0; at -= 16) warp_copy_pair(out + size - at, from + size - at);
    return;
  }
  if (size >= 16) {
    char *last = out + size - 16;
    for (; out < last; out += 16, from += 16) warp_copy_pair(out, from);
    warp_copy_pair(last, (const char *)shared + size - 16);
    return;
  }
#endif
  size_t whole = size & ~(size_t)7;
  warp_copy_words(out, (const uint64_t *)shared, whole);
  if (size == whole) return;
  uint64_t word = __atomic_load_n((const uint64_t *)shared + whole / 8, __ATOMIC_RELAXED);
  __builtin_memcpy(out + whole, &word, size - whole);
}
