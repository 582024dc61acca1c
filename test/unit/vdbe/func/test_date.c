/* SQLite's date functions against results of the sqlite3 program, in a zone that has summer time.
 */
#include "evaluate.h"
#include <time.h>

static void dates_answer_as_sqlite_does(void **state)
{
    struct calculator calc;

    (void)state;
    assert_int_equal(setenv("TZ", "America/New_York", 1), 0);
    tzset();
    calculator_open(&calc);
    assert_int_equal(run_cases(&calc, "test/unit/vdbe/func/date.cases"), 0);
    calculator_close(&calc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_answer_as_sqlite_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
