/*
 * What query strings mean, as the text of their IR. The section of the REST specification is named
 * where a case comes from one.
 */
#include "test/unit/parser/url/fixture.h"

/* "form: the IR on one line", without the source, which is always the same. */
static void show(struct buf *out, const struct ir_statement *statement)
{
    static const char *const forms[] = {[IR_ROW_COLUMNS] = "columns: ",
                                        [IR_ROW_OBJECT] = "object: ",
                                        [IR_ROW_ARRAY] = "array: ",
                                        [IR_ROW_SCALAR] = "scalar: "};
    static const char source[] = " FROM EXPORTED Item";
    struct buf text = {0};
    const char *found;

    ir_print(&text, statement);
    while (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '\n')
            text.data[i] = ' ';
    buf_append_text(out, forms[statement->row_form]);
    found = strstr(buf_cstr(&text), source);
    if (found == NULL) {
        buf_append_slice(out, buf_slice(&text));
    } else {
        buf_append(out, text.data, (size_t)(found - text.data));
        buf_append_text(out, found + sizeof source - 1);
    }
    buf_free(&text);
}

struct reading {
    const char *query, *expected;
};

enum request { SEARCH, REMOVE, BELOW, GET };

static enum status parse(const char *query, enum request request, struct arena *arena,
                         struct ir_statement **out, struct error *err)
{
    struct slice table = slice_text("Item"), raw = slice_text(query);
    struct url_slots *slots;

    switch (request) {
    case SEARCH:
    case REMOVE:
        break;
    case BELOW:
        return url_parse_below_slots(table, raw, false, &fixture_schema, arena, out, &slots, err);
    case GET:
        return url_parse_get(table, raw, &fixture_schema, arena, out, err);
    }
    return url_parse_search(table, raw, request == REMOVE, &fixture_schema, arena, out, err);
}

static void check(const struct reading *cases, size_t count, enum request request)
{
    for (size_t i = 0; i < count; i++) {
        struct arena arena = {0};
        struct buf out = {0};
        struct error err = {0};
        struct ir_statement *statement;
        enum status st = parse(cases[i].query, request, &arena, &statement, &err);

        if (st != ST_OK)
            print_error("%s: %s\n", cases[i].query, error_message(&err));
        assert_int_equal(st, ST_OK);
        show(&out, statement);
        if (strcmp(buf_cstr(&out), cases[i].expected) != 0)
            print_error("%s\n", cases[i].query);
        assert_string_equal(buf_cstr(&out), cases[i].expected);
        buf_free(&out);
        arena_deinit(&arena);
    }
}

