// SPDX-License-Identifier: Apache-2.0
#if defined(__linux__)
#define _GNU_SOURCE
#include "CTorture.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

const int64_t torture_call_allocate = SYS_fallocate;

int torture_trace_me(void) {
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) return -1;
  return raise(SIGSTOP);
}

// Where a stopped process stands after a wait.
static TraceStop stop_of(int status) {
  TraceStop stop = {TRACE_ENDED, 0};
  if (WIFEXITED(status)) stop.detail = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) {
    stop.kind = TRACE_KILLED;
    stop.detail = WTERMSIG(status);
  }
  if (WIFSTOPPED(status)) {
    stop.detail = WSTOPSIG(status);
    stop.kind = stop.detail == (SIGTRAP | 0x80) ? TRACE_CALL
                : stop.detail == SIGTRAP        ? TRACE_STEPPED
                                                : TRACE_SIGNAL;
  }
  return stop;
}

static TraceStop await(int32_t process) {
  int status = 0;
  pid_t got;
  do got = waitpid(process, &status, __WALL); while (got < 0 && errno == EINTR);
  if (got < 0) return (TraceStop){TRACE_FAILED, errno};
  return stop_of(status);
}

TraceStop torture_trace_begin(int32_t process) {
  TraceStop stop = await(process);
  if (stop.kind != TRACE_SIGNAL || stop.detail != SIGSTOP) return stop;
  long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
  if (ptrace(PTRACE_SETOPTIONS, process, 0, options) != 0) return (TraceStop){TRACE_FAILED, errno};
  return stop;
}

static TraceStop go(int request, int32_t process, int signal) {
  if (ptrace(request, process, 0, (long)signal) != 0) return (TraceStop){TRACE_FAILED, errno};
  return await(process);
}

TraceStop torture_trace_step(int32_t process, int signal) { return go(PTRACE_SINGLESTEP, process, signal); }
TraceStop torture_trace_next_call(int32_t process, int signal) { return go(PTRACE_SYSCALL, process, signal); }
TraceStop torture_trace_continue(int32_t process, int signal) { return go(PTRACE_CONT, process, signal); }

#if defined(__x86_64__)
int torture_trace_call(int32_t process, TraceCall *call) {
  struct user_regs_struct user;
  if (ptrace(PTRACE_GETREGS, process, 0, &user) != 0) return -1;
  *call = (TraceCall){(int64_t)user.orig_rax, (int64_t)user.rax,
                      {user.rdi, user.rsi, user.rdx, user.r10, user.r8, user.r9}};
  return 0;
}

int torture_trace_before_call(int32_t process) {
  struct user_regs_struct user;
  if (ptrace(PTRACE_GETREGS, process, 0, &user) != 0) return -1;
  errno = 0;
  long code = ptrace(PTRACE_PEEKTEXT, process, user.rip, 0);
  if (errno != 0) return -1;
  // The bytes 0F 05.
  return (code & 0xffff) == 0x050f;
}

int torture_trace_skip_call(int32_t process) {
  struct user_regs_struct user;
  if (ptrace(PTRACE_GETREGS, process, 0, &user) != 0) return -1;
  user.orig_rax = (unsigned long long)-1;
  return ptrace(PTRACE_SETREGS, process, 0, &user) == 0 ? 0 : -1;
}

int torture_trace_set_result(int32_t process, int64_t result) {
  struct user_regs_struct user;
  if (ptrace(PTRACE_GETREGS, process, 0, &user) != 0) return -1;
  user.rax = (unsigned long long)result;
  return ptrace(PTRACE_SETREGS, process, 0, &user) == 0 ? 0 : -1;
}
#else
// Other machines have other registers: what needs them says that it was skipped.
int torture_trace_call(int32_t process, TraceCall *call) { return errno = ENOTSUP, -1; }
int torture_trace_before_call(int32_t process) { return errno = ENOTSUP, -1; }
int torture_trace_skip_call(int32_t process) { return errno = ENOTSUP, -1; }
int torture_trace_set_result(int32_t process, int64_t result) { return errno = ENOTSUP, -1; }
#endif

int torture_trace_word(int32_t process, uint64_t address, uint64_t *word) {
  errno = 0;
  long got = ptrace(PTRACE_PEEKDATA, process, address, 0);
  if (errno != 0) return -1;
  *word = (uint64_t)got;
  return 0;
}
#endif
