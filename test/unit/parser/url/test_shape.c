/*
 * Requests of one shape share a statement, and nothing else does.
 */
#include "test/unit/parser/url/fixture.h"

/* The values that parsing found are those that were bound. */
static void check_peek(void *context, struct ir_expr **slot)
{
    const struct value *values = context;

    if (*slot == NULL)
        return;
    if ((*slot)->kind == IR_PARAM && (*slot)->as.param.is_lifted)
        assert_true(value_identical((*slot)->as.param.peek, values[(*slot)->as.param.slot - 1]));
    ir_expr_children(*slot, check_peek, context);
}

static void check_peeks(struct ir_statement *statement, struct value *values)
{
    ir_query_exprs(statement->as.query, check_peek, values);
}

/* Parse `first`, then serve `second` from it. The values must be those of parsing `second`. */
static enum status serve(const char *first, const char *second)
{
    struct arena arena = {0};
    struct url_shape one = {0}, two = {0};
    struct ir_statement *statement, *expected;
    struct url_slots *slots, *expected_slots;
    struct value values[URL_SHAPE_LITERALS_MAX + 1];
    enum status st;

    assert_int_equal(url_parse_search_slots(slice_text("Item"), slice_text(first), false,
                                            &fixture_schema, &arena, &statement, &slots, NULL),
                     ST_OK);
    assert_int_equal(url_shape_read(slice_text(first), &one), ST_OK);
    st = url_shape_read(slice_text(second), &two);
    if (st == ST_OK && !slice_equal(buf_slice(&one.key), buf_slice(&two.key)))
        st = ST_DONE;
    if (st == ST_OK)
        st = url_slots_bind(slots, &two, &arena, values);
    if (st == ST_OK) {
        assert_int_equal(url_parse_search_slots(slice_text("Item"), slice_text(second), false,
                                                &fixture_schema, &arena, &expected, &expected_slots,
                                                NULL),
                         ST_OK);
        assert_int_equal(url_slots_count(slots), url_slots_count(expected_slots));
        assert_int_equal(statement->param_count, url_slots_count(slots));
        check_peeks(expected, values);
    }
    url_shape_deinit(&one);
    url_shape_deinit(&two);
    arena_deinit(&arena);
    return st;
}