static void queries_mean_what_the_specification_says(void **state)
{
    static const struct reading cases[] = {
        {"name=Pen&inStock=true",
         "scalar: SELECT RECORD() WHERE (name = {'Pen'}) AND (inStock = {TRUE})"},
        {"price=gt=10&price=le=20",
         "scalar: SELECT RECORD() WHERE (price > {10.0}) AND (price <= {20.0})"},
        {"price=gt=10&=le=20",
         "scalar: SELECT RECORD() WHERE (price > {10.0}) AND (price <= {20.0})"},
        {"price>10&price<=20",
         "scalar: SELECT RECORD() WHERE (price > {10.0}) AND (price <= {20.0})"},
        {"rating==5|inStock==false&limit(10)",
         "scalar: SELECT RECORD() WHERE (rating = {5}) OR (inStock = {FALSE}) LIMIT {10}"},
        {"rating=5&[tags=a|tags=b]", "scalar: SELECT RECORD() WHERE (rating = {5}) AND ((ANY tags "
                                     "= {'a'}) OR (ANY tags = {'b'}))"},
        {"brand.name==Ac*&select(name,brand{name})",
         "object: SELECT name AS name, NESTED brand{name AS name} AS brand WHERE brand.name STARTS "
         "WITH {'Ac'}"},
        {"sort(-price,+name)&limit(20,40)&select([id,price])",
         "array: SELECT id AS id, price AS price ORDER BY price DESC, name, KEY() LIMIT {20} "
         "OFFSET {20}"},
        {"name==null", "scalar: SELECT RECORD() WHERE name IS STORED NULL"},
        {"name!=null", "scalar: SELECT RECORD() WHERE name IS NOT NULL"},
        {"listDate=ge=2024-01-01T00%3A00%3A00Z",
         "scalar: SELECT RECORD() WHERE listDate >= {date'2024-01-01T00:00:00.000Z'}"},
        {"misc==string:5", "scalar: SELECT RECORD() WHERE ANY misc = {'5'}"},
        {"price=gt=10&lt=20",
         "scalar: SELECT RECORD() WHERE (price > {10.0}) AND (price < {20.0})"},
        {"price=lt=20&gt=10",
         "scalar: SELECT RECORD() WHERE (price < {20.0}) AND (price > {10.0})"},
        {"name=a+b", "scalar: SELECT RECORD() WHERE name = {'a b'}"},
        {"name=a+b&rating==1", "scalar: SELECT RECORD() WHERE (name = {'a+b'}) AND (rating = {1})"},
        {"name=a%20b%2B%26&name=c",
         "scalar: SELECT RECORD() WHERE (name = {'a b+&'}) AND (name = {'c'})"},
        {"name=100%&rating=5",
         "scalar: SELECT RECORD() WHERE (name = {'100%'}) AND (rating = {5})"},
        {"name=%ff%41", "scalar: SELECT RECORD() WHERE name = {'\xef"
                        "\xbf"
                        "\xbd"
                        "A'}"},
        {"price=1.5", "scalar: SELECT RECORD() WHERE price = {1.5}"},
        {"price=1e3", "scalar: SELECT RECORD() WHERE price = {1000.0}"},
        {"price==-2.50", "scalar: SELECT RECORD() WHERE price = {-2.5}"},
        {"name=", "scalar: SELECT RECORD() WHERE name = {''}"},
        {"name==", "scalar: SELECT RECORD() WHERE name = {''}"},
        {"misc==", "scalar: SELECT RECORD() WHERE ANY misc = {''}"},
        {"tags==", "scalar: SELECT RECORD() WHERE ANY tags = {''}"},
        {"name===null", "scalar: SELECT RECORD() WHERE name = {'null'}"},
        {"name!==null", "scalar: SELECT RECORD() WHERE name IS NOT {'null'}"},
        {"rating=null", "scalar: SELECT RECORD() WHERE rating IS STORED NULL"},
        {"rating!=null", "scalar: SELECT RECORD() WHERE rating IS NOT NULL"},
        {"price=null", "scalar: SELECT RECORD() WHERE price IS STORED NULL"},
        {"tags=null", "scalar: SELECT RECORD() WHERE ANY tags = {'null'}"},
        {"misc=gt=null", "scalar: SELECT RECORD() WHERE misc IS NOT NULL"},
        {"misc=lt=null", "scalar: SELECT RECORD() WHERE ANY misc = NULL"},
        {"misc=ct=null", "scalar: SELECT RECORD() WHERE ANY misc = NULL"},
        {"misc=NaN", "scalar: SELECT RECORD() WHERE ANY misc = NULL"},
        {"misc!=NaN", "scalar: SELECT RECORD() WHERE 1"},
        {"misc=12", "scalar: SELECT RECORD() WHERE ANY misc = {12}"},
        {"misc=007", "scalar: SELECT RECORD() WHERE ANY misc = {'007'}"},
        {"misc=1.50", "scalar: SELECT RECORD() WHERE ANY misc = {1.5}"},
        {"misc=-0.5", "scalar: SELECT RECORD() WHERE ANY misc = {-0.5}"},
        {"misc=1.", "scalar: SELECT RECORD() WHERE ANY misc = {'1.'}"},
        {"misc=1e5", "scalar: SELECT RECORD() WHERE ANY misc = {'1e5'}"},
        {"misc=TRUE", "scalar: SELECT RECORD() WHERE ANY misc = {TRUE}"},
        {"misc=True", "scalar: SELECT RECORD() WHERE ANY misc = {'True'}"},
        {"misc=undefined", "scalar: SELECT RECORD() WHERE misc IS STORED NULL"},
        {"misc=2024-01-31",
         "scalar: SELECT RECORD() WHERE ANY misc = {date'2024-01-31T00:00:00.000Z'}"},
        {"misc=2024-01-31T10:00:00Z",
         "scalar: SELECT RECORD() WHERE ANY misc = {date'2024-01-31T10:00:00.000Z'}"},
        {"misc==2024-01-31T10%3A00%3A00Z",
         "scalar: SELECT RECORD() WHERE ANY misc = {date'2024-01-31T10:00:00.000Z'}"},
        {"misc=12345678901234567890",
         "scalar: SELECT RECORD() WHERE ANY misc = {1.23456789012346e+19}"},
        {"misc==number:$a", "scalar: SELECT RECORD() WHERE ANY misc = {10}"},
        {"misc==number:1e3", "scalar: SELECT RECORD() WHERE ANY misc = {1000.0}"},
        {"misc==boolean:false", "scalar: SELECT RECORD() WHERE ANY misc = {FALSE}"},
        {"misc==date:5",
         "scalar: SELECT RECORD() WHERE ANY misc = {date'1970-01-01T00:00:00.005Z'}"},
        {"misc==date:2024-01-31",
         "scalar: SELECT RECORD() WHERE ANY misc = {date'2024-01-31T00:00:00.000Z'}"},
        {"rating==$zz", "scalar: SELECT RECORD() WHERE rating = {1295}"},
        {"rating==number:5", "scalar: SELECT RECORD() WHERE rating = {5}"},
        {"listDate==5",
         "scalar: SELECT RECORD() WHERE listDate = {date'1970-01-01T00:00:00.005Z'}"},
        {"listDate==number:5",
         "scalar: SELECT RECORD() WHERE listDate = {date'1970-01-01T00:00:00.005Z'}"},
        {"rating==date:7", "scalar: SELECT RECORD() WHERE rating = {7}"},
        {"price==string:5", "scalar: SELECT RECORD() WHERE price = {5.0}"},
        {"name==number:5", "scalar: SELECT RECORD() WHERE name = {'5'}"},
        {"name==string:null", "scalar: SELECT RECORD() WHERE name = {'null'}"},
        {"inStock==TRUE", "scalar: SELECT RECORD() WHERE inStock = {TRUE}"},
        {"inStock==zz", "scalar: SELECT RECORD() WHERE inStock = {'zz'}"},
        {"big==12345678901234567890",
         "scalar: SELECT RECORD() WHERE big = {'12345678901234567890'}"},
        {"big==00012345678901234567890",
         "scalar: SELECT RECORD() WHERE big = {'12345678901234567890'}"},
        {"big==-5", "scalar: SELECT RECORD() WHERE big = {-5}"},
        {"data==abc", "scalar: SELECT RECORD() WHERE data = {'abc'}"},
        {"name==Pe*", "scalar: SELECT RECORD() WHERE name STARTS WITH {'Pe'}"},
        {"name==P*e*", "scalar: SELECT RECORD() WHERE name STARTS WITH {'P*e'}"},
        {"name==*", "scalar: SELECT RECORD() WHERE name STARTS WITH {''}"},
        {"name==%2A", "scalar: SELECT RECORD() WHERE name = {'*'}"},
        {"name=Pe*", "scalar: SELECT RECORD() WHERE name = {'Pe*'}"},
        {"price==1*", "scalar: SELECT RECORD() WHERE price STARTS WITH {'1'}"},
        {"name=sw=Pe", "scalar: SELECT RECORD() WHERE name STARTS WITH {'Pe'}"},
        {"name=ew=en", "scalar: SELECT RECORD() WHERE name ENDS WITH {'en'}"},
        {"name=ct=e", "scalar: SELECT RECORD() WHERE name CONTAINS {'e'}"},
        {"price=ct=1.0", "scalar: SELECT RECORD() WHERE price CONTAINS {'1.0'}"},
        {"tags=ct=x", "scalar: SELECT RECORD() WHERE ANY tags CONTAINS {'x'}"},
        {"name=eq=a", "scalar: SELECT RECORD() WHERE name = {'a'}"},
        {"name=ne=a", "scalar: SELECT RECORD() WHERE name IS NOT {'a'}"},
        {"tags!=a", "scalar: SELECT RECORD() WHERE ANY tags IS NOT {'a'}"},
        {"misc=gt=1&=lt=5", "scalar: SELECT RECORD() WHERE (ANY misc > {1}) AND (ANY misc < {5})"},
        {"tags=ge=a&=le=c",
         "scalar: SELECT RECORD() WHERE (ANY tags >= {'a'}) AND (ANY tags <= {'c'})"},
        {"rating=in=(1,2,null)", "scalar: SELECT RECORD() WHERE (rating = {1}) OR (rating = {2}) "
                                 "OR (rating IS STORED NULL)"},
        {"id=not_in=(1,2)", "scalar: SELECT RECORD() WHERE ((id = {1}) OR (id = {2})) IS NOT TRUE"},
        {"name=between=(a,b)", "scalar: SELECT RECORD() WHERE (name >= {'a'}) AND (name <= {'b'})"},
        {"misc=between=(1,5)",
         "scalar: SELECT RECORD() WHERE (ANY misc >= {1}) AND (ANY misc <= {5})"},
        {"name=not_between=(a,b)",
         "scalar: SELECT RECORD() WHERE ((name >= {'a'}) AND (name <= {'b'})) IS NOT TRUE"},
        {"name=not_starts_with=a",
         "scalar: SELECT RECORD() WHERE (name STARTS WITH {'a'}) IS NOT TRUE"},
        {"name=starts_with=a", "scalar: SELECT RECORD() WHERE name STARTS WITH {'a'}"},
        {"name=equals=a", "scalar: SELECT RECORD() WHERE name = {'a'}"},
        {"name=not_equals=a", "scalar: SELECT RECORD() WHERE name IS NOT {'a'}"},
        {"name=less_than_equal=a", "scalar: SELECT RECORD() WHERE name <= {'a'}"},
        {"tags[]=a&tags[]=b",
         "scalar: SELECT RECORD() WHERE (ANY tags = {'a'}) AND (ANY tags = {'b'})"},
        {"tags[]==a", "scalar: SELECT RECORD() WHERE ANY tags = {'a'}"},
        {"name=f(x)&name=a<b>!,c",
         "scalar: SELECT RECORD() WHERE (name = {'f(x)'}) AND (name = {'a<b>!,c'})"},
        {"[name=f(x)]", "scalar: SELECT RECORD() WHERE name = {'f(x)'}"},
        {"(rating==1&(name==a|name==b))",
         "scalar: SELECT RECORD() WHERE (rating = {1}) AND ((name = {'a'}) OR (name = {'b'}))"},
        {"((rating==1))", "scalar: SELECT RECORD() WHERE rating = {1}"},
        {"(rating==1&name==a)&price=1",
         "scalar: SELECT RECORD() WHERE (rating = {1}) AND (name = {'a'}) AND (price = {1.0})"},
        {"limit(5)&rating==1", "scalar: SELECT RECORD() WHERE rating = {1} LIMIT {5}"},
        {"rating==1&limit(5)&name==a",
         "scalar: SELECT RECORD() WHERE (rating = {1}) AND (name = {'a'}) LIMIT {5}"},
        {"rating==1|limit(5)|name==a",
         "scalar: SELECT RECORD() WHERE (rating = {1}) OR (name = {'a'}) LIMIT {5}"},
        {"limit(0)", "scalar: SELECT RECORD() LIMIT {0}"},
        {"limit(40,20)", "scalar: SELECT RECORD() LIMIT {0} OFFSET {40}"},
        {"limit(5)&limit(6)", "scalar: SELECT RECORD() LIMIT {6}"},
        {"sort(price)", "scalar: SELECT RECORD() ORDER BY price, KEY()"},
        {"sort(id)", "scalar: SELECT RECORD() ORDER BY id"},
        {"sort(-id,price)", "scalar: SELECT RECORD() ORDER BY id DESC, price"},
        {"sort(brand.name)&rating==1",
         "scalar: SELECT RECORD() WHERE rating = {1} ORDER BY brand.name, KEY()"},
        {"select(name)", "scalar: SELECT name AS name"},
        {"select(name,id,name)", "object: SELECT name AS name, id AS id"},
        {"select([id,id])", "array: SELECT id AS id, id AS id"},
        {"select(brand{id,name,id})",
         "object: SELECT NESTED brand{id AS id, name AS name} AS brand"},
        {"select(name,)", "object: SELECT name AS name"},
        {"select(*)", "scalar: SELECT RECORD()"},
        {"select([*])", "array: SELECT *"},
        {"select()", "scalar: SELECT OBJECT {}"},
        {"select(name)&select(id)", "scalar: SELECT id AS id"},
        {"select(brand)", "scalar: SELECT NESTED brand AS brand"},
        {"select(brand{name})", "object: SELECT NESTED brand{name AS name} AS brand"},
        {"select(brand{name,country{code,$id}})",
         "object: SELECT NESTED brand{name AS name, NESTED country{code AS code, KEY() AS \"$id\"} "
         "AS country} AS brand"},
        {"select(*,$id,$updatedtime,$updatedTime,$expiresAt,$record,nope,size{w,*})",
         "object: SELECT *, KEY() AS \"$id\", VERSION() AS \"$updatedtime\", VERSION() AS "
         "\"$updatedTime\", EXPIRES() AS \"$expiresAt\", RECORD() AS \"$record\", RECORD().nope AS "
         "nope, NESTED size{w AS w, *} AS size"},
        {"select($id)", "scalar: SELECT KEY() AS \"$id\""},
        {"select(a%20b,x%2Cy)", "object: SELECT \"a b\" AS \"a b\", RECORD().\"x,y\" AS \"x,y\""},
        {"brand.country.code==x", "scalar: SELECT RECORD() WHERE brand.country.code = {'x'}"},
        {"size.w==1.5", "scalar: SELECT RECORD() WHERE size.w = {1.5}"},
        {"a%20b=x", "scalar: SELECT RECORD() WHERE \"a b\" = {'x'}"},
        {"rating=1&", "scalar: SELECT RECORD() WHERE rating = {1}"},
        {"rating==1&", "scalar: SELECT RECORD() WHERE rating = {1}"},
    };

    (void)state;
    check(cases, COUNT_OF(cases), SEARCH);
}

