/*
 * Schema files to table definitions.
 */
#include "parser/graphql/graphql.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- a text for what was understood ---- */

static void show_slice(struct buf *out, const char *label, struct slice text)
{
    if (text.len != 0) {
        buf_append_text(out, label);
        buf_append_slice(out, text);
    }
}

static void show_flag(struct buf *out, const char *label, bool flag)
{
    if (flag)
        buf_append_text(out, label);
}

static void show_column(struct buf *out, const struct ir_column_def *column)
{
    show_slice(out, "  ", column->name.text);
    show_slice(out, " ", column->type);
    show_flag(out, " list", column->is_list);
    show_flag(out, " elements-not-null", column->is_element_not_null);
    show_flag(out, " not-null", column->is_not_null);
    show_flag(out, " key", column->is_primary_key);
    show_flag(out, " indexed", column->is_indexed);
    show_flag(out, " created", column->is_created_time);
    show_flag(out, " updated", column->is_updated_time);
    show_flag(out, " expires", column->is_expires_at);
    show_flag(out, " hidden", column->is_hidden);
    show_flag(out, " virtual", column->generated == IR_GENERATED_VIRTUAL);
    show_slice(out, " from=", column->relation_from);
    show_slice(out, " to=", column->relation_to);
    show_slice(out, " as=", column->generated_text);
    show_slice(out, " // ", column->description);
    buf_append_text(out, "\n");
}

static void show_table(struct buf *out, const char *kind, const struct ir_create_table *table)
{
    buf_append_text(out, kind);
    show_slice(out, " ", table->name.text);
    show_slice(out, " type=", table->type_name);
    show_slice(out, " database=", table->database.text);
    show_flag(out, " sealed", table->is_sealed);
    show_flag(out, " hidden", table->is_hidden);
    show_flag(out, " unaudited", !table->is_audited);
    show_flag(out, " exported", table->is_exported);
    show_slice(out, "=", table->export_path);
    if (table->hidden_protocols != 0)
        buf_printf(out, " not-by=%d", table->hidden_protocols);
    if (table->expiration_s + table->eviction_s + table->scan_interval_s > 0)
        buf_printf(out, " times=%g,%g,%g", table->expiration_s, table->eviction_s,
                   table->scan_interval_s);
    show_slice(out, " // ", table->description);
    buf_append_text(out, "\n");
    for (size_t i = 0; i < table->column_count; i++)
        show_column(out, &table->columns[i]);
}

static void show(struct buf *out, const struct graphql_schema *schema)
{
    for (size_t i = 0; i < schema->table_count; i++)
        show_table(out, "table", schema->tables[i]);
    for (size_t i = 0; i < schema->type_count; i++)
        show_table(out, "type", schema->types[i]);
    for (size_t i = 0; i < schema->warning_count; i++) {
        buf_append_slice(out, schema->warnings[i]);
        buf_append_text(out, "\n");
    }
}

static void check(const char *text, const char *expected)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct error err = {0};
    struct graphql_schema schema;
    enum status st = graphql_parse_schema(slice_text(text), &arena, &schema, &err);

    if (st != ST_OK)
        print_error("%s\n%s\n", text, error_message(&err));
    assert_int_equal(st, ST_OK);
    show(&out, &schema);
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
    arena_deinit(&arena);
}

/* ---- tests ---- */

static void the_specification_s_example_reads_as_it_says(void **state)
{
    (void)state;
    check("type Item @table(database: \"shop\", expiration: 86400) @export(name: \"items\") {\n"
          "  sku: ID @primaryKey\n"
          "  title: String! @indexed\n"
          "  cents: Int @indexed\n"
          "  tags: [String] @indexed\n"
          "  size: Size\n"
          "  makerId: Long @indexed\n"
          "  maker: Maker @relationship(from: makerId)\n"
          "  gross: Float @computed(from: \"cents * 1.19\") @indexed\n"
          "  made: Date @createdTime\n"
          "  changed: Long @updatedTime\n"
          "}\n"
          "type Size @sealed { w: Float! h: Float! }\n"
          "type Maker @table(database: \"shop\") @export {\n"
          "  id: Long @primaryKey\n"
          "  name: String @indexed\n"
          "  items: [Item] @relationship(to: makerId)\n"
          "}\n",
          "table Item type=Item database=shop exported=items times=86400,0,0\n"
          "  sku ID key\n"
          "  title String not-null indexed\n"
          "  cents Int indexed\n"
          "  tags String list indexed\n"
          "  size Size\n"
          "  makerId Long indexed\n"
          "  maker Maker from=makerId\n"
          "  gross Float indexed virtual as=cents * 1.19\n"
          "  made Date created\n"
          "  changed Long updated\n"
          "table Maker type=Maker database=shop exported=Maker\n"
          "  id Long key\n"
          "  name String indexed\n"
          "  items Item list to=makerId\n"
          "type Size type=Size sealed\n"
          "  w Float not-null\n"
          "  h Float not-null\n");
}

