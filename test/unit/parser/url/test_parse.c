/*
 * What is refused, with the words and the place.
 */
#include "test/unit/parser/url/fixture.h"

struct refusal {
    const char *query;
    enum status status;
    int64_t offset;
    const char *message; /* NULL: any */
};

static void check(const struct refusal *cases, size_t count, const struct url_schema *schema)
{
    for (size_t i = 0; i < count; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct ir_statement *statement;
        enum status st = url_parse_search(slice_text("Item"), slice_text(cases[i].query), false,
                                          schema, &arena, &statement, &err);

        if (st != cases[i].status || err.offset != cases[i].offset ||
            (cases[i].message != NULL && strcmp(err.message, cases[i].message) != 0))
            print_error("%s\n  %s at %d: %s\n", cases[i].query, status_name(st), (int)err.offset,
                        st == ST_OK ? "" : err.message);
        assert_int_equal(st, cases[i].status);
        assert_int_equal(err.offset, cases[i].offset);
        if (cases[i].message != NULL)
            assert_string_equal(err.message, cases[i].message);
        arena_deinit(&arena);
    }
}

static void malformed_queries_are_refused_at_their_place(void **state)
{
    static const char mixed[] = "Can not mix operators within a condition grouping";
    static const char chain[] = "a chained range joins one lower and one upper bound by &";
    static const struct refusal cases[] = {
        {"rating==1&name==a|name==b", ST_SYNTAX, 17, mixed},
        {"rating==1|name==a&name==b", ST_SYNTAX, 17, mixed},
        {"rating==1|name==a&limit(1)&name==b", ST_SYNTAX, 26, mixed},
        {"rating==1&limit(1)|name==b", ST_SYNTAX, 18, mixed},
        {"[rating==1&name==a|name==b]", ST_SYNTAX, 18, mixed},
        {"&rating==1", ST_SYNTAX, 0, "a query may not begin with a separator"},
        {"rating==1&&name==a", ST_SYNTAX, 10, "unexpected \"&\" in a query"},
        {"rating==1&name==a&&", ST_SYNTAX, 18, NULL},
        {"rating==1|", ST_SYNTAX, 10, "the query ends too early"},
        {"()", ST_SYNTAX, 1, "unexpected \")\" in a query"},
        {"[]", ST_SYNTAX, 1, NULL},
        {"(rating==1", ST_SYNTAX, 10, "the query ends too early"},
        {"[rating==1", ST_SYNTAX, 10, NULL},
        {"[rating==1)", ST_SYNTAX, 10, "unmatched bracket"},
        {"(rating==1]", ST_SYNTAX, 10, NULL},
        {"rating=1)", ST_SYNTAX, 8, "unmatched bracket"},
        {"name=(a", ST_SYNTAX, 5, "unmatched bracket"},
        {"name=a)(", ST_SYNTAX, 6, "unmatched bracket"},
        {"rating=1]", ST_SYNTAX, 8, "unmatched bracket"},
        {"(rating==1)x", ST_SYNTAX, 11, "unexpected \"x\" in a query"},
        {"limit(5)x", ST_SYNTAX, 8, NULL},
        {"limit(5)sort(price)", ST_SYNTAX, 8, NULL},
        {"(limit(5))", ST_SYNTAX, 1, "a function may not stand inside a group"},
        {"group-by(name)", ST_SYNTAX, 0, "unknown function"},
        {"LIMIT(5)", ST_SYNTAX, 0, "unknown function"},
        {"rating==1?name==2", ST_SYNTAX, 9, "a second ? in a query must be written as %3F"},
        {"name=a?b", ST_SYNTAX, 6, NULL},
        {"name==%4", ST_SYNTAX, 6, "malformed percent escape"},
        {"name==%zz&select(%)", ST_SYNTAX, 6, "malformed percent escape"},
        {"select(%2)", ST_SYNTAX, 7, "malformed percent escape"},
        {"name==%ff", ST_SYNTAX, 6, "a percent-encoded text is not UTF-8"},
        {"name==a=b", ST_SYNTAX, 7, "unexpected \"=\" in a query"},
        {"name==a[b", ST_SYNTAX, 7, NULL},
        {"name==a{b", ST_SYNTAX, 7, NULL},
        {"(name==a<b)", ST_SYNTAX, 8, NULL},
        {"(name==a,b)", ST_SYNTAX, 8, NULL},
        {"(name==a(b))", ST_SYNTAX, 8, NULL},
        {"rating=xx=1", ST_SYNTAX, 6, "Unknown query comparator"},
        {"rating=not_gt=1", ST_SYNTAX, 6, "Unknown query comparator"},
        {"rating=in=1", ST_SYNTAX, 10, "a list of values must be written (v1,v2)"},
        {"rating=in=(1,2", ST_SYNTAX, 14, "unexpected end of the query"},
        {"rating=between=(1)", ST_SYNTAX, 6, "between takes two values"},
        {"rating=between=(1,2,3)", ST_SYNTAX, 6, "between takes two values"},
        {"=gt=5", ST_SYNTAX, 0, "a condition needs an attribute name"},
        {"name.", ST_SYNTAX, 5, "unexpected end of the query"},
        {".name==a", ST_SYNTAX, 0, NULL},
        {"name..x==a", ST_SYNTAX, 5, NULL},
        {"name!", ST_SYNTAX, 4, NULL},
        {"name|", ST_SYNTAX, 4, NULL},
        {"price=gt=1&=gt=2", ST_SYNTAX, 11, chain},
        {"price=gt=1|=lt=2", ST_SYNTAX, 11, chain},
        {"price=gt=1&=lt=2&=lt=3", ST_SYNTAX, 17, chain},
        {"price==1&=lt=2", ST_SYNTAX, 9, chain},
        {"price=gt=1&limit(1)&=lt=2", ST_SYNTAX, 20, chain},
        {"price=gt=1&=ne=2", ST_SYNTAX, 11, "a condition needs an attribute name"},
        {"limit()", ST_SYNTAX, 6, "limit takes whole numbers"},
        {"limit(a)", ST_SYNTAX, 6, "limit takes whole numbers"},
        {"limit(-1)", ST_SYNTAX, 6, "limit takes whole numbers"},
        {"limit(1.5)", ST_SYNTAX, 6, "limit takes whole numbers"},
        {"limit(1,)", ST_SYNTAX, 8, "limit takes whole numbers"},
        {"limit(1,2,3)", ST_SYNTAX, 9, NULL},
        {"limit(x)&limit(1)", ST_SYNTAX, 6, "limit takes whole numbers"},
        {"limit(99999999999999999999)", ST_RANGE, 6, "a limit is too large"},
        {"sort()", ST_SYNTAX, 5, NULL},
        {"sort(-)", ST_SYNTAX, 6, "sort needs a name"},
        {"sort(price,)", ST_SYNTAX, 11, NULL},
        {"select(,)", ST_SYNTAX, 7, NULL},
        {"select(name,,price)", ST_SYNTAX, 12, NULL},
        {"select(brand.name)", ST_SYNTAX, 12, "select takes no path: write a{b} instead of a.b"},
        {"select(brand{})", ST_SYNTAX, 13, NULL},
        {"select(brand{name)", ST_SYNTAX, 17, NULL},
        {"select(brand{name,})", ST_SYNTAX, 18, NULL},
        {"select([name)", ST_SYNTAX, 12, NULL},
        {"select(name", ST_SYNTAX, 11, NULL},
        {"select(name}", ST_SYNTAX, 11, "unmatched bracket"},
        {"select(*{a})", ST_SYNTAX, 7, "* has no attributes to select"},
        {"select($distance)", ST_INVALID, 7, "$distance needs a vector search"},
        {"name", ST_SYNTAX, 0, "a condition must be written name=value"},
        {"=5", ST_SYNTAX, 0, "a condition must be written name=value"},
        {"name=a&&rating=5", ST_SYNTAX, 7, "a condition must be written name=value"},
        {"name==a\x01", ST_OK, 0, NULL},
    };

    (void)state;
    check(cases, COUNT_OF(cases), &fixture_schema);
}

