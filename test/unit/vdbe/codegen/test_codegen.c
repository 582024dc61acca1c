/* Code from plans made by hand: what is emitted, and what comes out when it runs. */
#include "vdbe/codegen/codegen.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka needs the four above
#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct ir_expr *number(int64_t i)
{
    struct ir_expr *expr = ir_literal(&arena, value_int(i), -1);

    expr->is_constant = true;
    return expr;
}

static struct ir_expr *lifted(int64_t i, uint32_t slot)
{
    struct ir_expr *expr = ir_expr_new(&arena, IR_PARAM, -1);

    expr->as.param.slot = slot;
    expr->as.param.is_lifted = true;
    expr->as.param.peek = value_int(i);
    expr->is_constant = true;
    return expr;
}

/* SELECT <outputs>, without FROM. */
static struct plan_statement *select_of(struct ir_expr **outputs, size_t count)
{
    struct plan_statement *plan = ARENA_NEW(&arena, struct plan_statement);
    struct ir_statement *ir = ARENA_NEW(&arena, struct ir_statement);
    struct plan_query *query = ARENA_NEW(&arena, struct plan_query);
    struct plan_block *block = ARENA_NEW(&arena, struct plan_block);
    struct plan_block **blocks = ARENA_NEW(&arena, struct plan_block *);
    struct slice *names = ARENA_NEW_ARRAY(&arena, struct slice, count);

    for (size_t k = 0; k < count; k++)
        names[k] = slice_text("column");
    blocks[0] = block;
    block->outputs = outputs;
    block->output_count = query->output_count = count;
    block->output_names = query->output_names = names;
    query->blocks = blocks;
    query->block_count = 1;
    ir->kind = IR_QUERY;
    ir->param_count = 8;
    plan->ir = ir;
    plan->query = query;
    return plan;
}

static struct program *compile(const struct plan_statement *plan)
{
    const struct databases none = {0};
    struct program *program = NULL;
    struct error err = {0};

    if (codegen_program(plan, &none, &program, &err) != ST_OK)
        fail_msg("%s", error_message(&err));
    return program;
}

/* NULL: the result is null. */
static void expect(struct ir_expr *expr, const int64_t *expected)
{
    struct ir_expr *outputs[] = {expr};
    struct program *program = compile(select_of(outputs, 1));
    struct vm *vm;
    struct value v;

    assert_int_equal(vm_new(program, &vm), ST_OK);
    assert_int_equal(vm_begin(vm, &(struct vm_environment){0}, NULL), ST_OK);
    assert_int_equal(vm_step(vm, NULL), ST_ROW);
    v = vm_column(vm, 0);
    if (expected == NULL) {
        assert_true(value_is_null(v));
    } else {
        assert_int_equal(v.kind, VALUE_INT);
        assert_int_equal(v.as.i, *expected);
    }
    assert_int_equal(vm_step(vm, NULL), ST_DONE);
    vm_free(vm);
    program_free(program);
}

static struct ir_expr *null_literal(void)
{
    return ir_literal(&arena, value_null(), -1);
}

/* CASE WHEN <condition> THEN 1 ELSE 0 END: jumps must agree with values. */
static struct ir_expr *as_jump(struct ir_expr *condition)
{
    struct ir_expr *expr = ir_expr_new(&arena, IR_CASE, -1);

    expr->as.cases.count = 1;
    expr->as.cases.arms = ARENA_NEW(&arena, struct ir_case_arm);
    expr->as.cases.arms[0].when = condition;
    expr->as.cases.arms[0].then = number(1);
    expr->as.cases.otherwise = number(0);
    return expr;
}

static struct ir_expr *truth(int which)
{
    return which == 2 ? null_literal() : number(which);
}

static void logic_has_three_values_as_a_value_and_as_a_jump(void **state)
{
    (void)state;
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            const int64_t and_is = a == 0 || b == 0 ? 0 : a == 2 || b == 2 ? 2 : 1;
            const int64_t or_is = a == 1 || b == 1 ? 1 : a == 2 || b == 2 ? 2 : 0;
            const int64_t and_jumps = and_is == 1, or_jumps = or_is == 1;
            const int64_t not_and_jumps = and_is == 0, not_or_jumps = or_is == 0;

            expect(ir_and(&arena, truth(a), truth(b)), and_is == 2 ? NULL : &and_is);
            expect(ir_or(&arena, truth(a), truth(b)), or_is == 2 ? NULL : &or_is);
            expect(as_jump(ir_and(&arena, truth(a), truth(b))), &and_jumps);
            expect(as_jump(ir_or(&arena, truth(a), truth(b))), &or_jumps);
            expect(as_jump(ir_unary(&arena, IR_NOT, ir_and(&arena, truth(a), truth(b)))),
                   &not_and_jumps);
            expect(as_jump(ir_unary(&arena, IR_NOT, ir_or(&arena, truth(a), truth(b)))),
                   &not_or_jumps);
        }
}

