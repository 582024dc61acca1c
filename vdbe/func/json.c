/*
 * SQLite's JSON functions. They take JSON as text or as an array or object of the engine; what is
 * made from text is text (flagged as JSON), what is made from a document is a document, so that a
 * stored document stays one when json_set changes it.
 */
#include "vdbe/func/aggregate_internal.h"
#include "vdbe/func/json_internal.h"
#include <ctype.h>

static enum status walk_argument(struct func_context *context, struct json *root, struct value path,
                                 bool create, struct json_step *out)
{
    return json_walk(context, root, func_text(context, path), create, out);
}

SCALAR(fn_json)
{
    struct json *root;

    *out = value_null();
    if (value_is_null(args[0]))
        return ST_OK;
    TRY(json_of_argument(context, args[0], &root));
    if (root->is_value) { /* a document is JSON already */
        *out = args[0];
        return ST_OK;
    }
    struct buf text = {0};
    json_put(&text, root);
    return func_give_buf(context, &text, true, out);
}

SCALAR(fn_json_valid)
{
    struct value v = args[0];
    bool is_valid = v.kind == VALUE_ARRAY || v.kind == VALUE_OBJECT || v.kind == VALUE_BOOL;

    if (!is_valid && !value_is_null(v))
        is_valid = json_is_valid(func_text(context, v));
    *out = value_int(is_valid);
    return ST_OK;
}

SCALAR(fn_json_quote)
{
    struct buf text = {0};
    enum status st = json_put_sql(context, &text, args[0]);

    if (st == ST_OK)
        return func_give_buf(context, &text, true, out);
    buf_free(&text);
    return st;
}

/* ---- making ---- */

SCALAR(fn_json_array)
{
    struct buf text = {0};
    enum status st = ST_OK;

    buf_append_byte(&text, '[');
    for (unsigned i = 0; i < count && st == ST_OK; i++) {
        if (i != 0)
            buf_append_byte(&text, ',');
        st = json_put_sql(context, &text, args[i]);
    }
    buf_append_byte(&text, ']');
    if (st == ST_OK)
        return func_give_buf(context, &text, true, out);
    buf_free(&text);
    return st;
}

SCALAR(fn_json_object)
{
    struct buf text = {0};
    enum status st = ST_OK;

    if (count % 2 != 0)
        return error_set(context->err, ST_INVALID, -1,
                         "json_object() requires an even number of arguments");
    buf_append_byte(&text, '{');
    for (unsigned i = 0; i < count && st == ST_OK; i += 2) {
        if (args[i].kind != VALUE_TEXT) {
            st = error_set(context->err, ST_TYPE, -1, "json_object() labels must be TEXT");
            break;
        }
        if (i != 0)
            buf_append_byte(&text, ',');
        json_put_text(&text, value_slice(args[i]));
        buf_append_byte(&text, ':');
        st = json_put_sql(context, &text, args[i + 1]);
    }
    buf_append_byte(&text, '}');
    if (st == ST_OK)
        return func_give_buf(context, &text, true, out);
    buf_free(&text);
    return st;
}

/* ---- looking ---- */

/* The node at a path, or the root when there is no path argument. *node NULL: null or nowhere. */
static enum status find(struct func_context *context, unsigned count, const struct value *args,
                        struct json **node)
{
    struct json_step step;
    struct json *root;

    *node = NULL;
    if (value_is_null(args[0]))
        return ST_OK;
    TRY(json_of_argument(context, args[0], &root));
    if (count == 1) {
        *node = root;
        return ST_OK;
    }
    if (value_is_null(args[1]))
        return ST_OK;
    TRY(walk_argument(context, root, args[1], false, &step));
    *node = step.node;
    return ST_OK;
}

SCALAR(fn_json_type)
{
    struct json *node;

    TRY(find(context, count, args, &node));
    *out = node == NULL ? value_null()
                        : value_text(slice_text(json_type_name((enum json_type)node->type)));
    return ST_OK;
}

