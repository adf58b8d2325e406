// SPDX-License-Identifier: Apache-2.0
// LMDB by its public interface (lmdb.h 0.9), declared by hand.

#include <stdlib.h>
#include <string.h>

#include "CPeers.h"
#include "Library.h"

typedef struct lmdb_value {
  size_t size;
  void *data;
} lmdb_value;

enum {
  LMDB_NO_SYNC = 0x10000, LMDB_READ_ONLY = 0x20000, LMDB_WRITE_MAP = 0x80000, LMDB_NO_READAHEAD = 0x800000,
};

static struct {
  int (*env_create)(void **);
  int (*env_set_mapsize)(void *, size_t);
  int (*env_open)(void *, const char *, unsigned, unsigned);
  void (*env_close)(void *);
  int (*txn_begin)(void *, void *, unsigned, void **);
  int (*txn_commit)(void *);
  void (*txn_abort)(void *);
  void (*txn_reset)(void *);
  int (*txn_renew)(void *);
  int (*dbi_open)(void *, const char *, unsigned, unsigned *);
  int (*get)(void *, unsigned, lmdb_value *, lmdb_value *);
  int (*put)(void *, unsigned, lmdb_value *, lmdb_value *, unsigned);
  char *(*text)(int);
} lmdb;

struct lmdb_store {
  void *environment;
  void *writing;
  void *renewed;
  void *lasting;
  unsigned table;
};

static const char *load(void) {
  static const char *const names[] = {"liblmdb.so.0", "liblmdb.so", "liblmdb.dylib", NULL};
  if (lmdb.get != NULL) return NULL;
  void *library = library_open(names);
  if (library == NULL) return "LMDB is not installed: apt-get install liblmdb0";
  const char *missing = NULL;
  lmdb.env_create = library_function(library, "mdb_env_create", &missing);
  lmdb.env_set_mapsize = library_function(library, "mdb_env_set_mapsize", &missing);
  lmdb.env_open = library_function(library, "mdb_env_open", &missing);
  lmdb.env_close = library_function(library, "mdb_env_close", &missing);
  lmdb.txn_begin = library_function(library, "mdb_txn_begin", &missing);
  lmdb.txn_commit = library_function(library, "mdb_txn_commit", &missing);
  lmdb.txn_abort = library_function(library, "mdb_txn_abort", &missing);
  lmdb.txn_reset = library_function(library, "mdb_txn_reset", &missing);
  lmdb.txn_renew = library_function(library, "mdb_txn_renew", &missing);
  lmdb.dbi_open = library_function(library, "mdb_dbi_open", &missing);
  lmdb.put = library_function(library, "mdb_put", &missing);
  lmdb.text = library_function(library, "mdb_strerror", &missing);
  lmdb.get = library_function(library, "mdb_get", &missing);
  return missing == NULL ? NULL : library_trouble("LMDB has no function", missing);
}

lmdb_store *lmdb_open(const char *directory, size_t map_size, const char **trouble) {
  *trouble = load();
  if (*trouble != NULL) return NULL;
  lmdb_store *store = calloc(1, sizeof *store);
  void *making = NULL;
  int status = store == NULL ? 12 : lmdb.env_create(&store->environment);
  if (status == 0) status = lmdb.env_set_mapsize(store->environment, map_size);
  if (status == 0) {
    status = lmdb.env_open(store->environment, directory, LMDB_NO_SYNC | LMDB_WRITE_MAP | LMDB_NO_READAHEAD, 0600);
  }
  if (status == 0) status = lmdb.txn_begin(store->environment, NULL, 0, &making);
  if (status == 0) status = lmdb.dbi_open(making, NULL, 0, &store->table);
  if (making != NULL) {
    int committed = lmdb.txn_commit(making);
    if (status == 0) status = committed;
  }
  if (status == 0) status = lmdb.txn_begin(store->environment, NULL, LMDB_READ_ONLY, &store->renewed);
  if (status != 0) {
    *trouble = library_trouble("LMDB", lmdb.text(status));
    if (store != NULL) lmdb_close(store);
    return NULL;
  }
  lmdb.txn_reset(store->renewed);
  return store;
}

void lmdb_close(lmdb_store *store) {
  // `lasting` is `renewed`, if anything.
  if (store->renewed != NULL) lmdb.txn_abort(store->renewed);
  if (store->writing != NULL) lmdb.txn_abort(store->writing);
  if (store->environment != NULL) lmdb.env_close(store->environment);
  free(store);
}

int lmdb_begin(lmdb_store *store) { return lmdb.txn_begin(store->environment, NULL, 0, &store->writing); }

int lmdb_put(lmdb_store *store, const void *key, size_t key_size, const void *value, size_t size) {
  lmdb_value name = {key_size, (void *)key}, content = {size, (void *)value};
  return lmdb.put(store->writing, store->table, &name, &content, 0);
}

int lmdb_commit(lmdb_store *store) {
  int status = lmdb.txn_commit(store->writing);
  store->writing = NULL;
  return status;
}

static inline long get(
  void *transaction, unsigned table, const void *key, size_t key_size, void *target, size_t room
) {
  lmdb_value name = {key_size, (void *)key}, content;
  int status = lmdb.get(transaction, table, &name, &content);
  if (status != 0) return status == -30798 ? -1 : -2;
  if (content.size <= room) memcpy(target, content.data, content.size);
  return (long)content.size;
}

long lmdb_get_renewed(lmdb_store *store, const void *key, size_t key_size, void *target, size_t room) {
  if (lmdb.txn_renew(store->renewed) != 0) return -2;
  long size = get(store->renewed, store->table, key, key_size, target, room);
  lmdb.txn_reset(store->renewed);
  return size;
}

int lmdb_begin_long(lmdb_store *store) {
  // A thread has one read transaction at a time: the one that is renewed is the long one, too.
  int status = lmdb.txn_renew(store->renewed);
  if (status == 0) store->lasting = store->renewed;
  return status;
}

long lmdb_get_long(lmdb_store *store, const void *key, size_t key_size, void *target, size_t room) {
  return get(store->lasting, store->table, key, key_size, target, room);
}

void lmdb_end_long(lmdb_store *store) {
  if (store->lasting != NULL) lmdb.txn_reset(store->lasting);
  store->lasting = NULL;
}
