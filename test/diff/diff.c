/*
 * diff: a differential fuzzer. Random schemas, rows and statements run in harper and in the SQLite
 * library side by side; every statement must succeed or fail in both, every query give the same
 * rows.
 *
 *     diff [--seed N] [--statements N] [--minutes N] [--backend NAME] [--scratch DIR] [--stop]
 *
 * Rows are compared as multisets, and in order where ORDER BY is total. Beside that, harper is held
 * against itself: the rows of a query are those where p, where NOT p and where p IS NULL together
 * (TLP), and WHERE p finds as many rows as evaluating p on every row counts (NoREC). After an index
 * is made or dropped the last queries are asked again.
 *
 * A failing round is made smaller - statements dropped, parts of them left out, expressions
 * replaced by their operands - and printed as a script. Ends with `N passed, N failed`, in
 * statements.
 */
#include "api/harper.h"
#include "test/diff/generate.h"
#include <math.h>
#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

enum { SCRIPT_MAX = 512, RECENT_MAX = 6, CELLS_MAX = 8 };

enum check { CHECK_DIFF, CHECK_TLP, CHECK_NOREC };

struct statement {
    struct node *tree;
    enum check check;
    bool is_ordered;
    struct node *from, *condition; /* TLP, NOREC */
};

struct script {
    struct statement statements[SCRIPT_MAX];
    unsigned count;
};

/* ---- results ---- */

enum cell_kind { CELL_NULL, CELL_INT, CELL_REAL, CELL_TEXT, CELL_BYTES };

struct cell {
    enum cell_kind kind;
    int64_t i;
    double d;
    char *data;
    size_t len;
};

struct row {
    struct cell cells[CELLS_MAX];
};

struct rows {
    struct row *rows;
    size_t count, capacity, columns;
    bool failed;
    char message[512];
};

static struct row *rows_add(struct rows *rows)
{
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity * 2 + 16;
        rows->rows = realloc(rows->rows, rows->capacity * sizeof *rows->rows);
        if (rows->rows == NULL)
            abort();
    }
    return memset(&rows->rows[rows->count++], 0, sizeof(struct row));
}

static void rows_free(struct rows *rows)
{
    for (size_t r = 0; r < rows->count; r++)
        for (size_t c = 0; c < rows->columns; c++)
            free(rows->rows[r].cells[c].data);
    free(rows->rows);
    *rows = (struct rows){0};
}

static void cell_bytes(struct cell *cell, enum cell_kind kind, const void *data, size_t len)
{
    cell->kind = kind;
    cell->data = malloc(len + 1);
    if (cell->data == NULL)
        abort();
    if (len > 0)
        memcpy(cell->data, data, len);
    cell->data[len] = '\0';
    cell->len = len;
}

/* ---- the two engines ---- */

struct engines {
    sqlite3 *sqlite;
    harper *db;
    harper_session *session;
    char path[512];
    uint64_t work; /* SQLite's virtual machine: how much of it one statement may take */
};

static const char *backend = "memory", *scratch = "/tmp";
static unsigned database_number;

/* A join that multiplies too much is given up in SQLite, and then not asked of harper. */
static int too_much(void *context)
{
    struct engines *engines = context;

    return ++engines->work > 300;
}

static bool engines_open(struct engines *engines, const char *store)
{
    harper_options options = {
        .size = sizeof options, .backend = store, .durability = HARPER_DURABILITY_OFF};
    harper_error error;

    memset(engines, 0, sizeof *engines);
    if (strcmp(store, "memory") == 0)
        snprintf(engines->path, sizeof engines->path, ":memory:");
    else
        snprintf(engines->path, sizeof engines->path, "%s/diff-%d-%u", scratch, (int)getpid(),
                 database_number++);
    if (sqlite3_open(":memory:", &engines->sqlite) != SQLITE_OK ||
        harper_open(engines->path, &options, &engines->db, &error) != HARPER_OK ||
        harper_session_open(engines->db, &engines->session, &error) != HARPER_OK) {
        printf("the databases cannot be opened: %s\n", error.message);
        return false;
    }
    sqlite3_progress_handler(engines->sqlite, 10000, too_much, engines);
    return true;
}

