/*
 * samples: random values of all kinds for property tests, with an eye for the edges. The same seed
 * gives the same values.
 */
#ifndef HARPER_TEST_SAMPLES_H
#define HARPER_TEST_SAMPLES_H

#include "storage/value/document.h"
#include <math.h>

struct samples {
    uint64_t state;
    struct arena arena;
};

static inline uint64_t sample_u64(struct samples *samples) /* splitmix64 */
{
    uint64_t z = samples->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline unsigned sample_below(struct samples *samples, unsigned limit)
{
    return (unsigned)(sample_u64(samples) % limit);
}

static inline int64_t sample_int(struct samples *samples)
{
    static const int64_t edges[] = {0,
                                    1,
                                    -1,
                                    127,
                                    128,
                                    -128,
                                    -129,
                                    255,
                                    256,
                                    -255,
                                    -256,
                                    65535,
                                    65536,
                                    INT32_MAX,
                                    INT32_MIN,
                                    INT64_MAX,
                                    INT64_MIN,
                                    INT64_MAX - 1,
                                    INT64_MIN + 1,
                                    1ll << 53,
                                    (1ll << 53) + 1,
                                    (1ll << 53) - 1,
                                    -(1ll << 53),
                                    -(1ll << 53) - 1,
                                    (1ll << 62) + 1};

    switch (sample_below(samples, 4)) {
    case 0:
        return edges[sample_below(samples, COUNT_OF(edges))];
    case 1:
        return (int64_t)sample_below(samples, 20) - 10;
    default:
        return (int64_t)sample_u64(samples) >> sample_below(samples, 64);
    }
}

static inline double sample_real(struct samples *samples)
{
    static const double edges[] = {0.0,
                                   -0.0,
                                   0.5,
                                   -0.5,
                                   1.5,
                                   -1.5,
                                   1e-320,
                                   -1e-320,
                                   5e-324,
                                   1e308,
                                   -1e308,
                                   0x1p63,
                                   -0x1p63,
                                   0x1p64,
                                   -0x1p64,
                                   0x1p53,
                                   -0x1p53,
                                   0.1,
                                   0.3,
                                   1e15,
                                   1e16,
                                   1e17,
                                   1e21,
                                   1e22,
                                   9007199254740993.0,
                                   4503599627370496.5,
                                   2251799813685248.5,
                                   1e-7,
                                   0x1.fffffffffffffp62,
                                   -0x1.fffffffffffffp62,
                                   0x1.0000000000001p63,
                                   -0x1.0000000000001p63,
                                   123456789.125,
                                   1.7976931348623157e308};
    double d;
    uint64_t bits;

    switch (sample_below(samples, 7)) {
    case 0:
        return edges[sample_below(samples, COUNT_OF(edges))];
    case 1:
        return (double)sample_int(samples);
    case 2:
        return (double)((int64_t)sample_below(samples, 100000) - 50000) / 100.0;
    case 3:
        return (double)((int64_t)sample_below(samples, 80) - 40) / 8.0;
    case 4:
        return sample_below(samples, 8) == 0   ? INFINITY
               : sample_below(samples, 8) == 0 ? -INFINITY
                                               : 1.25;
    case 5: /* of everyday size, with all its bits */
        return ldexp((double)(int64_t)sample_u64(samples), -(int)sample_below(samples, 90));
    default:
        bits = sample_u64(samples);
        memcpy(&d, &bits, sizeof(d));
        return isnan(d) ? 0.25 : d;
    }
}

/* Valid UTF-8 of up to 20 characters, most of them from a small alphabet so that prefixes are
 * shared. */
static inline struct slice sample_text(struct samples *samples)
{
    static const uint32_t alphabet[] = {'a', 'b',  'A',  'B',    ' ',     0,   1,
                                        2,   0x7f, 0xe9, 0x20ac, 0x1f600, '"', '\\'};
    unsigned count =
        sample_below(samples, 3) == 0 ? sample_below(samples, 20) : sample_below(samples, 4);
    char *text = arena_alloc(&samples->arena, count * 4 + 1);
    size_t len = 0;

    for (unsigned i = 0; i < count; i++)
        len += utf8_encode(alphabet[sample_below(samples, COUNT_OF(alphabet))], text + len);
    return slice_of(text, len);
}

static inline struct slice sample_bytes(struct samples *samples)
{
    unsigned count = sample_below(samples, 6);
    char *bytes = arena_alloc(&samples->arena, count + 1);

    for (unsigned i = 0; i < count; i++)
        bytes[i] = (char)(sample_below(samples, 2) == 0 ? sample_below(samples, 4)
                                                        : 255 - sample_below(samples, 3));
    return slice_of(bytes, count);
}

static inline struct value sample_scalar(struct samples *samples)
{
    switch (sample_below(samples, 9)) {
    case 0:
        return value_null();
    case 1:
        return value_bool(sample_below(samples, 2) == 0);
    case 2:
    case 3:
        return value_int(sample_int(samples));
    case 4:
    case 5:
        return value_real(sample_real(samples));
    case 6:
        return value_date(sample_int(samples));
    case 7:
        return value_bytes(sample_bytes(samples));
    default:
        return value_text(sample_text(samples));
    }
}

static inline void sample_members(struct samples *samples, struct document_builder *builder,
                                  bool is_array, unsigned depth)
{
    unsigned count = sample_below(samples, 4);

    if (is_array)
        document_open_array(builder);
    else
        document_open_object(builder);
    for (unsigned i = 0; i < count; i++) {
        if (!is_array)
            document_name(builder, sample_text(samples));
        if (depth > 0 && sample_below(samples, 3) == 0)
            sample_members(samples, builder, sample_below(samples, 2) == 0, depth - 1);
        else
            document_value(builder, sample_scalar(samples));
    }
    document_close(builder);
}

static inline struct value sample_document(struct samples *samples)
{
    struct document_builder builder = {0};
    struct value v = value_absent();

    document_begin(&builder);
    sample_members(samples, &builder, sample_below(samples, 2) == 0, 3);
    if (document_end(&builder, &v) == ST_OK)
        v.as.data = arena_copy(&samples->arena, value_slice(v)).data;
    document_deinit(&builder);
    return v;
}

static inline struct value sample_value(struct samples *samples)
{
    return sample_below(samples, 6) == 0 ? sample_document(samples) : sample_scalar(samples);
}

#endif
