/*
 * e2e: runs test files of records on every store, in process.
 *
 *     e2e [--scratch DIR] [--backend NAME] FILE…
 *
 * The format is sqllogictest's with a few kinds more. Records are separated by blank lines, #
 * begins a comment line.
 *
 *     statement ok | statement error [part of the message]      SQL follows
 *     query TYPES [nosort|rowsort]                              SQL, ----, one value a line; NULL,
 * (empty) rows [rowsort]                                            SQL or a request line, ----, a
 * row a line: columns joined by | same                                                      an SQL
 * line, a request line, and maybe ---- and rows: both must compile to the same code and give the
 * same rows explain ir|plan|code                                      SQL or a request, ----, the
 * text schema [drop] [error TEXT]                                GraphQL schema text, applied
 * (blank lines written as a lone .) reopen closes the database and opens it again
 *
 *     request STATUS      an operation, ----, its answer as JSON; … stands for anything
 *     job                 an operation that is one, ----, its end: status, message or result
 *
 * Each file runs in a database of its own, once per store. Ends with `N passed, N failed`.
 */
#include "api/harper.h"
#include "rest/operations/operations.h"
#include "storage/value/document.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *scratch = "/tmp", *only_backend;
static size_t passed, failed;

struct run {
    const char *file, *backend;
    unsigned line;
    harper *db;
    harper_session *session;
    harper *system; /* for operations; NULL until the first request */
    struct operations *operations;
    char path[512], backups[600];
};

struct text {
    char *data;
    size_t len, capacity;
};

static void text_add(struct text *text, const char *bytes, size_t len)
{
    if (text->len + len + 1 > text->capacity) {
        text->capacity = (text->len + len + 1) * 2;
        text->data = realloc(text->data, text->capacity);
        if (text->data == NULL)
            abort();
    }
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
}

static void text_line(struct text *text, const char *line)
{
    text_add(text, line, strlen(line));
    text_add(text, "\n", 1);
}

static const char *text_of(const struct text *text)
{
    return text->data == NULL ? "" : text->data;
}

static bool ends_line(const char *text)
{
    size_t len = strlen(text);

    return len == 0 || text[len - 1] == '\n';
}

static void fail(const struct run *run, unsigned line, const char *what, const char *got,
                 const char *expected)
{
    failed++;
    printf("%s:%u [%s]: %s\n", run->file, line, run->backend, what);
    if (got != NULL)
        printf("--- got\n%s%s", got, ends_line(got) ? "" : "\n");
    if (expected != NULL)
        printf("--- expected\n%s%s", expected, ends_line(expected) ? "" : "\n");
}

static bool open_db(struct run *run)
{
    harper_options options = {
        .size = sizeof options, .backend = run->backend, .durability = HARPER_DURABILITY_OFF};
    harper_error error;

    if (harper_open(run->path, &options, &run->db, &error) == HARPER_OK &&
        harper_session_open(run->db, &run->session, &error) == HARPER_OK)
        return true;
    fail(run, 0, error.message, NULL, NULL);
    return false;
}

static void close_db(struct run *run)
{
    if (run->operations != NULL) {
        char command[640];

        snprintf(command, sizeof command, "rm -rf '%s'", run->backups);
        if (system(command) != 0)
            fprintf(stderr, "e2e: %s stays\n", run->backups);
    }
    operations_close(run->operations);
    harper_close(run->system);
    run->operations = NULL;
    run->system = NULL;
    harper_session_close(run->session);
    harper_close(run->db);
    run->session = NULL;
    run->db = NULL;
}

/* ---- running one text ---- */

static bool is_request(const char *text)
{
    return strncmp(text, "GET /", 5) == 0 || strncmp(text, "PUT /", 5) == 0 ||
           strncmp(text, "POST /", 6) == 0 || strncmp(text, "PATCH /", 7) == 0 ||
           strncmp(text, "DELETE /", 8) == 0;
}

