/*
 * slt: runs sqllogictest scripts in process on harper and, for comparison, on SQLite in the same
 * program.
 *
 *     slt [--backend memory|lmdb|rocksdb] [--compare] [--verbose N] [--scratch DIR] SCRIPT…
 *
 * A script's verdicts follow the reference runner (sqlite.org/sqllogictest): values are rendered by
 * the record's type letters, sorted by its sort mode and compared one by one, or by MD5 above the
 * hash threshold. A query that fails while it runs counts with the rows it gave before; one that
 * does not compile fails. Prints a line per category with records, failures, seconds, and with
 * --compare SQLite's seconds and the ratio. Ends with `N passed, N failed`; exit code 1 when
 * something failed.
 */
#include "api/harper.h"
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINES_MAX = 1 << 16, LABELS_MAX = 1 << 14, CATEGORIES_MAX = 256 };

struct text_list {
    char **items;
    size_t count, capacity;
};

static void list_add(struct text_list *list, char *item)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
        if (list->items == NULL)
            abort();
    }
    list->items[list->count++] = item;
}

static void list_clear(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    list->count = 0;
}

/* ---- engines ---- */

struct engine {
    harper *db;
    harper_session *session;
    sqlite3 *sqlite;
    char path[512];
    char message[600];
};

static const char *backend = "memory";
static const char *scratch = "/tmp";
static int verbose = 3;
static unsigned engine_number;

static void remove_tree(const char *path)
{
    char command[700];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", path);
}

static bool engine_open(struct engine *engine, bool use_sqlite)
{
    memset(engine, 0, sizeof *engine);
    if (use_sqlite) {
        if (strcmp(backend, "memory") == 0) {
            snprintf(engine->path, sizeof engine->path, ":memory:");
        } else {
            snprintf(engine->path, sizeof engine->path, "%s/slt-%d-%u.sqlite", scratch,
                     (int)getpid(), engine_number++);
        }
        if (sqlite3_open(engine->path, &engine->sqlite) != SQLITE_OK)
            return false;
        return strcmp(backend, "memory") == 0 ||
               sqlite3_exec(engine->sqlite, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF", NULL,
                            NULL, NULL) == SQLITE_OK;
    } else {
        harper_options options = {
            .size = sizeof options, .backend = backend, .durability = HARPER_DURABILITY_OFF};
        harper_error error;

        if (strcmp(backend, "memory") == 0)
            snprintf(engine->path, sizeof engine->path, ":memory:");
        else
            snprintf(engine->path, sizeof engine->path, "%s/slt-%d-%u.harper", scratch,
                     (int)getpid(), engine_number++);
        if (harper_open(engine->path, &options, &engine->db, &error) != HARPER_OK ||
            harper_session_open(engine->db, &engine->session, &error) != HARPER_OK) {
            fprintf(stderr, "cannot open %s: %s\n", engine->path, error.message);
            return false;
        }
        return true;
    }
}

static void engine_close(struct engine *engine)
{
    if (engine->sqlite != NULL)
        sqlite3_close(engine->sqlite);
    harper_session_close(engine->session);
    if (engine->db != NULL)
        harper_close(engine->db);
    if (strcmp(engine->path, ":memory:") != 0) {
        char wal[600];

        remove_tree(engine->path);
        snprintf(wal, sizeof wal, "%s-wal", engine->path);
        unlink(wal);
        snprintf(wal, sizeof wal, "%s-shm", engine->path);
        unlink(wal);
    }
}

static bool engine_execute(struct engine *engine, const char *sql)
{
    harper_error error;
    char *message = NULL;

    if (engine->sqlite != NULL) {
        bool ok = sqlite3_exec(engine->sqlite, sql, NULL, NULL, &message) == SQLITE_OK;

        snprintf(engine->message, sizeof engine->message, "%s", message == NULL ? "" : message);
        sqlite3_free(message);
        return ok;
    }
    engine->message[0] = '\0';
    if (harper_execute(engine->session, sql, NULL, NULL, &error) == HARPER_OK)
        return true;
    snprintf(engine->message, sizeof engine->message, "%s", error.message);
    return false;
}

