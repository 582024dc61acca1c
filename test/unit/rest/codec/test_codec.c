#include "rest/codec/codec.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h> /* needs what stands above */

struct bytes {
    uint8_t data[256];
    size_t len;
};

static struct bytes of_hex(const char *hex)
{
    struct bytes out = {.len = 0};

    for (; hex[0] != '\0'; hex += 2) {
        const char digits[3] = {hex[0], hex[1], '\0'};

        out.data[out.len++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return out;
}

static const char *to_hex(struct slice bytes, struct arena *arena)
{
    char *out = arena_zalloc(arena, bytes.len * 2 + 1);

    for (size_t k = 0; k < bytes.len; k++) {
        out[2 * k] = "0123456789abcdef"[(unsigned char)bytes.data[k] >> 4];
        out[2 * k + 1] = "0123456789abcdef"[bytes.data[k] & 15];
    }
    return out;
}

typedef enum status (*read_fn)(struct slice, struct arena *, struct value *, struct error *);

struct read_case {
    const char *hex, *json; /* json NULL: refused */
};

static void check_reading(read_fn read, const struct read_case *cases, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        struct bytes in = of_hex(cases[k].hex);
        struct arena arena = {0};
        struct buf out = {0};
        struct error err = {0};
        struct value v;
        enum status st = read(slice_of(in.data, in.len), &arena, &v, &err);

        if (cases[k].json == NULL) {
            if (st == ST_OK)
                fail_msg("%s was read", cases[k].hex);
            assert_int_equal(err.status, st);
        } else {
            if (st != ST_OK)
                fail_msg("%s: %s", cases[k].hex, error_message(&err));
            if (v.kind >= VALUE_ARRAY)
                assert_int_equal(document_check(value_slice(v), v.kind == VALUE_ARRAY), ST_OK);
            json_write(&out, v);
            assert_string_equal(buf_cstr(&out), cases[k].json);
        }
        buf_free(&out);
        arena_deinit(&arena);
    }
}

/* From RFC 8949, appendix A. */
static void cbor_is_read_as_the_rfc_says(void **state)
{
    static const struct read_case cases[] = {
        {"00", "0"},
        {"17", "23"},
        {"1818", "24"},
        {"1903e8", "1000"},
        {"1a000f4240", "1000000"},
        {"1b000000e8d4a51000", "1000000000000"},
        {"1bffffffffffffffff", "18446744073709552000"},
        {"c249010000000000000000", "18446744073709552000"},
        {"3bffffffffffffffff", "-18446744073709552000"},
        {"c349010000000000000000", "-18446744073709552000"},
        {"c24101", "1"},
        {"c3420100", "-257"},
        {"20", "-1"},
        {"3903e7", "-1000"},
        {"f90000", "0"},
        {"f98000", "0"},
        {"f93c00", "1"},
        {"fb3ff199999999999a", "1.1"},
        {"f93e00", "1.5"},
        {"f97bff", "65504"},
        {"fa47c35000", "100000"},
        {"f90001", "5.9604644775390625e-8"},
        {"f9c400", "-4"},
        {"f97c00", "null"},
        {"f97e00", "null"},
        {"f4", "false"},
        {"f5", "true"},
        {"f6", "null"},
        {"f7", "null"},
        {"c074323031332d30332d32315432303a30343a30305a", "\"2013-03-21T20:04:00.000Z\""},
        {"c11a514b67b0", "\"2013-03-21T20:04:00.000Z\""},
        {"c1fb41d452d9ec200000", "\"2013-03-21T20:04:00.500Z\""},
        {"d74401020304", "{\"type\":\"Buffer\",\"data\":[1,2,3,4]}"},
        {"40", "{\"type\":\"Buffer\",\"data\":[]}"},
        {"60", "\"\""},
        {"6449455446", "\"IETF\""},
        {"62c3bc", "\"\xc3\xbc\""},
        {"80", "[]"},
        {"8301820203820405", "[1,[2,3],[4,5]]"},
        {"a0", "{}"},
        {"a26161016162820203", "{\"a\":1,\"b\":[2,3]}"},
        {"5f42010243030405ff", "{\"type\":\"Buffer\",\"data\":[1,2,3,4,5]}"},
        {"7f657374726561646d696e67ff", "\"streaming\""},
        {"9fff", "[]"},
        {"9f018202039f0405ffff", "[1,[2,3],[4,5]]"},
        {"83018202039f0405ff", "[1,[2,3],[4,5]]"},
        {"bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"},
        {"826161bf61626163ff", "[\"a\",{\"b\":\"c\"}]"},
        {"d9d9f7a0", "{}"}, /* "this is CBOR" */
        /* not well formed, or nothing that a document holds */
        {"", NULL},
        {"18", NULL},
        {"1c", NULL},
        {"61", NULL},
        {"61ff", NULL},
        {"ff", NULL},
        {"9f", NULL},
        {"81ff", NULL},
        {"a10102", NULL},
        {"a16161", NULL},
        {"bf6161ff", NULL},
        {"5f6161ff", NULL},
        {"5f5f4101ffff", NULL},
        {"0000", NULL},
        {"c1", NULL},
        {"c180", NULL},
        {"c1fb7ff0000000000000", NULL},
        {"c06161", NULL},
        {"f800", NULL},
        {"e0", NULL},
        {"9bffffffffffffffff", NULL},
        {"bbffffffffffffffff", NULL},
        {"5bffffffffffffffff", NULL},
        {"9f00d9d9f7ff", NULL},
    };

    (void)state;
    check_reading(cbor_read, cases, COUNT_OF(cases));
}

static void message_pack_is_read_as_specified(void **state)
{
    static const struct read_case cases[] = {
        {"00", "0"},
        {"7f", "127"},
        {"ff", "-1"},
        {"e0", "-32"},
        {"cc80", "128"},
        {"cd0100", "256"},
        {"ce00010000", "65536"},
        {"cf0000000100000000", "4294967296"},
        {"cfffffffffffffffff", "18446744073709552000"},
        {"d080", "-128"},
        {"d18000", "-32768"},
        {"d280000000", "-2147483648"},
        {"d38000000000000000", "-9223372036854775808"},
        {"ca3fc00000", "1.5"},
        {"cb3ff199999999999a", "1.1"},
        {"c0", "null"},
        {"c2", "false"},
        {"c3", "true"},
        {"a3616263", "\"abc\""},
        {"d90161", "\"a\""},
        {"da000161", "\"a\""},
        {"db0000000161", "\"a\""},
        {"c40101", "{\"type\":\"Buffer\",\"data\":[1]}"},
        {"c5000101", "{\"type\":\"Buffer\",\"data\":[1]}"},
        {"c60000000101", "{\"type\":\"Buffer\",\"data\":[1]}"},
        {"93010203", "[1,2,3]"},
        {"dc000101", "[1]"},
        {"dd0000000101", "[1]"},
        {"82a16101a16202", "{\"a\":1,\"b\":2}"},
        {"de0001a16101", "{\"a\":1}"},
        {"df00000001a16101", "{\"a\":1}"},
        {"81a16182a162c0a16390", "{\"a\":{\"b\":null,\"c\":[]}}"},
        {"d6ff514b67b0", "\"2013-03-21T20:04:00.000Z\""},
        {"d7ff7735940000000000514b67b0", NULL}, /* longer than it says */
        {"d7ff77359400514b67b0", "\"2013-03-21T20:04:00.500Z\""},
        {"c70cff1dcd6500ffffffffffffffff", "\"1969-12-31T23:59:59.500Z\""},
        /* refused */
        {"", NULL},
        {"c1", NULL},
        {"cc", NULL},
        {"a161a1", NULL},
        {"a2ff", NULL},
        {"a1ff", NULL},
        {"92c0", NULL},
        {"8101a161", NULL},
        {"ddffffffff", NULL},
        {"dfffffffff", NULL},
        {"c6ffffffff", NULL},
        {"d40100", NULL},
        {"d5ff0000", NULL},
        {"d7ffffffffff00000000", NULL},
    };

    (void)state;
    check_reading(msgpack_read, cases, COUNT_OF(cases));
}

/* What JSON can say comes back the same through each format, and is written in the shortest form.
 */
static void values_survive_the_binary_formats(void **state)
{
    static const struct {
        const char *json, *cbor, *msgpack;
    } cases[] = {
        {"null", "f6", "c0"},
        {"true", "f5", "c3"},
        {"0", "00", "00"},
        {"23", "17", "17"},
        {"24", "1818", "18"},
        {"200", "18c8", "ccc8"},
        {"-1", "20", "ff"},
        {"-33", "3820", "d0df"},
        {"-200", "38c7", "d1ff38"},
        {"70000", "1a00011170", "ce00011170"},
        {"-70000", "3a0001116f", "d2fffeee90"},
        {"9223372036854775807", "1b7fffffffffffffff", "cf7fffffffffffffff"},
        {"-9223372036854775808", "3b7fffffffffffffff", "d38000000000000000"},
        {"1.5", "fb3ff8000000000000", "cb3ff8000000000000"},
        {"\"abc\"", "63616263", "a3616263"},
        {"\"0123456789012345678901234567890123\"",
         "782230313233343536373839303132333435363738393031323334353637383930313233",
         "d92230313233343536373839303132333435363738393031323334353637383930313233"},
        {"[]", "80", "90"},
        {"{}", "a0", "80"},
        {"[1,[2],{\"a\":null}]", "83018102a16161f6",
         "93019102"
         "81a161c0"},
        {"{\"a\":[1,2.5,\"x\"],\"b\":{\"c\":false}}",
         "a261618301fb40040000000000006178"
         "6162a16163f4",
         "82a1619301cb4004000000000000a178a16281a163c2"},
    };

    (void)state;
    for (size_t k = 0; k < COUNT_OF(cases); k++) {
        struct arena arena = {0};
        struct buf out = {0}, json = {0};
        struct value v, again;
        struct error err;

        assert_int_equal(json_read(slice_text(cases[k].json), &arena, &v, &err), ST_OK);
        cbor_write(&out, v);
        assert_string_equal(to_hex(buf_slice(&out), &arena), cases[k].cbor);
        assert_int_equal(cbor_read(buf_slice(&out), &arena, &again, &err), ST_OK);
        json_write(&json, again);
        assert_string_equal(buf_cstr(&json), cases[k].json);
        buf_clear(&out);
        buf_clear(&json);
        msgpack_write(&out, v);
        assert_string_equal(to_hex(buf_slice(&out), &arena), cases[k].msgpack);
        assert_int_equal(msgpack_read(buf_slice(&out), &arena, &again, &err), ST_OK);
        json_write(&json, again);
        assert_string_equal(buf_cstr(&json), cases[k].json);
        buf_free(&out);
        buf_free(&json);
        arena_deinit(&arena);
    }
}

static void dates_and_bytes_are_of_their_own_kind(void **state)
{
    static const int64_t dates[] = {0,
                                    1,
                                    -1,
                                    -1500,
                                    1363896240500,
                                    4294967295000,
                                    4294967296000,
                                    17179869184000,
                                    253402300799999,
                                    -62135596800000};
    struct arena arena = {0};
    struct buf out = {0};
    struct error err;
    struct value v;

    (void)state;
    for (size_t k = 0; k < COUNT_OF(dates); k++) {
        buf_clear(&out);
        cbor_write(&out, value_date(dates[k]));
        assert_int_equal(cbor_read(buf_slice(&out), &arena, &v, &err), ST_OK);
        assert_int_equal(v.kind, VALUE_DATE);
        assert_int_equal(v.as.i, dates[k]);
        buf_clear(&out);
        msgpack_write(&out, value_date(dates[k]));
        assert_int_equal(msgpack_read(buf_slice(&out), &arena, &v, &err), ST_OK);
        assert_int_equal(v.kind, VALUE_DATE);
        assert_int_equal(v.as.i, dates[k]);
    }
    buf_clear(&out);
    cbor_write(&out, value_bytes(slice_of("\0\xff", 2)));
    assert_string_equal(to_hex(buf_slice(&out), &arena), "4200ff");
    buf_clear(&out);
    msgpack_write(&out, value_bytes(slice_of("\0\xff", 2)));
    assert_string_equal(to_hex(buf_slice(&out), &arena), "c40200ff");
    buf_free(&out);
    arena_deinit(&arena);
}

static void nesting_is_limited(void **state)
{
    struct arena arena = {0};
    struct error err;
    struct value v;
    char deep[DOCUMENT_DEPTH_MAX + 2];

    (void)state;
    memset(deep, '\x81', sizeof deep);
    deep[DOCUMENT_DEPTH_MAX] = 0;
    assert_int_equal(cbor_read(slice_of(deep, DOCUMENT_DEPTH_MAX + 1), &arena, &v, &err), ST_OK);
    deep[DOCUMENT_DEPTH_MAX] = '\x81';
    deep[DOCUMENT_DEPTH_MAX + 1] = 0;
    assert_int_equal(cbor_read(slice_of(deep, sizeof deep), &arena, &v, &err), ST_LIMIT);
    memset(deep, '\x91', sizeof deep - 1);
    assert_int_equal(msgpack_read(slice_of(deep, sizeof deep), &arena, &v, &err), ST_LIMIT);
    arena_deinit(&arena);
}

struct text_case {
    const char *type, *in, *json; /* json NULL: refused */
};

static void check_text(const struct text_case *at)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct error err = {0};
    struct value v;
    enum media media = at->type == NULL ? MEDIA_NONE : media_of_type(at->type);
    enum status st = at->type != NULL && strcmp(at->type, "csv") == 0
                         ? csv_read(slice_text(at->in), &arena, &v, &err)
                         : codec_read(media, at->type, slice_text(at->in), &arena, &v, &err);

