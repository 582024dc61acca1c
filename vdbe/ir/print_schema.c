/*
 * Schema changes as text: a column or constraint a line.
 */
#include "vdbe/ir/print_internal.h"

const char *const print_conflict_words[] = {
    [IR_CONFLICT_NONE] = "",         [IR_CONFLICT_ROLLBACK] = "ROLLBACK",
    [IR_CONFLICT_ABORT] = "ABORT",   [IR_CONFLICT_FAIL] = "FAIL",
    [IR_CONFLICT_IGNORE] = "IGNORE", [IR_CONFLICT_REPLACE] = "REPLACE"};

static void print_flag(struct printer *p, bool is_set, const char *text)
{
    if (is_set)
        buf_append_text(p->out, text);
}

static void print_on_conflict(struct printer *p, uint8_t conflict)
{
    if (conflict != IR_CONFLICT_NONE)
        buf_printf(p->out, " ON CONFLICT %s", print_conflict_words[conflict]);
}

static void print_slice(struct printer *p, const char *before, struct slice text, const char *after)
{
    if (text.len == 0)
        return;
    buf_append_text(p->out, before);
    buf_append_slice(p->out, text);
    buf_append_text(p->out, after);
}

/* ---- columns ---- */

static void print_keys(struct printer *p, const struct ir_column_def *column)
{
    if (column->is_primary_key) {
        buf_append_text(p->out, " PRIMARY KEY");
        print_flag(p, column->is_descending_key, " DESC");
        print_on_conflict(p, column->key_conflict);
        print_flag(p, column->is_autoincrement, " AUTOINCREMENT");
    }
    if (column->is_unique) {
        buf_append_text(p->out, " UNIQUE");
        print_on_conflict(p, column->unique_conflict);
    }
    if (column->is_not_null) {
        buf_append_text(p->out, " NOT NULL");
        print_on_conflict(p, column->not_null_conflict);
    }
}

/* What only the schema language can say of a column. */
static void print_directives(struct printer *p, const struct ir_column_def *column)
{
    print_flag(p, column->is_list, " LIST");
    print_flag(p, column->is_element_not_null, " OF NOT NULL");
    print_flag(p, column->is_indexed, " INDEXED");
    print_flag(p, column->is_created_time, " CREATED TIME");
    print_flag(p, column->is_updated_time, " UPDATED TIME");
    print_flag(p, column->is_expires_at, " EXPIRES AT");
    print_flag(p, column->is_hidden, " HIDDEN");
    print_slice(p, " RELATION FROM ", column->relation_from, "");
    print_slice(p, " RELATION TO ", column->relation_to, "");
    print_slice(p, " DESCRIPTION \"", column->description, "\"");
}

static void print_column_def(struct printer *p, const struct ir_column_def *column)
{
    print_name(p, column->name.text);
    print_slice(p, " ", column->type, "");
    print_keys(p, column);
    print_slice(p, " COLLATE ", column->collation.text, "");
    if (column->default_expr != NULL) {
        buf_append_text(p->out, " DEFAULT (");
        print_expr(p, column->default_expr);
        buf_append_text(p->out, ")");
    }
    if (column->generated != IR_GENERATED_NO) {
        buf_append_text(p->out, " AS (");
        print_expr(p, column->generated_expr);
        buf_append_text(p->out, column->generated == IR_GENERATED_STORED ? ") STORED" : ")");
    }
    print_directives(p, column);
}

/* ---- constraints ---- */

static void print_foreign_key(struct printer *p, const struct ir_foreign_key *key)
{
    static const char *const actions[] = {"", "RESTRICT", "SET NULL", "SET DEFAULT", "CASCADE"};

    buf_append_text(p->out, "FOREIGN KEY ");
    print_names(p, key->columns, key->count);
    buf_append_text(p->out, " REFERENCES ");
    print_name(p, key->parent.text);
    if (key->parent_count > 0) {
        buf_append_text(p->out, " ");
        print_names(p, key->parent_columns, key->parent_count);
    }
    if (key->on_delete != 0)
        buf_printf(p->out, " ON DELETE %s", actions[key->on_delete]);
    if (key->on_update != 0)
        buf_printf(p->out, " ON UPDATE %s", actions[key->on_update]);
    print_flag(p, key->is_deferred, " DEFERRED");
}

static void print_constraint(struct printer *p, const struct ir_constraint *constraint)
{
    if (constraint->name.text.len > 0) {
        buf_append_text(p->out, "CONSTRAINT ");
        print_name(p, constraint->name.text);
        buf_append_text(p->out, " ");
    }
    switch ((enum ir_constraint_kind)constraint->kind) {
    case IR_CONSTRAINT_PRIMARY_KEY:
    case IR_CONSTRAINT_UNIQUE:
        buf_append_text(p->out,
                        constraint->kind == IR_CONSTRAINT_UNIQUE ? "UNIQUE (" : "PRIMARY KEY (");
        print_orders(p, constraint->columns, constraint->count);
        buf_append_text(p->out, ")");
        print_flag(p, constraint->is_autoincrement, " AUTOINCREMENT");
        print_on_conflict(p, constraint->conflict);
        break;
    case IR_CONSTRAINT_CHECK:
        buf_append_text(p->out, "CHECK (");
        print_expr(p, constraint->check);
        buf_append_text(p->out, ")");
        break;
    case IR_CONSTRAINT_FOREIGN_KEY:
        print_foreign_key(p, &constraint->foreign_key);
        break;
    }
}

/* ---- statements ---- */

