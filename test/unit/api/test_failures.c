/* What the library does when writing fails, when files are missing, and when statements, savepoints
 * and transactions of a session meet in unusual orders. */
#include "api/harper.h"
#include "storage/base/failpoint.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static const char *const backends[] = {"lmdb", "rocksdb"};

struct fixture {
    const char *backend;
    char path[128];
    harper *db;
    harper_session *session;
};

static int open_again(struct fixture *f, bool read_only, harper_error *error)
{
    harper_options options = {
        .size = sizeof options, .backend = NULL, .read_only = read_only, .busy_timeout_ms = 100};
    int status = harper_open(f->path, &options, &f->db, error);

    f->session = NULL;
    return status != HARPER_OK ? status : harper_session_open(f->db, &f->session, error);
}

static void open_fixture(struct fixture *f, const char *backend)
{
    static unsigned number;
    harper_options options = {.size = sizeof options, .backend = backend, .busy_timeout_ms = 100};
    harper_error error;

    f->backend = backend;
    snprintf(f->path, sizeof f->path, "/tmp/test-failures-%d-%u", (int)getpid(), number++);
    if (harper_open(f->path, &options, &f->db, &error) != HARPER_OK)
        fail_msg("%s: %s", backend, error.message);
    assert_int_equal(harper_session_open(f->db, &f->session, &error), HARPER_OK);
}

static void close_database(struct fixture *f)
{
    harper_session_close(f->session);
    harper_close(f->db);
    f->session = NULL;
    f->db = NULL;
}

static void close_fixture(struct fixture *f)
{
    char command[200];

    close_database(f);
    snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    assert_int_equal(system(command), 0);
}

static void run(struct fixture *f, const char *sql)
{
    harper_error error;

    if (harper_execute(f->session, sql, NULL, NULL, &error) != HARPER_OK)
        fail_msg("%s: %s", sql, error.message);
}

static int status_of(struct fixture *f, const char *sql)
{
    return harper_execute(f->session, sql, NULL, NULL, NULL);
}

static int64_t number_of(struct fixture *f, const char *sql)
{
    harper_statement *statement;
    harper_error error;
    int64_t number;

    if (harper_prepare(f->session, HARPER_SQL, sql, -1, &statement, NULL, &error) != HARPER_OK)
        fail_msg("%s: %s", sql, error.message);
    if (harper_step(statement) != HARPER_ROW)
        fail_msg("%s: %s", sql, harper_session_error(f->session)->message);
    number = harper_column_int(statement, 0);
    harper_finalize(statement);
    return number;
}

static void print_problem(void *context, const char *message)
{
    (void)context;
    print_error("check: %s\n", message);
}

static uint64_t problems_of(struct fixture *f)
{
    uint64_t problems = 0;

    assert_int_equal(harper_check(f->db, NULL, NULL, &problems, NULL), HARPER_OK);
    return problems;
}

static void check_finds_nothing(struct fixture *f)
{
    harper_error error;
    uint64_t problems;

    if (harper_check(f->db, print_problem, NULL, &problems, &error) != HARPER_OK)
        fail_msg("%s", error.message);
    assert_int_equal(problems, 0);
}

static void path_of(const struct fixture *f, const char *name, char out[200])
{
    snprintf(out, 200, "%s/%s", f->path, name);
}

/* ---- failing writes ---- */

/* The shape of a row that was never committed must not be found by the next row that has it: its
 * definition was not stored, and nobody could read the row any more. */
static void a_commit_that_fails_leaves_no_shape_behind(struct fixture *f)
{
    harper_error error;
    char *json;

    run(f, "CREATE TABLE pet");
    assert_int_equal(failpoint_arm("table.commit.before_log=full@1@once", NULL), ST_OK);
    assert_int_equal(harper_put(f->session, "pet", "1", "{\"name\":\"Ada\",\"age\":3}", -1),
                     HARPER_FULL);
    failpoint_disarm_all();
    assert_int_equal(harper_put(f->session, "pet", "1", "{\"name\":\"Ada\",\"age\":3}", -1),
                     HARPER_OK);
    close_database(f);
    assert_int_equal(open_again(f, false, &error), HARPER_OK);
    assert_int_equal(harper_get(f->session, "pet", "1", &json, NULL), HARPER_OK);
    assert_non_null(strstr(json, "\"age\":3"));
    harper_free(json);
    check_finds_nothing(f);
}

/* Every point where writing can fail, with every way of failing: the transaction is there as a
 * whole or not at all, now and after opening again. */
