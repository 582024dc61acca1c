/* Backup, checking, looking inside: what an operator does. */
#include "api/api_internal.h"
#include "parser/sql/sql.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int answer(harper_error *out, enum status st, const struct error *err)
{
    if (out != NULL) {
        out->status = (int)st;
        out->offset = status_is_failure(st) ? err->offset : -1;
        snprintf(out->message, sizeof out->message, "%s",
                 !status_is_failure(st) ? ""
                 : err->status == st    ? error_message(err)
                                        : status_text(st));
    }
    return (int)st;
}

int harper_backup(harper *db, const char *path, harper_error *error)
{
    struct error err = {.offset = -1};

    return answer(error, db_backup(db->db, path, &err), &err);
}

int harper_copy(harper *db, const char *path, const char *backend, harper_error *error)
{
    struct error err = {.offset = -1};
    enum status st = db_copy(db->db, path, backend, &err);

    if (st == ST_EXISTS) { /* an answer elsewhere, a failure here */
        st = ST_INVALID;
        err.status = st;
    }
    return answer(error, st, &err);
}

int harper_check(harper *db, harper_report_fn report, void *context, uint64_t *problems,
                 harper_error *error)
{
    struct error err = {.offset = -1};

    return answer(error, db_check(db->db, report, context, problems, &err), &err);
}

struct inspection {
    harper_inspect_fn emit;
    void *context;
};

static void inspect_line(void *context, struct slice store, struct slice key, struct slice value)
{
    struct inspection *inspection = context;
    char *texts[3] = {strndup(store.data == NULL ? "" : store.data, store.len),
                      strndup(key.data == NULL ? "" : key.data, key.len),
                      strndup(value.data == NULL ? "" : value.data, value.len)};

    if (texts[0] != NULL && texts[1] != NULL && texts[2] != NULL)
        inspection->emit(inspection->context, texts[0], texts[1], texts[2]);
    for (size_t k = 0; k < COUNT_OF(texts); k++)
        free(texts[k]);
}

int harper_inspect(harper_session *session, const char *table, uint64_t rows_max,
                   harper_inspect_fn emit, void *context)
{
    struct inspection inspection = {emit, context};
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    struct error err = {.offset = -1};
    enum status st = session_acquire(session, &databases, refs, &err);

    if (st == ST_OK) {
        st = db_inspect(refs[0].txn, table, rows_max, inspect_line, &inspection);
        session_release(session, session->in_transaction);
    }
    return session_fail(session, st, &err);
}

/* ---- for shells ---- */

bool harper_is_complete(const char *text)
{
    return sql_is_complete(slice_text(text));
}

struct completion {
    harper_report_fn word;
    void *context;
    struct slice prefix;
};

static void offer(const struct completion *completion, struct slice word)
{
    char text[256];

    if (word.len == 0 || word.len >= sizeof text || word.len < completion->prefix.len)
        return;
    if (!slice_equal_nocase(slice_of(word.data, completion->prefix.len), completion->prefix))
        return;
    memcpy(text, word.data, word.len);
    text[word.len] = '\0';
    completion->word(completion->context, text);
}

int harper_complete(harper_session *session, const char *prefix, harper_report_fn word,
                    void *context)
{
    const struct completion completion = {word, context, slice_text(prefix)};
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    struct error err = {.offset = -1};
    const struct func *func;
    const char *keyword;
    enum status st = session_acquire(session, &databases, refs, &err);

    if (st != ST_OK)
        return session_fail(session, st, &err);
    for (unsigned d = 0; d < databases.count; d++) {
        const struct catalog *catalog = txn_catalog(databases.refs[d].txn);

        for (size_t k = 0; k < catalog->table_count; k++) {
            offer(&completion, catalog->tables[k]->name);
            for (unsigned a = 0; a < catalog->tables[k]->attribute_count; a++)
                if (!catalog->tables[k]->attributes[a].is_dropped)
                    offer(&completion, catalog->tables[k]->attributes[a].name);
        }
        for (size_t k = 0; k < catalog->object_count; k++)
            if (catalog->objects[k]->kind == OBJECT_VIEW)
                offer(&completion, catalog->objects[k]->name);
    }
    session_release(session, session->in_transaction);
    for (size_t k = 0; (keyword = sql_keyword(k)) != NULL; k++)
        offer(&completion, slice_text(keyword));
    for (size_t k = 0; (func = func_at(session->owner->functions, k)) != NULL; k++)
        offer(&completion, slice_text(func->name));
    return HARPER_OK;
}