    if (at->json == NULL) {
        if (st == ST_OK)
            fail_msg("was read: %s", at->in);
        assert_int_equal(err.status, st);
    } else {
        if (st != ST_OK)
            fail_msg("%s: %s", at->in, error_message(&err));
        json_write(&out, v);
        assert_string_equal(buf_cstr(&out), at->json);
    }
    buf_free(&out);
    arena_deinit(&arena);
}

static void bodies_are_read_by_their_type(void **state)
{
#define BOUNDARY "multipart/form-data; boundary=x"
    static const struct text_case cases[] = {
        {"application/json; charset=utf-8", "{\"a\":1}", "{\"a\":1}"},
        {"Application/JSON", "[1]", "[1]"},
        {NULL, " {\"a\":1}", "{\"a\":1}"},
        {NULL, "[1]", "[1]"},
        {NULL, "ab",
         "{\"contentType\":\"application/octet-stream\",\"data\":{\"type\":\"Buffer\",\"data\":[97,"
         "98]}}"},
        {"image/gif", "a",
         "{\"contentType\":\"image/gif\",\"data\":{\"type\":\"Buffer\",\"data\":[97]}}"},
        {"application/octet-stream", "",
         "{\"contentType\":\"application/octet-stream\",\"data\":{\"type\":\"Buffer\",\"data\":[]}"
         "}"},
        {"text/calendar; charset=utf-8", "BEGIN",
         "{\"contentType\":\"text/calendar; charset=utf-8\",\"data\":\"BEGIN\"}"},
        {"text/csv", "a,b", "{\"contentType\":\"text/csv\",\"data\":\"a,b\"}"},
        {"text/html", "\xff", NULL},
        {"text/plain", "a text", "\"a text\""},
        {"text/plain", "\xc3", NULL},
        {"application/x-ndjson", "{\"a\":1}\n\n  \r\n{\"a\":2}\r\n", "[{\"a\":1},{\"a\":2}]"},
        {"application/ndjson", "", "[]"},
        {"application/x-ndjson", "{\"a\":1}\n{\"a\":", NULL},
        {"application/x-ndjson", "{\"a\":\n1}", NULL},
        {"application/x-ndjson", "1 2", NULL},
        {"application/x-www-form-urlencoded", "a=1&b=x+y%21&a=2&c",
         "{\"a\":[\"1\",\"2\"],\"b\":\"x y!\",\"c\":\"\"}"},
        {"application/x-www-form-urlencoded", "", "{}"},
        {"application/x-www-form-urlencoded", "a=%2", NULL},
        {"application/x-www-form-urlencoded", "a=%ff", NULL},
        {BOUNDARY, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--x--\r\n",
         "{\"a\":\"one\"}"},
        {"multipart/form-data; charset=utf-8; boundary=\"x\"",
         "before\r\n--x  \r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n2\r\n--x\r\n"
         "Content-Disposition: form-data; name=\"f\"; filename=\"n;\"\r\n"
         "Content-Type: image/png\r\n\r\nab\r\n--x\r\n"
         "Content-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n"
         "{\"k\":[1]}\r\n--x--behind",
         "{\"a\":\"1\\r\\n2\",\"f\":{\"type\":\"Buffer\",\"data\":[97,98]},\"j\":{\"k\":[1]}}"},
        {BOUNDARY, "--x--", "{}"},
        {BOUNDARY, "", NULL},
        {BOUNDARY, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none", NULL},
        {BOUNDARY, "--x\r\n\r\none\r\n--x--", NULL},
        {BOUNDARY, "--x\r\n--x--", NULL},
        {BOUNDARY, "--xy\r\n--x--", NULL},
        {BOUNDARY, "--x\r\nContent-Disposition: form-data\r\n\r\none\r\n--x--", NULL},
        {"multipart/form-data", "--x--", NULL},
        {"multipart/form-data; boundary=", "--x--", NULL},
    };
#undef BOUNDARY

    (void)state;
    for (size_t k = 0; k < COUNT_OF(cases); k++)
        check_text(&cases[k]);
}

static void csv_is_read(void **state)
{
    static const struct text_case cases[] = {
        {"csv", "a,b\r\n1,x\r\n", "[{\"a\":1,\"b\":\"x\"}]"},
        {"csv", "a,b\n1,x\n2,y", "[{\"a\":1,\"b\":\"x\"},{\"a\":2,\"b\":\"y\"}]"},
        {"csv", "\"a\",\"b c\"\r\n\"1\",\"x \"\"y\"\"\r\nz\"\r\n",
         "[{\"a\":\"1\",\"b c\":\"x \\\"y\\\"\\r\\nz\"}]"},
        {"csv", "a,b,c\ntrue,false,null\n", "[{\"a\":true,\"b\":false,\"c\":null}]"},
        {"csv", "a,b,c\n,\"\",-1.5\n", "[{\"b\":\"\",\"c\":-1.5}]"},
        {"csv", "a,b\n007, 1\n", "[{\"a\":\"007\",\"b\":\" 1\"}]"},
        {"csv", "a,b\n1\n", "[{\"a\":1}]"}, /* fields that are missing are absent */
        {"csv",
         "\xef\xbb\xbf"
         "a\n1\n",
         "[{\"a\":1}]"},
        {"csv", "a\n\n\r\n1\n", "[{\"a\":1}]"},
        {"csv", "", "[]"},
        {"csv", "a\n", "[]"},
        {"csv", "a\n1,2\n", NULL},
        {"csv", "a\n\"1\n", NULL},
        {"csv", "a\n\"1\"x\n", NULL},
        {"csv", "a\n\xff\n", NULL},
        {"csv", "a\n1e\n", "[{\"a\":\"1e\"}]"},
        {"csv", "a\rb\n1\n", "[{\"a\\rb\":1}]"},
    };

    (void)state;
    for (size_t k = 0; k < COUNT_OF(cases); k++)
        check_text(&cases[k]);
}

static void accept_chooses_by_both_qualities(void **state)
{
    static const struct {
        const char *accept;
        enum media media;
    } cases[] = {
        {NULL, MEDIA_JSON},
        {"*/*", MEDIA_JSON},
        {"", MEDIA_JSON},
        {"application/json", MEDIA_JSON},
        {"APPLICATION/CBOR", MEDIA_CBOR},
        {"application/msgpack", MEDIA_MSGPACK},
        {"application/json, application/cbor", MEDIA_CBOR},
        {"application/json, application/cbor;q=0.5", MEDIA_JSON},
        {"application/json;q=0.5, application/cbor;q=0.5", MEDIA_CBOR},
        {"text/csv, text/plain", MEDIA_TEXT},
        {"text/html, text/csv", MEDIA_CSV},
        {"text/yaml", MEDIA_YAML},
        {"text/csv;q=1, */*;q=0.1", MEDIA_CSV},
        {"text/csv;q=0.9, */*;q=0.9", MEDIA_JSON},
        {"application/*", MEDIA_NONE},
        {"text/html", MEDIA_NONE},
        {"application/json;q=0", MEDIA_NONE},
        {"application/json; charset=utf-8; q=0.9", MEDIA_JSON},
        {"application/x-www-form-urlencoded", MEDIA_NONE},
        {"text/html, text/plain;q=0.9, */*;q=0.1", MEDIA_TEXT},
        {"text/html,application/xhtml+xml,*/*;q=0.8", MEDIA_JSON},
        {",,;q", MEDIA_NONE},
    };

    (void)state;
    for (size_t k = 0; k < COUNT_OF(cases); k++)
        if (media_negotiate(cases[k].accept) != cases[k].media)
            fail_msg("%s", cases[k].accept);
}

static struct slice name_of(const void *context, size_t column)
{
    (void)context;
    return slice_text(column == 0 ? "a" : "b");
}

static void rows_are_written_in_their_form(void **state)
{
    static const struct {
        enum media media;
        enum codec_form form;
        const char *hex;
    } cases[] = {
        {MEDIA_CBOR, CODEC_SCALAR, "01"},          {MEDIA_CBOR, CODEC_ARRAY, "8201f6"},
        {MEDIA_CBOR, CODEC_OBJECT, "a1616101"},    {MEDIA_MSGPACK, CODEC_ARRAY, "9201c0"},
        {MEDIA_MSGPACK, CODEC_OBJECT, "81a16101"},
    };
    const struct value values[] = {value_int(1), value_absent()};
    struct codec_row row = {.values = values, .count = 2, .name = name_of};
    struct arena arena = {0};
    struct buf out = {0};

    (void)state;
    for (size_t k = 0; k < COUNT_OF(cases); k++) {
        buf_clear(&out);
        row.form = cases[k].form;
        codec_write_row(cases[k].media, &out, &row);
        assert_string_equal(to_hex(buf_slice(&out), &arena), cases[k].hex);
    }
    buf_clear(&out);
    row.form = CODEC_OBJECT;
    codec_write_row(MEDIA_YAML, &out, &row);
    assert_string_equal(buf_cstr(&out), "\"a\": 1\n");
    buf_free(&out);
    arena_deinit(&arena);
}

static void yaml_is_in_blocks(void **state)
{
    static const char json[] = "{\"a\":1,\"b\":[1,{\"c\":\"x\\ny\",\"d\":[]}],\"e\":{\"f\":{}}}";
    static const char yaml[] = "\"a\": 1\n"
                               "\"b\":\n"
                               "  - 1\n"
                               "  - \"c\": \"x\\ny\"\n"
                               "    \"d\": []\n"
                               "\"e\":\n"
                               "  \"f\": {}\n";
    struct arena arena = {0};
    struct buf out = {0};
    struct error err;
    struct value v;

    (void)state;
    assert_int_equal(json_read(slice_text(json), &arena, &v, &err), ST_OK);
    yaml_write(&out, v);
    assert_string_equal(buf_cstr(&out), yaml);
    buf_free(&out);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cbor_is_read_as_the_rfc_says),
        cmocka_unit_test(message_pack_is_read_as_specified),
        cmocka_unit_test(values_survive_the_binary_formats),
        cmocka_unit_test(dates_and_bytes_are_of_their_own_kind),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(bodies_are_read_by_their_type),
        cmocka_unit_test(csv_is_read),
        cmocka_unit_test(accept_chooses_by_both_qualities),
        cmocka_unit_test(rows_are_written_in_their_form),
        cmocka_unit_test(yaml_is_in_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
