/* crash_test [--sql | --inject] [backend] [cycles] [seed]: kill a writer at random moments and at
 * fail-points, again and again. Without arguments a short run on each backend. Exits with 1 and the
 * seed of the cycle that failed.
 *
 * --sql writes through the library (sql_writer); --inject makes it fail instead of killing it: then
 * the writer looks at what it can still read and ends by itself, and the next one at what is left.
 */
#include "test/crash/crash.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CYCLES_PER_DATABASE = 40, SHORT_CYCLES = 60 };

static const char *const failpoints[] = {
    "journal.apply",
    "journal.checkpoint",
    "journal.after_checkpoint",
    "journal.recovered",
    "journal.write",
    "journal.sync",
    "journal.after_sync",
    "journal.publish",
    "table.commit.before_log",
    "table.commit.before_kv",
    "table.commit.after_kv",
    "table.commit.after_sync",
    "table.publish",
    "catalog.install",
    "catalog.put",
    "catalog.drop",
    "kv.commit.before",
    "kv.commit.after",
    "catalog.create",
    "catalog.index_build",
    "catalog.index_fill",
    /* hit often: for them the Nth time lies further away */
    "kv.open",
    "kv.begin_write",
    "kv.put",
    "kv.delete",
    "kv.get",
    "kv.cursor",
    "kv.sync",
};
enum { OFTEN_FIRST = 20, FAILPOINTS = sizeof(failpoints) / sizeof(failpoints[0]) };

static const char *writer_name = "crash_writer";
static bool injects;

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % below;
}

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The writer, beside this program. */
static char writer_path[512];

static bool find_writer(void)
{
    ssize_t len = readlink("/proc/self/exe", writer_path, sizeof(writer_path) - 16);
    char *slash;

    if (len < 0)
        return false;
    writer_path[len] = '\0';
    slash = strrchr(writer_path, '/');
    if (slash == NULL)
        return false;
    memcpy(slash + 1, writer_name, strlen(writer_name) + 1);
    return access(writer_path, X_OK) == 0;
}

/* A fresh process shares nothing with the one that died. */
static pid_t start_writer(const struct crash_job *job, const char *failpoint, int *pipe_out)
{
    int ends[2];
    pid_t child;

    if (pipe(ends) != 0)
        return -1;
    child = fork();
    if (child == 0) {
        char numbers[CRASH_THREADS][24], descriptor[12];

        (void)close(ends[0]);
        for (int i = 0; i < CRASH_THREADS; i++)
            (void)snprintf(numbers[i], sizeof(numbers[i]), "%llu",
                           (unsigned long long)job->acknowledged[i]);
        (void)snprintf(descriptor, sizeof(descriptor), "%d", ends[1]);
        if (failpoint != NULL)
            (void)setenv("HARPER_FAILPOINTS", failpoint, 1);
        if (injects && failpoint != NULL)
            (void)setenv("SQL_WRITER_MAY_FAIL", "1", 1);
        (void)execl(writer_path, writer_path, job->path, job->backend, descriptor, numbers[0],
                    numbers[1], (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    *pipe_out = ends[0];
    return child;
}

/* Read acknowledgements until the time is up or the pipe ends. */
static void follow(struct crash_job *job, int pipe_in, double until)
{
    struct crash_ack ack;

    for (;;) {
        double left = until - now_s();
        struct pollfd wait = {.fd = pipe_in, .events = POLLIN};

        if (left <= 0 || poll(&wait, 1, (int)(left * 1000) + 1) <= 0)
            return;
        if (read(pipe_in, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
            return;
        if (ack.thread < CRASH_THREADS && ack.number > job->acknowledged[ack.thread])
            job->acknowledged[ack.thread] = ack.number;
    }
}

static void wait_for_first(int pipe_in)
{
    struct pollfd wait = {.fd = pipe_in, .events = POLLIN};

    (void)poll(&wait, 1, 5000);
}

static void draw_failpoint(char out[96])
{
    static const char *const failures[] = {"error", "full"};
    unsigned point = (unsigned)draw(FAILPOINTS);
    uint64_t nth = 1 + draw(point < OFTEN_FIRST ? 30 : point > OFTEN_FIRST + 1 ? 3000 : 3);

    (void)snprintf(out, 96, "%s=%s@%llu%s", failpoints[point], injects ? failures[draw(2)] : "kill",
                   (unsigned long long)nth, injects && draw(2) == 0 ? "@once" : "");
}

static bool run_cycle(struct crash_job *job, unsigned cycle)
{
    char failpoint[96];
    bool use_failpoint = draw(2) == 0;
    int pipe_in, status;
    pid_t child;

    draw_failpoint(failpoint);
    child = start_writer(job, use_failpoint ? failpoint : NULL, &pipe_in);
    if (child < 0)
        return false;
    /* Half of them die while opening or soon after, the others while they write. */
    if (draw(2) == 0)
        wait_for_first(pipe_in);
    follow(job, pipe_in, now_s() + (double)draw(25) / 1000);
    if (injects && use_failpoint) /* let it come that far */
        follow(job, pipe_in, now_s() + 0.5);
    (void)kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    follow(job, pipe_in, now_s() + 1); /* what it said before it died; ends with the pipe */
    (void)close(pipe_in);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    if (injects && use_failpoint && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    (void)fprintf(stderr, "cycle %u: the writer ended by itself: %s %d%s%s\n", cycle,
                  WIFSIGNALED(status) ? "signal" : "exit",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                  use_failpoint ? ", with " : "", use_failpoint ? failpoint : "");
    return false;
}

static void remove_directory(const char *path)
{
    char command[160];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", path);
    if (system(command) != 0)
        (void)fprintf(stderr, "%s stays behind\n", path);
}

static bool run(const char *backend, unsigned cycles, uint64_t seed)
{
    double start = now_s();
    uint64_t commits = 0;
    char path[64];

    state = seed * 0x9e3779b97f4a7c15u | 1;
    for (unsigned cycle = 0; cycle < cycles;) {
        struct crash_job job = {.path = path, .backend = backend};

        (void)snprintf(path, sizeof(path), "%s/harper-crash-XXXXXX",
                       getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
        if (mkdtemp(path) == NULL)
            return false;
        for (unsigned i = 0; i < CYCLES_PER_DATABASE && cycle < cycles; i++, cycle++) {
            if (!run_cycle(&job, cycle)) {
                (void)fprintf(stderr, "%s, seed %llu: failed; the database is in %s\n", backend,
                              (unsigned long long)seed, path);
                return false;
            }
        }
        for (int i = 0; i < CRASH_THREADS; i++)
            commits += job.acknowledged[i];
        remove_directory(path);
    }
    (void)printf("%-8s %-12s %u %s, %llu acknowledged commits, none lost, none half (%.0f/s)\n",
                 backend, writer_name, cycles, injects ? "failures and kills" : "kills",
                 (unsigned long long)commits, cycles / (now_s() - start));
    return true;
}

int main(int argc, char **argv)
{
    injects = argc > 1 && strcmp(argv[1], "--inject") == 0;
    if (injects || (argc > 1 && strcmp(argv[1], "--sql") == 0)) {
        writer_name = "sql_writer";
        argc--, argv++;
    }
    if (!find_writer())
        return 1;
    if (argc == 1)
        return run("lmdb", SHORT_CYCLES, 1) && run("rocksdb", SHORT_CYCLES, 1) ? 0 : 1;
    return run(argv[1], argc > 2 ? (unsigned)atoi(argv[2]) : SHORT_CYCLES,
               argc > 3 ? strtoull(argv[3], NULL, 10) : 1)
               ? 0
               : 1;
}
