// SPDX-License-Identifier: Apache-2.0
// Opening: the geometry, the mappings, and whose hands this is; the clock, the owner word, the slots' blocks.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "CLimit.h"
#include "Hash.h"
#include "Layout.h"
#include "Queue.h"

static int64_t boot_time(void) {
  struct timespec now;
#if defined(CLOCK_BOOTTIME)
  clock_gettime(CLOCK_BOOTTIME, &now);
#else
  clock_gettime(CLOCK_MONOTONIC, &now);
#endif
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t limit_store_time(const limit_store *store) {
  if (store->fixed_now != 0) return store->fixed_now;
  return (uint64_t)boot_time() + store->clock_base;
}

int limit_pause(int *rounds, int64_t *since, int64_t limit) {
  if (++*rounds <= 100) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    return 1;
  }
  int64_t now = boot_time();
  if (*since == 0) *since = now;
  if (now - *since >= limit) return 0;
  sched_yield();
  return 1;
}

int limit_wait_for_shard(const limit_store *store, shard_place shard, int64_t patience) {
  int rounds = 0;
  int64_t since = 0;
  while (load64(shard.line + LINE_OWNER) != store->owner && !try_to_own(store, &shard)) {
    if (!limit_pause(&rounds, &since, patience)) return LIMIT_BUSY;
  }
  if ((load64(shard.line + LINE_SEQUENCE) & 1) == 0) return 0;                       // W1.4
  // Whoever has the word must recover such a shard; this writer can't, and leaves it as it found it.
  limit_give_shard(&shard);
  return LIMIT_REFUSED;
}

uint64_t limit_owner(const limit_store *store, uint32_t shard) {
  return load64(store->lock + store->lines_offset + 256ull * (shard & (store->shard_count - 1)) + LINE_OWNER);
}

// A1 to A4 of 8.3.
static int back_slot(const limit_store *store, const shard_place *shard, uint32_t slot) {
#if defined(__linux__)
  uint64_t backed = control32(shard, CONTROL_BACKED), stride = store->slot_stride;
  if (slot <= backed) return 1;
  uint64_t start = backed * stride, end = store->slots_per_shard * stride;
  uint64_t size = slot * stride - start > 65536 ? slot * stride - start : 65536;
  off_t base = (off_t)(shard->slots - store->data);
  if (fallocate(store->descriptor, 0, base + (off_t)start, (off_t)(size < end - start ? size : end - start)) == 0) {
    uint64_t reached = (start + size) / stride;
    set_control32(shard, CONTROL_BACKED, reached < store->slots_per_shard ? (uint32_t)reached : store->slots_per_shard);
    return 1;
  }
  if (fallocate(store->descriptor, 0, base + (off_t)start, (off_t)(slot * stride - start)) != 0) return 0;
  set_control32(shard, CONTROL_BACKED, slot);
  return 1;
#else
  return slot <= control32(shard, CONTROL_BACKED);
#endif
}

uint32_t limit_new_slot(const limit_store *store, shard_place shard) {
  uint32_t slot = control32(&shard, CONTROL_USED) + 1;
  if (slot > store->slots_per_shard || !back_slot(store, &shard, slot)) return 0;
  release32(shard.control + CONTROL_USED, slot);
  fence_release();
  return slot;
}

// --- opening ------------------------------------------------------------------------------------------------------

// The mapping of a file that this process has already, by device and inode; NULL if there is none.
static char *existing_mapping(const struct stat *file, size_t *size) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (maps == NULL) return NULL;
  char line[4600];
  char *found = NULL;
  while (found == NULL && fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end, offset, inode;
    unsigned major, minor;
    char access[5];
    if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu", &start, &end, access, &offset, &major, &minor, &inode) != 7) continue;
    if (inode != file->st_ino || offset != 0 || access[1] != 'w' || access[3] != 's') continue;
    if (end - start < (size_t)file->st_size) continue;
    found = (char *)start;
    *size = end - start;
  }
  fclose(maps);
  return found;
}

static char *map_file(int descriptor, const struct stat *file, int writable) {
  int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  char *base = mmap(NULL, (size_t)file->st_size, access, MAP_SHARED, descriptor, 0);
  return base == MAP_FAILED ? NULL : base;
}

static uint32_t header32(const limit_store *store, int at) { return load32(store->data + at); }
static uint64_t header64(const limit_store *store, int at) { return load64(store->data + at); }

