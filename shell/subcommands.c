/* harper inspect, check, copy, apply and serve: what operators run from scripts. */
#include "rest/rest.h"
#include "shell/shell.h"
#include <stdlib.h>
#include <string.h>

static const char copy_usage[] = "usage: harper copy FROM TO [--backend rocksdb|lmdb]\n";

static int fail(const char *what, const harper_error *error, int code)
{
    fprintf(stderr, "harper: %s: %s\n", what, error->message);
    return code;
}

static void print_line(void *context, const char *store, const char *key, const char *value)
{
    (void)context;
    printf(*value == '\0' ? "%s  %s\n" : "%s  %s  ->  %s\n", store, key, value);
}

static void print_problem(void *context, const char *message)
{
    (void)context;
    printf("%s\n", message);
}

static int run_inspect(int argc, char **argv)
{
    harper_options options = {.size = sizeof options, .must_exist = true, .read_only = true};
    harper *db;
    harper_session *session;
    harper_error error;
    int code = 0;

    if (argc < 2) {
        fputs("usage: harper inspect DATABASE [TABLE]\n", stderr);
        return 2;
    }
    if (harper_open(argv[1], &options, &db, &error) != HARPER_OK)
        return fail(argv[1], &error, 3);
    if (harper_session_open(db, &session, &error) != HARPER_OK) {
        harper_close(db);
        return fail(argv[1], &error, 3);
    }
    if (harper_inspect(session, argc > 2 ? argv[2] : NULL, UINT64_MAX, print_line, NULL) !=
        HARPER_OK)
        code = fail("inspect", harper_session_error(session), 1);
    harper_session_close(session);
    harper_close(db);
    return code;
}

static int run_check(int argc, char **argv)
{
    harper_options options = {.size = sizeof options, .must_exist = true, .read_only = true};
    harper *db;
    harper_error error;
    uint64_t problems = 0;
    int code = 0;

    if (argc < 2) {
        fputs("usage: harper check DATABASE\n", stderr);
        return 2;
    }
    if (harper_open(argv[1], &options, &db, &error) != HARPER_OK)
        return fail(argv[1], &error, 3);
    if (harper_check(db, print_problem, NULL, &problems, &error) != HARPER_OK)
        code = fail("check", &error, 1);
    harper_close(db);
    if (code != 0)
        return code;
    if (problems == 0)
        printf("ok\n");
    else
        printf("%llu problems\n", (unsigned long long)problems);
    return problems == 0 ? 0 : 1;
}

static int run_copy(int argc, char **argv)
{
    harper_options options = {.size = sizeof options, .must_exist = true, .read_only = true};
    const char *backend = NULL;
    harper *db;
    harper_error error;
    int code = 0;

    if (argc == 5 && strcmp(argv[3], "--backend") == 0)
        backend = argv[4];
    else if (argc != 3) {
        fputs(copy_usage, stderr);
        return 2;
    }
    if (harper_open(argv[1], &options, &db, &error) != HARPER_OK)
        return fail(argv[1], &error, 3);
    if (harper_copy(db, argv[2], backend, &error) != HARPER_OK)
        code = fail(argv[2], &error, 1);
    harper_close(db);
    return code;
}

static void print_warning(void *context, const char *message)
{
    fprintf(stderr, "%s: warning: %s\n", (const char *)context, message);
}

/* The whole file, NUL-terminated, from malloc; NULL: it cannot be read. */
static char *read_file(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;

    if (in == NULL)
        return NULL;
    if (getdelim(&text, &room, '\0', in) < 0) {
        free(text);
        text = ferror(in) ? NULL : calloc(1, 1);
    }
    fclose(in);
    return text;
}

static int apply_file(harper_session *session, char *path, unsigned flags)
{
    char *text = read_file(path);
    harper_error error;
    int code = 0;

    if (text == NULL) {
        fprintf(stderr, "harper: cannot read %s\n", path);
        return 1;
    }
    if (harper_apply_schema(session, text, -1, flags, print_warning, path, &error) != HARPER_OK)
        code = fail(path, &error, 1);
    free(text);
    return code;
}

static int run_apply(int argc, char **argv)
{
    harper_options options = {.size = sizeof options};
    harper *db;
    harper_session *session;
    harper_error error;
    unsigned flags = 0;
    int first = 1, code = 0;

    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "--drop") != 0)
            break;
        flags |= HARPER_SCHEMA_DROP;
    }
    if (argc - first < 2 || argv[first][0] == '-') {
        fputs("usage: harper apply [--drop] DATABASE SCHEMA.graphql...\n", stderr);
        return 2;
    }
    if (harper_open(argv[first], &options, &db, &error) != HARPER_OK)
        return fail(argv[first], &error, 3);
    if (harper_session_open(db, &session, &error) != HARPER_OK) {
        harper_close(db);
        return fail(argv[first], &error, 3);
    }
    for (int k = first + 1; code == 0 && k < argc; k++)
        code = apply_file(session, argv[k], flags);
    harper_session_close(session);
    harper_close(db);
    return code;
}

int subcommand_run(int argc, char **argv)
{
    if (strcmp(argv[0], "serve") == 0)
        return rest_main(argc, argv);
    if (strcmp(argv[0], "inspect") == 0)
        return run_inspect(argc, argv);
    if (strcmp(argv[0], "check") == 0)
        return run_check(argc, argv);
    if (strcmp(argv[0], "copy") == 0)
        return run_copy(argc, argv);
    if (strcmp(argv[0], "apply") == 0)
        return run_apply(argc, argv);
    return -1;
}
