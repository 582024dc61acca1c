/* The library through its public header, on every store. */
#include "api/harper.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the headers above */
#include <cmocka.h>
#include <pthread.h>

static const char *const backends[] = {"memory", "lmdb", "rocksdb"};

struct fixture {
    const char *backend;
    char path[128];
    harper *db;
    harper_session *session;
};

static void open_fixture(struct fixture *f, const char *backend)
{
    static unsigned number;
    harper_options options = {.size = sizeof options, .backend = backend};
    harper_error error;

    f->backend = backend;
    if (strcmp(backend, "memory") == 0)
        snprintf(f->path, sizeof f->path, ":memory:");
    else
        snprintf(f->path, sizeof f->path, "/tmp/test-api-%d-%u", (int)getpid(), number++);
    if (harper_open(f->path, &options, &f->db, &error) != HARPER_OK)
        fail_msg("%s: %s", backend, error.message);
    assert_int_equal(harper_session_open(f->db, &f->session, &error), HARPER_OK);
}

static void close_fixture(struct fixture *f)
{
    char command[200];

    harper_session_close(f->session);
    harper_close(f->db);
    snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    if (strcmp(f->backend, "memory") != 0)
        assert_int_equal(system(command), 0);
}

static void run(harper_session *session, const char *sql)
{
    harper_error error;

    if (harper_execute(session, sql, NULL, NULL, &error) != HARPER_OK)
        fail_msg("%s: %s", sql, error.message);
}

static int64_t number_of(harper_session *session, const char *sql)
{
    harper_statement *statement;
    harper_error error;
    int64_t number;

    if (harper_prepare(session, HARPER_SQL, sql, -1, &statement, NULL, &error) != HARPER_OK)
        fail_msg("%s: %s", sql, error.message);
    assert_int_equal(harper_step(statement), HARPER_ROW);
    number = harper_column_int(statement, 0);
    harper_finalize(statement);
    return number;
}

static void statements_prepare_bind_and_step(struct fixture *f)
{
    harper_statement *statement;
    const char *tail;
    size_t bytes;

    run(f->session, "CREATE TABLE dog (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, weight "
                    "REAL, photo BLOB)");
    assert_int_equal(
        harper_prepare(
            f->session, HARPER_SQL,
            "INSERT INTO dog (name, age, weight, photo) VALUES (?1, :age, @w, ?4); SELECT 1", -1,
            &statement, &tail, NULL),
        HARPER_OK);
    assert_string_equal(tail, " SELECT 1");
    assert_int_equal(harper_parameter_count(statement), 4);
    assert_int_equal(harper_parameter_index(statement, ":age"), 2);
    assert_string_equal(harper_parameter_name(statement, 3), "@w");
    for (int k = 0; k < 3; k++) {
        assert_int_equal(harper_bind_text(statement, 1, k == 0 ? "Ada" : "Bo", -1), HARPER_OK);
        assert_int_equal(harper_bind_int(statement, 2, k), HARPER_OK);
        assert_int_equal(harper_bind_double(statement, 3, 1.5 * k), HARPER_OK);
        assert_int_equal(harper_bind_bytes(statement, 4, "\0\1\2", 3), HARPER_OK);
        assert_int_equal(harper_step(statement), HARPER_DONE);
        assert_int_equal(harper_changes(f->session), 1);
        assert_int_equal(harper_last_rowid(f->session), k + 1);
        harper_reset(statement);
    }
    harper_finalize(statement);
    assert_int_equal(
        harper_prepare(f->session, HARPER_SQL,
                       "SELECT name, age, weight, photo, NULL AS n FROM dog WHERE age >= ?", -1,
                       &statement, NULL, NULL),
        HARPER_OK);
    assert_true(harper_is_read_only(statement));
    harper_bind_int(statement, 1, 1);
    assert_int_equal(harper_column_count(statement), 5);
    assert_string_equal(harper_column_name(statement, 4), "n");
    assert_int_equal(harper_step(statement), HARPER_ROW);
    assert_string_equal(harper_column_text(statement, 0, NULL), "Bo");
    assert_int_equal(harper_column_type(statement, 1), HARPER_INT);
    assert_true(harper_column_double(statement, 2) == 1.5);
    assert_memory_equal(harper_column_bytes(statement, 3, &bytes), "\0\1\2", 3);
    assert_int_equal(bytes, 3);
    assert_null(harper_column_text(statement, 4, NULL));
    assert_int_equal(harper_step(statement), HARPER_ROW);
    assert_int_equal(harper_step(statement), HARPER_DONE);
    assert_int_equal(harper_step(statement), HARPER_DONE);
    harper_finalize(statement);
}

