// SPDX-License-Identifier: Apache-2.0
// What libc hides from Swift, and the racing copy. Nothing here knows the format.
//
// This header is imported by Swift, so it must not define _GNU_SOURCE (the Glibc module is built without it).
#ifndef CWARP_H
#define CWARP_H

#include <stddef.h>
#include <stdint.h>

#if !defined(_WIN32)
#include <pthread.h>
#endif

// --- the racing copy ------------------------------------------------------------------------------------------
// Copies between private memory and a mapped slot that another process may be changing at the same time. A reader
// re-checks the slot's control word afterwards and throws a torn copy away, so any bytes may come out of it.
// `shared` is 8-byte aligned. Up to 256 bytes it moves whole words by relaxed atomic accesses, which the memory
// model allows, or on x86-64 16 bytes at a time by an instruction that the compiler knows nothing of; above that it is a
// plain bulk copy, outside the language's model and documented as such.

#define WARP_WORDWISE_LIMIT 256
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WARP_THREAD_SANITIZER 1
#endif
#endif
#ifndef WARP_THREAD_SANITIZER
#define WARP_THREAD_SANITIZER 0
#endif
// A call per copy or comparison of a few words would cost more than they do.
#define WARP_INLINED static inline __attribute__((always_inline))

// All sizes but those that are copied in place, out of their way.
void warp_copy_out_rest(void *restrict to, const void *restrict shared, size_t size);

#if defined(__x86_64__) && !WARP_THREAD_SANITIZER
#define WARP_COPIES_PAIRS 1
// 16 bytes at any address by one load, which is no atomic one for the compiler: it is not told what happens here, only that
// memory is read. Atomic loads are never merged into a wider one.
WARP_INLINED void warp_copy_pair(void *restrict to, const void *restrict shared) {
  typedef long long pair_t __attribute__((vector_size(16)));
  pair_t pair;
  __asm__ volatile("movups %1, %0" : "=x"(pair) : "m"(*(const char(*)[16])shared) : "memory");
  __builtin_memcpy(to, &pair, 16);
}
#else
#define WARP_COPIES_PAIRS 0
#endif

// Whole words. `size` is a multiple of 8.
WARP_INLINED void warp_copy_words(char *restrict out, const uint64_t *restrict words, size_t size) {
  // Four at a time, or the loop's own instructions would count.
  for (; size >= 32; words += 4, out += 32, size -= 32) {
    uint64_t four[4];
    for (int index = 0; index < 4; index++) four[index] = __atomic_load_n(words + index, __ATOMIC_RELAXED);
    __builtin_memcpy(out, four, 32);
  }
#pragma clang loop unroll(disable)
  for (; size > 0; words++, out += 8, size -= 8) {
    uint64_t word = __atomic_load_n(words, __ATOMIC_RELAXED);
    __builtin_memcpy(out, &word, 8);
  }
}

WARP_INLINED void warp_copy_out(void *restrict to, const void *restrict shared, size_t size) {
  if (size == 8) {
    uint64_t word = __atomic_load_n((const uint64_t *)shared, __ATOMIC_RELAXED);
    __builtin_memcpy(to, &word, 8);
    return;
  }
#if WARP_COPIES_PAIRS
  // Without a loop: the last bytes are copied from the end, again if need be.
  if (size - 16 <= 64 - 16) {
    const char *from = (const char *)shared;
    char *out = (char *)to;
    if (size > 32) {
      warp_copy_pair(out + 16, from + 16);
      warp_copy_pair(out + size - 32, from + size - 32);
    }
    warp_copy_pair(out, from);
    warp_copy_pair(out + size - 16, from + size - 16);
    return;
  }
#else
  if (size <= 64 && (size & 7) == 0) {
    warp_copy_words((char *)to, (const uint64_t *)shared, size);
    return;
  }
#endif
  warp_copy_out_rest(to, shared, size);
}