static void field_types_have_all_their_forms(void **state)
{
    (void)state;
    check("type T @table { a: X b: X! c: [X] d: [X!] e: [X]! f: [X!]! g: [[X!]!]! }",
          "table T type=T\n"
          "  a X\n"
          "  b X not-null\n"
          "  c X list\n"
          "  d X list elements-not-null\n"
          "  e X list not-null\n"
          "  f X list elements-not-null not-null\n"
          "  g Any list not-null\n");
}

static void directive_arguments_are_read_from_strings_numbers_booleans_and_names(void **state)
{
    (void)state;
    check("type T @table(table: tt, schema: \"\"\"other\"\"\", expiration: \"1.5\", eviction: 2, "
          "scanInterval: 3e1, audit: \"false\", replicate: false) "
          "@export(name: \"a/b\", rest: false, mqtt: true, ws: \"false\") @hidden @sealed",
          "table tt type=T database=other sealed hidden unaudited exported=a/b not-by=5 "
          "times=1.5,2,30\n");
    check("type T @table @export(name: \"\") { a: Any @relationship2 }",
          "table T type=T exported\n"
          "  a Any\n"
          "line 1, column 43: unknown directive @relationship2 is ignored\n");
}

static void names_may_be_keywords_and_commas_are_blanks(void **state)
{
    (void)state;
    check("\xef\xbb\xbftype type @table,{type:String,input:Int enum(a: Int = 3): ID on: Int,\n"
          "query: Int extend: Int true: Int null: Int fragment: Int implements: Int}# end",
          "table type type=type\n"
          "  type String\n"
          "  input Int\n"
          "  enum ID\n"
          "  on Int\n"
          "  query Int\n"
          "  extend Int\n"
          "  true Int\n"
          "  null Int\n"
          "  fragment Int\n"
          "  implements Int\n");
}

static void other_definitions_are_read_and_have_no_effect(void **state)
{
    (void)state;
    check("schema @a { query: Q mutation: M subscription: S }\n"
          "\"text\" scalar URL @specifiedBy(url: \"x\")\n"
          "interface I implements A & B @x { a: Int }\n"
          "interface J\n"
          "union U @x = | A | B\n"
          "union V = A\n"
          "union W\n"
          "enum E { A @x \"b\" B }\n"
          "input P { a: Int = 3 b: [Int!] = [1, 2] c: P = {a: 1, b: [2.5e3, null, true, X]} }\n"
          "directive @d(a: Int = 1) repeatable on | FIELD | OBJECT\n"
          "directive @e on FIELD\n"
          "extend type T { b: Int }\n"
          "extend type T implements I\n"
          "extend schema @x\n"
          "extend schema { query: R }\n"
          "extend interface I { b: Int }\n"
          "extend union U = C\n"
          "extend enum E { C }\n"
          "extend input P { d: Int }\n"
          "extend scalar URL @x\n"
          "type T implements & I & J @table { a: Int }\n"
          "query Q($a: Int! = 3 @x, $b: [P!]) @x { a: b(c: $a, d: {e: [$b]}) @y { ...F ... on T { "
          "c } "
          "... @z { d } } }\n"
          "mutation { a }\n"
          "subscription S { a }\n"
          "fragment F on T @x { a }\n",
          "table T type=T\n"
          "  a Int\n");
}

static void descriptions_are_kept(void **state)
{
    (void)state;
    check("\"\"\"\n    Things\n      we \\\"\"\"sell\\\"\"\"\n\n    here  \n  \"\"\"\n"
          "type T @table {\n  \"one \\\"\\u00e9\\uD83D\\uDE00\\n\\\" line\" a: Int\n"
          "  \"\"\"block\"\"\" b: Int\n  \"\" c: Int\n  \"\"\"\"\"\" d: Int }",
          "table T type=T // Things\n  we \"\"\"sell\"\"\"\n\nhere  \n"
          "  a Int // one \"\xc3\xa9\xf0\x9f\x98\x80\n\" line\n"
          "  b Int // block\n"
          "  c Int\n"
          "  d Int\n");
}

