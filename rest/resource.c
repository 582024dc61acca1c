/* What requests for tables, collections and records mean. */
#include "rest/rest_internal.h"
#include "vdbe/ir/ir.h"
#include <stdlib.h>

static const char allow_all[] =
    "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE, QUERY, COPY, MOVE";

bool job_fail(struct job *job)
{
    problem_of(job->request, job->answer, harper_session_error(job->seat->session));
    return false;
}

void job_empty(struct job *job, int status)
{
    buf_clear(&job->answer->body);
    job->answer->status = status;
    job->answer->type = NULL;
}

static void answer_true(struct answer *answer)
{
    buf_append_text(&answer->body, "true");
    answer->status = 200;
    answer->type = media_type(MEDIA_JSON);
}

/* ---- statements ---- */

int job_prepare(struct job *job, enum request_kind kind, struct slice query, harper_statement **out)
{
    const struct request_text text = {kind, job->target.key, query};
    struct worker *worker = job->request->worker;
    harper_error error;
    int st = request_prepare(job->seat->session, &worker->routes, job->target.route, &text,
                             &job->seat->arena, out, &error);

    if (st != HARPER_OK)
        problem_of(job->request, job->answer, &error);
    return st;
}

bool job_run(struct job *job, harper_statement *statement)
{
    int st;

    do
        st = harper_step(statement);
    while (st == HARPER_ROW);
    if (st != HARPER_DONE)
        job_fail(job);
    harper_finalize(statement);
    return st == HARPER_DONE;
}

/* ---- reading ---- */

static void write_name(struct arena *arena, struct slice name, struct slice *out)
{
    static const char hex[] = "0123456789ABCDEF";
    char *text = arena_alloc(arena, name.len * 3 + 16), *at = text;

    *out = slice_empty();
    if (text == NULL)
        return;
    memcpy(at, "select(", 7);
    at += 7;
    for (size_t k = 0; k < name.len; k++) {
        unsigned char c = (unsigned char)name.data[k];

        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_') {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        }
    }
    *at++ = ')';
    *out = slice_of(text, (size_t)(at - text));
}

/* A record or value that says of itself what it is: {"contentType": …, "data": …}. */
static bool write_raw(struct job *job, struct value v)
{
    struct value type, data;
    struct slice name;

    if (v.kind == VALUE_BYTES && job->target.property != NULL) {
        buf_append_slice(&job->answer->body, value_slice(v));
        job->answer->type = "application/octet-stream";
        job->answer->varies_by_encoding_only = true;
        return true;
    }
    if (v.kind != VALUE_OBJECT)
        return false;
    type = document_member(v, slice_text("contentType"));
    if (type.kind != VALUE_TEXT)
        return false;
    data = document_member(v, slice_text("data"));
    if (data.kind != VALUE_TEXT && data.kind != VALUE_BYTES)
        return false;
    name = value_slice(type);
    if (name.len == 0 || !head_is_field_value(name))
        return false;
    job->answer->type = arena_strdup(&job->seat->arena, name);
    job->answer->varies_by_encoding_only = true;
    buf_append_slice(&job->answer->body, value_slice(data));
    return true;
}

static void write_one(struct job *job, harper_statement *statement)
{
    const struct value *row = statement_row(statement);
    struct buf *out = &job->answer->body;
    bool is_scalar = statement_row_form(statement) == IR_ROW_SCALAR;
    struct csv csv;

    if (is_scalar && write_raw(job, row[0]))
        return;
    job->answer->type = media_type(job->media);
    if (job->media == MEDIA_CSV) {
        csv_begin(&csv, statement, job->target.route, true, &job->seat->arena);
        csv_write_head(&csv, statement, out);
        csv_write_row(&csv, statement, out);
        job->answer->is_attachment = true;
    } else {
        row_write(statement, job->media, out);
    }
}