static void deletes_take_conditions_order_and_limit(void **state)
{
    static const struct reading cases[] = {
        {"", "columns: DELETE EXPORTED Item"},
        {"rating=5", "columns: DELETE EXPORTED Item   WHERE rating = {5}"},
        {"price=gt=10&sort(price)&limit(5)", "columns: DELETE EXPORTED Item   WHERE price > {10.0} "
                                             "  ORDER BY price, KEY()   LIMIT {5}"},
        {"limit(1,3)&select(name)", "columns: DELETE EXPORTED Item   LIMIT {2}   OFFSET {1}"},
    };

    (void)state;
    check(cases, COUNT_OF(cases), REMOVE);
}

static void a_single_record_is_found_by_its_key_and_only_selects(void **state)
{
    static const struct reading cases[] = {
        {"", "scalar: SELECT RECORD() WHERE KEY() = ?1"},
        {"name=Pen&limit(3)&sort(price)&select(id,brand{name})",
         "object: SELECT id AS id, NESTED brand{name AS name} AS brand WHERE KEY() = ?1"},
    };

    (void)state;
    check(cases, COUNT_OF(cases), GET);
}

static void a_search_below_a_key_keeps_its_query(void **state)
{
    static const struct reading cases[] = {
        {"", "scalar: SELECT RECORD() WHERE KEY() STARTS WITH ?1"},
        {"rating==1|rating==2&limit(5)",
         "scalar: SELECT RECORD() WHERE (KEY() STARTS WITH ?1) AND ((rating = {1}) OR (rating = "
         "{2})) LIMIT {5}"},
        {"rating=1&select(id,)",
         "object: SELECT id AS id WHERE (KEY() STARTS WITH ?1) AND (rating = {1})"},
    };

    (void)state;
    check(cases, COUNT_OF(cases), BELOW);
}

