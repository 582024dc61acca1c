/*
 * CREATE TABLE: columns and constraints as they come, in arrays that double.
 */
#include "parser/sql/sql_internal.h"

struct sql_table_builder {
    struct ir_create_table *table;
    size_t column_capacity, constraint_capacity;
    struct ir_name constraint_name; /* of CONSTRAINT name, for what follows it */
    bool last_is_reference;         /* DEFERRABLE may follow */
};

static bool grow(struct sql_parse *parse, void *array, size_t count, size_t *capacity,
                 size_t item_bytes)
{
    void **items = array;
    void *larger;

    if (count < *capacity)
        return true;
    *capacity = *capacity == 0 ? 8 : *capacity * 2;
    larger = sql_alloc(parse, *capacity * item_bytes);
    if (larger == NULL)
        return false;
    if (count > 0)
        memcpy(larger, *items, count * item_bytes);
    *items = larger;
    return true;
}

static void builder_open(struct sql_parse *parse)
{
    struct sql_table_builder *builder = SQL_NEW(parse, struct sql_table_builder);
    struct ir_create_table *table = SQL_NEW(parse, struct ir_create_table);

    if (builder == NULL || table == NULL)
        return;
    builder->table = table;
    builder->constraint_name.offset = -1;
    table->database.offset = table->name.offset = -1;
    parse->table = builder;
}

void sql_table_begin(struct sql_parse *parse, bool is_temporary, bool if_not_exists,
                     struct sql_names *names)
{
    builder_open(parse);
    if (sql_failed(parse))
        return;
    sql_resolve_names(parse, names, &parse->table->table->database, &parse->table->table->name);
    parse->ddl_name = names->second.text == NULL ? names->first.text : names->second.text;
    parse->table->table->is_temporary = is_temporary;
    parse->table->table->if_not_exists = if_not_exists;
    if (is_temporary && names->second.text != NULL && !sql_token_is(names->first, "temp"))
        sql_fail(parse, ST_SYNTAX, names->first.text, "temporary table name must be unqualified");
}

struct ir_statement *sql_table_end(struct sql_parse *parse, struct ir_query *as_query,
                                   bool is_dynamic)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_CREATE_TABLE);

    if (sql_failed(parse))
        return NULL;
    statement->as.create_table = parse->table->table;
    statement->as.create_table->as_query = as_query;
    statement->as.create_table->is_dynamic = is_dynamic;
    return statement;
}

void sql_table_option(struct sql_parse *parse, bool without, struct sql_token word)
{
    if (sql_failed(parse))
        return;
    if (without && sql_token_is(word, "rowid"))
        parse->table->table->is_without_rowid = true;
    else if (!without && sql_token_is(word, "strict"))
        parse->table->table->is_strict = true;
    else
        sql_fail(parse, ST_SYNTAX, word.text, "unknown table option: %.*s", (int)word.len,
                 word.text);
}

/* ---- columns ---- */

/* GENERATED and ALWAYS can be words of a type; before AS they are not. */
static struct slice without_generated(struct slice type)
{
    static const char *const words[] = {"always", "generated"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t len = strlen(words[i]);

        if (type.len < len || !slice_is_nocase(slice_of(type.data + type.len - len, len), words[i]))
            return type;
        type = sql_span(type.data, type.data + type.len - len);
    }
    return type;
}

void sql_column_begin(struct sql_parse *parse, struct sql_token name, struct slice type)
{
    struct ir_create_table *table;
    struct ir_column_def *column;

    if (sql_failed(parse))
        return;
    table = parse->table->table;
    if (table->column_count == SQL_COLUMNS_MAX) {
        sql_fail(parse, ST_LIMIT, name.text, "too many columns on %.*s", (int)table->name.text.len,
                 table->name.text.data);
        return;
    }
    if (!grow(parse, &table->columns, table->column_count, &parse->table->column_capacity,
              sizeof *table->columns))
        return;
    column = &table->columns[table->column_count++];
    *column = (struct ir_column_def){.name = sql_name(parse, name), .collation.offset = -1};
    column->type = sql_token_is(parse->token, "as") ? without_generated(type) : type;
    parse->table->constraint_name.offset = -1;
    parse->table->constraint_name.text = slice_empty();
    parse->table->last_is_reference = false;
}

static struct ir_column_def *current(struct sql_parse *parse)
{
    struct ir_create_table *table;

    if (sql_failed(parse))
        return NULL;
    table = parse->table->table;
    return &table->columns[table->column_count - 1];
}

void sql_constraint_name(struct sql_parse *parse, struct sql_token name)
{
    if (!sql_failed(parse))
        parse->table->constraint_name = sql_name(parse, name);
}

static struct ir_constraint *constraint_new(struct sql_parse *parse, enum ir_constraint_kind kind)
{
    struct ir_create_table *table;
    struct ir_constraint *constraint;

    if (sql_failed(parse))
        return NULL;
    table = parse->table->table;
    if (!grow(parse, &table->constraints, table->constraint_count,
              &parse->table->constraint_capacity, sizeof *table->constraints))
        return NULL;
    constraint = &table->constraints[table->constraint_count++];
    *constraint =
        (struct ir_constraint){.kind = (uint8_t)kind, .name = parse->table->constraint_name};
    constraint->foreign_key.name = parse->table->constraint_name;
    parse->table->constraint_name = (struct ir_name){.offset = -1};
    parse->table->last_is_reference = kind == IR_CONSTRAINT_FOREIGN_KEY;
    return constraint;
}

void sql_column_default(struct sql_parse *parse, struct ir_expr *value, struct slice text)
{
    struct ir_column_def *column = current(parse);

    if (column != NULL) {
        column->default_expr = value;
        column->default_text = text;
    }
}

