/* The method QUERY: a search whose conditions are an object in the body. */
#include "rest/rest_internal.h"

static struct slice member_text(struct value object, const char *name)
{
    struct value v = document_member(object, slice_text(name));

    return v.kind == VALUE_TEXT ? value_slice(v) : slice_empty();
}

static bool is_true(struct value query, const char *name)
{
    struct value v = document_member(query, slice_text(name));

    return v.kind == VALUE_BOOL && v.as.b;
}

static const struct route_attribute *attribute_of(const struct job *job, struct slice name)
{
    const struct route *route = job->target.route;

    for (size_t k = 0; k < route->attribute_count; k++)
        if (slice_equal(route->attributes[k].name, name))
            return &route->attributes[k];
    return NULL;
}

/* Could an index, or the key, find what the condition wants? */
static bool has_index(const struct job *job, struct value condition)
{
    static const char *const scanned[] = {"not_", "ne", "contains", "ct", "ends", "ew"};
    const struct route_attribute *attribute =
        attribute_of(job, member_text(condition, "attribute"));
    struct slice comparator = member_text(condition, "comparator");

    for (size_t k = 0; k < COUNT_OF(scanned); k++)
        if (slice_starts_with(comparator, slice_text(scanned[k])))
            return false;
    return attribute != NULL && (attribute->is_indexed || attribute->is_key);
}

/* One of the conditions that all must hold, or each of those of which one must, has an index. */
static bool has_indexes(const struct job *job, struct value group, unsigned depth)
{
    struct value conditions = document_member(group, slice_text("conditions"));
    bool is_or = slice_is_nocase(member_text(group, "operator"), "or");
    size_t count = document_count(conditions);

    if (conditions.kind == VALUE_OBJECT)
        return has_index(job, conditions);
    if (conditions.kind != VALUE_ARRAY || depth > 64)
        return has_index(job, group);
    for (size_t k = 0; k < count; k++)
        if (has_indexes(job, document_element(conditions, k), depth + 1) != is_or)
            return !is_or;
    return is_or && count > 0;
}

/* The attribute of the first condition, for the message. */
static struct slice first_attribute(struct value query)
{
    struct value conditions = document_member(query, slice_text("conditions"));
    struct value first =
        conditions.kind == VALUE_ARRAY ? document_element(conditions, 0) : conditions;
    struct slice name = member_text(first, "attribute");

    return name.len > 0 ? name : member_text(first, "search_attribute");
}

static bool refuse_scan(struct job *job, struct value query)
{
    struct value allowed = document_member(query, slice_text("allowFullScan"));
    struct slice attribute = first_attribute(query);

    if (allowed.kind != VALUE_BOOL || allowed.as.b || has_indexes(job, query, 0))
        return false;
    if (attribute.len > 0)
        problem(job->request, job->answer, 404,
                "%.*s is not indexed, can not search for this attribute", (int)attribute.len,
                attribute.data);
    else
        problem(job->request, job->answer, 404, "a query without conditions is a full scan");
    return true;
}

/* The plan in place of the rows. */
static void answer_plan(struct job *job, struct value query, const char *plan)
{
    struct buf *out = &job->answer->body;
    struct value conditions = document_member(query, slice_text("conditions"));
    struct slice operator= member_text(query, "operator");
    const char *at = plan;

    buf_append_text(out, "{\"conditions\":");
    if (conditions.kind == VALUE_ARRAY)
        json_write(out, conditions);
    else if (conditions.kind == VALUE_OBJECT) {
        buf_append_byte(out, '[');
        json_write(out, conditions);
        buf_append_byte(out, ']');
    } else {
        buf_append_text(out, "[]");
    }
    buf_append_text(out, ",\"operator\":");
    json_write_text(out, operator.len > 0 ? operator : slice_text("and"));
    buf_append_text(out, strstr(plan, "\nsort by") != NULL || strstr(plan, "\ntop by") != NULL
                             ? ",\"postOrdering\":true"
                             : ",\"postOrdering\":false");
    buf_append_text(out, document_member(query, slice_text("select")).kind == VALUE_ABSENT
                             ? ",\"selectApplied\":false,\"plan\":["
                             : ",\"selectApplied\":true,\"plan\":[");
    while (*at != '\0') {
        size_t len = strcspn(at, "\n");

        if (at != plan)
            buf_append_byte(out, ',');
        json_write_text(out, slice_of(at, len));
        at += len + (at[len] == '\n');
    }
    buf_append_text(out, "]}");
    job->answer->status = 200;
    job->answer->type = media_type(MEDIA_JSON);
}

void query_answer(struct job *job)
{
    struct value query;
    harper_statement *statement;
    harper_error error;

    if (job->target.kind == TARGET_RECORD || job->target.kind == TARGET_BELOW) {
        problem(job->request, job->answer, 405, "a collection is queried: /%.*s/",
                (int)job->target.route->path.len, job->target.route->path.data);
        job->answer->allow = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS";
        return;
    }
    if (!job_negotiate(job) || !job_read_body(job, &query))
        return;
    if (query.kind != VALUE_OBJECT) {
        problem(job->request, job->answer, 400, "the body must be an object");
        return;
    }
    if (query_object_prepare(job->seat->session, job->target.route, query, &statement, &error) !=
        HARPER_OK) {
        problem_of(job->request, job->answer, &error);
        return;
    }
    if (refuse_scan(job, query)) {
        harper_finalize(statement);
        return;
    }
    if (is_true(query, "explain")) {
        const char *plan = harper_explain(statement, HARPER_EXPLAIN_PLAN);

        answer_plan(job, query, plan == NULL ? "" : plan);
        harper_finalize(statement);
        return;
    }
    job->answer->status = 200;
    job->answer->type = media_type(job->media);
    job->answer->is_attachment = job->media == MEDIA_CSV;
    stream_begin(job->request, job->answer, statement, job->media, job->target.route);
}
