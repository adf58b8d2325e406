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

// Called with the descriptor and the context before each fsync of this program.
typedef void (*TortureSyncHook)(int32_t file, void *context);

// Sets the hook; NULL: none. The caller has one thread that syncs.
void torture_on_sync(TortureSyncHook before, void *context);

// --- tracing a child ----------------------------------------------------------------------------------------------
// The tracer drives a child instruction by instruction or from one system call to the next. The child dies with its
// tracer. `signal` is delivered to the child as it goes on; 0 for none.

// The number of the system call that libc's rename makes; -1 where it is another.
#if defined(__x86_64__)
#define TORTURE_SYS_RENAME 82
#else
#define TORTURE_SYS_RENAME (-1)
#endif

// Where a traced process stands.
typedef enum {
  TRACE_STEPPED,  // after one instruction
  TRACE_CALL,     // at the entry or the exit of a system call, in turns
  TRACE_SIGNAL,   // before a signal is delivered; `detail` is its number
  TRACE_ENDED,    // `detail` is the exit status
  TRACE_KILLED,   // `detail` is the signal
  TRACE_FAILED,   // the tracer's call failed; `detail` is errno
} TraceKind;

typedef struct {
  TraceKind kind;
  int32_t detail;
} TraceStop;

// A system call: its number, its result (at the exit, a negated errno if it failed), its arguments.
typedef struct {
  int64_t number;
  int64_t result;
  uint64_t arguments[6];
} TraceCall;

// In the child: lets its parent trace it, and stops until the parent has called torture_trace_begin.
int torture_trace_me(void);

// Waits for the child's stop (TRACE_SIGNAL with SIGSTOP).
TraceStop torture_trace_begin(int32_t process);

TraceStop torture_trace_step(int32_t process, int signal);
TraceStop torture_trace_next_call(int32_t process, int signal);
TraceStop torture_trace_continue(int32_t process, int signal);

// The system call at whose entry or exit the process stands. ENOTSUP on machines other than x86-64, as the next three.
int torture_trace_call(int32_t process, TraceCall *call);

// The number of fallocate.
extern const int64_t torture_call_allocate;

// Whether the next instruction is a system call: 1 or 0.
int torture_trace_before_call(int32_t process);

// At an entry: the call will not be done. Its exit follows all the same; set its result there.
int torture_trace_skip_call(int32_t process);

// At an exit: what the process will see. A failure is a negated errno.
int torture_trace_set_result(int32_t process, int64_t result);

// In the child, traced: from now on each of its stores to a mapping of a file whose path begins like this is a stop of its
// own (TRACE_STEPPED, after the store), preceded by one for SIGSEGV. The tracer delivers both signals. ENOTSUP on machines
// other than x86-64.
int torture_watch_stores(const char *prefix);

// A call of no effect, by which the tracer sees where the child is.
void torture_trace_mark(void);
int torture_trace_is_mark(const TraceCall *call);

// The name of a system call that the library makes; "call NUMBER" for any other. Good until the next call.
const char *torture_call_name(int64_t number);

// From now on malloc lives on memory that it has: it makes no system calls, so those that a trace shows are the program's.
int torture_fill_heap(void);

// Eight bytes of the process's memory.
int torture_trace_word(int32_t process, uint64_t address, uint64_t *word);

#endif
