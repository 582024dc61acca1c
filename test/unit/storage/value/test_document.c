#include "samples.h"
#include "storage/value/document.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* needs what stands above */

#define TEXT(literal) value_text(slice_of(literal, sizeof(literal) - 1))

static void members_are_found_by_name_and_by_place(void **state)
{
    struct document_builder builder = {0};
    struct value object;
    struct slice name;

    (void)state;
    document_begin(&builder);
    document_open_object(&builder);
    document_name(&builder, slice_text("name"));
    document_value(&builder, TEXT("Ada"));
    document_name(&builder, slice_text("tags"));
    document_open_array(&builder);
    document_value(&builder, value_int(1));
    document_value(&builder, value_real(2.5));
    document_close(&builder);
    document_name(&builder, slice_text(""));
    document_value(&builder, value_null());
    document_close(&builder);
    assert_int_equal(document_end(&builder, &object), ST_OK);

    assert_int_equal(document_check(value_slice(object), false), ST_OK);
    assert_int_equal(document_count(object), 3);
    assert_true(value_identical(document_member(object, slice_text("name")), TEXT("Ada")));
    assert_int_equal(document_member(object, slice_text("")).kind, VALUE_NULL);
    assert_int_equal(document_member(object, slice_text("nam")).kind, VALUE_ABSENT);
    struct value tags = document_member_at(object, 1, &name);
    assert_true(slice_is(name, "tags"));
    assert_int_equal(document_count(tags), 2);
    assert_true(value_identical(document_element(tags, 1), value_real(2.5)));
    assert_int_equal(document_element(tags, 2).kind, VALUE_ABSENT);
    assert_int_equal(document_member_at(object, 3, &name).kind, VALUE_ABSENT);
    document_deinit(&builder);
}

static void a_repeated_name_keeps_its_first_place_and_its_last_value(void **state)
{
    struct document_builder builder = {0};
    struct value object;
    struct slice name;
    char text[8];

    (void)state;
    for (unsigned count = 3; count < 3000; count *= 10) {
        document_begin(&builder);
        document_open_object(&builder);
        for (unsigned round = 0; round < 2; round++)
            for (unsigned i = 0; i < count; i++) {
                (void)snprintf(text, sizeof(text), "m%u", i);
                document_name(&builder, slice_text(text));
                document_value(&builder, value_int(round * 10000 + i));
            }
        document_close(&builder);
        assert_int_equal(document_end(&builder, &object), ST_OK);
        assert_int_equal(document_check(value_slice(object), false), ST_OK);
        assert_int_equal(document_count(object), count);
        for (unsigned i = 0; i < count; i++) {
            (void)snprintf(text, sizeof(text), "m%u", i);
            assert_true(
                value_identical(document_member_at(object, i, &name), value_int(10000 + i)));
            assert_true(slice_is(name, text));
        }
    }
    document_deinit(&builder);
}

static void absent_members_are_left_out_and_absent_elements_are_null(void **state)
{
    struct document_builder builder = {0};
    struct value v;

    (void)state;
    document_begin(&builder);
    document_open_object(&builder);
    document_name(&builder, slice_text("a"));
    document_value(&builder, value_absent());
    document_name(&builder, slice_text("b"));
    document_open_array(&builder);
    document_value(&builder, value_absent());
    document_close(&builder);
    document_close(&builder);
    assert_int_equal(document_end(&builder, &v), ST_OK);
    assert_int_equal(document_count(v), 1);
    assert_int_equal(document_check(value_slice(v), false), ST_OK);
    assert_int_equal(document_element(document_member(v, slice_text("b")), 0).kind, VALUE_NULL);
    document_deinit(&builder);
}

static void depth_is_limited_also_for_documents_copied_in(void **state)
{
    struct document_builder builder = {0}, outer = {0};
    struct value deepest, v;

    (void)state;
    document_begin(&builder);
    for (int i = 0; i < DOCUMENT_DEPTH_MAX; i++)
        document_open_array(&builder);
    for (int i = 0; i < DOCUMENT_DEPTH_MAX; i++)
        document_close(&builder);
    assert_int_equal(document_end(&builder, &deepest), ST_OK);
    assert_int_equal(document_check(value_slice(deepest), true), ST_OK);

    document_begin(&outer);
    document_open_array(&outer);
    document_value(&outer, document_element(deepest, 0));
    document_close(&outer);
    assert_int_equal(document_end(&outer, &v), ST_OK);
    assert_true(value_identical(v, deepest));

    document_begin(&outer);
    document_open_array(&outer);
    document_value(&outer, deepest);
    document_close(&outer);
    assert_int_equal(document_end(&outer, &v), ST_LIMIT);
    document_begin(&outer);
    for (int i = 0; i <= DOCUMENT_DEPTH_MAX; i++)
        document_open_object(&outer);
    assert_int_equal(document_end(&outer, &v), ST_LIMIT);
    document_deinit(&builder);
    document_deinit(&outer);
}

