/*
 * The lexer of query strings. Each mode has its own rules, because a bracket, a star or a dot means
 * something else in a name, in a value and between items.
 *
 * The text ends at `limit`, not with a NUL; a NUL inside it belongs to no rule and is reported.
 */
#include "parser/url/grammar.y.h"
#include "parser/url/url_internal.h"

#define YYCTYPE        unsigned char
#define YYPEEK()       (lexer->cursor < lexer->limit ? (YYCTYPE)*lexer->cursor : 0)
#define YYSKIP()       (lexer->cursor++)
#define YYBACKUP()     (marker = lexer->cursor)
#define YYRESTORE()    (lexer->cursor = marker)

/*!re2c
    re2c:flags:input = custom;
    re2c:yyfill:enable = 0;
    re2c:define:YYCTYPE = "unsigned char";

    name      = [^&|=!<>()[\]{}.,?\x00]+;
    word      = [A-Za-z0-9_]+;
    loose     = [^&|=[\]{}?\x00]+;          // a value at top level or in [ ]
    tight     = [^&|=[\]{}()!<>,?\x00]+;    // a value in ( ) or in a list
    end       = "\x00";
*/

void url_lexer_init(struct url_lexer *lexer, struct slice raw, struct error *err)
{
    const char *start = raw.len == 0 ? "" : raw.data;

    *lexer = (struct url_lexer){.start = start,
                                .cursor = start,
                                .limit = start + raw.len,
                                .mode = URL_MODE_ITEM,
                                .err = err,
                                .status = ST_OK};
}

static int fail(struct url_lexer *lexer, enum status status, const char *from, const char *message)
{
    lexer->status = error_set(lexer->err, status, from - lexer->start, "%s", message);
    return URL_TOKEN_ERROR;
}

/* The character at `from` fits nowhere. */
static int fail_character(struct url_lexer *lexer, const char *from)
{
    if (from >= lexer->limit)
        return fail(lexer, ST_SYNTAX, from, "unexpected end of the query");
    if (*from == '?')
        return fail(lexer, ST_SYNTAX, from, "a second ? in a query must be written as %3F");
    if ((unsigned char)*from < 0x20)
        return fail(lexer, ST_SYNTAX, from, "control character in a query");
    lexer->status = error_set(lexer->err, ST_SYNTAX, from - lexer->start,
                              "unexpected \"%c\" in a query", *from);
    return URL_TOKEN_ERROR;
}

static int take(struct url_lexer *lexer, const char *from, struct url_token *out, int kind,
                enum url_lexer_mode next)
{
    *out = (struct url_token){.text = slice_of(from, (size_t)(lexer->cursor - from)),
                              .offset = (int32_t)(from - lexer->start)};
    lexer->mode = (uint8_t)next;
    return kind;
}

static int take_op(struct url_lexer *lexer, const char *from, struct url_token *out,
                   enum url_comparator comparator, bool is_strict, bool takes_star)
{
    int kind = take(lexer, from, out, URL_T_OP, URL_MODE_VALUE);

    out->comparator = (uint8_t)comparator;
    out->is_strict = is_strict;
    out->takes_star = takes_star;
    return kind;
}

static int take_literal(struct url_lexer *lexer, const char *from, struct url_token *out,
                        enum url_lexer_mode next)
{
    int kind = take(lexer, from, out, URL_T_VALUE, next);

    out->literal = lexer->literal_count++;
    return kind;
}

