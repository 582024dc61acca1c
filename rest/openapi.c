/* GET /openapi: an OpenAPI 3.1 document of the tables that are served. */
#include "rest/rest_internal.h"

static const struct type_row {
    const char *name, *schema;
} types[] = {
    {"Int", "{\"type\":\"integer\",\"format\":\"Int\"}"},
    {"Long", "{\"type\":\"integer\",\"format\":\"Long\"}"},
    {"BigInt", "{\"type\":\"integer\",\"format\":\"BigInt\"}"},
    {"Float", "{\"type\":\"number\",\"format\":\"Float\"}"},
    {"ID", "{\"type\":\"string\",\"format\":\"ID\"}"},
    {"String", "{\"type\":\"string\"}"},
    {"Date", "{\"type\":\"string\",\"format\":\"Date\"}"},
    {"Bytes", "{\"type\":\"string\",\"format\":\"Bytes\"}"},
    {"Boolean", "{\"type\":\"boolean\"}"},
    {"Any", "{\"format\":\"Any\"}"},
};

static const char security[] = "\"security\":[{\"basicAuth\":[]},{\"bearerAuth\":[]}]";

static void text(struct buf *out, struct slice value)
{
    json_write_text(out, value);
}

/* A name inside of a quoted text. */
static void inside(struct buf *out, struct slice value)
{
    struct buf quoted = {0};

    json_write_text(&quoted, value);
    if (!quoted.failed)
        buf_append(out, quoted.data + 1, quoted.len - 2);
    out->failed |= quoted.failed;
    buf_free(&quoted);
}

static bool is_shown(const struct job *job, const struct route *route)
{
    const struct path_index *index = &job->request->worker->index;

    for (size_t slot = 0; slot <= index->mask; slot++)
        if (index->slots[slot] != 0 && &index->routes->items[index->slots[slot] - 1] == route)
            return !route->is_hidden && !route->is_ambiguous;
    return false;
}

static bool has_schema(const struct job *job, struct slice type)
{
    const struct routes *routes = &job->request->worker->routes;

    for (size_t k = 0; k < routes->count; k++)
        if (slice_equal(routes->items[k].table, type))
            return is_shown(job, &routes->items[k]);
    return false;
}

static void write_one_type(const struct job *job, struct slice type, struct buf *out)
{
    for (size_t k = 0; k < COUNT_OF(types); k++) {
        if (slice_is(type, types[k].name)) {
            buf_append_text(out, types[k].schema);
            return;
        }
    }
    if (!has_schema(job, type)) {
        buf_append_text(out, slice_is(type, "Blob") ? "{}" : "{\"type\":\"object\"}");
        return;
    }
    buf_append_text(out, "{\"$ref\":\"#/components/schemas/");
    inside(out, type);
    buf_append_text(out, "\"}");
}

static void write_type(const struct job *job, const struct route_attribute *attribute,
                       struct buf *out)
{
    if (attribute->is_list)
        buf_append_text(out, "{\"type\":\"array\",\"items\":");
    write_one_type(job, attribute->type, out);
    if (attribute->is_list)
        buf_append_byte(out, '}');
}

static void write_schema(const struct job *job, const struct route *route, struct buf *out)
{
    bool is_first = true;

    text(out, route->table);
    buf_append_text(out, ":{\"type\":\"object\",\"properties\":{");
    for (size_t k = 0; k < route->attribute_count; k++) {
        if (k > 0)
            buf_append_byte(out, ',');
        text(out, route->attributes[k].name);
        buf_append_byte(out, ':');
        write_type(job, &route->attributes[k], out);
    }
    buf_append_text(out, "},\"required\":[");
    for (size_t k = 0; k < route->attribute_count; k++) {
        if (!route->attributes[k].is_required)
            continue;
        if (!is_first)
            buf_append_byte(out, ',');
        is_first = false;
        text(out, route->attributes[k].name);
    }
    buf_append_text(out, route->is_sealed ? "],\"additionalProperties\":false}"
                                          : "],\"additionalProperties\":true}");
}

/* "content":{…} with the table's schema, or an array of it. */
static void content(const struct route *route, bool is_list, struct buf *out)
{
    buf_append_text(out, "\"content\":{\"application/json\":{\"schema\":");
    buf_append_text(out, is_list ? "{\"type\":\"array\",\"items\":" : "");
    buf_append_text(out, "{\"$ref\":\"#/components/schemas/");
    inside(out, route->table);
    buf_append_text(out, is_list ? "\"}}}}" : "\"}}}");
}

static void operation(struct buf *out, const char *method, const char *status, const char *words)
{
    buf_printf(out, "\"%s\":{%s,\"responses\":{\"%s\":{\"description\":\"%s\"", method, security,
               status, words);
}

static void write_path(const struct route *route, const char *end, struct buf *out)
{
    buf_append_text(out, "\"/");
    if (!route->is_root) {
        inside(out, route->path);
        buf_append_byte(out, '/');
    }
    buf_append_text(out, end);
}