// Fills the last word with zeros, so up to 7 bytes behind `size` are written.
static inline void warp_copy_in(void *restrict shared, const void *restrict from, size_t size) {
  uint64_t *words = (uint64_t *)shared;
  const char *in = (const char *)from;
  if (size > WARP_WORDWISE_LIMIT) {
    size_t bulk = size & ~(size_t)7;
    __builtin_memcpy(words, in, bulk);
    words += bulk / 8;
    in += bulk;
    size -= bulk;
  }
  while (size >= 32) {
    uint64_t four[4];
    __builtin_memcpy(four, in, 32);
    __atomic_store_n(words, four[0], __ATOMIC_RELAXED);
    __atomic_store_n(words + 1, four[1], __ATOMIC_RELAXED);
    __atomic_store_n(words + 2, four[2], __ATOMIC_RELAXED);
    __atomic_store_n(words + 3, four[3], __ATOMIC_RELAXED);
    words += 4;
    in += 32;
    size -= 32;
  }
#pragma clang loop unroll(disable)
  while (size >= 8) {
    uint64_t word;
    __builtin_memcpy(&word, in, 8);
    __atomic_store_n(words++, word, __ATOMIC_RELAXED);
    in += 8;
    size -= 8;
  }
  if (size > 0) {
    uint64_t word = 0;
    __builtin_memcpy(&word, in, size);
    __atomic_store_n(words, word, __ATOMIC_RELAXED);
  }
}

// The last bytes of a key, 1 to 7, as a little-endian word with zeros behind them. A loop over them would store each and
// load them together, for which a processor waits until they have all left its store buffer.
WARP_INLINED uint64_t warp_last_bytes(const char *bytes, size_t size, int has_eight_before_end) {
  if (has_eight_before_end) {
    uint64_t word;
    __builtin_memcpy(&word, bytes + size - 8, 8);
    return word >> (64 - 8 * size);
  }
  if (size >= 4) {
    uint32_t low, high;
    __builtin_memcpy(&low, bytes, 4);
    __builtin_memcpy(&high, bytes + size - 4, 4);
    return low | (uint64_t)high << (8 * (size - 4));
  }
  const unsigned char *at = (const unsigned char *)bytes;
  return at[0] | (uint64_t)at[size >> 1] << (8 * (size >> 1)) | (uint64_t)at[size - 1] << (8 * (size - 1));
}

// 1 if `size` bytes at `key` equal the racing bytes at `shared` (8-byte aligned, zero-padded to a whole word).
WARP_INLINED int warp_equal(const void *restrict shared, const void *restrict key, size_t size) {
  const uint64_t *words = (const uint64_t *)shared;
  const char *bytes = (const char *)key;
  int has_eight = size >= 8;
  while (size >= 16) {
    uint64_t two[2];
    __builtin_memcpy(two, bytes, 16);
    uint64_t first = __atomic_load_n(words, __ATOMIC_RELAXED) ^ two[0];
    if ((first | (__atomic_load_n(words + 1, __ATOMIC_RELAXED) ^ two[1])) != 0) return 0;
    words += 2;
    bytes += 16;
    size -= 16;
  }
  if (size >= 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    if (__atomic_load_n(words++, __ATOMIC_RELAXED) != word) return 0;
    bytes += 8;
    size -= 8;
  }
  return size == 0 || __atomic_load_n(words, __ATOMIC_RELAXED) == warp_last_bytes(bytes, size, has_eight);
}

// The index of the first byte that is not zero, `size` if all are. For private memory.
static inline size_t warp_first_nonzero(const void *bytes, size_t size) {
  const unsigned char *from = (const unsigned char *)bytes;
  size_t index = 0;
  for (; size - index >= 8; index += 8) {
    uint64_t word;
    __builtin_memcpy(&word, from + index, 8);
    if (word != 0) break;
  }
  while (index < size && from[index] == 0) index++;
  return index;
}

