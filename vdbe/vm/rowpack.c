/* Rows as bytes: the values as they are in registers, with offsets for pointers, then their bytes.
 */
#include "vdbe/vm/vm_internal.h"

/* A stored record as an object that needs no cursor. */
static enum status build_object(struct value v, struct document_builder *builder, struct value *out)
{
    document_begin(builder);
    document_value(builder, v);
    return document_end(builder, out);
}

static bool is_record(const struct value *v)
{
    return v->kind == VALUE_OBJECT && (v->flags & VALUE_IS_RECORD) != 0;
}

enum status value_keep(struct value *v, struct arena *arena)
{
    struct document_builder builder = {0};
    enum status st = ST_OK;

    if (is_record(v))
        st = build_object(*v, &builder, v);
    if (st == ST_OK && value_has_bytes(*v)) {
        struct slice copy = arena_copy(arena, value_slice(*v));

        if (copy.data == NULL)
            st = ST_NO_MEMORY;
        v->as.data = copy.data;
    }
    document_deinit(&builder);
    return st;
}

/* Write value `at` of the row that begins at `start`; its bytes go behind everything so far. */
static void pack_value(struct buf *out, size_t start, unsigned at, struct value v)
{
    if (value_has_bytes(v)) {
        const size_t offset = out->len - start;

        buf_append(out, v.as.data, v.len);
        v.as.i = (int64_t)offset;
    }
    if (!out->failed)
        memcpy(out->data + start + at * sizeof(v), &v, sizeof(v));
}

enum status row_pack(struct buf *out, const struct value *values, unsigned count)
{
    const size_t start = out->len;

    if (!buf_reserve(out, count * sizeof(*values)))
        return ST_NO_MEMORY;
    out->len += count * sizeof(*values);
    for (unsigned k = 0; k < count; k++) {
        if (is_record(&values[k])) {
            struct document_builder builder = {0};
            struct value v;
            enum status st = build_object(values[k], &builder, &v);

            if (st == ST_OK)
                pack_value(out, start, k, v);
            document_deinit(&builder);
            TRY(st);
        } else {
            pack_value(out, start, k, values[k]);
        }
    }
    return buf_status(out);
}

void row_unpack(const char *row, struct value *out, unsigned count)
{
    if (count != 0)
        memcpy(out, row, count * sizeof(*out));
    for (unsigned k = 0; k < count; k++)
        if (value_has_bytes(out[k]))
            out[k].as.data = row + out[k].as.i;
}

enum status key_of_row(struct buf *out, const struct value *values, unsigned count,
                       const struct sort_part *parts, bool *has_null)
{
    buf_clear(out);
    *has_null = false;
    for (unsigned k = 0; k < count; k++) {
        const struct key_part part = {.collation = parts[k].collation};

        if (value_is_null(values[k]) && !parts[k].null_matches)
            *has_null = true;
        keycode_append_prefix(out, values[k], part);
    }
    /* No suffix: 1 and 1.0 are the same key. */
    return buf_status(out);
}

/* A multiplicative hash over 8-byte words: keys are short, and nobody outside sees the order. */
uint64_t bytes_hash(const void *bytes, size_t len)
{
    const uint64_t prime = 0x9e3779b97f4a7c15u;
    const char *at = bytes;
    uint64_t hash = len * prime;

    while (len >= 8) {
        uint64_t word;

        memcpy(&word, at, 8);
        hash = (hash ^ word) * prime;
        hash ^= hash >> 29;
        at += 8;
        len -= 8;
    }
    if (len > 0) {
        uint64_t word = 0;

        memcpy(&word, at, len);
        hash = (hash ^ word) * prime;
        hash ^= hash >> 29;
    }
    hash *= 0xbf58476d1ce4e5b9u;
    return hash ^ (hash >> 32);
}
