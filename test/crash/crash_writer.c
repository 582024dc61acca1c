/* crash_writer PATH BACKEND PIPE ACKNOWLEDGED…: open, verify, then write until killed. Ends by
 * itself only when something is wrong. */
#include "storage/table/table.h"
#include "test/crash/crash.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct writer {
    struct db *db;
    const struct crash_job *job;
    uint32_t thread;
    uint64_t number; /* of the last transaction that is in the database */
};

static int complain(const char *what, const struct error *err)
{
    (void)fprintf(stderr, "crash_writer: %s: %s\n", what, err == NULL ? "" : error_message(err));
    return 1;
}

static void table_name(char out[16], uint32_t thread, const char *kind)
{
    (void)snprintf(out, 16, "%s%u", kind, thread);
}

/* ---- what a table must hold ---- */

/* Row k was made by transaction k and changed once more by transaction k + 7. Transaction k +
 * CRASH_WINDOW removed it. */
static int64_t expected_value(uint64_t k, uint64_t n)
{
    return k + 7 <= n ? (int64_t)(k * 1000 + k + 7) : (int64_t)k;
}

static bool is_there(uint64_t k, uint64_t n)
{
    return k >= 1 && k <= n && k + CRASH_WINDOW > n;
}

static int verify_rows(struct txn *txn, const struct table *table, uint64_t *number)
{
    struct cursor *cursor = NULL;
    struct value v;
    uint64_t greatest = 0, rows = 0, count;
    enum status st;

    if (cursor_open_table(txn, table, &cursor) != ST_OK)
        return complain("cursor", NULL);
    if (cursor_last(cursor) == ST_OK && cursor_column(cursor, 0, &v) == ST_OK)
        greatest = (uint64_t)v.as.i;
    for (st = cursor_first(cursor); st == ST_OK; st = cursor_next(cursor), rows++) {
        struct value id, value;

        if (cursor_column(cursor, 0, &id) != ST_OK || cursor_column(cursor, 1, &value) != ST_OK)
            return complain("a row cannot be read", NULL);
        if (!is_there((uint64_t)id.as.i, greatest) ||
            value.as.i != expected_value((uint64_t)id.as.i, greatest)) {
            (void)fprintf(stderr, "row %lld holds %lld after transaction %llu\n",
                          (long long)id.as.i, (long long)value.as.i, (unsigned long long)greatest);
            return 1;
        }
    }
    cursor_close(cursor);
    if (st != ST_DONE || rows != (greatest < CRASH_WINDOW ? greatest : CRASH_WINDOW))
        return complain("a transaction is there by half", NULL);
    if (table_row_count(txn, table, &count) != ST_OK || count != rows)
        return complain("the row count is wrong", NULL);
    *number = greatest;
    return 0;
}

static void print_finding(void *context, const char *message)
{
    (void)context;
    (void)fprintf(stderr, "crash_writer: check: %s\n", message);
}

static int verify(struct writer *writer)
{
    struct error err;
    struct txn *txn;
    char name[16];
    const struct table *table;
    int result = 0;

    table_name(name, writer->thread, "t");
    if (txn_begin(writer->db, TXN_READ, &txn, &err) != ST_OK)
        return complain("begin", &err);
    table = catalog_table(txn_catalog(txn), slice_text(name));
    writer->number = 0;
    if (table != NULL)
        result = verify_rows(txn, table, &writer->number);
    txn_rollback(txn);
    if (result == 0 && writer->number < writer->job->acknowledged[writer->thread]) {
        (void)fprintf(stderr, "thread %u: %llu was acknowledged, the database ends at %llu\n",
                      writer->thread, (unsigned long long)writer->job->acknowledged[writer->thread],
                      (unsigned long long)writer->number);
        return 1;
    }
    return result;
}

/* ---- writing ---- */

static enum status create_table(struct txn *txn, const char *name, const struct table **out,
                                struct error *err)
{
    struct attribute attributes[] = {{.name = {"id", 2}}, {.name = {"v", 1}}};
    struct index_part part = {.attribute = 1};
    struct index index = {.part_count = 1, .parts = &part};
    char index_name[24];
    uint16_t key = 0;
    struct key_part order = {0};
    struct table definition = {.name = slice_text(name),
                               .attribute_count = 2,
                               .key_count = 1,
                               .index_count = 1,
                               .is_dynamic = true,
                               .is_audited = true,
                               .attributes = attributes,
                               .key_attributes = &key,
                               .key_parts = &order,
                               .indexes = &index};

    (void)snprintf(index_name, sizeof(index_name), "%s_v", name);
    index.name = slice_text(index_name);
    return catalog_create_table(txn, &definition, out, err);
}

