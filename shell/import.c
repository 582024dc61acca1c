/* .import: CSV, tab-separated text, JSON and newline-delimited JSON into a table. */
#include "shell/csv.h"
#include "shell/shell.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { DOCUMENTS_PER_COMMIT = 2000 };

static void complain(struct shell *shell, const char *path, unsigned long line, const char *what)
{
    harper_error error = {.offset = -1};

    if (line > 0)
        snprintf(error.message, sizeof error.message, "%s, line %lu: %s", path, line, what);
    else
        snprintf(error.message, sizeof error.message, "%s: %s", path, what);
    shell_error(shell, NULL, &error);
}

static bool execute(struct shell *shell, const char *sql)
{
    harper_error error;

    if (harper_execute(shell->session, sql, NULL, NULL, &error) == HARPER_OK)
        return true;
    shell_error(shell, sql, &error);
    return false;
}

/* ---- progress ---- */

struct progress {
    bool is_moving; /* standard error is a terminal */
    bool is_summed; /* say at the end what was done */
    uint64_t rows, bytes, bytes_total;
    double began, shown_at;
};

static double now_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void progress_show(struct progress *progress)
{
    double now = now_seconds(), seconds = now - progress->began;
    int done = progress->bytes_total == 0 ? 0 : (int)(progress->bytes * 20 / progress->bytes_total);

    if (!progress->is_moving || now - progress->shown_at < 0.1)
        return;
    progress->shown_at = now;
    fprintf(stderr, "\r[%.*s%*s] %llu rows, %.0f rows/s (Ctrl-C stops) ", done > 20 ? 20 : done,
            "####################", done > 20 ? 0 : 20 - done, "",
            (unsigned long long)progress->rows,
            seconds > 0 ? (double)progress->rows / seconds : 0.0);
    fflush(stderr);
}

static void progress_end(const struct progress *progress, const char *table, bool ok)
{
    double seconds = now_seconds() - progress->began;

    if (progress->is_moving)
        fputs("\r\033[K", stderr);
    if (ok && progress->is_summed)
        fprintf(stderr, "%s: %llu rows in %.2f s, %.0f rows/s\n", table,
                (unsigned long long)progress->rows, seconds,
                seconds > 0 ? (double)progress->rows / seconds : 0.0);
}

static void progress_begin(const struct import *import, struct progress *progress, FILE *in)
{
    memset(progress, 0, sizeof *progress);
    progress->is_moving = isatty(STDERR_FILENO) != 0;
    progress->is_summed = progress->is_moving || import->is_verbose;
    progress->began = now_seconds();
    if (fseek(in, 0, SEEK_END) == 0) { /* not a pipe */
        progress->bytes_total = (uint64_t)ftell(in);
        fseek(in, 0, SEEK_SET);
    }
}

/* ---- the table ---- */

/* How the text of a field becomes a value. Tables made by SQL have affinities, which do it. Tables
 * made by a schema have types, which refuse what they are not. */
enum conversion { AS_TEXT, AS_INT, AS_FLOAT, AS_JSON };

struct target {
    int count;
    char **names;
    enum conversion *conversions;
    bool is_typed;       /* made by a schema */
    bool needs_document; /* some field is AS_JSON: rows are written as documents */
};

static void target_free(struct target *target)
{
    for (int k = 0; k < target->count; k++)
        free(target->names[k]);
    free(target->names);
    free(target->conversions);
    memset(target, 0, sizeof *target);
}

static enum conversion conversion_of(const char *type)
{
    static const struct {
        const char *type;
        enum conversion conversion;
    } known[] = {{"ID", AS_TEXT},
                 {"String", AS_TEXT},
                 {"Int", AS_INT},
                 {"Long", AS_INT},
                 {"Float", AS_FLOAT}};

    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (strcmp(known[k].type, type) == 0)
            return known[k].conversion;
    return AS_JSON;
}

