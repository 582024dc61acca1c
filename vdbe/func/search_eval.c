/*
 * SEARCH_JSON: evaluation. A sequence of results is a list while it is collected; one result stands
 * for itself, several become an array, none is undefined (absent).
 */
#include "vdbe/func/search_functions.h"
#include "vdbe/func/search_internal.h"
#include <math.h>
#include <stdlib.h>

enum { VARIABLES_MAX = 32, RANGE_MAX = 1000000, CACHED_MAX = 4 };

struct search {
    struct func_context *context;
    struct value root;
    struct {
        struct slice name;
        struct value value;
    } variables[VARIABLES_MAX];
    size_t variable_count;
};

static enum status evaluate(struct search *s, const struct search_node *node, struct value input,
                            struct value *out);

static enum status type_error(struct search *s, const struct search_node *node, const char *what)
{
    return error_set(s->context->err, ST_TYPE, node->offset,
                     "search json expression: %s at character %u", what, node->offset + 1);
}

/* ---- sequences ---- */

enum status search_give_list(struct func_context *context, struct buf *list, bool keep_array,
                             struct value *out)
{
    const struct value *items = (const struct value *)(const void *)list->data;
    size_t count = list->len / sizeof(struct value);
    struct document_builder builder = {0};
    enum status st = buf_status(list) == ST_OK ? ST_OK : func_no_memory(context);

    *out = value_absent();
    if (st == ST_OK && count == 1 && !keep_array) {
        *out = items[0];
    } else if (st == ST_OK && (count > 1 || keep_array)) {
        document_begin(&builder);
        document_open_array(&builder);
        for (size_t i = 0; i < count; i++)
            document_value(&builder, items[i]);
        document_close(&builder);
        st = document_end(&builder, out);
        if (st == ST_OK) {
            struct slice copy = arena_copy(context->arena, value_slice(*out));
            out->as.data = copy.data;
            st = copy.data == NULL ? func_no_memory(context) : ST_OK;
        } else {
            (void)error_set(context->err, st, -1, "%s", status_text(st));
        }
        document_deinit(&builder);
    }
    buf_free(list);
    return st;
}

static void add(struct buf *list, struct value v)
{
    if (v.kind != VALUE_ABSENT)
        buf_append(list, &v, sizeof(v));
}

/* The elements of an array, or the value itself. */
static void add_flat(struct buf *list, struct value v)
{
    if (v.kind != VALUE_ARRAY) {
        add(list, v);
        return;
    }
    for (size_t i = 0, count = document_count(v); i < count; i++)
        add(list, document_element(v, i));
}

size_t search_count(struct value v)
{
    return v.kind == VALUE_ABSENT ? 0 : v.kind == VALUE_ARRAY ? document_count(v) : 1;
}

struct value search_item(struct value v, size_t index)
{
    return v.kind == VALUE_ARRAY ? document_element(v, index) : v;
}

bool search_truth(struct value v)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        return false;
    case VALUE_BOOL:
        return v.as.b;
    case VALUE_INT:
    case VALUE_DATE:
        return v.as.i != 0;
    case VALUE_REAL:
        return v.as.d != 0;
    case VALUE_TEXT:
    case VALUE_BYTES:
        return v.len != 0;
    case VALUE_OBJECT:
        return document_count(v) != 0;
    case VALUE_ARRAY:
        break;
    }
    for (size_t i = 0, count = document_count(v); i < count; i++)
        if (search_truth(document_element(v, i)))
            return true;
    return false;
}

/* ---- steps ---- */

static enum status look_up(struct search *s, struct slice name, struct value input,
                           struct value *out)
{
    struct buf list = {0};

    *out = value_absent();
    if (input.kind == VALUE_OBJECT) {
        *out = document_member(input, name);
        return ST_OK;
    }
    if (input.kind != VALUE_ARRAY)
        return ST_OK;
    for (size_t i = 0, count = document_count(input); i < count; i++) {
        struct value found;
        enum status st = look_up(s, name, document_element(input, i), &found);

        if (st != ST_OK) {
            buf_free(&list);
            return st;
        }
        add_flat(&list, found);
    }
    return search_give_list(s->context, &list, false, out);
}

