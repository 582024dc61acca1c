/* db: opening and closing a database, and what concerns it as a whole. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { KEEPER_INTERVAL_MS = 200, ROW_CACHE_BYTES_DEFAULT = 512 << 20 };

/* ---- opening ---- */

static char *host_name(void)
{
    char name[256] = "";

    if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
        return strdup("localhost");
    return strdup(name);
}

static uint64_t quarter_of_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);

    return pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes / 4 : UINT64_C(256) << 20;
}

static void init_options(struct db *db, const struct db_options *options)
{
    static const struct db_options defaults = {.create = true, .busy_timeout_ms = 5000};

    db->options = options != NULL ? *options : defaults;
    if (db->options.transaction_bytes_max == 0)
        db->options.transaction_bytes_max = quarter_of_memory();
    if (db->options.compress_over == 0)
        db->options.compress_over = 4096;
    else if (db->options.compress_over == UINT32_MAX)
        db->options.compress_over = 0; /* record_write: never */
    if (db->options.compress_level == 0)
        db->options.compress_level = 3;
    atomic_init(&db->durability, (int)db->options.durability);
    atomic_init(&db->busy_timeout_ms, db->options.busy_timeout_ms);
}

static enum status init_names(struct db *db, const char *path, const struct db_options *options)
{
    db->path = strdup(path);
    db->name = strdup(options != NULL && options->name != NULL ? options->name : "main");
    db->node = options != NULL && options->node != NULL ? strdup(options->node) : host_name();
    /* The caller's strings may be gone later. */
    db->options.name = db->name;
    db->options.node = db->node;
    db->options.backend = NULL;
    return db->path == NULL || db->name == NULL || db->node == NULL ? ST_NO_MEMORY : ST_OK;
}

