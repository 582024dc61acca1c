/* /graphql: queries by GET and POST, and errors as GraphQL clients want them. */
#include "rest/rest_internal.h"

static const char type_graphql[] = "application/graphql-response+json";
static const char type_success[] = "application/graphql-response+json; charset=utf-8";

/* Does the client want plain JSON, and 200 for what is wrong with its document? */
static bool is_plain(const struct job *job)
{
    const char *accept = request_header(job->request, "Accept");

    return accept != NULL && strcasecmp(accept, "application/json") == 0;
}

static void begin_errors(struct job *job, int status, const char *message)
{
    struct buf *out = &job->answer->body;

    buf_clear(out);
    job->answer->status = status;
    job->answer->type = is_plain(job) ? "application/json" : type_graphql;
    buf_append_text(out, "{\"errors\":[{\"message\":");
    json_write_text(out, slice_text(message));
}

static void transport_error(struct job *job, int status, const char *message)
{
    begin_errors(job, status, message);
    buf_append_text(&job->answer->body, "}]}");
}

static void query_error(struct job *job, struct slice query, const harper_error *error)
{
    const char *message =
        error->message[0] == '\0' ? harper_status_text(error->status) : error->message;
    int status = harper_status_http(error->status);

    /* What is wrong with the document is 400, but for a name that is not there. */
    if (status < 500 && status != 401 && status != 403)
        status = is_plain(job) ? 200 : error->status == HARPER_NO_COLUMN ? 404 : 400;
    begin_errors(job, status, message);
    if (error->offset >= 0 && (uint64_t)error->offset <= query.len) {
        unsigned line, column;

        graphql_place(query, error->offset, &line, &column);
        buf_printf(&job->answer->body, ",\"locations\":[{\"line\":%u,\"column\":%u}]", line,
                   column);
    }
    buf_append_text(&job->answer->body, "}]}");
}

/* `variables` of a GET is JSON text. */
static bool read_variables(struct job *job, struct value *variables)
{
    struct error err = {.offset = -1};

    if (variables->kind == VALUE_TEXT && variables->len > 0 &&
        json_read(value_slice(*variables), &job->seat->arena, variables, &err) != ST_OK) {
        transport_error(job, 400, "The variables are not JSON.");
        return false;
    }
    if (variables->kind == VALUE_OBJECT || value_is_null(*variables) || variables->len == 0)
        return true;
    transport_error(job, 400, "The variables must be an object.");
    return false;
}

static bool read_request(struct job *job, struct graphql_request *out)
{
    struct error err = {.offset = -1};
    struct value body, text;

    if (job->request->method == METHOD_POST) {
        if (!job_read_body(job, &body))
            return false;
    } else if (form_read(job->request->query, &job->seat->arena, &body, &err) != ST_OK) {
        transport_error(job, 400, error_message(&err));
        return false;
    }
    if (body.kind != VALUE_OBJECT) {
        transport_error(job, 400, "Request body must be an object.");
        return false;
    }
    text = document_member(body, slice_text("query"));
    if (text.kind != VALUE_TEXT) {
        transport_error(job, 400, "Request body must contain a `query` field.");
        return false;
    }
    out->query = value_slice(text);
    text = document_member(body, slice_text("operationName"));
    out->operation = text.kind == VALUE_TEXT ? value_slice(text) : slice_empty();
    out->variables = document_member(body, slice_text("variables"));
    out->exported_only = !job->request->worker->server->exports_all;
    return read_variables(job, &out->variables);
}

void graphql_answer(struct job *job)
{
    struct graphql_request request;
    harper_statement *statement;
    harper_error error;
    int st;

    if (job->request->method != METHOD_GET && job->request->method != METHOD_POST) {
        transport_error(job, 405, "Method Not Allowed");
        job->answer->allow = "GET, POST";
        return;
    }
    if (!read_request(job, &request))
        return;
    if (graphql_prepare(job->seat->session, &request, &statement, &error) != HARPER_OK) {
        query_error(job, request.query, &error);
        return;
    }
    st = harper_step(statement);
    if (st == HARPER_ROW) {
        buf_append_text(&job->answer->body, "{\"data\":");
        statement_write_row_json(statement, &job->answer->body);
        buf_append_byte(&job->answer->body, '}');
        job->answer->status = 200;
        job->answer->type = type_success;
    } else {
        query_error(job, request.query, harper_session_error(job->seat->session));
    }
    harper_finalize(statement);
}
