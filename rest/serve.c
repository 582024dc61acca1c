/* harper serve DATABASE: options, schema files, running until a signal says stop. */
#include "rest/operations/operations.h"
#include "rest/rest.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    SCHEMAS_MAX = 64,
    DRAIN_MS = 10000,
    PORT_DEFAULT = 9926,
    OPERATION_BODY_BYTES_MAX = 1 << 30,
};

static const char usage[] =
    "usage: harper serve DATABASE [options]\n"
    "Serve the exported tables of a database over HTTP.\n"
    "  --port N            port, 0 for a free one (9926)\n"
    "  --address A         address to listen on (127.0.0.1)\n"
    "  --threads N         threads that read and answer requests (one per core)\n"
    "  --writers N         threads that run what writes (32; none with --durability off)\n"
    "  --all               serve every table, not only those marked @export\n"
    "  --schema FILE       apply a GraphQL schema first; may be repeated\n"
    "  --backend B         rocksdb or lmdb, for a new database\n"
    "  --durability L      full, normal or off (full)\n"
    "  --body-max BYTES    largest body of a request (16777216)\n"
    "  --header-timeout MS time for the head of a request (10000)\n"
    "  --body-timeout MS   time for its body (120000)\n"
    "  --idle-timeout MS   time between the requests of a connection (30000)\n"
    "  --connections N     connections at a time (4096)\n"
    "  --access-log FILE   append a line per request\n"
    "  --compress-over N   smallest answer that is compressed, 0 for none (1200)\n"
    "  --last-modified     records have a Last-Modified\n"
    "  --conditional-writes  If-Match and If-None-Match are kept on writes\n"
    "  --counts            descriptions of tables count their records\n"
    "  --graphql           answer GraphQL queries at /graphql\n"
    "  --operations-port N answer the operations API there, 0 for a free port (not at all)\n"
    "  --operations-socket PATH  and on a Unix socket (not at all)\n"
    "  --port-file FILE    write the port there once it is open\n"
    "  --help\n";

struct serve {
    const char *database, *port_file;
    const char *schemas[SCHEMAS_MAX];
    size_t schema_count;
    bool has_operations;
    const char *operations_socket;
    uint16_t operations_port;
    harper_options open;
    struct rest_options rest;
};

static int misuse(const char *format, const char *what)
{
    fputs("harper: ", stderr);
    fprintf(stderr, format, what);
    fputs("\n", stderr);
    fputs(usage, stderr);
    return 2;
}

static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *out <= max;
}

static bool read_durability(const char *text, int *out)
{
    static const struct {
        const char *name;
        int level;
    } levels[] = {{"full", HARPER_DURABILITY_FULL},
                  {"normal", HARPER_DURABILITY_NORMAL},
                  {"off", HARPER_DURABILITY_OFF}};

    for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
        if (strcmp(text, levels[k].name) == 0) {
            *out = levels[k].level;
            return true;
        }
    }
    return false;
}

/* False: the value does not fit the option, or there is no such option. */
static bool read_option(struct serve *serve, const char *name, const char *value)
{
    uint64_t number = 0;

    if (strcmp(name, "--address") == 0) {
        serve->rest.address = value;
    } else if (strcmp(name, "--schema") == 0) {
        if (serve->schema_count == SCHEMAS_MAX)
            return false;
        serve->schemas[serve->schema_count++] = value;
    } else if (strcmp(name, "--backend") == 0) {
        serve->open.backend = value;
    } else if (strcmp(name, "--durability") == 0) {
        return read_durability(value, &serve->open.durability);
    } else if (strcmp(name, "--access-log") == 0) {
        serve->rest.access_log = value;
    } else if (strcmp(name, "--port-file") == 0) {
        serve->port_file = value;
    } else if (strcmp(name, "--port") == 0) {
        if (!read_number(value, UINT16_MAX, &number))
            return false;
        serve->rest.port = (uint16_t)number;
    } else if (strcmp(name, "--operations-socket") == 0) {
        serve->operations_socket = value;
    } else if (strcmp(name, "--operations-port") == 0) {
        if (!read_number(value, UINT16_MAX, &number))
            return false;
        serve->has_operations = true;
        serve->operations_port = (uint16_t)number;
    } else if (strcmp(name, "--compress-over") == 0) {
        if (!read_number(value, UINT32_MAX - 1, &number))
            return false;
        serve->rest.behaviour.compression_bytes = number == 0 ? UINT32_MAX : (uint32_t)number;
    } else if (strcmp(name, "--body-max") == 0) {
        return read_number(value, (uint64_t)1 << 40, &serve->rest.body_bytes_max);
    } else {
        static const struct {
            const char *name;
            size_t at;
        } numbers[] = {{"--threads", offsetof(struct rest_options, threads)},
                       {"--writers", offsetof(struct rest_options, writers)},
                       {"--header-timeout", offsetof(struct rest_options, header_ms)},
                       {"--body-timeout", offsetof(struct rest_options, body_ms)},
                       {"--idle-timeout", offsetof(struct rest_options, idle_ms)},
                       {"--connections", offsetof(struct rest_options, connections_max)}};

        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            if (strcmp(name, numbers[k].name) != 0)
                continue;
            if (!read_number(value, k < 2 ? 1024 : UINT32_MAX, &number))
                return false;
            *(uint32_t *)(void *)((char *)&serve->rest + numbers[k].at) = (uint32_t)number;
            return true;
        }
        return false;
    }
    return true;
}

