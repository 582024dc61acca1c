#include "storage/value/value.h"

/* Proleptic Gregorian calendar, as ISO-8601 and JavaScript have it. */

enum { MS_PER_SECOND = 1000, MS_PER_MINUTE = 60000, MS_PER_HOUR = 3600000, MS_PER_DAY = 86400000 };

/* Days from 1970-01-01. Years are counted from March, so that the leap day is the last of its year.
 */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;

    *day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && is_leap ? 29 : days[month - 1];
}

static bool take_char(struct slice *in, char c)
{
    if (in->len == 0 || *in->data != c)
        return false;
    in->data++;
    in->len--;
    return true;
}

/* Exactly `count` digits. */
static bool take_digits(struct slice *in, unsigned count, unsigned *out)
{
    unsigned number = 0;

    if (in->len < count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (in->data[i] < '0' || in->data[i] > '9')
            return false;
        number = number * 10 + (unsigned)(in->data[i] - '0');
    }
    in->data += count;
    in->len -= count;
    *out = number;
    return true;
}

/* YYYY-MM-DD, or a signed year of six digits as JavaScript writes years outside 0 to 9999. */
static bool take_date(struct slice *in, int64_t *days)
{
    unsigned year_digits, month, day;
    bool is_negative = in->len != 0 && *in->data == '-';
    bool is_signed = take_char(in, '-') || take_char(in, '+');

    if (!take_digits(in, is_signed ? 6 : 4, &year_digits) || !take_char(in, '-') ||
        !take_digits(in, 2, &month) || !take_char(in, '-') || !take_digits(in, 2, &day))
        return false;
    int64_t year = is_negative ? -(int64_t)year_digits : (int64_t)year_digits;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_from_date(year, month, day);
    return true;
}

/* .f to .fffffffff…: what is finer than a millisecond is dropped. */
static bool take_fraction(struct slice *in, unsigned *ms)
{
    unsigned digits = 0;
    unsigned digit;

    *ms = 0;
    while (take_digits(in, 1, &digit)) {
        if (digits < 3)
            *ms = *ms * 10 + digit;
        digits++;
    }
    for (unsigned i = digits; i < 3; i++)
        *ms *= 10;
    return digits != 0;
}

/* HH:MM[:SS[.fff]]; 24:00 is the end of the day. */
static bool take_time(struct slice *in, int64_t *out)
{
    unsigned hour, minute, second = 0, ms = 0;

    if (!take_digits(in, 2, &hour) || !take_char(in, ':') || !take_digits(in, 2, &minute))
        return false;
    if (take_char(in, ':')) {
        if (!take_digits(in, 2, &second))
            return false;
        if ((take_char(in, '.') || take_char(in, ',')) && !take_fraction(in, &ms))
            return false;
    }
    if (hour > 24 || minute > 59 || second > 59 || (hour == 24 && (minute | second | ms) != 0))
        return false;
    *out = (int64_t)hour * MS_PER_HOUR + minute * MS_PER_MINUTE + second * MS_PER_SECOND + ms;
    return true;
}

/* Nothing, Z, +HH, +HHMM or +HH:MM. */
static bool take_zone(struct slice *in, int64_t *out)
{
    unsigned hour, minute = 0;
    bool is_west = in->len != 0 && *in->data == '-';

    *out = 0;
    if (in->len == 0 || take_char(in, 'Z') || take_char(in, 'z'))
        return true;
    if (!take_char(in, '+') && !take_char(in, '-'))
        return false;
    if (!take_digits(in, 2, &hour))
        return false;
    if (in->len != 0 && ((void)take_char(in, ':'), !take_digits(in, 2, &minute)))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    *out = (int64_t)hour * MS_PER_HOUR + minute * MS_PER_MINUTE;
    if (is_west)
        *out = -*out;
    return true;
}

bool date_parse_iso(struct slice text, int64_t *ms)
{
    int64_t days, time = 0, zone = 0;

    if (!take_date(&text, &days))
        return false;
    if (text.len != 0) {
        if (!take_char(&text, 'T') && !take_char(&text, 't') && !take_char(&text, ' '))
            return false;
        if (!take_time(&text, &time) || !take_zone(&text, &zone) || text.len != 0)
            return false;
    }
    *ms = days * MS_PER_DAY + time - zone;
    return true;
}

static char *put_digits(char *at, uint64_t number, unsigned count)
{
    for (unsigned i = count; i-- > 0; number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + count;
}

static char *put_year(char *at, int64_t year)
{
    uint64_t size = (uint64_t)(year < 0 ? -year : year);

    if (year >= 0 && year <= 9999)
        return put_digits(at, size, 4);
    *at++ = year < 0 ? '-' : '+';
    return put_digits(at, size, size > 999999 ? 9 : 6); /* 64 bits of ms reach 292 million years */
}

size_t date_format_iso(int64_t ms, char out[DATE_TEXT_BYTES])
{
    int64_t days = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0);
    uint64_t time = (uint64_t)ms - (uint64_t)days * MS_PER_DAY;
    int64_t year;
    unsigned month, day;
    char *at = out;

    date_from_days(days, &year, &month, &day);
    at = put_year(at, year);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, time / MS_PER_HOUR, 2);
    *at++ = ':';
    at = put_digits(at, time / MS_PER_MINUTE % 60, 2);
    *at++ = ':';
    at = put_digits(at, time / MS_PER_SECOND % 60, 2);
    *at++ = '.';
    at = put_digits(at, time % MS_PER_SECOND, 3);
    *at++ = 'Z';
    return (size_t)(at - out);
}
