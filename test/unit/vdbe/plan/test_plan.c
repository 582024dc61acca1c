/*
 * What the planner decides, as text.
 */
#include "test/unit/vdbe/plan/plan_fixture.h"

/* ---- one table ---- */

static void a_key_equality_finds_one_row(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "b"), NULL);
    where(f, q, compare(f, IR_EQ, column(f, "id"), number(f, 5)));
    assert_string_equal(plan_of(f, q), "select b\n"
                                       "  search t by key (id = 5) unique\n");
}

static void rowid_is_a_name_of_the_integer_key(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "oid"), NULL);
    where(f, q, compare(f, IR_EQ, column(f, "_rowid_"), number(f, 5)));
    assert_string_equal(plan_of(f, q), "select oid\n"
                                       "  search t by key (id = 5) unique\n");
}

static void an_index_with_all_columns_covers(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "a"), NULL);
    output(f, q, column(f, "id"), NULL);
    where(f, q, compare(f, IR_EQ, column(f, "a"), number(f, 5)));
    assert_string_equal(plan_of(f, q), "select a, id\n"
                                       "  search t by index t_a (a = 5) covering\n");
}

static void order_comes_from_an_index_in_both_directions(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "a"), NULL);
    order_by(f, q, column(f, "a"), true);
    assert_string_equal(plan_of(f, q), "select a\n"
                                       "  search t by index t_a backwards covering\n");
}

/* Behind the whole key nothing is left to order, but the direction still counts. */
static void keys_behind_the_whole_key_keep_the_direction(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "b"), NULL);
    order_by(f, q, column(f, "id"), true);
    order_by(f, q, column(f, "b"), true);
    assert_string_equal(plan_of(f, q), "select b\n"
                                       "  scan t backwards\n");
}

/* Numbers are compared as text with a text column: an index of texts serves only the right kind. */
static void a_text_index_is_not_used_for_numeric_comparison(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "t.id"), NULL);
    join(f, q, IR_JOIN_INNER, "u", NULL);
    where(f, q, compare(f, IR_EQ, column(f, "u.name"), column(f, "t.a")));
    assert_null(strstr(plan_of(f, q), "u by index u_name (name = t.a)"));
}

static void equalities_of_one_column_become_one_in(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");
    struct ir_expr * or = either(f, compare(f, IR_EQ, column(f, "id"), number(f, 1)),
                                 compare(f, IR_EQ, column(f, "id"), number(f, 2)));

    output(f, q, column(f, "b"), NULL);
    where(f, q, or);
    assert_string_equal(plan_of(f, q), "select b\n"
                                       "  search t by key (id IN (1, 2))\n");
}

static void a_condition_that_is_never_true_reads_nothing(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");
    struct plan_statement *plan;

    output(f, q, column(f, "b"), NULL);
    where(f, q, compare(f, IR_EQ, number(f, 1), number(f, 2)));
    plan = planned(f, q);
    assert_non_null(plan);
    assert_true(plan->query->blocks[0]->is_empty);
}

static void count_of_a_whole_table_reads_no_rows(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, call(f, "count", NULL), NULL);
    assert_int_equal(planned(f, q)->query->blocks[0]->group, GROUP_COUNT);
}

static void max_is_the_first_entry_from_the_end(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, call(f, "max", column(f, "a")), NULL);
    assert_string_equal(plan_of(f, q), "select max(a)\n"
                                       "  search t by index t_a backwards covering\n"
                                       "  first row decides: max(a)\n");
}

static void groups_in_index_order_need_neither_hash_nor_sort(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "a"), NULL);
    output(f, q, call(f, "count", NULL), NULL);
    group_by(f, q, column(f, "a"));
    order_by(f, q, number(f, 1), false);
    assert_string_equal(plan_of(f, q), "select a, count(*)\n"
                                       "  search t by index t_a covering\n"
                                       "  group adjacent rows by a: count(*)\n");
}

