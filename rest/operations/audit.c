/* read_audit_log and read_transaction_log: the changes of a table, those of one time in one entry.
 */
#include "rest/operations/operations_internal.h"

enum filter { FILTER_TIME, FILTER_KEY, FILTER_USER };

struct reading {
    struct call *call;
    enum filter filter;
    bool has_original;
    double after, until; /* exclusive, inclusive; until 0: open */
    double from;         /* inclusive */
    struct value values; /* keys or users */
    int64_t limit;       /* 0: none */
    int64_t count;
    /* the entry that is open: of one time, operation and user */
    const char *operation;
    double timestamp;
    struct slice user;
    bool is_open;
    struct document_builder keys, records, originals;
    struct document_builder *out;
};

static void list_begin(struct document_builder *list)
{
    document_begin(list);
    document_open_array(list);
}

static void put_list(struct reading *reading, const char *name, struct document_builder *list)
{
    struct value v;

    document_close(list);
    if (document_end(list, &v) == ST_OK &&
        (document_count(v) > 0 || strcmp(name, "hash_values") == 0))
        put_value(reading->out, name, v);
}

static void close_entry(struct reading *reading)
{
    struct document_builder *out = reading->out;

    if (!reading->is_open)
        return;
    reading->is_open = false;
    document_open_object(out);
    put_text(out, "operation", slice_text(reading->operation));
    put_text(out, "user_name", reading->user);
    put_value(out, "timestamp", value_real(reading->timestamp));
    put_list(reading, "hash_values", &reading->keys);
    put_list(reading, "records", &reading->records);
    if (reading->has_original)
        put_list(reading, "original_records", &reading->originals);
    document_close(out);
    reading->count++;
}

static void open_entry(struct reading *reading, const struct audit_change *change)
{
    reading->is_open = true;
    reading->operation = change->operation;
    reading->timestamp = change->timestamp;
    reading->user = arena_copy(reading->call->request->arena, change->user);
    list_begin(&reading->keys);
    list_begin(&reading->records);
    list_begin(&reading->originals);
}

static bool is_in_time(const struct reading *reading, double timestamp)
{
    return timestamp > reading->after && timestamp >= reading->from &&
           (reading->until == 0 || timestamp <= reading->until);
}

static bool add_change(void *context, const struct audit_change *change)
{
    struct reading *reading = context;
    bool is_same;

    if (!is_in_time(reading, change->timestamp))
        return reading->until == 0 || change->timestamp <= reading->until;
    is_same = reading->is_open && reading->timestamp == change->timestamp &&
              strcmp(reading->operation, change->operation) == 0 &&
              slice_equal(reading->user, change->user);
    if (!is_same) {
        close_entry(reading);
        if (reading->limit != 0 && reading->count == reading->limit)
            return false;
        open_entry(reading, change);
    }
    document_value(&reading->keys, change->key);
    if (change->record.kind != VALUE_ABSENT)
        document_value(&reading->records, change->record);
    if (change->original.kind != VALUE_ABSENT)
        document_value(&reading->originals, change->original);
    return true;
}

/* ---- by key, by user: a reading for each ---- */

static bool has_key(void *context, const struct audit_change *change)
{
    struct reading *reading = context;

    if (value_compare(change->key, reading->values, COLLATE_BINARY) != 0)
        return true;
    close_entry(reading); /* each by itself */
    return add_change(reading, change);
}

static bool has_user(void *context, const struct audit_change *change)
{
    struct reading *reading = context;

    return !slice_equal(change->user, value_slice(reading->values)) || add_change(reading, change);
}

static void reading_free(struct reading *reading)
{
    document_deinit(&reading->keys);
    document_deinit(&reading->records);
    document_deinit(&reading->originals);
}

/* True: the entries are in the array that is open. */
static bool read_entries(struct reading *reading, struct slice database, struct slice table,
                         audit_fn emit)
{
    harper_error error;

    if (audit_read(reading->call->request->session, database, table, emit, reading, &error) !=
        HARPER_OK) {
        call_fail_of(reading->call, &error);
        return false;
    }
    close_entry(reading);
    return true;
}

