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

// libzstd's buffers of a stream.
typedef struct zstd_in {
  const void *bytes;
  size_t size;
  size_t at;
} zstd_in;

typedef struct zstd_out {
  void *bytes;
  size_t size;
  size_t at;
} zstd_out;

void *peers_unpack(const void *frame, size_t size, size_t *unpacked, const char **trouble) {
  static const char *const names[] = {"libzstd.so.1", "libzstd.1.dylib", "libzstd.dylib", NULL};
  void *library = library_open(names);
  if (library == NULL) {
    *trouble = "libzstd is not installed: apt-get install libzstd1";
    return NULL;
  }
  const char *missing = NULL;
  void *(*create)(void) = library_function(library, "ZSTD_createDCtx", &missing);
  size_t (*release)(void *) = library_function(library, "ZSTD_freeDCtx", &missing);
  size_t (*step)(void *, zstd_out *, zstd_in *) = library_function(library, "ZSTD_decompressStream", &missing);
  unsigned (*is_error)(size_t) = library_function(library, "ZSTD_isError", &missing);
  if (missing != NULL) {
    *trouble = library_trouble("libzstd has no function", missing);
    return NULL;
  }
  // The frame may not say how large it is, so the memory grows; a trace has less than a gigabyte.
  zstd_in in = {frame, size, 0};
  zstd_out out = {malloc(1 << 24), 1 << 24, 0};
  void *context = create();
  size_t left = 1;
  while (context != NULL && out.bytes != NULL && left != 0 && !is_error(left)) {
    if (out.at == out.size) {
      void *more = out.size < 1ull << 30 ? realloc(out.bytes, 2 * out.size) : NULL;
      if (more == NULL) break;
      out.bytes = more;
      out.size *= 2;
    }
    size_t before = in.at + out.at;
    left = step(context, &out, &in);
    if (in.at + out.at == before && out.at < out.size) break;
  }
  if (context != NULL) release(context);
  if (left != 0 || in.at != size) {
    free(out.bytes);
    *trouble = "the frame can't be decompressed";
    return NULL;
  }
  *unpacked = out.at;
  return out.bytes;
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
