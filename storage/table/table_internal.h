/*
 * table_internal: what the files of this module share. Read README.md first.
 *
 * Locks, in the order in which they may be taken: the writer lock (db->writer, held by one
 * transaction from its first write to its commit), then db->lock (short, never held over I/O), then
 * a table's shapes lock.
 */
#ifndef HARPER_TABLE_INTERNAL_H
#define HARPER_TABLE_INTERNAL_H

#include "storage/table/delta.h"
#include "storage/table/record_cache.h"
#include "storage/table/table.h"
#include <pthread.h>
#include <stdatomic.h>

/* Stores with a fixed id; docs/storage-format.md, "Stores". Tables and indexes begin at
 * STORE_FIRST. */
enum { STORE_META = 1, STORE_LOG = 2, STORE_TOMB = 3, STORE_FIRST = 16 };

static inline struct kv_store store_meta(void)
{
    return (struct kv_store){STORE_META, KV_META};
}
static inline struct kv_store store_log(void)
{
    return (struct kv_store){STORE_LOG, KV_LOG};
}
static inline struct kv_store store_of_table(const struct table *table)
{
    return (struct kv_store){table->store, KV_DATA};
}
static inline struct kv_store store_of_index(const struct index *index)
{
    return (struct kv_store){index->store, KV_INDEX};
}

/* First byte of a key in the META store. */
enum meta_tag {
    META_DATABASE = 'D', /* 'D': format, uuid, counters of ids, catalog version */
    META_TABLE = 'T',    /* 'T' store: definition */
    META_SHAPE = 'S',    /* 'S' table-store shape: attribute ids */
    META_COUNT = 'C',    /* 'C' store: rows, flags, greatest automatic rowid */
    META_OBJECT = 'O',   /* 'O' id: view, trigger, type */
    META_CEILING = 'H',  /* 'H': no stamp beyond was given out */
    META_CHAIN = 'W',    /* 'W': sequence and chain of the newest commit */
    META_SKETCH = 'X',   /* 'X' store: distinct sketches of an index */
    META_FILL = 'F',     /* 'F' store: how far an index that is being filled has come */
};

enum {
    DATABASE_FORMAT = 1,
    SHAPES_PER_TABLE_MAX = 4096,
    LOG_CHUNK_BYTES = 1 << 20,
    SKETCH_REGISTERS = 256,
    SKETCH_PARTS_MAX = 4,
    LABEL_BYTES_MAX = 160,
    GROUP_MAX = 256,
    CEILING_AHEAD_MS = 2000,
};

/* ---- shapes ---- */

struct shape_full {
    struct shape shape; /* first: a lent shape is turned back into this */
    const struct shapes *owner;
    const uint8_t *key_part_of; /* column -> part of the primary key, 0xff */
    struct shape_full *next_in_bucket;
    uint64_t hash;
};

struct shape_slot {
    _Atomic(struct shape_full *) shape;
};

/* All shapes of a table under one set of attribute names. Read without a lock by id; made by the
 * writer. */
enum { SHAPE_PAGE_FIRST = 16, SHAPE_PAGES = 13 }; /* page k has 16 << k slots */
struct shapes {
    _Atomic unsigned references;
    pthread_mutex_t lock;
    struct arena arena;
    _Atomic uint32_t count; /* ids are 1..count */
    _Atomic(struct shape_slot *) pages[SHAPE_PAGES];
    struct shape_full **buckets;
    size_t bucket_count;
};

/* ---- statistics: mutable, shared by all versions of a table ---- */

struct index_stats {
    uint32_t store;
    uint8_t parts;
    _Atomic bool is_dirty;
    _Atomic uint8_t registers[SKETCH_PARTS_MAX][SKETCH_REGISTERS];
    struct index_stats *next;
};

struct table_stats {
    _Atomic unsigned references;
    _Atomic int64_t rows;        /* newest commit */
    _Atomic bool has_typed_keys; /* some key has a type suffix */
    _Atomic(struct index_stats *) indexes;
    /* The rest belongs to the holder of the writer lock. */
    int64_t sequence_max; /* AUTOINCREMENT: greatest ever */
    bool is_greatest_known;
    struct buf greatest; /* no stored key is greater (an upper bound: removals do not lower it) */
};

/* ---- catalog ---- */

