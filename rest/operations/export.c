/* Jobs that read or remove many records: export_local, delete_records_before. */
#include "rest/codec/codec.h"
#include "rest/operations/operations_internal.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct value member(struct job_run *run, const char *name)
{
    return document_member(run->request, slice_text(name));
}

static struct slice text_of(struct job_run *run, const char *name)
{
    struct value v = member(run, name);

    return v.kind == VALUE_TEXT ? value_slice(v) : slice_empty();
}

/* ---- export ---- */

static bool check_directory(struct job_run *run, struct slice path)
{
    char *name = arena_strdup(run->arena, path);
    struct stat facts;

    if (path.len == 0)
        return job_says(run, false, "path is missing.");
    if (name == NULL || strlen(name) != path.len || stat(name, &facts) != 0)
        return job_says(run, false,
                        errno == EACCES ? "access to path '%.*s' is denied"
                                        : "path '%.*s' does not exist",
                        (int)path.len, path.data);
    if (!S_ISDIR(facts.st_mode))
        return job_says(run, false,
                        "path '%.*s' is not a directory, please supply a valid folder path",
                        (int)path.len, path.data);
    if (access(name, W_OK | X_OK) != 0)
        return job_says(run, false, "access to path '%.*s' is denied", (int)path.len, path.data);
    return true;
}

static bool check_search(struct job_run *run, struct value search)
{
    static const char *const names[] = {"search_by_value", "search_by_hash", "search_by_id",
                                        "search_by_conditions", "sql"};
    struct value name = document_member(search, slice_text("operation"));

    if (search.kind != VALUE_OBJECT || name.kind != VALUE_TEXT)
        return job_says(run, false, "search_operation.operation missing");
    for (size_t k = 0; k < COUNT_OF(names); k++)
        if (slice_is(value_slice(name), names[k]))
            return true;
    return job_says(run, false,
                    "searchOperation.operation must be one of the following values: "
                    "search_by_value, search_by_hash, sql, search_by_conditions");
}

struct export
{
    struct job_run *run;
    harper_statement *statement;
    FILE *out;
    bool is_csv;
    struct buf line;
    struct value names; /* CSV: of the first record's members, when a row is a record */
    bool has_names;
};

static void write_names(struct export *export, struct value record)
{
    struct document_builder builder = {0};
    struct value v;

    document_begin(&builder);
    document_open_array(&builder);
    for (size_t k = 0; k < document_count(record); k++) {
        struct slice name;

        document_member_at(record, k, &name);
        document_value(&builder, value_text(name));
        if (k > 0)
            buf_append_byte(&export->line, ',');
        csv_write_text(&export->line, name);
    }
    buf_append_text(&export->line, "\r\n");
    document_close(&builder);
    if (document_end(&builder, &v) == ST_OK) {
        struct slice copy = arena_copy(export->run->arena, value_slice(v));

        export->names = v;
        export->names.as.data = copy.data;
        export->has_names = copy.data != NULL;
    }
    document_deinit(&builder);
}

static void write_csv_row(struct export *export, struct value record)
{
    if (!export->has_names)
        write_names(export, record);
    for (size_t k = 0; export->has_names && k < document_count(export->names); k++) {
        if (k > 0)
            buf_append_byte(&export->line, ',');
        csv_write_field(&export->line,
                        document_member(record, value_slice(document_element(export->names, k))));
    }
    buf_append_text(&export->line, "\r\n");
}

/* One row, in `line`. */
static bool write_row(struct export *export, size_t number)
{
    struct arena scratch = {0};
    struct error err = {.offset = -1};
    struct buf json = {0};
    struct value record;
    bool ok = true;

    buf_clear(&export->line);
    if (!export->is_csv) {
        buf_append_text(&export->line, number == 0 ? "" : ",\n");
        statement_write_row_json(export->statement, &export->line);
    } else {
        statement_write_row_json(export->statement, &json);
        ok = !json.failed && json_read(buf_slice(&json), &scratch, &record, &err) == ST_OK;
        if (ok)
            write_csv_row(export, record);
    }
    ok = ok && !export->line.failed &&
         fwrite(export->line.data, 1, export->line.len, export->out) == export->line.len;
    buf_free(&json);
    arena_deinit(&scratch);
    return ok || job_says(export->run, false, "the file cannot be written: %s", strerror(errno));
}

