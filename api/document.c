/* Documents by key: get, put, patch, insert, delete, scan. Statements like any other, only that
 * nothing is parsed. */
#include "api/api_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int prepare(harper_session *session, const char *verb, const char *table,
                   harper_statement **out)
{
    char text[300];
    int len = snprintf(text, sizeof text, "%s %s", verb, table);
    struct error err = {0};

    *out = NULL;
    if (len < 0 || (size_t)len >= sizeof text) {
        error_set(&err, ST_LIMIT, -1, "the table's name is too long");
        return session_fail(session, ST_LIMIT, &err);
    }
    return harper_prepare(session, LANGUAGE_DOCUMENT, text, len, out, NULL, NULL);
}

static char *copy_text(struct slice text)
{
    char *copy = malloc(text.len + 1);

    if (copy != NULL) {
        memcpy(copy, text.data, text.len);
        copy[text.len] = '\0';
    }
    return copy;
}

/* Ends a statement without rows: HARPER_DONE is success. *changes (may be NULL): rows it changed.
 */
static int finish(harper_statement *statement, int64_t *changes)
{
    harper_session *session = statement->session;
    int st;

    do
        st = harper_step(statement);
    while (st == HARPER_ROW);
    harper_finalize(statement);
    if (changes != NULL)
        *changes = session->changes;
    return st == HARPER_DONE ? HARPER_OK : st;
}

int harper_get(harper_session *session, const char *table, const char *key, char **json,
               size_t *bytes)
{
    harper_statement *statement;
    struct buf out = {0};
    int st = prepare(session, "get", table, &statement);

    *json = NULL;
    if (bytes != NULL)
        *bytes = 0;
    if (st != HARPER_OK)
        return st;
    st = harper_bind_json(statement, 1, key, -1);
    if (st == HARPER_OK)
        st = harper_step(statement);
    if (st == HARPER_ROW) {
        statement_write_row_json(statement, &out);
        *json = out.failed ? NULL : copy_text(buf_slice(&out));
        if (bytes != NULL)
            *bytes = out.len;
        st = *json == NULL ? HARPER_NO_MEMORY : HARPER_OK;
    } else if (st == HARPER_DONE) {
        st = HARPER_NOT_FOUND;
    }
    buf_free(&out);
    harper_finalize(statement);
    return st;
}

static int write_keyed(harper_session *session, const char *verb, const char *table,
                       const char *key, const char *json, int64_t bytes)
{
    harper_statement *statement;
    int st = prepare(session, verb, table, &statement);

    if (st != HARPER_OK)
        return st;
    st = harper_bind_json(statement, 1, json, bytes);
    if (st == HARPER_OK)
        st = harper_bind_json(statement, 2, key, -1);
    if (st == HARPER_OK)
        return finish(statement, NULL);
    harper_finalize(statement);
    return st;
}

int harper_put(harper_session *session, const char *table, const char *key, const char *json,
               int64_t bytes)
{
    return write_keyed(session, "put", table, key, json, bytes);
}

int harper_patch(harper_session *session, const char *table, const char *key, const char *json,
                 int64_t bytes)
{
    return write_keyed(session, "patch", table, key, json, bytes);
}

int harper_insert(harper_session *session, const char *table, const char *json, int64_t bytes,
                  char **key)
{
    harper_statement *statement;
    int st = prepare(session, "insert", table, &statement);

    if (key != NULL)
        *key = NULL;
    if (st != HARPER_OK)
        return st;
    st = harper_bind_json(statement, 1, json, bytes);
    if (st == HARPER_OK)
        st = harper_step(statement);
    if (st == HARPER_ROW && key != NULL) {
        size_t len;
        const char *text = harper_column_json(statement, 0, &len);

        *key = text == NULL ? NULL : copy_text(slice_of(text, len));
    }
    if (st == HARPER_ROW || st == HARPER_DONE)
        return finish(statement, NULL);
    harper_finalize(statement);
    return st;
}

int harper_delete(harper_session *session, const char *table, const char *key)
{
    harper_statement *statement;
    int64_t changes = 0;
    int st = prepare(session, "delete", table, &statement);

    if (st != HARPER_OK)
        return st;
    st = harper_bind_json(statement, 1, key, -1);
    if (st != HARPER_OK) {
        harper_finalize(statement);
        return st;
    }
    st = finish(statement, &changes);
    return st == HARPER_OK && changes == 0 ? HARPER_NOT_FOUND : st;
}

int harper_scan(harper_session *session, const char *table, const char *from,
                harper_document_fn row, void *context)
{
    harper_statement *statement;
    struct buf key = {0}, document = {0};
    int st = prepare(session, from == NULL ? "scan" : "from", table, &statement);

    if (st != HARPER_OK)
        return st;
    if (from != NULL)
        st = harper_bind_json(statement, 1, from, -1);
    while (st == HARPER_OK || st == HARPER_ROW) {
        const struct value *values;

        st = harper_step(statement);
        if (st != HARPER_ROW)
            break;
        values = statement_row(statement);
        buf_clear(&key);
        buf_clear(&document);
        json_write(&key, values[0]);
        json_write(&document, values[1]);
        if (buf_cstr(&key) == NULL || buf_cstr(&document) == NULL) {
            st = HARPER_NO_MEMORY;
            break;
        }
        if (!row(context, key.data, document.data, document.len)) {
            st = HARPER_DONE;
            break;
        }
    }
    buf_free(&key);
    buf_free(&document);
    harper_finalize(statement);
    return st == HARPER_DONE ? HARPER_OK : st;
}

void harper_free(void *memory)
{
    free(memory);
}
