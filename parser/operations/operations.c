/*
 * The operations themselves: which fields each has, and what it comes to.
 */
#include "parser/operations/operations_internal.h"

/* ---- shared ---- */

static enum status check_unknown(struct request *request)
{
    struct buf names = {0};
    enum status st;

    if (request->unknown_count == 0)
        return ST_OK;
    for (size_t i = 0; i < request->unknown_count; i++) {
        if (i > 0)
            buf_append_text(&names, i + 1 == request->unknown_count ? " and " : ", ");
        buf_append_slice(&names, request->unknown[i]);
    }
    st = request_fail(request, ST_INVALID, "unknown attribute '%.*s'",
                      request_shown(buf_slice(&names)), names.data);
    buf_free(&names);
    return st;
}

static struct ir_statement *statement_new(struct request *request, enum ir_statement_kind kind)
{
    struct ir_statement *statement = ARENA_NEW(request->arena, struct ir_statement);

    if (statement != NULL)
        statement->kind = (uint8_t)kind;
    return statement;
}

/* `select` is the projection's newer name. */
static struct value projection(const struct request *request)
{
    return request_field(request, "select", "get_attributes");
}

static void check_projection(struct request *request, struct value select, bool is_required)
{
    if (select.kind == VALUE_ABSENT) {
        if (is_required)
            request_problem(request, "'get_attributes' is required");
    } else if (select.kind != VALUE_ARRAY) {
        request_problem(request, "'get_attributes' must be an array");
    } else if (document_count(select) == 0) {
        request_problem(request, "'get_attributes' must contain at least 1 item%s",
                        request->fails_as_500 ? "" : "s");
    }
}

struct paging {
    bool has_limit, has_offset;
    int64_t limit, offset;
};

static void read_paging(struct request *request, int64_t least_limit, struct paging *out)
{
    *out = (struct paging){0};
    request_read_number(request, "limit", least_limit, &out->has_limit, &out->limit);
    request_read_number(request, "offset", 0, &out->has_offset, &out->offset);
}

static struct ir_expr *key_equals(struct request *request)
{
    struct ir_expr *key = ir_expr_new(request->arena, IR_PARAM, -1);

    if (key != NULL)
        key->as.param.slot = ++request->param_count;
    return ir_compare(request->arena, IR_EQ, request_meta(request, IR_META_KEY), key);
}

static struct ir_output *key_output(struct request *request)
{
    struct ir_output *output = ARENA_NEW(request->arena, struct ir_output);

    if (output == NULL)
        return NULL;
    output->expr = request_meta(request, IR_META_KEY);
    output->alias.offset = output->star_of.offset = -1;
    return output;
}

/* ---- by key ---- */

static void read_keys(struct request *request, bool checks_items)
{
    struct value keys = request_field(request, "ids", "hash_values");
    size_t count;

    if (keys.kind == VALUE_ABSENT) {
        request_problem(request, "'hash_values' is required");
        return;
    }
    if (keys.kind != VALUE_ARRAY) {
        request_problem(request, "'hash_values' must be an array");
        return;
    }
    request->operation->keys = keys;
    count = document_count(keys);
    for (size_t i = 0; checks_items && i < count; i++) {
        struct value key = document_element(keys, i);

        if (key.kind != VALUE_TEXT && key.kind != VALUE_INT && key.kind != VALUE_REAL) {
            request_problem(request, "'hash_values' must be strings or numbers");
            return;
        }
    }
}

static enum status search_by_id(struct request *request)
{
    struct ir_statement *statement = statement_new(request, IR_QUERY);
    struct value select = projection(request);
    struct ir_block *block;

    request->operation->kind = OPERATION_LOOKUP;
    request->fails_as_500 = true;
    request_read_table(request);
    read_keys(request, true);
    check_projection(request, select, true);
    TRY(request_check(request));
    TRY(request_find_table(request));
    if (statement == NULL)
        return request_no_memory(request);
    TRY(request_query(request, &block, &statement->as.query));
    block->where = key_equals(request);
    TRY(request_select(request, select, block, &statement->row_form));
    TRY(check_unknown(request));
    return request_finish(request, statement);
}

static enum status delete_by_id(struct request *request)
{
    struct ir_statement *statement = statement_new(request, IR_DELETE);
    struct ir_delete *remove = ARENA_NEW(request->arena, struct ir_delete);

