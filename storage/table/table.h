/*
 * table: databases, transactions, rows in and out, indexes kept in step, the change log.
 *
 * The one place that writes: every front end and the replication applier call table_write, which
 * keeps record, index entries, counts, tombstones and log entry together in one transaction.
 *
 * How a write transaction works. A read transaction is a snapshot of the last durable commit. A
 * write transaction first takes the database's writer lock (waiting up to the busy timeout), then
 * collects its changes in a private ordered overlay; its reads see overlay, then commits that are
 * not durable yet, then the snapshot. txn_commit, still under the lock, draws stamp and sequence
 * from the hybrid clock, appends the log entry and hands the overlay to the group that is waiting;
 * the lock is free again. One of the waiting threads then writes the whole group in one kv
 * transaction with one sync, publishes it to readers and wakes the others. So writers never wait
 * for a disk that syncs for somebody else, readers never wait at all, and a commit is acknowledged
 * when it is on disk (durability full).
 *
 * Lifetimes: catalogs, tables, cursors and records are lent by their transaction. A record or
 * column value from a cursor lives until that cursor moves, or its transaction writes or ends.
 * Threads:   a struct db is shared; a txn and its cursors belong to one thread at a time.
 * Errors:    ST_BUSY: another writer did not finish in time (the message names it). ST_DUPLICATE /
 * ST_EXISTS: see table_write. A failed statement is undone with txn_rollback_to; after ST_IO,
 * ST_CORRUPT, ST_FULL, ST_NO_MEMORY from txn_commit nothing of the transaction is visible or
 * durable, and the database may be latched read-only.
 */
#ifndef HARPER_TABLE_TABLE_H
#define HARPER_TABLE_TABLE_H

#include "storage/crdt/crdt.h"
#include "storage/table/catalog.h"

/* ---- databases ---- */

enum durability { DURABILITY_FULL, DURABILITY_NORMAL, DURABILITY_OFF };

struct db_options {
    const char *backend; /* "rocksdb", "lmdb", "memory" or NULL: detect, else rocksdb */
    const char *name;    /* of the database ("data", "main"); NULL: "main" */
    const char *node;    /* this node's name for stamps; NULL: the host name */
    bool read_only;
    bool create;
    enum durability durability;
    uint32_t busy_timeout_ms;
    uint64_t cache_bytes;           /* 0: default */
    uint64_t journal_bytes;         /* as kv.h has it; 0: default */
    uint64_t transaction_bytes_max; /* overlay of one transaction; 0: a quarter of memory */
    uint32_t compress_over;         /* records above this many bytes; 0: 4096, UINT32_MAX: never */
    int compress_level;             /* zstd; 0: 3 */
};

enum status db_open(const char *path, const struct db_options *options, struct db **out,
                    struct error *err);
void db_close(struct db *db);
const char *db_path(const struct db *db);
const char *db_name(const struct db *db);
const char *db_backend(const struct db *db);
void db_set_busy_timeout(struct db *db, uint32_t ms);
void db_set_durability(struct db *db, enum durability durability);
enum durability db_durability(const struct db *db);
enum status db_sync(struct db *db, struct error *err); /* everything committed is on disk */
enum status db_compact(struct db *db, struct error *err);
enum status db_backup(struct db *db, const char *path, struct error *err);
/* Everything into the new directory `path`, on `backend` (NULL: the same). ST_EXISTS: there is a
 * database already. */
enum status db_copy(struct db *db, const char *path, const char *backend, struct error *err);
/* The latest published catalog version: compare with a program's without a transaction. */
uint64_t db_catalog_version(const struct db *db);

/* The query layer lends its expressions to storage: values of expression index parts, partial index
 * conditions. */
struct db_evaluator {
    void *context;
    /* The value of `sql` over `record` of `table`; may use `arena`. */
    enum status (*evaluate)(void *context, const struct table *table, struct slice sql,
                            const struct record *record, struct arena *arena, struct value *out,
                            struct error *err);
    void (*release)(void *context, void *table_cache);
};
void db_set_evaluator(struct db *db, const struct db_evaluator *evaluator);

/* ---- transactions ---- */

