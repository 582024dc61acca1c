/*
 * bench: harper beside SQLite, linked into one program, same machine, same run, same data.
 *
 *     bench [--rows N] [--backend lmdb|rocksdb|memory] [--repeat R] [--only WORD] [--dir DIR]
 * [--harper-only]
 *
 * Prints a line per workload: median nanoseconds per operation of both, the ratio (greater than 1:
 * harper is faster), and instructions per operation where the machine has a counter. SQLite runs in
 * WAL mode with synchronous=FULL, a cache that holds everything and mmap off; harper with
 * durability=full. Reads are measured warm.
 */
#include "api/harper.h"
#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long rows = 1000000;
static int repeats = 3;
static const char *backend = "lmdb", *only, *directory = "/tmp";
static bool harper_only;
static char sqlite_path[512], harper_path_text[512];

static sqlite3 *sqlite;
static harper *db;
static harper_session *session;

static uint64_t random_state = 88172645463325252ull;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

/* ---- instruction counter ---- */

static int counter = -1;

static void counter_open(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .exclude_kernel = 1,
                                   .inherit = 1};

    counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t counter_read(void)
{
    uint64_t count = 0;

    if (counter < 0 || read(counter, &count, sizeof count) != (ssize_t)sizeof count)
        return 0;
    return count;
}

/* ---- both engines, statement by statement ---- */

static void sqlite_run(const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(sqlite, sql, NULL, NULL, &message) != SQLITE_OK)
        die(sql, message);
}

static void harper_run(const char *sql)
{
    harper_error error;

    if (harper_execute(session, sql, NULL, NULL, &error) != HARPER_OK)
        die(sql, error.message);
}

static sqlite3_stmt *sqlite_prepare(const char *sql)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(sqlite));
    return statement;
}

static harper_statement *harper_prepared(const char *sql)
{
    harper_statement *statement;
    harper_error error;

    if (harper_prepare(session, HARPER_SQL, sql, -1, &statement, NULL, &error) != HARPER_OK)
        die(sql, error.message);
    return statement;
}

/* ---- workloads ---- */

struct workload {
    const char *name;
    long (*sqlite)(void); /* returns how many operations it did */
    long (*harper)(void);
    bool once; /* changes data: no repeats */
};

static uint64_t
    checksum; /* what was read, so that nothing is optimised away, and to compare both */

static char text_buffer[96];

static const char *row_text(long id)
{
    snprintf(text_buffer, sizeof text_buffer,
             "row %ld of a table whose text column has about eighty bytes in every row", id);
    return text_buffer;
}

