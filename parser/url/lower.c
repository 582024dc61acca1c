/*
 * The tree of a query string to a statement: names, order, limit, and what goes around conditions
 * (lower_where.c) and outputs (lower_select.c).
 */
#include "parser/url/url_internal.h"

enum status url_no_memory(struct error *err)
{
    return error_set(err, ST_NO_MEMORY, -1, "out of memory");
}

/* ---- names ---- */

enum status url_lower_name(struct url_lower *lower, struct url_token token, struct slice *out)
{
    enum status st;

    if (lower->query->is_simple)
        return url_decode_form(token.text, lower->arena, out);
    st = url_decode(token.text, false, lower->arena, out, lower->err);
    if (st != ST_OK && lower->err != NULL && lower->err->offset >= 0)
        lower->err->offset += token.offset;
    return st;
}

enum status url_lower_path(struct url_lower *lower, const struct url_path *path, bool skip_sign,
                           struct slice **out)
{
    struct slice *parts = ARENA_NEW_ARRAY(lower->arena, struct slice, path->count);
    size_t i = 0;

    if (parts == NULL)
        return url_no_memory(lower->err);
    for (const struct url_part *part = path->first; part != NULL; part = part->next, i++) {
        struct url_token token = part->token;

        if (i == 0 && skip_sign && (token.text.data[0] == '+' || token.text.data[0] == '-')) {
            token.text = slice_of(token.text.data + 1, token.text.len - 1);
            token.offset++;
            if (token.text.len == 0)
                return error_set(lower->err, ST_SYNTAX, token.offset, "sort needs a name");
        }
        TRY(url_lower_name(lower, token, &parts[i]));
    }
    *out = parts;
    return ST_OK;
}

struct ir_expr *url_column(struct arena *arena, const struct slice *parts, size_t count,
                           int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(arena, IR_COLUMN, offset);
    struct ir_name *names = ARENA_NEW_ARRAY(arena, struct ir_name, count);

    if (expr == NULL || names == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        names[i] = (struct ir_name){parts[i], offset};
    expr->as.column.part_count = count;
    expr->as.column.parts = names;
    return expr;
}

int url_type_of(const struct url_schema *schema, const struct slice *parts, size_t count,
                bool *is_list)
{
    *is_list = false;
    if (schema == NULL)
        return URL_TYPE_ANY;
    return schema->type_of(schema->context, parts, count, is_list);
}

static struct slice dotted(struct arena *arena, const struct slice *parts, size_t count)
{
    size_t len = count - 1;
    char *room, *end;

    if (count == 1)
        return parts[0];
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    room = end = arena_alloc(arena, len);
    if (room == NULL)
        return parts[0];
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *end++ = '.';
        if (parts[i].len > 0)
            memcpy(end, parts[i].data, parts[i].len);
        end += parts[i].len;
    }
    return slice_of(room, len);
}

enum status url_lower_attribute(struct url_lower *lower, const struct url_path *path,
                                bool skip_sign, struct url_attribute *out)
{
    bool is_list;

    out->count = path->count;
    out->offset = path->first->token.offset;
    TRY(url_lower_path(lower, path, skip_sign, &out->parts));
    out->name = dotted(lower->arena, out->parts, out->count);
    out->type = url_type_of(lower->schema, out->parts, out->count, &is_list);
    out->has_elements = is_list || out->type == URL_TYPE_ANY || out->type == URL_TYPE_OBJECT;
    if (out->type == -1)
        return error_set(lower->err, ST_NO_COLUMN, out->offset, "%.*s is not a defined attribute",
                         (int)(out->name.len > 250 ? 250 : out->name.len), out->name.data);
    if (out->type < 0 || out->type == URL_TYPE_RELATIONSHIP)
        return error_set(lower->err, ST_INVALID, out->offset,
                         "must query an attribute within the target table");
    return ST_OK;
}

struct ir_expr *url_column_of(struct url_lower *lower, const struct url_attribute *attribute)
{
    return url_column(lower->arena, attribute->parts, attribute->count, attribute->offset);
}

