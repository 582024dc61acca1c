/* Eight writers move money and make and remove rows while eight readers count: every snapshot adds
 * up, whichever way it is read. Also meant for MODE=tsan. */
#include "api/harper.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the headers above */
#include <cmocka.h>

enum { WRITERS = 8, READERS = 8, ACCOUNTS = 16, MONEY = 100, TRANSFERS = 40 };

struct bank {
    harper *db;
    _Atomic bool is_over;
    _Atomic int failures;
};

struct clerk {
    struct bank *bank;
    harper_session *session;
    unsigned number;
    uint64_t random;
};

static unsigned draw(struct clerk *clerk, unsigned below)
{
    clerk->random ^= clerk->random << 13;
    clerk->random ^= clerk->random >> 7;
    clerk->random ^= clerk->random << 17;
    return (unsigned)((clerk->random >> 11) % below);
}

static void fail_softly(struct clerk *clerk, const char *what, int64_t answer)
{
    print_error("%s: %lld %s\n", what, (long long)answer,
                harper_session_error(clerk->session)->message);
    clerk->bank->failures++;
}

static int step_with(harper_statement *statement, int64_t a, int64_t b)
{
    int status;

    (void)harper_bind_int(statement, 1, a);
    if (harper_parameter_count(statement) > 1)
        (void)harper_bind_int(statement, 2, b);
    status = harper_step(statement);
    (void)harper_reset(statement);
    return status == HARPER_DONE ? HARPER_OK : status;
}

static int execute(struct clerk *clerk, const char *sql)
{
    return harper_execute(clerk->session, sql, NULL, NULL, NULL);
}

/* Statements stay compiled, so that they run in one transaction after the other. */
static void *write_on(void *argument)
{
    static const char *const texts[] = {"UPDATE account SET balance = balance - ? WHERE id = ?",
                                        "UPDATE account SET balance = balance + ? WHERE id = ?",
                                        "INSERT INTO pair (k, side) VALUES (?, ?)",
                                        "DELETE FROM pair WHERE k = ?"};
    struct clerk *clerk = argument;
    harper_statement *statements[4];

    for (int k = 0; k < 4; k++)
        if (harper_prepare(clerk->session, HARPER_SQL, texts[k], -1, &statements[k], NULL, NULL) !=
            HARPER_OK)
            fail_softly(clerk, texts[k], 0);
    for (unsigned n = 0; n < TRANSFERS && clerk->bank->failures == 0;) {
        int64_t amount = 1 + draw(clerk, 50), k = clerk->number * 1000 + n;
        int status = execute(clerk, n % 3 == 0 ? "BEGIN" : "BEGIN IMMEDIATE");

        if (status == HARPER_OK)
            status = step_with(statements[0], amount, 1 + draw(clerk, ACCOUNTS));
        if (status == HARPER_OK)
            status = step_with(statements[1], amount, 1 + draw(clerk, ACCOUNTS));
        for (int side = 0; status == HARPER_OK && side < 2; side++)
            status = step_with(statements[2], k, side);
        if (status == HARPER_OK && n % 4 == 3)
            status = step_with(statements[3], k - 1, 0);
        if (status == HARPER_OK)
            status = execute(clerk, n % 5 == 4 ? "ROLLBACK" : "COMMIT");
        if (status == HARPER_OK)
            n++;
        else if (status != HARPER_BUSY)
            fail_softly(clerk, "writing", status);
        if (harper_in_transaction(clerk->session))
            (void)execute(clerk, "ROLLBACK");
        if (n % 10 == 9) /* alone, without BEGIN */
            (void)step_with(statements[1], 0, 1);
    }
    for (int k = 0; k < 4; k++)
        harper_finalize(statements[k]);
    return NULL;
}

