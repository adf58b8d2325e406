// SPDX-License-Identifier: Apache-2.0
// The limit: a get and a set in C, step by step as SPEC.md describes them (10.2, 10.3), on the same files, so that a
// ratio to them compares like with like. Written from SPEC.md, without a line of the library.
//
// - It uses the registry entry, the counter stripe and, where it finds them, the very mappings of a handle that
//   this process has open; it is that handle's other pair of hands. The two must not be called at the same time.
// - It does what a benchmark meets and refuses the rest: it recovers no shard, follows no replacement, makes no
//   room on a full file system, ends no leases, and writes neither zstd frames nor stores without eviction nor
//   slots of over 16 KiB.
// - Beside it, for comparison only: a bare kernel that validates nothing, and memcpy.
#ifndef CLIMIT_H
#define CLIMIT_H

#include <stddef.h>
#include <stdint.h>

// What a get returns instead of a size.
enum {
  LIMIT_MISS = -1,
  LIMIT_BUSY = -2,
  LIMIT_SMALL = -3,
  LIMIT_SUPERSEDED = -4,
};

// What a set returns.
enum {
  LIMIT_INSERTED = 0,
  LIMIT_UPDATED = 1,
  LIMIT_REFUSED = -5,     // what this writer does not do
  LIMIT_NO_SPACE = -6,
  LIMIT_CORRUPT = -7,
};

// A store as a process's private numbers: the geometry is read and checked once.
typedef struct limit_store {
  char *data;
  char *lock;
  size_t data_size;
  size_t lock_size;
  int descriptor;  // of the data file, for the allocation of slots; -1 without write access
  int owns_data;   // whether the mappings are its own
  int has_lock;

  uint32_t shard_count;
  uint32_t slots_per_shard;
  uint32_t bucket_mask;
  uint32_t window;
  uint32_t slot_stride;
  uint32_t max_key;
  uint32_t max_value;
  uint32_t max_raw;
  uint32_t eviction;
  uint32_t compresses;
  uint64_t capacity;
  uint64_t shards_offset;
  uint64_t shard_stride;
  uint64_t buckets_offset;
  uint64_t metadata_offset;
  uint64_t slots_offset;
  uint64_t seed;
  uint64_t store_id[2];

  uint64_t lines_offset;
  uint64_t visited_offset;
  uint64_t visited_stride;

  uint64_t *stripe;
  uint64_t owner;       // this handle's owner word
  uint64_t clock_base;
  uint64_t fixed_now;   // not 0: the store time, whatever the clock says
} limit_store;

// Opens the store at a path on which this process has a read-write handle, or, if `alone`, a file that nobody has
// open (then for gets only). NULL, or what is wrong.
const char *limit_open(limit_store *store, const char *path, int alone);
void limit_close(limit_store *store);

// XXH3-64 (7.1).
uint64_t limit_hash(const void *bytes, size_t size, uint64_t seed);

// R1 to R5. The stored value's size, or one of the numbers above.
long limit_get(const limit_store *store, const void *key, size_t key_size, void *target, size_t room);

// The codec of the key's entry and its raw size, for those who compare with a dump; -1 if there is none. Counts
// nothing.
int limit_codec(const limit_store *store, const void *key, size_t key_size, uint32_t *raw_size);

// W1 to W3.11. `lifetime` in nanoseconds, 0: none.
int limit_put(
  const limit_store *store, const void *key, size_t key_size, const void *value, size_t size, uint64_t lifetime);

// The owner word of a shard, 0 if nobody holds it.
uint64_t limit_owner(const limit_store *store, uint32_t shard);

// Hash, bucket, compare, copy: no validation, no visited byte, no counter. Not a get of the format.
long limit_bare_get(const limit_store *store, const void *key, size_t key_size, void *target);

// An ordinary call of memcpy.
void limit_copy(void *target, const void *source, size_t size);

#endif
