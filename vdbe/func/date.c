/*
 * date, time, datetime, julianday, unixepoch, strftime: SQLite's, to the millisecond and with its
 * limits (years -4713 to 9999).
 *
 * A point in time is known as a Julian day, as a calendar date, as a time of day, or as a bare
 * number of which it is not yet decided what it counts; what is valid says which. Modifiers work on
 * one form and drop the others.
 */
#include "vdbe/func/date_internal.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct moment {
    int64_t julian_ms; /* Julian day number times 86400000 */
    int year, month, day;
    int hour, minute;
    double second; /* with has_raw: the bare number */
    int zone_minutes;
    bool has_julian, has_date, has_time, has_zone, has_raw;
    bool is_utc_known; /* a zone was written, so 'utc' changes nothing */
    bool is_wrong;
};

#define JULIAN_MS_MAX INT64_C(464269060799999) /* 9999-12-31 23:59:59.999 */

static void fail(struct moment *t)
{
    *t = (struct moment){.is_wrong = true};
}

static bool is_valid_julian(int64_t julian_ms)
{
    return julian_ms >= 0 && julian_ms <= JULIAN_MS_MAX;
}

/* ---- between forms ---- */

static void need_julian(struct moment *t)
{
    int year = 2000, month = 1, day = 1;
    int century, leap;

    if (t->has_julian)
        return;
    if (t->has_date) {
        year = t->year;
        month = t->month;
        day = t->day;
    }
    if (year < -4713 || year > 9999 || t->has_raw) {
        fail(t);
        return;
    }
    if (month <= 2) {
        year--;
        month += 12;
    }
    century = year / 100;
    leap = 2 - century + century / 4;
    double days = 36525 * (year + 4716) / 100 + 306001 * (month + 1) / 10000 + day + leap - 1524.5;
    t->julian_ms = (int64_t)(days * (double)MS_PER_DAY);
    t->has_julian = true;
    if (t->has_time) {
        t->julian_ms += t->hour * INT64_C(3600000) + t->minute * INT64_C(60000) +
                        (int64_t)(t->second * 1000 + 0.5);
        if (t->has_zone) {
            t->julian_ms -= t->zone_minutes * INT64_C(60000);
            t->has_date = t->has_time = t->has_zone = false;
        }
    }
}

static void need_date(struct moment *t)
{
    if (t->has_date)
        return;
    if (!t->has_julian) {
        t->year = 2000;
        t->month = 1;
        t->day = 1;
    } else if (!is_valid_julian(t->julian_ms)) {
        fail(t);
        return;
    } else {
        int days = (int)((t->julian_ms + 43200000) / MS_PER_DAY);
        int century = (int)((days - 1867216.25) / 36524.25);
        int gregorian = days + 1 + century - century / 4 + 1524;
        int year = (int)((gregorian - 122.1) / 365.25);
        int year_days = 36525 * (year & 32767) / 100;
        int month = (int)((gregorian - year_days) / 30.6001);

        t->day = gregorian - year_days - (int)(30.6001 * month);
        t->month = month < 14 ? month - 1 : month - 13;
        t->year = t->month > 2 ? year - 4716 : year - 4715;
    }
    t->has_date = true;
}

static void need_time(struct moment *t)
{
    int seconds;

    if (t->has_time)
        return;
    need_julian(t);
    t->second = (double)((t->julian_ms + 43200000) % MS_PER_DAY) / 1000.0;
    seconds = (int)t->second;
    t->second -= seconds;
    t->hour = seconds / 3600;
    seconds -= t->hour * 3600;
    t->minute = seconds / 60;
    t->second += seconds - t->minute * 60;
    t->has_raw = false;
    t->has_time = true;
}

static void need_date_and_time(struct moment *t)
{
    need_date(t);
    need_time(t);
}

static void only_julian(struct moment *t)
{
    t->has_date = t->has_time = t->has_zone = false;
}

static void set_julian(struct moment *t, int64_t julian_ms)
{
    only_julian(t);
    t->julian_ms = julian_ms;
    t->has_julian = true;
    t->has_raw = false;
}