static bool target_add(struct target *target, const char *name, enum conversion conversion)
{
    size_t count = (size_t)target->count + 1;
    char **names = realloc(target->names, count * sizeof *names);
    enum conversion *conversions;

    if (names == NULL)
        return false;
    target->names = names;
    conversions = realloc(target->conversions, count * sizeof *conversions);
    if (conversions == NULL)
        return false;
    target->conversions = conversions;
    names[target->count] = strdup(name);
    conversions[target->count] = conversion;
    if (names[target->count] == NULL)
        return false;
    target->count++;
    return true;
}

/* Does the table exist, and is it made by a schema? */
static bool find_table(struct shell *shell, const char *table, bool *is_typed)
{
    harper_statement *statement = NULL;
    const char *sql, *dot = strchr(table, '.');
    bool exists = false;

    *is_typed = false;
    if (dot != NULL)
        table = dot + 1;
    if (harper_prepare(shell->session, HARPER_SQL,
                       "SELECT sql FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND type IN "
                       "('table', 'view')",
                       -1, &statement, NULL, NULL) != HARPER_OK)
        return false;
    harper_bind_text(statement, 1, table, -1);
    if (harper_step(statement) == HARPER_ROW) {
        exists = true;
        sql = harper_column_text(statement, 0, NULL);
        *is_typed = sql != NULL && strncasecmp(sql, "CREATE", 6) != 0;
    }
    harper_finalize(statement);
    return exists;
}

/* The columns that rows can give: not the generated ones. */
static bool target_read(struct shell *shell, const char *table, struct target *target)
{
    harper_statement *statement = NULL;
    const char *dot = strchr(table, '.');
    bool ok = true;

    if (harper_prepare(shell->session, HARPER_SQL,
                       "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden = 0", -1,
                       &statement, NULL, NULL) != HARPER_OK) {
        shell_error(shell, NULL, harper_session_error(shell->session));
        return false;
    }
    harper_bind_text(statement, 1, dot == NULL ? table : dot + 1, -1);
    while (ok && harper_step(statement) == HARPER_ROW) {
        const char *type = harper_column_text(statement, 1, NULL);
        enum conversion conversion = AS_TEXT;

        if (target->is_typed && type != NULL)
            conversion = conversion_of(type);
        ok = target_add(target, harper_column_text(statement, 0, NULL), conversion);
    }
    harper_finalize(statement);
    return ok;
}

void put_name(FILE *out, const char *name)
{
    fputc('"', out);
    for (; *name != '\0'; name++) {
        if (*name == '"')
            fputc('"', out);
        fputc(*name, out);
    }
    fputc('"', out);
}

/* main.dog is two names. */
static void put_table(FILE *out, const char *table)
{
    const char *dot = strchr(table, '.');
    char *database = dot == NULL ? NULL : strndup(table, (size_t)(dot - table));

    if (database != NULL) {
        put_name(out, database);
        fputc('.', out);
        table = dot + 1;
    }
    put_name(out, table);
    free(database);
}

/* A table of the header's names, all TEXT, as sqlite3 makes it; without one, a dynamic table. */
static bool create_table(struct shell *shell, const char *table, const struct csv_reader *header)
{
    char *sql = NULL;
    size_t len = 0, field_len;
    FILE *text = open_memstream(&sql, &len);
    bool ok;

    fputs("CREATE TABLE ", text);
    put_table(text, table);
    for (int k = 0; header != NULL && k < header->count; k++) {
        fputs(k == 0 ? "(" : ", ", text);
        put_name(text, csv_reader_field(header, k, &field_len));
        fputs(k + 1 < header->count ? " TEXT" : " TEXT)", text);
    }
    fclose(text);
    ok = execute(shell, sql);
    free(sql);
    return ok;
}

/* ---- CSV ---- */

struct csv_import {
    struct shell *shell;
    const struct import *import;
    struct csv_reader csv;
    struct target target; /* what the fields of a record are, in their order */
    harper_loader *loader;
    char *document;
    size_t document_len;
};

