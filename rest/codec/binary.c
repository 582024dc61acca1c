/* Items to a document: what the binary formats have in common. */
#include "rest/codec/codec_internal.h"
#include "storage/value/record.h"
#include <math.h>

struct level {
    uint64_t remaining; /* values to come, names not counted */
    bool is_indefinite, is_object;
};

struct tree {
    struct binary_reader *reader;
    struct document_builder builder;
    struct level levels[DOCUMENT_DEPTH_MAX];
    unsigned depth;
};

enum status binary_fail(struct binary_reader *reader, enum status status, const char *what)
{
    return error_set(reader->err, status, reader->at - reader->start, "%s: %s", reader->format,
                     what);
}

enum status binary_take(struct binary_reader *reader, uint64_t bytes, struct slice *out)
{
    if (bytes > (uint64_t)(reader->end - reader->at))
        return binary_fail(reader, ST_SYNTAX, "the bytes end within a value");
    if (bytes > 1u << 30)
        return binary_fail(reader, ST_TOO_BIG, "a value of more than 1 GiB");
    *out = slice_of(reader->at, (size_t)bytes);
    reader->at += bytes;
    return ST_OK;
}

enum status binary_take_number(struct binary_reader *reader, unsigned bytes, uint64_t *out)
{
    struct slice raw;
    uint64_t number = 0;

    TRY(binary_take(reader, bytes, &raw));
    for (unsigned k = 0; k < bytes; k++)
        number = number << 8 | (unsigned char)raw.data[k];
    *out = number;
    return ST_OK;
}

enum status binary_take_text(struct binary_reader *reader, uint64_t bytes, struct value *out)
{
    struct slice text;

    TRY(binary_take(reader, bytes, &text));
    if (!utf8_is_valid(text))
        return binary_fail(reader, ST_SYNTAX, "a text is not UTF-8");
    *out = value_text(text);
    return ST_OK;
}

enum status binary_take_bytes(struct binary_reader *reader, uint64_t bytes, struct value *out)
{
    struct slice raw;

    TRY(binary_take(reader, bytes, &raw));
    *out = value_bytes(raw);
    return ST_OK;
}

/* Within the years that a date of ECMAScript has. */
enum status binary_date_of_seconds(struct binary_reader *reader, double seconds, struct value *out)
{
    double ms = rint(seconds * 1000.0);

    if (!(ms >= -8.64e15 && ms <= 8.64e15))
        return binary_fail(reader, ST_SYNTAX, "a date out of range");
    *out = value_date((int64_t)ms);
    return ST_OK;
}

static enum status open_level(struct tree *tree, const struct item *item)
{
    bool is_object = item->kind == ITEM_OBJECT;
    uint64_t left = (uint64_t)(tree->reader->end - tree->reader->at);

    if (tree->depth == DOCUMENT_DEPTH_MAX)
        return error_set(tree->reader->err, ST_LIMIT, tree->reader->at - tree->reader->start,
                         "%s: nested deeper than %d levels", tree->reader->format,
                         DOCUMENT_DEPTH_MAX);
    if (!item->is_indefinite && item->count > left / (is_object ? 2 : 1))
        return binary_fail(tree->reader, ST_SYNTAX, "more values are announced than bytes follow");
    if (is_object)
        document_open_object(&tree->builder);
    else
        document_open_array(&tree->builder);
    tree->levels[tree->depth++] = (struct level){item->count, item->is_indefinite, is_object};
    return ST_OK;
}

static void close_level(struct tree *tree)
{
    document_close(&tree->builder);
    tree->depth--;
}

/* All that is complete is closed. */
static void close_complete(struct tree *tree)
{
    while (tree->depth > 0 && !tree->levels[tree->depth - 1].is_indefinite &&
           tree->levels[tree->depth - 1].remaining == 0)
        close_level(tree);
}

/* The next element, or name and member, or the end of an open level. */
static enum status read_next(struct tree *tree)
{
    struct binary_reader *reader = tree->reader;
    struct level *level = &tree->levels[tree->depth - 1];
    struct item item;

    TRY(reader->read_item(reader, &item));
    if (item.kind == ITEM_BREAK) {
        if (!level->is_indefinite)
            return binary_fail(reader, ST_SYNTAX, "an end where nothing without a length is open");
        close_level(tree);
        close_complete(tree);
        return ST_OK;
    }
    if (level->is_object) {
        if (item.kind != ITEM_SCALAR || item.scalar.kind != VALUE_TEXT)
            return binary_fail(reader, ST_SYNTAX, "the name of a member is not a text");
        document_name(&tree->builder, value_slice(item.scalar));
        TRY(reader->read_item(reader, &item));
        if (item.kind == ITEM_BREAK)
            return binary_fail(reader, ST_SYNTAX, "a name without a value");
    }
    if (!level->is_indefinite)
        level->remaining--;
    if (item.kind == ITEM_SCALAR)
        document_value(&tree->builder, item.scalar);
    else
        TRY(open_level(tree, &item));
    close_complete(tree);
    return ST_OK;
}

static enum status read_document(struct tree *tree, const struct item *first, struct value *out)
{
    struct slice copy;
    enum status st;

    document_begin(&tree->builder);
    TRY(open_level(tree, first));
    close_complete(tree);
    while (tree->depth > 0)
        TRY(read_next(tree));
    st = document_end(&tree->builder, out);
    if (st != ST_OK)
        return binary_fail(tree->reader, st, status_text(st));
    copy = arena_copy(tree->reader->arena, value_slice(*out));
    out->as.data = copy.data;
    return copy.data == NULL ? ST_NO_MEMORY : ST_OK;
}

enum status binary_read(struct binary_reader *reader, struct slice bytes, struct value *out,
                        struct slice *rest)
{
    struct tree tree = {.reader = reader};
    struct item item;
    enum status st;

    reader->start = reader->at = (const uint8_t *)(bytes.len == 0 ? "" : bytes.data);
    reader->end = reader->start + bytes.len;
    *out = value_absent();
    st = reader->read_item(reader, &item);
    if (st == ST_OK && item.kind == ITEM_BREAK)
        st = binary_fail(reader, ST_SYNTAX, "an end where nothing without a length is open");
    if (st == ST_OK && item.kind == ITEM_SCALAR)
        *out = item.scalar;
    else if (st == ST_OK)
        st = read_document(&tree, &item, out);
    if (st != ST_OK)
        *out = value_absent();
    *rest = slice_of(reader->at, (size_t)(reader->end - reader->at));
    document_deinit(&tree.builder);
    return st;
}

enum status binary_read_all(struct binary_reader *reader, struct slice bytes, struct value *out)
{
    struct slice rest;

    TRY(binary_read(reader, bytes, out, &rest));
    if (rest.len == 0)
        return ST_OK;
    *out = value_absent();
    return binary_fail(reader, ST_SYNTAX, "something follows the value");
}

size_t member_count(struct value object)
{
    size_t count = document_count(object), there = 0;
    struct slice name;

    if ((object.flags & VALUE_IS_RECORD) == 0)
        return count;
    for (size_t k = 0; k < count; k++)
        there += document_member_at(object, k, &name).kind != VALUE_ABSENT;
    return there;
}
