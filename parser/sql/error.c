/*
 * Syntax errors: the offending token, and what would have been right.
 */
#include "parser/sql/grammar.y.h"
#include "parser/sql/sql_internal.h"
#include <stdlib.h>

enum { EXPECTED_MAX = 6, WORD_MAX = 32 };

static const struct {
    int code;
    const char *text;
} symbols[] = {{TK_LP, "("},
               {TK_RP, ")"},
               {TK_SEMI, "end of statement"},
               {TK_COMMA, ","},
               {TK_DOT, "."},
               {TK_EQ, "="},
               {TK_STAR, "*"},
               {TK_ID, "a name"},
               {TK_STRING, "a string"},
               {TK_INTEGER, "a number"},
               {TK_JOIN_KW, "JOIN"}};

/* The keyword of a token code, or its symbol; NULL: not worth a mention. */
static const char *code_text(int code)
{
    const char *word;

    for (size_t i = 0; i < COUNT_OF(symbols); i++)
        if (symbols[i].code == code)
            return symbols[i].text;
    for (size_t i = 0; (word = sql_keyword(i)) != NULL; i++)
        if (sql_keyword_code(i) == code)
            return word;
    return NULL;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Edits (insert, delete, replace, swap of neighbours) between two short words. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[3][WORD_MAX + 1];

    for (size_t k = 0; k <= b_len; k++)
        row[0][k] = k;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

        now[0] = i;
        for (size_t k = 1; k <= b_len; k++) {
            bool same = lower(a[i - 1]) == lower(b[k - 1]);
            size_t best = last[k - 1] + !same;

            if (last[k] + 1 < best)
                best = last[k] + 1;
            if (now[k - 1] + 1 < best)
                best = now[k - 1] + 1;
            if (i > 1 && k > 1 && lower(a[i - 1]) == lower(b[k - 2]) &&
                lower(a[i - 2]) == lower(b[k - 1]) && before[k - 2] + 1 < best)
                best = before[k - 2] + 1;
            now[k] = best;
        }
    }
    return row[a_len % 3][b_len];
}

static bool is_word(struct slice text)
{
    return text.len >= 3 && text.len <= WORD_MAX &&
           (lower(text.data[0]) >= 'a' && lower(text.data[0]) <= 'z');
}

/* An accepted keyword that `text` may be a misspelling of. */
static const char *near_keyword(struct slice text, const bool *accepted)
{
    size_t best_distance = text.len < 5 ? 1 : 2;
    const char *best = NULL, *word;

    if (!is_word(text) || sql_is_spelled_right(text))
        return NULL;
    for (size_t i = 0; (word = sql_keyword(i)) != NULL; i++) {
        size_t edits;

        if (!accepted[sql_keyword_code(i)])
            continue;
        edits = distance(text.data, text.len, word, strlen(word));
        if (edits == 1 && text.len < 4 && strlen(word) != text.len)
            continue; /* AT is not a misspelt ADD */
        if (edits > 0 && (edits < best_distance || (edits == best_distance && best == NULL))) {
            best = word;
            best_distance = edits;
        }
    }
    return best;
}

static void append_expected(struct buf *out, const bool *accepted)
{
    const char *texts[EXPECTED_MAX];
    size_t count = 0;

    for (int code = 1; code < SQL_TOKEN_CODES_MAX; code++) {
        const char *text = accepted[code] ? code_text(code) : NULL;

        if (text == NULL)
            continue;
        if (code == TK_STRING && accepted[TK_ID])
            continue; /* a name may be written that way; nobody should */
        if (code == TK_INDEXED && accepted[TK_ID] && !accepted[TK_NOT])
            continue; /* another word that may be a name */
        if (code == TK_JOIN_KW && accepted[TK_ID] && !accepted[TK_JOIN])
            continue;
        if (count == EXPECTED_MAX)
            return;
        texts[count++] = text;
    }
    for (size_t i = 0; i < count; i++) {
        buf_append_text(out, i == 0 ? ", expected " : i + 1 == count ? " or " : ", ");
        buf_append_text(out, texts[i]);
    }
}

/* Tokens before the one at `at`, as the grammar saw them. */
static size_t count_tokens(struct slice text, const char *at, struct slice *previous)
{
    struct sql_lexer lexer = {text.data, text.data, text.data + text.len, false};
    size_t count = 0;

    *previous = slice_empty();
    for (;;) {
        int code = sql_scan(&lexer);

        if (code <= 0 || lexer.token >= at)
            return count;
        *previous = slice_of(lexer.token, (size_t)(lexer.cursor - lexer.token));
        count++;
    }
}

static void append_advice(struct buf *out, const struct sql_parse *parse,
                          const struct sql_token *token)
{
    const char *start = parse->grammar_start;
    struct slice text = slice_of(start, parse->text.len - (size_t)(start - parse->text.data));
    int first = parse->first == NULL ? TK_ONLY_EXPRESSION : 0, last_code;
    bool accepted[SQL_TOKEN_CODES_MAX] = {false};
    struct slice previous;
    size_t tokens = count_tokens(text, token->text, &previous);
    const char *word;

    sql_accepted(text, first, tokens, accepted, &last_code);
    word = near_keyword(slice_of(token->text, token->len), accepted);
    if (word == NULL)
        append_expected(out, accepted);
    if (word == NULL && tokens > 0) {
        /* The word before may have been taken for a name: SELECT a FORM t. */
        bool before[SQL_TOKEN_CODES_MAX] = {false};

        sql_accepted(text, first, tokens - 1, before, &last_code);
        word = near_keyword(previous, before);
    }
    if (word != NULL)
        buf_printf(out, ", did you mean %s?", word);
}

enum { TOKEN_SHOWN_MAX = 80 };

void sql_syntax_error(struct sql_parse *parse, const struct sql_token *token)
{
    struct buf message = {0};
    size_t shown = token->len < (size_t)TOKEN_SHOWN_MAX ? token->len : (size_t)TOKEN_SHOWN_MAX;
    const char *text;

    if (sql_failed(parse))
        return;
    if (token->len == 0) {
        buf_append_text(&message, "incomplete input");
        append_advice(&message, parse, token);
    } else if (token->code == 0) {
        char c = token->text[0];

        buf_printf(&message, "unrecognized token: \"%.*s\"", (int)shown, token->text);
        if (c == '\'' || c == '"' || c == '`' || c == '[')
            buf_printf(&message, ", unterminated %s", c == '\'' ? "string" : "quoted name");
    } else {
        buf_printf(&message, "near \"%.*s\": syntax error", (int)shown, token->text);
        append_advice(&message, parse, token);
    }
    text = buf_cstr(&message);
    sql_fail(parse, ST_SYNTAX, token->text, "%s", text == NULL ? "syntax error" : text);
    buf_free(&message);
}