static void print_create(struct printer *p, const char *what, bool is_temporary, bool if_not_exists,
                         struct ir_name database, struct ir_name name)
{
    print_line(p);
    buf_append_text(p->out, "CREATE ");
    print_flag(p, is_temporary, "TEMPORARY ");
    buf_append_text(p->out, what);
    print_flag(p, if_not_exists, "IF NOT EXISTS ");
    print_qualified(p, database, name);
}

static void print_table_flags(struct printer *p, const struct ir_create_table *table)
{
    print_flag(p, table->is_dynamic, " DYNAMIC");
    print_flag(p, table->is_without_rowid, " WITHOUT ROWID");
    print_flag(p, table->is_strict, " STRICT");
    print_flag(p, table->is_sealed, " SEALED");
    print_flag(p, table->is_exported, " EXPORTED");
    print_slice(p, " AS \"", table->export_path, "\"");
    print_flag(p, table->is_hidden, " HIDDEN");
    print_flag(p, table->is_audited, " AUDITED");
    if (table->expiration_s > 0)
        buf_printf(p->out, " EXPIRATION %.15g", table->expiration_s);
    if (table->eviction_s > 0)
        buf_printf(p->out, " EVICTION %.15g", table->eviction_s);
    if (table->scan_interval_s > 0)
        buf_printf(p->out, " SCAN INTERVAL %.15g", table->scan_interval_s);
    print_slice(p, " DESCRIPTION \"", table->description, "\"");
}

static void print_constraints(struct printer *p, const struct ir_constraint *constraints,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_line(p);
        print_constraint(p, &constraints[i]);
    }
}

void print_create_table(struct printer *p, const struct ir_create_table *table)
{
    print_create(p, "TABLE ", table->is_temporary, table->if_not_exists, table->database,
                 table->name);
    print_table_flags(p, table);
    p->indent++;
    for (size_t i = 0; i < table->column_count; i++) {
        print_line(p);
        print_column_def(p, &table->columns[i]);
    }
    print_constraints(p, table->constraints, table->constraint_count);
    if (table->as_query != NULL)
        print_query(p, table->as_query);
}

void print_create_index(struct printer *p, const struct ir_create_index *index)
{
    print_create(p, index->is_unique ? "UNIQUE INDEX " : "INDEX ", false, index->if_not_exists,
                 index->database, index->name);
    buf_append_text(p->out, " ON ");
    print_name(p, index->table.text);
    buf_append_text(p->out, " (");
    print_orders(p, index->columns, index->count);
    buf_append_text(p->out, ")");
    p->indent++;
    print_clause(p, "WHERE ", index->where);
}

void print_create_view(struct printer *p, const struct ir_create_view *view)
{
    print_create(p, "VIEW ", view->is_temporary, view->if_not_exists, view->database, view->name);
    if (view->column_count > 0) {
        buf_append_text(p->out, " ");
        print_names(p, view->columns, view->column_count);
    }
    p->indent++;
    print_query(p, view->query);
}

void print_create_trigger(struct printer *p, const struct ir_create_trigger *trigger)
{
    static const char *const times[] = {[IR_TRIGGER_BEFORE] = " BEFORE",
                                        [IR_TRIGGER_AFTER] = " AFTER",
                                        [IR_TRIGGER_INSTEAD_OF] = " INSTEAD OF"};
    static const char *const events[] = {[IR_TRIGGER_DELETE] = " DELETE",
                                         [IR_TRIGGER_INSERT] = " INSERT",
                                         [IR_TRIGGER_UPDATE] = " UPDATE"};

    print_create(p, "TRIGGER ", trigger->is_temporary, trigger->if_not_exists, trigger->database,
                 trigger->name);
    buf_append_text(p->out, times[trigger->time]);
    buf_append_text(p->out, events[trigger->event]);
    if (trigger->column_count > 0) {
        buf_append_text(p->out, " OF ");
        print_names(p, trigger->columns, trigger->column_count);
    }
    buf_append_text(p->out, " ON ");
    print_qualified(p, trigger->table_database, trigger->table);
    p->indent++;
    print_clause(p, "WHEN ", trigger->when);
    for (size_t i = 0; i < trigger->statement_count; i++) {
        struct printer inner = *p;

        print_statement(&inner, trigger->statements[i]);
    }
}

void print_drop(struct printer *p, const struct ir_drop *drop)
{
    static const char *const kinds[] = {[IR_OBJECT_TABLE] = "TABLE ",
                                        [IR_OBJECT_INDEX] = "INDEX ",
                                        [IR_OBJECT_VIEW] = "VIEW ",
                                        [IR_OBJECT_TRIGGER] = "TRIGGER "};

    buf_printf(p->out, "DROP %s", kinds[drop->kind]);
    print_flag(p, drop->if_exists, "IF EXISTS ");
    print_qualified(p, drop->database, drop->name);
}

void print_alter(struct printer *p, const struct ir_alter *alter)
{
    buf_append_text(p->out, "ALTER TABLE ");
    print_qualified(p, alter->database, alter->table);
    switch ((enum ir_alter_kind)alter->kind) {
    case IR_ALTER_RENAME_TABLE:
        buf_append_text(p->out, " RENAME TO ");
        print_name(p, alter->new_name.text);
        break;
    case IR_ALTER_RENAME_COLUMN:
        buf_append_text(p->out, " RENAME COLUMN ");
        print_name(p, alter->column.text);
        buf_append_text(p->out, " TO ");
        print_name(p, alter->new_name.text);
        break;
    case IR_ALTER_ADD_COLUMN:
        buf_append_text(p->out, " ADD COLUMN ");
        print_column_def(p, alter->definition);
        p->indent++;
        print_constraints(p, alter->constraints, alter->constraint_count);
        break;
    case IR_ALTER_DROP_COLUMN:
        buf_append_text(p->out, " DROP COLUMN ");
        print_name(p, alter->column.text);
        break;
    }
}