enum txn_mode { TXN_READ, TXN_WRITE };

enum status txn_begin(struct db *db, enum txn_mode mode, struct txn **out, struct error *err);
/* Make a read transaction a write one. ST_BUSY when somebody committed since its snapshot. Cursors
 * that were opened before must be renewed to see what is written. */
enum status txn_upgrade(struct txn *txn, struct error *err);
/* Both end and free it. A read transaction may be ended with either. */
enum status txn_commit(struct txn *txn, struct error *err);
void txn_rollback(struct txn *txn);
/* For a statement that runs again and again: move an idle read transaction to the newest snapshot /
 * let go of it. */
enum status txn_renew(struct txn *txn);
void txn_park(struct txn *txn);

const struct catalog *txn_catalog(struct txn *txn);
struct db *txn_db(const struct txn *txn);
bool txn_is_write(const struct txn *txn);
stamp_t txn_stamp(
    struct txn *txn); /* of this write transaction: all its writes share it; drawn at first use */
void txn_set_user(struct txn *txn, struct slice user); /* written into the log entry */
/* A label for ST_BUSY messages of others ("UPDATE dog SET …"). Lent until the transaction ends. */
void txn_set_label(struct txn *txn, struct slice label);

/* Savepoints: marks nest; rolling back to a mark undoes data, catalog and counts since. */
typedef uint64_t txn_mark_t;
txn_mark_t txn_mark(struct txn *txn);
enum status txn_rollback_to(struct txn *txn, txn_mark_t mark);
void txn_release_to(struct txn *txn,
                    txn_mark_t mark); /* forget the mark: its changes join the outer level */

/* ---- reading ---- */

struct cursor; /* over a table's rows or an index's entries */

enum status cursor_open_table(struct txn *txn, const struct table *table, struct cursor **out);
enum status cursor_open_index(struct txn *txn, const struct index *index, struct cursor **out);
void cursor_close(struct cursor *cursor); /* NULL is allowed */
/* Rebind to the (renewed) transaction and forget the position: what a prepared statement does on
 * each run. */
enum status cursor_renew(struct cursor *cursor, struct txn *txn);

/* Positions by encoded key prefix (see keycode): GE first entry >= prefix; GT first entry beyond
 * all that begin with it; LT last entry before prefix; LE last entry that begins with it, or
 * before. ST_OK or ST_DONE. */
enum seek { SEEK_GE, SEEK_GT, SEEK_LT, SEEK_LE };
enum status cursor_seek(struct cursor *cursor, enum seek how, struct slice prefix);
enum status cursor_first(struct cursor *cursor);
enum status cursor_last(struct cursor *cursor);
enum status cursor_next(struct cursor *cursor);
enum status cursor_prev(struct cursor *cursor);
/* The row with exactly this primary key (as keycode, without its suffix): ST_OK or ST_NOT_FOUND. */
enum status cursor_find(struct cursor *cursor, struct slice key);

/* Scans end here: cursor_next answers ST_DONE at the first key >= `end`, cursor_prev at the first <
 * `begin`. Empty: no bound. Copied. Cleared by cursor_renew. */
void cursor_set_end(struct cursor *cursor, struct slice end);
void cursor_set_begin(struct cursor *cursor, struct slice begin);

/* Numbers of the rows ahead, for loops that do little with each row: the wished columns (of a table
 * cursor) or parts (of any) of up to `max` rows that lie ready, out[wish * stride + row]. The
 * cursor then stands on the last of them. 0: no row lies ready, or the next one has something else
 * than a number there; step. */
struct column_wish {
    uint16_t number; /* attribute, or part */
    bool is_part;
};
unsigned cursor_numbers_ahead(struct cursor *cursor, unsigned count,
                              const struct column_wish *wishes, unsigned max, unsigned stride,
                              struct value *out);

/* On a table: the open record. On an index: NULL. */
enum status cursor_record(struct cursor *cursor, const struct record **out);
/* One attribute of the row a table cursor is at; ATTRIBUTE_NONE: the hidden rowid. */
enum status cursor_column(struct cursor *cursor, uint16_t attribute, struct value *out);
/* Part k of an index entry (exact only where keycode_is_exact); parts beyond part_count: those of
 * the primary key. */
