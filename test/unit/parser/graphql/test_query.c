/*
 * GraphQL query documents, as the text of their IR.
 */
#include "parser/graphql/query.h"
#include "storage/value/document.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- the tables Dog and Person ---- */

static bool has(void *context, struct slice resource)
{
    (void)context;
    return slice_is(resource, "Dog") || slice_is(resource, "Person");
}

enum { ANY = 0, LONG = 2, STRING = 6, RELATION = -2, NONE = -1 };

static int type_of(void *context, struct slice resource, const struct slice *path, size_t parts,
                   bool *is_list)
{
    static const struct {
        const char *name;
        int type;
        bool is_list;
    } attributes[] = {{"id", LONG, false},    {"age", LONG, false},       {"name", STRING, false},
                      {"tags", STRING, true}, {"owner", RELATION, false}, {"misc", ANY, false}};

    (void)context;
    (void)resource;
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        if (!slice_is(path[parts - 1], attributes[i].name))
            continue;
        *is_list = attributes[i].is_list;
        return attributes[i].type;
    }
    return NONE;
}

/* Texts of digits for Long, as the real conversion does. */
static enum status convert(void *context, int type, struct slice attribute, struct arena *arena,
                           struct value *v, struct error *err)
{
    struct value number;

    (void)context;
    (void)arena;
    if (type != LONG || v->kind != VALUE_TEXT)
        return ST_OK;
    if (number_parse(value_slice(*v), &number) != NUMBER_INT)
        return error_set(err, ST_TYPE, -1, "Invalid value for attribute %.*s", (int)attribute.len,
                         attribute.data);
    *v = number;
    return ST_OK;
}

static const struct graphql_tables tables = {.has = has, .type_of = type_of, .convert = convert};

/* ---- running ---- */

static enum status parse(const char *text, const char *operation, const char *variables,
                         struct arena *arena, struct graphql_query **out, size_t *count,
                         struct error *err)
{
    struct value v = value_absent();

    if (variables != NULL)
        assert_int_equal(json_read(slice_text(variables), arena, &v, err), ST_OK);
    return graphql_parse_query(slice_text(text), slice_text(operation), v, &tables, arena, out,
                               count, err);
}

static void show(struct buf *out, const struct graphql_query *queries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf text = {0};

        if (i > 0)
            buf_append_text(out, "; ");
        ir_print(&text, queries[i].statement);
        for (size_t k = 0; k < text.len; k++) {
            if (text.data[k] != '\n')
                buf_append_byte(out, (uint8_t)text.data[k]);
            else if (k + 1 < text.len && text.data[k + 1] != '\n')
                buf_append_byte(out, ' ');
        }
        buf_free(&text);
    }
}

static void check(const char *text, const char *operation, const char *variables,
                  const char *expected)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct error err = {0};
    struct graphql_query *queries;
    size_t count;
    enum status st = parse(text, operation, variables, &arena, &queries, &count, &err);

    if (st != ST_OK)
        print_error("%s\n%s\n", text, error_message(&err));
    assert_int_equal(st, ST_OK);
    show(&out, queries, count);
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
    arena_deinit(&arena);
}

/* ---- tests ---- */

