// SPDX-License-Identifier: Apache-2.0
// SPEC.md 10.2; the steps' names are the same there.

#include <string.h>

#include "CLimit.h"
#include "Hash.h"
#include "Layout.h"

typedef struct found_entry {
  uint32_t slot;
  uint64_t deadline;
  uint64_t sizes;
  uint64_t rest;
} found_entry;

enum { PROBE_MATCH, PROBE_NONE, PROBE_FAILED };

// R3.5.
static inline int is_stable(const char *slot, uint64_t control) {
  fence_acquire();
  uint64_t now = load64(slot + SLOT_CONTROL);
  return now == control || ((control & 7) == STATE_COMMITTED && now == control + 1);
}

// R2 and R3; copies the value if there is room for it.
static inline __attribute__((always_inline)) int probe(
  const limit_store *store, const shard_place *shard, uint64_t hash, const void *key, size_t key_size, void *target,
  size_t room, found_entry *found
) {
  uint32_t used = load32(shard->control + CONTROL_USED);
  if (used > store->slots_per_shard) used = store->slots_per_shard;
  uint32_t fingerprint = (uint32_t)(hash >> 32);
  for (uint32_t step = 0; step < store->window; step++) {
    const char *bucket = bucket_at(store, shard, fingerprint + step);
    uint64_t word = acquire64(bucket);                                               // R2.1
    if (word == 0) return PROBE_NONE;
    uint32_t index = (uint32_t)word;
    if ((uint32_t)(word >> 32) != fingerprint || index == 0 || index > used) continue;  // R2.2
    const char *slot = slot_at(store, shard, index);
    uint64_t control = acquire64(slot + SLOT_CONTROL);                               // R3.1
    if ((control & 7) != STATE_LIVE) {                                               // R3.2
      if ((control & 7) != STATE_COMMITTED || acquire64(bucket) != word) return PROBE_FAILED;
    }
    uint64_t sizes = load64(slot + SLOT_SIZES);                                      // R3.3
    if (key_size_of(sizes) != key_size || key_size > store->max_key) continue;
    if (!equal_words(slot + SLOT_KEY, key, key_size)) continue;
    found->slot = index;
    found->sizes = sizes;
    found->deadline = load64(slot + SLOT_DEADLINE);
    found->rest = load64(slot + SLOT_REST);
    if (stored_size_of(sizes) > store->max_value || (uint32_t)found->rest > store->max_raw) {
      if (is_stable(slot, control)) continue;
      return PROBE_FAILED;
    }
    uint32_t size = stored_size_of(sizes);                                           // R3.4
    if (size <= room) memcpy(target, slot + SLOT_KEY + words_up(key_size), size);
    return is_stable(slot, control) ? PROBE_MATCH : PROBE_FAILED;
  }
  return PROBE_NONE;
}

// What is left to do after a first probe that ended like this: R3.6 and R4. Out of the way of a hit.
static inline __attribute__((always_inline)) long look_on(
  const limit_store *store, uint64_t hash, const void *key, size_t key_size, void *target, size_t room, int outcome,
  found_entry *found, int *retries
) {
  shard_place shard = shard_of(store, hash);
  int rounds = 0;
  int64_t since = 0;
  for (int attempt = 0; attempt < TRIES; attempt++) {
    *retries = attempt;
    if (attempt > 0) outcome = probe(store, &shard, hash, key, key_size, target, room, found);
    if (outcome == PROBE_NONE) {
      uint64_t sequence;
      while ((sequence = acquire64(shard.line + LINE_SEQUENCE)) & 1) {               // R4.1
        if (!limit_pause(&rounds, &since, READER_WAIT / 2)) goto owner_word;
      }
      outcome = probe(store, &shard, hash, key, key_size, target, room, found);      // R4.2
      fence_acquire();                                                               // R4.3
      if (outcome == PROBE_NONE && load64(shard.line + LINE_SEQUENCE) == sequence) {
        return store->has_lock ? LIMIT_MISS : LIMIT_BUSY;
      }
    }
    if (outcome == PROBE_MATCH) {
      if (found->deadline != 0 && limit_store_time(store) >= found->deadline) return LIMIT_MISS;  // R3.6
      return stored_size_of(found->sizes);
    }
  }
owner_word:                                                                          // R4.4
  if (store->owner == 0 || take_shard(store, &shard, READER_WAIT / 2) != 0) return LIMIT_BUSY;
  outcome = probe(store, &shard, hash, key, key_size, target, room, found);
  limit_give_shard(&shard);
  if (outcome != PROBE_MATCH) return LIMIT_MISS;
  return found->deadline != 0 && limit_store_time(store) >= found->deadline ? LIMIT_MISS : stored_size_of(found->sizes);
}

