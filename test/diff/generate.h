/*
 * generate: random schemas, rows and statements whose answer SQL defines.
 *
 * Left out on purpose: columns that are neither grouped nor aggregated, LIMIT without a total
 * order, updates of unique columns whose outcome depends on the order of rows, aggregates whose
 * result does, and whole reals beside integers in columns without a type, where DISTINCT may show
 * either.
 */
#ifndef TEST_DIFF_GENERATE_H
#define TEST_DIFF_GENERATE_H

#include "test/diff/tree.h"

enum { TABLES_MAX = 4, COLUMNS_MAX = 5, SOURCES_MAX = 4, VISIBLE_MAX = 32 };

enum type { TYPE_NONE, TYPE_INTEGER, TYPE_REAL, TYPE_TEXT, TYPE_NUMERIC, TYPE_NOCASE };

struct column {
    enum type type;
    bool is_unique, is_not_null;
};

enum key { KEY_NONE, KEY_INTEGER, KEY_TEXT, KEY_PAIR };

struct table {
    unsigned number, column_count;
    enum key key;
    struct column columns[COLUMNS_MAX];
};

struct generator {
    uint64_t state;
    struct nodes nodes;
    unsigned table_count, index_count, alias_count;
    bool allows_right; /* SQLite 3.40 loses rows where RIGHT and FULL joins meet other things */
    struct table tables[TABLES_MAX];
};

/* What an expression may name. */
struct visible {
    const char *name;
    enum type type;
};

struct scope {
    const struct scope *outer;
    bool without_like;         /* SQLite loses rows of outer joins by LIKE in ON */
    const struct table *avoid; /* SQLite may update a row before a subquery has read it */
    unsigned count;
    struct visible names[VISIBLE_MAX];
};