static harper_statement *prepare(struct run *run, const char *text, harper_error *error)
{
    harper_statement *statement = NULL;
    size_t len = strcspn(text, "\n");
    const char *body;

    if (!is_request(text)) {
        const int language =
            strncmp(text, "{\"operation\"", 12) == 0 ? HARPER_OPERATION : HARPER_SQL;

        if (harper_prepare(run->session, language, text, -1, &statement, NULL, error) != HARPER_OK)
            return NULL;
        return statement;
    }
    if (harper_prepare(run->session, HARPER_URL, text, (int64_t)len, &statement, NULL, error) !=
        HARPER_OK)
        return NULL;
    body = text + len + strspn(text + len, "\n ");
    if (*body != '\0' && harper_bind_json(statement, 1, body, -1) != HARPER_OK) {
        *error = *harper_session_error(run->session);
        harper_finalize(statement);
        return NULL;
    }
    return statement;
}

static void add_value(struct text *out, harper_statement *statement, int column)
{
    const char *value = harper_column_type(statement, column) == HARPER_NULL
                            ? "NULL"
                            : harper_column_text(statement, column, NULL);

    text_add(out, *value == '\0' ? "(empty)" : value, *value == '\0' ? 7 : strlen(value));
}

/* All rows: a value a line, or a row a line. False: it failed; the message is in *out. */
static bool run_rows(struct run *run, harper_statement *statement, bool row_per_line,
                     struct text *out)
{
    int st;

    while ((st = harper_step(statement)) == HARPER_ROW) {
        for (int c = 0; c < harper_column_count(statement); c++) {
            if (c > 0 && row_per_line)
                text_add(out, "|", 1);
            add_value(out, statement, c);
            if (!row_per_line)
                text_add(out, "\n", 1);
        }
        if (row_per_line)
            text_add(out, "\n", 1);
    }
    if (st == HARPER_DONE)
        return true;
    text_line(out, harper_session_error(run->session)->message);
    return false;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_lines(struct text *text)
{
    char *lines[65536];
    size_t count = 0;
    struct text sorted = {0};

    for (char *at = text->data == NULL ? NULL : strtok(text->data, "\n");
         at != NULL && count < 65536; at = strtok(NULL, "\n"))
        lines[count++] = at;
    qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t k = 0; k < count; k++)
        text_line(&sorted, lines[k]);
    free(text->data);
    *text = sorted;
}

/* ---- records ---- */

struct record {
    unsigned line;
    char head[512];
    struct text body, expected;
    bool has_expected;
};

static void check(const struct run *run, const struct record *record, const char *got)
{
    if (strcmp(got, text_of(&record->expected)) == 0)
        passed++;
    else
        fail(run, record->line, record->head, got, text_of(&record->expected));
}

static void run_statement(struct run *run, const struct record *record)
{
    bool wants_error = strncmp(record->head, "statement error", 15) == 0;
    const char *part = wants_error ? record->head + 15 + strspn(record->head + 15, " ") : "";
    harper_error error = {0};
    bool ok;

    if (is_request(text_of(&record->body)) || text_of(&record->body)[0] == '{') {
        struct text out = {0};
        harper_statement *statement = prepare(run, text_of(&record->body), &error);

        ok = statement != NULL && run_rows(run, statement, true, &out);
        if (statement != NULL && !ok)
            error = *harper_session_error(run->session);
        harper_finalize(statement);
        free(out.data);
    } else {
        ok = harper_execute(run->session, text_of(&record->body), NULL, NULL, &error) == HARPER_OK;
    }
    if (ok == wants_error)
        fail(run, record->line, ok ? "succeeded, expected an error" : error.message,
             text_of(&record->body), NULL);
    else if (wants_error && strstr(error.message, part) == NULL)
        fail(run, record->line, "another message", error.message, part);
    else
        passed++;
}

