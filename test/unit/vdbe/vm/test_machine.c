/* Programs built by hand, without a database. */
#include "vdbe/vm/builder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka needs the four above
#include <cmocka.h>

static struct builder *begin(void)
{
    struct builder *builder;

    assert_int_equal(builder_new(&builder), ST_OK);
    return builder;
}

static struct program *finish(struct builder *builder)
{
    struct program *program = NULL;
    struct error err = {0};
    enum status st = builder_finish(builder, &program, &err);

    if (st != ST_OK)
        print_message("%s\n", error_message(&err));
    assert_int_equal(st, ST_OK);
    builder_free(builder);
    return program;
}

static struct vm *start(const struct program *program, size_t memory_bytes)
{
    const struct vm_environment environment = {.memory_bytes = memory_bytes};
    struct vm *vm;

    assert_int_equal(vm_new(program, &vm), ST_OK);
    assert_int_equal(vm_begin(vm, &environment, NULL), ST_OK);
    return vm;
}

/* Counts r0 from 1 to `last` and gives each as a row. */
static struct program *counting(int64_t last)
{
    struct builder *builder = begin();
    const int32_t top = builder_label(builder), at = builder_register(builder, 1);
    const int32_t one = SLOT(builder_literal(builder, value_int(1)));
    const int32_t end = SLOT(builder_literal(builder, value_int(last)));
    const struct slice name = slice_text("n");

    builder_columns(builder, 1, &name);
    builder_emit(builder, OP_INTEGER, at, 0, 0);
    builder_place(builder, top);
    builder_emit(builder, OP_ADD, at, one, at);
    builder_emit_n(builder, OP_ROW, 1, at, 0, 0, NULL);
    builder_emit_n(builder, OP_LT, 0, at, end, top, NULL);
    builder_emit(builder, OP_HALT, 0, 0, 0);
    return finish(builder);
}

static void a_program_gives_its_rows_one_step_at_a_time(void **state)
{
    struct program *program = counting(3);
    struct vm *vm = start(program, 0);

    (void)state;
    for (int64_t k = 1; k <= 3; k++) {
        assert_int_equal(vm_step(vm, NULL), ST_ROW);
        assert_int_equal(vm_column(vm, 0).as.i, k);
    }
    assert_int_equal(vm_step(vm, NULL), ST_DONE);
    assert_int_equal(vm_step(vm, NULL), ST_DONE);
    vm_free(vm);
    program_free(program);
}

static void a_machine_runs_again_after_a_reset(void **state)
{
    const struct vm_environment environment = {0};
    struct program *program = counting(2);
    struct vm *vm = start(program, 0);

    (void)state;
    for (int run = 0; run < 3; run++) {
        assert_int_equal(vm_step(vm, NULL), ST_ROW);
        assert_int_equal(vm_column(vm, 0).as.i, 1);
        vm_reset(vm); /* in the middle */
        assert_int_equal(vm_begin(vm, &environment, NULL), ST_OK);
    }
    vm_free(vm);
    program_free(program);
}

static void an_interrupt_ends_an_endless_loop(void **state)
{
    struct builder *builder = begin();
    const int32_t top = builder_label(builder);
    volatile bool interrupted = true;
    const struct vm_environment environment = {.interrupted = &interrupted};
    struct program *program;
    struct vm *vm;

    (void)state;
    builder_place(builder, top);
    builder_emit(builder, OP_GOTO, top, 0, 0);
    program = finish(builder);
    assert_int_equal(vm_new(program, &vm), ST_OK);
    assert_int_equal(vm_begin(vm, &environment, NULL), ST_OK);
    assert_int_equal(vm_step(vm, NULL), ST_INTERRUPTED);
    vm_free(vm);
    program_free(program);
}

