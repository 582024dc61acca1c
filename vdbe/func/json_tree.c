/* JSON text to a tree and back. RFC 8259, nothing more: what is accepted here must be readable
 * anywhere. */
#include "vdbe/func/json_internal.h"
#include <ctype.h>

/* ---- reading ---- */

struct reader {
    struct arena *arena; /* NULL: only check */
    const char *at, *end;
    unsigned depth;
    bool is_out_of_memory;
};

static bool read_node(struct reader *reader, struct json **out);

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

/* A quoted string, of which only the extent is found. */
static bool read_string(struct reader *reader, struct slice *out)
{
    const char *start = reader->at;

    if (!take(reader, '"'))
        return false;
    for (; reader->at < reader->end; reader->at++) {
        unsigned char c = (unsigned char)*reader->at;

        if (c == '"') {
            reader->at++;
            *out = slice_of(start, (size_t)(reader->at - start));
            return true;
        }
        if (c < 0x20)
            return false;
        if (c != '\\')
            continue;
        if (++reader->at == reader->end)
            return false;
        if (*reader->at == 'u') {
            for (int i = 0; i < 4; i++)
                if (++reader->at >= reader->end || !isxdigit((unsigned char)*reader->at))
                    return false;
        } else if (memchr("\"\\/bfnrt", *reader->at, 8) == NULL) {
            return false;
        }
    }
    return false;
}

static bool skip_digits(struct reader *reader)
{
    const char *start = reader->at;

    while (reader->at < reader->end && isdigit((unsigned char)*reader->at))
        reader->at++;
    return reader->at > start;
}

static bool read_number(struct reader *reader, enum json_type *type)
{
    (void)take(reader, '-');
    *type = JSON_INT;
    if (!take(reader, '0') && !skip_digits(reader))
        return false;
    if (take(reader, '.')) {
        *type = JSON_REAL;
        if (!skip_digits(reader))
            return false;
    }
    if (take(reader, 'e') || take(reader, 'E')) {
        *type = JSON_REAL;
        if (!take(reader, '-'))
            (void)take(reader, '+');
        if (!skip_digits(reader))
            return false;
    }
    /* 01 and the like: a digit here means that the number did not end where it should. */
    return reader->at == reader->end || !isdigit((unsigned char)*reader->at);
}

static bool take_word(struct reader *reader, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
        return false;
    reader->at += length;
    return reader->at == reader->end || !isalnum((unsigned char)*reader->at);
}

/* Elements of an array, or members of an object, up to `close`. */
static bool read_children(struct reader *reader, char close, struct json *container)
{
    bool is_object = close == '}';

    if (++reader->depth > JSON_DEPTH_MAX)
        return false;
    skip_blanks(reader);
    if (take(reader, close)) {
        reader->depth--;
        return true;
    }
    for (;;) {
        struct slice name = slice_empty();
        struct json *child = NULL;

        skip_blanks(reader);
        if (is_object) {
            if (!read_string(reader, &name))
                return false;
            skip_blanks(reader);
            if (!take(reader, ':'))
                return false;
        }
        if (!read_node(reader, &child))
            return false;
        if (child != NULL) {
            child->name = name;
            child->name_is_raw = is_object;
            json_append(container, child);
        }
        skip_blanks(reader);
        if (take(reader, close)) {
            reader->depth--;
            return true;
        }
        if (!take(reader, ','))
            return false;
    }
}

static bool read_scalar(struct reader *reader, enum json_type *type)
{
    struct slice text;

    switch (*reader->at) {
    case '"':
        *type = JSON_TEXT;
        return read_string(reader, &text);
    case 't':
        *type = JSON_TRUE;
        return take_word(reader, "true");
    case 'f':
        *type = JSON_FALSE;
        return take_word(reader, "false");
    case 'n':
        *type = JSON_NULL;
        return take_word(reader, "null");
    default: /* any other byte of the user's text */
        return read_number(reader, type);
    }
}

