#include "samples.h"
#include "storage/value/document.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h> /* needs what stands above */

#define BYTES(literal) slice_of(literal, sizeof(literal) - 1)

static void text_comes_back_as_it_was_written(void **state)
{
    const struct {
        const char *in, *out;
    } cases[] = {
        {"null", "null"},
        {" true ", "true"},
        {"false", "false"},
        {"0", "0"},
        {"-0", "0"},
        {"-12", "-12"},
        {"1.5", "1.5"},
        {"1e2", "100"},
        {"1E+2", "100"},
        {"1.0", "1"},
        {"\"\"", "\"\""},
        {"\"a\\u0041\\n\"", "\"aA\\n\""},
        {"\"\\/\\b\\f\\r\\t\\\\\\\"\"", "\"/\\b\\f\\r\\t\\\\\\\"\""},
        {"\"\\u0000\\u001f\"", "\"\\u0000\\u001f\""},
        {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
        {"\"\\u20AC\"", "\"\xe2\x82\xac\""},
        {"[]", "[]"},
        {"{}", "{}"},
        {"[ ]", "[]"},
        {" [1 , [ ] , { \"a\" : [ null ] } ] ", "[1,[],{\"a\":[null]}]"},
        {"{\"a\":1,\"b\":{\"c\":[true,false]}}", "{\"a\":1,\"b\":{\"c\":[true,false]}}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"{\"\":1}", "{\"\":1}"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "9223372036854776000"},
        {"123456789012345678", "123456789012345678"},
        {"1234567890123456789", "1234567890123456789"},
        {"100000000000000000000", "100000000000000000000"},
        {"1e400", "null"},
        {"12345678901234567890.5", "12345678901234567000"},
        {"{\"a long name of more than sixteen bytes\":\"and a text \\\\ of more than sixteen "
         "bytes, too\"}",
         "{\"a long name of more than sixteen bytes\":\"and a text \\\\ of more than sixteen "
         "bytes, too\"}"},
    };
    struct arena arena = {0};
    struct buf out = {0};
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct value v;

        error_clear(&err);
        if (json_read(slice_text(cases[i].in), &arena, &v, &err) != ST_OK)
            fail_msg("%s: %s", cases[i].in, error_message(&err));
        buf_clear(&out);
        json_write(&out, v);
        assert_string_equal(buf_cstr(&out), cases[i].out);
        if (v.kind >= VALUE_ARRAY)
            assert_int_equal(document_check(value_slice(v), v.kind == VALUE_ARRAY), ST_OK);
    }
    buf_free(&out);
    arena_deinit(&arena);
}

static void numbers_have_the_kind_their_text_has(void **state)
{
    const struct {
        const char *text;
        struct value v;
    } cases[] = {
        {"1", {.kind = VALUE_INT, .as.i = 1}},
        {"1.0", {.kind = VALUE_REAL, .as.d = 1.0}},
        {"1e2", {.kind = VALUE_REAL, .as.d = 100.0}},
        {"-0.0", {.kind = VALUE_REAL, .as.d = -0.0}},
        {"-0", {.kind = VALUE_INT}},
        {"9223372036854775807", {.kind = VALUE_INT, .as.i = INT64_MAX}},
        {"9223372036854775808", {.kind = VALUE_REAL, .as.d = 0x1p63}},
        {"999999999999999999", {.kind = VALUE_INT, .as.i = 999999999999999999}},
    };
    struct arena arena = {0};
    struct value v;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(json_read(slice_text(cases[i].text), &arena, &v, NULL), ST_OK);
        assert_true(value_identical(v, cases[i].v));
    }
    arena_deinit(&arena);
}