static void run_query(struct run *run, const struct record *record)
{
    bool row_per_line = strncmp(record->head, "rows", 4) == 0;
    struct text out = {0};
    harper_error error;
    harper_statement *statement = prepare(run, text_of(&record->body), &error);

    if (statement == NULL) {
        fail(run, record->line, error.message, text_of(&record->body), NULL);
        return;
    }
    run_rows(run, statement, row_per_line, &out);
    harper_finalize(statement);
    if (strstr(record->head, "rowsort") != NULL)
        sort_lines(&out);
    check(run, record, text_of(&out));
    free(out.data);
}

static void run_explain(struct run *run, const struct record *record)
{
    const char *what = record->head + 8;
    harper_error error;
    harper_statement *statement = prepare(run, text_of(&record->body), &error);

    if (statement == NULL) {
        fail(run, record->line, error.message, text_of(&record->body), NULL);
        return;
    }
    check(run, record,
          harper_explain(statement, strncmp(what, "ir", 2) == 0     ? HARPER_EXPLAIN_IR
                                    : strncmp(what, "plan", 4) == 0 ? HARPER_EXPLAIN_PLAN
                                                                    : HARPER_EXPLAIN_CODE));
    harper_finalize(statement);
}

/* The request's row is one JSON value or the columns of a select list: compare what both say as
 * JSON values. */
static void json_rows(harper_statement *statement, struct text *out)
{
    while (harper_step(statement) == HARPER_ROW) {
        for (int c = 0; c < harper_column_count(statement); c++) {
            if (c > 0)
                text_add(out, "|", 1);
            add_value(out, statement, c);
        }
        text_add(out, "\n", 1);
    }
}

static void run_same(struct run *run, const struct record *record)
{
    struct text sql_code = {0}, url_code = {0}, sql_rows = {0}, url_rows = {0};
    const char *sql = text_of(&record->body), *url = strchr(sql, '\n');
    harper_statement *by_sql, *by_url;
    harper_error error;
    char *line = strndup(sql, strcspn(sql, "\n"));

    if (url == NULL || (!is_request(url + 1) && url[1] != '{')) {
        fail(run, record->line, "same needs an SQL line and a request line", NULL, NULL);
        free(line);
        return;
    }
    by_sql = prepare(run, line, &error);
    if (by_sql == NULL) {
        fail(run, record->line, error.message, line, NULL);
        free(line);
        return;
    }
    by_url = prepare(run, url + 1, &error);
    if (by_url == NULL) {
        fail(run, record->line, error.message, url + 1, NULL);
        harper_finalize(by_sql);
        free(line);
        return;
    }
    text_line(&sql_code, harper_explain(by_sql, HARPER_EXPLAIN_CODE));
    text_line(&url_code, harper_explain(by_url, HARPER_EXPLAIN_CODE));
    json_rows(by_sql, &sql_rows);
    json_rows(by_url, &url_rows);
    if (strcmp(text_of(&sql_code), text_of(&url_code)) != 0)
        fail(run, record->line, sql, text_of(&url_code), text_of(&sql_code));
    else if (strcmp(text_of(&sql_rows), text_of(&url_rows)) != 0)
        fail(run, record->line, sql, text_of(&url_rows), text_of(&sql_rows));
    else if (record->has_expected)
        check(run, record, text_of(&url_rows));
    else
        passed++;
    harper_finalize(by_sql);
    harper_finalize(by_url);
    free(sql_code.data);
    free(url_code.data);
    free(sql_rows.data);
    free(url_rows.data);
    free(line);
}

static void run_schema(struct run *run, const struct record *record)
{
    const char *wanted = strstr(record->head, " error ");
    const unsigned flags = strstr(record->head, "schema drop") != NULL ? HARPER_SCHEMA_DROP : 0;
    harper_error error;
    int st =
        harper_apply_schema(run->session, text_of(&record->body), -1, flags, NULL, NULL, &error);

    if (wanted == NULL ? st == HARPER_OK
                       : st != HARPER_OK && strstr(error.message, wanted + 7) != NULL)
        passed++;
    else
        fail(run, record->line, st == HARPER_OK ? "no error" : error.message,
             text_of(&record->body), NULL);
}