static void distinct_rows_with_their_key_are_distinct_already(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "id"), NULL);
    output(f, q, column(f, "b"), NULL);
    q->blocks[0]->is_distinct = true;
    assert_int_equal(planned(f, q)->query->blocks[0]->distinct, DISTINCT_NO);
}

/* ---- joins ---- */

static void a_join_follows_keys_from_the_most_selective_table(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "u");

    output(f, q, column(f, "u.name"), NULL);
    join(f, q, IR_JOIN_INNER, "t", compare(f, IR_EQ, column(f, "u.t_id"), column(f, "t.id")));
    where(f, q, compare(f, IR_EQ, column(f, "u.id"), number(f, 7)));
    assert_string_equal(plan_of(f, q), "select u.name\n"
                                       "  search u by key (id = 7) unique\n"
                                       "  search t by key (id = u.t_id) unique\n");
}

static void a_left_join_whose_nulls_are_refused_is_an_inner_join(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "t.b"), NULL);
    join(f, q, IR_JOIN_LEFT, "u", compare(f, IR_EQ, column(f, "u.t_id"), column(f, "t.id")));
    where(f, q, compare(f, IR_EQ, column(f, "u.id"), number(f, 7)));
    assert_string_equal(plan_of(f, q), "select t.b\n"
                                       "  search u by key (id = 7) unique\n"
                                       "  search t by key (id = u.t_id) unique\n");
}

static void a_left_join_keeps_its_own_conditions_apart(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");
    struct ir_expr *on = both(f, compare(f, IR_EQ, column(f, "u.id"), column(f, "t.a")),
                              compare(f, IR_GT, column(f, "u.t_id"), number(f, 3)));

    output(f, q, column(f, "t.b"), NULL);
    join(f, q, IR_JOIN_LEFT, "u", on);
    where(f, q, ir_unary(&f->arena, IR_IS_NULL, column(f, "u.id")));
    assert_string_equal(plan_of(f, q), "select t.b\n"
                                       "  scan t\n"
                                       "  left search u by key (id = t.a) unique\n"
                                       "    match u.t_id > 3\n"
                                       "    filter u.id IS NULL\n");
}

static void a_constant_travels_over_an_equality(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");
    const char *plan;

    output(f, q, column(f, "t.b"), NULL);
    join(f, q, IR_JOIN_INNER, "u", compare(f, IR_EQ, column(f, "u.id"), column(f, "t.id")));
    where(f, q, compare(f, IR_EQ, column(f, "t.id"), number(f, 7)));
    plan = plan_of(f, q);
    assert_non_null(strstr(plan, "t by key (id = 7) unique"));
    assert_non_null(strstr(plan, "u by key (id = "));
}

static void a_join_without_index_is_hashed(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "t.id"), NULL);
    join(f, q, IR_JOIN_INNER, "u", compare(f, IR_EQ, column(f, "u.t_id"), column(f, "t.b")));
    assert_non_null(strstr(plan_of(f, q), "hash "));
}

static void exists_becomes_a_semi_join(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t"), *inner = from(f, "u");

    output(f, inner, number(f, 1), NULL);
    where(f, inner, compare(f, IR_EQ, column(f, "u.id"), column(f, "t.a")));
    output(f, q, column(f, "b"), NULL);
    where(f, q, exists(f, inner));
    assert_string_equal(plan_of(f, q), "select b\n"
                                       "  scan t\n"
                                       "  semi search u by key (id = t.a) unique\n");
}

/* ---- subqueries ---- */

static void a_plain_subquery_is_flattened(void **state)
{
    struct fixture *f = *state;
    struct ir_query *inner = from(f, "t"), *q = from(f, NULL);

    output(f, inner, column(f, "id"), "k");
    output(f, inner, column(f, "b"), NULL);
    join_query(f, q, "s", inner);
    output(f, q, column(f, "s.b"), NULL);
    where(f, q, compare(f, IR_EQ, column(f, "k"), number(f, 3)));
    assert_string_equal(plan_of(f, q), "select b\n"
                                       "  search t by key (id = 3) unique\n");
}

