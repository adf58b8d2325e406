// SPDX-License-Identifier: Apache-2.0
#if defined(__linux__)
#define _GNU_SOURCE
#include "CTorture.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

int torture_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

int64_t torture_core_wait(void) {
  static int file = -1;
  if (file < 0) file = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  char text[96];
  ssize_t size = pread(file, text, sizeof text - 1, 0);
  if (size <= 0) return -1;
  text[size] = 0;
  char *second = strchr(text, ' ');
  return second ? strtoll(second, NULL, 10) : -1;
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
