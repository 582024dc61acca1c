/*
 * Operations and Query objects, as the text of their IR and as sentences of refusal.
 */
#include "parser/operations/operations.h"
#include "storage/value/document.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- the tables: `dog` is defined, `dyn` made by its data ---- */

enum { ANY = 0, LONG = 2, STRING = 6, OBJECT = 11, RELATION = -2, NONE = -1 };

static int type_of(void *context, struct slice database, struct slice table,
                   const struct slice *path, size_t parts, bool *is_list)
{
    static const struct {
        const char *name;
        int type;
        bool is_list;
    } attributes[] = {{"id", LONG, false},    {"age", LONG, false},       {"name", STRING, false},
                      {"tags", STRING, true}, {"owner", RELATION, false}, {"misc", ANY, false},
                      {"size", OBJECT, false}};

    (void)context;
    (void)database;
    (void)table;
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        if (!slice_is(path[parts - 1], attributes[i].name))
            continue;
        *is_list = attributes[i].is_list;
        return attributes[i].type;
    }
    return NONE;
}

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

static bool is_dynamic(void *context, struct slice database, struct slice table)
{
    (void)context;
    (void)database;
    return slice_is(table, "dyn");
}

static const struct operation_schema schema = {
    .type_of = type_of, .convert = convert, .is_dynamic = is_dynamic};

/* ---- running ---- */

/* JSON with ' for ", so that the cases can be read. */
static enum status parse(const char *text, bool is_query, struct arena *arena,
                         struct operation **out, struct error *err)
{
    struct value document;
    char *json = arena_strdup(arena, slice_text(text));

    for (char *c = json; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    assert_int_equal(json_read(slice_text(json), arena, &document, err), ST_OK);
    return is_query ? operation_parse_query(slice_text("Dog"), document, &schema, arena, out, err)
                    : operation_parse(document, &schema, arena, out, err);
}

static void show(struct buf *out, const struct operation *operation)
{
    static const char *const kinds[] = {"search", "lookup", "delete", "write", "sql", "change"};
    static const char *const forms[] = {"columns", "object", "array", "scalar"};
    struct buf text = {0};

    buf_append_text(out, kinds[operation->kind]);
    if (operation->statement->kind == IR_QUERY)
        buf_printf(out, " %s%s", forms[operation->statement->row_form],
                   operation->fills_nulls ? "+nulls" : "");
    if (operation->keys.kind == VALUE_ARRAY) {
        buf_append_byte(out, ' ');
        json_write(out, operation->keys);
    }
    buf_append_text(out, ":");
    ir_print(&text, operation->statement);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i] == '\n' ? ' ' : text.data[i];

        if (i == 0)
            buf_append_byte(out, ' ');
        if (c != ' ' || (i + 1 < text.len && text.data[i + 1] != ' ' && text.data[i + 1] != '\n'))
            buf_append_byte(out, (uint8_t)c);
    }
    buf_free(&text);
}

struct reading {
    const char *request, *expected;
};

static void check(const struct reading *cases, size_t count, bool is_query)
{
    for (size_t i = 0; i < count; i++) {
        struct arena arena = {0};
        struct buf out = {0};
        struct error err = {0};
        struct operation *operation;
        enum status st = parse(cases[i].request, is_query, &arena, &operation, &err);

        if (st != ST_OK)
            print_error("%s\n%s: %s\n", cases[i].request, status_name(st), error_message(&err));
        assert_int_equal(st, ST_OK);
        show(&out, operation);
        if (strcmp(buf_cstr(&out), cases[i].expected) != 0)
            print_error("%s\n", cases[i].request);
        assert_string_equal(buf_cstr(&out), cases[i].expected);
        buf_free(&out);
        arena_deinit(&arena);
    }
}

/* ---- tests ---- */

#define BY "{'operation':'search_by_conditions','table':'dog',"