/* Is the record the table's header, that is, does it hold nothing but names of columns? Then its
 * order is the order of the fields. */
static bool take_header(struct csv_import *load)
{
    struct target ordered = {.is_typed = load->target.is_typed};
    size_t len;

    for (int k = 0; k < load->csv.count; k++) {
        const char *name = csv_reader_field(&load->csv, k, &len);
        int at = 0;

        while (at < load->target.count && strcasecmp(load->target.names[at], name) != 0)
            at++;
        if (at == load->target.count ||
            !target_add(&ordered, load->target.names[at], load->target.conversions[at])) {
            target_free(&ordered);
            return false;
        }
    }
    target_free(&load->target);
    load->target = ordered;
    return true;
}

static bool fail_field(struct csv_import *load, int k, const char *text, const char *type)
{
    char what[256];

    snprintf(what, sizeof what, "%s: \"%.100s\" is not %s", load->target.names[k], text, type);
    complain(load->shell, load->import->path, load->csv.line, what);
    return false;
}

/* An empty field without quotes is NULL, "" is the empty text. */
static bool load_field(struct csv_import *load, int k)
{
    size_t len = 0;
    const char *text = csv_reader_field(&load->csv, k, &len);
    char *end = NULL;

    if (len == 0 && !load->csv.quoted[k])
        return harper_loader_null(load->loader) == HARPER_OK;
    errno = 0;
    if (load->target.conversions[k] == AS_INT) {
        long long number = strtoll(text, &end, 10);

        if (end != text + len || errno != 0 || len == 0)
            return fail_field(load, k, text, "a whole number");
        return harper_loader_int(load->loader, number) == HARPER_OK;
    }
    if (load->target.conversions[k] == AS_FLOAT) {
        double number = strtod(text, &end);

        if (end != text + len || len == 0)
            return fail_field(load, k, text, "a number");
        return harper_loader_double(load->loader, number) == HARPER_OK;
    }
    return harper_loader_text(load->loader, text, len) == HARPER_OK;
}

static bool is_json_word(const char *text)
{
    char *end = NULL;

    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || text[0] == '[' || text[0] == '{')
        return true;
    if (text[0] != '-' && !isdigit((unsigned char)text[0]))
        return false;
    strtod(text, &end);
    return *end == '\0';
}

/* A record as a document: the engine converts and checks dates, lists and the like. */
static bool load_document(struct csv_import *load)
{
    FILE *out = open_memstream(&load->document, &load->document_len);
    bool is_first = true;
    int status;

    if (out == NULL)
        return false;
    fputc('{', out);
    for (int k = 0; k < load->target.count && k < load->csv.count; k++) {
        size_t len;
        const char *text = csv_reader_field(&load->csv, k, &len);

        if (len == 0 && !load->csv.quoted[k])
            continue;
        if (!is_first)
            fputc(',', out);
        is_first = false;
        put_json_text(out, load->target.names[k], strlen(load->target.names[k]));
        fputc(':', out);
        if (load->target.conversions[k] != AS_TEXT && is_json_word(text))
            fputs(text, out);
        else
            put_json_text(out, text, len);
    }
    fputc('}', out);
    fclose(out);
    status = harper_insert(load->shell->session, load->import->table, load->document,
                           (int64_t)load->document_len, NULL);
    free(load->document);
    load->document = NULL;
    if (status == HARPER_OK)
        return true;
    complain(load->shell, load->import->path, load->csv.line,
             harper_session_error(load->shell->session)->message);
    return false;
}

static bool load_record(struct csv_import *load)
{
    harper_error error;
    int columns = load->target.count;

    if (load->csv.count != columns)
        fprintf(stderr, "%s:%lu: expected %d columns but found %d - %s\n", load->import->path,
                load->csv.line, columns, load->csv.count,
                load->csv.count < columns ? "filling the rest with NULL" : "extras ignored");
    if (load->target.needs_document)
        return load_document(load);
    for (int k = 0; k < columns; k++) {
        if (k >= load->csv.count)
            harper_loader_null(load->loader);
        else if (!load_field(load, k))
            return false;
    }
    if (harper_loader_row(load->loader, &error) == HARPER_OK)
        return true;
    complain(load->shell, load->import->path, load->csv.line, error.message);
    return false;
}

