/*
 * Bulk load of CSV: the whole text is read and judged first, then written in batches, each a
 * transaction. So a text that is wrong writes nothing.
 */
#include "rest/codec/codec.h"
#include "rest/operations/download.h"
#include "rest/operations/operations_internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH_RECORDS = 1000, FILE_BYTES_MAX = 1000000000 };

/* ---- cells ---- */

static bool is_number_text(struct slice text)
{
    bool is_zero_led = text.len > 1 && text.data[0] == '0' && text.data[1] != '.';

    if (is_zero_led || memchr(text.data, 'e', text.len) != NULL ||
        memchr(text.data, 'E', text.len) != NULL)
        return false;
    return text.data[0] == '-' || text.data[0] == '.' ||
           (text.data[0] >= '0' && text.data[0] <= '9');
}

/* A date with a time and a zone; anything less may be many things. */
static bool is_whole_date(struct slice text)
{
    char last = text.data[text.len - 1];
    bool has_zone =
        last == 'Z' ||
        (text.len > 6 && (text.data[text.len - 6] == '+' || text.data[text.len - 6] == '-'));

    return text.len >= 20 && text.data[4] == '-' && text.data[10] == 'T' && has_zone;
}

static struct value cast_cell(struct slice text, bool parses_json, struct arena *arena)
{
    struct value v = value_text(text);
    struct error err = {.offset = -1};
    int64_t ms;

    if (text.len == 0)
        return v;
    if (slice_is(text, "true") || slice_is(text, "TRUE"))
        return value_bool(true);
    if (slice_is(text, "false") || slice_is(text, "FALSE"))
        return value_bool(false);
    if (slice_is(text, "null") || slice_is(text, "NULL") || slice_is(text, "undefined"))
        return value_null();
    if (is_number_text(text)) {
        struct value number;
        enum number_text kind = number_parse(text, &number);

        if ((kind == NUMBER_INT || kind == NUMBER_REAL) && text.data[text.len - 1] != ' ')
            return number;
    }
    if (is_whole_date(text) && date_parse_iso(text, &ms))
        return value_date(ms);
    if (parses_json && (text.data[0] == '{' || text.data[0] == '[') &&
        json_read(text, arena, &v, &err) != ST_OK)
        return value_text(text);
    return v;
}

/* ---- loading ---- */

struct load {
    struct job_run *run;
    struct slice database, table, action;
    bool parses_json;
    struct value *records;
    size_t count, room;
    size_t written;
};

static bool check_header(struct load *load, const struct csv_input *input)
{
    for (size_t k = 0; k < input->count; k++) {
        struct slice name = input->names[k];
        bool is_allowed = name.len > 0 && name.len <= NAME_BYTES_MAX &&
                          memchr(name.data, '/', name.len) == NULL &&
                          memchr(name.data, '`', name.len) == NULL;

        if (!is_allowed)
            return job_says(load->run, false,
                            "Invalid column name '%.*s', cancelling load operation", (int)name.len,
                            name.data);
    }
    return true;
}

static bool add_record(struct load *load, struct value raw)
{
    struct arena *arena = load->run->arena;
    struct document_builder builder = {0};
    struct value record;
    bool ok;

    if (load->count == load->room) {
        size_t room = load->room * 2 + 256;
        struct value *more = realloc(load->records, room * sizeof *more);

        if (more == NULL)
            return job_says(load->run, false, "out of memory");
        load->records = more;
        load->room = room;
    }
    document_begin(&builder);
    document_open_object(&builder);
    for (size_t k = 0; k < document_count(raw); k++) {
        struct slice name;
        struct value v = document_member_at(raw, k, &name);

        document_name(&builder, name);
        document_value(&builder, cast_cell(value_slice(v), load->parses_json, arena));
    }
    document_close(&builder);
    ok = document_end(&builder, &record) == ST_OK;
    if (ok) {
        struct slice copy = arena_copy(arena, value_slice(record));

        record.as.data = copy.data;
        ok = copy.data != NULL;
        load->records[load->count++] = record;
    }
    document_deinit(&builder);
    return ok || job_says(load->run, false, "out of memory");
}

/* A comma, unless the first line has more of something else. */
static char find_separator(struct slice text)
{
    static const char candidates[] = {',', ';', '\t', '|'};
    size_t line = 0, best_count = 0;
    char best = ',';

    while (line < text.len && text.data[line] != '\n')
        line++;
    for (size_t k = 0; k < sizeof candidates; k++) {
        size_t count = 0;

        for (size_t at = 0; at < line; at++)
            count += text.data[at] == candidates[k];
        if (count > best_count) {
            best_count = count;
            best = candidates[k];
        }
    }
    return best;
}

