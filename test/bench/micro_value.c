/*
 * micro_value: what the operations of storage/value cost, in nanoseconds, best of several rounds.
 * Compile the release mode; the figures to compare with are in docs/performance.md.
 */
#include "storage/value/record.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 7, LOOPS = 200000 };

static volatile uint64_t sink;

struct bench {
    struct shape shape;
    struct record record;
    struct buf bytes, out;
    struct arena arena;
    struct value document;
    struct slice json;
    struct value text, integers[64], reals[64], prices[64];
};

static uint64_t run_columns(struct bench *bench)
{
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++) {
        /* The compiler may not know that the record stays the same. */
        __asm__ volatile("" : : "r"(&bench->record) : "memory");
        sum += (uint64_t)record_column(&bench->record, 1).as.i;
        sum += record_column(&bench->record, 2).len;
        sum += (uint64_t)record_column(&bench->record, 3).as.i;
        sum += (uint64_t)record_column(&bench->record, (unsigned)i & 7).as.i;
    }
    return sum;
}

static uint64_t run_open(struct bench *bench)
{
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++) {
        __asm__ volatile("" : : "r"(&bench->bytes) : "memory");
        sum += record_open(slice_text("k"), buf_slice(&bench->bytes), &bench->shape, &bench->arena,
                           &bench->record);
        sum += bench->record.count;
    }
    return sum;
}

static uint64_t run_verify(struct bench *bench)
{
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++)
        sum += record_verify(slice_text("k"), buf_slice(&bench->bytes));
    return sum;
}

static uint64_t run_record_write(struct bench *bench)
{
    const struct record_header header = {.stamp = 1};
    struct value values[8];
    const struct record_write write = {
        .header = &header, .shape = &bench->shape, .values = values, .key = slice_text("k")};

    for (unsigned i = 0; i < 8; i++)
        values[i] = record_column(&bench->record, i);
    for (int i = 0; i < LOOPS; i++) {
        buf_clear(&bench->out);
        (void)record_write(&bench->out, &write);
    }
    return bench->out.len;
}

static uint64_t encode_keys(struct bench *bench, const struct value *values)
{
    const struct key_part part = {0};
    struct keycode code;
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++) {
        buf_clear(&bench->out);
        keycode_begin(&code, &bench->out);
        keycode_append(&code, values[i & 63], part);
        keycode_finish(&code);
        sum += bench->out.len;
    }
    return sum;
}

static uint64_t run_key_int(struct bench *bench)
{
    return encode_keys(bench, bench->integers);
}

static uint64_t run_key_real(struct bench *bench)
{
    return encode_keys(bench, bench->prices);
}

static uint64_t run_key_text(struct bench *bench)
{
    const struct key_part part = {0};

    for (int i = 0; i < LOOPS; i++) {
        buf_clear(&bench->out);
        keycode_append_prefix(&bench->out, bench->text, part);
    }
    return bench->out.len;
}

static uint64_t run_key_decode(struct bench *bench)
{
    const struct key_part part = {0};
    struct value v;
    uint64_t sum = 0;

    buf_clear(&bench->out);
    keycode_append_prefix(&bench->out, bench->integers[7], part);
    for (int i = 0; i < LOOPS; i++) {
        __asm__ volatile("" : : "r"(&bench->out) : "memory");
        sum += keycode_decode(buf_slice(&bench->out), &part, 1, &v, &bench->arena);
        sum += (uint64_t)v.as.i;
    }
    return sum;
}

static uint64_t run_json_read(struct bench *bench)
{
    struct value v;
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++) {
        arena_reset(&bench->arena);
        sum += json_read(bench->json, &bench->arena, &v, NULL);
    }
    return sum;
}

static uint64_t run_json_write(struct bench *bench)
{
    for (int i = 0; i < LOOPS; i++) {
        buf_clear(&bench->out);
        json_write(&bench->out, bench->document);
    }
    return bench->out.len;
}

static uint64_t run_record_json(struct bench *bench)
{
    for (int i = 0; i < LOOPS; i++) {
        buf_clear(&bench->out);
        record_write_json(&bench->out, &bench->record);
    }
    return bench->out.len;
}

static uint64_t run_member(struct bench *bench)
{
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++) {
        __asm__ volatile("" : : "r"(bench) : "memory");
        sum += document_member(bench->document, slice_of("price", 5)).kind;
    }
    return sum;
}

static uint64_t run_compare(struct bench *bench)
{
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++)
        sum += (uint64_t)value_compare(bench->integers[i & 63], bench->reals[(i + 1) & 63],
                                       COLLATE_BINARY);
    return sum;
}

static uint64_t run_hash(struct bench *bench)
{
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++)
        sum += value_hash(bench->integers[i & 63], COLLATE_BINARY);
    return sum;
}

static uint64_t run_format_price(struct bench *bench)
{
    char text[NUMBER_TEXT_MAX];
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++)
        sum += number_format_shortest(bench->prices[i & 63].as.d, text);
    return sum;
}

