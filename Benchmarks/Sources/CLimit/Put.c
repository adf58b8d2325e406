// SPDX-License-Identifier: Apache-2.0
// SPEC.md 10.3; the steps' names are the same there.
//
// Up to W2.7 anything may fail and leaves the old value; between W3.1 and W3.9 nothing does.

#include <string.h>

#include "CLimit.h"
#include "Hash.h"
#include "Layout.h"
#include "Queue.h"

// What W1.1 prepares, and what the set did.
typedef struct pending {
  const void *key;
  const void *value;
  uint32_t key_size;
  uint32_t size;
  uint64_t hash;
  uint64_t digest;
  uint64_t written;
  uint64_t deadline;
} pending;

typedef struct changes {
  int replaced;
  int evictions;
  int expirations;
} changes;

// W1.6: the key's slot, 0 if none, and its bucket.
static inline uint32_t find(
  const limit_store *store, const shard_place *shard, const pending *entry, uint32_t *bucket
) {
  uint32_t fingerprint = (uint32_t)(entry->hash >> 32);
  uint32_t used = control32(shard, CONTROL_USED);
  if (used > store->slots_per_shard) used = store->slots_per_shard;
  for (uint32_t step = 0; step < store->window; step++) {
    uint64_t word = load64(bucket_at(store, shard, fingerprint + step));
    if (word == 0) return 0;
    uint32_t slot = (uint32_t)word;
    if ((uint32_t)(word >> 32) != fingerprint || slot == 0 || slot > used) continue;
    const char *place = slot_at(store, shard, slot);
    if ((load64(place + SLOT_CONTROL) & 7) != STATE_LIVE) continue;
    if (key_size_of(load64(place + SLOT_SIZES)) != entry->key_size) continue;
    if (!equal_words(place + SLOT_KEY, entry->key, entry->key_size)) continue;
    *bucket = (fingerprint + step) & store->bucket_mask;
    return slot;
  }
  return 0;
}

// 8.5.
static inline uint64_t checksum(
  const limit_store *store, const shard_place *shard, uint32_t slot, const pending *entry, uint64_t stamp,
  uint64_t revision
) {
  uint64_t record[12] = {
    store->store_id[0], store->store_id[1], shard->index | (uint64_t)slot << 32, entry->hash, entry->deadline,
    entry->key_size | (uint64_t)entry->size << 32, entry->size, stamp, revision, entry->written, 0, entry->digest};
  return limit_hash_over16(record, sizeof record, 0);
}

// Zeros up to the next multiple of 8: behind a key they are required (W2.5), behind a value they are free (16).
static inline void copy_in(char *to, const void *from, size_t size) {
  size_t whole = size & ~(size_t)7;
  memcpy(to, from, whole);
  if (size == whole) return;
  uint64_t word = 0;
  memcpy(&word, (const char *)from + whole, size - whole);
  store64(to + whole, word);
}

// W2.2 to W2.7.
static inline void fill(
  const limit_store *store, const shard_place *shard, uint32_t slot, uint32_t old, const pending *entry
) {
  uint64_t revision = control64(shard, CONTROL_WRITES) + 1;
  set_control64(shard, CONTROL_WRITES, revision);
  uint64_t stamp;
  if (old != 0) {
    stamp = load64(meta_at(shard, old) + META_STAMP);
  } else {
    stamp = control64(shard, CONTROL_STAMP) + 1;
    set_control64(shard, CONTROL_STAMP, stamp);
  }
  if (entry->deadline != 0 && control32(shard, CONTROL_SWEEP) == 0) set_control32(shard, CONTROL_SWEEP, 1);
  char *place = slot_at(store, shard, slot);
  uint64_t writing = (load64(place + SLOT_CONTROL) & ~7ull) + 8 + STATE_WRITING;
  store64(place + SLOT_CONTROL, writing);                                            // W2.3
  fence_release();                                                                   // W2.4
  store64(place + SLOT_DEADLINE, entry->deadline);                                   // W2.5
  store64(place + SLOT_SIZES, entry->key_size | (uint64_t)entry->size << 32);
  store64(place + SLOT_REST, entry->size);
  copy_in(place + SLOT_KEY, entry->key, entry->key_size);
  copy_in(place + SLOT_KEY + words_up(entry->key_size), entry->value, entry->size);
  char *meta = meta_at(shard, slot);                                                 // W2.6
  store64(meta + META_CHECKSUM, checksum(store, shard, slot, entry, stamp, revision));
  store64(meta + META_STAMP, stamp);
  store64(meta + META_REVISION, revision);
  store64(meta + META_WRITTEN, entry->written);
  store64(meta + META_FRESH, 0);
  store64(meta + META_HASH, entry->hash);
  release64(place + SLOT_CONTROL, writing - STATE_WRITING + STATE_COMMITTED);        // W2.7
}

