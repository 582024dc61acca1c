/* REGEXP by PCRE2, in JavaScript's dialect, with limits so that no pattern can hold a thread. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "vdbe/func/func_internal.h"
#include <pcre2.h>
#include <stdlib.h>

enum {
    PATTERNS_MAX = 8,      /* kept compiled; a statement rarely has more than one */
    MATCH_LIMIT = 1000000, /* steps: some tens of milliseconds */
    DEPTH_LIMIT = 100000,  /* of nested backtracking */
    HEAP_LIMIT_KB = 16 * 1024,
    PATTERN_BYTES_MAX = 50000,
};

struct compiled {
    char *pattern;
    size_t length;
    pcre2_code *code;
};

struct regexp_cache {
    struct compiled patterns[PATTERNS_MAX];
    unsigned count, next; /* next: the one that makes room when all are taken */
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

static void compiled_free(struct compiled *compiled)
{
    free(compiled->pattern);
    pcre2_code_free(compiled->code);
    *compiled = (struct compiled){0};
}

void regexp_free(struct regexp_cache *cache)
{
    if (cache == NULL)
        return;
    for (unsigned i = 0; i < cache->count; i++)
        compiled_free(&cache->patterns[i]);
    pcre2_match_data_free(cache->match);
    pcre2_match_context_free(cache->limits);
    free(cache);
}

static struct regexp_cache *cache_new(void)
{
    struct regexp_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return NULL;
    cache->match = pcre2_match_data_create(1, NULL);
    cache->limits = pcre2_match_context_create(NULL);
    if (cache->match == NULL || cache->limits == NULL) {
        regexp_free(cache);
        return NULL;
    }
    pcre2_set_match_limit(cache->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(cache->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(cache->limits, HEAP_LIMIT_KB);
    return cache;
}

static enum status compile(struct slice pattern, pcre2_code **out, struct error *err)
{
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_ALT_BSUX |
                       PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    int code = 0;
    PCRE2_SIZE offset = 0;
    PCRE2_UCHAR message[160];

    if (pattern.len > PATTERN_BYTES_MAX)
        return error_set(err, ST_TOO_BIG, -1, "regular expression is longer than %d bytes",
                         PATTERN_BYTES_MAX);
    *out = pcre2_compile((PCRE2_SPTR)(pattern.len == 0 ? "" : pattern.data), pattern.len, options,
                         &code, &offset, NULL);
    if (*out == NULL) {
        (void)pcre2_get_error_message(code, message, sizeof(message));
        return error_set(err, ST_INVALID, -1, "regular expression: %s at character %zu",
                         (const char *)message, (size_t)offset + 1);
    }
    (void)pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE); /* without it the interpreter serves */
    return ST_OK;
}

static enum status find_or_compile(struct regexp_cache *cache, struct slice pattern,
                                   pcre2_code **out, struct error *err)
{
    struct compiled fresh = {.length = pattern.len};
    struct compiled *slot;

    for (unsigned i = 0; i < cache->count; i++) {
        const struct compiled *known = &cache->patterns[i];
        if (slice_equal(pattern, slice_of(known->pattern, known->length))) {
            *out = known->code;
            return ST_OK;
        }
    }
    TRY(compile(pattern, &fresh.code, err));
    fresh.pattern = malloc(pattern.len + 1);
    if (fresh.pattern == NULL) {
        compiled_free(&fresh);
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    }
    if (pattern.len != 0)
        memcpy(fresh.pattern, pattern.data, pattern.len);
    if (cache->count < PATTERNS_MAX) {
        slot = &cache->patterns[cache->count++];
    } else {
        slot = &cache->patterns[cache->next++ % PATTERNS_MAX];
        compiled_free(slot);
    }
    *slot = fresh;
    *out = fresh.code;
    return ST_OK;
}

enum status regexp_match(struct regexp_cache **cache, struct slice pattern, struct slice text,
                         bool *out, struct error *err)
{
    pcre2_code *code;
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.len == 0 ? "" : text.data);
    int rc;

    *out = false;
    if (*cache == NULL)
        *cache = cache_new();
    if (*cache == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    TRY(find_or_compile(*cache, pattern, &code, err));
    rc = pcre2_match(code, subject, text.len, 0, 0, (*cache)->match, (*cache)->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter keeps its stack on the heap */
        rc = pcre2_match(code, subject, text.len, 0, PCRE2_NO_JIT, (*cache)->match,
                         (*cache)->limits);
    *out = rc >= 0;
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH)
        return ST_OK;
    if (rc == PCRE2_ERROR_NOMEMORY)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    return error_set(err, ST_LIMIT, -1, "regular expression takes too many steps for this text");
}

static enum status match(struct func_context *context, struct value pattern, struct value text,
                         struct value *out)
{
    struct regexp_cache *own = NULL;
    struct regexp_cache **cache = context->scratch != NULL ? &context->scratch->regexps : &own;
    bool matches;
    enum status st;

    *out = value_null();
    if (value_is_null(pattern) || value_is_null(text))
        return ST_OK;
    st = regexp_match(cache, func_text(context, pattern), func_text(context, text), &matches,
                      context->err);
    if (st == ST_OK)
        *out = value_int(matches);
    regexp_free(own);
    return st;
}

SCALAR(fn_regexp)
{
    return match(context, args[0], args[1], out);
}

SCALAR(fn_regexp_like)
{
    return match(context, args[1], args[0], out);
}
