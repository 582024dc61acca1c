/* The RocksDB backend: settings, opening and closing, and what is neither reading nor writing. */
#include "storage/kv/files.h"
#include "storage/kv/rocksdb_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { FLUSH_AT_CLOSE_BYTES = 16 << 20 };

static const uint64_t MIB = 1 << 20;

/* "default" always exists; the class that is least used lives there. */
static const char *const family_names[KV_CLASS_COUNT] = {
    [KV_META] = "default", [KV_DATA] = "data", [KV_INDEX] = "index", [KV_LOG] = "log"};

enum status rocks_fail(struct rocks_kv *kv, char *message, const char *doing, struct error *err)
{
    static const struct {
        const char *begins;
        enum status status;
    } kinds[] = {{"IO error: No space left", ST_FULL},
                 {"Corruption", ST_CORRUPT},
                 {"IO error: lock", ST_BUSY},
                 {"IO error", ST_IO},
                 /* a manifest that does not name what we made: our arguments are always the same */
                 {"Invalid argument: Column famil", ST_CORRUPT},
                 {"Invalid argument", ST_INTERNAL},
                 {"Not implemented", ST_UNSUPPORTED},
                 {"Result incomplete", ST_INTERRUPTED}};
    enum status st = ST_IO;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strncmp(message, kinds[i].begins, strlen(kinds[i].begins)) == 0) {
            st = kinds[i].status;
            break;
        }
    }
    if (strstr(message, "No space left on device") != NULL)
        st = ST_FULL;
    error_set(err, st, -1, "%s: %s failed: %s", kv->path, doing, message);
    rocksdb_free(message);
    return st;
}

/* ---- settings ---- */

struct budget {
    uint64_t memtables, blocks, rows, runs;
};

/* A quarter of the machine's memory unless told otherwise, for all of it together. */
static struct budget split_budget(uint64_t cache_bytes)
{
    struct budget budget = {0};

    if (cache_bytes == 0) {
        long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);

        cache_bytes =
            pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 4 : 256 * MIB;
    }
    if (cache_bytes < 8 * MIB)
        cache_bytes = 8 * MIB;
    budget.memtables = cache_bytes / 4 < 256 * MIB ? cache_bytes / 4 : 256 * MIB;
    budget.rows = (cache_bytes - budget.memtables) / 4;
    budget.runs = (cache_bytes - budget.memtables) / 4;
    budget.blocks = cache_bytes - budget.memtables - budget.rows - budget.runs;
    return budget;
}

/* What may not be set by a function of its own. Recovered writes stay in memory and in their log,
 * so that opening after a crash is quick; but a log that was accepted with its damage must not be
 * read again. */
static rocksdb_options_t *base_options(const struct kv_options *wanted, char **message)
{
    rocksdb_options_t *plain = rocksdb_options_create(), *options = rocksdb_options_create();

    rocksdb_get_options_from_string(plain,
                                    wanted->accept_lost_tail ? "avoid_flush_during_recovery=false"
                                                             : "avoid_flush_during_recovery=true",
                                    options, message);
    rocksdb_options_destroy(plain);
    return options;
}