// Codec 0 with two sizes (WKV-E04).
static inline int is_corrupt(const found_entry *found) {
  return (found->rest >> 32 & 0xFF) == 0 && (uint32_t)found->rest != stored_size_of(found->sizes);
}

// R5.
static inline long count_hit(
  const limit_store *store, const shard_place *shard, uint32_t slot, size_t size, size_t room
) {
  char *visited = visited_at(shard, slot);
  if (load8(visited) == 0) store8(visited, 1);
  if (size > room) return LIMIT_SMALL;
  count_up(store, COUNT_HITS, 1);
  return (long)size;
}

static __attribute__((noinline)) long get_on(
  const limit_store *store, uint64_t hash, const void *key, size_t key_size, void *target, size_t room, int outcome,
  found_entry found
) {
  int retries = 0;
  long size = look_on(store, hash, key, key_size, target, room, outcome, &found, &retries);
  if (retries != 0) count_up(store, COUNT_RETRIES, (uint64_t)retries);
  if (size < 0) {
    count_up(store, size == LIMIT_MISS ? COUNT_MISSES : COUNT_BUSY, 1);
    return size;
  }
  if (is_corrupt(&found)) {
    count_up(store, COUNT_MISSES, 1);
    count_up(store, COUNT_CORRUPT, 1);
    return LIMIT_MISS;
  }
  shard_place shard = shard_of(store, hash);
  return count_hit(store, &shard, found.slot, (size_t)size, room);
}

// The first probe, and a hit of a raw value without a deadline, which needs no more than that.
long limit_get(const limit_store *store, const void *key, size_t key_size, void *target, size_t room) {
  if (load64(store->data + 4096) != 0) return LIMIT_SUPERSEDED;                      // R1
  uint64_t hash = hash_of(key, key_size, store->seed);
  shard_place shard = shard_of(store, hash);
  found_entry found = {0};
  int outcome = probe(store, &shard, hash, key, key_size, target, room, &found);
  if (outcome != PROBE_MATCH || found.deadline != 0 || found.rest != stored_size_of(found.sizes)) {
    return get_on(store, hash, key, key_size, target, room, outcome, found);
  }
  return count_hit(store, &shard, found.slot, stored_size_of(found.sizes), room);
}

int limit_codec(const limit_store *store, const void *key, size_t key_size, uint32_t *raw_size) {
  found_entry found = {0};
  int retries;
  // As after a probe that a writer disturbed.
  if (look_on(store, hash_of(key, key_size, store->seed), key, key_size, NULL, 0, PROBE_FAILED, &found, &retries) < 0) {
    return -1;
  }
  *raw_size = (uint32_t)found.rest;
  return (int)(found.rest >> 32 & 0xFF);
}

long limit_bare_get(const limit_store *store, const void *key, size_t key_size, void *target) {
  uint64_t hash = hash_of(key, key_size, store->seed);
  shard_place shard = shard_of(store, hash);
  uint32_t fingerprint = (uint32_t)(hash >> 32);
  for (uint32_t step = 0; step < store->window; step++) {
    uint64_t word = load64(bucket_at(store, &shard, fingerprint + step));
    if (word == 0) break;
    if ((uint32_t)(word >> 32) != fingerprint) continue;
    const char *slot = slot_at(store, &shard, (uint32_t)word);
    uint64_t sizes = load64(slot + SLOT_SIZES);
    if (key_size_of(sizes) != key_size || !equal_words(slot + SLOT_KEY, key, key_size)) continue;
    memcpy(target, slot + SLOT_KEY + words_up(key_size), stored_size_of(sizes));
    return stored_size_of(sizes);
  }
  return LIMIT_MISS;
}

void limit_copy(void *target, const void *source, size_t size) { memcpy(target, source, size); }
