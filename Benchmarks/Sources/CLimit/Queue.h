// SPDX-License-Identifier: Apache-2.0 What only a shard's owner does to its table, queue and slots: SPEC.md 7.4,
// 7.5, 8.2, 9.1, 9.3. All under the owner word.
#ifndef LIMIT_QUEUE_H
#define LIMIT_QUEUE_H

#include "CLimit.h"
#include "Layout.h"

// A bucket number that is none.
#define NO_BUCKET UINT32_MAX

static inline uint32_t control32(const shard_place *shard, int field) { return load32(shard->control + field); }
static inline void set_control32(const shard_place *shard, int field, uint32_t value) {
  store32(shard->control + field, value);
}
static inline uint64_t control64(const shard_place *shard, int field) { return load64(shard->control + field); }
static inline void set_control64(const shard_place *shard, int field, uint64_t value) {
  store64(shard->control + field, value);
}

static inline uint32_t meta32(const shard_place *shard, uint32_t slot, int field) {
  return load32(meta_at(shard, slot) + field);
}
static inline void set_meta32(const shard_place *shard, uint32_t slot, int field, uint32_t value) {
  store32(meta_at(shard, slot) + field, value);
}

// A slot index from the file, 0 if it is out of bounds: a damaged queue leads nowhere.
static inline uint32_t checked(const limit_store *store, uint32_t slot) {
  return slot <= store->slots_per_shard ? slot : 0;
}

static inline uint64_t entry_size(const limit_store *store, const shard_place *shard, uint32_t slot) {
  uint64_t sizes = load64(slot_at(store, shard, slot) + SLOT_SIZES);
  return (uint64_t)key_size_of(sizes) + stored_size_of(sizes);
}

static inline int is_expired(const limit_store *store, const shard_place *shard, uint32_t slot, uint64_t *now) {
  uint64_t deadline = load64(slot_at(store, shard, slot) + SLOT_DEADLINE);
  if (deadline == 0) return 0;
  if (*now == 0) *now = limit_store_time(store);
  return *now >= deadline;
}

// 9.1, Q1.
static inline void append(const limit_store *store, const shard_place *shard, uint32_t slot) {
  uint32_t newest = checked(store, control32(shard, CONTROL_NEWEST));
  set_meta32(shard, slot, META_NEWER, 0);
  set_meta32(shard, slot, META_OLDER, newest);
  if (newest != 0) set_meta32(shard, newest, META_NEWER, slot);
  else set_control32(shard, CONTROL_OLDEST, slot);
  set_control32(shard, CONTROL_NEWEST, slot);
}

// 9.1, Q2.
static inline void take_over(const limit_store *store, const shard_place *shard, uint32_t old, uint32_t slot) {
  uint32_t older = checked(store, meta32(shard, old, META_OLDER));
  uint32_t newer = checked(store, meta32(shard, old, META_NEWER));
  set_meta32(shard, slot, META_OLDER, older);
  set_meta32(shard, slot, META_NEWER, newer);
  if (older != 0) set_meta32(shard, older, META_NEWER, slot);
  else set_control32(shard, CONTROL_OLDEST, slot);
  if (newer != 0) set_meta32(shard, newer, META_OLDER, slot);
  else set_control32(shard, CONTROL_NEWEST, slot);
  if (control32(shard, CONTROL_HAND) == old) set_control32(shard, CONTROL_HAND, slot);
}

// 9.1, Q3.
static inline void take_out(const limit_store *store, const shard_place *shard, uint32_t slot) {
  uint32_t older = checked(store, meta32(shard, slot, META_OLDER));
  uint32_t newer = checked(store, meta32(shard, slot, META_NEWER));
  if (older != 0) set_meta32(shard, older, META_NEWER, newer);
  else set_control32(shard, CONTROL_OLDEST, newer);
  if (newer != 0) set_meta32(shard, newer, META_OLDER, older);
  else set_control32(shard, CONTROL_NEWEST, older);
  if (control32(shard, CONTROL_HAND) == slot) set_control32(shard, CONTROL_HAND, newer);
}

// W3.7: the same sequence, FREE; onto the free list.
static inline void free_slot(const limit_store *store, const shard_place *shard, uint32_t slot) {
  char *control = slot_at(store, shard, slot) + SLOT_CONTROL;
  release64(control, load64(control) & ~7ull);
  set_meta32(shard, slot, META_NEWER, control32(shard, CONTROL_FREE));
  set_control32(shard, CONTROL_FREE, slot);
}