static void engines_close(struct engines *engines)
{
    char command[600];

    harper_session_close(engines->session);
    harper_close(engines->db);
    sqlite3_close(engines->sqlite);
    if (strcmp(engines->path, ":memory:") == 0)
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", engines->path);
    if (system(command) != 0)
        printf("%s cannot be removed\n", engines->path);
}

static void sqlite_cell(sqlite3_stmt *statement, int column, struct cell *cell)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        *cell = (struct cell){.kind = CELL_INT, .i = sqlite3_column_int64(statement, column)};
        break;
    case SQLITE_FLOAT:
        *cell = (struct cell){.kind = CELL_REAL, .d = sqlite3_column_double(statement, column)};
        break;
    case SQLITE_TEXT:
        cell_bytes(cell, CELL_TEXT, sqlite3_column_text(statement, column),
                   (size_t)sqlite3_column_bytes(statement, column));
        break;
    case SQLITE_BLOB:
        cell_bytes(cell, CELL_BYTES, sqlite3_column_blob(statement, column),
                   (size_t)sqlite3_column_bytes(statement, column));
        break;
    default:
        break;
    }
}

/* False: given up. */
static bool ask_sqlite(struct engines *engines, const char *sql, struct rows *rows)
{
    sqlite3_stmt *statement = NULL;
    int st = sqlite3_prepare_v2(engines->sqlite, sql, -1, &statement, NULL);

    engines->work = 0;
    if (st == SQLITE_OK) {
        rows->columns = (size_t)sqlite3_column_count(statement);
        while ((st = sqlite3_step(statement)) == SQLITE_ROW) {
            struct row *row = rows_add(rows);

            for (size_t c = 0; c < rows->columns && c < CELLS_MAX; c++)
                sqlite_cell(statement, (int)c, &row->cells[c]);
        }
    }
    if (st != SQLITE_OK && st != SQLITE_DONE) {
        rows->failed = true;
        snprintf(rows->message, sizeof rows->message, "%s", sqlite3_errmsg(engines->sqlite));
    }
    sqlite3_finalize(statement);
    return st != SQLITE_INTERRUPT;
}

static void harper_cell(harper_statement *statement, int column, struct cell *cell)
{
    size_t len = 0;
    const void *data;

    switch ((enum harper_type)harper_column_type(statement, column)) {
    case HARPER_NULL:
        break;
    case HARPER_BOOL:
    case HARPER_INT:
    case HARPER_DATE:
        *cell = (struct cell){.kind = CELL_INT, .i = harper_column_int(statement, column)};
        break;
    case HARPER_DOUBLE:
        *cell = (struct cell){.kind = CELL_REAL, .d = harper_column_double(statement, column)};
        break;
    case HARPER_BYTES:
        data = harper_column_bytes(statement, column, &len);
        cell_bytes(cell, CELL_BYTES, data, len);
        break;
    case HARPER_TEXT:
    case HARPER_ARRAY:
    case HARPER_OBJECT:
        data = harper_column_text(statement, column, &len);
        cell_bytes(cell, CELL_TEXT, data, len);
        break;
    }
}

static void ask_harper(struct engines *engines, const char *sql, struct rows *rows)
{
    harper_statement *statement = NULL;
    harper_error error = {0};
    int st = harper_prepare(engines->session, HARPER_SQL, sql, -1, &statement, NULL, &error);

    if (st == HARPER_OK) {
        rows->columns = (size_t)harper_column_count(statement);
        while ((st = harper_step(statement)) == HARPER_ROW) {
            struct row *row = rows_add(rows);

            for (size_t c = 0; c < rows->columns && c < CELLS_MAX; c++)
                harper_cell(statement, (int)c, &row->cells[c]);
        }
        if (st != HARPER_DONE)
            error = *harper_session_error(engines->session);
        harper_finalize(statement);
    }
    if (st != HARPER_OK && st != HARPER_DONE) {
        rows->failed = true;
        memcpy(rows->message, error.message, sizeof error.message);
    }
}