/* `=name=` after an attribute, or without one: a leg of a chained range. */
static int take_named_op(struct url_lexer *lexer, const char *from, struct url_token *out,
                         bool is_leg)
{
    struct slice name = slice_of(from + 1, (size_t)(lexer->cursor - from) - 2);
    struct url_token found = {0};

    if (!url_comparator_find(name, &found))
        return fail(lexer, ST_SYNTAX, from, "Unknown query comparator");
    if (is_leg && (found.is_negated || found.comparator < URL_LESS ||
                   found.comparator > URL_GREATER_EQUAL))
        return fail(lexer, ST_SYNTAX, from, "a condition needs an attribute name");
    take(lexer, from, out, URL_T_OP, URL_MODE_VALUE);
    out->comparator = found.comparator;
    out->is_negated = found.is_negated;
    if (is_leg)
        return URL_T_LEG;
    if (found.comparator == URL_BETWEEN || found.comparator == URL_IN) {
        lexer->mode = URL_MODE_LIST;
        return URL_T_OP_LIST;
    }
    return URL_T_OP;
}

static int open_group(struct url_lexer *lexer, const char *from, struct url_token *out,
                      bool is_square)
{
    if (lexer->depth == URL_DEPTH_MAX)
        return fail(lexer, ST_LIMIT, from, "a query may nest 64 groups deep");
    if (is_square)
        lexer->square |= UINT64_C(1) << lexer->depth;
    else
        lexer->square &= ~(UINT64_C(1) << lexer->depth);
    lexer->depth++;
    return take(lexer, from, out, is_square ? URL_T_LBRACKET : URL_T_LPAREN, URL_MODE_ITEM);
}

static int close_group(struct url_lexer *lexer, const char *from, struct url_token *out,
                       bool is_square)
{
    if (lexer->depth == 0 || (lexer->square >> (lexer->depth - 1) & 1) != is_square)
        return fail(lexer, ST_SYNTAX, from, "unmatched bracket");
    lexer->depth--;
    return take(lexer, from, out, is_square ? URL_T_RBRACKET : URL_T_RPAREN, URL_MODE_AFTER_ITEM);
}

static int open_function(struct url_lexer *lexer, const char *from, struct url_token *out)
{
    struct slice name = slice_of(from, (size_t)(lexer->cursor - from) - 1);
    int kind;

    if (slice_is(name, "select"))
        kind = URL_T_SELECT;
    else if (slice_is(name, "limit"))
        kind = URL_T_LIMIT;
    else if (slice_is(name, "sort"))
        kind = URL_T_SORT;
    else
        return fail(lexer, ST_SYNTAX, from, "unknown function");
    if (lexer->depth != 0)
        return fail(lexer, ST_SYNTAX, from, "a function may not stand inside a group");
    return take(lexer, from, out, kind, kind == URL_T_LIMIT ? URL_MODE_NUMBERS : URL_MODE_NAMES);
}

static int lex_item(struct url_lexer *lexer, struct url_token *out)
{
    const char *from = lexer->cursor, *marker = from;

    /*!re2c
        "("          { return open_group(lexer, from, out, false); }
        "["          { return open_group(lexer, from, out, true); }
        ")"          { return close_group(lexer, from, out, false); }
        "]"          { return close_group(lexer, from, out, true); }
        name "("     { return open_function(lexer, from, out); }
        name         { return take(lexer, from, out, URL_T_NAME, URL_MODE_AFTER_NAME); }
        "=" word "=" { return take_named_op(lexer, from, out, true); }
        "&"          { return take(lexer, from, out, URL_T_AND, URL_MODE_ITEM); }
        "|"          { return take(lexer, from, out, URL_T_OR, URL_MODE_ITEM); }
        end          { lexer->cursor = from;
                       return from >= lexer->limit ? URL_TOKEN_END : fail_character(lexer, from); }
        *            { return fail_character(lexer, from); }
    */
}

static int lex_path(struct url_lexer *lexer, struct url_token *out)
{
    const char *from = lexer->cursor;

    /*!re2c
        name { return take(lexer, from, out, URL_T_NAME, URL_MODE_AFTER_NAME); }
        *    { return fail_character(lexer, from); }
    */
}

