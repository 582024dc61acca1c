#include "storage/value/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* needs what stands above */

static void every_character_comes_back_and_is_valid(void **state)
{
    char text[4];

    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        struct slice in = slice_of(text, utf8_encode(code, text));

        if (code >= 0xd800 && code < 0xe000) {
            assert_int_equal(utf8_next(&in), 0xfffd);
            continue;
        }
        assert_true(utf8_is_valid(in));
        assert_int_equal(utf8_length(in), 1);
        assert_int_equal(utf8_next(&in), code);
        assert_int_equal(in.len, 0);
    }
}

static void malformed_sequences_are_refused_and_count_byte_by_byte(void **state)
{
    const char *cases[] = {
        "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80",
        "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf5\x80\x80\x80", "\xf4\x90\x80\x80",
        "\xc3",         "\xe2\x82",         "\xf0\x9f\x98",     "\xff"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice in = slice_text(cases[i]);
        size_t len = in.len;

        assert_false(utf8_is_valid(in));
        assert_int_equal(utf8_length(in), len);
        assert_int_equal(utf8_next(&in), 0xfffd);
        assert_int_equal(in.len, len - 1);
    }
    assert_false(utf8_is_valid(slice_text("12345678901234567\x80 890")));
    assert_true(utf8_is_valid(slice_text("1234567\xc3\xa9 890123456\xf0\x9f\x98\x80")));
    assert_true(utf8_is_valid(slice_empty()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_comes_back_and_is_valid),
        cmocka_unit_test(malformed_sequences_are_refused_and_count_byte_by_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
