/*
 * The query tree itself: constructors, heights, copies, equality, walking, text.
 */
#include "storage/value/document.h"
#include "vdbe/ir/ir.h"
// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static struct ir_expr *column(struct arena *arena, const char *name)
{
    return ir_column(arena, (struct ir_name){slice_text(name), -1});
}

static struct ir_expr *number(struct arena *arena, int64_t i)
{
    return ir_literal(arena, value_int(i), -1);
}

static void assert_text(const struct ir_expr *expr, const char *expected)
{
    struct buf out = {0};

    ir_print_expr(&out, expr);
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
}

/* ---- AND and OR ---- */

static void conjunctions_become_one_node(void **state)
{
    struct arena arena = {0};
    struct ir_expr *all = NULL;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        all = ir_and(&arena, all, column(&arena, "a"));
    assert_int_equal(all->kind, IR_LOGIC);
    assert_int_equal(all->as.list.count, 1000);
    assert_int_equal(all->height, 2);
    all = ir_or(&arena, all, ir_or(&arena, column(&arena, "b"), column(&arena, "c")));
    assert_int_equal(all->as.list.count, 3);
    assert_int_equal(all->height, 3);
    arena_deinit(&arena);
}

static void one_operand_needs_no_node(void **state)
{
    struct arena arena = {0};
    struct ir_expr *a = column(&arena, "a");

    (void)state;
    assert_ptr_equal(ir_and(&arena, NULL, a), a);
    assert_ptr_equal(ir_and(&arena, a, NULL), a);
    assert_null(ir_or(&arena, NULL, NULL));
    arena_deinit(&arena);
}

/* A list that some other builder made has exactly the room it needs. */
static void a_list_of_exact_size_can_grow(void **state)
{
    struct arena arena = {0};
    struct ir_expr *operands[2] = {column(&arena, "a"), column(&arena, "b")};
    struct ir_expr *logic = ir_expr_new(&arena, IR_LOGIC, -1);

    (void)state;
    logic->op = IR_AND;
    logic->as.list.count = 2;
    logic->as.list.operands = operands;
    logic = ir_and(&arena, logic, column(&arena, "c"));
    assert_text(logic, "a AND b AND c");
    assert_ptr_not_equal(logic->as.list.operands, operands);
    arena_deinit(&arena);
}

/* ---- heights ---- */

static void heights_count_levels(void **state)
{
    struct arena arena = {0};
    struct ir_expr *expr = column(&arena, "a");

    (void)state;
    assert_int_equal(expr->height, 1);
    expr = ir_binary(&arena, IR_ADD, number(&arena, 1), ir_unary(&arena, IR_NEGATE, expr));
    assert_int_equal(expr->height, 3);
    expr = ir_compare(&arena, IR_LT, expr, number(&arena, 2));
    assert_int_equal(expr->height, 4);
    expr->height = 0;
    ir_expr_measure(expr);
    assert_int_equal(expr->height, 4);
    expr->height = UINT16_MAX;
    assert_int_equal(ir_unary(&arena, IR_NOT, expr)->height, UINT16_MAX);
    arena_deinit(&arena);
}

static void a_subquery_counts_with_its_query(void **state)
{
    struct arena arena = {0};
    struct ir_query *query = ARENA_NEW(&arena, struct ir_query);
    struct ir_expr *subquery = ir_expr_new(&arena, IR_SUBQUERY, -1);

    (void)state;
    query->limit = ir_unary(&arena, IR_NEGATE, column(&arena, "a"));
    ir_query_measure(query);
    assert_int_equal(query->height, 3);
    subquery->as.subquery.query = query;
    ir_expr_measure(subquery);
    assert_int_equal(subquery->height, 4);
    arena_deinit(&arena);
}

/* ---- every kind of expression ---- */

enum { SAMPLE_COUNT = 24 };

