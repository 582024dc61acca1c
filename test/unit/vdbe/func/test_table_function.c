#include "evaluate.h"

/* All rows of a call as text: columns by |, rows by ;. Freed by the caller. */
static const char *rows_of(const char *name, unsigned count, const struct value *args,
                           bool with_hidden, struct buf *out)
{
    const struct func_table *table = func_table_find(slice_text(name));
    struct calculator calc;
    void *cursor;
    enum status st;

    assert_non_null(table);
    calculator_open(&calc);
    cursor = test_calloc(1, table->cursor_bytes);
    st = table->open(&calc.context, cursor, count, args);
    while (st == ST_OK && (st = table->next(&calc.context, cursor)) == ST_ROW) {
        if (out->len != 0)
            buf_append_text(out, "; ");
        for (unsigned i = 0; i < table->column_count; i++) {
            struct value v;

            if (table->columns[i].is_hidden && !with_hidden)
                continue;
            assert_int_equal(table->column(&calc.context, cursor, i, &v), ST_OK);
            if (i != 0)
                buf_append_byte(out, '|');
            v = value_to_text(v, &calc.arena);
            if (value_is_null(v))
                buf_append_text(out, "NULL");
            else
                buf_append_slice(out, value_slice(v));
        }
        arena_reset(&calc.arena); /* as the machine does between rows */
        st = ST_OK;
    }
    if (st != ST_DONE)
        buf_printf(out, "error: %s", error_message(&calc.err));
    table->close(cursor);
    test_free(cursor);
    calculator_close(&calc);
    return buf_cstr(out);
}

#define TEXT(s) value_text(slice_text(s))

static void check(const char *name, unsigned count, const struct value *args, const char *expected)
{
    struct buf out = {0};

    assert_string_equal(rows_of(name, count, args, false, &out), expected);
    buf_free(&out);
}

static void json_each_gives_members_and_elements(void **state)
{
    const struct value object[] = {TEXT("{\"a\":1,\"b c\":[1,2],\"e\\\"f\":true}")};
    const struct value array[] = {TEXT("[1,\"a\",[2]]")};
    const struct value path[] = {TEXT("{\"a\":[1,{\"b\":2}]}"), TEXT("$.a[1]")};
    const struct value nowhere[] = {TEXT("{\"a\":5}"), TEXT("$.x")};
    const struct value scalar[] = {TEXT("{\"a\":5}"), TEXT("$.a")};
    const struct value broken[] = {TEXT("[1")};
    const struct value bad_path[] = {TEXT("[1]"), TEXT("x")};
    const struct value null[] = {value_null()};

    (void)state;
    check("json_each", 1, object,
          "a|1|integer|1|2|NULL|$.a|$; b c|[1,2]|array|NULL|4|NULL|$.\"b c\"|$; "
          "e\"f|1|true|1|8|NULL|$.\"e\\\"f\"|$");
    check("json_each", 1, array,
          "0|1|integer|1|1|NULL|$[0]|$; 1|a|text|a|2|NULL|$[1]|$; 2|[2]|array|NULL|3|NULL|$[2]|$");
    check("json_each", 2, path, "b|2|integer|2|6|NULL|$.a[1].b|$.a[1]");
    check("json_each", 2, nowhere, "");
    check("json_each", 2, scalar, "NULL|5|integer|5|2|NULL|$.a|$.a");
    check("json_each", 1, null, "");
    check("json_each", 1, broken, "error: malformed JSON");
    check("json_each", 2, bad_path, "error: JSON path error near 'x'");
}

static void json_tree_gives_everything_below(void **state)
{
    const struct value whole[] = {TEXT("{\"a\":[1,{\"b\":2}],\"x\":{}}")};
    const struct value path[] = {TEXT("{\"a\":[1,{\"b\":2}]}"), TEXT("$.a")};
    const struct value scalar[] = {TEXT("{\"a\":5}"), TEXT("$.a")};

    (void)state;
    check("json_tree", 1, whole,
          "NULL|{\"a\":[1,{\"b\":2}],\"x\":{}}|object|NULL|0|NULL|$|$; "
          "a|[1,{\"b\":2}]|array|NULL|2|0|$.a|$; 0|1|integer|1|3|2|$.a[0]|$.a; "
          "1|{\"b\":2}|object|NULL|4|2|$.a[1]|$.a; b|2|integer|2|6|4|$.a[1].b|$.a[1]; "
          "x|{}|object|NULL|8|0|$.x|$");
    check("json_tree", 2, scalar, "NULL|5|integer|5|2|NULL|$.a|$");
    check("json_tree", 2, path,
          "NULL|[1,{\"b\":2}]|array|NULL|2|NULL|$.a|$; 0|1|integer|1|3|2|$.a[0]|$.a; "
          "1|{\"b\":2}|object|NULL|4|2|$.a[1]|$.a; b|2|integer|2|6|4|$.a[1].b|$.a[1]");
}

