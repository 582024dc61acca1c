/*
 * Statements as text: EXPLAIN IR. A line says what is done to what, the lines below it how.
 */
#include "vdbe/ir/print_internal.h"

void print_qualified(struct printer *p, struct ir_name database, struct ir_name name)
{
    if (database.text.len > 0) {
        print_name(p, database.text);
        buf_append_text(p->out, ".");
    }
    print_name(p, name.text);
}

/* ---- writes ---- */

static void print_sets(struct printer *p, const struct ir_set *sets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_text(p->out, i == 0 ? "SET " : ", ");
        if (sets[i].count == 1)
            print_name(p, sets[i].columns[0].text);
        else
            print_names(p, sets[i].columns, sets[i].count);
        buf_append_text(p->out, sets[i].is_add ? " += " : " = ");
        print_expr(p, sets[i].value);
    }
}

static void print_returning(struct printer *p, const struct ir_output *outputs, size_t count)
{
    if (count == 0)
        return;
    print_line(p);
    buf_append_text(p->out, "RETURNING ");
    print_outputs(p, outputs, count);
}

static void print_verb(struct printer *p, const char *verb, uint8_t conflict,
                       const struct ir_source *target)
{
    print_line(p);
    buf_append_text(p->out, verb);
    if (conflict != IR_CONFLICT_NONE)
        buf_printf(p->out, "OR %s ", print_conflict_words[conflict]);
    print_source(p, target);
    p->indent++;
}

static void print_upsert(struct printer *p, const struct ir_upsert *upsert)
{
    print_line(p);
    buf_append_text(p->out, "ON CONFLICT");
    if (upsert->target_count > 0) {
        buf_append_text(p->out, " (");
        print_orders(p, upsert->target, upsert->target_count);
        buf_append_text(p->out, ")");
    }
    if (upsert->target_where != NULL) {
        buf_append_text(p->out, " WHERE ");
        print_expr(p, upsert->target_where);
    }
    if (upsert->do_nothing) {
        buf_append_text(p->out, " DO NOTHING");
        return;
    }
    buf_append_text(p->out, " DO UPDATE ");
    print_sets(p, upsert->sets, upsert->set_count);
    if (upsert->where != NULL) {
        buf_append_text(p->out, " WHERE ");
        print_expr(p, upsert->where);
    }
}

static void print_insert(struct printer *p, const struct ir_insert *insert)
{
    print_verb(p, "INSERT ", insert->conflict, insert->target);
    if (insert->column_count > 0) {
        print_line(p);
        buf_append_text(p->out, "COLUMNS ");
        print_names(p, insert->columns, insert->column_count);
    }
    if (insert->query != NULL) {
        print_query(p, insert->query);
    } else {
        print_line(p);
        buf_append_text(p->out, "DEFAULT VALUES");
    }
    for (size_t i = 0; i < insert->upsert_count; i++)
        print_upsert(p, &insert->upserts[i]);
    print_returning(p, insert->returning, insert->returning_count);
}

static void print_update(struct printer *p, const struct ir_update *update)
{
    print_verb(p, "UPDATE ", update->conflict, update->target);
    print_line(p);
    print_sets(p, update->sets, update->set_count);
    print_sources(p, update->from, update->from_count);
    print_clause(p, "WHERE ", update->where);
    print_order_limit(p, update->order, update->order_count, update->limit, update->offset);
    print_returning(p, update->returning, update->returning_count);
}

static void print_delete(struct printer *p, const struct ir_delete *remove)
{
    print_verb(p, "DELETE ", IR_CONFLICT_NONE, remove->target);
    print_clause(p, "WHERE ", remove->where);
    print_order_limit(p, remove->order, remove->order_count, remove->limit, remove->offset);
    print_returning(p, remove->returning, remove->returning_count);
}

static void print_documents(struct printer *p, const struct ir_write_documents *write)
{
    static const char *const verbs[] = {[IR_DOCUMENT_INSERT] = "INSERT DOCUMENTS ",
                                        [IR_DOCUMENT_PUT] = "PUT DOCUMENTS ",
                                        [IR_DOCUMENT_PATCH] = "PATCH DOCUMENTS ",
                                        [IR_DOCUMENT_UPDATE] = "UPDATE DOCUMENTS "};

    print_verb(p, verbs[write->mode], IR_CONFLICT_NONE, write->target);
    if (write->skip_existing) {
        print_line(p);
        buf_append_text(p->out, "SKIP EXISTING");
    }
    print_clause(p, "KEY ", write->key);
    print_clause(p, "FROM ", write->documents);
    print_returning(p, write->returning, write->returning_count);
}

