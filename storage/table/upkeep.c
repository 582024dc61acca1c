/* upkeep: what a database does by itself: indexes that were added to tables with rows are filled,
 * and records that have ended are removed. One thread, started when the catalog first asks for it.
 *
 * Sweeps are aligned to the clock: a table is swept when the time of day passes a multiple of its
 * scan interval, whenever the process was started, so that nodes with the same clock sweep at the
 * same moments. */
#include "storage/table/table_internal.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { SWEEP_ROWS = 1000, IDLE_MS = 3600 * 1000, RETRY_MS = 1000 };
static const double SCAN_INTERVAL_S = 60; /* of tables whose records say themselves when they end */

struct slot { /* the multiple of the interval in which a table was last looked at */
    uint32_t store;
    int64_t number;
};

struct upkeep {
    struct db *db;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_stopping, is_poked;
    struct slot *slots;
    size_t slot_count;
};

/* ---- sweeping ---- */

static int64_t eviction_ms(const struct table *table)
{
    return (int64_t)(table->eviction_s * 1000);
}

/* Keys of records that ended before `before_ms`, from *from on; *from is where to go on. */
static enum status find_ended(struct txn *txn, const struct table *table, int64_t before_ms,
                              struct buf *from, struct buf *keys, bool *is_end)
{
    struct cursor *rows;
    unsigned seen = 0;
    enum status st;

    TRY(cursor_open_table(txn, table, &rows));
    for (st = raw_seek(rows, buf_slice(from)); st == ST_OK; st = raw_next(rows)) {
        struct slice key, value, body;
        struct record_header header;

        if (seen++ == SWEEP_ROWS * 16 || keys->len > 256 * 1024) {
            buf_clear(from);
            buf_append_slice(from, rows->key);
            break;
        }
        TRY_OUT(long_key_split(rows->key, rows->value, &key, &value));
        TRY_OUT(record_header_read(value, &header, &body));
        if ((header.flags & RECORD_DEAD) != 0 || (header.flags & RECORD_EXPIRY) == 0 ||
            header.expiry_ms >= before_ms)
            continue;
        buf_append_varint(keys, key.len);
        buf_append_slice(keys, key);
    }
    *is_end = st == ST_DONE;
    st = st == ST_DONE ? ST_OK : st;
    if (keys->failed || from->failed)
        st = ST_NO_MEMORY;
out:
    cursor_close(rows);
    return st;
}

static enum status evict(struct db *db, uint32_t store, int64_t before_ms, struct slice keys,
                         uint64_t *removed, struct error *err)
{
    struct txn *txn;
    const struct table *table;
    uint64_t len;
    struct slice key;
    enum status st = ST_OK;

    TRY(txn_begin(db, TXN_WRITE, &txn, err));
    txn_set_label(txn, slice_text("the removal of records that have ended"));
    table = catalog_table_by_store(txn_catalog(txn), store);
    while (table != NULL && st == ST_OK && read_varint(&keys, &len) &&
           read_bytes(&keys, (size_t)len, &key)) {
        st = table_evict(txn, table, key, before_ms, err);
        *removed += st == ST_OK;
        st = st == ST_NOT_FOUND ? ST_OK : st;
    }
    if (st == ST_OK)
        return txn_commit(txn, err);
    txn_rollback(txn);
    return st;
}

static enum status sweep_piece(struct db *db, uint32_t store, struct buf *from, bool *is_end,
                               uint64_t *removed, struct error *err)
{
    struct buf keys = {0};
    const struct table *table;
    struct txn *txn;
    int64_t before_ms = 0;
    enum status st = ST_OK;

    *is_end = true;
    TRY(txn_begin(db, TXN_READ, &txn, err));
    table = catalog_table_by_store(txn_catalog(txn), store);
    if (table != NULL && table->may_expire) {
        before_ms = clock_wall_us() / 1000 - eviction_ms(table);
        st = find_ended(txn, table, before_ms, from, &keys, is_end);
    }
    txn_rollback(txn);
    if (st == ST_OK && keys.len != 0)
        st = evict(db, store, before_ms, buf_slice(&keys), removed, err);
    buf_free(&keys);
    return st;
}