static void large_documents_take_wider_offsets(void **state)
{
    struct document_builder builder = {0};
    struct value v;

    (void)state;
    for (unsigned count = 10; count <= 1000000; count *= 10) {
        document_begin(&builder);
        document_open_array(&builder);
        for (unsigned i = 0; i < count; i++)
            document_value(&builder, value_int(i));
        document_close(&builder);
        assert_int_equal(document_end(&builder, &v), ST_OK);
        assert_int_equal(document_check(value_slice(v), true), ST_OK);
        assert_int_equal(document_count(v), count);
        for (unsigned i = 0; i < count; i += 1 + count / 100)
            assert_true(value_identical(document_element(v, i), value_int(i)));
    }
    document_deinit(&builder);
}

static void every_scalar_comes_back_as_it_was(void **state)
{
    struct samples samples = {.state = 31};
    struct document_builder builder = {0};
    struct value in[20], v;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        unsigned count = sample_below(&samples, COUNT_OF(in));

        document_begin(&builder);
        document_open_array(&builder);
        for (unsigned i = 0; i < count; i++)
            document_value(&builder, in[i] = sample_value(&samples));
        document_close(&builder);
        assert_int_equal(document_end(&builder, &v), ST_OK);
        assert_int_equal(document_check(value_slice(v), true), ST_OK);
        for (unsigned i = 0; i < count; i++)
            assert_true(value_identical(document_element(v, i), in[i]));
        arena_reset(&samples.arena);
    }
    document_deinit(&builder);
    arena_deinit(&samples.arena);
}

/* Read everything there is, so that the sanitizer sees any step outside. */
static uint64_t walk(struct value v, unsigned depth)
{
    uint64_t sum = v.kind;
    struct slice name;

    if (v.kind == VALUE_TEXT || v.kind == VALUE_BYTES)
        for (uint32_t i = 0; i < v.len; i++)
            sum += (unsigned char)v.as.data[i];
    if ((v.kind != VALUE_ARRAY && v.kind != VALUE_OBJECT) || depth > 20)
        return sum;
    for (size_t i = 0; i < document_count(v) && i < 1000; i++) {
        sum +=
            walk(v.kind == VALUE_ARRAY ? document_element(v, i) : document_member_at(v, i, &name),
                 depth + 1);
        if (v.kind == VALUE_OBJECT && name.len != 0)
            sum += (unsigned char)name.data[name.len - 1];
    }
    sum += document_member(v, slice_text("a")).kind;
    return sum;
}

static void damaged_documents_are_refused_and_never_read_outside(void **state)
{
    struct samples samples = {.state = 32};
    unsigned refused = 0;
    struct buf json = {0};

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct value v = sample_document(&samples);
        char *copy = malloc(v.len);

        memcpy(copy, v.as.data, v.len);
        for (unsigned flips = 1 + sample_below(&samples, 3); flips > 0; flips--)
            copy[sample_below(&samples, v.len)] ^= (char)(1u << sample_below(&samples, 8));
        v.as.data = copy;
        refused += document_check(value_slice(v), v.kind == VALUE_ARRAY) == ST_CORRUPT;
        (void)walk(v, 0);
        buf_clear(&json);
        json_write(&json, v);
        free(copy);
        arena_reset(&samples.arena);
    }
    assert_true(refused > 50000);
    buf_free(&json);
    arena_deinit(&samples.arena);
}

static void a_closed_builder_begins_again(void **state)
{
    struct document_builder builder = {0};
    struct value v;

    (void)state;
    for (int i = 0; i < 3; i++) {
        document_begin(&builder);
        document_open_array(&builder);
        document_value(&builder, value_int(i));
        document_close(&builder);
        assert_int_equal(document_end(&builder, &v), ST_OK);
        assert_true(value_identical(document_element(v, 0), value_int(i)));
    }
    document_deinit(&builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found_by_name_and_by_place),
        cmocka_unit_test(a_repeated_name_keeps_its_first_place_and_its_last_value),
        cmocka_unit_test(absent_members_are_left_out_and_absent_elements_are_null),
        cmocka_unit_test(depth_is_limited_also_for_documents_copied_in),
        cmocka_unit_test(large_documents_take_wider_offsets),
        cmocka_unit_test(every_scalar_comes_back_as_it_was),
        cmocka_unit_test(damaged_documents_are_refused_and_never_read_outside),
        cmocka_unit_test(a_closed_builder_begins_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
