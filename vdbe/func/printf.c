/*
 * printf() and format(): SQLite's formats, which differ from the C library's in the conversions
 * they have
 * (%q %Q %w %z %r, `,` and `!`), in that numbers have at most 16 significant digits (26 with `!`),
 * and in how halves round. round() is defined by the same digits.
 */
#include "vdbe/func/func_internal.h"
#include <ctype.h>
#include <limits.h>
#include <math.h>

struct conversion {
    char letter;
    bool left, alternate, alternate2, zero, thousands;
    char sign; /* for numbers that are not negative: '+', ' ' or 0; the last flag wins */
    int64_t width;
    int precision; /* -1: none given */
};

struct format_job {
    struct func_context *context;
    struct slice format;
    const struct value *args;
    unsigned count, used;
    struct buf *out;
    bool has_output; /* something was appended, even if empty: else the result is null */
};

static struct value next_arg(struct format_job *job)
{
    return job->used < job->count ? job->args[job->used++] : value_null();
}

/* ---- parsing a conversion ---- */

static bool take_flag(struct conversion *conversion, char c)
{
    switch (c) {
    case '-':
        conversion->left = true;
        return true;
    case '+':
    case ' ':
        conversion->sign = c;
        return true;
    case '#':
        conversion->alternate = true;
        return true;
    case '!':
        conversion->alternate2 = true;
        return true;
    case '0':
        conversion->zero = true;
        return true;
    case ',':
        conversion->thousands = true;
        return true;
    default: /* any other byte of the user's text */
        return false;
    }
}

static bool at_digit(struct slice in)
{
    return in.len != 0 && isdigit((unsigned char)in.data[0]);
}

static void skip(struct slice *in, size_t count)
{
    in->data += count;
    in->len -= count;
}

static int take_number(struct slice *in)
{
    unsigned number = 0;

    for (; at_digit(*in); skip(in, 1))
        number = number * 10 + (unsigned)(in->data[0] - '0');
    return (int)(number & INT_MAX);
}

static bool take_star(struct slice *in)
{
    if (in->len == 0 || in->data[0] != '*')
        return false;
    skip(in, 1);
    return true;
}

/* The part of the format behind a percent sign. False: it ends before a letter. */
static bool take_conversion(struct format_job *job, struct conversion *out)
{
    struct slice *in = &job->format;

    *out = (struct conversion){.precision = -1};
    while (in->len != 0 && take_flag(out, in->data[0]))
        skip(in, 1);
    if (take_star(in)) {
        out->width = func_int32(next_arg(job));
        if (out->width < 0) {
            out->left = true;
            out->width = -out->width;
        }
    } else {
        out->width = take_number(in);
    }
    if (in->len != 0 && in->data[0] == '.') {
        skip(in, 1);
        if (take_star(in)) {
            int32_t precision = func_int32(next_arg(job));
            out->precision = precision < 0 ? -precision : precision;
        } else {
            out->precision = take_number(in);
        }
    }
    while (in->len != 0 && in->data[0] == 'l')
        skip(in, 1);
    if (in->len == 0)
        return false;
    out->letter = in->data[0];
    skip(in, 1);
    return true;
}

/* ---- writing ---- */

/* Text in a field of width - extra columns. */
static enum status put_field(struct format_job *job, const struct conversion *conversion,
                             struct slice text, size_t extra)
{
    size_t width = (size_t)conversion->width + extra;
    size_t fill = width > text.len ? width - text.len : 0;

    job->has_output = true;
    if (job->out->len + text.len + fill > func_bytes_max(job->context))
        return func_too_big(job->context);
    if (!conversion->left)
        buf_append_fill(job->out, ' ', fill);
    buf_append_slice(job->out, text);
    if (conversion->left)
        buf_append_fill(job->out, ' ', fill);
    return ST_OK;
}

/* Columns count characters only with `!`: how many bytes of `text` are not the first of theirs. */
static size_t continuation_bytes(const struct conversion *conversion, struct slice text)
{
    size_t extra = 0;

    if (conversion->alternate2)
        for (size_t i = 0; i < text.len; i++)
            extra += ((unsigned char)text.data[i] & 0xc0) == 0x80;
    return extra;
}

static const char *ordinal_ending(uint64_t number)
{
    unsigned last = (unsigned)(number % 10);

    if (number / 10 % 10 == 1 || last == 0 || last > 3)
        return "th";
    return last == 1 ? "st" : last == 2 ? "nd" : "rd";
}

