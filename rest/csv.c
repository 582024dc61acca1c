/* Rows as CSV: texts quoted, numbers and booleans bare, documents as quoted JSON, null empty. */
#include "rest/rest_internal.h"
#include "vdbe/ir/ir.h"

static void write_quoted(struct buf *out, struct slice text)
{
    buf_append_byte(out, '"');
    while (text.len > 0) {
        const char *quote = memchr(text.data, '"', text.len);
        size_t len = quote == NULL ? text.len : (size_t)(quote - text.data) + 1;

        buf_append(out, text.data, len);
        if (quote != NULL)
            buf_append_byte(out, '"');
        text = slice_of(text.data + len, text.len - len);
    }
    buf_append_byte(out, '"');
}

static void write_value(struct buf *out, struct value v)
{
    struct buf json = {0};

    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        return;
    case VALUE_TEXT:
        write_quoted(out, value_slice(v));
        return;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_REAL:
        json_write(out, v);
        return;
    case VALUE_DATE: /* JSON has quotes around it already */
        json_write(out, v);
        return;
    case VALUE_BYTES:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        json_write(&json, v);
        write_quoted(out, buf_slice(&json));
        out->failed |= json.failed;
        buf_free(&json);
        return;
    }
}

static bool is_record(const harper_statement *statement)
{
    return statement_row_form(statement) == IR_ROW_SCALAR;
}

void csv_begin(struct csv *csv, const harper_statement *statement, const struct route *route,
               bool is_one, struct arena *arena)
{
    const struct value *row = statement_row(statement);
    size_t count;
    struct slice *names;

    *csv = (struct csv){.count = statement_column_count(statement)};
    if (!is_record(statement))
        return;
    if (is_one && row != NULL && row[0].kind == VALUE_OBJECT) {
        count = document_count(row[0]);
        names = ARENA_NEW_ARRAY(arena, struct slice, count + 1);
        for (size_t k = 0; names != NULL && k < count; k++)
            (void)document_member_at(row[0], k, &names[k]);
    } else if (is_one) {
        return;
    } else {
        names = ARENA_NEW_ARRAY(arena, struct slice, route->attribute_count + 1);
        count = 0;
        for (size_t k = 0; names != NULL && k < route->attribute_count; k++)
            if (!route->attributes[k].is_relationship && !route->attributes[k].is_computed)
                names[count++] = arena_copy(arena, route->attributes[k].name);
    }
    csv->names = names;
    csv->count = names == NULL ? 0 : count;
}

void csv_write_head(const struct csv *csv, const harper_statement *statement, struct buf *out)
{
    for (size_t k = 0; k < csv->count; k++) {
        if (k > 0)
            buf_append_byte(out, ',');
        write_quoted(out, csv->names != NULL ? csv->names[k] : statement_column_name(statement, k));
    }
    buf_append_text(out, "\r\n");
}

void csv_write_row(const struct csv *csv, const harper_statement *statement, struct buf *out)
{
    const struct value *row = statement_row(statement);

    for (size_t k = 0; row != NULL && k < csv->count; k++) {
        if (k > 0)
            buf_append_byte(out, ',');
        if (csv->names == NULL)
            write_value(out, row[k]);
        else if (row[0].kind == VALUE_OBJECT)
            write_value(out, document_member(row[0], csv->names[k]));
        else if (k == 0)
            write_value(out, row[0]);
    }
    buf_append_text(out, "\r\n");
}
