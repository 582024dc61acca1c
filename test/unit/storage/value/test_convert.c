#include "samples.h"
#include "storage/value/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* needs what stands above */

#define TEXT(literal)  value_text(slice_of(literal, sizeof(literal) - 1))
#define BYTES(literal) value_bytes(slice_of(literal, sizeof(literal) - 1))

static void declared_types_give_sqlites_affinities(void **state)
{
    const struct {
        const char *type;
        enum affinity affinity;
    } cases[] = {
        {"", AFFINITY_NONE},
        {"INT", AFFINITY_INTEGER},
        {"BIGINT", AFFINITY_INTEGER},
        {"POINT", AFFINITY_INTEGER},
        {"varchar(10)", AFFINITY_TEXT},
        {"CLOB", AFFINITY_TEXT},
        {"Text", AFFINITY_TEXT},
        {"BLOB", AFFINITY_NONE},
        {"REAL", AFFINITY_REAL},
        {"double precision", AFFINITY_REAL},
        {"FLOAT", AFFINITY_REAL},
        {"FLOATING POINT", AFFINITY_INTEGER},
        {"CHARINT", AFFINITY_INTEGER},
        {"DECIMAL(10,5)", AFFINITY_NUMERIC},
        {"BOOLEAN", AFFINITY_NUMERIC},
        {"DATE", AFFINITY_NUMERIC},
        {"STRING", AFFINITY_NUMERIC},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (affinity_of_type(slice_text(cases[i].type)) != cases[i].affinity)
            fail_msg("%s", cases[i].type);
}

struct conversion {
    struct value from, to;
};

static void check(const struct conversion *cases, size_t count,
                  struct value (*convert)(struct value, int, struct arena *), int target)
{
    struct arena arena = {0};

    for (size_t i = 0; i < count; i++) {
        struct value v = convert(cases[i].from, target, &arena);

        if (!value_identical(v, cases[i].to))
            fail_msg("case %zu of target %d gave %s", i, target, value_kind_name(v.kind));
    }
    arena_deinit(&arena);
}

static struct value apply(struct value v, int affinity, struct arena *arena)
{
    return value_apply_affinity(v, (enum affinity)affinity, arena);
}

static struct value cast(struct value v, int affinity, struct arena *arena)
{
    return value_cast(v, (enum affinity)affinity, false, arena);
}

#define CHECK(cases, convert, target) check(cases, COUNT_OF(cases), convert, target)

static void affinity_is_applied_as_sqlite_stores(void **state)
{
    const struct conversion text[] = {
        {value_int(12), TEXT("12")},   {value_real(1.0), TEXT("1.0")},
        {value_null(), value_null()},  {BYTES("ab"), BYTES("ab")},
        {value_bool(true), TEXT("1")}, {value_date(0), TEXT("1970-01-01T00:00:00.000Z")},
    };
    const struct conversion numeric[] = {
        {TEXT("12"), value_int(12)},
        {TEXT(" 12 "), value_int(12)},
        {TEXT("1e3"), value_int(1000)},
        {TEXT("1.5"), value_real(1.5)},
        {TEXT("12abc"), TEXT("12abc")},
        {TEXT(""), TEXT("")},
        {value_real(3.0), value_int(3)},
        {value_real(-0.0), value_int(0)},
        {TEXT("9223372036854775807"), value_int(INT64_MAX)},
        {TEXT("9223372036854775808"), value_real(0x1p63)},
        {BYTES("12"), BYTES("12")},
        {value_bool(true), value_bool(true)},
        {value_date(7), value_date(7)},
        {value_real(1e300), value_real(1e300)},
        {value_real(-0x1p63), value_real(-0x1p63)},
    };
    const struct conversion integer[] = {{TEXT("12.0"), value_int(12)},
                                         {value_bool(true), value_int(1)},
                                         {value_real(1.5), value_real(1.5)}};
    const struct conversion real[] = {{TEXT("12"), value_real(12.0)},
                                      {value_int(3), value_real(3.0)},
                                      {value_bool(true), value_real(1.0)},
                                      {TEXT("x"), TEXT("x")}};
    const struct conversion none[] = {{TEXT("12"), TEXT("12")},
                                      {value_real(3.0), value_real(3.0)},
                                      {value_bool(true), value_bool(true)}};

    (void)state;
    CHECK(text, apply, AFFINITY_TEXT);
    CHECK(numeric, apply, AFFINITY_NUMERIC);
    CHECK(integer, apply, AFFINITY_INTEGER);
    CHECK(real, apply, AFFINITY_REAL);
    CHECK(none, apply, AFFINITY_NONE);
}

static void cast_takes_the_longest_prefix(void **state)
{
    const struct conversion integer[] = {
        {TEXT("12abc"), value_int(12)},
        {TEXT("1e3"), value_int(1)},
        {TEXT("12.9"), value_int(12)},
        {TEXT(""), value_int(0)},
        {TEXT(" -7 x"), value_int(-7)},
        {TEXT("99999999999999999999"), value_int(INT64_MAX)},
        {TEXT("-99999999999999999999"), value_int(INT64_MIN)},
        {value_real(1e300), value_int(INT64_MAX)},
        {value_real(-1e300), value_int(INT64_MIN)},
        {value_real(-1.9), value_int(-1)},
        {BYTES("15"), value_int(15)},
        {value_null(), value_null()},
        {value_bool(true), value_int(1)},
        {value_date(9), value_int(9)},
    };
    const struct conversion real[] = {{TEXT("1.5x"), value_real(1.5)},
                                      {TEXT("x"), value_real(0.0)},
                                      {value_int(2), value_real(2.0)},
                                      {TEXT("1e3"), value_real(1000.0)}};
    const struct conversion numeric[] = {
        {TEXT("1e3"), value_int(1000)},
        {TEXT("3e15"), value_real(3e15)},
        {TEXT("2e15"), value_int(2000000000000000)},
        {TEXT("12abc"), value_int(12)},
        {TEXT("12.5abc"), value_real(12.5)},
        {TEXT("abc"), value_int(0)},
        {value_real(3.0), value_real(3.0)},
        {BYTES("7"), value_int(7)},
    };
    const struct conversion text[] = {
        {value_int(5), TEXT("5")}, {BYTES("ab"), TEXT("ab")}, {value_real(1e20), TEXT("1.0e+20")}};
    struct arena arena = {0};

    (void)state;
    CHECK(integer, cast, AFFINITY_INTEGER);
    CHECK(real, cast, AFFINITY_REAL);
    CHECK(numeric, cast, AFFINITY_NUMERIC);
    CHECK(text, cast, AFFINITY_TEXT);
    assert_true(value_identical(value_cast(value_int(5), AFFINITY_NONE, true, &arena), BYTES("5")));
    assert_true(
        value_identical(value_cast(value_null(), AFFINITY_NONE, true, &arena), value_null()));
    arena_deinit(&arena);
}

static void arithmetic_takes_a_prefix_and_keeps_its_kind(void **state)
{
    const struct conversion cases[] = {
        {TEXT("12abc"), value_int(12)},   {TEXT("12.5abc"), value_real(12.5)},
        {TEXT("abc"), value_int(0)},      {TEXT("1e2"), value_real(100.0)},
        {value_null(), value_null()},     {value_absent(), value_null()},
        {value_bool(true), value_int(1)}, {value_date(5), value_int(5)},
        {BYTES("3"), value_int(3)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_true(value_identical(value_to_number(cases[i].from), cases[i].to));
}

static void truth_is_a_number_that_is_not_zero(void **state)
{
    (void)state;
    assert_int_equal(value_truth(value_null()), -1);
    assert_int_equal(value_truth(value_absent()), -1);
    assert_int_equal(value_truth(value_int(0)), 0);
    assert_int_equal(value_truth(value_real(0.5)), 1);
    assert_int_equal(value_truth(value_real(-0.0)), 0);
    assert_int_equal(value_truth(value_bool(true)), 1);
    assert_int_equal(value_truth(TEXT("abc")), 0);
    assert_int_equal(value_truth(TEXT("1x")), 1);
    assert_int_equal(value_truth(TEXT("0.0")), 0);
}

static void a_short_arena_gives_null_and_says_so(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 8);
    assert_int_equal(value_to_text(value_int(5), &arena).kind, VALUE_NULL);
    assert_true(arena.failed);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_types_give_sqlites_affinities),
        cmocka_unit_test(affinity_is_applied_as_sqlite_stores),
        cmocka_unit_test(cast_takes_the_longest_prefix),
        cmocka_unit_test(arithmetic_takes_a_prefix_and_keeps_its_kind),
        cmocka_unit_test(truth_is_a_number_that_is_not_zero),
        cmocka_unit_test(a_short_arena_gives_null_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
