/*
 * equal: asks the same questions as SQL, as URLs, as operations and as GraphQL, and compares the
 * answers.
 *
 *     equal [--backend NAME] [--seed N] [--queries N] [--scratch DIR]
 *
 * A seed makes a schema, its records and the questions: each is a select list, conditions (on
 * attributes, and on those of a related record), an order and a page. The rows must be the same, in
 * the same order, with the same nulls. GraphQL has no comparisons but equality, no order and no
 * pages, so it is asked what it can say, and its rows are compared by their keys. Ends with `N
 * passed, N failed`.
 */
#include "api/harper.h"
#include "storage/base/base.h"
#include "storage/value/document.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COLUMNS_MAX = 8, RECORDS = 240, OWNERS = 12, CONDITIONS_MAX = 4 };

enum type { TYPE_LONG, TYPE_FLOAT, TYPE_STRING, TYPE_BOOLEAN, TYPE_KINDS };
static const char *const type_names[] = {"Long", "Float", "String", "Boolean"};

enum comparison {
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_BETWEEN,
    OP_STARTS,
    OP_CONTAINS,
    OP_NOT_NULL,
    OP_KINDS
};

struct column {
    char name[16];
    enum type type;
    bool is_indexed;
    bool is_sparse; /* some records do not have it */
};

struct condition {
    const struct column *column; /* NULL: of the related record's score */
    enum comparison op;
    struct value low, high;
};

struct query {
    unsigned select[COLUMNS_MAX], select_count;
    struct condition conditions[CONDITIONS_MAX];
    unsigned condition_count;
    bool is_or;
    const struct column *sort; /* NULL: by the key */
    bool is_descending;
    unsigned limit, offset; /* limit 0: all */
};

static uint64_t state;
static harper *db;
static harper_session *session;
static struct column columns[COLUMNS_MAX];
static unsigned column_count;
static size_t passed, failed;

static unsigned pick(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((state >> 33) % below);
}

static void die(const char *what, const char *message)
{
    fprintf(stderr, "equal: %s: %s\n", what, message);
    exit(2);
}

/* ---- values ---- */

/* Few enough that conditions meet records; some look like other things than they are. */
static const char *const texts[] = {
    "a",   "ab",   "abc", "b",   "Ab",   "a b",  "5",
    "7.5", "true", "x&y", "x=y", "100%", "it's", "\xc3\xa9t\xc3\xa9",
    "z|z", "(ab)", "a,b", "a*",  "null", "-1"};

static struct value random_value(enum type type)
{
    switch (type) {
    case TYPE_LONG:
        return value_int((int64_t)pick(21) - 10);
    case TYPE_FLOAT:
        return value_real(((double)pick(41) - 20) / 4);
    case TYPE_STRING:
        return value_text(slice_text(texts[pick(COUNT_OF(texts))]));
    case TYPE_BOOLEAN:
    case TYPE_KINDS:
        break;
    }
    return value_bool(pick(2) == 1);
}

static void put_sql(struct buf *out, struct value v)
{
    if (v.kind == VALUE_TEXT) {
        buf_append_byte(out, '\'');
        for (uint32_t k = 0; k < v.len; k++) {
            if (v.as.data[k] == '\'')
                buf_append_byte(out, '\'');
            buf_append_byte(out, (uint8_t)v.as.data[k]);
        }
        buf_append_byte(out, '\'');
    } else {
        json_write(out, v);
    }
}

