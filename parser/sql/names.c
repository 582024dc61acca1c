/*
 * Names as written become names as meant: quotes off, text spans trimmed.
 */
#include "parser/sql/sql_internal.h"

/* Content of a quoted token whose quote is doubled somewhere inside. */
static struct slice undouble(struct sql_parse *parse, struct slice content, char quote)
{
    char *copy = arena_alloc(parse->arena, content.len + 1);
    size_t len = 0;

    if (copy == NULL) {
        sql_fail(parse, ST_NO_MEMORY, NULL, "out of memory");
        return slice_empty();
    }
    for (size_t i = 0; i < content.len; i++) {
        copy[len++] = content.data[i];
        if (content.data[i] == quote)
            i++;
    }
    return slice_of(copy, len);
}

struct slice sql_unquote(struct sql_parse *parse, struct sql_token token)
{
    char quote = token.len == 0 ? 'a' : token.text[0];
    struct slice content;

    if (quote != '"' && quote != '\'' && quote != '`' && quote != '[')
        return slice_of(token.text, token.len);
    content = slice_of(token.text + 1, token.len - 2);
    if (quote == '[' || content.len == 0 || memchr(content.data, quote, content.len) == NULL)
        return content;
    return undouble(parse, content, quote);
}

struct ir_name sql_name(struct sql_parse *parse, struct sql_token token)
{
    if (token.text == NULL)
        return (struct ir_name){.offset = -1};
    return (struct ir_name){sql_unquote(parse, token), sql_offset(parse, token.text)};
}

bool sql_token_is(struct sql_token token, const char *word)
{
    return token.text != NULL && slice_is_nocase(slice_of(token.text, token.len), word);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

struct slice sql_span(const char *start, const char *end)
{
    while (start < end && is_blank(*start))
        start++;
    while (start < end && is_blank(end[-1]))
        end--;
    return start < end ? slice_of(start, (size_t)(end - start)) : slice_empty();
}