static void read_each(struct reading *reading, struct slice database, struct slice table,
                      struct value values)
{
    struct call *call = reading->call;
    bool ok = true;

    document_begin(&call->builder);
    document_open_object(&call->builder);
    for (size_t k = 0; ok && k < document_count(values); k++) {
        struct value v = document_element(values, k), name;

        reading->values = v;
        reading->count = 0;
        name = value_to_text(v, call->request->arena);
        document_name(&call->builder, name.kind == VALUE_TEXT ? value_slice(name) : slice_empty());
        document_open_array(&call->builder);
        ok = read_entries(reading, database, table,
                          reading->filter == FILTER_KEY ? has_key : has_user);
        if (ok)
            document_close(&call->builder);
    }
    if (!ok)
        return;
    document_close(&call->builder);
    call_built(call);
}

static void read_all(struct reading *reading, struct slice database, struct slice table)
{
    struct call *call = reading->call;

    document_begin(&call->builder);
    document_open_array(&call->builder);
    if (!read_entries(reading, database, table, add_change))
        return;
    document_close(&call->builder);
    call_built(call);
}

static void read_limit(struct call *call, int64_t *out)
{
    struct value v = call_field(call, "limit", NULL);

    if (v.kind == VALUE_ABSENT)
        return;
    if (v.kind != VALUE_INT)
        call_problem(call, "'limit' must be a number");
    else if (v.as.i < 1)
        call_problem(call, "'limit' must be greater than or equal to 1");
    else
        *out = v.as.i;
}

void operation_read_audit_log(struct call *call)
{
    struct reading reading = {
        .call = call, .out = &call->builder, .has_original = true, .after = -1};
    struct slice database = call_text(call, "schema", "database");
    struct slice table = call_text(call, "table", NULL);
    struct value type = call_field(call, "search_type", NULL);
    struct value values = call_field(call, "search_values", NULL);
    struct slice name = type.kind == VALUE_TEXT ? value_slice(type) : slice_text("timestamp");

    read_limit(call, &reading.limit);
    if (database.len == 0) {
        call_fail(call, 500, "database is required");
        return;
    }
    if (table.len == 0) {
        call_fail(call, 500, "table is required");
        return;
    }
    if (!call_check(call))
        return;
    if (slice_is(name, "hash_value")) {
        reading.filter = FILTER_KEY;
        read_each(&reading, database, table, values);
    } else if (slice_is(name, "username")) {
        reading.filter = FILTER_USER;
        read_each(&reading, database, table, values);
    } else if (slice_is(name, "timestamp")) {
        if (document_count(values) == 1)
            reading.after = value_to_real(document_element(values, 0));
        if (document_count(values) > 1) {
            reading.from = value_to_real(document_element(values, 0));
            reading.until = value_to_real(document_element(values, 1));
        }
        read_all(&reading, database, table);
    } else {
        call_fail(call, 500, "Invalid searchType '%.*s'", (int)(name.len > 200 ? 200 : name.len),
                  name.data);
    }
    reading_free(&reading);
}

static void read_time(struct call *call, const char *name, double *out)
{
    struct value v = call_field(call, name, NULL);

    if (v.kind == VALUE_ABSENT)
        return;
    if (v.kind != VALUE_INT && v.kind != VALUE_REAL)
        call_problem(call, "'%s' must be in timestamp or number of milliseconds format", name);
    else
        *out = value_to_real(v);
}

void operation_read_transaction_log(struct call *call)
{
    struct reading reading = {.call = call, .out = &call->builder, .after = -1};
    struct slice table;

    call_need_name(call, "table", call_field(call, "table", NULL), &table);
    read_time(call, "from", &reading.from);
    read_time(call, "to", &reading.until);
    read_limit(call, &reading.limit);
    if (call_check(call))
        read_all(&reading, call_database(call), table);
    reading_free(&reading);
}

/* Each commit is bound to those before it, which is how a database that lost one is noticed. */
void operation_keep_audit_log(struct call *call)
{
    call_fail(call, 501, "the audit log is kept whole: it proves that no commit is missing");
}
