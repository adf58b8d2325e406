// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)
#define _GNU_SOURCE
#include "CTerminal.h"

#include <sys/ioctl.h>

int terminal_size(int descriptor, int *columns, int *rows) {
  struct winsize size;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return -1;
  *columns = size.ws_col;
  *rows = size.ws_row;
  return 0;
}
#endif
