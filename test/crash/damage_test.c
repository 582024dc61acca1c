/* damage_test [backend] [count] [seed]: flip bits in, cut off, empty or remove the files of a
 * closed database, then read it: everything that is read is right or ST_CORRUPT. What only the
 * check can know (an index that lost entries, rows that are gone with a page) the check must find.
 *
 * LMDB has no checksums over its own pages and follows what they say, so a few of the damages to
 * them end the process inside the library; more than a few are a failure here.
 *
 * Each look is a process of its own with a deadline, so that a crash and a hang are findings too.
 */
#include "api/harper.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 3000, DEADLINE_S = 20, FILES_MAX = 64 };

enum outcome { RIGHT, REPORTED, FOUND_BY_CHECK, WRONG, UNCLEAR, OUTCOMES };
static const char *const outcome_names[] = {"right", "reported", "found by the check", "WRONG",
                                            "UNCLEAR STATUS"};

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % below;
}

/* ---- the database ---- */

static const char expected_sql[] = "'row ' || id || ' ' || (id * 7919 % 1000) || "
                                   "substr('................................', id % 30)";

static bool make(const char *path, const char *backend)
{
    harper_options options = {.size = sizeof(options), .backend = backend};
    harper_error error = {0};
    harper_session *session;
    char sql[800];
    harper *db;

    if (harper_open(path, &options, &db, &error) != HARPER_OK ||
        harper_session_open(db, &session, &error) != HARPER_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return false;
    }
    (void)snprintf(
        sql, sizeof(sql),
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER);"
        "CREATE INDEX t_n ON t (n);"
        "INSERT INTO t WITH RECURSIVE c (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c "
        "WHERE id < %d) SELECT id, %s, id * 7919 %% 1000 FROM c;"
        "BEGIN; UPDATE t SET n = n + 1 WHERE id %% 3 = 0; UPDATE t SET n = n - 1 WHERE id %% 3 "
        "= 0; COMMIT",
        ROWS, expected_sql);
    if (harper_execute(session, sql, NULL, NULL, &error) != HARPER_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return false;
    }
    harper_session_close(session);
    harper_close(db);
    return true;
}

/* ---- looking ---- */

struct look {
    harper_session *session;
    enum outcome outcome;
};

static bool is_report(int status)
{
    return status == HARPER_CORRUPT || status == HARPER_IO;
}

static void note(struct look *look, enum outcome outcome)
{
    if (outcome > look->outcome)
        look->outcome = outcome;
}

/* A query that answers 0 when all is right. */
static void ask(struct look *look, const char *sql, enum outcome if_wrong)
{
    harper_statement *statement = NULL;
    harper_error error = {0};
    int status = harper_prepare(look->session, HARPER_SQL, sql, -1, &statement, NULL, &error);

    if (status == HARPER_OK) {
        status = harper_step(statement);
        if (status == HARPER_ROW && harper_column_int(statement, 0) != 0) {
            note(look, if_wrong);
            if (if_wrong == WRONG)
                (void)fprintf(stderr, "%s: %lld\n", sql,
                              (long long)harper_column_int(statement, 0));
        }
        if (status != HARPER_ROW)
            (void)snprintf(error.message, sizeof(error.message), "%s",
                           harper_session_error(look->session)->message);
        harper_finalize(statement);
    }
    if (status == HARPER_ROW)
        return;
    note(look, is_report(status) ? REPORTED : UNCLEAR);
    if (!is_report(status))
        (void)fprintf(stderr, "%s: %d %s\n", sql, status, error.message);
}

static enum outcome look_at(const char *path, bool read_only)
{
    harper_options options = {.size = sizeof(options), .read_only = read_only, .must_exist = true};
    struct look look = {.outcome = RIGHT};
    harper_error error = {0};
    enum outcome before;
    uint64_t problems = 0;
    char sql[400];
    harper *db;
    int status = harper_open(path, &options, &db, &error);

    if (status != HARPER_OK) {
        bool is_clear = is_report(status) || status == HARPER_NOT_FOUND;

        if (!is_clear)
            (void)fprintf(stderr, "open: %d %s\n", status, error.message);
        return is_clear ? REPORTED : UNCLEAR;
    }
    if (harper_session_open(db, &look.session, &error) != HARPER_OK)
        return UNCLEAR;
    /* What a record holds is under its checksum. */
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM t WHERE v <> %s OR n <> id * 7919 %% 1000", expected_sql);
    ask(&look, sql, WRONG);
    before = look.outcome;
    /* Which records and entries there are is not. */
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) - %d FROM t NOT INDEXED WHERE v <> ''", ROWS);
    ask(&look, sql, FOUND_BY_CHECK);
    ask(&look,
        "SELECT (SELECT sum(n) FROM t INDEXED BY t_n WHERE n >= -5) - (SELECT sum(n) FROM t "
        "NOT INDEXED WHERE v <> '')",
        FOUND_BY_CHECK);
    status = harper_check(db, NULL, NULL, &problems, &error);
    if (status != HARPER_OK && !is_report(status)) {
        (void)fprintf(stderr, "check: %d %s\n", status, error.message);
        note(&look, UNCLEAR);
    }
    if (status != HARPER_OK)
        note(&look, REPORTED);
    if (problems != 0)
        note(&look, FOUND_BY_CHECK);
    if (status == HARPER_OK && problems == 0 && look.outcome == FOUND_BY_CHECK && before == RIGHT) {
        (void)fprintf(stderr, "rows or entries are missing, and the check finds nothing\n");
        note(&look, WRONG);
    }
    harper_session_close(look.session);
    harper_close(db);
    return look.outcome;
}

