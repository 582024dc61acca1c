/*
 * read_log: lines of the server's log, `<ISO time> [<thread>/<id>] [<level>] [<tag>]…: <message>`.
 * A line that does not begin with a time belongs to the message before it.
 */
#include "rest/operations/operations_internal.h"
#include <stdio.h>
#include <stdlib.h>

enum { TIME_BYTES = 24, LIMIT_DEFAULT = 1000, TAGS_MAX = 16 };

static const char *const levels[] = {"notify", "fatal", "error", "warn", "info", "debug", "trace"};

struct entry {
    struct slice timestamp, thread, level, tags[TAGS_MAX], message;
    size_t tag_count;
    int64_t ms;
};

struct query {
    int64_t start, limit, from, until;
    bool has_from, has_until, is_descending;
    struct slice level, filter;
};

/* ---- fields ---- */

static void read_number(struct call *call, const char *name, int64_t least, int64_t *out)
{
    struct value v = call_field(call, name, NULL);

    if (v.kind == VALUE_ABSENT)
        return;
    if (v.kind != VALUE_INT)
        call_problem(call, "'%s' must be a number", name);
    else if (v.as.i < least)
        call_problem(call, "'%s' must be greater than or equal to %d", name, (int)least);
    else
        *out = v.as.i;
}

static void read_time(struct call *call, const char *name, const char *other, bool *has,
                      int64_t *out)
{
    struct value v = call_field(call, name, other);
    struct value text;

    if (v.kind == VALUE_ABSENT)
        return;
    *has = v.kind == VALUE_TEXT && date_parse_iso(value_slice(v), out);
    if (*has)
        return;
    text = value_to_text(v, call->request->arena);
    call_problem(call, "'%s' date '%.*s' is invalid.", name, (int)text.len,
                 text.kind == VALUE_TEXT ? text.as.data : "");
}

static void read_choices(struct call *call, struct query *query)
{
    struct value order = call_field(call, "order", NULL), level = call_field(call, "level", NULL);
    bool is_known = level.kind == VALUE_ABSENT;

    for (size_t k = 0; level.kind == VALUE_TEXT && k < COUNT_OF(levels); k++)
        is_known = is_known || slice_is(value_slice(level), levels[k]);
    if (!is_known)
        call_problem(call,
                     "'level' must be one of [notify, fatal, error, warn, info, debug, trace]");
    else if (level.kind == VALUE_TEXT)
        query->level = value_slice(level);
    query->is_descending = order.kind == VALUE_TEXT && slice_is(value_slice(order), "desc");
    if (order.kind != VALUE_ABSENT && !query->is_descending &&
        !(order.kind == VALUE_TEXT && slice_is(value_slice(order), "asc")))
        call_problem(call, "'order' must be one of [asc, desc]");
}

static void read_name(struct call *call)
{
    struct value name = call_field(call, "log_name", NULL);

    if (name.kind == VALUE_ABSENT ||
        (name.kind == VALUE_TEXT && slice_is(value_slice(name), "hdb.log")))
        return;
    if (name.kind == VALUE_TEXT && slice_is(value_slice(name), "install.log"))
        call_problem(call, "'log_name' 'install.log' does not exist.");
    else
        call_problem(call, "'log_name' '%.*s' is invalid.",
                     name.kind == VALUE_TEXT ? (int)name.len : 0,
                     name.kind == VALUE_TEXT ? name.as.data : "");
}

/* ---- lines ---- */

static bool begins_entry(struct slice line, int64_t *ms)
{
    return line.len >= TIME_BYTES && line.data[4] == '-' && line.data[10] == 'T' &&
           line.data[TIME_BYTES - 1] == 'Z' && date_parse_iso(slice_of(line.data, TIME_BYTES), ms);
}

/* The next [text]; false: the line goes on with something else. */
static bool take_bracket(struct slice *line, struct slice *out)
{
    const char *end;

    while (line->len > 0 && *line->data == ' ')
        *line = slice_of(line->data + 1, line->len - 1);
    end = line->len > 0 && *line->data == '[' ? memchr(line->data, ']', line->len) : NULL;
    if (end == NULL)
        return false;
    *out = slice_of(line->data + 1, (size_t)(end - line->data) - 1);
    *line = slice_of(end + 1, line->len - (size_t)(end - line->data) - 1);
    return true;
}