    request->operation->kind = OPERATION_DELETE;
    request_read_table(request);
    read_keys(request, false);
    TRY(request_check(request));
    TRY(request_find_table(request));
    if (statement == NULL || remove == NULL)
        return request_no_memory(request);
    remove->target = request_source(request);
    remove->where = key_equals(request);
    remove->returning = key_output(request);
    remove->returning_count = 1;
    if (remove->returning == NULL || remove->target == NULL || remove->where == NULL)
        return request_no_memory(request);
    statement->as.remove = remove;
    return request_finish(request, statement);
}

/* ---- by value ---- */

/* A star at either end asks for a part of the text; alone, for every record. */
static struct slice take_wildcards(struct slice text, const char **comparator, bool *is_all)
{
    bool at_start = text.len > 0 && text.data[0] == '*';
    bool at_end = text.len > 0 && text.data[text.len - 1] == '*';

    *comparator = "equals";
    *is_all = at_start && text.len == 1;
    if (*is_all || (!at_start && !at_end))
        return text;
    *comparator = at_start && at_end ? "contains" : at_start ? "ends_with" : "starts_with";
    if (at_start)
        text = slice_of(text.data + 1, text.len - 1);
    if (at_end && text.len > 0)
        text.len--;
    return text;
}

static enum status read_reverse(struct request *request, bool *out)
{
    *out = false;
    request_read_flag(request, "reverse", out);
    if (!*out)
        request_read_flag(request, "desc", out);
    return ST_OK;
}

static enum status search_by_value(struct request *request)
{
    struct ir_statement *statement = statement_new(request, IR_QUERY);
    struct value name = request_field(request, "search_attribute", "attribute");
    struct value v = request_field(request, "search_value", "value");
    struct value sort = request_field(request, "sort", NULL), select = projection(request);
    const char *comparator = "equals";
    struct attribute attribute;
    struct ir_block *block;
    struct paging paging;
    bool is_reverse, is_all = false;

    request->fails_as_500 = true;
    request_read_table(request);
    if (value_is_null(name))
        request_problem(request, "'attribute' is required");
    if (v.kind == VALUE_ABSENT)
        request_problem(request, "'value' is required");
    check_projection(request, select, false);
    read_paging(request, 1, &paging);
    TRY(read_reverse(request, &is_reverse));
    TRY(request_check(request));
    TRY(request_find_table(request));
    if (statement == NULL)
        return request_no_memory(request);
    if (v.kind == VALUE_TEXT)
        v = value_text(take_wildcards(value_slice(v), &comparator, &is_all));
    TRY(request_query(request, &block, &statement->as.query));
    TRY(request_select(request, select, block, &statement->row_form));
    TRY(request_attribute(request, name, &attribute));
    TRY(check_unknown(request));
    if (is_all)
        attribute.count = 0; /* in the order of the key */
    else
        TRY(request_condition(request, &attribute, slice_text(comparator), v, &block->where));
    if (value_is_null(sort))
        TRY(request_order_by(request, &attribute, is_reverse, statement->as.query));
    else
        TRY(request_sort(request, sort, statement->as.query));
    request_limit(request, statement->as.query, paging.has_limit, paging.limit, paging.has_offset,
                  paging.offset);
    return request_finish(request, statement);
}

/* ---- by conditions ---- */

/* The attribute whose index most likely drives the search: of the first condition. */
static enum status leading_attribute(struct request *request, struct value conditions,
                                     struct attribute *out)
{
    struct value first = document_element(conditions, 0);
    struct value name = document_member(first, slice_text("attribute"));

    if (name.kind == VALUE_ABSENT)
        name = document_member(first, slice_text("search_attribute"));
    return request_attribute(request, name, out);
}

static enum status finish_search(struct request *request, struct ir_statement *statement,
                                 struct value conditions, bool is_reverse,
                                 const struct paging *paging)
{
    struct ir_query *query = statement->as.query;
    struct attribute attribute;

    TRY(request_sort(request, request_field(request, "sort", NULL), query));
    if (query->order_count == 0 && request->order_count > 0) {
        query->order = request->order; /* with room for one more */
        query->order_count = request->order_count;
        query->order[query->order_count].expr = request_meta(request, IR_META_KEY);
        if (query->order[query->order_count++].expr == NULL)
            return request_no_memory(request);
    }
    if (query->order_count == 0 && is_reverse) {
        TRY(leading_attribute(request, conditions, &attribute));
        TRY(request_order_by(request, &attribute, true, query));
    } else if (is_reverse) {
        for (size_t i = 0; i < query->order_count; i++)
            query->order[i].descending = !query->order[i].descending;
    }
    request_limit(request, query, paging->has_limit, paging->limit, paging->has_offset,
                  paging->offset);
    return request_finish(request, statement);
}