struct table_version {
    struct table table; /* first: a lent table is turned back into this */
    _Atomic unsigned references;
    struct arena arena;
    struct shapes *shapes;
    uint8_t *key_part_of_attribute; /* attribute -> key part or 0xff */
    struct index_info *infos;       /* per index */
    struct name_slot *names;        /* attribute names, hashed */
    size_t name_slot_count;
    bool needs_evaluator; /* some index has an expression or a condition */
};

struct index_info {
    const struct key_part *parts; /* of the index, then of the primary key */
    unsigned part_count;
    struct index_stats *stats;
};
struct name_slot {
    uint32_t hash;
    uint16_t attribute_plus_1;
};

struct object_version {
    struct catalog_object object; /* first */
    _Atomic unsigned references;
    struct arena arena;
};

struct catalog_version {
    struct catalog catalog; /* first */
    struct db *db;
    _Atomic unsigned references;
    const struct table **by_store;     /* ascending */
    struct catalog_version *next_kept; /* of a transaction */
};

static inline struct table_version *version_of(const struct table *table)
{
    union {
        const struct table *lent;
        struct table_version *own;
    } cast = {.lent = table};
    return cast.own;
}
static inline struct shape_full *full_shape(const struct shape *shape)
{
    union {
        const struct shape *lent;
        struct shape_full *own;
    } cast = {.lent = shape};
    return cast.own;
}
static inline struct catalog_version *catalog_version_of(const struct catalog *catalog)
{
    union {
        const struct catalog *lent;
        struct catalog_version *own;
    } cast = {.lent = catalog};
    return cast.own;
}

/* ---- commits ---- */

/* A transaction that committed, from the moment it lets go of the writer lock until the kv has it.
 */
struct pending {
    _Atomic unsigned references; /* queue, committing thread, transactions that read through it */
    struct pending *next;        /* in the queue, ascending sequence */
    struct delta delta;
    struct buf log; /* encoded log entry, lent to the delta */
    uint64_t sequence;
    stamp_t stamp;
    uint64_t chain;
    struct catalog_version *catalog; /* published with it; NULL: unchanged */
    enum status status;
    bool is_done, needs_no_sync;
};

struct watermark {
    int fd; /* -1: none (memory) */
    unsigned slot;
    _Atomic bool is_dirty;
};

/* A waiting writer. */
struct writer_ticket {
    pthread_cond_t granted;
    struct writer_ticket *next;
    uint64_t since_ns;
};

struct db {
    char *path, *name, *node;
    struct kv *kv;
    struct db_options options;
    bool copies_reads; /* RocksDB: what a get lends is pinned memory, let go of soon */
    bool verify_reads; /* LMDB: a page may have changed on disk unnoticed */
    bool is_memory;
    int lock_fd;
    uint8_t uuid[16];
    uint16_t origin; /* ours, always 1: others are given by replication */
    struct db_evaluator evaluator;
    _Atomic int durability;
    _Atomic uint32_t busy_timeout_ms;

    pthread_mutex_t lock;
    /* writer lock */
    struct txn *writer;
    struct writer_ticket *first_ticket, *last_ticket;
    struct writer_ticket *reserved; /* the lock is promised to this one */
    uint64_t writer_since_ns;
    char writer_label[LABEL_BYTES_MAX];
    /* commits */
    struct pending *queue, *queue_last;
    bool has_leader;
    pthread_cond_t group_done;
    struct catalog_version *published;                /* referenced */
    _Atomic(struct catalog_version *) published_hint; /* the same pointer, for comparing only */
    _Atomic uint64_t published_version;
    _Atomic uint64_t group_turn;         /* odd while a group is on its way into the kv */
    _Atomic uint64_t published_sequence; /* of the newest commit that readers see */
    _Atomic uint64_t commits;            /* grows with each publication */
    _Atomic uint64_t catalog_turn;       /* odd while a group with a new catalog is on its way */
    pthread_cond_t catalog_turned;
    _Atomic int latched; /* enum status of the first failed write */
    char latched_reason[256];
    uint64_t durable_sequence; /* synced (or given up to the kernel when durability is off) */
    uint64_t durable_chain;
    stamp_t durable_stamp;
    uint64_t written_sequence; /* in the kv, perhaps not synced */
    uint64_t written_chain;
    stamp_t written_stamp;
    bool is_unsynced;
    struct txn *idle_readers;
    unsigned idle_count;
    struct pending *idle_pending; /* one delta kept warm */
    /* holder of the writer lock */
    struct hlc clock;
    stamp_t ceiling;
    uint64_t next_sequence;
    uint64_t chain;
    struct catalog_version *newest; /* of the newest commit, durable or not; referenced */
    uint32_t next_store, next_object;
    uint64_t last_catalog_version; /* ever given out, so that none names two contents */

