/* What a row holds, in the forms that callers want. */
#include "api/api_internal.h"
#include "storage/value/record.h"
#include "vdbe/ir/ir.h"
#include <stdlib.h>
#include <string.h>

size_t statement_column_count(const harper_statement *statement)
{
    if (statement->canned != NULL)
        return statement->canned->column_count;
    return statement->vm == NULL ? 0 : vm_column_count(statement->vm);
}

size_t statement_shown_columns(const harper_statement *statement)
{
    return statement_column_count(statement) - statement->hidden_columns;
}

struct slice statement_column_name(const harper_statement *statement, size_t column)
{
    if (column >= statement_column_count(statement))
        return slice_empty();
    return statement->canned != NULL ? statement->canned->names[column]
                                     : vm_column_name(statement->vm, (unsigned)column);
}

/* The current row, or NULL when there is none. */
const struct value *statement_row(const harper_statement *statement)
{
    const struct canned *canned = statement->canned;

    if (canned != NULL)
        return canned->at == 0 || canned->at > canned->row_count
                   ? NULL
                   : canned->values + (canned->at - 1) * canned->column_count;
    return statement->is_running ? vm_row(statement->vm) : NULL;
}

static struct value column_value(const harper_statement *statement, int column)
{
    const struct value *row = statement_row(statement);

    if (row == NULL || column < 0 || (size_t)column >= statement_column_count(statement))
        return value_null();
    return row[column];
}

int harper_column_count(const harper_statement *statement)
{
    return (int)statement_column_count(statement);
}

const char *harper_column_name(const harper_statement *statement, int column)
{
    harper_statement *self =
        (harper_statement *)(uintptr_t)statement; /* names are made at the first question */
    size_t count = statement_column_count(statement);

    if (column < 0 || (size_t)column >= count)
        return NULL;
    if (self->names == NULL)
        self->names = calloc(count, sizeof *self->names);
    if (self->names == NULL)
        return NULL;
    if (self->names[column] == NULL) {
        struct slice name = statement_column_name(statement, (size_t)column);

        self->names[column] = strndup(name.len == 0 ? "" : name.data, name.len);
    }
    return self->names[column];
}

int harper_column_type(const harper_statement *statement, int column)
{
    switch ((enum value_kind)column_value(statement, column).kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        break;
    case VALUE_BOOL:
        return HARPER_BOOL;
    case VALUE_INT:
        return HARPER_INT;
    case VALUE_REAL:
        return HARPER_DOUBLE;
    case VALUE_DATE:
        return HARPER_DATE;
    case VALUE_TEXT:
        return HARPER_TEXT;
    case VALUE_BYTES:
        return HARPER_BYTES;
    case VALUE_ARRAY:
        return HARPER_ARRAY;
    case VALUE_OBJECT:
        return HARPER_OBJECT;
    }
    return HARPER_NULL;
}

bool harper_column_is_absent(const harper_statement *statement, int column)
{
    return column_value(statement, column).kind == VALUE_ABSENT;
}

bool harper_column_bool(const harper_statement *statement, int column)
{
    return value_truth(column_value(statement, column)) == 1;
}

int64_t harper_column_int(const harper_statement *statement, int column)
{
    return value_to_int(column_value(statement, column));
}

double harper_column_double(const harper_statement *statement, int column)
{
    return value_to_real(column_value(statement, column));
}

/* Every column's text gets a place of its own, so that several may be held at a time. */
static const char *keep_text(harper_statement *statement, struct slice text, size_t *bytes)
{
    struct slice copy = arena_copy(&statement->texts, text);

    if (bytes != NULL)
        *bytes = copy.data == NULL ? 0 : text.len;
    return copy.data;
}

const char *harper_column_text(harper_statement *statement, int column, size_t *bytes)
{
    struct value v = column_value(statement, column), text;

    if (bytes != NULL)
        *bytes = 0;
    if (value_is_null(v))
        return NULL;
    text = value_to_text(v, &statement->texts);
    if (text.kind != VALUE_TEXT)
        return NULL;
    return keep_text(statement, value_slice(text), bytes);
}

const void *harper_column_bytes(harper_statement *statement, int column, size_t *bytes)
{
    struct value v = column_value(statement, column);

    if (v.kind == VALUE_BYTES || v.kind == VALUE_TEXT) {
        if (bytes != NULL)
            *bytes = v.len;
        return v.as.data;
    }
    return harper_column_text(statement, column, bytes);
}

static const char *give_buffer(harper_statement *statement, size_t *bytes)
{
    if (statement->text_out.failed)
        return NULL;
    if (bytes != NULL)
        *bytes = statement->text_out.len;
    return keep_text(statement, buf_slice(&statement->text_out), NULL);
}

const char *harper_column_json(harper_statement *statement, int column, size_t *bytes)
{
    buf_clear(&statement->text_out);
    json_write(&statement->text_out, column_value(statement, column));
    return give_buffer(statement, bytes);
}

void statement_write_row_json(const harper_statement *statement, struct buf *out)
{
    const struct value *row = statement_row(statement);
    size_t count = statement_shown_columns(statement);
    bool is_first = true;

    if (row == NULL || count == 0) {
        buf_append_text(out, "null");
        return;
    }
    switch ((enum ir_row_form)statement->row_form) {
    case IR_ROW_SCALAR:
        json_write(out, row[0]);
        return;
    case IR_ROW_ARRAY:
        buf_append_byte(out, '[');
        for (size_t k = 0; k < count; k++) {
            if (k > 0)
                buf_append_byte(out, ',');
            json_write(out, row[k]);
        }
        buf_append_byte(out, ']');
        return;
    case IR_ROW_COLUMNS:
    case IR_ROW_OBJECT:
        break;
    }
    buf_append_byte(out, '{');
    for (size_t k = 0; k < count; k++) {
        if (row[k].kind == VALUE_ABSENT && statement->row_form == IR_ROW_OBJECT)
            continue;
        if (!is_first)
            buf_append_byte(out, ',');
        is_first = false;
        json_write_text(out, statement_column_name(statement, k));
        buf_append_byte(out, ':');
        json_write(out, row[k]);
    }
    buf_append_byte(out, '}');
}

const char *harper_row_json(harper_statement *statement, size_t *bytes)
{
    buf_clear(&statement->text_out);
    statement_write_row_json(statement, &statement->text_out);
    return give_buffer(statement, bytes);
}
