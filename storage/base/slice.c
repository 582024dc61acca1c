#include "storage/base/slice.h"

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_text(text));
}

bool slice_is_nocase(struct slice a, const char *text)
{
    return slice_equal_nocase(a, slice_text(text));
}