    struct watermark watermark;
    struct record_cache *record_cache;
    /* background thread */
    pthread_t keeper;
    pthread_cond_t keeper_wake;
    bool has_keeper, is_closing;
    struct upkeep *upkeep; /* NULL: never needed */
    uint64_t upkeep_seen;  /* the keeper's: version of the catalog that it looked at last */
    bool is_recovered;     /* it opened whole: closing may write */
    char loss[256]; /* opened read-only although commits are missing: what is known about it */
};

/* ---- transactions ---- */

/* The entries of one row in one index, ascending, without duplicates. */
struct index_key {
    size_t start, len;
    size_t parts_len; /* the index's own parts; what follows is the primary key */
    bool has_null;    /* among the parts: no conflict */
};
struct index_keys {
    struct buf bytes;
    struct buf keys; /* struct index_key each */
    size_t count;
};

struct touched_index {
    uint32_t store;
    bool is_same; /* the row being written keeps its entries */
    struct delta_store *changes;
    struct cursor *probe; /* for uniqueness */
    struct index_keys old_keys, new_keys;
};

/* A table that this transaction has written to. */
struct touched {
    uint32_t store;
    struct touched *next;
    struct table_stats *stats;
    const struct table *table; /* version that indexes[] belongs to */
    struct delta_store *changes;
    struct touched_index *indexes;
    unsigned index_count;
    struct cursor *reader; /* finds rows for writes */
    int64_t base_rows, delta;
    int64_t sequence_max;
    bool is_sequence_known;
    int64_t last_rowid; /* greatest in the table, while is_last_known */
    bool is_last_known;
    bool is_disordered;            /* some row came before one written earlier */
    bool is_fresh, is_fresh_known; /* nothing was ever stored before this transaction */
    bool is_counted;               /* the count must be written */
    bool had_typed_keys;           /* ours: some key written has a suffix */
    uint64_t generation;           /* of the mark under which delta was saved */
    uint32_t *name_of_attribute;   /* attribute -> log name index + 1 */
    unsigned name_room;
    uint32_t log_name; /* of the table, + 1 */
};

struct touched_undo {
    struct touched *touched;
    int64_t delta, sequence_max;
    uint64_t generation;
    bool is_counted;
};

struct txn_mark_entry {
    struct delta_mark delta;
    struct catalog_version *catalog;
    size_t log_bytes, log_writes, touched_undo_count, new_shape_count;
    uint64_t generation;
    bool has_catalog_changes;
};

struct log_builder {
    struct buf names; /* encoded: length, bytes */
    size_t name_count;
    struct buf writes; /* encoded writes */
    size_t write_count;
    uint8_t flags;
};

struct txn {
    struct db *db;
    struct txn *next_idle;
    struct kv_txn *kv;
    struct catalog_version *catalog; /* referenced */
    uint64_t seen_commits;
    uint64_t snapshot_sequence; /* newest commit in the snapshot; UINT64_MAX: not known yet */
    unsigned pins;              /* gets since the last kv_unpin */
    int64_t now_ms;             /* for expiry; 0: not asked yet */
    struct cursor *cursors;     /* all that are open, the newest first */
    bool is_parked, is_write;
    bool is_sync_left_to_caller; /* its commit is not acknowledged by itself */
    bool is_doomed;              /* a failure in the middle of a change: only rollback is left */

    /* of a write transaction */
    struct pending *own;     /* its delta */
    struct pending **layers; /* commits that are not durable yet, oldest first; referenced */
    unsigned layer_count, layer_room;
    struct catalog_version *base_catalog; /* as when it began */
    struct catalog_version *kept;         /* versions made here, alive to the end */
    bool has_catalog_changes;
    stamp_t stamp;
    struct slice user;
    struct touched *touched;
    struct touched_undo *touched_undo;
    size_t touched_undo_count, touched_undo_room;
    struct txn_mark_entry *marks;
    size_t mark_count, mark_room;
    uint64_t generation, generation_last;
    struct log_builder log;
    struct shape_full **new_shapes; /* made here, forgotten when undone */
    size_t new_shape_count, new_shape_room;
    struct arena arena;   /* what lives as long as the transaction */
    struct arena scratch; /* reset by each write */
    struct buf key, record, other_key, entry_key;
    struct buf conflict_key;
    uint32_t next_store, next_object; /* given out here; kept by the commit */
};