static char *render_text(const char *text, size_t len)
{
    char *out;

    if (text == NULL)
        return strdup("NULL");
    len = strnlen(text, len);
    if (len == 0)
        return strdup("(empty)");
    out = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        out[i] = text[i] < ' ' || text[i] > '~' ? '@' : text[i];
    out[len] = '\0';
    return out;
}

static char *render_int(int64_t i)
{
    char out[32];

    snprintf(out, sizeof out, "%d", (int)i);
    return strdup(out);
}

/* "%.3f" with the 16 significant digits that the reference shows: beyond 1e16 the rest are zeros.
 */
static char *render_real(double d)
{
    char out[400], digits[40];

    if (d >= 1e16 || d <= -1e16) {
        int exponent;

        if (d > 1.7e308 || d < -1.7e308)
            return strdup(d > 0 ? "Inf" : "-Inf");
        snprintf(digits, sizeof digits, "%.15e", d < 0 ? -d : d);
        exponent = atoi(strchr(digits, 'e') + 1);
        snprintf(out, sizeof out, "%s%c%.15s%0*d.000", d < 0 ? "-" : "", digits[0], digits + 2,
                 exponent - 15, 0);
    } else {
        sqlite3_snprintf(sizeof out, out, "%.3f", d);
    }
    return strdup(out);
}

static char *render_sqlite(sqlite3_stmt *statement, int column, char type)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return strdup("NULL");
    if (type == 'I')
        return render_int(sqlite3_column_int64(statement, column));
    if (type == 'R')
        return render_real(sqlite3_column_double(statement, column));
    return render_text((const char *)sqlite3_column_text(statement, column),
                       (size_t)sqlite3_column_bytes(statement, column));
}

static char *render_harper(harper_statement *statement, int column, char type)
{
    size_t len = 0;
    const char *text;

    if (harper_column_type(statement, column) == HARPER_NULL)
        return strdup("NULL");
    if (type == 'I')
        return render_int(harper_column_int(statement, column));
    if (type == 'R')
        return render_real(harper_column_double(statement, column));
    text = harper_column_text(statement, column, &len);
    return render_text(text, len);
}

/* Fills `values` row by row. False: it did not compile, or has another number of columns than
 * `types` says. */
static bool engine_query(struct engine *engine, const char *sql, const char *types,
                         struct text_list *values)
{
    int width = (int)strlen(types), columns;

    engine->message[0] = '\0';
    if (engine->sqlite != NULL) {
        sqlite3_stmt *statement = NULL;

        if (sqlite3_prepare_v2(engine->sqlite, sql, -1, &statement, NULL) != SQLITE_OK) {
            snprintf(engine->message, sizeof engine->message, "%s", sqlite3_errmsg(engine->sqlite));
            return false;
        }
        columns = sqlite3_column_count(statement);
        while (sqlite3_step(statement) == SQLITE_ROW)
            for (int c = 0; c < columns; c++)
                list_add(values, render_sqlite(statement, c, c < width ? types[c] : 'T'));
        sqlite3_finalize(statement);
    } else {
        harper_statement *statement = NULL;
        harper_error error;

        if (harper_prepare(engine->session, HARPER_SQL, sql, -1, &statement, NULL, &error) !=
            HARPER_OK) {
            snprintf(engine->message, sizeof engine->message, "%s", error.message);
            return false;
        }
        if (statement == NULL) {
            snprintf(engine->message, sizeof engine->message, "no statement");
            return false;
        }
        columns = harper_column_count(statement);
        while (harper_step(statement) == HARPER_ROW)
            for (int c = 0; c < columns; c++)
                list_add(values, render_harper(statement, c, c < width ? types[c] : 'T'));
        snprintf(engine->message, sizeof engine->message, "%s",
                 harper_session_error(engine->session)->message);
        harper_finalize(statement);
    }
    if (columns != width) {
        snprintf(engine->message, sizeof engine->message, "%d columns instead of %d", columns,
                 width);
        return false;
    }
    return true;
}