static void set_database(rocksdb_options_t *options, const struct kv_options *wanted,
                         const struct budget *budget, rocksdb_cache_t *row_cache)
{
    rocksdb_options_set_create_if_missing(options, wanted->create);
    /* Also when not creating: making the database may have been cut short. */
    rocksdb_options_set_create_missing_column_families(options, !wanted->read_only);
    /* Not the library's default, which drops what follows a damaged record without a word. */
    rocksdb_options_set_wal_recovery_mode(
        options, wanted->accept_lost_tail ? rocksdb_point_in_time_recovery
                                          : rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_db_write_buffer_size(options, budget->memtables);
    rocksdb_options_set_max_total_wal_size(options, 2 * budget->memtables);
    rocksdb_options_set_row_cache(options, row_cache);
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0); /* there is one writer */
    rocksdb_options_set_bytes_per_sync(options, MIB);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    rocksdb_options_set_skip_checking_sst_file_sizes_on_db_open(options, 1);
    rocksdb_options_set_max_file_opening_threads(options, 1);
    rocksdb_options_set_max_manifest_file_size(options, 16 * MIB);
    /* On a full disk the library's log would end the process: after opening, nothing is written to
     * it. */
    rocksdb_options_set_info_log_level(options, 5 /* headers only */);
    rocksdb_options_set_keep_log_file_num(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
}

static void set_tables(rocksdb_options_t *options, enum kv_class class,
                       rocksdb_cache_t *block_cache)
{
    rocksdb_block_based_table_options_t *tables = rocksdb_block_based_options_create();

    rocksdb_block_based_options_set_format_version(tables, 5);
    rocksdb_block_based_options_set_block_cache(tables, block_cache);
    rocksdb_block_based_options_set_block_size(tables, class == KV_DATA ? 8192 : 16384);
    if (class == KV_DATA || class == KV_META) {
        rocksdb_block_based_options_set_filter_policy(tables,
                                                      rocksdb_filterpolicy_create_bloom_full(10));
        rocksdb_block_based_options_set_data_block_index_type(
            tables, rocksdb_block_based_table_data_block_index_type_binary_search_and_hash);
        rocksdb_block_based_options_set_data_block_hash_ratio(tables, 0.75);
    }
    rocksdb_options_set_block_based_table_factory(options, tables);
    rocksdb_block_based_options_destroy(tables);
}

static void set_family(rocksdb_options_t *options, enum kv_class class, const struct budget *budget,
                       rocksdb_cache_t *block_cache)
{
    uint64_t buffer = budget->memtables / 4;

    if (buffer > 64 * MIB)
        buffer = 64 * MIB;
    if (class == KV_META && buffer > 4 * MIB)
        buffer = 4 * MIB;
    rocksdb_options_set_write_buffer_size(options, buffer);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_target_file_size_base(options, 64 * MIB);
    rocksdb_options_set_max_bytes_for_level_base(options, 256 * MIB);
    /* Big records come compressed already, and what is read often should not be unpacked each time.
     */
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    rocksdb_options_set_bottommost_compression(options, class == KV_LOG ? rocksdb_lz4_compression
                                                                        : rocksdb_no_compression);
    set_tables(options, class, block_cache);
}

/* ---- open and close ---- */

/* What is only in the log is replayed at every open (10 ms a megabyte) until something flushes it:
 * after a large load, do so at the end. A small log is cheaper to read than three table files are
 * to write. */
static void flush_large_log(struct rocks_kv *kv)
{
    rocksdb_flushoptions_t *options;
    uint64_t unflushed = 0;

    for (int i = 0; i < KV_CLASS_COUNT; i++) {
        uint64_t bytes = 0;

        if (rocksdb_property_int_cf(kv->db, kv->families[i], "rocksdb.cur-size-all-mem-tables",
                                    &bytes) == 0)
            unflushed += bytes;
    }
    if (unflushed < FLUSH_AT_CLOSE_BYTES)
        return;
    options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, 1);
    for (int i = 0; i < KV_CLASS_COUNT; i++) {
        char *failed = NULL;

        rocksdb_flush_cf(kv->db, options, kv->families[i], &failed);
        rocksdb_free(failed); /* nothing is lost: the log still has it */
    }
    rocksdb_flushoptions_destroy(options);
}

static void rocks_close(struct kv *base)
{
    struct rocks_kv *kv = rocks_of(base);
    struct rocks_write *write = &kv->write;

    if (kv->db != NULL) {
        if (!base->is_read_only && !atomic_load(&base->latch.is_set))
            flush_large_log(kv);
        rocksdb_cancel_all_background_work(kv->db, 1);
        /* A build with assertions wants the handles gone before the database. */
        for (int i = 0; i < KV_CLASS_COUNT; i++)
            rocksdb_column_family_handle_destroy(kv->families[i]);
        rocksdb_close(kv->db);
    }
    if (kv->block_cache != NULL)
        rocksdb_cache_destroy(kv->block_cache);
    if (kv->row_cache != NULL)
        rocksdb_cache_destroy(kv->row_cache);
    run_cache_free(kv->runs);
    rocksdb_writeoptions_destroy(kv->write_synced);
    rocksdb_writeoptions_destroy(kv->write_unsynced);
    rocksdb_readoptions_destroy(write->read_options);
    rocksdb_writebatch_destroy(write->batch);
    overlay_deinit(&write->overlay);
    arena_deinit(&write->lent);
    buf_free(&write->pinned);
    buf_free(&write->touched);
    buf_free(&write->dropped);
    buf_free(&kv->drops);
    free(kv->path);
    free(kv);
}

static struct rocks_kv *new_kv(const char *path)
{
    struct rocks_kv *kv = calloc(1, sizeof *kv);

    if (kv == NULL)
        return NULL;
    kv->path = strdup(path);
    if (kv->path == NULL) {
        free(kv);
        return NULL;
    }
    kv->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(kv->write_synced, 1);
    kv->write_unsynced = rocksdb_writeoptions_create();
    kv->write.read_options = rocksdb_readoptions_create();
    kv->write.batch = rocksdb_writebatch_create();
    return kv;
}