static inline struct delta *own_delta(struct txn *txn)
{
    return &txn->own->delta;
}

/* Read one key as this transaction sees it: own changes, pending commits, snapshot. */
enum status txn_get(struct txn *txn, struct kv_store store, struct slice key, struct slice *out);
/* As txn_get for a row, through the record cache where there is one: then *out is lent by `room`.
 */
enum status txn_get_row(struct txn *txn, struct kv_store store, struct slice key, struct buf *room,
                        struct slice *out);
enum status txn_put(struct txn *txn, struct kv_store store, struct slice key, struct slice value);
enum status txn_delete(struct txn *txn, struct kv_store store, struct slice key);
enum status txn_check_writable(struct txn *txn, struct error *err);
struct touched *txn_touch(struct txn *txn, const struct table *table);
bool txn_save_touched(struct txn *txn, struct touched *touched);
/* This transaction's present version of `table`; NULL when dropped. */
const struct table *txn_current_table(struct txn *txn, const struct table *table);
int64_t txn_now_ms(struct txn *txn);
enum status txn_delta_error(struct txn *txn, enum status st, struct error *err);

void txn_forget_touched(struct txn *txn);
/* Shapes made since there were `keep`. */
void txn_forget_shapes(struct txn *txn, size_t keep);

/* txn.c, for sequencer.c and db.c */
void txn_free(struct txn *txn);
/* It is handed over: give back the snapshot before its commit is waited for. */
void txn_let_go(struct txn *txn);
struct pending *pending_new(struct db *db);
struct pending *pending_hold(struct pending *pending);
void pending_drop(struct db *db, struct pending *pending);

/* sequencer.c */
enum status writer_acquire(struct txn *txn, struct error *err);
void writer_release(struct db *db);
enum status sequencer_commit(struct txn *txn, struct error *err);
/* Wait until nothing is on its way: everything handed over is in the kv. */
enum status sequencer_drain(struct db *db, struct error *err);
void sequencer_latch(struct db *db, enum status st, const char *reason);
enum status sequencer_latched(struct db *db, struct error *err);
enum status sequencer_sync(struct db *db, struct error *err);
/* With the writer lock held and the queue empty: run `fill` in a kv transaction of its own and
 * commit it. */
enum status sequencer_direct(struct db *db, enum status (*fill)(void *context, struct kv_txn *kv),
                             void *context, bool sync, struct error *err);

/* watermark.c */
enum status watermark_open(struct db *db, struct error *err);
void watermark_write(struct db *db, uint64_t sequence, stamp_t stamp, uint64_t chain);
void watermark_flush(struct db *db);
/* Commits were acknowledged in this directory: a store that is missing or empty was lost, and no
 * new one may be made in its place. */
enum status watermark_forbid_new(const char *path, struct error *err);
void watermark_close(struct db *db);
uint64_t chain_next(uint64_t chain, uint32_t crc);
/* Does the kv hold everything that the watermark says was acknowledged? */
enum status watermark_verify(struct db *db, struct kv_txn *kv, uint64_t sequence, uint64_t chain,
                             struct error *err);

/* catalog.c */
struct catalog_version *catalog_hold(struct catalog_version *catalog);
void catalog_drop(struct catalog_version *catalog);
void table_version_drop(struct table_version *version);
struct table_version *table_version_hold(const struct table *table);
void object_version_drop(struct object_version *object);
/* A catalog like `from` (may be NULL) with tables put in and taken out. References to `put` pass to
 * it. */
struct catalog_version *catalog_with(struct db *db, const struct catalog_version *from,
                                     struct table_version *put, uint32_t drop_store,
                                     struct object_version *put_object, uint32_t drop_object);
struct catalog_version *catalog_of_lists(struct db *db, struct table_version **tables,
                                         size_t table_count, struct object_version **objects,
                                         size_t object_count);