/* ---- reading ---- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool take(struct slice *in, char c)
{
    if (in->len == 0 || *in->data != c)
        return false;
    *in = slice_of(in->data + 1, in->len - 1);
    return true;
}

static void skip_spaces(struct slice *in)
{
    while (in->len != 0 && is_space(*in->data))
        *in = slice_of(in->data + 1, in->len - 1);
}

static bool take_digits(struct slice *in, unsigned digits, int least, int most, int *out)
{
    int number = 0;

    if (in->len < digits)
        return false;
    for (unsigned i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)in->data[i]))
            return false;
        number = number * 10 + (in->data[i] - '0');
    }
    if (number < least || number > most)
        return false;
    *in = slice_of(in->data + digits, in->len - digits);
    *out = number;
    return true;
}

/* Nothing, Z or +HH:MM up to the end. */
static bool take_zone(struct slice in, struct moment *t)
{
    int sign, hours, minutes;

    skip_spaces(&in);
    t->zone_minutes = 0;
    if (in.len == 0)
        return true;
    if (take(&in, 'Z') || take(&in, 'z')) {
        sign = hours = minutes = 0;
    } else {
        sign = *in.data == '-' ? -1 : 1;
        if (!take(&in, '-') && !take(&in, '+'))
            return false;
        if (!take_digits(&in, 2, 0, 14, &hours) || !take(&in, ':') ||
            !take_digits(&in, 2, 0, 59, &minutes))
            return false;
    }
    t->zone_minutes = sign * (minutes + hours * 60);
    skip_spaces(&in);
    t->is_utc_known = true;
    return in.len == 0;
}

static double take_fraction(struct slice *in)
{
    double number = 0.0, scale = 1.0;

    while (in->len != 0 && isdigit((unsigned char)*in->data)) {
        number = number * 10.0 + (*in->data - '0');
        scale *= 10.0;
        *in = slice_of(in->data + 1, in->len - 1);
    }
    return number / scale;
}

/* HH:MM[:SS[.fff]][zone] up to the end. */
static bool read_time(struct slice in, struct moment *t)
{
    int hour, minute, second = 0;
    double fraction = 0.0;

    if (!take_digits(&in, 2, 0, 24, &hour) || !take(&in, ':') ||
        !take_digits(&in, 2, 0, 59, &minute))
        return false;
    if (take(&in, ':')) {
        if (!take_digits(&in, 2, 0, 59, &second))
            return false;
        if (in.len >= 2 && *in.data == '.' && isdigit((unsigned char)in.data[1])) {
            (void)take(&in, '.');
            fraction = take_fraction(&in);
        }
    }
    t->has_julian = false;
    t->has_raw = false;
    t->has_time = true;
    t->hour = hour;
    t->minute = minute;
    t->second = second + fraction;
    if (!take_zone(in, t))
        return false;
    t->has_zone = t->zone_minutes != 0;
    return true;
}

/* YYYY-MM-DD, then nothing or a time behind blanks or T. */
static bool read_date(struct slice in, struct moment *t)
{
    bool is_negative = take(&in, '-');
    int year, month, day;

    if (!take_digits(&in, 4, 0, 9999, &year) || !take(&in, '-') ||
        !take_digits(&in, 2, 1, 12, &month) || !take(&in, '-') || !take_digits(&in, 2, 1, 31, &day))
        return false;
    while (in.len != 0 && (is_space(*in.data) || *in.data == 'T'))
        in = slice_of(in.data + 1, in.len - 1);
    if (!read_time(in, t)) {
        if (in.len != 0)
            return false;
        t->has_time = false;
    }
    t->has_julian = false;
    t->has_date = true;
    t->year = is_negative ? -year : year;
    t->month = month;
    t->day = day;
    if (t->has_zone)
        need_julian(t);
    return true;
}

/* Whether the whole text is a number. */
static bool read_number(struct slice text, double *out)
{
    struct value v;
    enum number_text kind = number_parse(text, &v);

    *out = func_real(v);
    return kind == NUMBER_INT || kind == NUMBER_REAL;
}