/* Everything before the first row: the table, the order of the fields. *has_record: a record that
 * is a row was read already. */
static bool prepare_csv(struct csv_import *load, bool *has_record)
{
    struct shell *shell = load->shell;
    const struct import *import = load->import;
    bool exists = find_table(shell, import->table, &load->target.is_typed);

    *has_record = false;
    for (unsigned k = 0; k < import->skip && csv_reader_next(&load->csv); k++)
        continue;
    if (!csv_reader_next(&load->csv)) {
        if (load->csv.problem == NULL && !exists)
            load->csv.problem = "no header line";
        return load->csv.problem == NULL;
    }
    if (!exists && !create_table(shell, import->table, &load->csv))
        return false;
    if (!target_read(shell, import->table, &load->target))
        return false;
    if (exists && !take_header(load)) {
        *has_record = true;
        /* Columns that come last may be missing from every record: relations, for one. */
        while (load->target.is_typed && load->target.count > load->csv.count)
            free(load->target.names[--load->target.count]);
    }
    for (int k = 0; k < load->target.count; k++)
        load->target.needs_document =
            load->target.needs_document || load->target.conversions[k] == AS_JSON;
    return true;
}

static bool load_open(struct csv_import *load, bool *owns_transaction)
{
    harper_error error;

    *owns_transaction = false;
    if (load->target.needs_document) {
        *owns_transaction = !harper_in_transaction(load->shell->session);
        return !*owns_transaction || execute(load->shell, "BEGIN");
    }
    if (harper_loader_open(load->shell->session, load->import->table,
                           (const char *const *)load->target.names, (size_t)load->target.count,
                           &load->loader, &error) == HARPER_OK)
        return true;
    shell_error(load->shell, NULL, &error);
    return false;
}

static bool is_stopped(struct shell *shell)
{
    harper_error error = {.offset = -1, .message = "interrupted"};

    if (!shell_interrupted())
        return false;
    shell_error(shell, NULL, &error);
    return true;
}

static void import_csv(struct shell *shell, FILE *in, const struct import *import, char separator)
{
    struct csv_import load = {.shell = shell, .import = import};
    struct progress progress;
    harper_error error;
    bool has_record, owns_transaction = false, ok;

    progress_begin(import, &progress, in);
    csv_reader_begin(&load.csv, in, separator);
    ok = load.csv.problem == NULL && prepare_csv(&load, &has_record) && load.target.count > 0 &&
         load_open(&load, &owns_transaction);
    while (ok && (has_record || csv_reader_next(&load.csv))) {
        has_record = false;
        ok = load_record(&load) && !is_stopped(shell);
        progress.rows++;
        progress.bytes = load.csv.bytes;
        if (progress.rows % 256 == 0)
            progress_show(&progress);
        if (ok && owns_transaction && progress.rows % DOCUMENTS_PER_COMMIT == 0)
            ok = execute(shell, "COMMIT; BEGIN");
    }
    if (load.csv.problem != NULL) {
        complain(shell, import->path, load.csv.line, load.csv.problem);
        ok = false;
    }
    if (load.loader != NULL && harper_loader_close(load.loader, ok, NULL, &error) != HARPER_OK) {
        shell_error(shell, NULL, &error);
        ok = false;
    }
    if (owns_transaction && harper_in_transaction(shell->session))
        ok = execute(shell, ok ? "COMMIT" : "ROLLBACK") && ok;
    progress_end(&progress, import->table, ok);
    target_free(&load.target);
    csv_reader_free(&load.csv);
}

/* ---- JSON ---- */

/* The end of the JSON value that begins at `at` (by brackets and quotes alone: the engine checks
 * the rest). */