/* A private copy of a definition that may still be changed; finish it with table_version_finish. */
struct table_version *table_version_copy(struct db *db, const struct table *from,
                                         unsigned more_attributes, unsigned more_indexes);
enum status table_version_finish(struct table_version *version);
struct table_stats *table_stats_new(void);
void table_stats_drop(struct table_stats *stats);
static inline struct attribute *attributes_of(struct table_version *version)
{
    union {
        const struct attribute *lent;
        struct attribute *own;
    } cast = {.lent = version->table.attributes};
    return cast.own;
}
static inline struct index *indexes_of(struct table_version *version)
{
    union {
        const struct index *lent;
        struct index *own;
    } cast = {.lent = version->table.indexes};
    return cast.own;
}

/* catalog_store.c */
void meta_key(struct buf *out, enum meta_tag tag, uint32_t first, const uint32_t *second);
void table_encode(struct buf *out, const struct table *table);
enum status table_decode(struct db *db, struct slice bytes, struct table_version **out);
void object_encode(struct buf *out, const struct catalog_object *object);
enum status object_decode(struct slice bytes, struct object_version **out);
void database_encode(struct buf *out, const struct db *db, uint32_t next_store,
                     uint32_t next_object, uint64_t catalog_version);
enum status database_decode(struct db *db, struct slice bytes, uint64_t *catalog_version);
enum status catalog_load(struct db *db, struct kv_txn *kv, struct catalog_version **out,
                         struct error *err);
struct count_record {
    int64_t rows, sequence_max;
    bool has_typed_keys;
};
void count_encode(struct buf *out, const struct count_record *count);
enum status count_decode(struct slice bytes, struct count_record *out);

/* catalog_change.c */
enum status catalog_add_dynamic(struct txn *txn, const struct table *table,
                                const struct slice *names, size_t count, const struct table **out,
                                struct error *err);
enum status catalog_write_counters(struct txn *txn);
/* Stop keeping up the indexes that can be built afterwards / build them and keep them up again. */
enum status catalog_suspend_indexes(struct txn *txn, const struct table *table, bool *has_any,
                                    struct error *err);
enum status catalog_resume_indexes(struct txn *txn, const struct table *table, struct error *err);
/* The steps of every change: the table as it is now; a copy to change (shares what all versions of
 * the table share); and the copy made the table's definition (owned from then on, also on failure).
 */
enum status ddl_begin(struct txn *txn, const struct table **table, struct error *err);
struct table_version *ddl_version(struct txn *txn, const struct table *table,
                                  unsigned more_attributes, unsigned more_indexes);
enum status ddl_publish(struct txn *txn, struct table_version *version, struct error *err);
uint32_t ddl_next_store(struct txn *txn);
void ddl_add_attribute(struct table_version *version, const struct attribute *definition);
/* Shapes carry names: needed after an attribute was renamed or dropped. */
bool ddl_rename_shapes(struct table_version *version);
enum status ddl_drop_index_store(struct txn *txn, const struct index *index);
void ddl_remove_index_at(struct table_version *version, unsigned at);

/* shape.c */
struct shapes *shapes_new(void);
struct shapes *shapes_hold(struct shapes *shapes);
void shapes_drop(struct shapes *shapes);
struct shapes *shapes_copy(const struct shapes *from, const struct table *table);
/* The shape with this id, or NULL. Needs no lock. */
const struct shape *shapes_find(const struct shapes *shapes, uint32_t id);
enum status shapes_add(struct shapes *shapes, const struct table *table, uint32_t id,
                       const uint16_t *attributes, size_t count, struct shape_full **out);
struct shape_full *shapes_lookup(const struct shapes *shapes, const uint16_t *attributes,
                                 size_t count);
void shapes_forget(struct shape_full *shape);
/* A shape that covers all attributes of the table, for rows whose own was not interned. */
enum status shape_intern(struct txn *txn, const struct table *table, const uint16_t *attributes,
                         size_t count, const struct shape **out);
enum status shape_universal(struct txn *txn, const struct table *table, const struct shape **out);
enum status shape_transient(const struct table *table, const uint16_t *attributes, size_t count,
                            struct arena *arena, struct shape_full **out);

