/*
 * value: what a column, a key part or a register holds, its order, and its byte forms.
 *
 * A struct value is 16 bytes and owns nothing: text, bytes, arrays and objects are lent. Whoever
 * makes the value says how long its bytes live (a record: until its cursor moves; an arena: until
 * reset).
 *
 * Order (the only one of the engine): absent = null < false < true < numbers and dates, by exact
 * value across int, real and date (ms) < text by bytes (or a collation) < bytes < arrays < objects.
 * Absent is a missing attribute: NULL in SQL, left out in JSON. NaN does not exist: it becomes
 * null.
 *
 * Threads: everything here is pure, without state. Errors: a byte form from outside that is not
 * well formed gives ST_CORRUPT (records, keys, documents) or ST_SYNTAX with an offset (JSON).
 */
#ifndef HARPER_VALUE_VALUE_H
#define HARPER_VALUE_VALUE_H

#include "storage/base/base.h"

enum value_kind {
    VALUE_ABSENT,
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_REAL,
    VALUE_DATE, /* as.i: milliseconds since 1970-01-01 UTC */
    VALUE_TEXT, /* UTF-8 */
    VALUE_BYTES,
    VALUE_ARRAY,  /* as.data: a document, see document.h */
    VALUE_OBJECT, /* likewise; or, with VALUE_IS_RECORD, as.record */
    VALUE_KIND_COUNT
};

enum value_flag {
    VALUE_IS_RECORD = 1, /* an object that is still a stored record */
    VALUE_IS_JSON = 2,   /* text that is known to be JSON (SQLite's JSON subtype) */
};

struct record;

struct value {
    uint8_t kind;  /* enum value_kind */
    uint8_t flags; /* enum value_flag */
    uint16_t spare;
    uint32_t len; /* bytes of text, bytes, array, object */
    union {
        bool b;
        int64_t i;
        double d;
        const char *data;
        const struct record *record;
    } as;
};

_Static_assert(sizeof(struct value) == 16, "registers are 16 bytes");

static inline struct value value_absent(void)
{
    return (struct value){.kind = VALUE_ABSENT};
}
static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}
static inline struct value value_bool(bool b)
{
    return (struct value){.kind = VALUE_BOOL, .as.b = b};
}
static inline struct value value_int(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .as.i = i};
}
static inline struct value value_real(double d) /* NaN becomes null */
{
    if (d != d)
        return value_null();
    return (struct value){.kind = VALUE_REAL, .as.d = d};
}
static inline struct value value_date(int64_t ms)
{
    return (struct value){.kind = VALUE_DATE, .as.i = ms};
}
static inline struct value value_text(struct slice s)
{
    return (struct value){.kind = VALUE_TEXT, .len = (uint32_t)s.len, .as.data = s.data};
}
static inline struct value value_bytes(struct slice s)
{
    return (struct value){.kind = VALUE_BYTES, .len = (uint32_t)s.len, .as.data = s.data};
}
static inline struct slice value_slice(struct value v)
{
    return (struct slice){v.as.data, v.len};
}
static inline bool value_is_null(struct value v) /* null or absent */
{
    return v.kind <= VALUE_NULL;
}
static inline bool value_is_number(struct value v)
{
    return v.kind == VALUE_INT || v.kind == VALUE_REAL || v.kind == VALUE_DATE;
}
static inline bool value_has_bytes(struct value v)
{
    return v.kind >= VALUE_TEXT;
}

const char *value_kind_name(enum value_kind kind); /* "absent", "null", "boolean", "integer", … */

/* ---- order (compare.c) ---- */

enum collation {
    COLLATE_BINARY,
    COLLATE_NOCASE, /* ASCII letters only, as SQLite */
    COLLATE_RTRIM,
    COLLATE_BUILTIN_COUNT
};