static const char *json_end(const char *at, const char *end)
{
    int depth = 0;
    bool in_text = false;

    for (; at < end; at++) {
        if (in_text) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                in_text = false;
        } else if (*at == '"') {
            in_text = true;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (--depth <= 0)
                return at + 1;
        } else if (depth == 0 && (*at == ',' || *at == '\n')) {
            return at;
        }
    }
    return end;
}

static void skip_blanks(const char **at, const char *end, unsigned long *line, bool *has_comma)
{
    for (; *at < end && (isspace((unsigned char)**at) || (**at == ',' && has_comma != NULL));
         ++*at) {
        *line += **at == '\n';
        if (**at == ',' && has_comma != NULL)
            *has_comma = true;
    }
}

/* One object after the other, in an array or bare. */
static bool load_documents(struct shell *shell, const struct import *import,
                           struct progress *progress, const char *text, const char *end,
                           bool owns_transaction)
{
    const char *at = text;
    unsigned long line = 1;
    bool in_array, has_comma = false, ok = true;

    if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    skip_blanks(&at, end, &line, NULL);
    in_array = at < end && *at == '[';
    at += in_array;
    while (ok) {
        const char *stop;

        skip_blanks(&at, end, &line, &has_comma);
        if (at >= end || (in_array && *at == ']'))
            break;
        stop = json_end(at, end);
        if (harper_insert(shell->session, import->table, at, stop - at, NULL) != HARPER_OK) {
            complain(shell, import->path, line, harper_session_error(shell->session)->message);
            return false;
        }
        for (; at < stop; at++)
            line += *at == '\n';
        progress->bytes = (uint64_t)(at - text);
        progress->rows++;
        ok = !is_stopped(shell);
        if (ok && owns_transaction && progress->rows % DOCUMENTS_PER_COMMIT == 0)
            ok = execute(shell, "COMMIT; BEGIN");
        if (progress->rows % 256 == 0)
            progress_show(progress);
    }
    if (ok && in_array && at >= end) {
        complain(shell, import->path, line, "the array is not closed");
        return false;
    }
    return ok;
}

static void import_json(struct shell *shell, FILE *in, const struct import *import)
{
    struct progress progress;
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;
    bool ok, is_typed, owns_transaction = !harper_in_transaction(shell->session);

    progress_begin(import, &progress, in);
    len = getdelim(&text, &capacity, '\0', in);
    if (len < 0)
        len = 0;
    ok = find_table(shell, import->table, &is_typed) || create_table(shell, import->table, NULL);
    ok = ok && (!owns_transaction || execute(shell, "BEGIN"));
    if (ok) {
        if (len > 0)
            ok = load_documents(shell, import, &progress, text, text + len, owns_transaction);
        if (owns_transaction && harper_in_transaction(shell->session))
            ok = execute(shell, ok ? "COMMIT" : "ROLLBACK") && ok;
    }
    progress_end(&progress, import->table, ok);
    free(text);
}

/* ---- files ---- */

const char *format_of(const char *path)
{
    const char *dot = strrchr(path, '.');

    if (dot == NULL)
        return "csv";
    if (strcasecmp(dot, ".json") == 0)
        return "json";
    if (strcasecmp(dot, ".ndjson") == 0 || strcasecmp(dot, ".jsonl") == 0)
        return "ndjson";
    if (strcasecmp(dot, ".tsv") == 0 || strcasecmp(dot, ".tab") == 0)
        return "tabs";
    return "csv";
}

void import_file(struct shell *shell, const struct import *import)
{
    const char *format = import->format == NULL ? format_of(import->path) : import->format;
    FILE *in = fopen(import->path, "r");

    if (in == NULL) {
        complain(shell, import->path, 0, strerror(errno));
        return;
    }
    if (strcmp(format, "json") == 0 || strcmp(format, "ndjson") == 0)
        import_json(shell, in, import);
    else
        import_csv(shell, in, import, strcmp(format, "tabs") == 0 ? '\t' : ',');
    fclose(in);
}
