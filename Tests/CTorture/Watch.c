// SPDX-License-Identifier: Apache-2.0
// A traced process that stops at each of its stores to some files. The mappings are read-only; the store that faults is let
// through alone, by one step of the processor's trap flag, and then they are read-only again:
//
//   store -> SIGSEGV -> writable, trap flag set -> the store -> SIGTRAP -> read-only, trap flag cleared
//
// The tracer sees both signals before they are delivered. At SIGTRAP the files are as they are after the store.
#if defined(__linux__)
#define _GNU_SOURCE
#include "CTorture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { MOST_RANGES = 8, TRAP_FLAG = 0x100 };

static struct {
  char *start;
  size_t size;
} ranges[MOST_RANGES];
static int count;

static void protect(int protection) {
  for (int i = 0; i < count; i++) {
    if (mprotect(ranges[i].start, ranges[i].size, protection) != 0) _exit(125);
  }
}

static void on_fault(int signal, siginfo_t *info, void *context) {
  char *at = info->si_addr;
  for (int i = 0; i < count; i++) {
    if (at < ranges[i].start || at >= ranges[i].start + ranges[i].size) continue;
    protect(PROT_READ | PROT_WRITE);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
    return;
  }
  // A fault of another kind: it comes again, and ends the process.
  sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

static void on_step(int signal, siginfo_t *info, void *context) {
  protect(PROT_READ);
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

int torture_watch_stores(const char *prefix) {
  FILE *maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) return -1;
  char line[4096 + 256];
  count = 0;
  while (fgets(line, sizeof line, maps) != NULL && count < MOST_RANGES) {
    unsigned long start, end;
    char *name = strchr(line, '/');
    if (name == NULL || strncmp(name, prefix, strlen(prefix)) != 0) continue;
    if (sscanf(line, "%lx-%lx", &start, &end) != 2) continue;
    ranges[count].start = (char *)start;
    ranges[count++].size = end - start;
  }
  fclose(maps);
  if (count == 0 || count == MOST_RANGES) return errno = ENOENT, -1;
  struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
  if (sigaction(SIGSEGV, &fault, NULL) != 0 || sigaction(SIGTRAP, &step, NULL) != 0) return -1;
  protect(PROT_READ);
  return 0;
}
#else
int torture_watch_stores(const char *prefix) { return errno = ENOTSUP, -1; }
#endif
#endif
