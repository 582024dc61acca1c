#include "parser/graphql/grammar.y.h"
#include "parser/graphql/graphql_internal.h"
#include <stdio.h>
#include <stdlib.h>

void *gql_grammarAlloc(void *(*allocate)(size_t));
void gql_grammarFree(void *parser, void (*release)(void *));
void gql_grammar(void *parser, int kind, struct gql_token token, struct gql_parse *parse);

/* ---- failures ---- */

void graphql_position(struct slice text, int64_t offset, unsigned *line, unsigned *column)
{
    size_t end = offset < 0 ? 0 : (size_t)offset < text.len ? (size_t)offset : text.len;
    size_t line_start = 0;

    *line = 1;
    for (size_t i = 0; i < end; i++) {
        bool is_end = text.data[i] == '\n' ||
                      (text.data[i] == '\r' && (i + 1 == text.len || text.data[i + 1] != '\n'));

        if (is_end) {
            (*line)++;
            line_start = i + 1;
        }
    }
    *column = 1;
    if (end > line_start)
        *column += (unsigned)utf8_length(slice_of(text.data + line_start, end - line_start));
}

static enum status fail_at(struct slice text, struct error *err, enum status status, int64_t offset,
                           const char *message)
{
    unsigned line, column;

    if (offset < 0)
        return error_set(err, status, -1, "%s", message);
    graphql_position(text, offset, &line, &column);
    return error_set(err, status, offset, "line %u, column %u: %s", line, column, message);
}