static const struct ir_expr *where_of(const char *query, const struct url_schema *schema,
                                      struct arena *arena)
{
    struct ir_statement *statement;

    assert_int_equal(url_parse_search(slice_text("Item"), slice_text(query), false, schema, arena,
                                      &statement, NULL),
                     ST_OK);
    return statement->as.query->blocks[0]->where;
}

static void one_element_of_an_array_satisfies_both_halves_of_a_range(void **state)
{
    static const struct {
        const char *query;
        bool any_element;
    } cases[] = {
        {"tags=gt=a&=lt=c", true},      {"misc=between=(1,2)", true}, {"price=gt=1&=lt=2", false},
        {"tags=gt=a&tags=lt=c", false}, {"tags==null", true},
    };
    struct arena arena = {0};
    const struct ir_expr *both;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(where_of(cases[i].query, &fixture_schema, &arena)->any_element,
                         cases[i].any_element);
    /* A range stays one operand of the AND around it. */
    both = where_of("tags=gt=a&=lt=c&rating==1", &fixture_schema, &arena);
    assert_int_equal(both->as.list.count, 2);
    assert_true(both->as.list.operands[0]->any_element);
    both = where_of("price=gt=1&=lt=2&rating==1", &fixture_schema, &arena);
    assert_int_equal(both->as.list.count, 3);
    arena_deinit(&arena);
}