static enum status put(struct txn *txn, const struct table *table, enum write_kind kind,
                       uint64_t id, int64_t v, const char *extra, struct error *err)
{
    struct arena arena = {0};
    struct row row;
    struct write_result result;
    struct value document;
    char text[200];
    enum status st;

    (void)snprintf(text, sizeof(text), "{\"id\":%llu,\"v\":%lld%s%s%s}", (unsigned long long)id,
                   (long long)v, extra != NULL ? ",\"" : "", extra != NULL ? extra : "",
                   extra != NULL ? "\":\"some text to carry\"" : "");
    st = json_read(slice_text(text), &arena, &document, err);
    if (st == ST_OK)
        st = row_from_document(txn, table, document, &arena, &row, err);
    if (st == ST_OK)
        st = table_write(txn, table, kind, &row, &result, err);
    arena_deinit(&arena);
    return st;
}

/* Now and then something changes the catalog: a table comes and goes, an attribute appears. */
static enum status change_catalog(struct txn *txn, const struct writer *writer, uint64_t n,
                                  struct error *err)
{
    const struct table *table;
    char name[16];

    table_name(name, writer->thread, "u");
    table = catalog_table(txn_catalog(txn), slice_text(name));
    if (table != NULL)
        return catalog_drop_table(txn, table, err);
    TRY(create_table(txn, name, &table, err));
    return put(txn, table, WRITE_INSERT, n, 1, "first", err);
}

static enum status write_one(struct txn *txn, const struct writer *writer, uint64_t n,
                             struct error *err)
{
    const struct table *table;
    struct buf key = {0};
    char name[16], extra[24];
    enum status st = ST_OK;

    table_name(name, writer->thread, "t");
    table = catalog_table(txn_catalog(txn), slice_text(name));
    if (table == NULL)
        TRY(create_table(txn, name, &table, err));
    (void)snprintf(extra, sizeof(extra), "x%llu", (unsigned long long)(n / 50));
    TRY(put(txn, table, WRITE_INSERT, n, (int64_t)n, n % 5 == 0 ? extra : NULL, err));
    if (n > 7)
        TRY(put(txn, table, WRITE_PATCH, n - 7, (int64_t)((n - 7) * 1000 + n), NULL, err));
    if (n % 16 == 0)
        TRY(change_catalog(txn, writer, n, err));
    if (n > CRASH_WINDOW) {
        keycode_append_prefix(&key, value_int((int64_t)(n - CRASH_WINDOW)), (struct key_part){0});
        st = table_remove(txn, table, buf_slice(&key), err);
        buf_free(&key);
    }
    return st;
}

static void *write_on(void *argument)
{
    struct writer *writer = argument;
    struct error err;

    for (uint64_t n = writer->number + 1;; n++) {
        struct crash_ack ack = {writer->thread, n};
        struct txn *txn;
        enum status st = txn_begin(writer->db, TXN_WRITE, &txn, &err);

        if (st == ST_OK) {
            st = write_one(txn, writer, n, &err);
            if (st == ST_OK)
                st = txn_commit(txn, &err);
            else
                txn_rollback(txn);
        }
        if (st != ST_OK) {
            (void)complain("write", &err);
            _exit(3);
        }
        if (write(writer->job->pipe, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
            _exit(4);
    }
    return NULL;
}

/* Returns only when something is wrong: the exit status. */
static int run(const struct crash_job *job)
{
    /* A small journal, so that checkpoints come often. */
    struct db_options options = {.backend = job->backend,
                                 .create = true,
                                 .busy_timeout_ms = 10000,
                                 .journal_bytes = 32 << 10};
    struct writer writers[CRASH_THREADS];
    pthread_t threads[CRASH_THREADS];
    struct error err = {0};
    uint64_t problems;
    struct db *db;

    if (db_open(job->path, &options, &db, &err) != ST_OK)
        return complain("open", &err);
    for (uint32_t i = 0; i < CRASH_THREADS; i++) {
        writers[i] = (struct writer){.db = db, .job = job, .thread = i};
        if (verify(&writers[i]) != 0)
            return 2;
    }
    if (db_check(db, print_finding, NULL, &problems, &err) != ST_OK)
        return complain("check", &err);
    if (problems != 0)
        return 2;
    for (uint32_t i = 0; i < CRASH_THREADS; i++)
        if (pthread_create(&threads[i], NULL, write_on, &writers[i]) != 0)
            return 5;
    for (uint32_t i = 0; i < CRASH_THREADS; i++)
        pthread_join(threads[i], NULL);
    return 6;
}

int main(int argc, char **argv)
{
    struct crash_job job = {0};

    if (argc != 4 + CRASH_THREADS)
        return 64;
    job.path = argv[1];
    job.backend = argv[2];
    job.pipe = atoi(argv[3]);
    for (int i = 0; i < CRASH_THREADS; i++)
        job.acknowledged[i] = strtoull(argv[4 + i], NULL, 10);
    return run(&job);
}