static inline void make_live(const limit_store *store, const shard_place *shard, uint32_t slot) {
  char *control = slot_at(store, shard, slot) + SLOT_CONTROL;                        // W3.6
  release64(control, (load64(control) & ~7ull) | STATE_LIVE);
}

static inline uint64_t bucket_word(const pending *entry, uint32_t slot) { return (entry->hash >> 32) << 32 | slot; }

// W3 with an old slot.
static inline void swing(
  const limit_store *store, const shard_place *shard, uint32_t bucket, uint32_t old, uint32_t slot, const pending *entry
) {
  uint64_t bytes = control64(shard, CONTROL_BYTES) + entry->key_size + entry->size - entry_size(store, shard, old);
  begin_write(shard);
  store8(visited_at(shard, slot), 1);                                                // W3.3
  release64(bucket_at(store, shard, bucket), bucket_word(entry, slot));
  take_over(store, shard, old, slot);
  make_live(store, shard, slot);
  free_slot(store, shard, old);                                                      // W3.7
  set_control64(shard, CONTROL_BYTES, bytes);                                        // W3.8
  end_write(shard);
}

// Within a write section: an entry leaves table and queue.
static inline void drop(const limit_store *store, const shard_place *shard, uint32_t bucket, uint32_t slot) {
  unlink_bucket(store, shard, bucket);
  take_out(store, shard, slot);
  free_slot(store, shard, slot);
}

static inline void tally(
  const limit_store *store, const shard_place *shard, uint32_t slot, uint64_t *now, changes *did
) {
  if (is_expired(store, shard, slot, now)) did->expirations++;
  else did->evictions++;
}

// W2.8 and W3 for a new key.
static inline int link_new(
  const limit_store *store, const shard_place *shard, uint32_t slot, const pending *entry, uint64_t *now, changes *did
) {
  uint32_t fingerprint = (uint32_t)(entry->hash >> 32);
  uint32_t count = control32(shard, CONTROL_COUNT);
  uint32_t bucket = empty_bucket(store, shard, fingerprint);
  uint64_t most = store->capacity / store->shard_count + (shard->index < store->capacity % store->shard_count);
  uint64_t bytes = control64(shard, CONTROL_BYTES) + entry->key_size + entry->size;
  uint32_t leaver = 0, leaver_bucket = NO_BUCKET;
  if (bucket == NO_BUCKET) {
    leaver = coldest_of(store, shard, fingerprint, &leaver_bucket);
    if (leaver == 0) return LIMIT_CORRUPT;
  } else if (count >= most) {
    leaver = victim_of(store, shard, now);
    if (leaver == 0) return LIMIT_CORRUPT;
    leaver_bucket = bucket_of(store, shard, leaver, load64(meta_at(shard, leaver) + META_HASH));
    if (leaver_bucket == NO_BUCKET) return LIMIT_CORRUPT;
  }
  if (leaver != 0) {
    tally(store, shard, leaver, now, did);
    bytes -= entry_size(store, shard, leaver);
  }
  begin_write(shard);
  if (leaver != 0 && bucket != NO_BUCKET) {                                          // W3.4
    drop(store, shard, leaver_bucket, leaver);
    bucket = empty_bucket(store, shard, fingerprint);
  }
  store8(visited_at(shard, slot), 0);                                                // W3.5
  if (bucket == NO_BUCKET) {
    release64(bucket_at(store, shard, leaver_bucket), bucket_word(entry, slot));
    take_out(store, shard, leaver);
    append(store, shard, slot);
    make_live(store, shard, slot);
    free_slot(store, shard, leaver);
  } else {
    release64(bucket_at(store, shard, bucket), bucket_word(entry, slot));
    append(store, shard, slot);
    make_live(store, shard, slot);
  }
  set_control32(shard, CONTROL_COUNT, count + (leaver == 0));                        // W3.8
  set_control64(shard, CONTROL_BYTES, bytes);
  end_write(shard);
  return 0;
}