static void open_database(struct rocks_kv *kv, const struct kv_options *wanted, char **message)
{
    struct budget budget = split_budget(wanted->cache_bytes);
    rocksdb_options_t *options = base_options(wanted, message),
                      *family_options[KV_CLASS_COUNT] = {NULL};
    const rocksdb_options_t *lent_options[KV_CLASS_COUNT];

    kv->block_cache = rocksdb_cache_create_lru(budget.blocks);
    kv->row_cache = rocksdb_cache_create_lru(budget.rows);
    kv->runs = run_cache_new(budget.runs);
    set_database(options, wanted, &budget, kv->row_cache);
    for (int i = 0; i < KV_CLASS_COUNT; i++) {
        family_options[i] = rocksdb_options_create();
        set_family(family_options[i], (enum kv_class)i, &budget, kv->block_cache);
        lent_options[i] = family_options[i];
    }
    if (*message == NULL && wanted->read_only)
        kv->db = rocksdb_open_for_read_only_column_families(options, kv->path, KV_CLASS_COUNT,
                                                            family_names, lent_options,
                                                            kv->families, 0, message);
    else if (*message == NULL)
        kv->db = rocksdb_open_column_families(options, kv->path, KV_CLASS_COUNT, family_names,
                                              lent_options, kv->families, message);
    for (int i = 0; i < KV_CLASS_COUNT; i++)
        rocksdb_options_destroy(family_options[i]);
    rocksdb_options_destroy(options);
}

/* Without CURRENT the library makes a new database, and then deletes the tables and logs of the old
 * one as obsolete. */
static enum status refuse_leftovers(const char *path, struct error *err)
{
    if (files_exist(path, "CURRENT") || !files_have_suffix(path, ".sst", ".log"))
        return ST_OK;
    return error_set(err, ST_CORRUPT, -1,
                     "%s holds tables and logs of a database, but the file CURRENT is missing",
                     path);
}

static enum status rocks_open(const char *path, const struct kv_options *options, struct kv **out,
                              struct error *err)
{
    struct rocks_kv *kv = new_kv(path);
    char *message = NULL;
    enum status st = ST_OK;

    if (kv == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    st = refuse_leftovers(path, err);
    if (st != ST_OK) {
        rocks_close(&kv->base);
        return st;
    }
    open_database(kv, options, &message);
    if (message != NULL || kv->db == NULL) {
        kv->db = NULL;
        st = message != NULL ? rocks_fail(kv, message, "opening", err)
                             : error_set(err, ST_IO, -1, "%s: opening failed", path);
        rocks_close(&kv->base);
        return st;
    }
    for (int i = 0; i < KV_CLASS_COUNT; i++)
        kv->family_ids[i] = rocksdb_column_family_handle_get_id(kv->families[i]);
    *out = &kv->base;
    return ST_OK;
}

/* ---- the rest ---- */

static enum status rocks_sync(struct kv *base, struct error *err)
{
    struct rocks_kv *kv = rocks_of(base);
    char *message = NULL;

    rocksdb_flush_wal(kv->db, 1, &message);
    return message == NULL ? ST_OK : rocks_fail(kv, message, "syncing", err);
}

/* Hits and misses stay 0: counting them slows every read of RocksDB down. */
static enum status rocks_stats(struct kv *base, struct kv_stats *out)
{
    (void)base, (void)out;
    return ST_OK;
}

static enum status rocks_compact(struct kv *base, struct error *err)
{
    struct rocks_kv *kv = rocks_of(base);

    (void)err;
    for (int i = 0; i < KV_CLASS_COUNT; i++)
        rocksdb_compact_range_cf(kv->db, kv->families[i], NULL, 0, NULL, 0);
    return ST_OK;
}

static enum status rocks_backup(struct kv *base, const char *path, struct error *err)
{
    struct rocks_kv *kv = rocks_of(base);
    rocksdb_checkpoint_t *checkpoint = NULL;
    char *message = NULL;

    /* RocksDB makes the directory itself and insists on it. */
    TRY(files_make_directory(path, err));
    if (rmdir(path) != 0)
        return error_set(err, ST_EXISTS, -1, "%s: %s", path, strerror(errno));
    checkpoint = rocksdb_checkpoint_object_create(kv->db, &message);
    if (message == NULL)
        rocksdb_checkpoint_create(checkpoint, path, UINT64_MAX /* copy the log, flush nothing */,
                                  &message);
    if (checkpoint != NULL)
        rocksdb_checkpoint_object_destroy(checkpoint);
    return message == NULL ? ST_OK : rocks_fail(kv, message, "copying", err);
}

const struct kv_backend kv_backend_rocksdb = {
    .name = "rocksdb",
    .open = rocks_open,
    .close = rocks_close,
    .begin_read = rocks_begin_read,
    .renew = rocks_renew,
    .park = rocks_park,
    .end_read = rocks_end_read,
    .unpin = rocks_unpin,
    .begin_write = rocks_begin_write,
    .commit = rocks_commit,
    .abort = rocks_abort,
    .sync = rocks_sync,
    .store_create = rocks_store_create,
    .store_drop = rocks_store_drop,
    .get = rocks_get,
    .get_many = rocks_get_many,
    .put = rocks_put,
    .append = rocks_put,
    .delete = rocks_delete,
    .delete_range = rocks_delete_range,
    .cursor_open = rocks_cursor_open,
    .cursor_close = rocks_cursor_close,
    .seek = rocks_seek,
    .seek_before = rocks_seek_before,
    .next = rocks_next,
    .run = rocks_run,
    .prev = rocks_prev,
    .stats = rocks_stats,
    .compact = rocks_compact,
    .backup = rocks_backup,
};
