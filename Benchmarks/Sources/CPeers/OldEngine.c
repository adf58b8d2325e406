// SPDX-License-Identifier: Apache-2.0 The predecessor's shared engine, rebuilt from what its source shows of its
// costs. It keeps the design and leaves out what a hit does not meet: eviction, locks of writers, expiry.

#include <stdlib.h>
#include <string.h>

#include "CPeers.h"

// The first line is loaded by every reader for the geometry and written by every hit for the counter.
struct old_engine {
  uint64_t capacity;
  uint64_t bucket_mask;
  uint32_t key_room;
  uint32_t value_room;
  uint32_t stride;
  uint32_t used;
  uint64_t hits;
  uint64_t misses;
  uint64_t reserved[2];
  uint64_t sequence;
  uint64_t line[7];
};

typedef struct old_bucket {
  uint64_t hash;
  uint64_t slot;  // 1-based, 0: empty
} old_bucket;

typedef struct old_slot {
  uint64_t hash;
  uint32_t key_size;
  uint32_t value_size;
  uint32_t visited;
  uint32_t links[3];
  uint64_t times[4];
} old_slot;

_Static_assert(
  sizeof(old_engine) == 128 && sizeof(old_bucket) == 16 && sizeof(old_slot) == 64, "sizes of the original");

static uint64_t buckets_for(uint64_t capacity) {
  uint64_t count = 8;
  while (count < 2 * capacity) count *= 2;
  return count;
}

static uint32_t stride_for(uint32_t key_size, uint32_t value_size) {
  return (uint32_t)(sizeof(old_slot) + ((key_size + 7) & ~7u) + ((value_size + 7) & ~7u));
}

size_t old_engine_size(uint64_t capacity, uint32_t key_size, uint32_t value_size) {
  return sizeof(old_engine) + buckets_for(capacity) * sizeof(old_bucket) + capacity * stride_for(key_size, value_size);
}

void old_engine_make(old_engine *engine, uint64_t capacity, uint32_t key_size, uint32_t value_size) {
  memset(engine, 0, sizeof *engine);
  engine->capacity = capacity;
  engine->bucket_mask = buckets_for(capacity) - 1;
  engine->key_room = key_size;
  engine->value_room = value_size;
  engine->stride = stride_for(key_size, value_size);
}

static inline old_bucket *bucket_at(old_engine *engine, uint64_t number) {
  return (old_bucket *)(engine + 1) + (number & engine->bucket_mask);
}

static inline old_slot *slot_at(old_engine *engine, uint64_t number) {
  char *slots = (char *)(engine + 1) + (engine->bucket_mask + 1) * sizeof(old_bucket);
  return (old_slot *)(slots + (number - 1) * engine->stride);
}

// FNV-like in words: about as fast as the original's.
static inline uint64_t hash_of(const void *key, size_t size) {
  uint64_t hash = 0x9E3779B97F4A7C15ull ^ size;
  const char *at = key;
  for (; size >= 8; size -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    hash = (hash ^ word) * 0x9FB21C651E98DF25ull;
    hash ^= hash >> 32;
  }
  uint64_t word = 0;
  memcpy(&word, at, size);
  hash = (hash ^ word) * 0x9FB21C651E98DF25ull;
  return hash ^ hash >> 29;
}

int old_engine_put(old_engine *engine, const void *key, size_t key_size, const void *value, size_t size) {
  if (key_size > engine->key_room || size > engine->value_room || engine->used == engine->capacity) return -1;
  uint64_t hash = hash_of(key, key_size);
  uint64_t number = hash;
  while (bucket_at(engine, number)->slot != 0) number++;
  old_slot *slot = slot_at(engine, ++engine->used);
  slot->hash = hash;
  slot->key_size = (uint32_t)key_size;
  slot->value_size = (uint32_t)size;
  memcpy(slot + 1, key, key_size);
  memcpy((char *)(slot + 1) + ((engine->key_room + 7) & ~7u), value, size);
  *bucket_at(engine, number) = (old_bucket){hash, engine->used};
  return 0;
}

__attribute__((noinline))
void *old_engine_get(old_engine *engine, const void *key, size_t key_size, size_t *size) {
  uint64_t hash = hash_of(key, key_size);
  for (int attempt = 0; attempt < 64; attempt++) {
    uint64_t sequence = __atomic_load_n(&engine->sequence, __ATOMIC_ACQUIRE);
    if (sequence & 1) continue;
    old_slot *found = NULL;
    for (uint64_t step = 0; step <= engine->bucket_mask; step++) {
      old_bucket *bucket = bucket_at(engine, hash + step);
      uint64_t number = __atomic_load_n(&bucket->slot, __ATOMIC_RELAXED);
      if (number == 0) break;
      if (bucket->hash != hash || number > engine->capacity) continue;
      old_slot *slot = slot_at(engine, number);
      if (slot->key_size != key_size || memcmp(slot + 1, key, key_size) != 0) continue;
      found = slot;
      break;
    }
    void *copy = NULL;
    if (found != NULL) {
      *size = found->value_size <= engine->value_room ? found->value_size : engine->value_room;
      copy = malloc(*size);
      if (copy == NULL) return NULL;
      memcpy(copy, (char *)(found + 1) + ((engine->key_room + 7) & ~7u), *size);
      __atomic_store_n(&found->visited, 1, __ATOMIC_RELAXED);
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&engine->sequence, __ATOMIC_RELAXED) != sequence) {
      free(copy);
      continue;
    }
    __atomic_fetch_add(found != NULL ? &engine->hits : &engine->misses, 1, __ATOMIC_RELAXED);
    return copy;
  }
  return NULL;
}

uint64_t old_engine_sum(old_engine *engine, const void *keys, size_t key_size, size_t stride, size_t count) {
  uint64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    size_t size = 0;
    void *value = old_engine_get(engine, (const char *)keys + index * stride, key_size, &size);
    if (value == NULL) continue;
    uint64_t word = 0;
    memcpy(&word, value, size < 8 ? size : 8);
    sum += word + size;
    free(value);
  }
  return sum;
}
