#include "samples.h"
#include "storage/value/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h> /* needs what stands above */

#define TEXT(literal) value_text(slice_of(literal, sizeof(literal) - 1))

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void kinds_have_one_total_order(void **state)
{
    const struct value rising[] = {value_null(),
                                   value_bool(false),
                                   value_bool(true),
                                   value_real(-INFINITY),
                                   value_int(-5),
                                   value_real(0.5),
                                   value_date(7),
                                   value_int(8),
                                   value_real(INFINITY),
                                   TEXT(""),
                                   TEXT("a"),
                                   value_bytes(slice_empty()),
                                   value_bytes(slice_text("a"))};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rising); i++)
        for (size_t k = 0; k < COUNT_OF(rising); k++)
            assert_int_equal(sign(value_compare(rising[i], rising[k], COLLATE_BINARY)),
                             (i > k) - (i < k));
    assert_int_equal(value_compare(value_absent(), value_null(), COLLATE_BINARY), 0);
    assert_int_equal(value_compare(value_int(5), value_real(5.0), COLLATE_BINARY), 0);
    assert_int_equal(value_compare(value_int(5), value_date(5), COLLATE_BINARY), 0);
    assert_int_equal(value_compare(value_real(0.0), value_real(-0.0), COLLATE_BINARY), 0);
}

static void an_integer_and_a_real_compare_exactly(void **state)
{
    const struct {
        int64_t i;
        double d;
        int order;
    } cases[] = {
        {9007199254740993, 9007199254740992.0, 1},
        {-9007199254740993, -9007199254740992.0, -1},
        {INT64_MAX, 0x1p63, -1},
        {INT64_MIN, -0x1p63, 0},
        {INT64_MIN, -0x1.0000000000001p63, 1},
        {0, 5e-324, -1},
        {0, -5e-324, 1},
        {5, 5.5, -1},
        {-5, -5.5, 1},
        {6, 5.5, 1},
        {INT64_MAX, INFINITY, -1},
        {INT64_MIN, -INFINITY, 1},
        {3, 3.0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(compare_int_real(cases[i].i, cases[i].d), cases[i].order);
}

static void collations_fold_as_sqlites_do(void **state)
{
    const struct {
        struct value a, b;
        enum collation collation;
        int order;
    } cases[] = {
        {TEXT("abc"), TEXT("ABC"), COLLATE_NOCASE, 0},
        {TEXT("abc"), TEXT("ABD"), COLLATE_NOCASE, -1},
        {TEXT("_"), TEXT("A"), COLLATE_NOCASE, -1},
        {TEXT("_"), TEXT("A"), COLLATE_BINARY, 1},
        {TEXT("\xc3\xa9"), TEXT("\xc3\x89"), COLLATE_NOCASE, 1},
        {TEXT("a  "), TEXT("a"), COLLATE_RTRIM, 0},
        {TEXT("a\t"), TEXT("a"), COLLATE_RTRIM, 1},
        {TEXT(" a"), TEXT("a"), COLLATE_RTRIM, -1},
        {TEXT("ab"), TEXT("A"), COLLATE_NOCASE, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(sign(value_compare(cases[i].a, cases[i].b, cases[i].collation)),
                         cases[i].order);
        if (cases[i].order == 0)
            assert_true(value_hash(cases[i].a, cases[i].collation) ==
                        value_hash(cases[i].b, cases[i].collation));
    }
}

static int by_value(const void *a, const void *b)
{
    return value_compare(*(const struct value *)a, *(const struct value *)b, COLLATE_BINARY);
}

static void the_order_is_total_over_everything(void **state)
{
    struct samples samples = {.state = 61};
    static struct value values[3000];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++)
        values[i] = sample_value(&samples);
    qsort(values, COUNT_OF(values), sizeof(values[0]), by_value);
    for (size_t i = 0; i < COUNT_OF(values); i++)
        for (size_t k = i; k < COUNT_OF(values); k += 1 + i % 7) {
            int order = by_value(&values[i], &values[k]);

            assert_true(order <= 0);
            assert_int_equal(sign(by_value(&values[k], &values[i])), -sign(order));
            if (order == 0)
                assert_true(value_hash(values[i], COLLATE_BINARY) ==
                            value_hash(values[k], COLLATE_BINARY));
        }
    arena_deinit(&samples.arena);
}

static void identical_values_have_one_kind_and_one_content(void **state)
{
    (void)state;
    assert_false(value_identical(value_int(1), value_real(1.0)));
    assert_false(value_identical(value_int(1), value_date(1)));
    assert_false(value_identical(value_real(0.0), value_real(-0.0)));
    assert_false(value_identical(value_null(), value_absent()));
    assert_true(value_identical(TEXT("a"), TEXT("a")));
    assert_int_equal(value_real(NAN).kind, VALUE_NULL);
    assert_string_equal(value_kind_name(VALUE_INT), "integer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_one_total_order),
        cmocka_unit_test(an_integer_and_a_real_compare_exactly),
        cmocka_unit_test(collations_fold_as_sqlites_do),
        cmocka_unit_test(the_order_is_total_over_everything),
        cmocka_unit_test(identical_values_have_one_kind_and_one_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
