/*
 * select(…) to outputs, section 5.10 of the REST specification.
 */
#include "parser/url/url_internal.h"

static enum status no_memory(struct url_lower *lower)
{
    return error_set(lower->err, ST_NO_MEMORY, -1, "out of memory");
}

static struct ir_expr *record_expr(struct arena *arena, enum ir_expr_kind kind, uint8_t op,
                                   int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(arena, kind, offset);

    if (expr != NULL) {
        expr->op = op;
        expr->as.record.alias.offset = -1;
    }
    return expr;
}

/* A stored attribute that the table does not declare: absent in the records that lack it. */
static struct ir_expr *undeclared(struct arena *arena, struct slice name, int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(arena, IR_MEMBER, offset);
    struct ir_expr *record = record_expr(arena, IR_RECORD, 0, offset);

    if (expr == NULL || record == NULL)
        return NULL;
    expr->as.member.operand = record;
    expr->as.member.name = name;
    ir_expr_raise(expr, record->height);
    return expr;
}

static bool is_special(struct slice name, enum ir_meta *meta)
{
    if (slice_is(name, "$id"))
        *meta = IR_META_KEY;
    else if (slice_is(name, "$updatedtime") || slice_is(name, "$updatedTime"))
        *meta = IR_META_VERSION;
    else if (slice_is(name, "$expiresAt"))
        *meta = IR_META_EXPIRES;
    else
        return false;
    return true;
}

/* Names from the table down to here, so that the schema can follow relationships. */
struct prefix {
    struct slice parts[URL_DEPTH_MAX + 2];
    size_t count;
};

static enum status lower_items(struct url_lower *lower, const struct url_select_list *list,
                               struct prefix *prefix, bool is_array, struct ir_output **out,
                               size_t *count);

static enum status lower_nested(struct url_lower *lower, const struct url_select_item *item,
                                struct prefix *prefix, struct ir_expr **out)
{
    struct slice name = prefix->parts[prefix->count - 1];
    struct ir_expr *expr = ir_expr_new(lower->arena, IR_NESTED, item->name.offset);

    if (expr == NULL)
        return no_memory(lower);
    expr->as.nested.name = (struct ir_name){name, item->name.offset};
    if (item->items != NULL)
        TRY(lower_items(lower, item->items, prefix, false, &expr->as.nested.items,
                        &expr->as.nested.count));
    *out = expr;
    return ST_OK;
}

static enum status lower_item(struct url_lower *lower, const struct url_select_item *item,
                              struct prefix *prefix, struct ir_output *out)
{
    int32_t offset = item->name.offset;
    struct slice name;
    enum ir_meta meta;
    bool is_list;
    int type;

    TRY(url_lower_name(lower, item->name, &name));
    out->alias = (struct ir_name){name, offset};
    out->star_of.offset = -1;
    out->text = name;
    if (item->items != NULL && (item->name.text.data[0] == '*' || item->name.text.data[0] == '$'))
        return error_set(lower->err, ST_SYNTAX, offset, "%.*s has no attributes to select",
                         (int)item->name.text.len, item->name.text.data);
    if (slice_is(item->name.text, "*")) {
        out->alias = (struct ir_name){slice_empty(), -1};
        return ST_OK; /* a star: no expression */
    }
    if (slice_is(name, "$distance"))
        return error_set(lower->err, ST_INVALID, offset, "$distance needs a vector search");
    if (is_special(name, &meta)) {
        out->expr = record_expr(lower->arena, IR_META, (uint8_t)meta, offset);
    } else if (slice_is(name, "$record")) {
        out->expr = record_expr(lower->arena, IR_RECORD, 0, offset);
    } else {
        prefix->parts[prefix->count++] = name;
        type = url_type_of(lower->schema, prefix->parts, prefix->count, &is_list);
        if (item->items != NULL || type == -2 || type == URL_TYPE_RELATIONSHIP)
            TRY(lower_nested(lower, item, prefix, &out->expr));
        else if (type == -1)
            out->expr = undeclared(lower->arena, name, offset);
        else
            out->expr = url_column(lower->arena, &name, 1, offset);
        prefix->count--;
    }
    return out->expr == NULL ? no_memory(lower) : ST_OK;
}

/* An object has a member once: the later selection of a name replaces the earlier one. */
static struct ir_output *find_output(struct ir_output *outputs, size_t count, struct slice name)
{
    for (size_t i = 0; name.len > 0 && i < count; i++)
        if (slice_equal(outputs[i].alias.text, name))
            return &outputs[i];
    return NULL;
}

static enum status lower_items(struct url_lower *lower, const struct url_select_list *list,
                               struct prefix *prefix, bool is_array, struct ir_output **out,
                               size_t *count)
{
    struct ir_output *outputs = ARENA_NEW_ARRAY(lower->arena, struct ir_output, list->count);

    if (outputs == NULL)
        return no_memory(lower);
    *count = 0;
    for (const struct url_select_item *item = list->first; item != NULL; item = item->next) {
        struct ir_output output = {0}, *earlier;

        TRY(lower_item(lower, item, prefix, &output));
        earlier = is_array ? NULL : find_output(outputs, *count, output.alias.text);
        if (earlier != NULL)
            *earlier = output;
        else
            outputs[(*count)++] = output;
    }
    *out = outputs;
    return ST_OK;
}

/* One output that is the row: the record itself, or the empty object of select(). */
static enum status select_one(struct url_lower *lower, struct ir_block *block, struct ir_expr *expr)
{
    struct ir_output *output = ARENA_NEW(lower->arena, struct ir_output);

    if (output == NULL || expr == NULL)
        return no_memory(lower);
    output->expr = expr;
    output->alias.offset = output->star_of.offset = -1;
    block->outputs = output;
    block->output_count = 1;
    return ST_OK;
}

enum status url_lower_select(struct url_lower *lower, struct ir_block *block, uint8_t *row_form)
{
    const struct url_select_list *list = lower->query->select;
    struct prefix prefix = {.count = 0};

    *row_form = IR_ROW_SCALAR;
    switch ((enum url_select_form)lower->query->select_form) {
    case URL_SELECT_NONE:
        return select_one(lower, block, record_expr(lower->arena, IR_RECORD, 0, -1));
    case URL_SELECT_EMPTY:
        return select_one(lower, block, ir_expr_new(lower->arena, IR_OBJECT, -1));
    case URL_SELECT_SCALAR:
        if (slice_is(list->first->name.text, "*"))
            return select_one(lower, block,
                              record_expr(lower->arena, IR_RECORD, 0, list->first->name.offset));
        break;
    case URL_SELECT_OBJECT:
        *row_form = IR_ROW_OBJECT;
        break;
    case URL_SELECT_ARRAY:
        *row_form = IR_ROW_ARRAY;
        break;
    }
    return lower_items(lower, list, &prefix, *row_form == IR_ROW_ARRAY, &block->outputs,
                       &block->output_count);
}
