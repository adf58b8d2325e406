// SPDX-License-Identifier: Apache-2.0
// SQLite by its public interface (sqlite3.h 3), declared by hand.

#include <stdlib.h>
#include <string.h>

#include "CPeers.h"
#include "Library.h"

enum { SQLITE_ROW_READY = 100, SQLITE_FINISHED = 101 };

static struct {
  int (*open)(const char *, void **);
  int (*close)(void *);
  int (*exec)(void *, const char *, void *, void *, char **);
  int (*prepare)(void *, const char *, int, void **, const char **);
  int (*bind_blob)(void *, int, const void *, int, void (*)(void *));
  int (*step)(void *);
  int (*reset)(void *);
  int (*finalize)(void *);
  const void *(*column_blob)(void *, int);
  int (*column_bytes)(void *, int);
  const char *(*message)(void *);
} sqlite;

struct sqlite_store {
  void *database;
  void *reading;
  void *writing;
};

static const char *load(void) {
  static const char *const names[] = {"libsqlite3.so.0", "libsqlite3.so", "libsqlite3.dylib", NULL};
  if (sqlite.open != NULL) return NULL;
  void *library = library_open(names);
  if (library == NULL) return "SQLite is not installed: apt-get install libsqlite3-0";
  const char *missing = NULL;
  sqlite.close = library_function(library, "sqlite3_close", &missing);
  sqlite.exec = library_function(library, "sqlite3_exec", &missing);
  sqlite.prepare = library_function(library, "sqlite3_prepare_v2", &missing);
  sqlite.bind_blob = library_function(library, "sqlite3_bind_blob", &missing);
  sqlite.step = library_function(library, "sqlite3_step", &missing);
  sqlite.reset = library_function(library, "sqlite3_reset", &missing);
  sqlite.finalize = library_function(library, "sqlite3_finalize", &missing);
  sqlite.column_blob = library_function(library, "sqlite3_column_blob", &missing);
  sqlite.column_bytes = library_function(library, "sqlite3_column_bytes", &missing);
  sqlite.message = library_function(library, "sqlite3_errmsg", &missing);
  sqlite.open = library_function(library, "sqlite3_open", &missing);
  return missing == NULL ? NULL : library_trouble("SQLite has no function", missing);
}

sqlite_store *sqlite_open(const char *path, const char **trouble) {
  *trouble = load();
  if (*trouble != NULL) return NULL;
  sqlite_store *store = calloc(1, sizeof *store);
  if (store == NULL) return NULL;
  int status = sqlite.open(path, &store->database);
  static const char *const orders[] = {
    "PRAGMA journal_mode=WAL", "PRAGMA synchronous=OFF", "PRAGMA mmap_size=2147483648", "PRAGMA cache_size=-262144",
    "CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID", NULL};
  for (int order = 0; status == 0 && orders[order] != NULL; order++) {
    status = sqlite.exec(store->database, orders[order], NULL, NULL, NULL);
  }
  if (status == 0) {
    status = sqlite.prepare(store->database, "SELECT value FROM entries WHERE key = ?", -1, &store->reading, NULL);
  }
  if (status == 0) {
    status = sqlite.prepare(
      store->database, "INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)", -1, &store->writing, NULL);
  }
  if (status == 0) return store;
  *trouble = library_trouble("SQLite", store->database == NULL ? "no memory" : sqlite.message(store->database));
  sqlite_close(store);
  return NULL;
}

void sqlite_close(sqlite_store *store) {
  sqlite.finalize(store->reading);
  sqlite.finalize(store->writing);
  sqlite.close(store->database);
  free(store);
}

int sqlite_begin(sqlite_store *store) { return sqlite.exec(store->database, "BEGIN", NULL, NULL, NULL); }
int sqlite_commit(sqlite_store *store) { return sqlite.exec(store->database, "COMMIT", NULL, NULL, NULL); }

// Bound bytes stay where they are until the statement is reset, so SQLite need not copy them (destructor NULL: static).
int sqlite_put(sqlite_store *store, const void *key, size_t key_size, const void *value, size_t size) {
  int status = sqlite.bind_blob(store->writing, 1, key, (int)key_size, NULL);
  if (status == 0) status = sqlite.bind_blob(store->writing, 2, value, (int)size, NULL);
  if (status == 0) status = sqlite.step(store->writing) == SQLITE_FINISHED ? 0 : 1;
  sqlite.reset(store->writing);
  return status;
}

long sqlite_get(sqlite_store *store, const void *key, size_t key_size, void *target, size_t room) {
  if (sqlite.bind_blob(store->reading, 1, key, (int)key_size, NULL) != 0) return -2;
  long size = -1;
  int status = sqlite.step(store->reading);
  if (status == SQLITE_ROW_READY) {
    const void *value = sqlite.column_blob(store->reading, 0);
    size = sqlite.column_bytes(store->reading, 0);
    if ((size_t)size <= room && size > 0) memcpy(target, value, (size_t)size);
  } else if (status != SQLITE_FINISHED) {
    size = -2;
  }
  sqlite.reset(store->reading);
  return size;
}