static void read_entry(struct slice line, struct entry *out)
{
    struct slice tag;

    out->timestamp = slice_of(line.data, TIME_BYTES);
    line = slice_of(line.data + TIME_BYTES, line.len - TIME_BYTES);
    take_bracket(&line, &out->thread);
    take_bracket(&line, &out->level);
    while (out->tag_count < TAGS_MAX && take_bracket(&line, &tag))
        out->tags[out->tag_count++] = tag;
    if (line.len > 0 && *line.data == ':')
        line = slice_of(line.data + 1, line.len - 1);
    if (line.len > 0 && *line.data == ' ')
        line = slice_of(line.data + 1, line.len - 1);
    out->message = line;
}

static bool fits(const struct query *query, const struct entry *entry)
{
    if (query->level.len > 0 && !slice_equal(query->level, entry->level))
        return false;
    if ((query->has_from && entry->ms < query->from) ||
        (query->has_until && entry->ms > query->until))
        return false;
    return query->filter.len == 0 ||
           memmem(entry->timestamp.data,
                  (size_t)(entry->message.data + entry->message.len - entry->timestamp.data),
                  query->filter.data, query->filter.len) != NULL;
}

/* The entry at `at`, up to the line end before the next one. */
static size_t next_entry(struct slice text, size_t at, struct entry *out)
{
    const char *stop;
    size_t end = at, line = at;
    int64_t ms;

    do {
        stop = memchr(text.data + line, '\n', text.len - line);
        end = stop == NULL ? text.len : (size_t)(stop - text.data);
        line = stop == NULL ? text.len : end + 1;
    } while (line < text.len && !begins_entry(slice_of(text.data + line, text.len - line), &ms));
    *out = (struct entry){0};
    if (begins_entry(slice_of(text.data + at, end - at), &out->ms))
        read_entry(slice_of(text.data + at, end - at), out);
    return line;
}

static void put_entry(struct document_builder *builder, const struct entry *entry)
{
    document_open_object(builder);
    put_text(builder, "timestamp", entry->timestamp);
    put_text(builder, "thread", entry->thread);
    put_text(builder, "level", entry->level);
    document_name(builder, slice_text("tags"));
    document_open_array(builder);
    for (size_t k = 0; k < entry->tag_count; k++)
        document_value(builder, value_text(entry->tags[k]));
    document_close(builder);
    put_text(builder, "message", entry->message);
    document_close(builder);
}

static int later_first(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    return left->ms > right->ms                       ? -1
           : left->ms < right->ms                     ? 1
           : left->message.data > right->message.data ? -1
                                                      : 1;
}

static void put_entries(struct call *call, const struct query *query, struct slice text)
{
    struct buf found = {0};
    struct entry entry;
    struct entry *entries;
    size_t count;

    for (size_t at = 0; at < text.len;) {
        at = next_entry(text, at, &entry);
        if (entry.timestamp.len > 0 && fits(query, &entry))
            buf_append(&found, &entry, sizeof entry);
    }
    count = found.failed ? 0 : found.len / sizeof entry;
    entries = (struct entry *)(void *)found.data;
    if (query->is_descending && count > 0)
        qsort(entries, count, sizeof entry, later_first);
    document_begin(&call->builder);
    document_open_array(&call->builder);
    for (size_t k = (size_t)query->start;
         k < count && k - (size_t)query->start < (size_t)query->limit; k++)
        put_entry(&call->builder, &entries[k]);
    document_close(&call->builder);
    call_built(call);
    buf_free(&found);
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *in = fopen(path, "rb");
    char piece[65536];
    size_t len;
    bool ok;

    if (in == NULL)
        return false;
    while ((len = fread(piece, 1, sizeof piece, in)) > 0)
        buf_append(out, piece, len);
    ok = !ferror(in) && !out->failed;
    fclose(in);
    return ok;
}

void operation_read_log(struct call *call)
{
    struct query query = {.limit = LIMIT_DEFAULT, .filter = call_text(call, "filter", NULL)};
    const char *path = call->operations->options.log_path;
    struct buf text = {0};

    read_number(call, "start", 0, &query.start);
    read_number(call, "limit", 1, &query.limit);
    read_choices(call, &query);
    read_time(call, "from", NULL, &query.has_from, &query.from);
    read_time(call, "until", "to", &query.has_until, &query.until);
    read_name(call);
    if (!call_check(call))
        return;
    if (path == NULL || !read_file(path, &text))
        call_fail(call, 400, "'log_name' 'hdb.log' does not exist.");
    else
        put_entries(call, &query, buf_slice(&text));
    buf_free(&text);
}
