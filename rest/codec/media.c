/* Media types by name, and which of them an Accept field wants. */
#include "rest/codec/codec.h"

static const struct media_row {
    const char *type, *other, *suffix;
    unsigned quality;
    bool is_read;
} rows[] = {
#define MEDIA(name, type, other, suffix, quality, reads) {type, other, suffix, quality, reads},
#include "rest/codec/media.def"
#undef MEDIA
};

const char *media_type(enum media media)
{
    return media == MEDIA_NONE ? NULL : rows[media].type;
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (*text.data == ' ' || *text.data == '\t'))
        text = slice_of(text.data + 1, text.len - 1);
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Up to `separator`, which is stepped over. */
static struct slice cut(struct slice *from, char separator)
{
    const char *stop = from->len == 0 ? NULL : memchr(from->data, separator, from->len);
    struct slice part =
        slice_of(from->data, stop == NULL ? from->len : (size_t)(stop - from->data));

    *from = stop == NULL ? slice_empty() : slice_of(stop + 1, from->len - part.len - 1);
    return trim(part);
}

static enum media find(struct slice type)
{
    for (size_t k = 0; k < COUNT_OF(rows); k++)
        if (slice_is_nocase(type, rows[k].type) ||
            (rows[k].other != NULL && slice_is_nocase(type, rows[k].other)))
            return (enum media)k;
    return MEDIA_NONE;
}

enum media media_of_type(const char *content_type)
{
    struct slice rest = slice_text(content_type);

    return find(cut(&rest, ';'));
}

enum media media_of_suffix(struct slice suffix)
{
    for (size_t k = 0; k < COUNT_OF(rows); k++)
        if (rows[k].suffix != NULL && slice_is(suffix, rows[k].suffix))
            return (enum media)k;
    return MEDIA_NONE;
}

const char *media_list(void)
{
    return "application/json, application/cbor, application/x-msgpack, application/x-ndjson, "
           "text/csv, text/yaml, text/plain";
}

/* "0.8" in thousandths; malformed ones count as 1. */
static unsigned read_quality(struct slice text)
{
    unsigned quality = 0, scale = 1000;

    for (size_t k = 0; k < text.len; k++) {
        if (text.data[k] == '.' && k == 1)
            continue;
        if (text.data[k] < '0' || text.data[k] > '9' || k > 4)
            return 1000;
        quality += (unsigned)(text.data[k] - '0') * scale;
        scale /= 10;
    }
    return quality > 1000 ? 1000 : quality;
}

static unsigned quality_of(struct slice parameters)
{
    while (parameters.len > 0) {
        struct slice parameter = cut(&parameters, ';');

        if (parameter.len > 2 && (parameter.data[0] | 0x20) == 'q' && parameter.data[1] == '=')
            return read_quality(slice_of(parameter.data + 2, parameter.len - 2));
    }
    return 1000;
}

enum media media_negotiate(const char *accept)
{
    struct slice rest;
    unsigned best = 0;
    enum media media = MEDIA_NONE;

    if (accept == NULL || strcmp(accept, "*/*") == 0)
        return MEDIA_JSON;
    rest = slice_text(accept);
    if (trim(rest).len == 0)
        return MEDIA_JSON;
    while (rest.len > 0) {
        struct slice item = cut(&rest, ','), type = cut(&item, ';');
        enum media found = slice_is(type, "*/*") ? MEDIA_JSON : find(type);
        unsigned quality = found == MEDIA_NONE ? 0 : quality_of(item) * rows[found].quality;

        if (quality > best) {
            best = quality;
            media = found;
        }
    }
    return media;
}

/* "name=value" or "name=\"value\"". */
static bool is_parameter(struct slice text, const char *name, struct slice *out)
{
    size_t len = strlen(name);

    if (text.len <= len || text.data[len] != '=' ||
        !slice_equal_nocase(slice_of(text.data, len), slice_of(name, len)))
        return false;
    *out = slice_of(text.data + len + 1, text.len - len - 1);
    if (out->len >= 2 && out->data[0] == '"' && out->data[out->len - 1] == '"')
        *out = slice_of(out->data + 1, out->len - 2);
    return true;
}

/* Up to the next semicolon that is not in quotes. */
static struct slice cut_parameter(struct slice *rest)
{
    bool is_quoted = false;

    for (size_t k = 0; k < rest->len; k++) {
        char c = rest->data[k];

        if (c == '"' && (k == 0 || rest->data[k - 1] != '\\'))
            is_quoted = !is_quoted;
        if (c == ';' && !is_quoted) {
            struct slice part = slice_of(rest->data, k);

            *rest = slice_of(rest->data + k + 1, rest->len - k - 1);
            return trim(part);
        }
    }
    struct slice part = trim(*rest);

    *rest = slice_empty();
    return part;
}

bool media_parameter(const char *field, const char *name, struct slice *out)
{
    struct slice rest = slice_text(field);

    (void)cut_parameter(&rest);
    while (rest.len > 0)
        if (is_parameter(cut_parameter(&rest), name, out))
            return true;
    return false;
}