/* <0, 0, >0 by the total order; absent and null are equal. Text by `collation`. */
int value_compare(struct value a, struct value b, enum collation collation);
/* Equal kind of storage and equal content: 1 and 1.0 differ. For tests and record comparison. */
bool value_identical(struct value a, struct value b);
uint64_t value_hash(struct value v, enum collation collation); /* equal values hash equal */
int compare_int_real(int64_t i, double d);                     /* exact */

/* ---- conversion (convert.c) ---- */

/* SQLite's affinities. BOOLEAN-declared columns have NUMERIC affinity but keep booleans; NONE keeps
 * all. */
enum affinity { AFFINITY_NONE, AFFINITY_TEXT, AFFINITY_NUMERIC, AFFINITY_INTEGER, AFFINITY_REAL };

enum { NUMBER_TEXT_MAX = 32 }; /* bytes that number_format may write, without a NUL */

/* SQLite's rule from a declared type's text (INT, CHAR/CLOB/TEXT, BLOB or empty, REAL/FLOA/DOUB).
 */
enum affinity affinity_of_type(struct slice declared);
/* Apply as on storing into a column. Text made from a number is written into `arena`. */
struct value value_apply_affinity(struct value v, enum affinity affinity, struct arena *arena);
/* Apply as in a comparison of `v` against a numeric operand: text that looks like a number becomes
 * one. */
struct value value_numeric_if_possible(struct value v);
/* The longest numeric prefix as SQLite's arithmetic takes it: '12abc' is 12, 'abc' is 0, null stays
 * null, booleans are 0/1, dates their milliseconds. Result is null, int or real. */
struct value value_to_number(struct value v);
int64_t value_to_int(struct value v); /* CAST AS INTEGER: saturates, null is 0 */
double value_to_real(struct value v); /* null is 0.0 */
/* SQL truth: 1 true, 0 false, -1 unknown (null). */
int value_truth(struct value v);
/* The text SQL shows: numbers formatted, booleans 1/0 as integers do in SQL text context, documents
 * as JSON, bytes taken as text. Text is lent unchanged, everything else is written into `arena`.
 * Null stays null. */
struct value value_to_text(struct value v, struct arena *arena);
struct value value_cast(struct value v, enum affinity target, bool to_bytes, struct arena *arena);

/* Integers and reals to text. A real: SQLite's "%!.15g" in number_format (always a point or
 * exponent: 1.0, 1e+20); shortest round-trip form for JSON in number_format_shortest (1 for 1.0
 * never: writes 1.0 as 1 as JavaScript does, 1e21 as 1e+21). Return the length. */
size_t number_format_int(int64_t i, char out[NUMBER_TEXT_MAX]);
size_t number_format(double d, char out[NUMBER_TEXT_MAX]);
size_t number_format_shortest(double d, char out[NUMBER_TEXT_MAX]);

enum number_text { NUMBER_NONE, NUMBER_PREFIX, NUMBER_INT, NUMBER_REAL };
/* Read a decimal number with optional blanks around it. NUMBER_INT/NUMBER_REAL: the whole text was
 * one and *out holds it (an integer too big for 64 bits is a real); NUMBER_PREFIX: a proper prefix
 * was, *out holds that; NUMBER_NONE: *out is int 0. Correctly rounded. */
enum number_text number_parse(struct slice text, struct value *out);

/* Dates: ISO-8601 date or date-time (no zone: UTC) to milliseconds and back
 * ("2024-01-31T12:00:00.000Z"). */
bool date_parse_iso(struct slice text, int64_t *ms);
enum { DATE_TEXT_BYTES = 32 };
size_t date_format_iso(int64_t ms, char out[DATE_TEXT_BYTES]);

/* ---- UTF-8 (utf8.c) ---- */
bool utf8_is_valid(struct slice text);
size_t utf8_length(struct slice text); /* characters; a stray byte counts as one */
/* Decode the character at the front and step over it; U+FFFD for a stray byte. `in` is not empty.
 */
uint32_t utf8_next(struct slice *in);
size_t utf8_encode(uint32_t code, char out[4]);

#endif
