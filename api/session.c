/* Handles and sessions: opening, closing, limits, and the databases that a session's statements
 * see. */
#include "api/api_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(HARPER_INTERNAL == (int)ST_INTERNAL && HARPER_SYNTAX == (int)ST_SYNTAX &&
                   HARPER_BUSY == (int)ST_BUSY && HARPER_FULL == (int)ST_FULL,
               "the public numbers are the engine's");
_Static_assert(sizeof(((harper_error *)0)->message) == ERROR_MESSAGE_BYTES, "messages fit");

const char *harper_version(void)
{
    return HARPER_VERSION;
}

const char *harper_status_text(int status)
{
    return status < 0 || status >= STATUS_COUNT ? "unknown status"
                                                : status_text((enum status)status);
}

int harper_status_http(int status)
{
    return status < 0 || status >= STATUS_COUNT ? 500 : status_http((enum status)status);
}

/* Give an error out through a public call; the status' own text when nobody wrote a better one. */
static int give(harper_error *out, enum status status, const struct error *err)
{
    if (out != NULL) {
        out->status = (int)status;
        out->offset = -1;
        out->message[0] = '\0';
        if (status_is_failure(status)) {
            bool is_about_this = err != NULL && err->status == status;

            out->offset = is_about_this ? err->offset : -1;
            snprintf(out->message, sizeof out->message, "%s",
                     is_about_this ? error_message(err) : status_text(status));
        }
    }
    return (int)status;
}

/* ---- handles ---- */

enum { BUSY_TIMEOUT_MS = 5000 }; /* when the options do not say */

static enum durability durability_of(int durability)
{
    switch (durability) {
    case HARPER_DURABILITY_NORMAL:
        return DURABILITY_NORMAL;
    case HARPER_DURABILITY_OFF:
        return DURABILITY_OFF;
    default:
        return DURABILITY_FULL;
    }
}

static enum status open_database(const char *path, const char *name,
                                 const struct harper_options *options, struct db **out,
                                 struct error *err)
{
    bool in_memory = strcmp(path, ":memory:") == 0;
    struct db_options db_options = {
        .backend = in_memory ? "memory" : options->backend,
        .name = name,
        .read_only = options->read_only,
        .create = !options->must_exist && !options->read_only,
        .durability = durability_of(options->durability),
        .busy_timeout_ms = options->busy_timeout_ms,
        .cache_bytes = options->cache_bytes,
    };

    return db_open(in_memory ? "" : path, &db_options, out, err);
}

int harper_open(const char *path, const harper_options *options, harper **out, harper_error *error)
{
    enum status st = ST_OK;
    struct error err = {0};
    harper *handle = calloc(1, sizeof *handle);

    *out = NULL;
    if (handle == NULL)
        return give(error, ST_NO_MEMORY, NULL);
    if (options != NULL)
        memcpy(&handle->options, options,
               options->size < sizeof *options ? options->size : sizeof *options);
    if (handle->options.busy_timeout_ms == 0)
        handle->options.busy_timeout_ms = BUSY_TIMEOUT_MS;
    handle->path = strdup(path);
    if (handle->path == NULL)
        TRY_OUT(ST_NO_MEMORY);
    TRY_OUT(func_registry_new(&handle->functions));
    TRY_OUT(evaluator_new(handle->functions, &handle->evaluator));
    TRY_OUT(open_database(path, "main", &handle->options, &handle->db, &err));
    evaluator_attach(handle->evaluator, handle->db);
    *out = handle;
    return give(error, ST_OK, NULL);
out:
    harper_close(handle);
    return give(error, st, &err);
}

void harper_close(harper *db)
{
    if (db == NULL)
        return;
    if (db->db != NULL)
        db_close(db->db);
    evaluator_free(db->evaluator);
    func_registry_free(db->functions);
    free(db->path);
    free(db);
}

const char *harper_backend(const harper *db)
{
    return db_backend(db->db);
}

const char *harper_path(const harper *db)
{
    return db->path;
}

/* ---- sessions ---- */

int harper_session_open(harper *db, harper_session **out, harper_error *error)
{
    harper_session *session = calloc(1, sizeof *session);

    *out = NULL;
    if (session == NULL)
        return give(error, ST_NO_MEMORY, NULL);
    session->owner = db;
    session->databases[0] =
        (struct session_database){.name = strdup("main"), .path = strdup(db->path), .db = db->db};
    session->database_count = 1;
    session->random_state =
        clock_monotonic_ns() * 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)session;
    session->limits[HARPER_LIMIT_TEXT_BYTES] = 1000000000;
    session->limits[HARPER_LIMIT_MEMORY_BYTES] = 256 << 20;
    session->error.offset = -1;
    session->host = (struct vm_host){
        .context = session, .control = host_control, .table_function = host_table_function};
    compile_init(session);
    db->session_count++;
    *out = session;
    return give(error, ST_OK, NULL);
}

static void database_close(struct session_database *database)
{
    if (database->open != NULL)
        txn_rollback(database->open);
    if (database->reading != NULL)
        txn_rollback(database->reading);
    if (database->is_owned)
        db_close(database->db);
    free(database->name);
    free(database->path);
    *database = (struct session_database){0};
}

void harper_session_close(harper_session *session)
{
    if (session == NULL)
        return;
    for (harper_statement *statement = session->statements; statement != NULL;
         statement = statement->next)
        harper_reset(statement);
    transaction_rollback(session);
    cache_clear(session);
    while (session->statements != NULL)
        statement_free(session->statements);
    for (unsigned k = session->database_count; k-- > 0;)
        database_close(&session->databases[k]);
    arena_deinit(&session->prepare);
    request_state_free(session->requests);
    session->owner->session_count--;
    free(session->user);
    free(session);
}

