/*
 * slice: bytes lent by someone else; the lender's header says for how long. Never NUL-terminated.
 */
#ifndef HARPER_BASE_SLICE_H
#define HARPER_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct slice {
    const char *data; /* may be NULL when len is 0 */
    size_t len;
};

static inline struct slice slice_of(const void *data, size_t len)
{
    return (struct slice){(const char *)data, len};
}

static inline struct slice slice_empty(void)
{
    return (struct slice){NULL, 0};
}

static inline struct slice slice_text(const char *text)
{
    return (struct slice){text, strlen(text)};
}

/* memcmp order; a prefix sorts before what it begins. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_starts_with(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

/* ASCII letters compare without case; SQL names and keywords do. */
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *text);
bool slice_is_nocase(struct slice a, const char *text);

#endif