static void add_children(struct buf *list, struct value v, bool deep)
{
    size_t count = v.kind == VALUE_ARRAY || v.kind == VALUE_OBJECT ? document_count(v) : 0;

    if (deep && v.kind != VALUE_ARRAY)
        add(list, v);
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct value child =
            v.kind == VALUE_ARRAY ? document_element(v, i) : document_member_at(v, i, &name);

        if (deep || (v.kind == VALUE_ARRAY && child.kind == VALUE_OBJECT))
            add_children(list, child, deep);
        else
            add_flat(list, child);
    }
}

static enum status path(struct search *s, const struct search_node *node, struct value input,
                        struct value *out)
{
    struct buf list = {0};
    struct value left, right;
    enum status st = evaluate(s, node->left, input, &left);

    for (size_t i = 0, count = st == ST_OK ? search_count(left) : 0; i < count; i++) {
        if (func_is_interrupted(s->context))
            st = ST_INTERRUPTED;
        if (st == ST_OK)
            st = evaluate(s, node->right, search_item(left, i), &right);
        if (st != ST_OK)
            break;
        add_flat(&list, right);
    }
    if (st == ST_OK)
        return search_give_list(s->context, &list, false, out);
    buf_free(&list);
    return st;
}

static bool is_index(struct value v, size_t count, size_t *index)
{
    double number = func_real(v);

    if (!value_is_number(v))
        return false;
    number = floor(number);
    if (number < 0)
        number += (double)count;
    *index = number >= 0 && number < (double)count ? (size_t)number : count;
    return true;
}

static enum status filter(struct search *s, const struct search_node *node, struct value input,
                          struct value *out)
{
    struct buf list = {0};
    struct value left, verdict;
    enum status st = evaluate(s, node->left, input, &left);
    size_t count = st == ST_OK ? search_count(left) : 0, index;

    if (st == ST_OK && node->right == NULL) {
        *out = left;
        return ST_OK;
    }
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        struct value item = search_item(left, i);

        st = evaluate(s, node->right, item, &verdict);
        if (st == ST_OK && (is_index(verdict, count, &index) ? index == i : search_truth(verdict)))
            add(&list, item);
    }
    if (st == ST_OK)
        return search_give_list(s->context, &list, false, out);
    buf_free(&list);
    return st;
}

/* ---- operators ---- */

static enum status arithmetic(struct search *s, const struct search_node *node, struct value a,
                              struct value b, struct value *out)
{
    double x = func_real(a), y = func_real(b), result = 0;
    int64_t i = 0;
    bool is_whole = a.kind == VALUE_INT && b.kind == VALUE_INT;

    *out = value_absent();
    if (a.kind == VALUE_ABSENT || b.kind == VALUE_ABSENT)
        return ST_OK;
    if (!value_is_number(a) || !value_is_number(b))
        return type_error(s, node, "operator needs numbers");
    switch ((enum search_op)node->op) {
    case SEARCH_ADD:
        is_whole = is_whole && !__builtin_add_overflow(a.as.i, b.as.i, &i);
        result = x + y;
        break;
    case SEARCH_SUBTRACT:
        is_whole = is_whole && !__builtin_sub_overflow(a.as.i, b.as.i, &i);
        result = x - y;
        break;
    case SEARCH_MULTIPLY:
        is_whole = is_whole && !__builtin_mul_overflow(a.as.i, b.as.i, &i);
        result = x * y;
        break;
    case SEARCH_DIVIDE:
        is_whole = false;
        result = x / y;
        break;
    case SEARCH_MODULO:
        is_whole = false;
        result = fmod(x, y);
        break;
    case SEARCH_CONCAT:
    case SEARCH_EQUAL:
    case SEARCH_UNEQUAL:
    case SEARCH_LESS:
    case SEARCH_LESS_EQUAL:
    case SEARCH_GREATER:
    case SEARCH_GREATER_EQUAL:
    case SEARCH_IN:
    case SEARCH_AND:
    case SEARCH_OR:
        break;
    }
    *out = is_whole ? value_int(i) : value_real(result);
    return ST_OK;
}