static void names_are_known_and_values_fit_their_types(void **state)
{
    static const struct refusal cases[] = {
        {"nope=1", ST_NO_COLUMN, 0, "nope is not a defined attribute"},
        {"rating=1&no%20pe==1", ST_NO_COLUMN, 9, "no pe is not a defined attribute"},
        {"brand.nope==1", ST_NO_COLUMN, 0, "brand.nope is not a defined attribute"},
        {"sort(nope)", ST_NO_COLUMN, 5, "nope is not a defined attribute"},
        {"sort(-nope)", ST_NO_COLUMN, 5, "nope is not a defined attribute"},
        {"sort(rating)", ST_NO_COLUMN, 5,
         "rating is not indexed and not combined with any other conditions"},
        {"brand=1", ST_INVALID, 0, "must query an attribute within the target table"},
        {"brand.country==x", ST_INVALID, 0, "must query an attribute within the target table"},
        {"rating=abc", ST_TYPE, 7, "Invalid value for attribute rating: \"abc\", expecting Int"},
        {"rating==1.5", ST_TYPE, 8, "Invalid value for attribute rating: \"1.5\", expecting Int"},
        {"price=gt=x%20y", ST_TYPE, 9,
         "Invalid value for attribute price: \"x y\", expecting Float"},
        {"price=gt=1&=lt=x", ST_TYPE, 15,
         "Invalid value for attribute price: \"x\", expecting Float"},
        {"price=gt=1&lt=x", ST_TYPE, 14,
         "Invalid value for attribute price: \"x\", expecting Float"},
        {"brand.id==x", ST_TYPE, 10, "Invalid value for attribute brand.id: \"x\", expecting Long"},
        {"listDate==soon", ST_TYPE, 10,
         "Invalid value for attribute listDate: \"soon\", expecting Date"},
        {"listDate==2024-13-01", ST_TYPE, 10, NULL},
        {"big==1.5", ST_TYPE, 5, "Invalid value for attribute big: \"1.5\", expecting BigInt"},
        {"rating==", ST_TYPE, 8, "Invalid value for attribute rating: \"\", expecting Int"},
        {"inStock==", ST_TYPE, 9, NULL},
        {"data==", ST_TYPE, 6, NULL},
        {"rating=", ST_TYPE, 7, NULL},
        {"rating=5&price=1e", ST_TYPE, 15, NULL},
        {"misc==foo:bar", ST_SYNTAX, 6, "Unknown type conversion"},
        {"misc==number:x", ST_TYPE, 13, "\"x\" is not a number"},
        {"misc==boolean:zz", ST_TYPE, 14, "\"zz\" is not true or false"},
        {"misc==date:zz", ST_TYPE, 11, "\"zz\" is not a date"},
        {"rating==boolean:true", ST_TYPE, 16,
         "Invalid value for attribute rating: \"true\", expecting Int"},
        {"name==a*b", ST_SYNTAX, 7,
         "a * may only stand at the end of a value; write %2A for the character"},
        {"name==*b", ST_SYNTAX, 6, NULL},
        {"id==null", ST_INVALID, 4, "the primary key id is never null"},
        {"id=null", ST_INVALID, 3, "the primary key id is never null"},
    };

    (void)state;
    check(cases, COUNT_OF(cases), &fixture_schema);
}