int session_set_user(harper_session *session, struct slice user)
{
    char *copy = user.len == 0 ? NULL : strndup(user.data, user.len);

    if (user.len > 0 && copy == NULL)
        return HARPER_NO_MEMORY;
    free(session->user);
    session->user = copy;
    return HARPER_OK;
}

void session_sign(const harper_session *session, struct txn *txn)
{
    if (session->user != NULL)
        txn_set_user(txn, slice_text(session->user));
}

const harper_error *harper_session_error(const harper_session *session)
{
    return &session->error;
}

void session_set_error(harper_session *session, const struct error *err)
{
    session->error.status = (int)err->status;
    session->error.offset = err->offset;
    memcpy(session->error.message, err->message, sizeof err->message);
}

int session_fail(harper_session *session, enum status status, const struct error *err)
{
    return give(&session->error, status, err);
}

void harper_interrupt(harper_session *session)
{
    session->interrupted = true;
}

bool harper_in_transaction(const harper_session *session)
{
    return session->in_transaction;
}

int64_t harper_changes(const harper_session *session)
{
    return session->changes;
}

int64_t harper_total_changes(const harper_session *session)
{
    return session->total_changes;
}

int64_t harper_last_rowid(const harper_session *session)
{
    return session->last_rowid;
}

int64_t harper_limit(harper_session *session, int limit, int64_t value)
{
    int64_t before;

    if (limit < 0 || limit >= HARPER_LIMIT_COUNT)
        return -1;
    before = session->limits[limit];
    if (value >= 0)
        session->limits[limit] = value;
    return before;
}

/* ---- databases ---- */

/* A statement reads through the session's open transaction, or through a snapshot of now. While
 * another statement of the session is reading, its snapshot is shared, so that both see the same.
 */
static enum status acquire_one(harper_session *session, struct session_database *database,
                               struct txn **out, struct error *err)
{
    if (session->in_transaction) {
        if (database->open == NULL)
            TRY(txn_begin(database->db, TXN_READ, &database->open, err));
        *out = database->open;
        return ST_OK;
    }
    if (database->reading == NULL)
        TRY(txn_begin(database->db, TXN_READ, &database->reading, err));
    else if (database->users == 0)
        TRY(txn_renew(database->reading));
    database->users++;
    *out = database->reading;
    return ST_OK;
}

enum status session_acquire(harper_session *session, struct databases *databases,
                            struct database_ref *refs, struct error *err)
{
    for (unsigned k = 0; k < session->database_count; k++) {
        struct session_database *database = &session->databases[k];
        enum status st;

        refs[k].name = slice_text(database->name);
        st = acquire_one(session, database, &refs[k].txn, err);
        if (st != ST_OK) {
            for (unsigned undo = 0; undo < k && !session->in_transaction; undo++)
                session->databases[undo].users--;
            return st;
        }
    }
    databases->count = session->database_count;
    databases->refs = refs;
    return ST_OK;
}

/* `was_open`: the session was in a transaction when it acquired. */
void session_release(harper_session *session, bool was_open)
{
    if (was_open)
        return;
    for (unsigned k = 0; k < session->database_count; k++) {
        struct session_database *database = &session->databases[k];

        if (database->users > 0 && --database->users == 0)
            txn_park(database->reading);
    }
}

enum status session_add_database(harper_session *session, struct slice name, const char *path,
                                 const char *backend, struct error *err)
{
    struct session_database *database;
    struct harper_options options = session->owner->options;

    for (unsigned k = 0; k < session->database_count; k++)
        if (slice_is_nocase(name, session->databases[k].name))
            return error_set(err, ST_INVALID, -1, "database %.*s is already in use", (int)name.len,
                             name.data);
    if (session->database_count == DATABASES_MAX)
        return error_set(err, ST_LIMIT, -1, "too many attached databases - max %d",
                         DATABASES_MAX - 2);
    database = &session->databases[session->database_count];
    *database = (struct session_database){
        .name = strndup(name.data, name.len), .path = strdup(path), .is_owned = true};
    options.backend = backend;
    options.must_exist = false;
    if (database->name == NULL || database->path == NULL ||
        open_database(path, database->name, &options, &database->db, err) != ST_OK) {
        enum status st = database->name == NULL || database->path == NULL ? ST_NO_MEMORY
                         : err == NULL                                    ? ST_IO
                                                                          : err->status;

        free(database->name);
        free(database->path);
        *database = (struct session_database){0};
        return st;
    }
    evaluator_attach(session->owner->evaluator, database->db);
    session->database_count++;
    return ST_OK;
}

enum status session_need_temp(harper_session *session, struct error *err)
{
    for (unsigned k = 0; k < session->database_count; k++)
        if (strcmp(session->databases[k].name, "temp") == 0)
            return ST_OK;
    return session_add_database(session, slice_text("temp"), ":memory:", "memory", err);
}

enum status session_remove_database(harper_session *session, struct slice name, struct error *err)
{
    for (unsigned k = 0; k < session->database_count; k++) {
        struct session_database *database = &session->databases[k];

        if (!slice_is_nocase(name, database->name))
            continue;
        if (k == 0 || strcmp(database->name, "temp") == 0)
            return error_set(err, ST_INVALID, -1, "cannot detach database %s", database->name);
        if (session->in_transaction)
            return error_set(err, ST_INVALID, -1, "cannot DETACH database within transaction");
        if (database->users > 0)
            return error_set(err, ST_BUSY, -1, "database %s is locked", database->name);
        cache_clear(session);
        database_close(database);
        memmove(database, database + 1, (session->database_count - k - 1) * sizeof *database);
        session->database_count--;
        return ST_OK;
    }
    return error_set(err, ST_NO_NAME, -1, "no such database: %.*s", (int)name.len, name.data);
}