static enum status order(struct search *s, const struct search_node *node, struct value a,
                         struct value b, struct value *out)
{
    bool texts = a.kind == VALUE_TEXT && b.kind == VALUE_TEXT;
    int sign;

    *out = value_absent();
    if (a.kind == VALUE_ABSENT || b.kind == VALUE_ABSENT)
        return ST_OK;
    if (!texts && !(value_is_number(a) && value_is_number(b)))
        return type_error(s, node, "only two numbers or two texts can be ordered");
    sign = value_compare(a, b, COLLATE_BINARY);
    *out = value_bool(node->op == SEARCH_LESS         ? sign < 0
                      : node->op == SEARCH_LESS_EQUAL ? sign <= 0
                      : node->op == SEARCH_GREATER    ? sign > 0
                                                      : sign >= 0);
    return ST_OK;
}

static bool is_in(struct value v, struct value list)
{
    for (size_t i = 0, count = search_count(list); i < count; i++)
        if (value_compare(v, search_item(list, i), COLLATE_BINARY) == 0)
            return true;
    return false;
}

static enum status concat(struct search *s, struct value a, struct value b, struct value *out)
{
    struct slice left = func_text(s->context, a), right = func_text(s->context, b);
    char *room;

    TRY(func_room(s->context, (uint64_t)left.len + right.len, &room));
    if (left.len != 0)
        memcpy(room, left.data, left.len);
    if (right.len != 0)
        memcpy(room + left.len, right.data, right.len);
    *out = value_text(slice_of(room, left.len + right.len));
    return ST_OK;
}

static enum status binary(struct search *s, const struct search_node *node, struct value input,
                          struct value *out)
{
    struct value a, b;
    bool is_known;

    TRY(evaluate(s, node->left, input, &a));
    if ((node->op == SEARCH_AND && !search_truth(a)) ||
        (node->op == SEARCH_OR && search_truth(a))) {
        *out = value_bool(node->op == SEARCH_OR);
        return ST_OK;
    }
    TRY(evaluate(s, node->right, input, &b));
    is_known = a.kind != VALUE_ABSENT && b.kind != VALUE_ABSENT;
    switch ((enum search_op)node->op) {
    case SEARCH_ADD:
    case SEARCH_SUBTRACT:
    case SEARCH_MULTIPLY:
    case SEARCH_DIVIDE:
    case SEARCH_MODULO:
        return arithmetic(s, node, a, b, out);
    case SEARCH_CONCAT:
        return concat(s, a, b, out);
    case SEARCH_EQUAL:
        *out = value_bool(is_known && value_compare(a, b, COLLATE_BINARY) == 0);
        return ST_OK;
    case SEARCH_UNEQUAL:
        *out = value_bool(is_known && value_compare(a, b, COLLATE_BINARY) != 0);
        return ST_OK;
    case SEARCH_LESS:
    case SEARCH_LESS_EQUAL:
    case SEARCH_GREATER:
    case SEARCH_GREATER_EQUAL:
        return order(s, node, a, b, out);
    case SEARCH_IN:
        *out = value_bool(is_known && is_in(a, b));
        return ST_OK;
    case SEARCH_AND:
    case SEARCH_OR:
        *out = value_bool(search_truth(b));
        return ST_OK;
    }
    return ST_INTERNAL;
}

/* ---- constructors ---- */

static enum status range(struct search *s, const struct search_node *node, struct value input,
                         struct buf *list)
{
    struct value low, high;

    TRY(evaluate(s, node->left, input, &low));
    TRY(evaluate(s, node->right, input, &high));
    if (low.kind == VALUE_ABSENT || high.kind == VALUE_ABSENT)
        return ST_OK;
    if (low.kind != VALUE_INT || high.kind != VALUE_INT)
        return type_error(s, node, "a range needs integers");
    if (high.as.i > low.as.i && (uint64_t)high.as.i - (uint64_t)low.as.i > RANGE_MAX)
        return type_error(s, node, "range is too long");
    for (int64_t i = low.as.i; i <= high.as.i; i++) {
        add(list, value_int(i));
        if (i == INT64_MAX)
            break;
    }
    return ST_OK;
}

