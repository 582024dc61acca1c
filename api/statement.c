/* Statements: prepare, bind, step, reset, finalize. */
#include "api/api_internal.h"
#include "storage/value/document.h"
#include "vdbe/ir/ir.h"
#include <stdlib.h>
#include <string.h>

static harper_statement *statement_new(harper_session *session, int language, const char *text,
                                       size_t bytes)
{
    harper_statement *statement = calloc(1, sizeof *statement);

    if (statement == NULL)
        return NULL;
    statement->session = session;
    statement->language = language;
    statement->hash = cache_hash(language, text, bytes);
    statement->text = malloc(bytes + 1);
    if (statement->text == NULL) {
        free(statement);
        return NULL;
    }
    memcpy(statement->text, text, bytes);
    statement->text[bytes] = '\0';
    statement->text_bytes = bytes;
    statement->next = session->statements;
    if (statement->next != NULL)
        statement->next->previous = statement;
    session->statements = statement;
    return statement;
}

static void free_names(char **names, size_t count)
{
    if (names == NULL)
        return;
    for (size_t k = 0; k < count; k++)
        free(names[k]);
    free(names);
}

static void drop_program(harper_statement *statement)
{
    free_names(statement->names, statement_column_count(statement));
    statement->names = NULL;
    if (statement->param_names != NULL)
        free_names(statement->param_names, program_info(statement->program)->param_count);
    statement->param_names = NULL;
    free(statement->explanation);
    statement->explanation = NULL;
    vm_free(statement->vm);
    if (statement->program != NULL)
        program_free(statement->program);
    canned_free(statement->canned);
    statement->vm = NULL;
    statement->program = NULL;
    statement->canned = NULL;
}

void statement_free(harper_statement *statement)
{
    harper_session *session = statement->session;

    if (statement->previous != NULL)
        statement->previous->next = statement->next;
    else
        session->statements = statement->next;
    if (statement->next != NULL)
        statement->next->previous = statement->previous;
    drop_program(statement);
    arena_deinit(&statement->bound);
    arena_deinit(&statement->texts);
    arena_deinit(&statement->kept);
    buf_free(&statement->text_out);
    free(statement->bindings);
    free(statement->text);
    free(statement);
}

static bool is_blank(const char *text, size_t bytes)
{
    for (size_t k = 0; k < bytes; k++)
        if (text[k] != ' ' && text[k] != '\t' && text[k] != '\n' && text[k] != '\r' &&
            text[k] != ';')
            return false;
    return true;
}

/* The key in a URL's path is a parameter too. */
static enum status bind_key(harper_statement *statement)
{
    if (statement->key_param == 0)
        return ST_OK;
    return vm_bind(statement->vm, statement->key_param, statement->key);
}

/* Literals that a front end lifted into parameters start with the values they were written with. */
static enum status bind_lifted(harper_statement *statement)
{
    const struct program_info *info = program_info(statement->program);

    for (size_t k = 0; k < info->slot_count; k++)
        if (info->slots[k].param != 0 && info->slots[k].is_known)
            TRY(vm_bind(statement->vm, info->slots[k].param, info->slots[k].value));
    return bind_key(statement);
}

static enum status bind_again(harper_statement *statement)
{
    TRY(bind_lifted(statement));
    for (size_t k = 0; k < statement->binding_count; k++)
        if (statement->bindings[k].kind != VALUE_ABSENT)
            TRY(vm_bind(statement->vm, (uint32_t)k + 1, statement->bindings[k]));
    return ST_OK;
}

int prepared_from_ir(harper_session *session, struct ir_create_table *create,
                     harper_statement **out, harper_error *error)
{
    struct error err = {.offset = -1};
    size_t used;
    bool is_empty;
    harper_statement *statement = statement_new(session, HARPER_GRAPHQL, "", 0);
    enum status st = ST_NO_MEMORY;

    *out = NULL;
    if (statement != NULL) {
        statement->create = create;
        st = statement_compile(statement, &used, &is_empty, &err);
        if (st == ST_OK)
            *out = statement;
        else
            statement_free(statement);
    }
    session_fail(session, st, &err);
    *error = session->error;
    return (int)st;
}