SCALAR(fn_json_array_length)
{
    struct json *node;

    TRY(find(context, count, args, &node));
    *out = value_null();
    if (node == NULL)
        return ST_OK;
    if (node->type == JSON_ARRAY && !node->is_open)
        *out = value_int((int64_t)document_count(node->as.value));
    else
        *out = value_int(node->type == JSON_ARRAY ? node->count : 0);
    return ST_OK;
}

/* Several paths: an array of what they lead to. */
static enum status extract_many(struct func_context *context, struct json *root, unsigned count,
                                const struct value *paths, struct value *out)
{
    struct buf text = {0};
    enum status st = ST_OK;

    buf_append_byte(&text, '[');
    for (unsigned i = 0; i < count && st == ST_OK; i++) {
        struct json_step step = {0};

        if (i != 0)
            buf_append_byte(&text, ',');
        if (!value_is_null(paths[i]))
            st = walk_argument(context, root, paths[i], false, &step);
        if (st != ST_OK)
            break;
        if (step.node != NULL)
            json_put(&text, step.node);
        else
            buf_append_text(&text, "null");
    }
    buf_append_byte(&text, ']');
    if (st == ST_OK)
        return func_give_buf(context, &text, true, out);
    buf_free(&text);
    return st;
}

SCALAR(fn_json_extract)
{
    struct json *root, *node;

    *out = value_null();
    if (count < 2 || value_is_null(args[0]))
        return ST_OK;
    if (count > 2) {
        TRY(json_of_argument(context, args[0], &root));
        return extract_many(context, root, count - 1, args + 1, out);
    }
    TRY(find(context, count, args, &node));
    return node == NULL ? ST_OK : json_to_sql(context, node, out);
}

/* The right side of -> may be a whole path, a number of an element, or a name. */
static enum status arrow(struct func_context *context, const struct value *args, struct json **node)
{
    struct slice step = func_text(context, args[1]);
    struct json_step found;
    struct json *root;
    const char *path;

    *node = NULL;
    if (value_is_null(args[0]) || value_is_null(args[1]))
        return ST_OK;
    TRY(json_of_argument(context, args[0], &root));
    if (step.len != 0 && *step.data == '$') {
        path = NULL;
    } else if (step.len != 0 && isdigit((unsigned char)*step.data)) {
        path = arena_printf(context->arena, "$[%.*s]", (int)step.len, step.data);
    } else {
        bool is_index = step.len != 0 && *step.data == '[';
        path = arena_printf(context->arena, "$%s%.*s", is_index ? "" : ".", (int)step.len,
                            step.len == 0 ? "" : step.data);
    }
    if (path != NULL)
        step = slice_text(path);
    else if (step.len == 0 || *step.data != '$')
        return func_no_memory(context);
    TRY(json_walk(context, root, step, false, &found));
    *node = found.node;
    return ST_OK;
}

SCALAR(fn_json_arrow)
{
    struct json *node;
    struct buf text = {0};

    TRY(arrow(context, args, &node));
    *out = value_null();
    if (node == NULL)
        return ST_OK;
    if (node->is_value && node->type >= JSON_ARRAY)
        return json_to_sql(context, node, out);
    json_put(&text, node);
    return func_give_buf(context, &text, true, out);
}

SCALAR(fn_json_arrow_text)
{
    struct json *node;

    TRY(arrow(context, args, &node));
    *out = value_null();
    if (node == NULL)
        return ST_OK;
    TRY(json_to_sql(context, node, out));
    out->flags &= (uint8_t)~VALUE_IS_JSON;
    return ST_OK;
}

/* ---- changing ---- */

enum edit { EDIT_INSERT, EDIT_REPLACE, EDIT_SET };

/* Put the content of `from` in the place of `node`; name and place in its container stay. */
static void overwrite(struct json *node, const struct json *from)
{
    struct json kept = *node;

    *node = *from;
    node->name = kept.name;
    node->name_is_raw = kept.name_is_raw;
    node->next = kept.next;
}

