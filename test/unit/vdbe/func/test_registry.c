#include "evaluate.h"

static void built_in_functions_are_found_by_name_and_count(void **state)
{
    struct func_registry *registry;
    bool exists;

    (void)state;
    assert_int_equal(func_registry_new(&registry), ST_OK);
    for (size_t i = 0; func_at(registry, i) != NULL; i++) {
        const struct func *func = func_at(registry, i);
        const struct func *found =
            func_find(registry, slice_text(func->name), (unsigned)func->args_min, &exists);

        assert_ptr_equal(found, func);
        assert_true(func->summary[0] != '\0');
        assert_true(func->scalar != NULL || func->step != NULL || func->window != NULL);
        assert_true((func->flags & FUNC_AGGREGATE) == 0 || func->result != NULL);
    }
    assert_non_null(func_find(registry, slice_text("SubStr"), 3, &exists));
    assert_null(func_find(registry, slice_text("substr"), 1, &exists));
    assert_true(exists);
    assert_null(func_find(registry, slice_text("no_such"), 1, &exists));
    assert_false(exists);
    assert_true((func_find(registry, slice_text("max"), 1, NULL)->flags & FUNC_AGGREGATE) != 0);
    assert_true((func_find(registry, slice_text("max"), 2, NULL)->flags & FUNC_AGGREGATE) == 0);
    func_registry_free(registry);
}

static void a_null_goes_through_where_the_flag_says_so(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    for (size_t i = 0; func_at(calc.registry, i) != NULL; i++) {
        const struct func *func = func_at(calc.registry, i);
        const struct value args[] = {value_null(), value_int(1), value_int(1), value_int(1)};
        struct value out = value_int(1);

        if ((func->flags & FUNC_NULL_IN_NULL_OUT) == 0 || func->scalar == NULL)
            continue;
        assert_true(func->args_min < (int)COUNT_OF(args));
        unsigned count = func->args_min == 0 ? 1 : (unsigned)func->args_min;
        if (func->scalar(&calc.context, count, args, &out) != ST_OK || !value_is_null(out))
            fail_msg("%s is not null", func->name);
    }
    calculator_close(&calc);
}

/* Bytes that are no UTF-8, numbers at the limits, text that ends too early. */
static void no_argument_is_too_odd(void **state)
{
    struct calculator calc;
    struct value odd[14];

    (void)state;
    calculator_open(&calc);
    calc.context.text_bytes_max = 10000;
    struct arena kept;
    arena_init(&kept, 0);
    odd[0] = value_null();
    odd[1] = value_int(INT64_MIN);
    odd[2] = value_int(INT64_MAX);
    odd[3] = value_real(-1e308);
    odd[4] = value_text(slice_of("\xff\xc0\x80%\xe2\x82", 6));
    odd[5] = value_bytes(slice_of("\xed\xa0\x80\0x", 5));
    odd[6] = value_text(slice_empty());
    odd[7] = value_text(slice_text("$.a[#-1]%[^a-\\"));
    odd[8] = value_date(INT64_MIN);
    odd[9] = value_bool(true);
    assert_int_equal(json_read(slice_text("{\"a\":[1,{\"b\":null}]}"), &kept, &odd[10], NULL),
                     ST_OK);
    assert_int_equal(json_read(slice_text("[1e400,\"x\"]"), &kept, &odd[11], NULL), ST_OK);
    odd[12] = value_text(slice_text("2024-02-29 12:00"));
    odd[13] =
        value_text(slice_text("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,1],[0,0]]]}"));
    for (size_t i = 0; func_at(calc.registry, i) != NULL; i++) {
        const struct func *func = func_at(calc.registry, i);

        for (size_t n = 0;
             func->scalar != NULL && n < COUNT_OF(odd) * COUNT_OF(odd) * COUNT_OF(odd); n++) {
            const struct value args[] = {odd[n % COUNT_OF(odd)],
                                         odd[n / COUNT_OF(odd) % COUNT_OF(odd)],
                                         odd[n / COUNT_OF(odd) / COUNT_OF(odd)], odd[n % 5]};
            unsigned count = func->args_min > 3 || func->args_max < 0 || func->args_max > 3
                                 ? 3
                                 : (unsigned)func->args_max;
            struct value out = value_null();

            if (func->scalar(&calc.context, count, args, &out) == ST_OK && value_has_bytes(out) &&
                out.len != 0 && (out.flags & VALUE_IS_RECORD) == 0)
                assert_non_null(out.as.data);
            arena_reset(&calc.arena);
        }
    }
    arena_deinit(&kept);
    calculator_close(&calc);
}

static void count_release(void *user)
{
    ++*(int *)user;
}

static enum status answer(struct func_context *context, unsigned count, const struct value *args,
                          struct value *out)
{
    (void)context;
    (void)count;
    (void)args;
    *out = value_int(42);
    return ST_OK;
}

static void a_registered_function_replaces_and_is_released(void **state)
{
    struct func_registry *registry;
    int released = 0;
    struct func func = {
        .name = "Upper", .args_min = 1, .args_max = 1, .scalar = answer, .user = &released};

    (void)state;
    assert_int_equal(func_registry_new(&registry), ST_OK);
    assert_int_equal(func_register(registry, &func, count_release), ST_OK);
    assert_ptr_equal(func_find(registry, slice_text("UPPER"), 1, NULL)->scalar, answer);
    assert_int_equal(func_register(registry, &func, count_release), ST_OK);
    assert_int_equal(released, 1);
    func_registry_free(registry);
    assert_int_equal(released, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_functions_are_found_by_name_and_count),
        cmocka_unit_test(a_null_goes_through_where_the_flag_says_so),
        cmocka_unit_test(no_argument_is_too_odd),
        cmocka_unit_test(a_registered_function_replaces_and_is_released),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
