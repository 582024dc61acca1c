/*
 * Harper's date functions. A date is a number of milliseconds since 1970, a date value, or text of
 * ISO 8601 or RFC 2822; the calendar is the proleptic Gregorian one, times are UTC.
 */
#include "vdbe/func/date_internal.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DATE_MS_MAX INT64_C(8640000000000000) /* a hundred million days, as JavaScript has it */

struct calendar {
    int64_t year;
    int month, day; /* from 1 */
    int hour, minute, second, ms;
    int weekday;        /* 0: Sunday */
    int day_of_year;    /* from 1 */
    int offset_minutes; /* of the zone it is shown in */
    int64_t at_ms;      /* the point in time */
};

/* ---- calendar ---- */

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int64_t year, int month)
{
    static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_before_year(int64_t year)
{
    int64_t before = year - 1;

    return before * 365 + floor_divide(before, 4) - floor_divide(before, 100) +
           floor_divide(before, 400) - 719162;
}

static int64_t days_of(int64_t year, int month, int day)
{
    int64_t days = days_before_year(year) + day - 1;

    for (int m = 1; m < month; m++)
        days += days_in_month(year, m);
    return days;
}

static void calendar_at(int64_t at_ms, int offset_minutes, struct calendar *out)
{
    int64_t ms = at_ms + offset_minutes * INT64_C(60000);
    int64_t days = floor_divide(ms, MS_PER_DAY);
    int64_t rest = ms - days * MS_PER_DAY;
    int64_t year = 1970 + floor_divide(days, days < 0 ? 365 : 366); /* not too late */
    int month = 1;

    while (days_before_year(year + 1) <= days) /* at most a few steps per thousand years */
        year += 1 + (days - days_before_year(year + 1)) / 366;
    int day = (int)(days - days_before_year(year));
    *out = (struct calendar){.year = year,
                             .day_of_year = day + 1,
                             .hour = (int)(rest / 3600000),
                             .minute = (int)(rest / 60000 % 60),
                             .second = (int)(rest / 1000 % 60),
                             .ms = (int)(rest % 1000),
                             .weekday = (int)(days - floor_divide(days + 4, 7) * 7 + 4),
                             .offset_minutes = offset_minutes,
                             .at_ms = at_ms};
    while (day >= days_in_month(year, month))
        day -= days_in_month(year, month++);
    out->month = month;
    out->day = day + 1;
}

/* ---- reading ---- */

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

static void skip_blanks(struct slice *in)
{
    while (in->len != 0 && *in->data == ' ')
        *in = slice_of(in->data + 1, in->len - 1);
}

static bool take(struct slice *in, char c)
{
    if (in->len == 0 || *in->data != c)
        return false;
    *in = slice_of(in->data + 1, in->len - 1);
    return true;
}

static bool take_number(struct slice *in, unsigned least, unsigned most, int *out)
{
    unsigned digits = 0;

    *out = 0;
    for (; digits < most && in->len != 0 && isdigit((unsigned char)*in->data); digits++) {
        *out = *out * 10 + (*in->data - '0');
        *in = slice_of(in->data + 1, in->len - 1);
    }
    return digits >= least;
}

/* +hhmm, +hh:mm, or a word: GMT, UT, UTC, Z. */
static bool take_zone(struct slice *in, int *minutes)
{
    bool is_west = in->len != 0 && *in->data == '-';
    int hour, minute;

    *minutes = 0;
    if (!take(in, '+') && !take(in, '-'))
        return slice_is_nocase(*in, "GMT") || slice_is_nocase(*in, "UT") ||
               slice_is_nocase(*in, "UTC") || slice_is_nocase(*in, "Z");
    if (!take_number(in, 2, 2, &hour))
        return false;
    (void)take(in, ':');
    if (!take_number(in, 2, 2, &minute) || in->len != 0)
        return false;
    *minutes = (hour * 60 + minute) * (is_west ? -1 : 1);
    return true;
}

/* [Thu, ]26 Mar 2020[ 15:13[:02][ zone]] */
static bool read_rfc2822(struct slice in, int64_t *out)
{
    int day, month, year, hour = 0, minute = 0, second = 0, zone = 0;
    const char *comma = in.len == 0 ? NULL : memchr(in.data, ',', in.len);

    if (comma != NULL)
        in = slice_of(comma + 1, in.len - (size_t)(comma + 1 - in.data));
    skip_blanks(&in);
    if (!take_number(&in, 1, 2, &day) || in.len < 5)
        return false;
    skip_blanks(&in);
    for (month = 1; month <= 12; month++)
        if (in.len >= 3 &&
            slice_equal_nocase(slice_of(in.data, 3), slice_of(month_names[month - 1], 3)))
            break;
    if (month > 12)
        return false;
    in = slice_of(in.data + 3, in.len - 3);
    skip_blanks(&in);
    if (!take_number(&in, 4, 4, &year) || day < 1 || day > days_in_month(year, month))
        return false;
    skip_blanks(&in);
    if (in.len != 0) {
        if (!take_number(&in, 1, 2, &hour) || !take(&in, ':') || !take_number(&in, 2, 2, &minute))
            return false;
        if (take(&in, ':') && !take_number(&in, 2, 2, &second))
            return false;
        skip_blanks(&in);
        if ((in.len != 0 && !take_zone(&in, &zone)) || hour > 23 || minute > 59 || second > 59)
            return false;
    }
    *out = days_of(year, month, day) * MS_PER_DAY +
           ((hour * 60 + minute - zone) * INT64_C(60) + second) * 1000;
    return true;
}

static bool date_of(struct func_context *context, struct value v, int64_t *out)
{
    struct slice text;
    double number;

    if (value_is_null(v))
        return false;
    if (value_is_number(v)) {
        number = v.kind == VALUE_REAL ? v.as.d : (double)v.as.i;
        if (!(number >= -(double)DATE_MS_MAX && number <= (double)DATE_MS_MAX))
            return false;
        *out = v.kind == VALUE_REAL ? (int64_t)v.as.d : v.as.i;
        return true;
    }
    if (v.kind != VALUE_TEXT)
        return false;
    text = func_text(context, v);
    return (date_parse_iso(text, out) || read_rfc2822(text, out)) && *out >= -DATE_MS_MAX &&
           *out <= DATE_MS_MAX;
}

/* ---- units ---- */

enum unit {
    UNIT_MS,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_UNKNOWN
};

static const struct {
    const char *name;      /* without the plural's s, in any case */
    const char *shorthand; /* as written */
    double ms;             /* months and more have no length of their own */
} units[] = {
    [UNIT_MS] = {"millisecond", "ms", 1},  [UNIT_SECOND] = {"second", "s", 1000},
    [UNIT_MINUTE] = {"minute", "m", 60e3}, [UNIT_HOUR] = {"hour", "h", 3600e3},
    [UNIT_DAY] = {"day", "d", 86400e3},    [UNIT_WEEK] = {"week", "w", 604800e3},
    [UNIT_MONTH] = {"month", "M", 0},      [UNIT_QUARTER] = {"quarter", "Q", 0},
    [UNIT_YEAR] = {"year", "y", 0},
};

static enum unit unit_of(struct slice name)
{
    for (unsigned i = 0; i < UNIT_UNKNOWN; i++) {
        struct slice singular = name;

        if (slice_is(name, units[i].shorthand) || slice_is_nocase(name, units[i].name))
            return (enum unit)i;
        if (singular.len > 1 && tolower((unsigned char)singular.data[singular.len - 1]) == 's') {
            singular.len--;
            if (slice_is_nocase(singular, units[i].name))
                return (enum unit)i;
        }
    }
    return UNIT_UNKNOWN;
}

static int months_in(enum unit unit)
{
    return unit == UNIT_YEAR ? 12 : unit == UNIT_QUARTER ? 3 : unit == UNIT_MONTH ? 1 : 0;
}

/* The day is cut to the length of the month it comes to. */
static int64_t add_months(int64_t at_ms, int64_t months)
{
    struct calendar c;
    int64_t total, year;
    int month, day;

    calendar_at(at_ms, 0, &c);
    total = c.year * 12 + c.month - 1 + months;
    year = floor_divide(total, 12);
    month = (int)(total - year * 12) + 1;
    day = c.day > days_in_month(year, month) ? days_in_month(year, month) : c.day;
    return days_of(year, month, day) * MS_PER_DAY +
           (at_ms - floor_divide(at_ms, MS_PER_DAY) * MS_PER_DAY);
}

static enum status move(struct func_context *context, const struct value *args, int sign,
                        struct value *out)
{
    enum unit unit = unit_of(func_text(context, args[2]));
    double amount = sign * func_real(args[1]);
    int64_t at;

    *out = value_null();
    if (!date_of(context, args[0], &at) || value_is_null(args[1]))
        return ST_OK;
    if (unit >= UNIT_DAY)
        amount = round(amount);
    if (months_in(unit) != 0) {
        amount *= months_in(unit);
        if (fabs(amount) > 4e6) /* beyond every date */
            return ST_OK;
        at = add_months(at, (int64_t)amount);
    } else if (unit != UNIT_UNKNOWN) {
        amount *= units[unit].ms;
        if (!(fabs(amount) <= 2 * (double)DATE_MS_MAX))
            return ST_OK;
        at += (int64_t)amount;
    }
    if (at >= -DATE_MS_MAX && at <= DATE_MS_MAX)
        *out = value_int(at);
    return ST_OK;
}

SCALAR(fn_date_add)
{
    return move(context, args, 1, out);
}

SCALAR(fn_date_sub)
{
    return move(context, args, -1, out);
}

/* Whole months from `b` to `a`, and the part of the month that is begun. */
static double months_between(int64_t a, int64_t b)
{
    struct calendar from, to;
    int64_t whole, anchor, next;

    calendar_at(a, 0, &to);
    calendar_at(b, 0, &from);
    if (to.day < from.day)
        return -months_between(b, a);
    whole = (from.year - to.year) * 12 + from.month - to.month;
    anchor = add_months(a, whole);
    next = add_months(a, b < anchor ? whole - 1 : whole + 1);
    double part = (double)(b - anchor) / (double)(b < anchor ? anchor - next : next - anchor);
    double months = -((double)whole + part);
    return months == 0 ? 0 : months;
}

SCALAR(fn_date_diff)
{
    int64_t a, b;
    enum unit unit = UNIT_MS;

    *out = value_null();
    if (!date_of(context, args[0], &a) || !date_of(context, args[1], &b))
        return ST_OK;
    if (count == 3 && !value_is_null(args[2]))
        unit = unit_of(func_text(context, args[2]));
    double difference = unit == UNIT_UNKNOWN   ? (double)(a - b)
                        : months_in(unit) != 0 ? months_between(a, b) / months_in(unit)
                                               : (double)(a - b) / units[unit].ms;
    *out = difference == floor(difference) && fabs(difference) < 9e15
               ? value_int((int64_t)difference)
               : value_real(difference);
    return ST_OK;
}

/* ---- patterns ---- */

static int64_t days_in_year(int64_t year)
{
    return is_leap(year) ? 366 : 365;
}

/* Where week 1 begins, in days from the first of January. first_day: of the week; a week belongs to
 * the year that its `deciding` day of January lies in (ISO: Monday, 4; English: Sunday, 6 + 0). */
static int64_t week_start(int64_t year, int first_day, int deciding)
{
    int64_t forward = 7 + first_day - deciding;
    struct calendar c;

    calendar_at((days_before_year(year) + forward - 1) * MS_PER_DAY, 0, &c);
    return -((7 + c.weekday - first_day) % 7) + forward - 1;
}

static int64_t weeks_in(int64_t year, int first_day, int deciding)
{
    return (days_in_year(year) - week_start(year, first_day, deciding) +
            week_start(year + 1, first_day, deciding)) /
           7;
}

static int64_t week_of(const struct calendar *c, bool iso, int64_t *year)
{
    int first_day = iso ? 1 : 0, deciding = iso ? 4 : 6;
    int64_t week =
        floor_divide(c->day_of_year - week_start(c->year, first_day, deciding) - 1, 7) + 1;

    *year = c->year;
    if (week < 1) {
        *year = c->year - 1;
        return week + weeks_in(*year, first_day, deciding);
    }
    if (week > weeks_in(c->year, first_day, deciding)) {
        week -= weeks_in(c->year, first_day, deciding);
        *year = c->year + 1;
    }
    return week;
}

static void put_ordinal(struct buf *out, int number)
{
    int last = number % 10;
    bool is_teen = number / 10 % 10 == 1;
    const char *ending = is_teen     ? "th"
                         : last == 1 ? "st"
                         : last == 2 ? "nd"
                         : last == 3 ? "rd"
                                     : "th";

    buf_printf(out, "%d%s", number, ending);
}

static void put_offset(struct buf *out, const struct calendar *c, const char *between)
{
    int minutes = abs(c->offset_minutes);

    buf_printf(out, "%c%02d%s%02d", c->offset_minutes < 0 ? '-' : '+', minutes / 60, between,
               minutes % 60);
}

enum token {
    T_YYYY,
    T_YY,
    T_Y,
    T_Qo,
    T_Q,
    T_MMMM,
    T_MMM,
    T_MM,
    T_Mo,
    T_M,
    T_DDDD,
    T_DDDo,
    T_DDD,
    T_DD,
    T_Do,
    T_D,
    T_dddd,
    T_ddd,
    T_dd,
    T_do,
    T_d,
    T_e,
    T_E,
    T_ww,
    T_wo,
    T_w,
    T_WW,
    T_Wo,
    T_W,
    T_gggg,
    T_gg,
    T_GGGG,
    T_GG,
    T_HH,
    T_H,
    T_hh,
    T_h,
    T_kk,
    T_k,
    T_a,
    T_A,
    T_mm,
    T_m,
    T_ss,
    T_s,
    T_ZZ,
    T_Z,
    T_X,
    T_x,
    T_LTS,
    T_LT,
    T_LLLL,
    T_LLL,
    T_LL,
    T_L,
    T_COUNT
};

/* Longer tokens of a letter stand before shorter ones. */
static const char *const tokens[T_COUNT] = {
    "YYYY", "YY",  "Y",  "Qo", "Q",  "MMMM", "MMM", "MM",   "Mo",  "M",    "DDDD",
    "DDDo", "DDD", "DD", "Do", "D",  "dddd", "ddd", "dd",   "do",  "d",    "e",
    "E",    "ww",  "wo", "w",  "WW", "Wo",   "W",   "gggg", "gg",  "GGGG", "GG",
    "HH",   "H",   "hh", "h",  "kk", "k",    "a",   "A",    "mm",  "m",    "ss",
    "s",    "ZZ",  "Z",  "X",  "x",  "LTS",  "LT",  "LLLL", "LLL", "LL",   "L",
};

static void put_pattern(struct buf *out, struct slice pattern, const struct calendar *c);

static void put_week_token(struct buf *out, enum token token, const struct calendar *c)
{
    bool iso = token == T_WW || token == T_Wo || token == T_W || token == T_GGGG || token == T_GG;
    int64_t year;
    int64_t week = week_of(c, iso, &year);

    if (token == T_gggg || token == T_GGGG)
        buf_printf(out, "%04lld", (long long)year);
    else if (token == T_gg || token == T_GG)
        buf_printf(out, "%02lld", (long long)(year % 100));
    else if (token == T_wo || token == T_Wo)
        put_ordinal(out, (int)week);
    else
        buf_printf(out, token == T_ww || token == T_WW ? "%02lld" : "%lld", (long long)week);
}

static void put_token(struct buf *out, enum token token, const struct calendar *c)
{
    int hour12 = c->hour % 12 == 0 ? 12 : c->hour % 12;
    int hour24 = c->hour == 0 ? 24 : c->hour;
    const char *month = month_names[c->month - 1];
    const char *day = day_names[c->weekday];
    long long year = (long long)c->year;

    switch (token) {
    case T_YYYY:
        buf_printf(out, year < 0 ? "-%06lld" : year > 9999 ? "+%06lld" : "%04lld", llabs(year));
        break;
    case T_YY:
        buf_printf(out, "%02lld", llabs(year) % 100);
        break;
    case T_Y:
        buf_printf(out, "%lld", year);
        break;
    case T_Q:
        buf_printf(out, "%d", (c->month + 2) / 3);
        break;
    case T_Qo:
        put_ordinal(out, (c->month + 2) / 3);
        break;
    case T_MMMM:
        buf_append_text(out, month);
        break;
    case T_MMM:
        buf_append(out, month, 3);
        break;
    case T_MM:
        buf_printf(out, "%02d", c->month);
        break;
    case T_Mo:
        put_ordinal(out, c->month);
        break;
    case T_M:
        buf_printf(out, "%d", c->month);
        break;
    case T_DDDD:
        buf_printf(out, "%03d", c->day_of_year);
        break;
    case T_DDDo:
        put_ordinal(out, c->day_of_year);
        break;
    case T_DDD:
        buf_printf(out, "%d", c->day_of_year);
        break;
    case T_DD:
        buf_printf(out, "%02d", c->day);
        break;
    case T_Do:
        put_ordinal(out, c->day);
        break;
    case T_D:
        buf_printf(out, "%d", c->day);
        break;
    case T_dddd:
        buf_append_text(out, day);
        break;
    case T_ddd:
        buf_append(out, day, 3);
        break;
    case T_dd:
        buf_append(out, day, 2);
        break;
    case T_do:
        put_ordinal(out, c->weekday);
        break;
    case T_d:
    case T_e:
        buf_printf(out, "%d", c->weekday);
        break;
    case T_E:
        buf_printf(out, "%d", c->weekday == 0 ? 7 : c->weekday);
        break;
    case T_ww:
    case T_wo:
    case T_w:
    case T_WW:
    case T_Wo:
    case T_W:
    case T_gggg:
    case T_gg:
    case T_GGGG:
    case T_GG:
        put_week_token(out, token, c);
        break;
    case T_HH:
        buf_printf(out, "%02d", c->hour);
        break;
    case T_H:
        buf_printf(out, "%d", c->hour);
        break;
    case T_hh:
        buf_printf(out, "%02d", hour12);
        break;
    case T_h:
        buf_printf(out, "%d", hour12);
        break;
    case T_kk:
        buf_printf(out, "%02d", hour24);
        break;
    case T_k:
        buf_printf(out, "%d", hour24);
        break;
    case T_a:
        buf_append_text(out, c->hour < 12 ? "am" : "pm");
        break;
    case T_A:
        buf_append_text(out, c->hour < 12 ? "AM" : "PM");
        break;
    case T_mm:
        buf_printf(out, "%02d", c->minute);
        break;
    case T_m:
        buf_printf(out, "%d", c->minute);
        break;
    case T_ss:
        buf_printf(out, "%02d", c->second);
        break;
    case T_s:
        buf_printf(out, "%d", c->second);
        break;
    case T_ZZ:
        put_offset(out, c, "");
        break;
    case T_Z:
        put_offset(out, c, ":");
        break;
    case T_X:
        buf_printf(out, "%lld", (long long)floor_divide(c->at_ms, 1000));
        break;
    case T_x:
        buf_printf(out, "%lld", (long long)c->at_ms);
        break;
    case T_LTS:
        put_pattern(out, slice_text("h:mm:ss A"), c);
        break;
    case T_LT:
        put_pattern(out, slice_text("h:mm A"), c);
        break;
    case T_LLLL:
        put_pattern(out, slice_text("dddd, MMMM D, YYYY h:mm A"), c);
        break;
    case T_LLL:
        put_pattern(out, slice_text("MMMM D, YYYY h:mm A"), c);
        break;
    case T_LL:
        put_pattern(out, slice_text("MMMM D, YYYY"), c);
        break;
    case T_L:
        put_pattern(out, slice_text("MM/DD/YYYY"), c);
        break;
    case T_COUNT:
        break;
    }
}

/* S to SSSSSSSSS: as many digits of the fraction. */
static size_t put_fraction(struct buf *out, struct slice pattern, const struct calendar *c)
{
    size_t length = 0;
    char digits[16];

    while (length < pattern.len && length < 9 && pattern.data[length] == 'S')
        length++;
    (void)snprintf(digits, sizeof(digits), "%03d000000", c->ms);
    buf_append(out, digits, length);
    return length;
}

static void put_pattern(struct buf *out, struct slice pattern, const struct calendar *c)
{
    while (pattern.len != 0) {
        size_t length = 1;
        unsigned token = 0;
        const char *close = *pattern.data == '[' ? memchr(pattern.data, ']', pattern.len) : NULL;

        while (token < T_COUNT && !slice_starts_with(pattern, slice_text(tokens[token])))
            token++;
        if (close != NULL) { /* [text] stands for itself */
            length = (size_t)(close - pattern.data) + 1;
            buf_append(out, pattern.data + 1, length - 2);
        } else if (*pattern.data == 'S') {
            length = put_fraction(out, pattern, c);
        } else if (token < T_COUNT) {
            length = strlen(tokens[token]);
            put_token(out, (enum token)token, c);
        } else {
            buf_append(out, pattern.data, 1);
        }
        pattern = slice_of(pattern.data + length, pattern.len - length);
    }
}

static enum status give_pattern(struct func_context *context, int64_t at, int offset_minutes,
                                struct slice pattern, struct value *out)
{
    struct buf text = {0};
    struct calendar c;

    calendar_at(at, offset_minutes, &c);
    put_pattern(&text, pattern, &c);
    return func_give_buf(context, &text, false, out);
}

static enum status invalid_date(struct value v, struct value *out)
{
    *out = value_is_null(v) ? value_null() : value_text(slice_text("Invalid date"));
    return ST_OK;
}

SCALAR(fn_date_format)
{
    int64_t at;

    if (!date_of(context, args[0], &at))
        return invalid_date(args[0], out);
    *out = value_null();
    if (value_is_null(args[1]))
        return ST_OK;
    struct slice pattern = func_text(context, args[1]);
    if ((uint64_t)pattern.len * 8 > func_bytes_max(context))
        return func_too_big(context);
    return give_pattern(context, at, 0, pattern, out);
}

static const char iso_with_offset[] = "YYYY-MM-DDTHH:mm:ss.SSSZZ";

SCALAR(fn_offset_utc)
{
    int64_t at;
    int minutes = 0;
    double number;
    struct slice zone = func_text(context, args[1]);

    if (!date_of(context, args[0], &at))
        return invalid_date(args[0], out);
    if (args[1].kind != VALUE_TEXT || !take_zone(&zone, &minutes)) {
        number = func_real(args[1]);
        if (!(fabs(number) <= 1440))
            return invalid_date(args[0], out);
        minutes = (int)(fabs(number) < 16 ? number * 60 : number);
    }
    return give_pattern(context, at, minutes, slice_text(iso_with_offset), out);
}

SCALAR(fn_get_server_time)
{
    int64_t at = context->now_us / 1000;
    struct local_time local = {0};

    if (!local_time_at(floor_divide(at, 1000), &local))
        return error_set(context->err, ST_RANGE, -1, "local time unavailable");
    return give_pattern(context, at, local.offset_s / 60, slice_text(iso_with_offset), out);
}

SCALAR(fn_now)
{
    *out = value_int(context->now_us / 1000);
    return ST_OK;
}

/* ---- parts ---- */

SCALAR(fn_extract)
{
    static const struct {
        const char *name, *pattern;
    } parts[] = {{"year", "YYYY"}, {"month", "MM"},  {"day", "DD"},         {"hour", "HH"},
                 {"minute", "mm"}, {"second", "ss"}, {"millisecond", "SSS"}};
    struct slice part = func_text(context, args[1]);
    int64_t at;

    *out = value_null();
    if (!date_of(context, args[0], &at))
        return invalid_date(args[0], out);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (slice_is_nocase(part, parts[i].name))
            return give_pattern(context, at, 0, slice_text(parts[i].pattern), out);
    return ST_OK;
}

#define PART(name, member)                                                                         \
    SCALAR(fn_##name)                                                                              \
    {                                                                                              \
        struct calendar c;                                                                         \
        int64_t at;                                                                                \
                                                                                                   \
        *out = value_null();                                                                       \
        if (date_of(context, args[0], &at)) {                                                      \
            calendar_at(at, 0, &c);                                                                \
            *out = value_int(c.member);                                                            \
        }                                                                                          \
        return ST_OK;                                                                              \
    }

PART(day, day)
PART(hour, hour)
PART(minute, minute)
PART(month, month)
PART(second, second)
PART(weekday, weekday)
PART(year, year)
