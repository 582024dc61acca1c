/*
 * The lexer of GraphQL documents (October 2021). Commas, blanks, comments and byte order marks
 * separate tokens. Keywords are names elsewhere; the grammar decides.
 *
 * The text ends at `limit`, not with a NUL; a NUL inside it belongs to no rule and is reported.
 */
#include "parser/graphql/grammar.y.h"
#include "parser/graphql/graphql_internal.h"

#define YYCTYPE        unsigned char
#define YYPEEK()       (lexer->cursor < lexer->limit ? (YYCTYPE)*lexer->cursor : 0)
#define YYSKIP()       (lexer->cursor++)
#define YYBACKUP()     (marker = lexer->cursor)
#define YYRESTORE()    (lexer->cursor = marker)

void gql_lexer_init(struct gql_lexer *lexer, struct slice text, struct error *err)
{
    const char *start = text.len == 0 ? "" : text.data;

    *lexer = (struct gql_lexer){.start = start,
                                .cursor = start,
                                .limit = start + text.len,
                                .err = err,
                                .status = ST_OK};
}

static int fail(struct gql_lexer *lexer, enum status status, const char *from, const char *message)
{
    struct slice text = slice_of(lexer->start, (size_t)(lexer->limit - lexer->start));

    lexer->status = gql_error_at(text, lexer->err, status, from - lexer->start, "%s", message);
    return GQL_TOKEN_ERROR;
}

static int open_bracket(struct gql_lexer *lexer, const char *from, int kind)
{
    if (lexer->depth == GQL_DEPTH_MAX)
        return fail(lexer, ST_LIMIT, from, "a document may nest 64 brackets deep");
    lexer->depth++;
    return kind;
}

/* A bracket too many is the grammar's to report. */
static int close_bracket(struct gql_lexer *lexer, int kind)
{
    if (lexer->depth > 0)
        lexer->depth--;
    return kind;
}

/* Blanks and comments, written out so that a long run of them costs no calls. */
static void skip_ignored(struct gql_lexer *lexer)
{
    while (lexer->cursor < lexer->limit) {
        switch (*lexer->cursor) {
        case ' ':
        case '\t':
        case '\n':
        case '\r':
        case ',':
            lexer->cursor++;
            break;
        case '#':
            while (lexer->cursor < lexer->limit && *lexer->cursor != '\n' &&
                   *lexer->cursor != '\r')
                lexer->cursor++;
            break;
        case '\xef':
            if (lexer->limit - lexer->cursor < 3 || memcmp(lexer->cursor, "\xef\xbb\xbf", 3) != 0)
                return;
            lexer->cursor += 3;
            break;
        default:
            return;
        }
    }
}

/* Behind the opening """: up to the closing one that no backslash precedes. */
static int lex_block(struct gql_lexer *lexer, const char *from)
{
    for (const char *at = lexer->cursor; lexer->limit - at >= 3; at++) {
        if (at[0] == '\\' && lexer->limit - at >= 4 && memcmp(at, "\\\"\"\"", 4) == 0) {
            at += 3;
        } else if (memcmp(at, "\"\"\"", 3) == 0) {
            lexer->cursor = at + 3;
            return GQL_T_BLOCK;
        }
    }
    return fail(lexer, ST_SYNTAX, from, "unterminated block string");
}

static int lex(struct gql_lexer *lexer)
{
    const char *from = lexer->cursor, *marker = from;

    /*!re2c
        re2c:flags:input = custom;
        re2c:yyfill:enable = 0;
        re2c:define:YYCTYPE = "unsigned char";

        start    = [A-Za-z_];
        name     = start [A-Za-z0-9_]*;
        integer  = "-"? ("0" | [1-9][0-9]*);
        exponent = [eE] [+-]? [0-9]+;
        real     = integer ("." [0-9]+ exponent? | exponent);
        escape   = "\\" ["\\/bfnrt] | "\\u" [0-9A-Fa-f]{4};
        plain    = [^"\\\x00-\x08\x0a-\x1f];

        "{"      { return open_bracket(lexer, from, GQL_T_LBRACE); }
        "}"      { return close_bracket(lexer, GQL_T_RBRACE); }
        "("      { return open_bracket(lexer, from, GQL_T_LPAREN); }
        ")"      { return close_bracket(lexer, GQL_T_RPAREN); }
        "["      { return open_bracket(lexer, from, GQL_T_LBRACKET); }
        "]"      { return close_bracket(lexer, GQL_T_RBRACKET); }
        "!"      { return GQL_T_BANG; }
        "$"      { return GQL_T_DOLLAR; }
        "&"      { return GQL_T_AMP; }
        "..."    { return GQL_T_SPREAD; }
        ":"      { return GQL_T_COLON; }
        "="      { return GQL_T_EQUALS; }
        "@"      { return GQL_T_AT; }
        "|"      { return GQL_T_PIPE; }

        "type"         { return GQL_T_TYPE; }
        "input"        { return GQL_T_INPUT; }
        "enum"         { return GQL_T_ENUM; }
        "interface"    { return GQL_T_INTERFACE; }
        "union"        { return GQL_T_UNION; }
        "scalar"       { return GQL_T_SCALAR; }
        "schema"       { return GQL_T_SCHEMA; }
        "directive"    { return GQL_T_DIRECTIVE; }
        "extend"       { return GQL_T_EXTEND; }
        "implements"   { return GQL_T_IMPLEMENTS; }
        "repeatable"   { return GQL_T_REPEATABLE; }
        "on"           { return GQL_T_ON; }
        "query"        { return GQL_T_QUERY; }
        "mutation"     { return GQL_T_MUTATION; }
        "subscription" { return GQL_T_SUBSCRIPTION; }
        "fragment"     { return GQL_T_FRAGMENT; }
        "true"         { return GQL_T_TRUE; }
        "false"        { return GQL_T_FALSE; }
        "null"         { return GQL_T_NULL; }
        name           { return GQL_T_NAME; }

        integer  { return GQL_T_INT; }
        real     { return GQL_T_FLOAT; }
        integer (start | [0-9.])            { return fail(lexer, ST_SYNTAX, from, "malformed number"); }
        real (start | ".")                  { return fail(lexer, ST_SYNTAX, from, "malformed number"); }
        ["] (plain | escape)* ["]           { return GQL_T_STRING; }
        ["] (plain | escape)*               { return fail(lexer, ST_SYNTAX, lexer->cursor, "unterminated or malformed string"); }
        ["]["]["]                           { return lex_block(lexer, from); }
        "\x00"   { if (from >= lexer->limit) { lexer->cursor = from; return GQL_TOKEN_END; }
                   return fail(lexer, ST_SYNTAX, from, "unexpected character"); }
        *        { return fail(lexer, ST_SYNTAX, from, "unexpected character"); }
    */
}

int gql_lexer_next(struct gql_lexer *lexer, struct gql_token *out)
{
    int kind;

    skip_ignored(lexer);
    *out = (struct gql_token){.offset = (int32_t)(lexer->cursor - lexer->start)};
    kind = lex(lexer);
    out->text = slice_of(lexer->start + out->offset,
                         (size_t)(lexer->cursor - lexer->start) - (size_t)out->offset);
    return kind;
}
