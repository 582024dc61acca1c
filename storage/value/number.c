/*
 * Numbers and text, correctly rounded both ways. Short decimals are found by one multiplication,
 * other numbers of everyday size by exact 128-bit arithmetic; the rest is left to the C library, of
 * whose locale nothing reaches the result: text goes in as digits and an exponent, without a point,
 * and only digits are taken from what comes out.
 */
#include "storage/value/value.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A decimal: digits[0].digits[1]… times ten to the power of exponent. */
struct decimal {
    char digits[20];
    unsigned count; /* without trailing zeros, at least 1 */
    int exponent;
};

typedef unsigned __int128 uint128_t;

static const double power_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { EXACT_POWER_MAX = 22 }; /* the largest power of ten that a double holds exactly */

static const char digit_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233"
    "34353637383940414243444546474849505152535455565758596061626364656667"
    "6869707172737475767778798081828384858687888990919293949596979899";

/* Decimal digits of `number`, right-aligned before `end`; returns the first. */
static char *put_digits_before(char *end, uint64_t number)
{
    while (number >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + 2 * (number % 100), 2);
        number /= 100;
    }
    if (number >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + 2 * number, 2);
    } else {
        *--end = (char)('0' + number);
    }
    return end;
}

size_t number_format_int(int64_t i, char out[NUMBER_TEXT_MAX])
{
    char digits[20];
    uint64_t size = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    const char *first = put_digits_before(digits + sizeof(digits), size);
    size_t count = (size_t)(digits + sizeof(digits) - first);
    char *at = out;

    if (i < 0)
        *at++ = '-';
    memcpy(at, first, count);
    return (size_t)(at - out) + count;
}

/* Take `mantissa` times ten to the power of -scale as a decimal. */
static void decimal_of_integer(uint64_t mantissa, int scale, struct decimal *out)
{
    char digits[20];
    const char *first = put_digits_before(digits + sizeof(digits), mantissa);
    unsigned count = (unsigned)(digits + sizeof(digits) - first);

    memcpy(out->digits, first, count);
    out->exponent = (int)count - 1 - scale;
    while (count > 1 && out->digits[count - 1] == '0')
        count--;
    out->count = count;
}

/* A decimal of at most 15 digits identifies a double, and every double that has one comes back from
 * it. So when m / 10^k, which the processor rounds correctly, is d itself, m and k are the shortest
 * form and the 15-digit form too. Most numbers people write are found here, in a few nanoseconds.
 */
static bool decimal_if_short(double d, struct decimal *out)
{
    static const int scales[] = {0, 2, 4, 8, 15};

    if (!(d < 1e15 && d >= 1e-5))
        return false;
    for (size_t i = 0; i < COUNT_OF(scales); i++) {
        double scaled = d * power_of_ten[scales[i]];

        if (scaled >= 1e15)
            return false;
        uint64_t mantissa = (uint64_t)(scaled + 0.5);
        if ((double)mantissa / power_of_ten[scales[i]] == d) {
            decimal_of_integer(mantissa, scales[i], out);
            return true;
        }
    }
    return false;
}