// Asks for a cache line that will be read. Never faults.
static inline void warp_prefetch(const void *line) { __builtin_prefetch(line, 0, 3); }

static inline void warp_spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

// --- threads --------------------------------------------------------------------------------------------------
// A number, not 0 or 1, that no other living thread of this process has; 0 where there is none. A thread that begins may get
// that of one that has ended, which then happened before it.
static inline uintptr_t warp_thread(void) {
#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
  // One load: where the thread's own variables are.
  return (uintptr_t)__builtin_thread_pointer();
#elif !defined(_WIN32)
  return (uintptr_t)pthread_self();
#else
  return 0;
#endif
}

// --- sleeping on a word -----------------------------------------------------------------------------------------
// The word is an atomic one; its accesses order memory, these calls do not. `shared` if it is mapped from a file and other
// processes wait for it or change it, too; all who use a word say the same.

// Sleeps until the word is woken, if it has this value still, and no longer than this. It may also return early, for no
// reason: the caller looks at the word and calls again.
void warp_wait(const uint32_t *word, uint32_t value, int64_t nanoseconds, int shared);

// Wakes all who sleep on the word.
void warp_wake(const uint32_t *word, int shared);

#if !defined(_WIN32)

// --- system calls that Swift's libc module does not show --------------------------------------------------------
// Each returns 0 or a count on success, -1 with errno set on failure.

// An open-file-description lock on `size` bytes from `start`. kind: 'r' read, 'w' write, 'u' unlock; never waits.
// Where the system has no such locks errno is ENOTSUP.
int warp_ofd_lock(int fd, char kind, int64_t start, int64_t size);

// 1 if another open file description holds a lock that conflicts with a write lock on the bytes, 0 if none does.
int warp_ofd_held(int fd, int64_t start, int64_t size);

// Allocates the blocks of a range; never changes bytes that are there. The file grows if the range ends behind it.
int warp_allocate(int fd, int64_t offset, int64_t size);

// Bytes from the system's entropy source.
int warp_entropy(void *bytes, size_t size);

// The file system's magic number, or -1. 0 where the system has no such number.
int64_t warp_file_system(int fd);

// Nanoseconds of a clock that counts suspend and never steps, or -1.
int64_t warp_boot_time(void);

// The error number of this thread's last failed call.
int warp_errno(void);

// --- forks ------------------------------------------------------------------------------------------------------

// The bit of a gate that says: this process is a child, and what the descriptor's locks stand for is its parent's.
#define WARP_GATE_FORKED 1u

// Registers a descriptor whose locks a forked child must not share. In a child it is opened afresh under the same number
// if `reopens`, else closed, unless it no longer is the file with this device and inode. Returns the descriptor's gate,
// an atomic word that starts at 0, or NULL without memory.
uint32_t *warp_track(int fd, uint64_t device, uint64_t inode, int reopens);

// Tells what is mapped from a tracked descriptor, all of it at the file's start. In a child it is mapped afresh at the same
// place; without a descriptor, private zeros.
void warp_track_mapping(uint32_t *gate, void *base, size_t size, int writable);

// Whether the descriptor is tracked still: 0 once it was lost, untracked, or once its number was tracked for another file.
int warp_tracks(const uint32_t *gate);

// The program closed the descriptor. A child still gets neither it nor the mapping, and finds the gate's bit set.
void warp_lose(uint32_t *gate);

// Forgets a descriptor and its mapping, before it is closed. The gate stays as it is.
void warp_untrack(uint32_t *gate);

// Gives a gate back, for another descriptor. Nobody may look at it any more.
void warp_release(uint32_t *gate);

// Grows by one in each child that is forked after the first call of this or of warp_track.
uint32_t warp_fork_epoch(void);

// Grows in this process by one with each fork that it begins. A descriptor that was opened, tracked and locked while this
// stayed the same is shared with no child.
uint32_t warp_forks(void);

#endif
#endif
