/* Content codings by name, and which of them a client wants. */
#include "rest/codec/coding.h"

static const struct coding_row {
    const char *name, *other;
    unsigned preference; /* among those of one quality */
} rows[] = {
    [CODING_GZIP] = {"gzip", "x-gzip", 1},
    [CODING_BR] = {"br", NULL, 3},
    [CODING_ZSTD] = {"zstd", NULL, 2},
};

const char *coding_name(enum coding coding)
{
    return coding == CODING_UNKNOWN ? NULL : rows[coding].name;
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (*text.data == ' ' || *text.data == '\t'))
        text = slice_of(text.data + 1, text.len - 1);
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static enum coding find(struct slice name)
{
    for (size_t k = CODING_GZIP; k < COUNT_OF(rows); k++)
        if (slice_is_nocase(name, rows[k].name) ||
            (rows[k].other != NULL && slice_is_nocase(name, rows[k].other)))
            return (enum coding)k;
    return CODING_UNKNOWN;
}

enum coding coding_of(const char *content_encoding)
{
    struct slice name =
        content_encoding == NULL ? slice_empty() : trim(slice_text(content_encoding));

    if (name.len == 0 || slice_is_nocase(name, "identity"))
        return CODING_IDENTITY;
    return find(name);
}

/* Behind ";q=": thousandths; what is malformed counts as 1. */
static unsigned quality_of(struct slice parameters)
{
    unsigned quality = 0, scale = 1000;

    parameters = trim(parameters);
    if (parameters.len < 3 || (*parameters.data | 0x20) != 'q' || parameters.data[1] != '=')
        return 1000;
    for (size_t k = 2; k < parameters.len; k++) {
        if (parameters.data[k] == '.' && k == 3)
            continue;
        if (parameters.data[k] < '0' || parameters.data[k] > '9' || k > 6)
            return 1000;
        quality += (unsigned)(parameters.data[k] - '0') * scale;
        scale /= 10;
    }
    return quality > 1000 ? 1000 : quality;
}

enum coding coding_negotiate(const char *accept_encoding)
{
    struct slice rest = accept_encoding == NULL ? slice_empty() : slice_text(accept_encoding);
    unsigned best = 0;
    enum coding coding = CODING_IDENTITY;

    while (rest.len > 0) {
        const char *comma = memchr(rest.data, ',', rest.len);
        struct slice item =
            slice_of(rest.data, comma == NULL ? rest.len : (size_t)(comma - rest.data));
        const char *semicolon = item.len == 0 ? NULL : memchr(item.data, ';', item.len);
        struct slice name =
            semicolon == NULL ? item : slice_of(item.data, (size_t)(semicolon - item.data));
        enum coding found = find(trim(name));
        unsigned rank = 0;

        rest = comma == NULL ? slice_empty() : slice_of(comma + 1, rest.len - item.len - 1);
        if (found == CODING_UNKNOWN)
            continue;
        if (semicolon == NULL)
            rank = 1000;
        else
            rank = quality_of(slice_of(semicolon + 1, item.len - name.len - 1));
        if (rank > 0)
            rank = rank * 4 + rows[found].preference;
        if (rank > best) {
            best = rank;
            coding = found;
        }
    }
    return coding;
}

bool coding_helps(const char *content_type)
{
    static const char *const kinds[] = {"text/",
                                        "application/json",
                                        "application/cbor",
                                        "application/x-msgpack",
                                        "application/x-ndjson",
                                        "application/graphql",
                                        "application/xml",
                                        "application/javascript",
                                        "application/yaml",
                                        "image/svg+xml"};

    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        if (strncasecmp(content_type, kinds[k], strlen(kinds[k])) == 0)
            return true;
    return false;
}
