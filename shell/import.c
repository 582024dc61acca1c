/* .import and .export: CSV (RFC 4180), tab-separated, JSON and newline-delimited JSON. */
#include "shell/shell.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS_MAX = 2000, DOCUMENTS_PER_COMMIT = 2000 };

static void complain(struct shell *shell, const char *path, unsigned long line, const char *what)
{
    harper_error error = {.offset = -1};

    if (line > 0)
        snprintf(error.message, sizeof error.message, "%s, line %lu: %s", path, line, what);
    else
        snprintf(error.message, sizeof error.message, "%s: %s", path, what);
    shell_error(shell, NULL, &error);
}

/* ---- progress ---- */

struct progress {
    bool is_shown;
    uint64_t rows, bytes, bytes_total;
    double began, shown_at;
};

static double now_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void progress_show(struct progress *progress, bool is_last)
{
    double now = now_seconds(), seconds = now - progress->began;
    int done =
        progress->bytes_total == 0 ? 20 : (int)(progress->bytes * 20 / progress->bytes_total);

    if (!progress->is_shown || (!is_last && now - progress->shown_at < 0.1))
        return;
    progress->shown_at = now;
    if (is_last)
        done = 20;
    fprintf(stderr, "\r[%.*s%*s] %llu rows, %.0f rows/s ", done, "####################", 20 - done,
            "", (unsigned long long)progress->rows,
            seconds > 0 ? (double)progress->rows / seconds : 0.0);
    if (is_last)
        fputc('\n', stderr);
    fflush(stderr);
}

static void progress_begin(struct shell *shell, struct progress *progress, FILE *in)
{
    long at = ftell(in);

    memset(progress, 0, sizeof *progress);
    progress->is_shown = shell->is_terminal_out || isatty(STDERR_FILENO);
    progress->began = now_seconds();
    if (at >= 0 && fseek(in, 0, SEEK_END) == 0) {
        progress->bytes_total = (uint64_t)ftell(in);
        fseek(in, at, SEEK_SET);
    }
}

/* ---- CSV ---- */

struct csv {
    FILE *in;
    char separator;
    unsigned long line; /* where the record being read began */
    unsigned long next_line;
    uint64_t bytes;
    char *text; /* the fields of one record, each NUL-terminated */
    size_t len, capacity;
    size_t ends[COLUMNS_MAX];
    int count;
    const char *problem;
};

static int csv_byte(struct csv *csv)
{
    int c = getc_unlocked(csv->in);

    if (c != EOF)
        csv->bytes++;
    if (c == '\n')
        csv->next_line++;
    return c;
}

static void csv_put(struct csv *csv, int c)
{
    if (csv->len == csv->capacity) {
        size_t capacity = csv->capacity == 0 ? 4096 : csv->capacity * 2;
        char *more = realloc(csv->text, capacity);

        if (more == NULL) {
            csv->problem = "out of memory";
            return;
        }
        csv->text = more;
        csv->capacity = capacity;
    }
    csv->text[csv->len++] = (char)c;
}

static void csv_end_field(struct csv *csv)
{
    if (csv->count == COLUMNS_MAX) {
        csv->problem = "too many columns";
        return;
    }
    csv->ends[csv->count++] = csv->len;
    csv_put(csv, '\0');
}

/* One record. False at the end of the file or with csv->problem set. */
static bool csv_read(struct csv *csv)
{
    int c = csv_byte(csv);

    csv->len = 0;
    csv->count = 0;
    csv->line = csv->next_line == 0 ? 1 : csv->next_line;
    if (csv->next_line == 0)
        csv->next_line = 1;
    while (c == '\n' || c == '\r') /* empty lines */
        c = csv_byte(csv);
    csv->line = csv->next_line;
    if (c == EOF)
        return false;
    for (;;) {
        if (c == '"' && csv->separator != '\t') {
            for (;;) {
                c = csv_byte(csv);
                if (c == EOF) {
                    csv->problem = "a quoted field is not closed";
                    return false;
                }
                if (c == '"' && (c = csv_byte(csv)) != '"')
                    break;
                csv_put(csv, c);
            }
        }
        while (c != EOF && c != csv->separator && c != '\n') {
            if (c == '\r') {
                int next = csv_byte(csv);

                if (next == '\n' || next == EOF) {
                    c = next;
                    break;
                }
                csv_put(csv, c);
                c = next;
                continue;
            }
            csv_put(csv, c);
            c = csv_byte(csv);
        }
        csv_end_field(csv);
        if (csv->problem != NULL)
            return false;
        if (c != csv->separator)
            return true;
        c = csv_byte(csv);
    }
}

