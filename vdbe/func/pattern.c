/*
 * LIKE and GLOB without backtracking beyond the last star: of the text a star may stand for, only
 * the shortest need ever be tried again, because whatever an earlier star could yield a later one
 * can take. Time is at most pattern times text; a text that lacks the literal behind a star costs
 * one pass.
 *
 * Literal characters are compared as bytes, so invalid UTF-8 needs no care; only `_`, `?` and sets
 * look at whole characters.
 */
#include "vdbe/func/func_internal.h"

/* ---- shared ---- */

static unsigned char fold(unsigned char c)
{
    return (unsigned char)(c + (((unsigned)(c - 'A') < 26) << 5));
}

static size_t char_bytes(const char *at, const char *end)
{
    return func_char_length(slice_of(at, (size_t)(end - at)), 0);
}

/* The first byte in [at, end) that is `c`, an already folded ASCII byte, in either case. Eight at a
 * time: setting 0x20 makes letters equal without case; other bytes that it makes equal are looked
 * at again. */
static const char *find_folded(const char *at, const char *end, unsigned char c)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t wanted = ones * (unsigned char)(c | 0x20);

    while (end - at >= 8) {
        uint64_t eight;

        memcpy(&eight, at, 8);
        eight = (eight | ones * 0x20) ^ wanted;
        if (((eight - ones) & ~eight & ones * 0x80) != 0)
            for (int i = 0; i < 8; i++)
                if (fold((unsigned char)at[i]) == c)
                    return at + i;
        at += 8;
    }
    for (; at < end; at++)
        if (fold((unsigned char)*at) == c)
            return at;
    return NULL;
}

/* ---- LIKE ---- */

struct like {
    const char *pattern_end, *text_end;
    uint32_t escape;
    bool case_sensitive;
};

enum like_item { LIKE_LITERAL, LIKE_ANY_CHAR, LIKE_ANY_RUN, LIKE_MALFORMED };

/* What stands at *pattern, stepping over it. A literal is one byte, or a whole escaped character of
 * which only the first byte is given: the others follow as literals of their own. */
static enum like_item next_like(const struct like *like, const char **pattern, bool *in_escaped,
                                unsigned char *literal)
{
    const char *at = *pattern;
    unsigned char c = (unsigned char)*at;

    *literal = c;
    if (*in_escaped) { /* continuation bytes cannot be % _ or ASCII escapes, so just one byte
                          matters */
        *in_escaped = false;
        *pattern = at + 1;
        return LIKE_LITERAL;
    }
    if (like->escape != 0) {
        struct slice rest = slice_of(at, (size_t)(like->pattern_end - at));

        if (utf8_next(&rest) == like->escape) {
            if (rest.len == 0)
                return LIKE_MALFORMED;
            *literal = (unsigned char)*rest.data;
            *pattern = rest.data + 1;
            return LIKE_LITERAL;
        }
    }
    *pattern = at + 1;
    return c == '%' ? LIKE_ANY_RUN : c == '_' ? LIKE_ANY_CHAR : LIKE_LITERAL;
}

static bool like_equal(const struct like *like, unsigned char a, unsigned char b)
{
    return a == b || (!like->case_sensitive && fold(a) == fold(b));
}

/* Where the run of a star may end: the next place from `text` on where `literal` stands. */
static const char *like_candidate(const struct like *like, const char *text, unsigned char literal)
{
    if (text >= like->text_end)
        return NULL;
    if (like->case_sensitive || literal >= 0x80)
        return memchr(text, literal, (size_t)(like->text_end - text));
    return find_folded(text, like->text_end, fold(literal));
}

/* The pattern behind a star, at its next possible place in the text; NULL: there is none. */
static const char *like_restart(const struct like *like, const char *star, const char *text)
{
    const char *peek = star;
    bool in_escaped = false;
    unsigned char literal;

    if (star == like->pattern_end || next_like(like, &peek, &in_escaped, &literal) != LIKE_LITERAL)
        return text;
    return like_candidate(like, text, literal);
}

