// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)
#define _GNU_SOURCE
#include "CWarp.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/random.h>
#include <sys/vfs.h>
#elif defined(__APPLE__)
#include <sys/random.h>
#endif

#if defined(F_OFD_SETLK)
static int ofd(int fd, int command, char kind, int64_t start, int64_t size, struct flock *lock) {
  lock->l_type = kind == 'r' ? F_RDLCK : kind == 'w' ? F_WRLCK : F_UNLCK;
  lock->l_whence = SEEK_SET;
  lock->l_start = start;
  lock->l_len = size;
  lock->l_pid = 0;
  return fcntl(fd, command, lock);
}

int warp_ofd_lock(int fd, char kind, int64_t start, int64_t size) {
  struct flock lock = {0};
  return ofd(fd, F_OFD_SETLK, kind, start, size, &lock);
}

int warp_ofd_held(int fd, int64_t start, int64_t size) {
  struct flock lock = {0};
  if (ofd(fd, F_OFD_GETLK, 'w', start, size, &lock) != 0) return -1;
  return lock.l_type != F_UNLCK;
}
#else
int warp_ofd_lock(int fd, char kind, int64_t start, int64_t size) {
  errno = ENOTSUP;
  return -1;
}
int warp_ofd_held(int fd, int64_t start, int64_t size) {
  errno = ENOTSUP;
  return -1;
}
#endif

int warp_allocate(int fd, int64_t offset, int64_t size) {
#if defined(__linux__)
  int result;
  do result = fallocate(fd, 0, offset, size); while (result != 0 && errno == EINTR);
  return result;
#else
  // F_PREALLOCATE only counts from the end of the file; writing one byte a page is what is left, and it must keep
  // what is there.
  for (int64_t at = offset; at < offset + size; at = (at | 4095) + 1) {
    char byte = 0;
    ssize_t got = pread(fd, &byte, 1, at);
    if (got < 0 || pwrite(fd, &byte, 1, at) != 1) return -1;
  }
  return 0;
#endif
}

int warp_entropy(void *bytes, size_t size) {
  char *at = bytes;
  while (size > 0) {
    size_t part = size > 256 ? 256 : size;
    if (getentropy(at, part) != 0) return -1;
    at += part;
    size -= part;
  }
  return 0;
}

int64_t warp_file_system(int fd) {
#if defined(__linux__)
  struct statfs info;
  int result;
  do result = fstatfs(fd, &info); while (result != 0 && errno == EINTR);
  if (result != 0) return -1;
  return (int64_t)(uint32_t)info.f_type;
#else
  return 0;
#endif
}

int64_t warp_boot_time(void) {
  struct timespec now;
#if defined(CLOCK_BOOTTIME)
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return -1;
#elif defined(__APPLE__)
  // The continuous clock. CLOCK_MONOTONIC is derived from the time of day there, and has gone back.
  if (clock_gettime(CLOCK_MONOTONIC_RAW, &now) != 0) return -1;
#else
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return -1;
#endif
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int warp_errno(void) { return errno; }
#endif
