/*
 * plan_fixture: a memory database with a few tables, and short words to build queries with.
 */
#ifndef HARPER_TEST_PLAN_FIXTURE_H
#define HARPER_TEST_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vdbe/plan/plan.h"

struct fixture {
    struct db *db;
    struct txn *txn;
    struct func_registry *functions;
    struct arena arena;
    struct error err;
    struct buf text;
    struct database_ref ref;
    struct databases databases;
};

/* ---- tables ---- */

#define NAME(s)                                                                                    \
    (struct slice)                                                                                 \
    {                                                                                              \
        (s), sizeof(s) - 1                                                                         \
    }

static void create(struct fixture *f, struct table *definition)
{
    const struct table *made;
    struct txn *txn;

    assert_int_equal(txn_begin(f->db, TXN_WRITE, &txn, &f->err), ST_OK);
    if (catalog_create_table(txn, definition, &made, &f->err) != ST_OK)
        fail_msg("%s", f->err.message);
    if (txn_commit(txn, &f->err) != ST_OK)
        fail_msg("%s", f->err.message);
}

static void create_sql_tables(struct fixture *f)
{
    static const uint16_t key[] = {0};
    static const struct key_part order[] = {{COLLATE_BINARY, false}};
    static const struct index_part on_a[] = {{.attribute = 1}}, on_name[] = {{.attribute = 2}};
    const struct attribute t_attributes[] = {
        {.id = 0, .name = NAME("id"), .affinity = AFFINITY_INTEGER},
        {.id = 1, .name = NAME("a"), .affinity = AFFINITY_INTEGER},
        {.id = 2, .name = NAME("b"), .affinity = AFFINITY_TEXT},
    };
    const struct attribute u_attributes[] = {
        {.id = 0, .name = NAME("id"), .affinity = AFFINITY_INTEGER},
        {.id = 1, .name = NAME("t_id"), .affinity = AFFINITY_INTEGER},
        {.id = 2, .name = NAME("name"), .affinity = AFFINITY_TEXT},
    };
    const struct index t_indexes[] = {
        {.name = NAME("t_a"), .part_count = 1, .parts = on_a, .state = INDEX_READY}};
    const struct index u_indexes[] = {
        {.name = NAME("u_name"), .part_count = 1, .parts = on_name, .state = INDEX_READY}};
    struct table t = {.name = NAME("t"),
                      .has_rowid = true,
                      .key_count = 1,
                      .key_attributes = key,
                      .key_parts = order,
                      .attribute_count = 3,
                      .attributes = t_attributes,
                      .index_count = 1,
                      .indexes = t_indexes};
    struct table u = t;

    u.name = NAME("u");
    u.attributes = u_attributes;
    u.indexes = u_indexes;
    create(f, &t);
    create(f, &u);
}

static void create_types(struct fixture *f)
{
    static const uint16_t key[] = {0};
    static const struct key_part order[] = {{COLLATE_BINARY, false}};
    static const struct index_part on_name[] = {{.attribute = 1}}, on_age[] = {{.attribute = 2}},
                                   on_tags[] = {{.attribute = 3}};
    const struct attribute dog_attributes[] = {
        {.id = 0, .name = NAME("id"), .type = TYPE_LONG},
        {.id = 1, .name = NAME("name"), .type = TYPE_STRING},
        {.id = 2, .name = NAME("age"), .type = TYPE_INT},
        {.id = 3, .name = NAME("tags"), .type = TYPE_STRING, .is_list = true},
        {.id = 4, .name = NAME("ownerId"), .type = TYPE_LONG},
        {.id = 5,
         .name = NAME("owner"),
         .type = TYPE_RELATIONSHIP,
         .relation_table = NAME("Owner"),
         .relation_from = NAME("ownerId")},
        {.id = 6, .name = NAME("friendIds"), .type = TYPE_LONG, .is_list = true},
        {.id = 7,
         .name = NAME("friends"),
         .type = TYPE_RELATIONSHIP,
         .is_list = true,
         .relation_table = NAME("Dog"),
         .relation_from = NAME("friendIds")},
    };
    const struct attribute owner_attributes[] = {
        {.id = 0, .name = NAME("id"), .type = TYPE_LONG},
        {.id = 1, .name = NAME("name"), .type = TYPE_STRING},
        {.id = 2, .name = NAME("age"), .type = TYPE_INT},
        {.id = 3,
         .name = NAME("dogs"),
         .type = TYPE_RELATIONSHIP,
         .is_list = true,
         .relation_table = NAME("Dog"),
         .relation_to = NAME("ownerId")},
    };
    const struct index dog_indexes[] = {
        {.name = NAME("dog_name"),
         .part_count = 1,
         .parts = on_name,
         .is_multi_valued = true,
         .origin = INDEX_ATTRIBUTE},
        {.name = NAME("dog_age"),
         .part_count = 1,
         .parts = on_age,
         .is_multi_valued = true,
         .origin = INDEX_ATTRIBUTE},
        {.name = NAME("dog_tags"),
         .part_count = 1,
         .parts = on_tags,
         .is_multi_valued = true,
         .origin = INDEX_ATTRIBUTE},
    };
    struct table dog = {.name = NAME("Dog"),
                        .export_path = NAME("Dog"),
                        .is_exported = true,
                        .is_made_by_sdl = true,
                        .is_case_sensitive = true,
                        .key_count = 1,
                        .key_attributes = key,
                        .key_parts = order,
                        .attribute_count = 8,
                        .attributes = dog_attributes,
                        .index_count = 3,
                        .indexes = dog_indexes};
    struct table owner = dog;

    owner.name = owner.export_path = NAME("Owner");
    owner.attribute_count = 4;
    owner.attributes = owner_attributes;
    owner.index_count = 0;
    create(f, &dog);
    create(f, &owner);
}

