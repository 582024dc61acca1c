/*
 * Tokens as the grammar sees them: words that are keywords only in some company.
 */
#include "parser/sql/grammar.y.h"
#include "parser/sql/sql_internal.h"

static bool is_name(int code)
{
    return code == TK_ID || code == TK_STRING || code == TK_JOIN_KW || code == TK_INDEXED ||
           code == TK_WINDOW || code == TK_OVER || code == TK_FILTER || sql_code_is_fallback(code);
}

/* SQLite lets WINDOW, OVER and FILTER be names nearly everywhere: WINDOW is a keyword before
 * `name AS`, OVER between `)` and a name or `(`, FILTER between `)` and `(`. */
static int in_company(struct sql_lexer *lexer, int code, int previous)
{
    struct sql_lexer ahead = *lexer;
    int next;

    if (code != TK_WINDOW && previous != TK_RP)
        return TK_ID;
    next = sql_scan(&ahead);
    if (code == TK_FILTER)
        return next == TK_LP ? code : TK_ID;
    if (code == TK_OVER)
        return next == TK_LP || is_name(next) ? code : TK_ID;
    return is_name(next) && sql_scan(&ahead) == TK_AS ? code : TK_ID;
}

int sql_next(struct sql_lexer *lexer, int previous)
{
    int code = sql_scan(lexer);

    if (code == TK_WINDOW || code == TK_OVER || code == TK_FILTER)
        return in_company(lexer, code, previous);
    return code;
}

struct keyword {
    const char *word;
    uint16_t code;
    bool is_reserved;
};

static const struct keyword keywords[] = {
#define KEYWORD(word, token, is_reserved) {word, TK_##token, is_reserved},
#include "parser/sql/keywords.def"
#undef KEYWORD
};

const char *sql_keyword(size_t index)
{
    return index < COUNT_OF(keywords) ? keywords[index].word : NULL;
}

static const struct keyword *keyword_find(struct slice word)
{
    size_t low = 0, high = COUNT_OF(keywords);

    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *other = keywords[middle].word;
        int order = 0;

        for (size_t i = 0; order == 0; i++) {
            unsigned char c = i < word.len ? (unsigned char)word.data[i] : 0;

            if (c >= 'a' && c <= 'z')
                c = (unsigned char)(c - 32);
            order = c - (unsigned char)other[i];
            if (order == 0 && c == 0)
                return i == word.len ? &keywords[middle] : NULL;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool sql_is_keyword(struct slice word)
{
    const struct keyword *keyword = keyword_find(word);

    return keyword != NULL && keyword->is_reserved;
}

bool sql_is_spelled_right(struct slice word)
{
    return keyword_find(word) != NULL;
}

int sql_keyword_code(size_t index)
{
    return keywords[index].code;
}
