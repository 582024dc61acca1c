/* Forms: application/x-www-form-urlencoded and multipart/form-data. */
#include "rest/codec/codec.h"

struct form_field {
    struct slice name;
    struct value value;
};

/* Fields in the order of their names' first occurrence; a name that is repeated becomes an array.
 * Names are few: a quadratic look-up is limited by FIELDS_MAX. */
enum { FIELDS_MAX = 4096 };

struct form {
    struct buf fields;
    size_t count;
};

static struct form_field *field_at(const struct form *form, size_t index)
{
    return (struct form_field *)(void *)form->fields.data + index;
}

static enum status add(struct form *form, struct slice name, struct value v, struct error *err)
{
    struct form_field field = {name, v};

    if (form->count == FIELDS_MAX)
        return error_set(err, ST_LIMIT, -1, "a form of more than %d fields", FIELDS_MAX);
    buf_append(&form->fields, &field, sizeof field);
    form->count++;
    return buf_status(&form->fields);
}

static bool is_first(const struct form *form, size_t index)
{
    for (size_t k = 0; k < index; k++)
        if (slice_equal(field_at(form, k)->name, field_at(form, index)->name))
            return false;
    return true;
}

static bool is_repeated(const struct form *form, size_t index)
{
    for (size_t k = index + 1; k < form->count; k++)
        if (slice_equal(field_at(form, k)->name, field_at(form, index)->name))
            return true;
    return false;
}

static void build_field(const struct form *form, size_t index, struct document_builder *builder)
{
    struct slice name = field_at(form, index)->name;

    document_name(builder, name);
    if (!is_repeated(form, index)) {
        document_value(builder, field_at(form, index)->value);
        return;
    }
    document_open_array(builder);
    for (size_t k = index; k < form->count; k++)
        if (slice_equal(field_at(form, k)->name, name))
            document_value(builder, field_at(form, k)->value);
    document_close(builder);
}

static enum status build(const struct form *form, struct arena *arena, struct value *out)
{
    struct document_builder builder = {0};
    enum status st;
    struct slice copy;

    document_begin(&builder);
    document_open_object(&builder);
    for (size_t k = 0; k < form->count; k++)
        if (is_first(form, k))
            build_field(form, k, &builder);
    document_close(&builder);
    st = document_end(&builder, out);
    copy = st == ST_OK ? arena_copy(arena, value_slice(*out)) : slice_empty();
    document_deinit(&builder);
    out->as.data = copy.data;
    return st != ST_OK ? st : copy.data == NULL ? ST_NO_MEMORY : ST_OK;
}

/* ---- application/x-www-form-urlencoded ---- */

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static enum status decode(struct slice raw, struct slice bytes, struct arena *arena,
                          struct slice *out, struct error *err)
{
    char *text = arena_alloc(arena, raw.len + 1), *to = text;

    if (text == NULL)
        return ST_NO_MEMORY;
    for (size_t k = 0; k < raw.len; k++) {
        char c = raw.data[k];

        if (c == '%') {
            if (k + 2 >= raw.len || hex_of(raw.data[k + 1]) < 0 || hex_of(raw.data[k + 2]) < 0)
                return error_set(err, ST_SYNTAX, raw.data + k - bytes.data,
                                 "form: malformed percent escape");
            c = (char)(hex_of(raw.data[k + 1]) * 16 + hex_of(raw.data[k + 2]));
            k += 2;
        } else if (c == '+') {
            c = ' ';
        }
        *to++ = c;
    }
    *out = slice_of(text, (size_t)(to - text));
    if (!utf8_is_valid(*out))
        return error_set(err, ST_SYNTAX, raw.data - bytes.data, "form: a text is not UTF-8");
    return ST_OK;
}

static enum status read_pair(struct form *form, struct slice pair, struct slice bytes,
                             struct arena *arena, struct error *err)
{
    const char *equals = memchr(pair.data, '=', pair.len);
    struct slice name = pair, text = slice_of(pair.data + pair.len, 0);

    if (equals != NULL) {
        name.len = (size_t)(equals - pair.data);
        text = slice_of(equals + 1, pair.len - name.len - 1);
    }
    TRY(decode(name, bytes, arena, &name, err));
    TRY(decode(text, bytes, arena, &text, err));
    return add(form, name, value_text(text), err);
}

enum status form_read(struct slice bytes, struct arena *arena, struct value *out, struct error *err)
{
    struct form form = {0};
    enum status st = ST_OK;
    struct slice rest = bytes;

    while (st == ST_OK && rest.len > 0) {
        const char *stop = memchr(rest.data, '&', rest.len);
        struct slice pair =
            slice_of(rest.data, stop == NULL ? rest.len : (size_t)(stop - rest.data));

        rest = stop == NULL ? slice_empty() : slice_of(stop + 1, rest.len - pair.len - 1);
        if (pair.len > 0)
            st = read_pair(&form, pair, bytes, arena, err);
    }
    if (st == ST_OK)
        st = build(&form, arena, out);
    buf_free(&form.fields);
    return st;
}

/* ---- multipart/form-data (RFC 7578, RFC 2046) ---- */

enum { PART_HEAD_BYTES_MAX = 16384 };

struct part {
    struct slice name, body;
    char *content_type; /* NULL: none */
    bool is_file;
};

static enum status bad_part(struct slice bytes, struct slice at, const char *what,
                            struct error *err)
{
    return error_set(err, ST_SYNTAX, at.data == NULL ? -1 : at.data - bytes.data,
                     "multipart/form-data: %s", what);
}

