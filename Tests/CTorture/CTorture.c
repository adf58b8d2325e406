// SPDX-License-Identifier: Apache-2.0
#if defined(__linux__)
#define _GNU_SOURCE
#include "CTorture.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int torture_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

int torture_thread_use(int64_t *core, int64_t *waits) {
  struct rusage use;
  if (getrusage(RUSAGE_THREAD, &use) != 0) return -1;
  *core = ((int64_t)use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000000 +
          ((int64_t)use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000;
  *waits = use.ru_nvcsw;
  return 0;
}

static int put(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t put = write(file, text, strlen(text));
  close(file);
  return put < 0 ? -1 : 0;
}

int torture_leave_namespaces(int with_user) {
  char line[64];
  unsigned user = geteuid();
  unsigned group = getegid();
  if (unshare(CLONE_NEWPID | CLONE_NEWNS | (with_user ? CLONE_NEWUSER : 0)) != 0) return -1;
  if (with_user) {
    // The same numbers inside and outside, so that the files' owner is still who we are.
    snprintf(line, sizeof line, "%u %u 1", user, user);
    if (put("/proc/self/setgroups", "deny") != 0 || put("/proc/self/uid_map", line) != 0) return -1;
    snprintf(line, sizeof line, "%u %u 1", group, group);
    if (put("/proc/self/gid_map", line) != 0) return -1;
  }
  return 0;
}

int torture_mount_proc(void) {
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return -1;
  return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}
#endif
