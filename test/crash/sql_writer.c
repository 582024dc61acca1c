/* sql_writer PATH BACKEND PIPE ACKNOWLEDGED…: the same as crash_writer, one floor up: transactions
 * of SQL and documents over several tables, with savepoints, key changes and schema changes, while
 * a reader looks whether every snapshot adds up. Opens, verifies, then writes until killed.
 *
 * What must hold after any number of transactions: money is only moved (the balances add up to a
 * constant, and each is what the ledger says), and everything that a transaction of thread t did
 * carries its number n, so that all of it is there or none.
 *
 * With SQL_WRITER_MAY_FAIL set a failpoint makes something fail: then a statement may fail with
 * ST_IO, ST_FULL or ST_READ_ONLY, what is read afterwards must still add up, and the program ends
 * with 0. */
#include "api/harper.h"
#include "test/crash/crash.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACCOUNTS = 24, MONEY = 1000, PLACES = 16, TOGGLE = 6 };

enum { WRONG = 3, FAILED_AS_EXPECTED = 0 };

struct writer {
    harper *db;
    harper_session *session;
    const struct crash_job *job;
    unsigned thread;
    uint64_t number; /* of the last transaction that is in the database */
    uint64_t random;
};

static bool may_fail;

static uint64_t draw(struct writer *writer, uint64_t below)
{
    writer->random ^= writer->random << 13;
    writer->random ^= writer->random >> 7;
    writer->random ^= writer->random << 17;
    return (writer->random >> 11) % below;
}

/* ---- running statements ---- */

static bool is_injected(int status)
{
    return may_fail && (status == HARPER_IO || status == HARPER_FULL || status == HARPER_READ_ONLY);
}

__attribute__((noreturn, format(printf, 1, 2))) static void wrong(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)fprintf(stderr, "sql_writer: ");
    (void)vfprintf(stderr, format, args);
    (void)fprintf(stderr, "\n");
    va_end(args);
    _exit(WRONG);
}

__attribute__((format(printf, 2, 3))) static int run(struct writer *writer, const char *format, ...)
{
    harper_error error = {0};
    char sql[600];
    va_list args;
    int status;

    va_start(args, format);
    (void)vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    status = harper_execute(writer->session, sql, NULL, NULL, &error);
    if (status != HARPER_OK && status != HARPER_BUSY && !is_injected(status))
        wrong("%s: %d %s", sql, status, error.message);
    if (status != HARPER_OK && error.message[0] == '\0')
        wrong("%s: status %d without a message", sql, status);
    return status;
}

/* The number that a query answers; -1 when it failed because something was made to fail. */
static int64_t ask(harper_session *session, const char *sql, int64_t parameter)
{
    harper_statement *statement = NULL;
    harper_error error = {0};
    int64_t answer = -1;
    int status = harper_prepare(session, HARPER_SQL, sql, -1, &statement, NULL, &error);

    if (status == HARPER_OK) {
        if (harper_parameter_count(statement) == 1)
            (void)harper_bind_int(statement, 1, parameter);
        status = harper_step(statement);
        if (status == HARPER_ROW)
            answer = harper_column_int(statement, 0);
        harper_finalize(statement);
    }
    if (status != HARPER_ROW && !is_injected(status))
        wrong("%s: %d %s", sql, status, harper_session_error(session)->message);
    return answer;
}

static void expect(harper_session *session, const char *sql, int64_t parameter, int64_t expected)
{
    int64_t answer = ask(session, sql, parameter);

    if (answer != expected && !(may_fail && answer == -1))
        wrong("%s (%lld): %lld instead of %lld", sql, (long long)parameter, (long long)answer,
              (long long)expected);
}

/* ---- what must hold ---- */

static void look_at_money(harper_session *session)
{
    expect(session, "SELECT sum(balance) FROM account NOT INDEXED", 0, ACCOUNTS * MONEY);
    expect(session, "SELECT count(*) FROM account", 0, ACCOUNTS);
    expect(session,
           "SELECT count(*) FROM account a WHERE balance <> 1000"
           " + coalesce((SELECT sum(amount) FROM ledger WHERE target = a.id), 0)"
           " - coalesce((SELECT sum(amount) FROM ledger WHERE source = a.id), 0)",
           0, 0);
    expect(
        session,
        "SELECT (SELECT sum(balance) FROM account INDEXED BY by_balance WHERE balance > -1000000)"
        " - (SELECT sum(balance) FROM account NOT INDEXED)",
        0, 0);
    expect(session,
           "SELECT (SELECT count(*) FROM ledger) - (SELECT coalesce(sum(n), 0) FROM progress)", 0,
           0);
}

