#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/table/table.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITERS = 8, COMMITS = 60, READERS = 2 };

static struct error err;

#define OK(expression)                                                                             \
    do {                                                                                           \
        enum status st_ = (expression);                                                            \
        if (st_ != ST_OK)                                                                          \
            fail_msg("%s: %s: %s", #expression, status_name(st_), error_message(&err));            \
    } while (0)

struct shared {
    struct db *db;
    _Atomic uint64_t acknowledged;
    _Atomic unsigned failures;
    _Atomic bool is_over;
};

struct worker {
    struct shared *shared;
    int64_t number;
};

static struct db *open_db(const char *backend, char path[64])
{
    struct db_options options = {.backend = backend, .create = true, .busy_timeout_ms = 60000};
    struct db *db;

    path[0] = '\0';
    if (strcmp(backend, "memory") != 0) {
        (void)snprintf(path, 64, "/tmp/harper-threads-XXXXXX");
        assert_non_null(mkdtemp(path));
    }
    OK(db_open(path, &options, &db, &err));
    return db;
}

static void close_db(struct db *db, const char *path)
{
    char command[128];

    db_close(db);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", path);
    if (path[0] != '\0')
        assert_int_equal(system(command), 0);
}

static void create_table(struct db *db)
{
    struct attribute attributes[] = {{.name = {"id", 2}}, {.name = {"who", 3}}};
    struct index_part part = {.attribute = 1};
    struct index index = {.name = {"who", 3}, .part_count = 1, .parts = &part};
    uint16_t key = 0;
    struct key_part order = {0};
    struct table definition = {.name = {"t", 1},
                               .attribute_count = 2,
                               .key_count = 1,
                               .index_count = 1,
                               .is_audited = true,
                               .attributes = attributes,
                               .key_attributes = &key,
                               .key_parts = &order,
                               .indexes = &index};
    struct txn *txn;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    OK(catalog_create_table(txn, &definition, NULL, &err));
    OK(txn_commit(txn, &err));
}

static enum status write_pair(struct shared *shared, int64_t who, int64_t n, struct error *error)
{
    static const uint16_t attributes[] = {0, 1};
    struct value values[2];
    struct row row = {.values = values};
    struct write_result result;
    const struct table *table;
    struct txn *txn;
    enum status st = txn_begin(shared->db, TXN_WRITE, &txn, error);

    if (st != ST_OK)
        return st;
    table = catalog_table(txn_catalog(txn), slice_text("t"));
    st = table_shape(txn, table, attributes, 2, &row.shape);
    for (int64_t half = 0; st == ST_OK && half < 2; half++) { /* readers must see both or none */
        values[0] = value_int(n * 2000 + who * 2 + half);
        values[1] = value_int(who);
        st = table_write(txn, table, WRITE_INSERT, &row, &result, error);
    }
    if (st == ST_OK)
        return txn_commit(txn, error);
    txn_rollback(txn);
    return st;
}

static void *write_on(void *argument)
{
    struct worker *worker = argument;
    struct error error;

    for (int64_t n = 0; n < COMMITS; n++) {
        if (write_pair(worker->shared, worker->number, n, &error) != ST_OK) {
            (void)fprintf(stderr, "%s\n", error_message(&error));
            atomic_fetch_add(&worker->shared->failures, 1);
            return NULL;
        }
        atomic_fetch_add(&worker->shared->acknowledged, 2);
    }
    return NULL;
}

static enum status count_entries(struct txn *txn, const struct table *table,
                                 const struct index *index, uint64_t *count)
{
    struct cursor *cursor;
    enum status st;

    *count = 0;
    TRY(index != NULL ? cursor_open_index(txn, index, &cursor)
                      : cursor_open_table(txn, table, &cursor));
    for (st = cursor_first(cursor); st == ST_OK; st = cursor_next(cursor))
        ++*count;
    cursor_close(cursor);
    return st == ST_DONE ? ST_OK : st;
}

static void *read_on(void *argument)
{
    struct worker *worker = argument;
    struct shared *shared = worker->shared;
    struct error error;
    struct txn *txn;

    if (txn_begin(shared->db, TXN_READ, &txn, &error) != ST_OK)
        return NULL;
    while (!atomic_load(&shared->is_over)) {
        uint64_t before = atomic_load(&shared->acknowledged), rows, entries, counted;
        const struct table *table;

        if (txn_renew(txn) != ST_OK)
            break;
        table = catalog_table(txn_catalog(txn), slice_text("t"));
        if (count_entries(txn, table, NULL, &rows) != ST_OK ||
            count_entries(txn, table, &table->indexes[0], &entries) != ST_OK ||
            table_row_count(txn, table, &counted) != ST_OK || rows != entries || rows != counted ||
            rows % 2 != 0 || rows < before)
            atomic_fetch_add(&shared->failures, 1);
    }
    txn_rollback(txn);
    return NULL;
}

static void many_threads_commit_and_readers_see_whole_transactions(void **state)
{
    char path[64];
    struct shared shared = {.db = open_db(*state, path)};
    pthread_t threads[WRITERS + READERS];
    struct worker workers[WRITERS + READERS];
    uint64_t problems;

    create_table(shared.db);
    for (int i = 0; i < WRITERS + READERS; i++) {
        workers[i] = (struct worker){&shared, i};
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < WRITERS ? write_on : read_on, &workers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&shared.is_over, true);
    for (int i = WRITERS; i < WRITERS + READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&shared.failures), 0);
    assert_int_equal(atomic_load(&shared.acknowledged), 2 * WRITERS * COMMITS);
    OK(db_check(shared.db, NULL, NULL, &problems, &err));
    assert_int_equal(problems, 0);
    close_db(shared.db, path);
}