static bool like_run(const struct like *like, const char *pattern, const char *text)
{
    const char *star = NULL;      /* the pattern behind the last star */
    const char *star_text = NULL; /* where its run ends so far */
    bool in_escaped = false;

    for (;;) {
        unsigned char literal = 0;
        enum like_item item = LIKE_MALFORMED;

        if (pattern == like->pattern_end) {
            if (text == like->text_end)
                return true;
        } else {
            item = next_like(like, &pattern, &in_escaped, &literal);
            if (item == LIKE_MALFORMED)
                return false;
        }
        if (item == LIKE_ANY_RUN) {
            if (pattern == like->pattern_end)
                return true;
            star = pattern;
            star_text = text = like_restart(like, star, text);
            if (text == NULL)
                return false;
            continue;
        }
        if (text < like->text_end) {
            if (item == LIKE_ANY_CHAR) {
                text += char_bytes(text, like->text_end);
                continue;
            }
            if (item == LIKE_LITERAL && like_equal(like, literal, (unsigned char)*text)) {
                text++;
                continue;
            }
        } else if (item != LIKE_MALFORMED) {
            return false; /* text is used up and something must still match */
        }
        if (star == NULL || star_text >= like->text_end)
            return false;
        star_text += char_bytes(star_text, like->text_end);
        star_text = text = like_restart(like, star, star_text);
        if (text == NULL)
            return false;
        pattern = star;
        in_escaped = false;
    }
}

enum status pattern_like(struct slice pattern, struct slice text, uint32_t escape,
                         bool case_sensitive, bool *out)
{
    struct like like = {.escape = escape, .case_sensitive = case_sensitive};

    *out = false;
    if (pattern.len > LIKE_PATTERN_BYTES_MAX)
        return ST_TOO_BIG;
    if (pattern.data == NULL)
        pattern.data = "";
    if (text.data == NULL)
        text.data = "";
    like.pattern_end = pattern.data + pattern.len;
    like.text_end = text.data + text.len;
    *out = like_run(&like, pattern.data, text.data);
    return ST_OK;
}

struct slice pattern_like_prefix(struct slice pattern, uint32_t escape, struct arena *arena,
                                 bool *is_exact, bool *is_prefix_only)
{
    struct like like = {.pattern_end = pattern.data + pattern.len, .escape = escape};
    char *room = arena_alloc(arena, pattern.len + 1);
    const char *at = pattern.data;
    size_t length = 0;
    bool in_escaped = false;

    *is_exact = false;
    *is_prefix_only = false;
    if (room == NULL)
        return slice_empty();
    while (at < like.pattern_end) {
        unsigned char literal;
        enum like_item item = next_like(&like, &at, &in_escaped, &literal);

        if (item != LIKE_LITERAL) {
            *is_prefix_only = item == LIKE_ANY_RUN && at == like.pattern_end;
            return slice_of(room, length);
        }
        room[length++] = (char)literal;
    }
    *is_exact = true;
    return slice_of(room, length);
}

/* ---- GLOB ---- */

/* A set at *pattern, behind its bracket; steps over it. -1: it has no end, so nothing matches. */
static int glob_set(const char **pattern, const char *end, uint32_t code)
{
    struct slice in = slice_of(*pattern, (size_t)(end - *pattern));
    bool is_inverted = false;
    bool is_member = false;
    bool has_last = false;
    uint32_t last = 0;

    if (in.len != 0 && *in.data == '^') {
        is_inverted = true;
        (void)utf8_next(&in);
    }
    if (in.len != 0 && *in.data == ']') { /* first: a member */
        is_member = code == ']';
        (void)utf8_next(&in);
    }
    while (in.len != 0 && *in.data != ']') {
        uint32_t c = utf8_next(&in);

        if (c == '-' && has_last && in.len != 0 && *in.data != ']') {
            uint32_t high = utf8_next(&in);
            is_member = is_member || (code >= last && code <= high);
            has_last = false;
        } else {
            is_member = is_member || code == c;
            has_last = true;
            last = c;
        }
    }
    if (in.len == 0)
        return -1;
    *pattern = in.data + 1;
    return is_member != is_inverted;
}

