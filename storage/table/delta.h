/*
 * delta: the changes of one write transaction, ordered per store, before they reach the kv.
 *
 * Each store has a B+tree of entries; an entry says "put", "deleted" or (undone by a savepoint)
 * nothing. Entries never move and never leave their tree, so key slices live as long as the delta,
 * and a cursor only has to look again when the tree grew (store->version).
 *
 * Ownership: everything lives in the delta's arena; delta_reset forgets it at once.
 * Threads:   written by the one transaction that owns it; once committed it is immutable and read
 * by the transactions that follow. Errors:    ST_LIMIT when the transaction grew beyond its budget,
 * ST_NO_MEMORY.
 */
#ifndef HARPER_TABLE_DELTA_H
#define HARPER_TABLE_DELTA_H

#include "storage/kv/kv.h"

enum { DELTA_FANOUT = 32, DELTA_BUCKETS = 64, DELTA_DEPTH_MAX = 24 };

enum delta_state {
    DELTA_NONE,    /* says nothing: look below */
    DELTA_PUT,     /* value */
    DELTA_DELETED, /* hidden, whatever lies below */
};

struct delta_entry {
    const char *value;
    uint32_t value_len, value_room;
    uint32_t generation; /* of the mark under which its old value was last saved */
    uint16_t key_len;
    uint8_t state; /* enum delta_state */
    char key[];
};

struct delta_node {
    uint16_t count;
    bool is_leaf;
    uint64_t heads[DELTA_FANOUT]; /* first 8 bytes of each key: most comparisons end here */
    struct delta_entry *entries[DELTA_FANOUT];
    union {
        struct delta_node *children[DELTA_FANOUT]; /* child k holds keys >= entries[k] */
        struct {
            struct delta_node *next, *prev;
        } leaf;
    } as;
};

struct delta_store {
    struct kv_store store;
    struct delta_store *next_in_bucket;
    struct delta_store *next; /* in order of first use */
    struct delta_node *root, *first, *last;
    uint64_t version; /* grows with each new entry */
    size_t entry_count;
    bool is_created, is_dropped;
    bool is_cleared; /* nothing below shows through */
    bool is_append;  /* every key is greater than all below; kept by who writes it */
};

struct delta_undo;

struct delta {
    struct arena arena;
    size_t bytes_max;
    struct delta_store *buckets[DELTA_BUCKETS];
    struct delta_store *stores, **stores_tail;
    struct delta_undo *undo;
    size_t undo_count, undo_room;
    uint32_t generation, generation_last; /* generation 0: no mark, nothing is saved */
};

void delta_init(struct delta *delta, size_t bytes_max);
void delta_reset(struct delta *delta); /* empty again, first block kept */
void delta_deinit(struct delta *delta);
size_t delta_bytes(const struct delta *delta);

/* NULL: not touched here. */
struct delta_store *delta_find_store(const struct delta *delta, uint32_t id);
/* NULL: out of memory. */
struct delta_store *delta_use_store(struct delta *delta, struct kv_store store);

enum status delta_put(struct delta *delta, struct delta_store *store, struct slice key,
                      struct slice value);
/* As delta_put, but the value is lent for the delta's life. */
enum status delta_put_lent(struct delta *delta, struct delta_store *store, struct slice key,
                           struct slice value);
enum status delta_delete(struct delta *delta, struct delta_store *store, struct slice key);
enum status delta_clear_store(struct delta *delta, struct delta_store *store);
enum status delta_create_store(struct delta *delta, struct kv_store store);
enum status delta_drop_store(struct delta *delta, struct kv_store store);
enum delta_state delta_get(const struct delta_store *store, struct slice key, struct slice *value);

/* Savepoints. The caller keeps the stack of marks; each has a position and a generation. */
struct delta_mark {
    size_t undo_count;
    uint32_t generation;
};
struct delta_mark delta_begin_mark(struct delta *delta);
/* Back to how it was at `mark`, which stays the newest mark. */
void delta_undo_to(struct delta *delta, struct delta_mark *mark);
/* `outer` is the newest mark again; NULL: none is left and the undo log is dropped. */
void delta_end_mark(struct delta *delta, const struct delta_mark *outer);

/* A place in one store. entry is NULL when there is none. Entries of state NONE are skipped. */
struct delta_place {
    struct delta_store *store;
    struct delta_node *leaf;
    unsigned slot;
    struct delta_entry *entry;
    uint64_t version;
};
void delta_seek(struct delta_place *place, struct slice at_least);
void delta_seek_after(struct delta_place *place, struct slice key);  /* first > key */
void delta_seek_before(struct delta_place *place, struct slice key); /* last < key; empty: last */
void delta_next(struct delta_place *place);
void delta_prev(struct delta_place *place);

static inline struct slice delta_key(const struct delta_entry *entry)
{
    return (struct slice){entry->key, entry->key_len};
}
static inline struct slice delta_value(const struct delta_entry *entry)
{
    return (struct slice){entry->value, entry->value_len};
}

/* Write everything into a kv transaction, stores in order of first use, keys ascending. */
enum status delta_apply(const struct delta *delta, struct kv_txn *kv);

#endif