/* A bare number is a Julian day if it can be one, and stays open to 'unixepoch' and 'auto'. */
static void set_raw(struct moment *t, double number)
{
    t->second = number;
    t->has_raw = true;
    if (number >= 0.0 && number < 5373484.5) {
        t->julian_ms = (int64_t)(number * (double)MS_PER_DAY + 0.5);
        t->has_julian = true;
    }
}

static void set_now(const struct func_context *context, struct moment *t)
{
    t->julian_ms = context->now_us / 1000 + JULIAN_EPOCH_MS;
    t->has_julian = true;
}

static bool read_moment(const struct func_context *context, struct slice text, struct moment *t)
{
    double number;

    if (read_date(text, t) || read_time(text, t))
        return true;
    if (slice_is_nocase(text, "now")) {
        set_now(context, t);
        return true;
    }
    if (!read_number(text, &number))
        return false;
    set_raw(t, number);
    return true;
}

/* ---- local time ---- */

bool local_time_at(int64_t unix_s, struct local_time *out)
{
    time_t when = (time_t)unix_s;
    struct tm tm;

    if (localtime_r(&when, &tm) == NULL)
        return false;
    *out = (struct local_time){.year = tm.tm_year + 1900,
                               .month = tm.tm_mon + 1,
                               .day = tm.tm_mday,
                               .hour = tm.tm_hour,
                               .minute = tm.tm_min,
                               .second = tm.tm_sec,
                               .offset_s = (int)tm.tm_gmtoff};
    return true;
}

/* From UTC to local time. Years outside 1970 to 2037 borrow the zone rules of one near 2000 with
 * the same leap days. */
static enum status to_local(struct func_context *context, struct moment *t)
{
    struct local_time local;
    int years_moved = 0;
    int64_t unix_s;

    need_julian(t);
    if (t->julian_ms < INT64_C(2108667600) * 100000 ||
        t->julian_ms > INT64_C(2130141456) * 100000) {
        struct moment moved = *t;

        need_date_and_time(&moved);
        years_moved = 2000 + moved.year % 4 - moved.year;
        moved.year += years_moved;
        moved.has_julian = false;
        need_julian(&moved);
        unix_s = moved.julian_ms / 1000 - JULIAN_EPOCH_MS / 1000;
    } else {
        unix_s = t->julian_ms / 1000 - JULIAN_EPOCH_MS / 1000;
    }
    if (!local_time_at(unix_s, &local))
        return error_set(context->err, ST_RANGE, -1, "local time unavailable");
    t->year = local.year - years_moved;
    t->month = local.month;
    t->day = local.day;
    t->hour = local.hour;
    t->minute = local.minute;
    t->second = local.second + (double)(t->julian_ms % 1000) * 0.001;
    t->has_date = t->has_time = true;
    t->has_julian = t->has_raw = t->has_zone = false;
    t->is_wrong = false;
    return ST_OK;
}

/* From local time to UTC: guess, look what local time the guess has, correct. */
static enum status to_utc(struct func_context *context, struct moment *t)
{
    int64_t wanted, guess, error = 0;
    int rounds = 0;

    if (t->is_utc_known)
        return ST_OK;
    need_julian(t);
    wanted = guess = t->julian_ms;
    do {
        struct moment local = {.has_julian = true};

        guess -= error;
        local.julian_ms = guess;
        TRY(to_local(context, &local));
        need_julian(&local);
        error = local.julian_ms - wanted;
    } while (error != 0 && rounds++ < 3);
    *t = (struct moment){.julian_ms = guess, .has_julian = true, .is_utc_known = true};
    return ST_OK;
}

/* ---- modifiers ---- */

static bool take_word(struct slice *in, const char *word)
{
    size_t length = strlen(word);

    if (in->len < length || !slice_is_nocase(slice_of(in->data, length), word))
        return false;
    *in = slice_of(in->data + length, in->len - length);
    return true;
}

static bool modify_start(struct slice unit, struct moment *t)
{
    if (!t->has_julian && !t->has_date && !t->has_time)
        return false;
    need_date(t);
    t->has_time = true;
    t->hour = t->minute = 0;
    t->second = 0.0;
    t->has_raw = t->has_zone = t->has_julian = false;
    if (slice_is_nocase(unit, "day"))
        return true;
    t->day = 1;
    if (slice_is_nocase(unit, "month"))
        return true;
    t->month = 1;
    return slice_is_nocase(unit, "year");
}