static void write_collection(const struct job *job, const struct route *route, struct buf *out)
{
    bool is_first = true;

    write_path(route, "\":{", out);
    operation(out, "get", "200", "the records that the query finds");
    buf_append_byte(out, ',');
    content(route, true, out);
    buf_append_text(out, "}},\"parameters\":[");
    for (size_t k = 0; k < route->attribute_count; k++) {
        if (route->attributes[k].is_relationship)
            continue;
        buf_append_text(out, is_first ? "{\"name\":" : ",{\"name\":");
        is_first = false;
        text(out, route->attributes[k].name);
        buf_append_text(out, ",\"in\":\"query\",\"schema\":");
        write_type(job, &route->attributes[k], out);
        buf_append_byte(out, '}');
    }
    buf_append_text(out, "]},");
    operation(out, "post", "201", "the key of the new record");
    buf_append_text(out, ",\"headers\":{\"Location\":{\"schema\":{\"type\":\"string\"}}}}},"
                         "\"requestBody\":{");
    content(route, false, out);
    buf_append_text(out, "}},");
    operation(out, "delete", "200", "what the query finds is deleted");
    buf_append_text(out, "}}},");
    operation(out, "options", "204", "the methods");
    buf_append_text(out, "}}}}");
}

static void write_parameters(const struct route *route, struct buf *out)
{
    buf_append_text(out, "\"parameters\":[{\"name\":");
    text(out, route->key_name);
    buf_append_text(out, ",\"in\":\"path\",\"required\":true,"
                         "\"schema\":{\"type\":\"string\",\"format\":\"ID\"}}");
}

static void write_record(const struct route *route, struct buf *out)
{
    static const char *const writes[] = {"put", "patch"};

    write_path(route, "{", out);
    inside(out, route->key_name);
    buf_append_text(out, "}\":{");
    write_parameters(route, out);
    buf_append_text(out, "],");
    operation(out, "get", "200", "the record");
    buf_append_byte(out, ',');
    content(route, false, out);
    buf_append_text(out, "}}},");
    for (size_t k = 0; k < COUNT_OF(writes); k++) {
        operation(out, writes[k], "204", "written");
        buf_append_text(out, "}},\"requestBody\":{");
        content(route, false, out);
        buf_append_text(out, "}},");
    }
    operation(out, "delete", "200", "there is no such record any more");
    buf_append_text(out, "}}},");
    operation(out, "options", "204", "the methods");
    buf_append_text(out, "}}}}");
}

static void write_property(const struct route *route, struct buf *out)
{
    write_path(route, "{", out);
    inside(out, route->key_name);
    buf_append_text(out, "}.{property}\":{");
    write_parameters(route, out);
    buf_append_text(out, ",{\"name\":\"property\",\"in\":\"path\",\"required\":true,"
                         "\"schema\":{\"type\":\"string\",\"enum\":[");
    for (size_t k = 0; k < route->attribute_count; k++) {
        if (k > 0)
            buf_append_byte(out, ',');
        text(out, route->attributes[k].name);
    }
    buf_append_text(out, "]}}],");
    operation(out, "get", "200", "the value of the attribute");
    buf_append_text(out, "}}}}");
}

void openapi_answer(struct job *job)
{
    const struct routes *routes = &job->request->worker->routes;
    const char *host = request_header(job->request, "Host");
    struct buf *out = &job->answer->body;
    bool is_first = true;

    buf_printf(out,
               "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"HarperDB HTTP REST interface\","
               "\"version\":\"%s\"},\"servers\":[{\"description\":\"REST API\",\"url\":\"",
               harper_version());
    buf_append_text(out, host == NULL || *host == '\0' ? "/" : "//");
    if (host != NULL)
        inside(out, slice_text(host));
    buf_append_text(out, "\"}],\"paths\":{");
    for (size_t k = 0; k < routes->count; k++) {
        if (!is_shown(job, &routes->items[k]))
            continue;
        if (!is_first)
            buf_append_byte(out, ',');
        is_first = false;
        write_collection(job, &routes->items[k], out);
        buf_append_byte(out, ',');
        write_record(&routes->items[k], out);
        buf_append_byte(out, ',');
        write_property(&routes->items[k], out);
    }
    buf_append_text(out, "},\"components\":{\"schemas\":{");
    is_first = true;
    for (size_t k = 0; k < routes->count; k++) {
        if (!is_shown(job, &routes->items[k]))
            continue;
        if (!is_first)
            buf_append_byte(out, ',');
        is_first = false;
        write_schema(job, &routes->items[k], out);
    }
    buf_append_text(out, "},\"securitySchemes\":{\"basicAuth\":{\"type\":\"http\",\"scheme\":"
                         "\"basic\"},\"bearerAuth\":{\"type\":\"http\",\"scheme\":\"bearer\","
                         "\"bearerFormat\":\"JWT\"}}}}");
    job->answer->status = 200;
    job->answer->type = media_type(MEDIA_JSON);
}
