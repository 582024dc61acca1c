/* Statements that are no matter of rows: transactions, ATTACH, maintenance, pragmas. The machine
 * hands them over. */
#include "api/api_internal.h"
#include "vdbe/ir/ir.h"
#include <string.h>

static enum status control_transaction(harper_session *session,
                                       const struct ir_transaction *transaction, struct error *err)
{
    struct slice name = transaction->savepoint.text;

    switch ((enum ir_transaction_kind)transaction->kind) {
    case IR_BEGIN_DEFERRED:
        return transaction_begin(session, false, err);
    case IR_BEGIN_IMMEDIATE:
    case IR_BEGIN_EXCLUSIVE:
        return transaction_begin(session, true, err);
    case IR_COMMIT:
        return transaction_commit(session, err);
    case IR_ROLLBACK:
        if (!session->in_transaction)
            return error_set(err, ST_INVALID, -1, "cannot rollback - no transaction is active");
        transaction_rollback(session);
        return ST_OK;
    case IR_SAVEPOINT:
        return savepoint_set(session, name, err);
    case IR_RELEASE:
        return savepoint_release(session, name, err);
    case IR_ROLLBACK_TO:
        return savepoint_rollback(session, name, err);
    }
    return ST_INTERNAL;
}

static enum status control_attach(harper_session *session, const struct ir_attach *attach,
                                  unsigned count, const struct value *args, struct error *err)
{
    char path[4096];

    if (attach->is_detach)
        return session_remove_database(session, value_slice(args[0]), err);
    if (count < 2 || args[0].kind != VALUE_TEXT || args[1].kind != VALUE_TEXT)
        return error_set(err, ST_TYPE, -1, "ATTACH takes a path and a name");
    if (session->in_transaction)
        return error_set(err, ST_INVALID, -1, "cannot ATTACH database within transaction");
    if (args[0].len >= sizeof path)
        return error_set(err, ST_LIMIT, -1, "the path is too long");
    memcpy(path, args[0].as.data, args[0].len);
    path[args[0].len] = '\0';
    cache_clear(session);
    return session_add_database(session, value_slice(args[1]), args[0].len == 0 ? ":memory:" : path,
                                NULL, err);
}

/* Indexes are kept in step with rows in one place and checked by PRAGMA integrity_check; what is
 * left of REINDEX is to know the table, index or collation that it names. */
static enum status control_reindex(harper_session *session, struct slice name, struct error *err)
{
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    bool is_known = name.len == 0 || slice_is_nocase(name, "binary") ||
                    slice_is_nocase(name, "nocase") || slice_is_nocase(name, "rtrim");

    TRY(session_acquire(session, &databases, refs, err));
    for (unsigned d = 0; !is_known && d < databases.count; d++) {
        const struct catalog *catalog = txn_catalog(refs[d].txn);

        is_known = catalog_table(catalog, name) != NULL || catalog_index(catalog, name) != NULL;
    }
    session_release(session, session->in_transaction);
    if (!is_known)
        return error_set(err, ST_NO_NAME, -1, "unable to identify the object to be reindexed");
    return ST_OK;
}

static enum status control_maintain(harper_session *session, const struct ir_maintain *maintain,
                                    unsigned count, const struct value *args, struct error *err)
{
    char path[4096];

    switch ((enum ir_maintain_kind)maintain->kind) {
    case IR_ANALYZE: /* statistics are always on */
        return ST_OK;
    case IR_REINDEX:
        return control_reindex(session, maintain->name.text, err);
    case IR_VACUUM:
        if (session->in_transaction)
            return error_set(err, ST_INVALID, -1, "cannot VACUUM from within a transaction");
        if (count == 0)
            return db_compact(session->databases[0].db, err);
        if (args[0].kind != VALUE_TEXT || args[0].len >= sizeof path)
            return error_set(err, ST_TYPE, -1, "VACUUM INTO takes a path");
        memcpy(path, args[0].as.data, args[0].len);
        path[args[0].len] = '\0';
        return db_backup(session->databases[0].db, path, err);
    }
    return ST_INTERNAL;
}

/* ---- pragmas ---- */

static enum status emit_text(struct vm *vm, const char *column, const char *text)
{
    const struct slice name = slice_text(column);
    const struct value v = value_text(slice_text(text));

