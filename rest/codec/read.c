/* A request's body to a value, by its type. */
#include "rest/codec/codec.h"

static enum status keep(struct document_builder *builder, struct arena *arena, struct value *out)
{
    struct slice copy;

    TRY(document_end(builder, out));
    copy = arena_copy(arena, value_slice(*out));
    out->as.data = copy.data;
    return copy.data == NULL ? ST_NO_MEMORY : ST_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice skip_blanks(struct slice text)
{
    while (text.len > 0 && is_blank(*text.data))
        text = slice_of(text.data + 1, text.len - 1);
    return text;
}

/* A value is a line of its own. */
static enum status read_lines(struct slice bytes, struct arena *arena,
                              struct document_builder *builder, struct error *err)
{
    struct slice rest = skip_blanks(bytes);

    while (rest.len > 0) {
        const char *stop = memchr(rest.data, '\n', rest.len);
        struct slice line =
            slice_of(rest.data, stop == NULL ? rest.len : (size_t)(stop - rest.data));
        struct value v;
        enum status st = json_read(line, arena, &v, err);

        if (st != ST_OK) {
            if (err != NULL && err->offset >= 0)
                err->offset += line.data - bytes.data;
            return st;
        }
        document_value(builder, v);
        rest = skip_blanks(slice_of(line.data + line.len, rest.len - line.len));
    }
    return ST_OK;
}

enum status ndjson_read(struct slice bytes, struct arena *arena, struct value *out,
                        struct error *err)
{
    struct document_builder builder = {0};
    enum status st;

    document_begin(&builder);
    document_open_array(&builder);
    st = read_lines(bytes, arena, &builder, err);
    document_close(&builder);
    if (st == ST_OK)
        st = keep(&builder, arena, out);
    document_deinit(&builder);
    return st;
}

static bool is_text_type(const char *content_type)
{
    return slice_equal_nocase(slice_of(content_type, strnlen(content_type, 5)),
                              slice_text("text/"));
}

/* {"contentType": …, "data": …} */
static enum status read_raw(const char *content_type, struct slice bytes, struct arena *arena,
                            struct value *out, struct error *err)
{
    struct document_builder builder = {0};
    bool is_text = is_text_type(content_type);
    enum status st;

    if (is_text && !utf8_is_valid(bytes))
        return error_set(err, ST_SYNTAX, 0, "%.100s: the body is not UTF-8", content_type);
    document_begin(&builder);
    document_open_object(&builder);
    document_name(&builder, slice_text("contentType"));
    document_value(&builder, value_text(slice_text(content_type)));
    document_name(&builder, slice_text("data"));
    document_value(&builder, is_text ? value_text(bytes) : value_bytes(bytes));
    document_close(&builder);
    st = keep(&builder, arena, out);
    document_deinit(&builder);
    return st;
}

static enum status read_text(struct slice bytes, struct value *out, struct error *err)
{
    if (!utf8_is_valid(bytes))
        return error_set(err, ST_SYNTAX, 0, "text/plain: the body is not UTF-8");
    *out = value_text(bytes);
    return ST_OK;
}

enum status codec_read(enum media media, const char *content_type, struct slice bytes,
                       struct arena *arena, struct value *out, struct error *err)
{
    if (bytes.data == NULL)
        bytes = slice_text("");
    if (content_type == NULL) {
        struct slice text = skip_blanks(bytes);

        content_type = media_type(MEDIA_RAW);
        media = text.len > 0 && (*text.data == '{' || *text.data == '[') ? MEDIA_JSON : MEDIA_RAW;
    }
    switch (media) {
    case MEDIA_JSON:
        return json_read(bytes, arena, out, err);
    case MEDIA_CBOR:
        return cbor_read(bytes, arena, out, err);
    case MEDIA_MSGPACK:
        return msgpack_read(bytes, arena, out, err);
    case MEDIA_NDJSON:
        return ndjson_read(bytes, arena, out, err);
    case MEDIA_TEXT:
        return read_text(bytes, out, err);
    case MEDIA_FORM:
        return form_read(bytes, arena, out, err);
    case MEDIA_MULTIPART:
        return multipart_read(content_type, bytes, arena, out, err);
    case MEDIA_YAML:
    case MEDIA_CSV:
    case MEDIA_RAW:
    case MEDIA_NONE:
        break;
    }
    return read_raw(content_type, bytes, arena, out, err);
}