/* To the next day of the week that is `number`, today included. */
static bool modify_weekday(struct slice number, struct moment *t)
{
    double wanted;

    if (!read_number(number, &wanted) || wanted < 0.0 || wanted >= 7.0 ||
        wanted != (double)(int)wanted)
        return false;
    need_date_and_time(t);
    t->has_zone = t->has_julian = false;
    need_julian(t);
    int64_t today = (t->julian_ms + 129600000) / MS_PER_DAY % 7;
    if (today > (int)wanted)
        today -= 7;
    t->julian_ms += ((int)wanted - today) * MS_PER_DAY;
    only_julian(t);
    return true;
}

static bool modify_unixepoch(struct moment *t)
{
    double julian_ms = t->second * 1000.0 + (double)JULIAN_EPOCH_MS;

    if (!t->has_raw || !(julian_ms >= 0.0 && julian_ms < 464269060800000.0))
        return false;
    set_julian(t, (int64_t)(julian_ms + 0.5));
    return true;
}

/* A number that cannot be a Julian day is taken for seconds since 1970. */
static void modify_auto(struct moment *t)
{
    if (!t->has_raw || t->has_julian)
        t->has_raw = false;
    else if (t->second >= -210866760000.0 && t->second <= 253402300799.0)
        set_julian(t, (int64_t)(t->second * 1000.0 + (double)JULIAN_EPOCH_MS + 0.5));
}

/* +HH:MM:SS.fff */
static bool modify_by_time(struct slice text, bool is_negative, struct moment *t)
{
    struct moment by = {0};

    if (!read_time(text, &by))
        return false;
    need_julian(&by);
    by.julian_ms = (by.julian_ms - 43200000) % MS_PER_DAY;
    need_julian(t);
    only_julian(t);
    t->julian_ms += is_negative ? -by.julian_ms : by.julian_ms;
    return true;
}

struct unit {
    const char *name;
    double limit; /* of the number before it */
    double seconds;
};

static const struct unit units[] = {
    {"second", 464269060800.0, 1.0}, {"minute", 7737817680.0, 60.0}, {"hour", 128963628.0, 3600.0},
    {"day", 5373485.0, 86400.0},     {"month", 176546.0, 2592000.0}, {"year", 14713.0, 31536000.0},
};

static void move_months(struct moment *t, int months)
{
    int years;

    need_date_and_time(t);
    t->month += months;
    years = t->month > 0 ? (t->month - 1) / 12 : (t->month - 12) / 12;
    t->year += years;
    t->month -= years * 12;
    t->has_julian = false;
}

/* Whole months and years move the calendar; what is left of them counts 30 and 365 days. */
static void move(struct moment *t, const struct unit *unit, double amount)
{
    double half = amount < 0 ? -0.5 : 0.5;

    if (slice_is(slice_text(unit->name), "month")) {
        move_months(t, (int)amount);
        amount -= (int)amount;
    } else if (slice_is(slice_text(unit->name), "year")) {
        need_date_and_time(t);
        t->year += (int)amount;
        t->has_julian = false;
        amount -= (int)amount;
    }
    need_julian(t);
    t->julian_ms += (int64_t)(amount * 1000.0 * unit->seconds + half);
}

/* ±N units, or ±HH:MM[:SS]. */
static bool modify_by_amount(struct slice text, struct moment *t)
{
    size_t end = 1;
    double amount;
    bool done = false;

    while (end < text.len && text.data[end] != ':' && !is_space(text.data[end]))
        end++;
    if (!read_number(slice_of(text.data, end), &amount))
        return false;
    if (end < text.len && text.data[end] == ':') {
        size_t sign = isdigit((unsigned char)*text.data) ? 0 : 1;
        return modify_by_time(slice_of(text.data + sign, text.len - sign), *text.data == '-', t);
    }
    struct slice name = slice_of(text.data + end, text.len - end);
    skip_spaces(&name);
    if (name.len > 10 || name.len < 3)
        return false;
    if (tolower((unsigned char)name.data[name.len - 1]) == 's')
        name.len--;
    need_julian(t);
    for (size_t i = 0; i < COUNT_OF(units) && !done; i++) {
        if (slice_is_nocase(name, units[i].name) && amount > -units[i].limit &&
            amount < units[i].limit) {
            move(t, &units[i], amount);
            done = true;
        }
    }
    only_julian(t);
    return done;
}

