// SPDX-License-Identifier: Apache-2.0
// What a trace of system calls needs beside the tracing: marks in the traced program, the calls' names, and a heap that
// makes no calls of its own.
#if defined(__linux__)
#define _GNU_SOURCE
#include "CTorture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MARK = 0x57415250, HEAP = 64 << 20 };

// No process has this number, so the call fails and changes nothing.
void torture_trace_mark(void) { syscall(SYS_getpgid, MARK); }

int torture_trace_is_mark(const TraceCall *call) {
  return call->number == SYS_getpgid && call->arguments[0] == MARK;
}

int torture_fill_heap(void) {
#if defined(__GLIBC__)
  if (!mallopt(M_MMAP_THRESHOLD, HEAP) || !mallopt(M_TRIM_THRESHOLD, HEAP) || !mallopt(M_TOP_PAD, HEAP)) return -1;
  // The heap grows by the padding, and stays when this is given back.
  char *once = malloc(1 << 20);
  if (!once) return -1;
  memset(once, 1, 1 << 20);
  free(once);
  return 0;
#else
  return errno = ENOTSUP, -1;
#endif
}

static const struct {
  long number;
  const char *name;
} names[] = {
#define CALL(name) {SYS_##name, #name}
#if defined(SYS_getdents64)
    CALL(getdents64),
#endif
#if defined(SYS_newfstatat)
    CALL(newfstatat),
#endif
#if defined(SYS_mkdir)
    CALL(mkdir),     CALL(rename),  CALL(unlink),  CALL(readlink),
#endif
    CALL(openat),    CALL(close),   CALL(fstat),   CALL(pread64),   CALL(pwrite64),        CALL(read),
    CALL(write),     CALL(lseek),   CALL(fsync),   CALL(ftruncate), CALL(fallocate),       CALL(fcntl),
    CALL(flock),     CALL(fstatfs), CALL(getcwd),  CALL(mmap),      CALL(munmap),          CALL(mprotect),
    CALL(madvise),   CALL(brk),     CALL(futex),   CALL(prlimit64), CALL(getrandom),       CALL(getpid),
    CALL(getppid),   CALL(gettid),  CALL(geteuid), CALL(kill),      CALL(clock_nanosleep), CALL(nanosleep),
    CALL(sched_yield), CALL(clock_gettime), CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(exit_group),
#undef CALL
};

const char *torture_call_name(int64_t number) {
  static char other[32];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].number == number) return names[i].name;
  }
  snprintf(other, sizeof other, "call %lld", (long long)number);
  return other;
}
#endif
