// SPDX-License-Identifier: Apache-2.0
#if defined(__linux__)
#define _GNU_SOURCE
#include "CTorture.h"

#include <sys/syscall.h>
#include <unistd.h>

static TortureSyncHook hook;
static void *hook_context;

void torture_on_sync(TortureSyncHook before, void *context) {
  hook_context = context;
  hook = before;
}

// The program's own definition comes before libc's, also for the library linked into it.
int fsync(int file) {
  if (hook) hook(file, hook_context);
  return (int)syscall(SYS_fsync, file);
}
#endif