static void init_locks(struct db *db)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&db->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&db->group_done, NULL);
    pthread_cond_init(&db->catalog_turned, NULL);
    pthread_cond_init(&db->keeper_wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

static enum status create_stores(void *context, struct kv_txn *kv)
{
    struct db *db = context;
    struct buf key = {0}, value = {0};
    enum status st;

    TRY(FAILPOINT("catalog.create"));
    TRY(kv_store_create(kv, STORE_META, KV_META));
    TRY(kv_store_create(kv, STORE_LOG, KV_LOG));
    TRY(kv_store_create(kv, STORE_TOMB, KV_META));
    meta_key(&key, META_DATABASE, 0, NULL);
    database_encode(&value, db, db->next_store, db->next_object, 0);
    st = key.failed || value.failed ? ST_NO_MEMORY
                                    : kv_put(kv, store_meta(), buf_slice(&key), buf_slice(&value));
    buf_free(&key);
    buf_free(&value);
    return st;
}

static enum status create_database(struct db *db, struct error *err)
{
    if (db->options.read_only)
        return error_set(err, ST_NOT_FOUND, -1, "%s holds no database", db->path);
    if (!db->is_memory)
        TRY(watermark_forbid_new(db->path, err));
    db->next_store = STORE_FIRST;
    db->next_object = 1;
    if (getrandom(db->uuid, sizeof(db->uuid), 0) != (ssize_t)sizeof(db->uuid))
        return error_set(err, ST_IO, -1, "no random bytes: error %d", errno);
    return sequencer_direct(db, create_stores, db, true, err);
}

static enum status read_u64s(struct kv_txn *kv, enum meta_tag tag, uint64_t *a, uint64_t *b)
{
    struct buf key = {0};
    struct slice bytes;
    enum status st;

    *a = 0;
    if (b != NULL)
        *b = 0;
    meta_key(&key, tag, 0, NULL);
    st = kv_get(kv, store_meta(), buf_slice(&key), &bytes);
    buf_free(&key);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    return read_u64_le(&bytes, a) && (b == NULL || read_u64_le(&bytes, b)) ? ST_OK : ST_CORRUPT;
}

/* Where the log ends, what the clock must not go below, and whether anything acknowledged is
 * missing. */
static enum status recover(struct db *db, struct kv_txn *kv, struct error *err)
{
    uint64_t sequence, logged, chain;
    stamp_t stamp;
    enum status st;

    TRY(read_u64s(kv, META_CHAIN, &sequence, &chain));
    st = log_last(db, kv, &logged, &stamp);
    if (st == ST_OK && logged != 0 && logged != sequence)
        st = error_set(err, ST_CORRUPT, -1, "the log ends at commit %llu, the database at %llu",
                       (unsigned long long)logged, (unsigned long long)sequence);
    else if (st != ST_OK)
        (void)error_set(err, st, -1, "the end of the change log cannot be read");
    if (st == ST_OK)
        st = watermark_verify(db, kv, sequence, chain, err);
    if (st != ST_OK && !db->options.read_only)
        return st;
    if (st != ST_OK) /* to look at what is left is allowed; the check says what it is */
        (void)snprintf(db->loss, sizeof(db->loss), "%s",
                       err != NULL ? error_message(err) : status_text(st));
    TRY(read_u64s(kv, META_CEILING, &db->ceiling, NULL));
    hlc_observe(&db->clock, stamp);
    hlc_observe(&db->clock, db->ceiling);
    db->next_sequence = sequence + 1;
    db->chain = chain;
    db->durable_sequence = db->written_sequence = sequence;
    atomic_store(&db->published_sequence, sequence);
    db->durable_chain = db->written_chain = chain;
    db->durable_stamp = db->written_stamp = stamp;
    db->is_recovered = true;
    return ST_OK;
}

static enum status load(struct db *db, struct error *err)
{
    struct kv_txn *kv = NULL;
    struct catalog_version *catalog = NULL;
    enum status st;

    TRY_OUT(kv_begin_read(db->kv, &kv, err));
    st = catalog_load(db, kv, &catalog, err);
    if (st == ST_NOT_FOUND) {
        TRY_OUT(create_database(db, err));
        TRY_OUT(kv_renew(kv));
        st = catalog_load(db, kv, &catalog, err);
    }
    if (st != ST_OK)
        goto out;
    db->newest = catalog;
    db->published = catalog_hold(catalog);
    atomic_store(&db->published_hint, catalog);
    atomic_store(&db->published_version, catalog->catalog.version);
    db->last_catalog_version = catalog->catalog.version;
    TRY_OUT(watermark_open(db, err));
    TRY_OUT(recover(db, kv, err));
out:
    kv_end_read(kv);
    return st;
}

/* A load was cut off before its indexes were built. */
static enum status finish_indexes(struct db *db, struct error *err)
{
    struct txn *txn;
    enum status st = ST_OK;

    TRY(txn_begin(db, TXN_WRITE, &txn, err));
    for (size_t i = 0; st == ST_OK && i < txn->catalog->catalog.table_count; i++) {
        const struct table *table = txn->catalog->catalog.tables[i];
        bool is_due = false;

        for (unsigned k = 0; k < table->index_count; k++)
            is_due |= table->indexes[k].state == INDEX_BEING_BUILT;
        if (is_due)
            st = catalog_resume_indexes(txn, table, err);
    }
    if (st == ST_OK)
        return txn_commit(txn, err);
    txn_rollback(txn);
    return st;
}

static bool has_unfinished_indexes(const struct db *db)
{
    for (size_t i = 0; i < db->newest->catalog.table_count; i++) {
        const struct table *table = db->newest->catalog.tables[i];

        for (unsigned k = 0; k < table->index_count; k++)
            if (table->indexes[k].state == INDEX_BEING_BUILT)
                return true;
    }
    return false;
}

/* ---- the keeper: syncs what normal durability left, and the watermark ---- */

static void *keep(void *argument)
{
    struct db *db = argument;

    pthread_mutex_lock(&db->lock);
    while (!db->is_closing) {
        struct timespec until;
        struct error err;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += KEEPER_INTERVAL_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&db->keeper_wake, &db->lock, &until);
        if (db->is_closing)
            break;
        bool is_unsynced = db->is_unsynced && atomic_load(&db->durability) == DURABILITY_NORMAL;
        pthread_mutex_unlock(&db->lock);
        if (is_unsynced)
            (void)sequencer_sync(db, &err); /* a failure latches; the next writer is told */
        watermark_flush(db);
        upkeep_poll(db);
        pthread_mutex_lock(&db->lock);
    }
    pthread_mutex_unlock(&db->lock);
    return NULL;
}

static enum status start_keeper(struct db *db, struct error *err)
{
    if (db->is_memory || db->options.read_only)
        return ST_OK;
    if (pthread_create(&db->keeper, NULL, keep, db) != 0)
        return error_set(err, ST_NO_MEMORY, -1, "cannot start a thread");
    db->has_keeper = true;
    return ST_OK;
}

static void stop_keeper(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    db->is_closing = true;
    pthread_cond_broadcast(&db->keeper_wake);
    pthread_mutex_unlock(&db->lock);
    if (db->has_keeper)
        pthread_join(db->keeper, NULL);
    db->has_keeper = false;
}

/* What the kv shows of rows: most are not cut, and the checksum covers the whole key. */
static bool is_sound_row(struct slice key, struct slice value)
{
    return key.len < LONG_KEY_BYTES && record_verify_checksum(key, value) == ST_OK;
}

enum status db_open(const char *path, const struct db_options *options, struct db **out,
                    struct error *err)
{
    struct db *db = calloc(1, sizeof(*db));
    struct kv_options kv_options = {0};
    uint64_t cache_bytes;
    enum status st;