static bool write_rows(struct export *export)
{
    size_t number = 0;
    bool ok = export->is_csv || fputc('[', export->out) != EOF;
    int st = HARPER_ROW;

    while (ok && (st = harper_step(export->statement)) == HARPER_ROW)
        ok = write_row(export, number++);
    if (ok && st != HARPER_DONE)
        return job_fails_of(export->run, harper_session_error(export->run->session));
    return ok && (export->is_csv || fputc(']', export->out) != EOF);
}

static bool prepare_search(struct export *export, struct value search)
{
    struct buf json = {0};
    harper_error error = {.status = HARPER_NO_MEMORY, .offset = -1};
    int st = HARPER_NO_MEMORY;

    json_write(&json, search);
    if (!json.failed)
        st = harper_prepare(export->run->session, HARPER_OPERATION, json.data, (int64_t)json.len,
                            &export->statement, NULL, &error);
    buf_free(&json);
    return st == HARPER_OK || job_fails_of(export->run, &error);
}

static void tell_path(struct job_run *run, const char *format, const char *path)
{
    struct document_builder builder = {0};
    struct value v;
    char message[64];

    snprintf(message, sizeof message, "Successfully exported %s locally.", format);
    document_begin(&builder);
    document_open_object(&builder);
    put_text(&builder, "message", slice_text(message));
    put_text(&builder, "path", slice_text(path));
    document_close(&builder);
    if (document_end(&builder, &v) == ST_OK) {
        struct slice copy = arena_copy(run->arena, value_slice(v));

        v.as.data = copy.data;
        run->result = copy.data == NULL ? value_absent() : v;
    }
    document_deinit(&builder);
}

static bool run_export(struct job_run *run)
{
    struct slice format = text_of(run, "format"), path = text_of(run, "path");
    struct slice filename = text_of(run, "filename");
    struct export export = {.run = run, .is_csv = slice_is(format, "csv")};
    struct value search = member(run, "search_operation");
    char *file;
    bool ok;

    if (format.len == 0)
        return job_says(run, false, "format missing");
    if (!export.is_csv && !slice_is(format, "json"))
        return job_says(run, false,
                        "format invalid. must be one of the following values: json, csv");
    if (!check_search(run, search) || !check_directory(run, path))
        return false;
    file = filename.len > 0
               ? arena_printf(run->arena, "%.*s/%.*s.%.*s", (int)path.len, path.data,
                              (int)filename.len, filename.data, (int)format.len, format.data)
               : arena_printf(run->arena, "%.*s/%lld.%.*s", (int)path.len, path.data,
                              (long long)(clock_wall_us() / 1000), (int)format.len, format.data);
    if (file == NULL)
        return job_says(run, false, "out of memory");
    if (filename.len > 0 && (memchr(filename.data, '/', filename.len) != NULL ||
                             memchr(filename.data, '\0', filename.len) != NULL))
        return job_says(run, false, "filename must not have slashes");
    if (!prepare_search(&export, search))
        return false;
    export.out = fopen(file, "wb");
    ok = export.out != NULL && write_rows(&export);
    if (export.out == NULL)
        job_says(run, false, "%s cannot be written: %s", file, strerror(errno));
    else if (fclose(export.out) != 0)
        ok = job_says(run, false, "%s cannot be written: %s", file, strerror(errno));
    if (export.out != NULL && !ok)
        unlink(file);
    harper_finalize(export.statement);
    buf_free(&export.line);
    if (ok)
        tell_path(run, export.is_csv ? "CSV" : "JSON", file);
    return ok;
}

void operation_export_local(struct call *call)
{
    call_start_job(call, "export_local", run_export);
}

/* ---- records of a time before ---- */

/* The attribute that holds a record's created time; empty: there is none. */
static struct slice created_attribute(struct job_run *run, struct value description)
{
    struct value attributes = document_member(description, slice_text("attributes"));