enum status gql_error_at(struct slice text, struct error *err, enum status status, int64_t offset,
                         const char *format, ...)
{
    char message[ERROR_MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail_at(text, err, status, offset, message);
}

void gql_fail(struct gql_parse *parse, enum status status, int64_t offset, const char *format, ...)
{
    char message[ERROR_MESSAGE_BYTES];
    va_list args;

    if (parse->status != ST_OK)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    parse->status = fail_at(parse->text, parse->err, status, offset, message);
}

void gql_fail_unexpected(struct gql_parse *parse, int kind, struct gql_token token)
{
    if (kind == GQL_TOKEN_END)
        gql_fail(parse, ST_SYNTAX, token.offset, "unexpected end of the document");
    else
        gql_fail(parse, ST_SYNTAX, token.offset, "unexpected %.*s",
                 (int)(token.text.len > 64 ? 64 : token.text.len), token.text.data);
}

static void *node(struct gql_parse *parse, size_t bytes)
{
    void *room = arena_zalloc(parse->arena, bytes);

    if (room == NULL)
        gql_fail(parse, ST_NO_MEMORY, -1, "out of memory");
    return room;
}

#define NODE(parse, type) ((type *)node((parse), sizeof(type)))

/* Append `item` to the list `list`, which is made when NULL. */
#define APPEND(parse, list, list_type, item)                                                       \
    do {                                                                                           \
        if ((list) == NULL)                                                                        \
            (list) = NODE((parse), list_type);                                                     \
        if ((list) != NULL && (item) != NULL) {                                                    \
            if ((list)->last != NULL)                                                              \
                (list)->last->next = (item);                                                       \
            else                                                                                   \
                (list)->first = (item);                                                            \
            (list)->last = (item);                                                                 \
        }                                                                                          \
    } while (0)

/* ---- strings ---- */

static uint32_t hex4(const char *digits)
{
    uint32_t code = 0;

    for (int i = 0; i < 4; i++) {
        char c = digits[i];

        code = code * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return code;
}

/* One \uXXXX, or the pair of them that makes one character. Returns the bytes read behind `\u`. */
static size_t read_unicode(const char *at, const char *end, uint32_t *out)
{
    uint32_t low;

    *out = hex4(at);
    if (*out >= 0xd800 && *out < 0xdc00 && end - at >= 10 && at[4] == '\\' && at[5] == 'u') {
        low = hex4(at + 6);
        if (low >= 0xdc00 && low < 0xe000) {
            *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
            return 10;
        }
    }
    return 4;
}

/* The lexer has checked the escapes. */
static struct slice decode_string(struct gql_parse *parse, struct gql_token token)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    struct slice raw = slice_of(token.text.data + 1, token.text.len - 2);
    const char *end = raw.data + raw.len;
    char *room;
    size_t len = 0;

    if (raw.len == 0 || memchr(raw.data, '\\', raw.len) == NULL)
        return raw;
    room = node(parse, raw.len);
    if (room == NULL)
        return raw;
    for (const char *at = raw.data; at < end; at++) {
        const char *letter;
        uint32_t code;

        if (*at != '\\') {
            room[len++] = *at;
            continue;
        }
        at++;
        letter = strchr(from, *at);
        if (*at == 'u') {
            at += read_unicode(at + 1, end, &code);
            if (code >= 0xd800 && code < 0xe000)
                gql_fail(parse, ST_SYNTAX, token.offset, "half of a surrogate pair in a string");
            else
                len += utf8_encode(code, room + len);
        } else {
            room[len++] = letter == NULL ? *at : to[letter - from];
        }
    }
    return slice_of(room, len);
}

/* The end of the line that begins at `at`; *next is where the following one begins. */
static const char *line_end(const char *at, const char *end, const char **next)
{
    while (at < end && *at != '\n' && *at != '\r')
        at++;
    *next = at + (at < end);
    if (at + 1 < end && at[0] == '\r' && at[1] == '\n')
        *next = at + 2;
    return at;
}

static size_t indent_of(const char *at, const char *end)
{
    const char *text = at;

    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    return (size_t)(text - at);
}

/* Blanks that all lines but the first begin with, empty lines not counted. */
static size_t common_indent(struct slice raw)
{
    const char *end = raw.data + raw.len, *at, *next;
    size_t common = SIZE_MAX;

    line_end(raw.data, end, &at);
    for (; at < end; at = next) {
        const char *stop = line_end(at, end, &next);
        size_t indent = indent_of(at, stop);

        if (at + indent < stop && indent < common)
            common = indent;
    }
    return common == SIZE_MAX ? 0 : common;
}

/* BlockStringValue of the specification: the common indentation goes, blank first and last lines
 * go, \""" is three quotes. */
static struct slice decode_block(struct gql_parse *parse, struct gql_token token)
{
    struct slice raw = slice_of(token.text.data + 3, token.text.len - 6);
    const char *end = raw.data + raw.len, *next;
    size_t common = common_indent(raw), len = 0, solid = 0;
    char *room = node(parse, raw.len + 1);
    bool is_first = true, has_text = false;

    if (room == NULL)
        return raw;
    for (const char *at = raw.data; at < end; at = next, is_first = false) {
        const char *stop = line_end(at, end, &next);
        size_t indent = indent_of(at, stop);
        bool is_blank = at + indent == stop;

        if (!is_first)
            at += indent < common ? indent : common;
        if (is_blank && !has_text)
            continue;
        if (has_text)
            room[len++] = '\n';
        has_text = true;
        for (; at < stop; at++) {
            if (stop - at >= 4 && memcmp(at, "\\\"\"\"", 4) == 0)
                at++;
            room[len++] = *at;
        }
        if (!is_blank)
            solid = len;
    }
    return slice_of(room, solid);
}

struct slice gql_description(struct gql_parse *parse, struct gql_token token, bool is_block)
{
    return is_block ? decode_block(parse, token) : decode_string(parse, token);
}

/* ---- values ---- */

struct gql_value *gql_value(struct gql_parse *parse, enum gql_value_kind kind,
                            struct gql_token token)
{
    struct gql_value *value = NODE(parse, struct gql_value);

    if (value != NULL) {
        value->kind = (uint8_t)kind;
        value->offset = token.offset;
        value->text = token.text;
    }
    if (kind == GQL_VARIABLE && parse->variable_offset < 0)
        parse->variable_offset = token.offset;
    return value;
}

struct gql_value *gql_value_text(struct gql_parse *parse, struct gql_token token, bool is_block)
{
    struct gql_value *value = gql_value(parse, GQL_STRING, token);

    if (value != NULL)
        value->text = gql_description(parse, token, is_block);
    return value;
}

struct gql_value *gql_value_nested(struct gql_parse *parse, enum gql_value_kind kind,
                                   struct gql_token open, struct gql_values *members)
{
    struct gql_value *value = gql_value(parse, kind, open);

    if (value != NULL && members != NULL)
        value->members = members->first;
    return value;
}

struct gql_value *gql_value_named(struct gql_parse *parse, struct gql_token name,
                                  struct gql_value *value)
{
    (void)parse;
    if (value != NULL)
        value->name = name;
    return value;
}

struct gql_values *gql_values_add(struct gql_parse *parse, struct gql_values *list,
                                  struct gql_value *value)
{
    APPEND(parse, list, struct gql_values, value);
    return list;
}

/* ---- directives and types ---- */

struct gql_directive *gql_directive(struct gql_parse *parse, struct gql_token name,
                                    struct gql_values *arguments)
{
    struct gql_directive *directive = NODE(parse, struct gql_directive);

    if (directive != NULL) {
        directive->name = name;
        directive->arguments = arguments == NULL ? NULL : arguments->first;
    }
    return directive;
}

struct gql_directives *gql_directives_add(struct gql_parse *parse, struct gql_directives *list,
                                          struct gql_directive *directive)
{
    APPEND(parse, list, struct gql_directives, directive);
    return list;
}

struct gql_type *gql_type_named(struct gql_parse *parse, struct gql_token name)
{
    struct gql_type *type = NODE(parse, struct gql_type);

    if (type != NULL)
        type->name = name;
    return type;
}

struct gql_type *gql_type_list(struct gql_parse *parse, struct gql_type *inner)
{
    (void)parse;
    if (inner != NULL) {
        if (inner->list_depth++ == 0)
            inner->is_element_not_null = inner->is_not_null;
        inner->is_not_null = false;
    }
    return inner;
}

struct gql_type *gql_type_not_null(struct gql_parse *parse, struct gql_type *type)
{
    (void)parse;
    if (type != NULL)
        type->is_not_null = true;
    return type;
}

/* ---- definitions ---- */

struct gql_field *gql_field(struct gql_parse *parse, struct slice description,
                            struct gql_token name, struct gql_type *type,
                            struct gql_directives *directives)
{
    struct gql_field *field = NODE(parse, struct gql_field);

    if (field != NULL) {
        field->name = name;
        field->description = description;
        field->type = type;
        field->directives = directives == NULL ? NULL : directives->first;
    }
    return field;
}

struct gql_fields *gql_fields_add(struct gql_parse *parse, struct gql_fields *list,
                                  struct gql_field *field)
{
    APPEND(parse, list, struct gql_fields, field);
    if (list != NULL)
        list->count++;
    return list;
}

struct gql_variable *gql_variable(struct gql_parse *parse, struct gql_token name,
                                  struct gql_type *type, struct gql_value *fallback)
{
    struct gql_variable *variable = NODE(parse, struct gql_variable);

    if (variable != NULL) {
        variable->name = name;
        variable->type = type;
        variable->fallback = fallback;
    }
    if (parse->variable_offset >= 0)
        gql_fail(parse, ST_SYNTAX, parse->variable_offset, "a variable may not stand here");
    return variable;
}

struct gql_variables *gql_variables_add(struct gql_parse *parse, struct gql_variables *list,
                                        struct gql_variable *variable)
{
    APPEND(parse, list, struct gql_variables, variable);
    return list;
}

struct gql_selection *gql_selection(struct gql_parse *parse, enum gql_selection_kind kind,
                                    struct gql_token name, struct gql_values *arguments,
                                    struct gql_selections *selections)
{
    struct gql_selection *selection = NODE(parse, struct gql_selection);

    if (selection != NULL) {
        selection->kind = (uint8_t)kind;
        selection->name = name;
        selection->arguments = arguments == NULL ? NULL : arguments->first;
        selection->selections = selections;
    }
    return selection;
}

struct gql_selections *gql_selections_add(struct gql_parse *parse, struct gql_selections *list,
                                          struct gql_selection *selection)
{
    APPEND(parse, list, struct gql_selections, selection);
    return list;
}

static struct gql_definition *define(struct gql_parse *parse, enum gql_definition_kind kind)
{
    struct gql_definition *definition = NODE(parse, struct gql_definition);
    int32_t from = parse->definition_offset;

    if (kind <= GQL_DEFINE_OTHER && parse->variable_offset >= 0)
        gql_fail(parse, ST_SYNTAX, parse->variable_offset, "a variable may not stand here");
    parse->variable_offset = -1;
    parse->definition_offset = parse->lookahead_offset;
    if (definition == NULL)
        return NULL;
    definition->kind = (uint8_t)kind;
    definition->text = slice_of(parse->text.data + from, (size_t)(parse->token_end - from));
    definition->name.offset = from;
    if (parse->document->last != NULL)
        parse->document->last->next = definition;
    else
        parse->document->first = definition;
    parse->document->last = definition;
    return definition;
}

void gql_define_type(struct gql_parse *parse, struct slice description, struct gql_token keyword,
                     struct gql_token name, struct gql_directives *directives,
                     struct gql_fields *fields, bool has_fields)
{
    struct gql_definition *definition = define(parse, GQL_DEFINE_TYPE);

    (void)keyword;
    if (definition == NULL)
        return;
    definition->name = name;
    definition->description = description;
    definition->directives = directives == NULL ? NULL : directives->first;
    definition->fields = fields;
    definition->has_fields = has_fields;
}

void gql_define_other(struct gql_parse *parse, struct gql_token keyword)
{
    struct gql_definition *definition = define(parse, GQL_DEFINE_OTHER);

    if (definition != NULL)
        definition->name.offset = keyword.offset;
}

void gql_define_operation(struct gql_parse *parse, enum gql_definition_kind kind,
                          struct gql_token name, int32_t offset, struct gql_variables *variables,
                          struct gql_selections *selections)
{
    struct gql_definition *definition = define(parse, kind);

    if (definition == NULL)
        return;
    if (offset >= 0)
        definition->name.offset = offset;
    if (name.text.len != 0)
        definition->name = name;
    definition->variables = variables == NULL ? NULL : variables->first;
    definition->selections = selections;
}

/* ---- driving the grammar ---- */

enum status gql_parse_document(struct slice text, struct arena *arena, struct gql_document *out,
                               struct error *err)
{
    struct gql_parse parse = {.text = text,
                              .arena = arena,
                              .document = out,
                              .definition_offset = -1,
                              .variable_offset = -1,
                              .err = err,
                              .status = ST_OK};
    struct gql_lexer lexer;
    struct gql_token token;
    void *grammar;
    int kind;

    *out = (struct gql_document){0};
    if (text.len > INT32_MAX)
        return error_set(err, ST_LIMIT, -1, "the document is too long");
    grammar = gql_grammarAlloc(malloc);
    if (grammar == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    gql_lexer_init(&lexer, text, err);
    do {
        kind = gql_lexer_next(&lexer, &token);
        if (kind == GQL_TOKEN_ERROR) {
            parse.status = lexer.status;
            break;
        }
        if (parse.definition_offset < 0)
            parse.definition_offset = token.offset;
        parse.lookahead_offset = token.offset;
        gql_grammar(grammar, kind, token, &parse);
        parse.token_end = token.offset + (int32_t)token.text.len;
    } while (kind != GQL_TOKEN_END && parse.status == ST_OK);
    gql_grammarFree(grammar, free);
    if (parse.status == ST_OK && arena->failed)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    return parse.status;
}