struct ir_expr *url_lower_param(struct url_lower *lower, struct value peek, int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(lower->arena, IR_PARAM, offset);

    if (expr != NULL) {
        expr->as.param.slot = ++lower->param_count;
        expr->as.param.is_lifted = true;
        expr->as.param.peek = peek;
    }
    return expr;
}

/* ---- order and limit ---- */

/* With no condition at all, an order that no index gives would read and sort the whole table. */
static enum status check_order(struct url_lower *lower, const struct url_attribute *attribute)
{
    const struct url_schema *schema = lower->schema;

    const struct url_level *root = lower->query->root;

    if (schema == NULL || schema->is_ordered == NULL || (root != NULL && root->count != 0))
        return ST_OK;
    if (schema->is_ordered(schema->context, attribute->parts, attribute->count))
        return ST_OK;
    return error_set(lower->err, ST_NO_COLUMN, attribute->offset,
                     "%.*s is not indexed and not combined with any other conditions",
                     (int)(attribute->name.len > 250 ? 250 : attribute->name.len),
                     attribute->name.data);
}

static bool is_key(const struct url_lower *lower, const struct url_attribute *attribute)
{
    const struct url_schema *schema = lower->schema;

    return schema != NULL && schema->is_key != NULL && attribute->count == 1 &&
           schema->is_key(schema->context, attribute->parts[0]);
}

/* The order asked for, then the primary key, so that it is total. */
static enum status lower_sort(struct url_lower *lower, struct ir_order **out, size_t *out_count)
{
    const struct url_sort_keys *keys = lower->query->sort;
    struct ir_order *order;
    size_t count = 0;
    bool has_key = false;

    if (keys == NULL)
        return ST_OK;
    order = ARENA_NEW_ARRAY(lower->arena, struct ir_order, keys->count + 1);
    if (order == NULL)
        return url_no_memory(lower->err);
    for (const struct url_sort_key *key = keys->first; key != NULL; key = key->next) {
        struct url_attribute attribute = {0};

        TRY(url_lower_attribute(lower, key->path, true, &attribute));
        if (count == 0)
            TRY(check_order(lower, &attribute));
        has_key = has_key || is_key(lower, &attribute);
        order[count].expr = url_column_of(lower, &attribute);
        order[count].descending = key->path->first->token.text.data[0] == '-';
        if (order[count++].expr == NULL)
            return url_no_memory(lower->err);
    }
    if (!has_key) {
        order[count].expr = ir_expr_new(lower->arena, IR_META, -1);
        if (order[count].expr == NULL)
            return url_no_memory(lower->err);
        order[count].expr->op = IR_META_KEY;
        order[count++].expr->as.record.alias.offset = -1;
    }
    *out = order;
    *out_count = count;
    return ST_OK;
}

static void use_number(struct url_lower *lower, struct url_token token, enum url_literal_role role,
                       uint32_t slot)
{
    lower->slots->uses[token.literal] =
        (struct url_literal_use){.role = (uint8_t)role, .slot = slot};
}

/* limit(n), or limit(s,e): the rows s to e - 1. */
static enum status lower_limit(struct url_lower *lower, struct ir_expr **limit,
                               struct ir_expr **offset)
{
    const struct url_query *query = lower->query;
    struct url_token first = query->limit_first, second = query->limit_second;
    int64_t start, end;

    if (!query->has_limit)
        return ST_OK;
    TRY(url_number_read(first.text, first.offset, &start, lower->err));
    if (!query->has_limit_end) {
        *limit = url_lower_param(lower, value_int(start), first.offset);
        use_number(lower, first, URL_LITERAL_LIMIT, lower->param_count);
        return *limit == NULL ? url_no_memory(lower->err) : ST_OK;
    }
    TRY(url_number_read(second.text, second.offset, &end, lower->err));
    *limit = url_lower_param(lower, value_int(end > start ? end - start : 0), second.offset);
    use_number(lower, second, URL_LITERAL_LIMIT_END, lower->param_count);
    *offset = url_lower_param(lower, value_int(start), first.offset);
    use_number(lower, first, URL_LITERAL_LIMIT_START, lower->param_count);
    return *limit == NULL || *offset == NULL ? url_no_memory(lower->err) : ST_OK;
}

/* ---- statements ---- */

static struct ir_source *source_of(struct arena *arena, struct slice table_path)
{
    struct ir_source *source = ARENA_NEW(arena, struct ir_source);