static bool read_all(struct load *load, struct slice text)
{
    struct csv_input input = {.is_raw = true, .separator = find_separator(text)};
    struct error err = {.offset = -1};
    enum status st = csv_input_begin(&input, text, load->run->arena, &err);

    if (st == ST_OK && !check_header(load, &input))
        return false;
    while (st == ST_OK) {
        struct arena row = {0};
        struct value raw;
        bool ok = true;

        st = csv_input_next(&input, &row, &raw, &err);
        if (st == ST_OK)
            ok = add_record(load, raw);
        arena_deinit(&row);
        if (!ok)
            return false;
    }
    if (st != ST_DONE)
        return job_says(load->run, false, "%s", error_message(&err));
    return true;
}

static bool write_batch(struct load *load, size_t from, size_t to)
{
    struct document_builder builder = {0};
    harper_statement *statement = NULL;
    struct value request;
    struct buf json = {0};
    harper_error error = {.status = HARPER_NO_MEMORY, .offset = -1};
    int st = HARPER_NO_MEMORY;

    document_begin(&builder);
    document_open_object(&builder);
    put_text(&builder, "operation", load->action);
    put_text(&builder, "database", load->database);
    put_text(&builder, "table", load->table);
    document_name(&builder, slice_text("records"));
    document_open_array(&builder);
    for (size_t k = from; k < to; k++)
        document_value(&builder, load->records[k]);
    document_close(&builder);
    document_close(&builder);
    if (document_end(&builder, &request) == ST_OK) {
        json_write(&json, request);
        if (!json.failed)
            st = harper_prepare(load->run->session, HARPER_OPERATION, json.data, (int64_t)json.len,
                                &statement, NULL, &error);
        if (st == HARPER_OK) {
            while ((st = harper_step(statement)) == HARPER_ROW)
                load->written++;
            if (st != HARPER_DONE)
                error = *harper_session_error(load->run->session);
            harper_finalize(statement);
        }
    }
    buf_free(&json);
    document_deinit(&builder);
    return st == HARPER_OK || st == HARPER_DONE || job_fails_of(load->run, &error);
}

static bool load_text(struct job_run *run, struct slice text, bool parses_json)
{
    struct value database = document_member(run->request, slice_text("database"));
    struct value action = document_member(run->request, slice_text("action"));
    struct load load = {.run = run,
                        .table = value_slice(document_member(run->request, slice_text("table"))),
                        .parses_json = parses_json};
    bool ok;

    if (database.kind == VALUE_ABSENT)
        database = document_member(run->request, slice_text("schema"));
    load.database = database.kind == VALUE_TEXT ? value_slice(database) : slice_text("data");
    load.action = action.kind == VALUE_TEXT ? value_slice(action) : slice_text("insert");
    ok = read_all(&load, text);
    for (size_t from = 0; ok && from < load.count; from += BATCH_RECORDS) {
        size_t to = from + BATCH_RECORDS < load.count ? from + BATCH_RECORDS : load.count;

        ok = !atomic_load(run->is_cancelled) && write_batch(&load, from, to);
    }
    free(load.records);
    if (!ok)
        return false;
    return load.count == 0 ? job_says(run, true, "No records parsed from csv file.")
                           : job_says(run, true, "successfully loaded %zu of %zu records",
                                      load.written, load.count);
}

static bool load_data(struct job_run *run)
{
    return load_text(run, value_slice(document_member(run->request, slice_text("data"))), false);
}

static bool load_file(struct job_run *run)
{
    struct slice path = value_slice(document_member(run->request, slice_text("file_path")));
    char *name = arena_strdup(run->arena, path);
    FILE *in = name == NULL ? NULL : fopen(name, "rb");
    struct buf text = {0};
    char piece[65536];
    size_t len;
    bool ok;

    if (in == NULL)
        return job_says(run, false, "No such file or directory %.*s", (int)path.len, path.data);
    while ((len = fread(piece, 1, sizeof piece, in)) > 0)
        buf_append(&text, piece, len);
    ok = !ferror(in) && !text.failed;
    fclose(in);
    ok = ok ? load_text(run, buf_slice(&text), true)
            : job_says(run, false, "%.*s cannot be read", (int)path.len, path.data);
    buf_free(&text);
    return ok;
}

/* "Name: value" for each of passthrough_headers. */
static const char **request_headers(struct job_run *run)
{
    struct value given = document_member(run->request, slice_text("passthrough_headers"));
    size_t count = given.kind == VALUE_OBJECT ? document_count(given) : 0, at = 0;
    const char **headers = ARENA_NEW_ARRAY(run->arena, const char *, count + 1);

    for (size_t k = 0; headers != NULL && k < count; k++) {
        struct slice name;
        struct value v = value_to_text(document_member_at(given, k, &name), run->arena);
        char *line = v.kind != VALUE_TEXT ? NULL
                                          : arena_printf(run->arena, "%.*s: %.*s", (int)name.len,
                                                         name.data, (int)v.len, v.as.data);

        /* A line end would begin another field. */
        if (line != NULL && strpbrk(line, "\r\n") == NULL)
            headers[at++] = line;
    }
    return headers;
}

static bool is_csv_type(const char *type)
{
    static const char *const types[] = {"text/csv", "application/octet-stream", "text/plain",
                                        "application/vnd.ms-excel"};

    for (size_t k = 0; k < COUNT_OF(types); k++)
        if (strncasecmp(type, types[k], strlen(types[k])) == 0)
            return true;
    return false;
}