    TRY(vm_describe(vm, 1, &name));
    return vm_emit(vm, 1, &v);
}

static enum status emit_int(struct vm *vm, const char *column, int64_t i)
{
    const struct slice name = slice_text(column);
    const struct value v = value_int(i);

    TRY(vm_describe(vm, 1, &name));
    return vm_emit(vm, 1, &v);
}

static bool truth_of(struct value v)
{
    struct slice text = value_slice(v);

    if (v.kind == VALUE_TEXT)
        return slice_is_nocase(text, "on") || slice_is_nocase(text, "yes") ||
               slice_is_nocase(text, "true") || slice_is(text, "1");
    return value_truth(v) == 1;
}

static enum status pragma_flag(struct vm *vm, const char *name, bool *flag, unsigned count,
                               const struct value *args)
{
    if (count == 0)
        return emit_int(vm, name, *flag);
    *flag = truth_of(args[0]);
    return ST_OK;
}

/* Inside a transaction it says nothing, as in SQLite. */
static enum status pragma_foreign_keys(harper_session *session, struct vm *vm, unsigned count,
                                       const struct value *args)
{
    if (count != 0 && session->in_transaction)
        return ST_OK;
    TRY(pragma_flag(vm, "foreign_keys", &session->foreign_keys, count, args));
    session->plan_options.foreign_keys = session->foreign_keys;
    if (count != 0)
        cache_clear(session);
    return ST_OK;
}

static enum status pragma_synchronous(harper_session *session, struct vm *vm, unsigned count,
                                      const struct value *args, struct error *err)
{
    static const char *const words[] = {"off", "normal", "full", "extra"};
    struct db *db = session->databases[0].db;
    int64_t level = -1;

    if (count == 0) {
        enum durability now = db_durability(db);

        return emit_int(vm, "synchronous",
                        now == DURABILITY_FULL     ? 2
                        : now == DURABILITY_NORMAL ? 1
                                                   : 0);
    }
    for (size_t k = 0; k < COUNT_OF(words); k++)
        if (args[0].kind == VALUE_TEXT && slice_is_nocase(value_slice(args[0]), words[k]))
            level = (int64_t)k;
    if (args[0].kind == VALUE_INT)
        level = args[0].as.i;
    if (level < 0 || level > 3)
        return error_set(err, ST_INVALID, -1, "synchronous is off, normal or full");
    db_set_durability(db, level == 0   ? DURABILITY_OFF
                          : level == 1 ? DURABILITY_NORMAL
                                       : DURABILITY_FULL);
    return ST_OK;
}

struct problems {
    struct vm *vm;
    enum status status;
    uint64_t emitted;
};

static void emit_problem(void *context, const char *message)
{
    struct problems *problems = context;
    const struct value v = value_text(slice_text(message));

    if (problems->status == ST_OK && problems->emitted++ < 100)
        problems->status = vm_emit(problems->vm, 1, &v);
}

static enum status pragma_check(harper_session *session, struct vm *vm, const char *name,
                                struct error *err)
{
    struct problems problems = {.vm = vm};
    const struct slice column = slice_text(name);
    const struct value ok = value_text(slice_text("ok"));
    uint64_t count = 0;

    TRY(vm_describe(vm, 1, &column));
    TRY(db_check(session->databases[0].db, emit_problem, &problems, &count, err));
    TRY(problems.status);
    return count == 0 ? vm_emit(vm, 1, &ok) : ST_OK;
}

/* Pragmas that show the catalog are tables too: PRAGMA x(arg) is SELECT * FROM pragma_x(arg). */
static const char *const shown_as_tables[] = {
    "table_info",  "table_xinfo",      "table_list",    "index_list",     "index_info",
    "index_xinfo", "foreign_key_list", "database_list", "collation_list", "function_list"};

static const char *const table_columns[][8] = {
    {"cid", "name", "type", "notnull", "dflt_value", "pk"},
    {"cid", "name", "type", "notnull", "dflt_value", "pk", "hidden"},
    {"schema", "name", "type", "ncol", "wr", "strict"},
    {"seq", "name", "unique", "origin", "partial"},
    {"seqno", "cid", "name"},
    {"seqno", "cid", "name", "desc", "coll", "key"},
    {"id", "seq", "table", "from", "to", "on_update", "on_delete", "match"},
    {"seq", "name", "file"},
    {"seq", "name"},
    {"name", "builtin", "type", "enc", "narg", "flags"},
};

