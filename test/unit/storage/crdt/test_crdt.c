#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/crdt/crdt.h"

static void a_stamp_is_milliseconds_in_units_of_two_to_the_minus_twelve(void **state)
{
    (void)state;
    assert_int_equal(stamp_from_us(0), 0);
    assert_int_equal(stamp_from_us(1000), 4096);
    assert_int_equal(stamp_from_us(1500), 6144);
    assert_true(stamp_to_ms(stamp_from_us(1795175330607500)) == 1795175330607.5);
}

static void the_clock_never_stands_and_never_goes_back(void **state)
{
    struct hlc clock = {0};
    stamp_t first = hlc_next(&clock, 1000000), second = hlc_next(&clock, 1000000);

    (void)state;
    assert_true(second == first + 1);
    assert_true(hlc_next(&clock, 500000) == second + 1);
    hlc_observe(&clock, first + 1000);
    assert_true(hlc_next(&clock, 1000000) == first + 1001);
    hlc_observe(&clock, 1);
    assert_true(clock.last == first + 1001);
}

static void time_decides_and_rank_breaks_ties(void **state)
{
    (void)state;
    assert_true(merge_is_newer(2, 1, 1, 9));
    assert_false(merge_is_newer(1, 9, 2, 1));
    assert_true(merge_is_newer(2, 2, 2, 1));
    assert_false(merge_is_newer(2, 1, 2, 1));
}

static void an_add_counts_what_is_no_number_as_zero_and_clamps(void **state)
{
    static const struct {
        struct value base, delta, sum;
    } cases[] = {
        {{.kind = VALUE_INT, .as.i = 2},
         {.kind = VALUE_INT, .as.i = 3},
         {.kind = VALUE_INT, .as.i = 5}},
        {{.kind = VALUE_ABSENT}, {.kind = VALUE_INT, .as.i = -3}, {.kind = VALUE_INT, .as.i = -3}},
        {{.kind = VALUE_TEXT}, {.kind = VALUE_INT, .as.i = 1}, {.kind = VALUE_INT, .as.i = 1}},
        {{.kind = VALUE_INT, .as.i = INT64_MAX},
         {.kind = VALUE_INT, .as.i = 1},
         {.kind = VALUE_INT, .as.i = INT64_MAX}},
        {{.kind = VALUE_INT, .as.i = INT64_MIN},
         {.kind = VALUE_INT, .as.i = -1},
         {.kind = VALUE_INT, .as.i = INT64_MIN}},
        {{.kind = VALUE_REAL, .as.d = 0.5},
         {.kind = VALUE_INT, .as.i = 1},
         {.kind = VALUE_REAL, .as.d = 1.5}},
        {{.kind = VALUE_DATE, .as.i = 10},
         {.kind = VALUE_INT, .as.i = 5},
         {.kind = VALUE_DATE, .as.i = 15}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_true(value_identical(merge_add(cases[i].base, cases[i].delta), cases[i].sum));
}

static void a_patch_keeps_what_is_unsettled_and_a_put_does_not(void **state)
{
    struct record_header old = {.flags = RECORD_EXPIRY | RECORD_UNSETTLED,
                                .stamp = 5,
                                .expiry_ms = 99,
                                .unsettled = {"abc", 3}};
    struct record_header put = merge_local(&old, MERGE_PUT, 9, 1);
    struct record_header patch = merge_local(&old, MERGE_PATCH, 9, 1);
    struct record_header dead = merge_local(&old, MERGE_DELETE, 9, 1);

    (void)state;
    assert_int_equal(put.flags, 0);
    assert_int_equal(put.stamp, 9);
    assert_int_equal(patch.flags, RECORD_EXPIRY | RECORD_UNSETTLED);
    assert_int_equal(patch.expiry_ms, 99);
    assert_int_equal(patch.unsettled.len, 3);
    assert_int_equal(dead.flags, RECORD_DEAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamp_is_milliseconds_in_units_of_two_to_the_minus_twelve),
        cmocka_unit_test(the_clock_never_stands_and_never_goes_back),
        cmocka_unit_test(time_decides_and_rank_breaks_ties),
        cmocka_unit_test(an_add_counts_what_is_no_number_as_zero_and_clamps),
        cmocka_unit_test(a_patch_keeps_what_is_unsettled_and_a_put_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