static void errors_say_where_and_undo_everything(struct fixture *f)
{
    harper_statement *statement;
    harper_error error;

    assert_int_equal(
        harper_prepare(f->session, HARPER_SQL, "SELECT a FORM t", -1, &statement, NULL, &error),
        HARPER_SYNTAX);
    assert_null(statement);
    assert_true(error.offset >= 0);
    assert_int_equal(harper_prepare(f->session, HARPER_SQL, "SELECT a FROM missing", -1, &statement,
                                    NULL, &error),
                     HARPER_NO_TABLE);
    assert_int_equal(error.offset, 14);
    run(f->session, "CREATE TABLE u (a INTEGER UNIQUE, b NOT NULL)");
    run(f->session, "INSERT INTO u VALUES (1, 1), (2, 2)");
    assert_int_equal(
        harper_execute(f->session, "INSERT INTO u VALUES (3, 3), (1, 4)", NULL, NULL, &error),
        HARPER_DUPLICATE);
    assert_string_equal(error.message, "UNIQUE constraint failed: u.a");
    assert_int_equal(
        harper_execute(f->session, "INSERT INTO u VALUES (3, 3), (4, NULL)", NULL, NULL, &error),
        HARPER_NOT_NULL);
    assert_string_equal(error.message, "NOT NULL constraint failed: u.b");
    assert_int_equal(number_of(f->session, "SELECT count(*) FROM u"), 2);
}

static void transactions_and_savepoints_nest(struct fixture *f)
{
    run(f->session, "CREATE TABLE s (v INTEGER)");
    run(f->session, "BEGIN");
    run(f->session, "INSERT INTO s VALUES (1)");
    run(f->session, "SAVEPOINT one");
    run(f->session, "INSERT INTO s VALUES (2)");
    run(f->session, "SAVEPOINT two");
    run(f->session, "INSERT INTO s VALUES (3)");
    assert_int_equal(number_of(f->session, "SELECT count(*) FROM s"), 3);
    run(f->session, "ROLLBACK TO one");
    assert_int_equal(number_of(f->session, "SELECT count(*) FROM s"), 1);
    run(f->session, "INSERT INTO s VALUES (4)");
    run(f->session, "RELEASE one");
    assert_true(harper_in_transaction(f->session));
    run(f->session, "COMMIT");
    assert_int_equal(number_of(f->session, "SELECT sum(v) FROM s"), 5);
    run(f->session, "BEGIN; DELETE FROM s; CREATE TABLE gone (x); ROLLBACK");
    assert_int_equal(number_of(f->session, "SELECT sum(v) FROM s"), 5);
    assert_int_equal(harper_execute(f->session, "SELECT * FROM gone", NULL, NULL, NULL),
                     HARPER_NO_TABLE);
    run(f->session, "SAVEPOINT outer_one; INSERT INTO s VALUES (10); RELEASE outer_one");
    assert_false(harper_in_transaction(f->session));
    assert_int_equal(number_of(f->session, "SELECT sum(v) FROM s"), 15);
}

static void a_reader_keeps_its_snapshot_while_another_session_writes(struct fixture *f)
{
    harper_session *other;
    harper_statement *reading;

    assert_int_equal(harper_session_open(f->db, &other, NULL), HARPER_OK);
    run(f->session, "CREATE TABLE r (v INTEGER)");
    run(f->session, "INSERT INTO r VALUES (1), (2), (3)");
    assert_int_equal(
        harper_prepare(f->session, HARPER_SQL, "SELECT v FROM r", -1, &reading, NULL, NULL),
        HARPER_OK);
    assert_int_equal(harper_step(reading), HARPER_ROW);
    run(other, "DELETE FROM r");
    assert_int_equal(harper_step(reading), HARPER_ROW);
    assert_int_equal(harper_step(reading), HARPER_ROW);
    assert_int_equal(harper_step(reading), HARPER_DONE);
    harper_finalize(reading);
    assert_int_equal(number_of(f->session, "SELECT count(*) FROM r"), 0);
    harper_session_close(other);
}

static void a_schema_change_recompiles_what_is_prepared(struct fixture *f)
{
    harper_statement *statement;

    run(f->session, "CREATE TABLE c (a INTEGER); INSERT INTO c VALUES (7)");
    assert_int_equal(
        harper_prepare(f->session, HARPER_SQL, "SELECT * FROM c", -1, &statement, NULL, NULL),
        HARPER_OK);
    assert_int_equal(harper_column_count(statement), 1);
    run(f->session, "ALTER TABLE c ADD COLUMN b INTEGER DEFAULT 8");
    assert_int_equal(harper_step(statement), HARPER_ROW);
    assert_int_equal(harper_column_count(statement), 2);
    assert_int_equal(harper_column_int(statement, 1), 8);
    harper_finalize(statement);
}

