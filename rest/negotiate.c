/* Which type to answer with. */
#include "rest/rest_internal.h"
#include <stdlib.h>

static const struct offer {
    const char *type;
    unsigned quality; /* in thousandths */
    enum media media;
} offers[] = {
    {"application/json", 800, MEDIA_JSON},
    {"*/*", 800, MEDIA_JSON},
    {"text/plain", 200, MEDIA_TEXT},
    {"text/csv", 100, MEDIA_CSV},
};

const char *media_type(enum media media)
{
    switch (media) {
    case MEDIA_JSON:
        return "application/json";
    case MEDIA_TEXT:
        return "text/plain";
    case MEDIA_CSV:
        return "text/csv";
    case MEDIA_NONE:
        break;
    }
    return NULL;
}

const char *media_list(void)
{
    return "application/json, text/plain, text/csv";
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

enum media negotiate(const char *accept)
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
        unsigned quality = 1000;

        while (item.len > 0) {
            struct slice parameter = cut(&item, ';');

            if (parameter.len > 2 && (parameter.data[0] | 0x20) == 'q' && parameter.data[1] == '=')
                quality = read_quality(slice_of(parameter.data + 2, parameter.len - 2));
        }
        for (size_t k = 0; k < COUNT_OF(offers); k++) {
            if (slice_is_nocase(type, offers[k].type) && quality * offers[k].quality > best) {
                best = quality * offers[k].quality;
                media = offers[k].media;
            }
        }
    }
    return media;
}