static void what_is_not_json_is_refused_at_its_offset(void **state)
{
    const struct {
        struct slice text;
        int64_t offset;
    } cases[] = {
        {BYTES(""), 0},
        {BYTES("  "), 2},
        {BYTES("nul"), 0},
        {BYTES("truex"), 4},
        {BYTES("1 2"), 2},
        {BYTES("01"), 0},
        {BYTES("-"), 0},
        {BYTES("+1"), 0},
        {BYTES("1."), 0},
        {BYTES(".5"), 0},
        {BYTES("1e"), 0},
        {BYTES("-01"), 0},
        {BYTES("0x1"), 1},
        {BYTES("NaN"), 0},
        {BYTES("["), 1},
        {BYTES("[1"), 2},
        {BYTES("[1,"), 3},
        {BYTES("[1,]"), 3},
        {BYTES("[,1]"), 1},
        {BYTES("[1 2]"), 3},
        {BYTES("[1}"), 2},
        {BYTES("{"), 1},
        {BYTES("{\"a\""), 4},
        {BYTES("{\"a\":"), 5},
        {BYTES("{\"a\":1,}"), 7},
        {BYTES("{a:1}"), 1},
        {BYTES("{\"a\" 1}"), 5},
        {BYTES("{\"a\":1]"), 6},
        {BYTES("{1:1}"), 1},
        {BYTES("]"), 0},
        {BYTES("[]]"), 2},
        {BYTES("\"abc"), 4},
        {BYTES("\"a\nb\""), 2},
        {BYTES("\"a\0b\""), 2},
        {BYTES("\"\\x\""), 1},
        {BYTES("\"\\"), 1},
        {BYTES("\"\\u12\""), 1},
        {BYTES("\"\\u12g4\""), 1},
        {BYTES("\"\\ud800\""), 1},
        {BYTES("\"\\ud800\\u0041\""), 1},
        {BYTES("\"\\udc00\""), 1},
        {BYTES("\"\xff\""), 1},
        {BYTES("\"\xc3\""), 1},
        {BYTES("\"\xed\xa0\x80\""), 1},
        {BYTES("[\"0123456789abcdef\xff\"]"), 2},
        {BYTES("'a'"), 0},
        {BYTES("// x\n1"), 0},
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct value v;
        struct error err;
        /* An exact copy, so that the sanitizer sees a read behind the end. */
        char *copy = malloc(cases[i].text.len + 1);

        memcpy(copy + 1, cases[i].text.data, cases[i].text.len);
        error_clear(&err);
        if (json_read(slice_of(copy + 1, cases[i].text.len), &arena, &v, &err) != ST_SYNTAX ||
            err.offset != cases[i].offset)
            fail_msg("case %zu, %.*s: offset %lld, %s", i, (int)cases[i].text.len,
                     cases[i].text.data, (long long)err.offset, error_message(&err));
        assert_int_equal(v.kind, VALUE_ABSENT);
        free(copy);
    }
    arena_deinit(&arena);
}

static void nesting_is_limited(void **state)
{
    struct buf text = {0};
    struct arena arena = {0};
    struct value v;

    (void)state;
    buf_append_fill(&text, '[', DOCUMENT_DEPTH_MAX);
    buf_append_fill(&text, ']', DOCUMENT_DEPTH_MAX);
    assert_int_equal(json_read(buf_slice(&text), &arena, &v, NULL), ST_OK);
    buf_clear(&text);
    buf_append_fill(&text, '[', 1000000);
    assert_int_equal(json_read(buf_slice(&text), &arena, &v, NULL), ST_LIMIT);
    buf_free(&text);
    arena_deinit(&arena);
}

static void a_prefix_leaves_what_follows(void **state)
{
    struct arena arena = {0};
    struct slice rest = slice_text("1\n{\"a\":2}\n[3] \"x\"");
    struct value v;
    int count = 0;

    (void)state;
    while (rest.len != 0) {
        assert_int_equal(json_read_prefix(rest, &arena, &v, &rest, NULL), ST_OK);
        count++;
    }
    assert_int_equal(count, 4);
    assert_true(slice_is(value_slice(v), "x"));
    assert_int_equal(json_read(slice_empty(), &arena, &v, NULL), ST_SYNTAX);
    arena_deinit(&arena);
}

static void text_without_escapes_is_lent_and_other_text_is_copied(void **state)
{
    struct arena arena = {0};
    struct slice plain = slice_text("\"abc\""), escaped = slice_text("\"a\\nc\"");
    struct value v;

    (void)state;
    assert_int_equal(json_read(plain, &arena, &v, NULL), ST_OK);
    assert_ptr_equal(v.as.data, plain.data + 1);
    assert_int_equal(json_read(escaped, &arena, &v, NULL), ST_OK);
    assert_true(slice_is(value_slice(v), "a\nc"));
    arena_deinit(&arena);
}

static void kinds_json_does_not_have_are_written_by_convention(void **state)
{
    struct document_builder builder = {0};
    struct buf out = {0};
    struct value v;

    (void)state;
    document_begin(&builder);
    document_open_array(&builder);
    document_value(&builder, value_bytes(slice_of("\x00\xff", 2)));
    document_value(&builder, value_date(1706702400000));
    document_value(&builder, value_real(-INFINITY));
    document_value(&builder, value_text(slice_of("\x7f", 1)));
    document_close(&builder);
    assert_int_equal(document_end(&builder, &v), ST_OK);
    json_write(&out, v);
    assert_string_equal(
        buf_cstr(&out),
        "[{\"type\":\"Buffer\",\"data\":[0,255]},\"2024-01-31T12:00:00.000Z\",null,\"\x7f\"]");
    buf_free(&out);
    document_deinit(&builder);
}