static int lex_after_name(struct url_lexer *lexer, struct url_token *out)
{
    const char *from = lexer->cursor, *marker = from;

    /*!re2c
        "."                  { return take(lexer, from, out, URL_T_DOT, URL_MODE_PATH); }
        ("[]")? "="          { return take_op(lexer, from, out, URL_EQUALS, true, false); }
        ("[]")? "==="        { return take_op(lexer, from, out, URL_EQUALS, true, false); }
        ("[]")? "=="         { return take_op(lexer, from, out, URL_EQUALS, false, true); }
        ("[]")? "!="         { return take_op(lexer, from, out, URL_NOT_EQUAL, false, false); }
        ("[]")? "!=="        { return take_op(lexer, from, out, URL_NOT_EQUAL, true, false); }
        ("[]")? "<"          { return take_op(lexer, from, out, URL_LESS, false, false); }
        ("[]")? "<="         { return take_op(lexer, from, out, URL_LESS_EQUAL, false, false); }
        ("[]")? ">"          { return take_op(lexer, from, out, URL_GREATER, false, false); }
        ("[]")? ">="         { return take_op(lexer, from, out, URL_GREATER_EQUAL, false, false); }
        "=" word "="         { return take_named_op(lexer, from, out, false); }
        "[]=" word "="       { return take_named_op(lexer, from + 2, out, false); }
        *                    { return fail_character(lexer, from); }
    */
}

/* A raw ( or ) in a value is text only when it has its partner there: `a=f(x)` is, `a=1)` is not. */
static const char *unmatched_paren(struct slice text)
{
    const char *open = NULL;
    size_t depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '(' && depth++ == 0)
            open = text.data + i;
        else if (text.data[i] == ')' && depth-- == 0)
            return text.data + i;
    }
    return depth == 0 ? NULL : open;
}

static int lex_loose_value(struct url_lexer *lexer, struct url_token *out)
{
    const char *from = lexer->cursor, *unmatched;

    /*!re2c
        loose { goto taken; }
        *     { lexer->cursor = from; goto taken; }
    */
taken:
    unmatched = unmatched_paren(slice_of(from, (size_t)(lexer->cursor - from)));
    if (unmatched != NULL)
        return fail(lexer, ST_SYNTAX, unmatched, "unmatched bracket");
    return take_literal(lexer, from, out, URL_MODE_AFTER_ITEM);
}

static int lex_tight_value(struct url_lexer *lexer, struct url_token *out,
                           enum url_lexer_mode next)
{
    const char *from = lexer->cursor;

    /*!re2c
        tight { return take_literal(lexer, from, out, next); }
        *     { lexer->cursor = from; return take_literal(lexer, from, out, next); }
    */
}

static int lex_value(struct url_lexer *lexer, struct url_token *out)
{
    bool is_tight = lexer->depth != 0 && (lexer->square >> (lexer->depth - 1) & 1) == 0;

    return is_tight ? lex_tight_value(lexer, out, URL_MODE_AFTER_ITEM)
                    : lex_loose_value(lexer, out);
}

/* The bracket, the commas and the end of a list of values, `(v1,v2)`. */
static int lex_list(struct url_lexer *lexer, struct url_token *out)
{
    const char *from = lexer->cursor;
    bool is_open = lexer->mode == URL_MODE_LIST_NEXT;

    if (from < lexer->limit) {
        lexer->cursor++;
        if (*from == '(' && !is_open)
            return take(lexer, from, out, URL_T_LPAREN, URL_MODE_LIST_VALUE);
        if (*from == ',' && is_open)
            return take(lexer, from, out, URL_T_COMMA, URL_MODE_LIST_VALUE);
        if (*from == ')' && is_open)
            return take(lexer, from, out, URL_T_RPAREN, URL_MODE_AFTER_ITEM);
    }
    if (!is_open)
        return fail(lexer, ST_SYNTAX, from, "a list of values must be written (v1,v2)");
    return fail_character(lexer, from);
}

