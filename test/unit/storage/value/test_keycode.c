#include "samples.h"
#include "storage/value/keycode.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h> /* needs what stands above */

#define TEXT(literal) value_text(slice_of(literal, sizeof(literal) - 1))

static const struct key_part ascending = {.collation = COLLATE_BINARY};
static const struct key_part descending = {.collation = COLLATE_BINARY, .descending = true};

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void encode(struct buf *out, const struct value *values, const struct key_part *parts,
                   unsigned count)
{
    struct keycode code;

    buf_clear(out);
    keycode_begin(&code, out);
    for (unsigned i = 0; i < count; i++)
        keycode_append(&code, values[i], parts[i]);
    keycode_finish(&code);
}

static void prefix_of(struct buf *out, struct value v, struct key_part part)
{
    buf_clear(out);
    keycode_append_prefix(out, v, part);
}

static void print_value(const char *label, struct value v)
{
    struct buf json = {0};

    json_write(&json, v);
    print_error("%s %s %s\n", label, value_kind_name(v.kind), buf_cstr(&json));
    buf_free(&json);
}

static void key_order_equals_value_order(void **state)
{
    struct samples samples = {.state = 1};
    struct buf a = {0}, b = {0};

    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct key_part part = {.collation = (uint8_t)sample_below(&samples, COLLATE_BUILTIN_COUNT),
                                .descending = sample_below(&samples, 2) == 0};
        struct value x = sample_value(&samples);
        struct value y = sample_value(&samples);
        int expected = sign(value_compare(x, y, part.collation)) * (part.descending ? -1 : 1);

        prefix_of(&a, x, part);
        prefix_of(&b, y, part);
        if (sign(slice_compare(buf_slice(&a), buf_slice(&b))) != expected) {
            print_value("x", x);
            print_value("y", y);
            fail_msg("pair %d: order of the keys differs from %d", i, expected);
        }
        if (expected == 0)
            assert_true(value_hash(x, part.collation) == value_hash(y, part.collation));
        arena_reset(&samples.arena);
    }
    buf_free(&a);
    buf_free(&b);
    arena_deinit(&samples.arena);
}

static void no_code_is_the_beginning_of_another(void **state)
{
    struct samples samples = {.state = 2};
    struct buf a = {0}, b = {0};

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct key_part part = {.descending = sample_below(&samples, 2) == 0};

        prefix_of(&a, sample_value(&samples), part);
        prefix_of(&b, sample_value(&samples), part);
        if (!slice_equal(buf_slice(&a), buf_slice(&b)))
            assert_false(slice_starts_with(buf_slice(&a), buf_slice(&b)));
        assert_int_equal(keycode_part_length(buf_slice(&a), part.descending), a.len);
        buf_append_slice(&a, buf_slice(&b));
        assert_int_equal(keycode_part_length(buf_slice(&a), part.descending), a.len - b.len);
        arena_reset(&samples.arena);
    }
    buf_free(&a);
    buf_free(&b);
    arena_deinit(&samples.arena);
}

static void keys_of_several_parts_sort_part_by_part_and_decode_to_what_was_put_in(void **state)
{
    struct samples samples = {.state = 3};
    struct buf a = {0}, b = {0};
    unsigned integer_count = 0;
    int64_t integer = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct key_part parts[4];
        struct value x[4], y[4], back[4];
        unsigned count = 1 + sample_below(&samples, 4);
        int expected = 0;

        for (unsigned k = 0; k < count; k++) {
            parts[k] = (struct key_part){.descending = sample_below(&samples, 2) == 0};
            x[k] = sample_value(&samples);
            y[k] = sample_below(&samples, 3) != 0 ? x[k] : sample_value(&samples);
            if (expected == 0)
                expected = sign(value_compare(x[k], y[k], COLLATE_BINARY)) *
                           (parts[k].descending ? -1 : 1);
        }
        encode(&a, x, parts, count);
        encode(&b, y, parts, count);
        if (expected != 0)
            assert_int_equal(sign(slice_compare(buf_slice(&a), buf_slice(&b))), expected);
        assert_int_equal(keycode_decode(buf_slice(&a), parts, count, back, &samples.arena), ST_OK);
        for (unsigned k = 0; k < count; k++) {
            if (!value_identical(back[k], x[k])) {
                print_value("in ", x[k]);
                print_value("out", back[k]);
                fail_msg("round %d, part %u of %u", i, k, count);
            }
            if (keycode_integer_part(buf_slice(&a), parts, count, k, &integer)) {
                integer_count++;
                assert_true(value_identical(x[k], value_int(integer)));
            }
        }
        arena_reset(&samples.arena);
    }
    assert_true(integer_count > 100);
    buf_free(&a);
    buf_free(&b);
    arena_deinit(&samples.arena);
}

