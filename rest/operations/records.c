/* Operations on records and tables: they run as statements, and what came of it is told in the
 * words that clients compare. */
#include "rest/operations/operations_internal.h"
#include <stdio.h>

/* ---- tables ---- */

void operation_change_table(struct call *call)
{
    struct slice database = call_database(call), table = call_text(call, "table", NULL);
    struct slice attribute = call_text(call, "attribute", NULL);
    harper_statement *statement = call_prepare(call);
    const char *name = call->fact->name;

    if (statement == NULL || !call_run(call, statement))
        return;
    if (strcmp(name, "create_table") == 0)
        call_message(call, "table '%.*s.%.*s' successfully created.", (int)database.len,
                     database.data, (int)table.len, table.data);
    else if (strcmp(name, "drop_table") == 0)
        call_message(call, "successfully deleted table '%.*s.%.*s'", (int)database.len,
                     database.data, (int)table.len, table.data);
    else if (strcmp(name, "create_attribute") == 0)
        call_message(call, "attribute '%.*s.%.*s.%.*s' successfully created.", (int)database.len,
                     database.data, (int)table.len, table.data, (int)attribute.len, attribute.data);
    else
        call_message(call, "successfully deleted attribute '%.*s'", (int)attribute.len,
                     attribute.data);
}

/* ---- keys that were written ---- */

/* The rows of a write, as an array in the request's arena. False: the failure is the answer. */
static bool read_keys(struct call *call, harper_statement *statement, struct value *out)
{
    struct document_builder builder = {0};
    enum status ended;
    int st;

    document_begin(&builder);
    document_open_array(&builder);
    while ((st = harper_step(statement)) == HARPER_ROW)
        document_value(&builder, statement_row(statement)[0]);
    document_close(&builder);
    ended = document_end(&builder, out);
    if (st == HARPER_DONE && ended == ST_OK) {
        struct slice copy = arena_copy(call->request->arena, value_slice(*out));

        out->as.data = copy.data;
        ended = copy.data == NULL ? ST_NO_MEMORY : ST_OK;
    }
    document_deinit(&builder);
    if (st != HARPER_DONE)
        call_fail_of(call, harper_session_error(call->request->session));
    else if (ended != ST_OK)
        call_fail(call, 500, "out of memory");
    return st == HARPER_DONE && ended == ST_OK;
}

static bool is_given(struct value key)
{
    return !value_is_null(key) && !(key.kind == VALUE_TEXT && key.len == 0);
}

/* Keys were written in the order of the request: what is not among them there was skipped. A record
 * without a key got one. */
static void put_skipped(struct call *call, struct value wanted, struct slice key_name,
                        struct value written)
{
    size_t count = document_count(wanted), done = document_count(written), at = 0;

    document_name(&call->builder, slice_text("skipped_hashes"));
    document_open_array(&call->builder);
    for (size_t k = 0; k < count && done < count; k++) {
        struct value item = document_element(wanted, k);
        struct value key = key_name.len == 0 ? item : document_member(item, key_name);
        struct value next = at < done ? document_element(written, at) : value_absent();

        if (at < done && (!is_given(key) || value_compare(key, next, COLLATE_BINARY) == 0))
            at++;
        else if (is_given(key))
            document_value(&call->builder, key);
    }
    document_close(&call->builder);
}

struct outcome {
    const char *verb; /* "inserted" */
    const char *keys; /* "inserted_hashes" */
    bool lists_skipped;
};

static void tell_write(struct call *call, const struct outcome *outcome, struct value wanted,
                       struct slice key_name, struct value written)
{
    char message[MESSAGE_BYTES];
    size_t total = wanted.kind == VALUE_ARRAY ? document_count(wanted) : document_count(written);

    document_begin(&call->builder);
    document_open_object(&call->builder);
    snprintf(message, sizeof message, "%s %zu of %zu records", outcome->verb,
             document_count(written), total);
    put_text(&call->builder, "message", slice_text(message));
    put_value(&call->builder, outcome->keys, written);
    if (outcome->lists_skipped)
        put_skipped(call, wanted, key_name, written);
    document_close(&call->builder);
    call_built(call);
}

static const struct outcome inserted = {"inserted", "inserted_hashes", true};
static const struct outcome updated = {"updated", "update_hashes", true};
static const struct outcome upserted = {"upserted", "upserted_hashes", false};

static void tell_delete(struct call *call, struct value wanted, struct value deleted)
{
    char message[MESSAGE_BYTES];
    size_t total = wanted.kind == VALUE_ARRAY ? document_count(wanted) : document_count(deleted);

    document_begin(&call->builder);
    document_open_object(&call->builder);
    snprintf(message, sizeof message, "%zu of %zu record%s successfully deleted",
             document_count(deleted), total, total == 1 ? "" : "s");
    put_text(&call->builder, "message", slice_text(message));
    put_value(&call->builder, "deleted_hashes", deleted);
    put_skipped(call, wanted, slice_empty(), deleted);
    document_close(&call->builder);
    call_built(call);
}

/* ---- records ---- */

/* Where these records go to other nodes is not for everybody to say. */
static bool may_replicate(struct call *call)
{
    if (call->request->caller.is_super_user ||
        (call_field(call, "replicateTo", NULL).kind == VALUE_ABSENT &&
         call_field(call, "replicatedConfirmation", NULL).kind == VALUE_ABSENT))
        return true;
    call_fail(call, 403,
              "Can not specify replicateTo or replicatedConfirmation without super user "
              "permissions");
    return false;
}