    if (source != NULL) {
        source->kind = IR_SOURCE_TABLE;
        source->join = IR_JOIN_INNER;
        source->is_exported_name = true;
        source->name = (struct ir_name){table_path, -1};
        source->alias.offset = source->database.offset = -1;
    }
    return source;
}

static enum status begin(struct url_lower *lower, struct slice raw, struct url_query *query,
                         struct ir_statement **out, struct url_slots **slots)
{
    struct ir_statement *statement;

    lower->query = query;
    TRY(url_parse_query(raw, lower->schema, lower->arena, query, lower->err));
    lower->slots = ARENA_NEW(lower->arena, struct url_slots);
    statement = ARENA_NEW(lower->arena, struct ir_statement);
    if (lower->slots == NULL || statement == NULL)
        return url_no_memory(lower->err);
    lower->slots->literal_count = query->literal_count;
    lower->slots->uses =
        ARENA_NEW_ARRAY(lower->arena, struct url_literal_use, query->literal_count + 1);
    if (lower->slots->uses == NULL)
        return url_no_memory(lower->err);
    for (size_t i = 0; i < query->literal_count; i++)
        lower->slots->uses[i].is_form = query->is_simple;
    for (const struct url_operand *number = query->numbers; number != NULL; number = number->next)
        use_number(lower, number->token, URL_LITERAL_NUMBER, 0);
    statement->text = raw;
    *out = statement;
    *slots = lower->slots;
    return ST_OK;
}

static enum status finish(struct url_lower *lower, struct ir_statement *statement)
{
    statement->param_count = lower->slots->param_count = lower->param_count;
    if (lower->param_count > 0)
        statement->param_names = ARENA_NEW_ARRAY(lower->arena, struct slice, lower->param_count);
    if (lower->arena->failed)
        return url_no_memory(lower->err);
    if (statement->kind == IR_QUERY)
        ir_query_measure(statement->as.query);
    return ST_OK;
}

static struct ir_query *query_of(struct arena *arena, struct ir_source *source,
                                 struct ir_block **out_block)
{
    struct ir_query *query = ARENA_NEW(arena, struct ir_query);
    struct ir_block *block = ARENA_NEW(arena, struct ir_block);
    struct ir_block **blocks = ARENA_NEW_ARRAY(arena, struct ir_block *, 1);
    struct ir_source **sources = ARENA_NEW_ARRAY(arena, struct ir_source *, 1);

    if (query == NULL || block == NULL || blocks == NULL || sources == NULL || source == NULL)
        return NULL;
    sources[0] = source;
    blocks[0] = block;
    block->set_op = IR_SET_FIRST;
    block->offset = -1;
    block->source_count = 1;
    block->sources = sources;
    query->block_count = 1;
    query->blocks = blocks;
    *out_block = block;
    return query;
}

/* `$id <op> ?`: parameter 1, which the caller binds. */
static struct ir_expr *compare_key(struct url_lower *lower, enum ir_compare op)
{
    struct ir_expr *key = url_lower_param(lower, value_absent(), -1);
    struct ir_expr *meta = ir_expr_new(lower->arena, IR_META, -1);

    if (key == NULL || meta == NULL)
        return NULL;
    key->as.param.is_lifted = false;
    meta->op = IR_META_KEY;
    meta->as.record.alias.offset = -1;
    return ir_compare(lower->arena, op, meta, key);
}

/* What a search and a delete by query have in common. */
struct search {
    struct ir_expr *where, *limit, *offset;
    struct ir_order *order;
    size_t order_count;
};

static enum status lower_search(struct url_lower *lower, bool is_below, struct search *out)
{
    struct ir_expr *conditions = NULL;

    if (is_below) {
        out->where = compare_key(lower, IR_STARTS_WITH);
        if (out->where == NULL)
            return url_no_memory(lower->err);
    }
    if (lower->query->root != NULL)
        TRY(url_lower_level(lower, lower->query->root, &conditions));
    out->where = ir_and(lower->arena, out->where, conditions);
    TRY(lower_sort(lower, &out->order, &out->order_count));
    return lower_limit(lower, &out->limit, &out->offset);
}