/* It is asked before keycode_integer_part in scans: what it gives out must be right, and for keys
 * of two positive integers it must give something. */
static void the_first_of_a_pair_of_integers_is_read_at_once(void **state)
{
    static const int64_t numbers[] = {
        1, 2,  127,  128,      255, 256, 65535, 65536, 16777216, INT64_C(1) << 40, INT64_C(1) << 55,
        0, -1, -256, INT64_MAX};
    const struct key_part parts[2] = {{0}};
    struct samples samples = {.state = 11};
    struct buf key = {0};
    unsigned found = 0;
    int64_t integer = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        const struct value pair[] = {
            i % 3 == 0 ? sample_value(&samples)
                       : value_int(numbers[(unsigned)i % COUNT_OF(numbers)]),
            i % 5 == 0 ? sample_value(&samples)
                       : value_int(numbers[(unsigned)(i / 7) % COUNT_OF(numbers)])};

        encode(&key, pair, parts, 2);
        if (keycode_integer_pair(buf_slice(&key), &integer)) {
            found++;
            assert_true(value_identical(pair[0], value_int(integer)));
        } else if (pair[0].kind == VALUE_INT && pair[1].kind == VALUE_INT && pair[0].as.i > 0 &&
                   pair[1].as.i > 0 && pair[0].as.i < INT64_C(1) << 55 &&
                   pair[1].as.i < INT64_C(1) << 55 && key.len >= 8) {
            fail_msg("%lld, %lld", (long long)pair[0].as.i, (long long)pair[1].as.i);
        }
        arena_reset(&samples.arena);
    }
    assert_true(found > 10000);
    buf_free(&key);
    arena_deinit(&samples.arena);
}

/* The second column falls while the first one rises. A key that let the zero byte of "a\0" end the
 * text would compare second columns too early, and come out in the wrong order. */
static void a_zero_byte_does_not_end_a_text(void **state)
{
    const struct value rising[] = {value_null(), value_int(-1), value_int(0), TEXT("a"),
                                   TEXT("a\0"),  TEXT("a\0b"),  TEXT("a\1"),  TEXT("ab")};
    const struct key_part parts[2] = {ascending, ascending};
    struct buf smaller = {0}, larger = {0};

    (void)state;
    for (size_t i = 1; i < COUNT_OF(rising); i++) {
        encode(&smaller, (struct value[]){rising[i - 1], value_int(1)}, parts, 2);
        encode(&larger, (struct value[]){rising[i], value_int(0)}, parts, 2);
        assert_true(slice_compare(buf_slice(&smaller), buf_slice(&larger)) < 0);
    }
    buf_free(&smaller);
    buf_free(&larger);
}

static void equal_numbers_have_one_code_and_differ_in_the_suffix_only(void **state)
{
    const struct value fives[] = {value_int(5), value_real(5.0), value_date(5)};
    const struct value zeros[] = {value_int(0), value_real(0.0), value_real(-0.0), value_date(0)};
    struct buf prefix = {0}, key = {0};
    struct arena arena = {0};
    struct value back;

    (void)state;
    prefix_of(&prefix, value_int(5), ascending);
    for (size_t i = 0; i < COUNT_OF(fives); i++) {
        encode(&key, &fives[i], &ascending, 1);
        assert_true(slice_starts_with(buf_slice(&key), buf_slice(&prefix)));
        assert_int_equal(key.len - prefix.len, i == 0 ? 0 : 1);
        assert_int_equal(keycode_decode(buf_slice(&key), &ascending, 1, &back, &arena), ST_OK);
        assert_true(value_identical(back, fives[i]));
    }
    prefix_of(&prefix, value_int(0), ascending);
    for (size_t i = 0; i < COUNT_OF(zeros); i++) {
        encode(&key, &zeros[i], &ascending, 1);
        assert_true(slice_starts_with(buf_slice(&key), buf_slice(&prefix)));
        assert_int_equal(keycode_decode(buf_slice(&key), &ascending, 1, &back, &arena), ST_OK);
        assert_true(value_identical(back, zeros[i]));
    }
    buf_free(&prefix);
    buf_free(&key);
    arena_deinit(&arena);
}