/* Digits of `number` with at least `least` of them, right-aligned before `end`. */
static char *put_digits_before(char *end, uint64_t number, unsigned base, bool upper, int least,
                               bool thousands)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char *at = end;
    int count = 0;

    do {
        if (thousands && count != 0 && count % 3 == 0)
            *--at = ',';
        *--at = digits[number % base];
        number /= base;
        count++;
    } while (number != 0 || count < least);
    return at;
}

static enum status put_integer(struct format_job *job, const struct conversion *conversion,
                               unsigned base)
{
    bool is_signed = strchr("dir", conversion->letter) != NULL;
    bool upper = conversion->letter == 'X' || conversion->letter == 'p';
    int64_t i = value_to_int(next_arg(job));
    uint64_t number = is_signed && i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    char prefix = !is_signed ? 0 : i < 0 ? '-' : conversion->sign;
    int64_t least = conversion->precision;
    char *room, *end, *at;

    if (conversion->zero && least < conversion->width - (prefix != 0))
        least = conversion->width - (prefix != 0);
    if (least < 0)
        least = 0;
    TRY(func_room(job->context, (uint64_t)least + (uint64_t)least / 3 + 64, &room));
    end = room + least + least / 3 + 60;
    at = end;
    if (conversion->letter == 'r') {
        const char *ending = ordinal_ending(number);
        *--at = ending[1];
        *--at = ending[0];
        least = least < 2 ? 0 : least - 2; /* its letters count */
    }
    at = put_digits_before(at, number, base, upper, (int)least,
                           conversion->thousands && base == 10 && conversion->letter != 'r');
    if (prefix != 0)
        *--at = prefix;
    if (conversion->alternate && number != 0 && base != 10) {
        if (base == 16)
            *--at = upper ? 'X' : 'x';
        *--at = '0';
    }
    return put_field(job, conversion, slice_of(at, (size_t)(end - at)), 0);
}

/* ---- reals ---- */

/*
 * A positive real as one digit before the point times ten to the exponent, in extended precision.
 * The order of the multiplications is part of the result: it decides the last of the 16 digits, and
 * SQLite's text for a number is what applications have stored.
 */
struct decimal {
    long double rest; /* digits not yet taken: 0 <= rest < 10, the next one is its whole part */
    int exponent;
    int digits_left; /* then zeros */
};

static void scale(struct decimal *decimal, long double number)
{
    static const struct {
        long double power;
        int exponent;
    } steps[] = {{1e100L, 100}, {1e10L, 10}, {10.0L, 1}};
    long double divisor = 1.0L;

    decimal->exponent = 0;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        while (number >= steps[i].power * divisor && decimal->exponent <= 350) {
            divisor *= steps[i].power;
            decimal->exponent += steps[i].exponent;
        }
    }
    number /= divisor;
    while (number < 1e-8L) {
        number *= 1e8L;
        decimal->exponent -= 8;
    }
    while (number < 1.0L) {
        number *= 10.0L;
        decimal->exponent--;
    }
    decimal->rest = number;
}

static char next_digit(struct decimal *decimal)
{
    int digit = (int)decimal->rest;

    if (decimal->digits_left <= 0)
        return '0';
    decimal->digits_left--;
    decimal->rest = (decimal->rest - digit) * 10.0L;
    return (char)('0' + digit);
}

/* Half a unit of digit `precision` behind the point. */
static double half_unit(int precision)
{
    static const double halves[] = {5e-01, 5e-02, 5e-03, 5e-04, 5e-05,
                                    5e-06, 5e-07, 5e-08, 5e-09, 5e-10};
    int index = precision & 0xfff;
    double half = halves[index % 10];

    for (; index >= 10; index -= 10)
        half *= 1e-10;
    return half;
}

static long double nudge_half_up(double number, int precision)
{
    int exponent = ilogb(number);
    double half = half_unit(precision);

    if (number == 0 || exponent == INT_MAX)
        return number == 0 ? half : (long double)number;
    if (exponent < -1023)
        exponent = -1023;
    /* A number like 1.005 is stored a little below what was meant: help it over the half. */
    if (precision + exponent / 3 < 15)
        half += number * 3e-16;
    return (long double)number + half;
}

enum real_form { FORM_FIXED, FORM_EXPONENT, FORM_GENERAL };

static char *drop_zeros(char *first, char *at, bool keep_one)
{
    while (at > first && at[-1] == '0')
        at--;
    if (at > first && at[-1] == '.') {
        if (keep_one)
            *at++ = '0';
        else
            at--;
    }
    return at;
}

static char *put_exponent(char *at, bool upper, int exponent)
{
    unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);

    *at++ = upper ? 'E' : 'e';
    *at++ = exponent < 0 ? '-' : '+';
    if (size >= 100)
        *at++ = (char)('0' + size / 100);
    *at++ = (char)('0' + size / 10 % 10);
    *at++ = (char)('0' + size % 10);
    return at;
}