static void parameters_fill_their_slots(void **state)
{
    struct builder *builder = begin();
    const int32_t param = SLOT(builder_param(builder, 1, NULL)), at = builder_register(builder, 1);
    const struct slice name = slice_text(":x");
    struct program *program;
    struct vm *vm;

    (void)state;
    builder_params(builder, 1, &name);
    builder_emit(builder, OP_ADD, param, param, at);
    builder_emit_n(builder, OP_ROW, 1, at, 0, 0, NULL);
    builder_emit(builder, OP_HALT, 0, 0, 0);
    program = finish(builder);
    assert_int_equal(vm_new(program, &vm), ST_OK);
    assert_int_equal(vm_bind(vm, 2, value_int(1)), ST_RANGE);
    assert_int_equal(vm_bind(vm, 1, value_int(21)), ST_OK);
    assert_int_equal(vm_begin(vm, &(struct vm_environment){0}, NULL), ST_OK);
    assert_int_equal(vm_step(vm, NULL), ST_ROW);
    assert_int_equal(vm_column(vm, 0).as.i, 42);
    vm_free(vm);
    program_free(program);
}

static struct value compute(enum opcode op, struct value a, struct value b)
{
    struct builder *builder = begin();
    const int32_t left = SLOT(builder_literal(builder, a)),
                  right = SLOT(builder_literal(builder, b)), at = builder_register(builder, 1);
    struct program *program;
    struct value result;
    struct vm *vm;

    builder_emit(builder, op, left, right, at);
    builder_emit_n(builder, OP_ROW, 1, at, 0, 0, NULL);
    builder_emit(builder, OP_HALT, 0, 0, 0);
    program = finish(builder);
    vm = start(program, 0);
    assert_int_equal(vm_step(vm, NULL), ST_ROW);
    result = vm_column(vm, 0);
    assert_true(!value_has_bytes(result));
    vm_free(vm);
    program_free(program);
    return result;
}

static void arithmetic_is_sqlites(void **state)
{
    const struct {
        enum opcode op;
        struct value a, b, result;
    } cases[] = {
        {OP_ADD, value_int(2), value_int(3), value_int(5)},
        {OP_ADD, value_int(INT64_MAX), value_int(1), value_real(9223372036854775808.0)},
        {OP_SUBTRACT, value_int(INT64_MIN), value_int(1), value_real(-9223372036854775808.0)},
        {OP_MULTIPLY, value_int(INT64_MAX), value_int(2), value_real(18446744073709551616.0)},
        {OP_DIVIDE, value_int(7), value_int(2), value_int(3)},
        {OP_DIVIDE, value_int(7), value_int(0), value_null()},
        {OP_DIVIDE, value_int(INT64_MIN), value_int(-1), value_real(9223372036854775808.0)},
        {OP_MODULO, value_int(-7), value_int(3), value_int(-1)},
        {OP_MODULO, value_int(INT64_MIN), value_int(-1), value_int(0)},
        {OP_MODULO, value_int(7), value_int(0), value_null()},
        {OP_ADD, value_null(), value_int(1), value_null()},
        {OP_ADD, value_bool(true), value_int(1), value_int(2)},
        {OP_SHIFT_LEFT, value_int(1), value_int(64), value_int(0)},
        {OP_SHIFT_LEFT, value_int(8), value_int(-2), value_int(2)},
        {OP_SHIFT_RIGHT, value_int(-8), value_int(100), value_int(-1)},
        {OP_AND, value_null(), value_int(0), value_int(0)},
        {OP_AND, value_null(), value_int(1), value_null()},
        {OP_OR, value_null(), value_int(1), value_int(1)},
        {OP_OR, value_null(), value_int(0), value_null()},
    };

    (void)state;
    for (size_t k = 0; k < COUNT_OF(cases); k++)
        assert_true(value_identical(compute(cases[k].op, cases[k].a, cases[k].b), cases[k].result));
}

/* ---- verification ---- */

static void refuse(struct builder *builder, const char *part)
{
    struct program *program = NULL;
    struct error err = {0};

    if (builder_finish(builder, &program, &err) == ST_OK) {
        assert_int_equal(program_verify(program, &err), ST_INTERNAL); /* release builds */
        program_free(program);
    }
    assert_non_null(strstr(error_message(&err), part));
    builder_free(builder);
}