static void oddities_are_warnings(void **state)
{
    (void)state;
    check("type T @table(foo: 1) @export(bar: 1) @baz @splitSegments @allow(role: \"x\") {\n"
          "  a: Int @primaryKey\n"
          "  b: Int @primaryKey @enumerable @allow(role: x)\n"
          "  c: Int @indexed(foo: 1)\n"
          "  d: T @relationship(from: zz, filterMissing: true) @indexed\n"
          "  e: T @relationship(to: a, x: 1)\n"
          "  f: Int! @computed\n"
          "  g: Long @expiresAt\n"
          "}\n"
          "type U @export(name: \"u\")",
          "table T type=T exported=T\n"
          "  a Int key\n"
          "  b Int\n"
          "  c Int indexed\n"
          "  d T from=zz\n"
          "  e T list to=a\n"
          "  f Int not-null virtual as=NULL\n"
          "  g Long indexed expires\n"
          "type U type=U\n"
          "line 1, column 15: unknown argument foo is ignored\n"
          "line 1, column 31: unknown argument bar is ignored\n"
          "line 1, column 40: unknown directive @baz is ignored\n"
          "line 1, column 45: directive @splitSegments is not supported and ignored\n"
          "line 3, column 3: second primary key b is ignored: the first one counts\n"
          "line 4, column 19: unknown argument foo is ignored\n"
          "line 5, column 3: relationship d cannot be indexed: index its foreign key\n"
          "line 6, column 29: unknown argument x is ignored\n"
          "line 7, column 12: @computed without an expression is never set\n"
          "line 5, column 3: relationship from undeclared attribute zz\n");
}

static void the_text_of_a_type_is_its_definition(void **state)
{
    struct arena arena = {0};
    struct graphql_schema schema;

    (void)state;
    assert_int_equal(graphql_parse_schema(slice_text("# first\n type A @table # a\n\"doc\" type B "
                                                     "@table { b: Int } # b\n scalar X"),
                                          &arena, &schema, NULL),
                     ST_OK);
    assert_int_equal(schema.table_count, 2);
    assert_true(slice_is(schema.tables[0]->sql, "type A @table"));
    assert_true(slice_is(schema.tables[1]->sql, "\"doc\" type B @table { b: Int }"));
    arena_deinit(&arena);
}