/* Digits, point and exponent of `number` >= 0 into `at`, which has room for precision + 350.
 * Returns the end, NULL for an infinity. */
static char *put_real_digits(char *at, double number, enum real_form form,
                             const struct conversion *conversion)
{
    int precision = conversion->precision < 0 ? 6 : conversion->precision;
    bool drop = conversion->alternate2;
    bool has_point;
    struct decimal decimal = {.digits_left = 16 + 10 * conversion->alternate2};
    int places;

    if (form == FORM_GENERAL && precision > 0)
        precision--;
    long double start = form == FORM_FIXED ? nudge_half_up(number, precision) : (long double)number;
    if (start > 0)
        scale(&decimal, start);
    if (decimal.exponent > 350)
        return NULL;
    if (form != FORM_FIXED) {
        decimal.rest += half_unit(precision);
        if (decimal.rest >= 10.0L) {
            decimal.rest *= 0.1L;
            decimal.exponent++;
        }
    }
    if (form == FORM_GENERAL) {
        drop = !conversion->alternate;
        form = decimal.exponent < -4 || decimal.exponent > precision ? FORM_EXPONENT : FORM_FIXED;
        if (form == FORM_FIXED)
            precision -= decimal.exponent;
    }
    has_point = precision > 0 || conversion->alternate || conversion->alternate2;
    places = form == FORM_EXPONENT ? 0 : decimal.exponent;
    if (places < 0)
        *at++ = '0';
    for (; places >= 0; places--)
        *at++ = next_digit(&decimal);
    char *point = at;
    if (has_point)
        *at++ = '.';
    for (places++; places < 0 && precision > 0; precision--, places++)
        *at++ = '0';
    for (; precision > 0; precision--)
        *at++ = next_digit(&decimal);
    if (drop && has_point)
        at = drop_zeros(point, at, conversion->alternate2);
    if (form == FORM_EXPONENT)
        at = put_exponent(at, isupper((unsigned char)conversion->letter), decimal.exponent);
    return at;
}

static enum status put_real(struct format_job *job, const struct conversion *conversion,
                            enum real_form form)
{
    double number = func_real(next_arg(job));
    bool is_negative = number < 0;
    char prefix = is_negative ? '-' : conversion->sign;
    int64_t precision = conversion->precision < 0 ? 6 : conversion->precision;
    char *room, *at, *end;

    TRY(func_room(job->context, (uint64_t)precision + (uint64_t)conversion->width + 400, &room));
    at = room + conversion->width; /* so that zeros can be put before */
    end = put_real_digits(at, is_negative ? -number : number, form, conversion);
    if (end == NULL) {
        memcpy(at, "Inf", 3);
        end = at + 3;
    } else if (conversion->zero && !conversion->left) {
        while (end - at + (prefix != 0) < conversion->width)
            *--at = '0';
    }
    if (prefix != 0) {
        /* `at` may stand at the start of the room when the width is 0. */
        memmove(at + 1, at, (size_t)(end - at));
        *at = prefix;
        end++;
    }
    return put_field(job, conversion, slice_of(at, (size_t)(end - at)), 0);
}

size_t func_format_fixed(double number, int precision, char *out, size_t room)
{
    const struct conversion conversion = {
        .letter = 'f', .precision = precision, .alternate2 = true};
    char digits[512];
    char *end = put_real_digits(digits + 1, number < 0 ? -number : number, FORM_FIXED, &conversion);
    char *first = digits + 1;
    size_t length;

    if (end == NULL)
        return 0;
    if (number < 0)
        *--first = '-';
    length = (size_t)(end - first);
    if (length > room)
        length = room;
    memcpy(out, first, length);
    return length;
}

/* ---- text ---- */

/* The first `limit` bytes of text, or characters with `!`; -1: all. */
static struct slice cut(struct slice text, const struct conversion *conversion)
{
    size_t limit = (size_t)conversion->precision;

    if (conversion->precision < 0)
        return text;
    if (conversion->alternate2)
        text.len -= func_skip_chars(text, limit).len;
    else if (text.len > limit)
        text.len = limit;
    return text;
}

static enum status put_text(struct format_job *job, const struct conversion *conversion)
{
    struct slice text = cut(func_text(job->context, next_arg(job)), conversion);

    return put_field(job, conversion, text, continuation_bytes(conversion, text));
}