static void searches_by_conditions_mean_what_their_fields_say(void **state)
{
    static const struct reading cases[] = {
        {BY "'conditions':[{'attribute':'age','value':3}]}",
         "search scalar: SELECT RECORD() FROM data.dog WHERE age = {3}"},
        {BY "'conditions':[{'search_attribute':'age','search_type':'gt','search_value':'3'},"
            "{'attribute':'name','comparator':'starts_with','value':5}],'operator':'OR',"
            "'get_attributes':['id','name'],'limit':10,'offset':2}",
         "search object+nulls: SELECT id AS id, name AS name FROM data.dog WHERE (age > {3}) OR "
         "(name STARTS WITH {'5'}) LIMIT {10} OFFSET {2}"},
        {BY "'database':'d2','conditions':[{'attribute':'tags','comparator':'between',"
            "'value':['a','c']},{'operator':'or','conditions':[{'attribute':'age','value':1},"
            "{'attribute':'age','comparator':'<=','value':0}]}],"
            "'sort':{'attribute':'age','descending':true,'next':{'attribute':'name'}}}",
         "search scalar: SELECT RECORD() FROM d2.dog WHERE ((ANY tags >= {'a'}) AND (ANY tags <= "
         "{'c'})) AND ((age = {1}) OR (age <= {0})) ORDER BY age DESC, name, KEY()"},
        {BY "'conditions':[{'attribute':['owner','name'],'value':'x'}],"
            "'select':['id',{'name':'owner','select':['name','$id']},{'name':'size'},'owner',"
            "'$updatedtime','*']}",
         "search object+nulls: SELECT id AS id, NESTED owner AS owner, size AS size, VERSION() AS "
         "\"$updatedtime\", * FROM data.dog WHERE owner.name = {'x'}"},
        {BY "'conditions':[{'attribute':'id','value':1}],"
            "'select':[{'name':'owner','select':['name','$id']}]}",
         "search object+nulls: SELECT NESTED owner{name AS name, KEY() AS \"$id\"} AS owner FROM "
         "data.dog WHERE id = {1}"},
        {BY "'conditions':[{'value':3},{'attribute':null,'comparator':'ge','value':1}]}",
         "search scalar: SELECT RECORD() FROM data.dog WHERE (KEY() = {3}) AND (KEY() >= {1})"},
        {BY "'conditions':[{'attribute':'name','comparator':'ne','value':null},"
            "{'attribute':'age','comparator':'equals','value':null},"
            "{'attribute':'misc','comparator':'notEqual','value':'5'},"
            "{'attribute':'misc','comparator':'in','value':[1,null]},"
            "{'attribute':'misc','comparator':'not_contains','value':1.5},"
            "{'attribute':'age','comparator':'gtlt','value':[1,2]}]}",
         "search scalar: SELECT RECORD() FROM data.dog WHERE (name IS NOT NULL) AND (age IS STORED "
         "NULL) AND (ANY misc IS NOT {'5'}) AND ((ANY misc = {1}) OR (misc IS STORED NULL)) AND "
         "((ANY misc CONTAINS {'1.5'}) IS NOT TRUE) AND (age > {1}) AND (age < {2})"},
        {BY "'conditions':[{'attribute':'age','comparator':'sort'}],'limit':1}",
         "search scalar: SELECT RECORD() FROM data.dog ORDER BY age, KEY() LIMIT {1}"},
        {BY "'conditions':[{'attribute':'age','comparator':'gt','value':1}],'reverse':true}",
         "search scalar: SELECT RECORD() FROM data.dog WHERE age > {1} ORDER BY age DESC, KEY() "
         "DESC"},
        {"{'operation':'search_by_conditions','table':'dyn','conditions':[{'attribute':'age',"
         "'value':3}],'get_attributes':['*']}",
         "search object+nulls: SELECT * FROM data.dyn WHERE age = {3}"},
    };

    (void)state;
    check(cases, COUNT_OF(cases), false);
}

static void the_other_operations_mean_what_their_fields_say(void **state)
{
    static const struct reading cases[] = {
        {"{'operation':'search_by_hash','table':'dog','hash_values':[2,1,'x'],"
         "'get_attributes':['id','name']}",
         "lookup object+nulls [2,1,\"x\"]: SELECT id AS id, name AS name FROM data.dog WHERE KEY() "
         "= ?1"},
        {"{'operation':'search_by_id','table':7,'ids':[1],'get_attributes':['*']}",
         "lookup scalar [1]: SELECT RECORD() FROM data.\"7\" WHERE KEY() = ?1"},
        {"{'operation':'search_by_value','table':'dog','attribute':'name','value':'Pe*',"
         "'reverse':true,'limit':3}",
         "search scalar: SELECT RECORD() FROM data.dog WHERE name STARTS WITH {'Pe'} ORDER BY name "
         "DESC, KEY() DESC LIMIT {3}"},
        {"{'operation':'search_by_value','table':'dog','attribute':'name','value':'*en'}",
         "search scalar: SELECT RECORD() FROM data.dog WHERE name ENDS WITH {'en'} ORDER BY name, "
         "KEY()"},
        {"{'operation':'search_by_value','table':'dog','attribute':'name','value':'*e*'}",
         "search scalar: SELECT RECORD() FROM data.dog WHERE name CONTAINS {'e'} ORDER BY name, "
         "KEY()"},
        {"{'operation':'search_by_value','table':'dog','attribute':'name','value':'P*n'}",
         "search scalar: SELECT RECORD() FROM data.dog WHERE name = {'P*n'} ORDER BY name, KEY()"},
        {"{'operation':'search_by_value','table':'dog','attribute':'name','value':'*'}",
         "search scalar: SELECT RECORD() FROM data.dog ORDER BY KEY()"},
        {"{'operation':'search_by_value','table':'dog','attribute':'age','value':'5',"
         "'sort':{'attribute':'name'}}",
         "search scalar: SELECT RECORD() FROM data.dog WHERE age = {5} ORDER BY name, KEY()"},
        {"{'operation':'insert','schema':'d','table':'dog','records':[{'id':1,'name':'a'}]}",
         "write: INSERT DOCUMENTS d.dog SKIP EXISTING FROM {[{\"id\":1,\"name\":\"a\"}]} RETURNING "
         "KEY()"},
        {"{'operation':'update','table':'dog','records':[{'id':1}]}",
         "write: UPDATE DOCUMENTS data.dog FROM {[{\"id\":1}]} RETURNING KEY()"},
        {"{'operation':'upsert','table':'dog','records':[]}",
         "write: PATCH DOCUMENTS data.dog FROM {[]} RETURNING KEY()"},
        {"{'operation':'put','table':'dog','records':[{'id':1}],'expiresAt':5}",
         "write: PUT DOCUMENTS data.dog FROM {[{\"id\":1}]} RETURNING KEY()"},
        {"{'operation':'delete','table':'dog','hash_values':[1,[2,'x']]}",
         "delete [1,[2,\"x\"]]: DELETE data.dog WHERE KEY() = ?1 RETURNING KEY()"},
    };

    (void)state;
    check(cases, COUNT_OF(cases), false);
}