static void look_at_document(struct writer *writer)
{
    char key[16], wanted[64], *json = NULL;
    int status;

    (void)snprintf(key, sizeof(key), "%u", writer->thread);
    (void)snprintf(wanted, sizeof(wanted), "\"n\":%llu,", (unsigned long long)writer->number);
    status = harper_get(writer->session, "doc", key, &json, NULL);
    if (is_injected(status))
        return;
    if (status == HARPER_NOT_FOUND ? writer->number != 0
                                   : status != HARPER_OK || strstr(json, wanted) == NULL)
        wrong("thread %u, %llu: document %d %s", writer->thread, (unsigned long long)writer->number,
              status, json != NULL ? json : "");
    harper_free(json);
}

static void look_at_own(struct writer *writer)
{
    harper_session *session = writer->session;
    char sql[160];
    int64_t thread = writer->thread,
            n = ask(session, "SELECT n FROM progress WHERE thread = ?", thread);

    if (n < 0)
        return;
    writer->number = (uint64_t)n;
    if (writer->number < writer->job->acknowledged[writer->thread])
        wrong("thread %u: %llu was acknowledged, the database ends at %lld", writer->thread,
              (unsigned long long)writer->job->acknowledged[writer->thread], (long long)n);
    expect(session, "SELECT count(*) FROM ledger WHERE thread = ?", thread, n);
    expect(session, "SELECT coalesce(max(n), 0) FROM ledger WHERE thread = ?", thread, n);
    expect(session, "SELECT count(*) FROM place WHERE thread = ?", thread, PLACES);
    expect(session, "SELECT count(DISTINCT code) FROM place WHERE thread = ?", thread, PLACES);
    expect(session, "SELECT max(v) FROM place WHERE thread = ?", thread, n);
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM sqlite_master WHERE name = 'extra%u'",
                   writer->thread);
    expect(session, sql, 0, n / TOGGLE % 2);
    if (n / TOGGLE % 2 == 1) {
        (void)snprintf(sql, sizeof(sql), "SELECT count(*) + max(n) FROM extra%u", writer->thread);
        expect(session, sql, 0, n % TOGGLE + 1 + n);
    }
    look_at_document(writer);
}

static void print_finding(void *context, const char *message)
{
    (void)context;
    (void)fprintf(stderr, "sql_writer: check: %s\n", message);
}

static void verify(struct writer *writer)
{
    uint64_t problems = 0;
    harper_error error = {0};
    int status;

    if (run(writer, "BEGIN") != HARPER_OK)
        return;
    look_at_money(writer->session);
    look_at_own(writer);
    (void)run(writer, "COMMIT");
    status = harper_check(writer->db, print_finding, NULL, &problems, &error);
    if (status != HARPER_OK && !is_injected(status))
        wrong("check: %s", error.message);
    if (problems != 0)
        wrong("check found %llu problems", (unsigned long long)problems);
}

/* ---- making it ---- */

static int make_tables(struct writer *writer)
{
    int64_t tables =
        ask(writer->session, "SELECT count(*) FROM sqlite_master WHERE name = 'progress'", 0);

    if (tables != 0)
        return tables < 0 ? HARPER_IO : HARPER_OK;
    for (int i = 0; i < CRASH_THREADS; i++)
        if (writer->job->acknowledged[i] != 0)
            wrong("all tables are gone");
    return run(writer,
               "BEGIN IMMEDIATE;"
               "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER, region TEXT);"
               "CREATE INDEX by_balance ON account (balance);"
               "CREATE INDEX by_region ON account (region, balance DESC);"
               "INSERT INTO account WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
               "c "
               "WHERE i < 24) SELECT i, 1000, 'r' || i %% 3 FROM c;") ||
           run(writer,
               "CREATE TABLE ledger (id INTEGER PRIMARY KEY AUTOINCREMENT, thread INTEGER, n "
               "INTEGER, source INTEGER, target INTEGER, amount INTEGER, UNIQUE (thread, n));"
               "CREATE INDEX by_source ON ledger (source);"
               "CREATE INDEX by_target ON ledger (target);"
               "CREATE TABLE progress (thread INTEGER PRIMARY KEY, n INTEGER);"
               "INSERT INTO progress VALUES (0, 0), (1, 0);") ||
           run(writer,
               "CREATE TABLE place (k TEXT PRIMARY KEY, thread INTEGER, code INTEGER UNIQUE, v "
               "INTEGER);"
               "INSERT INTO place WITH RECURSIVE c (i) AS (SELECT 0 UNION ALL SELECT i + 1 "
               "FROM c WHERE i < 31) SELECT 'p' || i, i %% 2, i, 0 FROM c;"
               "CREATE TABLE doc; COMMIT");
}