/* ---- comparing ---- */

static bool reals_equal(double a, double b)
{
    return a == b || fabs(a - b) <= 1e-12 * (fabs(a) + fabs(b));
}

/* Loosely: 1 is 1.0 and a is A, for queries that may show either. */
static bool cells_equal(const struct cell *a, const struct cell *b, bool loosely)
{
    if (a->kind != b->kind) {
        if (!loosely)
            return false;
        if (a->kind == CELL_INT && b->kind == CELL_REAL)
            return reals_equal((double)a->i, b->d);
        return a->kind == CELL_REAL && b->kind == CELL_INT && reals_equal(a->d, (double)b->i);
    }
    switch (a->kind) {
    case CELL_NULL:
        return true;
    case CELL_INT:
        return a->i == b->i;
    case CELL_REAL:
        return reals_equal(a->d, b->d);
    case CELL_TEXT:
        return a->len == b->len && (loosely ? strncasecmp(a->data, b->data, a->len)
                                            : memcmp(a->data, b->data, a->len)) == 0;
    case CELL_BYTES:
        return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
    }
    return false;
}

static bool row_equal(const struct row *a, const struct row *b, size_t columns, bool loosely)
{
    for (size_t c = 0; c < columns; c++)
        if (!cells_equal(&a->cells[c], &b->cells[c], loosely))
            return false;
    return true;
}

/* An order in which equal rows are neighbours; reals that differ in their last digits may not be,
 * so the search below looks around. */
static size_t sorted_columns;
static bool sorts_loosely;

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;

    for (size_t c = 0; c < sorted_columns; c++) {
        const struct cell *x = &a->cells[c], *y = &b->cells[c];
        double dx = x->kind == CELL_INT ? (double)x->i : x->d;
        double dy = y->kind == CELL_INT ? (double)y->i : y->d;
        int rank_x = x->kind == CELL_REAL ? CELL_INT : x->kind;
        int rank_y = y->kind == CELL_REAL ? CELL_INT : y->kind, order;

        if (rank_x != rank_y)
            return rank_x < rank_y ? -1 : 1;
        if (rank_x == CELL_INT && dx != dy)
            return dx < dy ? -1 : 1;
        if (rank_x != CELL_TEXT && rank_x != CELL_BYTES)
            continue;
        if (x->len != y->len)
            return x->len < y->len ? -1 : 1;
        order = rank_x == CELL_TEXT && sorts_loosely ? strncasecmp(x->data, y->data, x->len)
                                                     : memcmp(x->data, y->data, x->len);
        if (order != 0)
            return order;
    }
    for (size_t c = 0; c < sorted_columns && !sorts_loosely;
         c++) /* 1 before 1.0, so that strictly equal rows meet */
        if (a->cells[c].kind != b->cells[c].kind)
            return a->cells[c].kind < b->cells[c].kind ? -1 : 1;
    return 0;
}

static bool same_in_order(const struct rows *a, const struct rows *b, bool loosely)
{
    for (size_t r = 0; r < a->count; r++)
        if (!row_equal(&a->rows[r], &b->rows[r], a->columns, loosely))
            return false;
    return true;
}

static bool same_multiset(struct rows *a, struct rows *b, bool loosely)
{
    bool *taken = calloc(b->count + 1, 1);
    bool same = true;

    if (taken == NULL)
        abort();
    sorted_columns = a->columns;
    sorts_loosely = loosely;
    if (a->count > 0)
        qsort(a->rows, a->count, sizeof *a->rows, compare_rows);
    if (b->count > 0)
        qsort(b->rows, b->count, sizeof *b->rows, compare_rows);
    for (size_t r = 0; r < a->count && same; r++) {
        size_t from = r > 64 ? r - 64 : 0, k;

        for (k = from; k < b->count && k < r + 64; k++)
            if (!taken[k] && row_equal(&a->rows[r], &b->rows[k], a->columns, loosely))
                break;
        same = k < b->count && k < r + 64;
        if (same)
            taken[k] = true;
    }
    free(taken);
    return same;
}

