/*
 * The fields of a request: names, numbers, flags, and the sentences about what is wrong with them.
 */
#include "parser/operations/operations_internal.h"
#include <stdio.h>

enum { NAME_CHARACTERS_MAX = 250 };

enum status request_no_memory(struct request *request)
{
    return error_set(request->err, ST_NO_MEMORY, -1, "out of memory");
}

int request_shown(struct slice text)
{
    return text.len > 200 ? 200 : (int)text.len;
}

enum status request_fail(struct request *request, enum status status, const char *format, ...)
{
    char message[ERROR_MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (status == ST_INVALID && request->fails_as_500)
        status = ST_INTERNAL;
    return error_set(request->err, status, -1, "%s", message);
}

void request_problem(struct request *request, const char *format, ...)
{
    size_t room = sizeof request->problems - request->problem_bytes;
    char *at = request->problems + request->problem_bytes;
    va_list args;
    int len;

    if (request->problem_bytes > 0 && room > 3) {
        memcpy(at, ". ", 2);
        at += 2;
        room -= 2;
    }
    va_start(args, format);
    len = vsnprintf(at, room, format, args);
    va_end(args);
    if (len < 0)
        return;
    at += (size_t)len < room ? (size_t)len : room - 1;
    request->problem_bytes = (size_t)(at - request->problems);
}

enum status request_check(struct request *request)
{
    if (request->problem_bytes == 0)
        return ST_OK;
    return request_fail(request, ST_INVALID, "%s", request->problems);
}

struct value request_field(const struct request *request, const char *first, const char *second)
{
    struct value v = document_member(request->document, slice_text(first));

    if (v.kind == VALUE_ABSENT && second != NULL)
        v = document_member(request->document, slice_text(second));
    return v;
}

/* ---- the table ---- */

static void check_name(struct request *request, const char *label, struct slice name)
{
    bool is_allowed = true;

    if (name.len == 0) {
        request_problem(request, "'%s' is not allowed to be empty", label);
        return;
    }
    if (name.len > NAME_CHARACTERS_MAX)
        request_problem(request, "'%s' length must be less than or equal to %d characters long",
                        label, NAME_CHARACTERS_MAX);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        is_allowed = is_allowed && c >= 0x20 && c <= 0x7e && c != '/' && c != '`';
    }
    if (!is_allowed)
        request_problem(request, "'%s' names cannot include backticks or forward slashes", label);
}

void request_read_name(struct request *request, const char *label, struct value v, bool is_text,
                       struct slice *out)
{
    struct value text;

    if (!is_text && (v.kind == VALUE_INT || v.kind == VALUE_REAL)) {
        text = value_to_text(v, request->arena);
        if (text.kind == VALUE_TEXT)
            *out = value_slice(text);
        return;
    }
    if (v.kind != VALUE_TEXT) {
        request_problem(request, "'%s' must be a string", label);
        return;
    }
    *out = value_slice(v);
    check_name(request, label, *out);
}

static void read_table(struct request *request, bool is_text)
{
    struct value database = request_field(request, "database", "schema");
    struct value table = request_field(request, "table", NULL);

    request->operation->database = request->database = slice_text("data");
    if (database.kind != VALUE_ABSENT)
        request_read_name(request, "database", database, is_text, &request->operation->database);
    if (table.kind == VALUE_ABSENT)
        request_problem(request, "'table' is required");
    else
        request_read_name(request, "table", table, is_text, &request->operation->table);
    request->database = request->operation->database;
}

void request_read_table(struct request *request)
{
    read_table(request, false);
}

void request_read_new_table(struct request *request)
{
    read_table(request, true);
}

enum status request_find_table(struct request *request)
{
    const struct operation_schema *schema = request->schema;
    struct slice database = request->operation->database, table = request->operation->table;
    enum status st = request->missing == MISSING_INVALID ? ST_INVALID : ST_NO_TABLE;

    if (schema == NULL || schema->find == NULL)
        return ST_OK;
    switch (schema->find(schema->context, database, table, &request->database)) {
    case OPERATION_FOUND:
        return ST_OK;
    case OPERATION_NO_DATABASE:
        request->has_no_database = true;
        return error_set(request->err, st, -1, "database '%.*s' does not exist",
                         request_shown(database), database.data);
    case OPERATION_NO_TABLE:
        break;
    }
    if (request->missing == MISSING_TABLE)
        return error_set(request->err, ST_INVALID, -1, "Table %.*s not found", request_shown(table),
                         table.data);
    return error_set(request->err, st, -1, "Table '%.*s.%.*s' does not exist",
                     request_shown(database), database.data, request_shown(table), table.data);
}

/* ---- flags and numbers ---- */

void request_read_flag(struct request *request, const char *name, bool *out)
{
    struct value v = request_field(request, name, NULL);

    if (v.kind == VALUE_BOOL)
        *out = v.as.b;
    else if (!value_is_null(v))
        request_problem(request, "'%s' must be a boolean", name);
}

static bool is_whole(struct value v, int64_t *out)
{
    if (v.kind == VALUE_INT) {
        *out = v.as.i;
        return true;
    }
    if (v.kind != VALUE_REAL || !(v.as.d >= -0x1p62 && v.as.d <= 0x1p62) ||
        v.as.d != (double)(int64_t)v.as.d)
        return false;
    *out = (int64_t)v.as.d;
    return true;
}

void request_read_number(struct request *request, const char *name, int64_t least, bool *is_there,
                         int64_t *out)
{
    struct value v = request_field(request, name, NULL);
    int64_t number;

    *is_there = false;
    if (value_is_null(v))
        return;
    if (v.kind != VALUE_INT && v.kind != VALUE_REAL) {
        request_problem(request, "'%s' must be a number", name);
    } else if (!is_whole(v, &number)) {
        request_problem(request, "'%s' must be an integer", name);
    } else if (number < least) {
        request_problem(request, "'%s' must be greater than or equal to %d", name, (int)least);
    } else {
        *is_there = true;
        *out = number;
    }
}
