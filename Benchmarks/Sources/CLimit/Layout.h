// SPDX-License-Identifier: Apache-2.0
// Where things are in the two files (SPEC.md, chapter 5), and the accesses of 10.6.
#ifndef LIMIT_LAYOUT_H
#define LIMIT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "CLimit.h"

enum { STATE_FREE = 0, STATE_WRITING = 1, STATE_COMMITTED = 2, STATE_LIVE = 3 };

// 5.3, from the start of a shard.
enum {
  CONTROL_USED = 0, CONTROL_BACKED = 4, CONTROL_COUNT = 64, CONTROL_FREE = 68, CONTROL_OLDEST = 72,
  CONTROL_NEWEST = 76, CONTROL_HAND = 80, CONTROL_SWEEP = 84, CONTROL_WRITES = 88, CONTROL_STAMP = 96,
  CONTROL_BYTES = 104,
};

// 5.5, from the start of a slot's metadata.
enum {
  META_CHECKSUM = 0, META_STAMP = 8, META_REVISION = 16, META_WRITTEN = 24, META_FRESH = 32, META_HASH = 40,
  META_NEWER = 48, META_OLDER = 52,
};

// 5.6, from the start of a slot.
enum { SLOT_CONTROL = 0, SLOT_DEADLINE = 8, SLOT_SIZES = 16, SLOT_REST = 24, SLOT_KEY = 32 };

// 5.7, from the start of a shard's line.
enum { LINE_SEQUENCE = 0, LINE_OWNER = 128, LINE_LEASES = 144 };

// Words of a counter stripe.
enum {
  COUNT_HITS = 0, COUNT_MISSES = 1, COUNT_BUSY = 2, COUNT_INSERTIONS = 3, COUNT_UPDATES = 4, COUNT_EVICTIONS = 5,
  COUNT_EXPIRATIONS = 6, COUNT_CORRUPT = 9, COUNT_RETRIES = 10,
};

enum { TRIES = 64, SWEEP_SLOTS = 4 };
#define READER_WAIT 5000000
#define WRITER_WAIT 1000000000
#define PROBE_LIMIT 128

static inline uint64_t load64(const void *at) { return __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED); }
static inline uint64_t acquire64(const void *at) { return __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE); }
static inline void store64(void *at, uint64_t value) { __atomic_store_n((uint64_t *)at, value, __ATOMIC_RELAXED); }
static inline void release64(void *at, uint64_t value) { __atomic_store_n((uint64_t *)at, value, __ATOMIC_RELEASE); }
static inline uint32_t load32(const void *at) { return __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED); }
static inline void store32(void *at, uint32_t value) { __atomic_store_n((uint32_t *)at, value, __ATOMIC_RELAXED); }
static inline void release32(void *at, uint32_t value) { __atomic_store_n((uint32_t *)at, value, __ATOMIC_RELEASE); }
static inline uint8_t load8(const void *at) { return __atomic_load_n((const uint8_t *)at, __ATOMIC_RELAXED); }
static inline void store8(void *at, uint8_t value) { __atomic_store_n((uint8_t *)at, value, __ATOMIC_RELAXED); }
static inline void fence_acquire(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
static inline void fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }

static inline size_t words_up(size_t size) { return (size + 7) & ~(size_t)7; }

// The addresses of one shard.
typedef struct shard_place {
  uint32_t index;
  char *control;
  char *buckets;
  char *metadata;
  char *slots;
  char *line;
  char *visited;
} shard_place;

static inline shard_place shard_of(const limit_store *store, uint64_t hash) {
  uint32_t index = (uint32_t)hash & (store->shard_count - 1);
  char *control = store->data + store->shards_offset + index * store->shard_stride;
  return (shard_place){
    .index = index, .control = control, .buckets = control + store->buckets_offset,
    .metadata = control + store->metadata_offset, .slots = control + store->slots_offset,
    .line = store->lock + store->lines_offset + index * 256ull,
    .visited = store->lock + store->visited_offset + index * store->visited_stride};
}

static inline char *bucket_at(const limit_store *store, const shard_place *shard, uint32_t number) {
  return shard->buckets + (uint64_t)(number & store->bucket_mask) * 8;
}
static inline char *slot_at(const limit_store *store, const shard_place *shard, uint32_t slot) {
  return shard->slots + (uint64_t)(slot - 1) * store->slot_stride;
}
static inline char *meta_at(const shard_place *shard, uint32_t slot) {
  return shard->metadata + (uint64_t)(slot - 1) * 64;
}
static inline char *visited_at(const shard_place *shard, uint32_t slot) { return shard->visited + (slot - 1); }

// The two sizes of a slot, which are one word.
static inline uint32_t key_size_of(uint64_t sizes) { return (uint32_t)sizes; }
static inline uint32_t stored_size_of(uint64_t sizes) { return (uint32_t)(sizes >> 32); }

static inline void count_up(const limit_store *store, int counter, uint64_t by) {
  __atomic_fetch_add(&store->stripe[counter], by, __ATOMIC_RELAXED);
}

// 1 if the shared bytes, which end with zeros in their last word, are the key's. By words; both may be read at once.
static inline int equal_words(const char *shared, const void *key, size_t size) {
  const char *bytes = key;
  while (size >= 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    if (load64(shared) != word) return 0;
    shared += 8;
    bytes += 8;
    size -= 8;
  }
  if (size == 0) return 1;
  uint64_t word = 0;
  __builtin_memcpy(&word, bytes, size);
  return load64(shared) == word;
}

uint64_t limit_store_time(const limit_store *store);

// W1.2 to W1.4 and W3.10; 0, or what went wrong. The place is passed as it is, so that callers keep theirs in registers.
int limit_wait_for_shard(const limit_store *store, shard_place shard, int64_t patience);

static inline int try_to_own(const limit_store *store, const shard_place *shard) {
  uint64_t *owner = (uint64_t *)(shard->line + LINE_OWNER);
  uint64_t none = 0;
  return load64(owner) == 0 &&                                                       // W1.2, W1.3
         __atomic_compare_exchange_n(owner, &none, store->owner, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline int take_shard(const limit_store *store, const shard_place *shard, int64_t patience) {
  if (try_to_own(store, shard) && (load64(shard->line + LINE_SEQUENCE) & 1) == 0) return 0;  // W1.4
  return limit_wait_for_shard(store, *shard, patience);
}

static inline void limit_give_shard(const shard_place *shard) { release64(shard->line + LINE_OWNER, 0); }

// Pauses once in a wait that began at `*since` (0: begins now); 0 if it has been longer than the limit.
int limit_pause(int *rounds, int64_t *since, int64_t limit);

#endif