/* ---- the operations API ---- */

static bool open_operations(struct run *run, harper_error *error)
{
    struct operations_options options = {.db = run->db};

    if (run->operations != NULL)
        return true;
    if (run->system == NULL && harper_open(":memory:", NULL, &run->system, error) != HARPER_OK)
        return false;
    options.system = run->system;
    snprintf(run->backups, sizeof run->backups, "%s/e2e-backup-%ld-%s", scratch, (long)getpid(),
             run->backend);
    options.backup_path = run->backups;
    return operations_open(&options, &run->operations, error) == HARPER_OK;
}

/* The status, and the answer as JSON in *out. */
static int ask(struct run *run, const char *text, struct buf *out)
{
    struct arena arena = {0};
    struct error err = {.offset = -1};
    struct operation_request request = {.session = run->session,
                                        .arena = &arena,
                                        .caller = {slice_text("HDB_ADMIN"), true},
                                        .text = slice_text(text)};
    struct operation_reply reply = {.status = 400};
    size_t rows = 0;

    if (json_read(request.text, &arena, &request.body, &err) != ST_OK)
        request.body = value_null();
    operations_answer(run->operations, &request, &reply);
    if (reply.rows == NULL) {
        json_write(out, reply.result);
    } else {
        buf_append_byte(out, '[');
        while (harper_step(reply.rows) == HARPER_ROW) {
            if (rows++ > 0)
                buf_append_byte(out, ',');
            statement_write_row_json(reply.rows, out);
        }
        buf_append_byte(out, ']');
        harper_finalize(reply.rows);
    }
    arena_deinit(&arena);
    return reply.status;
}

/* `…` in the pattern stands for any text. */
static bool matches(const char *text, const char *pattern)
{
    static const char any[] = "\xe2\x80\xa6";

    for (; *pattern != '\0'; text++, pattern++) {
        if (strncmp(pattern, any, 3) == 0) {
            for (pattern += 3;; text++) {
                if (matches(text, pattern))
                    return true;
                if (*text == '\0')
                    return false;
            }
        }
        if (*text != *pattern)
            return false;
    }
    return *text == '\0';
}

static void check_answer(const struct run *run, const struct record *record, struct buf *got)
{
    buf_append_byte(got, '\n');
    if (matches(buf_cstr(got), text_of(&record->expected)))
        passed++;
    else
        fail(run, record->line, record->head, buf_cstr(got), text_of(&record->expected));
}

static void run_operation(struct run *run, const struct record *record)
{
    harper_error error = {0};
    struct buf got = {0};
    int wanted = atoi(record->head + 8), status;

    if (!open_operations(run, &error)) {
        fail(run, record->line, error.message, NULL, NULL);
        return;
    }
    status = ask(run, text_of(&record->body), &got);
    if (status != wanted) {
        buf_printf(&got, " (status %d)", status);
        fail(run, record->line, record->head, buf_cstr(&got), text_of(&record->expected));
    } else {
        check_answer(run, record, &got);
    }
    buf_free(&got);
}

/* Until the job has ended, however long that takes: jobs do end. */
static void run_job(struct run *run, const struct record *record)
{
    struct buf got = {0}, end = {0};
    harper_error error = {0};
    const char *id = NULL;
    char question[128];

    if (open_operations(run, &error) && ask(run, text_of(&record->body), &got) == 200)
        id = strstr(buf_cstr(&got), "\"job_id\":\"");
    if (id == NULL) {
        fail(run, record->line, "no job", buf_cstr(&got), NULL);
        buf_free(&got);
        return;
    }
    snprintf(question, sizeof question, "{\"operation\":\"get_job\",\"id\":\"%.36s\"}", id + 10);
    do {
        usleep(1000);
        buf_clear(&end);
        ask(run, question, &end);
    } while (strstr(buf_cstr(&end), "CREATED") != NULL ||
             strstr(buf_cstr(&end), "IN_PROGRESS") != NULL);
    check_answer(run, record, &end);
    buf_free(&got);
    buf_free(&end);
}