/* An option without a value. */
static bool read_switch(struct serve *serve, const char *name)
{
    struct rest_behaviour *behaviour = &serve->rest.behaviour;
    const struct {
        const char *name;
        bool *is_on;
    } switches[] = {{"--all", &serve->rest.exports_all},
                    {"--last-modified", &behaviour->has_last_modified},
                    {"--conditional-writes", &behaviour->has_conditional_writes},
                    {"--counts", &behaviour->has_counts},
                    {"--graphql", &behaviour->has_graphql}};

    for (size_t k = 0; k < sizeof switches / sizeof *switches; k++) {
        if (strcmp(name, switches[k].name) == 0) {
            *switches[k].is_on = true;
            return true;
        }
    }
    return false;
}

/* -1: go on; else the exit code. */
static int read_arguments(struct serve *serve, int argc, char **argv)
{
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (read_switch(serve, argv[k])) {
            continue;
        } else if (argv[k][0] == '-' && argv[k][1] == '-') {
            if (k + 1 == argc)
                return misuse("%s needs a value", argv[k]);
            if (!read_option(serve, argv[k], argv[k + 1]))
                return misuse("%s does not take that value, or is unknown", argv[k]);
            k++;
        } else if (serve->database == NULL) {
            serve->database = argv[k];
        } else {
            return misuse("%s: one database at a time", argv[k]);
        }
    }
    return serve->database == NULL ? misuse("%s", "which database?") : -1;
}

/* ---- schemas ---- */

static char *read_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    char *text = NULL;
    size_t len = 0, room = 0, n = 1;

    if (in == NULL)
        return NULL;
    while (n > 0) {
        if (room - len < 4096) {
            char *more = realloc(text, room = room * 2 + 16384);

            if (more == NULL)
                break;
            text = more;
        }
        n = fread(text + len, 1, room - len - 1, in);
        len += n;
    }
    if (ferror(in) || text == NULL) {
        free(text);
        text = NULL;
    } else {
        text[len] = '\0';
    }
    fclose(in);
    return text;
}

static void warn(void *context, const char *message)
{
    fprintf(stderr, "%s: warning: %s\n", (const char *)context, message);
}

static bool apply_schemas(const struct serve *serve, harper *db)
{
    harper_session *session = NULL;
    harper_error error;
    bool ok = harper_session_open(db, &session, &error) == HARPER_OK;

    for (size_t k = 0; ok && k < serve->schema_count; k++) {
        const char *path = serve->schemas[k];
        char *text = read_file(path);

        if (text == NULL) {
            fprintf(stderr, "harper: %s: %s\n", path, strerror(errno));
            ok = false;
        } else if (harper_apply_schema(session, text, -1, 0, warn, (void *)(uintptr_t)path,
                                       &error) != HARPER_OK) {
            fprintf(stderr, "harper: %s: %s\n", path, error.message);
            ok = false;
        }
        free(text);
    }
    harper_session_close(session);
    return ok;
}

/* ---- running ---- */

static bool write_port(const char *path, uint16_t port, uint16_t operations_port)
{
    FILE *out = fopen(path, "w");

    if (out == NULL)
        return false;
    fprintf(out, "%u\n", port);
    if (operations_port != 0)
        fprintf(out, "%u\n", operations_port);
    return fclose(out) == 0;
}