    (void)run;
    for (size_t k = 0; k < document_count(attributes); k++) {
        struct value attribute = document_element(attributes, k);

        if (value_truth(document_member(attribute, slice_text("assigned_created_time"))) == 1)
            return value_slice(document_member(attribute, slice_text("attribute")));
    }
    return slice_empty();
}

static bool describe(struct job_run *run, struct slice database, struct slice table,
                     struct value *out)
{
    struct document_builder builder = {0};
    harper_error error;
    bool ok;

    document_begin(&builder);
    ok = database_describe(run->session, database, table, 0, &builder, &error) == HARPER_OK;
    if (!ok) {
        job_fails_of(run, &error);
    } else if (document_end(&builder, out) == ST_OK) {
        out->as.data = arena_copy(run->arena, value_slice(*out)).data;
        ok = out->as.data != NULL;
    }
    document_deinit(&builder);
    return ok;
}

static bool delete_chunk(struct job_run *run, const char *request, int64_t before, int64_t *count)
{
    harper_statement *statement = NULL;
    harper_error error;
    int st = harper_prepare(run->session, HARPER_SQL, request, -1, &statement, NULL, &error);

    *count = 0;
    if (st != HARPER_OK)
        return job_fails_of(run, &error);
    st = harper_bind_int(statement, 1, before);
    while (st == HARPER_OK || st == HARPER_ROW)
        st = harper_step(statement);
    harper_finalize(statement);
    if (st != HARPER_DONE)
        return job_fails_of(run, harper_session_error(run->session));
    *count = harper_changes(run->session);
    return true;
}

static void put_quoted(struct buf *out, struct slice name)
{
    buf_append_byte(out, '"');
    for (size_t k = 0; k < name.len; k++) {
        if (name.data[k] == '"')
            buf_append_byte(out, '"');
        buf_append_byte(out, (uint8_t)name.data[k]);
    }
    buf_append_byte(out, '"');
}

static bool run_delete_before(struct job_run *run)
{
    enum { CHUNK = 10000 };
    struct value database = member(run, "database");
    struct slice table = text_of(run, "table"), name, created;
    struct value description;
    int64_t before = 0, count = CHUNK, deleted = 0, total;
    struct buf sql = {0};
    bool ok = true;

    if (database.kind == VALUE_ABSENT)
        database = member(run, "schema");
    name = database.kind == VALUE_TEXT ? value_slice(database) : slice_text("data");
    if (!date_parse_iso(text_of(run, "date"), &before) || !describe(run, name, table, &description))
        return false;
    created = created_attribute(run, description);
    if (created.len == 0)
        return job_says(run, false,
                        "Table must have a '__createdtime__' attribute or @createdTime timestamp "
                        "defined to perform this operation");
    total = value_to_int(document_member(description, slice_text("record_count")));
    buf_append_text(&sql, "DELETE FROM ");
    put_quoted(&sql, table);
    buf_append_text(&sql, " WHERE ");
    put_quoted(&sql, created);
    buf_append_text(&sql, " < ? ORDER BY ");
    put_quoted(&sql, created);
    buf_printf(&sql, " LIMIT %d", CHUNK);
    while (ok && count == CHUNK && !atomic_load(run->is_cancelled)) {
        ok = buf_cstr(&sql) != NULL && delete_chunk(run, buf_cstr(&sql), before, &count);
        deleted += ok ? count : 0;
    }
    buf_free(&sql);
    if (!ok)
        return false;
    return deleted == 0 ? job_says(run, true, "No records found to delete")
                        : job_says(run, true, "%lld of %lld records successfully deleted",
                                   (long long)deleted, (long long)total);
}

void operation_delete_records_before(struct call *call)
{
    struct value date = call_field(call, "date", NULL), table = call_field(call, "table", NULL);
    struct slice name;
    int64_t ms;

    if (date.kind == VALUE_ABSENT)
        call_problem(call, "'date' is required");
    else if (date.kind != VALUE_TEXT || !date_parse_iso(value_slice(date), &ms))
        call_problem(call, "'date' must be in ISO 8601 date format");
    call_need_name(call, "table", table, &name);
    if (call_check(call))
        call_start_job(call, "delete_records_before", run_delete_before);
}