static void a_failed_commit_is_whole_or_nothing(struct fixture *f)
{
    static const char *const points[] = {
        "table.commit.before_log",
        "table.commit.before_kv",
        "table.commit.after_kv",
        "table.commit.after_sync",
        "table.publish",
        "kv.begin_write",
        "kv.commit.before",
        "kv.commit.after",
        "kv.put",
        "kv.delete",
    };
    static const char *const ways[] = {"error@1@once", "full@1@once"};
    harper_error error;

    run(f, "CREATE TABLE a (id INTEGER PRIMARY KEY, v INTEGER); CREATE INDEX a_v ON a (v);"
           "CREATE TABLE b (id INTEGER PRIMARY KEY, v INTEGER);"
           "INSERT INTO a VALUES (1, 50), (2, 50); INSERT INTO b VALUES (1, 100)");
    for (size_t k = 0; k < 2 * sizeof points / sizeof *points; k++) {
        char spec[100];
        int status;

        snprintf(spec, sizeof spec, "%s=%s", points[k / 2], ways[k % 2]);
        assert_int_equal(failpoint_arm(spec, NULL), ST_OK);
        run(f, "BEGIN; UPDATE a SET v = v - 1; DELETE FROM b; INSERT INTO b SELECT 1, sum(v) FROM a"
               ";INSERT INTO b SELECT max(id) + 100, 0 FROM a; DELETE FROM b WHERE id > 100");
        status = status_of(f, "COMMIT");
        failpoint_disarm_all();
        if (status == HARPER_OK)
            fail_msg("%s: the commit was acknowledged", spec);
        for (int round = 0; round < 2; round++) {
            if (number_of(f, "SELECT (SELECT sum(v) FROM a) - (SELECT v FROM b WHERE id = 1)") !=
                    0 ||
                number_of(f, "SELECT (SELECT sum(v) FROM a INDEXED BY a_v WHERE v > 0) - "
                             "(SELECT sum(v) FROM a NOT INDEXED)") != 0)
                fail_msg("%s: half of a transaction, round %d", spec, round);
            check_finds_nothing(f);
            close_database(f);
            if (open_again(f, false, &error) != HARPER_OK)
                fail_msg("%s: %s", spec, error.message);
        }
        run(f, "UPDATE a SET v = 50; UPDATE b SET v = 100");
    }
}

static void a_definition_that_fails_half_way_is_undone(struct fixture *f)
{
    static const char *const specs[] = {"catalog.install=error@1@once", "catalog.put=full@1@once"};

    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
        run(f, "BEGIN; CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 2)");
        assert_int_equal(failpoint_arm(specs[k], NULL), ST_OK);
        assert_true(status_of(f, "CREATE TABLE u (a, b, c)") != HARPER_OK);
        assert_int_equal(failpoint_arm(specs[k], NULL), ST_OK);
        assert_true(status_of(f, "ALTER TABLE t RENAME COLUMN v TO w") != HARPER_OK);
        failpoint_disarm_all();
        run(f, "INSERT INTO t VALUES (3, 4); CREATE TABLE u (a); INSERT INTO u VALUES (5); COMMIT");
        assert_int_equal(number_of(f, "SELECT sum(v) + (SELECT sum(a) FROM u) FROM t"), 11);
        check_finds_nothing(f);
        run(f, "DROP TABLE t; DROP TABLE u");
    }
}

/* ---- transactions, savepoints and running statements ---- */