/* stats.c */
struct index_stats *index_stats_of(struct table_stats *stats, const struct index *index);
void index_stats_add(struct index_stats *stats, const struct index *index, struct slice key);
void index_stats_encode(struct buf *out, const struct index_stats *stats);
enum status index_stats_decode(struct index_stats *stats, struct slice bytes);
enum status stats_put_dirty(struct txn *txn);

/* cursor.c */
struct bucket; /* long_key.c: entries that share a cut prefix, in the order of their full keys */

enum cursor_state {
    CURSOR_NOWHERE,
    CURSOR_KV,     /* the kv cursor stands on the row: nothing else has changes here */
    CURSOR_MERGED, /* all sources stand at their first key at or beyond the row, in its direction */
    CURSOR_FOUND,  /* a point read; no source stands anywhere */
    CURSOR_BUCKET, /* among keys that share a cut prefix */
};

struct cursor {
    struct slice key, value; /* of the present entry; long keys completed */
    struct kv_cursor *kv;    /* opened when first needed */
    struct delta_store *own; /* NULL in read transactions */
    uint8_t state;           /* enum cursor_state */
    bool kv_is_beyond;       /* the run ends at the end of the range, the kv stands behind it */
    /* Entries that were taken from the kv at once: run[run_at] is next. While some are left the kv
     * stands on the last of them; cursor.c, "runs". */
    uint8_t run_at, run_count, run_wish;
    struct kv_entry *run;
    bool is_table;
    bool is_forward; /* CURSOR_MERGED */
    bool is_hidden;  /* a pending commit made or cleared the store: the kv is not read */
    bool is_kv_done;
    bool is_dirty;                      /* something below was decoded for the present row */
    bool is_opened, has_parts, is_read; /* read: a column was, without opening the record */
    unsigned layer_count, layer_room;
    unsigned part_count;
    struct delta_place *layers; /* oldest first */
    struct delta_place own_place;
    struct slice end, begin;
    struct bucket *bucket;
    struct txn *txn;              /* NULL: it has ended; cursor_renew gives it another one */
    struct cursor *newer, *older; /* of the same transaction */
    const struct table *table;
    const struct index *index; /* NULL: the rows of the table */
    struct kv_store store;
    const struct shape *shape; /* of the record opened last; NULL: none yet */
    struct record record;
    const struct key_part *part_orders;
    struct value *parts; /* decoded index parts and primary key */
    struct arena arena;  /* of the present row */
    struct buf found_key, found_value, end_buf, begin_buf, seek_buf, last_key;
};

/* cursor_merge.c: stored entries, long keys not completed, tombstones not skipped. */
enum status raw_seek(struct cursor *cursor, struct slice at_least);
enum status raw_seek_before(struct cursor *cursor, struct slice before); /* empty: the last */
enum status raw_next(struct cursor *cursor);
enum status raw_prev(struct cursor *cursor);

/* Take the layers of its transaction: at opening and renewal. */
enum status raw_bind(struct cursor *cursor);
/* Its transaction begins to write: from here on it sees the changes too, from where it stands. */
enum status raw_bind_own(struct cursor *cursor);
/* Give up what was taken ahead: the kv stands where the cursor does again. */
enum status cursor_leave_run(struct cursor *cursor);
/* Its transaction ends and may soon be another thread's. */
void cursor_detach(struct cursor *cursor);
/* Nothing lies over the kv. */
static inline bool raw_is_plain(const struct cursor *cursor)
{
    return (cursor->own == NULL || (cursor->own->entry_count == 0 && !cursor->own->is_created &&
                                    !cursor->own->is_cleared)) &&
           cursor->layer_count == 0 && !cursor->is_hidden;
}

/* long_key.c. Keys from LONG_KEY_BYTES on may have been cut, or have a neighbour that was: all that
 * share that many bytes form a bucket, which is read whole and sorted by full key. A stored key of
 * exactly KEY_BYTES_MAX bytes carries its full key before its value, cut or not. */
enum { LONG_KEY_BYTES = KEY_BYTES_MAX - KEY_HASH_BYTES };
/* The present raw entry is long: stand on the first or last of its bucket. */
enum status bucket_enter(struct cursor *cursor, bool at_end);
enum status bucket_seek(struct cursor *cursor, struct slice at_least);      /* ST_DONE: beyond it */
enum status bucket_seek_before(struct cursor *cursor, struct slice before); /* ST_DONE: before it */
enum status bucket_next(struct cursor *cursor);
enum status bucket_prev(struct cursor *cursor);
struct slice bucket_prefix(const struct cursor *cursor);
void bucket_free(struct cursor *cursor);
enum status long_key_split(struct slice stored_key, struct slice stored_value, struct slice *key,
                           struct slice *value);
