/*
 * The shape of a request: what decides which statement answers it, read by the lexer alone.
 *
 * Key: 's' or 'f' for the reading, then the raw text in which each literal is replaced by the byte
 * 0x01 and a class. Control characters never stand in a query, so two texts of one key differ in
 * their literals only, and the grammar never looks into those.
 */
#include "parser/url/grammar.y.h"
#include "parser/url/url_internal.h"

enum { MARK = 1 };

/* Texts that convert to null (under most types), prefixes, and what autocast tells apart by the
 * first byte. A wrong guess costs nothing but an own entry in the cache or a parse. */
static char class_of(struct slice text)
{
    char c;

    if (text.len == 0)
        return 'e';
    if (text.data[text.len - 1] == '*')
        return 'w';
    c = text.data[0];
    if ((c >= '0' && c <= '9') || c == '-')
        return 'n';
    if ((c == 't' || c == 'T' || c == 'f' || c == 'F') &&
        (slice_is_nocase(text, "true") || slice_is_nocase(text, "false")))
        return 'b';
    if (c == 'n' && slice_is(text, "null"))
        return '0';
    return 's';
}

static void add_text(struct url_shape *shape, const char *from, const char *to)
{
    buf_append(&shape->key, from, (size_t)(to - from));
}

static bool add_literal(struct url_shape *shape, struct slice text)
{
    if (shape->literal_count == URL_SHAPE_LITERALS_MAX)
        return false;
    shape->literals[shape->literal_count++] = text;
    buf_append_byte(&shape->key, MARK);
    buf_append_byte(&shape->key, (uint8_t)class_of(text));
    return true;
}

static enum status read_simple(struct slice raw, struct url_shape *out)
{
    const char *at = raw.data, *end = raw.data + raw.len;

    while (at < end) {
        const char *equals = memchr(at, '=', (size_t)(end - at)), *stop;

        if (equals == NULL || equals == at || memchr(at, '&', (size_t)(equals - at)) != NULL)
            return ST_NOT_FOUND;
        stop = memchr(equals, '&', (size_t)(end - equals));
        if (stop == NULL)
            stop = end;
        add_text(out, at, equals + 1);
        if (!add_literal(out, slice_of(equals + 1, (size_t)(stop - equals) - 1)))
            return ST_NOT_FOUND;
        if (stop < end)
            buf_append_byte(&out->key, '&');
        at = stop + 1;
    }
    return ST_OK;
}

static enum status read_full(struct slice raw, struct url_shape *out)
{
    struct url_lexer lexer;
    struct url_token token = {0};
    const char *done = raw.data;
    int kind;

    url_lexer_init(&lexer, raw, NULL);
    while ((kind = url_lexer_next(&lexer, &token)) != URL_TOKEN_END) {
        if (kind == URL_TOKEN_ERROR)
            return ST_NOT_FOUND;
        if (kind != URL_T_VALUE)
            continue;
        add_text(out, done, token.text.data);
        if (!add_literal(out, token.text))
            return ST_NOT_FOUND;
        done = token.text.data + token.text.len;
    }
    add_text(out, done, raw.data + raw.len);
    return ST_OK;
}

enum status url_shape_read(struct slice raw, struct url_shape *out)
{
    bool is_simple = url_is_simple(raw);
    enum status st;

    buf_clear(&out->key);
    out->literal_count = 0;
    for (size_t i = 0; i < raw.len; i++)
        if ((unsigned char)raw.data[i] < 0x20 || raw.data[i] == '?')
            return ST_NOT_FOUND;
    if (raw.len > INT32_MAX)
        return ST_NOT_FOUND;
    buf_append_byte(&out->key, is_simple ? 's' : 'f');
    if (raw.len == 0)
        return buf_status(&out->key);
    st = is_simple ? read_simple(raw, out) : read_full(raw, out);
    return st != ST_OK ? st : buf_status(&out->key);
}

void url_shape_deinit(struct url_shape *shape)
{
    buf_free(&shape->key);
}

size_t url_slots_count(const struct url_slots *slots)
{
    return slots->param_count;
}

static enum status bind_value(const struct url_literal_use *use, struct slice raw,
                              struct arena *arena, struct value *values)
{
    struct url_literal_value literal;

    if (url_literal_read(use, raw, -1, arena, &literal, NULL) != ST_OK)
        return ST_NOT_FOUND;
    if (literal.nothing != URL_SOMETHING || literal.is_prefix != use->is_prefix ||
        url_kind_class(literal.value) != use->kind_class)
        return ST_NOT_FOUND;
    values[use->slot - 1] = literal.value;
    return ST_OK;
}

static enum status bind_number(const struct url_literal_use *use, struct slice raw,
                               struct value *values)
{
    int64_t number;

    if (url_number_read(raw, -1, &number, NULL) != ST_OK)
        return ST_NOT_FOUND;
    if (use->role != URL_LITERAL_NUMBER)
        values[use->slot - 1] = value_int(number);
    return ST_OK;
}

enum status url_slots_bind(const struct url_slots *slots, const struct url_shape *shape,
                           struct arena *arena, struct value *values)
{
    if (shape->literal_count != slots->literal_count)
        return ST_NOT_FOUND;
    for (size_t i = 0; i < slots->literal_count; i++) {
        const struct url_literal_use *use = &slots->uses[i];
        struct slice raw = shape->literals[i];

        switch ((enum url_literal_role)use->role) {
        case URL_LITERAL_IGNORED:
            if (!use->is_form && url_check_escapes(raw, NULL) != ST_OK)
                return ST_NOT_FOUND;
            break;
        case URL_LITERAL_FIXED:
            if (!slice_equal(raw, use->text))
                return ST_NOT_FOUND;
            break;
        case URL_LITERAL_VALUE:
            TRY(bind_value(use, raw, arena, values));
            break;
        case URL_LITERAL_LIMIT:
        case URL_LITERAL_LIMIT_START:
        case URL_LITERAL_NUMBER:
            TRY(bind_number(use, raw, values));
            break;
        case URL_LITERAL_LIMIT_END:
            TRY(bind_number(use, raw, values));
            /* The start stands before it in the text: its slot is filled. */
            values[use->slot - 1].as.i -= values[slots->uses[i - 1].slot - 1].as.i;
            if (values[use->slot - 1].as.i < 0)
                values[use->slot - 1].as.i = 0;
            break;
        }
    }
    return ST_OK;
}