int harper_prepare(harper_session *session, int language, const char *text, int64_t bytes,
                   harper_statement **out, const char **tail, harper_error *error)
{
    size_t len = bytes < 0 ? strlen(text) : (size_t)bytes, used = 0;
    struct error err = {0};
    harper_statement *statement;
    bool is_empty = false;
    enum status st;

    *out = NULL;
    if (tail != NULL)
        *tail = text + len;
    statement = cache_take(session, language, text, len);
    if (statement != NULL) {
        *out = statement;
        if (error != NULL)
            *error = (harper_error){.offset = -1};
        return HARPER_OK;
    }
    if (len > (size_t)session->limits[HARPER_LIMIT_TEXT_BYTES]) {
        st = error_set(&err, ST_TOO_BIG, -1, "the statement has more than %lld bytes",
                       (long long)session->limits[HARPER_LIMIT_TEXT_BYTES]);
    } else {
        statement = statement_new(session, language, text, len);
        st =
            statement == NULL ? ST_NO_MEMORY : statement_compile(statement, &used, &is_empty, &err);
        if (st == ST_OK && !is_empty && statement->vm != NULL)
            st = bind_lifted(statement);
    }
    if (st != ST_OK || is_empty) {
        if (statement != NULL)
            statement_free(statement);
        session_fail(session, st, &err);
        if (error != NULL)
            *error = session->error;
        return (int)st;
    }
    if (tail != NULL)
        *tail = text + used;
    statement->is_cacheable =
        statement->program != NULL && !program_info(statement->program)->is_control &&
        !program_info(statement->program)->changes_schema && is_blank(text + used, len - used) &&
        statement->explain == IR_EXPLAIN_NO;
    if (!statement->is_cacheable && used < statement->text_bytes) {
        statement->text[used] = '\0'; /* the rest belongs to other statements */
        statement->text_bytes = used;
    }
    *out = statement;
    if (error != NULL)
        *error = (harper_error){.offset = -1};
    return HARPER_OK;
}

void harper_finalize(harper_statement *statement)
{
    if (statement == NULL)
        return;
    harper_reset(statement);
    harper_clear_bindings(statement);
    cache_give(statement);
}

int statement_row_form(const harper_statement *statement)
{
    return statement->row_form;
}

harper_session *harper_statement_session(const harper_statement *statement)
{
    return statement->session;
}

bool harper_is_read_only(const harper_statement *statement)
{
    return statement->program == NULL || (!program_info(statement->program)->writes &&
                                          !program_info(statement->program)->is_control);
}

bool harper_is_explain(const harper_statement *statement)
{
    return statement->explain != IR_EXPLAIN_NO;
}

/* ---- running ---- */

/* The transactions of this run: the open ones of the session, or a shared snapshot, with an own
 * write transaction for the database that is written. */
static enum status acquire(harper_statement *statement, struct error *err)
{
    harper_session *session = statement->session;
    const struct program_info *info = program_info(statement->program);

    if (info->writes && session->in_transaction)
        TRY(transaction_write(session, info->database, err));
    TRY(session_acquire(session, &statement->databases, statement->refs, err));
    statement->uses_open = session->in_transaction;
    if (info->writes && !session->in_transaction) {
        enum status st =
            txn_begin(session->databases[info->database].db, TXN_WRITE, &statement->writing, err);

        if (st != ST_OK) {
            session_release(session, false);
            return st;
        }
        statement->writing_database = info->database;
        statement->refs[info->database].txn = statement->writing;
        session_sign(session, statement->writing);
        txn_set_label(statement->writing, slice_of(statement->text, statement->text_bytes));
    }
    return ST_OK;
}

static void release(harper_statement *statement)
{
    if (statement->writing != NULL) {
        txn_rollback(statement->writing);
        statement->writing = NULL;
    }
    session_release(statement->session, statement->uses_open);
    statement->uses_open = false;
}

