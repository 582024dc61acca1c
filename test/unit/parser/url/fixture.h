/*
 * The tables that the REST specification's examples speak of, as the parser sees them.
 */
#ifndef TEST_PARSER_URL_FIXTURE_H
#define TEST_PARSER_URL_FIXTURE_H

#include "parser/url/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture_attribute {
    const char *path;
    int type;
    bool is_list;
};

static const struct fixture_attribute fixture_attributes[] = {
    {"id", URL_TYPE_LONG, false},           {"name", URL_TYPE_STRING, false},
    {"price", URL_TYPE_FLOAT, false},       {"rating", URL_TYPE_INT, false},
    {"inStock", URL_TYPE_BOOLEAN, false},   {"tags", URL_TYPE_STRING, true},
    {"brandId", URL_TYPE_LONG, false},      {"brand", -2, false},
    {"brand.name", URL_TYPE_STRING, false}, {"brand.id", URL_TYPE_LONG, false},
    {"brand.country", -2, false},           {"brand.country.code", URL_TYPE_ID, false},
    {"listDate", URL_TYPE_DATE, false},     {"misc", URL_TYPE_ANY, false},
    {"big", URL_TYPE_BIGINT, false},        {"data", URL_TYPE_BYTES, false},
    {"size", URL_TYPE_OBJECT, false},       {"size.w", URL_TYPE_FLOAT, false},
    {"a b", URL_TYPE_STRING, false},
};

static int fixture_type_of(void *context, const struct slice *path, size_t parts, bool *is_list)
{
    char text[256] = "";
    size_t len = 0;

    (void)context;
    for (size_t i = 0; i < parts; i++) {
        if (len + path[i].len + 2 > sizeof text)
            return -1;
        if (i > 0)
            text[len++] = '.';
        memcpy(text + len, path[i].data, path[i].len);
        len += path[i].len;
    }
    for (size_t i = 0; i < COUNT_OF(fixture_attributes); i++) {
        if (slice_is(slice_of(text, len), fixture_attributes[i].path)) {
            *is_list = fixture_attributes[i].is_list;
            return fixture_attributes[i].type;
        }
    }
    return -1;
}

static bool fixture_is_ordered(void *context, const struct slice *path, size_t parts)
{
    (void)context;
    return parts == 1 && (slice_is(path[0], "id") || slice_is(path[0], "price"));
}

static bool fixture_is_key(void *context, struct slice name)
{
    (void)context;
    return slice_is(name, "id");
}

static const struct url_schema fixture_schema = {
    .type_of = fixture_type_of, .is_ordered = fixture_is_ordered, .is_key = fixture_is_key};

#endif