/* `precision` significant digits, correctly rounded. */
static void decimal_of_precision(double d, int precision, struct decimal *out)
{
    char text[48];
    unsigned count = 0;
    const char *at = text;

    (void)snprintf(text, sizeof(text), "%.*e", precision - 1, d);
    for (; *at != '\0' && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            out->digits[count++] = *at;
    out->exponent = *at == 'e' ? atoi(at + 1) : 0;
    while (count > 1 && out->digits[count - 1] == '0')
        count--;
    out->count = count;
}

/* A real from 1e-6 to 1e15 as mantissa * 2^-shift, and where its first digit stands. Scaled to 17
 * digits it still fits 128 bits. */
struct everyday {
    uint64_t mantissa; /* 2^52 to 2^53 */
    unsigned shift;    /* 3 to 72 */
    int exponent;      /* of ten */
};

static uint128_t exact_power_of_ten(unsigned exponent) /* to 38 */
{
    static const uint64_t powers[] = {1ull,
                                      10ull,
                                      100ull,
                                      1000ull,
                                      10000ull,
                                      100000ull,
                                      1000000ull,
                                      10000000ull,
                                      100000000ull,
                                      1000000000ull,
                                      10000000000ull,
                                      100000000000ull,
                                      1000000000000ull,
                                      10000000000000ull,
                                      100000000000000ull,
                                      1000000000000000ull,
                                      10000000000000000ull,
                                      100000000000000000ull,
                                      1000000000000000000ull,
                                      10000000000000000000ull};

    if (exponent <= 19)
        return powers[exponent];
    return (uint128_t)powers[19] * powers[exponent - 19];
}

static bool everyday_of(double d, struct everyday *out)
{
    uint64_t bits;
    int exponent = 0;

    if (!(d > 1e-6 && d < 1e15))
        return false;
    memcpy(&bits, &d, sizeof(bits));
    out->mantissa = (bits & ((1ull << 52) - 1)) | 1ull << 52;
    out->shift = 1075u - (unsigned)(bits >> 52);
    while (d >= power_of_ten[exponent + 1])
        exponent++;
    /* No double in this range is so close below a power of ten that the product is rounded up to 1.
     */
    while (exponent <= 0 && d * power_of_ten[-exponent] < 1)
        exponent--;
    out->exponent = exponent;
    return true;
}

/* The `precision` digits (at most 17) nearest to d as an integer; the even one when half way. */
static uint64_t everyday_round(const struct everyday *d, int precision)
{
    uint128_t scaled = d->mantissa * exact_power_of_ten((unsigned)(precision - 1 - d->exponent));
    uint64_t digits = (uint64_t)(scaled >> d->shift);
    uint128_t rest = scaled - ((uint128_t)digits << d->shift);
    uint128_t half = (uint128_t)1 << (d->shift - 1);

    return digits + (rest > half || (rest == half && (digits & 1) != 0));
}

/* So near to half way between two numbers of `precision` digits that SQLite's way of rounding
 * tells. */
static bool everyday_is_half_way(const struct everyday *d, int precision)
{
    uint128_t scaled = d->mantissa * exact_power_of_ten((unsigned)(precision - 1 - d->exponent));
    uint128_t half = (uint128_t)1 << (d->shift - 1);
    uint128_t rest = scaled & (half * 2 - 1);
    uint128_t distance = rest > half ? rest - half : half - rest;

    return distance <= half >> 6;
}

/* Whether reading these digits gives d again: they lie no further from it than half way to its
 * neighbour. */
static bool everyday_reads_back(const struct everyday *d, int precision, uint64_t digits)
{
    uint128_t unit = exact_power_of_ten((unsigned)(precision - 1 - d->exponent));
    uint128_t exact = d->mantissa * unit * 2; /* in units of 2^-(shift + 1) */
    uint128_t written = (uint128_t)digits << (d->shift + 1);
    uint128_t distance = written > exact ? written - exact : exact - written;

    if (d->mantissa == 1ull << 52 && written < exact)
        return distance * 2 <= unit; /* below a power of two the neighbour is half as far */
    return distance < unit || (distance == unit && (d->mantissa & 1) == 0);
}

/* At `precision` digits, or for precision 0 as few as read back. */
static bool decimal_if_everyday(double d, int precision, struct decimal *out)
{
    struct everyday everyday;
    uint64_t digits = 0;
    int first = precision == 0 ? 15 : precision;
    int last = precision == 0 ? 17 : precision;

    if (!everyday_of(d, &everyday))
        return false;
    for (int p = first; p <= last; p++) {
        digits = everyday_round(&everyday, p);
        if (p == last || everyday_reads_back(&everyday, p, digits)) {
            decimal_of_integer(digits, p - 1 - everyday.exponent, out);
            return true;
        }
    }
    return false;
}

/* Fifteen digits as SQLite 3.40 makes them (printf.c, "%!.15g"): scaled to one digit before the
 * point in extended precision, half a unit of the last digit added, cut. The scaling is not exact,
 * so a real that lies half way between two texts, or very near, comes out as one or the other by
 * its last bits; texts are compared and stored, so the same one must come out here. */
static void decimal_as_sqlite(double d, struct decimal *out)
{
    enum { DIGITS = 15 };
    const double half_unit = 5.0e-05 * 1.0e-10;
    long double scale = 1, rest = d;
    unsigned count = 0;

    out->exponent = 0;
    for (; rest >= 1e100 * scale; out->exponent += 100)
        scale *= 1e100;
    for (; rest >= 1e10L * scale; out->exponent += 10)
        scale *= 1e10L;
    for (; rest >= 10.0L * scale; out->exponent++)
        scale *= 10.0L;
    rest /= scale;
    for (; rest < 1e-8; out->exponent -= 8)
        rest *= 1e8L;
    for (; rest < 1.0L; out->exponent--)
        rest *= 10.0L;
    rest += half_unit;
    if (rest >= 10.0L) {
        rest *= 0.1;
        out->exponent++;
    }
    for (; count < DIGITS; count++) {
        int digit = (int)rest;

        out->digits[count] = (char)('0' + digit);
        rest = (rest - digit) * 10.0L;
    }
    while (count > 1 && out->digits[count - 1] == '0')
        count--;
    out->count = count;
}

/* Fifteen digits, fast where exact rounding and SQLite's cannot differ. */
static void decimal_of_fifteen(double d, struct decimal *out)
{
    struct everyday everyday;

    if (decimal_if_short(d, out))
        return;
    if (everyday_of(d, &everyday) && !everyday_is_half_way(&everyday, 15))
        (void)decimal_if_everyday(d, 15, out);
    else
        decimal_as_sqlite(d, out);
}

static double double_of_decimal(const struct decimal *decimal)
{
    char text[40];

    (void)snprintf(text, sizeof(text), "%.*se%d", (int)decimal->count, decimal->digits,
                   decimal->exponent - (int)decimal->count + 1);
    return strtod(text, NULL);
}

static void decimal_shortest(double d, struct decimal *out)
{
    if (decimal_if_short(d, out) || decimal_if_everyday(d, 0, out))
        return;
    /* Below the normal range fewer digits may do; elsewhere 15 digits with their zeros cut are the
     * shortest. */
    for (int precision = d < 0x1p-1022 ? 1 : 15; precision < 17; precision++) {
        decimal_of_precision(d, precision, out);
        if (double_of_decimal(out) == d)
            return;
    }
    decimal_of_precision(d, 17, out);
}

static char *put_bytes(char *at, const char *bytes, size_t count)
{
    memcpy(at, bytes, count);
    return at + count;
}

static char *put_zeros(char *at, int count)
{
    for (int i = 0; i < count; i++)
        *at++ = '0';
    return at;
}

static char *put_exponent(char *at, int exponent, int digits_min)
{
    char digits[8];
    const char *first = put_digits_before(digits + sizeof(digits), (uint64_t)abs(exponent));
    int count = (int)(digits + sizeof(digits) - first);

    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    at = put_zeros(at, digits_min - count);
    return put_bytes(at, first, (size_t)count);
}

/* 12.5, 0.00125, 12500 (and 12500.0 when `with_point`). */
static char *put_plain(char *at, const struct decimal *decimal, bool with_point)
{
    int whole = decimal->exponent + 1; /* digits before the point */
    int count = (int)decimal->count;

    if (whole <= 0) {
        at = put_bytes(at, "0.", 2);
        at = put_zeros(at, -whole);
        return put_bytes(at, decimal->digits, decimal->count);
    }
    if (whole >= count) {
        at = put_bytes(at, decimal->digits, decimal->count);
        at = put_zeros(at, whole - count);
        return with_point ? put_bytes(at, ".0", 2) : at;
    }
    at = put_bytes(at, decimal->digits, (size_t)whole);
    *at++ = '.';
    return put_bytes(at, decimal->digits + whole, (size_t)(count - whole));
}

static char *put_scientific(char *at, const struct decimal *decimal, bool with_point,
                            int exponent_digits_min)
{
    *at++ = decimal->digits[0];
    if (decimal->count > 1) {
        *at++ = '.';
        at = put_bytes(at, decimal->digits + 1, decimal->count - 1);
    } else if (with_point) {
        at = put_bytes(at, ".0", 2);
    }
    return put_exponent(at, decimal->exponent, exponent_digits_min);
}

static size_t format_infinity(double d, char *out)
{
    return (size_t)(put_bytes(out, d < 0 ? "-Inf" : "Inf", d < 0 ? 4 : 3) - out);
}

size_t number_format(double d, char out[NUMBER_TEXT_MAX])
{
    struct decimal decimal;
    char *at = out;

    if (isinf(d))
        return format_infinity(d, out);
    if (d == 0) /* minus zero too, as SQLite */
        return (size_t)(put_bytes(out, "0.0", 3) - out);
    if (d < 0)
        *at++ = '-';
    decimal_of_fifteen(fabs(d), &decimal);
    if (decimal.exponent < -4 || decimal.exponent >= 15)
        at = put_scientific(at, &decimal, true, 2);
    else
        at = put_plain(at, &decimal, true);
    return (size_t)(at - out);
}

size_t number_format_shortest(double d, char out[NUMBER_TEXT_MAX])
{
    struct decimal decimal;
    char *at = out;

    if (isinf(d))
        return format_infinity(d, out);
    if (d == 0)
        return (size_t)(put_bytes(out, "0", 1) - out);
    if (d < 0)
        *at++ = '-';
    decimal_shortest(fabs(d), &decimal);
    if (decimal.exponent < -6 || decimal.exponent >= 21)
        at = put_scientific(at, &decimal, false, 1);
    else
        at = put_plain(at, &decimal, false);
    return (size_t)(at - out);
}

/* ---- reading ---- */

/* What was read: sign, up to 19 digits as an integer, and how many digits or zeros stand behind it.
 */
struct number_scan {
    bool is_negative;
    bool has_digits;
    bool is_integer; /* neither a point nor an exponent */
    bool is_exact;   /* mantissa holds all digits that are not zero */
    uint64_t mantissa;
    int64_t exponent;                /* value = mantissa * 10^exponent when is_exact */
    const char *digits, *digits_end; /* digits and at most one point */
    int64_t written_exponent;
    const char *end;
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void add_digit(struct number_scan *scan, unsigned digit, bool after_point)
{
    if (scan->mantissa <= (UINT64_MAX - 9) / 10) {
        scan->mantissa = scan->mantissa * 10 + digit;
        scan->exponent -= after_point;
    } else {
        scan->is_exact = scan->is_exact && digit == 0;
        scan->exponent += !after_point;
    }
}

static const char *scan_exponent(struct number_scan *scan, const char *at, const char *end)
{
    const char *p = at + 1;
    bool is_negative = false;
    int64_t exponent = 0;

    if (p < end && (*p == '+' || *p == '-'))
        is_negative = *p++ == '-';
    if (p == end || !is_digit(*p))
        return at;
    for (; p < end && is_digit(*p); p++)
        if (exponent < 1000000000) /* beyond any double, however many digits there are */
            exponent = exponent * 10 + (*p - '0');
    scan->written_exponent = is_negative ? -exponent : exponent;
    scan->is_integer = false;
    return p;
}

static void scan_number(const char *at, const char *end, struct number_scan *scan)
{
    *scan = (struct number_scan){.is_integer = true, .is_exact = true, .end = at};
    if (at < end && (*at == '-' || *at == '+'))
        scan->is_negative = *at++ == '-';
    scan->digits = at;
    for (; at < end && is_digit(*at); at++) {
        scan->has_digits = true;
        add_digit(scan, (unsigned)(*at - '0'), false);
    }
    if (at < end && *at == '.' && (scan->has_digits || (at + 1 < end && is_digit(at[1])))) {
        scan->is_integer = false;
        for (at++; at < end && is_digit(*at); at++) {
            scan->has_digits = true;
            add_digit(scan, (unsigned)(*at - '0'), true);
        }
    }
    if (!scan->has_digits)
        return;
    scan->digits_end = at;
    if (at < end && (*at == 'e' || *at == 'E'))
        at = scan_exponent(scan, at, end);
    scan->exponent += scan->written_exponent;
    scan->end = at;
}

enum { DECISIVE_DIGITS = 800 }; /* 768 digits decide the rounding of any double */

/* The C library's correctly rounded reading, given digits and an exponent but no point. */
static double real_from_digits(const struct number_scan *scan)
{
    char text[DECISIVE_DIGITS + 40];
    size_t count = 0;
    int64_t exponent = scan->written_exponent;
    bool after_point = false;
    bool lost_digits = false;

    for (const char *at = scan->digits; at < scan->digits_end; at++) {
        if (*at == '.') {
            after_point = true;
            continue;
        }
        if (count == 0 && *at == '0') { /* leading zeros say nothing but the place of the point */
            exponent -= after_point;
        } else if (count < DECISIVE_DIGITS) {
            text[count++] = *at;
            exponent -= after_point;
        } else {
            lost_digits = lost_digits || *at != '0';
            exponent += !after_point;
        }
    }
    if (count == 0)
        return 0.0;
    if (lost_digits)
        text[count - 1] = '1'; /* only that something follows can matter so far behind */
    if (exponent > 100000)
        exponent = 100000;
    if (exponent < -100000)
        exponent = -100000;
    (void)snprintf(text + count, sizeof(text) - count, "e%d", (int)exponent);
    return strtod(text, NULL);
}

/* mantissa / 10^scale, rounded once: a 128-bit quotient of at least 54 bits, and whether anything
 * is left. */
static double real_from_quotient(uint64_t mantissa, unsigned scale)
{
    unsigned lead = (unsigned)__builtin_clzll(mantissa);
    uint128_t dividend = (uint128_t)(mantissa << lead) << 64;
    uint128_t divisor = exact_power_of_ten(scale);
    uint128_t quotient = dividend / divisor;
    bool is_inexact = quotient * divisor != dividend;
    uint64_t high = (uint64_t)(quotient >> 64);
    int bits = high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)quotient);
    int shift = bits - 53;
    uint64_t kept = (uint64_t)(quotient >> shift);
    uint128_t rest = quotient - ((uint128_t)kept << shift);
    uint128_t half = (uint128_t)1 << (shift - 1);

    if (rest > half || (rest == half && (is_inexact || (kept & 1) != 0)))
        kept++;
    return ldexp((double)kept, shift - 64 - (int)lead);
}