static enum status edit(struct func_context *context, const char *name, enum edit how,
                        unsigned count, const struct value *args, struct value *out)
{
    struct json *root, *content;

    if (count % 2 == 0)
        return error_set(context->err, ST_INVALID, -1, "%s() needs an odd number of arguments",
                         name);
    *out = value_null();
    if (value_is_null(args[0]))
        return ST_OK;
    TRY(json_of_argument(context, args[0], &root));
    for (unsigned i = 1; i < count; i += 2) {
        struct json_step step;

        if (value_is_null(args[i]))
            continue;
        TRY(walk_argument(context, root, args[i], how != EDIT_REPLACE, &step));
        if (step.node == NULL || (how == EDIT_INSERT && !step.is_created))
            continue;
        TRY(json_of_sql(context, args[i + 1], &content));
        overwrite(step.node, content);
    }
    return json_give(context, root, args[0], out);
}

SCALAR(fn_json_insert)
{
    return edit(context, "json_insert", EDIT_INSERT, count, args, out);
}

SCALAR(fn_json_replace)
{
    return edit(context, "json_replace", EDIT_REPLACE, count, args, out);
}

SCALAR(fn_json_set)
{
    return edit(context, "json_set", EDIT_SET, count, args, out);
}

static void unlink_child(struct json *container, const struct json *child)
{
    struct json *before = NULL;

    for (struct json *at = container->first; at != child; at = at->next)
        before = at;
    if (before == NULL)
        container->first = child->next;
    else
        before->next = child->next;
    if (container->last == child)
        container->last = before;
    container->count--;
}

/* Everything on the way to a place must be opened, or there is nothing to take it out of. */
static enum status walk_to_change(struct func_context *context, struct json *root,
                                  struct value path, struct json_step *step)
{
    struct slice text = func_text(context, path);
    struct json_step probe;

    TRY(json_walk(context, root, text, false, &probe));
    *step = probe;
    if (probe.node == NULL || probe.parent == NULL)
        return ST_OK;
    /* The place is there, so the creating walk, which opens each level, makes nothing new. */
    return json_walk(context, root, text, true, step);
}

SCALAR(fn_json_remove)
{
    struct json *root;

    *out = value_null();
    if (count == 0 || value_is_null(args[0]))
        return ST_OK;
    TRY(json_of_argument(context, args[0], &root));
    for (unsigned i = 1; i < count; i++) {
        struct json_step step;

        if (value_is_null(args[i]))
            return ST_OK;
        TRY(walk_to_change(context, root, args[i], &step));
        if (step.node == root)
            return ST_OK;
        if (step.node != NULL)
            unlink_child(step.parent, step.node);
    }
    return json_give(context, root, args[0], out);
}

/* ---- RFC 7396 ---- */

static struct json *member_like(struct func_context *context, struct json *object,
                                const struct json *member)
{
    struct slice name;

    if (json_plain_name(context, member, &name) != ST_OK)
        return NULL;
    for (struct json *at = object->first; at != NULL; at = at->next)
        if (json_has_name(context, at, name))
            return at;
    return NULL;
}

/* `target` NULL: there was nothing. The result is *out; nodes of both trees are reused. */
static enum status merge(struct func_context *context, struct json *target, struct json *patch,
                         struct json **out)
{
    *out = patch;
    if (patch->type != JSON_OBJECT)
        return ST_OK;
    TRY(json_open(context, patch));
    if (target == NULL || target->type != JSON_OBJECT)
        target = json_new(context->arena, JSON_OBJECT);
    if (target == NULL)
        return func_no_memory(context);
    TRY(json_open(context, target));
    for (struct json *member = patch->first, *next; member != NULL; member = next) {
        struct json *old = member_like(context, target, member);
        struct json *merged;

        next = member->next;
        if (member->type == JSON_NULL) {
            if (old != NULL)
                unlink_child(target, old);
            continue;
        }
        TRY(merge(context, old, member, &merged));
        if (old == NULL) {
            merged->name = member->name;
            merged->name_is_raw = member->name_is_raw;
            json_append(target, merged);
        } else if (merged != old) {
            overwrite(old, merged);
        }
    }
    *out = target;
    return ST_OK;
}