static __attribute__((unused)) int fixture_setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    const struct db_options options = {.backend = "memory", .create = true};

    assert_int_equal(func_registry_new(&f->functions), ST_OK);
    if (db_open("", &options, &f->db, &f->err) != ST_OK)
        fail_msg("%s", f->err.message);
    create_sql_tables(f);
    create_types(f);
    assert_int_equal(txn_begin(f->db, TXN_READ, &f->txn, &f->err), ST_OK);
    f->ref = (struct database_ref){slice_text("main"), f->txn};
    f->databases = (struct databases){1, &f->ref};
    *state = f;
    return 0;
}

static __attribute__((unused)) int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    txn_rollback(f->txn);
    db_close(f->db);
    func_registry_free(f->functions);
    arena_deinit(&f->arena);
    buf_free(&f->text);
    test_free(f);
    return 0;
}

/* ---- expressions ---- */

static __attribute__((unused)) struct ir_expr *column(struct fixture *f, const char *name)
{
    struct ir_expr *expr = ir_expr_new(&f->arena, IR_COLUMN, -1);
    struct slice rest = slice_text(name);

    expr->as.column.parts = ARENA_NEW_ARRAY(&f->arena, struct ir_name, 4);
    while (rest.len > 0) {
        const char *dot = memchr(rest.data, '.', rest.len);
        size_t len = dot == NULL ? rest.len : (size_t)(dot - rest.data);

        expr->as.column.parts[expr->as.column.part_count++] =
            (struct ir_name){slice_of(rest.data, len), -1};
        rest = dot == NULL ? slice_empty() : slice_of(dot + 1, rest.len - len - 1);
    }
    return expr;
}

static __attribute__((unused)) struct ir_expr *number(struct fixture *f, int64_t n)
{
    return ir_literal(&f->arena, value_int(n), -1);
}

static __attribute__((unused)) struct ir_expr *text(struct fixture *f, const char *s)
{
    return ir_literal(&f->arena, value_text(slice_text(s)), -1);
}

static __attribute__((unused)) struct ir_expr *lifted(struct fixture *f, uint32_t slot,
                                                      struct value peek)
{
    struct ir_expr *expr = ir_expr_new(&f->arena, IR_PARAM, -1);

    expr->as.param.slot = slot;
    expr->as.param.is_lifted = true;
    expr->as.param.peek = peek;
    return expr;
}

static __attribute__((unused)) struct ir_expr *compare(struct fixture *f, enum ir_compare op,
                                                       struct ir_expr *a, struct ir_expr *b)
{
    return ir_compare(&f->arena, op, a, b);
}

/* As REST compares. */
static __attribute__((unused)) struct ir_expr *any(struct ir_expr *comparison)
{
    comparison->any_element = true;
    return comparison;
}

static __attribute__((unused)) struct ir_expr *both(struct fixture *f, struct ir_expr *a,
                                                    struct ir_expr *b)
{
    return ir_and(&f->arena, a, b);
}

static __attribute__((unused)) struct ir_expr *either(struct fixture *f, struct ir_expr *a,
                                                      struct ir_expr *b)
{
    return ir_or(&f->arena, a, b);
}

static __attribute__((unused)) struct ir_expr *call(struct fixture *f, const char *name,
                                                    struct ir_expr *arg)
{
    struct ir_expr *expr = ir_expr_new(&f->arena, IR_CALL, -1);

    expr->as.call.name = (struct ir_name){slice_text(name), -1};
    expr->as.call.is_star = arg == NULL;
    if (arg != NULL) {
        expr->as.call.count = 1;
        expr->as.call.args = ARENA_NEW(&f->arena, struct ir_expr *);
        expr->as.call.args[0] = arg;
    }
    return expr;
}

static __attribute__((unused)) struct ir_expr *exists(struct fixture *f, struct ir_query *query)
{
    struct ir_expr *expr = ir_expr_new(&f->arena, IR_SUBQUERY, -1);

    expr->as.subquery.query = query;
    expr->as.subquery.is_exists = true;
    return expr;
}