static bool read_node(struct reader *reader, struct json **out)
{
    enum json_type type = JSON_NULL;
    struct json *node = NULL;
    const char *start;

    skip_blanks(reader);
    if (reader->at == reader->end)
        return false;
    if (reader->arena != NULL) {
        node = json_new(reader->arena, JSON_NULL);
        if (node == NULL) {
            reader->is_out_of_memory = true;
            return false;
        }
    }
    start = reader->at;
    if (*start == '[' || *start == '{') {
        struct json ignored = {0};

        type = *start == '[' ? JSON_ARRAY : JSON_OBJECT;
        reader->at++;
        if (!read_children(reader, *start == '[' ? ']' : '}', node != NULL ? node : &ignored))
            return false;
    } else if (!read_scalar(reader, &type)) {
        return false;
    }
    if (node != NULL) {
        node->type = (uint8_t)type;
        node->as.raw = slice_of(start, (size_t)(reader->at - start));
    }
    *out = node;
    return true;
}

enum status json_parse(struct arena *arena, struct slice text, struct json **out)
{
    struct reader reader = {
        .arena = arena, .at = text.data, .end = text.data == NULL ? NULL : text.data + text.len};

    *out = NULL;
    if (text.len == 0)
        return ST_SYNTAX;
    if (!read_node(&reader, out))
        return reader.is_out_of_memory ? ST_NO_MEMORY : ST_SYNTAX;
    skip_blanks(&reader);
    return reader.at == reader.end ? ST_OK : ST_SYNTAX;
}

bool json_is_valid(struct slice text)
{
    struct json *ignored;

    return json_parse(NULL, text, &ignored) == ST_OK;
}

/* ---- nodes ---- */

struct json *json_new(struct arena *arena, enum json_type type)
{
    struct json *node = ARENA_NEW(arena, struct json);

    if (node != NULL) {
        node->type = (uint8_t)type;
        node->is_open = true;
        node->as.raw = slice_text("null");
    }
    return node;
}

void json_append(struct json *container, struct json *child)
{
    child->next = NULL;
    if (container->last == NULL)
        container->first = child;
    else
        container->last->next = child;
    container->last = child;
    container->count++;
}

static enum json_type type_of_value(struct value v)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        return JSON_NULL;
    case VALUE_BOOL:
        return v.as.b ? JSON_TRUE : JSON_FALSE;
    case VALUE_INT:
        return JSON_INT;
    case VALUE_REAL:
        return JSON_REAL;
    case VALUE_DATE:
    case VALUE_TEXT:
    case VALUE_BYTES:
        return JSON_TEXT;
    case VALUE_ARRAY:
        return JSON_ARRAY;
    case VALUE_OBJECT:
        return JSON_OBJECT;
    }
    return JSON_NULL;
}

struct json *json_of_value(struct arena *arena, struct value v)
{
    struct json *node = json_new(arena, type_of_value(v));

    if (node != NULL) {
        node->is_value = true;
        node->is_open = node->type < JSON_ARRAY;
        node->as.value = v;
    }
    return node;
}

enum status json_of_argument(struct func_context *context, struct value v, struct json **out)
{
    enum status st;

    if (v.kind == VALUE_ARRAY || v.kind == VALUE_OBJECT) {
        *out = json_of_value(context->arena, v);
        return *out == NULL ? func_no_memory(context) : ST_OK;
    }
    if (v.kind == VALUE_BOOL)
        st = json_parse(context->arena, slice_text(v.as.b ? "true" : "false"), out);
    else
        st = json_parse(context->arena, func_text(context, v), out);
    if (st == ST_NO_MEMORY)
        return func_no_memory(context);
    if (st != ST_OK)
        return error_set(context->err, ST_SYNTAX, -1, "malformed JSON");
    return ST_OK;
}

enum status json_of_sql(struct func_context *context, struct value v, struct json **out)
{
    if (v.kind == VALUE_BYTES)
        return error_set(context->err, ST_TYPE, -1, "JSON cannot hold BLOB values");
    if (v.kind == VALUE_TEXT && (v.flags & VALUE_IS_JSON) != 0)
        return json_of_argument(context, v, out);
    *out = json_of_value(context->arena, v);
    return *out == NULL ? func_no_memory(context) : ST_OK;
}

enum status json_open(struct func_context *context, struct json *node)
{
    size_t count;