static void slots_are_numbered_conditions_first_then_limit_then_offset(void **state)
{
    struct arena arena = {0};
    struct ir_statement *statement;

    (void)state;
    assert_int_equal(url_parse_search(slice_text("Item"), slice_text("limit(1,5)&rating=7"), false,
                                      &fixture_schema, &arena, &statement, NULL),
                     ST_OK);
    assert_int_equal(statement->param_count, 3);
    assert_int_equal(statement->as.query->blocks[0]->where->as.binary.right->as.param.slot, 1);
    assert_int_equal(statement->as.query->limit->as.param.slot, 2);
    assert_int_equal(statement->as.query->limit->as.param.peek.as.i, 4);
    assert_int_equal(statement->as.query->offset->as.param.slot, 3);
    arena_deinit(&arena);
}

static void without_a_schema_every_name_is_an_attribute_of_any_type(void **state)
{
    struct arena arena = {0};
    struct buf out = {0};

    (void)state;
    ir_print_expr(&out, where_of("nope=5&x.y==a&lt=2", NULL, &arena));
    assert_string_equal(buf_cstr(&out),
                        "(ANY nope = {5}) AND (ANY x.y = {'a'}) AND (ANY lt = {2})");
    buf_free(&out);
    arena_deinit(&arena);
}

