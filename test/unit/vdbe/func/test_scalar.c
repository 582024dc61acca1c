/* Scalar functions and aggregates against results that the sqlite3 program gave (refresh_cases.py).
 */
#include "evaluate.h"

static void scalars_answer_as_sqlite_does(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/scalar.cases"), 0);
    calculator_close(&calc);
}

static void printf_writes_as_sqlite_does(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/printf.cases"), 0);
    calculator_close(&calc);
}

static void aggregates_answer_as_sqlite_does(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/aggregate.cases"), 0);
    calculator_close(&calc);
}

static void mathematics_answers_as_sqlite_does(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/math.cases"), 0);
    calculator_close(&calc);
}

static void json_functions_answer_as_sqlite_does(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/json.cases"), 0);
    calculator_close(&calc);
}

static void harpers_own_functions_do_what_they_promise(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/harper.cases"), 0);
    calculator_close(&calc);
}

static void geo_functions_measure_and_compare(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/geo.cases"), 0);
    calculator_close(&calc);
}

static void search_json_finds_what_jsonata_finds(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/search.cases"), 0);
    calculator_close(&calc);
}

static void random_calls_answer_as_sqlite_does(void **state)
{
    struct calculator calc;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/random.cases"), 0);
    calculator_close(&calc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_answer_as_sqlite_does),
        cmocka_unit_test(printf_writes_as_sqlite_does),
        cmocka_unit_test(aggregates_answer_as_sqlite_does),
        cmocka_unit_test(mathematics_answers_as_sqlite_does),
        cmocka_unit_test(json_functions_answer_as_sqlite_does),
        cmocka_unit_test(harpers_own_functions_do_what_they_promise),
        cmocka_unit_test(geo_functions_measure_and_compare),
        cmocka_unit_test(search_json_finds_what_jsonata_finds),
        cmocka_unit_test(random_calls_answer_as_sqlite_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