    if (node->is_open)
        return ST_OK;
    count = document_count(node->as.value);
    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_empty();
        struct value v = node->type == JSON_ARRAY ? document_element(node->as.value, i)
                                                  : document_member_at(node->as.value, i, &name);
        struct json *child;

        if (v.kind == VALUE_ABSENT && node->type == JSON_OBJECT)
            continue;
        child = json_of_value(context->arena, v);
        if (child == NULL)
            return func_no_memory(context);
        child->name = name;
        json_append(node, child);
    }
    node->is_open = true;
    return ST_OK;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {"null", "true", "false", "integer",
                                        "real", "text", "array", "object"};

    return names[type];
}

/* ---- text without its escapes ---- */

static unsigned hex4(const char *at)
{
    unsigned code = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)at[i];
        code = code << 4 | (unsigned)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return code;
}

/* A \uXXXX at `at` (behind the u), with its second half when it is a surrogate pair. */
static const char *decode_code(const char *at, const char *end, char **to)
{
    uint32_t code = hex4(at);

    at += 4;
    if (code >= 0xd800 && code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = hex4(at + 2);

        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
        }
    }
    *to += utf8_encode(code, *to);
    return at;
}

/* The content of a checked token. */
static enum status unquote(struct func_context *context, struct slice raw, struct slice *out)
{
    const char *at = raw.data + 1;
    const char *end = raw.data + raw.len - 1;
    char *room, *to;

    *out = slice_of(at, (size_t)(end - at));
    if (out->len == 0 || memchr(at, '\\', out->len) == NULL)
        return ST_OK;
    room = to = arena_alloc(context->arena, out->len);
    if (room == NULL)
        return func_no_memory(context);
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        switch (*at) {
        case 'b':
            *to++ = '\b';
            break;
        case 'f':
            *to++ = '\f';
            break;
        case 'n':
            *to++ = '\n';
            break;
        case 'r':
            *to++ = '\r';
            break;
        case 't':
            *to++ = '\t';
            break;
        case 'u':
            at = decode_code(at + 1, end, &to);
            continue;
        default: /* a quote, a slash or a backslash */
            *to++ = *at;
            break;
        }
        at++;
    }
    *out = slice_of(room, (size_t)(to - room));
    return ST_OK;
}

enum status json_plain_name(struct func_context *context, const struct json *node,
                            struct slice *out)
{
    if (node->name_is_raw)
        return unquote(context, node->name, out);
    *out = node->name;
    return ST_OK;
}

enum status json_plain_text(struct func_context *context, const struct json *node,
                            struct slice *out)
{
    if (!node->is_value)
        return unquote(context, node->as.raw, out);
    *out = func_text(context, node->as.value);
    return ST_OK;
}

bool json_has_name(struct func_context *context, const struct json *node, struct slice name)
{
    struct slice own = node->name;

    if (node->name_is_raw) {
        own = slice_of(own.data + 1, own.len - 2);
        if (own.len != 0 && memchr(own.data, '\\', own.len) != NULL &&
            unquote(context, node->name, &own) != ST_OK)
            return false;
    }
    return slice_equal(own, name);
}

/* ---- writing ---- */

void json_put_text(struct buf *out, struct slice text)
{
    static const char short_forms[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    size_t start = 0;

    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        const char *form = NULL;

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_append(out, text.data + start, i - start);
        start = i + 1;
        for (const char *at = short_forms; *at != '\0'; at += 2)
            if ((unsigned char)*at == c)
                form = at;
        if (form != NULL) {
            buf_append_byte(out, '\\');
            buf_append_byte(out, (uint8_t)form[1]);
        } else {
            buf_printf(out, "\\u%04x", c);
        }
    }
    if (text.len > start)
        buf_append(out, text.data + start, text.len - start);
    buf_append_byte(out, '"');
}

static void put_value(struct buf *out, struct value v)
{
    char text[NUMBER_TEXT_MAX];

    if (v.kind == VALUE_TEXT)
        json_put_text(out, value_slice(v));
    else if (v.kind == VALUE_REAL && v.as.d - v.as.d == 0) /* finite: as SQL shows it */
        buf_append(out, text, number_format(v.as.d, text));
    else
        json_write(out, v);
}

