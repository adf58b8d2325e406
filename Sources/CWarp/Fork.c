// SPDX-License-Identifier: Apache-2.0
// What a fork must not pass on (SPEC.md 23.5): locks of open file descriptions. A child shares them with its parent, so a
// parent that was killed would seem to live as long as its child does. It shares them by its descriptor and also by its
// mapping, which keeps the description open by itself; so the child opens and maps the file afresh.
//
// - Each tracked descriptor has a cell. Cells are pushed once onto a list, never freed, and used again; so the handler,
//   which runs in the child, where any other thread may have been cut off anywhere, meets no lock and no half-made list.
// - The handler calls only what is safe there: open, close, dup, fcntl, fstat, mmap.
#if !defined(_WIN32)
#define _GNU_SOURCE
#include "CWarp.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct cell {
  // The first member, so that a gate's address is its cell's. Swift loads it as an atomic word.
  _Atomic(uint32_t) gate;
  // A descriptor, or one of the states below.
  atomic_int fd;
  int reopens;
  // What is mapped from the descriptor, NULL: nothing.
  _Atomic(void *) base;
  size_t size;
  int writable;
  uint64_t device;
  uint64_t inode;
  struct cell *next;
};

// FREE: nobody's. TAKEN: somebody's, with nothing that a child would share. LOST: the program closed the descriptor; the
// mapping is still there.
enum { FREE = -1, TAKEN = -2, LOST = -3 };

static _Atomic(struct cell *) cells;
static _Atomic(uint32_t) epoch = 1;
static _Atomic(uint32_t) forks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int is_still(const struct cell *cell, int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && (uint64_t)info.st_dev == cell->device && (uint64_t)info.st_ino == cell->inode;
}

static void map_afresh(struct cell *cell, int fd) {
  void *base = atomic_load(&cell->base);
  if (!base) return;
  int protection = cell->writable ? PROT_READ | PROT_WRITE : PROT_READ;
  int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
  mmap(base, cell->size, protection, flags | MAP_FIXED, fd, 0);
}

// A new open file description under the old number, where the system has a way to one that needs no path. Without it the
// child has neither descriptor nor mapping, and opens the path when it wants the store.
static void reopen(struct cell *cell, int fd) {
  int fresh = -1;
#if defined(__linux__)
  char path[32] = "/proc/self/fd/";
  size_t end = 14;
  int digits = 1;
  for (int n = fd; n >= 10; n /= 10) digits++;
  for (int i = digits - 1, n = fd; i >= 0; i--, n /= 10) path[end + i] = (char)('0' + n % 10);
  path[end + digits] = 0;
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0) fresh = open(path, (flags & O_ACCMODE) | O_CLOEXEC);
  if (fresh >= 0) {
    map_afresh(cell, fresh);
    // dup3 gives the old description back in the same step.
    if (dup3(fresh, fd, O_CLOEXEC) < 0) close(fd);
    close(fresh);
    return;
  }
#endif
  map_afresh(cell, -1);
  close(fd);
}

static void in_child(void) {
  atomic_fetch_add(&epoch, 1);
  for (struct cell *cell = atomic_load(&cells); cell; cell = cell->next) {
    int fd = atomic_load(&cell->fd);
    if (fd == FREE || fd == TAKEN) continue;
    atomic_fetch_or(&cell->gate, WARP_GATE_FORKED);
    // The program may have closed it and opened a file of its own under the number.
    if (fd == LOST || !is_still(cell, fd)) map_afresh(cell, -1);
    else if (cell->reopens) reopen(cell, fd);
    else close(fd);
  }
}

static void before(void) { atomic_fetch_add(&forks, 1); }

static void install(void) { pthread_atfork(before, NULL, in_child); }

uint32_t *warp_track(int fd, uint64_t device, uint64_t inode, int reopens) {
  pthread_once(&once, install);
  struct cell *cell = atomic_load(&cells);
  for (; cell; cell = cell->next) {
    int expected = FREE;
    if (atomic_compare_exchange_strong(&cell->fd, &expected, TAKEN)) break;
  }
  if (!cell) {
    cell = calloc(1, sizeof *cell);
    if (!cell) return NULL;
    atomic_store(&cell->fd, TAKEN);
    cell->next = atomic_load(&cells);
    while (!atomic_compare_exchange_weak(&cells, &cell->next, cell)) {}
  }
  atomic_store(&cell->gate, 0);
  atomic_store(&cell->base, NULL);
  cell->reopens = reopens;
  cell->device = device;
  cell->inode = inode;
  // Whoever had the number before has lost it, and may not know yet.
  for (struct cell *other = atomic_load(&cells); other; other = other->next) {
    int number = fd;
    atomic_compare_exchange_strong(&other->fd, &number, LOST);
  }
  atomic_store(&cell->fd, fd);
  return (uint32_t *)(void *)cell;
}

int warp_tracks(const uint32_t *gate) { return atomic_load(&((const struct cell *)(const void *)gate)->fd) >= 0; }

void warp_lose(uint32_t *gate) { atomic_store(&((struct cell *)(void *)gate)->fd, LOST); }

void warp_track_mapping(uint32_t *gate, void *base, size_t size, int writable) {
  struct cell *cell = (struct cell *)(void *)gate;
  cell->size = size;
  cell->writable = writable;
  atomic_store(&cell->base, base);
}

void warp_untrack(uint32_t *gate) { atomic_store(&((struct cell *)(void *)gate)->fd, TAKEN); }

void warp_release(uint32_t *gate) { atomic_store(&((struct cell *)(void *)gate)->fd, FREE); }

uint32_t warp_fork_epoch(void) {
  pthread_once(&once, install);
  return atomic_load(&epoch);
}

uint32_t warp_forks(void) {
  pthread_once(&once, install);
  return atomic_load(&forks);
}
#endif