static bool load_url(struct job_run *run)
{
    struct slice url = value_slice(document_member(run->request, slice_text("csv_url")));
    struct download download = {.url = arena_strdup(run->arena, url),
                                .headers = request_headers(run),
                                .bytes_max = FILE_BYTES_MAX,
                                .is_cancelled = run->is_cancelled};
    bool ok = download.url != NULL && download_run(&download);

    if (!ok)
        job_says(run, false, "There was an error downloading '%s'. Check logs and try again.",
                 download.url == NULL ? "" : download.url);
    else if (download.status != 200)
        ok = job_says(run, false, "CSV Load failed from URL: %s, status code: %ld", download.url,
                      download.status);
    else if (!is_csv_type(download.content_type))
        ok = job_says(run, false, "CSV Load failed from URL: %s, unsupported content type: %s",
                      download.url, download.content_type);
    else
        ok = load_text(run, buf_slice(&download.body), true);
    buf_free(&download.body);
    return ok;
}

/* ---- the calls: this family joins its sentences with a comma ---- */

struct faults {
    char text[MESSAGE_BYTES];
    size_t len;
};

static void fault(struct faults *faults, const char *sentence)
{
    int len = snprintf(faults->text + faults->len, sizeof faults->text - faults->len, "%s%s",
                       faults->len > 0 ? "," : "", sentence);

    if (len > 0 && (size_t)len < sizeof faults->text - faults->len)
        faults->len += (size_t)len;
}

static bool is_action(struct value v)
{
    return v.kind == VALUE_ABSENT || (v.kind == VALUE_TEXT && (slice_is(value_slice(v), "insert") ||
                                                               slice_is(value_slice(v), "update") ||
                                                               slice_is(value_slice(v), "upsert")));
}

static bool table_is_there(struct call *call)
{
    struct document_builder ignored = {0};
    harper_error error;
    int st;

    document_begin(&ignored);
    st = database_describe(call->request->session, call_database(call),
                           call_text(call, "table", NULL), DESCRIBE_NO_COUNT, &ignored, &error);
    document_deinit(&ignored);
    if (st != HARPER_OK)
        call_fail(call, 400, "%s", error.message);
    return st == HARPER_OK;
}

static bool check_load(struct call *call, const char *field, const char *sentence)
{
    struct faults faults = {.len = 0};

    if (call_text(call, "table", NULL).len == 0)
        fault(&faults, "Table can't be blank");
    if (!is_action(call_field(call, "action", NULL)))
        fault(&faults, "Action is required and must be either insert, update, or upsert");
    if (call_text(call, field, NULL).len == 0)
        fault(&faults, sentence);
    if (faults.len > 0) {
        call_fail(call, 400, "%s", faults.text);
        return false;
    }
    return table_is_there(call);
}

void operation_csv_data_load(struct call *call)
{
    if (check_load(call, "data", "Data  is required"))
        call_start_job(call, "csv_data_load", load_data);
}

static bool check_file(struct call *call)
{
    struct slice path = call_text(call, "file_path", NULL);
    char *name = arena_strdup(call->request->arena, path);
    struct stat facts;

    if (name == NULL || strlen(name) != path.len || stat(name, &facts) != 0 ||
        !S_ISREG(facts.st_mode)) {
        call_fail(call, 400, "%s %.*s",
                  errno == EACCES ? "Permission denied" : "No such file or directory",
                  (int)path.len, path.data);
        return false;
    }
    if (access(name, R_OK) != 0) {
        call_fail(call, 400, "Permission denied %s", name);
        return false;
    }
    if (facts.st_size > FILE_BYTES_MAX) {
        call_fail(call, 400,
                  "File size is %lld bytes, which exceeded the maximum size allowed of: %d bytes",
                  (long long)facts.st_size, FILE_BYTES_MAX);
        return false;
    }
    return true;
}

void operation_csv_file_load(struct call *call)
{
    if (check_load(call, "file_path", "File path  is required") && check_file(call))
        call_start_job(call, "csv_file_load", load_file);
}

void operation_csv_url_load(struct call *call)
{
    struct value url = call_field(call, "csv_url", NULL);
    char *text =
        url.kind == VALUE_TEXT ? arena_strdup(call->request->arena, value_slice(url)) : NULL;

    if (call_text(call, "table", NULL).len == 0)
        call_fail(call, 400, "Table can't be blank");
    else if (!is_action(call_field(call, "action", NULL)))
        call_fail(call, 400, "Action is required and must be either insert, update, or upsert");
    else if (url.kind == VALUE_ABSENT)
        call_fail(call, 400, "'csv_url' is required");
    else if (text == NULL || strlen(text) != url.len || !download_is_url(text))
        call_fail(call, 400, "'csv_url' must be a valid url");
    else if (table_is_there(call))
        call_start_job(call, "csv_url_load", load_url);
}