static void a_document_gives_the_rows_its_text_would(void **state)
{
    struct arena arena;
    struct value document;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(
        json_read(slice_text("{\"a\":[1,{\"b\":2}],\"x\":{}}"), &arena, &document, NULL), ST_OK);
    check("json_tree", 1, &document,
          "NULL|{\"a\":[1,{\"b\":2}],\"x\":{}}|object|NULL|0|NULL|$|$; "
          "a|[1,{\"b\":2}]|array|NULL|2|0|$.a|$; 0|1|integer|1|3|2|$.a[0]|$.a; "
          "1|{\"b\":2}|object|NULL|4|2|$.a[1]|$.a; b|2|integer|2|6|4|$.a[1].b|$.a[1]; "
          "x|{}|object|NULL|8|0|$.x|$");
    arena_deinit(&arena);
}

static void a_series_ends_where_it_must(void **state)
{
    const struct {
        int64_t start, stop, step;
        const char *rows;
    } cases[] = {
        {1, 3, 1, "1; 2; 3"},
        {1, 6, 2, "1; 3; 5"},
        {1, 6, -2, "5; 3; 1"},
        {6, 1, -2, "6; 4; 2"},
        {3, 1, 1, ""},
        {1, 3, 0, "1; 2; 3"},
        {INT64_MAX - 1, INT64_MAX, 1, "9223372036854775806; 9223372036854775807"},
        {INT64_MIN, INT64_MIN, -1, "-9223372036854775808"},
        {INT64_MIN, INT64_MAX, INT64_MAX, "-9223372036854775808; -1; 9223372036854775806"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct value args[] = {value_int(cases[i].start), value_int(cases[i].stop),
                                     value_int(cases[i].step)};
        check("generate_series", 3, args, cases[i].rows);
    }
    check("generate_series", 1, (const struct value[]){value_null()}, "");
}

static void json_changes_of_a_document_give_a_document(void **state)
{
    struct calculator calc;
    struct value args[3], out;

    (void)state;
    calculator_open(&calc);
    assert_int_equal(
        json_read(slice_text("{\"a\":[1,{\"b\":2.5}],\"t\":true}"), &calc.arena, &args[0], NULL),
        ST_OK);
    args[1] = TEXT("$.a[1].b");
    args[2] = TEXT("new");
    assert_int_equal(call(&calc, slice_text("json_set"), 3, args, &out), ST_OK);
    assert_int_equal(out.kind, VALUE_OBJECT);
    out = value_to_text(out, &calc.arena);
    assert_true(slice_is(value_slice(out), "{\"a\":[1,{\"b\":\"new\"}],\"t\":true}"));
    assert_int_equal(call(&calc, slice_text("json_remove"), 2, args, &out), ST_OK);
    out = value_to_text(out, &calc.arena);
    assert_true(slice_is(value_slice(out), "{\"a\":[1,{}],\"t\":true}"));
    assert_int_equal(call(&calc, slice_text("json_extract"), 2, args, &out), ST_OK);
    assert_true(out.kind == VALUE_REAL && out.as.d == 2.5);
    args[1] = TEXT("{\"a\":null,\"n\":{\"x\":1}}");
    assert_int_equal(call(&calc, slice_text("json_patch"), 2, args, &out), ST_OK);
    assert_int_equal(out.kind, VALUE_OBJECT);
    out = value_to_text(out, &calc.arena);
    assert_true(slice_is(value_slice(out), "{\"t\":true,\"n\":{\"x\":1}}"));
    args[1] = TEXT("5");
    assert_int_equal(call(&calc, slice_text("json_patch"), 2, args, &out), ST_OK);
    assert_true(out.kind == VALUE_INT && out.as.i == 5); /* a scalar is no document */
    calculator_close(&calc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_each_gives_members_and_elements),
        cmocka_unit_test(json_tree_gives_everything_below),
        cmocka_unit_test(a_document_gives_the_rows_its_text_would),
        cmocka_unit_test(a_series_ends_where_it_must),
        cmocka_unit_test(json_changes_of_a_document_give_a_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