static enum status begin_machine(harper_statement *statement, struct error *err)
{
    harper_session *session = statement->session;
    struct vm_environment environment = {
        .databases = &statement->databases,
        .host = &session->host,
        .memory_bytes = (size_t)session->limits[HARPER_LIMIT_MEMORY_BYTES],
        .text_bytes_max = (uint32_t)session->limits[HARPER_LIMIT_TEXT_BYTES],
        .random_state = &session->random_state,
        .changes = session->changes,
        .total_changes = session->total_changes,
        .last_insert_rowid = session->last_rowid,
        .interrupted = &session->interrupted,
        .recursive_triggers = session->recursive_triggers,
        .like_is_case_sensitive = session->plan_options.like_is_case_sensitive,
        .count_instructions = statement->explain == IR_EXPLAIN_ANALYZE,
        .foreign_keys = session->foreign_keys,
        .deferred = statement->uses_open ? &session->deferred : NULL,
    };

    return vm_begin(statement->vm, &environment, err);
}

/* Again for the next key, in the same transaction. ST_DONE: that was the last. */
static enum status begin_next_key(harper_statement *statement, struct error *err)
{
    bool is_there;

    if (!statement->has_keys)
        return ST_DONE;
    if (statement->key_at == statement->key_count)
        return ST_DONE;
    statement->earlier_changes += vm_changes(statement->vm);
    vm_reset(statement->vm);
    TRY(operation_next_key(statement, &is_there));
    return begin_machine(statement, err);
}

/* A statement that takes its keys one by one begins with the first. */
static enum status begin_first_key(harper_statement *statement)
{
    bool is_there;

    if (!statement->has_keys)
        return ST_OK;
    statement->key_at = 0;
    statement->earlier_changes = 0;
    return operation_next_key(statement, &is_there);
}

static enum status recompile(harper_statement *statement, struct error *err)
{
    bool was_cacheable = statement->is_cacheable, is_empty;
    size_t used;

    drop_program(statement);
    statement->is_cacheable = false; /* while it has no program */
    TRY(statement_compile(statement, &used, &is_empty, err));
    statement->is_cacheable = was_cacheable;
    return statement->vm == NULL ? ST_OK : bind_again(statement);
}

/* A control statement (COMMIT, ATTACH …) changes the session's transactions itself: it runs without
 * one. */
static enum status begin(harper_statement *statement, struct error *err)
{
    harper_session *session = statement->session;

    if (session->running == 0)
        session->interrupted = false;
    if (statement->program == NULL) { /* the last attempt to compile it again failed */
        TRY(recompile(statement, err));
        if (statement->vm == NULL)
            return ST_OK;
    }
    for (int attempt = 0; attempt < 8; attempt++) {
        enum status st = ST_OK;

        if (program_info(statement->program)->is_control) {
            statement->databases = (struct databases){0};
        } else {
            TRY(acquire(statement, err));
        }
        st = begin_first_key(statement);
        if (st == ST_OK)
            st = begin_machine(statement, err);
        if (st == ST_OK) {
            statement->is_running = true;
            session->running++;
            return ST_OK;
        }
        if (!program_info(statement->program)->is_control)
            release(statement);
        if (st != ST_SCHEMA)
            return st;
        TRY(recompile(statement, err));
    }
    return error_set(err, ST_SCHEMA, -1, "the schema keeps changing");
}

static void end(harper_statement *statement)
{
    statement->is_running = false;
    statement->session->running--;
    if (!program_info(statement->program)->is_control)
        release(statement);
}

/* The run is complete: commit what it wrote, then tell the session. */
static enum status complete(harper_statement *statement, struct error *err)
{
    harper_session *session = statement->session;
    const struct program_info *info = program_info(statement->program);
    int64_t changes = vm_changes(statement->vm) + statement->earlier_changes, rowid;
    enum status st = ST_OK;

