/*
 * The operations API over HTTP: POST / with a request object, GET /health. What is asked for, and
 * what came of it, are rest/operations; here are bodies, media types and rows.
 */
#include "rest/operations/operations.h"
#include "rest/rest_internal.h"
#include <stdio.h>

static void fail(struct answer *answer, int status, const char *message)
{
    buf_clear(&answer->body);
    buf_append_text(&answer->body, "{\"error\":");
    json_write_text(&answer->body, slice_text(message));
    buf_append_byte(&answer->body, '}');
    answer->status = status;
    answer->type = media_type(MEDIA_JSON);
}

/* Nothing said, and what is not offered, is JSON. */
static enum media media_of(const struct request *request)
{
    enum media media = media_negotiate(request_header(request, "Accept"));

    return media == MEDIA_NONE ? MEDIA_JSON : media;
}

/* ---- the body ---- */

/* Does the body, as it came, hold JSON text? What curl sends without being told otherwise calls
 * itself a form. */
static bool is_plain_json(const struct request *request)
{
    const char *type = request_header(request, "Content-Type");
    enum media media = type == NULL ? MEDIA_JSON : media_of_type(type);
    bool is_called_form =
        media == MEDIA_FORM && request->body.len > 0 && *request->body.data == '{';

    return (media == MEDIA_JSON || is_called_form) &&
           coding_of(request_header(request, "Content-Encoding")) == CODING_IDENTITY;
}

static bool read_body(struct job *job, struct operation_request *out)
{
    struct error err = {.offset = -1};

    if (is_plain_json(job->request)) {
        out->text = job->request->body;
        if (out->text.len > 0 && json_read(out->text, &job->seat->arena, &out->body, &err) == ST_OK)
            return true;
        fail(job->answer, 400, "Invalid JSON.");
        return false;
    }
    if (job_read_body(job, &out->body))
        return true;
    if (job->answer->status == 400)
        fail(job->answer, 400, "Invalid JSON.");
    return false;
}

/* ---- rows ---- */

/* Columns of CSV: those of the statement, or the members of the first record. */
static void write_csv_rows(struct answer *answer, harper_statement *statement, struct arena *arena,
                           int *st)
{
    struct csv csv = {0};
    bool has_head = false;

    while ((*st = harper_step(statement)) == HARPER_ROW) {
        if (!has_head) {
            csv_begin(&csv, statement, NULL, true, arena);
            for (size_t k = 0; csv.names != NULL && k < csv.count; k++)
                ((struct slice *)(uintptr_t)csv.names)[k] = arena_copy(arena, csv.names[k]);
            csv_write_head(&csv, statement, &answer->body);
            has_head = true;
        }
        csv_write_row(&csv, statement, &answer->body);
    }
}

/* All of them at once: what a writer does, whose session stays with it. */
static void write_rows(struct job *job, harper_statement *statement)
{
    struct answer *answer = job->answer;
    size_t count = 0;
    int st;

    if (job->media == MEDIA_CSV) {
        write_csv_rows(answer, statement, &job->seat->arena, &st);
    } else {
        codec_begin_rows(job->media, &answer->body);
        while ((st = harper_step(statement)) == HARPER_ROW) {
            if (count++ > 0)
                codec_between_rows(job->media, &answer->body);
            row_write(statement, job->media, &answer->body);
        }
        codec_end_rows(job->media, &answer->body, count == 0);
    }
    if (st != HARPER_DONE) {
        const harper_error *error = harper_session_error(job->seat->session);

        fail(answer, harper_status_http(error->status), error->message);
    }
    harper_finalize(statement);
}

static void answer_rows(struct job *job, harper_statement *statement)
{
    job->answer->type = media_type(job->media);
    job->answer->is_attachment = job->media == MEDIA_CSV;
    if (job->request->worker->is_writer || job->media == MEDIA_CSV || job->media == MEDIA_YAML)
        write_rows(job, statement);
    else
        stream_begin(job->request, job->answer, statement, job->media, NULL);
    if (job->answer->stream == NULL && job->answer->status >= 400) {
        char message[512];

        snprintf(message, sizeof message, "%s", harper_session_error(job->seat->session)->message);
        fail(job->answer, job->answer->status, message);
    }
}

/* ---- requests ---- */

static void answer_operation(struct job *job)
{
    struct operation_request request = {
        .session = job->seat->session,
        .arena = &job->seat->arena,
        .caller = {.name = slice_text("HDB_ADMIN"), .is_super_user = true}};
    struct operation_reply reply;

    if (!read_body(job, &request))
        return;
    operations_answer(job->request->worker->server->operations, &request, &reply);
    job->media = media_of(job->request);
    job->answer->status = reply.status;
    job->answer->closes = reply.closes;
    if (reply.rows != NULL) {
        answer_rows(job, reply.rows);
        return;
    }
    if (reply.has_file) {
        job->answer->has_file = true;
        job->answer->file = reply.file;
        job->answer->file_name = reply.file_name;
        job->answer->type = reply.file_type;
        return;
    }
    if (job->media == MEDIA_CSV || job->media == MEDIA_NDJSON)
        job->media = MEDIA_JSON;
    codec_write(job->media, &job->answer->body, reply.result);
    job->answer->type = media_type(job->media);
}

static void answer_get(const struct request *request, struct answer *answer)
{
    if (slice_is(request->path, "health")) {
        buf_append_text(&answer->body, "HarperDB is running.");
        answer->status = 200;
        answer->type = "text/plain; charset=utf-8";
    } else if (request->path.len == 0) {
        buf_append_text(&answer->body, "<!doctype html><title>harper</title><p>The operations API "
                                       "takes requests by <code>POST /</code>.\n");
        answer->status = 200;
        answer->type = "text/html; charset=utf-8";
    } else {
        fail(answer, 404, "Not found");
    }
}

void operations_door_answer(struct request *request, struct answer *answer)
{
    struct job job = {.request = request, .answer = answer};
    harper_error error;

    answer->varies_by_encoding_only = false;
    if (request->method == METHOD_GET || request->method == METHOD_HEAD) {
        answer_get(request, answer);
        return;
    }
    if (request->path.len != 0) {
        fail(answer, 404, "Not found");
        return;
    }
    if (request->method != METHOD_POST) {
        fail(answer, 405, "requests are sent by POST /");
        answer->allow = "GET, HEAD, POST";
        return;
    }
    job.seat = worker_seat(request->worker, &error);
    if (job.seat == NULL) {
        fail(answer, 500, "There was an error processing your request. Check logs and try again.");
        return;
    }
    answer_operation(&job);
}