/* ---- control ---- */

static void print_transaction(struct printer *p, const struct ir_transaction *transaction)
{
    static const char *const words[] = {[IR_BEGIN_DEFERRED] = "BEGIN DEFERRED",
                                        [IR_BEGIN_IMMEDIATE] = "BEGIN IMMEDIATE",
                                        [IR_BEGIN_EXCLUSIVE] = "BEGIN EXCLUSIVE",
                                        [IR_COMMIT] = "COMMIT",
                                        [IR_ROLLBACK] = "ROLLBACK",
                                        [IR_SAVEPOINT] = "SAVEPOINT ",
                                        [IR_RELEASE] = "RELEASE ",
                                        [IR_ROLLBACK_TO] = "ROLLBACK TO "};

    buf_append_text(p->out, words[transaction->kind]);
    if (transaction->savepoint.text.len > 0)
        print_name(p, transaction->savepoint.text);
}

static void print_pragma(struct printer *p, const struct ir_pragma *pragma)
{
    buf_append_text(p->out, "PRAGMA ");
    print_qualified(p, pragma->database, pragma->name);
    if (pragma->value != NULL) {
        buf_append_text(p->out, pragma->is_call ? "(" : " = ");
        print_expr(p, pragma->value);
        buf_append_text(p->out, pragma->is_call ? ")" : "");
    }
}

static void print_maintain(struct printer *p, const struct ir_maintain *maintain)
{
    static const char *const words[] = {
        [IR_ANALYZE] = "ANALYZE", [IR_REINDEX] = "REINDEX", [IR_VACUUM] = "VACUUM"};

    buf_append_text(p->out, words[maintain->kind]);
    if (maintain->name.text.len > 0) {
        buf_append_text(p->out, " ");
        print_qualified(p, maintain->database, maintain->name);
    }
    if (maintain->into != NULL) {
        buf_append_text(p->out, " INTO ");
        print_expr(p, maintain->into);
    }
}

static void print_attach(struct printer *p, const struct ir_attach *attach)
{
    buf_append_text(p->out, attach->is_detach ? "DETACH " : "ATTACH ");
    if (!attach->is_detach) {
        print_expr(p, attach->path);
        buf_append_text(p->out, " AS ");
    }
    print_expr(p, attach->name);
}

void print_statement(struct printer *p, const struct ir_statement *statement)
{
    print_ctes(p, statement->ctes, statement->cte_count, statement->ctes_are_recursive);
    if (statement->kind >= IR_DROP)
        print_line(p);
    switch ((enum ir_statement_kind)statement->kind) {
    case IR_QUERY:
        print_query(p, statement->as.query);
        break;
    case IR_INSERT:
        print_insert(p, statement->as.insert);
        break;
    case IR_UPDATE:
        print_update(p, statement->as.update);
        break;
    case IR_DELETE:
        print_delete(p, statement->as.remove);
        break;
    case IR_WRITE_DOCUMENTS:
        print_documents(p, statement->as.documents);
        break;
    case IR_CREATE_TABLE:
        print_create_table(p, statement->as.create_table);
        break;
    case IR_CREATE_INDEX:
        print_create_index(p, statement->as.create_index);
        break;
    case IR_CREATE_VIEW:
        print_create_view(p, statement->as.create_view);
        break;
    case IR_CREATE_TRIGGER:
        print_create_trigger(p, statement->as.create_trigger);
        break;
    case IR_DROP:
        print_drop(p, statement->as.drop);
        break;
    case IR_ALTER:
        print_alter(p, statement->as.alter);
        break;
    case IR_TRANSACTION:
        print_transaction(p, statement->as.transaction);
        break;
    case IR_PRAGMA:
        print_pragma(p, statement->as.pragma);
        break;
    case IR_MAINTAIN:
        print_maintain(p, statement->as.maintain);
        break;
    case IR_ATTACH:
        print_attach(p, statement->as.attach);
        break;
    case IR_STATEMENT_KIND_COUNT:
        break;
    }
}

void ir_print(struct buf *out, const struct ir_statement *statement)
{
    struct printer p = {out, 0, false};

    print_statement(&p, statement);
    buf_append_text(out, "\n");
}
