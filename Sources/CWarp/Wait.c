// SPDX-License-Identifier: Apache-2.0
// Sleeping on a word until another thread changes it. By a futex where there is one; elsewhere a sleeper looks again
// after a short sleep, which needs nothing but a sleep. Nothing here orders memory: the callers' atomic accesses do.
#define _GNU_SOURCE
#include "CWarp.h"

// The 32-bit systems have two futex calls, and which one fits depends on libc's time_t.
#if defined(__linux__) && defined(__LP64__)
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void warp_wait(const uint32_t *word, uint32_t value, int64_t nanoseconds, int shared) {
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  syscall(SYS_futex, word, shared ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE, value, &limit, NULL, 0);
}

void warp_wake(const uint32_t *word, int shared) {
  syscall(SYS_futex, word, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
#else
#if defined(_WIN32)
#include <windows.h>
#else
#include <time.h>
#endif

#define STEP 1000000

void warp_wait(const uint32_t *word, uint32_t value, int64_t nanoseconds, int shared) {
  (void)shared;
  if (__atomic_load_n(word, __ATOMIC_RELAXED) != value) return;
  int64_t step = nanoseconds < STEP ? nanoseconds : STEP;
#if defined(_WIN32)
  Sleep((DWORD)((step + 999999) / 1000000));
#else
  struct timespec time = {0, (long)step};
  nanosleep(&time, NULL);
#endif
}

void warp_wake(const uint32_t *word, int shared) {
  (void)word;
  (void)shared;
}
#endif
