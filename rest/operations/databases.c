/* Databases, and what describes them. */
#include "rest/operations/operations_internal.h"

/* ---- describing ---- */

static bool read_flags(struct call *call, unsigned *out)
{
    bool is_exact = false, has_computed = false, skips_count = false;

    call_flag(call, "exact_count", &is_exact); /* counts are always exact */
    call_flag(call, "include_computed", &has_computed);
    call_flag(call, "skip_record_count", &skips_count);
    *out = (has_computed ? DESCRIBE_COMPUTED : 0u) | (skips_count ? DESCRIBE_NO_COUNT : 0u);
    return call_check(call);
}

static void describe(struct call *call, struct slice database, struct slice table, unsigned flags)
{
    harper_session *session = call->request->session, *own = NULL;
    harper_error error = {.offset = -1};

    if (slice_is(database, "system")) {
        if (harper_session_open(call->operations->options.system, &own, &error) != HARPER_OK) {
            call_fail_of(call, &error);
            return;
        }
        session = own;
    }
    document_begin(&call->builder);
    if (database_describe(session, own == NULL ? database : slice_text("main"), table, flags,
                          &call->builder, &error) == HARPER_OK)
        call_built(call);
    else
        call_fail_of(call, &error);
    harper_session_close(own);
}

void operation_describe_all(struct call *call)
{
    harper_error error = {.offset = -1};
    unsigned flags;

    if (!read_flags(call, &flags))
        return;
    document_begin(&call->builder);
    document_open_object(&call->builder);
    document_name(&call->builder, slice_text("data"));
    if (database_describe(call->request->session, slice_text("data"), slice_empty(), flags,
                          &call->builder, &error) != HARPER_OK) {
        call_fail(call, 500,
                  "There was an error during describeAll.  Please check the logs and try again.");
        return;
    }
    document_close(&call->builder);
    call_built(call);
}

void operation_describe_database(struct call *call)
{
    struct value database = call_field(call, "database", "schema");
    struct slice name = slice_text("data");
    unsigned flags;

    if (database.kind == VALUE_INT || database.kind == VALUE_REAL)
        name = call_database(call);
    else if (database.kind != VALUE_ABSENT)
        call_need_name(call, "database", database, &name);
    if (read_flags(call, &flags))
        describe(call, name, slice_empty(), flags);
}

void operation_describe_table(struct call *call)
{
    struct value table = call_field(call, "table", NULL);
    struct slice name = call_text(call, "table", NULL);
    unsigned flags;

    if (table.kind != VALUE_INT && table.kind != VALUE_REAL)
        call_need_name(call, "table", table, &name);
    if (read_flags(call, &flags))
        describe(call, call_database(call), name, flags);
}

/* ---- making and dropping ---- */

void operation_create_database(struct call *call)
{
    struct value database = call_field(call, "database", "schema");
    struct slice name = slice_text("data");

    if (database.kind != VALUE_ABSENT)
        call_need_name(call, "database", database, &name);
    if (!call_check(call))
        return;
    if (slice_is(name, "data") || slice_is(name, "system"))
        call_fail(call, 400, "database '%.*s' already exists", (int)name.len, name.data);
    else
        call_fail(call, 501, "this server has one database, 'data'");
}

void operation_drop_database(struct call *call)
{
    struct slice name;

    call_need_name(call, "database", call_field(call, "database", "schema"), &name);
    if (!call_check(call))
        return;
    if (slice_is(name, "data"))
        call_fail(call, 501, "this server has one database, 'data'");
    else
        call_fail(call, 404, "database '%.*s' does not exist", (int)name.len, name.data);
}

void operation_cleanup_orphan_blobs(struct call *call)
{
    struct slice name = call_text(call, "database", NULL);

    if (name.len == 0)
        call_fail(call, 400, "Must provide \"database\" name for search for orphaned blobs");
    else if (!slice_is(name, "data"))
        call_fail(call, 400, "Unknown database '%.*s'", (int)name.len, name.data);
    else /* values are in their records: there are none */
        call_message(call, "Orphaned blobs cleanup started, check logs for progress");
}