/* A text of `depth` groups around one condition. */
static enum status parse_nested(int depth, char open, char close)
{
    struct buf text = {0};
    struct arena arena = {0};
    struct error err = {0};
    struct ir_statement *statement;
    enum status st;

    buf_append_fill(&text, (uint8_t)open, (size_t)depth);
    buf_append_text(&text, "rating==1");
    buf_append_fill(&text, (uint8_t)close, (size_t)depth);
    st = url_parse_search(slice_text("Item"), buf_slice(&text), false, &fixture_schema, &arena,
                          &statement, &err);
    arena_deinit(&arena);
    buf_free(&text);
    return st;
}

static void groups_nest_64_deep_and_no_deeper(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(64, '(', ')'), ST_OK);
    assert_int_equal(parse_nested(64, '[', ']'), ST_OK);
    assert_int_equal(parse_nested(65, '(', ')'), ST_LIMIT);
    assert_int_equal(parse_nested(65, '[', ']'), ST_LIMIT);
    assert_int_equal(parse_nested(100000, '(', ')'), ST_LIMIT);
}

static enum status parse_select_of_depth(int depth)
{
    struct buf text = {0};
    struct arena arena = {0};
    struct ir_statement *statement;
    enum status st;

    buf_append_text(&text, "select(");
    for (int i = 0; i < depth; i++)
        buf_append_text(&text, "x,a{");
    buf_append_text(&text, "a");
    buf_append_fill(&text, '}', (size_t)depth);
    buf_append_text(&text, ")");
    st = url_parse_search(slice_text("Item"), buf_slice(&text), false, NULL, &arena, &statement,
                          NULL);
    arena_deinit(&arena);
    buf_free(&text);
    return st;
}