static const char *csv_field(const struct csv *csv, int k, size_t *len)
{
    size_t start = k == 0 ? 0 : csv->ends[k - 1] + 1;

    *len = csv->ends[k] - start;
    return csv->text + start;
}

static void quote_name(FILE *out, const char *name)
{
    fputc('"', out);
    for (; *name != '\0'; name++) {
        if (*name == '"')
            fputc('"', out);
        fputc(*name, out);
    }
    fputc('"', out);
}

static bool table_exists(struct shell *shell, const char *table)
{
    harper_statement *statement = NULL;
    char *sql = NULL;
    size_t len = 0;
    FILE *text = open_memstream(&sql, &len);
    bool exists;

    fputs("SELECT 1 FROM ", text);
    quote_name(text, table);
    fputs(" LIMIT 0", text);
    fclose(text);
    exists =
        harper_prepare(shell->session, HARPER_SQL, sql, -1, &statement, NULL, NULL) == HARPER_OK;
    harper_finalize(statement);
    free(sql);
    return exists;
}

/* A table of the first record's names, all TEXT, as sqlite3 makes it. */
static bool create_table(struct shell *shell, const char *table, const struct csv *header)
{
    char *sql = NULL;
    size_t len = 0, field_len;
    FILE *text = open_memstream(&sql, &len);
    harper_error error;
    int st;

    fputs("CREATE TABLE ", text);
    quote_name(text, table);
    for (int k = 0; k < header->count; k++) {
        fputs(k == 0 ? "(" : ", ", text);
        quote_name(text, csv_field(header, k, &field_len));
        fputs(" TEXT", text);
    }
    fputs(")", text);
    fclose(text);
    st = harper_execute(shell->session, sql, NULL, NULL, &error);
    if (st != HARPER_OK)
        shell_error(shell, sql, &error);
    free(sql);
    return st == HARPER_OK;
}

static bool load_record(struct shell *shell, const char *path, struct csv *csv,
                        harper_loader *loader, int columns)
{
    harper_error error;

    for (int k = 0; k < columns; k++) {
        size_t len = 0;
        const char *text = k < csv->count ? csv_field(csv, k, &len) : NULL;

        if (text == NULL)
            harper_loader_null(loader);
        else
            harper_loader_text(loader, text, len);
    }
    if (harper_loader_row(loader, &error) == HARPER_OK)
        return true;
    complain(shell, path, csv->line, error.message);
    return false;
}

static int column_count_of(struct shell *shell, const char *table)
{
    harper_statement *statement = NULL;
    char *sql = NULL;
    size_t len = 0;
    FILE *text = open_memstream(&sql, &len);
    int count = 0;

    fputs("SELECT * FROM ", text);
    quote_name(text, table);
    fclose(text);
    if (harper_prepare(shell->session, HARPER_SQL, sql, -1, &statement, NULL, NULL) == HARPER_OK)
        count = harper_column_count(statement);
    harper_finalize(statement);
    free(sql);
    return count;
}

static void import_csv(struct shell *shell, FILE *in, const char *path, const char *table,
                       char separator, unsigned skip)
{
    struct csv csv = {.in = in, .separator = separator};
    struct progress progress;
    harper_loader *loader = NULL;
    harper_error error;
    bool ok = true;
    int columns;

    progress_begin(shell, &progress, in);
    while (skip-- > 0 && csv_read(&csv))
        continue;
    if (!table_exists(shell, table)) {
        if (!csv_read(&csv)) {
            complain(shell, path, 0, csv.problem == NULL ? "no header line" : csv.problem);
            free(csv.text);
            return;
        }
        if (!create_table(shell, table, &csv)) {
            free(csv.text);
            return;
        }
    }
    columns = column_count_of(shell, table);
    if (harper_loader_open(shell->session, table, NULL, 0, &loader, &error) != HARPER_OK) {
        shell_error(shell, NULL, &error);
        free(csv.text);
        return;
    }
    while (ok && csv_read(&csv)) {
        if (csv.count != columns)
            fprintf(stderr, "%s:%lu: expected %d columns but found %d - %s\n", path, csv.line,
                    columns, csv.count,
                    csv.count < columns ? "filling the rest with NULL" : "extras ignored");
        ok = load_record(shell, path, &csv, loader, columns);
        progress.rows++;
        progress.bytes = csv.bytes;
        if (progress.rows % 1024 == 0)
            progress_show(&progress, false);
    }
    if (csv.problem != NULL) {
        complain(shell, path, csv.line, csv.problem);
        ok = false;
    }
    if (harper_loader_close(loader, ok, NULL, &error) != HARPER_OK)
        shell_error(shell, NULL, &error);
    else if (ok)
        progress_show(&progress, true);
    free(csv.text);
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
            if (--depth == 0)
                return at + 1;
        } else if (depth == 0 && (*at == ',' || *at == '\n')) {
            return at;
        }
    }
    return end;
}

