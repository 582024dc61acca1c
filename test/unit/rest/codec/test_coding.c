#include "rest/codec/coding.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h> /* needs what stands above */

static void the_best_coding_is_chosen(void **state)
{
    static const struct {
        const char *accept;
        enum coding coding;
    } cases[] = {
        {NULL, CODING_IDENTITY},
        {"", CODING_IDENTITY},
        {"*", CODING_IDENTITY},
        {"deflate", CODING_IDENTITY},
        {"gzip", CODING_GZIP},
        {"x-gzip", CODING_GZIP},
        {"gzip, deflate, br", CODING_BR},
        {"gzip, deflate, br, zstd", CODING_BR},
        {"gzip, ZSTD", CODING_ZSTD},
        {"gzip;q=1.0, br;q=0.5", CODING_GZIP},
        {"br;q=0, gzip;q=0.001", CODING_GZIP},
        {"br;q=0", CODING_IDENTITY},
        {",,;q=1, gzip ; q=0.5", CODING_GZIP},
    };

    (void)state;
    for (size_t k = 0; k < COUNT_OF(cases); k++)
        if (coding_negotiate(cases[k].accept) != cases[k].coding)
            fail_msg("%s", cases[k].accept == NULL ? "(none)" : cases[k].accept);
    assert_int_equal(coding_of("gzip"), CODING_GZIP);
    assert_int_equal(coding_of(" Identity "), CODING_IDENTITY);
    assert_int_equal(coding_of(NULL), CODING_IDENTITY);
    assert_int_equal(coding_of("gzip, gzip"), CODING_UNKNOWN);
    assert_int_equal(coding_of("compress"), CODING_UNKNOWN);
}

static void fill(struct buf *out, size_t bytes)
{
    uint32_t seed = 1;

    while (out->len < bytes) {
        seed = seed * 1664525 + 1013904223;
        buf_printf(out, "{\"id\":%u,\"name\":\"dog %u\"},", seed >> 20, seed >> 8);
    }
}

static void what_is_encoded_decodes_to_itself(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, 300000};

    (void)state;
    for (int coding = CODING_GZIP; coding <= CODING_ZSTD; coding++) {
        for (size_t k = 0; k < COUNT_OF(sizes); k++) {
            struct buf raw = {0}, whole = {0}, pieces = {0}, back = {0};
            struct encoder *encoder = encoder_new((enum coding)coding, true);
            struct error err = {0};

            fill(&raw, sizes[k]);
            assert_true(coding_write((enum coding)coding, buf_slice(&raw), &whole));
            assert_int_equal(
                coding_read((enum coding)coding, buf_slice(&whole), raw.len, &back, &err), ST_OK);
            assert_true(slice_equal(buf_slice(&raw), buf_slice(&back)));
            assert_true(sizes[k] < 1000 || whole.len < raw.len / 2);
            for (size_t at = 0; at < raw.len; at += 777)
                assert_true(encoder_run(
                    encoder, slice_of(raw.data + at, raw.len - at < 777 ? raw.len - at : 777),
                    false, &pieces));
            assert_true(encoder_run(encoder, slice_empty(), true, &pieces));
            encoder_free(encoder);
            buf_clear(&back);
            assert_int_equal(
                coding_read((enum coding)coding, buf_slice(&pieces), raw.len, &back, &err), ST_OK);
            assert_true(slice_equal(buf_slice(&raw), buf_slice(&back)));
            buf_free(&raw);
            buf_free(&whole);
            buf_free(&pieces);
            buf_free(&back);
        }
    }
}

static void bombs_and_broken_bytes_are_refused(void **state)
{
    (void)state;
    for (int coding = CODING_GZIP; coding <= CODING_ZSTD; coding++) {
        struct buf raw = {0}, coded = {0}, out = {0};
        struct error err = {0};

        buf_append_fill(&raw, 'a', 8 << 20);
        assert_true(coding_write((enum coding)coding, buf_slice(&raw), &coded));
        assert_int_equal(coding_read((enum coding)coding, buf_slice(&coded), 1 << 30, &out, &err),
                         ST_TOO_BIG); /* by its ratio */
        assert_true(out.len < 2 << 20);
        buf_clear(&out);
        assert_int_equal(coding_read((enum coding)coding, buf_slice(&coded), 1000, &out, &err),
                         ST_TOO_BIG);
        assert_true(out.len < 100000);
        buf_clear(&raw);
        buf_clear(&coded);
        fill(&raw, 5000);
        assert_true(coding_write((enum coding)coding, buf_slice(&raw), &coded));
        for (size_t len = 0; len < coded.len; len++) { /* cut short, anywhere */
            buf_clear(&out);
            assert_int_equal(
                coding_read((enum coding)coding, slice_of(coded.data, len), 1 << 20, &out, &err),
                ST_SYNTAX);
        }
        buf_append_byte(&coded, 'x');
        buf_clear(&out);
        assert_int_equal(coding_read((enum coding)coding, buf_slice(&coded), 1 << 20, &out, &err),
                         ST_SYNTAX);
        buf_clear(&out);
        assert_int_equal(
            coding_read((enum coding)coding, slice_text("{\"a\":1}"), 1 << 20, &out, &err),
            ST_SYNTAX);
        buf_free(&raw);
        buf_free(&coded);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_coding_is_chosen),
        cmocka_unit_test(what_is_encoded_decodes_to_itself),
        cmocka_unit_test(bombs_and_broken_bytes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