static struct ir_expr **list_of(struct arena *arena, struct ir_expr *a, struct ir_expr *b)
{
    struct ir_expr **list = ARENA_NEW_ARRAY(arena, struct ir_expr *, 2);

    list[0] = a;
    list[1] = b;
    return list;
}

static struct ir_expr *kind_of(struct arena *arena, enum ir_expr_kind kind, uint8_t op)
{
    struct ir_expr *expr = ir_expr_new(arena, kind, -1);

    expr->op = op;
    return expr;
}

static struct ir_expr *sample_documents(struct arena *arena, enum ir_expr_kind kind)
{
    struct ir_expr *expr = kind_of(arena, kind, 0);
    struct slice *names = ARENA_NEW_ARRAY(arena, struct slice, 2);

    names[0] = slice_text("x");
    names[1] = slice_text("a b");
    if (kind == IR_OBJECT) {
        expr->as.object.count = 2;
        expr->as.object.names = names;
        expr->as.object.values = list_of(arena, column(arena, "x"), number(arena, 2));
    } else if (kind == IR_ARRAY) {
        expr->as.list.count = 2;
        expr->as.list.operands = list_of(arena, column(arena, "x"), number(arena, 2));
    } else {
        expr->as.nested.name.text = slice_text("owner");
        expr->as.nested.count = 1;
        expr->as.nested.items = ARENA_NEW(arena, struct ir_output);
        expr->as.nested.items->expr = column(arena, "name");
    }
    return expr;
}

static struct ir_expr *sample_call(struct arena *arena)
{
    struct ir_expr *expr = kind_of(arena, IR_CALL, 0);
    struct ir_window *window = ARENA_NEW(arena, struct ir_window);

    window->partition_count = 1;
    window->partition = list_of(arena, column(arena, "p"), NULL);
    window->order_count = 1;
    window->order = ARENA_NEW(arena, struct ir_order);
    window->order->expr = column(arena, "o");
    window->has_frame = true;
    window->unit = IR_FRAME_ROWS;
    window->start = IR_PRECEDING;
    window->start_offset = number(arena, 1);
    window->end = IR_CURRENT_ROW;
    expr->as.call.name.text = slice_text("sum");
    expr->as.call.count = 1;
    expr->as.call.args = list_of(arena, column(arena, "a"), NULL);
    expr->as.call.filter = column(arena, "f");
    expr->as.call.over = window;
    return expr;
}

static struct ir_query *sample_query(struct arena *arena)
{
    struct ir_query *query = ARENA_NEW(arena, struct ir_query);
    struct ir_block *block = ARENA_NEW(arena, struct ir_block);
    struct ir_source *source = ARENA_NEW(arena, struct ir_source);

    source->name.text = slice_text("t");
    block->sources = ARENA_NEW(arena, struct ir_source *);
    block->sources[0] = source;
    block->source_count = 1;
    block->outputs = ARENA_NEW(arena, struct ir_output);
    block->outputs->expr = column(arena, "a");
    block->output_count = 1;
    block->where = column(arena, "w");
    query->blocks = ARENA_NEW(arena, struct ir_block *);
    query->blocks[0] = block;
    query->block_count = 1;
    query->limit = number(arena, 5);
    return query;
}

struct sample {
    struct ir_expr *expr;
    const char *text;
    size_t children;
};

