// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)
#define _GNU_SOURCE
#include "CTerminal.h"

#include <signal.h>

static volatile sig_atomic_t interrupted = 0;

static void note(int signal) {
  (void)signal;
  interrupted = 1;
}

void terminal_catch_interrupts(void) {
  struct sigaction action = {0};
  action.sa_handler = note;
  sigemptyset(&action.sa_mask);
  // The second one ends the process, should it be stuck.
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, 0);
  sigaction(SIGTERM, &action, 0);
  // Whoever started us may have blocked them, and a blocked signal never comes.
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  sigprocmask(SIG_UNBLOCK, &both, 0);
}

int terminal_interrupted(void) { return interrupted; }
#endif