void sql_column_not_null(struct sql_parse *parse, uint8_t conflict)
{
    struct ir_column_def *column = current(parse);

    if (column != NULL) {
        column->is_not_null = true;
        column->not_null_conflict = conflict;
    }
}

void sql_column_primary_key(struct sql_parse *parse, bool descending, uint8_t conflict,
                            bool autoincrement)
{
    struct ir_column_def *column = current(parse);

    if (column == NULL)
        return;
    column->is_primary_key = true;
    column->is_descending_key = descending;
    column->key_conflict = conflict;
    column->is_autoincrement = autoincrement;
}

void sql_column_unique(struct sql_parse *parse, uint8_t conflict)
{
    struct ir_column_def *column = current(parse);

    if (column != NULL) {
        column->is_unique = true;
        column->unique_conflict = conflict;
    }
}

void sql_column_collate(struct sql_parse *parse, struct sql_token name)
{
    struct ir_column_def *column = current(parse);

    if (column != NULL)
        column->collation = sql_name(parse, name);
}

void sql_column_generated(struct sql_parse *parse, struct ir_expr *expr, struct slice text,
                          struct sql_token how)
{
    struct ir_column_def *column = current(parse);

    if (column == NULL)
        return;
    if (how.text != NULL && !sql_token_is(how, "stored") && !sql_token_is(how, "virtual")) {
        sql_fail(parse, ST_SYNTAX, how.text, "error in generated column \"%.*s\"",
                 (int)column->name.text.len, column->name.text.data);
        return;
    }
    column->generated = sql_token_is(how, "stored") ? IR_GENERATED_STORED : IR_GENERATED_VIRTUAL;
    column->generated_expr = expr;
    column->generated_text = text;
}

/* ---- constraints ---- */

void sql_check(struct sql_parse *parse, struct ir_expr *expr, struct slice text)
{
    struct ir_constraint *constraint = constraint_new(parse, IR_CONSTRAINT_CHECK);

    if (constraint != NULL) {
        constraint->check = expr;
        constraint->check_text = text;
    }
}

static void references(struct sql_parse *parse, struct ir_foreign_key *key, struct sql_token parent,
                       struct ir_name *columns, size_t count, struct sql_actions actions)
{
    key->parent = sql_name(parse, parent);
    key->parent_columns = columns;
    key->parent_count = count;
    key->on_delete = actions.on_delete;
    key->on_update = actions.on_update;
    if (count > 0 && count != key->count)
        sql_fail(parse, ST_SYNTAX, parent.text,
                 "number of columns in foreign key does not match the number of columns in the "
                 "referenced table");
}

void sql_column_references(struct sql_parse *parse, struct sql_token parent,
                           struct sql_list columns, struct sql_actions actions)
{
    struct ir_name *names = sql_take_names(parse, columns);
    struct ir_constraint *constraint = constraint_new(parse, IR_CONSTRAINT_FOREIGN_KEY);
    struct ir_name *own = SQL_NEW(parse, struct ir_name);

    if (constraint == NULL || own == NULL)
        return;
    *own = current(parse)->name;
    constraint->foreign_key.columns = own;
    constraint->foreign_key.count = 1;
    references(parse, &constraint->foreign_key, parent, names, columns.count, actions);
}

void sql_column_deferred(struct sql_parse *parse, bool is_deferred)
{
    struct ir_create_table *table;

    if (sql_failed(parse))
        return;
    table = parse->table->table;
    if (parse->table->last_is_reference) /* otherwise it says nothing, as in SQLite */
        table->constraints[table->constraint_count - 1].foreign_key.is_deferred = is_deferred;
}

void sql_table_key(struct sql_parse *parse, enum ir_constraint_kind kind, struct sql_list columns,
                   bool autoincrement, uint8_t conflict)
{
    struct ir_order *orders = sql_take_orders(parse, columns, NULL);
    struct ir_constraint *constraint = constraint_new(parse, kind);

    if (constraint == NULL)
        return;
    constraint->columns = orders;
    constraint->count = columns.count;
    constraint->is_autoincrement = autoincrement;
    constraint->conflict = conflict;
}

void sql_table_foreign_key(struct sql_parse *parse, struct sql_list columns,
                           struct sql_token parent, struct sql_list parent_columns,
                           struct sql_actions actions, bool is_deferred)
{
    struct ir_name *parents = sql_take_names(parse, parent_columns);
    struct ir_name *own = sql_take_names(parse, columns);
    struct ir_constraint *constraint = constraint_new(parse, IR_CONSTRAINT_FOREIGN_KEY);

    if (constraint == NULL)
        return;
    constraint->foreign_key.columns = own;
    constraint->foreign_key.count = columns.count;
    constraint->foreign_key.is_deferred = is_deferred;
    references(parse, &constraint->foreign_key, parent, parents, parent_columns.count, actions);
}

/* ---- ALTER TABLE … ADD ---- */

void sql_alter_begin(struct sql_parse *parse)
{
    builder_open(parse);
}

struct ir_statement *sql_alter_add(struct sql_parse *parse, struct sql_names *names)
{
    struct ir_statement *statement =
        sql_alter(parse, IR_ALTER_ADD_COLUMN, names, (struct sql_token){0}, (struct sql_token){0});

    if (sql_failed(parse))
        return NULL;
    statement->as.alter->definition = parse->table->table->columns;
    statement->as.alter->constraints = parse->table->table->constraints;
    statement->as.alter->constraint_count = parse->table->table->constraint_count;
    return statement;
}