static bool is_stopping(struct upkeep *upkeep)
{
    bool stops;

    if (upkeep == NULL)
        return false;
    pthread_mutex_lock(&upkeep->lock);
    stops = upkeep->is_stopping;
    pthread_mutex_unlock(&upkeep->lock);
    return stops;
}

static enum status sweep(struct db *db, struct upkeep *upkeep, uint32_t store, uint64_t *removed,
                         struct error *err)
{
    struct buf from = {0};
    bool is_end = false;
    enum status st = FAILPOINT("table.sweep");

    while (st == ST_OK && !is_end && !is_stopping(upkeep))
        st = sweep_piece(db, store, &from, &is_end, removed, err);
    buf_free(&from);
    return st;
}

enum status db_sweep(struct db *db, const char *table, uint64_t *out, struct error *err)
{
    const struct table *found;
    struct txn *txn;
    uint32_t store = 0;

    *out = 0;
    TRY(txn_begin(db, TXN_READ, &txn, err));
    found = catalog_table(txn_catalog(txn), slice_text(table));
    if (found != NULL)
        store = found->store;
    txn_rollback(txn);
    if (store == 0)
        return error_set(err, ST_NO_TABLE, -1, "no such table: %s", table);
    return sweep(db, NULL, store, out, err);
}

/* ---- when ---- */

static double scan_interval(const struct table *table)
{
    double s = table->scan_interval_s;

    if (s <= 0 && table->expiration_s > 0)
        s = (table->expiration_s + table->eviction_s) / 4;
    if (s <= 0)
        s = SCAN_INTERVAL_S;
    return s < 0.05 ? 0.05 : s;
}

/* Milliseconds of local time, so that multiples of an hour are full hours here. */
static int64_t local_ms(void)
{
    int64_t now_ms = clock_wall_us() / 1000;
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm local;

    return localtime_r(&seconds, &local) == NULL ? now_ms
                                                 : now_ms + (int64_t)local.tm_gmtoff * 1000;
}

static struct slot *slot_of(struct upkeep *upkeep, uint32_t store, int64_t present)
{
    struct slot *bigger;

    for (size_t k = 0; k < upkeep->slot_count; k++)
        if (upkeep->slots[k].store == store)
            return &upkeep->slots[k];
    bigger = realloc(upkeep->slots, (upkeep->slot_count + 1) * sizeof(*bigger));
    if (bigger == NULL)
        return NULL;
    upkeep->slots = bigger;
    bigger[upkeep->slot_count] = (struct slot){store, present};
    return &bigger[upkeep->slot_count++];
}

/* Is the table due now? *wait_ms shrinks to when it will be. */
static bool is_due(struct upkeep *upkeep, const struct table *table, int64_t *wait_ms)
{
    const double interval = scan_interval(table) * 1000;
    const int64_t now = local_ms(), number = (int64_t)floor((double)now / interval);
    const int64_t left = (int64_t)ceil((double)(number + 1) * interval) - now;
    struct slot *slot = slot_of(upkeep, table->store, number);

    if (left < *wait_ms)
        *wait_ms = left < 1 ? 1 : left;
    if (slot == NULL || slot->number == number)
        return false;
    slot->number = number;
    return true;
}

/* ---- one round over the catalog ---- */

struct job {
    uint32_t table, index; /* index 0: sweep */
};

static bool add_job(struct buf *jobs, uint32_t table, uint32_t index)
{
    const struct job job = {table, index};

    buf_append(jobs, &job, sizeof job);
    return !jobs->failed;
}

static void find_jobs(struct upkeep *upkeep, struct buf *jobs, int64_t *wait_ms)
{
    struct txn *txn;

    if (txn_begin(upkeep->db, TXN_READ, &txn, NULL) != ST_OK)
        return;
    for (size_t i = 0; i < txn_catalog(txn)->table_count; i++) {
        const struct table *table = txn_catalog(txn)->tables[i];

        if (table->may_expire && is_due(upkeep, table, wait_ms))
            (void)add_job(jobs, table->store, 0);
        for (unsigned k = 0; k < table->index_count; k++)
            if (table->indexes[k].state == INDEX_FILLING)
                (void)add_job(jobs, table->store, table->indexes[k].store);
    }
    txn_rollback(txn);
}

