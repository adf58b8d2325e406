// SPDX-License-Identifier: Apache-2.0
// What warp-inspect needs of a terminal and Swift can't reach: variadic calls, and what signal handlers may do.
#ifndef CTERMINAL_H
#define CTERMINAL_H

/// The size of a terminal in cells. 0, or -1 if it is none or does not say.
int terminal_size(int descriptor, int *columns, int *rows);

/// From now on the first SIGINT or SIGTERM is only noted; the next one does what it did before.
void terminal_catch_interrupts(void);

/// Whether one was noted.
int terminal_interrupted(void);

#endif
