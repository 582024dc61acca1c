/* Points in time, for SQLite's date functions (date.c) and Harper's (date_harper.c). */
#ifndef HARPER_FUNC_DATE_INTERNAL_H
#define HARPER_FUNC_DATE_INTERNAL_H

#include "vdbe/func/func_internal.h"

/* Milliseconds from noon of -4713-11-24, where Julian day numbers begin, to 1970-01-01. */
#define JULIAN_EPOCH_MS INT64_C(210866760000000)
#define MS_PER_DAY      INT64_C(86400000)

/* The local time of a point in time. */
struct local_time {
    int year, month, day, hour, minute, second;
    int offset_s; /* east of Greenwich */
};
bool local_time_at(int64_t unix_s, struct local_time *out);

#endif