static enum status array(struct search *s, const struct search_node *node, struct value input,
                         struct value *out)
{
    struct buf list = {0};
    enum status st = ST_OK;

    for (size_t i = 0; i < node->count && st == ST_OK; i++) {
        const struct search_node *item = node->items[i];
        struct value v;

        if (item->kind == SEARCH_RANGE) {
            st = range(s, item, input, &list);
            continue;
        }
        st = evaluate(s, item, input, &v);
        if (st != ST_OK)
            break;
        if (item->kind == SEARCH_ARRAY) /* written as an array, so it stays one */
            add(&list, v);
        else
            add_flat(&list, v);
    }
    if (st == ST_OK)
        return search_give_list(s->context, &list, true, out);
    buf_free(&list);
    return st;
}

static enum status object(struct search *s, const struct search_node *node, struct value input,
                          struct value *out)
{
    struct document_builder builder = {0};
    enum status st = ST_OK;

    document_begin(&builder);
    document_open_object(&builder);
    for (size_t i = 0; i < node->count && st == ST_OK; i += 2) {
        struct value name, v;

        TRY_OUT(evaluate(s, node->items[i], input, &name));
        TRY_OUT(evaluate(s, node->items[i + 1], input, &v));
        if (name.kind != VALUE_TEXT) {
            st = type_error(s, node->items[i], "a member's name must be a text");
            goto out;
        }
        if (v.kind == VALUE_ABSENT)
            continue;
        document_name(&builder, value_slice(name));
        document_value(&builder, v);
    }
    document_close(&builder);
    st = document_end(&builder, out);
    if (st != ST_OK) {
        (void)error_set(s->context->err, st, -1, "%s", status_text(st));
        goto out;
    }
    struct slice copy = arena_copy(s->context->arena, value_slice(*out));
    out->as.data = copy.data;
    if (copy.data == NULL)
        st = func_no_memory(s->context);
out:
    document_deinit(&builder);
    return st;
}

/* ---- variables and calls ---- */

static struct value variable(const struct search *s, struct slice name, struct value input)
{
    if (name.len == 0)
        return input;
    if (slice_is(name, "$"))
        return s->root;
    for (size_t i = s->variable_count; i-- > 0;)
        if (slice_equal(s->variables[i].name, name))
            return s->variables[i].value;
    return value_absent();
}

static enum status bind(struct search *s, const struct search_node *node, struct value input,
                        struct value *out)
{
    TRY(evaluate(s, node->right, input, out));
    if (s->variable_count == VARIABLES_MAX)
        return type_error(s, node, "too many variables");
    s->variables[s->variable_count].name = node->name;
    s->variables[s->variable_count++].value = *out;
    return ST_OK;
}

static enum status call(struct search *s, const struct search_node *node, struct value input,
                        struct value *out)
{
    struct value args[8];

    if (node->count > COUNT_OF(args))
        return type_error(s, node, "too many arguments");
    for (size_t i = 0; i < node->count; i++)
        TRY(evaluate(s, node->items[i], input, &args[i]));
    enum status st = search_call(s->context, node->name, (unsigned)node->count, args, input, out);
    return st == ST_NOT_FOUND ? type_error(s, node, "unknown function")
           : st == ST_TYPE    ? type_error(s, node, "wrong argument")
                              : st;
}

static enum status evaluate(struct search *s, const struct search_node *node, struct value input,
                            struct value *out)
{
    struct buf list = {0};
    size_t bound = s->variable_count;

