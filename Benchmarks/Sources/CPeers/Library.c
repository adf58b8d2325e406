// SPDX-License-Identifier: Apache-2.0
// Libraries that are looked for when the program runs, and the one that the trace needs.

#include "Library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "CPeers.h"

void *library_open(const char *const *names) {
  for (; *names != NULL; names++) {
    void *library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) return library;
  }
  return NULL;
}

void *library_function(void *library, const char *name, const char **missing) {
  void *function = dlsym(library, name);
  if (function == NULL) *missing = name;
  return function;
}

const char *library_trouble(const char *what, const char *detail) {
  static char text[512];
  snprintf(text, sizeof text, "%s: %s", what, detail);
  return text;
}

void *peers_unpack(const void *frame, size_t size, size_t *unpacked, const char **trouble) {
  static const char *const names[] = {"libzstd.so.1", "libzstd.1.dylib", "libzstd.dylib", NULL};
  void *library = library_open(names);
  if (library == NULL) {
    *trouble = "libzstd is not installed: apt-get install libzstd1";
    return NULL;
  }
  const char *missing = NULL;
  unsigned long long (*content)(const void *, size_t) = library_function(library, "ZSTD_getFrameContentSize", &missing);
  size_t (*decompress)(void *, size_t, const void *, size_t) = library_function(library, "ZSTD_decompress", &missing);
  unsigned (*is_error)(size_t) = library_function(library, "ZSTD_isError", &missing);
  if (missing != NULL) {
    *trouble = library_trouble("libzstd has no function", missing);
    return NULL;
  }
  // The two largest numbers say that the size is not told or that this is no frame; a trace has less than a gigabyte.
  unsigned long long room = content(frame, size);
  if (room > 1ull << 30) {
    *trouble = "the frame does not say how large it is";
    return NULL;
  }
  void *bytes = malloc(room + 1);
  size_t got = bytes == NULL ? 0 : decompress(bytes, room, frame, size);
  if (bytes == NULL || is_error(got) || got != room) {
    free(bytes);
    *trouble = "the frame can't be decompressed";
    return NULL;
  }
  *unpacked = got;
  return bytes;
}

#if defined(__GLIBC__)
#include <malloc.h>
size_t peers_heap(void) {
  struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}
#else
size_t peers_heap(void) { return 0; }
#endif
