/*
 * lmdb_internal: what the files of the LMDB backend share. The only place that includes lmdb.h.
 *
 *   lmdb.c         handles, opening, the rest of the vtable
 *   lmdb_read.c    read transactions, gets and cursors, of write transactions too
 *   lmdb_page.c    leaves walked without LMDB, by readers
 *   lmdb_write.c   write transactions
 *
 * Every store is a named database "s" + eight hex digits. All of them are opened with the
 * environment or as they are made, because LMDB opens a handle only in a transaction that nobody
 * shares. What a commit promises about a power cut is in README.md, "LMDB and power cuts".
 */
#ifndef HARPER_KV_LMDB_INTERNAL_H
#define HARPER_KV_LMDB_INTERNAL_H

#include "storage/kv/kv_internal.h"
#include <assert.h>
#include <lmdb.h>

enum {
    STORES_MAX = 4096,      /* LMDB allocates for so many in each transaction */
    APPEND_HEAD_BYTES = 30, /* of the last key put, per store */
    STORE_NAME_BYTES = 10   /* "s%08x" */
};

/* A dropped store is emptied at once. Its name and handle go when no reader can be using them;
 * until then its id is in the database "dropped", which also survives a restart. */
struct lmdb_drop {
    uint32_t id;
    MDB_dbi dbi;
    size_t version; /* of the transaction that dropped it */
};

struct lmdb_drops {
    struct lmdb_drop *all;
    size_t count, capacity;
};

/* The beginning of the key that was put last, to recognise ascending puts. Only a hint: LMDB
 * checks. */
struct append_hint {
    uint8_t len,
        skip; /* skip: so many ascending keys are not worth trying, after one was not the last */
    char head[APPEND_HEAD_BYTES];
};

struct lmdb_read;

struct lmdb_write {
    struct kv_txn base;
    MDB_txn *txn;
    uint32_t *made; /* ids of stores made by this transaction */
    size_t made_count, made_capacity;
    struct lmdb_drops drops;
    bool has_lent; /* slices of this transaction are out, since its last write */
    struct buf key, value;
};

/* Which pages passed kv->base.check not long ago: a bit for every page of the map. */
struct lmdb_checked {
    _Atomic uint64_t *bits; /* NULL: nothing is remembered */
    void *room;             /* what holds them */
    uint64_t page_count;
    _Atomic uint64_t since_ns; /* all bits are younger */
    _Atomic uintptr_t map;     /* where the map begins, as the first page says; 0: not asked yet */
};

struct lmdb_kv {
    struct kv base;
    MDB_env *env;
    char *path;
    MDB_dbi dropped;
    bool power_cut_may_damage;
    uint32_t page_bytes; /* 0: leaves are not walked, LMDB's own cursor does every step */
    struct lmdb_checked checked;
    _Atomic uint64_t *handles;     /* hash table of id << 32 | dbi; 0: free, 1: was removed */
    _Atomic uint64_t commit_count; /* readers renew when it has changed */
    _Atomic unsigned making;       /* odd: a commit that makes stores is under way */
    pthread_mutex_t making_lock;
    pthread_mutex_t readers_lock;
    struct lmdb_read *readers;
    struct lmdb_read *idle; /* ended ones, kept because LMDB's transactions are big (STORES_MAX) */
    unsigned idle_count;
    /* the writer's */
    struct lmdb_write write;
    struct lmdb_drops drops;
    struct append_hint *hints; /* by handle */
    bool has_unsynced;
};

struct lmdb_read {
    struct kv_txn base;
    MDB_txn *txn;
    bool is_live;               /* has a snapshot */
    _Atomic size_t version;     /* of the snapshot; 0: none */
    uint64_t commit_count;      /* of the kv, just before the snapshot was taken */
    uint64_t generation;        /* counts renewals; cursors compare */
    struct lmdb_read *previous; /* in kv->readers */
    struct lmdb_read *following;
};

static inline struct lmdb_kv *lmdb_of(struct kv *kv)
{
    return (struct lmdb_kv *)(void *)kv;
}

static inline struct lmdb_write *lmdb_write_of(struct kv_txn *txn)
{
    assert(txn->is_write);
    return (struct lmdb_write *)(void *)txn;
}

static inline struct lmdb_read *lmdb_read_of(struct kv_txn *txn)
{
    assert(!txn->is_write);
    return (struct lmdb_read *)(void *)txn;
}

static inline MDB_txn *lmdb_txn_of(struct kv_txn *txn)
{
    return txn->is_write ? lmdb_write_of(txn)->txn : lmdb_read_of(txn)->txn;
}

static inline MDB_val lmdb_val(struct slice bytes)
{
    MDB_val val = {.mv_size = bytes.len};

    memcpy(&val.mv_data, &bytes.data, sizeof val.mv_data); /* LMDB does not change it */
    return val;
}

static inline struct slice lmdb_slice(const MDB_val *val)
{
    return slice_of(val->mv_data, val->mv_size);
}