static void print_rows(const char *who, const struct rows *rows)
{
    printf("-- %s: ", who);
    if (rows->failed)
        printf("error: %s\n", rows->message);
    else
        printf("%zu rows\n", rows->count);
    for (size_t r = 0; r < rows->count && r < 12; r++) {
        printf("--   ");
        for (size_t c = 0; c < rows->columns; c++) {
            const struct cell *cell = &rows->rows[r].cells[c];

            printf("%s", c > 0 ? " | " : "");
            if (cell->kind == CELL_NULL)
                printf("NULL");
            else if (cell->kind == CELL_INT)
                printf("%lld", (long long)cell->i);
            else if (cell->kind == CELL_REAL)
                printf("%.17g%s", cell->d, cell->d == floor(cell->d) ? " (real)" : "");
            else
                printf("%s'%s'", cell->kind == CELL_BYTES ? "bytes " : "", cell->data);
        }
        printf("\n");
    }
}

/* ---- checks ---- */

static bool verbose;

static bool is_overflow(const struct rows *rows)
{
    return rows->failed && strstr(rows->message, "integer overflow") != NULL;
}

static bool shows_either(const char *sql)
{
    return strstr(sql, "DISTINCT") != NULL || strstr(sql, "GROUP BY") != NULL ||
           strstr(sql, "UNION") != NULL || strstr(sql, "INTERSECT") != NULL ||
           strstr(sql, "EXCEPT") != NULL || strstr(sql, "max(") != NULL ||
           strstr(sql, "min(") != NULL;
}

static bool same_answer(struct rows *expected, struct rows *got, const char *sql, bool is_ordered)
{
    bool loosely = shows_either(sql), limited = strstr(sql, "LIMIT") != NULL;

    if (is_overflow(expected) || is_overflow(got)) /* whether it comes to that is not defined */
        return true;
    if (expected->failed && strstr(expected->message, "ON clause references") != NULL)
        return true; /* SQLite 3.40 confuses itself by moving subqueries */
    if (expected->failed || got->failed)
        return expected->failed == got->failed;
    if (expected->count != got->count || expected->columns != got->columns)
        return false;
    if (is_ordered && !same_in_order(expected, got, true))
        return false;
    return (is_ordered && limited) || same_multiset(expected, got, loosely);
}

static bool check_diff(struct engines *engines, const struct statement *statement, const char *sql)
{
    struct rows expected = {0}, got = {0};
    bool same = true;

    if (ask_sqlite(engines, sql, &expected)) {
        ask_harper(engines, sql, &got);
        same = same_answer(&expected, &got, sql, statement->is_ordered);
        if (!same && verbose) {
            print_rows("sqlite", &expected);
            print_rows("harper", &got);
        }
    }
    rows_free(&expected);
    rows_free(&got);
    return same;
}

static char *text_of_tree(const struct node *tree)
{
    struct text text = {0};

    text_add(&text, "", 0);
    tree_render(tree, &text);
    return text.data;
}

__attribute__((format(printf, 2, 3))) static size_t count_rows(struct engines *engines,
                                                               const char *format, ...)
{
    struct rows rows = {0};
    char *sql = NULL;
    size_t count;
    va_list args;

    va_start(args, format);
    if (vasprintf(&sql, format, args) < 0)
        abort();
    va_end(args);
    ask_harper(engines, sql, &rows);
    count = rows.failed || rows.count == 0 ? SIZE_MAX : (size_t)rows.rows[0].cells[0].i;
    if (rows.failed && verbose)
        printf("-- %s\n-- %s\n", sql, rows.message);
    if (is_overflow(&rows))
        count = SIZE_MAX - 1;
    rows_free(&rows);
    free(sql);
    return count;
}

