#include "parser/url/grammar.y.h"
#include "parser/url/url_internal.h"
#include <stdlib.h>

void *url_grammarAlloc(void *(*allocate)(size_t));
void url_grammarFree(void *parser, void (*release)(void *));
void url_grammar(void *parser, int kind, struct url_token token, struct url_parse *parse);

/* ---- which of the two readings ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool url_is_simple(struct slice raw)
{
    bool after_equals = false; /* an equals sign, then word characters only */

    for (size_t i = 0; i < raw.len; i++) {
        switch (raw.data[i]) {
        case '(':
        case ')':
        case '[':
        case ']':
        case '|':
        case '!':
        case '<':
        case '>':
        case '.':
            return false;
        case '=':
            if (after_equals)
                return false;
            after_equals = true;
            break;
        default:
            after_equals = after_equals && is_word(raw.data[i]);
        }
    }
    return true;
}

bool url_comparator_find(struct slice name, struct url_token *out)
{
    static const struct {
        const char *name;
        uint8_t comparator;
    } names[] = {
        {"eq", URL_EQUALS},
        {"ne", URL_NOT_EQUAL},
        {"lt", URL_LESS},
        {"le", URL_LESS_EQUAL},
        {"gt", URL_GREATER},
        {"ge", URL_GREATER_EQUAL},
        {"sw", URL_STARTS_WITH},
        {"ew", URL_ENDS_WITH},
        {"ct", URL_CONTAINS},
        {"equals", URL_EQUALS},
        {"not_equal", URL_NOT_EQUAL},
        {"not_equals", URL_NOT_EQUAL},
        {"less_than", URL_LESS},
        {"less_than_equal", URL_LESS_EQUAL},
        {"greater_than", URL_GREATER},
        {"greater_than_equal", URL_GREATER_EQUAL},
        {"starts_with", URL_STARTS_WITH},
        {"ends_with", URL_ENDS_WITH},
        {"contains", URL_CONTAINS},
        {"between", URL_BETWEEN},
        {"in", URL_IN},
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_is(name, names[i].name)) {
            out->comparator = names[i].comparator;
            return true;
        }
    }
    /* Before any other long name not_ negates; the two-letter names have their own opposites. */
    if (name.len < 4 || memcmp(name.data, "not_", 4) != 0)
        return false;
    name = slice_of(name.data + 4, name.len - 4);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_is(name, names[i].name) && names[i].comparator != URL_NOT_EQUAL &&
            (name.len > 2 || names[i].comparator == URL_IN)) {
            out->comparator = names[i].comparator;
            out->is_negated = true;
            return true;
        }
    }
    return false;
}

/* ---- form-urlencoded pairs ---- */

static struct url_item *parse_pair(struct url_parse *parse, struct slice raw, size_t from,
                                   size_t to)
{
    const char *pair = raw.data + from;
    const char *equals = to == from ? NULL : memchr(pair, '=', to - from);
    struct url_token name = {0}, op = {.comparator = URL_EQUALS, .is_strict = true}, value = {0};

    if (equals == NULL || equals == pair) {
        url_fail(parse, ST_SYNTAX, (int64_t)from, "a condition must be written name=value");
        return NULL;
    }
    name.text = slice_of(pair, (size_t)(equals - pair));
    name.offset = (int32_t)from;
    op.text = slice_of(equals, 1);
    op.offset = (int32_t)(equals - raw.data);
    value.text = slice_of(equals + 1, (size_t)(raw.data + to - equals) - 1);
    value.offset = op.offset + 1;
    value.literal = (uint32_t)parse->query->literal_count++;
    return url_item_condition(parse, url_path_add(parse, NULL, name), op,
                              url_operands_add(parse, NULL, value));
}

static void parse_pairs(struct url_parse *parse, struct slice raw)
{
    size_t from = 0;

    while (parse->status == ST_OK && from < raw.len) {
        const char *separator = memchr(raw.data + from, '&', raw.len - from);
        size_t to = separator == NULL ? raw.len : (size_t)(separator - raw.data);
        struct url_token at = {.offset = (int32_t)to};
        struct url_item *item = parse_pair(parse, raw, from, to);

        if (item == NULL)
            return;
        if (parse->query->root == NULL)
            parse->query->root = url_level_new(parse, item);
        else
            url_level_add(parse, parse->query->root, at, false, item);
        from = to + 1;
    }
}

/* ---- the grammar ---- */

static void parse_full(struct url_parse *parse, struct slice raw)
{
    struct url_lexer lexer;
    struct url_token token = {0};
    void *grammar = url_grammarAlloc(malloc);
    int kind;

    if (grammar == NULL) {
        url_fail(parse, ST_NO_MEMORY, -1, "out of memory");
        return;
    }
    url_lexer_init(&lexer, raw, parse->err);
    do {
        kind = url_lexer_next(&lexer, &token);
        if (kind == URL_TOKEN_ERROR) {
            parse->status = lexer.status;
            break;
        }
        if (kind == URL_TOKEN_END)
            token = (struct url_token){.offset = (int32_t)raw.len};
        url_grammar(grammar, kind, token, parse);
    } while (kind != URL_TOKEN_END && parse->status == ST_OK);
    parse->query->literal_count = lexer.literal_count;
    url_grammarFree(grammar, free);
}

enum status url_parse_query(struct slice raw, const struct url_schema *schema, struct arena *arena,
                            struct url_query *out, struct error *err)
{
    struct url_parse parse = {
        .arena = arena, .schema = schema, .query = out, .err = err, .status = ST_OK};
    const char *second;

    *out = (struct url_query){0};
    if (raw.len == 0)
        return ST_OK;
    if (raw.len > INT32_MAX)
        return error_set(err, ST_LIMIT, -1, "the query is too long");
    second = memchr(raw.data, '?', raw.len);
    if (second != NULL)
        return error_set(err, ST_SYNTAX, second - raw.data,
                         "a second ? in a query must be written as %%3F");
    out->is_simple = url_is_simple(raw);
    if (out->is_simple) {
        parse_pairs(&parse, raw);
    } else {
        TRY(url_check_escapes(raw, err));
        parse_full(&parse, raw);
    }
    if (parse.status == ST_OK && arena->failed)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    return parse.status;
}