    if (statement->explain == IR_EXPLAIN_ANALYZE)
        st = explain_analyze_finish(statement, err);
    if (st == ST_OK && statement->writing != NULL) {
        struct txn *writing = statement->writing;

        statement->writing = NULL;
        st = txn_commit(writing, err);
    }
    if (st == ST_OK && info->writes && !info->changes_schema) {
        session->changes = changes;
        session->total_changes += changes + vm_nested_changes(statement->vm);
        if (vm_has_inserted(statement->vm, &rowid))
            session->last_rowid = rowid;
    }
    end(statement);
    return st;
}

static int fail(harper_statement *statement, enum status st, const struct error *err)
{
    harper_session *session = statement->session;
    bool was_running = statement->is_running;
    bool rolls_back = was_running && session->in_transaction && statement->uses_open &&
                      vm_failed_conflict(statement->vm) == IR_CONFLICT_ROLLBACK;

    if (was_running) {
        const bool keeps = vm_failed_conflict(statement->vm) == IR_CONFLICT_FAIL;
        struct txn *writing = statement->writing;
        struct error commit_error = {0};

        vm_reset(statement->vm);
        if (keeps && writing != NULL) { /* OR FAIL: what came before the failure stays */
            enum status committed;

            statement->writing = NULL;
            committed = txn_commit(writing, &commit_error);
            if (committed != ST_OK) { /* the weightier failure */
                end(statement);
                statement->is_done = true;
                return session_fail(session, committed, &commit_error);
            }
        }
        end(statement);
    }
    statement->is_done = true;
    if (rolls_back)
        transaction_rollback(session);
    return session_fail(session, st, err);
}

static int step_canned(harper_statement *statement)
{
    struct canned *canned = statement->canned;

    if (canned->at < canned->row_count) {
        canned->at++;
        return HARPER_ROW;
    }
    canned->at = canned->row_count + 1;
    return HARPER_DONE;
}

/* The next row of the machine, which may be that of a later key. */
static enum status step_machine(harper_statement *statement, struct error *err)
{
    bool has_no_keys = statement->has_keys && statement->key_count == 0;
    enum status st;

    do {
        st = has_no_keys ? ST_DONE : vm_step(statement->vm, err);
        if (st != ST_DONE)
            return st;
        st = begin_next_key(statement, err);
    } while (st == ST_OK);
    return st;
}

int harper_step(harper_statement *statement)
{
    struct error err = {.offset = -1};
    enum status st;

    if (statement->texts.used_bytes > 0)
        arena_reset(&statement->texts);
    if (statement->vm == NULL && statement->canned != NULL)
        return step_canned(statement);
    if (statement->canned != NULL && statement->is_done) /* EXPLAIN ANALYZE has run */
        return step_canned(statement);
    if (statement->is_done)
        return HARPER_DONE;
    if (!statement->is_running) {
        st = begin(statement, &err);
        if (st != ST_OK)
            return fail(statement, st, &err);
        if (statement->vm == NULL)
            return step_canned(statement);
    }
    do {
        st = step_machine(statement, &err);
    } while (st == ST_ROW && statement->explain == IR_EXPLAIN_ANALYZE);
    if (st == ST_ROW)
        return HARPER_ROW;
    if (st != ST_DONE)
        return fail(statement, st, &err);
    st = complete(statement, &err);
    statement->is_done = true;
    if (st != ST_OK)
        return session_fail(statement->session, st, &err);
    return statement->canned != NULL ? step_canned(statement) : HARPER_DONE;
}

int harper_reset(harper_statement *statement)
{
    if (statement->is_running && program_info(statement->program)->writes) {
        /* A write whose RETURNING rows were not all fetched is complete all the same, as in SQLite.
         */
        while (harper_step(statement) == HARPER_ROW)
            continue;
        vm_reset(statement->vm);
    } else if (statement->is_running) {
        vm_reset(statement->vm);
        end(statement);
    } else if (statement->vm != NULL) {
        vm_reset(statement->vm);
    }
    if (statement->canned != NULL) {
        statement->canned->at = 0;
        if (statement->explain == IR_EXPLAIN_ANALYZE) {
            canned_free(statement->canned);
            statement->canned = NULL;
        }
    }
    statement->is_done = false;
    return HARPER_OK;
}