static size_t make_operators(struct arena *arena, struct sample *out)
{
    struct ir_expr *in = kind_of(arena, IR_IN, 0), *like = kind_of(arena, IR_LIKE, IR_LIKE_GLOB);
    struct ir_expr *cases = kind_of(arena, IR_CASE, 0), *cast = kind_of(arena, IR_CAST, 0);
    struct ir_expr *collate = kind_of(arena, IR_COLLATE, 0);
    size_t n = 0;

    out[n++] = (struct sample){ir_unary(arena, IR_IS_STORED_NULL, column(arena, "a")),
                               "a IS STORED NULL", 1};
    out[n++] = (struct sample){
        ir_binary(arena, IR_ARROW_TEXT, column(arena, "a"), number(arena, 0)), "a ->> 0", 2};
    out[n++] =
        (struct sample){ir_compare(arena, IR_STARTS_WITH, column(arena, "a"), number(arena, 1)),
                        "a STARTS WITH 1", 2};
    out[n++] = (struct sample){ir_or(arena, column(arena, "a"), column(arena, "b")), "a OR b", 2};
    in->as.in.operand = column(arena, "a");
    in->as.in.count = 2;
    in->as.in.items = list_of(arena, number(arena, 1), number(arena, 2));
    in->negated = true;
    out[n++] = (struct sample){in, "a NOT IN (1, 2)", 3};
    like->as.like.operand = column(arena, "a");
    like->as.like.pattern = column(arena, "b");
    out[n++] = (struct sample){like, "a GLOB b", 2};
    cases->as.cases.count = 1;
    cases->as.cases.arms = ARENA_NEW(arena, struct ir_case_arm);
    cases->as.cases.arms[0] = (struct ir_case_arm){column(arena, "a"), number(arena, 1)};
    cases->as.cases.otherwise = number(arena, 2);
    out[n++] = (struct sample){cases, "CASE WHEN a THEN 1 ELSE 2 END", 3};
    cast->as.cast.operand = column(arena, "a");
    cast->as.cast.type = slice_text("INT");
    out[n++] = (struct sample){cast, "CAST(a AS INT)", 1};
    collate->as.collate.operand = column(arena, "a");
    collate->as.collate.name.text = slice_text("nocase");
    out[n++] = (struct sample){collate, "a COLLATE nocase", 1};
    return n;
}

static size_t make_leaves(struct arena *arena, struct sample *out)
{
    struct ir_expr *param = kind_of(arena, IR_PARAM, 0), *lifted = kind_of(arena, IR_PARAM, 0);
    struct ir_expr *record = kind_of(arena, IR_RECORD, 0);
    struct ir_expr *meta = kind_of(arena, IR_META, IR_META_VERSION);
    struct ir_expr *raise = kind_of(arena, IR_RAISE, IR_RAISE_FAIL);
    size_t n = 0;

    param->as.param.slot = 3;
    out[n++] = (struct sample){param, "?3", 0};
    lifted->as.param.slot = 1;
    lifted->as.param.is_lifted = true;
    lifted->as.param.peek = value_text(slice_text("x"));
    out[n++] = (struct sample){lifted, "{'x'}", 0};
    record->as.record.alias.text = slice_text("t");
    out[n++] = (struct sample){record, "RECORD(t)", 0};
    out[n++] = (struct sample){meta, "VERSION()", 0};
    raise->as.raise.message = slice_text("no");
    out[n++] = (struct sample){raise, "RAISE(FAIL, 'no')", 0};
    out[n++] = (struct sample){column(arena, "a b"), "\"a b\"", 0};
    out[n++] = (struct sample){number(arena, -1), "-1", 0};
    return n;
}

static size_t make_samples(struct arena *arena, struct sample *out)
{
    struct ir_expr *row = kind_of(arena, IR_ROW, 0), *member = kind_of(arena, IR_MEMBER, 0);
    struct ir_expr *subquery = kind_of(arena, IR_SUBQUERY, 0);
    size_t n = make_operators(arena, out);

    n += make_leaves(arena, out + n);
    out[n++] = (struct sample){sample_call(arena),
                               "sum(a) FILTER (WHERE f) OVER (PARTITION BY p ORDER BY o ROWS "
                               "BETWEEN 1 PRECEDING AND CURRENT ROW)",
                               5};
    row->as.list.count = 2;
    row->as.list.operands = list_of(arena, column(arena, "a"), column(arena, "b"));
    out[n++] = (struct sample){row, "(a, b)", 2};
    member->as.member.operand = column(arena, "a");
    member->as.member.name = slice_text("m");
    out[n++] = (struct sample){member, "a.m", 1};
    subquery->as.subquery.query = sample_query(arena);
    subquery->as.subquery.is_exists = true;
    out[n++] = (struct sample){subquery, "EXISTS (SELECT a FROM t WHERE w LIMIT 5)", 0};
    out[n++] = (struct sample){sample_documents(arena, IR_OBJECT), "OBJECT {x: x, \"a b\": 2}", 2};
    out[n++] = (struct sample){sample_documents(arena, IR_ARRAY), "ARRAY [x, 2]", 2};
    out[n++] = (struct sample){sample_documents(arena, IR_NESTED), "NESTED owner{name}", 1};
    assert_true(n <= SAMPLE_COUNT);
    return n;
}

