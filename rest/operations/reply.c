/* Fields of a request, what is wrong with them, and answers. */
#include "rest/operations/operations_internal.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- fields ---- */

struct value call_field(const struct call *call, const char *first, const char *second)
{
    struct value v = document_member(call->request->body, slice_text(first));

    if (v.kind == VALUE_ABSENT && second != NULL)
        v = document_member(call->request->body, slice_text(second));
    return v;
}

struct slice call_text(const struct call *call, const char *first, const char *second)
{
    struct value v = call_field(call, first, second);

    if (v.kind == VALUE_INT || v.kind == VALUE_REAL)
        v = value_to_text(v, call->request->arena);
    return v.kind == VALUE_TEXT ? value_slice(v) : slice_empty();
}

struct slice call_database(const struct call *call)
{
    return call_field(call, "database", "schema").kind == VALUE_ABSENT
               ? slice_text("data")
               : call_text(call, "database", "schema");
}

void call_problem(struct call *call, const char *format, ...)
{
    size_t room = sizeof call->problems - call->problem_bytes;
    char *at = call->problems + call->problem_bytes;
    va_list args;
    int len;

    if (call->problem_bytes > 0 && room > 3) {
        memcpy(at, ". ", 2);
        at += 2;
        room -= 2;
    }
    va_start(args, format);
    len = vsnprintf(at, room, format, args);
    va_end(args);
    if (len < 0)
        return;
    at += (size_t)len < room ? (size_t)len : room - 1;
    call->problem_bytes = (size_t)(at - call->problems);
}

bool call_check(struct call *call)
{
    if (call->problem_bytes == 0)
        return true;
    call_fail(call, 400, "%s", call->problems);
    return false;
}

bool call_need_name(struct call *call, const char *label, struct value v, struct slice *out)
{
    bool is_allowed = true;

    *out = slice_empty();
    if (v.kind == VALUE_ABSENT) {
        call_problem(call, "'%s' is required", label);
        return false;
    }
    if (v.kind != VALUE_TEXT) {
        call_problem(call, "'%s' must be a string", label);
        return false;
    }
    *out = value_slice(v);
    if (out->len == 0) {
        call_problem(call, "'%s' is not allowed to be empty", label);
        return false;
    }
    if (out->len > NAME_BYTES_MAX)
        call_problem(call, "'%s' length must be less than or equal to %d characters long", label,
                     NAME_BYTES_MAX);
    for (size_t k = 0; k < out->len; k++) {
        char c = out->data[k];

        is_allowed = is_allowed && c >= 0x20 && c <= 0x7e && c != '/' && c != '`';
    }
    if (!is_allowed)
        call_problem(call, "'%s' names cannot include backticks or forward slashes", label);
    return is_allowed && out->len <= NAME_BYTES_MAX;
}

void call_flag(struct call *call, const char *name, bool *out)
{
    struct value v = call_field(call, name, NULL);

    if (v.kind == VALUE_BOOL)
        *out = v.as.b;
    else if (v.kind != VALUE_ABSENT)
        call_problem(call, "'%s' must be a boolean", name);
}

/* ---- answers ---- */

void put_value(struct document_builder *builder, const char *name, struct value v)
{
    document_name(builder, slice_text(name));
    document_value(builder, v);
}

void put_text(struct document_builder *builder, const char *name, struct slice text)
{
    put_value(builder, name, value_text(text));
}

void call_value(struct call *call, struct value v)
{
    call->reply->result = v;
}

void call_built(struct call *call)
{
    struct value v;
    enum status st = document_end(&call->builder, &v);
    struct slice copy =
        st == ST_OK ? arena_copy(call->request->arena, value_slice(v)) : slice_empty();

    if (copy.data == NULL) {
        call->reply->status = 500;
        call->reply->result = value_null();
        return;
    }
    v.as.data = copy.data;
    call->reply->result = v;
}

static void one_member(struct call *call, const char *name, struct slice text)
{
    document_begin(&call->builder);
    document_open_object(&call->builder);
    put_text(&call->builder, name, text);
    document_close(&call->builder);
    call_built(call);
}

void call_fail(struct call *call, int status, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    call->reply->status = status;
    one_member(call, "error", slice_text(message));
}

/* Another status than its kind has: what the interface promises. */
void call_fail_of(struct call *call, const harper_error *error)
{
    const char *message =
        error->message[0] == '\0' ? harper_status_text(error->status) : error->message;
    int status = harper_status_http(error->status);

    if (error->status == HARPER_INTERNAL && error->message[0] == '\0')
        message = "There was an error processing your request. Check logs and try again.";
    call_fail(call, status < 400 ? 500 : status, "%s", message);
}

void call_message(struct call *call, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    one_member(call, "message", slice_text(message));
}

/* ---- statements ---- */

harper_statement *call_prepare(struct call *call)
{
    const struct operation_request *request = call->request;
    struct slice text = request->text;
    harper_statement *statement = NULL;
    struct buf json = {0};
    harper_error error;
    int st;

    if (text.len == 0) {
        json_write(&json, request->body);
        text = buf_slice(&json);
    }
    st = json.failed ? HARPER_NO_MEMORY
                     : harper_prepare(request->session, HARPER_OPERATION, text.data,
                                      (int64_t)text.len, &statement, NULL, &error);
    if (json.failed)
        error = (harper_error){.status = HARPER_NO_MEMORY, .offset = -1};
    buf_free(&json);
    if (st == HARPER_OK)
        return statement;
    call_fail_of(call, &error);
    return NULL;
}

bool call_run(struct call *call, harper_statement *statement)
{
    int st = HARPER_ROW;

    while (st == HARPER_ROW)
        st = harper_step(statement);
    if (st != HARPER_DONE)
        call_fail_of(call, harper_session_error(call->request->session));
    harper_finalize(statement);
    return st == HARPER_DONE;
}

/* ---- the system database ---- */

static int system_session(struct operations *operations, harper_session **out)
{
    return harper_session_open(operations->options.system, out, NULL);
}

static char *key_of(struct slice id)
{
    struct buf key = {0};
    const char *text;

    json_write_text(&key, id);
    text = buf_cstr(&key);
    if (text == NULL)
        buf_free(&key);
    return (char *)(uintptr_t)text;
}

int system_put(struct operations *operations, const char *table, struct slice id,
               struct value record)
{
    harper_session *session;
    struct buf json = {0};
    char *key = key_of(id);
    int st = key == NULL ? HARPER_NO_MEMORY : system_session(operations, &session);

    if (st == HARPER_OK) {
        json_write(&json, record);
        st = json.failed ? HARPER_NO_MEMORY
                         : harper_put(session, table, key, json.data, (int64_t)json.len);
        harper_session_close(session);
    }
    buf_free(&json);
    free(key);
    return st;
}

int system_get(struct operations *operations, const char *table, struct slice id,
               struct arena *arena, struct value *out)
{
    harper_session *session;
    char *key = key_of(id), *json = NULL;
    size_t bytes = 0;
    int st = key == NULL ? HARPER_NO_MEMORY : system_session(operations, &session);

    *out = value_absent();
    if (st == HARPER_OK) {
        st = harper_get(session, table, key, &json, &bytes);
        if (st == HARPER_OK) {
            struct slice copy = arena_copy(arena, slice_of(json, bytes));
            struct error err = {.offset = -1};

            st = (int)json_read(copy, arena, out, &err);
            harper_free(json);
        }
        harper_session_close(session);
    }
    free(key);
    return st;
}
