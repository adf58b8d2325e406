// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)
#define _GNU_SOURCE
#include "CTerminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

int terminal_size(int descriptor, int *columns, int *rows) {
  struct winsize size;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return -1;
  *columns = size.ws_col;
  *rows = size.ws_row;
  return 0;
}

int terminal_read_line(int descriptor, char *buffer, int size) {
  int count = 0;
  // One byte at a time, so that nothing behind the line is taken. What does not fit is dropped.
  for (;;) {
    char byte;
    ssize_t got = read(descriptor, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return -1;
    if (byte == '\n') return count;
    if (count < size) buffer[count++] = byte;
  }
}
#endif