// W5.
static void sweep(const limit_store *store, const shard_place *shard, uint64_t *now, changes *did) {
  uint32_t at = control32(shard, CONTROL_SWEEP);
  uint32_t used = control32(shard, CONTROL_USED);
  for (uint32_t step = 0; step < SWEEP_SLOTS && step < used; step++) {
    if (at > used) at = 1;
    if ((load64(slot_at(store, shard, at) + SLOT_CONTROL) & 7) == STATE_LIVE && is_expired(store, shard, at, now)) {
      uint32_t bucket = bucket_of(store, shard, at, load64(meta_at(shard, at) + META_HASH));
      if (bucket != NO_BUCKET) {
        uint64_t bytes = control64(shard, CONTROL_BYTES) - entry_size(store, shard, at);
        begin_write(shard);
        drop(store, shard, bucket, at);
        set_control32(shard, CONTROL_COUNT, control32(shard, CONTROL_COUNT) - 1);
        set_control64(shard, CONTROL_BYTES, bytes);
        end_write(shard);
        did->expirations++;
      }
    }
    at++;
  }
  set_control32(shard, CONTROL_SWEEP, at > used ? 1 : at);
}

// W1.6 to W5, under the owner word.
static int put_owned(const limit_store *store, const shard_place *shard, const pending *entry, changes *did) {
  uint32_t bucket = NO_BUCKET;
  uint32_t old = find(store, shard, entry, &bucket);
  uint32_t slot = take_slot(store, shard);                                           // W2.1
  if (slot == 0) return LIMIT_NO_SPACE;
  fill(store, shard, slot, old, entry);
  uint64_t now = 0;
  if (old != 0) {
    if (is_expired(store, shard, old, &now)) did->expirations++;
    else did->replaced = 1;
    swing(store, shard, bucket, old, slot, entry);
    return LIMIT_UPDATED;
  }
  int trouble = link_new(store, shard, slot, entry, &now, did);
  if (trouble != 0) {
    free_slot(store, shard, slot);
    return trouble;
  }
  if (control32(shard, CONTROL_SWEEP) != 0) sweep(store, shard, &now, did);
  return LIMIT_INSERTED;
}

int limit_put(
  const limit_store *store, const void *key, size_t key_size, const void *value, size_t size, uint64_t lifetime
) {
  if (store->owner == 0 || store->descriptor < 0 || store->slot_stride > 16384 || store->eviction != 1 ||
      key_size > store->max_key || size > store->max_value) return LIMIT_REFUSED;
  pending entry = {                                                                  // W1.1
    .key = key, .value = value, .key_size = (uint32_t)key_size, .size = (uint32_t)size,
    .hash = hash_of(key, key_size, store->seed), .digest = hash_of(value, size, 0), .written = limit_store_time(store)};
  if (lifetime != 0) {
    entry.deadline = entry.written + lifetime;
    if (entry.deadline < entry.written) entry.deadline = UINT64_MAX;
  }
  shard_place shard = shard_of(store, entry.hash);
  int trouble = take_shard(store, &shard, WRITER_WAIT);                              // W1.2 to W1.4
  if (trouble != 0) return trouble;
  if (acquire64(store->data + 4096) != 0) {                                          // W1.5
    limit_give_shard(&shard);
    return LIMIT_SUPERSEDED;
  }
  if (load64(shard.line + LINE_LEASES) != 0) {                                       // 23.8: nobody claims any here
    limit_give_shard(&shard);
    return LIMIT_REFUSED;
  }
  changes did = {0};
  int result = put_owned(store, &shard, &entry, &did);
  limit_give_shard(&shard);                                                          // W3.10
  if (result < 0) return result;
  count_up(store, did.replaced ? COUNT_UPDATES : COUNT_INSERTIONS, 1);               // W3.11
  if (did.evictions != 0) count_up(store, COUNT_EVICTIONS, did.evictions);
  if (did.expirations != 0) count_up(store, COUNT_EXPIRATIONS, did.expirations);
  return result;
}