static enum status run_job(struct upkeep *upkeep, struct job job)
{
    struct error err = {.offset = -1};
    uint64_t removed = 0;
    bool is_done = false;
    enum status st = ST_OK;

    if (job.index == 0)
        return sweep(upkeep->db, upkeep, job.table, &removed, &err);
    while (st == ST_OK && !is_done && !is_stopping(upkeep))
        st = index_fill_step(upkeep->db, job.table, job.index, &is_done, &err);
    return st;
}

/* What fails (a writer that holds the lock for long, a latched database) is tried again later. */
static int64_t run_round(struct upkeep *upkeep)
{
    struct buf jobs = {0};
    int64_t wait_ms = IDLE_MS;

    find_jobs(upkeep, &jobs, &wait_ms);
    for (size_t at = 0; at < jobs.len && !is_stopping(upkeep); at += sizeof(struct job)) {
        struct job job;

        memcpy(&job, jobs.data + at, sizeof job);
        if (run_job(upkeep, job) != ST_OK && wait_ms > RETRY_MS)
            wait_ms = RETRY_MS;
    }
    buf_free(&jobs);
    return wait_ms;
}

static void *work(void *argument)
{
    struct upkeep *upkeep = argument;

    pthread_mutex_lock(&upkeep->lock);
    while (!upkeep->is_stopping) {
        struct timespec until;
        int64_t wait_ms;

        upkeep->is_poked = false;
        pthread_mutex_unlock(&upkeep->lock);
        wait_ms = run_round(upkeep);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += wait_ms / 1000;
        until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&upkeep->lock);
        while (!upkeep->is_stopping && !upkeep->is_poked &&
               pthread_cond_timedwait(&upkeep->wake, &upkeep->lock, &until) == 0)
            ;
    }
    pthread_mutex_unlock(&upkeep->lock);
    return NULL;
}

/* ---- starting and stopping ---- */

static bool has_work(struct db *db)
{
    struct txn *txn;
    bool found = false;

    if (txn_begin(db, TXN_READ, &txn, NULL) != ST_OK)
        return false;
    for (size_t i = 0; !found && i < txn_catalog(txn)->table_count; i++) {
        const struct table *table = txn_catalog(txn)->tables[i];

        found = table->may_expire;
        for (unsigned k = 0; k < table->index_count; k++)
            found |= table->indexes[k].state == INDEX_FILLING;
    }
    txn_rollback(txn);
    return found;
}

static struct upkeep *start(struct db *db)
{
    struct upkeep *upkeep = calloc(1, sizeof(*upkeep));
    pthread_condattr_t attributes;

    if (upkeep == NULL)
        return NULL;
    upkeep->db = db;
    pthread_mutex_init(&upkeep->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&upkeep->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&upkeep->thread, NULL, work, upkeep) == 0)
        return upkeep;
    pthread_cond_destroy(&upkeep->wake);
    pthread_mutex_destroy(&upkeep->lock);
    free(upkeep);
    return NULL;
}

void upkeep_poll(struct db *db)
{
    const uint64_t version = db_catalog_version(db);
    struct upkeep *upkeep = db->upkeep;

    if (upkeep == NULL && version != db->upkeep_seen && has_work(db))
        db->upkeep = start(db);
    else if (upkeep != NULL && version != db->upkeep_seen) {
        pthread_mutex_lock(&upkeep->lock);
        upkeep->is_poked = true;
        pthread_cond_signal(&upkeep->wake);
        pthread_mutex_unlock(&upkeep->lock);
    }
    db->upkeep_seen = version;
}

void upkeep_stop(struct db *db)
{
    struct upkeep *upkeep = db->upkeep;

    if (upkeep == NULL)
        return;
    pthread_mutex_lock(&upkeep->lock);
    upkeep->is_stopping = true;
    pthread_cond_signal(&upkeep->wake);
    pthread_mutex_unlock(&upkeep->lock);
    pthread_join(upkeep->thread, NULL);
    pthread_cond_destroy(&upkeep->wake);
    pthread_mutex_destroy(&upkeep->lock);
    free(upkeep->slots);
    free(upkeep);
    db->upkeep = NULL;
}