/* One character, `precision` times. */
static enum status put_character(struct format_job *job, struct conversion *conversion)
{
    struct value v = next_arg(job);
    struct slice text = func_text(job->context, v);
    struct slice character =
        text.len == 0 ? slice_of("", 1) : slice_of(text.data, func_char_length(text, 0));

    conversion->alternate2 = true;
    if (conversion->precision > 1) {
        int64_t more = conversion->precision - 1;
        if ((uint64_t)more * character.len > func_bytes_max(job->context))
            return func_too_big(job->context);
        conversion->width -= more;
        if (conversion->width > 1 && !conversion->left) {
            buf_append_fill(job->out, ' ', (size_t)conversion->width - 1);
            conversion->width = 0;
        }
        for (; more > 0; more--)
            buf_append_slice(job->out, character);
    }
    if (conversion->width < 0)
        conversion->width = 0;
    return put_field(job, conversion, character, continuation_bytes(conversion, character));
}

/* %q %Q %w: quotes doubled; %Q puts quotes around and writes NULL for a null. */
static enum status put_quoted(struct format_job *job, const struct conversion *conversion)
{
    struct value v = next_arg(job);
    char quote = conversion->letter == 'w' ? '"' : '\'';
    bool around = conversion->letter == 'Q' && !value_is_null(v);
    struct slice text = value_is_null(v) ? slice_text(conversion->letter == 'Q' ? "NULL" : "(NULL)")
                                         : func_text(job->context, v);
    char *room, *at;

    text = cut(text, conversion);
    TRY(func_room(job->context, 2 * (uint64_t)text.len + 2, &room));
    at = room;
    if (around)
        *at++ = quote;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == quote)
            *at++ = quote;
        *at++ = text.data[i];
    }
    if (around)
        *at++ = quote;
    struct slice quoted = slice_of(room, (size_t)(at - room));
    return put_field(job, conversion, quoted, continuation_bytes(conversion, quoted));
}

/* ST_DONE: an unknown letter, at which formatting ends. */
static enum status put_conversion(struct format_job *job, struct conversion *conversion)
{
    switch (conversion->letter) {
    case 'd':
    case 'i':
    case 'u':
    case 'r':
        return put_integer(job, conversion, 10);
    case 'x':
    case 'X':
    case 'p':
        return put_integer(job, conversion, 16);
    case 'o':
        return put_integer(job, conversion, 8);
    case 'f':
        return put_real(job, conversion, FORM_FIXED);
    case 'e':
    case 'E':
        return put_real(job, conversion, FORM_EXPONENT);
    case 'g':
    case 'G':
        return put_real(job, conversion, FORM_GENERAL);
    case 's':
    case 'z':
        return put_text(job, conversion);
    case 'c':
        return put_character(job, conversion);
    case 'q':
    case 'Q':
    case 'w':
        return put_quoted(job, conversion);
    case '%':
        return put_field(job, conversion, slice_text("%"), 0);
    case 'n':
        job->has_output = true;
        return ST_OK;
    default: /* any other byte of the user's text */
        return ST_DONE;
    }
}

static enum status format_all(struct format_job *job)
{
    struct slice *in = &job->format;

    while (in->len != 0) {
        const char *percent = memchr(in->data, '%', in->len);
        size_t plain = percent == NULL ? in->len : (size_t)(percent - in->data);
        struct conversion conversion;
        enum status st;

        if (plain != 0) {
            buf_append(job->out, in->data, plain);
            job->has_output = true;
            skip(in, plain);
            continue;
        }
        skip(in, 1);
        if (in->len == 0) { /* a lone percent sign at the end stands for itself */
            buf_append_byte(job->out, '%');
            job->has_output = true;
            break;
        }
        if (!take_conversion(job, &conversion))
            break;
        st = put_conversion(job, &conversion);
        if (st == ST_DONE)
            break;
        TRY(st);
        if (job->out->len > func_bytes_max(job->context))
            return func_too_big(job->context);
    }
    return ST_OK;
}

enum status func_format(struct func_context *context, struct slice format, unsigned count,
                        const struct value *args, struct buf *out)
{
    struct format_job job = {
        .context = context, .format = format, .args = args, .count = count, .out = out};

    return format_all(&job);
}

SCALAR(fn_printf)
{
    struct buf text = {0};
    struct format_job job = {.context = context, .out = &text};
    enum status st;

    *out = value_null();
    if (count == 0 || value_is_null(args[0]))
        return ST_OK;
    job.format = func_text(context, args[0]);
    job.args = args + 1;
    job.count = count - 1;
    st = format_all(&job);
    if (st == ST_OK && job.has_output)
        return func_give_buf(context, &text, false, out);
    buf_free(&text);
    return st;
}
