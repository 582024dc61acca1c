/* Results as CSV: which columns there are, and what stands in them. */
#include "rest/rest_internal.h"
#include "vdbe/ir/ir.h"

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
        csv_write_text(out,
                       csv->names != NULL ? csv->names[k] : statement_column_name(statement, k));
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
            csv_write_field(out, row[k]);
        else if (row[0].kind == VALUE_OBJECT)
            csv_write_field(out, document_member(row[0], csv->names[k]));
        else if (k == 0)
            csv_write_field(out, row[0]);
    }
    buf_append_text(out, "\r\n");
}