static double scan_real(const struct number_scan *scan)
{
    double size;

    if (scan->is_exact && scan->mantissa <= (1ull << 53) && scan->exponent >= -EXACT_POWER_MAX &&
        scan->exponent <= EXACT_POWER_MAX) {
        /* Both operands are exact, so the one operation rounds correctly. */
        size = (double)scan->mantissa;
        if (scan->exponent < 0)
            size /= power_of_ten[-scan->exponent];
        else
            size *= power_of_ten[scan->exponent];
    } else if (scan->is_exact && scan->mantissa != 0 && scan->exponent < 0 &&
               scan->exponent >= -EXACT_POWER_MAX) {
        size = real_from_quotient(scan->mantissa, (unsigned)-scan->exponent);
    } else {
        size = real_from_digits(scan);
    }
    return scan->is_negative ? -size : size;
}

static struct value scan_value(const struct number_scan *scan)
{
    uint64_t limit = (uint64_t)INT64_MAX + scan->is_negative;

    if (scan->is_integer && scan->exponent == 0 && scan->is_exact && scan->mantissa <= limit)
        return value_int((int64_t)(scan->is_negative ? 0 - scan->mantissa : scan->mantissa));
    return value_real(scan_real(scan));
}

enum number_text number_parse(struct slice text, struct value *out)
{
    const char *at = text.len == 0 ? "" : text.data; /* empty text may have no address */
    const char *end = at + text.len;
    struct number_scan scan;

    *out = value_int(0);
    while (at < end && is_blank(*at))
        at++;
    scan_number(at, end, &scan);
    if (!scan.has_digits)
        return NUMBER_NONE;
    *out = scan_value(&scan);
    at = scan.end;
    while (at < end && is_blank(*at))
        at++;
    if (at < end)
        return NUMBER_PREFIX;
    return scan.is_integer ? NUMBER_INT : NUMBER_REAL;
}
