// SPDX-License-Identifier: Apache-2.0
// XXH3-64 of more than 16 bytes; see Hash.h.

#include "Hash.h"
#include "CLimit.h"

// The specification's default secret, as little-endian words.
static const uint64_t secret_words[24] = {
  0xBE4BA423396CFEB8, 0x1CAD21F72C81017C, 0xDB979083E96DD4DE, 0x1F67B3B7A4A44072, 0x78E5C0CC4EE679CB,
  0x2172FFCC7DD05A82, 0x8E2443F7744608B8, 0x4C263A81E69035E0, 0xCB00C391BB52283C, 0xA32E531B8B65D088,
  0x4EF90DA297486471, 0xD8ACDEA946EF1938, 0x3F349CE33F76FAA8, 0x1D4F0BC7C7BBDCF9, 0x3159B4CD4BE0518A,
  0x647378D9C97E9FC8, 0xC3EBD33483ACC5EA, 0xEB6313FAFFA081C5, 0x49DAF0B751DD0D17, 0x9E68D429265516D3,
  0xFCA1477D58BE162B, 0xCE31D07AD1B8F88F, 0x280416958F3ACB45, 0x7E404BBBCAFBD7AF};

#define SECRET_SIZE 192

static inline uint64_t mix16(const char *at, const char *secret, uint64_t seed) {
  return folded(word64(at) ^ (word64(secret) + seed), word64(at + 8) ^ (word64(secret + 8) - seed));
}

static uint64_t up_to_128(const char *at, size_t size, uint64_t seed) {
  const char *secret = (const char *)secret_words;
  uint64_t sum = size * PRIME64_1;
  size_t pairs = (size - 1) / 32 + 1;
  for (size_t pair = 0; pair < pairs; pair++) {
    sum += mix16(at + 16 * pair, secret + 32 * pair, seed);
    sum += mix16(at + size - 16 * (pair + 1), secret + 32 * pair + 16, seed);
  }
  return avalanche(sum);
}

static uint64_t up_to_240(const char *at, size_t size, uint64_t seed) {
  const char *secret = (const char *)secret_words;
  uint64_t sum = size * PRIME64_1;
  size_t rounds = size / 16;
  for (size_t round = 0; round < 8; round++) sum += mix16(at + 16 * round, secret + 16 * round, seed);
  sum = avalanche(sum);
  for (size_t round = 8; round < rounds; round++) sum += mix16(at + 16 * round, secret + 16 * (round - 8) + 3, seed);
  return avalanche(sum + mix16(at + size - 16, secret + 136 - 17, seed));
}

// Lanes of a stripe are processed without dependence on each other, so that the compiler makes vectors of them.
static inline void accumulate(uint64_t *restrict lanes, const char *restrict at, const char *restrict secret) {
  for (int lane = 0; lane < 8; lane++) {
    uint64_t input = word64(at + 8 * lane);
    uint64_t mixed = input ^ word64(secret + 8 * lane);
    lanes[lane ^ 1] += input;
    lanes[lane] += (mixed & 0xFFFFFFFF) * (mixed >> 32);
  }
}

static uint64_t over_240(const char *at, size_t size, uint64_t seed) {
  uint64_t derived[24];
  const char *secret = (const char *)secret_words;
  if (seed != 0) {
    for (int word = 0; word < 24; word += 2) {
      derived[word] = secret_words[word] + seed;
      derived[word + 1] = secret_words[word + 1] - seed;
    }
    secret = (const char *)derived;
  }
  uint64_t lanes[8] = {PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1};
  // A full last block stays for the end, so that something follows each scramble.
  size_t blocks = (size - 1) / 1024;
  for (size_t block = 0; block < blocks; block++) {
    for (int stripe = 0; stripe < 16; stripe++) accumulate(lanes, at + 1024 * block + 64 * stripe, secret + 8 * stripe);
    for (int lane = 0; lane < 8; lane++) {
      uint64_t key = word64(secret + SECRET_SIZE - 64 + 8 * lane);
      lanes[lane] = ((lanes[lane] ^ lanes[lane] >> 47) ^ key) * PRIME32_1;
    }
  }
  size_t stripes = (size - 1024 * blocks - 1) / 64;
  const char *rest = at + 1024 * blocks;
  for (size_t stripe = 0; stripe < stripes; stripe++) accumulate(lanes, rest + 64 * stripe, secret + 8 * stripe);
  accumulate(lanes, at + size - 64, secret + SECRET_SIZE - 71);
  uint64_t sum = size * PRIME64_1;
  for (int pair = 0; pair < 4; pair++) {
    sum += folded(
      lanes[2 * pair] ^ word64(secret + 11 + 16 * pair), lanes[2 * pair + 1] ^ word64(secret + 19 + 16 * pair));
  }
  return avalanche(sum);
}

uint64_t limit_hash_over16(const void *bytes, size_t size, uint64_t seed) {
  if (size <= 128) return up_to_128(bytes, size, seed);
  if (size <= 240) return up_to_240(bytes, size, seed);
  return over_240(bytes, size, seed);
}

uint64_t limit_hash(const void *bytes, size_t size, uint64_t seed) { return hash_of(bytes, size, seed); }