static void selects_nest_64_deep_and_no_deeper(void **state)
{
    (void)state;
    assert_int_equal(parse_select_of_depth(64), ST_OK);
    assert_int_equal(parse_select_of_depth(65), ST_LIMIT);
}

static enum status parse_conditions(int count, const char *condition)
{
    struct buf text = {0};
    struct arena arena = {0};
    struct ir_statement *statement;
    enum status st;

    for (int i = 0; i < count; i++)
        buf_append_text(&text, condition);
    st = url_parse_search(slice_text("Item"), buf_slice(&text), false, &fixture_schema, &arena,
                          &statement, NULL);
    arena_deinit(&arena);
    buf_free(&text);
    return st;
}

static void a_query_has_1024_conditions_and_no_more(void **state)
{
    (void)state;
    assert_int_equal(parse_conditions(1024, "rating=1&"), ST_OK);
    assert_int_equal(parse_conditions(1025, "rating=1&"), ST_LIMIT);
    assert_int_equal(parse_conditions(1024, "rating==1&"), ST_OK);
    assert_int_equal(parse_conditions(1025, "rating==1&"), ST_LIMIT);
    assert_int_equal(parse_conditions(513, "rating=gt=1&=lt=2&"), ST_LIMIT);
    assert_int_equal(parse_conditions(342, "rating=in=(1,2,3)&"), ST_LIMIT);
}

static void a_single_record_request_checks_what_it_ignores(void **state)
{
    static const struct {
        const char *query;
        enum status status;
    } cases[] = {
        {"rating=abc&nope==1&sort(zz)&limit(3)&select(name)", ST_OK},
        {"", ST_OK},
        {"rating==(", ST_SYNTAX},
        {"rating==%zz", ST_SYNTAX},
        {"limit(x)", ST_SYNTAX},
        {"select(name", ST_SYNTAX},
        {"x", ST_SYNTAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct ir_statement *statement;

        assert_int_equal(url_parse_get(slice_text("Item"), slice_text(cases[i].query),
                                       &fixture_schema, &arena, &statement, NULL),
                         cases[i].status);
        arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_queries_are_refused_at_their_place),
        cmocka_unit_test(names_are_known_and_values_fit_their_types),
        cmocka_unit_test(groups_nest_64_deep_and_no_deeper),
        cmocka_unit_test(selects_nest_64_deep_and_no_deeper),
        cmocka_unit_test(a_query_has_1024_conditions_and_no_more),
        cmocka_unit_test(a_single_record_request_checks_what_it_ignores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