static void small_whole_numbers_are_short(void **state)
{
    struct buf key = {0};

    (void)state;
    for (int64_t i = -255; i <= 255; i++) {
        prefix_of(&key, value_int(i), ascending);
        assert_int_equal(key.len, i == 0 ? 2 : 3);
    }
    prefix_of(&key, value_real(-200.0), ascending);
    assert_int_equal(key.len, 3);
    buf_free(&key);
}

static void integers_and_reals_near_two_to_53_and_63_sort_by_exact_value(void **state)
{
    const struct value rising[] = {value_real(-INFINITY),
                                   value_real(-1e300),
                                   value_real(-0x1.0000000000001p63),
                                   value_int(INT64_MIN),
                                   value_int(INT64_MIN + 1),
                                   value_int(-9007199254740993),
                                   value_real(-9007199254740992.0),
                                   value_real(-1.5),
                                   value_int(-1),
                                   value_real(-0.5),
                                   value_real(-5e-324),
                                   value_int(0),
                                   value_real(5e-324),
                                   value_real(0.5),
                                   value_int(1),
                                   value_real(1.0000000000000002),
                                   value_real(1.5),
                                   value_int(255),
                                   value_real(255.5),
                                   value_int(256),
                                   value_int(9007199254740991),
                                   value_real(9007199254740992.0),
                                   value_int(9007199254740993),
                                   value_real(9007199254740994.0),
                                   value_int(INT64_MAX - 1),
                                   value_int(INT64_MAX),
                                   value_real(0x1p63),
                                   value_real(1e300),
                                   value_real(INFINITY)};
    struct buf a = {0}, b = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rising); i++)
        for (size_t k = 0; k < COUNT_OF(rising); k++) {
            prefix_of(&a, rising[i], ascending);
            prefix_of(&b, rising[k], ascending);
            assert_int_equal(sign(slice_compare(buf_slice(&a), buf_slice(&b))), (i > k) - (i < k));
            assert_int_equal(sign(value_compare(rising[i], rising[k], COLLATE_BINARY)),
                             (i > k) - (i < k));
        }
    prefix_of(&a, value_int(INT64_MIN), ascending);
    prefix_of(&b, value_real(-0x1p63), ascending);
    assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
    buf_free(&a);
    buf_free(&b);
}

static void collated_keys_are_equal_where_the_collation_says_so(void **state)
{
    const struct key_part nocase = {.collation = COLLATE_NOCASE};
    const struct key_part rtrim = {.collation = COLLATE_RTRIM};
    struct buf a = {0}, b = {0};

    (void)state;
    prefix_of(&a, TEXT("Straße A"), nocase);
    prefix_of(&b, TEXT("sTRAße a"), nocase);
    assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
    prefix_of(&a, TEXT("a  "), rtrim);
    prefix_of(&b, TEXT("a"), rtrim);
    assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
    assert_true(keycode_is_exact(descending));
    assert_false(keycode_is_exact(nocase));
    buf_free(&a);
    buf_free(&b);
}

/* Flip a random byte in 200000 keys: whatever comes out, it comes out without a crash, and what
 * decodes is a key again that codes to the same bytes. */
