/* Paths into JSON: $.name."quoted name"[3][#-1]. They are read as they are walked, as SQLite does.
 */
#include "vdbe/func/json_internal.h"
#include <ctype.h>

static enum status path_error(struct func_context *context, struct slice rest)
{
    return error_set(context->err, ST_SYNTAX, -1, "JSON path error near '%.*s'",
                     rest.len > 200 ? 200 : (int)rest.len, rest.data == NULL ? "" : rest.data);
}

static void advance(struct slice *path, size_t count)
{
    *path = slice_of(path->data + count, path->len - count);
}

/* The name at the front of `path`, behind its point. */
static enum status take_name(struct func_context *context, struct slice *path, struct slice *name)
{
    size_t length = 0;

    if (path->len != 0 && *path->data == '"') {
        const char *close = memchr(path->data + 1, '"', path->len - 1);

        if (close == NULL)
            return path_error(context, *path);
        length = (size_t)(close - path->data);
        *name = slice_of(path->data + 1, length - 1);
        advance(path, length + 1);
        return ST_OK;
    }
    while (length < path->len && path->data[length] != '.' && path->data[length] != '[')
        length++;
    if (length == 0)
        return path_error(context, *path);
    *name = slice_of(path->data, length);
    advance(path, length);
    return ST_OK;
}

/* Digits from position *at on; a number too long for any array saturates. */
static uint64_t take_digits(struct slice path, size_t *at)
{
    uint64_t number = 0;

    for (; *at < path.len && isdigit((unsigned char)path.data[*at]); (*at)++)
        if (number < UINT32_MAX)
            number = number * 10 + (uint64_t)(path.data[*at] - '0');
    return number;
}

/* [N], [#] or [#-N] against `array`, which may also be no array. *leads: whether there is such a
 * place. */
static enum status take_index(struct func_context *context, struct slice *path,
                              const struct json *array, uint64_t *index, bool *leads)
{
    size_t at = 1;
    uint64_t number = take_digits(*path, &at);

    *leads = true;
    if (at == 1 && at < path->len && path->data[1] == '#') {
        at = 2;
        number = array->count;
        if (array->type != JSON_ARRAY) {
            *leads = false;
            return ST_OK;
        }
        if (at + 1 < path->len && path->data[2] == '-' && isdigit((unsigned char)path->data[3])) {
            at = 3;
            uint64_t back = take_digits(*path, &at);
            *leads = back <= number;
            number -= *leads ? back : 0;
        }
    } else if (at == 1) {
        return path_error(context, *path);
    }
    if (*leads && (at >= path->len || path->data[at] != ']'))
        return path_error(context, *path);
    if (array->type != JSON_ARRAY)
        *leads = false;
    if (*leads)
        advance(path, at + 1);
    *index = number;
    return ST_OK;
}

/* A new node that what is left of the path can go on from: null at its end. NULL: it cannot. */
static struct json *node_for(struct arena *arena, struct slice rest, bool *possible)
{
    *possible = true;
    if (rest.len == 0)
        return json_new(arena, JSON_NULL);
    if (*rest.data == '.')
        return json_new(arena, JSON_OBJECT);
    if (slice_starts_with(rest, slice_text("[0]")))
        return json_new(arena, JSON_ARRAY);
    *possible = false;
    return NULL;
}

/* Hang a new node into `step->node` and go to it. */
static enum status create_child(struct func_context *context, struct slice rest, struct slice name,
                                struct json_step *step)
{
    bool possible;
    struct json *child = node_for(context->arena, rest, &possible);

    if (!possible) {
        step->node = NULL;
        return ST_OK;
    }
    if (child == NULL)
        return func_no_memory(context);
    child->name = name;
    json_append(step->node, child);
    step->parent = step->node;
    step->node = child;
    step->is_created = true;
    return ST_OK;
}

static void go_to(struct json_step *step, struct json *child)
{
    step->parent = step->node;
    step->node = child;
}

static enum status step_name(struct func_context *context, struct slice *path, bool create,
                             struct json_step *step)
{
    struct slice name;
    struct json *child;

    if (step->node->type != JSON_OBJECT) {
        step->node = NULL;
        return ST_OK;
    }
    advance(path, 1);
    TRY(take_name(context, path, &name));
    if (!create && !step->node->is_open) { /* straight from the document */
        struct value v = document_member(step->node->as.value, name);

        child = v.kind == VALUE_ABSENT ? NULL : json_of_value(context->arena, v);
        if (child == NULL && v.kind != VALUE_ABSENT)
            return func_no_memory(context);
        go_to(step, child);
        return ST_OK;
    }
    TRY(json_open(context, step->node));
    for (child = step->node->first; child != NULL; child = child->next) {
        if (json_has_name(context, child, name)) {
            go_to(step, child);
            return ST_OK;
        }
    }
    if (create)
        return create_child(context, *path, name, step);
    step->node = NULL;
    return ST_OK;
}

static enum status step_index(struct func_context *context, struct slice *path, bool create,
                              struct json_step *step)
{
    uint64_t index = 0;
    bool leads;
    struct json *child;

    TRY(json_open(context, step->node));
    TRY(take_index(context, path, step->node, &index, &leads));
    if (!leads) {
        step->node = NULL;
        return ST_OK;
    }
    if (index == step->node->count && create)
        return create_child(context, *path, slice_empty(), step);
    child = index < step->node->count ? step->node->first : NULL;
    for (; child != NULL && index > 0; index--)
        child = child->next;
    go_to(step, child);
    return ST_OK;
}

enum status json_walk(struct func_context *context, struct json *root, struct slice path,
                      bool create, struct json_step *out)
{
    *out = (struct json_step){.node = root};
    if (path.len == 0 || *path.data != '$')
        return path_error(context, path);
    advance(&path, 1);
    while (path.len != 0 && out->node != NULL) {
        if (*path.data == '.')
            TRY(step_name(context, &path, create, out));
        else if (*path.data == '[')
            TRY(step_index(context, &path, create, out));
        else
            return path_error(context, path);
    }
    return ST_OK;
}
