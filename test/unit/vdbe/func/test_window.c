#include "evaluate.h"

static enum status value_at(void *source, int64_t row, unsigned argument, struct value *out)
{
    const int64_t *parameter = source; /* Y of lag, nth_value …; X of row r is 10 * r */

    *out = argument == 0 ? value_int(parameter[1] ? parameter[0] : 10 * row)
                         : value_int(argument == 1 ? parameter[0] : -1);
    return ST_OK;
}

/* Rows 0 … 6; peers of row 3 are 2 … 4, before which two groups stand. */
static struct func_window window_of_row_3(int64_t *parameter)
{
    return (struct func_window){.row = 3,
                                .partition_rows = 7,
                                .peers_first = 2,
                                .peers_end = 5,
                                .peer_group = 2,
                                .frame_count = 2,
                                .frame = {{1, 3}, {5, 6}},
                                .argument_at = value_at,
                                .source = parameter};
}

static struct value window_call(const char *name, unsigned count, struct func_window *window,
                                enum status expected)
{
    struct calculator calc;
    const struct func *func;
    struct value out = value_null();

    calculator_open(&calc);
    func = func_find(calc.registry, slice_text(name), count, NULL);
    assert_non_null(func);
    assert_non_null(func->window);
    assert_int_equal(func->window(&calc.context, window, count, &out), expected);
    calculator_close(&calc);
    return out;
}

static void window_functions_see_the_partition(void **state)
{
    const struct {
        const char *name;
        unsigned count;
        int64_t parameter;
        bool is_first; /* the parameter is the first argument */
        struct value expected;
    } cases[] = {
        {"row_number", 0, 0, false, value_int(4)},
        {"rank", 0, 0, false, value_int(3)},
        {"dense_rank", 0, 0, false, value_int(3)},
        {"percent_rank", 0, 0, false, value_real(2.0 / 6.0)},
        {"cume_dist", 0, 0, false, value_real(5.0 / 7.0)},
        {"ntile", 1, 3, true, value_int(2)},
        {"ntile", 1, 100, true, value_int(4)},
        {"lag", 1, 0, false, value_int(20)},
        {"lag", 2, 3, false, value_int(0)},
        {"lag", 2, 4, false, value_null()},
        {"lag", 3, 4, false, value_int(-1)},
        {"lead", 2, 3, false, value_int(60)},
        {"lead", 3, INT64_MAX, false, value_int(-1)},
        {"lag", 3, INT64_MIN, false, value_int(-1)},
        {"first_value", 1, 0, false, value_int(10)},
        {"last_value", 1, 0, false, value_int(50)},
        {"nth_value", 2, 3, false, value_int(50)},
        {"nth_value", 2, 4, false, value_null()},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t parameter[2] = {cases[i].parameter, cases[i].is_first};
        struct func_window window = window_of_row_3(parameter);
        struct value got = window_call(cases[i].name, cases[i].count, &window, ST_OK);

        if (!value_identical(got, cases[i].expected))
            fail_msg("%s with %lld", cases[i].name, (long long)cases[i].parameter);
    }
}

static void wrong_numbers_of_parts_are_refused(void **state)
{
    int64_t parameter[2] = {0, 1};
    struct func_window window = window_of_row_3(parameter);

    (void)state;
    (void)window_call("ntile", 1, &window, ST_RANGE);
    parameter[1] = 0;
    (void)window_call("nth_value", 2, &window, ST_RANGE);
}

/* Each aggregate over a frame of two rows that moves: as if it began anew each time. */
static void an_inverse_undoes_a_step(void **state)
{
    static const char *const names[] = {"count", "sum",          "total",
                                        "avg",   "group_concat", "json_group_array"};
    struct value rows[] = {value_int(3),
                           value_null(),
                           value_text(slice_text("7")),
                           value_int(-2),
                           value_text(slice_text("")),
                           value_int(5)};
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        const struct func *func = func_find(calc.registry, slice_text(names[n]), 1, NULL);
        void *moving = test_calloc(1, func->state_bytes);

        assert_non_null(func->inverse);
        for (size_t i = 0; i + 1 < COUNT_OF(rows); i++) {
            void *fresh = test_calloc(1, func->state_bytes);
            struct value a, b;

            if (i == 0)
                assert_int_equal(func->step(&calc.context, moving, 1, &rows[0]), ST_OK);
            assert_int_equal(func->step(&calc.context, moving, 1, &rows[i + 1]), ST_OK);
            if (i > 0)
                assert_int_equal(func->inverse(&calc.context, moving, 1, &rows[i - 1]), ST_OK);
            assert_int_equal(func->step(&calc.context, fresh, 1, &rows[i]), ST_OK);
            assert_int_equal(func->step(&calc.context, fresh, 1, &rows[i + 1]), ST_OK);
            assert_int_equal(func->result(&calc.context, moving, &a), ST_OK);
            assert_int_equal(func->result(&calc.context, fresh, &b), ST_OK);
            if (value_compare(a, b, COLLATE_BINARY) != 0)
                fail_msg("%s at row %zu", names[n], i);
            if (func->deinit != NULL)
                func->deinit(fresh);
            test_free(fresh);
        }
        if (func->deinit != NULL)
            func->deinit(moving);
        test_free(moving);
    }
    calculator_close(&calc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_functions_see_the_partition),
        cmocka_unit_test(wrong_numbers_of_parts_are_refused),
        cmocka_unit_test(an_inverse_undoes_a_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