static uint64_t run_format_real(struct bench *bench)
{
    char text[NUMBER_TEXT_MAX];
    uint64_t sum = 0;

    for (int i = 0; i < LOOPS; i++)
        sum += number_format_shortest(bench->reals[i & 63].as.d, text);
    return sum;
}

static uint64_t run_parse_price(struct bench *bench)
{
    struct value v;
    uint64_t sum = 0;

    (void)bench;
    for (int i = 0; i < LOOPS; i++)
        sum += number_parse(slice_of("1234.56", 7), &v);
    return sum;
}

static uint64_t run_parse_real(struct bench *bench)
{
    struct value v;
    uint64_t sum = 0;

    (void)bench;
    for (int i = 0; i < LOOPS; i++)
        sum += number_parse(slice_of("0.30000000000000004", 19), &v);
    return sum;
}

static void measure(const char *what, uint64_t (*run)(struct bench *), struct bench *bench,
                    double per_loop)
{
    double best = 1e300;

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_monotonic_ns();

        sink = sink + run(bench);
        double ns = (double)(clock_monotonic_ns() - start) / LOOPS / per_loop;
        best = ns < best ? ns : best;
    }
    printf("%-44s %8.1f ns\n", what, best);
}

static void fill_numbers(struct bench *bench)
{
    uint64_t state = 1;

    for (unsigned i = 0; i < 64; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bench->integers[i] = value_int((int64_t)(state >> 44));
        bench->prices[i] = value_real((double)(state >> 48) / 100);
        bench->reals[i] = value_real((double)(state >> 11) / 0x1p53);
    }
    bench->text = value_text(slice_text("a text of some forty bytes, as names are"));
}

int main(void)
{
    static const char json[] =
        "{\"id\":12345,\"name\":\"Harper the dog\",\"breed\":\"Labrador Retriever\",\"age\":7,"
        "\"price\":1234.5,\"active\":true,\"tags\":[\"good\",\"brown\",\"loud\"],"
        "\"owner\":{\"name\":\"Ada Lovelace\",\"city\":\"London\",\"zip\":\"NW1 6XE\"},\"x\":null}";
    static const uint16_t attributes[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const struct slice names[] = {{"id", 2},    {"age", 3},   {"name", 4}, {"count", 5},
                                         {"price", 5}, {"since", 5}, {"note", 4}, {"city", 4}};
    const struct value values[] = {
        value_int(12345),
        value_int(7),
        value_text(slice_text("Harper the dog")),
        value_int(-70000),
        value_real(12.34),
        value_date(1706702400000),
        value_text(slice_text("a note of some length, for the sake of the measurement")),
        value_text(slice_text("London"))};
    const struct record_header header = {.stamp = 1};
    struct bench *bench = calloc(1, sizeof(*bench));
    struct error err;

    if (bench == NULL)
        return 1;
    bench->shape = (struct shape){.id = 1,
                                  .count = 8,
                                  .attribute_count = 8,
                                  .attributes = attributes,
                                  .names = names,
                                  .position_of = attributes};
    struct record_write write = {
        .header = &header, .shape = &bench->shape, .values = values, .key = slice_text("k")};
    struct arena lasting = {0};

    fill_numbers(bench);
    bench->json = slice_of(json, sizeof(json) - 1);
    if (record_write(&bench->bytes, &write) != ST_OK ||
        record_open(write.key, buf_slice(&bench->bytes), &bench->shape, &bench->arena,
                    &bench->record) != ST_OK ||
        json_read(bench->json, &lasting, &bench->document, &err) != ST_OK)
        return 1;
    printf("record of %zu bytes, JSON text of %zu bytes\n", bench->bytes.len, bench->json.len);
    measure("record_column", run_columns, bench, 4);
    measure("record_open", run_open, bench, 1);
    measure("record_verify", run_verify, bench, 1);
    measure("record_write, 8 columns", run_record_write, bench, 1);
    measure("record_write_json, 8 columns", run_record_json, bench, 1);
    measure("key of an int", run_key_int, bench, 1);
    measure("key of a price", run_key_real, bench, 1);
    measure("key of 40 bytes of text", run_key_text, bench, 1);
    measure("decode the key of an int", run_key_decode, bench, 1);
    measure("json_read", run_json_read, bench, 1);
    measure("json_write", run_json_write, bench, 1);
    measure("document_member", run_member, bench, 1);
    measure("value_compare, int with real", run_compare, bench, 1);
    measure("value_hash of an int", run_hash, bench, 1);
    measure("number_format_shortest of a price", run_format_price, bench, 1);
    measure("number_format_shortest, 16 or 17 digits", run_format_real, bench, 1);
    measure("number_parse of a price", run_parse_price, bench, 1);
    measure("number_parse, 17 digits", run_parse_real, bench, 1);
    arena_deinit(&lasting);
    arena_deinit(&bench->arena);
    buf_free(&bench->bytes);
    buf_free(&bench->out);
    free(bench);
    return 0;
}