static const char *glob_restart(const char *star, const char *pattern_end, const char *text,
                                const char *text_end)
{
    if (star == pattern_end || strchr("*?[", *star) != NULL)
        return text;
    return text == text_end ? NULL : memchr(text, *star, (size_t)(text_end - text));
}

/* One item of the pattern that is not a star against the front of the text. */
static bool glob_item(const char **pattern, const char *pattern_end, const char **text,
                      const char *text_end, bool *is_malformed)
{
    char c = *(*pattern)++;

    if (c == '?') {
        *text += char_bytes(*text, text_end);
        return true;
    }
    if (c == '[') {
        struct slice rest = slice_of(*text, (size_t)(text_end - *text));
        int matched = glob_set(pattern, pattern_end, utf8_next(&rest));

        *is_malformed = matched < 0;
        *text += char_bytes(*text, text_end);
        return matched > 0;
    }
    return *(*text)++ == c;
}

static bool glob_run(const char *pattern, const char *pattern_end, const char *text,
                     const char *text_end)
{
    const char *star = NULL, *star_text = NULL;
    bool is_malformed = false;

    for (;;) {
        if (pattern == pattern_end && text == text_end)
            return true;
        if (pattern < pattern_end && *pattern == '*') {
            star = ++pattern;
            if (star == pattern_end)
                return true;
            star_text = text = glob_restart(star, pattern_end, text, text_end);
            if (text == NULL)
                return false;
            continue;
        }
        if (pattern < pattern_end) {
            if (text == text_end)
                return false;
            if (glob_item(&pattern, pattern_end, &text, text_end, &is_malformed))
                continue;
            if (is_malformed)
                return false;
        }
        if (star == NULL || star_text >= text_end)
            return false;
        star_text += char_bytes(star_text, text_end);
        star_text = text = glob_restart(star, pattern_end, star_text, text_end);
        if (text == NULL)
            return false;
        pattern = star;
    }
}

enum status pattern_glob(struct slice pattern, struct slice text, bool *out)
{
    *out = false;
    if (pattern.len > LIKE_PATTERN_BYTES_MAX)
        return ST_TOO_BIG;
    if (pattern.data == NULL)
        pattern.data = "";
    if (text.data == NULL)
        text.data = "";
    *out = glob_run(pattern.data, pattern.data + pattern.len, text.data, text.data + text.len);
    return ST_OK;
}

/* ---- as functions ---- */

static enum status too_complex(struct func_context *context)
{
    return error_set(context->err, ST_TOO_BIG, -1, "LIKE or GLOB pattern too complex");
}

SCALAR(fn_like)
{
    uint32_t escape = 0;
    bool matches;

    *out = value_null();
    if (count == 3) {
        struct slice text = func_text(context, args[2]);
        if (value_is_null(args[2]))
            return ST_OK;
        if (text.len != 0)
            escape = utf8_next(&text);
        if (escape == 0 || text.len != 0)
            return error_set(context->err, ST_INVALID, -1,
                             "ESCAPE expression must be a single character");
    }
    if (value_is_null(args[0]) || value_is_null(args[1]))
        return ST_OK;
    *out = value_int(0);
    if (args[0].kind == VALUE_BYTES || args[1].kind == VALUE_BYTES)
        return ST_OK; /* bytes are no text */
    if (pattern_like(func_text(context, args[0]), func_text(context, args[1]), escape, false,
                     &matches) != ST_OK)
        return too_complex(context);
    *out = value_int(matches);
    return ST_OK;
}

SCALAR(fn_glob)
{
    bool matches;

    *out = value_null();
    if (value_is_null(args[0]) || value_is_null(args[1]))
        return ST_OK;
    *out = value_int(0);
    if (args[0].kind == VALUE_BYTES || args[1].kind == VALUE_BYTES)
        return ST_OK;
    if (pattern_glob(func_text(context, args[0]), func_text(context, args[1]), &matches) != ST_OK)
        return too_complex(context);
    *out = value_int(matches);
    return ST_OK;
}