void json_put(struct buf *out, const struct json *node)
{
    bool is_object = node->type == JSON_OBJECT;

    if (node->type < JSON_ARRAY || !node->is_open) {
        if (node->is_value)
            put_value(out, node->as.value);
        else
            buf_append_slice(out, node->as.raw);
        return;
    }
    buf_append_byte(out, is_object ? '{' : '[');
    for (const struct json *child = node->first; child != NULL; child = child->next) {
        if (is_object) {
            if (child->name_is_raw)
                buf_append_slice(out, child->name);
            else
                json_put_text(out, child->name);
            buf_append_byte(out, ':');
        }
        json_put(out, child);
        if (child->next != NULL)
            buf_append_byte(out, ',');
    }
    buf_append_byte(out, is_object ? '}' : ']');
}

enum status json_put_sql(struct func_context *context, struct buf *out, struct value v)
{
    if (v.kind == VALUE_BYTES)
        return error_set(context->err, ST_TYPE, -1, "JSON cannot hold BLOB values");
    if (v.kind == VALUE_TEXT && (v.flags & VALUE_IS_JSON) != 0)
        buf_append_slice(out, value_slice(v));
    else
        put_value(out, v);
    return out->len > func_bytes_max(context) ? func_too_big(context) : ST_OK;
}

/* ---- results ---- */

static enum status give_text(struct func_context *context, const struct json *node,
                             struct value *out)
{
    struct buf text = {0};

    json_put(&text, node);
    return func_give_buf(context, &text, true, out);
}

enum status json_to_sql(struct func_context *context, struct json *node, struct value *out)
{
    struct slice text;

    if (node->is_value && (node->type < JSON_ARRAY || !node->is_open)) {
        *out = node->as.value;
        return ST_OK;
    }
    switch ((enum json_type)node->type) {
    case JSON_NULL:
        *out = value_null();
        return ST_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = value_int(node->type == JSON_TRUE);
        return ST_OK;
    case JSON_INT:
    case JSON_REAL:
        (void)number_parse(node->as.raw, out);
        return ST_OK;
    case JSON_TEXT:
        TRY(json_plain_text(context, node, &text));
        *out = value_text(text);
        return ST_OK;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return give_text(context, node, out);
}

static enum status build(struct func_context *context, struct json *node,
                         struct document_builder *builder)
{
    struct value v;
    struct slice name;

    if (node->type < JSON_ARRAY || (node->is_value && !node->is_open)) {
        TRY(json_to_sql(context, node, &v));
        if (!node->is_value && (node->type == JSON_TRUE || node->type == JSON_FALSE))
            v = value_bool(node->type == JSON_TRUE);
        document_value(builder, v);
        return ST_OK;
    }
    if (node->type == JSON_ARRAY)
        document_open_array(builder);
    else
        document_open_object(builder);
    for (struct json *child = node->first; child != NULL; child = child->next) {
        if (node->type == JSON_OBJECT) {
            TRY(json_plain_name(context, child, &name));
            document_name(builder, name);
        }
        TRY(build(context, child, builder));
    }
    document_close(builder);
    return ST_OK;
}

static enum status give_document(struct func_context *context, struct json *node, struct value *out)
{
    struct document_builder builder = {0};
    enum status st;

    document_begin(&builder);
    st = build(context, node, &builder);
    if (st == ST_OK) {
        st = document_end(&builder, out);
        if (st != ST_OK)
            (void)error_set(context->err, st, -1, "%s", status_text(st));
    }
    if (st == ST_OK && value_has_bytes(*out)) {
        struct slice copy = arena_copy(context->arena, value_slice(*out));
        out->as.data = copy.data;
        if (copy.data == NULL)
            st = func_no_memory(context);
    }
    document_deinit(&builder);
    return st;
}

enum status json_give(struct func_context *context, struct json *node, struct value like,
                      struct value *out)
{
    if (node->is_value && (node->type < JSON_ARRAY || !node->is_open))
        return json_to_sql(context, node, out);
    if (like.kind == VALUE_ARRAY || like.kind == VALUE_OBJECT)
        return node->type < JSON_ARRAY ? json_to_sql(context, node, out)
                                       : give_document(context, node, out);
    return give_text(context, node, out);
}
