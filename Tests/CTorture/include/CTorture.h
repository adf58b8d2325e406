// SPDX-License-Identifier: Apache-2.0
// What the torture needs of Linux and libc hides from Swift. Each returns 0 or a number on success, -1 with errno set on
// failure.
#ifndef CTORTURE_H
#define CTORTURE_H

#include <stdint.h>

// Has the kernel kill this process when its parent dies, also while it is stopped.
int torture_die_with_parent(void);

// What this thread has used since it started: nanoseconds of a core, and how often it gave the core up to wait.
int torture_thread_use(int64_t *core, int64_t *waits);

// Children from now on live in a new PID namespace and see a new set of mounts; with_user: in a new user namespace too,
// which needs no privilege. The caller has one thread.
int torture_leave_namespaces(int with_user);

// Mounts this PID namespace's own /proc. The caller lives in it, and its mounts are not the system's.
int torture_mount_proc(void);

#endif