enum status cursor_index_part(struct cursor *cursor, unsigned part, struct value *out);
struct slice cursor_key(const struct cursor *cursor); /* whole key (completed when it was cut) */
/* The primary key (keycode) of the row: of a table entry, or what an index entry points to. */
struct slice cursor_primary_key(const struct cursor *cursor);

/* Exact number of rows in this transaction's view, without reading them. Expired rows count until
 * they are removed. */
enum status table_row_count(struct txn *txn, const struct table *table, uint64_t *out);

/* Estimates for the planner, cheap, never failing. */
double table_estimate_rows(const struct table *table);
double index_estimate_distinct(const struct index *index,
                               unsigned parts); /* distinct values of the first parts */
/* Distinct values of the first parts of the primary key: by looking, a few seeks. */
double table_estimate_distinct(struct txn *txn, const struct table *table, unsigned parts);
/* Rows with begin <= key < end (either empty: open): by looking, a few seeks. */
double index_estimate_range(struct txn *txn, const struct index *index, struct slice begin,
                            struct slice end);
double table_estimate_range(struct txn *txn, const struct table *table, struct slice begin,
                            struct slice end);

/* ---- writing ---- */

enum write_kind {
    WRITE_INSERT, /* ST_EXISTS when the primary key is taken */
    WRITE_PUT,    /* create or replace the whole row */
    WRITE_UPDATE, /* replace; ST_NOT_FOUND when there is none */
    WRITE_PATCH,  /* change the given attributes, keep the others; create when missing */
    WRITE_REMOVE,
};

/* One row. `shape` and `values` list the attributes; those of the primary key are among them (with
 * hidden rowid: `rowid`). PATCH: ops (NULL: all SET) has an enum merge_op per value. REMOVE: key
 * values only. Attribute values are as they are to be stored: affinity, defaults, checks, NOT NULL
 * and automatic times are the caller's. */
struct row {
    const struct shape *shape;
    const struct value *values;
    const uint8_t *ops;
    int64_t rowid; /* hidden key */
    struct slice
        old_key; /* UPDATE that moves the row: its present primary key as keycode; else empty */
    bool has_expiry, clears_expiry; /* neither: PATCH keeps what there is */
    int64_t expiry_ms;
};

struct write_result {
    const struct index
        *conflict; /* ST_DUPLICATE: the violated unique index; NULL for the primary key */
    struct slice
        conflict_key; /* and the primary key of the row that has it (until the next call) */
    bool existed;     /* there was a row before */
};

/* ST_OK; ST_EXISTS (INSERT, or an UPDATE that moves the row: primary key taken), ST_DUPLICATE
 * (unique index), ST_NOT_FOUND (UPDATE, REMOVE): nothing was changed and *out says where. The
 * caller decides about REPLACE, IGNORE, upsert. */
enum status table_write(struct txn *txn, const struct table *table, enum write_kind kind,
                        const struct row *row, struct write_result *out, struct error *err);
/* Remove by primary key as keycode. */
enum status table_remove(struct txn *txn, const struct table *table, struct slice key,
                         struct error *err);
/* All rows at once, in constant time where no index or log needs each. */
enum status table_clear(struct txn *txn, const struct table *table, struct error *err);

/* The row for a document (VALUE_OBJECT): attributes found or, on a dynamic table, made; undeclared
 * ones of an unsealed declared table made without index. Order of members is kept. Result lives in
 * `arena`. */
enum status row_from_document(struct txn *txn, const struct table *table, struct value document,
                              struct arena *arena, struct row *out, struct error *err);

/* Remove a row whose time ended before `before_ms`, with its entries and without a trace in the
 * change log; ST_NOT_FOUND when it lives (again). */
enum status table_evict(struct txn *txn, const struct table *table, struct slice key,
                        int64_t before_ms, struct error *err);
/* Remove all rows of a table that ended at least its eviction time ago. Commits in pieces; *out
 * counts them. Happens by itself every scan interval. */