/* lmdb.c */
enum status lmdb_status(int rc);
enum status lmdb_fail(struct lmdb_kv *kv, int rc, const char *doing, struct error *err);
bool lmdb_handle_find(struct lmdb_kv *kv, uint32_t id, MDB_dbi *out); /* by any thread */
void lmdb_handle_add(struct lmdb_kv *kv, uint32_t id, MDB_dbi dbi);
void lmdb_handle_remove(struct lmdb_kv *kv, uint32_t id);
void lmdb_store_name(uint32_t id, char name[STORE_NAME_BYTES]);
bool lmdb_add_drop(struct lmdb_drops *drops, struct lmdb_drop drop);

/* lmdb_read.c */
enum status lmdb_begin_read(struct kv *base, struct kv_txn **out, struct error *err);
enum status lmdb_renew(struct kv_txn *base);
void lmdb_park(struct kv_txn *base);
void lmdb_end_read(struct kv_txn *base);
void lmdb_free_idle(struct lmdb_kv *kv);
enum status lmdb_get(struct kv_txn *base, struct kv_store store, struct slice key,
                     struct slice *out);
enum status lmdb_get_many(struct kv_txn *base, struct kv_store store, size_t count,
                          const struct slice *keys, struct slice *values);
enum status lmdb_cursor_open(struct kv_txn *txn, struct kv_store store, struct kv_cursor **out);
void lmdb_cursor_close(struct kv_cursor *base);
enum status lmdb_seek(struct kv_cursor *base, struct slice at_least);
enum status lmdb_seek_before(struct kv_cursor *base, struct slice before);
enum status lmdb_next(struct kv_cursor *base);
unsigned lmdb_run(struct kv_cursor *base, struct kv_entry *out, unsigned max);
enum status lmdb_prev(struct kv_cursor *base);

/* lmdb_page.c */

/* A leaf as LMDB 0.9 writes it. */
struct lmdb_page {
    const char *start; /* NULL: none */
    uint32_t bytes;
    uint16_t count, slot;
};

enum page_answer { PAGE_ENTRY, PAGE_FAR_VALUE, PAGE_DAMAGED };

/* Room to remember checked pages; without it all goes on, only slower. */
void lmdb_checked_open(struct lmdb_kv *kv);
void lmdb_checked_close(struct lmdb_kv *kv);
/* Every entry of the page passes the check, now or not long ago. */
bool lmdb_page_is_checked(struct lmdb_kv *kv, const struct lmdb_page *page);
/* The size of pages to walk, 0 when this LMDB or this file does not allow it. */
uint32_t lmdb_page_bytes(MDB_env *env);
/* Stand where LMDB's cursor stands, which gave this key and value. False: not a leaf as known. */
bool lmdb_page_enter(struct lmdb_page *page, const struct lmdb_kv *kv, struct slice key,
                     struct slice value);

static inline uint16_t lmdb_load2(const char *at)
{
    uint16_t x;

    memcpy(&x, at, 2);
    return x;
}

enum {
    PAGE_HEADER_BYTES = 16, /* number 8, pad 2, flags 2, lower 2, upper 2 */
    NODE_HEADER_BYTES = 8,  /* length of the value 4, flags 2, length of the key 2 */
};

/* The entry at page->slot. PAGE_FAR_VALUE: *key only, the value lies on pages of its own. */
static inline enum page_answer lmdb_page_read(const struct lmdb_page *page, struct slice *key,
                                              struct slice *value)
{
    const uint32_t at = lmdb_load2(page->start + PAGE_HEADER_BYTES + 2u * page->slot);
    const char *node = page->start + at;
    uint32_t value_bytes, key_bytes, flags;

    if (__builtin_expect(at < PAGE_HEADER_BYTES || at + NODE_HEADER_BYTES > page->bytes, false))
        return PAGE_DAMAGED;
    memcpy(&value_bytes, node, 4);
    flags = lmdb_load2(node + 4);
    key_bytes = lmdb_load2(node + 6);
    if (__builtin_expect(at + NODE_HEADER_BYTES + key_bytes > page->bytes, false))
        return PAGE_DAMAGED;
    *key = slice_of(node + NODE_HEADER_BYTES, key_bytes);
    if (__builtin_expect(flags != 0, false))
        return flags == 1 ? PAGE_FAR_VALUE : PAGE_DAMAGED;
    *value = slice_of(node + NODE_HEADER_BYTES + key_bytes, value_bytes);
    return __builtin_expect(
               (uint64_t)at + NODE_HEADER_BYTES + key_bytes + value_bytes > page->bytes, false)
               ? PAGE_DAMAGED
               : PAGE_ENTRY;
}

/* lmdb_write.c */
enum status lmdb_begin_write(struct kv *base, struct kv_txn **out, struct error *err);
enum status lmdb_commit(struct kv_txn *base, bool sync, struct error *err);
void lmdb_abort(struct kv_txn *base);
enum status lmdb_sync(struct kv *base, struct error *err);
enum status lmdb_store_create(struct kv_txn *base, struct kv_store store);
enum status lmdb_store_drop(struct kv_txn *base, struct kv_store store);
enum status lmdb_put(struct kv_txn *txn, struct kv_store store, struct slice key,
                     struct slice value);
enum status lmdb_append(struct kv_txn *txn, struct kv_store store, struct slice key,
                        struct slice value);
enum status lmdb_delete(struct kv_txn *base, struct kv_store store, struct slice key);
enum status lmdb_delete_range(struct kv_txn *base, struct kv_store store, struct slice from,
                              struct slice to);

#endif