static void answer_record(struct job *job, harper_statement *statement)
{
    const struct value *row = statement_row(statement);

    if (statement_row_form(statement) == IR_ROW_SCALAR && value_is_null(row[0])) {
        job_empty(job, 404);
        if (row[0].kind == VALUE_NULL) {
            buf_append_text(&job->answer->body, "null");
            job->answer->type = media_type(MEDIA_JSON);
        }
        return;
    }
    if (!condition_of_read(job, request_row_version(statement)))
        return;
    job->answer->status = 200;
    write_one(job, statement);
}

static void get_record(struct job *job)
{
    struct slice query = job->request->query;
    harper_statement *statement;
    int st;

    if (job->target.property != NULL)
        write_name(&job->seat->arena, job->target.property->name, &query);
    st = job_prepare(job, REQUEST_GET, query, &statement);
    if (st == HARPER_TYPE && job->target.property != NULL) {
        /* What stands before the dot is no key: then the whole text is one. */
        job->target.property = NULL;
        job->target.key = job->target.whole_key;
        st = job_prepare(job, REQUEST_GET, job->request->query, &statement);
    }
    if (st != HARPER_OK)
        return;
    st = harper_step(statement);
    if (st == HARPER_ROW)
        answer_record(job, statement);
    else if (st == HARPER_DONE)
        job_empty(job, 404);
    else
        job_fail(job);
    harper_finalize(statement);
}

static void get_collection(struct job *job)
{
    harper_statement *statement;
    enum request_kind kind =
        job->target.kind == TARGET_BELOW ? REQUEST_SEARCH_BELOW : REQUEST_SEARCH;

    if (job_prepare(job, kind, job->request->query, &statement) != HARPER_OK)
        return;
    job->answer->status = 200;
    job->answer->type = media_type(job->media);
    job->answer->is_attachment = job->media == MEDIA_CSV;
    stream_begin(job->request, job->answer, statement, job->media, job->target.route);
}

static void get_table(struct job *job)
{
    job->answer->status = 200;
    job->answer->type = media_type(MEDIA_JSON);
    describe_table(job->target.route, &job->answer->body);
    if (job->request->worker->server->behaviour.has_counts)
        describe_counts(job);
}

bool job_negotiate(struct job *job)
{
    job->media = job->target.media;
    if (job->media != MEDIA_NONE)
        return true;
    job->media = media_negotiate(request_header(job->request, "Accept"));
    if (job->media == MEDIA_NONE)
        problem(job->request, job->answer, 406,
                "nothing that Accept names is offered; there are: %s", media_list());
    return job->media != MEDIA_NONE;
}

static void answer_get(struct job *job)
{
    if (!job_negotiate(job))
        return;
    switch (job->target.kind) {
    case TARGET_RECORD:
        get_record(job);
        break;
    case TARGET_COLLECTION:
    case TARGET_BELOW:
        get_collection(job);
        break;
    case TARGET_TABLE:
        get_table(job);
        break;
    case TARGET_NONE:
        break;
    }
}

/* ---- bodies ---- */

/* May the body be records one after another? Then CSV is that, not a text to be kept. */
static bool holds_records(const struct job *job)
{
    return job->target.kind == TARGET_COLLECTION && job->request->method == METHOD_PUT;
}

/* The body as it was before its content coding. */
static enum status decode_coding(struct job *job, enum coding coding, struct slice *out,
                                 struct error *err)
{
    struct buf plain = {0};
    enum status st;

    *out = job->request->body;
    if (coding == CODING_IDENTITY)
        return ST_OK;
    st = coding_read(coding, job->request->body,
                     job->request->worker->server->limits.body_bytes_max, &plain, err);
    if (st == ST_OK) {
        *out = arena_copy(&job->seat->arena, buf_slice(&plain));
        st = out->data == NULL ? ST_NO_MEMORY : ST_OK;
    }
    buf_free(&plain);
    return st;
}