static enum status make_delete(struct url_lower *lower, struct slice table_path,
                               const struct search *search, struct ir_statement *statement)
{
    struct ir_delete *remove = ARENA_NEW(lower->arena, struct ir_delete);

    if (remove == NULL)
        return url_no_memory(lower->err);
    *remove = (struct ir_delete){.target = source_of(lower->arena, table_path),
                                 .where = search->where,
                                 .order = search->order,
                                 .order_count = search->order_count,
                                 .limit = search->limit,
                                 .offset = search->offset};
    statement->kind = IR_DELETE;
    statement->as.remove = remove;
    return remove->target == NULL ? url_no_memory(lower->err) : ST_OK;
}

static enum status make_query(struct url_lower *lower, struct slice table_path,
                              const struct search *search, struct ir_statement *statement)
{
    struct ir_block *block;
    struct ir_query *query = query_of(lower->arena, source_of(lower->arena, table_path), &block);

    if (query == NULL)
        return url_no_memory(lower->err);
    block->where = search->where;
    query->order = search->order;
    query->order_count = search->order_count;
    query->limit = search->limit;
    query->offset = search->offset;
    statement->kind = IR_QUERY;
    statement->as.query = query;
    return url_lower_select(lower, block, &statement->row_form);
}

static enum status parse_search(struct url_lower *lower, struct slice table_path, struct slice raw,
                                bool is_delete, bool is_below, struct ir_statement **out,
                                struct url_slots **slots)
{
    struct ir_statement *statement;
    struct url_query query;
    struct search search = {0};

    TRY(begin(lower, raw, &query, &statement, slots));
    TRY(lower_search(lower, is_below, &search));
    if (is_delete)
        TRY(make_delete(lower, table_path, &search, statement));
    else
        TRY(make_query(lower, table_path, &search, statement));
    TRY(finish(lower, statement));
    *out = statement;
    return ST_OK;
}

enum status url_parse_search_slots(struct slice table_path, struct slice raw, bool is_delete,
                                   const struct url_schema *schema, struct arena *arena,
                                   struct ir_statement **out, struct url_slots **slots,
                                   struct error *err)
{
    struct url_lower lower = {.arena = arena, .schema = schema, .err = err};

    return parse_search(&lower, table_path, raw, is_delete, false, out, slots);
}

enum status url_parse_below_slots(struct slice table_path, struct slice raw, bool is_delete,
                                  const struct url_schema *schema, struct arena *arena,
                                  struct ir_statement **out, struct url_slots **slots,
                                  struct error *err)
{
    struct url_lower lower = {.arena = arena, .schema = schema, .err = err};

    return parse_search(&lower, table_path, raw, is_delete, true, out, slots);
}

enum status url_parse_get_slots(struct slice table_path, struct slice raw,
                                const struct url_schema *schema, struct arena *arena,
                                struct ir_statement **out, struct url_slots **slots,
                                struct error *err)
{
    struct url_lower lower = {.arena = arena, .schema = schema, .err = err};
    struct ir_statement *statement;
    struct url_query query;
    struct ir_block *block;

    TRY(begin(&lower, raw, &query, &statement, slots));
    statement->kind = IR_QUERY;
    statement->as.query = query_of(arena, source_of(arena, table_path), &block);
    if (statement->as.query == NULL)
        return url_no_memory(err);
    block->where = compare_key(&lower, IR_EQ);
    if (block->where == NULL)
        return url_no_memory(err);
    TRY(url_lower_select(&lower, block, &statement->row_form));
    TRY(finish(&lower, statement));
    *out = statement;
    return ST_OK;
}

enum status url_parse_search(struct slice table_path, struct slice raw, bool is_delete,
                             const struct url_schema *schema, struct arena *arena,
                             struct ir_statement **out, struct error *err)
{
    struct url_slots *slots;

    return url_parse_search_slots(table_path, raw, is_delete, schema, arena, out, &slots, err);
}

enum status url_parse_get(struct slice table_path, struct slice raw,
                          const struct url_schema *schema, struct arena *arena,
                          struct ir_statement **out, struct error *err)
{
    struct url_slots *slots;

    return url_parse_get_slots(table_path, raw, schema, arena, out, &slots, err);
}