static inline uint64_t draw(struct generator *g)
{
    g->state += 0x9e3779b97f4a7c15u;
    uint64_t z = g->state;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline unsigned below(struct generator *g, unsigned bound)
{
    return (unsigned)(draw(g) % bound);
}

static inline bool chance(struct generator *g, unsigned percent)
{
    return below(g, 100) < percent;
}

#define PICK(g, array) ((array)[below((g), (unsigned)(sizeof(array) / sizeof *(array)))])

static inline struct node *fixed(struct generator *g, const char *text)
{
    return node_new(&g->nodes, FIXED, text);
}

/* ---- values ---- */

static inline const char *integer_text(struct generator *g)
{
    static const char *const edges[] = {
        "9223372036854775807", "-9223372036854775807", "(-9223372036854775807 - 1)", "2147483648",
        "-2147483649",         "9007199254740993",     "9007199254740992",           "65536"};

    return chance(g, 8) ? PICK(g, edges) : text_kept(&g->nodes, "%d", (int)below(g, 14) - 3);
}

static inline const char *real_text(struct generator *g)
{
    static const char *const reals[] = {"0.5",   "1.5", "-2.25",         "3.75", "1e300", "-0.125",
                                        "1e-10", "9.5", "9007199254.75", "2.5",  "-1.5",  "0.0625"};

    return PICK(g, reals);
}

static inline const char *string_text(struct generator *g)
{
    static const char *const strings[] = {
        "''",   "'a'",  "'A'",  "'b'", "'B'", "'ab'", "'aB'",   "'abc'", "'1'",   "'1.5'",
        "'01'", "' 1'", "'1 '", "'é'", "'É'", "'%'",  "'x''y'", "'1e2'", "'a_c'", "'zz'",
        "'2'",  "'3'",  "'-1'", "'0'", "'c'", "'d'",  "'5x'",   "'0x5'", "'.5'",  "'+7'"};

    return PICK(g, strings);
}

static inline const char *bytes_text(struct generator *g)
{
    static const char *const bytes[] = {"x'02'", "x'01'", "x'61'", "x'6162'", "x'ff'", "x'31'"};

    return PICK(g, bytes);
}

static inline const char *value_text(struct generator *g, enum type type, bool is_not_null)
{
    unsigned roll = below(g, 100);

    if (roll < 13 && !is_not_null)
        return "NULL";
    if (roll < 18 && type != TYPE_TEXT && type != TYPE_NOCASE)
        return bytes_text(g);
    switch (type) {
    case TYPE_INTEGER:
        return roll < 90 ? integer_text(g) : roll < 95 ? real_text(g) : string_text(g);
    case TYPE_REAL:
        return roll < 50 ? real_text(g) : roll < 92 ? integer_text(g) : string_text(g);
    case TYPE_NUMERIC:
        return roll < 40 ? real_text(g) : roll < 80 ? integer_text(g) : string_text(g);
    case TYPE_TEXT:
    case TYPE_NOCASE:
        return roll < 90 ? string_text(g) : roll < 95 ? integer_text(g) : real_text(g);
    case TYPE_NONE:
        break;
    }
    return roll < 50 ? integer_text(g) : roll < 65 ? real_text(g) : string_text(g);
}

/* ---- schema and rows ---- */

static inline struct node *generate_table(struct generator *g, unsigned number)
{
    static const char *const types[] = {"",      " INTEGER", " REAL",
                                        " TEXT", " NUMERIC", " TEXT COLLATE NOCASE"};
    struct table *table = &g->tables[number];
    struct node *list = node_new(&g->nodes, FIXED, "");
    struct text text = {0};

    *table = (struct table){.number = number, .column_count = 2 + below(g, COLUMNS_MAX - 1)};
    table->key = (enum key)below(g, 4);
    for (unsigned c = 0; c < table->column_count; c++) {
        struct column *column = &table->columns[c];
        bool is_key = c == 0 && table->key != KEY_NONE;
        char part[128];

        column->type = (enum type)below(g, 6);
        if (is_key && table->key == KEY_INTEGER)
            column->type = TYPE_INTEGER;
        if (is_key && table->key == KEY_TEXT)
            column->type = TYPE_TEXT;
        column->is_not_null = (table->key == KEY_PAIR && c < 2) || is_key || chance(g, 10);
        column->is_unique = is_key || (table->key == KEY_PAIR && c < 2);
        snprintf(part, sizeof part, "%sc%u%s%s%s", c > 0 ? ", " : "", c, types[column->type],
                 is_key && table->key == KEY_INTEGER ? " PRIMARY KEY"
                 : is_key && table->key == KEY_TEXT  ? " PRIMARY KEY NOT NULL"
                 : column->is_not_null               ? " NOT NULL"
                                                     : "",
                 !column->is_unique && chance(g, 10) ? (column->is_unique = true, " UNIQUE") : "");
        text_add(&text, part, strlen(part));
    }
    list->text = text_kept(&g->nodes, "CREATE TABLE t%u (%s%s)%s", number, text.data,
                           table->key == KEY_PAIR ? ", PRIMARY KEY (c0, c1)" : "",
                           table->key == KEY_PAIR && chance(g, 70) ? " WITHOUT ROWID" : "");
    free(text.data);
    return list;
}

static inline struct node *generate_row(struct generator *g, const struct table *table)
{
    struct node *values = fixed(g, "");
    struct text text = {0};

    text_add(&text, "(", 1);
    for (unsigned c = 0; c < table->column_count; c++) {
        const struct column *column = &table->columns[c];
        struct node *value = node_new(&g->nodes, VALUE, "");

        if (c == 0 && table->key == KEY_INTEGER)
            value->text =
                chance(g, 30) ? "NULL" : text_kept(&g->nodes, "%d", (int)below(g, 60) - 10);
        else
            value->text = value_text(g, column->type, column->is_not_null);
        node_add(values, value);
        text_add(&text, c == 0 ? "@" : ", @", c == 0 ? 1 : 3);
    }
    text_add(&text, ")", 1);
    values->text = text_kept(&g->nodes, "%s", text.data);
    free(text.data);
    return values;
}

static inline const struct table *any_table(struct generator *g)
{
    return &g->tables[below(g, g->table_count)];
}

static inline struct node *generate_expr(struct generator *g, const struct scope *scope,
                                         unsigned depth);
static inline struct node *generate_condition(struct generator *g, const struct scope *scope,
                                              unsigned depth);

static inline void scope_add(struct scope *scope, const char *name, enum type type)
{
    if (scope->count < VISIBLE_MAX)
        scope->names[scope->count++] = (struct visible){name, type};
}

static inline void scope_add_table(struct generator *g, struct scope *scope, const char *alias,
                                   const struct table *table)
{
    for (unsigned c = 0; c < table->column_count; c++)
        scope_add(scope, text_kept(&g->nodes, "%s.c%u", alias, c), table->columns[c].type);
}

static inline struct node *upsert_clause(struct generator *g, const struct table *table)
{
    unsigned last = table->column_count - 1;
    const char *target = table->key == KEY_PAIR ? "c0, c1" : "c0";

    if (table->key == KEY_NONE || table->columns[last].is_unique)
        return fixed(g, " ON CONFLICT DO NOTHING");
    if (chance(g, 40))
        return fixed(g, text_kept(&g->nodes, " ON CONFLICT (%s) DO NOTHING", target));
    return fixed(g, text_kept(&g->nodes, " ON CONFLICT (%s) DO UPDATE SET c%u = %s%s", target, last,
                              chance(g, 50) ? "coalesce(excluded.c" : "ifnull(c",
                              text_kept(&g->nodes, "%u, 5)%s", last,
                                        chance(g, 30) ? " WHERE excluded.c0 IS NOT NULL" : "")));
}

static inline struct node *generate_insert(struct generator *g, const struct table *table,
                                           unsigned rows)
{
    static const char *const verbs[] = {"INSERT", "INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE",
                                        "REPLACE"};
    const char *verb = PICK(g, verbs);
    struct node *list = node_new(&g->nodes, LIST, "");
    struct node *upsert =
        strcmp(verb, "INSERT") == 0 && chance(g, 60) ? upsert_clause(g, table) : NULL;

    for (unsigned r = 0; r < rows && r < CHILDREN_MAX; r++)
        node_add(list, generate_row(g, table));
    return node_with(&g->nodes, FIXED,
                     text_kept(&g->nodes, "%s INTO t%u VALUES @%s", verb, table->number,
                               upsert != NULL ? "@" : ""),
                     list, upsert, NULL);
}

static inline struct node *generate_update(struct generator *g)
{
    const struct table *table = any_table(g);
    struct scope scope = {.avoid = table};
    unsigned c = below(g, table->column_count);
    const char *where = " WHERE @";
    struct node *value;

    scope_add_table(g, &scope, text_kept(&g->nodes, "t%u", table->number), table);
    if (table->columns[c].is_unique) {
        value = node_new(&g->nodes, VALUE, value_text(g, table->columns[c].type, true));
        if (table->key == KEY_NONE || table->key == KEY_PAIR) /* one row at most */
            return fixed(g, text_kept(&g->nodes, "DELETE FROM t%u WHERE c%u = %s", table->number, c,
                                      value->text));
        where = text_kept(&g->nodes, " WHERE c0 = %s", value_text(g, table->columns[0].type, true));
        return node_with(&g->nodes, FIXED,
                         text_kept(&g->nodes, "UPDATE%s t%u SET c%u = @%s",
                                   chance(g, 20)   ? " OR REPLACE"
                                   : chance(g, 20) ? " OR IGNORE"
                                                   : "",
                                   table->number, c, where),
                         value, NULL, NULL);
    }
    value = generate_expr(g, &scope, 2);
    if (table->columns[c].is_not_null)
        value = node_with(&g->nodes, FIXED, "coalesce(@, 1)", value, NULL, NULL);
    if (table->columns[c].type == TYPE_TEXT || table->columns[c].type == TYPE_NOCASE)
        value = node_with(&g->nodes, FIXED, "CAST(@ AS TEXT)", value, NULL, NULL);
    return node_with(
        &g->nodes, FIXED, text_kept(&g->nodes, "UPDATE t%u SET c%u = @@", table->number, c), value,
        node_with(&g->nodes, OPTIONAL, where, generate_condition(g, &scope, 2), NULL, NULL), NULL);
}

static inline struct node *generate_delete(struct generator *g)
{
    const struct table *table = any_table(g);
    struct scope scope = {.avoid = table};

    scope_add_table(g, &scope, text_kept(&g->nodes, "t%u", table->number), table);
    return node_with(&g->nodes, FIXED,
                     text_kept(&g->nodes, "DELETE FROM t%u WHERE @ AND @", table->number),
                     generate_condition(g, &scope, 2), generate_condition(g, &scope, 1), NULL);
}

static inline struct node *generate_index(struct generator *g)
{
    const struct table *table = any_table(g);
    unsigned number = g->index_count++ % 12, count = 1 + below(g, 2);
    struct scope scope = {0};
    struct text text = {0};

    if (chance(g, 25))
        return fixed(g, text_kept(&g->nodes, "DROP INDEX IF EXISTS i%u", below(g, 12)));
    for (unsigned k = 0; k < count; k++) {
        static const char *const forms[] = {"c%u",         "c%u",      "c%u",
                                            "c%u DESC",    "c%u DESC", "c%u COLLATE NOCASE",
                                            "length(c%u)", "c%u + 1"};
        char part[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(part, sizeof part, PICK(g, forms), below(g, table->column_count));
#pragma GCC diagnostic pop
        text_add(&text, k > 0 ? ", " : "", k > 0 ? 2 : 0);
        text_add(&text, part, strlen(part));
    }
    scope_add_table(g, &scope, text_kept(&g->nodes, "t%u", table->number), table);
    struct node *index =
        fixed(g, text_kept(&g->nodes, "CREATE INDEX IF NOT EXISTS i%u ON t%u (%s)%s", number,
                           table->number, text.data,
                           !chance(g, 20)  ? ""
                           : chance(g, 50) ? text_kept(&g->nodes, " WHERE c%u IS NOT NULL",
                                                       below(g, table->column_count))
                                           : text_kept(&g->nodes, " WHERE c%u > 2",
                                                       below(g, table->column_count))));

    free(text.data);
    return index;
}

/* ---- expressions ---- */

static inline struct node *generate_leaf(struct generator *g, const struct scope *scope)
{
    const struct scope *from = scope;

    while (from != NULL && (from->count == 0 || chance(g, 25)) && from->outer != NULL)
        from = from->outer;
    if (from != NULL && from->count > 0 && chance(g, 75))
        return node_new(&g->nodes, VALUE, from->names[below(g, from->count)].name);
    return node_new(&g->nodes, VALUE, value_text(g, (enum type)below(g, 6), false));
}

static inline struct node *inner_source(struct generator *g, const struct scope *outer,
                                        struct scope *inner)
{
    const struct table *table = any_table(g), *avoid = outer == NULL ? NULL : outer->avoid;
    const char *alias = text_kept(&g->nodes, "s%u", g->alias_count++);

    if (table == avoid)
        table = &g->tables[(table->number + 1) % g->table_count];
    *inner = (struct scope){.outer = outer, .avoid = avoid};
    scope_add_table(g, inner, alias, table);
    return fixed(g, text_kept(&g->nodes, "t%u AS %s", table->number, alias));
}

static inline const char *name_in(struct generator *g, const struct scope *scope)
{
    return scope->names[below(g, scope->count)].name;
}

/* COLLATE stays out of outputs: SQLite would take it for the collation of the whole output. */
static inline struct node *inner_where(struct generator *g, const struct scope *scope,
                                       unsigned depth)
{
    if (chance(g, 8))
        return node_with(&g->nodes, OPTIONAL,
                         text_kept(&g->nodes, " WHERE %s %s %s COLLATE NOCASE AND @",
                                   name_in(g, scope), chance(g, 60) ? "=" : ">", string_text(g)),
                         generate_condition(g, scope, depth), NULL, NULL);
    return node_with(&g->nodes, OPTIONAL, " WHERE @", generate_condition(g, scope, depth), NULL,
                     NULL);
}

static inline struct node *generate_subquery(struct generator *g, const struct scope *scope,
                                             unsigned depth)
{
    static const char *const aggregates[] = {"count(*)", "max(%s)", "min(%s)", "count(DISTINCT %s)",
                                             "count(%s)"};
    struct scope inner;
    struct node *source = inner_source(g, scope, &inner);
    const char *column = name_in(g, &inner);
    const char *aggregate;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    aggregate = text_kept(&g->nodes, PICK(g, aggregates), column);
#pragma GCC diagnostic pop
    return node_with(&g->nodes, VALUE, text_kept(&g->nodes, "(SELECT %s FROM @@)", aggregate),
                     source, inner_where(g, &inner, depth), NULL);
}

static inline struct node *generate_function(struct generator *g, const struct scope *scope,
                                             unsigned depth)
{
    static const char *const one[] = {
        "length(@)", "upper(@)", "lower(@)", "typeof(@)", "hex(@)", "trim(@)",         "unicode(@)",
        "sign(@)",   "(- @)",    "(~ @)",    "(NOT @)",   "(+ @)",  "quote(typeof(@))"};
    static const char *const two[] = {
        "coalesce(@, @)", "ifnull(@, @)", "nullif(@, @)",         "max(@, @)",        "min(@, @)",
        "instr(@, @)",    "(@ || @)",     "iif(@ IS NULL, 1, @)", "substr(@, 2) || @"};
    static const char *const three[] = {"iif(@, @, @)", "CASE @ WHEN @ THEN 1 ELSE @ END",
                                        "CASE WHEN @ THEN @ ELSE @ END", "coalesce(@, @, @)",
                                        "replace(@, @, @)"};
    unsigned roll = below(g, 3);
    struct node *a = generate_expr(g, scope, depth), *b, *c;

    if (roll == 0)
        return node_with(&g->nodes, VALUE, PICK(g, one), a, NULL, NULL);
    b = generate_expr(g, scope, depth);
    if (roll == 1)
        return node_with(&g->nodes, VALUE, PICK(g, two), a, b, NULL);
    c = generate_expr(g, scope, depth);
    return node_with(&g->nodes, VALUE, PICK(g, three), a, b, c);
}

static inline struct node *generate_expr(struct generator *g, const struct scope *scope,
                                         unsigned depth)
{
    static const char *const binary[] = {"(@ + @)", "(@ - @)", "(@ * @)", "(@ / @)",
                                         "(@ % @)", "(@ & @)", "(@ | @)", "(@ || @)"};
    static const char *const casts[] = {"CAST(@ AS INTEGER)", "CAST(@ AS TEXT)", "CAST(@ AS REAL)"};
    unsigned roll = below(g, 100);

    if (depth == 0 || roll < 30)
        return generate_leaf(g, scope);
    if (roll < 55)
        return node_with(&g->nodes, VALUE, PICK(g, binary), generate_expr(g, scope, depth - 1),
                         generate_expr(g, scope, depth - 1), NULL);
    if (roll < 75)
        return generate_function(g, scope, depth - 1);
    if (roll < 82)
        return node_with(&g->nodes, VALUE, PICK(g, casts), generate_expr(g, scope, depth - 1), NULL,
                         NULL);
    if (roll < 87)
        return generate_subquery(g, scope, depth - 1);
    return generate_condition(g, scope, depth - 1);
}

/* ---- conditions ---- */

static inline struct node *generate_membership(struct generator *g, const struct scope *scope,
                                               unsigned depth)
{
    struct scope inner;
    struct node *source = inner_source(g, scope, &inner);
    struct node *where = inner_where(g, &inner, depth == 0 ? 0 : depth - 1);
    const char *column = name_in(g, &inner), *not = chance(g, 40) ? "NOT " : "";

    if (chance(g, 50))
        return node_with(&g->nodes, VALUE,
                         text_kept(&g->nodes, "(%sEXISTS (SELECT 1 FROM @@))", not ), source, where,
                         NULL);
    return node_with(&g->nodes, VALUE,
                     text_kept(&g->nodes, "(@ %sIN (SELECT %s FROM @@))", not, column),
                     generate_expr(g, scope, 0), source, where);
}

/* Whether LIKE and GLOB look into bytes is a matter of how SQLite was compiled. */
static inline struct node *generate_text(struct generator *g, const struct scope *scope)
{
    if (scope->count > 0) {
        const struct visible *name = &scope->names[below(g, scope->count)];

        if (name->type == TYPE_TEXT || name->type == TYPE_NOCASE)
            return fixed(g, name->name);
        return fixed(g, text_kept(&g->nodes, "CASE typeof(%s) WHEN 'blob' THEN 'b' ELSE %s END",
                                  name->name, name->name));
    }
    return fixed(g, string_text(g));
}

static inline struct node *generate_simple(struct generator *g, const struct scope *scope,
                                           unsigned depth)
{
    static const char *const compare[] = {"(@ = @)",  "(@ = @)",  "(@ <> @)",
                                          "(@ < @)",  "(@ <= @)", "(@ > @)",
                                          "(@ >= @)", "(@ IS @)", "(@ IS NOT @)"};
    static const char *const null[] = {"(@ IS NULL)", "(@ IS NOT NULL)"};
    static const char *const range[] = {"(@ BETWEEN @ AND @)", "(@ NOT BETWEEN @ AND @)",
                                        "(@ IN (@, @))", "(@ NOT IN (@, @))"};
    static const char *const like[] = {"(@ LIKE 'a%')",    "(@ LIKE '%b%')", "(@ LIKE '_')",
                                       "(@ GLOB 'a*')",    "(@ LIKE '1%')",  "(@ NOT LIKE 'A%')",
                                       "(@ GLOB '[a-c]*')"};
    unsigned roll = below(g, 100), deeper = depth > 0 ? depth - 1 : 0;

    if (roll < 60)
        return node_with(&g->nodes, VALUE, PICK(g, compare), generate_expr(g, scope, deeper),
                         generate_expr(g, scope, deeper), NULL);
    if (roll < 72)
        return node_with(&g->nodes, VALUE, PICK(g, null), generate_expr(g, scope, deeper), NULL,
                         NULL);
    if (roll < 90 || scope->without_like)
        return node_with(&g->nodes, VALUE, PICK(g, range), generate_expr(g, scope, deeper),
                         generate_expr(g, scope, deeper), generate_expr(g, scope, deeper));
    return node_with(&g->nodes, VALUE, PICK(g, like), generate_text(g, scope), NULL, NULL);
}

static inline struct node *generate_condition(struct generator *g, const struct scope *scope,
                                              unsigned depth)
{
    unsigned roll = below(g, 100);

    if (depth > 0 && roll < 22)
        return node_with(&g->nodes, VALUE, "(@ AND @)", generate_condition(g, scope, depth - 1),
                         generate_condition(g, scope, depth - 1), NULL);
    if (depth > 0 && roll < 38)
        return node_with(&g->nodes, VALUE, "(@ OR @)", generate_condition(g, scope, depth - 1),
                         generate_condition(g, scope, depth - 1), NULL);
    if (depth > 0 && roll < 43)
        return node_with(&g->nodes, VALUE, "(NOT @)", generate_condition(g, scope, depth - 1), NULL,
                         NULL);
    if (depth > 0 && roll < 52)
        return generate_membership(g, scope, depth - 1);
    return generate_simple(g, scope, depth);
}

/* ---- queries ---- */

/* Equal columns of both sides: what joins are usually made of. */
static inline struct node *generate_on(struct generator *g, const struct scope *left,
                                       const struct scope *right)
{
    struct scope both = *left;
    struct node *equal;

    both.without_like = true;
    for (unsigned k = 0; k < right->count; k++)
        scope_add(&both, right->names[k].name, right->names[k].type);
    equal = node_with(&g->nodes, VALUE, chance(g, 85) ? "(@ = @)" : "(@ IS @)",
                      node_new(&g->nodes, VALUE, name_in(g, left)),
                      node_new(&g->nodes, VALUE, name_in(g, right)), NULL);
    if (chance(g, 30))
        return generate_condition(g, &both, 1);
    if (chance(g, 60))
        return equal;
    return node_with(&g->nodes, VALUE, "(@ AND @)", equal, generate_condition(g, &both, 1), NULL);
}

static inline struct node *generate_query(struct generator *g, const struct scope *outer,
                                          unsigned columns, unsigned depth);

/* A table, or a query with columns x0, x1 …; its names are added to `scope`. */
static inline struct node *generate_source(struct generator *g, struct scope *scope, unsigned depth)
{
    const struct table *table = any_table(g);
    const char *alias = text_kept(&g->nodes, "s%u", g->alias_count++);

    if (depth > 0 && chance(g, 18)) {
        unsigned columns = 1 + below(g, 3);
        struct node *query = generate_query(g, NULL, columns, depth - 1);

        for (unsigned k = 0; k < columns; k++)
            scope_add(scope, text_kept(&g->nodes, "%s.x%u", alias, k), TYPE_NONE);
        return node_with(&g->nodes, FIXED, text_kept(&g->nodes, "(@) AS %s", alias), query, NULL,
                         NULL);
    }
    scope_add_table(g, scope, alias, table);
    return fixed(g, text_kept(&g->nodes, "t%u AS %s", table->number, alias));
}

static inline struct node *generate_from(struct generator *g, struct scope *scope, unsigned depth)
{
    static const char *const joins[] = {
        "@ JOIN @ ON @", "@ JOIN @ ON @",   "@ LEFT JOIN @ ON @",  "@ LEFT JOIN @ ON @",
        "@, @@",         "@ CROSS JOIN @@", "@ RIGHT JOIN @ ON @", "@ FULL JOIN @ ON @"};
    unsigned count = 1 + (chance(g, 55) ? 1 : 0) + (chance(g, 15) ? 1 : 0);
    struct node *from = generate_source(g, scope, depth);

    for (unsigned k = 1; k < count; k++) {
        struct scope right = {.outer = scope->outer};
        struct node *source = generate_source(g, &right, depth);
        const char *join = joins[below(g, count == 2 && g->allows_right ? 8 : 6)];
        struct node *on =
            strstr(join, " ON ") != NULL ? generate_on(g, scope, &right) : fixed(g, "");

        for (unsigned n = 0; n < right.count; n++)
            scope_add(scope, right.names[n].name, right.names[n].type);
        from = node_with(&g->nodes, FIXED, join, from, source, on);
    }
    return from;
}

static inline struct node *optional_where(struct generator *g, const struct scope *scope)
{
    return chance(g, 75) ? inner_where(g, scope, 3) : fixed(g, "");
}

/* expr AS x0, expr AS x1 … */
static inline struct node *generate_outputs(struct generator *g, const struct scope *scope,
                                            unsigned columns, bool in_compound)
{
    struct node *list = node_new(&g->nodes, FIXED, "");
    struct text text = {0};

    for (unsigned k = 0; k < columns; k++) {
        const char *part =
            text_kept(&g->nodes, in_compound ? "%s+ @ AS x%u" : "%s@ AS x%u", k > 0 ? ", " : "", k);

        text_add(&text, part, strlen(part));
        node_add(list, generate_expr(g, scope, chance(g, 50) ? 0 : 2));
    }
    list->text = text_kept(&g->nodes, "%s", text.data);
    free(text.data);
    return list;
}

/* The affinity of a compound's columns is any of its parts': these have none. */
static inline struct node *generate_plain(struct generator *g, const struct scope *outer,
                                          unsigned columns, unsigned depth, bool in_compound)
{
    struct scope scope = {.outer = outer};
    struct node *from = generate_from(g, &scope, depth);
    struct node *query = node_with(
        &g->nodes, FIXED,
        !in_compound && chance(g, 15) ? "SELECT DISTINCT @ FROM @@" : "SELECT @ FROM @@",
        generate_outputs(g, &scope, columns, in_compound), from, optional_where(g, &scope));

    return query;
}

static inline const char *aggregate_text(struct generator *g, const struct scope *scope)
{
    static const char *const names[] = {
        "count(*)",           "count(%s)", "min(%s)", "max(%s)",
        "count(DISTINCT %s)", "total(%s)", "avg(%s)", "count(*) FILTER (WHERE %s > 2)",
        "total(DISTINCT %s)"};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return text_kept(&g->nodes, PICK(g, names), name_in(g, scope));
#pragma GCC diagnostic pop
}

/* Keys first, aggregates after them. */
static inline struct node *generate_grouped(struct generator *g, const struct scope *outer,
                                            unsigned columns, unsigned depth)
{
    struct scope scope = {.outer = outer};
    struct node *from = generate_from(g, &scope, depth), *having = fixed(g, "");
    unsigned keys = chance(g, 25) ? 0 : 1 + below(g, columns);
    struct text outputs = {0}, group = {0};
    struct node *query;

    for (unsigned k = 0; k < columns; k++) {
        const char *expr = k < keys ? name_in(g, &scope) : aggregate_text(g, &scope);
        const char *part = text_kept(&g->nodes, "%s%s AS x%u", k > 0 ? ", " : "", expr, k);

        text_add(&outputs, part, strlen(part));
        if (k < keys) {
            part = text_kept(&g->nodes, "%s%s", k > 0 ? ", " : " GROUP BY ", expr);
            text_add(&group, part, strlen(part));
        }
    }
    if (chance(g, 25) && keys > 0)
        having = node_new(&g->nodes, OPTIONAL,
                          text_kept(&g->nodes, " HAVING %s %s %s", aggregate_text(g, &scope),
                                    chance(g, 50) ? ">" : "<=", integer_text(g)));
    query = node_with(&g->nodes, FIXED,
                      text_kept(&g->nodes, "SELECT %s FROM @@%s@", outputs.data,
                                group.data == NULL ? "" : group.data),
                      from, optional_where(g, &scope), having);
    free(outputs.data);
    free(group.data);
    return query;
}

static inline struct node *generate_windowed(struct generator *g, unsigned columns)
{
    static const char *const calls[] = {"rank()",    "dense_rank()", "count(*)", "count(%s)",
                                        "total(%s)", "max(%s)",      "min(%s)",  "cume_dist()"};
    static const char *const frames[] = {"", "", "", " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
                                         " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"};
    struct scope scope = {0};
    struct node *from = generate_from(g, &scope, 1);
    struct text outputs = {0};
    struct node *query;

    for (unsigned k = 0; k < columns; k++) {
        const char *part =
            text_kept(&g->nodes, "%s%s AS x%u", k > 0 ? ", " : "", name_in(g, &scope), k);

        if (k + 1 == columns) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            const char *call = text_kept(&g->nodes, PICK(g, calls), name_in(g, &scope));
#pragma GCC diagnostic pop
            const char *partition =
                chance(g, 50) ? text_kept(&g->nodes, "PARTITION BY %s ", name_in(g, &scope)) : "";

            /* sums of doubles depend on the order in which a frame moves */
            part = text_kept(&g->nodes, "%s%s OVER (%sORDER BY %s%s%s) AS x%u", k > 0 ? ", " : "",
                             call, partition, name_in(g, &scope), chance(g, 30) ? " DESC" : "",
                             strncmp(call, "total", 5) == 0 ? "" : PICK(g, frames), k);
        }
        text_add(&outputs, part, strlen(part));
    }
    query = node_with(&g->nodes, FIXED, text_kept(&g->nodes, "SELECT %s FROM @@", outputs.data),
                      from, optional_where(g, &scope), NULL);
    free(outputs.data);
    return query;
}

static inline struct node *generate_compound(struct generator *g, unsigned columns, unsigned depth)
{
    static const char *const operators[] = {"@ UNION ALL @", "@ UNION ALL @", "@ UNION @",
                                            "@ INTERSECT @", "@ EXCEPT @"};
    struct node *left = generate_plain(g, NULL, columns, depth, true);

    for (unsigned k = 0, count = 1 + below(g, 2); k < count; k++)
        left = node_with(&g->nodes, FIXED, PICK(g, operators), left,
                         generate_plain(g, NULL, columns, 0, true), NULL);
    return left;
}

static inline struct node *generate_query(struct generator *g, const struct scope *outer,
                                          unsigned columns, unsigned depth)
{
    unsigned roll = below(g, 100);

    if (roll < 25)
        return generate_grouped(g, outer, columns, depth);
    if (roll < 37 && outer == NULL)
        return generate_compound(g, columns, depth);
    if (roll < 45 && outer == NULL)
        return generate_windowed(g, columns);
    return generate_plain(g, outer, columns, depth, false);
}

/* ORDER BY every column, so that the order is total but for rows that are equal. */
static inline struct node *generate_order(struct generator *g, unsigned columns)
{
    struct text text = {0};
    unsigned first = below(g, columns);
    struct node *order;

    for (unsigned k = 0; k < columns; k++) {
        const char *part =
            text_kept(&g->nodes, "%s%u%s%s", k == 0 ? " ORDER BY " : ", ",
                      (first + k) % columns + 1, chance(g, 40) ? " DESC" : "",
                      chance(g, 15) ? (chance(g, 50) ? " NULLS LAST" : " NULLS FIRST") : "");

        text_add(&text, part, strlen(part));
    }
    order = fixed(g, text_kept(&g->nodes, "%s", text.data));
    free(text.data);
    return order;
}

static inline struct node *generate_select(struct generator *g, bool *is_ordered)
{
    unsigned columns = 1 + below(g, 3);
    struct node *query, *limit = fixed(g, "");

    g->allows_right = chance(g, 20);
    query = g->allows_right ? generate_plain(g, NULL, columns, 0, false)
                            : generate_query(g, NULL, columns, 2);
    g->allows_right = false;
    if (chance(g, 8)) {
        struct node *inner = generate_query(g, NULL, 2, 1);

        query = node_with(&g->nodes, FIXED,
                          chance(g, 50) ? "WITH w AS (@) SELECT x0, x1, x0 IS x1 FROM w"
                                        : "WITH w AS (@) SELECT p.x0, q.x1, p.x1 FROM w p JOIN w q "
                                          "ON p.x0 = q.x0",
                          inner, NULL, NULL);
        columns = 3;
    }
    *is_ordered = chance(g, 45);
    if (!*is_ordered)
        return query;
    if (chance(g, 45))
        limit = node_new(
            &g->nodes, OPTIONAL,
            text_kept(&g->nodes, " LIMIT %u%s", below(g, 8),
                      chance(g, 30) ? text_kept(&g->nodes, " OFFSET %u", below(g, 4)) : ""));
    return node_with(&g->nodes, FIXED, "@@@", query, generate_order(g, columns), limit);
}

#endif