static enum status decode(struct job *job, const char *content_type, enum coding coding,
                          struct value *out, struct error *err)
{
    enum media media = content_type == NULL ? MEDIA_NONE : media_of_type(content_type);
    struct slice body;

    TRY(decode_coding(job, coding, &body, err));
    if (media == MEDIA_CSV && holds_records(job))
        return csv_read(body, &job->seat->arena, out, err);
    return codec_read(media, content_type, body, &job->seat->arena, out, err);
}

bool job_read_body(struct job *job, struct value *out)
{
    const char *content_type = request_header(job->request, "Content-Type");
    const char *content_encoding = request_header(job->request, "Content-Encoding");
    enum coding coding = coding_of(content_encoding);
    struct error err = {.offset = -1};
    enum status st;

    if (coding == CODING_UNKNOWN) {
        problem(job->request, job->answer, 415,
                "the content coding %.100s is not known; there are: gzip, br, zstd",
                content_encoding);
        return false;
    }
    if (job->request->body.len == 0 &&
        (content_type == NULL || media_of_type(content_type) == MEDIA_JSON)) {
        problem(job->request, job->answer, 400, "the request has no body");
        return false;
    }
    st = decode(job, content_type, coding, out, &err);
    if (st == ST_OK)
        return true;
    if (st == ST_NO_MEMORY)
        problem(job->request, job->answer, 500, "out of memory");
    else if (err.offset >= 0)
        problem(job->request, job->answer, st == ST_TOO_BIG ? 413 : 400,
                "the body cannot be read: %s, at byte %lld", error_message(&err),
                (long long)err.offset);
    else
        problem(job->request, job->answer, st == ST_TOO_BIG ? 413 : 400,
                "the body cannot be read: %s", error_message(&err));
    return false;
}

static bool read_object(struct job *job, struct value *out)
{
    if (!job_read_body(job, out))
        return false;
    if (out->kind == VALUE_OBJECT)
        return true;
    problem(job->request, job->answer, 400, "the body must be an object");
    return false;
}

/* ---- writing ---- */

static bool write_documents(struct job *job, enum request_kind kind, struct value documents)
{
    harper_statement *statement;

    if (job_prepare(job, kind, slice_empty(), &statement) != HARPER_OK)
        return false;
    if (statement_bind_value(statement, 1, documents) != HARPER_OK) {
        harper_finalize(statement);
        return job_fail(job);
    }
    return job_run(job, statement);
}

static void put_collection(struct job *job)
{
    struct value body;

    if (!job_read_body(job, &body))
        return;
    if (body.kind != VALUE_ARRAY || job->target.kind == TARGET_BELOW) {
        problem(job->request, job->answer, 400,
                body.kind != VALUE_ARRAY ? "a collection is put as an array of records"
                                         : "records cannot be put below a key");
        return;
    }
    for (size_t k = 0; k < document_count(body); k++) {
        if (document_element(body, k).kind != VALUE_OBJECT) {
            problem(job->request, job->answer, 400, "element %zu of the body is not an object", k);
            return;
        }
    }
    if (document_count(body) == 0 || write_documents(job, REQUEST_PUT_MANY, body))
        job_empty(job, 204);
}

static void answer_put(struct job *job)
{
    struct value body;

    switch (job->target.kind) {
    case TARGET_RECORD:
        if (read_object(job, &body) && write_documents(job, REQUEST_PUT, body))
            job_empty(job, 204);
        break;
    case TARGET_COLLECTION:
    case TARGET_BELOW:
        put_collection(job);
        break;
    case TARGET_TABLE:
    case TARGET_NONE:
        problem(job->request, job->answer, 400,
                "a table cannot be put; records are below its path and a slash");
        break;
    }
}

static void answer_patch(struct job *job)
{
    struct value body;

    if (job->target.kind != TARGET_RECORD) {
        problem(job->request, job->answer, 400, "only a record can be patched");
        return;
    }
    if (!read_object(job, &body))
        return;
    if (document_count(body) == 0 || write_documents(job, REQUEST_PATCH, body))
        job_empty(job, 204);
}