static void a_writer_that_waits_too_long_is_told_who_holds_the_lock(void **state)
{
    char path[64];
    struct db *db = open_db(*state, path);
    struct txn *holder, *other;

    db_set_busy_timeout(db, 20);
    OK(txn_begin(db, TXN_WRITE, &holder, &err));
    txn_set_label(holder, slice_text("UPDATE dog SET age = 3"));
    assert_int_equal(txn_begin(db, TXN_WRITE, &other, &err), ST_BUSY);
    assert_non_null(strstr(error_message(&err), "UPDATE dog SET age = 3"));
    txn_rollback(holder);
    OK(txn_begin(db, TXN_WRITE, &other, &err));
    txn_rollback(other);
    close_db(db, path);
}

static void a_reader_upgrades_only_when_nobody_committed_since(void **state)
{
    char path[64];
    struct shared shared = {.db = open_db(*state, path)};
    struct txn *txn;

    create_table(shared.db);
    OK(txn_begin(shared.db, TXN_READ, &txn, &err));
    OK(txn_upgrade(txn, &err));
    txn_rollback(txn);
    OK(txn_begin(shared.db, TXN_READ, &txn, &err));
    OK(write_pair(&shared, 1, 1, &err));
    assert_int_equal(txn_upgrade(txn, &err), ST_BUSY);
    txn_rollback(txn);
    close_db(shared.db, path);
}

static void a_failed_write_latches_the_database(void **state)
{
    char path[64];
    struct shared shared = {.db = open_db(*state, path)};
    struct txn *txn;
    uint64_t rows;

    create_table(shared.db);
    OK(write_pair(&shared, 1, 1, &err));
    OK(failpoint_arm("table.commit.before_kv=error", &err));
    assert_int_equal(write_pair(&shared, 1, 2, &err), ST_IO);
    failpoint_disarm_all();
    assert_int_equal(write_pair(&shared, 1, 3, &err), ST_READ_ONLY);
    OK(txn_begin(shared.db, TXN_READ, &txn, &err));
    OK(table_row_count(txn, catalog_table(txn_catalog(txn), slice_text("t")), &rows));
    assert_int_equal(rows, 2);
    txn_rollback(txn);
    close_db(shared.db, path);
}

#define ON(test, backend) cmocka_unit_test_prestate(test, (void *)(uintptr_t)(backend))
#define ON_ALL(test)      ON(test, "memory"), ON(test, "lmdb"), ON(test, "rocksdb")

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(many_threads_commit_and_readers_see_whole_transactions),
        ON_ALL(a_writer_that_waits_too_long_is_told_who_holds_the_lock),
        ON_ALL(a_reader_upgrades_only_when_nobody_committed_since),
        ON_ALL(a_failed_write_latches_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