static bool count_documents(void *context, const char *key, const char *json, size_t bytes)
{
    (void)key;
    (void)json;
    (void)bytes;
    return ++*(int *)context < 2;
}

static void documents_are_put_got_patched_and_deleted(struct fixture *f)
{
    char *json, *key;
    int count = 0;

    run(f->session, "CREATE TABLE pet");
    assert_int_equal(harper_put(f->session, "pet", "\"a\"",
                                "{\"name\":\"Ada\",\"tags\":[1,\"x\",null],\"deep\":{\"n\":1.5}}",
                                -1),
                     HARPER_OK);
    assert_int_equal(harper_get(f->session, "pet", "\"a\"", &json, NULL), HARPER_OK);
    assert_non_null(strstr(json, "\"tags\":[1,\"x\",null]"));
    assert_non_null(strstr(json, "\"deep\":{\"n\":1.5}"));
    harper_free(json);
    assert_int_equal(harper_patch(f->session, "pet", "\"a\"", "{\"age\":4}", -1), HARPER_OK);
    assert_int_equal(harper_get(f->session, "pet", "\"a\"", &json, NULL), HARPER_OK);
    assert_non_null(strstr(json, "\"age\":4"));
    assert_non_null(strstr(json, "\"name\":\"Ada\""));
    harper_free(json);
    assert_int_equal(harper_insert(f->session, "pet", "{\"name\":\"Bo\"}", -1, &key), HARPER_OK);
    assert_non_null(key);
    assert_int_equal(harper_get(f->session, "pet", key, &json, NULL), HARPER_OK);
    harper_free(json);
    harper_free(key);
    assert_int_equal(harper_put(f->session, "pet", "\"z\"", "{}", -1), HARPER_OK);
    assert_int_equal(harper_scan(f->session, "pet", NULL, count_documents, &count), HARPER_OK);
    assert_int_equal(count, 2);
    assert_int_equal(harper_delete(f->session, "pet", "\"a\""), HARPER_OK);
    assert_int_equal(harper_delete(f->session, "pet", "\"a\""), HARPER_NOT_FOUND);
    assert_int_equal(harper_get(f->session, "pet", "\"a\"", &json, NULL), HARPER_NOT_FOUND);
    assert_int_equal(harper_put(f->session, "pet", "\"a\"", "{\"name\":", -1), HARPER_SYNTAX);
    assert_int_equal(harper_put(f->session, "nopet", "1", "{}", -1), HARPER_NO_TABLE);
}

struct worker {
    harper *db;
    int number;
    int failures;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    harper_session *session;
    harper_statement *insert, *count;

    worker->failures = harper_session_open(worker->db, &session, NULL) != HARPER_OK;
    if (worker->failures > 0)
        return NULL;
    harper_prepare(session, HARPER_SQL, "INSERT INTO w (worker, n) VALUES (?, ?)", -1, &insert,
                   NULL, NULL);
    harper_prepare(session, HARPER_SQL, "SELECT count(*) FROM w WHERE worker = ?", -1, &count, NULL,
                   NULL);
    for (int k = 0; k < 100; k++) {
        harper_bind_int(insert, 1, worker->number);
        harper_bind_int(insert, 2, k);
        worker->failures += harper_step(insert) != HARPER_DONE;
        harper_reset(insert);
        harper_bind_int(count, 1, worker->number);
        worker->failures +=
            harper_step(count) != HARPER_ROW || harper_column_int(count, 0) != k + 1;
        harper_reset(count);
    }
    harper_finalize(insert);
    harper_finalize(count);
    harper_session_close(session);
    return NULL;
}

static void threads_share_a_handle_and_see_their_own_commits(struct fixture *f)
{
    pthread_t threads[4];
    struct worker workers[4];

    run(f->session, "CREATE TABLE w (worker INTEGER, n INTEGER)");
    for (int k = 0; k < 4; k++) {
        workers[k] = (struct worker){f->db, k, 0};
        pthread_create(&threads[k], NULL, work, &workers[k]);
    }
    for (int k = 0; k < 4; k++) {
        pthread_join(threads[k], NULL);
        assert_int_equal(workers[k].failures, 0);
    }
    assert_int_equal(number_of(f->session, "SELECT count(*) FROM w"), 400);
    assert_int_equal(number_of(f->session, "SELECT count(DISTINCT worker) FROM w"), 4);
}

