/* SEARCH_JSON's expressions: text to tree, by operator precedence. */
#include "vdbe/func/search_internal.h"
#include <ctype.h>

struct parser {
    struct arena *arena;
    struct slice text;
    size_t at;
    unsigned depth;
    struct error *err;
};

static enum status parse(struct parser *p, unsigned power, struct search_node **out);

static enum status wrong(struct parser *p, const char *what)
{
    return error_set(p->err, ST_SYNTAX, (int64_t)p->at,
                     "search json expression: %s at character %zu", what, p->at + 1);
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->text.len && isspace((unsigned char)p->text.data[p->at]))
        p->at++;
}

static bool take(struct parser *p, const char *token)
{
    size_t length = strlen(token);

    skip_blanks(p);
    if (p->text.len - p->at < length || memcmp(p->text.data + p->at, token, length) != 0)
        return false;
    p->at += length;
    return true;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static struct slice take_name(struct parser *p)
{
    size_t start = p->at;

    while (p->at < p->text.len && is_name_char(p->text.data[p->at]))
        p->at++;
    return slice_of(p->text.data + start, p->at - start);
}

static enum status new_node(struct parser *p, enum search_kind kind, struct search_node **out)
{
    *out = ARENA_NEW(p->arena, struct search_node);
    if (*out == NULL)
        return error_set(p->err, ST_NO_MEMORY, -1, "out of memory");
    (*out)->kind = (uint8_t)kind;
    (*out)->offset = (uint32_t)p->at;
    return ST_OK;
}

/* Expressions with `separator` between them up to `close`. `pairs`: separated inside by a colon. */
static enum status parse_list(struct parser *p, const char *separator, const char *close,
                              bool pairs, struct search_node *node)
{
    struct buf items = {0};
    enum status st = ST_OK;

    while (!take(p, close)) {
        struct search_node *item = NULL, *range = NULL;

        if (items.len != 0 && !take(p, separator)) {
            st = wrong(p, "separator or closing bracket expected");
            goto out;
        }
        if (items.len != 0 && *separator == ';' && take(p, close))
            break;
        TRY_OUT(parse(p, 0, &item));
        if (node->kind == SEARCH_ARRAY && take(p, "..")) {
            TRY_OUT(new_node(p, SEARCH_RANGE, &range));
            range->left = item;
            TRY_OUT(parse(p, 0, &range->right));
            item = range;
        }
        buf_append(&items, &item, sizeof(item));
        if (pairs) {
            if (!take(p, ":")) {
                st = wrong(p, "colon expected");
                goto out;
            }
            TRY_OUT(parse(p, 0, &item));
            buf_append(&items, &item, sizeof(item));
        }
    }
    node->count = items.len / sizeof(struct search_node *);
    struct slice copy = arena_copy(p->arena, buf_slice(&items));
    node->items = (struct search_node **)(uintptr_t)copy.data;
    if (buf_status(&items) != ST_OK || copy.data == NULL)
        st = error_set(p->err, ST_NO_MEMORY, -1, "out of memory");
out:
    buf_free(&items);
    return st;
}

/* Both quotes; JSON's escapes. */
static enum status parse_text(struct parser *p, char quote, struct search_node *node)
{
    size_t start = ++p->at;
    char *room, *to;

    while (p->at < p->text.len && p->text.data[p->at] != quote)
        p->at += p->text.data[p->at] == '\\' ? 2 : 1;
    if (p->at >= p->text.len)
        return wrong(p, "text has no end");
    room = to = arena_alloc(p->arena, p->at - start + 1);
    if (room == NULL)
        return error_set(p->err, ST_NO_MEMORY, -1, "out of memory");
    for (size_t i = start; i < p->at; i++) {
        static const char escapes[] = "b\bf\fn\nr\rt\t";
        const char *found;

        if (p->text.data[i] != '\\') {
            *to++ = p->text.data[i];
            continue;
        }
        i++;
        found = strchr("bfnrt", p->text.data[i]);
        *to++ = found != NULL && *found != '\0' ? strchr(escapes, *found)[1] : p->text.data[i];
    }
    node->literal = value_text(slice_of(room, (size_t)(to - room)));
    p->at++;
    return ST_OK;
}

static enum status parse_number(struct parser *p, struct search_node *node)
{
    size_t start = p->at;

    while (p->at < p->text.len && (isdigit((unsigned char)p->text.data[p->at]) ||
                                   (p->text.data[p->at] == '.' && p->at + 1 < p->text.len &&
                                    isdigit((unsigned char)p->text.data[p->at + 1])) ||
                                   ((p->text.data[p->at] | 0x20) == 'e') ||
                                   ((p->text.data[p->at] == '-' || p->text.data[p->at] == '+') &&
                                    p->at > start && (p->text.data[p->at - 1] | 0x20) == 'e')))
        p->at++;
    if (number_parse(slice_of(p->text.data + start, p->at - start), &node->literal) < NUMBER_INT)
        return wrong(p, "not a number");
    return ST_OK;
}

/* $, $$, $name, $name := value, $name(arguments) */
static enum status parse_variable(struct parser *p, struct search_node *node)
{
    p->at++;
    node->kind = SEARCH_VARIABLE;
    if (p->at < p->text.len && p->text.data[p->at] == '$') {
        node->name = slice_of(p->text.data + p->at++, 1);
        return ST_OK;
    }
    node->name = take_name(p);
    if (node->name.len != 0 && take(p, "(")) {
        node->kind = SEARCH_CALL;
        return parse_list(p, ",", ")", false, node);
    }
    if (node->name.len != 0 && take(p, ":=")) {
        node->kind = SEARCH_BIND;
        return parse(p, 0, &node->right);
    }
    return ST_OK;
}

static void set_word(struct search_node *node, struct slice word)
{
    node->kind = SEARCH_LITERAL;
    if (slice_is(word, "true") || slice_is(word, "false"))
        node->literal = value_bool(*word.data == 't');
    else if (slice_is(word, "null"))
        node->literal = value_null();
    else
        node->kind = SEARCH_NAME;
    node->name = word;
}

static enum status parse_quoted_name(struct parser *p, struct search_node *node)
{
    const char *start = p->text.data + p->at + 1;
    const char *end = memchr(start, '`', p->text.len - p->at - 1);

    if (end == NULL)
        return wrong(p, "name has no end");
    node->kind = SEARCH_NAME;
    node->name = slice_of(start, (size_t)(end - start));
    p->at = (size_t)(end + 1 - p->text.data);
    return ST_OK;
}

/* What an expression may begin with. */
static enum status parse_start(struct parser *p, struct search_node **out)
{
    struct search_node *node;
    char c;

    skip_blanks(p);
    if (p->at == p->text.len)
        return wrong(p, "expression expected");
    TRY(new_node(p, SEARCH_LITERAL, out));
    node = *out;
    c = p->text.data[p->at];
    if (c == '"' || c == '\'')
        return parse_text(p, c, node);
    if (isdigit((unsigned char)c))
        return parse_number(p, node);
    if (c == '$')
        return parse_variable(p, node);
    if (c == '`')
        return parse_quoted_name(p, node);
    if (is_name_char(c)) {
        set_word(node, take_name(p));
        return ST_OK;
    }
    if (take(p, "**") || take(p, "*")) {
        node->kind = p->text.data[p->at - 1] == '*' && p->at >= 2 && p->at - node->offset == 2
                         ? SEARCH_DESCENDANTS
                         : SEARCH_WILDCARD;
        return ST_OK;
    }
    if (take(p, "-")) {
        node->kind = SEARCH_NEGATE;
        return parse(p, 70, &node->right);
    }
    if (take(p, "[")) {
        node->kind = SEARCH_ARRAY;
        return parse_list(p, ",", "]", false, node);
    }
    if (take(p, "{")) {
        node->kind = SEARCH_OBJECT;
        return parse_list(p, ",", "}", true, node);
    }
    if (take(p, "(")) {
        node->kind = SEARCH_BLOCK;
        return parse_list(p, ";", ")", false, node);
    }
    return wrong(p, "expression expected");
}

static const struct {
    const char *text;
    uint8_t power, op;
    bool is_word;
} operators[] = {
    {"!=", 40, SEARCH_UNEQUAL, false},
    {"<=", 40, SEARCH_LESS_EQUAL, false},
    {">=", 40, SEARCH_GREATER_EQUAL, false},
    {"=", 40, SEARCH_EQUAL, false},
    {"<", 40, SEARCH_LESS, false},
    {">", 40, SEARCH_GREATER, false},
    {"+", 50, SEARCH_ADD, false},
    {"-", 50, SEARCH_SUBTRACT, false},
    {"&", 50, SEARCH_CONCAT, false},
    {"*", 60, SEARCH_MULTIPLY, false},
    {"/", 60, SEARCH_DIVIDE, false},
    {"%", 60, SEARCH_MODULO, false},
    {"in", 40, SEARCH_IN, true},
    {"and", 30, SEARCH_AND, true},
    {"or", 25, SEARCH_OR, true},
};

enum { POWER_PATH = 75, POWER_FILTER = 80, POWER_CONDITION = 20 };

/* The number of the binary operator that comes next and binds tighter than `power`; -1: none. */
static int take_operator(struct parser *p, unsigned power)
{
    size_t start = p->at;

    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (operators[i].power <= power || !take(p, operators[i].text))
            continue;
        if (!operators[i].is_word || p->at == p->text.len || !is_name_char(p->text.data[p->at]))
            return (int)i;
        p->at = start;
    }
    return -1;
}