/* False: the modifier is not one, and the function's result null. `number`: which argument it is.
 */
static bool modify(struct func_context *context, struct slice text, unsigned number,
                   struct moment *t, enum status *st)
{
    if (text.len == 0)
        return false;
    if (slice_is_nocase(text, "auto") || slice_is_nocase(text, "julianday") ||
        slice_is_nocase(text, "unixepoch")) {
        if (number > 1)
            return false;
        if (tolower((unsigned char)*text.data) == 'u')
            return modify_unixepoch(t);
        if (tolower((unsigned char)*text.data) == 'a') {
            modify_auto(t);
            return true;
        }
        if (!t->has_julian || !t->has_raw)
            return false;
        t->has_raw = false;
        return true;
    }
    if (slice_is_nocase(text, "localtime")) {
        *st = to_local(context, t);
        return true;
    }
    if (slice_is_nocase(text, "utc")) {
        *st = to_utc(context, t);
        return true;
    }
    if (take_word(&text, "weekday "))
        return modify_weekday(text, t);
    if (take_word(&text, "start of "))
        return modify_start(text, t);
    if (*text.data == '+' || *text.data == '-' || isdigit((unsigned char)*text.data))
        return modify_by_amount(text, t);
    return false;
}

/* The point in time that arguments name; *known false: the result is null. */
static enum status moment_of(struct func_context *context, unsigned count, const struct value *args,
                             struct moment *t, bool *known)
{
    enum status st = ST_OK;

    *t = (struct moment){0};
    *known = false;
    if (count == 0) {
        set_now(context, t);
    } else if (value_is_null(args[0])) {
        return ST_OK;
    } else if (args[0].kind == VALUE_DATE) {
        if (args[0].as.i < -JULIAN_EPOCH_MS || args[0].as.i > JULIAN_MS_MAX - JULIAN_EPOCH_MS)
            return ST_OK;
        set_julian(t, args[0].as.i + JULIAN_EPOCH_MS);
    } else if (args[0].kind == VALUE_INT || args[0].kind == VALUE_REAL) {
        set_raw(t, func_real(args[0]));
    } else if (!read_moment(context, func_text(context, args[0]), t)) {
        return ST_OK;
    }
    for (unsigned i = 1; i < count; i++) {
        if (value_is_null(args[i]) || !modify(context, func_text(context, args[i]), i, t, &st))
            return st;
        TRY(st);
    }
    need_julian(t);
    *known = !t->is_wrong && is_valid_julian(t->julian_ms);
    return ST_OK;
}

/* ---- functions ---- */

SCALAR(fn_julianday)
{
    struct moment t;
    bool known;

    TRY(moment_of(context, count, args, &t, &known));
    *out = known ? value_real((double)t.julian_ms / (double)MS_PER_DAY) : value_null();
    return ST_OK;
}

SCALAR(fn_unixepoch)
{
    struct moment t;
    bool known;

    TRY(moment_of(context, count, args, &t, &known));
    *out = known ? value_int(t.julian_ms / 1000 - JULIAN_EPOCH_MS / 1000) : value_null();
    return ST_OK;
}

static enum status give(struct func_context *context, const char *text, struct value *out)
{
    struct slice copy = arena_copy(context->arena, slice_text(text));

    if (copy.data == NULL)
        return func_no_memory(context);
    *out = value_text(copy);
    return ST_OK;
}

enum { SHOW_DATE = 1, SHOW_TIME = 2 };