/* ---- one transaction ---- */

static int move_money(struct writer *writer, uint64_t n)
{
    unsigned source = 1 + (unsigned)draw(writer, ACCOUNTS), amount = 1 + (unsigned)draw(writer, 90);
    unsigned target = 1 + (unsigned)draw(writer, ACCOUNTS);
    int status =
        run(writer, "UPDATE account SET balance = balance - %u WHERE id = %u", amount, source);

    if (status == HARPER_OK)
        status =
            run(writer, "UPDATE account SET balance = balance + %u WHERE id = %u", amount, target);
    if (status == HARPER_OK)
        status = run(writer,
                     "INSERT INTO ledger (thread, n, source, target, amount) VALUES (%u, %llu, %u, "
                     "%u, %u)",
                     writer->thread, (unsigned long long)n, source, target, amount);
    return status;
}

/* Everything in here is undone again. */
static int make_a_mess(struct writer *writer)
{
    static const char *const messes[] = {
        "UPDATE account SET balance = balance + 7, region = 'nowhere'",
        "DELETE FROM ledger",
        "DELETE FROM account WHERE id % 2 = 0; INSERT INTO account VALUES (777, 1, 'x')",
        "UPDATE account SET id = id + 1000",
        "DROP TABLE ledger",
        "ALTER TABLE account ADD COLUMN more INTEGER DEFAULT 5; UPDATE account SET more = id",
        "DROP INDEX by_balance; CREATE UNIQUE INDEX by_balance2 ON account (id, balance)",
        "INSERT OR REPLACE INTO place SELECT k || 'x', 9, code, v FROM place",
        "SAVEPOINT inside; DELETE FROM progress; ROLLBACK TO inside; RELEASE inside",
    };
    int status = run(writer, "SAVEPOINT mess");

    if (status == HARPER_OK)
        status = run(writer, "%s", messes[draw(writer, sizeof(messes) / sizeof(*messes))]);
    return status == HARPER_OK ? run(writer, "ROLLBACK TO mess; RELEASE mess") : status;
}

/* Rows change their primary keys, and replace others by a unique column. */
static int move_places(struct writer *writer, uint64_t n)
{
    unsigned code = (unsigned)draw(writer, PLACES) * 2 + writer->thread;
    int status = run(writer,
                     "UPDATE place SET k = 'p%llu-%u-' || substr(k, 1, %u), v = %llu WHERE code "
                     "= %u",
                     (unsigned long long)n, writer->thread, (unsigned)draw(writer, 300),
                     (unsigned long long)n, code);

    if (status == HARPER_OK && draw(writer, 2) == 0)
        status =
            run(writer, "INSERT OR REPLACE INTO place VALUES ('q%llu-%u', %u, %u, %llu)",
                (unsigned long long)n, writer->thread, writer->thread, code, (unsigned long long)n);
    return status;
}

static int write_document(struct writer *writer, uint64_t n)
{
    char key[16], json[200];
    int status;

    (void)snprintf(key, sizeof(key), "%u", writer->thread);
    (void)snprintf(json, sizeof(json),
                   "{\"n\":%llu,\"tags\":[%llu,\"t\",%llu],\"x%llu\":\"some text\"}",
                   (unsigned long long)n, (unsigned long long)n, (unsigned long long)n % 7,
                   (unsigned long long)n / 10);
    status = draw(writer, 2) == 0 ? harper_put(writer->session, "doc", key, json, -1)
                                  : harper_patch(writer->session, "doc", key, json, -1);
    if (status != HARPER_OK && status != HARPER_BUSY && !is_injected(status))
        wrong("document: %s", harper_session_error(writer->session)->message);
    return status;
}