static enum status search_by_conditions(struct request *request)
{
    struct ir_statement *statement = statement_new(request, IR_QUERY);
    struct value conditions = request_field(request, "conditions", NULL);
    struct value select = projection(request);
    struct ir_block *block;
    struct paging paging;
    bool is_reverse, is_or;

    request->missing = MISSING_TABLE;
    request_read_table(request);
    if (conditions.kind == VALUE_ABSENT)
        request_problem(request, "'conditions' is required");
    else if (conditions.kind != VALUE_ARRAY)
        request_problem(request, "'conditions' must be an array");
    else if (document_count(conditions) == 0)
        request_problem(request, "'conditions' must contain at least 1 items");
    check_projection(request, select, false);
    read_paging(request, 1, &paging);
    TRY(read_reverse(request, &is_reverse));
    TRY(request_check(request));
    TRY(request_operator(request, request_field(request, "operator", NULL), &is_or));
    TRY(request_find_table(request));
    if (statement == NULL)
        return request_no_memory(request);
    TRY(request_query(request, &block, &statement->as.query));
    TRY(request_select(request, select, block, &statement->row_form));
    TRY(request_conditions(request, conditions, is_or, &block->where));
    TRY(check_unknown(request));
    return finish_search(request, statement, conditions, is_reverse, &paging);
}

/* ---- writes ---- */

static void read_records(struct request *request, struct value *out)
{
    struct value records = request_field(request, "records", NULL);
    size_t count;

    *out = records;
    if (records.kind == VALUE_ABSENT) {
        request_problem(request, "'records' is required");
        return;
    }
    if (records.kind != VALUE_ARRAY) {
        request_problem(request, "'records' must be an array");
        return;
    }
    count = document_count(records);
    for (size_t i = 0; i < count; i++)
        if (document_element(records, i).kind != VALUE_OBJECT)
            request_problem(request, "'records[%zu]' must be of type object", i);
}

static bool is_field_like(struct slice name)
{
    static const char *const bad[] = {"null", "undefined"};

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (slice_is(name, bad[i]))
            return false;
    return name.len != 0;
}

/* A client's slip: the texts of its null and undefined are no keys. */
static enum status check_key(struct request *request, struct slice name, struct value v)
{
    const struct operation_schema *schema = request->schema;
    struct slice text = v.kind == VALUE_TEXT ? value_slice(v) : slice_empty();

    if (text.len == 0 || is_field_like(text) || schema == NULL || schema->is_key == NULL ||
        !schema->is_key(schema->context, request->operation->database, request->operation->table,
                        name))
        return ST_OK;
    return request_fail(request, ST_INVALID,
                        "Invalid hash value: '%.*s' is not a valid hash attribute value, check log "
                        "for more info",
                        request_shown(text), text.data);
}

/* Names that no attribute may have. */
static enum status check_attribute_names(struct request *request, struct value records)
{
    enum { NAME_BYTES_MAX = 250 };
    size_t count = document_count(records);

    for (size_t i = 0; i < count; i++) {
        struct value record = document_element(records, i);
        size_t members = document_count(record);

        for (size_t k = 0; k < members; k++) {
            struct slice name;
            struct value v = document_member_at(record, k, &name);

            TRY(check_key(request, name, v));
            if (!is_field_like(name))
                return request_fail(request, ST_INVALID, "Invalid attribute name: '%.*s'",
                                    request_shown(name), name.data);
            if (name.len > NAME_BYTES_MAX)
                return request_fail(request, ST_INVALID,
                                    "transaction aborted due to attribute name %.*s being too "
                                    "long. Attribute names cannot be longer than %d bytes.",
                                    (int)name.len > 300 ? 300 : (int)name.len, name.data,
                                    NAME_BYTES_MAX);
            if (memchr(name.data, '/', name.len) != NULL ||
                memchr(name.data, '`', name.len) != NULL)
                return request_fail(request, ST_INVALID,
                                    "Attribute names cannot include backticks or forward slashes");
        }
    }
    return ST_OK;
}