SCALAR(fn_json_patch)
{
    struct json *target, *patch, *merged;

    *out = value_null();
    if (value_is_null(args[0]) || value_is_null(args[1]))
        return ST_OK;
    TRY(json_of_argument(context, args[0], &target));
    TRY(json_of_argument(context, args[1], &patch));
    TRY(merge(context, target, patch, &merged));
    if (args[0].kind == VALUE_ARRAY || args[0].kind == VALUE_OBJECT)
        return json_give(context, merged, args[0], out);
    struct buf text = {0};
    json_put(&text, merged);
    return func_give_buf(context, &text, true, out);
}

/* ---- aggregates ---- */

/* The text grows without its first bracket; an element that leaves a frame takes the comma behind
 * it. */
static enum status group_add(struct func_context *context, struct json_group_state *s,
                             const struct value *name, struct value v)
{
    enum status st = ST_OK;
    uint32_t length;

    size_t before = s->text.len;
    if (name != NULL) {
        json_put_text(&s->text, func_text(context, *name));
        buf_append_byte(&s->text, ':');
    }
    st = json_put_sql(context, &s->text, v);
    if (st != ST_OK)
        return st;
    buf_append_byte(&s->text, ',');
    length = (uint32_t)(s->text.len - before);
    buf_append(&s->lengths, &length, sizeof(length));
    s->elements++;
    if (buf_status(&s->text) != ST_OK || buf_status(&s->lengths) != ST_OK)
        return func_no_memory(context);
    return ST_OK;
}

static void group_forget(struct json_group_state *s)
{
    uint32_t length;

    memcpy(&length, s->lengths.data + s->lengths_start, sizeof(length));
    s->lengths_start += sizeof(length);
    s->start += length;
    if (--s->elements == 0) {
        s->text.len = s->start = 0;
        s->lengths.len = s->lengths_start = 0;
    } else if (s->start > 4096 && s->start > s->text.len / 2) {
        memmove(s->text.data, s->text.data + s->start, s->text.len - s->start);
        s->text.len -= s->start;
        s->start = 0;
        memmove(s->lengths.data, s->lengths.data + s->lengths_start,
                s->lengths.len - s->lengths_start);
        s->lengths.len -= s->lengths_start;
        s->lengths_start = 0;
    }
}

static enum status group_give(struct func_context *context, const struct json_group_state *s,
                              const char *brackets, struct value *out)
{
    size_t length = s->elements == 0 ? 0 : s->text.len - s->start - 1;
    char *room;

    TRY(func_room(context, (uint64_t)length + 2, &room));
    room[0] = brackets[0];
    if (length != 0)
        memcpy(room + 1, s->text.data + s->start, length);
    room[length + 1] = brackets[1];
    *out = func_json_text(slice_of(room, length + 2));
    return ST_OK;
}

static void group_free(struct json_group_state *s)
{
    buf_free(&s->text);
    buf_free(&s->lengths);
}

STEP(json_group_array_step)
{
    return group_add(context, state, NULL, args[0]);
}

STEP(json_group_array_inverse)
{
    group_forget(state);
    return ST_OK;
}

RESULT(json_group_array_result)
{
    return group_give(context, state, "[]", out);
}

void json_group_array_deinit(void *state)
{
    group_free(state);
}

STEP(json_group_object_step)
{
    return group_add(context, state, &args[0], args[1]);
}

STEP(json_group_object_inverse)
{
    group_forget(state);
    return ST_OK;
}

RESULT(json_group_object_result)
{
    return group_give(context, state, "{}", out);
}

void json_group_object_deinit(void *state)
{
    group_free(state);
}