static bool check_self(struct engines *engines, const struct statement *statement)
{
    char *from = text_of_tree(statement->from), *p = text_of_tree(statement->condition);
    size_t all, yes, no, unknown;
    struct rows probe = {0};
    char *sql = NULL;
    bool same = true;

    if (asprintf(&sql, "SELECT count(*) FROM %s WHERE %s", from, p) < 0)
        abort();
    if (ask_sqlite(engines, sql, &probe) && !probe.failed) {
        yes = count_rows(engines, "SELECT count(*) FROM %s WHERE %s", from, p);
        if (statement->check == CHECK_TLP) {
            all = count_rows(engines, "SELECT count(*) FROM %s", from);
            no = count_rows(engines, "SELECT count(*) FROM %s WHERE NOT %s", from, p);
            unknown = count_rows(engines, "SELECT count(*) FROM %s WHERE %s IS NULL", from, p);
            same = yes >= SIZE_MAX - 1 || no >= SIZE_MAX - 1 || unknown >= SIZE_MAX - 1 ||
                   all == yes + no + unknown;
            if (!same && verbose)
                printf("-- all %zu, true %zu, false %zu, unknown %zu\n", all, yes, no, unknown);
        } else {
            all = count_rows(engines, "SELECT count(CASE WHEN %s THEN 1 END) FROM %s", p, from);
            same = yes >= SIZE_MAX - 1 || all >= SIZE_MAX - 1 || yes == all;
            if (!same && verbose)
                printf("-- WHERE finds %zu, evaluating counts %zu\n", yes, all);
        }
    }
    rows_free(&probe);
    free(sql);
    free(from);
    free(p);
    return same;
}

static bool check_statement(struct engines *engines, const struct statement *statement)
{
    char *sql;
    bool same;

    if (statement->check != CHECK_DIFF)
        return check_self(engines, statement);
    sql = text_of_tree(statement->tree);
    same = check_diff(engines, statement, sql);
    free(sql);
    return same;
}

/* ---- making a failure smaller ---- */

static const char *shrink_backend;
static unsigned tries_left;

/* Does the last statement still go wrong, after all before it went well? */
static bool still_fails(const struct script *script, const bool *kept)
{
    struct engines engines;
    bool fails = false;

    if (tries_left == 0)
        return false;
    tries_left--;
    if (!engines_open(&engines, shrink_backend))
        return false;
    for (unsigned k = 0; k < script->count; k++) {
        if (!kept[k])
            continue;
        fails = !check_statement(&engines, &script->statements[k]);
        if (fails)
            break;
    }
    engines_close(&engines);
    return fails;
}

static void shrink_statements(const struct script *script, bool *kept)
{
    for (unsigned size = script->count / 2; size > 0; size /= 2) {
        for (unsigned at = 0; at < script->count - 1; at += size) {
            bool before[SCRIPT_MAX], any = false;

            memcpy(before, kept, sizeof before);
            for (unsigned k = at; k < at + size && k < script->count - 1; k++) {
                any = any || kept[k];
                kept[k] = false;
            }
            if (any && !still_fails(script, kept))
                memcpy(kept, before, sizeof before);
        }
    }
}

/* Try what `node` allows; true: something became smaller. */
static bool shrink_node(const struct script *script, const bool *kept, struct node *node,
                        bool is_item)
{
    static struct node null_node = {.sort = VALUE, .text = "NULL"};
    static struct node one_node = {.sort = VALUE, .text = "1"};
    bool any = false;

    while (node->replaced_by != NULL)
        node = node->replaced_by;
    if ((node->sort == OPTIONAL || is_item) && !node->is_dropped) {
        node->is_dropped = true;
        if (still_fails(script, kept))
            return true;
        node->is_dropped = false;
    }
    if (node->is_dropped)
        return false;
    if (node->sort == VALUE && node->count > 0) {
        struct node *candidates[CHILDREN_MAX + 2] = {&null_node, &one_node};

        for (unsigned k = 0; k < node->count; k++)
            candidates[k + 2] = node->children[k];
        for (unsigned k = 0; k < node->count + 2; k++) {
            if (candidates[k]->sort != VALUE)
                continue;
            node->replaced_by = candidates[k];
            if (still_fails(script, kept))
                return true;
            node->replaced_by = NULL;
        }
    }
    for (unsigned k = 0, left = node->count; k < node->count; k++) {
        for (unsigned n = left = 0; n < node->count; n++)
            left += node->children[n]->is_dropped ? 0 : 1;
        any |= shrink_node(script, kept, node->children[k], node->sort == LIST && left > 1);
    }
    return any;
}

