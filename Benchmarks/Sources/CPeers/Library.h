// SPDX-License-Identifier: Apache-2.0
// Libraries that are looked for when the program runs.
#ifndef PEERS_LIBRARY_H
#define PEERS_LIBRARY_H

// A library by one of several names, which end with NULL; NULL if none is there.
void *library_open(const char *const *names);

// A function of the library. Sets `*missing` to its name if there is none.
void *library_function(void *library, const char *name, const char **missing);

// What went wrong last, in memory of its own.
const char *library_trouble(const char *what, const char *detail);

#endif
