// SPDX-License-Identifier: Apache-2.0
// Redis (RESP) and memcached (its text protocol) over a unix socket: as little as a client can do.
//
//   Redis       *2\r\n$3\r\nGET\r\n$16\r\nKEY\r\n      $64\r\nVALUE\r\n, or $-1\r\n
//   memcached   get KEY\r\n                            VALUE KEY 0 64\r\nVALUE\r\nEND\r\n, or END\r\n

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "CPeers.h"
#include "Library.h"

enum { BUFFER_SIZE = 1 << 18 };

struct server_link {
  int kind;
  int socket;
  size_t from;  // what is read and not yet used: from..<to of `input`
  size_t to;
  char input[BUFFER_SIZE];
  char output[BUFFER_SIZE];
};

server_link *server_connect(int kind, const char *socket_path, const char **trouble) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(socket_path) >= sizeof address.sun_path) {
    *trouble = "the socket's path is too long";
    return NULL;
  }
  strcpy(address.sun_path, socket_path);
  server_link *link = calloc(1, sizeof *link);
  if (link == NULL) return NULL;
  link->kind = kind;
  link->socket = socket(AF_UNIX, SOCK_STREAM, 0);
  struct timeval patience = {.tv_sec = 5};
  if (link->socket < 0 || connect(link->socket, (struct sockaddr *)&address, sizeof address) != 0 ||
      setsockopt(link->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
    *trouble = library_trouble(socket_path, strerror(errno));
    server_close(link);
    return NULL;
  }
  return link;
}

void server_close(server_link *link) {
  if (link->socket >= 0) close(link->socket);
  free(link);
}

static int send_all(server_link *link, size_t size) {
  for (size_t sent = 0; sent < size;) {
    ssize_t count = write(link->socket, link->output + sent, size - sent);
    if (count <= 0) return -1;
    sent += (size_t)count;
  }
  return 0;
}

// Makes `size` bytes available from `from` on.
static int need(server_link *link, size_t size) {
  if (size > BUFFER_SIZE) return -1;
  if (link->from + size > BUFFER_SIZE) {
    memmove(link->input, link->input + link->from, link->to - link->from);
    link->to -= link->from;
    link->from = 0;
  }
  while (link->to - link->from < size) {
    ssize_t count = read(link->socket, link->input + link->to, BUFFER_SIZE - link->to);
    if (count <= 0) return -1;
    link->to += (size_t)count;
  }
  return 0;
}

// The next line without its end, as text; NULL if there is none. Lines have 512 bytes at most.
static char *line(server_link *link) {
  for (size_t size = 2; size <= 512; size++) {
    if (link->to - link->from < size && need(link, size) != 0) return NULL;
    char *start = link->input + link->from;
    char *end = memchr(start + size - 2, '\n', link->to - link->from - (size - 2));
    if (end == NULL) {
      size = link->to - link->from;
      continue;
    }
    end[-1] = 0;
    link->from += (size_t)(end + 1 - start);
    return start;
  }
  return NULL;
}

static int take_value(
  server_link *link, size_t size, void (*seen)(void *, const void *, size_t), void *context
) {
  if (need(link, size + 2) != 0) return -1;
  seen(context, link->input + link->from, size);
  link->from += size + 2;
  return 0;
}

int server_put(server_link *link, const void *key, size_t key_size, const void *value, size_t size) {
  if (key_size + size + 128 > BUFFER_SIZE) return -1;
  int head = link->kind == SERVER_REDIS
    ? sprintf(
        link->output, "*3\r\n$3\r\nSET\r\n$%zu\r\n%.*s\r\n$%zu\r\n", key_size, (int)key_size, (const char *)key, size)
    : sprintf(link->output, "set %.*s 0 0 %zu\r\n", (int)key_size, (const char *)key, size);
  memcpy(link->output + head, value, size);
  memcpy(link->output + head + size, "\r\n", 2);
  if (send_all(link, (size_t)head + size + 2) != 0) return -1;
  char *answer = line(link);
  return answer != NULL && (strcmp(answer, "+OK") == 0 || strcmp(answer, "STORED") == 0) ? 0 : -1;
}

long server_get(
  server_link *link, const void *keys, size_t key_size, size_t stride, int count,
  void (*seen)(void *context, const void *value, size_t size), void *context
) {
  if ((size_t)count * (key_size + 64) > BUFFER_SIZE) return -2;
  char *at = link->output;
  for (int index = 0; index < count; index++) {
    const char *key = (const char *)keys + (size_t)index * stride;
    if (link->kind == SERVER_REDIS) at += sprintf(at, "*2\r\n$3\r\nGET\r\n$%zu\r\n", key_size);
    else at += sprintf(at, "get ");
    memcpy(at, key, key_size);
    memcpy(at + key_size, "\r\n", 2);
    at += key_size + 2;
  }
  if (send_all(link, (size_t)(at - link->output)) != 0) return -2;
  long values = 0;
  for (int index = 0; index < count; index++) {
    char *answer = line(link);
    if (answer == NULL) return -2;
    if (link->kind == SERVER_REDIS) {
      long size = answer[0] == '$' ? strtol(answer + 1, NULL, 10) : -2;
      if (size < -1 || size > BUFFER_SIZE - 2) return -2;
      if (size < 0) continue;
      if (take_value(link, (size_t)size, seen, context) != 0) return -2;
      values++;
    } else if (strncmp(answer, "VALUE ", 6) == 0) {
      char *last = strrchr(answer, ' ');
      long size = strtol(last + 1, NULL, 10);
      if (size < 0 || size > BUFFER_SIZE - 2 || take_value(link, (size_t)size, seen, context) != 0) return -2;
      values++;
      answer = line(link);
      if (answer == NULL || strcmp(answer, "END") != 0) return -2;
    } else if (strcmp(answer, "END") != 0) {
      return -2;
    }
  }
  return values;
}

static void add_up(void *context, const void *value, size_t size) {
  uint64_t word = 0;
  memcpy(&word, value, size < 8 ? size : 8);
  *(uint64_t *)context += word + size;
}

long server_get_sum(
  server_link *link, const void *keys, size_t key_size, size_t stride, int count, uint64_t *sum
) {
  return server_get(link, keys, key_size, stride, count, add_up, sum);
}