static void every_kind_prints(void **state)
{
    struct arena arena = {0};
    struct sample samples[SAMPLE_COUNT];
    size_t count = make_samples(&arena, samples);

    (void)state;
    for (size_t i = 0; i < count; i++)
        assert_text(samples[i].expr, samples[i].text);
    arena_deinit(&arena);
}

static void count_child(void *context, struct ir_expr **slot)
{
    size_t *count = context;

    assert_non_null(*slot);
    (*count)++;
}

static void every_child_is_visited(void **state)
{
    struct arena arena = {0};
    struct sample samples[SAMPLE_COUNT];
    size_t count = make_samples(&arena, samples);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t children = 0;

        ir_expr_children(samples[i].expr, count_child, &children);
        if (children != samples[i].children)
            fail_msg("%s: %zu children", samples[i].text, children);
    }
    arena_deinit(&arena);
}

static void rename_column(void *context, struct ir_expr **slot)
{
    struct arena *arena = context;

    if ((*slot)->kind == IR_COLUMN)
        *slot = column(arena, "changed");
    else
        ir_expr_children(*slot, rename_column, context);
}

/* Changing a copy leaves the original alone: nothing that can change is shared. */
static void copies_stand_alone(void **state)
{
    struct arena arena = {0};
    struct sample samples[SAMPLE_COUNT];
    size_t count = make_samples(&arena, samples);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct ir_expr *copy = ir_expr_copy(&arena, samples[i].expr);

        assert_text(copy, samples[i].text);
        if (samples[i].expr->kind == IR_SUBQUERY)
            ir_query_exprs(copy->as.subquery.query, rename_column, &arena);
        ir_expr_children(copy, rename_column, &arena);
        assert_text(samples[i].expr, samples[i].text);
    }
    arena_deinit(&arena);
}

static void only_equal_expressions_are_equal(void **state)
{
    struct arena arena = {0};
    struct sample samples[SAMPLE_COUNT];
    size_t count = make_samples(&arena, samples);

    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            if (ir_expr_equal(samples[i].expr, samples[k].expr) != (i == k))
                fail_msg("%s and %s", samples[i].text, samples[k].text);
    for (size_t i = 0; i < count; i++) {
        enum ir_expr_kind kind = (enum ir_expr_kind)samples[i].expr->kind;
        bool is_comparable = kind != IR_SUBQUERY && kind != IR_NESTED && kind != IR_RAISE;

        if (ir_expr_equal(samples[i].expr, ir_expr_copy(&arena, samples[i].expr)) != is_comparable)
            fail_msg("%s and its copy", samples[i].text);
    }
    arena_deinit(&arena);
}

/* 1 and 1.0 are different literals, A and a the same column. */
static void equality_knows_names_and_kinds(void **state)
{
    struct arena arena = {0};
    struct ir_source sources[2] = {{.number = 0}, {.number = 1}};
    struct ir_expr *a = column(&arena, "a"), *b = column(&arena, "A");

    (void)state;
    assert_true(ir_expr_equal(a, b));
    assert_false(ir_expr_equal(number(&arena, 1), ir_literal(&arena, value_real(1.0), -1)));
    a->as.column.source = &sources[0];
    b->as.column.source = &sources[1];
    assert_false(ir_expr_equal(a, b));
    b->as.column.source = &sources[0];
    assert_true(ir_expr_equal(a, b));
    b->as.column.attribute = 1;
    assert_false(ir_expr_equal(a, b));
    arena_deinit(&arena);
}