static void a_load_runs_checks_and_defaults_as_insert_does(struct fixture *f)
{
    harper_loader *loader;
    harper_error error;
    uint64_t rows;

    run(f->session,
        "CREATE TABLE l (id INTEGER PRIMARY KEY, v INTEGER CHECK (v > 0), d TEXT DEFAULT 'x')");
    assert_int_equal(
        harper_loader_open(f->session, "l", (const char *const[]){"id", "v"}, 2, &loader, &error),
        HARPER_OK);
    for (int k = 1; k <= 1000; k++) {
        harper_loader_int(loader, k);
        harper_loader_text(loader, "12", 2);
        assert_int_equal(harper_loader_row(loader, &error), HARPER_OK);
    }
    harper_loader_int(loader, 2000);
    harper_loader_int(loader, -1);
    assert_int_equal(harper_loader_row(loader, &error), HARPER_CHECK);
    assert_int_equal(harper_loader_close(loader, true, &rows, &error), HARPER_OK);
    assert_int_equal(rows, 1000);
    assert_int_equal(
        number_of(f->session, "SELECT count(*) FROM l WHERE typeof(v) = 'integer' AND d = 'x'"),
        1000);
}

static void count_problem(void *context, const char *message)
{
    (void)message;
    ++*(int *)context;
}

static void a_database_backs_up_checks_and_copies(struct fixture *f)
{
    char copy[160], command[400];
    harper_error error;
    harper *other;
    harper_session *session;
    uint64_t problems;
    int heard = 0;

    run(f->session, "CREATE TABLE b (id INTEGER PRIMARY KEY, t TEXT); CREATE INDEX bt ON b (t)");
    run(f->session, "INSERT INTO b (t) VALUES ('one'), ('two'), (NULL)");
    assert_int_equal(harper_check(f->db, count_problem, &heard, &problems, &error), HARPER_OK);
    assert_int_equal(problems, 0);
    if (strcmp(f->backend, "memory") == 0)
        return;
    snprintf(copy, sizeof copy, "%s-copy", f->path);
    for (int k = 0; k < 2; k++) {
        const char *backend = strcmp(f->backend, "lmdb") == 0 ? "rocksdb" : "lmdb";
        int st =
            k == 0 ? harper_backup(f->db, copy, &error) : harper_copy(f->db, copy, backend, &error);

        if (st != HARPER_OK)
            fail_msg("%s: %s", f->backend, error.message);
        assert_int_equal(harper_open(copy, NULL, &other, &error), HARPER_OK);
        assert_string_equal(harper_backend(other), k == 0 ? f->backend : backend);
        assert_int_equal(harper_session_open(other, &session, NULL), HARPER_OK);
        assert_int_equal(number_of(session, "SELECT count(*) FROM b WHERE t = 'two'"), 1);
        harper_session_close(session);
        assert_int_equal(harper_check(other, count_problem, &heard, &problems, &error), HARPER_OK);
        assert_int_equal(problems, 0);
        harper_close(other);
        snprintf(command, sizeof command, "rm -rf '%s'", copy);
        assert_int_equal(system(command), 0);
    }
}

#define ON_EVERY_STORE(test)                                                                       \
    static void test##_on_every_store(void **state)                                                \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t k = 0; k < sizeof backends / sizeof *backends; k++) {                          \
            struct fixture f;                                                                      \
                                                                                                   \
            open_fixture(&f, backends[k]);                                                         \
            test(&f);                                                                              \
            close_fixture(&f);                                                                     \
        }                                                                                          \
    }

ON_EVERY_STORE(statements_prepare_bind_and_step)
ON_EVERY_STORE(errors_say_where_and_undo_everything)
ON_EVERY_STORE(transactions_and_savepoints_nest)
ON_EVERY_STORE(a_reader_keeps_its_snapshot_while_another_session_writes)
ON_EVERY_STORE(a_schema_change_recompiles_what_is_prepared)
ON_EVERY_STORE(documents_are_put_got_patched_and_deleted)
ON_EVERY_STORE(threads_share_a_handle_and_see_their_own_commits)
ON_EVERY_STORE(a_load_runs_checks_and_defaults_as_insert_does)
ON_EVERY_STORE(a_database_backs_up_checks_and_copies)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_prepare_bind_and_step_on_every_store),
        cmocka_unit_test(errors_say_where_and_undo_everything_on_every_store),
        cmocka_unit_test(transactions_and_savepoints_nest_on_every_store),
        cmocka_unit_test(a_reader_keeps_its_snapshot_while_another_session_writes_on_every_store),
        cmocka_unit_test(a_schema_change_recompiles_what_is_prepared_on_every_store),
        cmocka_unit_test(documents_are_put_got_patched_and_deleted_on_every_store),
        cmocka_unit_test(threads_share_a_handle_and_see_their_own_commits_on_every_store),
        cmocka_unit_test(a_load_runs_checks_and_defaults_as_insert_does_on_every_store),
        cmocka_unit_test(a_database_backs_up_checks_and_copies_on_every_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