/* "/Dog/" and the key, percent-encoded. */
static char *location_of(struct job *job, struct value key)
{
    static const char hex[] = "0123456789ABCDEF";
    struct slice path = job->target.route->path, text;
    struct buf json = {0};
    char *out, *at;

    if (key.kind != VALUE_TEXT)
        json_write(&json, key);
    text = key.kind == VALUE_TEXT ? value_slice(key) : buf_slice(&json);
    out = at = malloc(path.len + 3 + text.len * 3);
    if (out != NULL) {
        *at++ = '/';
        if (!job->target.route->is_root) {
            memcpy(at, path.data, path.len);
            at += path.len;
            *at++ = '/';
        }
        for (size_t k = 0; k < text.len; k++) {
            unsigned char c = (unsigned char)text.data[k];

            if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                (c != 0 && strchr("-_~", c) != NULL)) {
                *at++ = (char)c;
            } else {
                *at++ = '%';
                *at++ = hex[c >> 4];
                *at++ = hex[c & 15];
            }
        }
        *at = '\0';
    }
    buf_free(&json);
    return out;
}

static void insert_record(struct job *job, struct value body)
{
    harper_statement *statement;
    int st;

    if (job_prepare(job, REQUEST_INSERT, slice_empty(), &statement) != HARPER_OK)
        return;
    st = statement_bind_value(statement, 1, body);
    if (st == HARPER_OK)
        st = harper_step(statement);
    if (st == HARPER_ROW) {
        struct value key = statement_row(statement)[0];

        job->answer->location = location_of(job, key);
        json_write(&job->answer->body, key);
        st = harper_step(statement);
    }
    if (st == HARPER_DONE) {
        job->answer->status = 201;
        job->answer->type = media_type(MEDIA_JSON);
    } else {
        free(job->answer->location);
        job->answer->location = NULL;
        job_fail(job);
    }
    harper_finalize(statement);
}

static void answer_post(struct job *job)
{
    struct value body;

    if (job->target.kind == TARGET_RECORD || job->target.kind == TARGET_TABLE) {
        problem(job->request, job->answer, 405, "records are posted to a collection: /%.*s/",
                (int)job->target.route->path.len, job->target.route->path.data);
        job->answer->allow = job->target.kind == TARGET_RECORD
                                 ? "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
                                 : "GET, HEAD, OPTIONS";
        return;
    }
    if (!read_object(job, &body))
        return;
    if (job->target.kind == TARGET_BELOW &&
        value_is_null(document_member(body, job->target.route->key_name))) {
        problem(job->request, job->answer, 400,
                "a record that is posted below a key must carry its own");
        return;
    }
    insert_record(job, body);
}

static void answer_delete(struct job *job)
{
    harper_statement *statement;
    enum request_kind kind = job->target.kind == TARGET_RECORD  ? REQUEST_DELETE
                             : job->target.kind == TARGET_BELOW ? REQUEST_DELETE_BELOW
                                                                : REQUEST_DELETE_SEARCH;

    if (job->target.kind == TARGET_TABLE) {
        problem(job->request, job->answer, 400,
                "a table cannot be deleted; its records are below its path and a slash");
        return;
    }
    if (job_prepare(job, kind, kind == REQUEST_DELETE ? slice_empty() : job->request->query,
                    &statement) == HARPER_OK &&
        job_run(job, statement))
        answer_true(job->answer);
}

/* ---- methods ---- */

