#include "samples.h"
#include "storage/value/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h> /* needs what stands above */

static void iso_text_is_read_as_milliseconds(void **state)
{
    const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:00.000Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2024-01-31T12:00:00.000Z", 1706702400000},
        {"2024-01-31T12:00:00", 1706702400000},
        {"2024-01-31 12:00", 1706702400000},
        {"2024-01-31T13:00:00+01:00", 1706702400000},
        {"2024-01-31T06:30:00-0530", 1706702400000},
        {"2024-01-31T12:00:00.1239999Z", 1706702400123},
        {"2024-01-31T12:00:00.5Z", 1706702400500},
        {"2024-02-29", 1709164800000},
        {"2024-01-01T24:00:00Z", 1704153600000},
        {"0000-01-01", -62167219200000},
        {"+010000-01-01T00:00:00.000Z", 253402300800000},
        {"-000001-01-01T00:00:00.000Z", -62198755200000},
    };
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (!date_parse_iso(slice_text(cases[i].text), &ms) || ms != cases[i].ms)
            fail_msg("%s", cases[i].text);
}

static void what_is_no_date_is_refused(void **state)
{
    const char *cases[] = {"",
                           "2024",
                           "2024-01",
                           "2024-1-1",
                           "2024-13-01",
                           "2024-00-01",
                           "2023-02-29",
                           "2024-01-32",
                           "2024-01-01T",
                           "2024-01-01T25:00",
                           "2024-01-01T24:01",
                           "2024-01-01T12:60",
                           "2024-01-01T12:00:60",
                           "2024-01-01T12:00:00.",
                           "2024-01-01T12:00+",
                           "2024-01-01T12:00+1",
                           "2024-01-01T12:00+24:00",
                           "2024-01-01T12:00Zx",
                           "2024-01-01x",
                           " 2024-01-01",
                           "24-01-01",
                           "2024-01-01Z",
                           "12024-01-01",
                           "1706702400000"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (date_parse_iso(slice_text(cases[i]), &ms))
            fail_msg("%s", cases[i]);
}

static void dates_are_written_as_the_c_library_counts_them(void **state)
{
    struct samples samples = {.state = 21};
    char text[DATE_TEXT_BYTES + 1];
    char reference[64];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        int64_t ms = (int64_t)(sample_u64(&samples) % 253402300800000u);
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        int64_t back;

        text[date_format_iso(ms, text)] = '\0';
        (void)gmtime_r(&seconds, &tm);
        (void)strftime(reference, sizeof(reference), "%Y-%m-%dT%H:%M:%S", &tm);
        (void)snprintf(reference + strlen(reference), 8, ".%03dZ", (int)(ms % 1000));
        assert_string_equal(text, reference);
        assert_true(date_parse_iso(slice_text(text), &back) && back == ms);
    }
}

static void every_millisecond_of_64_bits_has_a_text(void **state)
{
    const int64_t cases[] = {INT64_MIN,       INT64_MAX,       -1,
                             -62167219200001, 253402300800000, 8640000000000000};
    const char *texts[] = {"-292275055-05-16T16:47:04.192Z", "+292278994-08-17T07:12:55.807Z",
                           "1969-12-31T23:59:59.999Z",       "-000001-12-31T23:59:59.999Z",
                           "+010000-01-01T00:00:00.000Z",    "+275760-09-13T00:00:00.000Z"};
    char text[DATE_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t len = date_format_iso(cases[i], text);

        assert_true(slice_is(slice_of(text, len), texts[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iso_text_is_read_as_milliseconds),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(dates_are_written_as_the_c_library_counts_them),
        cmocka_unit_test(every_millisecond_of_64_bits_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