static void savepoints_set_before_the_first_write_nest_as_they_were_set(struct fixture *f)
{
    run(f, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    run(f, "BEGIN; SAVEPOINT a; SAVEPOINT b; INSERT INTO t VALUES (1); RELEASE b; ROLLBACK TO a;"
           "COMMIT");
    assert_int_equal(number_of(f, "SELECT count(*) FROM t"), 0);
    run(f, "BEGIN; SAVEPOINT a; SAVEPOINT b; SAVEPOINT c; INSERT INTO t VALUES (1);"
           "ROLLBACK TO c; INSERT INTO t VALUES (2); ROLLBACK TO b; ROLLBACK TO b;"
           "INSERT INTO t VALUES (3); RELEASE b; COMMIT");
    assert_int_equal(number_of(f, "SELECT sum(id) FROM t"), 3);
    run(f, "SAVEPOINT a; SAVEPOINT b; DELETE FROM t; RELEASE b; ROLLBACK TO a; RELEASE a");
    assert_int_equal(number_of(f, "SELECT sum(id) FROM t"), 3);
}

static void savepoints_wait_for_a_write_that_is_under_way(struct fixture *f)
{
    harper_statement *statement;

    run(f, "CREATE TABLE t (id INTEGER PRIMARY KEY); BEGIN; SAVEPOINT a");
    assert_int_equal(harper_prepare(f->session, HARPER_SQL,
                                    "INSERT INTO t VALUES (1), (2), (3) RETURNING id", -1,
                                    &statement, NULL, NULL),
                     HARPER_OK);
    assert_int_equal(harper_step(statement), HARPER_ROW);
    assert_int_equal(status_of(f, "SAVEPOINT b"), HARPER_BUSY);
    assert_int_equal(status_of(f, "ROLLBACK TO a"), HARPER_BUSY);
    assert_int_equal(status_of(f, "RELEASE a"), HARPER_BUSY);
    harper_finalize(statement);
    assert_int_equal(number_of(f, "SELECT count(*) FROM t"), 3);
    run(f, "ROLLBACK TO a; COMMIT");
    assert_int_equal(number_of(f, "SELECT count(*) FROM t"), 0);
}

/* The first write makes a transaction that has only read a writing one, in the middle of a SELECT.
 */
static void a_running_query_goes_on_when_its_transaction_begins_to_write(struct fixture *f)
{
    static const char *const queries[] = {"SELECT id FROM t", "SELECT id FROM t ORDER BY id DESC",
                                          "SELECT id FROM t WHERE v > 0", "SELECT v FROM t"};

    run(f, "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); CREATE INDEX t_v ON t (v);"
           "INSERT INTO t WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i "
           "< 1000) SELECT i, i FROM c");
    for (size_t k = 0; k < sizeof queries / sizeof *queries; k++) {
        harper_statement *statement;
        int rows = 0, status;

        run(f, "BEGIN");
        assert_int_equal(
            harper_prepare(f->session, HARPER_SQL, queries[k], -1, &statement, NULL, NULL),
            HARPER_OK);
        for (; (status = harper_step(statement)) == HARPER_ROW; rows++)
            if (rows == 5)
                run(f, "UPDATE t SET v = -v WHERE id = -1; INSERT INTO t VALUES (-7, -7)");
        assert_int_equal(status, HARPER_DONE);
        harper_finalize(statement);
        assert_in_range(rows, 1000, 1001);
        run(f, "ROLLBACK");
    }
}

/* A statement that is kept for its next run must not hold on to the transaction it ran in: that
 * object serves others by then. */
static void statements_outlive_the_transactions_they_ran_in(struct fixture *f)
{
    enum { SESSIONS = 80 };
    harper_session *sessions[SESSIONS];
    harper_statement *statements[SESSIONS];

    run(f, "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 1)");
    for (int k = 0; k < SESSIONS; k++) {
        assert_int_equal(harper_session_open(f->db, &sessions[k], NULL), HARPER_OK);
        assert_int_equal(harper_execute(sessions[k], "BEGIN", NULL, NULL, NULL), HARPER_OK);
        assert_int_equal(harper_prepare(sessions[k], HARPER_SQL, "SELECT v FROM t", -1,
                                        &statements[k], NULL, NULL),
                         HARPER_OK);
        assert_int_equal(harper_step(statements[k]), HARPER_ROW);
        assert_int_equal(harper_reset(statements[k]), HARPER_OK);
    }
    for (int k = 0; k < SESSIONS; k++)
        assert_int_equal(harper_execute(sessions[k], "COMMIT", NULL, NULL, NULL), HARPER_OK);
    for (int k = 0; k < SESSIONS; k++) {
        assert_int_equal(harper_step(statements[k]), HARPER_ROW);
        harper_finalize(statements[k]);
        harper_session_close(sessions[k]);
    }
}

/* ---- missing and damaged files ---- */

/* Opening refuses a store that lost commits, however often it is tried, and writes nothing into
 * what somebody may still want to look at. */
static void a_store_that_lost_commits_is_refused_again_and_again(struct fixture *f)
{
    char command[800], mark[200];
    harper_error error;
    struct stat before, after;

    run(f, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    close_database(f);
    snprintf(command, sizeof command, "cp -r '%s' '%s.old'", f->path, f->path);
    assert_int_equal(system(command), 0);
    assert_int_equal(open_again(f, false, &error), HARPER_OK);
    run(f, "INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)");
    close_database(f);
    snprintf(command, sizeof command,
             "cp '%s/watermark' '%s.old/watermark' && rm -r '%s' && mv '%s.old' '%s'", f->path,
             f->path, f->path, f->path, f->path);
    assert_int_equal(system(command), 0);
    path_of(f, "watermark", mark);
    assert_int_equal(stat(mark, &before), 0);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(open_again(f, false, &error), HARPER_CORRUPT);
        assert_non_null(strstr(error.message, "acknowledged"));
    }
    assert_int_equal(stat(mark, &after), 0);
    assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    assert_int_equal(open_again(f, true, &error), HARPER_OK);
    assert_int_equal(number_of(f, "SELECT count(*) FROM t"), 1);
    assert_int_equal(problems_of(f), 1);
}

/* RocksDB would make a new database and delete the tables of the old one as leftovers. */
static void no_new_database_is_made_where_one_has_lost_its_head(struct fixture *f)
{
    char head[200], aside[200], mark[200];
    harper_error error;

    run(f, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    close_database(f);
    path_of(f, strcmp(f->backend, "lmdb") == 0 ? "data.mdb" : "CURRENT", head);
    path_of(f, "aside", aside);
    path_of(f, "watermark", mark);
    assert_int_equal(rename(head, aside), 0);
    assert_int_equal(open_again(f, false, &error), HARPER_CORRUPT);
    if (strcmp(f->backend, "rocksdb") == 0) {
        assert_int_equal(unlink(mark), 0);
        assert_int_equal(open_again(f, false, &error), HARPER_CORRUPT);
    } else { /* an empty file is a new database to LMDB */
        int fd = open(head, O_CREAT | O_WRONLY, 0666);

        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(open_again(f, false, &error), HARPER_CORRUPT);
        assert_int_equal(open_again(f, false, &error), HARPER_CORRUPT);
    }
    assert_int_equal(rename(aside, head), 0);
    assert_int_equal(open_again(f, false, &error), HARPER_OK);
    assert_int_equal(number_of(f, "SELECT count(*) FROM t"), 1);
    check_finds_nothing(f);
}

static void a_file_that_was_cut_off_is_reported(struct fixture *f)
{
    char data[200];
    struct stat stat_of;
    harper_error error;
    int status;

    if (strcmp(f->backend, "lmdb") != 0)
        return;
    run(f, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);"
           "INSERT INTO t WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i "
           "< 5000) SELECT i, 'some text ' || i FROM c");
    close_database(f);
    path_of(f, "data.mdb", data);
    assert_int_equal(stat(data, &stat_of), 0);
    assert_int_equal(truncate(data, stat_of.st_size / 2), 0);
    assert_int_equal(open_again(f, true, &error), HARPER_CORRUPT);
    status = open_again(f, false, &error);
    if (status == HARPER_OK)
        status = status_of(f, "SELECT sum(length(v)) FROM t");
    assert_int_equal(status, HARPER_CORRUPT);
}

#define ON_BOTH_STORES(test)                                                                       \
    static void test##_on_both_stores(void **state)                                                \
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

ON_BOTH_STORES(a_commit_that_fails_leaves_no_shape_behind)
ON_BOTH_STORES(a_failed_commit_is_whole_or_nothing)
ON_BOTH_STORES(a_definition_that_fails_half_way_is_undone)
ON_BOTH_STORES(savepoints_set_before_the_first_write_nest_as_they_were_set)
ON_BOTH_STORES(savepoints_wait_for_a_write_that_is_under_way)
ON_BOTH_STORES(a_running_query_goes_on_when_its_transaction_begins_to_write)
ON_BOTH_STORES(statements_outlive_the_transactions_they_ran_in)
ON_BOTH_STORES(a_store_that_lost_commits_is_refused_again_and_again)
ON_BOTH_STORES(no_new_database_is_made_where_one_has_lost_its_head)
ON_BOTH_STORES(a_file_that_was_cut_off_is_reported)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_that_fails_leaves_no_shape_behind_on_both_stores),
        cmocka_unit_test(a_failed_commit_is_whole_or_nothing_on_both_stores),
        cmocka_unit_test(a_definition_that_fails_half_way_is_undone_on_both_stores),
        cmocka_unit_test(
            savepoints_set_before_the_first_write_nest_as_they_were_set_on_both_stores),
        cmocka_unit_test(savepoints_wait_for_a_write_that_is_under_way_on_both_stores),
        cmocka_unit_test(
            a_running_query_goes_on_when_its_transaction_begins_to_write_on_both_stores),
        cmocka_unit_test(statements_outlive_the_transactions_they_ran_in_on_both_stores),
        cmocka_unit_test(a_store_that_lost_commits_is_refused_again_and_again_on_both_stores),
        cmocka_unit_test(no_new_database_is_made_where_one_has_lost_its_head_on_both_stores),
        cmocka_unit_test(a_file_that_was_cut_off_is_reported_on_both_stores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