static void values_of_json_convert_where_nothing_is_lost(void **state)
{
    static const struct {
        struct value given;
        int type;
        enum status status;
        struct value expected;
    } cases[] = {
        {{.kind = VALUE_INT, .as.i = 5}, URL_TYPE_FLOAT, ST_OK, {.kind = VALUE_REAL, .as.d = 5}},
        {{.kind = VALUE_REAL, .as.d = 5}, URL_TYPE_INT, ST_OK, {.kind = VALUE_INT, .as.i = 5}},
        {{.kind = VALUE_REAL, .as.d = 5.5}, URL_TYPE_INT, ST_TYPE, {0}},
        {{.kind = VALUE_INT, .as.i = 5}, URL_TYPE_DATE, ST_OK, {.kind = VALUE_DATE, .as.i = 5}},
        {{.kind = VALUE_BOOL, .as.b = true}, URL_TYPE_INT, ST_TYPE, {0}},
        {{.kind = VALUE_NULL}, URL_TYPE_INT, ST_OK, {.kind = VALUE_NULL}},
        {{.kind = VALUE_TEXT, .len = 1, .as.data = "5"},
         URL_TYPE_INT,
         ST_OK,
         {.kind = VALUE_INT, .as.i = 5}},
        {{.kind = VALUE_TEXT, .len = 1, .as.data = "5"},
         URL_TYPE_ANY,
         ST_OK,
         {.kind = VALUE_TEXT, .len = 1, .as.data = "5"}},
        {{.kind = VALUE_INT, .as.i = 5},
         URL_TYPE_STRING,
         ST_OK,
         {.kind = VALUE_TEXT, .len = 1, .as.data = "5"}},
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct value out;

        assert_int_equal(
            url_convert_value(cases[i].given, cases[i].type, slice_text("a"), &arena, &out, NULL),
            cases[i].status);
        if (cases[i].status == ST_OK)
            assert_true(value_identical(out, cases[i].expected));
    }
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_mean_what_the_specification_says),
        cmocka_unit_test(deletes_take_conditions_order_and_limit),
        cmocka_unit_test(a_single_record_is_found_by_its_key_and_only_selects),
        cmocka_unit_test(a_search_below_a_key_keeps_its_query),
        cmocka_unit_test(one_element_of_an_array_satisfies_both_halves_of_a_range),
        cmocka_unit_test(slots_are_numbered_conditions_first_then_limit_then_offset),
        cmocka_unit_test(without_a_schema_every_name_is_an_attribute_of_any_type),
        cmocka_unit_test(values_of_json_convert_where_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