/* ---- binding ---- */

static int bind_value(harper_statement *statement, int parameter, struct value v)
{
    struct error err = {0};
    enum status st = ST_OK;
    size_t index = (size_t)parameter;

    if (statement->is_running)
        return session_fail(statement->session, ST_MISUSE, NULL);
    if (statement->vm == NULL)
        return HARPER_OK; /* EXPLAIN: nothing will run */
    if (parameter < 1 || index > program_info(statement->program)->param_count)
        st = error_set(&err, ST_RANGE, -1, "there is no parameter %d; the statement has %d",
                       parameter, harper_parameter_count(statement));
    if (st == ST_OK && index > statement->binding_count) {
        struct value *more = realloc(statement->bindings, index * sizeof *more);

        if (more == NULL)
            return session_fail(statement->session, ST_NO_MEMORY, NULL);
        for (size_t k = statement->binding_count; k < index; k++)
            more[k] = value_absent();
        statement->bindings = more;
        statement->binding_count = index;
    }
    if (st == ST_OK)
        st = vm_bind(statement->vm, (uint32_t)parameter, v);
    if (st != ST_OK)
        return session_fail(statement->session, st, &err);
    statement->bindings[index - 1] = v;
    return HARPER_OK;
}

/* Bound bytes are copied. The arena is emptied when a run begins with new bindings, so that a loop
 * of bind and step does not grow: the first bind after a run starts over when everything bound is
 * bound again. */
static int bind_bytes(harper_statement *statement, int parameter, struct value v)
{
    struct slice copy;

    if (v.len > 0 && statement->bound.used_bytes > (1u << 20)) {
        /* Rarely: move what is bound into a fresh arena, dropping values that were bound over. */
        struct arena fresh = {0};

        for (size_t k = 0; k < statement->binding_count; k++) {
            struct value *old = &statement->bindings[k];

            if (value_has_bytes(*old) && (int)k + 1 != parameter) {
                old->as.data = arena_copy(&fresh, value_slice(*old)).data;
                if (statement->vm != NULL && old->as.data != NULL)
                    vm_bind(statement->vm, (uint32_t)k + 1, *old);
            }
        }
        arena_deinit(&statement->bound);
        statement->bound = fresh;
    }
    copy = arena_copy(&statement->bound, value_slice(v));
    if (copy.data == NULL)
        return session_fail(statement->session, ST_NO_MEMORY, NULL);
    v.as.data = copy.data;
    return bind_value(statement, parameter, v);
}

int statement_bind_value(harper_statement *statement, int parameter, struct value v)
{
    return bind_value(statement, parameter, v);
}

int harper_bind_null(harper_statement *statement, int parameter)
{
    return bind_value(statement, parameter, value_null());
}

int harper_bind_bool(harper_statement *statement, int parameter, bool value)
{
    return bind_value(statement, parameter, value_bool(value));
}

int harper_bind_int(harper_statement *statement, int parameter, int64_t value)
{
    return bind_value(statement, parameter, value_int(value));
}

int harper_bind_double(harper_statement *statement, int parameter, double value)
{
    return bind_value(statement, parameter, value_real(value));
}

int harper_bind_date(harper_statement *statement, int parameter, int64_t ms)
{
    return bind_value(statement, parameter, value_date(ms));
}

static int bind_sized(harper_statement *statement, int parameter, const void *data, size_t bytes,
                      bool is_text)
{
    if (data == NULL)
        return harper_bind_null(statement, parameter);
    if (bytes > (size_t)statement->session->limits[HARPER_LIMIT_TEXT_BYTES])
        return session_fail(statement->session, ST_TOO_BIG, NULL);
    return bind_bytes(statement, parameter,
                      is_text ? value_text(slice_of(data, bytes))
                              : value_bytes(slice_of(data, bytes)));
}