static void conditions_go_down_into_a_union(void **state)
{
    struct fixture *f = *state;
    struct ir_query *a = from(f, "t"), *b = from(f, "u"), *q = from(f, NULL);

    output(f, a, column(f, "id"), "k");
    output(f, b, column(f, "id"), NULL);
    join_query(f, q, "s", unite(f, a, b, IR_UNION_ALL));
    output(f, q, column(f, "k"), NULL);
    where(f, q, compare(f, IR_EQ, column(f, "k"), number(f, 3)));
    assert_string_equal(plan_of(f, q), "select k\n"
                                       "  rows of s\n"
                                       "    select id\n"
                                       "      search t by key (id = 3) unique\n"
                                       "    union all\n"
                                       "    select id\n"
                                       "      search u by key (id = 3) unique\n");
}

static void a_full_join_is_a_left_join_and_what_is_left_over(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    output(f, q, column(f, "t.b"), NULL);
    output(f, q, column(f, "u.name"), NULL);
    join(f, q, IR_JOIN_FULL, "u", compare(f, IR_EQ, column(f, "u.id"), column(f, "t.id")));
    assert_string_equal(plan_of(f, q), "select t.b, u.name\n"
                                       "  rows of subquery\n"
                                       "    select u.id, t.id, t.b, u.name\n"
                                       "      scan t\n"
                                       "      left search u by key (id = t.id) unique\n"
                                       "    union all\n"
                                       "    select u.id, NULL, NULL, u.name\n"
                                       "      search u by index u_name covering\n"
                                       "      anti search t by key (id = u.id) unique\n");
}

/* The inner query sees past the block it stands in: that block's query must not be kept either. */
static void a_query_around_a_correlated_one_is_correlated(void **state)
{
    struct fixture *f = *state;
    struct ir_query *inner = from(f, "u"), *middle = from(f, NULL), *q = from(f, "t");
    struct ir_expr *scalar = ir_expr_new(&f->arena, IR_SUBQUERY, -1);

    output(f, inner, column(f, "name"), "k");
    inner->blocks[0]->is_distinct = true;
    where(f, inner, compare(f, IR_EQ, column(f, "u.id"), column(f, "t.a")));
    join_query(f, middle, "s", inner);
    output(f, middle, call(f, "max", column(f, "k")), NULL);
    scalar->as.subquery.query = middle;
    output(f, q, scalar, NULL);
    assert_non_null(strstr(plan_of(f, q), "  for each row\n    select max(k)\n"));
}

/* ---- names ---- */

static void an_unknown_column_is_named_with_a_suggestion(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "u");

    output(f, q, column(f, "nmae"), NULL);
    assert_string_equal(plan_of(f, q), "no such column: nmae; did you mean name?");
}

static void a_name_of_two_tables_is_ambiguous(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");

    join(f, q, IR_JOIN_INNER, "u", NULL);
    output(f, q, column(f, "id"), NULL);
    assert_string_equal(plan_of(f, q), "ambiguous column name: id");
}

static void an_unknown_table_is_named_with_a_suggestion(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "Dgo");

    output(f, q, number(f, 1), NULL);
    assert_string_equal(plan_of(f, q), "no such table: Dgo; did you mean Dog?");
}

static void results_are_named_as_the_table_spells_them(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from(f, "t");
    struct plan_statement *plan;

    output(f, q, column(f, "ID"), NULL);
    output(f, q, column(f, "b"), "other");
    plan = planned(f, q);
    assert_true(slice_is(plan->query->output_names[0], "id"));
    assert_true(slice_is(plan->query->output_names[1], "other"));
}

/* ---- documents and relationships ---- */

static struct ir_query *from_rest(struct fixture *f, const char *table)
{
    struct ir_query *q = from(f, table);

    q->blocks[0]->sources[0]->is_exported_name = true;
    return q;
}

static void a_declared_scalar_compares_as_in_sql(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from_rest(f, "Dog");

    output(f, q, column(f, "id"), NULL);
    where(f, q, any(compare(f, IR_EQ, column(f, "name"), text(f, "Ada"))));
    assert_string_equal(plan_of(f, q), "select id\n"
                                       "  search Dog by index dog_name (name = 'Ada')\n");
}

