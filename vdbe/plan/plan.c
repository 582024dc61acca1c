/*
 * plan: a statement through binding, rewriting and choosing.
 */
#include "vdbe/plan/plan_internal.h"

/* A CTE that is read once is an ordinary subquery. */
static void settle_ctes(struct planner *p)
{
    for (unsigned i = 0; i < p->out->source_count; i++) {
        struct source_info *info = &p->infos[i];
        struct bound_cte *cte = info->cte;

        if (cte == NULL || info->is_recursion || cte->is_recursive || cte->use_count > 1 ||
            cte->ir->materialized == 1)
            continue;
        info->source->kind = IR_SOURCE_QUERY;
        info->source->query = cte->ir->query;
        info->query = cte->query;
        info->cte = NULL;
    }
}

static bool has_database(const struct planner *p)
{
    return p->databases != NULL && p->databases->count > 0;
}

/* Unqualified new names go to the main database, the one after temp. */
static unsigned default_database(const struct planner *p, struct slice name, bool is_temporary)
{
    for (unsigned i = 0; has_database(p) && i < p->databases->count; i++) {
        bool is_temp = slice_is_nocase(p->databases->refs[i].name, "temp");

        if (name.len > 0 ? database_is(p->databases, i, name) : is_temp == is_temporary)
            return i;
    }
    return 0;
}

/* Where an existing table, index, view or trigger of that name is. */
static unsigned database_of_object(const struct planner *p, uint8_t kind, struct slice database,
                                   struct slice name)
{
    for (unsigned i = 0; has_database(p) && i < p->databases->count; i++) {
        const struct catalog *catalog;
        bool found = false;

        if (p->databases->refs[i].txn == NULL ||
            (database.len > 0 && !database_is(p->databases, i, database)))
            continue;
        catalog = txn_catalog(p->databases->refs[i].txn);
        switch ((enum ir_object_kind)kind) {
        case IR_OBJECT_TABLE:
            found = catalog_table(catalog, name) != NULL;
            break;
        case IR_OBJECT_INDEX:
            found = catalog_index(catalog, name) != NULL;
            break;
        case IR_OBJECT_VIEW:
            found = catalog_object(catalog, OBJECT_VIEW, name) != NULL;
            break;
        case IR_OBJECT_TRIGGER:
            found = catalog_object(catalog, OBJECT_TRIGGER, name) != NULL;
            break;
        }
        if (found)
            return i;
    }
    return default_database(p, database, false);
}

static void place_schema_change(struct planner *p, const struct ir_statement *ir)
{
    struct plan_statement *out = p->out;

    switch ((enum ir_statement_kind)ir->kind) {
    case IR_CREATE_TABLE:
        out->database = default_database(p, ir->as.create_table->database.text,
                                         ir->as.create_table->is_temporary);
        break;
    case IR_CREATE_INDEX:
        out->database = database_of_object(p, IR_OBJECT_TABLE, ir->as.create_index->database.text,
                                           ir->as.create_index->table.text);
        break;
    case IR_CREATE_VIEW:
        out->database = default_database(p, ir->as.create_view->database.text,
                                         ir->as.create_view->is_temporary);
        break;
    case IR_CREATE_TRIGGER:
        out->database =
            ir->as.create_trigger->is_temporary
                ? default_database(p, slice_empty(), true)
                : database_of_object(p, IR_OBJECT_TABLE, ir->as.create_trigger->database.text,
                                     ir->as.create_trigger->table.text);
        break;
    case IR_DROP:
        out->database = database_of_object(p, ir->as.drop->kind, ir->as.drop->database.text,
                                           ir->as.drop->name.text);
        break;
    case IR_ALTER:
        out->database = database_of_object(p, IR_OBJECT_TABLE, ir->as.alter->database.text,
                                           ir->as.alter->table.text);
        break;
    case IR_MAINTAIN:
        out->database = default_database(p, ir->as.maintain->database.text, false);
        break;
    case IR_PRAGMA:
        out->database = default_database(p, ir->as.pragma->database.text, false);
        return;
    default:
        return;
    }
    out->writes = true;
}

static enum status bind_control(struct planner *p, const struct ir_statement *ir)
{
    if (ir->kind == IR_PRAGMA && ir->as.pragma->value != NULL) {
        const struct ir_expr *value = ir->as.pragma->value;

        if (value->kind != IR_COLUMN) /* a bare word stays a word */
            TRY(bind_expr(p, NULL, &ir->as.pragma->value));
    } else if (ir->kind == IR_MAINTAIN && ir->as.maintain->into != NULL) {
        TRY(bind_expr(p, NULL, &ir->as.maintain->into));
    } else if (ir->kind == IR_ATTACH) {
        if (ir->as.attach->path != NULL && ir->as.attach->path->kind != IR_COLUMN)
            TRY(bind_expr(p, NULL, &ir->as.attach->path));
        if (ir->as.attach->name != NULL && ir->as.attach->name->kind != IR_COLUMN)
            TRY(bind_expr(p, NULL, &ir->as.attach->name));
    }
    return ST_OK;
}

