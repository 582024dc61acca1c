/* The description of a table: what GET /T answers. */
#include "rest/rest_internal.h"

static void member(struct buf *out, const char *name, struct slice text)
{
    buf_append_byte(out, '"');
    buf_append_text(out, name);
    buf_append_text(out, "\":");
    json_write_text(out, text);
}

static void describe_attribute(const struct route_attribute *attribute, struct buf *out)
{
    buf_append_byte(out, '{');
    member(out, "attribute", attribute->name);
    buf_append_byte(out, ',');
    member(out, "name", attribute->name);
    buf_append_byte(out, ',');
    member(out, "type", attribute->is_list ? slice_text("array") : attribute->type);
    if (attribute->is_list) {
        buf_append_text(out, ",\"elements\":{");
        member(out, "type", attribute->type);
        buf_append_byte(out, '}');
    }
    if (attribute->is_key)
        buf_append_text(out, ",\"isPrimaryKey\":true");
    if (attribute->is_indexed)
        buf_append_text(out, ",\"indexed\":true");
    if (attribute->is_required)
        buf_append_text(out, ",\"nullable\":false");
    if (attribute->is_relationship)
        buf_append_text(out, ",\"relationship\":true");
    if (attribute->is_computed)
        buf_append_text(out, ",\"computed\":true");
    buf_append_byte(out, '}');
}

void describe_table(const struct route *route, struct buf *out)
{
    buf_append_text(out, "{\"records\":\"./\",");
    member(out, "name", route->table);
    buf_append_byte(out, ',');
    member(out, "database", route->database);
    buf_append_text(out, ",\"attributes\":[");
    for (size_t k = 0; k < route->attribute_count; k++) {
        if (k > 0)
            buf_append_byte(out, ',');
        describe_attribute(&route->attributes[k], out);
    }
    buf_append_text(out, "]}");
}

/* The number of records, counted by a statement like any other. */
void describe_counts(struct job *job)
{
    const struct route *route = job->target.route;
    struct buf sql = {0};
    harper_statement *statement = NULL;

    buf_append_text(&sql, "SELECT COUNT(*) FROM \"");
    for (size_t k = 0; k < route->table.len; k++) {
        if (route->table.data[k] == '"')
            buf_append_byte(&sql, '"');
        buf_append_byte(&sql, (uint8_t)route->table.data[k]);
    }
    buf_append_byte(&sql, '"');
    if (buf_cstr(&sql) != NULL &&
        harper_prepare(job->seat->session, HARPER_SQL, sql.data, (int64_t)sql.len, &statement, NULL,
                       NULL) == HARPER_OK &&
        harper_step(statement) == HARPER_ROW) {
        long long count = (long long)harper_column_int(statement, 0);

        job->answer->body.len--; /* the closing brace */
        buf_printf(&job->answer->body,
                   ",\"recordCount\":%lld,\"estimatedRecordRange\":[%lld,%lld]}", count, count,
                   count);
    } else {
        job_fail(job);
    }
    harper_finalize(statement);
    buf_free(&sql);
}
