#include "storage/value/document.h"
#include "storage/value/hash.h"
#include "storage/value/value.h"

/* Rank of each kind in the total order. */
static const uint8_t ranks[VALUE_KIND_COUNT] = {
    [VALUE_ABSENT] = 0, [VALUE_NULL] = 0, [VALUE_BOOL] = 1,  [VALUE_INT] = 2,   [VALUE_REAL] = 2,
    [VALUE_DATE] = 2,   [VALUE_TEXT] = 3, [VALUE_BYTES] = 4, [VALUE_ARRAY] = 5, [VALUE_OBJECT] = 6,
};

const char *value_kind_name(enum value_kind kind)
{
    static const char *const names[VALUE_KIND_COUNT] = {
        [VALUE_ABSENT] = "absent", [VALUE_NULL] = "null",   [VALUE_BOOL] = "boolean",
        [VALUE_INT] = "integer",   [VALUE_REAL] = "real",   [VALUE_DATE] = "date",
        [VALUE_TEXT] = "text",     [VALUE_BYTES] = "bytes", [VALUE_ARRAY] = "array",
        [VALUE_OBJECT] = "object",
    };

    return (unsigned)kind < VALUE_KIND_COUNT ? names[kind] : "unknown";
}

int compare_int_real(int64_t i, double d)
{
    if (d >= 0x1p63)
        return -1;
    if (d < -0x1p63)
        return 1;
    int64_t whole = (int64_t)d; /* towards zero */
    if (i != whole)
        return i < whole ? -1 : 1;
    double fraction = d - (double)whole; /* exact: both have the same exponent or whole is d */
    return (fraction < 0) - (fraction > 0);
}

static int compare_numbers(struct value a, struct value b)
{
    if (a.kind != VALUE_REAL) {
        if (b.kind != VALUE_REAL)
            return (a.as.i > b.as.i) - (a.as.i < b.as.i);
        return compare_int_real(a.as.i, b.as.d);
    }
    if (b.kind != VALUE_REAL)
        return -compare_int_real(b.as.i, a.as.d);
    return (a.as.d > b.as.d) - (a.as.d < b.as.d);
}

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int compare_nocase(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < shared; i++) {
        unsigned char x = fold(a.data[i]);
        unsigned char y = fold(b.data[i]);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static struct slice without_trailing_spaces(struct slice text)
{
    while (text.len != 0 && text.data[text.len - 1] == ' ')
        text.len--;
    return text;
}

static int compare_text(struct slice a, struct slice b, enum collation collation)
{
    if (collation == COLLATE_NOCASE)
        return compare_nocase(a, b);
    if (collation == COLLATE_RTRIM)
        return slice_compare(without_trailing_spaces(a), without_trailing_spaces(b));
    return slice_compare(a, b);
}

static int compare_values(struct value a, struct value b, enum collation collation, unsigned depth);

/* The next member of an object that is not absent (records have absent ones), or false at the end.
 */
static bool next_member(struct value object, size_t count, size_t *index, struct slice *name,
                        struct value *out)
{
    while (*index < count) {
        *out = document_member_at(object, (*index)++, name);
        if (out->kind != VALUE_ABSENT)
            return true;
    }
    return false;
}

/* Element by element, member by member in the order written, name before value; a prefix is
 * smaller. */
static int compare_documents(struct value a, struct value b, unsigned depth)
{
    size_t a_count = document_count(a), b_count = document_count(b);
    size_t a_index = 0, b_index = 0;
    struct slice a_name = slice_empty(), b_name = slice_empty();
    struct value x, y;

    if (depth >
        DOCUMENT_DEPTH_MAX + 1) /* damaged bytes only; no well-formed document is this deep */
        return 0;
    for (;;) {
        bool a_has, b_has;

        if (a.kind == VALUE_ARRAY) {
            a_has = a_index < a_count;
            b_has = b_index < b_count;
            x = document_element(a, a_index++);
            y = document_element(b, b_index++);
        } else {
            a_has = next_member(a, a_count, &a_index, &a_name, &x);
            b_has = next_member(b, b_count, &b_index, &b_name, &y);
        }
        if (!a_has || !b_has)
            return a_has - b_has;
        int order = slice_compare(a_name, b_name);
        if (order == 0)
            order = compare_values(x, y, COLLATE_BINARY, depth + 1);
        if (order != 0)
            return order;
    }
}

static int compare_values(struct value a, struct value b, enum collation collation, unsigned depth)
{
    unsigned a_rank = ranks[a.kind], b_rank = ranks[b.kind];

    if (a_rank != b_rank)
        return a_rank < b_rank ? -1 : 1;
    switch ((enum value_kind)a.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        return 0;
    case VALUE_BOOL:
        return a.as.b - b.as.b;
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_DATE:
        return compare_numbers(a, b);
    case VALUE_TEXT:
        return compare_text(value_slice(a), value_slice(b), collation);
    case VALUE_BYTES:
        return slice_compare(value_slice(a), value_slice(b));
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return compare_documents(a, b, depth);
    }
    return 0;
}

int value_compare(struct value a, struct value b, enum collation collation)
{
    if (a.kind == VALUE_INT && b.kind == VALUE_INT)
        return (a.as.i > b.as.i) - (a.as.i < b.as.i);
    return compare_values(a, b, collation, 0);
}

static bool identical_documents(struct value a, struct value b, unsigned depth);

static bool identical(struct value a, struct value b, unsigned depth)
{
    if (a.kind != b.kind)
        return false;
    switch ((enum value_kind)a.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        return true;
    case VALUE_BOOL:
        return a.as.b == b.as.b;
    case VALUE_INT:
    case VALUE_DATE:
    case VALUE_REAL: /* by bits: 0.0 and -0.0 differ */
        return a.as.i == b.as.i;
    case VALUE_TEXT:
    case VALUE_BYTES:
        return slice_equal(value_slice(a), value_slice(b));
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return identical_documents(a, b, depth);
    }
    return false;
}

static bool identical_documents(struct value a, struct value b, unsigned depth)
{
    size_t a_count = document_count(a), b_count = document_count(b);
    size_t a_index = 0, b_index = 0;
    struct slice a_name, b_name;
    struct value x, y;

    if (depth > DOCUMENT_DEPTH_MAX + 1)
        return true;
    if (a.kind == VALUE_ARRAY) {
        if (a_count != b_count)
            return false;
        for (size_t i = 0; i < a_count; i++)
            if (!identical(document_element(a, i), document_element(b, i), depth + 1))
                return false;
        return true;
    }
    for (;;) {
        bool a_has = next_member(a, a_count, &a_index, &a_name, &x);
        bool b_has = next_member(b, b_count, &b_index, &b_name, &y);

        if (!a_has || !b_has)
            return a_has == b_has;
        if (!slice_equal(a_name, b_name) || !identical(x, y, depth + 1))
            return false;
    }
}

bool value_identical(struct value a, struct value b)
{
    return identical(a, b, 0);
}

/* ---- hash ---- */

/* Finaliser of MurmurHash3: every bit of the input reaches every bit of the result. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

/* A real that is a whole number within 64 bits hashes as that integer. */
static uint64_t hash_real(double d)
{
    uint64_t bits;

    if (d >= -0x1p63 && d < 0x1p63 && (double)(int64_t)d == d)
        return mix((uint64_t)(int64_t)d);
    memcpy(&bits, &d, sizeof(bits));
    return mix(bits ^ 0x9e3779b97f4a7c15u);
}

static uint64_t hash_nocase(struct slice text)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ fold(text.data[i])) * 0x100000001b3u;
    return mix(hash ^ text.len);
}

