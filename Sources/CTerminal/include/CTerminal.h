// SPDX-License-Identifier: Apache-2.0
// What warp-inspect needs of a terminal and Swift can't reach: variadic calls, and what signal handlers may do.
#ifndef CTERMINAL_H
#define CTERMINAL_H

/// The size of a terminal in cells. 0, or -1 if it is none or does not say.
int terminal_size(int descriptor, int *columns, int *rows);

/// Reads one line that a person types, without its end. Its bytes, -1 at the end of the input or if it can't be read.
int terminal_read_line(int descriptor, char *buffer, int size);

// A live screen: the alternate screen without cursor, keys without Return. One at a time, from one thread (Session.c).

/// What woke the waiter, beside keys, which are counted from 1.
enum { TERMINAL_TIMEOUT = 0, TERMINAL_RESIZED = -1, TERMINAL_CLOSED = -2 };

/// Takes the terminal over. Whatever ends or stops the process, but SIGKILL and SIGSTOP, gives it back first.
/// 0, or -1 if it is no terminal.
///
/// - Parameter input: where keys come from; -1: nowhere.
int terminal_begin(int input, int output);

/// Gives the terminal back. Nothing happens if that was done.
void terminal_end(void);

/// 1 if the live screen is there to draw on; 0 while the process is in the background.
int terminal_is_live(void);

/// Waits for keys, at most so many milliseconds. The number of bytes read, or one of the above.
int terminal_wait(int milliseconds, char *keys, int size);

/// From now on the first SIGINT or SIGTERM is only noted; the next one does what it did before.
void terminal_catch_interrupts(void);

/// Whether one was noted.
int terminal_interrupted(void);

#endif