    *out = NULL;
    if (db == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    db->origin = 1;
    db->watermark.fd = -1;
    init_locks(db);
    init_options(db, options);
    TRY_OUT(init_names(db, path, options));
    /* One budget: a quarter of what caches may take is for rows, the rest for blocks. */
    cache_bytes = db->options.cache_bytes != 0 ? db->options.cache_bytes : quarter_of_memory();
    kv_options =
        (struct kv_options){.backend = options != NULL ? options->backend : NULL,
                            .read_only = db->options.read_only,
                            .create = db->options.create,
                            .cache_bytes = cache_bytes - cache_bytes / 4,
                            .journal_bytes = db->options.journal_bytes,
                            .power_cut_may_damage = db->options.durability == DURABILITY_OFF};
    if (kv_detect(path) == NULL && path[0] != '\0')
        TRY_OUT(watermark_forbid_new(path, err));
    TRY_OUT(kv_open(path, &kv_options, &db->kv, err));
    db->is_memory = strcmp(kv_backend_name(db->kv), "memory") == 0;
    db->verify_reads = strcmp(kv_backend_name(db->kv), "lmdb") == 0;
    if (db->verify_reads)
        kv_set_check(db->kv, is_sound_row);
    db->copies_reads = strcmp(kv_backend_name(db->kv), "rocksdb") == 0;
    if (db->copies_reads) {
        db->record_cache = record_cache_new(db->options.cache_bytes != 0 ||
                                                    cache_bytes / 4 < ROW_CACHE_BYTES_DEFAULT
                                                ? cache_bytes / 4
                                                : ROW_CACHE_BYTES_DEFAULT);
        if (db->record_cache == NULL) {
            st = ST_NO_MEMORY;
            goto out;
        }
    }
    TRY_OUT(load(db, err));
    if (!db->options.read_only && has_unfinished_indexes(db))
        TRY_OUT(finish_indexes(db, err));
    TRY_OUT(start_keeper(db, err));
    *out = db;
    return ST_OK;
out:
    if (st == ST_NO_MEMORY)
        (void)error_set(err, st, -1, "out of memory");
    db_close(db);
    return st;
}

/* ---- closing ---- */

/* The exact clock in place of the ceiling, and the sketches: what an orderly end can leave better
 * behind. */
static enum status write_farewell(void *context, struct kv_txn *kv)
{
    struct db *db = context;
    struct buf key = {0}, value = {0};
    enum status st = ST_OK;

    meta_key(&key, META_CEILING, 0, NULL);
    buf_append_u64_le(&value, db->clock.last);
    TRY_OUT(kv_put(kv, store_meta(), buf_slice(&key), buf_slice(&value)));
    for (size_t i = 0; i < db->newest->catalog.table_count; i++) {
        const struct table *table = db->newest->catalog.tables[i];

        for (unsigned k = 0; k < table->index_count; k++) {
            struct index_stats *stats = index_stats_of(table->stats, &table->indexes[k]);

            if (stats == NULL || !atomic_load(&stats->is_dirty))
                continue;
            meta_key(&key, META_SKETCH, stats->store, NULL);
            index_stats_encode(&value, stats);
            TRY_OUT(kv_put(kv, store_meta(), buf_slice(&key), buf_slice(&value)));
        }
    }
out:
    buf_free(&key);
    buf_free(&value);
    return st;
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    stop_keeper(db);
    upkeep_stop(db);
    if (db->is_recovered && !db->options.read_only) {
        if (!db->is_memory && atomic_load(&db->latched) == ST_OK &&
            sequencer_direct(db, write_farewell, db, true, NULL) == ST_OK)
            watermark_write(db, db->written_sequence, db->written_stamp, db->written_chain);
    }
    watermark_close(db);
    txn_free_idle(db);
    record_cache_free(db->record_cache);
    catalog_drop(db->newest);
    catalog_drop(db->published);
    if (db->kv != NULL)
        kv_close(db->kv);
    pthread_cond_destroy(&db->group_done);
    pthread_cond_destroy(&db->catalog_turned);
    pthread_cond_destroy(&db->keeper_wake);
    pthread_mutex_destroy(&db->lock);
    free(db->path);
    free(db->name);
    free(db->node);
    free(db);
}

/* ---- asking and telling ---- */

const char *db_path(const struct db *db)
{
    return db->path;
}

const char *db_name(const struct db *db)
{
    return db->name;
}

const char *db_backend(const struct db *db)
{
    return kv_backend_name(db->kv);
}

void db_set_busy_timeout(struct db *db, uint32_t ms)
{
    atomic_store(&db->busy_timeout_ms, ms);
}

void db_set_durability(struct db *db, enum durability durability)
{
    atomic_store(&db->durability, (int)durability);
}

enum durability db_durability(const struct db *db)
{
    return (enum durability)atomic_load(&db->durability);
}

enum status db_sync(struct db *db, struct error *err)
{
    struct error own;

    return sequencer_sync(db, err != NULL ? err : &own);
}

enum status db_compact(struct db *db, struct error *err)
{
    return kv_compact(db->kv, err);
}

uint64_t db_catalog_version(const struct db *db)
{
    /* The pointer may be let go by a commit while it is followed, so the number is kept beside it.
     */
    return atomic_load_explicit(&db->published_version, memory_order_acquire);
}

void db_set_evaluator(struct db *db, const struct db_evaluator *evaluator)
{
    db->evaluator = *evaluator;
}

enum status db_backup(struct db *db, const char *path, struct error *err)
{
    TRY(db_sync(db, err));
    return kv_backup(db->kv, path, err);
}
