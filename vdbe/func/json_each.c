/*
 * json_each and json_tree: the members or elements of what stands at a path, or everything below
 * it, one row each. A document is read in place, level by level, and never becomes text.
 */
#include "vdbe/func/json_internal.h"
#include "vdbe/func/table_internal.h"

enum {
    EACH_KEY,
    EACH_VALUE,
    EACH_TYPE,
    EACH_ATOM,
    EACH_ID,
    EACH_PARENT,
    EACH_FULLKEY,
    EACH_PATH,
    EACH_JSON,
    EACH_ROOT,
    EACH_COLUMN_COUNT,
};

/* An array or object whose children are being given out. */
struct level {
    struct json *container;
    struct json *child; /* the current one */
    int64_t index;      /* its number */
    size_t path_bytes;  /* the container's path is that much of `path` */
};

struct each {
    struct arena arena; /* the tree, and what columns make */
    struct json *root;  /* of the whole JSON */
    struct json *start; /* what the path leads to */
    struct value json, root_path;
    struct json *row; /* NULL before the first */
    struct buf path;  /* of the current row */
    struct buf levels;
    bool is_numbered;
    bool is_done;
};

/* A context whose results live as long as the cursor. */
static struct func_context inside(const struct func_context *context, struct each *e)
{
    struct func_context own = *context;

    own.arena = &e->arena;
    return own;
}

static struct level *top(struct each *e)
{
    return e->levels.len == 0
               ? NULL
               : (struct level *)(void *)(e->levels.data + e->levels.len - sizeof(struct level));
}

static enum status open_each(struct func_context *context, void *cursor, unsigned count,
                             const struct value *args)
{
    struct each *e = cursor;
    struct func_context own = inside(context, e);
    struct json_step step;

    e->json = args[0];
    e->root_path = value_text(slice_text("$"));
    e->is_done = count == 0 || value_is_null(args[0]);
    if (e->is_done)
        return ST_OK;
    TRY(json_of_argument(&own, args[0], &e->root));
    e->start = e->root;
    if (count > 1 && args[1].kind != VALUE_ABSENT) {
        if (value_is_null(args[1])) {
            e->is_done = true;
            return ST_OK;
        }
        e->root_path = value_text(func_text(&own, args[1]));
        /* Walked as if to change it, which opens every level: ids are counted over the linked tree.
         */
        TRY(json_walk(&own, e->root, value_slice(e->root_path), false, &step));
        if (step.node != NULL && step.node != e->root)
            TRY(json_walk(&own, e->root, value_slice(e->root_path), true, &step));
        e->start = step.node;
        e->is_done = step.node == NULL;
    }
    buf_append_slice(&e->path, value_slice(e->root_path));
    return buf_status(&e->path) == ST_OK ? ST_OK : func_no_memory(context);
}

static bool is_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.len != 0;
}

static void append_step(struct each *e, const struct level *level)
{
    const struct json *child = level->child;

    e->path.len = level->path_bytes;
    if (level->container->type == JSON_ARRAY) {
        buf_printf(&e->path, "[%lld]", (long long)level->index);
        return;
    }
    struct slice name = child->name;
    if (child->name_is_raw)
        name = slice_of(name.data + 1, name.len - 2);
    if (is_plain_name(name)) {
        buf_append_byte(&e->path, '.');
        buf_append_slice(&e->path, name);
    } else if (child->name_is_raw) {
        buf_append_byte(&e->path, '.');
        buf_append_slice(&e->path, child->name);
    } else {
        buf_append_byte(&e->path, '.');
        json_put_text(&e->path, name);
    }
}

static enum status push(struct func_context *context, struct each *e, struct json *container)
{
    struct level level = {.container = container, .index = -1, .path_bytes = e->path.len};

    TRY(json_open(context, container));
    buf_append(&e->levels, &level, sizeof(level));
    return buf_status(&e->levels) == ST_OK ? ST_OK : func_no_memory(context);
}

/* The next child of the innermost level that has one. */
static enum status advance(struct func_context *context, struct each *e)
{
    struct level *level;

    while ((level = top(e)) != NULL) {
        level->child = level->index < 0 ? level->container->first : level->child->next;
        level->index++;
        if (level->child != NULL) {
            e->row = level->child;
            append_step(e, level);
            return buf_status(&e->path) == ST_OK ? ST_ROW : func_no_memory(context);
        }
        e->levels.len -= sizeof(struct level);
    }
    e->is_done = true;
    return ST_DONE;
}

static enum status each_next(struct func_context *context, void *cursor)
{
    struct each *e = cursor;
    struct func_context own = inside(context, e);

    if (e->is_done)
        return ST_DONE;
    if (e->row == NULL) {
        if (e->start->type < JSON_ARRAY) { /* a scalar is its own only row */
            e->row = e->start;
            return ST_ROW;
        }
        TRY(push(&own, e, e->start));
    }
    return advance(&own, e);
}

static enum status tree_next(struct func_context *context, void *cursor)
{
    struct each *e = cursor;
    struct func_context own = inside(context, e);

    if (e->is_done)
        return ST_DONE;
    if (e->row == NULL) {
        e->row = e->start;
        return ST_ROW;
    }
    if (e->row->type >= JSON_ARRAY)
        TRY(push(&own, e, e->row));
    return advance(&own, e);
}

/* Ids count nodes and names in the order they are written in. */
static enum status number_nodes(struct func_context *context, struct json *node, uint32_t *next)
{
    node->id = (*next)++;
    if (node->type < JSON_ARRAY)
        return ST_OK;
    TRY(json_open(context, node));
    for (struct json *child = node->first; child != NULL; child = child->next) {
        *next += node->type == JSON_OBJECT;
        TRY(number_nodes(context, child, next));
    }
    return ST_OK;
}