/* ---- queries ---- */

static struct ir_source *table_source(struct fixture *f, const char *table)
{
    struct ir_source *source = ARENA_NEW(&f->arena, struct ir_source);

    source->name = (struct ir_name){slice_text(table), -1};
    return source;
}

static __attribute__((unused)) struct ir_query *from(struct fixture *f, const char *table)
{
    struct ir_query *query = ARENA_NEW(&f->arena, struct ir_query);

    query->block_count = 1;
    query->blocks = ARENA_NEW_ARRAY(&f->arena, struct ir_block *, 4);
    query->blocks[0] = ARENA_NEW(&f->arena, struct ir_block);
    query->blocks[0]->sources = ARENA_NEW_ARRAY(&f->arena, struct ir_source *, 8);
    query->blocks[0]->outputs = ARENA_NEW_ARRAY(&f->arena, struct ir_output, 8);
    query->blocks[0]->group = ARENA_NEW_ARRAY(&f->arena, struct ir_expr *, 8);
    query->order = ARENA_NEW_ARRAY(&f->arena, struct ir_order, 8);
    if (table != NULL)
        query->blocks[0]->sources[query->blocks[0]->source_count++] = table_source(f, table);
    return query;
}

static __attribute__((unused)) struct ir_source *join(struct fixture *f, struct ir_query *query,
                                                      enum ir_join how, const char *table,
                                                      struct ir_expr *on)
{
    struct ir_source *source = table_source(f, table);

    source->join = (uint8_t)how;
    source->on = on;
    query->blocks[0]->sources[query->blocks[0]->source_count++] = source;
    return source;
}

static __attribute__((unused)) struct ir_source *
join_query(struct fixture *f, struct ir_query *query, const char *alias, struct ir_query *inner)
{
    struct ir_source *source = ARENA_NEW(&f->arena, struct ir_source);

    source->kind = IR_SOURCE_QUERY;
    source->alias = (struct ir_name){slice_text(alias), -1};
    source->query = inner;
    query->blocks[0]->sources[query->blocks[0]->source_count++] = source;
    return source;
}

static __attribute__((unused)) void output(struct fixture *f, struct ir_query *query,
                                           struct ir_expr *expr, const char *alias)
{
    struct ir_output *out = &query->blocks[0]->outputs[query->blocks[0]->output_count++];

    (void)f;
    out->expr = expr;
    if (alias != NULL)
        out->alias = (struct ir_name){slice_text(alias), -1};
}

static __attribute__((unused)) void where(struct fixture *f, struct ir_query *query,
                                          struct ir_expr *condition)
{
    query->blocks[0]->where = ir_and(&f->arena, query->blocks[0]->where, condition);
}

static __attribute__((unused)) void order_by(struct fixture *f, struct ir_query *query,
                                             struct ir_expr *expr, bool descending)
{
    (void)f;
    query->order[query->order_count].expr = expr;
    query->order[query->order_count++].descending = descending;
}

static __attribute__((unused)) void group_by(struct fixture *f, struct ir_query *query,
                                             struct ir_expr *expr)
{
    (void)f;
    query->blocks[0]->group[query->blocks[0]->group_count++] = expr;
}

static __attribute__((unused)) struct ir_query *unite(struct fixture *f, struct ir_query *a,
                                                      struct ir_query *b, enum ir_set_op op)
{
    (void)f;
    b->blocks[0]->set_op = (uint8_t)op;
    a->blocks[a->block_count++] = b->blocks[0];
    return a;
}

/* ---- plans ---- */

static enum status plan_statement(struct fixture *f, struct ir_statement *statement,
                                  struct plan_statement **out)
{
    struct plan_options options = {.functions = f->functions};

    return plan_make(statement, &f->databases, &options, &f->arena, out, &f->err);
}

static __attribute__((unused)) const char *plan_of_statement(struct fixture *f,
                                                             struct ir_statement *statement)
{
    struct plan_statement *plan;

    buf_clear(&f->text);
    if (plan_statement(f, statement, &plan) != ST_OK)
        return f->err.message;
    plan_print(&f->text, plan, false);
    return buf_cstr(&f->text);
}

static struct ir_statement *statement_of(struct fixture *f, struct ir_query *query)
{
    struct ir_statement *statement = ARENA_NEW(&f->arena, struct ir_statement);

    statement->kind = IR_QUERY;
    statement->as.query = query;
    return statement;
}

static __attribute__((unused)) const char *plan_of(struct fixture *f, struct ir_query *query)
{
    return plan_of_statement(f, statement_of(f, query));
}

static __attribute__((unused)) struct plan_statement *planned(struct fixture *f,
                                                              struct ir_query *query)
{
    struct plan_statement *plan;

    return plan_statement(f, statement_of(f, query), &plan) == ST_OK ? plan : NULL;
}

#endif
