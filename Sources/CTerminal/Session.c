// SPDX-License-Identifier: Apache-2.0
// A live screen that leaves the terminal as it was.
//
// - `is_live` tells whether the terminal is taken over. Only `enter` and `leave` change the terminal; both may run in a
//   handler, call only what POSIX allows there, and do nothing if there is nothing to do.
// - Every handler runs with all signals blocked, so handlers never nest. The main thread blocks them too around its own
//   calls of `enter` and `leave`.
// - A signal that ends the process gives the terminal back and then is sent again with its default action, so whoever
//   waits for the process sees what ended it. SIGTSTP likewise; SIGCONT takes the terminal over again, if the process
//   is in the foreground.
// - A handler wakes the waiter by a byte in a pipe, so no signal is lost between a look and the wait.
#if !defined(_WIN32)
#define _GNU_SOURCE
#include "CTerminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const char enter_text[] = "\033[?1049h\033[?25l\033[2J";
static const char leave_text[] = "\033[0m\033[?25h\033[?1049l";

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGABRT,
                             SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
enum { endings = sizeof ending / sizeof ending[0] };

static int in = -1, out = -1;
static int wake[2] = {-1, -1};
static struct termios before;
static int has_before, has_begun;
static volatile sig_atomic_t is_live;
static volatile sig_atomic_t was_resized;
static struct sigaction old_ending[endings], old_stop, old_continue, old_resize;

static void put(const char *text, size_t size) {
  while (size > 0) {
    // A terminal that was halted (Ctrl-S) takes nothing, and must not keep the process from ending.
    struct pollfd file = {out, POLLOUT, 0};
    if (poll(&file, 1, 500) <= 0) return;
    ssize_t done = write(out, text, size);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return;
    text += done;
    size -= (size_t)done;
  }
}

static void enter(void) {
  if (is_live) return;
  // From the background the change would stop the process, and the screen is somebody else's. A terminal that controls
  // nobody has no background.
  pid_t group = tcgetpgrp(out);
  if (group >= 0 && group != getpgrp()) return;
  if (has_before) {
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(in, TCSANOW, &raw);
  }
  put(enter_text, sizeof enter_text - 1);
  is_live = 1;
}

static void leave(void) {
  if (!is_live) return;
  is_live = 0;
  put(leave_text, sizeof leave_text - 1);
  if (!has_before) return;
  // At once: waiting for output to drain could last for ever. Keys that nobody read are not for the shell.
  tcsetattr(in, TCSANOW, &before);
  tcflush(in, TCIFLUSH);
}

static void rouse(void) {
  char byte = 0;
  ssize_t ignored = write(wake[1], &byte, 1);
  (void)ignored;
}

static void again(int number) {
  struct sigaction action, handled;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, &handled);
  sigset_t one, old;
  sigemptyset(&one);
  sigaddset(&one, number);
  raise(number);
  sigprocmask(SIG_UNBLOCK, &one, &old);
  // Only a process that was stopped and goes on comes here.
  sigprocmask(SIG_SETMASK, &old, NULL);
  sigaction(number, &handled, NULL);
}

static void on_signal(int number) {
  int saved = errno;
  switch (number) {
  case SIGWINCH:
    was_resized = 1;
    break;
  case SIGCONT:
    // Whoever ran meanwhile may have changed the terminal: take it over from the beginning.
    if (is_live) leave();
    enter();
    was_resized = 1;
    break;
  default:
    leave();
    again(number);
    enter();
    was_resized = 1;
  }
  rouse();
  errno = saved;
}

static void handle(int number, struct sigaction *old) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  sigaction(number, NULL, old);
  // Who started us may have said that a signal is to be ignored (nohup).
  if (old->sa_handler == SIG_IGN && number != SIGWINCH && number != SIGCONT) return;
  sigaction(number, &action, NULL);
}

static void blocked(void (*body)(void)) {
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &old);
  body();
  sigprocmask(SIG_SETMASK, &old, NULL);
}

int terminal_begin(int input, int output) {
  if (!isatty(output)) return -1;
  if (has_begun) return -1;
  in = input;
  out = output;
  has_before = in >= 0 && tcgetattr(in, &before) == 0;
  if (wake[0] < 0) {
    if (pipe(wake) != 0) return -1;
    for (int end = 0; end < 2; end++) {
      fcntl(wake[end], F_SETFL, O_NONBLOCK);
      fcntl(wake[end], F_SETFD, FD_CLOEXEC);
    }
  }
  for (int index = 0; index < endings; index++) handle(ending[index], &old_ending[index]);
  handle(SIGTSTP, &old_stop);
  handle(SIGCONT, &old_continue);
  handle(SIGWINCH, &old_resize);
  has_begun = 1;
  blocked(enter);
  return 0;
}

void terminal_end(void) {
  if (!has_begun) return;
  has_begun = 0;
  blocked(leave);
  for (int index = 0; index < endings; index++) sigaction(ending[index], &old_ending[index], NULL);
  sigaction(SIGTSTP, &old_stop, NULL);
  sigaction(SIGCONT, &old_continue, NULL);
  sigaction(SIGWINCH, &old_resize, NULL);
}

int terminal_is_live(void) { return is_live != 0; }

int terminal_wait(int milliseconds, char *keys, int size) {
  // A shell that brings a running job to the foreground sends it no signal.
  if (!is_live) {
    blocked(enter);
    if (is_live) return TERMINAL_RESIZED;
  }
  struct pollfd files[2] = {{wake[0], POLLIN, 0}, {is_live ? in : -1, POLLIN, 0}};
  int ready = poll(files, 2, milliseconds);
  if (files[0].revents & POLLIN) {
    char bytes[64];
    while (read(wake[0], bytes, sizeof bytes) > 0) {}
  }
  if (was_resized) {
    was_resized = 0;
    return TERMINAL_RESIZED;
  }
  if (ready > 0 && files[1].revents != 0) {
    ssize_t got = read(in, keys, (size_t)size);
    if (got > 0) return (int)got;
    if (got == 0 || (errno != EINTR && errno != EAGAIN)) return TERMINAL_CLOSED;
  }
  // A signal that is none of ours ends the wait early: the caller looks at the clock.
  return TERMINAL_TIMEOUT;
}
#endif