static void run_record(struct run *run, const struct record *record)
{
    if (strncmp(record->head, "statement ", 10) == 0)
        run_statement(run, record);
    else if (strncmp(record->head, "query ", 6) == 0 || strncmp(record->head, "rows", 4) == 0)
        run_query(run, record);
    else if (strncmp(record->head, "same", 4) == 0)
        run_same(run, record);
    else if (strncmp(record->head, "request ", 8) == 0)
        run_operation(run, record);
    else if (strncmp(record->head, "job", 3) == 0)
        run_job(run, record);
    else if (strncmp(record->head, "explain ", 8) == 0)
        run_explain(run, record);
    else if (strncmp(record->head, "schema", 6) == 0)
        run_schema(run, record);
    else if (strncmp(record->head, "reopen", 6) == 0 && strcmp(run->backend, "memory") == 0)
        passed++;
    else if (strncmp(record->head, "reopen", 6) == 0) {
        close_db(run);
        if (open_db(run))
            passed++;
    } else
        fail(run, record->line, "unknown record", record->head, NULL);
}

static bool read_record(FILE *in, struct run *run, struct record *record)
{
    char *line = NULL;
    size_t capacity = 0;
    bool has_head = false;

    record->has_expected = false;
    record->body.len = record->expected.len = 0;
    if (record->body.data != NULL)
        record->body.data[0] = '\0';
    if (record->expected.data != NULL)
        record->expected.data[0] = '\0';
    while (getline(&line, &capacity, in) >= 0) {
        run->line++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' && !record->has_expected)
            continue;
        if (line[0] == '\0') {
            if (has_head)
                break;
            continue;
        }
        if (!has_head) {
            snprintf(record->head, sizeof record->head, "%s", line);
            record->line = run->line;
            has_head = true;
        } else if (strcmp(line, "----") == 0) {
            record->has_expected = true;
        } else {
            text_line(record->has_expected ? &record->expected : &record->body,
                      strcmp(line, ".") == 0 ? "" : line);
        }
    }
    free(line);
    return has_head;
}

static void run_file(const char *file, const char *backend)
{
    struct run run = {.file = file, .backend = backend};
    struct record record = {0};
    FILE *in = fopen(file, "r");
    char command[600];
    static unsigned number;

    if (in == NULL) {
        fail(&run, 0, "cannot be opened", NULL, NULL);
        return;
    }
    if (strcmp(backend, "memory") == 0)
        snprintf(run.path, sizeof run.path, ":memory:");
    else
        snprintf(run.path, sizeof run.path, "%s/e2e-%d-%u", scratch, (int)getpid(), number++);
    if (open_db(&run)) {
        while (run.session != NULL && read_record(in, &run, &record))
            run_record(&run, &record);
        close_db(&run);
    }
    snprintf(command, sizeof command, "rm -rf '%s'", run.path);
    if (strcmp(backend, "memory") != 0 && system(command) != 0)
        fail(&run, 0, "the database cannot be removed", NULL, NULL);
    free(record.body.data);
    free(record.expected.data);
    fclose(in);
}

int main(int argc, char **argv)
{
    static const char *const backends[] = {"memory", "lmdb", "rocksdb"};
    int at = 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (strcmp(argv[at], "--scratch") == 0)
            scratch = argv[at + 1];
        else if (strcmp(argv[at], "--backend") == 0)
            only_backend = argv[at + 1];
    }
    for (; at < argc; at++)
        for (size_t k = 0; k < sizeof backends / sizeof *backends; k++)
            if (only_backend == NULL || strcmp(only_backend, backends[k]) == 0)
                run_file(argv[at], backends[k]);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