/* One thing that may follow `left`; *out unchanged: nothing does. */
static enum status parse_rest(struct parser *p, unsigned power, struct search_node **out)
{
    struct search_node *node, *left = *out;
    size_t start;
    int op;

    skip_blanks(p);
    start = p->at;
    if (POWER_PATH > power && take(p, ".")) {
        if (p->at < p->text.len && p->text.data[p->at] == '.') { /* a range ends the operand */
            p->at = start;
            return ST_OK;
        }
        TRY(new_node(p, SEARCH_PATH, &node));
        node->left = left;
        *out = node;
        return parse(p, POWER_PATH, &node->right);
    }
    if (POWER_FILTER > power && take(p, "[")) {
        TRY(new_node(p, SEARCH_FILTER, &node));
        node->left = left;
        *out = node;
        if (take(p, "]")) /* a[]: as it is */
            return ST_OK;
        TRY(parse(p, 0, &node->right));
        return take(p, "]") ? ST_OK : wrong(p, "] expected");
    }
    if (POWER_CONDITION > power && take(p, "?")) {
        TRY(new_node(p, SEARCH_CONDITION, &node));
        node->items = ARENA_NEW_ARRAY(p->arena, struct search_node *, 3);
        if (node->items == NULL)
            return error_set(p->err, ST_NO_MEMORY, -1, "out of memory");
        node->items[0] = left;
        node->count = 2;
        *out = node;
        TRY(parse(p, 0, &node->items[1]));
        if (!take(p, ":"))
            return ST_OK;
        node->count = 3;
        return parse(p, 0, &node->items[2]);
    }
    op = take_operator(p, power);
    if (op < 0)
        return ST_OK;
    TRY(new_node(p, SEARCH_BINARY, &node));
    node->op = operators[op].op;
    node->left = left;
    *out = node;
    return parse(p, operators[op].power, &node->right);
}

static enum status parse(struct parser *p, unsigned power, struct search_node **out)
{
    struct search_node *before;
    unsigned length = 0;

    if (++p->depth > SEARCH_DEPTH_MAX)
        return wrong(p, "nested too deep");
    TRY(parse_start(p, out));
    do { /* a chain a.b.c… nests to the left as deep as it is long */
        before = *out;
        if (++length > SEARCH_DEPTH_MAX)
            return wrong(p, "too long");
        TRY(parse_rest(p, power, out));
    } while (*out != before);
    p->depth--;
    return ST_OK;
}

enum status search_parse(struct arena *arena, struct slice text, struct search_node **out,
                         struct error *err)
{
    struct parser p = {.arena = arena, .text = text, .err = err};

    TRY(parse(&p, 0, out));
    skip_blanks(&p);
    return p.at == text.len ? ST_OK : wrong(&p, "end of expression expected");
}