enum status db_sweep(struct db *db, const char *table, uint64_t *out, struct error *err);
/* How many rows an index that is being filled has taken up; false when none is. */
bool index_fill_progress(struct txn *txn, const struct index *index, uint64_t *rows);

/* A rowid for a new row: one more than the greatest (AUTOINCREMENT: than any ever). */
enum status table_next_rowid(struct txn *txn, const struct table *table, int64_t *out,
                             struct error *err);

/* ---- bulk load: rows in any order, committed in pieces ---- */

/* An open loader holds the writer lock from its first row on, between pieces excepted. Into a table
 * without rows, indexes that are not unique are built at the end by sorting; until then they are
 * INDEX_BEING_BUILT. Pieces are on disk when loader_close returns; without `commit` the last piece
 * is undone, earlier ones stay. */

struct loader;
enum status loader_open(struct db *db, const struct table *table, struct loader **out,
                        struct error *err);
/* Affinity, checks and so on as in table_write: the caller's. A taken primary key: ST_EXISTS. */
enum status loader_add(struct loader *loader, const struct row *row, struct error *err);
enum status loader_close(struct loader *loader, bool commit, uint64_t *rows,
                         struct error *err); /* frees */

/* ---- the change log ---- */

struct log_reader;
struct log_entry {
    uint16_t origin;
    uint64_t sequence;
    stamp_t stamp;
    struct slice user;
    struct slice body; /* encoded writes: docs/storage-format.md */
};
enum status log_open(struct txn *txn, uint16_t origin, uint64_t from_sequence,
                     struct log_reader **out);
enum status log_next(struct log_reader *reader, struct log_entry *out); /* ST_OK, ST_DONE */
void log_close(struct log_reader *reader);
uint64_t log_estimate_bytes(struct txn *txn); /* of this node's entries */
uint16_t db_origin(const struct db *db);      /* under which this node's entries stand */

/* The writes of an entry, in order (log_decode.c). What is given out is lent from the body and the
 * arena. ST_CORRUPT: the body is not one. */
enum log_change_kind {
    LOG_CHANGE_PUT = 1,
    LOG_CHANGE_PATCH = 2,
    LOG_CHANGE_DELETE = 3,
    LOG_CHANGE_SCHEMA = 4,
    LOG_CHANGE_CLEAR = 7
};
struct log_member {
    struct slice name;
    uint8_t op; /* of a PATCH: enum merge_op */
    struct value value;
};
struct log_change {
    uint8_t kind; /* enum log_change_kind */
    struct slice table;
    struct slice key; /* keycode of the whole primary key */
    bool has_expiry;
    int64_t expiry_ms;
    size_t member_count; /* of PUT and PATCH: attributes that the key does not give back */
    struct log_member *members;
};
struct log_changes {
    struct slice rest;
    struct arena *arena;
    size_t name_count;
    const struct slice *names;
    uint64_t remaining;
};
enum status log_changes_begin(struct log_changes *changes, struct slice body, struct arena *arena);
enum status log_changes_next(struct log_changes *changes, struct log_change *out);

/* ---- checking and looking inside ---- */

/* Verify checksums, structure, index against rows and counts. Each finding is reported; *problems
 * counts them. */
typedef void (*check_report_fn)(void *context, const char *message);
enum status db_check(struct db *db, check_report_fn report, void *context, uint64_t *problems,
                     struct error *err);

/* The logical stores as `harper inspect` draws them: "dog/", "dog/name", "__internal_dbis__/" … */
typedef void (*inspect_fn)(void *context, struct slice store, struct slice key_text,
                           struct slice value_text);
enum status db_inspect(struct txn *txn, const char *table_or_null, uint64_t rows_max,
                       inspect_fn emit, void *context);

/* ---- several databases in one statement ---- */

/* What names a statement may use: entry 0 is where unqualified names are looked up last but one;
 * "temp" first. */
struct database_ref {
    struct slice name;
    struct txn *txn;
};
struct databases {
    unsigned count;
    struct database_ref *refs;
};
/* Is `name` what database `number` is called? The first one is also `data`, unless another is. */
bool database_is(const struct databases *databases, unsigned number, struct slice name);

#endif
