#include "samples.h"
#include "storage/value/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* needs what stands above */

#define TEXT(literal) value_text(slice_of(literal, sizeof(literal) - 1))

enum { COLUMNS_MAX = 400 };

static uint16_t numbers[COLUMNS_MAX];
static struct slice names[COLUMNS_MAX];
static char name_texts[COLUMNS_MAX][8];

static int name_columns(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COLUMNS_MAX; i++) {
        (void)snprintf(name_texts[i], sizeof(name_texts[i]), "c%u", i);
        names[i] = slice_text(name_texts[i]);
        numbers[i] = (uint16_t)i;
    }
    return 0;
}

static struct shape shape_of(unsigned count)
{
    return (struct shape){.id = 300,
                          .count = (uint16_t)count,
                          .attribute_count = (uint16_t)count,
                          .attributes = numbers,
                          .names = names,
                          .position_of = numbers};
}

static const struct record_header settled = {.stamp = 0x1122334455667788, .origin = 3};

static enum status write_record(struct buf *out, const struct shape *shape,
                                const struct value *values, struct slice key,
                                uint32_t compress_over)
{
    const struct record_write write = {.header = &settled,
                                       .shape = shape,
                                       .values = values,
                                       .key = key,
                                       .compress_over = compress_over,
                                       .compress_level = 1};

    buf_clear(out);
    return record_write(out, &write);
}

static void every_column_comes_back_in_records_of_any_width(void **state)
{
    struct samples samples = {.state = 51};
    struct buf out = {0};
    struct value values[COLUMNS_MAX];
    unsigned plain_count = 0;
    const struct slice key = slice_text("key");

    (void)state;
    for (int round = 0; round < 3000; round++) {
        unsigned count = sample_below(&samples, round % 10 == 0 ? COLUMNS_MAX : 10);
        struct shape shape = shape_of(count);
        struct record record, plain;

        shape.id = round % 3 == 0 ? 300 : 5;
        for (unsigned i = 0; i < count; i++)
            values[i] = sample_below(&samples, 8) == 0 ? value_absent() : sample_value(&samples);
        assert_int_equal(write_record(&out, &shape, values, key, round % 2 == 0 ? 0 : 100), ST_OK);
        assert_int_equal(record_verify(key, buf_slice(&out)), ST_OK);
        assert_int_equal(record_open(key, buf_slice(&out), &shape, &samples.arena, &record), ST_OK);
        assert_int_equal(record.count, count);
        for (unsigned i = 0; i < count; i++)
            assert_true(value_identical(record_attribute(&record, i), values[i]));
        assert_int_equal(record_column(&record, count).kind, VALUE_ABSENT);
        assert_int_equal(record_attribute(&record, count).kind, VALUE_ABSENT);
        if (record_open_plain(key, buf_slice(&out), &shape, &plain)) {
            plain_count++;
            assert_int_equal(plain.payload_bytes, record.payload_bytes);
            for (unsigned i = 0; i <= count; i++)
                assert_true(value_identical(record_attribute(&plain, i),
                                            i < count ? values[i] : value_absent()));
        }
        arena_reset(&samples.arena);
    }
    assert_true(plain_count > 1000);
    buf_free(&out);
    arena_deinit(&samples.arena);
}