/* tags is [String]: the entry may belong to any element, and SQL's = means the whole value. */
static void a_list_is_searched_by_element_and_tested_again(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from_rest(f, "Dog");

    output(f, q, column(f, "id"), NULL);
    where(f, q, any(compare(f, IR_EQ, column(f, "tags"), text(f, "brown"))));
    assert_string_equal(plan_of(f, q), "select id\n"
                                       "  search Dog by index dog_tags (tags = 'brown')\n"
                                       "    filter ANY tags = 'brown'\n");
}

/* Rows without the attribute are not in the index, and must not vanish from a sorted list. */
static void an_index_without_absent_rows_gives_no_order_alone(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from_rest(f, "Dog");

    output(f, q, column(f, "id"), NULL);
    order_by(f, q, column(f, "age"), false);
    assert_string_equal(plan_of(f, q), "select id\n"
                                       "  scan Dog\n"
                                       "sort by age\n");
}

static void conditions_on_one_relationship_share_one_record(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from_rest(f, "Dog");
    const char *plan;

    output(f, q, column(f, "id"), NULL);
    where(f, q,
          both(f, any(compare(f, IR_EQ, column(f, "owner.name"), text(f, "Eve"))),
               any(compare(f, IR_GT, column(f, "owner.age"), number(f, 30)))));
    plan = plan_of(f, q);
    assert_non_null(strstr(plan, "semi "));
    assert_null(strstr(strstr(plan, "semi ") + 1, "semi "));
    assert_non_null(strstr(plan, "Owner"));
}

static void keys_in_a_list_are_looked_up_one_by_one(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from_rest(f, "Dog");
    const char *plan;

    output(f, q, column(f, "id"), NULL);
    where(f, q, any(compare(f, IR_EQ, column(f, "friends.name"), text(f, "Ada"))));
    plan = plan_of(f, q);
    assert_non_null(strstr(plan, "elements of friendIds\n"));
    assert_non_null(strstr(plan, "search Dog by key (id = value) unique\n"));
}

static void a_relationship_needs_an_attribute_of_its_target(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from_rest(f, "Dog");

    output(f, q, column(f, "id"), NULL);
    where(f, q, any(compare(f, IR_EQ, column(f, "owner"), number(f, 1))));
    assert_string_equal(plan_of(f, q), "must query an attribute within the target table");
}

static void a_nested_selection_becomes_a_subquery(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from_rest(f, "Dog");
    struct ir_expr *nested = ir_expr_new(&f->arena, IR_NESTED, -1);

    nested->as.nested.name.text = slice_text("owner");
    nested->as.nested.count = 1;
    nested->as.nested.items = ARENA_NEW(&f->arena, struct ir_output);
    nested->as.nested.items[0].expr = column(f, "name");
    output(f, q, nested, "owner");
    assert_string_equal(strstr(plan_of(f, q), "  scan Dog\n"),
                        "  scan Dog\n"
                        "  for each row\n"
                        "    select OBJECT PRESENT {name: name}\n"
                        "      search Owner by key (id = ownerId) unique\n");
}

static void a_lifted_parameter_is_not_folded(void **state)
{
    struct fixture *f = *state;
    struct ir_query *q = from_rest(f, "Dog");
    struct ir_expr *same =
        compare(f, IR_EQ, lifted(f, 1, value_int(1)), lifted(f, 2, value_int(2)));

    output(f, q, column(f, "id"), NULL);
    where(f, q, same);
    assert_false(planned(f, q)->query->blocks[0]->is_empty);
}

/* ---- writes ---- */

static const char *plan_of_delete(struct fixture *f, const char *table, struct ir_expr *condition)
{
    struct ir_statement *statement = ARENA_NEW(&f->arena, struct ir_statement);
    struct ir_delete *remove = ARENA_NEW(&f->arena, struct ir_delete);

    statement->kind = IR_DELETE;
    statement->as.remove = remove;
    remove->target = from(f, table)->blocks[0]->sources[0];
    remove->where = condition;
    return plan_of_statement(f, statement);
}