static void query_objects_mean_what_their_fields_say(void **state)
{
    static const struct reading cases[] = {
        {"{}", "search scalar: SELECT RECORD() FROM EXPORTED Dog"},
        {"{'conditions':[],'select':'name'}",
         "search scalar: SELECT name AS name FROM EXPORTED Dog"},
        {"{'conditions':{'attribute':'age','comparator':'gt','value':3},'limit':0,'offset':4,"
         "'select':['id','nope',{'name':'owner','select':['name']}],"
         "'sort':{'attribute':['owner','name']}}",
         "search object: SELECT id AS id, RECORD().nope AS nope, NESTED owner{name AS name} AS "
         "owner FROM EXPORTED Dog WHERE age > {3} ORDER BY owner.name, KEY() LIMIT {0} OFFSET {4}"},
        {"{'operator':'or','conditions':[{'attribute':'age','value':3},{'attribute':'age',"
         "'value':4}],'select':[]}",
         "search scalar: SELECT OBJECT {} FROM EXPORTED Dog WHERE (age = {3}) OR (age = {4})"},
    };

    (void)state;
    check(cases, COUNT_OF(cases), true);
}

static void refusals_use_the_promised_sentences(void **state)
{
    static const struct {
        const char *request;
        enum status status;
        const char *message;
    } cases[] = {
        {"[]", ST_INVALID, "Invalid JSON."},
        {"{}", ST_INVALID, "Request body must include an 'operation' property."},
        {"{'operation':'describe_all'}", ST_NOT_FOUND, NULL},
        {"{'operation':'search_by_conditions'}", ST_INVALID,
         "'table' is required. 'conditions' is required"},
        {"{'operation':'search_by_conditions','database':true,'table':'','conditions':[],"
         "'get_attributes':[],'limit':0,'offset':-1}",
         ST_INVALID,
         "'database' must be a string. 'table' is not allowed to be empty. 'conditions' must "
         "contain at least 1 items. 'get_attributes' must contain at least 1 items. 'limit' must "
         "be greater than or equal to 1. 'offset' must be greater than or equal to 0"},
        {"{'operation':'insert','table':'a/b','records':{}}", ST_INVALID,
         "'table' names cannot include backticks or forward slashes. 'records' must be an array"},
        {"{'operation':'insert','table':'dog'}", ST_INVALID, "'records' is required"},
        {"{'operation':'insert','table':'dog','records':[{},3]}", ST_INVALID,
         "'records[1]' must be of type object"},
        {"{'operation':'insert','table':'dog','records':[{'':1}]}", ST_INVALID,
         "Invalid attribute name: ''"},
        {"{'operation':'insert','table':'dog','records':[{'a`':1}]}", ST_INVALID,
         "Attribute names cannot include backticks or forward slashes"},
        {"{'operation':'delete','table':'dog'}", ST_INVALID, "'hash_values' is required"},
        {"{'operation':'search_by_id','table':'dog','ids':3}", ST_INTERNAL,
         "'hash_values' must be an array. 'get_attributes' is required"},
        {"{'operation':'search_by_id','table':'dog','ids':[{}],'get_attributes':[]}", ST_INTERNAL,
         "'hash_values' must be strings or numbers. 'get_attributes' must contain at least 1 item"},
        {"{'operation':'search_by_id','table':'dog','ids':[1],'get_attributes':[true]}",
         ST_INTERNAL, "'get_attributes' must be strings or numbers"},
        {"{'operation':'search_by_id','table':'dog','ids':[1],'get_attributes':['x']}", ST_INTERNAL,
         "unknown attribute 'x'"},
        {"{'operation':'search_by_value','table':'dog'}", ST_INTERNAL,
         "'attribute' is required. 'value' is required"},
        {BY "'conditions':[{'attribute':'a','value':1},{'attribute':'b','value':1},"
            "{'attribute':'a','value':1}],'get_attributes':['c']}",
         ST_INVALID, "unknown attribute 'c, a and b'"},
        {BY "'conditions':[{'attribute':'age','value':1}],'operator':'xor'}", ST_INVALID,
         "'operator' must be one of [and, or]"},
        {BY "'conditions':[{'attribute':'age','value':1}],'operator':'or'}", ST_INTERNAL,
         "An \"or\" operator requires at least two conditions"},
        {BY "'conditions':[{'attribute':'age','comparator':'like','value':1}]}", ST_INVALID,
         "Unknown query comparator \"like\""},
        {BY "'conditions':[{'attribute':'age'}]}", ST_INVALID,
         "Search condition for age must have a value"},
        {BY "'conditions':[{'attribute':'age','value':'x'}]}", ST_TYPE,
         "Invalid value for attribute age"},
        {BY "'conditions':[{'attribute':'age','comparator':'between','value':[1]}]}", ST_INVALID,
         NULL},
        {BY "'conditions':[3]}", ST_INVALID, "'conditions' items must be of type object"},
        {BY "'conditions':[{'attribute':'owner','value':1}]}", ST_INVALID,
         "Can not directly query a relational attribute, must query an attribute within the "
         "target table"},
        {BY "'conditions':[{'attribute':'age','value':1}],'sort':{}}", ST_INVALID,
         "Sort requires an attribute"},
        {BY "'conditions':[{'attribute':'age','value':1}],'sort':{'attribute':'zz'}}", ST_NO_COLUMN,
         "zz is not a defined attribute"},
        {BY "'conditions':[{'attribute':'age','value':1}],'limit':1.5}", ST_INVALID,
         "'limit' must be an integer"},
        {BY "'conditions':[{'attribute':'age','value':1}],'limit':'x'}", ST_INVALID,
         "'limit' must be a number"},
        {BY "'conditions':[{'attribute':'age','comparator':'lt','value':1,'target':[1]}]}",
         ST_UNSUPPORTED, "vector search is not supported"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct operation *operation;
        enum status st = parse(cases[i].request, false, &arena, &operation, &err);

        if (st != cases[i].status ||
            (cases[i].message != NULL && strcmp(err.message, cases[i].message) != 0))
            print_error("%s\n%s: %s\n", cases[i].request, status_name(st), err.message);
        assert_int_equal(st, cases[i].status);
        if (cases[i].message != NULL)
            assert_string_equal(err.message, cases[i].message);
        arena_deinit(&arena);
    }
}

static void query_objects_refuse_undeclared_attributes_unless_told(void **state)
{
    struct arena arena = {0};
    struct error err = {0};
    struct operation *operation;

    (void)state;
    assert_int_equal(
        parse("{'conditions':[{'attribute':'zz','value':1}]}", true, &arena, &operation, &err),
        ST_NO_COLUMN);
    assert_string_equal(err.message, "zz is not a defined attribute");
    assert_int_equal(parse("{'conditions':[{'attribute':'zz','value':1}],'explain':true,"
                           "'allowConditionsOnDynamicAttributes':true,'allowFullScan':false,"
                           "'enforceExecutionOrder':true}",
                           true, &arena, &operation, &err),
                     ST_OK);
    assert_true(operation->is_explain && operation->refuses_full_scan &&
                operation->keeps_condition_order && operation->allows_undeclared);
    assert_int_equal(parse("{'limit':-1}", true, &arena, &operation, &err), ST_INVALID);
    assert_int_equal(parse("{'operator':'or','conditions':[]}", true, &arena, &operation, &err),
                     ST_INVALID);
    assert_int_equal(parse("{'conditions':[{'operator':'and','conditions':[]}]}", true, &arena,
                           &operation, &err),
                     ST_INVALID);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searches_by_conditions_mean_what_their_fields_say),
        cmocka_unit_test(the_other_operations_mean_what_their_fields_say),
        cmocka_unit_test(query_objects_mean_what_their_fields_say),
        cmocka_unit_test(refusals_use_the_promised_sentences),
        cmocka_unit_test(query_objects_refuse_undeclared_attributes_unless_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
