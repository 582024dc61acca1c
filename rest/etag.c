/* Versions as entity tags. */
#include "rest/rest_internal.h"

/* The bits of the version in milliseconds as a double, six at a time from the lowest, each as a
 * visible character. */
void etag_write(uint64_t stamp, char out[ETAG_BYTES])
{
    double ms = (double)stamp / 4096.0;
    uint64_t bits;
    size_t at = 0;

    memcpy(&bits, &ms, sizeof bits);
    out[at++] = '"';
    for (unsigned k = 0; k < 10; k++) {
        out[at++] = (char)(62 + (bits & 63));
        bits >>= 6;
    }
    out[at++] = '"';
    out[at] = '\0';
}

/* One tag, a list, weak ones, or a star. */
bool etag_matches(const char *if_none_match, const char *etag)
{
    size_t len = strlen(etag);

    if (strcmp(if_none_match, etag) == 0)
        return true;
    for (const char *at = if_none_match; *at != '\0';) {
        const char *end;

        at += strspn(at, " \t,");
        if (*at == '*')
            return true;
        if (at[0] == 'W' && at[1] == '/')
            at += 2;
        if (*at != '"')
            return false;
        end = strchr(at + 1, '"');
        if (end == NULL)
            return false;
        if ((size_t)(end - at) + 1 == len && memcmp(at, etag, len) == 0)
            return true;
        at = end + 1;
    }
    return false;
}