static void delete_of_everything_is_one_act(void **state)
{
    assert_string_equal(plan_of_delete(*state, "t", NULL), "delete from t all at once\n");
}

static void delete_by_index_takes_one_pass(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(plan_of_delete(f, "t", compare(f, IR_EQ, column(f, "a"), number(f, 1))),
                        "delete from t\n"
                        "  select id\n"
                        "    search t by index t_a (a = 1) covering\n");
}

/* Rows whose index entry moves forward would be met again. */
static void update_of_the_searched_index_takes_two_passes(void **state)
{
    struct fixture *f = *state;
    struct ir_statement *statement = ARENA_NEW(&f->arena, struct ir_statement);
    struct ir_update *update = ARENA_NEW(&f->arena, struct ir_update);

    statement->kind = IR_UPDATE;
    statement->as.update = update;
    update->target = from(f, "t")->blocks[0]->sources[0];
    update->set_count = 1;
    update->sets = ARENA_NEW(&f->arena, struct ir_set);
    update->sets->count = 1;
    update->sets->columns = ARENA_NEW(&f->arena, struct ir_name);
    update->sets->columns->text = slice_text("a");
    update->sets->value = ir_binary(&f->arena, IR_ADD, column(f, "a"), number(f, 1));
    update->where = compare(f, IR_EQ, column(f, "a"), number(f, 5));
    assert_string_equal(plan_of_statement(f, statement),
                        "update t in two passes\n"
                        "  set a = a + 1\n"
                        "  select id\n"
                        "    search t by index t_a (a = 5) covering\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(a_key_equality_finds_one_row),
        TEST(rowid_is_a_name_of_the_integer_key),
        TEST(an_index_with_all_columns_covers),
        TEST(order_comes_from_an_index_in_both_directions),
        TEST(keys_behind_the_whole_key_keep_the_direction),
        TEST(a_text_index_is_not_used_for_numeric_comparison),
        TEST(equalities_of_one_column_become_one_in),
        TEST(a_condition_that_is_never_true_reads_nothing),
        TEST(count_of_a_whole_table_reads_no_rows),
        TEST(max_is_the_first_entry_from_the_end),
        TEST(groups_in_index_order_need_neither_hash_nor_sort),
        TEST(distinct_rows_with_their_key_are_distinct_already),
        TEST(a_join_follows_keys_from_the_most_selective_table),
        TEST(a_left_join_whose_nulls_are_refused_is_an_inner_join),
        TEST(a_left_join_keeps_its_own_conditions_apart),
        TEST(a_constant_travels_over_an_equality),
        TEST(a_join_without_index_is_hashed),
        TEST(exists_becomes_a_semi_join),
        TEST(a_plain_subquery_is_flattened),
        TEST(conditions_go_down_into_a_union),
        TEST(a_full_join_is_a_left_join_and_what_is_left_over),
        TEST(a_query_around_a_correlated_one_is_correlated),
        TEST(an_unknown_column_is_named_with_a_suggestion),
        TEST(a_name_of_two_tables_is_ambiguous),
        TEST(an_unknown_table_is_named_with_a_suggestion),
        TEST(results_are_named_as_the_table_spells_them),
        TEST(a_declared_scalar_compares_as_in_sql),
        TEST(a_list_is_searched_by_element_and_tested_again),
        TEST(an_index_without_absent_rows_gives_no_order_alone),
        TEST(conditions_on_one_relationship_share_one_record),
        TEST(keys_in_a_list_are_looked_up_one_by_one),
        TEST(a_relationship_needs_an_attribute_of_its_target),
        TEST(a_nested_selection_becomes_a_subquery),
        TEST(a_lifted_parameter_is_not_folded),
        TEST(delete_of_everything_is_one_act),
        TEST(delete_by_index_takes_one_pass),
        TEST(update_of_the_searched_index_takes_two_passes),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