static int change_schema(struct writer *writer, uint64_t n)
{
    unsigned t = writer->thread;

    if (n % TOGGLE != 0)
        return n / TOGGLE % 2 == 0
                   ? HARPER_OK
                   : run(writer, "INSERT INTO extra%u VALUES (%llu)", t, (unsigned long long)n);
    if (n / TOGGLE % 2 == 0)
        return run(writer, "DROP TABLE extra%u", t);
    return run(writer,
               "CREATE TABLE extra%u (n INTEGER); INSERT INTO extra%u VALUES (%llu); CREATE "
               "INDEX extra%u_n ON extra%u (n)",
               t, t, (unsigned long long)n, t, t);
}

static int write_one(struct writer *writer, uint64_t n)
{
    int status = run(writer, draw(writer, 3) == 0 ? "BEGIN" : "BEGIN IMMEDIATE");

    if (status == HARPER_OK && draw(writer, 3) == 0)
        status = run(writer, "SAVEPOINT outside; SELECT sum(balance) FROM account");
    if (status == HARPER_OK && draw(writer, 3) == 0)
        status = make_a_mess(writer);
    if (status == HARPER_OK)
        status = move_money(writer, n);
    if (status == HARPER_OK)
        status = move_places(writer, n);
    if (status == HARPER_OK)
        status = write_document(writer, n);
    if (status == HARPER_OK)
        status = change_schema(writer, n);
    if (status == HARPER_OK && draw(writer, 3) == 0)
        status = make_a_mess(writer);
    if (status == HARPER_OK)
        status = run(writer, "UPDATE progress SET n = %llu WHERE thread = %u",
                     (unsigned long long)n, writer->thread);
    if (status == HARPER_OK)
        status = run(writer, "COMMIT");
    if (harper_in_transaction(writer->session))
        (void)run(writer, "ROLLBACK");
    return status;
}

static void *write_on(void *argument)
{
    struct writer *writer = argument;

    for (uint64_t n = writer->number + 1;;) {
        struct crash_ack ack = {writer->thread, n};
        int status = write_one(writer, n);

        if (status == HARPER_BUSY)
            continue;              /* it read, then the other one wrote */
        if (status != HARPER_OK) { /* as expected: wrong() has looked at it */
            verify(writer);
            _exit(FAILED_AS_EXPECTED);
        }
        if (write(writer->job->pipe, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
            _exit(4);
        n++;
    }
    return NULL;
}

/* ---- the reader ---- */

static void *read_on(void *argument)
{
    struct writer *reader = argument;

    for (;;) {
        if (run(reader, "BEGIN") == HARPER_OK)
            look_at_money(reader->session);
        if (harper_in_transaction(reader->session))
            (void)run(reader, "COMMIT");
        expect(reader->session, "SELECT sum(balance) FROM account", 0, ACCOUNTS * MONEY);
    }
    return NULL;
}

static int open_and_write(const struct crash_job *job)
{
    harper_options options = {
        .size = sizeof(options), .backend = job->backend, .busy_timeout_ms = 10000};
    struct writer workers[CRASH_THREADS + 1];
    pthread_t threads[CRASH_THREADS + 1];
    harper_error error = {0};
    harper *db;
    int status = harper_open(job->path, &options, &db, &error);

    if (is_injected(status))
        return FAILED_AS_EXPECTED;
    if (status != HARPER_OK)
        wrong("open: %d %s", status, error.message);
    for (unsigned i = 0; i <= CRASH_THREADS; i++) {
        workers[i] = (struct writer){
            .db = db, .job = job, .thread = i, .random = ((uint64_t)getpid() << 20) * (i + 1) | 1};
        if (harper_session_open(db, &workers[i].session, &error) != HARPER_OK)
            return 5;
        if (i == 0 && make_tables(&workers[0]) != HARPER_OK)
            return may_fail ? FAILED_AS_EXPECTED : WRONG;
        if (i < CRASH_THREADS)
            verify(&workers[i]);
    }
    for (unsigned i = 0; i <= CRASH_THREADS; i++)
        if (pthread_create(&threads[i], NULL, i < CRASH_THREADS ? write_on : read_on,
                           &workers[i]) != 0)
            return 5;
    for (unsigned i = 0; i <= CRASH_THREADS; i++)
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
    may_fail = getenv("SQL_WRITER_MAY_FAIL") != NULL;
    return open_and_write(&job);
}