static enum status show(struct func_context *context, unsigned count, const struct value *args,
                        unsigned parts, struct value *out)
{
    struct moment t;
    bool known;
    char date[32] = "", time[32] = "", both[72];

    TRY(moment_of(context, count, args, &t, &known));
    *out = value_null();
    if (!known)
        return ST_OK;
    need_date_and_time(&t);
    if (parts & SHOW_DATE)
        (void)snprintf(date, sizeof(date), "%s%04d-%02d-%02d", t.year < 0 ? "-" : "", abs(t.year),
                       t.month, t.day);
    if (parts & SHOW_TIME)
        (void)snprintf(time, sizeof(time), "%02d:%02d:%02d", t.hour, t.minute, (int)t.second);
    (void)snprintf(both, sizeof(both), "%s%s%s", date, parts == (SHOW_DATE | SHOW_TIME) ? " " : "",
                   time);
    return give(context, both, out);
}

SCALAR(fn_date)
{
    return show(context, count, args, SHOW_DATE, out);
}

SCALAR(fn_time)
{
    return show(context, count, args, SHOW_TIME, out);
}

SCALAR(fn_datetime)
{
    return show(context, count, args, SHOW_DATE | SHOW_TIME, out);
}

SCALAR(fn_current_date)
{
    return show(context, 0, NULL, SHOW_DATE, out);
}

SCALAR(fn_current_time)
{
    return show(context, 0, NULL, SHOW_TIME, out);
}

SCALAR(fn_current_timestamp)
{
    return show(context, 0, NULL, SHOW_DATE | SHOW_TIME, out);
}

static int day_of_year(const struct moment *t)
{
    struct moment first = *t;

    first.has_julian = false;
    first.month = first.day = 1;
    need_julian(&first);
    return (int)((t->julian_ms - first.julian_ms + 43200000) / MS_PER_DAY);
}

/* What `letter` of a strftime format stands for; false: nothing. */
static bool put_field(struct func_context *context, struct buf *out, char letter,
                      const struct moment *t)
{
    struct value v;

    switch (letter) {
    case 'd':
        buf_printf(out, "%02d", t->day);
        return true;
    case 'f':
        v = value_real(t->second > 59.999 ? 59.999 : t->second);
        (void)func_format(context, slice_text("%06.3f"), 1, &v, out);
        return true;
    case 'H':
        buf_printf(out, "%02d", t->hour);
        return true;
    case 'j':
        buf_printf(out, "%03d", day_of_year(t) + 1);
        return true;
    case 'J':
        v = value_real((double)t->julian_ms / (double)MS_PER_DAY);
        (void)func_format(context, slice_text("%.16g"), 1, &v, out);
        return true;
    case 'm':
        buf_printf(out, "%02d", t->month);
        return true;
    case 'M':
        buf_printf(out, "%02d", t->minute);
        return true;
    case 's':
        buf_printf(out, "%lld", (long long)(t->julian_ms / 1000 - JULIAN_EPOCH_MS / 1000));
        return true;
    case 'S':
        buf_printf(out, "%02d", (int)t->second);
        return true;
    case 'w':
        buf_printf(out, "%d", (int)((t->julian_ms + 129600000) / MS_PER_DAY % 7));
        return true;
    case 'W': {
        int weekday = (int)((t->julian_ms + 43200000) / MS_PER_DAY % 7); /* 0: Monday */
        buf_printf(out, "%02d", (day_of_year(t) + 7 - weekday) / 7);
        return true;
    }
    case 'Y':
        buf_printf(out, "%04d", t->year);
        return true;
    case '%':
        buf_append_byte(out, '%');
        return true;
    default: /* any other byte of the user's text */
        return false;
    }
}

SCALAR(fn_strftime)
{
    struct buf text = {0};
    struct slice format;
    struct moment t;
    bool known;

    *out = value_null();
    if (count == 0 || value_is_null(args[0]))
        return ST_OK;
    TRY(moment_of(context, count - 1, args + 1, &t, &known));
    if (!known)
        return ST_OK;
    need_date_and_time(&t);
    format = func_text(context, args[0]);
    for (size_t i = 0; i < format.len; i++) {
        if (format.data[i] != '%') {
            buf_append(&text, format.data + i, 1);
            continue;
        }
        i++;
        if (i == format.len || !put_field(context, &text, format.data[i], &t)) {
            buf_free(&text);
            return ST_OK;
        }
    }
    return func_give_buf(context, &text, false, out);
}