static bool has_name(struct slice line, const char *name, struct slice *value)
{
    size_t len = strlen(name);

    if (line.len <= len || line.data[len] != ':' ||
        !slice_equal_nocase(slice_of(line.data, len), slice_of(name, len)))
        return false;
    *value = slice_of(line.data + len + 1, line.len - len - 1);
    while (value->len > 0 && (*value->data == ' ' || *value->data == '\t'))
        *value = slice_of(value->data + 1, value->len - 1);
    return true;
}

/* The fields of a part, up to the blank line. */
static enum status read_part_head(struct slice head, struct arena *arena, struct part *part)
{
    while (head.len > 0) {
        const char *end = memmem(head.data, head.len, "\r\n", 2);
        struct slice line = slice_of(head.data, end == NULL ? head.len : (size_t)(end - head.data));
        struct slice value, file;

        head = end == NULL ? slice_empty() : slice_of(end + 2, head.len - line.len - 2);
        if (has_name(line, "Content-Disposition", &value)) {
            char *text = arena_strdup(arena, value);

            if (text == NULL)
                return ST_NO_MEMORY;
            if (!media_parameter(text, "name", &part->name))
                part->name = slice_empty();
            part->is_file = media_parameter(text, "filename", &file) ||
                            media_parameter(text, "filename*", &file);
        } else if (has_name(line, "Content-Type", &value)) {
            part->content_type = arena_strdup(arena, value);
            if (part->content_type == NULL)
                return ST_NO_MEMORY;
        }
    }
    return ST_OK;
}

static enum status value_of_part(struct slice bytes, const struct part *part, struct arena *arena,
                                 struct value *out, struct error *err)
{
    enum media media = part->content_type == NULL ? MEDIA_TEXT : media_of_type(part->content_type);

    if (media == MEDIA_JSON)
        return json_read(part->body, arena, out, err);
    if (part->is_file || media != MEDIA_TEXT) {
        *out = value_bytes(part->body);
        return ST_OK;
    }
    if (!utf8_is_valid(part->body))
        return bad_part(bytes, part->body, "a text is not UTF-8", err);
    *out = value_text(part->body);
    return ST_OK;
}

/* One part: `text` is what stands between two boundaries, behind the line end of the first. */
static enum status read_part(struct form *form, struct slice bytes, struct slice text,
                             struct arena *arena, struct error *err)
{
    struct part part = {.content_type = NULL};
    const char *blank;
    struct value v;

    if (text.len >= 2 && memcmp(text.data, "\r\n", 2) == 0) {
        blank = text.data - 2; /* no fields at all */
        part.body = slice_of(text.data + 2, text.len - 2);
    } else {
        blank = memmem(text.data, text.len, "\r\n\r\n", 4);
        if (blank == NULL || blank - text.data > PART_HEAD_BYTES_MAX)
            return bad_part(bytes, text, "a part without a head", err);
        TRY(read_part_head(slice_of(text.data, (size_t)(blank - text.data)), arena, &part));
        part.body = slice_of(blank + 4, text.len - (size_t)(blank - text.data) - 4);
    }
    if (part.name.len == 0)
        return bad_part(bytes, text, "a part without a name", err);
    if (!utf8_is_valid(part.name))
        return bad_part(bytes, text, "a text is not UTF-8", err);
    TRY(value_of_part(bytes, &part, arena, &v, err));
    return add(form, part.name, v, err);
}

/* `mark` is CR LF, two dashes and the boundary. */
static enum status read_parts(struct form *form, struct slice bytes, struct slice mark,
                              struct arena *arena, struct error *err)
{
    struct slice rest = bytes;
    const char *at = slice_starts_with(rest, slice_of(mark.data + 2, mark.len - 2))
                         ? rest.data - 2 /* the first boundary needs no line end before it */
                         : memmem(rest.data, rest.len, mark.data, mark.len);

    while (at != NULL) {
        const char *next;

        rest = slice_of(at + mark.len, (size_t)(bytes.data + bytes.len - at) - mark.len);
        if (slice_starts_with(rest, slice_text("--")))
            return ST_OK;
        while (rest.len > 0 && (*rest.data == ' ' || *rest.data == '\t'))
            rest = slice_of(rest.data + 1, rest.len - 1);
        if (!slice_starts_with(rest, slice_text("\r\n")))
            return bad_part(bytes, rest, "a boundary without a line end", err);
        next = memmem(rest.data, rest.len, mark.data, mark.len);
        if (next == NULL)
            break;
        rest = slice_of(rest.data + 2, rest.len - 2);
        if (next < rest.data)
            return bad_part(bytes, rest, "a part without a head", err);
        TRY(read_part(form, bytes, slice_of(rest.data, (size_t)(next - rest.data)), arena, err));
        at = next;
    }
    return bad_part(bytes, bytes, "the last boundary is missing", err);
}

enum status multipart_read(const char *content_type, struct slice bytes, struct arena *arena,
                           struct value *out, struct error *err)
{
    struct form form = {0};
    struct slice boundary;
    char mark[4 + 70];
    enum status st;

    if (!media_parameter(content_type, "boundary", &boundary) || boundary.len == 0 ||
        boundary.len > sizeof mark - 4)
        return error_set(err, ST_SYNTAX, -1,
                         "multipart/form-data: a boundary of 1 to 70 bytes is needed");
    memcpy(mark, "\r\n--", 4);
    memcpy(mark + 4, boundary.data, boundary.len);
    st = read_parts(&form, bytes, slice_of(mark, boundary.len + 4), arena, err);
    if (st == ST_OK)
        st = build(&form, arena, out);
    buf_free(&form.fields);
    return st;
}