/* ---- what only other languages than SQL write ---- */

static void document_writes_print(void **state)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct ir_source target = {.name.text = slice_text("Dog"), .is_exported_name = true};
    struct ir_write_documents write = {.target = &target, .mode = IR_DOCUMENT_PATCH};
    struct ir_statement statement = {.kind = IR_WRITE_DOCUMENTS, .as.documents = &write};

    (void)state;
    write.documents = sample_documents(&arena, IR_OBJECT);
    write.key = number(&arena, 7);
    write.skip_existing = true;
    ir_print(&out, &statement);
    assert_string_equal(buf_cstr(&out), "PATCH DOCUMENTS EXPORTED Dog\n  SKIP EXISTING\n  KEY 7\n"
                                        "  FROM OBJECT {x: x, \"a b\": 2}\n");
    buf_free(&out);
    arena_deinit(&arena);
}

static void a_schema_language_table_prints(void **state)
{
    struct buf out = {0};
    struct ir_column_def columns[] = {
        {.name.text = slice_text("id"), .type = slice_text("ID"), .is_primary_key = true},
        {.name.text = slice_text("tags"),
         .type = slice_text("String"),
         .is_list = true,
         .is_indexed = true},
    };
    struct ir_create_table table = {.name.text = slice_text("Dog"),
                                    .is_sdl = true,
                                    .is_sealed = true,
                                    .is_exported = true,
                                    .expiration_s = 60,
                                    .column_count = COUNT_OF(columns),
                                    .columns = columns};
    struct ir_statement statement = {.kind = IR_CREATE_TABLE, .as.create_table = &table};

    (void)state;
    ir_print(&out, &statement);
    assert_string_equal(buf_cstr(&out), "CREATE TABLE Dog SEALED EXPORTED EXPIRATION 60\n"
                                        "  id ID PRIMARY KEY\n  tags String LIST INDEXED\n");
    buf_free(&out);
}

static void a_query_prints_indented(void **state)
{
    struct arena arena = {0};
    struct buf out = {0};

    (void)state;
    ir_print_query(&out, sample_query(&arena), 1);
    assert_string_equal(buf_cstr(&out), "  SELECT a\n  FROM t\n  WHERE w\n  LIMIT 5\n");
    buf_free(&out);
    arena_deinit(&arena);
}

static void a_short_arena_gives_null(void **state)
{
    struct arena arena;
    struct ir_expr *expr = NULL;

    (void)state;
    arena_init(&arena, 1000);
    for (unsigned i = 0; i < 100; i++)
        expr = ir_and(&arena, expr, ir_compare(&arena, IR_EQ, column(&arena, "a"), NULL));
    assert_null(expr);
    for (unsigned i = 0; i < 100; i++)
        expr = column(&arena, "a");
    assert_null(expr);
    assert_true(arena.failed);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conjunctions_become_one_node),
        cmocka_unit_test(one_operand_needs_no_node),
        cmocka_unit_test(a_list_of_exact_size_can_grow),
        cmocka_unit_test(heights_count_levels),
        cmocka_unit_test(a_subquery_counts_with_its_query),
        cmocka_unit_test(every_kind_prints),
        cmocka_unit_test(every_child_is_visited),
        cmocka_unit_test(copies_stand_alone),
        cmocka_unit_test(only_equal_expressions_are_equal),
        cmocka_unit_test(equality_knows_names_and_kinds),
        cmocka_unit_test(document_writes_print),
        cmocka_unit_test(a_schema_language_table_prints),
        cmocka_unit_test(a_query_prints_indented),
        cmocka_unit_test(a_short_arena_gives_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