static void fields_are_outputs_and_arguments_equalities(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{ Dog { id name owner { name } } }",
         "SELECT id AS id, name AS name, NESTED owner{name AS name} AS owner FROM EXPORTED Dog"},
        {"{ Dog(name: \"x\", age: 3) { id } }",
         "SELECT id AS id FROM EXPORTED Dog WHERE (name = {'x'}) AND (age = {3})"},
        {"{ Dog(owner: {name: \"x\"}) { id } }",
         "SELECT id AS id FROM EXPORTED Dog WHERE owner.name = {'x'}"},
        {"{ Dog(id: \"1\") { id } }", "SELECT id AS id FROM EXPORTED Dog WHERE id = {1}"},
        {"{ Dog(age: null, tags: \"a\", misc: 1.5) { id } }",
         "SELECT id AS id FROM EXPORTED Dog WHERE (age IS STORED NULL) AND (ANY tags = {'a'}) AND "
         "(ANY misc = {1.5})"},
        {"{ Dog(misc: true) { id } }", "SELECT id AS id FROM EXPORTED Dog WHERE ANY misc = {TRUE}"},
        {"{ Dog { id } Person { name } }",
         "SELECT id AS id FROM EXPORTED Dog; SELECT name AS name FROM EXPORTED Person"},
        {"{ a: Dog { b: id @include(if: false) name(x: 1) id } }",
         "SELECT id AS id, name AS name FROM EXPORTED Dog"},
        {"{ Dog { id } Dog { name } }", "SELECT name AS name FROM EXPORTED Dog"},
        {"{ Dog { __typename id } }", "SELECT id AS id FROM EXPORTED Dog"},
        {"{ Dog { __typename } }", "SELECT OBJECT {} FROM EXPORTED Dog"},
        {"{ Dog { owner nope } }",
         "SELECT NESTED owner AS owner, RECORD().nope AS nope FROM EXPORTED Dog"},
        {"query Q { Dog { id } }", "SELECT id AS id FROM EXPORTED Dog"},
        {"{ ...Top } fragment Top on Query { Dog { ...F ... on Dog { name } ... { age } } } "
         "fragment F on X { id owner { ...G } } fragment G on Y { name }",
         "SELECT id AS id, NESTED owner{name AS name} AS owner, name AS name, age AS age FROM "
         "EXPORTED Dog"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check(cases[i].text, "", NULL, cases[i].expected);
}

static void variables_are_given_defaulted_or_null(void **state)
{
    static const char query[] = "query($a: Int, $b: String! = \"d\", $c: O) "
                                "{ Dog(age: $a, name: $b, owner: $c) { id } }";

    (void)state;
    check(query, "", "{\"a\": 3, \"b\": \"x\", \"c\": {\"name\": \"n\", \"owner\": {\"age\": 4}}}",
          "SELECT id AS id FROM EXPORTED Dog WHERE (age = {3}) AND (name = {'x'}) AND (owner.name "
          "= {'n'}) AND (owner.owner.age = {4})");
    check("query($a: Int, $b: String! = \"d\") { Dog(age: $a, name: $b) { id } }", "", NULL,
          "SELECT id AS id FROM EXPORTED Dog WHERE (age IS STORED NULL) AND (name = {'d'})");
    check("query($a: Int = 7) { Dog(age: $a) { id } }", "", "{\"b\": 1}",
          "SELECT id AS id FROM EXPORTED Dog WHERE age = {7}");
    check("query($a: Int = 7) { Dog(owner: {age: $a}) { id } }", "", "{\"a\": null}",
          "SELECT id AS id FROM EXPORTED Dog WHERE owner.age IS STORED NULL");
}

static void the_named_operation_is_chosen(void **state)
{
    static const char document[] = "query A { Dog { id } } query B { Person { id } }";

    (void)state;
    check(document, "A", NULL, "SELECT id AS id FROM EXPORTED Dog");
    check(document, "B", NULL, "SELECT id AS id FROM EXPORTED Person");
    check("query A { Dog { id } } mutation M { x }", "A", NULL,
          "SELECT id AS id FROM EXPORTED Dog");
}

