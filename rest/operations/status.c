/* What administrators say about the server: records of system.hdb_status. */
#include "rest/operations/operations_internal.h"
#include <stdio.h>

enum { STATUS_BYTES_MAX = 512 };

static const char *const ids[] = {"primary", "maintenance", "availability"};

/* `primary` when nothing is said; a wrong one is a problem. */
static struct slice read_id(struct call *call)
{
    struct value id = call_field(call, "id", NULL);

    if (id.kind == VALUE_ABSENT)
        return slice_text(ids[0]);
    for (size_t k = 0; k < COUNT_OF(ids); k++)
        if (id.kind == VALUE_TEXT && slice_is(value_slice(id), ids[k]))
            return value_slice(id);
    call_problem(call, "'id' must be one of [primary, maintenance, availability]");
    return slice_empty();
}

void operation_set_status(struct call *call)
{
    struct value status = call_field(call, "status", NULL);
    struct slice id = read_id(call);
    struct value record, stored;
    int st = HARPER_NO_MEMORY;

    if (status.kind == VALUE_ABSENT)
        call_problem(call, "'status' is required");
    else if (status.kind != VALUE_TEXT)
        call_problem(call, "'status' must be a string");
    else if (status.len == 0)
        call_problem(call, "'status' is not allowed to be empty");
    else if (status.len > STATUS_BYTES_MAX)
        call_problem(call, "'status' length must be less than or equal to %d characters long",
                     STATUS_BYTES_MAX);
    else if (slice_is(id, "availability") && !slice_is(value_slice(status), "Available") &&
             !slice_is(value_slice(status), "Unavailable"))
        call_problem(call,
                     "Status \"availability\" only accepts these values: Available, Unavailable");
    if (!call_check(call))
        return;
    document_begin(&call->builder);
    document_open_object(&call->builder);
    put_text(&call->builder, "id", id);
    put_value(&call->builder, "status", status);
    document_close(&call->builder);
    if (document_end(&call->builder, &record) == ST_OK)
        st = system_put(call->operations, "hdb_status", id, record);
    if (st == HARPER_OK)
        st = system_get(call->operations, "hdb_status", id, call->request->arena, &stored);
    if (st == HARPER_OK)
        call_value(call, stored);
    else
        call_fail(call, harper_status_http(st), "%s", harper_status_text(st));
}

static void get_all(struct call *call)
{
    struct document_builder *builder = &call->builder;

    document_begin(builder);
    document_open_object(builder);
    document_name(builder, slice_text("systemStatus"));
    document_open_array(builder);
    for (size_t k = 0; k < COUNT_OF(ids); k++) {
        struct value record;

        if (system_get(call->operations, "hdb_status", slice_text(ids[k]), call->request->arena,
                       &record) == HARPER_OK)
            document_value(builder, record);
    }
    document_close(builder);
    document_name(builder, slice_text("componentStatus"));
    document_open_array(builder);
    document_close(builder);
    put_value(builder, "restartRequired", value_bool(false));
    document_close(builder);
    call_built(call);
}

void operation_get_status(struct call *call)
{
    struct slice id;
    struct value record;
    int st;

    if (call_field(call, "id", NULL).kind == VALUE_ABSENT) {
        get_all(call);
        return;
    }
    id = read_id(call);
    if (!call_check(call))
        return;
    st = system_get(call->operations, "hdb_status", id, call->request->arena, &record);
    if (st == HARPER_OK) {
        call_value(call, record);
        return;
    }
    if (st != HARPER_NOT_FOUND) {
        call_fail(call, harper_status_http(st), "%s", harper_status_text(st));
        return;
    }
    document_begin(&call->builder);
    document_open_object(&call->builder);
    document_close(&call->builder);
    call_built(call);
}

void operation_clear_status(struct call *call)
{
    struct slice id = read_id(call);
    harper_session *session;
    harper_error error;
    char key[32];
    int st;

    if (!call_check(call))
        return;
    if (harper_session_open(call->operations->options.system, &session, &error) != HARPER_OK) {
        call_fail_of(call, &error);
        return;
    }
    snprintf(key, sizeof key, "\"%.*s\"", (int)id.len, id.data);
    st = harper_delete(session, "hdb_status", key);
    if (st == HARPER_OK || st == HARPER_NOT_FOUND)
        call_message(call, st == HARPER_OK ? "true" : "false");
    else
        call_fail_of(call, harper_session_error(session));
    harper_session_close(session);
}