// W3.1 and W3.2; W3.9.
static inline void begin_write(const shard_place *shard) {
  store64(shard->line + LINE_SEQUENCE, load64(shard->line + LINE_SEQUENCE) + 1);
  fence_release();
}
static inline void end_write(const shard_place *shard) {
  release64(shard->line + LINE_SEQUENCE, load64(shard->line + LINE_SEQUENCE) + 1);
}

// The bucket that names a slot, by its hash.
static inline uint32_t bucket_of(const limit_store *store, const shard_place *shard, uint32_t slot, uint64_t hash) {
  uint32_t fingerprint = (uint32_t)(hash >> 32);
  for (uint32_t step = 0; step < store->window; step++) {
    uint64_t word = load64(bucket_at(store, shard, fingerprint + step));
    if (word == 0) break;
    if ((uint32_t)word == slot) return (fingerprint + step) & store->bucket_mask;
  }
  return NO_BUCKET;
}

// 7.4: U1 to U4.
static inline void unlink_bucket(const limit_store *store, const shard_place *shard, uint32_t bucket) {
  uint32_t hole = bucket, next = bucket, mask = store->bucket_mask;
  for (uint32_t step = 0; step < mask; step++) {
    next = (next + 1) & mask;
    uint64_t word = load64(bucket_at(store, shard, next));
    if (word == 0) break;
    uint32_t home = (uint32_t)(word >> 32) & mask;
    if (((next - home) & mask) >= ((next - hole) & mask)) {
      release64(bucket_at(store, shard, hole), word);
      hole = next;
    }
  }
  release64(bucket_at(store, shard, hole), 0);
}

// 9.3: V1 to V4. 0: the queue gives none.
static inline uint32_t victim_of(const limit_store *store, const shard_place *shard, uint64_t *now) {
  uint32_t at = checked(store, control32(shard, CONTROL_HAND));
  if (at == 0) at = checked(store, control32(shard, CONTROL_OLDEST));
  uint64_t rounds = 2ull * control32(shard, CONTROL_COUNT) + 1;
  for (; at != 0 && rounds > 0; rounds--) {
    char *visited = visited_at(shard, at);
    if (load8(visited) == 0 || is_expired(store, shard, at, now)) break;
    store8(visited, 0);
    uint32_t newer = checked(store, meta32(shard, at, META_NEWER));
    at = newer != 0 ? newer : checked(store, control32(shard, CONTROL_OLDEST));
  }
  if (at != 0) set_control32(shard, CONTROL_HAND, at);
  return at;
}

// 7.5: who makes room in a full window; `*bucket` is the one that names it. 0: no entry there.
static inline uint32_t coldest_of(
  const limit_store *store, const shard_place *shard, uint32_t fingerprint, uint32_t *bucket
) {
  uint32_t best = 0;
  int best_visited = 1;
  uint64_t best_stamp = UINT64_MAX;
  for (uint32_t step = 0; step < store->window; step++) {
    uint32_t slot = (uint32_t)load64(bucket_at(store, shard, fingerprint + step));
    if (slot == 0 || slot > control32(shard, CONTROL_USED) || checked(store, slot) == 0) continue;
    if ((load64(slot_at(store, shard, slot) + SLOT_CONTROL) & 7) != STATE_LIVE) continue;
    int visited = load8(visited_at(shard, slot)) != 0;
    uint64_t stamp = load64(meta_at(shard, slot) + META_STAMP);
    if (best == 0 || visited < best_visited || (visited == best_visited && stamp < best_stamp)) {
      best = slot;
      best_visited = visited;
      best_stamp = stamp;
      *bucket = (fingerprint + step) & store->bucket_mask;
    }
  }
  return best;
}

// The first empty bucket of a hash's window.
static inline uint32_t empty_bucket(const limit_store *store, const shard_place *shard, uint32_t fingerprint) {
  for (uint32_t step = 0; step < store->window; step++) {
    uint32_t number = (fingerprint + step) & store->bucket_mask;
    if ((uint32_t)load64(bucket_at(store, shard, number)) == 0) return number;
  }
  return NO_BUCKET;
}

// 8.2, F2, with 8.3 for strides up to 16 KiB. 0: no space.
uint32_t limit_new_slot(const limit_store *store, shard_place shard);

// 8.2: F1, of whose slots all have their blocks, and F2.
static inline uint32_t take_slot(const limit_store *store, const shard_place *shard) {
  uint32_t head = checked(store, control32(shard, CONTROL_FREE));
  if (head == 0) return limit_new_slot(store, *shard);
  set_control32(shard, CONTROL_FREE, meta32(shard, head, META_NEWER));
  return head;
}

#endif