static const char schema[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, g INTEGER, a "
                             "INTEGER, b REAL, d INTEGER, c TEXT)";
static const char insert[] = "INSERT INTO t (id, k, g, a, b, d, c) VALUES (?, ?, ?, ?, ?, ?, ?)";

static long row_key(long id)
{
    return (long)(((uint64_t)id * 2654435761u) % 1000000007u);
}

static long load_sqlite_into(const char *table_insert)
{
    sqlite3_stmt *statement = sqlite_prepare(table_insert);

    for (long id = 1; id <= rows; id++) {
        if (id % 1000 == 1)
            sqlite_run("BEGIN");
        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_int64(statement, 2, row_key(id));
        sqlite3_bind_int64(statement, 3, id % 100);
        sqlite3_bind_int64(statement, 4, id % 1000);
        sqlite3_bind_double(statement, 5, (double)row_key(id) / 7.0);
        sqlite3_bind_int64(statement, 6, row_key(id) % 10000);
        sqlite3_bind_text(statement, 7, row_text(id), -1, SQLITE_TRANSIENT);
        if (sqlite3_step(statement) != SQLITE_DONE)
            die("insert", sqlite3_errmsg(sqlite));
        sqlite3_reset(statement);
        if (id % 1000 == 0 || id == rows)
            sqlite_run("COMMIT");
    }
    sqlite3_finalize(statement);
    return rows;
}

static long load_harper_into(const char *table)
{
    harper_loader *loader;
    harper_error error;

    if (harper_loader_open(session, table, NULL, 0, &loader, &error) != HARPER_OK)
        die("loader", error.message);
    for (long id = 1; id <= rows; id++) {
        const char *text = row_text(id);

        harper_loader_int(loader, id);
        harper_loader_int(loader, row_key(id));
        harper_loader_int(loader, id % 100);
        harper_loader_int(loader, id % 1000);
        harper_loader_double(loader, (double)row_key(id) / 7.0);
        harper_loader_int(loader, row_key(id) % 10000);
        harper_loader_text(loader, text, strlen(text));
        if (harper_loader_row(loader, &error) != HARPER_OK)
            die("loader", error.message);
    }
    if (harper_loader_close(loader, true, NULL, &error) != HARPER_OK)
        die("loader", error.message);
    return rows;
}

static long load_plain_sqlite(void)
{
    sqlite_run("CREATE TABLE plain (id INTEGER PRIMARY KEY, k INTEGER, g INTEGER, a INTEGER, b "
               "REAL, d INTEGER, c TEXT)");
    load_sqlite_into("INSERT INTO plain (id, k, g, a, b, d, c) VALUES (?, ?, ?, ?, ?, ?, ?)");
    sqlite_run("DROP TABLE plain");
    return rows;
}

static long load_plain_harper(void)
{
    harper_run("CREATE TABLE plain (id INTEGER PRIMARY KEY, k INTEGER, g INTEGER, a INTEGER, b "
               "REAL, d INTEGER, c TEXT)");
    load_harper_into("plain");
    harper_run("DROP TABLE plain");
    return rows;
}

static long load_sqlite(void)
{
    sqlite_run(schema);
    sqlite_run("CREATE INDEX t_k ON t (k)");
    return load_sqlite_into(insert);
}

static long load_harper(void)
{
    harper_run(schema);
    harper_run("CREATE INDEX t_k ON t (k)");
    return load_harper_into("t");
}

/* `count` runs of a statement with one or two integer parameters drawn by `draw`. */
static long many_sqlite(const char *sql, long count, long (*draw)(void), int params, long width)
{
    sqlite3_stmt *statement = sqlite_prepare(sql);

    for (long k = 0; k < count; k++) {
        long at = draw();

        sqlite3_bind_int64(statement, 1, at);
        if (params > 1)
            sqlite3_bind_int64(statement, 2, at + width);
        while (sqlite3_step(statement) == SQLITE_ROW)
            checksum += (uint64_t)sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return count;
}

static long many_harper(const char *sql, long count, long (*draw)(void), int params, long width)
{
    harper_statement *statement = harper_prepared(sql);
    int st;

    for (long k = 0; k < count; k++) {
        long at = draw();

        harper_bind_int(statement, 1, at);
        if (params > 1)
            harper_bind_int(statement, 2, at + width);
        while ((st = harper_step(statement)) == HARPER_ROW)
            checksum += (uint64_t)harper_column_int(statement, 0);
        if (st != HARPER_DONE)
            die(sql, harper_session_error(session)->message);
        harper_reset(statement);
    }
    harper_finalize(statement);
    return count;
}

static long draw_id(void)
{
    return (long)(next_random() % (uint64_t)rows) + 1;
}

static long draw_key(void)
{
    return row_key(draw_id());
}

static long draw_start(void)
{
    return rows <= 200 ? 1 : (long)(next_random() % (uint64_t)(rows - 100)) + 1;
}

/* One statement without parameters; operations are the table's rows. */
static long whole_sqlite(const char *sql, long operations)
{
    sqlite3_stmt *statement = sqlite_prepare(sql);

    while (sqlite3_step(statement) == SQLITE_ROW)
        checksum += (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return operations;
}

static long whole_harper(const char *sql, long operations)
{
    harper_statement *statement = harper_prepared(sql);
    int st;

    while ((st = harper_step(statement)) == HARPER_ROW)
        checksum += (uint64_t)harper_column_int(statement, 0);
    if (st != HARPER_DONE)
        die(sql, harper_session_error(session)->message);
    harper_finalize(statement);
    return operations;
}

#define MANY(name, sql, count, draw, params, width)                                                \
    static long name##_sqlite(void)                                                                \
    {                                                                                              \
        return many_sqlite(sql, count, draw, params, width);                                       \
    }                                                                                              \
    static long name##_harper(void)                                                                \
    {                                                                                              \
        return many_harper(sql, count, draw, params, width);                                       \
    }
#define WHOLE(name, sql, operations)                                                               \
    static long name##_sqlite(void)                                                                \
    {                                                                                              \
        return whole_sqlite(sql, operations);                                                      \
    }                                                                                              \
    static long name##_harper(void)                                                                \
    {                                                                                              \
        return whole_harper(sql, operations);                                                      \
    }

MANY(point, "SELECT a FROM t WHERE id = ?", 200000, draw_id, 1, 0)
MANY(by_index, "SELECT a FROM t WHERE k = ?", 100000, draw_key, 1, 0)
MANY(range_key, "SELECT a FROM t WHERE id >= ? AND id < ?", 5000, draw_start, 2, 100)
MANY(range_index, "SELECT a FROM t WHERE k >= ? ORDER BY k LIMIT 100", 2000, draw_key, 1, 0)
WHOLE(covering, "SELECT sum(k) FROM t", rows)
WHOLE(scan, "SELECT sum(a) FROM t", rows)
WHOLE(filter, "SELECT count(*) FROM t WHERE a * 2 + g > 1000", rows)
WHOLE(count_all, "SELECT count(*) FROM t", 1)
WHOLE(group_by, "SELECT g, count(*), sum(a) FROM t GROUP BY g", rows)
WHOLE(distinct, "SELECT DISTINCT a FROM t", rows)
WHOLE(join, "SELECT sum(small.x) FROM t JOIN small ON small.id = t.d", rows)
WHOLE(order_by, "SELECT id FROM t ORDER BY b", rows)
WHOLE(top, "SELECT id FROM t ORDER BY b LIMIT 10", rows)
WHOLE(like, "SELECT count(*) FROM t WHERE c LIKE '%99 of%'", rows)

static long prepare_sqlite(void)
{
    char sql[100];

    for (long k = 0; k < 20000; k++) {
        snprintf(sql, sizeof sql, "SELECT a FROM t WHERE id = %ld",
                 k + (long)(next_random() % 1000000) * 100000);
        sqlite3_finalize(sqlite_prepare(sql));
    }
    return 20000;
}

static long prepare_harper(void)
{
    char sql[100];

    for (long k = 0; k < 20000; k++) {
        snprintf(sql, sizeof sql, "SELECT a FROM t WHERE id = %ld",
                 k + (long)(next_random() % 1000000) * 100000);
        harper_finalize(harper_prepared(sql));
    }
    return 20000;
}

static long unprepared_sqlite(void)
{
    char sql[100];

    for (long k = 0; k < 20000; k++) {
        snprintf(sql, sizeof sql, "SELECT a FROM t WHERE id = %ld", draw_id());
        whole_sqlite(sql, 1);
    }
    return 20000;
}

static long unprepared_harper(void)
{
    char sql[100];

    for (long k = 0; k < 20000; k++) {
        snprintf(sql, sizeof sql, "SELECT a FROM t WHERE id = %ld", draw_id());
        whole_harper(sql, 1);
    }
    return 20000;
}

static long updates(void)
{
    return rows < 50000 ? rows : 50000;
}

static long update_sqlite(void)
{
    sqlite3_stmt *statement = sqlite_prepare("UPDATE t SET a = ? WHERE id = ?");

    for (long k = 0; k < updates(); k++) {
        if (k % 1000 == 0)
            sqlite_run("BEGIN");
        sqlite3_bind_int64(statement, 1, k);
        sqlite3_bind_int64(statement, 2, draw_id());
        if (sqlite3_step(statement) != SQLITE_DONE)
            die("update", sqlite3_errmsg(sqlite));
        sqlite3_reset(statement);
        if (k % 1000 == 999 || k + 1 == updates())
            sqlite_run("COMMIT");
    }
    sqlite3_finalize(statement);
    return updates();
}

static long update_harper(void)
{
    harper_statement *statement = harper_prepared("UPDATE t SET a = ? WHERE id = ?");

    for (long k = 0; k < updates(); k++) {
        if (k % 1000 == 0)
            harper_run("BEGIN IMMEDIATE");
        harper_bind_int(statement, 1, k);
        harper_bind_int(statement, 2, draw_id());
        if (harper_step(statement) != HARPER_DONE)
            die("update", harper_session_error(session)->message);
        harper_reset(statement);
        if (k % 1000 == 999 || k + 1 == updates())
            harper_run("COMMIT");
    }
    harper_finalize(statement);
    return updates();
}

/* ---- durable commits ---- */

enum { COMMITS = 400, THREADS = 8 };

static void *sqlite_writer(void *argument)
{
    sqlite3 *own;
    sqlite3_stmt *statement;
    int thread = *(int *)argument, threads = thread < 0 ? 1 : THREADS;

    if (sqlite3_open(sqlite_path, &own) != SQLITE_OK)
        die("open", sqlite_path);
    sqlite3_busy_timeout(own, 60000);
    sqlite3_exec(own, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
    if (sqlite3_prepare_v2(own, "INSERT INTO commits (v) VALUES (?)", -1, &statement, NULL) !=
        SQLITE_OK)
        die("prepare", sqlite3_errmsg(own));
    for (int k = 0; k < COMMITS / threads; k++) {
        sqlite3_bind_int(statement, 1, k);
        if (sqlite3_step(statement) != SQLITE_DONE)
            die("commit", sqlite3_errmsg(own));
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    sqlite3_close(own);
    return NULL;
}

static void *harper_writer(void *argument)
{
    harper_session *own;
    harper_statement *statement;
    harper_error error;
    int thread = *(int *)argument, threads = thread < 0 ? 1 : THREADS;

    if (harper_session_open(db, &own, &error) != HARPER_OK ||
        harper_prepare(own, HARPER_SQL, "INSERT INTO commits (v) VALUES (?)", -1, &statement, NULL,
                       &error) != HARPER_OK)
        die("session", error.message);
    for (int k = 0; k < COMMITS / threads; k++) {
        harper_bind_int(statement, 1, k);
        if (harper_step(statement) != HARPER_DONE)
            die("commit", harper_session_error(own)->message);
        harper_reset(statement);
    }
    harper_finalize(statement);
    harper_session_close(own);
    return NULL;
}

static long in_threads(void *(*run)(void *), int count)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];

    if (count == 1) {
        int one = -1;

        run(&one);
        return COMMITS;
    }
    for (int k = 0; k < count; k++) {
        numbers[k] = k;
        pthread_create(&threads[k], NULL, run, &numbers[k]);
    }
    for (int k = 0; k < count; k++)
        pthread_join(threads[k], NULL);
    return COMMITS;
}

static long commit_1_sqlite(void)
{
    return in_threads(sqlite_writer, 1);
}
static long commit_1_harper(void)
{
    return in_threads(harper_writer, 1);
}
static long commit_8_sqlite(void)
{
    return in_threads(sqlite_writer, THREADS);
}
static long commit_8_harper(void)
{
    return in_threads(harper_writer, THREADS);
}

/* ---- the table ---- */

static const struct workload workloads[] = {
    {"bulk load, no index", load_plain_sqlite, load_plain_harper, true},
    {"bulk load, one index", load_sqlite, load_harper, true},
    {"point get, prepared", point_sqlite, point_harper, false},
    {"index lookup -> row", by_index_sqlite, by_index_harper, false},
    {"range of 100 by key", range_key_sqlite, range_key_harper, false},
    {"range of 100 by index", range_index_sqlite, range_index_harper, false},
    {"covering index scan", covering_sqlite, covering_harper, false},
    {"full scan with sum", scan_sqlite, scan_harper, false},
    {"filter with expression", filter_sqlite, filter_harper, false},
    {"count(*)", count_all_sqlite, count_all_harper, false},
    {"group by, 100 groups", group_by_sqlite, group_by_harper, false},
    {"distinct, 1000 values", distinct_sqlite, distinct_harper, false},
    {"join with 10,000 rows", join_sqlite, join_harper, false},
    {"order by without index", order_by_sqlite, order_by_harper, false},
    {"top 10", top_sqlite, top_harper, false},
    {"like '%x%'", like_sqlite, like_harper, false},
    {"prepare, not cached", prepare_sqlite, prepare_harper, false},
    {"unprepared point get", unprepared_sqlite, unprepared_harper, false},
    {"update by key, 1000s", update_sqlite, update_harper, false},
    {"durable commit, 1 thread", commit_1_sqlite, commit_1_harper, false},
    {"durable commit, 8 threads", commit_8_sqlite, commit_8_harper, false},
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct measured {
    double ns;
    uint64_t instructions;
    uint64_t checksum;
};

static struct measured measure(long (*run)(void), int times)
{
    double ns[64];
    struct measured out = {0};

    for (int k = 0; k < times; k++) {
        uint64_t before;
        double start;
        long operations;

        random_state = 88172645463325252ull;
        checksum = 0;
        before = counter_read();
        start = now_ns();
        operations = run();
        ns[k] = (now_ns() - start) / (double)operations;
        out.instructions = (counter_read() - before) / (uint64_t)operations;
        out.checksum = checksum;
    }
    qsort(ns, (size_t)times, sizeof *ns, compare_doubles);
    out.ns = ns[times / 2];
    return out;
}

static void run_workload(const struct workload *workload)
{
    int times = workload->once ? 1 : repeats;
    struct measured theirs = {0}, ours;

    if (!harper_only)
        theirs = measure(workload->sqlite, times);
    ours = measure(workload->harper, times);
    printf("%-28s %14.1f %14.1f %8.2f", workload->name, theirs.ns, ours.ns, theirs.ns / ours.ns);
    if (counter >= 0)
        printf(" %10llu %10llu", (unsigned long long)theirs.instructions,
               (unsigned long long)ours.instructions);
    if (!harper_only && theirs.checksum != ours.checksum)
        printf("  DIFFERENT RESULTS");
    printf("\n");
    fflush(stdout);
}

static double disk_bytes(const char *path)
{
    char command[700];
    double bytes = 0;
    FILE *out;

    snprintf(command, sizeof command,
             "du -sk '%s' '%s-wal' 2>/dev/null | awk '{s += $1} END {print s * 1024}'", path, path);
    out = popen(command, "r");
    if (out == NULL || fscanf(out, "%lf", &bytes) != 1)
        bytes = 0;
    if (out != NULL)
        pclose(out);
    return bytes;
}

static void remove_databases(void)
{
    char command[1200];

    snprintf(command, sizeof command, "rm -rf '%s' '%s-wal' '%s-shm' '%s'", sqlite_path,
             sqlite_path, sqlite_path, harper_path_text);
    if (system(command) != 0)
        die("rm", harper_path_text);
}

static void open_both(void)
{
    harper_options options = {
        .size = sizeof options, .backend = backend, .cache_bytes = 1ull << 30};
    harper_error error;

    snprintf(sqlite_path, sizeof sqlite_path, "%s/bench-%d.sqlite", directory, (int)getpid());
    snprintf(harper_path_text, sizeof harper_path_text, "%s/bench-%d.harper", directory,
             (int)getpid());
    remove_databases();
    if (sqlite3_open(sqlite_path, &sqlite) != SQLITE_OK)
        die("open", sqlite_path);
    sqlite_run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-1000000");
    if (harper_open(strcmp(backend, "memory") == 0 ? ":memory:" : harper_path_text, &options, &db,
                    &error) != HARPER_OK ||
        harper_session_open(db, &session, &error) != HARPER_OK)
        die("open", error.message);
}

int main(int argc, char **argv)
{
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--harper-only") == 0)
            harper_only = true;
        else if (k + 1 >= argc)
            die(argv[k], "needs a value");
        else if (strcmp(argv[k], "--rows") == 0)
            rows = atol(argv[++k]);
        else if (strcmp(argv[k], "--repeat") == 0)
            repeats = atoi(argv[++k]);
        else if (strcmp(argv[k], "--backend") == 0)
            backend = argv[++k];
        else if (strcmp(argv[k], "--only") == 0)
            only = argv[++k];
        else if (strcmp(argv[k], "--dir") == 0)
            directory = argv[++k];
        else
            die(argv[k], "unknown option");
    }
    if (repeats < 1 || repeats > 64 || rows < 1)
        die("arguments", "out of range");
    counter_open();
    open_both();
    printf("%ld rows, %s beside SQLite %s, medians of %d\n", rows, backend, sqlite3_libversion(),
           repeats);
    printf("%-28s %14s %14s %8s%s\n", "workload", "sqlite ns", "harper ns", "ratio",
           counter >= 0 ? "   sqlite in   harper in" : "");
    sqlite_run("CREATE TABLE commits (id INTEGER PRIMARY KEY, v INTEGER)");
    harper_run("CREATE TABLE commits (id INTEGER PRIMARY KEY, v INTEGER)");
    sqlite_run("CREATE TABLE small (id INTEGER PRIMARY KEY, x INTEGER);"
               "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
               "INSERT INTO small SELECT i, i * 3 FROM n");
    harper_run("CREATE TABLE small (id INTEGER PRIMARY KEY, x INTEGER)");
    harper_run("BEGIN IMMEDIATE");
    for (int k = 0; k < 10000; k++) {
        char sql[100];

        snprintf(sql, sizeof sql, "INSERT INTO small VALUES (%d, %d)", k, k * 3);
        harper_run(sql);
    }
    harper_run("COMMIT");
    for (size_t k = 0; k < sizeof workloads / sizeof *workloads; k++) {
        bool is_load = workloads[k].harper == load_harper;

        if (only == NULL || strstr(workloads[k].name, only) != NULL || is_load)
            run_workload(&workloads[k]);
        if (is_load)
            printf("%-28s %14.1f %14.1f %8.2f\n", "bytes on disk per row",
                   disk_bytes(sqlite_path) / (double)rows,
                   disk_bytes(harper_path_text) / (double)rows,
                   disk_bytes(sqlite_path) / disk_bytes(harper_path_text));
    }
    sqlite3_close(sqlite);
    harper_session_close(session);
    harper_close(db);
    remove_databases();
    return 0;
}
