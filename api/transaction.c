/* Transactions of a session: BEGIN to COMMIT or ROLLBACK, and savepoints inside. */
#include "api/api_internal.h"
#include <stdlib.h>
#include <string.h>

enum status transaction_begin(harper_session *session, bool is_write, struct error *err)
{
    if (session->in_transaction)
        return error_set(err, ST_INVALID, -1, "cannot start a transaction within a transaction");
    session->in_transaction = true;
    if (is_write) {
        enum status st =
            txn_begin(session->databases[0].db, TXN_WRITE, &session->databases[0].open, err);

        if (st != ST_OK) {
            session->in_transaction = false;
            return st;
        }
        session_sign(session, session->databases[0].open);
    }
    return ST_OK;
}

static void savepoints_drop(harper_session *session, const struct savepoint *down_to)
{
    while (session->savepoints != down_to) {
        struct savepoint *inner = session->savepoints;

        session->savepoints = inner->outer;
        free(inner->name);
        free(inner);
    }
    if (session->savepoints != NULL)
        session->savepoints->inner = NULL;
}

/* A deferred key that still refers to nothing keeps the transaction open. */
static enum status verify_deferred(harper_session *session, struct error *err)
{
    struct arena arena = {0};
    enum status st = ST_OK;

    for (unsigned k = 0; k < session->database_count && st == ST_OK; k++)
        if (session->databases[k].open != NULL && txn_is_write(session->databases[k].open))
            st = foreign_verify(&session->deferred, session->databases[k].open, &arena, err);
    arena_deinit(&arena);
    if (st == ST_OK)
        foreign_list_clear(&session->deferred);
    return st;
}

/* Databases commit one after the other: a failure leaves the ones before it committed, those behind
 * it rolled back. */
enum status transaction_commit(harper_session *session, struct error *err)
{
    enum status st = ST_OK;

    if (!session->in_transaction)
        return error_set(err, ST_INVALID, -1, "cannot commit - no transaction is active");
    if (session->running > 1)
        return error_set(err, ST_BUSY, -1,
                         "cannot commit transaction - SQL statements in progress");
    TRY(verify_deferred(session, err));
    for (unsigned k = 0; k < session->database_count; k++) {
        struct session_database *database = &session->databases[k];

        if (database->open == NULL)
            continue;
        if (st == ST_OK)
            st = txn_commit(database->open, err);
        else
            txn_rollback(database->open);
        database->open = NULL;
    }
    savepoints_drop(session, NULL);
    session->in_transaction = false;
    return st;
}

void transaction_rollback(harper_session *session)
{
    for (harper_statement *statement = session->statements; statement != NULL;
         statement = statement->next)
        if (statement->is_running && statement->uses_open && statement->vm != NULL)
            vm_reset(statement->vm); /* its cursors must not outlive the transaction */
    for (unsigned k = 0; k < session->database_count; k++) {
        struct session_database *database = &session->databases[k];

        if (database->open != NULL)
            txn_rollback(database->open);
        database->open = NULL;
    }
    savepoints_drop(session, NULL);
    foreign_list_clear(&session->deferred);
    session->in_transaction = false;
}

/* Savepoints set before this database was written to go back to its beginning. Marks nest as the
 * savepoints do: releasing one forgets those that were set after it. */
static void mark_outermost_first(harper_session *session, unsigned k)
{
    struct savepoint *savepoint = session->savepoints;

    while (savepoint != NULL && savepoint->outer != NULL)
        savepoint = savepoint->outer;
    for (; savepoint != NULL; savepoint = savepoint->inner) {
        if (!savepoint->has_mark[k]) {
            savepoint->marks[k] = txn_mark(session->databases[k].open);
            savepoint->has_mark[k] = true;
        }
    }
}

enum status transaction_write(harper_session *session, unsigned k, struct error *err)
{
    struct session_database *database = &session->databases[k];

    if (database->open == NULL)
        TRY(txn_begin(database->db, TXN_WRITE, &database->open, err));
    else if (!txn_is_write(database->open))
        TRY(txn_upgrade(database->open, err));
    else
        return ST_OK;
    session_sign(session, database->open);
    mark_outermost_first(session, k);
    return ST_OK;
}

/* ---- savepoints ---- */

/* A statement that is in the middle of writing (its RETURNING rows are not all fetched) has a mark
 * of its own, and marks end in the reverse order of their setting. */
static enum status check_no_write_runs(const harper_session *session, struct error *err)
{
    for (const harper_statement *statement = session->statements; statement != NULL;
         statement = statement->next)
        if (statement->is_running && statement->program != NULL &&
            program_info(statement->program)->writes)
            return error_set(err, ST_BUSY, -1,
                             "cannot change savepoints - SQL statements in progress");
    return ST_OK;
}

enum status savepoint_set(harper_session *session, struct slice name, struct error *err)
{
    struct savepoint *savepoint;

    TRY(check_no_write_runs(session, err));
    savepoint = calloc(1, sizeof *savepoint);
    if (savepoint == NULL)
        return ST_NO_MEMORY;
    savepoint->name = strndup(name.data, name.len);
    if (savepoint->name == NULL) {
        free(savepoint);
        return ST_NO_MEMORY;
    }
    if (!session->in_transaction) {
        enum status st = transaction_begin(session, false, err);

        if (st != ST_OK) {
            free(savepoint->name);
            free(savepoint);
            return st;
        }
        savepoint->began_transaction = true;
    }
    for (unsigned k = 0; k < session->database_count; k++) {
        struct txn *open = session->databases[k].open;

        if (open != NULL && txn_is_write(open)) {
            savepoint->marks[k] = txn_mark(open);
            savepoint->has_mark[k] = true;
        }
    }
    savepoint->outer = session->savepoints;
    if (savepoint->outer != NULL)
        savepoint->outer->inner = savepoint;
    session->savepoints = savepoint;
    return ST_OK;
}

static struct savepoint *savepoint_find(harper_session *session, struct slice name,
                                        struct error *err)
{
    for (struct savepoint *savepoint = session->savepoints; savepoint != NULL;
         savepoint = savepoint->outer)
        if (slice_is_nocase(name, savepoint->name))
            return savepoint;
    error_set(err, ST_NO_NAME, -1, "no such savepoint: %.*s", (int)name.len, name.data);
    return NULL;
}

enum status savepoint_release(harper_session *session, struct slice name, struct error *err)
{
    struct savepoint *savepoint = savepoint_find(session, name, err);

    if (savepoint == NULL)
        return ST_NO_NAME;
    TRY(check_no_write_runs(session, err));
    if (savepoint->began_transaction)
        return transaction_commit(session, err);
    for (unsigned k = 0; k < session->database_count; k++)
        if (session->databases[k].open != NULL && savepoint->has_mark[k])
            txn_release_to(session->databases[k].open, savepoint->marks[k]);
    savepoints_drop(session, savepoint->outer);
    return ST_OK;
}

/* The savepoint itself stays, and so does its mark. */
enum status savepoint_rollback(harper_session *session, struct slice name, struct error *err)
{
    struct savepoint *savepoint = savepoint_find(session, name, err);

    if (savepoint == NULL)
        return ST_NO_NAME;
    TRY(check_no_write_runs(session, err));
    for (unsigned k = 0; k < session->database_count; k++) {
        if (session->databases[k].open == NULL || !savepoint->has_mark[k])
            continue;
        TRY(txn_rollback_to(session->databases[k].open, savepoint->marks[k]));
    }
    savepoints_drop(session, savepoint);
    return ST_OK;
}