static void *read_on(void *argument)
{
    static const struct {
        const char *sql;
        int64_t answer;
    } questions[] = {
        {"SELECT sum(balance) FROM account NOT INDEXED", ACCOUNTS * MONEY},
        {"SELECT sum(balance) FROM account INDEXED BY by_balance WHERE balance > -100000",
         ACCOUNTS * MONEY},
        {"SELECT count(*) FROM account", ACCOUNTS},
        {"SELECT count(*) % 2 FROM pair", 0},
        {"SELECT (SELECT count(*) FROM pair) - (SELECT count(*) FROM pair WHERE side >= 0)", 0},
        {"SELECT count(*) FROM (SELECT k FROM pair GROUP BY k HAVING count(*) <> 2)", 0},
        {"SELECT sum(b.balance) FROM account a JOIN account b ON b.id = a.id WHERE a.id > 0",
         ACCOUNTS * MONEY},
    };
    enum { QUESTIONS = sizeof questions / sizeof *questions };
    struct clerk *clerk = argument;
    harper_statement *statements[QUESTIONS];

    for (int k = 0; k < QUESTIONS; k++)
        if (harper_prepare(clerk->session, HARPER_SQL, questions[k].sql, -1, &statements[k], NULL,
                           NULL) != HARPER_OK)
            fail_softly(clerk, questions[k].sql, 0);
    for (unsigned n = 0; !clerk->bank->is_over && clerk->bank->failures == 0; n++) {
        bool in_transaction = n % 2 == 0;

        if (in_transaction)
            (void)execute(clerk, "BEGIN");
        for (int k = 0; k < QUESTIONS; k++) {
            int status = harper_step(statements[k]);
            int64_t answer = status == HARPER_ROW ? harper_column_int(statements[k], 0) : -1;

            if (answer != questions[k].answer)
                fail_softly(clerk, questions[k].sql, answer);
            (void)harper_reset(statements[k]);
        }
        if (in_transaction)
            (void)execute(clerk, "COMMIT");
    }
    for (int k = 0; k < QUESTIONS; k++)
        harper_finalize(statements[k]);
    return NULL;
}

static void every_snapshot_adds_up(const char *backend)
{
    static unsigned number;
    harper_options options = {.size = sizeof options, .backend = backend, .busy_timeout_ms = 60000};
    struct bank bank = {0};
    struct clerk clerks[WRITERS + READERS];
    pthread_t threads[WRITERS + READERS];
    char path[64] = ":memory:", command[100];
    bool is_memory = strcmp(backend, "memory") == 0;
    harper_error error;
    uint64_t problems;

    if (!is_memory)
        snprintf(path, sizeof path, "/tmp/test-concurrency-%d-%u", (int)getpid(), number++);
    assert_int_equal(harper_open(path, &options, &bank.db, &error), HARPER_OK);
    for (unsigned k = 0; k < WRITERS + READERS; k++) {
        clerks[k] = (struct clerk){.bank = &bank, .number = k, .random = k * 7919 + 1};
        assert_int_equal(harper_session_open(bank.db, &clerks[k].session, &error), HARPER_OK);
    }
    assert_int_equal(
        execute(&clerks[0],
                "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER);"
                "CREATE INDEX by_balance ON account (balance);"
                "CREATE TABLE pair (k INTEGER, side INTEGER, UNIQUE (k, side));"
                "INSERT INTO account WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                "FROM c WHERE i < 16) SELECT i, 100 FROM c"),
        HARPER_OK);
    for (unsigned k = 0; k < WRITERS + READERS; k++)
        assert_int_equal(
            pthread_create(&threads[k], NULL, k < WRITERS ? write_on : read_on, &clerks[k]), 0);
    for (unsigned k = 0; k < WRITERS + READERS; k++) {
        if (k == WRITERS)
            bank.is_over = true;
        pthread_join(threads[k], NULL);
    }
    assert_int_equal(bank.failures, 0);
    assert_int_equal(harper_check(bank.db, NULL, NULL, &problems, &error), HARPER_OK);
    assert_int_equal(problems, 0);
    for (unsigned k = 0; k < WRITERS + READERS; k++)
        harper_session_close(clerks[k].session);
    harper_close(bank.db);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (!is_memory)
        assert_int_equal(system(command), 0);
}

static void every_snapshot_adds_up_in_memory(void **state)
{
    (void)state;
    every_snapshot_adds_up("memory");
}

static void every_snapshot_adds_up_on_lmdb(void **state)
{
    (void)state;
    every_snapshot_adds_up("lmdb");
}

static void every_snapshot_adds_up_on_rocksdb(void **state)
{
    (void)state;
    every_snapshot_adds_up("rocksdb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_snapshot_adds_up_in_memory),
        cmocka_unit_test(every_snapshot_adds_up_on_lmdb),
        cmocka_unit_test(every_snapshot_adds_up_on_rocksdb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