static void damaged_keys_are_refused_or_read_as_other_keys(void **state)
{
    struct samples samples = {.state = 4};
    struct buf key = {0}, again = {0};
    unsigned refused = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct key_part parts[3];
        struct value values[3];
        unsigned count = 1 + sample_below(&samples, 3);

        for (unsigned k = 0; k < count; k++) {
            parts[k] = (struct key_part){.descending = sample_below(&samples, 2) == 0};
            values[k] = sample_value(&samples);
        }
        encode(&key, values, parts, count);
        key.data[sample_below(&samples, (unsigned)key.len)] ^=
            (char)(1 + sample_below(&samples, 255));
        if (sample_below(&samples, 4) == 0)
            key.len = sample_below(&samples, (unsigned)key.len);
        /* An exact copy, so that the sanitizer sees a read behind its end. */
        char *copy = malloc(key.len + 1);
        memcpy(copy + 1, key.data, key.len);
        enum status st =
            keycode_decode(slice_of(copy + 1, key.len), parts, count, values, &samples.arena);
        assert_true(st == ST_OK || st == ST_CORRUPT);
        bool is_plain = true; /* an object may lose a repeated name */
        for (unsigned k = 0; st == ST_OK && k < count; k++)
            is_plain = is_plain && values[k].kind < VALUE_ARRAY;
        if (st == ST_OK && is_plain) { /* one value, one code */
            encode(&again, values, parts, count);
            assert_true(slice_equal(buf_slice(&again), buf_slice(&key)));
        }
        refused += st == ST_CORRUPT;
        free(copy);
        arena_reset(&samples.arena);
    }
    assert_true(refused > 20000);
    buf_free(&key);
    buf_free(&again);
    arena_deinit(&samples.arena);
}

static void a_long_key_is_cut_and_keeps_its_beginning(void **state)
{
    struct buf key = {0};
    struct buf other = {0};

    (void)state;
    buf_append_fill(&key, 'a', KEY_BYTES_MAX);
    assert_false(key_shorten(&key));
    buf_append_fill(&key, 'b', 1000);
    buf_append_fill(&other, 'a', KEY_BYTES_MAX);
    buf_append_fill(&other, 'b', 999);
    assert_true(key_shorten(&key));
    assert_true(key_shorten(&other));
    assert_int_equal(key.len, KEY_BYTES_MAX);
    assert_memory_equal(key.data, other.data, KEY_BYTES_MAX - KEY_HASH_BYTES);
    assert_memory_not_equal(key.data, other.data, KEY_BYTES_MAX);
    buf_free(&key);
    buf_free(&other);
}

static void the_end_of_a_prefix_is_the_next_key_that_does_not_have_it(void **state)
{
    struct buf prefix = {0};

    (void)state;
    buf_append(&prefix, "a\xff\xff", 3);
    assert_true(key_prefix_end(&prefix));
    assert_true(slice_is(buf_slice(&prefix), "b"));
    buf_clear(&prefix);
    buf_append(&prefix, "\xff\xff", 2);
    assert_false(key_prefix_end(&prefix));
    buf_free(&prefix);
}

static void a_suffix_that_fits_no_part_is_refused(void **state)
{
    struct buf key = {0};
    struct arena arena = {0};
    struct value back[2];
    const struct key_part parts[2] = {ascending, ascending};

    (void)state;
    encode(&key, (struct value[]){TEXT("a"), value_int(5)}, parts, 2);
    buf_append_byte(&key, 0 << 2 | 1); /* says that the text was a real */
    assert_int_equal(keycode_decode(buf_slice(&key), parts, 2, back, &arena), ST_CORRUPT);
    key.data[key.len - 1] = 1 << 2 | 1;
    assert_int_equal(keycode_decode(buf_slice(&key), parts, 2, back, &arena), ST_OK);
    assert_true(value_identical(back[1], value_real(5.0)));
    key.data[key.len - 1] = 2 << 2 | 1; /* there is no third part */
    assert_int_equal(keycode_decode(buf_slice(&key), parts, 2, back, &arena), ST_CORRUPT);
    buf_free(&key);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_order_equals_value_order),
        cmocka_unit_test(no_code_is_the_beginning_of_another),
        cmocka_unit_test(the_first_of_a_pair_of_integers_is_read_at_once),
        cmocka_unit_test(keys_of_several_parts_sort_part_by_part_and_decode_to_what_was_put_in),
        cmocka_unit_test(a_zero_byte_does_not_end_a_text),
        cmocka_unit_test(equal_numbers_have_one_code_and_differ_in_the_suffix_only),
        cmocka_unit_test(small_whole_numbers_are_short),
        cmocka_unit_test(integers_and_reals_near_two_to_53_and_63_sort_by_exact_value),
        cmocka_unit_test(collated_keys_are_equal_where_the_collation_says_so),
        cmocka_unit_test(damaged_keys_are_refused_or_read_as_other_keys),
        cmocka_unit_test(a_long_key_is_cut_and_keeps_its_beginning),
        cmocka_unit_test(the_end_of_a_prefix_is_the_next_key_that_does_not_have_it),
        cmocka_unit_test(a_suffix_that_fits_no_part_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