// 5.1, and of chapter 14 what keeps the arithmetic within the file.
static const char *read_header(limit_store *store) {
  static const unsigned char magic[8] = {0x89, 'W', 'K', 'V', '\r', '\n', 0x1a, '\n'};
  if (memcmp(store->data, magic, 8) != 0) return "no store";
  if (limit_hash(store->data, 4088, 0) != header64(store, 4088)) return "the header's checksum is wrong";
  store->compresses = header64(store, 16) & 1;
  store->store_id[0] = header64(store, 40);
  store->store_id[1] = header64(store, 48);
  store->capacity = header64(store, 64);
  store->shard_count = header32(store, 72);
  store->slots_per_shard = header32(store, 76);
  store->bucket_mask = header32(store, 80) - 1;
  store->slot_stride = header32(store, 84);
  store->max_key = header32(store, 88);
  store->max_value = header32(store, 92);
  store->max_raw = header32(store, 96);
  store->window = store->bucket_mask + 1 < PROBE_LIMIT ? store->bucket_mask + 1 : PROBE_LIMIT;
  store->shards_offset = header64(store, 112);
  store->shard_stride = header64(store, 120);
  store->buckets_offset = header64(store, 128);
  store->metadata_offset = header64(store, 136);
  store->slots_offset = header64(store, 144);
  store->seed = header64(store, 160);
  store->eviction = header32(store, 168);
  if (store->shard_count == 0 || (store->bucket_mask & (store->bucket_mask + 1)) != 0 ||
      store->shards_offset + store->shard_count * store->shard_stride != store->data_size ||
      store->slots_offset + (uint64_t)store->slots_per_shard * store->slot_stride > store->shard_stride ||
      words_up(store->max_key) + store->max_value + 32 > store->slot_stride) return "the geometry is wrong";
  // 5.2: the current Clock record.
  int b_is_current = header64(store, 4096 + 128) > header64(store, 4096 + 64);
  store->clock_base = header64(store, 4096 + (b_is_current ? 128 : 64) + 24);
  return NULL;
}

// 6.3.
static uint64_t place_lock(limit_store *store) {
  store->lines_offset = 4096;
  uint64_t registry = store->lines_offset + 256ull * store->shard_count;
  uint64_t counters = registry + 64 * 1024;
  uint64_t leases = counters + 256 * 256;
  store->visited_offset = leases + 32ull * 64 * store->shard_count;
  store->visited_stride = (store->slots_per_shard + 63ull) & ~63ull;
  return (store->visited_offset + store->shard_count * store->visited_stride + 4095) & ~4095ull;
}

// The registry entry of this process's handle: the latest, if it has several.
static int find_entry(limit_store *store) {
  const char *registry = store->lock + store->lines_offset + 256ull * store->shard_count;
  uint64_t latest = 0;
  int found = -1;
  for (int index = 0; index < 1024; index++) {
    const char *entry = registry + 64 * index;
    if (load32(entry + 4) != (uint32_t)getpid() || load64(entry + 32) < latest) continue;
    latest = load64(entry + 32);
    found = index;
  }
  if (found < 0) return 0;
  store->owner = (uint64_t)load32(registry + 64 * found) << 32 | (uint32_t)(found + 1);
  store->stripe = (uint64_t *)(registry + 64 * 1024 + 256ull * (1 + found % 255));
  return 1;
}

static const char *open_lock(limit_store *store, const char *path, uint64_t size) {
  char name[4096];
  struct stat file;
  snprintf(name, sizeof name, "%s-lock", path);
  int descriptor = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0 || fstat(descriptor, &file) != 0) return "there is no lock file";
  store->lock = existing_mapping(&file, &store->lock_size);
  close(descriptor);
  if (store->lock == NULL) return "this process has the store not open";
  if (store->lock_size < size || load64(store->lock + 16) != store->store_id[0]) return "the lock file is foreign";
  store->has_lock = 1;
  return find_entry(store) ? NULL : "this process has no read-write handle on the store";
}

const char *limit_open(limit_store *store, const char *path, int alone) {
  memset(store, 0, sizeof *store);
  struct stat file;
  store->descriptor = open(path, (alone ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
  if (store->descriptor < 0 || fstat(store->descriptor, &file) != 0) return strerror(errno);
  if (file.st_size < 8192) return "the file is too short";
  if (!alone) store->data = existing_mapping(&file, &store->data_size);
  if (store->data == NULL) {
    store->data = map_file(store->descriptor, &file, !alone);
    store->owns_data = 1;
    if (store->data == NULL) return strerror(errno);
  }
  store->data_size = (size_t)file.st_size;
  const char *trouble = read_header(store);
  if (trouble != NULL) return trouble;
  uint64_t lock_size = place_lock(store);
  if (!alone) return open_lock(store, path, lock_size);
  // Zeros instead of a lock file: nothing is being changed, and nobody sees what is counted.
  store->lock = calloc(1, lock_size);
  if (store->lock == NULL) return "no memory";
  store->stripe = (uint64_t *)(store->lock + 4096 + 256ull * store->shard_count + 64 * 1024 + 256);
  return NULL;
}

void limit_close(limit_store *store) {
  if (store->descriptor >= 0) close(store->descriptor);
  if (store->owns_data && store->data != NULL) munmap(store->data, store->data_size);
  if (!store->has_lock && store->lock != NULL) free(store->lock);
  memset(store, 0, sizeof *store);
  store->descriptor = -1;
}
