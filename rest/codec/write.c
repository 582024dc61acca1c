/* Values and rows to bytes, whatever the type. */
#include "rest/codec/codec_internal.h"

void codec_write(enum media media, struct buf *out, struct value v)
{
    switch (media) {
    case MEDIA_CBOR:
        cbor_write(out, v);
        return;
    case MEDIA_MSGPACK:
        msgpack_write(out, v);
        return;
    case MEDIA_YAML:
        yaml_write(out, v);
        return;
    case MEDIA_CSV:
        csv_write_field(out, v);
        return;
    case MEDIA_TEXT:
    case MEDIA_RAW:
        if (v.kind == VALUE_TEXT || (v.kind == VALUE_BYTES && media == MEDIA_RAW)) {
            buf_append_slice(out, value_slice(v));
            return;
        }
        break;
    case MEDIA_JSON:
    case MEDIA_NDJSON:
    case MEDIA_FORM:
    case MEDIA_MULTIPART:
    case MEDIA_NONE:
        break;
    }
    json_write(out, v);
}

/* ---- rows ---- */

static void write_json_row(struct buf *out, const struct codec_row *row)
{
    bool is_object = row->form == CODEC_OBJECT, is_first = true;

    buf_append_byte(out, is_object ? '{' : '[');
    for (size_t k = 0; k < row->count; k++) {
        if (is_object && row->values[k].kind == VALUE_ABSENT)
            continue;
        if (!is_first)
            buf_append_byte(out, ',');
        is_first = false;
        if (is_object) {
            json_write_text(out, row->name(row->context, k));
            buf_append_byte(out, ':');
        }
        json_write(out, row->values[k]);
    }
    buf_append_byte(out, is_object ? '}' : ']');
}

/* The columns as one document: for the forms whose heads need counts, and for YAML. */
static enum status build_row(const struct codec_row *row, struct document_builder *builder,
                             struct value *out)
{
    document_begin(builder);
    if (row->form == CODEC_ARRAY)
        document_open_array(builder);
    else
        document_open_object(builder);
    for (size_t k = 0; k < row->count; k++) {
        struct value v = row->values[k];

        if (v.kind == VALUE_ABSENT && row->form == CODEC_OBJECT)
            continue;
        if (row->form == CODEC_OBJECT)
            document_name(builder, row->name(row->context, k));
        document_value(builder, v.kind == VALUE_ABSENT ? value_null() : v);
    }
    document_close(builder);
    return document_end(builder, out);
}

void codec_write_row(enum media media, struct buf *out, const struct codec_row *row)
{
    struct document_builder builder = {0};
    struct value whole;

    if (row->form == CODEC_SCALAR || row->count == 0) {
        codec_write(media, out, row->count == 0 ? value_null() : row->values[0]);
        return;
    }
    if (media == MEDIA_JSON || media == MEDIA_NDJSON || media == MEDIA_TEXT) {
        write_json_row(out, row);
        return;
    }
    if (build_row(row, &builder, &whole) == ST_OK)
        codec_write(media, out, whole);
    else
        out->failed = true;
    document_deinit(&builder);
}

void codec_begin_rows(enum media media, struct buf *out)
{
    if (media == MEDIA_JSON || media == MEDIA_TEXT)
        buf_append_byte(out, '[');
    else if (media == MEDIA_CBOR)
        buf_append_byte(out, 0x9f);
}

void codec_between_rows(enum media media, struct buf *out)
{
    if (media == MEDIA_JSON || media == MEDIA_TEXT)
        buf_append_byte(out, ',');
    else if (media == MEDIA_NDJSON)
        buf_append_byte(out, '\n');
}

void codec_end_rows(enum media media, struct buf *out, bool is_empty)
{
    if (media == MEDIA_JSON || media == MEDIA_TEXT)
        buf_append_byte(out, ']');
    else if (media == MEDIA_CBOR)
        buf_append_byte(out, 0xff);
    else if (media == MEDIA_NDJSON && !is_empty)
        buf_append_byte(out, '\n');
    else if (media == MEDIA_YAML && is_empty)
        buf_append_text(out, "[]\n");
}