static uint64_t hash_text(struct slice text, enum collation collation)
{
    if (collation == COLLATE_NOCASE)
        return hash_nocase(text);
    if (collation == COLLATE_RTRIM)
        text = without_trailing_spaces(text);
    return hash_bytes(text, VALUE_TEXT);
}

static uint64_t hash_value(struct value v, enum collation collation, unsigned depth);

static uint64_t hash_document(struct value v, unsigned depth)
{
    size_t count = document_count(v);
    size_t index = 0;
    uint64_t hash = v.kind;
    struct slice name;
    struct value member;

    if (depth > DOCUMENT_DEPTH_MAX + 1)
        return hash;
    if (v.kind == VALUE_ARRAY) {
        for (size_t i = 0; i < count; i++)
            hash = mix(hash + hash_value(document_element(v, i), COLLATE_BINARY, depth + 1));
        return hash;
    }
    while (next_member(v, count, &index, &name, &member)) {
        hash = mix(hash + hash_bytes(name, 0));
        hash = mix(hash + hash_value(member, COLLATE_BINARY, depth + 1));
    }
    return hash;
}

static uint64_t hash_value(struct value v, enum collation collation, unsigned depth)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        return 0x2545f4914f6cdd1du;
    case VALUE_BOOL:
        return v.as.b ? 0x5851f42d4c957f2du : 0x14057b7ef767814fu;
    case VALUE_INT:
    case VALUE_DATE:
        return mix((uint64_t)v.as.i);
    case VALUE_REAL:
        return hash_real(v.as.d);
    case VALUE_TEXT:
        return hash_text(value_slice(v), collation);
    case VALUE_BYTES:
        return hash_bytes(value_slice(v), VALUE_BYTES);
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return hash_document(v, depth);
    }
    return 0;
}

uint64_t value_hash(struct value v, enum collation collation)
{
    return hash_value(v, collation, 0);
}
