/*
 * GraphQL queries to IR: what the names of a document mean, with the catalog at hand.
 *
 * A document alone is a statement (HARPER_GRAPHQL). A request of a server has an operation's name
 * and variables beside it; then the statement's text is the three as a JSON object, by which it is
 * found in the cache and compiled again.
 */
#include "api/api_internal.h"
#include "parser/graphql/query.h"
#include "parser/url/url.h"
#include "storage/value/document.h"

struct graphql_context {
    const struct databases *databases;
    bool exported_only;
};

static bool find_resource(const struct graphql_context *context, struct slice resource,
                          struct url_target *out)
{
    for (unsigned d = 0; d < context->databases->count; d++)
        if (url_find_resource(txn_catalog(context->databases->refs[d].txn), resource, out))
            return !context->exported_only ||
                   (out->table->is_exported &&
                    (out->table->hidden_protocols & IR_PROTOCOL_GRAPHQL) == 0);
    return false;
}

static bool has(void *context, struct slice resource)
{
    struct url_target target;

    return find_resource(context, resource, &target);
}

static int type_of(void *context, struct slice resource, const struct slice *path, size_t parts,
                   bool *is_list)
{
    struct url_target target;
    struct url_schema schema;

    *is_list = false;
    if (!find_resource(context, resource, &target))
        return -1;
    schema = url_schema_of(&target);
    return schema.type_of(schema.context, path, parts, is_list);
}

static enum status convert(void *context, int type, struct slice attribute, struct arena *arena,
                           struct value *v, struct error *err)
{
    (void)context;
    return url_convert_value(*v, type, attribute, arena, v, err);
}

enum status graphql_compile(struct slice text, bool is_request, const struct databases *databases,
                            struct arena *arena, struct ir_statement **out, struct error *err)
{
    struct graphql_context context = {databases, false};
    const struct graphql_tables tables = {&context, has, type_of, convert};
    struct slice operation = slice_empty();
    struct value variables = value_null(), request, name;

    if (is_request) {
        TRY(json_read(text, arena, &request, err));
        name = document_member(request, slice_text("operationName"));
        if (name.kind == VALUE_TEXT)
            operation = value_slice(name);
        variables = document_member(request, slice_text("variables"));
        context.exported_only = document_member(request, slice_text("exported")).kind == VALUE_BOOL;
        text = value_slice(document_member(request, slice_text("query")));
    }
    return graphql_parse_statement(text, operation, variables, &tables, arena, out, err);
}

int graphql_prepare(harper_session *session, const struct graphql_request *request,
                    harper_statement **out, harper_error *error)
{
    struct buf text = {0};
    int st = HARPER_NO_MEMORY;

    *out = NULL;
    buf_append_text(&text, "{\"query\":");
    json_write_text(&text, request->query);
    if (request->operation.len > 0) {
        buf_append_text(&text, ",\"operationName\":");
        json_write_text(&text, request->operation);
    }
    buf_append_text(&text, ",\"variables\":");
    json_write(&text, request->variables);
    buf_append_text(&text, request->exported_only ? ",\"exported\":true}" : "}");
    if (!text.failed)
        st = harper_prepare(session, LANGUAGE_GRAPHQL_REQUEST, text.data, (int64_t)text.len, out,
                            NULL, error);
    else if (error != NULL)
        *error = (harper_error){.status = HARPER_NO_MEMORY, .offset = -1};
    buf_free(&text);
    return st;
}

void graphql_place(struct slice query, int64_t offset, unsigned *line, unsigned *column)
{
    graphql_position(query, offset, line, column);
}