static enum status pragma_table(harper_session *session, struct vm *vm, size_t which,
                                unsigned count, const struct value *args, struct error *err)
{
    char name[64] = "pragma_";
    struct slice columns[8];
    unsigned column_count = 0;

    while (column_count < 8 && table_columns[which][column_count] != NULL) {
        columns[column_count] = slice_text(table_columns[which][column_count]);
        column_count++;
    }
    strncat(name, shown_as_tables[which], sizeof name - 8);
    TRY(vm_describe(vm, column_count, columns));
    return host_table_function(session, vm, slice_text(name), count, args, err);
}

static enum status control_pragma(harper_session *session, struct vm *vm,
                                  const struct ir_pragma *pragma, unsigned count,
                                  const struct value *args, struct error *err)
{
    struct slice name = pragma->name.text;
    struct db *db = session->databases[0].db;

    for (size_t k = 0; k < COUNT_OF(shown_as_tables); k++)
        if (slice_is_nocase(name, shown_as_tables[k]))
            return pragma_table(session, vm, k, count, args, err);
    if (slice_is_nocase(name, "foreign_keys"))
        return pragma_foreign_keys(session, vm, count, args);
    if (slice_is_nocase(name, "foreign_key_check"))
        return foreign_key_check(session, vm, count == 0 ? slice_empty() : value_slice(args[0]),
                                 err);
    if (slice_is_nocase(name, "recursive_triggers")) {
        TRY(pragma_flag(vm, "recursive_triggers", &session->recursive_triggers, count, args));
        session->plan_options.recursive_triggers = session->recursive_triggers;
        cache_clear(session);
        return ST_OK;
    }
    if (slice_is_nocase(name, "case_sensitive_like")) {
        cache_clear(session);
        return pragma_flag(vm, "case_sensitive_like", &session->plan_options.like_is_case_sensitive,
                           count, args);
    }
    if (slice_is_nocase(name, "synchronous"))
        return pragma_synchronous(session, vm, count, args, err);
    if (slice_is_nocase(name, "journal_mode"))
        return emit_text(vm, "journal_mode",
                         strcmp(db_backend(db), "memory") == 0 ? "memory" : "wal");
    if (slice_is_nocase(name, "encoding"))
        return count == 0 ? emit_text(vm, "encoding", "UTF-8") : ST_OK;
    if (slice_is_nocase(name, "busy_timeout")) {
        if (count == 0)
            return emit_int(vm, "timeout", (int64_t)session->owner->options.busy_timeout_ms);
        session->owner->options.busy_timeout_ms = (uint32_t)value_to_int(args[0]);
        db_set_busy_timeout(db, session->owner->options.busy_timeout_ms);
        return emit_int(vm, "timeout", value_to_int(args[0]));
    }
    if (slice_is_nocase(name, "integrity_check") || slice_is_nocase(name, "quick_check"))
        return pragma_check(
            session, vm, slice_is_nocase(name, "quick_check") ? "quick_check" : "integrity_check",
            err);
    if (slice_is_nocase(name, "schema_version"))
        return emit_int(vm, "schema_version", (int64_t)db_catalog_version(db));
    /* As in SQLite, an unknown pragma does nothing: programs written for other engines go on. */
    return ST_OK;
}

enum status host_control(void *context, struct vm *vm, const void *statement, unsigned count,
                         const struct value *args, struct error *err)
{
    harper_session *session = context;
    const struct ir_statement *ir = statement;

    switch ((enum ir_statement_kind)ir->kind) {
    case IR_TRANSACTION:
        return control_transaction(session, ir->as.transaction, err);
    case IR_PRAGMA:
        return control_pragma(session, vm, ir->as.pragma, count, args, err);
    case IR_MAINTAIN:
        return control_maintain(session, ir->as.maintain, count, args, err);
    case IR_ATTACH:
        return control_attach(session, ir->as.attach, count, args, err);
    default:
        return error_set(err, ST_INTERNAL, -1, "not a control statement");
    }
}