static void put_url(struct buf *out, struct value v)
{
    if (v.kind != VALUE_TEXT) {
        json_write(out, v);
        return;
    }
    for (uint32_t k = 0; k < v.len; k++) {
        unsigned char c = (unsigned char)v.as.data[k];

        /* Written out, null is the value; its text has an escape. */
        if ((c >= '0' && c <= '9') ||
            ((c | 0x20) >= 'a' && (c | 0x20) <= 'z' && !slice_is(value_slice(v), "null")))
            buf_append_byte(out, c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

/* ---- the schema and its records ---- */

static void make_schema(void)
{
    struct buf sdl = {0};
    harper_error error;

    column_count = 3 + pick(COLUMNS_MAX - 3);
    buf_append_text(&sdl,
                    "type Owner @table @export { id: Long @primaryKey, score: Long }\n"
                    "type Item @table @export { id: Long @primaryKey, ownerId: Long @indexed, "
                    "owner: Owner @relationship(from: ownerId)");
    for (unsigned k = 0; k < column_count; k++) {
        struct column *column = &columns[k];

        *column = (struct column){.type = (enum type)pick(TYPE_KINDS),
                                  .is_indexed = pick(2) == 1,
                                  .is_sparse = pick(3) == 0};
        snprintf(column->name, sizeof column->name, "c%u", k);
        buf_printf(&sdl, ", %s: %s%s", column->name, type_names[column->type],
                   column->is_indexed ? " @indexed" : "");
    }
    buf_append_text(&sdl, " }\n");
    if (harper_apply_schema(session, buf_cstr(&sdl), -1, 0, NULL, NULL, &error) != HARPER_OK)
        die(buf_cstr(&sdl), error.message);
    buf_free(&sdl);
}

static void run_operation(struct buf *text)
{
    harper_statement *statement;
    harper_error error;
    int st;

    if (harper_prepare(session, HARPER_OPERATION, buf_cstr(text), -1, &statement, NULL, &error) !=
        HARPER_OK)
        die(buf_cstr(text), error.message);
    while ((st = harper_step(statement)) == HARPER_ROW)
        continue;
    if (st != HARPER_DONE)
        die(buf_cstr(text), harper_session_error(session)->message);
    harper_finalize(statement);
}

static void make_records(void)
{
    struct buf text = {0};

    buf_append_text(&text, "{\"operation\":\"insert\",\"table\":\"Owner\",\"records\":[");
    for (unsigned k = 0; k < OWNERS; k++)
        buf_printf(&text, "%s{\"id\":%u,\"score\":%d}", k > 0 ? "," : "", k, (int)pick(9) - 4);
    buf_append_text(&text, "]}");
    run_operation(&text);
    buf_clear(&text);
    buf_append_text(&text, "{\"operation\":\"insert\",\"table\":\"Item\",\"records\":[");
    for (unsigned k = 0; k < RECORDS; k++) {
        buf_printf(&text, "%s{\"id\":%u", k > 0 ? "," : "", k * 7 % RECORDS);
        if (pick(5) != 0)
            buf_printf(&text, ",\"ownerId\":%u", pick(OWNERS + 2)); /* some lead nowhere */
        for (unsigned c = 0; c < column_count; c++) {
            if (columns[c].is_sparse && pick(4) == 0)
                continue;
            buf_printf(&text, ",\"%s\":", columns[c].name);
            json_write(&text, pick(7) == 0 ? value_null() : random_value(columns[c].type));
        }
        buf_append_byte(&text, '}');
    }
    buf_append_text(&text, "]}");
    run_operation(&text);
    buf_free(&text);
}

/* ---- questions ---- */

static void make_condition(struct condition *out)
{
    bool is_related = pick(8) == 0;
    enum type type;

    *out = (struct condition){.column = is_related ? NULL : &columns[pick(column_count)],
                              .op = (enum comparison)pick(OP_KINDS)};
    type = is_related ? TYPE_LONG : out->column->type;
    if ((out->op == OP_STARTS || out->op == OP_CONTAINS) && type != TYPE_STRING)
        out->op = OP_EQ;
    if (type == TYPE_BOOLEAN && out->op > OP_NE && out->op != OP_NOT_NULL)
        out->op = OP_EQ;
    if (is_related && (out->op == OP_NE || out->op == OP_NOT_NULL))
        out->op = OP_GE;
    out->low = random_value(type);
    out->high = random_value(type);
}

static void make_query(struct query *query)
{
    *query = (struct query){.select_count = 1 + pick(column_count),
                            .condition_count = pick(CONDITIONS_MAX),
                            .is_descending = pick(2) == 1};
    for (unsigned k = 0; k < query->select_count; k++)
        query->select[k] = (k * 5 + pick(2)) % column_count;
    for (unsigned k = 0; k < query->select_count; k++) /* a name once */
        for (unsigned other = 0; other < k; other++)
            if (query->select[other] == query->select[k])
                query->select_count = k;
    for (unsigned k = 0; k < query->condition_count; k++)
        make_condition(&query->conditions[k]);
    query->is_or = query->condition_count > 1 && pick(4) == 0;
    for (unsigned k = 0; query->is_or && k < query->condition_count; k++)
        if (query->conditions[k].column == NULL)
            query->conditions[k] = (struct condition){
                .column = &columns[0], .op = OP_EQ, .low = random_value(columns[0].type)};
    if (pick(3) != 0)
        query->sort = &columns[pick(column_count)];
    if (pick(3) == 0) {
        query->limit = 1 + pick(30);
        query->offset = pick(3) == 0 ? pick(20) : 0;
    }
}

/* ---- in SQL ---- */

static void sql_condition(struct buf *out, const struct condition *condition)
{
    static const char *const signs[] = {" = ", " IS NOT ", " < ", " <= ", " > ", " >= "};
    const char *name = condition->column == NULL ? "Owner.score" : condition->column->name;

    switch (condition->op) {
    case OP_BETWEEN:
        buf_printf(out, "%s BETWEEN ", name);
        put_sql(out, condition->low);
        buf_append_text(out, " AND ");
        put_sql(out, condition->high);
        return;
    case OP_STARTS:
        buf_printf(out, "substr(%s, 1, length(", name);
        put_sql(out, condition->low);
        buf_append_text(out, ")) = ");
        put_sql(out, condition->low);
        return;
    case OP_CONTAINS:
        buf_printf(out, "instr(%s, ", name);
        put_sql(out, condition->low);
        buf_append_text(out, ") > 0");
        return;
    case OP_NOT_NULL:
        buf_printf(out, "%s IS NOT NULL", name);
        return;
    default:
        buf_printf(out, "%s%s", name, signs[condition->op]);
        put_sql(out, condition->low);
        return;
    }
}

static void write_sql(struct buf *out, const struct query *query)
{
    bool joins = false;

    buf_append_text(out, "SELECT Item.id");
    for (unsigned k = 0; k < query->select_count; k++)
        buf_printf(out, ", %s", columns[query->select[k]].name);
    for (unsigned k = 0; k < query->condition_count; k++)
        joins = joins || query->conditions[k].column == NULL;
    buf_printf(out, " FROM Item%s", joins ? " JOIN Owner ON Item.ownerId = Owner.id" : "");
    for (unsigned k = 0; k < query->condition_count; k++) {
        buf_append_text(out, k == 0 ? " WHERE " : query->is_or ? " OR " : " AND ");
        sql_condition(out, &query->conditions[k]);
    }
    if (query->sort != NULL)
        buf_printf(out, " ORDER BY %s%s, Item.id", query->sort->name,
                   query->is_descending ? " DESC" : "");
    else
        buf_append_text(out, query->is_descending ? " ORDER BY Item.id DESC" : " ORDER BY Item.id");
    if (query->limit != 0)
        buf_printf(out, " LIMIT %u OFFSET %u", query->limit, query->offset);
}

/* ---- as a URL ---- */

static void url_condition(struct buf *out, const struct condition *condition)
{
    static const char *const signs[] = {"==", "=ne=", "=lt=", "=le=", "=gt=", "=ge="};
    const char *name = condition->column == NULL ? "owner.score" : condition->column->name;

    switch (condition->op) {
    case OP_BETWEEN:
        buf_printf(out, "%s=ge=", name);
        put_url(out, condition->low);
        buf_append_text(out, "&=le=");
        put_url(out, condition->high);
        return;
    case OP_STARTS:
    case OP_CONTAINS:
        buf_printf(out, "%s=%s=", name, condition->op == OP_STARTS ? "sw" : "ct");
        put_url(out, condition->low);
        return;
    case OP_NOT_NULL:
        buf_printf(out, "%s=ne=null", name);
        return;
    default:
        buf_append_text(out, name);
        /* Only the strict form has texts that spell null. */
        buf_append_text(out, condition->op == OP_EQ && condition->low.kind == VALUE_TEXT
                                 ? "="
                                 : signs[condition->op]);
        put_url(out, condition->low);
        return;
    }
}

static void write_url(struct buf *out, const struct query *query)
{
    const char *between = "";

    buf_append_text(out, "GET /Item/?");
    if (query->condition_count == 0) { /* an order without an index needs one */
        buf_append_text(out, "id=ge=0");
        between = "&";
    }
    for (unsigned k = 0; k < query->condition_count; k++) {
        bool is_group = query->is_or && query->conditions[k].op == OP_BETWEEN;

        buf_append_text(out, k == 0 ? "" : query->is_or ? "|" : "&");
        buf_append_text(out, is_group ? "(" : "");
        url_condition(out, &query->conditions[k]);
        buf_append_text(out, is_group ? ")" : "");
        between = "&";
    }
    if (query->sort != NULL)
        buf_printf(out, "%ssort(%s%s,+id)", between, query->is_descending ? "-" : "+",
                   query->sort->name);
    else
        buf_printf(out, "%ssort(%sid)", between, query->is_descending ? "-" : "+");
    if (query->limit != 0)
        buf_printf(out, "&limit(%u,%u)", query->offset, query->offset + query->limit);
    buf_append_text(out, "&select([id");
    for (unsigned k = 0; k < query->select_count; k++)
        buf_printf(out, ",%s", columns[query->select[k]].name);
    buf_append_text(out, "])");
}

/* ---- as an operation ---- */

static void operation_condition(struct buf *out, const struct condition *condition)
{
    static const char *const names[] = {"equals",          "not_equal",    "less_than",
                                        "less_than_equal", "greater_than", "greater_than_equal",
                                        "between",         "starts_with",  "contains",
                                        "not_equal"};

    buf_append_text(out, "{\"attribute\":");
    if (condition->column == NULL)
        buf_append_text(out, "[\"owner\",\"score\"]");
    else
        buf_printf(out, "\"%s\"", condition->column->name);
    buf_printf(out, ",\"comparator\":\"%s\",\"value\":", names[condition->op]);
    if (condition->op == OP_BETWEEN)
        buf_append_byte(out, '[');
    json_write(out, condition->op == OP_NOT_NULL ? value_null() : condition->low);
    if (condition->op == OP_BETWEEN) {
        buf_append_byte(out, ',');
        json_write(out, condition->high);
        buf_append_byte(out, ']');
    }
    buf_append_byte(out, '}');
}

static void write_operation(struct buf *out, const struct query *query)
{
    buf_printf(out,
               "{\"operation\":\"search_by_conditions\",\"table\":\"Item\",\"operator\":\"%s\",",
               query->is_or ? "or" : "and");
    buf_append_text(out, "\"get_attributes\":[\"id\"");
    for (unsigned k = 0; k < query->select_count; k++)
        buf_printf(out, ",\"%s\"", columns[query->select[k]].name);
    buf_append_text(out, "],\"conditions\":[");
    if (query->condition_count == 0)
        buf_append_text(out, "{\"attribute\":\"id\",\"comparator\":\"ge\",\"value\":0}");
    for (unsigned k = 0; k < query->condition_count; k++) {
        buf_append_text(out, k == 0 ? "" : ",");
        operation_condition(out, &query->conditions[k]);
    }
    buf_printf(out, "],\"sort\":{\"attribute\":\"%s\",\"descending\":%s%s}",
               query->sort == NULL ? "id" : query->sort->name,
               query->is_descending ? "true" : "false",
               query->sort == NULL ? "" : ",\"next\":{\"attribute\":\"id\"}");
    if (query->limit != 0)
        buf_printf(out, ",\"limit\":%u,\"offset\":%u", query->limit, query->offset);
    buf_append_byte(out, '}');
}

/* ---- in GraphQL ---- */

static bool graphql_can(const struct query *query)
{
    for (unsigned k = 0; k < query->condition_count; k++) {
        if (query->conditions[k].op != OP_EQ || query->conditions[k].column == NULL)
            return false;
        for (unsigned other = 0; other < k; other++)
            if (query->conditions[other].column == query->conditions[k].column)
                return false; /* an argument is given once */
    }
    return !query->is_or && query->limit == 0;
}

static void write_graphql(struct buf *out, const struct query *query)
{
    buf_append_text(out, "{ Item");
    for (unsigned k = 0; k < query->condition_count; k++) {
        buf_printf(out, "%s%s: ", k == 0 ? "(" : ", ", query->conditions[k].column->name);
        json_write(out, query->conditions[k].low);
    }
    buf_append_text(out, query->condition_count > 0 ? ") { id" : " { id");
    for (unsigned k = 0; k < query->select_count; k++)
        buf_printf(out, " %s", columns[query->select[k]].name);
    buf_append_text(out, " } }");
}

/* ---- answers: a row a line, [value,…] ---- */

static void put_row(struct buf *out, harper_statement *statement, int language)
{
    int count = harper_column_count(statement);

    if (language == HARPER_URL) {
        buf_append_text(out, harper_row_json(statement, NULL));
    } else {
        for (int k = 0; k < count; k++) {
            buf_append_byte(out, k == 0 ? '[' : ',');
            buf_append_text(out, harper_column_json(statement, k, NULL));
        }
        buf_append_byte(out, ']');
    }
    buf_append_byte(out, '\n');
}

/* Its one row has an array of objects. */
static void put_objects(struct buf *out, harper_statement *statement, const struct query *query)
{
    struct arena arena = {0};
    struct error err = {.offset = -1};
    struct value all;

    if (json_read(slice_text(harper_column_json(statement, 0, NULL)), &arena, &all, &err) != ST_OK)
        die("GraphQL", error_message(&err));
    for (size_t k = 0; k < document_count(all); k++) {
        struct value record = document_element(all, k);

        buf_append_byte(out, '[');
        json_write(out, document_member(record, slice_text("id")));
        for (unsigned c = 0; c < query->select_count; c++) {
            buf_append_byte(out, ',');
            json_write(out, document_member(record, slice_text(columns[query->select[c]].name)));
        }
        buf_append_text(out, "]\n");
    }
    arena_deinit(&arena);
}

static void ask(int language, struct buf *text, const struct query *query, struct buf *out)
{
    harper_statement *statement = NULL;
    harper_error error = {0};
    int st = harper_prepare(session, language, buf_cstr(text), -1, &statement, NULL, &error);

    if (st == HARPER_OK) {
        while ((st = harper_step(statement)) == HARPER_ROW) {
            if (language == HARPER_GRAPHQL)
                put_objects(out, statement, query);
            else
                put_row(out, statement, language);
        }
        if (st != HARPER_DONE)
            error = *harper_session_error(session);
        harper_finalize(statement);
    }
    if (st != HARPER_DONE)
        buf_printf(out, "error: %s\n", error.message);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_lines(struct buf *text)
{
    char *lines[RECORDS + 1], *copy = strdup(buf_cstr(text));
    size_t count = 0;

    for (char *at = strtok(copy, "\n"); at != NULL && count <= RECORDS; at = strtok(NULL, "\n"))
        lines[count++] = at;
    qsort(lines, count, sizeof *lines, compare_lines);
    buf_clear(text);
    for (size_t k = 0; k < count; k++)
        buf_printf(text, "%s\n", lines[k]);
    free(copy);
}

static void compare(const char *name, struct buf *text, struct buf *got, struct buf *sql,
                    struct buf *wanted)
{
    if (strcmp(buf_cstr(got), buf_cstr(wanted)) == 0) {
        passed++;
        return;
    }
    if (failed++ < 5)
        printf("%s: %s\nSQL: %s\n--- got\n%.2000s--- SQL\n%.2000s", name, buf_cstr(text),
               buf_cstr(sql), buf_cstr(got), buf_cstr(wanted));
}

static void ask_all(const struct query *query)
{
    static const struct {
        const char *name;
        int language;
        void (*write)(struct buf *out, const struct query *query);
    } languages[] = {{"URL", HARPER_URL, write_url},
                     {"operation", HARPER_OPERATION, write_operation},
                     {"GraphQL", HARPER_GRAPHQL, write_graphql}};
    struct buf sql = {0}, wanted = {0}, text = {0}, got = {0};

    write_sql(&sql, query);
    ask(HARPER_SQL, &sql, query, &wanted);
    for (size_t k = 0; k < COUNT_OF(languages); k++) {
        if (languages[k].language == HARPER_GRAPHQL) {
            if (!graphql_can(query))
                continue;
            sort_lines(&wanted);
        }
        buf_clear(&text);
        buf_clear(&got);
        languages[k].write(&text, query);
        ask(languages[k].language, &text, query, &got);
        if (languages[k].language == HARPER_GRAPHQL)
            sort_lines(&got);
        compare(languages[k].name, &text, &got, &sql, &wanted);
    }
    buf_free(&sql);
    buf_free(&wanted);
    buf_free(&text);
    buf_free(&got);
}

int main(int argc, char **argv)
{
    const char *backend = "memory", *scratch = "/tmp";
    unsigned long queries = 2000, seed = 1;
    harper_options options = {.size = sizeof options, .durability = HARPER_DURABILITY_OFF};
    harper_error error;
    char path[512], command[600];

    for (int k = 1; k + 1 < argc; k += 2) {
        if (strcmp(argv[k], "--backend") == 0)
            backend = argv[k + 1];
        else if (strcmp(argv[k], "--seed") == 0)
            seed = strtoul(argv[k + 1], NULL, 10);
        else if (strcmp(argv[k], "--queries") == 0)
            queries = strtoul(argv[k + 1], NULL, 10);
        else if (strcmp(argv[k], "--scratch") == 0)
            scratch = argv[k + 1];
        else
            die("unknown option", argv[k]);
    }
    state = seed * 0x9e3779b97f4a7c15u;
    options.backend = backend;
    snprintf(path, sizeof path, "%s/equal-%ld", scratch, (long)getpid());
    if (strcmp(backend, "memory") == 0)
        snprintf(path, sizeof path, ":memory:");
    if (harper_open(path, &options, &db, &error) != HARPER_OK ||
        harper_session_open(db, &session, &error) != HARPER_OK)
        die(path, error.message);
    make_schema();
    make_records();
    for (unsigned long k = 0; k < queries; k++) {
        struct query query;

        make_query(&query);
        ask_all(&query);
    }
    harper_session_close(session);
    harper_close(db);
    if (strcmp(backend, "memory") != 0) {
        snprintf(command, sizeof command, "rm -rf '%s'", path);
        if (system(command) != 0)
            fprintf(stderr, "equal: %s stays\n", path);
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
