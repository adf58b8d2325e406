// SPDX-License-Identifier: Apache-2.0 XXH3-64 from the public specification of xxHash 0.8 (SPEC.md 7.1). Keys of 1
// to 16 bytes are hashed where the call is; larger inputs are in Hash.c.
#ifndef LIMIT_HASH_H
#define LIMIT_HASH_H

#include <stddef.h>
#include <stdint.h>

#define PRIME32_1 0x9E3779B1ull
#define PRIME32_2 0x85EBCA77ull
#define PRIME32_3 0xC2B2AE3Dull
#define PRIME64_1 0x9E3779B185EBCA87ull
#define PRIME64_2 0xC2B2AE3D27D4EB4Full
#define PRIME64_3 0x165667B19E3779F9ull
#define PRIME64_4 0x85EBCA77C2B2AE63ull
#define PRIME64_5 0x27D4EB2F165667C5ull
#define PRIME_MX1 0x165667919E3779F9ull
#define PRIME_MX2 0x9FB21C651E98DF25ull

static inline uint64_t word32(const void *at) {
  uint32_t word;
  __builtin_memcpy(&word, at, 4);
  return word;
}

static inline uint64_t word64(const void *at) {
  uint64_t word;
  __builtin_memcpy(&word, at, 8);
  return word;
}

static inline uint64_t rotate(uint64_t value, int count) { return value << count | value >> (64 - count); }

static inline uint64_t folded(uint64_t left, uint64_t right) {
  unsigned __int128 product = (unsigned __int128)left * right;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t avalanche(uint64_t value) {
  value = (value ^ value >> 37) * PRIME_MX1;
  return value ^ value >> 32;
}

static inline uint64_t avalanche64(uint64_t value) {
  value = (value ^ value >> 33) * PRIME64_2;
  value = (value ^ value >> 29) * PRIME64_3;
  return value ^ value >> 32;
}

uint64_t limit_hash_over16(const void *bytes, size_t size, uint64_t seed);

// The constants are the exclusive ors of the secret's words that the specification names for each size.
static inline __attribute__((always_inline)) uint64_t hash_of(const void *bytes, size_t size, uint64_t seed) {
  const unsigned char *at = bytes;
  if (size > 16) return limit_hash_over16(bytes, size, seed);
  if (size > 8) {
    uint64_t low = (0x6782737BEA4239B9ull + seed) ^ word64(at);
    uint64_t high = (0xAF56BC3B0996523Aull - seed) ^ word64(at + size - 8);
    return avalanche(size + __builtin_bswap64(low) + high + folded(low, high));
  }
  if (size >= 4) {
    uint64_t spread = seed ^ (uint64_t)__builtin_bswap32((uint32_t)seed) << 32;
    uint64_t value = (0xC73AB174C5ECD5A2ull - spread) ^ (word32(at + size - 4) | word32(at) << 32);
    value ^= rotate(value, 49) ^ rotate(value, 24);
    value *= PRIME_MX2;
    value ^= (value >> 35) + size;
    value *= PRIME_MX2;
    return value ^ value >> 28;
  }
  if (size > 0) {
    uint64_t mixed = at[size - 1] | (uint64_t)size << 8 | (uint64_t)at[0] << 16 | (uint64_t)at[size >> 1] << 24;
    return avalanche64((0x87275A9Bull + seed) ^ mixed);
  }
  return avalanche64(seed ^ 0x8726F9105DC21DDCull);
}

#endif