static void faults_say_what_and_where(void **state)
{
    static const struct {
        const char *text, *operation, *variables;
        enum status status;
        int64_t offset;
        const char *message;
    } cases[] = {
        {"{ Cat { id } }", "", NULL, ST_NO_TABLE, 2, "Resource `Cat` not found."},
        {"{ __schema { types } }", "", NULL, ST_NO_TABLE, 2, "Resource `__schema` not found."},
        {"{ Dog }", "", NULL, ST_INVALID, 2, "Resource `Dog` needs a selection of fields."},
        {"mutation { Dog { id } }", "", NULL, ST_INVALID, 0, "Mutations are not supported yet."},
        {"subscription { Dog { id } }", "", NULL, ST_INVALID, 0,
         "Subscriptions are not supported."},
        {"type T { a: Int } { Dog { id } }", "", NULL, ST_INVALID, -2,
         "Only executable definitions are allowed in a query."},
        {"query A { Dog { id } } query B { Dog { id } }", "", NULL, ST_INVALID, -1,
         "The document has several operations: `operationName` is required."},
        {"query A { Dog { id } }", "C", NULL, ST_INVALID, -1, "Operation `C` not found."},
        {"{ Dog { id } } query B { Dog { id } }", "B", NULL, ST_INVALID, 0,
         "An anonymous operation must be the only one."},
        {"", "", NULL, ST_INVALID, -1, "The document has no operation."},
        {"{ Dog { ...F } }", "", NULL, ST_INVALID, 11, "Fragment `F` not found."},
        {"{ Dog { ...F } } fragment F on X { ...G } fragment G on X { id ...F }", "", NULL,
         ST_INVALID, 66, "Fragment `F` contains itself."},
        {"{ Dog(tags: [1]) { id } }", "", NULL, ST_INVALID, 12,
         "Argument type, ListValue, is not supported."},
        {"{ Dog(tags: X) { id } }", "", NULL, ST_INVALID, 12,
         "Argument type, EnumValue, is not supported."},
        {"query($a: [Int]) { Dog(age: $a) { id } }", "", "{\"a\": [1]}", ST_INVALID, 28,
         "Argument type, ListValue, is not supported."},
        {"{ Dog(limit: 3) { id } }", "", NULL, ST_NO_COLUMN, 13,
         "limit is not a defined attribute"},
        {"{ Dog(owner: {x: 3}) { id } }", "", NULL, ST_NO_COLUMN, 17,
         "owner.x is not a defined attribute"},
        {"{ Dog(owner: 3) { id } }", "", NULL, ST_INVALID, 13,
         "must query an attribute within the target table"},
        {"{ Dog(owner: {}) { id } }", "", NULL, ST_INVALID, 13, NULL},
        {"{ Dog(age: \"x\") { id } }", "", NULL, ST_TYPE, 11, "Invalid value for attribute age"},
        {"query($a: Int!) { Dog(age: $a) { id } }", "", NULL, ST_INVALID, 7,
         "Variable $a is required, but not provided."},
        {"query($a: Int!) { Dog(age: $a) { id } }", "", "{\"a\": null}", ST_INVALID, 7,
         "Variable $a must not be null."},
        {"{ Dog(age: $a) { id } }", "", "{\"a\": 1}", ST_INVALID, 11,
         "Variable $a is not defined."},
        {"{ Dog { id }", "", NULL, ST_SYNTAX, 12,
         "line 1, column 13: unexpected end of the document"},
        {"{ Dog { } }", "", NULL, ST_SYNTAX, 8, "line 1, column 9: unexpected }"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct graphql_query *queries;
        size_t count;
        enum status st = parse(cases[i].text, cases[i].operation, cases[i].variables, &arena,
                               &queries, &count, &err);

        if (st != cases[i].status || (cases[i].offset != -2 && err.offset != cases[i].offset))
            print_error("%s\n%s at %d: %s\n", cases[i].text, status_name(st), (int)err.offset,
                        err.message);
        assert_int_equal(st, cases[i].status);
        if (cases[i].offset != -2)
            assert_int_equal(err.offset, cases[i].offset);
        if (cases[i].message != NULL)
            assert_string_equal(err.message, cases[i].message);
        arena_deinit(&arena);
    }
}

/* Each fragment names the next one twice: without a limit this would be 2^60 fields. */
static void fragments_do_not_explode(void **state)
{
    struct buf text = {0};
    struct arena arena = {0};
    struct graphql_query *queries;
    size_t count;

    (void)state;
    buf_append_text(&text, "{ Dog { ...F0 } } ");
    for (int i = 0; i < 60; i++)
        buf_printf(&text, "fragment F%d on X { ...F%d ...F%d } ", i, i + 1, i + 1);
    buf_append_text(&text, "fragment F60 on X { id }");
    assert_int_equal(parse(buf_cstr(&text), "", NULL, &arena, &queries, &count, NULL), ST_LIMIT);
    buf_clear(&text);
    buf_append_text(&text, "{ Dog { ...F0 } } ");
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "fragment F%d on X { ...F%d } ", i, i + 1);
    buf_append_text(&text, "fragment F1000 on X { id }");
    assert_int_equal(parse(buf_cstr(&text), "", NULL, &arena, &queries, &count, NULL), ST_LIMIT);
    buf_free(&text);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_outputs_and_arguments_equalities),
        cmocka_unit_test(variables_are_given_defaulted_or_null),
        cmocka_unit_test(the_named_operation_is_chosen),
        cmocka_unit_test(faults_say_what_and_where),
        cmocka_unit_test(fragments_do_not_explode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