static enum status write_documents(struct request *request, enum ir_document_mode mode)
{
    struct ir_statement *statement = statement_new(request, IR_WRITE_DOCUMENTS);
    struct ir_write_documents *write = ARENA_NEW(request->arena, struct ir_write_documents);
    struct ir_output *returning = key_output(request);
    struct value records;

    request->operation->kind = OPERATION_WRITE;
    request->missing = MISSING_INVALID;
    request_read_table(request);
    read_records(request, &records);
    request_read_number(request, "expiresAt", 0, &request->operation->has_expires_at,
                        &request->operation->expires_at_ms);
    TRY(request_check(request));
    TRY(request_find_table(request));
    TRY(check_attribute_names(request, records));
    if (statement == NULL || write == NULL || returning == NULL)
        return request_no_memory(request);
    write->target = request_source(request);
    write->mode = (uint8_t)mode;
    write->skip_existing = mode == IR_DOCUMENT_INSERT;
    write->documents = request_param(request, records);
    write->returning = returning;
    write->returning_count = 1;
    if (write->target == NULL)
        return request_no_memory(request);
    statement->as.documents = write;
    return request_finish(request, statement);
}

static enum status insert(struct request *request)
{
    return write_documents(request, IR_DOCUMENT_INSERT);
}

static enum status update(struct request *request)
{
    return write_documents(request, IR_DOCUMENT_UPDATE);
}

static enum status upsert(struct request *request)
{
    return write_documents(request, IR_DOCUMENT_PATCH);
}

static enum status put(struct request *request)
{
    return write_documents(request, IR_DOCUMENT_PUT);
}

/* ---- SQL ---- */

/* RETURNING $id, where nothing else is asked for. */
static void return_keys(struct request *request, struct ir_statement *statement)
{
    struct ir_output *output = key_output(request);

    switch ((enum ir_statement_kind)statement->kind) {
    case IR_INSERT:
        if (statement->as.insert->returning_count == 0) {
            statement->as.insert->returning = output;
            statement->as.insert->returning_count = 1;
        }
        break;
    case IR_UPDATE:
        if (statement->as.update->returning_count == 0) {
            statement->as.update->returning = output;
            statement->as.update->returning_count = 1;
        }
        break;
    case IR_DELETE:
        if (statement->as.remove->returning_count == 0) {
            statement->as.remove->returning = output;
            statement->as.remove->returning_count = 1;
        }
        break;
    default:
        break;
    }
}

static bool writes_rows(const struct ir_statement *statement)
{
    return statement->kind == IR_INSERT || statement->kind == IR_UPDATE ||
           statement->kind == IR_DELETE;
}

static enum status sql(struct request *request)
{
    struct value text = request_field(request, "sql", NULL);
    struct ir_statement *statement = NULL;

    request->operation->kind = OPERATION_SQL;
    if (text.kind != VALUE_TEXT)
        return request_fail(request, ST_INVALID,
                            "The 'sql' parameter is missing from the request body");
    TRY(request->schema->parse_sql(request->schema->context, value_slice(text), request->arena,
                                   &statement, request->err));
    if (statement == NULL)
        return request_fail(request, ST_INVALID,
                            "We had trouble parsing your request. Please ensure your SQL is valid. "
                            "Try adding backticks to reserved words and schema table references.");
    if (writes_rows(statement)) {
        request->operation->written = statement->kind;
        return_keys(request, statement);
    }
    if (request->arena->failed)
        return request_no_memory(request);
    request->operation->statement = statement;
    return ST_OK;
}

/* ---- dispatch ---- */

static enum status begin(struct request *request, struct value document,
                         const struct operation_schema *schema, struct arena *arena,
                         struct operation **out, struct error *err)
{
    *request = (struct request){.document = document, .schema = schema, .arena = arena, .err = err};
    request->operation = ARENA_NEW(arena, struct operation);
    if (request->operation == NULL)
        return request_no_memory(request);
    request->operation->keys = value_absent();
    *out = request->operation;
    return ST_OK;
}

