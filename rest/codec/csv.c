/* CSV (RFC 4180): records in, fields out. */
#include "rest/codec/codec.h"

/* ---- reading ---- */

struct field {
    struct slice text;
    bool is_quoted, is_last; /* of its record */
};

static enum status fail(const struct csv_input *reader, struct error *err, const char *at,
                        const char *what)
{
    return error_set(err, ST_SYNTAX, at - reader->start, "CSV: line %zu: %s", reader->line, what);
}

static size_t count_lines(struct slice text)
{
    size_t count = 0;

    for (size_t k = 0; k < text.len; k++)
        count += text.data[k] == '\n';
    return count;
}

/* rest stands on the opening quote. Doubled quotes become one. */
static enum status read_quoted(struct csv_input *reader, struct arena *arena, struct slice *out,
                               struct error *err)
{
    const char *first = reader->rest.data + 1, *end = reader->rest.data + reader->rest.len;
    size_t doubled = 0;
    const char *at = first;

    for (;;) {
        at = at < end ? memchr(at, '"', (size_t)(end - at)) : NULL;
        if (at == NULL)
            return fail(reader, err, first - 1, "a quote without an end");
        if (at + 1 == end || at[1] != '"')
            break;
        doubled++;
        at += 2;
    }
    *out = slice_of(first, (size_t)(at - first));
    reader->rest = slice_of(at + 1, (size_t)(end - at - 1));
    if (doubled > 0) {
        char *copy = arena_alloc(arena, out->len), *to = copy;

        if (copy == NULL)
            return ST_NO_MEMORY;
        for (size_t k = 0; k < out->len; k++) {
            *to++ = out->data[k];
            k += out->data[k] == '"';
        }
        *out = slice_of(copy, out->len - doubled);
    }
    return ST_OK;
}

static struct slice read_bare(struct csv_input *reader, char separator)
{
    struct slice rest = reader->rest;
    size_t len = 0;

    while (len < rest.len && rest.data[len] != separator && rest.data[len] != '\n')
        len++;
    reader->rest = slice_of(rest.data + len, rest.len - len);
    if (len > 0 && rest.data[len - 1] == '\r' && (len == rest.len || rest.data[len] == '\n')) {
        /* The CR belongs to the line end. */
        reader->rest = slice_of(rest.data + len - 1, rest.len - len + 1);
        len--;
    }
    return slice_of(rest.data, len);
}

/* Behind a field: the separator, or the end of the line. */
static enum status end_field(struct csv_input *reader, char separator, struct field *field,
                             struct error *err)
{
    struct slice rest = reader->rest;

    field->is_last = true;
    if (rest.len > 0 && *rest.data == '\r')
        rest = slice_of(rest.data + 1, rest.len - 1);
    if (rest.len > 0 && rest.data == reader->rest.data && *rest.data == separator) {
        field->is_last = false;
    } else if (rest.len > 0 && *rest.data != '\n') {
        return fail(reader, err, rest.data, "something follows the closing quote");
    }
    if (rest.len > 0)
        rest = slice_of(rest.data + 1, rest.len - 1);
    reader->rest = rest;
    return ST_OK;
}

static enum status read_field(struct csv_input *reader, struct arena *arena, struct field *out,
                              struct error *err)
{
    char separator = reader->separator;

    out->is_quoted = reader->rest.len > 0 && *reader->rest.data == '"';
    if (out->is_quoted)
        TRY(read_quoted(reader, arena, &out->text, err));
    else
        out->text = read_bare(reader, separator);
    TRY(end_field(reader, separator, out, err));
    if (!utf8_is_valid(out->text))
        return fail(reader, err, reader->rest.data, "a text is not UTF-8");
    return ST_OK;
}

static bool skip_blank_lines(struct csv_input *reader)
{
    struct slice *rest = &reader->rest;

    while (rest->len > 0) {
        size_t len = *rest->data == '\n'                                             ? 1
                     : *rest->data == '\r' && rest->len > 1 && rest->data[1] == '\n' ? 2
                                                                                     : 0;

        if (len == 0)
            return true;
        *rest = slice_of(rest->data + len, rest->len - len);
        reader->line++;
    }
    return false;
}

enum status csv_input_begin(struct csv_input *reader, struct slice bytes, struct arena *arena,
                            struct error *err)
{
    struct buf names = {0};
    struct field field = {.is_last = false};
    enum status st = ST_OK;
    const char *from;