/* The stored key of a full one (may be `key` itself, else in `room`). */
struct slice long_key_stored(struct slice key, struct buf *room);
/* What a find needs: the value stored under exactly this full key. */
enum status long_key_get(struct txn *txn, struct kv_store store, struct slice key, struct buf *room,
                         struct slice *value);
enum status store_put(struct txn *txn, struct delta_store *changes, struct slice key,
                      struct slice value);
enum status store_delete(struct txn *txn, struct delta_store *changes, struct slice key);

/* Bytes of the first `count` parts, 0 when malformed. */
size_t key_parts_length(struct slice key, const struct key_part *parts, unsigned count);
/* As cursor_find, but rows that are dead or expired are found too. */
enum status cursor_find_any(struct cursor *cursor, struct slice key);
enum status cursor_open_record(struct cursor *cursor);
enum status record_open_row(struct txn *txn, const struct table *table, struct slice key,
                            struct slice value, struct arena *arena, struct record *out);
enum status record_decode_keys(const struct table *table, struct record *record,
                               struct value *values, struct arena *arena);

/* write.c / index_key.c */
/* A row to be indexed: stored, or about to be. */
struct row_view {
    const struct shape *shape;
    const struct value *values;  /* per column; NULL: ask `record` */
    const struct record *record; /* may be NULL where nothing must be evaluated */
    const struct value *key_values;
};
void index_keys_free(struct index_keys *keys);
static inline const struct index_key *index_key_at(const struct index_keys *keys, size_t k)
{
    return (const struct index_key *)(const void *)keys->keys.data + k;
}
static inline struct slice index_key_slice(const struct index_keys *keys, size_t k)
{
    const struct index_key *key = index_key_at(keys, k);

    return slice_of(keys->bytes.data + key->start, key->len);
}
struct value row_view_attribute(const struct table *table, const struct row_view *view,
                                uint16_t attribute);
/* All entries that a row has in an index. */
enum status index_keys_of(struct txn *txn, const struct table *table, unsigned index,
                          const struct row_view *view, struct index_keys *out, struct error *err);

/* index_build.c */
/* The row that a raw cursor stands on; ST_NOT_FOUND: a tombstone. */
enum status index_build_row(struct cursor *rows, struct row_view *out);
enum status index_build(struct txn *txn, const struct table *table, unsigned index,
                        struct error *err);

/* index_fill.c */
/* Add the next rows to an index in state INDEX_FILLING, in a transaction of its own. *is_done: it
 * is ready now, or nobody wants it any more. */
enum status index_fill_step(struct db *db, uint32_t table_store, uint32_t index_store,
                            bool *is_done, struct error *err);

/* upkeep.c: the thread that fills indexes and removes records that have ended. */
void upkeep_poll(struct db *db); /* starts it when there is something to do */
void upkeep_stop(struct db *db);

/* log_write.c */
enum status log_add_put(struct txn *txn, struct touched *touched, const struct table *table,
                        struct slice key, const struct row *row);
enum status log_add_patch(struct txn *txn, struct touched *touched, const struct table *table,
                          struct slice key, const struct row *row);
enum status log_add_delete(struct txn *txn, struct touched *touched, const struct table *table,
                           struct slice key);
enum status log_add_schema(struct txn *txn, const struct table *table);
enum status log_finish(struct txn *txn, struct pending *pending, uint64_t sequence, stamp_t stamp,
                       uint32_t *crc);
enum status log_add_clear(struct txn *txn, struct touched *touched, const struct table *table);
void log_key(struct buf *out, uint16_t origin, uint64_t sequence, uint16_t chunk);
void txn_free_idle(struct db *db);
void log_clear(struct log_builder *log);
void log_free(struct log_builder *log);
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
/* log_read.c */
enum status log_last(struct db *db, struct kv_txn *kv, uint64_t *sequence, stamp_t *stamp);
enum status log_crc_of(struct db *db, struct kv_txn *kv, uint64_t sequence, uint32_t *crc);

#endif