static int lex_after_item(struct url_lexer *lexer, struct url_token *out)
{
    const char *from = lexer->cursor;

    /*!re2c
        "&" { return take(lexer, from, out, URL_T_AND, URL_MODE_ITEM); }
        "|" { return take(lexer, from, out, URL_T_OR, URL_MODE_ITEM); }
        ")" { return close_group(lexer, from, out, false); }
        "]" { return close_group(lexer, from, out, true); }
        end { lexer->cursor = from;
              return from >= lexer->limit ? URL_TOKEN_END : fail_character(lexer, from); }
        *   { return fail_character(lexer, from); }
    */
}

static int open_brace(struct url_lexer *lexer, const char *from, struct url_token *out)
{
    if (lexer->brace_depth == URL_DEPTH_MAX)
        return fail(lexer, ST_LIMIT, from, "a select may nest 64 levels deep");
    lexer->brace_depth++;
    return take(lexer, from, out, URL_T_LBRACE, URL_MODE_NAMES);
}

static int close_brace(struct url_lexer *lexer, const char *from, struct url_token *out)
{
    if (lexer->brace_depth == 0)
        return fail(lexer, ST_SYNTAX, from, "unmatched bracket");
    lexer->brace_depth--;
    return take(lexer, from, out, URL_T_RBRACE, URL_MODE_NAMES);
}

static int lex_names(struct url_lexer *lexer, struct url_token *out)
{
    const char *from = lexer->cursor;

    /*!re2c
        name { return take(lexer, from, out, URL_T_NAME, URL_MODE_NAMES); }
        "."  { return take(lexer, from, out, URL_T_DOT, URL_MODE_NAMES); }
        ","  { return take(lexer, from, out, URL_T_COMMA, URL_MODE_NAMES); }
        "["  { return take(lexer, from, out, URL_T_LBRACKET, URL_MODE_NAMES); }
        "]"  { return take(lexer, from, out, URL_T_RBRACKET, URL_MODE_NAMES); }
        "{"  { return open_brace(lexer, from, out); }
        "}"  { return close_brace(lexer, from, out); }
        ")"  { return take(lexer, from, out, URL_T_RPAREN, URL_MODE_AFTER_ITEM); }
        *    { return fail_character(lexer, from); }
    */
}

static int lex_numbers_next(struct url_lexer *lexer, struct url_token *out)
{
    const char *from = lexer->cursor;

    /*!re2c
        ","  { return take(lexer, from, out, URL_T_COMMA, URL_MODE_NUMBERS); }
        ")"  { return take(lexer, from, out, URL_T_RPAREN, URL_MODE_AFTER_ITEM); }
        *    { return fail_character(lexer, from); }
    */
}

int url_lexer_next(struct url_lexer *lexer, struct url_token *out)
{
    switch ((enum url_lexer_mode)lexer->mode) {
    case URL_MODE_ITEM:
        return lex_item(lexer, out);
    case URL_MODE_PATH:
        return lex_path(lexer, out);
    case URL_MODE_AFTER_NAME:
        return lex_after_name(lexer, out);
    case URL_MODE_VALUE:
        return lex_value(lexer, out);
    case URL_MODE_LIST:
    case URL_MODE_LIST_NEXT:
        return lex_list(lexer, out);
    case URL_MODE_LIST_VALUE:
        return lex_tight_value(lexer, out, URL_MODE_LIST_NEXT);
    case URL_MODE_AFTER_ITEM:
        return lex_after_item(lexer, out);
    case URL_MODE_NAMES:
        return lex_names(lexer, out);
    case URL_MODE_NUMBERS:
        return lex_tight_value(lexer, out, URL_MODE_NUMBERS_NEXT);
    case URL_MODE_NUMBERS_NEXT:
        return lex_numbers_next(lexer, out);
    }
    return fail(lexer, ST_INTERNAL, lexer->cursor, "the query lexer lost its mode");
}