static bool execute(struct shell *shell, const char *sql)
{
    harper_error error;

    if (harper_execute(shell->session, sql, NULL, NULL, &error) == HARPER_OK)
        return true;
    shell_error(shell, sql, &error);
    return false;
}

static void import_json(struct shell *shell, FILE *in, const char *path, const char *table)
{
    struct progress progress;
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;
    const char *at, *end;
    bool ok = true, own_transaction = !harper_in_transaction(shell->session);

    progress_begin(shell, &progress, in);
    len = getdelim(&text, &capacity, '\0', in);
    if (len < 0)
        len = 0;
    at = text;
    end = text + len;
    if (!table_exists(shell, table)) {
        char *sql = NULL;
        size_t sql_len = 0;
        FILE *out = open_memstream(&sql, &sql_len);

        fputs("CREATE TABLE ", out);
        quote_name(out, table);
        fclose(out);
        ok = execute(shell, sql);
        free(sql);
    }
    while (at < end && isspace((unsigned char)*at))
        at++;
    if (at < end && *at == '[')
        at++;
    ok = ok && (!own_transaction || execute(shell, "BEGIN"));
    while (ok && at < end) {
        const char *stop;

        while (at < end && (isspace((unsigned char)*at) || *at == ','))
            at++;
        if (at >= end || *at == ']')
            break;
        stop = json_end(at, end);
        if (harper_insert(shell->session, table, at, stop - at, NULL) != HARPER_OK) {
            complain(shell, path, 0, harper_session_error(shell->session)->message);
            ok = false;
        }
        at = stop;
        progress.bytes = (uint64_t)(at - text);
        progress.rows++;
        if (ok && own_transaction && progress.rows % DOCUMENTS_PER_COMMIT == 0)
            ok = execute(shell, "COMMIT; BEGIN");
        if (progress.rows % 256 == 0)
            progress_show(&progress, false);
    }
    if (own_transaction && harper_in_transaction(shell->session))
        execute(shell, ok ? "COMMIT" : "ROLLBACK");
    if (ok)
        progress_show(&progress, true);
    free(text);
}

static const char *format_of(const char *path)
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

void import_file(struct shell *shell, const char *path, const char *table, const char *format,
                 unsigned skip)
{
    FILE *in = fopen(path, "r");

    if (in == NULL) {
        complain(shell, path, 0, strerror(errno));
        return;
    }
    if (format == NULL)
        format = format_of(path);
    if (strcmp(format, "json") == 0 || strcmp(format, "ndjson") == 0)
        import_json(shell, in, path, table);
    else
        import_csv(shell, in, path, table, strcmp(format, "tabs") == 0 ? '\t' : ',', skip);
    fclose(in);
}

/* ---- export ---- */

void export_file(struct shell *shell, const char *path, const char *source)
{
    struct shell other = *shell; /* the same session with another destination and form */
    const char *format = format_of(path);
    char *sql = NULL;
    size_t len = 0;
    FILE *text = open_memstream(&sql, &len);

    if (strpbrk(source, " \t\n") == NULL) {
        fputs("SELECT * FROM ", text);
        quote_name(text, source);
    } else {
        fputs(source, text);
    }
    fclose(text);
    other.out = fopen(path, "w");
    if (other.out == NULL) {
        complain(shell, path, 0, strerror(errno));
    } else {
        other.mode = strcmp(format, "json") == 0     ? MODE_JSON
                     : strcmp(format, "ndjson") == 0 ? MODE_NDJSON
                     : strcmp(format, "tabs") == 0   ? MODE_TABS
                                                     : MODE_CSV;
        other.has_headers = true;
        other.null_text[0] = '\0';
        other.timer = other.show_changes = other.echo = false;
        other.explain = -1;
        shell_run(&other, sql);
        if (fclose(other.out) != 0)
            complain(shell, path, 0, strerror(errno));
        shell->had_error = shell->had_error || other.had_error;
        if (other.exit_code != 0)
            shell->exit_code = other.exit_code;
    }
    free(sql);
}