static void shrink(const struct script *script, bool *kept)
{
    bool any = true;

    for (unsigned k = 0; k < script->count; k++)
        kept[k] = true;
    verbose = false;
    tries_left = 4000;
    shrink_backend = "memory";
    if (!still_fails(script, kept))
        shrink_backend = backend;
    if (!still_fails(script, kept))
        return;
    shrink_statements(script, kept);
    while (any && tries_left > 0) {
        any = false;
        for (unsigned k = script->count; k > 0; k--) {
            const struct statement *statement = &script->statements[k - 1];

            if (kept[k - 1] && statement->check == CHECK_DIFF)
                any |= shrink_node(script, kept, statement->tree, false);
            else if (kept[k - 1])
                any |= shrink_node(script, kept, statement->condition, false);
        }
        shrink_statements(script, kept);
    }
}

static void print_script(const struct script *script, const bool *kept)
{
    struct engines engines;

    if (!engines_open(&engines, shrink_backend))
        return;
    for (unsigned k = 0; k < script->count; k++) {
        const struct statement *statement = &script->statements[k];
        char *text;

        if (!kept[k])
            continue;
        if (statement->check == CHECK_DIFF) {
            text = text_of_tree(statement->tree);
            printf("%s;\n", text);
        } else {
            char *from = text_of_tree(statement->from);

            text = text_of_tree(statement->condition);
            printf("-- %s of FROM %s WHERE %s\n",
                   statement->check == CHECK_TLP ? "partitions" : "count", from, text);
            free(from);
        }
        verbose = true;
        check_statement(&engines, statement);
        verbose = false;
        free(text);
    }
    engines_close(&engines);
}

/* ---- rounds ---- */

struct run {
    struct generator generator;
    struct script script;
    struct engines engines;
    struct statement recent[RECENT_MAX];
    unsigned recent_count;
    size_t passed, failed;
};

static bool run_statement(struct run *run, struct statement statement)
{
    bool kept[SCRIPT_MAX];

    run->script.statements[run->script.count++] = statement;
    if (check_statement(&run->engines, &statement)) {
        run->passed++;
        return true;
    }
    run->failed++;
    shrink(&run->script, kept);
    print_script(&run->script, kept);
    return false;
}

static bool run_tree(struct run *run, struct node *tree)
{
    return run_statement(run, (struct statement){.tree = tree});
}

static bool ask_again(struct run *run)
{
    for (unsigned k = 0; k < run->recent_count; k++)
        if (!run_statement(run, run->recent[k]))
            return false;
    return true;
}

static bool run_query(struct run *run)
{
    struct statement statement = {0};

    statement.tree = generate_select(&run->generator, &statement.is_ordered);
    run->recent[run->recent_count < RECENT_MAX ? run->recent_count++
                                               : below(&run->generator, RECENT_MAX)] = statement;
    return run_statement(run, statement);
}

static bool run_self(struct run *run)
{
    struct scope scope = {0};
    struct statement statement = {.check = chance(&run->generator, 50) ? CHECK_TLP : CHECK_NOREC};

    statement.from = generate_from(&run->generator, &scope, 1);
    statement.condition = generate_condition(&run->generator, &scope, 3);
    return run_statement(run, statement);
}