enum status operation_parse(struct value document, const struct operation_schema *schema,
                            struct arena *arena, struct operation **out, struct error *err)
{
    static const struct {
        const char *name;
        enum status (*run)(struct request *request);
    } operations[] = {
        {"search_by_id", search_by_id},
        {"search_by_hash", search_by_id},
        {"search_by_value", search_by_value},
        {"search_by_conditions", search_by_conditions},
        {"insert", insert},
        {"update", update},
        {"upsert", upsert},
        {"put", put},
        {"delete", delete_by_id},
        {"create_table", request_create_table},
        {"drop_table", request_drop_table},
        {"create_attribute", request_create_attribute},
        {"drop_attribute", request_drop_attribute},
        {"sql", sql},
    };
    struct request request;
    struct value name;

    if (document.kind != VALUE_OBJECT)
        return error_set(err, ST_INVALID, -1, "Invalid JSON.");
    name = document_member(document, slice_text("operation"));
    if (name.kind != VALUE_TEXT)
        return error_set(err, ST_INVALID, -1, "Request body must include an 'operation' property.");
    for (size_t i = 0; i < COUNT_OF(operations); i++) {
        if (!slice_is(value_slice(name), operations[i].name) ||
            (operations[i].run == sql && (schema == NULL || schema->parse_sql == NULL)))
            continue;
        TRY(begin(&request, document, schema, arena, out, err));
        return operations[i].run(&request);
    }
    return ST_NOT_FOUND;
}

/* ---- the Query object ---- */

static void read_options(struct request *request)
{
    struct operation *operation = request->operation;
    bool allows_full_scan = true;

    request_read_flag(request, "explain", &operation->is_explain);
    request_read_flag(request, "enforceExecutionOrder", &operation->keeps_condition_order);
    request_read_flag(request, "allowConditionsOnDynamicAttributes", &operation->allows_undeclared);
    request_read_flag(request, "allowFullScan", &allows_full_scan);
    operation->refuses_full_scan = !allows_full_scan;
}

/* Over REST an undeclared attribute in a condition is not found. */
static enum status check_declared(struct request *request)
{
    if (request->unknown_count == 0)
        return ST_OK;
    return request_fail(request, ST_NO_COLUMN, "%.*s is not a defined attribute",
                        request_shown(request->unknown[0]), request->unknown[0].data);
}

/* One condition may stand without its list. */
static enum status read_conditions(struct request *request, struct value conditions, bool is_or,
                                   struct ir_expr **out)
{
    struct document_builder builder = {0};
    struct value list;
    enum status st;

    if (conditions.kind == VALUE_ARRAY && document_count(conditions) == 0 && !is_or)
        return ST_OK;
    if (conditions.kind != VALUE_OBJECT)
        return request_conditions(request, conditions, is_or, out);
    document_begin(&builder);
    document_open_array(&builder);
    document_value(&builder, conditions);
    document_close(&builder);
    st = document_end(&builder, &list);
    if (st == ST_OK) {
        struct slice kept = arena_copy(request->arena, value_slice(list));

        list.as.data = kept.data;
        st = kept.data == NULL ? request_no_memory(request)
                               : request_conditions(request, list, false, out);
    } else {
        st = request_fail(request, st, "the condition is too large");
    }
    document_deinit(&builder);
    return st;
}

enum status operation_parse_query(struct slice table_path, struct value document,
                                  const struct operation_schema *schema, struct arena *arena,
                                  struct operation **out, struct error *err)
{
    struct request request;
    struct ir_statement *statement;
    struct value conditions;
    struct ir_block *block;
    struct paging paging;
    bool is_or;

    if (document.kind != VALUE_OBJECT)
        return error_set(err, ST_INVALID, -1, "a query must be an object");
    TRY(begin(&request, document, schema, arena, out, err));
    request.is_exported = true;
    request.operation->table = table_path;
    statement = statement_new(&request, IR_QUERY);
    if (statement == NULL)
        return request_no_memory(&request);
    read_options(&request);
    read_paging(&request, 0, &paging);
    TRY(request_check(&request));
    TRY(request_operator(&request, request_field(&request, "operator", NULL), &is_or));
    TRY(request_query(&request, &block, &statement->as.query));
    TRY(request_select(&request, request_field(&request, "select", NULL), block,
                       &statement->row_form));
    conditions = request_field(&request, "conditions", NULL);
    if (!value_is_null(conditions))
        TRY(read_conditions(&request, conditions, is_or, &block->where));
    TRY(check_declared(&request));
    return finish_search(&request, statement, conditions, false, &paging);
}