static void requests_that_differ_in_values_share_a_statement(void **state)
{
    static const char *const pairs[][2] = {
        {"name=Pen", "name=Ink"},
        {"name=Pen", "name=Ball+Pen"},
        {"name=Pen", "name=%zz"},
        {"name=Pen&price=gt=10&limit(10)", "name=Ink&price=gt=25.5&limit(20)"},
        {"price=gt=10&=lt=20", "price=gt=1&=lt=2"},
        {"price=gt=10&lt=20", "price=gt=1&lt=2"},
        {"limit(0,10)", "limit(30,40)"},
        {"limit(0,10)", "limit(40,30)"},
        {"limit(5)&limit(6)", "limit(7)&limit(8)"},
        {"name==Pe*", "name==In*"},
        {"name==null&rating=5", "name==null&rating=6"},
        {"name=null&rating=5", "name=null&rating=6"},
        {"misc==string:a", "misc==string:b"},
        {"misc=1", "misc=25"},
        {"listDate=gt=2024-01-01", "listDate=gt=1700000000000"},
        {"id=in=(1,2,3)", "id=in=(4,5,6)"},
        {"id=between=(1,2)", "id=between=(4,5)"},
        {"[name=f(x)|name=b]", "[name=g|name=b)("},
        {"inStock=true", "inStock=FALSE"},
        {"sort(-price)&select(id,name)&rating=1", "sort(-price)&select(id,name)&rating=2"},
        {"tags[]=a", "tags[]=b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        enum status st = serve(pairs[i][0], pairs[i][1]);

        if (strstr(pairs[i][1], ")(") != NULL) {
            assert_int_equal(st, ST_NOT_FOUND); /* malformed: parsing says so */
            continue;
        }
        if (st != ST_OK)
            print_error("%s / %s: %s\n", pairs[i][0], pairs[i][1], status_name(st));
        assert_int_equal(st, ST_OK);
    }
}

static void requests_that_mean_something_else_do_not(void **state)
{
    static const struct {
        const char *first, *second;
        enum status status; /* ST_DONE: another key; ST_NOT_FOUND: found by converting */
    } cases[] = {
        {"rating=5", "rating=null", ST_DONE},
        {"rating=5", "rating=%6eull", ST_DONE},
        {"misc=abc", "misc=%6eull", ST_NOT_FOUND},
        {"misc=abc", "misc=NULL", ST_NOT_FOUND},
        {"misc=abc", "misc=undefined", ST_NOT_FOUND},
        {"misc=NULL", "misc=NaN", ST_NOT_FOUND},
        {"misc=NaN", "misc=NULL", ST_NOT_FOUND},
        {"misc=5", "misc=abc", ST_DONE},
        {"misc=5", "misc=5a", ST_NOT_FOUND},
        {"misc=true", "misc=trux", ST_DONE},
        {"misc==string:a", "misc==number:1", ST_NOT_FOUND},
        {"name==Pen", "name==Pe*", ST_DONE},
        {"name==Pe*", "name==Pen", ST_DONE},
        {"name==Pen", "name==P*n", ST_NOT_FOUND},
        {"name=Pen", "name==Pen", ST_DONE},
        {"name=Pen", "name=Pen&limit(1)", ST_DONE},
        {"name=Pen", "name=P.n", ST_DONE},
        {"rating=5", "price=5", ST_DONE},
        {"rating=5", "rating=5x", ST_NOT_FOUND},
        {"rating=5", "rating=-", ST_NOT_FOUND},
        {"rating==5", "rating==5%", ST_NOT_FOUND},
        {"name==a", "name==", ST_DONE},
        {"limit(1)", "limit(1,2)", ST_DONE},
        {"limit(1)", "limit(1x)", ST_NOT_FOUND},
        {"limit(1)&limit(2)", "limit(1x)&limit(2)", ST_NOT_FOUND},
        {"id=in=(1,2)", "id=in=(1,2,3)", ST_DONE},
        {"sort(price)", "sort(-price)", ST_DONE},
        {"select(id)", "select(id,)", ST_DONE},
        {"name=a", "name=a&", ST_DONE},
        {"name=a", "name=\x01s", ST_NOT_FOUND},
        {"name=a", "name=a?", ST_NOT_FOUND},
        {"name=a", "name", ST_NOT_FOUND},
        {"(name=a)", "(name=a", ST_DONE},
        {"(name=a)", "(name=a]", ST_NOT_FOUND},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum status st = serve(cases[i].first, cases[i].second);

        if (st != cases[i].status)
            print_error("%s / %s: %s\n", cases[i].first, cases[i].second, status_name(st));
        assert_int_equal(st, cases[i].status);
    }
}

static void bound_values_are_converted_by_the_types_of_the_first_request(void **state)
{
    struct arena arena = {0};
    struct url_shape shape = {0};
    struct ir_statement *statement;
    struct url_slots *slots;
    struct value values[8];

    (void)state;
    assert_int_equal(url_parse_search_slots(slice_text("Item"),
                                            slice_text("name=Pen&price=gt=10&rating=5&limit(2,12)"),
                                            false, &fixture_schema, &arena, &statement, &slots,
                                            NULL),
                     ST_OK);
    assert_int_equal(
        url_shape_read(slice_text("name=%41b&price=gt=7&rating=3&limit(20,25)"), &shape), ST_OK);
    assert_int_equal(url_slots_count(slots), 5);
    assert_int_equal(url_slots_bind(slots, &shape, &arena, values), ST_OK);
    assert_true(value_identical(values[0], value_text(slice_text("Ab"))));
    assert_true(value_identical(values[1], value_real(7)));
    assert_true(value_identical(values[2], value_int(3)));
    assert_true(value_identical(values[3], value_int(5)));
    assert_true(value_identical(values[4], value_int(20)));
    url_shape_deinit(&shape);
    arena_deinit(&arena);
}

static void a_single_record_request_leaves_the_key_to_its_caller(void **state)
{
    struct arena arena = {0};
    struct url_shape shape = {0};
    struct ir_statement *statement;
    struct url_slots *slots;
    struct value values[1] = {value_int(42)};

    (void)state;
    assert_int_equal(url_parse_get_slots(slice_text("Item"), slice_text("a==1&select(name)"),
                                         &fixture_schema, &arena, &statement, &slots, NULL),
                     ST_OK);
    assert_int_equal(url_slots_count(slots), 1);
    assert_int_equal(url_shape_read(slice_text("a==7&select(name)"), &shape), ST_OK);
    assert_int_equal(url_slots_bind(slots, &shape, &arena, values), ST_OK);
    assert_true(value_identical(values[0], value_int(42)));
    assert_int_equal(url_shape_read(slice_text("a==%7&select(name)"), &shape), ST_OK);
    assert_int_equal(url_slots_bind(slots, &shape, &arena, values), ST_NOT_FOUND);
    url_shape_deinit(&shape);
    arena_deinit(&arena);
}

static void queries_with_too_many_values_are_not_shared(void **state)
{
    struct url_shape shape = {0};
    struct buf text = {0};

    (void)state;
    for (int i = 0; i < URL_SHAPE_LITERALS_MAX; i++)
        buf_append_text(&text, "a=1&");
    assert_int_equal(url_shape_read(buf_slice(&text), &shape), ST_OK);
    buf_append_text(&text, "a=1");
    assert_int_equal(url_shape_read(buf_slice(&text), &shape), ST_NOT_FOUND);
    url_shape_deinit(&shape);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_that_differ_in_values_share_a_statement),
        cmocka_unit_test(requests_that_mean_something_else_do_not),
        cmocka_unit_test(bound_values_are_converted_by_the_types_of_the_first_request),
        cmocka_unit_test(a_single_record_request_leaves_the_key_to_its_caller),
        cmocka_unit_test(queries_with_too_many_values_are_not_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
