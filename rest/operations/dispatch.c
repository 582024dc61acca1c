/* From a request to the function that answers it. */
#include "rest/operations/operations_internal.h"
#include <stdio.h>
#include <stdlib.h>

static const struct fact facts[] = {
#define OPERATION(name, function, access, handler)                                                 \
    {#name, operation_##function, ACCESS_##access, #handler},
#include "rest/operations/operations.def"
#undef OPERATION
};

bool operations_fact(size_t number, struct operation_fact_text *out)
{
    static const char *const names[] = {
        [ACCESS_OPEN] = "open",          [ACCESS_ANY] = "any user",
        [ACCESS_TABLE] = "table rights", [ACCESS_STRUCTURE] = "structure rights",
        [ACCESS_SUPER] = "super user",   [ACCESS_NONE] = "nobody"};

    if (number >= COUNT_OF(facts))
        return false;
    *out = (struct operation_fact_text){facts[number].name, names[facts[number].access],
                                        facts[number].handler};
    return true;
}

static const struct fact *find_fact(struct slice name)
{
    for (size_t k = 0; k < COUNT_OF(facts); k++)
        if (slice_is(name, facts[k].name))
            return &facts[k];
    return NULL;
}

/* ---- the protected database ---- */

static const char protected_text[] =
    "The 'system' database, tables and records are used internally by Harper and cannot be updated "
    "or removed.";

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (strcmp(name, list[k]) == 0)
            return true;
    return false;
}

/* Super users may write the records of three of its tables; nobody changes the tables. */
static bool is_protected(const struct call *call)
{
    static const char *const changes[] = {"create_table",  "create_attribute", "drop_table",
                                          "drop_database", "drop_schema",      "drop_attribute"};
    static const char *const writes[] = {"insert",        "update",      "upsert",
                                         "put",           "delete",      "csv_data_load",
                                         "csv_file_load", "csv_url_load"};
    struct slice table = call_text(call, "table", NULL);

    if (!slice_is(call_database(call), "system"))
        return false;
    if (is_one_of(call->fact->name, changes, COUNT_OF(changes)))
        return true;
    if (!is_one_of(call->fact->name, writes, COUNT_OF(writes)))
        return false;
    return !slice_is(table, "hdb_nodes") && !slice_is(table, "hdb_role") &&
           !slice_is(table, "hdb_user");
}

/* {"error": …, "unauthorized_access": […], "invalid_schema_items": []} */
static void refuse(struct call *call, struct slice reason)
{
    struct document_builder *builder = &call->builder;

    document_begin(builder);
    document_open_object(builder);
    put_text(builder, "error",
             slice_text("This operation is not authorized due to role restrictions and/or invalid "
                        "database items"));
    document_name(builder, slice_text("unauthorized_access"));
    document_open_array(builder);
    document_value(builder, value_text(reason));
    document_close(builder);
    document_name(builder, slice_text("invalid_schema_items"));
    document_open_array(builder);
    document_close(builder);
    document_close(builder);
    call_built(call);
    call->reply->status = 403;
}

static bool is_allowed(struct call *call)
{
    char reason[MESSAGE_BYTES];

    if (is_protected(call)) {
        call_fail(call, 403, "%s", protected_text);
        return false;
    }
    if (call->request->caller.is_super_user || call->fact->access <= ACCESS_ANY)
        return true;
    snprintf(reason, sizeof reason, "Operation '%s' is restricted to 'super_user' roles",
             call->fact->handler);
    refuse(call, slice_text(reason));
    return false;
}

/* ---- answering ---- */

static void answer(struct call *call)
{
    struct value body = call->request->body;
    struct value name = value_absent();

    if (body.kind != VALUE_OBJECT) {
        call_fail(call, 400, "Invalid JSON.");
        return;
    }
    name = document_member(body, slice_text("operation"));
    if (name.kind != VALUE_TEXT || name.len == 0) {
        call_fail(call, 400, "Request body must include an 'operation' property.");
        return;
    }
    call->name = value_slice(name);
    call->fact = find_fact(call->name);
    if (call->fact == NULL) {
        call_fail(call, 400, "Operation '%.*s' not found",
                  (int)(call->name.len > 200 ? 200 : call->name.len), call->name.data);
        return;
    }
    if (!is_allowed(call))
        return;
    if (session_set_user(call->request->session, call->request->caller.name) != HARPER_OK)
        call_fail(call, 500, "out of memory");
    else
        call->fact->run(call);
}

void operations_answer(struct operations *operations, const struct operation_request *request,
                       struct operation_reply *reply)
{
    struct call call = {.operations = operations, .request = request, .reply = reply};

    *reply = (struct operation_reply){.status = 200, .result = value_null()};
    answer(&call);
    if (call.name.len >= 7 && memcmp(call.name.data, "restart", 7) == 0)
        reply->closes = true;
    document_deinit(&call.builder);
}

/* ---- opening and closing ---- */

static const char system_schema[] =
    "type hdb_job @table(audit: false) { id: ID @primaryKey, type: Any, user: Any, status: Any, "
    "created_datetime: Any, start_datetime: Any @indexed, end_datetime: Any, message: Any, "
    "request: Any, result: Any }\n"
    "type hdb_status @table { id: ID @primaryKey, status: Any, __createdtime__: Long @createdTime, "
    "__updatedtime__: Long @updatedTime }\n";

static int make_tables(harper *system, harper_error *error)
{
    harper_session *session;
    int st = harper_session_open(system, &session, error);

    if (st != HARPER_OK)
        return st;
    st = harper_apply_schema(session, system_schema, -1, 0, NULL, NULL, error);
    harper_session_close(session);
    return st;
}

int operations_open(const struct operations_options *options, struct operations **out,
                    harper_error *error)
{
    struct operations *operations = calloc(1, sizeof *operations);
    harper_error ignored;
    int st;

    *out = NULL;
    if (error == NULL)
        error = &ignored;
    *error = (harper_error){.status = HARPER_NO_MEMORY, .offset = -1};
    if (operations == NULL)
        return HARPER_NO_MEMORY;
    operations->options = *options;
    if (pthread_mutex_init(&operations->lock, NULL) != 0) {
        free(operations);
        return HARPER_NO_MEMORY;
    }
    if (pthread_cond_init(&operations->work, NULL) != 0) {
        pthread_mutex_destroy(&operations->lock);
        free(operations);
        return HARPER_NO_MEMORY;
    }
    st = make_tables(options->system, error);
    if (st == HARPER_OK)
        st = jobs_start(operations, error);
    if (st != HARPER_OK) {
        operations_close(operations);
        return st;
    }
    *out = operations;
    return HARPER_OK;
}

void operations_close(struct operations *operations)
{
    if (operations == NULL)
        return;
    jobs_stop(operations);
    pthread_cond_destroy(&operations->work);
    pthread_mutex_destroy(&operations->lock);
    free(operations);
}