static void comparisons_agree_as_value_and_as_jump(void **state)
{
    (void)state;
    for (int op = IR_EQ; op <= IR_IS_NOT; op++)
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 3; b++) {
                static const int orders[IR_IS_NOT + 1][3] = {
                    /* a < b, a = b, a > b */
                    [IR_EQ] = {0, 1, 0}, [IR_NE] = {1, 0, 1},    [IR_LT] = {1, 0, 0},
                    [IR_LE] = {1, 1, 0}, [IR_GT] = {0, 0, 1},    [IR_GE] = {0, 1, 1},
                    [IR_IS] = {0, 1, 0}, [IR_IS_NOT] = {1, 0, 1}};
                const bool is_null = (a == 2 || b == 2) && op < IR_IS;
                const int order = a == b ? 1 : a < b || a == 2 ? 0 : 2;
                const int64_t value = orders[op][order], jumps = is_null ? 0 : value;

                expect(ir_compare(&arena, (enum ir_compare)op, truth(a), truth(b)),
                       is_null ? NULL : &value);
                expect(as_jump(ir_compare(&arena, (enum ir_compare)op, truth(a), truth(b))),
                       &jumps);
            }
}

static void literals_and_lifted_literals_make_the_same_code(void **state)
{
    struct ir_expr *with_literals[] = {ir_binary(&arena, IR_ADD, number(4), number(5))};
    struct ir_expr *with_params[] = {ir_binary(&arena, IR_ADD, lifted(4, 1), lifted(5, 2))};
    struct program *first = compile(select_of(with_literals, 1));
    struct program *second = compile(select_of(with_params, 1));
    struct buf one = {0}, other = {0};

    (void)state;
    program_print(&one, first);
    program_print(&other, second);
    assert_string_equal(buf_cstr(&one), buf_cstr(&other));
    assert_string_equal(buf_cstr(&one), "k0 = 4\n"
                                        "k1 = 5\n"
                                        "   0  ADD            r0 = k0 + k1\n"
                                        "   1  ROW            row r0\n"
                                        "   2  HALT           done\n");
    buf_free(&one);
    buf_free(&other);
    program_free(first);
    program_free(second);
}

static void limit_and_offset_count_rows(void **state)
{
    struct ir_expr *rows[] = {number(1), number(2), number(3), number(4), number(5)};
    struct plan_statement *plan = select_of(rows, 1);
    struct program *program;
    struct vm *vm;

    (void)state;
    plan->query->blocks[0]->row_count = 5;
    plan->query->blocks[0]->rows = rows;
    plan->query->limit = number(2);
    plan->query->offset = number(1);
    program = compile(plan);
    assert_int_equal(vm_new(program, &vm), ST_OK);
    assert_int_equal(vm_begin(vm, &(struct vm_environment){0}, NULL), ST_OK);
    assert_int_equal(vm_step(vm, NULL), ST_ROW);
    assert_int_equal(vm_column(vm, 0).as.i, 2);
    assert_int_equal(vm_step(vm, NULL), ST_ROW);
    assert_int_equal(vm_column(vm, 0).as.i, 3);
    assert_int_equal(vm_step(vm, NULL), ST_DONE);
    vm_free(vm);
    program_free(program);
}

static void an_expression_reads_the_record_it_is_given(void **state)
{
    struct ir_source source = {.number = 0};
    struct table table = {.key_count = 0};
    struct ir_expr *column = ir_expr_new(&arena, IR_COLUMN, -1);
    const uint16_t attributes[] = {0}, positions[] = {0};
    const struct slice names[] = {{"a", 1}};
    const struct shape shape = {.id = 1,
                                .count = 1,
                                .attribute_count = 1,
                                .attributes = attributes,
                                .names = names,
                                .position_of = positions};
    const struct record_header header = {0};
    const struct value stored = value_int(20);
    const struct record_write write = {.header = &header, .shape = &shape, .values = &stored};
    struct program *program = NULL;
    struct buf bytes = {0};
    struct record record;
    struct value v;
    struct vm *vm;

    (void)state;
    column->as.column.source = &source;
    column->as.column.attribute = 0;
    assert_int_equal(record_write(&bytes, &write), ST_OK);
    assert_int_equal(record_open(slice_empty(), buf_slice(&bytes), &shape, &arena, &record), ST_OK);
    assert_int_equal(codegen_row_expr(ir_binary(&arena, IR_MULTIPLY, column, number(2)), &source,
                                      &table, &program, NULL),
                     ST_OK);
    assert_int_equal(vm_new(program, &vm), ST_OK);
    for (int run = 0; run < 2; run++) {
        assert_int_equal(vm_evaluate(vm, &record, &v, NULL), ST_OK);
        assert_int_equal(v.as.i, 40);
    }
    vm_free(vm);
    program_free(program);
    buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logic_has_three_values_as_a_value_and_as_a_jump, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(comparisons_agree_as_value_and_as_jump, set_up, tear_down),
        cmocka_unit_test_setup_teardown(literals_and_lifted_literals_make_the_same_code, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(limit_and_offset_count_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_expression_reads_the_record_it_is_given, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