static bool run_transaction(struct run *run)
{
    static const char *const words[] = {"BEGIN",         "COMMIT",      "ROLLBACK",
                                        "SAVEPOINT a",   "SAVEPOINT b", "ROLLBACK TO a",
                                        "ROLLBACK TO b", "RELEASE a",   "RELEASE b"};

    return run_tree(run, fixed(&run->generator, PICK(&run->generator, words)));
}

static bool compare_tables(struct run *run)
{
    struct generator *g = &run->generator;

    for (unsigned t = 0; t < g->table_count; t++)
        if (!run_tree(run, fixed(g, text_kept(&g->nodes, "SELECT * FROM t%u", t))))
            return false;
    return true;
}

static bool run_random(struct run *run)
{
    struct generator *g = &run->generator;
    unsigned roll = below(g, 100);

    if (roll < 62)
        return run_query(run);
    if (roll < 72)
        return run_self(run);
    if (roll < 76)
        return run_tree(run, generate_index(g)) && ask_again(run);
    if (roll < 80)
        return run_transaction(run);
    if (roll < 88)
        return run_tree(run, generate_insert(g, any_table(g), 1 + below(g, 5)));
    if (roll < 96)
        return run_tree(run, generate_update(g)) && compare_tables(run);
    return run_tree(run, generate_delete(g)) && compare_tables(run);
}

static bool prepare_round(struct run *run)
{
    struct generator *g = &run->generator;

    g->table_count = 2 + below(g, 3);
    for (unsigned t = 0; t < g->table_count; t++)
        if (!run_tree(run, generate_table(g, t)))
            return false;
    for (unsigned t = 0; t < g->table_count; t++)
        for (unsigned k = 0, count = 1 + below(g, 3); k < count; k++)
            if (!run_tree(run, generate_insert(g, &g->tables[t], 2 + below(g, 7))))
                return false;
    for (unsigned k = 0, count = below(g, 6); k < count; k++)
        if (!run_tree(run, generate_index(g)))
            return false;
    return true;
}

static bool run_round(struct run *run, uint64_t seed, size_t statements_max)
{
    bool went_well = false;

    run->generator = (struct generator){.state = seed};
    run->script.count = 0;
    run->recent_count = 0;
    if (engines_open(&run->engines, backend)) {
        went_well = prepare_round(run);
        while (went_well && run->script.count < SCRIPT_MAX - 60 &&
               run->passed + run->failed < statements_max)
            went_well = run_random(run);
        engines_close(&run->engines);
    }
    if (!went_well)
        printf("-- round of --seed %llu --backend %s\n\n", (unsigned long long)seed, backend);
    nodes_free(&run->generator.nodes);
    return went_well;
}

int main(int argc, char **argv)
{
    static struct run run;
    uint64_t seed = (uint64_t)time(NULL) * 1000;
    size_t statements = 10000;
    time_t until = 0;
    bool stops = false;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int k = 1; k < argc; k++) {
        const char *value = k + 1 < argc ? argv[k + 1] : "";

        if (strcmp(argv[k], "--stop") == 0) {
            stops = true;
            continue;
        }
        if (strcmp(argv[k], "--seed") == 0)
            seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[k], "--statements") == 0)
            statements = strtoull(value, NULL, 10);
        else if (strcmp(argv[k], "--minutes") == 0)
            until = time(NULL) + 60 * strtol(value, NULL, 10);
        else if (strcmp(argv[k], "--backend") == 0)
            backend = value;
        else if (strcmp(argv[k], "--scratch") == 0)
            scratch = value;
        k++;
    }
    if (until != 0)
        statements = SIZE_MAX;
    printf("seed %llu, backend %s\n", (unsigned long long)seed, backend);
    while (run.passed + run.failed < statements && (until == 0 || time(NULL) < until))
        if (!run_round(&run, seed++, statements) && stops)
            break;
    printf("%zu passed, %zu failed\n", run.passed, run.failed);
    return run.failed == 0 ? 0 : 1;
}