static enum status plan_query_statement(struct planner *p, struct ir_query *query)
{
    TRY(bind_query(p, query, p->rows));
    settle_ctes(p);
    TRY(rewrite_query(p, query));
    TRY(plan_query_make(p, query));
    p->out->query = &bound_query_of(query)->plan;
    return ST_OK;
}

static enum status plan_write_statement(struct planner *p, struct ir_statement *ir)
{
    TRY(bind_ctes(p, ir->ctes, ir->cte_count, ir->ctes_are_recursive, p->rows));
    switch ((enum ir_statement_kind)ir->kind) {
    case IR_INSERT:
        TRY(bind_insert(p, ir->as.insert));
        break;
    case IR_UPDATE:
        TRY(bind_update(p, ir->as.update));
        break;
    case IR_DELETE:
        TRY(bind_delete(p, ir->as.remove));
        break;
    default:
        TRY(bind_documents(p, ir->as.documents));
        break;
    }
    settle_ctes(p);
    p->out->writes = true;
    return plan_write_make(p);
}

enum status plan_rows_statement(struct planner *p, struct ir_statement *ir)
{
    return ir->kind == IR_QUERY ? plan_query_statement(p, ir->as.query)
                                : plan_write_statement(p, ir);
}

enum status plan_make(struct ir_statement *ir, const struct databases *databases,
                      const struct plan_options *options, struct arena *arena,
                      struct plan_statement **out, struct error *err)
{
    struct plan_statement *plan = ARENA_NEW(arena, struct plan_statement);
    struct planner planner = {.arena = arena,
                              .err = err,
                              .databases = databases,
                              .options = options,
                              .out = plan,
                              .statement = ir};
    enum status st = ST_OK;

    *out = NULL;
    if (plan == NULL)
        return no_memory(&planner);
    plan->ir = ir;
    switch ((enum ir_statement_kind)ir->kind) {
    case IR_QUERY:
        st = plan_query_statement(&planner, ir->as.query);
        break;
    case IR_INSERT:
    case IR_UPDATE:
    case IR_DELETE:
    case IR_WRITE_DOCUMENTS:
        st = plan_write_statement(&planner, ir);
        break;
    case IR_CREATE_TABLE:
        place_schema_change(&planner, ir);
        if (ir->as.create_table->as_query != NULL)
            st = plan_query_statement(&planner, ir->as.create_table->as_query);
        break;
    case IR_CREATE_TRIGGER:
        place_schema_change(&planner, ir);
        st = trigger_check(&planner, ir->as.create_trigger);
        break;
    case IR_CREATE_INDEX:
    case IR_CREATE_VIEW:
    case IR_DROP:
    case IR_ALTER:
    case IR_TRANSACTION:
    case IR_PRAGMA:
    case IR_MAINTAIN:
    case IR_ATTACH:
        place_schema_change(&planner, ir);
        st = bind_control(&planner, ir);
        break;
    case IR_STATEMENT_KIND_COUNT:
        st = error_set(err, ST_INTERNAL, -1, "unknown statement");
        break;
    }
    if (st == ST_OK && arena->failed)
        st = no_memory(&planner);
    if (st == ST_OK)
        *out = plan;
    return st;
}

/* ---- one expression over one row ---- */

enum status plan_bind_expr(struct ir_expr *expr, const struct table *table,
                           const struct plan_options *options, struct arena *arena,
                           struct ir_source **source, struct error *err)
{
    struct plan_statement statement = {0};
    struct databases none = {0};
    struct planner planner = {.arena = arena,
                              .err = err,
                              .databases = &none,
                              .options = options,
                              .out = &statement,
                              .is_single_expr = true};
    struct bound_block *block = ARENA_NEW(arena, struct bound_block);
    struct ir_block *ir = ARENA_NEW(arena, struct ir_block);
    struct ir_source *row = ARENA_NEW(arena, struct ir_source);
    struct ir_source **list = ARENA_NEW(arena, struct ir_source *);
    struct ir_expr *bound = expr;
    struct source_info *info;

    if (block == NULL || ir == NULL || row == NULL || list == NULL)
        return no_memory(&planner);
    list[0] = row;
    ir->sources = list;
    ir->source_count = 1;
    block->ir = ir;
    block->scope.block = block;
    row->name.text = table->name;
    row->table = table;
    TRY(source_number(&planner, row, &info));
    info->table = table;
    info->block = block;
    TRY(bind_expr(&planner, &block->scope, &bound));
    TRY(fold_expr(&planner, &bound));
    if (bound != expr) /* the caller holds the node, not a place to put another */
        *expr = *bound;
    *source = row;
    return ST_OK;
}