static void the_verifier_refuses_programs_that_step_outside(void **state)
{
    struct builder *builder = begin();

    (void)state;
    builder_emit(builder, OP_ADD, 5, 6, 7); /* registers nobody asked for */
    builder_emit(builder, OP_HALT, 0, 0, 0);
    refuse(builder, "no such register");

    builder = begin();
    builder_emit(builder, OP_INTEGER, SLOT(builder_literal(builder, value_int(1))), 2, 0);
    builder_emit(builder, OP_HALT, 0, 0, 0);
    refuse(builder, "a constant is written");

    builder = begin();
    builder_emit(builder, OP_INTEGER, builder_register(builder, 1), 2, 0);
    refuse(builder, "runs past its end");

    builder = begin();
    builder_emit(builder, OP_SORT_CLEAR, 0, 0, 0);
    builder_emit(builder, OP_HALT, 0, 0, 0);
    refuse(builder, "no such object");

    builder = begin();
    (void)builder_object(builder, &(struct object_spec){.type = OBJECT_ROWS});
    builder_emit(builder, OP_SORT_CLEAR, 0, 0, 0);
    builder_emit(builder, OP_HALT, 0, 0, 0);
    refuse(builder, "object of another type");

    builder = begin();
    builder_emit(builder, OP_ONCE, 0, builder_label(builder), 0);
    refuse(builder, "label that is nowhere");

    builder = begin();
    refuse(builder, "without instructions");
}

/* ---- objects ---- */

static void a_coroutine_and_its_asker_take_turns(void **state)
{
    struct builder *builder = begin();
    const int32_t entry = builder_label(builder), top = builder_label(builder),
                  over = builder_label(builder), done = builder_label(builder),
                  at = builder_register(builder, 1);
    const int32_t routine =
        (int32_t)builder_object(builder, &(struct object_spec){.type = OBJECT_COROUTINE});
    struct program *program;
    struct vm *vm;

    (void)state;
    builder_emit(builder, OP_CO_START, routine, entry, 0);
    builder_emit(builder, OP_GOTO, over, 0, 0);
    builder_place(builder, entry);
    builder_emit(builder, OP_INTEGER, at, 7, 0);
    builder_emit(builder, OP_CO_YIELD, routine, 0, 0);
    builder_emit(builder, OP_INTEGER, at, 8, 0);
    builder_emit(builder, OP_CO_YIELD, routine, 0, 0);
    builder_emit(builder, OP_CO_END, routine, 0, 0);
    builder_place(builder, over);
    builder_place(builder, top);
    builder_emit(builder, OP_CO_RESUME, routine, done, 0);
    builder_emit_n(builder, OP_ROW, 1, at, 0, 0, NULL);
    builder_emit(builder, OP_GOTO, top, 0, 0);
    builder_place(builder, done);
    builder_emit(builder, OP_HALT, 0, 0, 0);
    program = finish(builder);
    vm = start(program, 0);
    assert_int_equal(vm_step(vm, NULL), ST_ROW);
    assert_int_equal(vm_column(vm, 0).as.i, 7);
    assert_int_equal(vm_step(vm, NULL), ST_ROW);
    assert_int_equal(vm_column(vm, 0).as.i, 8);
    assert_int_equal(vm_step(vm, NULL), ST_DONE);
    vm_free(vm);
    program_free(program);
}

static void a_listing_shows_slots_and_operands(void **state)
{
    struct program *program = counting(3);
    struct buf out = {0};

    (void)state;
    program_print(&out, program);
    assert_string_equal(buf_cstr(&out), "k0 = 1\n"
                                        "k1 = 3\n"
                                        "   0  INTEGER        r0 = 0\n"
                                        "   1  ADD            r0 = r0 + k0\n"
                                        "   2  ROW            row r0\n"
                                        "   3  LT             r0 < k1: go to 1\n"
                                        "   4  HALT           done\n");
    buf_free(&out);
    program_free(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_gives_its_rows_one_step_at_a_time),
        cmocka_unit_test(a_machine_runs_again_after_a_reset),
        cmocka_unit_test(an_interrupt_ends_an_endless_loop),
        cmocka_unit_test(parameters_fill_their_slots),
        cmocka_unit_test(arithmetic_is_sqlites),
        cmocka_unit_test(the_verifier_refuses_programs_that_step_outside),
        cmocka_unit_test(a_coroutine_and_its_asker_take_turns),
        cmocka_unit_test(a_listing_shows_slots_and_operands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
