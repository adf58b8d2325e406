// SPDX-License-Identifier: Apache-2.0 Other stores, used as their documentation says they are fastest for this:
// LMDB, SQLite, servers behind a unix socket, and the engine of the predecessor, rebuilt.
//
// - Libraries are opened when they are first asked for (dlopen), by prototypes declared here by hand: a machine
//   without them builds all the same, and the group is skipped.
// - Each open function returns NULL and a reason in `trouble`, which is valid until the next call.
// - A get returns the value's size, -1 if there is none, -2 for an error.
#ifndef CPEERS_H
#define CPEERS_H

#include <stddef.h>
#include <stdint.h>

// --- LMDB: tmpfs, write map, no sync --------------------------------------------------------------------------------

typedef struct lmdb_store lmdb_store;

// A new environment in an empty directory, for `map_size` bytes.
lmdb_store *lmdb_open(const char *directory, size_t map_size, const char **trouble);
void lmdb_close(lmdb_store *store);

// Writes go between these two; 0 if well.
int lmdb_begin(lmdb_store *store);
int lmdb_put(lmdb_store *store, const void *key, size_t key_size, const void *value, size_t size);
int lmdb_commit(lmdb_store *store);

// A read with a transaction that is renewed and reset around it: it sees what others have committed.
long lmdb_get_renewed(lmdb_store *store, const void *key, size_t key_size, void *target, size_t room);

// Reads in one transaction, which see none of what is committed after it has begun.
int lmdb_begin_long(lmdb_store *store);
long lmdb_get_long(lmdb_store *store, const void *key, size_t key_size, void *target, size_t room);
void lmdb_end_long(lmdb_store *store);

// --- SQLite: WITHOUT ROWID, WAL, mmap, no sync, prepared statements -------------------------------------------------

typedef struct sqlite_store sqlite_store;

sqlite_store *sqlite_open(const char *path, const char **trouble);
void sqlite_close(sqlite_store *store);
int sqlite_begin(sqlite_store *store);
int sqlite_put(sqlite_store *store, const void *key, size_t key_size, const void *value, size_t size);
int sqlite_commit(sqlite_store *store);
long sqlite_get(sqlite_store *store, const void *key, size_t key_size, void *target, size_t room);

// --- servers -----------------------------------------------------------------------------------------------------

enum { SERVER_REDIS = 0, SERVER_MEMCACHED = 1 };

typedef struct server_link server_link;

server_link *server_connect(int kind, const char *socket_path, const char **trouble);
void server_close(server_link *link);
int server_put(server_link *link, const void *key, size_t key_size, const void *value, size_t size);

// Asks for `count` keys of `key_size` bytes, `stride` apart, in one write, and reads all answers. Calls `seen` with
// each value that there is. The number of values, or -2.
long server_get(
  server_link *link, const void *keys, size_t key_size, size_t stride, int count,
  void (*seen)(void *context, const void *value, size_t size), void *context);

// The sum over the values as Content defines it: the first eight bytes of each, plus its size.
long server_get_sum(
  server_link *link, const void *keys, size_t key_size, size_t stride, int count, uint64_t *sum);

// --- the predecessor's engine ------------------------------------------------------------------------------------

// The shared engine of warp_cache 0.7.0, as its source describes it: one seqlock for the whole cache, buckets of 16
// bytes, slots with a header of 64 bytes, geometry and hit counter on one line that every reader loads and every
// hit adds to, visited stored at each hit, and each value returned in memory of its own. Gets and a fill only. The
// memory is shared and mapped by the caller; zeros are an engine that was not made yet.
typedef struct old_engine old_engine;

size_t old_engine_size(uint64_t capacity, uint32_t key_size, uint32_t value_size);
void old_engine_make(old_engine *engine, uint64_t capacity, uint32_t key_size, uint32_t value_size);
int old_engine_put(old_engine *engine, const void *key, size_t key_size, const void *value, size_t size);

// A copy of the value, which the caller frees; NULL if there is none.
void *old_engine_get(old_engine *engine, const void *key, size_t key_size, size_t *size);

// The same through `old_engine_get`, as a loop that copies nothing further: the sum over the hits.
uint64_t old_engine_sum(old_engine *engine, const void *keys, size_t key_size, size_t stride, size_t count);

// --- zstd --------------------------------------------------------------------------------------------------------

// Decompresses a whole frame into new memory, which the caller frees; NULL and a reason if that can't be done.
void *peers_unpack(const void *frame, size_t size, size_t *unpacked, const char **trouble);

// Bytes that this process's allocator has given out; 0 if it does not tell.
size_t peers_heap(void);

#endif