    *out = value_absent();
    switch ((enum search_kind)node->kind) {
    case SEARCH_LITERAL:
        *out = node->literal;
        return ST_OK;
    case SEARCH_NAME:
        return look_up(s, node->name, input, out);
    case SEARCH_WILDCARD:
    case SEARCH_DESCENDANTS:
        add_children(&list, input, node->kind == SEARCH_DESCENDANTS);
        return search_give_list(s->context, &list, false, out);
    case SEARCH_VARIABLE:
        *out = variable(s, node->name, input);
        return ST_OK;
    case SEARCH_CALL:
        return call(s, node, input, out);
    case SEARCH_PATH:
        return path(s, node, input, out);
    case SEARCH_FILTER:
        return filter(s, node, input, out);
    case SEARCH_BINARY:
        return binary(s, node, input, out);
    case SEARCH_NEGATE: {
        const struct search_node zero = {.op = SEARCH_SUBTRACT, .offset = node->offset};
        struct value v;

        TRY(evaluate(s, node->right, input, &v));
        return arithmetic(s, &zero, value_int(0), v, out);
    }
    case SEARCH_CONDITION: {
        struct value v;

        TRY(evaluate(s, node->items[0], input, &v));
        if (search_truth(v))
            return evaluate(s, node->items[1], input, out);
        return node->count == 3 ? evaluate(s, node->items[2], input, out) : ST_OK;
    }
    case SEARCH_ARRAY:
        return array(s, node, input, out);
    case SEARCH_OBJECT:
        return object(s, node, input, out);
    case SEARCH_BLOCK:
        for (size_t i = 0; i < node->count; i++)
            TRY(evaluate(s, node->items[i], input, out));
        s->variable_count = bound; /* what was bound inside ends here */
        return ST_OK;
    case SEARCH_BIND:
        return bind(s, node, input, out);
    case SEARCH_RANGE:
        break;
    }
    return ST_INTERNAL;
}

enum status search_evaluate(struct func_context *context, const struct search_node *node,
                            struct value data, struct value *out)
{
    struct search s = {.context = context, .root = data};

    return evaluate(&s, node, data, out);
}

/* ---- compiled expressions ---- */

struct search_cache {
    struct {
        struct arena arena;
        struct slice text;
        struct search_node *node;
    } compiled[CACHED_MAX];
    unsigned next;
};

void search_cache_free(struct search_cache *cache)
{
    for (size_t i = 0; cache != NULL && i < CACHED_MAX; i++)
        arena_deinit(&cache->compiled[i].arena);
    free(cache);
}

static enum status find_or_parse(struct func_context *context, struct slice text,
                                 struct search_node **out)
{
    struct search_cache *cache;

    if (context->scratch == NULL)
        return search_parse(context->arena, text, out, context->err);
    if (context->scratch->searches == NULL)
        context->scratch->searches = calloc(1, sizeof(*cache));
    cache = context->scratch->searches;
    if (cache == NULL)
        return func_no_memory(context);
    for (size_t i = 0; i < CACHED_MAX; i++) {
        if (cache->compiled[i].node != NULL && slice_equal(cache->compiled[i].text, text)) {
            *out = cache->compiled[i].node;
            return ST_OK;
        }
    }
    unsigned slot = cache->next++ % CACHED_MAX;
    arena_deinit(&cache->compiled[slot].arena);
    memset(&cache->compiled[slot], 0, sizeof(cache->compiled[slot]));
    cache->compiled[slot].text = arena_copy(&cache->compiled[slot].arena, text);
    if (cache->compiled[slot].text.data == NULL)
        return func_no_memory(context);
    TRY(search_parse(&cache->compiled[slot].arena, cache->compiled[slot].text, out, context->err));
    cache->compiled[slot].node = *out;
    return ST_OK;
}

SCALAR(fn_search_json)
{
    struct search_node *node;
    struct value data = args[1];

    if (args[0].kind != VALUE_TEXT || args[0].len == 0)
        return error_set(context->err, ST_INVALID, -1,
                         "search json expression must be a non-empty string");
    if (args[0].len > SEARCH_TEXT_MAX)
        return func_too_big(context);
    TRY(find_or_parse(context, value_slice(args[0]), &node));
    /* Text that is JSON is searched as such; other text is a value like any. */
    if (data.kind == VALUE_TEXT &&
        json_read(value_slice(args[1]), context->arena, &data, NULL) != ST_OK)
        data = args[1];
    TRY(search_evaluate(context, node, data, out));
    if (out->kind == VALUE_ABSENT)
        *out = value_null();
    return ST_OK;
}