static void a_settled_header_takes_ten_bytes_and_every_header_comes_back(void **state)
{
    struct buf out = {0};
    struct slice body;
    struct record_header back;
    struct record_header full = {.flags = RECORD_FULL_STAMP | RECORD_EXPIRY |
                                          RECORD_PROPERTY_STAMPS | RECORD_UNSETTLED | RECORD_BLOBS,
                                 .stamp = UINT64_MAX,
                                 .origin = 65535,
                                 .full_stamp = 7,
                                 .full_origin = 200,
                                 .expiry_ms = -5,
                                 .property_stamps = slice_text("abc"),
                                 .unsettled = slice_text("de")};

    (void)state;
    record_header_write(&out, &settled);
    assert_int_equal(out.len, 10);
    assert_int_equal(record_header_read(buf_slice(&out), &back, &body), ST_OK);
    assert_int_equal(back.stamp, settled.stamp);
    assert_int_equal(back.full_stamp, settled.stamp);
    assert_int_equal(back.full_origin, 3);
    assert_int_equal(body.len, 0);

    buf_clear(&out);
    record_header_write(&out, &full);
    size_t len = out.len;
    buf_append_text(&out, "body");
    assert_int_equal(record_header_read(buf_slice(&out), &back, &body), ST_OK);
    assert_true(slice_is(body, "body"));
    assert_int_equal(back.flags, full.flags);
    assert_int_equal(back.origin, 65535);
    assert_int_equal(back.full_stamp, 7);
    assert_int_equal(back.full_origin, 200);
    assert_int_equal(back.expiry_ms, -5);
    assert_true(slice_is(back.property_stamps, "abc"));
    assert_true(slice_is(back.unsettled, "de"));
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(record_header_read(slice_of(out.data, cut), &back, &body), ST_CORRUPT);
    buf_free(&out);
}

static void columns_of_the_key_are_not_stored_twice(void **state)
{
    struct shape shape = shape_of(3);
    const uint8_t key_part_of[] = {0xff, 1, 0};
    const struct value values[] = {TEXT("x"), value_int(7),
                                   TEXT("a long primary key that would show")};
    const struct value key_values[] = {values[2], values[1]};
    const struct record_write write = {.header = &settled,
                                       .shape = &shape,
                                       .values = values,
                                       .key_part_of = key_part_of,
                                       .key = slice_text("k")};
    struct buf out = {0};
    struct arena arena = {0};
    struct record record;

    (void)state;
    assert_int_equal(record_write(&out, &write), ST_OK);
    assert_true(out.len < 40);
    assert_int_equal(record_open(write.key, buf_slice(&out), &shape, &arena, &record), ST_OK);
    assert_int_equal(record_column(&record, 1).kind, VALUE_ABSENT); /* the key is not known yet */
    record.key_values = key_values;
    record.key_value_count = 2;
    for (unsigned i = 0; i < 3; i++)
        assert_true(value_identical(record_column(&record, i), values[i]));
    buf_free(&out);
    arena_deinit(&arena);
}

static void a_record_is_an_object_to_whoever_reads_values(void **state)
{
    struct shape shape = shape_of(3);
    const struct value values[] = {TEXT("x"), value_absent(), value_int(5)};
    struct shape outer_shape = shape_of(1);
    struct buf out = {0}, outer = {0}, json = {0};
    struct arena arena = {0};
    struct record record, copy;
    struct value object;

    (void)state;
    assert_int_equal(write_record(&out, &shape, values, slice_text("k"), 0), ST_OK);
    assert_int_equal(record_open(slice_text("k"), buf_slice(&out), &shape, &arena, &record), ST_OK);
    record_write_json(&json, &record);
    assert_string_equal(buf_cstr(&json), "{\"c0\":\"x\",\"c2\":5}");
    object = value_record(&record);
    assert_true(value_identical(document_member(object, slice_text("c2")), value_int(5)));
    assert_int_equal(document_member(object, slice_text("c1")).kind, VALUE_ABSENT);

    /* Stored in a column, it becomes a document with the same members. */
    assert_int_equal(write_record(&outer, &outer_shape, &object, slice_text("k"), 0), ST_OK);
    assert_int_equal(record_open(slice_text("k"), buf_slice(&outer), &outer_shape, &arena, &copy),
                     ST_OK);
    assert_true(value_identical(record_column(&copy, 0), object));
    assert_int_equal(value_compare(record_column(&copy, 0), object, COLLATE_BINARY), 0);
    assert_true(value_hash(record_column(&copy, 0), COLLATE_BINARY) ==
                value_hash(object, COLLATE_BINARY));
    buf_free(&out);
    buf_free(&outer);
    buf_free(&json);
    arena_deinit(&arena);
}

