/*
 * The Query object of REST's QUERY method, as a statement. Its text is path and object as JSON, by
 * which it is found in the cache and compiled again.
 */
#include "api/api_internal.h"
#include "parser/operations/operations.h"
#include "parser/url/url.h"
#include "storage/value/document.h"

static int type_of(void *context, struct slice database, struct slice table,
                   const struct slice *path, size_t parts, bool *is_list)
{
    const struct url_target *target = context;
    const struct url_schema schema = url_schema_of(target);

    (void)database, (void)table;
    return schema.type_of(schema.context, path, parts, is_list);
}

static enum status convert(void *context, int type, struct slice attribute, struct arena *arena,
                           struct value *v, struct error *err)
{
    (void)context;
    return url_convert_value(*v, type, attribute, arena, v, err);
}

static enum status find(const struct databases *databases, struct slice path,
                        struct url_target *out, struct error *err)
{
    for (unsigned d = 0; d < databases->count; d++)
        if (url_find_resource(txn_catalog(databases->refs[d].txn), path, out))
            return ST_OK;
    return error_set(err, ST_NO_TABLE, -1, "no such table: %.*s", (int)path.len, path.data);
}

enum status query_object_compile(struct slice text, const struct databases *databases,
                                 struct arena *arena, struct ir_statement **out, struct error *err)
{
    struct url_target target;
    const struct operation_schema schema = {
        .context = &target, .type_of = type_of, .convert = convert};
    struct operation *operation;
    struct value whole;
    struct slice path;

    TRY(json_read(text, arena, &whole, err));
    path = value_slice(document_member(whole, slice_text("path")));
    TRY(find(databases, path, &target, err));
    TRY(operation_parse_query(target.path, document_member(whole, slice_text("query")), &schema,
                              arena, &operation, err));
    *out = operation->statement;
    return ST_OK;
}

int query_object_prepare(harper_session *session, const struct route *route, struct value query,
                         harper_statement **out, harper_error *error)
{
    struct buf text = {0};
    int st = HARPER_NO_MEMORY;

    *out = NULL;
    buf_append_text(&text, "{\"path\":");
    json_write_text(&text, route->path);
    buf_append_text(&text, ",\"query\":");
    json_write(&text, query);
    buf_append_byte(&text, '}');
    if (!text.failed)
        st = harper_prepare(session, LANGUAGE_QUERY_OBJECT, text.data, (int64_t)text.len, out, NULL,
                            error);
    else if (error != NULL)
        *error = (harper_error){.status = HARPER_NO_MEMORY, .offset = -1};
    buf_free(&text);
    return st;
}