/* ---- comparing ---- */

static size_t row_width;

static int compare_rows(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;

    for (size_t k = 0; k < row_width; k++) {
        int order = strcmp(left[k], right[k]);

        if (order != 0)
            return order;
    }
    return 0;
}

static void sort_values(struct text_list *values, const char *mode, size_t width)
{
    if (values->count == 0 || strcmp(mode, "nosort") == 0)
        return;
    row_width = strcmp(mode, "rowsort") == 0 ? width : 1;
    qsort(values->items, values->count / row_width, row_width * sizeof *values->items,
          compare_rows);
}

static void hash_values(const struct text_list *values, char out[33])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    EVP_DigestInit_ex(context, EVP_md5(), NULL);
    for (size_t i = 0; i < values->count; i++) {
        EVP_DigestUpdate(context, values->items[i], strlen(values->items[i]));
        EVP_DigestUpdate(context, "\n", 1);
    }
    EVP_DigestFinal_ex(context, digest, &len);
    EVP_MD_CTX_free(context);
    for (unsigned i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* ---- scripts ---- */

struct script {
    char *text;
    char *at;
    unsigned line;
};

struct outcome {
    size_t passed, failed, skipped;
    double seconds;
};

struct label {
    char name[256], hash[33];
};

static char *next_line(struct script *script)
{
    char *start = script->at, *end;

    if (start == NULL || *start == '\0')
        return NULL;
    end = strchr(start, '\n');
    if (end == NULL) {
        script->at = NULL;
    } else {
        *end = '\0';
        if (end > start && end[-1] == '\r')
            end[-1] = '\0';
        script->at = end + 1;
    }
    script->line++;
    return start;
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t\f\v")] == '\0';
}

/* The record's SQL: lines up to a blank one or `----`. *has_result tells which. */
static char *read_sql(struct script *script, bool *has_result)
{
    size_t len = 0, capacity = 256;
    char *sql = malloc(capacity), *line;

    sql[0] = '\0';
    *has_result = false;
    while ((line = next_line(script)) != NULL && !is_blank(line)) {
        size_t more = strlen(line);

        if (strcmp(line, "----") == 0) {
            *has_result = true;
            break;
        }
        if (line[0] == '#')
            continue;
        if (len + more + 2 > capacity) {
            capacity = (len + more + 2) * 2;
            sql = realloc(sql, capacity);
        }
        memcpy(sql + len, line, more);
        len += more;
        sql[len++] = '\n';
        sql[len] = '\0';
    }
    return sql;
}

static void report(const char *path, unsigned line, const char *sql, const char *what,
                   size_t *shown)
{
    if ((*shown)++ < (size_t)verbose)
        printf("%s:%u: %s\n%s", path, line, what, sql);
}

static double now_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *check_query(struct engine *engine, const char *sql, const char *types,
                         const char *mode, const char *label_name, struct label *labels,
                         size_t *label_count, struct text_list *expected, size_t threshold,
                         double *seconds)
{
    static char why[2000];
    struct text_list got = {0};
    char hash[33];
    double start = now_seconds();
    bool ok = engine_query(engine, sql, types, &got);

    *seconds += now_seconds() - start;
    if (!ok) {
        snprintf(why, sizeof why, "error: %s", engine->message);
        list_clear(&got);
        free(got.items);
        return why;
    }
    why[0] = '\0';
    sort_values(&got, mode, strlen(types));
    hash_values(&got, hash);
    if (expected->count == 1 && strstr(expected->items[0], " values hashing to ") != NULL) {
        size_t count = strtoul(expected->items[0], NULL, 10);
        const char *want = strstr(expected->items[0], "hashing to ") + 11;

        if (count != got.count || strncmp(want, hash, 32) != 0)
            snprintf(why, sizeof why, "wrong result: %zu values hashing to %s, expected %s %s",
                     got.count, hash, expected->items[0], engine->message);
    } else if (threshold == 0 || got.count <= threshold || expected->count == got.count) {
        if (got.count != expected->count)
            snprintf(why, sizeof why, "%zu values, expected %zu %s", got.count, expected->count,
                     engine->message);
        for (size_t i = 0; why[0] == '\0' && i < got.count; i++)
            if (strcmp(got.items[i], expected->items[i]) != 0)
                snprintf(why, sizeof why, "value %zu is %.300s, expected %.300s %.200s", i + 1,
                         got.items[i], expected->items[i], engine->message);
    } else {
        snprintf(why, sizeof why, "%zu values, expected %zu", got.count, expected->count);
    }
    if (why[0] == '\0' && label_name[0] != '\0') {
        size_t k = 0;

        while (k < *label_count && strcmp(labels[k].name, label_name) != 0)
            k++;
        if (k == *label_count && k < LABELS_MAX) {
            snprintf(labels[k].name, sizeof labels[k].name, "%s", label_name);
            memcpy(labels[k].hash, hash, sizeof hash);
            (*label_count)++;
        } else if (k < LABELS_MAX && strcmp(labels[k].hash, hash) != 0) {
            snprintf(why, sizeof why, "another result than the record before with label %s",
                     label_name);
        }
    }
    list_clear(&got);
    free(got.items);
    return why[0] == '\0' ? NULL : why;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size;
    char *text;

    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    text = malloc((size_t)size + 1);
    if (fread(text, 1, (size_t)size, file) != (size_t)size)
        size = 0;
    text[size] = '\0';
    fclose(file);
    return text;
}

static void run_script(const char *path, bool use_sqlite, struct outcome *outcome)
{
    struct script script = {0};
    struct engine engine;
    static struct label labels[LABELS_MAX];
    size_t label_count = 0, threshold = 8, shown = 0;
    bool skip = false;
    char *line;
    double start;

    script.text = read_file(path);
    script.at = script.text;
    start = now_seconds();
    if (script.text == NULL || !engine_open(&engine, use_sqlite)) {
        fprintf(stderr, "cannot run %s\n", path);
        outcome->failed++;
        free(script.text);
        return;
    }
    outcome->seconds += now_seconds() - start;
    while ((line = next_line(&script)) != NULL) {
        char word[4][256] = {{0}};
        int words = sscanf(line, "%255s %255s %255s %255s", word[0], word[1], word[2], word[3]);
        unsigned at = script.line;
        bool has_result;
        char *sql;

        if (words <= 0 || line[0] == '#')
            continue;
        if (strcmp(word[0], "skipif") == 0 || strcmp(word[0], "onlyif") == 0) {
            if ((strcmp(word[1], "sqlite") == 0) == (strcmp(word[0], "skipif") == 0))
                skip = true;
            continue;
        }
        if (strcmp(word[0], "hash-threshold") == 0) {
            threshold = strtoul(word[1], NULL, 10);
            continue;
        }
        if (strcmp(word[0], "halt") == 0) {
            if (!skip)
                break;
            skip = false;
            continue;
        }
        sql = read_sql(&script, &has_result);
        if (strcmp(word[0], "statement") == 0) {
            if (skip) {
                outcome->skipped++;
            } else {
                bool ok;

                start = now_seconds();
                ok = engine_execute(&engine, sql);
                outcome->seconds += now_seconds() - start;
                if (ok == (strcmp(word[1], "ok") == 0)) {
                    outcome->passed++;
                } else {
                    outcome->failed++;
                    report(path, at, sql, ok ? "succeeded, expected an error" : engine.message,
                           &shown);
                }
            }
        } else if (strcmp(word[0], "query") == 0) {
            struct text_list expected = {0};
            char *why;

            while (has_result && (line = next_line(&script)) != NULL && !is_blank(line))
                list_add(&expected, strdup(line));
            if (skip) {
                outcome->skipped++;
            } else {
                why = check_query(&engine, sql, word[1], word[2][0] == '\0' ? "nosort" : word[2],
                                  word[3], labels, &label_count, &expected, threshold,
                                  &outcome->seconds);
                if (why == NULL) {
                    outcome->passed++;
                } else {
                    outcome->failed++;
                    report(path, at, sql, why, &shown);
                }
            }
            list_clear(&expected);
            free(expected.items);
        } else {
            fprintf(stderr, "%s:%u: unknown record %s\n", path, at, word[0]);
            outcome->failed++;
        }
        skip = false;
        free(sql);
    }
    start = now_seconds();
    engine_close(&engine);
    outcome->seconds += now_seconds() - start;
    free(script.text);
}

/* ---- summary ---- */

struct category {
    char name[128];
    size_t scripts;
    struct outcome harper, sqlite;
};

static struct category categories[CATEGORIES_MAX];
static size_t category_count;

/* index/between/10/x.test belongs to index/between, select1.test to itself. */
static struct category *category_of(const char *path)
{
    char name[128];
    const char *slash = strrchr(path, '/'), *from = path;
    static const char *const roots[] = {"/index/", "/random/", "/evidence/"};

    snprintf(name, sizeof name, "%s", slash == NULL ? path : slash + 1);
    for (size_t k = 0; k < sizeof roots / sizeof *roots; k++) {
        const char *found = strstr(from, roots[k]);

        if (found != NULL) {
            const char *second = found + strlen(roots[k]);
            const char *end = strchr(second, '/');

            if (end == NULL)
                snprintf(name, sizeof name, "%.*s", (int)(second - found - 2), found + 1);
            else
                snprintf(name, sizeof name, "%.*s", (int)(end - found - 1), found + 1);
        }
    }
    for (size_t k = 0; k < category_count; k++)
        if (strcmp(categories[k].name, name) == 0)
            return &categories[k];
    if (category_count == CATEGORIES_MAX)
        return &categories[CATEGORIES_MAX - 1];
    snprintf(categories[category_count].name, sizeof categories[0].name, "%s", name);
    return &categories[category_count++];
}

static void add(struct outcome *sum, const struct outcome *more)
{
    sum->passed += more->passed;
    sum->failed += more->failed;
    sum->skipped += more->skipped;
    sum->seconds += more->seconds;
}

static void print_line(const char *name, const struct outcome *ours, const struct outcome *theirs,
                       bool compare)
{
    printf("%-24s %9zu records %7zu failed %8.2f s", name, ours->passed + ours->failed,
           ours->failed, ours->seconds);
    if (compare)
        printf("   sqlite %8.2f s   time ratio %.2f", theirs->seconds,
               ours->seconds / theirs->seconds);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct outcome ours = {0}, theirs = {0};
    bool compare = false, show_scripts = false;
    int at = 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--compare") == 0)
            compare = true;
        else if (strcmp(argv[at], "--scripts") == 0)
            show_scripts = true;
        else if (strcmp(argv[at], "--backend") == 0 && at + 1 < argc)
            backend = argv[++at];
        else if (strcmp(argv[at], "--verbose") == 0 && at + 1 < argc)
            verbose = atoi(argv[++at]);
        else if (strcmp(argv[at], "--scratch") == 0 && at + 1 < argc)
            scratch = argv[++at];
        else {
            fprintf(stderr, "slt: unknown option %s\n", argv[at]);
            return 2;
        }
    }
    for (; at < argc; at++) {
        struct category *category = category_of(argv[at]);
        struct outcome one = {0}, other = {0};

        category->scripts++;
        run_script(argv[at], false, &one);
        if (compare)
            run_script(argv[at], true, &other);
        add(&category->harper, &one);
        add(&category->sqlite, &other);
        add(&ours, &one);
        add(&theirs, &other);
        if (show_scripts)
            print_line(argv[at], &one, &other, compare);
    }
    for (size_t k = 0; k < category_count; k++)
        print_line(categories[k].name, &categories[k].harper, &categories[k].sqlite, compare);
    print_line("all", &ours, &theirs, compare);
    printf("%zu passed, %zu failed\n", ours.passed, ours.failed);
    return ours.failed == 0 ? 0 : 1;
}
