#include "samples.h"
#include "storage/value/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* needs what stands above */

static const char *formatted(size_t (*format)(double, char *), double d)
{
    static char text[NUMBER_TEXT_MAX + 1];
    size_t len = format(d, text);

    assert_true(len <= NUMBER_TEXT_MAX);
    text[len] = '\0';
    return text;
}

static void reals_show_fifteen_digits_as_sqlite_does(void **state)
{
    const struct {
        double d;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "0.0"},
        {1.0, "1.0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {100.0, "100.0"},
        {0.1 + 0.2, "0.3"},
        {1.0 / 3, "0.333333333333333"},
        {2.0 / 3, "0.666666666666667"},
        {1e20, "1.0e+20"},
        {1e15, "1.0e+15"},
        {123456789012345.0, "123456789012345.0"},
        {1e14, "100000000000000.0"},
        {999999999999999.0, "999999999999999.0"},
        {1.5e300, "1.5e+300"},
        {1e-5, "1.0e-05"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {5e-324, "4.94065645841247e-324"},
        {1.7976931348623157e308, "1.79769313486232e+308"},
        {INFINITY, "Inf"},
        {-INFINITY, "-Inf"},
        {9007199254740993.0, "9.00719925474099e+15"},
        {123456.789, "123456.789"},
        {3.14159265358979, "3.14159265358979"},
        {1e100, "1.0e+100"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(formatted(number_format, cases[i].d), cases[i].text);
}

static void shortest_form_is_javascripts(void **state)
{
    const struct {
        double d;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "0"},
        {1.0, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {1e-6, "0.000001"},
        {1e-7, "1e-7"},
        {1.25e-7, "1.25e-7"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {123456789012345680.0, "123456789012345680"},
        {9007199254740993.0, "9007199254740992"},
        {1.0 / 3, "0.3333333333333333"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {5e-5, "0.00005"},
        {4.35, "4.35"},
        {0.000123, "0.000123"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(formatted(number_format_shortest, cases[i].d), cases[i].text);
}

/* Reads back, and has as few digits as the C library needs. */
static void check_shortest(double d)
{
    char text[NUMBER_TEXT_MAX + 1];
    char reference[64];
    struct value back;
    size_t len = number_format_shortest(d, text);
    int precision = 1, digits = 0, zeros = 0;

    text[len] = '\0';
    assert_true(number_parse(slice_of(text, len), &back) >= NUMBER_INT);
    if (value_to_real(back) != d || strtod(text, NULL) != d)
        fail_msg("%.17g came back as %s", d, text);
    do
        (void)snprintf(reference, sizeof(reference), "%.*e", precision - 1, d);
    while (strtod(reference, NULL) != d && ++precision <= 17);
    for (const char *at = text; *at != '\0' && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9' && (digits > 0 || *at != '0')) {
            digits++;
            zeros = *at == '0' ? zeros + 1 : 0;
        }
    if (digits - zeros > precision)
        fail_msg("%.17g was written as %s, %d digits are enough", d, text, precision);
}

static void shortest_form_reads_back_to_the_same_real_and_is_the_shortest(void **state)
{
    struct samples samples = {.state = 11};

    (void)state;
    for (int i = 0; i < 200000; i++) {
        double d = sample_real(&samples);

        if (!isinf(d) && d != 0)
            check_shortest(d);
    }
    /* Below a power of two reals lie twice as dense as above; around a power of ten digits are
     * carried. */
    for (int exponent = -1074; exponent < 1024; exponent++) {
        check_shortest(ldexp(1, exponent));
        check_shortest(nextafter(ldexp(1, exponent), INFINITY));
        check_shortest(nextafter(ldexp(3, exponent - 1), 0));
    }
    for (int exponent = -300; exponent < 300; exponent++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "1e%d", exponent);
        double power = strtod(text, NULL);
        for (double d = power; d < power * (1 + 0x1p-50); d = nextafter(d, INFINITY))
            check_shortest(d);
        for (double d = power; d > power * (1 - 0x1p-50); d = nextafter(d, 0))
            check_shortest(d);
    }
}

/* Do the exact digits behind the fifteenth begin like a half? There SQLite's rounding is not exact,
 * and less so the further the exponent is from 0. */
static bool is_near_half_way(double d)
{
    const int room = fabs(log10(fabs(d))) > 90 ? 10 : 1;
    char text[80], digits[3] = "";

    (void)snprintf(text, sizeof(text), "%.60e", fabs(d));
    memcpy(digits, text + 16, 2);
    return atoi(digits) >= 50 - room && atoi(digits) < 50 + room;
}

static void fifteen_digits_are_those_of_the_c_library(void **state)
{
    struct samples samples = {.state = 12};

    (void)state;
    for (int i = 0; i < 200000; i++) {
        double d = sample_real(&samples);
        char reference[64];

        if (isinf(d))
            continue;
        (void)snprintf(reference, sizeof(reference), "%.15g", d);
        const char *text = formatted(number_format, d);
        if (strtod(text, NULL) != strtod(reference, NULL) && !is_near_half_way(d))
            fail_msg("%s instead of %s", text, reference);
    }
}

/* What sqlite3 3.40 prints: there is no rule in it but how its own rounding comes out. */
static void half_way_between_two_texts_the_one_that_sqlite_writes_is_written(void **state)
{
    const struct {
        double d;
        const char *text;
    } cases[] = {
        {29138289589116.25, "29138289589116.3"},      {36174520610508.25, "36174520610508.2"},
        {-36174520610508.25, "-36174520610508.2"},    {36174520610508.75, "36174520610508.7"},
        {1000000000000005.0, "1.00000000000001e+15"}, {9999999999999995.0, "1.0e+16"},
        {2251799813685248.5, "2.25179981368525e+15"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(formatted(number_format, cases[i].d), cases[i].text);
}

static void numbers_are_read_with_the_kind_and_extent_sqlite_sees(void **state)
{
    const struct {
        const char *text;
        enum number_text what;
        struct value value;
    } cases[] = {
        {"0", NUMBER_INT, {.kind = VALUE_INT}},
        {" 12 ", NUMBER_INT, {.kind = VALUE_INT, .as.i = 12}},
        {"-7", NUMBER_INT, {.kind = VALUE_INT, .as.i = -7}},
        {"+7", NUMBER_INT, {.kind = VALUE_INT, .as.i = 7}},
        {"007", NUMBER_INT, {.kind = VALUE_INT, .as.i = 7}},
        {"9223372036854775807", NUMBER_INT, {.kind = VALUE_INT, .as.i = INT64_MAX}},
        {"-9223372036854775808", NUMBER_INT, {.kind = VALUE_INT, .as.i = INT64_MIN}},
        {"9223372036854775808", NUMBER_INT, {.kind = VALUE_REAL, .as.d = 0x1p63}},
        {"-9223372036854775809", NUMBER_INT, {.kind = VALUE_REAL, .as.d = -0x1p63}},
        {"1.5", NUMBER_REAL, {.kind = VALUE_REAL, .as.d = 1.5}},
        {"5.", NUMBER_REAL, {.kind = VALUE_REAL, .as.d = 5.0}},
        {".5", NUMBER_REAL, {.kind = VALUE_REAL, .as.d = 0.5}},
        {"-.5e1", NUMBER_REAL, {.kind = VALUE_REAL, .as.d = -5.0}},
        {"1e3", NUMBER_REAL, {.kind = VALUE_REAL, .as.d = 1000.0}},
        {"1e400", NUMBER_REAL, {.kind = VALUE_REAL, .as.d = INFINITY}},
        {"1e-400", NUMBER_REAL, {.kind = VALUE_REAL, .as.d = 0.0}},
        {"0e999999999999", NUMBER_REAL, {.kind = VALUE_REAL, .as.d = 0.0}},
        {"12abc", NUMBER_PREFIX, {.kind = VALUE_INT, .as.i = 12}},
        {"12.5abc", NUMBER_PREFIX, {.kind = VALUE_REAL, .as.d = 12.5}},
        {"1e", NUMBER_PREFIX, {.kind = VALUE_INT, .as.i = 1}},
        {"1e+", NUMBER_PREFIX, {.kind = VALUE_INT, .as.i = 1}},
        {"1 2", NUMBER_PREFIX, {.kind = VALUE_INT, .as.i = 1}},
        {"0x10", NUMBER_PREFIX, {.kind = VALUE_INT, .as.i = 0}},
        {"", NUMBER_NONE, {.kind = VALUE_INT}},
        {" ", NUMBER_NONE, {.kind = VALUE_INT}},
        {".", NUMBER_NONE, {.kind = VALUE_INT}},
        {"-", NUMBER_NONE, {.kind = VALUE_INT}},
        {"e5", NUMBER_NONE, {.kind = VALUE_INT}},
        {"abc", NUMBER_NONE, {.kind = VALUE_INT}},
        {"inf", NUMBER_NONE, {.kind = VALUE_INT}},
    };

    (void)state;
    struct value none;

    assert_int_equal(number_parse(slice_empty(), &none), NUMBER_NONE);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct value v;
        enum number_text what = number_parse(slice_text(cases[i].text), &v);

        if (what != cases[i].what || !value_identical(v, cases[i].value))
            fail_msg("'%s' was read as %d, %s", cases[i].text, (int)what, value_kind_name(v.kind));
    }
}

static void reading_rounds_correctly_however_many_digits_there_are(void **state)
{
    /* Half way between two doubles: to even, and up when anything follows, however far behind. */
    struct samples samples = {.state = 13};
    struct buf text = {0};
    struct value v;

    (void)state;
    buf_append_text(&text, "9007199254740993");
    assert_true(number_parse(slice_text("9007199254740993.0"), &v) == NUMBER_REAL &&
                v.as.d == 9007199254740992.0);
    buf_append_text(&text, ".");
    buf_append_fill(&text, '0', 2000);
    buf_append_text(&text, "1");
    assert_int_equal(number_parse(buf_slice(&text), &v), NUMBER_REAL);
    assert_true(v.as.d == 9007199254740994.0);
    for (int i = 0; i < 100000; i++) {
        buf_clear(&text);
        buf_printf(&text, "%llu.%llue%d",
                   (unsigned long long)sample_u64(&samples) >> sample_below(&samples, 64),
                   (unsigned long long)sample_u64(&samples) >> sample_below(&samples, 64),
                   (int)sample_below(&samples, 700) - 350);
        assert_int_equal(number_parse(buf_slice(&text), &v), NUMBER_REAL);
        if (v.as.d != strtod(buf_cstr(&text), NULL))
            fail_msg("%s", buf_cstr(&text));
    }
    buf_free(&text);
}

static void integers_are_written_in_full(void **state)
{
    const int64_t cases[] = {0, 1, -1, 9, 10, 99, 100, 12345, INT64_MAX, INT64_MIN};
    char text[NUMBER_TEXT_MAX + 1];
    char reference[32];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        text[number_format_int(cases[i], text)] = '\0';
        (void)snprintf(reference, sizeof(reference), "%lld", (long long)cases[i]);
        assert_string_equal(text, reference);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reals_show_fifteen_digits_as_sqlite_does),
        cmocka_unit_test(shortest_form_is_javascripts),
        cmocka_unit_test(shortest_form_reads_back_to_the_same_real_and_is_the_shortest),
        cmocka_unit_test(fifteen_digits_are_those_of_the_c_library),
        cmocka_unit_test(half_way_between_two_texts_the_one_that_sqlite_writes_is_written),
        cmocka_unit_test(numbers_are_read_with_the_kind_and_extent_sqlite_sees),
        cmocka_unit_test(reading_rounds_correctly_however_many_digits_there_are),
        cmocka_unit_test(integers_are_written_in_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