/* The operations API: its listener, and the database that its jobs are kept in. */
struct operations_door {
    harper *system;
    struct operations *operations;
    struct rest_server *server; /* of the port; NULL: none */
    struct rest_server *local;  /* of the socket */
};

static void operations_stop(struct operations_door *door)
{
    if (door->local != NULL)
        rest_stop(door->local, DRAIN_MS);
    if (door->server != NULL)
        rest_stop(door->server, DRAIN_MS);
    operations_close(door->operations);
    harper_close(door->system);
    *door = (struct operations_door){0};
}

static bool operations_start(const struct serve *serve, harper *db, struct operations_door *door)
{
    struct rest_options options = serve->rest;
    struct operations_options what = {.db = db};
    harper_error error = {0};
    static char backups[4096]; /* as long as the server runs */
    char path[4096];
    int st;

    if (!serve->has_operations && serve->operations_socket == NULL)
        return true;
    snprintf(backups, sizeof backups, "%s-backup", serve->database);
    what.backup_path = backups;
    snprintf(path, sizeof path, "%s-system", serve->database);
    st = harper_open(path, &serve->open, &door->system, &error);
    what.system = door->system;
    if (st == HARPER_OK)
        st = operations_open(&what, &door->operations, &error);
    options.port = serve->operations_port;
    options.operations = door->operations;
    options.access_log = NULL;
    if (options.body_bytes_max == 0)
        options.body_bytes_max = OPERATION_BODY_BYTES_MAX;
    if (st == HARPER_OK && serve->has_operations)
        st = rest_start(db, &options, &door->server, &error);
    options.socket_path = serve->operations_socket;
    if (st == HARPER_OK && serve->operations_socket != NULL)
        st = rest_start(db, &options, &door->local, &error);
    if (st == HARPER_OK) {
        if (door->server != NULL)
            printf("operations on port %u\n", rest_port(door->server));
        return true;
    }
    fprintf(stderr, "harper: the operations API cannot be started: %s\n", error.message);
    operations_stop(door);
    return false;
}

/* As many sockets as the system allows. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max > 65536 ? 65536 : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(const struct serve *serve, harper *db, const sigset_t *stops)
{
    const char *address = serve->rest.address == NULL ? "127.0.0.1" : serve->rest.address;
    bool is_v6 = strchr(address, ':') != NULL;
    struct rest_options options = serve->rest;
    struct rest_server *server;
    struct operations_door door = {0};
    harper_error error = {0};
    int signal_number;

    options.writes_at_once = serve->open.durability == HARPER_DURABILITY_OFF;
    if (rest_start(db, &options, &server, &error) != HARPER_OK) {
        fprintf(stderr, "harper: %s\n", error.message);
        return 3;
    }
    if (!operations_start(serve, db, &door)) {
        rest_stop(server, 0);
        return 3;
    }
    if (serve->port_file != NULL && !write_port(serve->port_file, rest_port(server),
                                                door.server == NULL ? 0 : rest_port(door.server))) {
        fprintf(stderr, "harper: %s: %s\n", serve->port_file, strerror(errno));
        operations_stop(&door);
        rest_stop(server, 0);
        return 3;
    }
    printf("listening on http://%s%s%s:%u\n", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
           rest_port(server));
    fflush(stdout);
    while (sigwait(stops, &signal_number) != 0)
        continue;
    operations_stop(&door);
    rest_stop(server, DRAIN_MS);
    return 0;
}

int rest_main(int argc, char **argv)
{
    struct serve serve = {.open = {.size = sizeof serve.open}, .rest = {.port = PORT_DEFAULT}};
    int code = read_arguments(&serve, argc, argv);
    harper_error error = {0};
    sigset_t stops;
    harper *db;

    if (code >= 0)
        return code;
    /* Before any thread is made: all of them leave these signals to sigwait. */
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);
    raise_limits();
    if (harper_open(serve.database, &serve.open, &db, &error) != HARPER_OK) {
        fprintf(stderr, "harper: %s: %s\n", serve.database, error.message);
        return 3;
    }
    code = apply_schemas(&serve, db) ? run(&serve, db, &stops) : 3;
    harper_close(db);
    return code;
}