/* ---- damaging ---- */

static unsigned list_files(const char *path, char names[FILES_MAX][256])
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    unsigned count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL && count < FILES_MAX)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "harper.lock") != 0 &&
            strcmp(entry->d_name, "lock.mdb") != 0 && strncmp(entry->d_name, "LOG", 3) != 0)
            (void)snprintf(names[count++], 256, "%s", entry->d_name);
    if (dir != NULL)
        closedir(dir);
    return count;
}

static void flip_bits(const char *file, off_t bytes, char *what)
{
    unsigned flips = 1u << draw(7);
    int fd = open(file, O_RDWR);

    for (unsigned k = 0; k < flips && fd >= 0 && bytes > 0; k++) {
        off_t at = (off_t)draw((uint64_t)bytes);
        unsigned char byte;

        if (pread(fd, &byte, 1, at) != 1)
            break;
        byte ^= (unsigned char)(1u << draw(8));
        if (pwrite(fd, &byte, 1, at) != 1)
            break;
    }
    if (fd >= 0)
        close(fd);
    (void)sprintf(what, "%u bits flipped in", flips);
}

static void damage(const char *path, char *what)
{
    char names[FILES_MAX][256], file[600], how[64];
    unsigned count = list_files(path, names);
    const char *name = names[draw(count)];
    struct stat stat_of = {0};

    (void)snprintf(file, sizeof(file), "%s/%s", path, name);
    (void)stat(file, &stat_of);
    switch (draw(6)) {
    case 0:
        (void)strcpy(how, truncate(file, (off_t)draw((uint64_t)stat_of.st_size + 1)) == 0
                              ? "cut off:"
                              : "not cut:");
        break;
    case 1:
        (void)strcpy(how, unlink(file) == 0 ? "removed:" : "not removed:");
        break;
    default:
        flip_bits(file, stat_of.st_size, how);
    }
    (void)sprintf(what, "%s %.100s", how, name);
}

/* ---- running ---- */

/* -1: it crashed or hung. */
static int look_in_a_process(const char *path, bool read_only)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        alarm(DEADLINE_S);
        _exit((int)look_at(path, read_only));
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status))
        (void)fprintf(stderr, "signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool shell(const char *format, const char *a, const char *b)
{
    char command[600];

    (void)snprintf(command, sizeof(command), format, a, b);
    return system(command) == 0;
}

static int run(const char *backend, unsigned count, uint64_t seed)
{
    char whole[64] = "/tmp/harper-damage-XXXXXX", part[80], what[200];
    unsigned outcomes[OUTCOMES] = {0}, crashes = 0, bad = 0;
    pid_t child;
    int status = 1;

    state = seed * 0x9e3779b97f4a7c15u | 1;
    if (mkdtemp(whole) == NULL)
        return 1;
    child = fork(); /* a process that has had RocksDB open must not fork */
    if (child == 0)
        _exit(make(whole, backend) ? 0 : 1);
    if (waitpid(child, &status, 0) < 0 || status != 0)
        return 1;
    (void)snprintf(part, sizeof(part), "%s.part", whole);
    for (unsigned k = 0; k < count; k++) {
        bool read_only = k % 2 == 1;
        int outcome;

        if (!shell("rm -rf '%s%s'", part, "") || !shell("cp -r '%s' '%s'", whole, part))
            return 1;
        damage(part, what);
        outcome = look_in_a_process(part, read_only);
        if (outcome < 0 || outcome >= OUTCOMES)
            crashes++;
        else
            outcomes[outcome]++;
        if (outcome < 0 && strcmp(backend, "lmdb") == 0)
            bad += crashes == count / 20 + 1;
        else if (outcome < 0 || outcome >= WRONG) {
            (void)fprintf(stderr, "%s, number %u%s: %s: %s\n", backend, k,
                          read_only ? " (read only)" : "", what,
                          outcome < 0 ? "CRASHED" : outcome_names[outcome]);
            bad++;
        }
    }
    (void)shell("rm -rf '%s' '%s'", whole, part);
    (void)printf("%-8s %u damages:", backend, count);
    for (int k = 0; k < OUTCOMES; k++)
        (void)printf(" %u %s,", outcomes[k], outcome_names[k]);
    (void)printf(" %u crashed; seed %llu\n", crashes, (unsigned long long)seed);
    return bad != 0;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;

    if (argc > 1)
        return run(argv[1], count, seed);
    return run("lmdb", count, seed) | run("rocksdb", count, seed);
}