int harper_bind_text(harper_statement *statement, int parameter, const char *text, int64_t bytes)
{
    return bind_sized(statement, parameter, text,
                      text == NULL ? 0
                      : bytes < 0  ? strlen(text)
                                   : (size_t)bytes,
                      true);
}

int harper_bind_bytes(harper_statement *statement, int parameter, const void *data, size_t bytes)
{
    return bind_sized(statement, parameter, data, bytes, false);
}

int harper_bind_json(harper_statement *statement, int parameter, const char *json, int64_t bytes)
{
    struct error err = {0};
    struct value v;
    struct slice text =
        arena_copy(&statement->bound, slice_of(json, bytes < 0 ? strlen(json) : (size_t)bytes));
    enum status st =
        text.data == NULL ? ST_NO_MEMORY : json_read(text, &statement->bound, &v, &err);

    if (st != ST_OK)
        return session_fail(statement->session, st, &err);
    return bind_value(statement, parameter, v);
}

int harper_clear_bindings(harper_statement *statement)
{
    if (statement->binding_count > 0) {
        if (statement->vm != NULL) {
            vm_bind_clear(statement->vm);
            bind_lifted(statement);
        }
        for (size_t k = 0; k < statement->binding_count; k++)
            statement->bindings[k] = value_absent();
        arena_reset(&statement->bound);
    }
    return HARPER_OK;
}

int harper_parameter_count(const harper_statement *statement)
{
    return statement->program == NULL ? 0 : (int)program_info(statement->program)->param_count;
}

const char *harper_parameter_name(const harper_statement *statement, int parameter)
{
    harper_statement *self =
        (harper_statement *)(uintptr_t)statement; /* names are made at the first question */
    const struct program_info *info;
    struct slice name;

    if (statement->program == NULL)
        return NULL;
    info = program_info(statement->program);
    if (parameter < 1 || (size_t)parameter > info->param_count || info->param_names == NULL)
        return NULL;
    name = info->param_names[parameter - 1];
    if (name.len == 0)
        return NULL;
    if (self->param_names == NULL)
        self->param_names = calloc(info->param_count, sizeof *self->param_names);
    if (self->param_names == NULL)
        return NULL;
    if (self->param_names[parameter - 1] == NULL)
        self->param_names[parameter - 1] = strndup(name.data, name.len);
    return self->param_names[parameter - 1];
}

int harper_parameter_index(const harper_statement *statement, const char *name)
{
    const struct program_info *info =
        statement->program == NULL ? NULL : program_info(statement->program);

    for (size_t k = 0; info != NULL && info->param_names != NULL && k < info->param_count; k++)
        if (slice_is(info->param_names[k], name))
            return (int)k + 1;
    return 0;
}

/* ---- running whole texts ---- */

int harper_execute(harper_session *session, const char *sql, harper_row_fn row, void *context,
                   harper_error *error)
{
    const char *at = sql;

    while (*at != '\0') {
        harper_statement *statement = NULL;
        const char *tail = NULL;
        int st = harper_prepare(session, HARPER_SQL, at, -1, &statement, &tail, error);

        if (st != HARPER_OK) {
            if (error != NULL && error->offset >= 0)
                error->offset += at - sql;
            return st;
        }
        if (statement == NULL)
            break;
        while ((st = harper_step(statement)) == HARPER_ROW) {
            if (row != NULL && !row(context, statement)) {
                st = HARPER_DONE;
                break;
            }
        }
        if (st != HARPER_DONE) {
            if (error != NULL) {
                *error = session->error;
                if (error->offset >= 0)
                    error->offset += at - sql;
            }
            harper_finalize(statement);
            return st;
        }
        harper_finalize(statement);
        at = tail;
    }
    if (error != NULL)
        *error = (harper_error){.offset = -1};
    return HARPER_OK;
}
