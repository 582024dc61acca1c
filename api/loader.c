/*
 * Bulk load: one INSERT statement, bound and run a row at a time, committed in pieces.
 *
 * The rows run through the same program as any INSERT, so that affinity, defaults and constraints
 * are the same.
 */
#include "api/api_internal.h"
#include <stdlib.h>
#include <string.h>

enum { ROWS_PER_COMMIT = 50000 };

struct harper_loader {
    harper_session *session;
    harper_statement *insert;
    int column, column_count;
    uint64_t rows, uncommitted;
    bool owns_transaction;
};

static void quote_name(struct buf *out, struct slice name)
{
    buf_append_byte(out, '"');
    for (size_t k = 0; k < name.len; k++) {
        if (name.data[k] == '"')
            buf_append_byte(out, '"');
        buf_append_byte(out, (uint8_t)name.data[k]);
    }
    buf_append_byte(out, '"');
}

/* "main.dog" is two names, "dog" one. */
static void quote_table(struct buf *out, const char *table)
{
    const char *dot = strchr(table, '.');

    if (dot != NULL) {
        quote_name(out, slice_of(table, (size_t)(dot - table)));
        buf_append_byte(out, '.');
        table = dot + 1;
    }
    quote_name(out, slice_text(table));
}

static int count_columns(harper_session *session, const char *table, harper_error *error)
{
    struct buf sql = {0};
    harper_statement *statement = NULL;
    int count = -1;

    buf_append_text(&sql, "SELECT * FROM ");
    quote_table(&sql, table);
    if (harper_prepare(session, HARPER_SQL, sql.data, (int64_t)sql.len, &statement, NULL, error) ==
        HARPER_OK)
        count = harper_column_count(statement);
    harper_finalize(statement);
    buf_free(&sql);
    return count;
}

static void write_insert(struct buf *sql, const char *table, const char *const *columns, int count)
{
    buf_append_text(sql, "INSERT INTO ");
    quote_table(sql, table);
    for (int k = 0; columns != NULL && k < count; k++) {
        buf_append_text(sql, k == 0 ? " (" : ", ");
        quote_name(sql, slice_text(columns[k]));
    }
    buf_append_text(sql, columns == NULL ? " VALUES (" : ") VALUES (");
    for (int k = 0; k < count; k++)
        buf_append_text(sql, k == 0 ? "?" : ", ?");
    buf_append_byte(sql, ')');
}

int harper_loader_open(harper_session *session, const char *table, const char *const *columns,
                       size_t count, harper_loader **out, harper_error *error)
{
    harper_loader *loader = calloc(1, sizeof *loader);
    struct buf sql = {0};
    int st = HARPER_NO_MEMORY;

    *out = NULL;
    if (loader == NULL)
        return session_fail(session, ST_NO_MEMORY, NULL);
    loader->session = session;
    loader->column_count = columns == NULL ? count_columns(session, table, error) : (int)count;
    if (loader->column_count < 0) {
        st = session->error.status;
    } else {
        write_insert(&sql, table, columns, loader->column_count);
        st = sql.failed ? HARPER_NO_MEMORY
                        : harper_prepare(session, HARPER_SQL, sql.data, (int64_t)sql.len,
                                         &loader->insert, NULL, error);
    }
    buf_free(&sql);
    if (st != HARPER_OK) {
        free(loader);
        return st;
    }
    loader->owns_transaction = !session->in_transaction;
    *out = loader;
    return HARPER_OK;
}

static int bind_next(harper_loader *loader, struct value v)
{
    struct error err = {0};

    if (loader->column >= loader->column_count)
        return session_fail(
            loader->session,
            error_set(&err, ST_RANGE, -1, "a row has %d columns", loader->column_count), &err);
    return statement_bind_value(loader->insert, ++loader->column, v);
}

/* Text and bytes of the row under construction live in the statement's arena until the row is
 * written. */
static int bind_copy(harper_loader *loader, struct value v)
{
    v.as.data = arena_copy(&loader->insert->bound, value_slice(v)).data;
    if (v.as.data == NULL)
        return session_fail(loader->session, ST_NO_MEMORY, NULL);
    return bind_next(loader, v);
}

int harper_loader_null(harper_loader *loader)
{
    return bind_next(loader, value_null());
}

int harper_loader_int(harper_loader *loader, int64_t value)
{
    return bind_next(loader, value_int(value));
}

int harper_loader_double(harper_loader *loader, double value)
{
    return bind_next(loader, value_real(value));
}

int harper_loader_text(harper_loader *loader, const char *text, size_t bytes)
{
    return bind_copy(loader, value_text(slice_of(text, bytes)));
}

int harper_loader_bytes(harper_loader *loader, const void *data, size_t bytes)
{
    return bind_copy(loader, value_bytes(slice_of(data, bytes)));
}

static int give_error(harper_loader *loader, int st, harper_error *error)
{
    if (error != NULL)
        *error = loader->session->error;
    return st;
}

static int commit_piece(harper_loader *loader, harper_error *error)
{
    struct error err = {.offset = -1};
    enum status st = transaction_commit(loader->session, &err);

    loader->uncommitted = 0;
    if (st != ST_OK)
        return give_error(loader, session_fail(loader->session, st, &err), error);
    return HARPER_OK;
}

int harper_loader_row(harper_loader *loader, harper_error *error)
{
    harper_session *session = loader->session;
    struct error err = {.offset = -1};
    int st;

    while (loader->column < loader->column_count)
        bind_next(loader, value_null());
    if (loader->owns_transaction && !session->in_transaction) {
        enum status began = transaction_begin(session, true, &err);

        if (began != ST_OK)
            return give_error(loader, session_fail(session, began, &err), error);
    }
    st = harper_step(loader->insert);
    harper_reset(loader->insert);
    arena_reset(&loader->insert->bound);
    loader->column = 0;
    if (st != HARPER_DONE)
        return give_error(loader, st, error);
    loader->rows++;
    if (loader->owns_transaction && ++loader->uncommitted >= ROWS_PER_COMMIT)
        return commit_piece(loader, error);
    return HARPER_OK;
}

int harper_loader_close(harper_loader *loader, bool commit, uint64_t *rows, harper_error *error)
{
    int st = HARPER_OK;

    if (loader->owns_transaction && loader->session->in_transaction) {
        if (commit) {
            st = commit_piece(loader, error);
        } else {
            transaction_rollback(loader->session);
            loader->rows -= loader->uncommitted;
        }
    }
    if (rows != NULL)
        *rows = loader->rows;
    harper_finalize(loader->insert);
    free(loader);
    return st;
}