void operation_write_records(struct call *call)
{
    const struct outcome *outcome = strcmp(call->fact->name, "insert") == 0   ? &inserted
                                    : strcmp(call->fact->name, "update") == 0 ? &updated
                                                                              : &upserted;
    harper_statement *statement = may_replicate(call) ? call_prepare(call) : NULL;
    struct operation_facts facts;
    struct value written;
    struct slice key_name;

    if (statement == NULL)
        return;
    statement_operation(statement, &facts);
    key_name = arena_copy(call->request->arena, facts.key_name);
    if (read_keys(call, statement, &written))
        tell_write(call, outcome, call_field(call, "records", NULL), key_name, written);
    harper_finalize(statement);
}

void operation_delete_records(struct call *call)
{
    harper_statement *statement = may_replicate(call) ? call_prepare(call) : NULL;
    struct value deleted;

    if (statement == NULL)
        return;
    if (read_keys(call, statement, &deleted))
        tell_delete(call, call_field(call, "ids", "hash_values"), deleted);
    harper_finalize(statement);
}

/* Tables of the system database are another handle's, and small. */
static void search_system(struct call *call)
{
    struct operation_request inner = *call->request;
    struct call other = {.operations = call->operations, .request = &inner, .reply = call->reply};
    harper_session *session;
    harper_error error;
    struct document_builder builder = {0}, body = {0};
    harper_statement *statement;
    struct value copy;
    int st;

    if (harper_session_open(call->operations->options.system, &session, &error) != HARPER_OK) {
        call_fail_of(call, &error);
        return;
    }
    document_begin(&body);
    document_open_object(&body);
    for (size_t k = 0; k < document_count(call->request->body); k++) {
        struct slice name;
        struct value v = document_member_at(call->request->body, k, &name);

        if (slice_is(name, "database") || slice_is(name, "schema"))
            continue;
        document_name(&body, name);
        document_value(&body, v);
    }
    document_close(&body);
    inner.session = session;
    inner.text = slice_empty();
    if (document_end(&body, &copy) == ST_OK) {
        inner.body = copy;
        statement = call_prepare(&other);
        if (statement != NULL) {
            struct buf row = {0};

            document_begin(&builder);
            document_open_array(&builder);
            while ((st = harper_step(statement)) == HARPER_ROW) {
                struct value v;
                struct error err = {.offset = -1};

                buf_clear(&row);
                statement_write_row_json(statement, &row);
                if (json_read(buf_slice(&row), call->request->arena, &v, &err) == ST_OK)
                    document_value(&builder, v);
            }
            document_close(&builder);
            buf_free(&row);
            if (st == HARPER_DONE) {
                document_deinit(&call->builder);
                call->builder = builder;
                builder = (struct document_builder){0};
                call_built(call);
            } else {
                call_fail_of(call, harper_session_error(session));
            }
            harper_finalize(statement);
        }
    } else {
        call_fail(call, 500, "out of memory");
    }
    document_deinit(&other.builder);
    document_deinit(&builder);
    document_deinit(&body);
    harper_session_close(session);
}

void operation_search(struct call *call)
{
    if (slice_is(call_database(call), "system"))
        search_system(call);
    else
        call->reply->rows = call_prepare(call);
}

/* ---- SQL ---- */

/* The line that the parser stopped at. */
static struct slice offending_line(struct slice sql, int64_t offset)
{
    size_t from = (size_t)offset > sql.len ? sql.len : (size_t)offset, to = from;

    while (from > 0 && sql.data[from - 1] != '\n')
        from--;
    while (to < sql.len && sql.data[to] != '\n')
        to++;
    return slice_of(sql.data + from, to - from > 300 ? 300 : to - from);
}

static harper_statement *prepare_sql(struct call *call)
{
    struct slice sql = call_text(call, "sql", NULL), line;
    struct buf json = {0};
    harper_statement *statement = NULL;
    harper_error error = {.status = HARPER_NO_MEMORY, .offset = -1};
    int st = HARPER_NO_MEMORY;

    json_write(&json, call->request->body);
    if (!json.failed)
        st = harper_prepare(call->request->session, HARPER_OPERATION, json.data, (int64_t)json.len,
                            &statement, NULL, &error);
    buf_free(&json);
    if (st == HARPER_OK)
        return statement;
    if (st != HARPER_SYNTAX) {
        call_fail_of(call, &error);
    } else if (error.offset < 0) {
        call_fail(call, 400,
                  "We had trouble parsing your request. Please ensure your SQL is valid. Try "
                  "adding backticks to reserved words and schema table references.");
    } else {
        line = offending_line(sql, error.offset);
        call_fail(call, 400,
                  "Invalid SQL at: %.*s. Please ensure your SQL is valid. Try adding backticks to "
                  "reserved words and schema table references.",
                  (int)line.len, line.data);
    }
    return NULL;
}

void operation_run_sql(struct call *call)
{
    harper_statement *statement = prepare_sql(call);
    struct operation_facts facts;
    struct value keys;

    if (statement == NULL)
        return;
    statement_operation(statement, &facts);
    if (statement_column_count(statement) > 0 && harper_is_read_only(statement)) {
        call->reply->rows = statement;
        return;
    }
    if (!facts.is_sql_insert && !facts.is_sql_update && !facts.is_sql_delete) {
        if (call_run(call, statement))
            call_message(call, "statement executed");
        return;
    }
    if (read_keys(call, statement, &keys)) {
        if (facts.is_sql_delete)
            tell_delete(call, keys, keys);
        else
            tell_write(call, facts.is_sql_insert ? &inserted : &updated, keys, slice_empty(), keys);
    }
    harper_finalize(statement);
}