static void the_checksum_finds_every_flipped_bit_and_a_wrong_key(void **state)
{
    struct shape shape = shape_of(4);
    const struct value values[] = {TEXT("Ada"), value_int(36), value_real(1.5), value_null()};
    const struct slice key = slice_text("k1");
    struct buf out = {0};

    (void)state;
    assert_int_equal(write_record(&out, &shape, values, key, 0), ST_OK);
    assert_int_equal(record_verify(key, buf_slice(&out)), ST_OK);
    assert_int_equal(record_verify(slice_text("k2"), buf_slice(&out)), ST_CORRUPT);
    for (size_t i = 0; i < out.len * 8; i++) {
        out.data[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(record_verify(key, buf_slice(&out)), ST_CORRUPT);
        out.data[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(record_verify(key, slice_of(out.data, len)), ST_CORRUPT);
    buf_free(&out);
}

static void damaged_records_are_refused_or_read_within_their_bytes(void **state)
{
    struct samples samples = {.state = 52};
    struct buf out = {0}, json = {0};
    struct value values[6];
    const struct slice key = slice_text("key");
    unsigned refused = 0;

    (void)state;
    for (int round = 0; round < 100000; round++) {
        unsigned count = 1 + sample_below(&samples, COUNT_OF(values) - 1);
        struct shape shape = shape_of(count);
        struct record record;

        for (unsigned i = 0; i < count; i++)
            values[i] = sample_value(&samples);
        assert_int_equal(write_record(&out, &shape, values, key, round % 4 == 0 ? 10 : 0), ST_OK);
        out.data[sample_below(&samples, (unsigned)out.len)] ^=
            (char)(1 + sample_below(&samples, 255));
        if (sample_below(&samples, 4) == 0)
            out.len = sample_below(&samples, (unsigned)out.len);
        char *copy = malloc(out.len + 1);
        memcpy(copy + 1, out.data, out.len);
        enum status st =
            record_open(key, slice_of(copy + 1, out.len), &shape, &samples.arena, &record);
        if (st == ST_OK) {
            buf_clear(&json);
            record_write_json(&json, &record);
        } else {
            assert_true(st == ST_CORRUPT || st == ST_NOT_FOUND);
            refused++;
        }
        assert_int_equal(record_verify(key, slice_of(copy + 1, out.len)), ST_CORRUPT);
        free(copy);
        arena_reset(&samples.arena);
    }
    assert_true(refused > 20000);
    buf_free(&out);
    buf_free(&json);
    arena_deinit(&samples.arena);
}

static void long_payloads_are_compressed_only_when_that_helps(void **state)
{
    struct samples samples = {.state = 53};
    struct shape shape = shape_of(2);
    struct buf out = {0}, long_text = {0};
    struct arena arena = {0};
    struct record record;
    const struct slice key = slice_text("key");

    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        buf_clear(&long_text);
        for (int i = 0; i < 10000; i++)
            buf_append_byte(&long_text,
                            kind == 0 ? "abcdef"[i % 6] : (uint8_t)sample_u64(&samples));
        const struct value values[] = {value_bytes(buf_slice(&long_text)), value_int(9)};
        assert_int_equal(write_record(&out, &shape, values, key, 4096), ST_OK);
        if (kind == 0)
            assert_true(out.len < 300);
        else
            assert_true(out.len > 10000 && out.len < 10040);
        assert_int_equal(record_open(key, buf_slice(&out), &shape, &arena, &record), ST_OK);
        assert_true(value_identical(record_column(&record, 0), values[0]));
        assert_true(value_identical(record_column(&record, 1), values[1]));
        assert_int_equal(record_verify(key, buf_slice(&out)), ST_OK);
    }
    buf_free(&out);
    buf_free(&long_text);
    arena_deinit(&arena);
}

static void offsets_are_as_wide_as_the_payload_needs(void **state)
{
    const size_t lengths[] = {0, 200, 250, 251, 256, 65000, 65531, 65536, 300000};
    struct shape shape = shape_of(3);
    struct buf out = {0}, text = {0};
    struct arena arena = {0};
    struct record record;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        buf_clear(&text);
        buf_append_fill(&text, 'x', lengths[i]);
        const struct value values[] = {value_int(-7), value_text(buf_slice(&text)),
                                       value_int(1000000)};
        size_t payload = lengths[i] + 5;
        assert_int_equal(write_record(&out, &shape, values, slice_text("k"), 0), ST_OK);
        assert_int_equal(record_open(slice_text("k"), buf_slice(&out), &shape, &arena, &record),
                         ST_OK);
        assert_int_equal(record.width, payload < 256 ? 1 : payload < 65536 ? 2 : 4);
        assert_int_equal(record.payload_bytes, payload);
        for (unsigned k = 0; k < 3; k++)
            assert_true(value_identical(record_column(&record, k), values[k]));
    }
    buf_free(&out);
    buf_free(&text);
    arena_deinit(&arena);
}

static void a_tombstone_has_a_header_and_no_shape(void **state)
{
    struct record_header dead = {.flags = RECORD_DEAD, .stamp = 5, .origin = 1};
    struct shape shape = shape_of(1);
    const struct record_write write = {.header = &dead, .shape = &shape, .key = slice_text("k")};
    struct buf out = {0};
    struct slice body;
    struct record record;
    struct arena arena = {0};

    (void)state;
    assert_int_equal(record_write(&out, &write), ST_OK);
    assert_int_equal(record_verify(write.key, buf_slice(&out)), ST_OK);
    assert_int_equal(record_header_read(buf_slice(&out), &dead, &body), ST_OK);
    assert_int_equal(record_shape_id(body), 0);
    assert_int_equal(record_open(write.key, buf_slice(&out), &shape, &arena, &record),
                     ST_NOT_FOUND);
    buf_clear(&out);
    record_header_write(&out, &dead); /* nothing vouches for a bare header */
    assert_int_equal(record_verify(write.key, buf_slice(&out)), ST_CORRUPT);
    assert_int_equal(record_open(write.key, buf_slice(&out), &shape, &arena, &record),
                     ST_NOT_FOUND);
    buf_free(&out);
    arena_deinit(&arena);
}

static void another_shape_is_refused(void **state)
{
    struct shape shape = shape_of(2), other = shape_of(2);
    const struct value values[] = {value_int(1), value_int(2)};
    struct buf out = {0};
    struct arena arena = {0};
    struct record record;
    struct record_header header;
    struct slice body;

    (void)state;
    other.id = 301;
    assert_int_equal(write_record(&out, &shape, values, slice_text("k"), 0), ST_OK);
    assert_int_equal(record_header_read(buf_slice(&out), &header, &body), ST_OK);
    assert_int_equal(record_shape_id(body), 300);
    assert_int_equal(record_open(slice_text("k"), buf_slice(&out), &other, &arena, &record),
                     ST_CORRUPT);
    buf_free(&out);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_comes_back_in_records_of_any_width),
        cmocka_unit_test(a_settled_header_takes_ten_bytes_and_every_header_comes_back),
        cmocka_unit_test(columns_of_the_key_are_not_stored_twice),
        cmocka_unit_test(a_record_is_an_object_to_whoever_reads_values),
        cmocka_unit_test(the_checksum_finds_every_flipped_bit_and_a_wrong_key),
        cmocka_unit_test(damaged_records_are_refused_or_read_within_their_bytes),
        cmocka_unit_test(long_payloads_are_compressed_only_when_that_helps),
        cmocka_unit_test(offsets_are_as_wide_as_the_payload_needs),
        cmocka_unit_test(a_tombstone_has_a_header_and_no_shape),
        cmocka_unit_test(another_shape_is_refused),
    };

    return cmocka_run_group_tests(tests, name_columns, NULL);
}
