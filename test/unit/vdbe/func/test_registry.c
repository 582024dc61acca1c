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
        cmocka_unit_test(a_registered_function_replaces_and_is_released),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