    if (bytes.len >= 3 && memcmp(bytes.data, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
        bytes = slice_of(bytes.data + 3, bytes.len - 3);
    *reader = (struct csv_input){.rest = bytes,
                                 .start = bytes.data,
                                 .line = 1,
                                 .is_raw = reader->is_raw,
                                 .separator = reader->separator == 0 ? ',' : reader->separator};
    if (!skip_blank_lines(reader))
        return ST_DONE;
    from = reader->rest.data;
    while (st == ST_OK && !field.is_last) {
        st = read_field(reader, arena, &field, err);
        if (st == ST_OK) {
            buf_append(&names, &field.text, sizeof field.text);
            reader->count++;
        }
    }
    if (st == ST_OK) {
        struct slice copy = arena_copy(arena, buf_slice(&names));

        reader->names = (struct slice *)(uintptr_t)copy.data;
        st = copy.data == NULL || names.failed ? ST_NO_MEMORY : ST_OK;
    }
    buf_free(&names);
    reader->line += count_lines(slice_of(from, (size_t)(reader->rest.data - from)));
    return st;
}

static struct value value_of(const struct field *field, bool is_raw)
{
    struct value number;
    struct slice text = field->text;

    if (field->is_quoted || is_raw)
        return value_text(text);
    if (text.len == 0)
        return value_absent();
    if (slice_is(text, "true") || slice_is(text, "false"))
        return value_bool(*text.data == 't');
    if (slice_is(text, "null"))
        return value_null();
    /* As JSON writes them: 007 and blanks stay text. */
    if ((*text.data >= '0' && *text.data <= '9') || *text.data == '-') {
        struct arena none = {0};
        struct error ignored;

        if (json_read(text, &none, &number, &ignored) == ST_OK)
            return number;
    }
    return value_text(text);
}

static enum status read_record(struct csv_input *reader, struct arena *arena,
                               struct document_builder *builder, struct error *err)
{
    struct field field = {.is_last = false};

    document_open_object(builder);
    for (size_t k = 0; !field.is_last; k++) {
        struct value v;

        if (k == reader->count && !reader->is_raw)
            return fail(reader, err, reader->rest.data, "more fields than the first line names");
        TRY(read_field(reader, arena, &field, err));
        v = value_of(&field, reader->is_raw);
        if (v.kind == VALUE_ABSENT || k >= reader->count)
            continue;
        document_name(builder, reader->names[k]);
        document_value(builder, v);
    }
    document_close(builder);
    return ST_OK;
}

/* ST_DONE: there is no further record. */
static enum status read_next(struct csv_input *reader, struct arena *arena,
                             struct document_builder *builder, struct error *err)
{
    const char *from;

    if (!skip_blank_lines(reader))
        return ST_DONE;
    from = reader->rest.data;
    TRY(read_record(reader, arena, builder, err));
    reader->line += count_lines(slice_of(from, (size_t)(reader->rest.data - from)));
    return ST_OK;
}

static enum status keep(struct document_builder *builder, struct arena *arena, struct value *out)
{
    struct slice copy;

    TRY(document_end(builder, out));
    copy = arena_copy(arena, value_slice(*out));
    out->as.data = copy.data;
    return copy.data == NULL ? ST_NO_MEMORY : ST_OK;
}

enum status csv_input_next(struct csv_input *reader, struct arena *arena, struct value *out,
                           struct error *err)
{
    struct document_builder builder = {0};
    enum status st;

    document_begin(&builder);
    st = read_next(reader, arena, &builder, err);
    if (st == ST_OK)
        st = keep(&builder, arena, out);
    document_deinit(&builder);
    return st;
}

enum status csv_read(struct slice bytes, struct arena *arena, struct value *out, struct error *err)
{
    struct document_builder builder = {0};
    struct csv_input reader = {0};
    enum status st = csv_input_begin(&reader, bytes, arena, err);

    document_begin(&builder);
    document_open_array(&builder);
    while (st == ST_OK)
        st = read_next(&reader, arena, &builder, err);
    if (st == ST_DONE) {
        document_close(&builder);
        st = keep(&builder, arena, out);
    }
    document_deinit(&builder);
    return st;
}

/* ---- writing ---- */

void csv_write_text(struct buf *out, struct slice text)
{
    buf_append_byte(out, '"');
    while (text.len > 0) {
        const char *quote = memchr(text.data, '"', text.len);
        size_t len = quote == NULL ? text.len : (size_t)(quote - text.data) + 1;

        buf_append(out, text.data, len);
        if (quote != NULL)
            buf_append_byte(out, '"');
        text = slice_of(text.data + len, text.len - len);
    }
    buf_append_byte(out, '"');
}

void csv_write_field(struct buf *out, struct value v)
{
    struct buf json = {0};

    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        return;
    case VALUE_TEXT:
        csv_write_text(out, value_slice(v));
        return;
    case VALUE_BOOL:
    case VALUE_INT:
        json_write(out, v);
        return;
    case VALUE_REAL: /* infinities have no digits */
        if (v.as.d - v.as.d == 0)
            json_write(out, v);
        return;
    case VALUE_DATE: /* JSON has quotes around it already */
        json_write(out, v);
        return;
    case VALUE_BYTES:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        json_write(&json, v);
        csv_write_text(out, buf_slice(&json));
        out->failed |= json.failed;
        buf_free(&json);
        return;
    }
}