static void faults_are_refused_with_line_and_column(void **state)
{
    static const struct {
        const char *text;
        enum status status;
        int64_t offset;
        const char *message;
    } cases[] = {
        {"type T @table {\n  a: String[]\n}", ST_SYNTAX, 27, "line 2, column 12: unexpected ["},
        {"type T @table {}", ST_SYNTAX, 15, "line 1, column 16: unexpected }"},
        {"type T @table { a }", ST_SYNTAX, 18, NULL},
        {"type T @table { a: Int", ST_SYNTAX, 22,
         "line 1, column 23: unexpected end of the document"},
        {"type", ST_SYNTAX, 4, NULL},
        {"Type T", ST_SYNTAX, 0, "line 1, column 1: unexpected Type"},
        {"type T }", ST_SYNTAX, 7, NULL},
        {"\r\n\r\n\xc3\xa9", ST_SYNTAX, 4, "line 3, column 1: unexpected character"},
        {"type T @table(expiration: 01)", ST_SYNTAX, 26, "line 1, column 27: malformed number"},
        {"type T @table(expiration: 1.)", ST_SYNTAX, 26, NULL},
        {"type T @table(expiration: 1x)", ST_SYNTAX, 26, NULL},
        {"type T @table(table: \"a\nb\")", ST_SYNTAX, 23,
         "line 1, column 24: unterminated or malformed string"},
        {"type T @table(table: \"\\x\")", ST_SYNTAX, 22, NULL},
        {"type T @table(table: \"\\uD800\")", ST_SYNTAX, 21,
         "line 1, column 22: half of a surrogate pair in a string"},
        {"\"\"\"abc", ST_SYNTAX, 0, "line 1, column 1: unterminated block string"},
        {"type T @table(table: $x)", ST_SYNTAX, 21,
         "line 1, column 22: a variable may not stand here"},
        {"query($a: Int = $b) { a }", ST_SYNTAX, 16, NULL},
        {"type T @table(table: \"a/b\")", ST_INVALID, 21,
         "line 1, column 22: argument table must be a name of 1 to 250 bytes without / and `"},
        {"type T @table(database: \"`\")", ST_INVALID, 24, NULL},
        {"type T @table(table: [a])", ST_INVALID, 21,
         "line 1, column 22: argument table must be a text or a name"},
        {"type T @table(expiration: soon)", ST_INVALID, 26,
         "line 1, column 27: argument expiration must be a number of seconds"},
        {"type T @table(expiration: -1)", ST_INVALID, 26, NULL},
        {"type T @table(audit: 1)", ST_INVALID, 21,
         "line 1, column 22: argument audit must be true or false"},
        {"type T @table type T @table", ST_INVALID, 19,
         "line 1, column 20: type T is defined twice"},
        {"type T @table { a: Int a: Int }", ST_INVALID, 23,
         "line 1, column 24: field a is defined twice"},
        {"type Int @table", ST_INVALID, 5, "line 1, column 6: Int is a built-in type"},
        {"type T @table { a: T }", ST_INVALID, 19,
         "line 1, column 20: T is a table: a field refers to it through @relationship"},
        {"type T @table { a: Int @relationship(from: a) }", ST_INVALID, 19,
         "line 1, column 20: Int is not a table: a relationship needs one"},
        {"type T @table { a: T @relationship }", ST_INVALID, 22,
         "line 1, column 23: @relationship needs an argument from or to"},
        {"type T @table { a: [Float] @indexed(type: \"HNSW\") }", ST_UNSUPPORTED, 42,
         "line 1, column 43: index type HNSW is not supported"},
        {"type T @table { a: [Float] @embed(source: \"b\") }", ST_UNSUPPORTED, 28, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct graphql_schema schema;
        enum status st = graphql_parse_schema(slice_text(cases[i].text), &arena, &schema, &err);

        if (st != cases[i].status || err.offset != cases[i].offset)
            print_error("%s\n%s at %d: %s\n", cases[i].text, status_name(st), (int)err.offset,
                        err.message);
        assert_int_equal(st, cases[i].status);
        assert_int_equal(err.offset, cases[i].offset);
        if (cases[i].message != NULL)
            assert_string_equal(err.message, cases[i].message);
        arena_deinit(&arena);
    }
}

static void brackets_nest_64_deep_and_no_deeper(void **state)
{
    (void)state;
    for (int depth = 64; depth <= 65; depth++) {
        struct buf text = {0};
        struct arena arena = {0};
        struct graphql_schema schema;

        /* One bracket of the braces, the others of the type. */
        buf_append_text(&text, "type T @table { a: ");
        buf_append_fill(&text, '[', (size_t)depth - 1);
        buf_append_text(&text, "Int");
        buf_append_fill(&text, ']', (size_t)depth - 1);
        buf_append_text(&text, "}");
        assert_int_equal(graphql_parse_schema(buf_slice(&text), &arena, &schema, NULL),
                         depth == 64 ? ST_OK : ST_LIMIT);
        buf_clear(&text);
        for (int i = 1; i < depth; i++)
            buf_append_text(&text, "{a:b(c:1)@d x:y(c:2)@e@f");
        buf_append_text(&text, "{a:b ");
        buf_append_fill(&text, '}', (size_t)depth);
        assert_int_equal(graphql_parse_schema(buf_slice(&text), &arena, &schema, NULL),
                         depth == 64 ? ST_OK : ST_LIMIT);
        arena_deinit(&arena);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_specification_s_example_reads_as_it_says),
        cmocka_unit_test(field_types_have_all_their_forms),
        cmocka_unit_test(directive_arguments_are_read_from_strings_numbers_booleans_and_names),
        cmocka_unit_test(names_may_be_keywords_and_commas_are_blanks),
        cmocka_unit_test(other_definitions_are_read_and_have_no_effect),
        cmocka_unit_test(descriptions_are_kept),
        cmocka_unit_test(oddities_are_warnings),
        cmocka_unit_test(the_text_of_a_type_is_its_definition),
        cmocka_unit_test(faults_are_refused_with_line_and_column),
        cmocka_unit_test(brackets_nest_64_deep_and_no_deeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
