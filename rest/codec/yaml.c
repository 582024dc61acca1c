/*
 * YAML 1.2, written only: block style for arrays and objects, JSON's form for everything else,
 * which every YAML reader takes as JSON means it.
 */
#include "rest/codec/codec_internal.h"

static void indent(struct buf *out, unsigned depth)
{
    buf_append_fill(out, ' ', (size_t)depth * 2);
}

static void write_scalar(struct buf *out, struct value v)
{
    if (v.kind == VALUE_REAL && v.as.d - v.as.d != 0)
        buf_append_text(out, v.as.d > 0 ? ".inf" : "-.inf");
    else
        json_write(out, v);
}

static void write_block(struct buf *out, struct value v, unsigned depth);

static bool is_block(struct value v)
{
    return v.kind == VALUE_ARRAY    ? document_count(v) > 0
           : v.kind == VALUE_OBJECT ? member_count(v) > 0
                                    : false;
}

static void write_array(struct buf *out, struct value array, unsigned depth)
{
    size_t count = document_count(array);

    for (size_t k = 0; k < count; k++) {
        if (k > 0)
            indent(out, depth);
        buf_append_text(out, "- ");
        write_block(out, document_element(array, k), depth + 1);
    }
}

static void write_object(struct buf *out, struct value object, unsigned depth)
{
    size_t count = document_count(object);
    bool is_first = true;

    for (size_t k = 0; k < count; k++) {
        struct slice name;
        struct value member = document_member_at(object, k, &name);

        if (member.kind == VALUE_ABSENT)
            continue;
        if (!is_first)
            indent(out, depth);
        is_first = false;
        json_write_text(out, name);
        buf_append_byte(out, ':');
        if (is_block(member)) {
            buf_append_byte(out, '\n');
            indent(out, depth + 1);
        } else {
            buf_append_byte(out, ' ');
        }
        write_block(out, member, depth + 1);
    }
}

/* The line has been indented for `depth`. */
static void write_block(struct buf *out, struct value v, unsigned depth)
{
    if (!is_block(v)) {
        write_scalar(out, v);
        buf_append_byte(out, '\n');
    } else if (v.kind == VALUE_ARRAY) {
        write_array(out, v, depth);
    } else {
        write_object(out, v, depth);
    }
}

void yaml_write(struct buf *out, struct value v)
{
    write_block(out, v, 0);
}