static bool answer_without_target(struct job *job)
{
    struct answer *answer = job->answer;

    switch (job->request->method) {
    case METHOD_OPTIONS:
        job_empty(job, 204);
        answer->allow = allow_all;
        return true;
    case METHOD_TRACE:
        buf_append_text(&answer->body, "\"HarperDB is the terminating server\"");
        answer->status = 200;
        answer->type = media_type(MEDIA_JSON);
        return true;
    case METHOD_BREW:
        problem(job->request, answer, 418, "this server is a teapot");
        return true;
    case METHOD_OTHER:
        problem(job->request, answer, 501, "the method %.*s is not implemented",
                (int)job->request->method_name.len, job->request->method_name.data);
        return true;
    default:
        return false;
    }
}

/* Conditions of writes are looked at in the transaction of the write, when they are kept at all. */
static void write_with_conditions(struct job *job, void (*write)(struct job *job))
{
    bool is_open;

    if (!condition_begin(job, &is_open))
        return;
    write(job);
    condition_end(job, is_open);
}

static void answer_target(struct job *job)
{
    switch (job->request->method) {
    case METHOD_GET:
    case METHOD_HEAD:
        answer_get(job);
        return;
    case METHOD_PUT:
        write_with_conditions(job, answer_put);
        return;
    case METHOD_PATCH:
        write_with_conditions(job, answer_patch);
        return;
    case METHOD_POST:
        answer_post(job);
        return;
    case METHOD_QUERY:
        query_answer(job);
        return;
    case METHOD_DELETE:
        write_with_conditions(job, answer_delete);
        return;
    default:
        problem(job->request, job->answer, 405, "the method %.*s is not possible here",
                (int)job->request->method_name.len, job->request->method_name.data);
        job->answer->allow = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";
        return;
    }
}

/* What was written as JSON, in the type that was asked for: descriptions, keys, problems. */
static void convert(struct job *job)
{
    enum media media = job->target.media;
    struct arena arena = {0};
    struct error ignored;
    struct buf json;
    struct value v;

    if (job->answer->type != media_type(MEDIA_JSON))
        return;
    if (media == MEDIA_NONE)
        media = media_negotiate(request_header(job->request, "Accept"));
    if (media != MEDIA_CBOR && media != MEDIA_MSGPACK && media != MEDIA_YAML)
        return;
    json = job->answer->body;
    if (json_read(buf_slice(&json), &arena, &v, &ignored) == ST_OK) {
        job->answer->body = (struct buf){0};
        codec_write(media, &job->answer->body, v);
        job->answer->type = media_type(media);
        buf_free(&json);
    }
    arena_deinit(&arena);
}

void resource_answer(struct request *request, struct answer *answer)
{
    static const struct slice graphql_path = {"graphql", 7};
    struct job job = {.request = request, .answer = answer, .media = MEDIA_NONE};
    struct worker *worker = request->worker;
    harper_error error;
    bool reads = request->method == METHOD_GET || request->method == METHOD_HEAD;

    job.target.media = MEDIA_NONE;
    if (answer_without_target(&job)) {
        convert(&job);
        return;
    }
    job.seat = worker_seat(worker, &error);
    if (job.seat == NULL || !worker_refresh(worker, &error)) {
        problem_of(request, answer, &error);
        return;
    }
    if (worker->server->behaviour.has_graphql && slice_starts_with(request->path, graphql_path)) {
        graphql_answer(&job);
        return;
    }
    path_resolve(&worker->index, reads, request->path, request->has_query, &job.target);
    /* A table of that name comes first. */
    if (reads && slice_is(request->path, "openapi") && !request->has_query &&
        (job.target.kind == TARGET_NONE || job.target.route->is_root)) {
        openapi_answer(&job);
        convert(&job);
        return;
    }
    if (job.target.kind == TARGET_NONE) {
        buf_append_text(&answer->body, "Not found");
        answer->status = 404;
        return;
    }
    if (job.target.route->is_ambiguous)
        problem(request, answer, 500, "more than one table is exported as /%.*s",
                (int)job.target.route->path.len, job.target.route->path.data);
    else
        answer_target(&job);
    if (answer->stream == NULL && job.media != MEDIA_JSON)
        convert(&job);
}