static void text_that_is_not_utf8_is_written_as_json_all_the_same(void **state)
{
    const struct {
        const char *in, *out;
    } cases[] = {
        {"\xff", "\"\xef\xbf\xbd\""},
        {"a\xc3", "\"a\xef\xbf\xbd\""},
        {"0123456789abcdef\xe2\x82\xac", "\"0123456789abcdef\xe2\x82\xac\""},
        {"0123456789abcdef\xe2\x82", "\"0123456789abcdef\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80 \"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \\\"\""},
    };
    struct buf out = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&out);
        json_write_text(&out, slice_text(cases[i].in));
        assert_string_equal(buf_cstr(&out), cases[i].out);
    }
    buf_free(&out);
}

static bool is_json_clean(struct value v)
{
    struct slice name;

    if (v.kind == VALUE_DATE || v.kind == VALUE_BYTES || v.kind == VALUE_REAL)
        return false;
    if (v.kind < VALUE_ARRAY)
        return true;
    for (size_t i = 0; i < document_count(v); i++)
        if (!is_json_clean(v.kind == VALUE_ARRAY ? document_element(v, i)
                                                 : document_member_at(v, i, &name)))
            return false;
    return true;
}

static void what_json_can_say_survives_the_round_trip(void **state)
{
    struct samples samples = {.state = 41};
    struct buf out = {0};
    unsigned compared = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct value v = sample_document(&samples), back;

        buf_clear(&out);
        json_write(&out, v);
        assert_int_equal(json_read(buf_slice(&out), &samples.arena, &back, NULL), ST_OK);
        assert_int_equal(document_check(value_slice(back), back.kind == VALUE_ARRAY), ST_OK);
        if (is_json_clean(v)) {
            assert_true(value_identical(v, back));
            compared++;
        }
        arena_reset(&samples.arena);
    }
    assert_true(compared > 10000);
    buf_free(&out);
    arena_deinit(&samples.arena);
}

static void escapes_are_found_wherever_they_stand(void **state)
{
    struct buf out = {0};
    struct arena arena = {0};
    char text[70];

    (void)state;
    for (size_t len = 0; len <= sizeof(text); len++)
        for (size_t at = 0; at < len; at++) {
            struct value back;

            memset(text, 'x', len);
            text[at] = at % 3 == 0 ? '"' : at % 3 == 1 ? '\\' : '\n';
            buf_clear(&out);
            json_write_text(&out, slice_of(text, len));
            assert_int_equal(out.len, len + 3);
            assert_int_equal(json_read(buf_slice(&out), &arena, &back, NULL), ST_OK);
            assert_true(slice_equal(value_slice(back), slice_of(text, len)));
            arena_reset(&arena);
        }
    buf_free(&out);
    arena_deinit(&arena);
}

static void damaged_text_never_crashes(void **state)
{
    struct samples samples = {.state = 42};
    struct buf out = {0};

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct value v = sample_document(&samples);

        buf_clear(&out);
        json_write(&out, v);
        for (unsigned flips = 1 + sample_below(&samples, 3); flips > 0; flips--)
            out.data[sample_below(&samples, (unsigned)out.len)] =
                "\"\\[]{},:u0-.e \xff\x80"[sample_below(&samples, 17)];
        char *copy = malloc(out.len);
        memcpy(copy, out.data, out.len);
        enum status st = json_read(slice_of(copy, out.len), &samples.arena, &v, NULL);
        assert_true(st == ST_OK || st == ST_SYNTAX);
        free(copy);
        arena_reset(&samples.arena);
    }
    buf_free(&out);
    arena_deinit(&samples.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_comes_back_as_it_was_written),
        cmocka_unit_test(numbers_have_the_kind_their_text_has),
        cmocka_unit_test(what_is_not_json_is_refused_at_its_offset),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(a_prefix_leaves_what_follows),
        cmocka_unit_test(text_without_escapes_is_lent_and_other_text_is_copied),
        cmocka_unit_test(kinds_json_does_not_have_are_written_by_convention),
        cmocka_unit_test(text_that_is_not_utf8_is_written_as_json_all_the_same),
        cmocka_unit_test(what_json_can_say_survives_the_round_trip),
        cmocka_unit_test(escapes_are_found_wherever_they_stand),
        cmocka_unit_test(damaged_text_never_crashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