static enum status id_of(struct func_context *context, struct each *e, const struct json *node,
                         struct value *out)
{
    uint32_t next = 0;

    if (!e->is_numbered)
        TRY(number_nodes(context, e->root, &next));
    e->is_numbered = true;
    *out = value_int(node->id);
    return ST_OK;
}

/* A path without its last step. */
static size_t parent_path(struct slice path)
{
    size_t start = path.len < 1 ? 0 : 1;
    size_t at = start;

    while (at < path.len) {
        start = at;
        if (path.data[at] == '.' && at + 1 < path.len && path.data[at + 1] == '"') {
            const char *close = memchr(path.data + at + 2, '"', path.len - at - 2);
            at = close == NULL ? path.len : (size_t)(close - path.data) + 1;
            continue;
        }
        for (at++; at < path.len && path.data[at] != '.' && path.data[at] != '['; at++)
            ;
    }
    return start;
}

static enum status key_of(struct func_context *context, const struct each *e,
                          const struct level *level, struct value *out)
{
    struct slice name;

    *out = value_null();
    if (level == NULL)
        return ST_OK;
    if (level->container->type == JSON_ARRAY) {
        *out = value_int(level->index);
        return ST_OK;
    }
    TRY(json_plain_name(context, e->row, &name));
    *out = value_text(name);
    return ST_OK;
}

static enum status give_path(struct func_context *context, const struct each *e, size_t length,
                             struct value *out)
{
    struct slice copy = arena_copy(context->arena, slice_of(e->path.data, length));

    if (copy.data == NULL)
        return func_no_memory(context);
    *out = value_text(copy);
    return ST_OK;
}

static enum status give_column(struct func_context *context, struct each *e, unsigned column,
                               bool is_tree, struct value *out)
{
    const struct level *level = top(e);

    *out = value_null();
    switch (column) {
    case EACH_KEY:
        return key_of(context, e, level, out);
    case EACH_VALUE:
        return json_to_sql(context, e->row, out);
    case EACH_TYPE:
        *out = value_text(slice_text(json_type_name((enum json_type)e->row->type)));
        return ST_OK;
    case EACH_ATOM:
        return e->row->type < JSON_ARRAY ? json_to_sql(context, e->row, out) : ST_OK;
    case EACH_ID:
        return id_of(context, e, e->row, out);
    case EACH_PARENT:
        return is_tree && level != NULL ? id_of(context, e, level->container, out) : ST_OK;
    case EACH_FULLKEY:
        return give_path(context, e, e->path.len, out);
    case EACH_PATH:
        if (level != NULL)
            return give_path(context, e, level->path_bytes, out);
        return give_path(context, e, is_tree ? parent_path(buf_slice(&e->path)) : e->path.len, out);
    case EACH_JSON:
        *out = e->json;
        return ST_OK;
    case EACH_ROOT:
        *out = e->root_path;
        return ST_OK;
    default: /* columns are numbered by the caller, who read their count */
        return error_set(context->err, ST_MISUSE, -1, "no column %u", column);
    }
}

/* Results live in the arena of the call; only the tree grows with the cursor. */
static enum status each_column(struct func_context *context, void *cursor, unsigned column,
                               struct value *out)
{
    struct func_context own = inside(context, cursor);

    if (column == EACH_ID || column == EACH_PARENT)
        return give_column(&own, cursor, column, false, out);
    return give_column(context, cursor, column, false, out);
}

static enum status tree_column(struct func_context *context, void *cursor, unsigned column,
                               struct value *out)
{
    struct func_context own = inside(context, cursor);

    if (column == EACH_ID || column == EACH_PARENT)
        return give_column(&own, cursor, column, true, out);
    return give_column(context, cursor, column, true, out);
}

static void close_each(void *cursor)
{
    struct each *e = cursor;

    arena_deinit(&e->arena);
    buf_free(&e->path);
    buf_free(&e->levels);
}

static const struct func_table_column each_columns[] = {
    [EACH_KEY] = {"key", false, 0},
    [EACH_VALUE] = {"value", false, 0},
    [EACH_TYPE] = {"type", false, 1 + VALUE_TEXT},
    [EACH_ATOM] = {"atom", false, 0},
    [EACH_ID] = {"id", false, 1 + VALUE_INT},
    [EACH_PARENT] = {"parent", false, 1 + VALUE_INT},
    [EACH_FULLKEY] = {"fullkey", false, 1 + VALUE_TEXT},
    [EACH_PATH] = {"path", false, 1 + VALUE_TEXT},
    [EACH_JSON] = {"json", true, 0},
    [EACH_ROOT] = {"root", true, 1 + VALUE_TEXT},
};

const struct func_table table_json_each = {
    .name = "json_each",
    .args_min = 1,
    .args_max = 2,
    .column_count = EACH_COLUMN_COUNT,
    .columns = each_columns,
    .cursor_bytes = sizeof(struct each),
    .open = open_each,
    .next = each_next,
    .column = each_column,
    .close = close_each,
    .summary = "one row for each member or element of X, or of what stands at path Y in it",
};

const struct func_table table_json_tree = {
    .name = "json_tree",
    .args_min = 1,
    .args_max = 2,
    .column_count = EACH_COLUMN_COUNT,
    .columns = each_columns,
    .cursor_bytes = sizeof(struct each),
    .open = open_each,
    .next = tree_next,
    .column = tree_column,
    .close = close_each,
    .summary = "one row for X, or what stands at path Y in it, and for everything below",
};
