/*
 * sources: what FROM names: tables, views, CTEs, table-valued functions. Each becomes a
 * source_info.
 */
#include "vdbe/plan/plan_internal.h"

#define COLUMNS(...)                                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
static const struct plan_function catalog_tables[] = {
#define PLAN_FUNCTION(id, name, visible, hidden, columns)                                          \
    {name, PLAN_FUNCTION_##id, visible, hidden, columns},
#include "vdbe/plan/functions.def"
#undef PLAN_FUNCTION
};
#undef COLUMNS

static const struct plan_function *find_catalog_table(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(catalog_tables); i++) {
        if (slice_is_nocase(name, catalog_tables[i].name))
            return &catalog_tables[i];
    }
    return NULL;
}

enum status source_number(struct planner *p, struct ir_source *source, struct source_info **out)
{
    unsigned number = p->out->source_count;

    if (number >= UINT16_MAX)
        return error_set(p->err, ST_LIMIT, source->name.offset, "too many tables in the statement");
    if (number >= p->info_capacity) {
        size_t capacity = p->info_capacity == 0 ? 8 : p->info_capacity * 2;
        struct source_info *infos = arena_alloc(p->arena, capacity * sizeof *infos);

        if (infos == NULL)
            return no_memory(p);
        if (number > 0)
            memcpy(infos, p->infos, number * sizeof *infos);
        p->infos = infos;
        p->info_capacity = capacity;
    }
    p->out->source_count++;
    source->number = (uint16_t)number;
    *out = &p->infos[number];
    memset(*out, 0, sizeof **out);
    (*out)->source = source;
    (*out)->name = source->alias.text.len > 0 ? source->alias.text : source->name.text;
    return ST_OK;
}

/* ---- tables ---- */

static bool database_matches(const struct planner *p, unsigned number, struct slice database)
{
    return database.len == 0 || database_is(p->databases, number, database);
}

const struct table *find_table(const struct planner *p, struct slice database, struct slice name,
                               unsigned *number)
{
    for (unsigned i = 0; i < p->databases->count; i++) {
        const struct table *table;

        if (!database_matches(p, i, database) || p->databases->refs[i].txn == NULL)
            continue;
        table = catalog_table(txn_catalog(p->databases->refs[i].txn), name);
        if (table != NULL) {
            *number = i;
            return table;
        }
    }
    return NULL;
}

/* REST names a table by its export path, with case. A table that is not exported goes by its name:
 * whether a caller may see it is decided where the request comes in. */
static const struct table *find_exported(const struct planner *p, struct slice path,
                                         unsigned *number)
{
    for (unsigned i = 0; i < p->databases->count; i++) {
        const struct catalog *catalog;

        if (p->databases->refs[i].txn == NULL)
            continue;
        catalog = txn_catalog(p->databases->refs[i].txn);
        for (size_t k = 0; k < catalog->table_count; k++) {
            const struct table *table = catalog->tables[k];
            struct slice own = table->export_path;

            if (table->is_exported && slice_equal(own, path)) {
                *number = i;
                return table;
            }
        }
    }
    return find_table(p, slice_empty(), path, number);
}

const struct table *find_type(const struct planner *p, const struct table *near, struct slice type,
                              unsigned *number)
{
    const struct table *found = NULL;

    for (unsigned i = 0; i < p->databases->count; i++) {
        const struct table *table;

        if (p->databases->refs[i].txn == NULL)
            continue;
        table = catalog_table(txn_catalog(p->databases->refs[i].txn), type);
        if (table == NULL)
            continue;
        if (found == NULL || table->db == near->db) {
            found = table;
            *number = i;
        }
        if (table->db == near->db)
            break;
    }
    return found;
}

static enum status error_no_table(struct planner *p, const struct ir_source *source)
{
    struct suggestion near;
    struct slice database = source->database.text;
    bool database_exists = database.len == 0;

    suggestion_start(&near, source->name.text);
    for (unsigned i = 0; i < p->databases->count; i++) {
        const struct catalog *catalog;

        if (!database_matches(p, i, database) || p->databases->refs[i].txn == NULL)
            continue;
        database_exists = true;
        catalog = txn_catalog(p->databases->refs[i].txn);
        for (size_t k = 0; k < catalog->table_count; k++) {
            struct slice name = source->is_exported_name ? catalog->tables[k]->export_path
                                                         : catalog->tables[k]->name;

            suggestion_offer(&near, name);
        }
    }
    for (const struct bound_cte *cte = p->ctes; cte != NULL; cte = cte->outer)
        suggestion_offer(&near, cte->ir->name.text);
    if (!database_exists)
        return error_set(p->err, ST_NO_TABLE, source->name.offset, "no such table: %.*s.%.*s",
                         (int)database.len, database.data, (int)source->name.text.len,
                         source->name.text.data);
    return error_set(p->err, ST_NO_TABLE, source->name.offset, "no such table: %.*s%s%.*s%s",
                     (int)database.len, database.data, database.len > 0 ? "." : "",
                     (int)source->name.text.len, source->name.text.data, suggestion_text(p, &near));
}

static void info_set_table(struct source_info *info, const struct table *table, unsigned database)
{
    info->table = table;
    info->database = database;
    info->source->table = table;
    info->is_rest = info->source->is_exported_name;
    for (unsigned i = 0; i < table->attribute_count; i++) {
        if (table->attributes[i].type == TYPE_RELATIONSHIP && !table->attributes[i].is_dropped)
            info->has_relations = true;
    }
}

/* ---- queries as sources ---- */

static enum status columns_of_query(struct planner *p, struct source_info *info,
                                    const struct bound_query *query, const struct ir_name *names,
                                    size_t name_count, int32_t offset, struct slice owner)
{
    size_t count = query->plan.output_count;

    if (name_count > 0 && name_count != count)
        return error_set(p->err, ST_INVALID, offset, "table %.*s has %zu values for %zu columns",
                         (int)owner.len, owner.data, count, name_count);
    info->column_count = count;
    info->columns = query->columns;
    if (name_count == 0)
        return ST_OK;
    info->columns = ARENA_NEW_ARRAY(p->arena, struct column_info, count);
    if (info->columns == NULL)
        return no_memory(p);
    for (size_t i = 0; i < count; i++) {
        info->columns[i] = query->columns[i];
        info->columns[i].name = names[i].text;
    }
    return ST_OK;
}

/* A view is its query, bound where no name of the statement is visible. */
enum status bind_view(struct planner *p, struct ir_source *source,
                      const struct catalog_object *view, unsigned database)
{
    struct ir_create_view *parsed = NULL;
    struct bound_cte *ctes = p->ctes;
    struct source_info *info;
    uint16_t number = source->number;

    if (p->options->parsers.parse_view == NULL)
        return error_set(p->err, ST_UNSUPPORTED, source->name.offset, "views cannot be read here");
    if (p->view_depth >= VIEW_DEPTH_MAX)
        return error_set(p->err, ST_INVALID, source->name.offset, "view %.*s is circularly defined",
                         (int)view->name.len, view->name.data);
    TRY(p->options->parsers.parse_view(p->options->parsers.context, view->sql, p->arena, &parsed,
                                       p->err));
    if (parsed == NULL || parsed->query == NULL)
        return error_set(p->err, ST_CORRUPT, -1, "view %.*s has no query", (int)view->name.len,
                         view->name.data);
    p->view_depth++;
    p->ctes = NULL;
    TRY(bind_query(p, parsed->query, NULL));
    p->ctes = ctes;
    p->view_depth--;
    source->kind = IR_SOURCE_QUERY;
    source->query = parsed->query;
    info = &p->infos[number];
    info->query = bound_query_of(parsed->query);
    info->database = database;
    return columns_of_query(p, info, info->query, parsed->columns, parsed->column_count,
                            source->name.offset, view->name);
}

bool find_view(const struct planner *p, struct slice database, struct slice name,
               const struct catalog_object **out, unsigned *number)
{
    for (unsigned i = 0; i < p->databases->count; i++) {
        if (!database_matches(p, i, database) || p->databases->refs[i].txn == NULL)
            continue;
        *out = catalog_object(txn_catalog(p->databases->refs[i].txn), OBJECT_VIEW, name);
        if (*out != NULL) {
            *number = i;
            return true;
        }
    }
    return false;
}

static void mark_between(struct scope *from, const struct scope *to)
{
    for (struct scope *s = from; s != NULL && s != to; s = s->outer) {
        if (s->query != NULL)
            s->query->plan.is_correlated = true;
    }
}

/* Inside a subquery a CTE may be correlated: then every use is a query of its own. */
static struct bound_cte *cte_for_use(struct planner *p, struct bound_cte *cte)
{
    struct bound_cte *own;
    struct ir_cte *ir;

    if (cte->pristine == NULL || cte->is_binding || cte->query == NULL)
        return cte;
    own = ARENA_NEW(p->arena, struct bound_cte);
    ir = ARENA_NEW(p->arena, struct ir_cte);
    if (own == NULL || ir == NULL)
        return NULL;
    *ir = *cte->ir;
    ir->query = ir_query_copy(p->arena, cte->pristine);
    own->ir = ir;
    own->scope = cte->scope;
    own->outer = cte->visible;
    own->visible = own;
    return ir->query == NULL ? NULL : own;
}

static enum status bind_cte_query(struct planner *p, struct bound_cte *cte)
{
    struct bound_cte *visible = p->ctes;

    cte->is_binding = true;
    p->ctes = cte->visible;
    TRY(bind_query(p, cte->ir->query, cte->scope));
    p->ctes = visible;
    cte->is_binding = false;
    cte->query = bound_query_of(cte->ir->query);
    return ST_OK;
}

/* A CTE named once is an ordinary subquery; named twice, its rows are kept and shared. Which of
 * both it is shows when everything is bound. */
static enum status bind_cte_use(struct planner *p, struct ir_source *source, struct bound_cte *cte,
                                struct scope *scope)
{
    struct source_info *info = &p->infos[source->number];

    if (cte->is_binding && cte->columns == NULL)
        return error_set(p->err, ST_INVALID, source->name.offset, "circular reference: %.*s",
                         (int)cte->ir->name.text.len, cte->ir->name.text.data);
    if (cte->is_binding) {
        cte->is_recursive = true;
        info->cte = cte;
        info->is_recursion = true;
        info->column_count = cte->column_count;
        info->columns = cte->columns;
        return ST_OK;
    }
    cte = cte_for_use(p, cte);
    if (cte == NULL)
        return no_memory(p);
    if (cte->query == NULL)
        TRY(bind_cte_query(p, cte));
    cte->use_count++;
    if (cte->query->plan.is_correlated)
        mark_between(scope, cte->scope);
    info = &p->infos[source->number];
    info->cte = cte;
    return columns_of_query(p, info, cte->query, cte->ir->columns, cte->ir->column_count,
                            source->name.offset, cte->ir->name.text);
}

static struct bound_cte *find_cte(const struct planner *p, struct slice name)
{
    for (struct bound_cte *cte = p->ctes; cte != NULL; cte = cte->outer) {
        if (slice_equal_nocase(cte->ir->name.text, name))
            return cte;
    }
    return NULL;
}

/* ---- functions ---- */

static enum status columns_of_function(struct planner *p, struct source_info *info)
{
    const struct func_table *function = info->function;
    const struct plan_function *shows = info->shows;
    size_t count = function != NULL ? function->column_count
                                    : (size_t)shows->column_count + shows->hidden_count;

    info->columns = ARENA_NEW_ARRAY(p->arena, struct column_info, count);
    if (info->columns == NULL)
        return no_memory(p);
    info->column_count = count;
    for (size_t i = 0; i < count; i++) {
        struct column_info *column = &info->columns[i];

        column->affinity = PLAN_NO_AFFINITY;
        if (function != NULL) {
            column->name = slice_text(function->columns[i].name);
            column->is_hidden = function->columns[i].is_hidden;
            column->type = function->columns[i].result_type;
        } else {
            column->name = slice_text(shows->columns[i]);
            column->is_hidden = i >= shows->column_count;
        }
    }
    return ST_OK;
}

/* Arguments are lined up with the hidden columns; missing ones are NULL. */
static enum status spread_arguments(struct planner *p, struct source_info *info)
{
    struct ir_source *source = info->source;
    size_t hidden = 0;
    struct ir_expr **args;

    for (size_t i = 0; i < info->column_count; i++)
        hidden += info->columns[i].is_hidden;
    if (source->arg_count > hidden)
        return error_set(p->err, ST_INVALID, source->name.offset,
                         "too many arguments on %.*s() - max %zu", (int)source->name.text.len,
                         source->name.text.data, hidden);
    args = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, hidden + 1);
    if (args == NULL)
        return no_memory(p);
    for (size_t i = 0; i < source->arg_count; i++)
        args[i] = source->args[i];
    source->args = args;
    source->arg_count = hidden;
    return ST_OK;
}

static enum status bind_function_source(struct planner *p, struct source_info *info)
{
    TRY(columns_of_function(p, info));
    return spread_arguments(p, info);
}

/* ---- all together ---- */

/* INDEXED BY names an index of the table. */
static enum status check_hint(struct planner *p, const struct ir_source *source,
                              const struct table *table)
{
    const struct slice hint = source->index_hint.text;

    for (unsigned i = 0; i < table->index_count; i++)
        if (slice_equal_nocase(table->indexes[i].name, hint))
            return ST_OK;
    if (hint.len == 0)
        return ST_OK;
    return error_set(p->err, ST_NO_NAME, source->index_hint.offset, "no such index: %.*s",
                     (int)hint.len, hint.data);
}

static enum status bind_named(struct planner *p, struct ir_source *source, struct source_info *info,
                              struct scope *scope)
{
    const struct catalog_object *view = NULL;
    const struct table *table;
    unsigned database = 0;

    if (source->is_exported_name) {
        table = find_exported(p, source->name.text, &database);
        if (table == NULL)
            return error_no_table(p, source);
        info_set_table(info, table, database);
        return ST_OK;
    }
    if (source->database.text.len == 0) {
        struct bound_cte *cte = find_cte(p, source->name.text);

        if (cte != NULL)
            return bind_cte_use(p, source, cte, scope);
    }
    table = find_table(p, source->database.text, source->name.text, &database);
    if (table != NULL) {
        info_set_table(info, table, database);
        return check_hint(p, source, table);
    }
    if (find_view(p, source->database.text, source->name.text, &view, &database))
        return bind_view(p, source, view, database);
    info->shows = find_catalog_table(source->name.text);
    if (info->shows == NULL && source->database.text.len == 0)
        info->function = func_table_find(source->name.text);
    if (info->shows == NULL && info->function == NULL)
        return error_no_table(p, source);
    for (unsigned i = 0; i < p->databases->count; i++) {
        bool is_temp = slice_is_nocase(p->databases->refs[i].name, "temp");

        if (source->database.text.len > 0 ? database_matches(p, i, source->database.text)
                                          : !is_temp) {
            info->database = i;
            break;
        }
    }
    source->kind = IR_SOURCE_FUNCTION;
    return bind_function_source(p, info);
}

enum status source_bind_table(struct planner *p, struct ir_source *source, struct scope *scope)
{
    struct source_info *info;

    TRY(source_number(p, source, &info));
    switch ((enum ir_source_kind)source->kind) {
    case IR_SOURCE_TABLE:
        return bind_named(p, source, info, scope);
    case IR_SOURCE_QUERY:
        TRY(bind_query(p, source->query, scope));
        info = &p->infos[source->number];
        info->query = bound_query_of(source->query);
        return columns_of_query(p, info, info->query, NULL, 0, -1, slice_empty());
    case IR_SOURCE_FUNCTION:
        info->function = func_table_find(source->name.text);
        if (info->function == NULL)
            info->shows = find_catalog_table(source->name.text);
        if (info->shows == NULL && info->function == NULL)
            return error_set(p->err, ST_NO_TABLE, source->name.offset,
                             "no such table-valued function: %.*s", (int)source->name.text.len,
                             source->name.text.data);
        return bind_function_source(p, info);
    case IR_SOURCE_DOCUMENTS:
        return ST_OK;
    }
    return error_set(p->err, ST_INTERNAL, -1, "unknown kind of source");
}

enum status source_bind_target(struct planner *p, struct ir_source *source, enum plan_event event)
{
    struct source_info *info;
    const struct table *table;
    unsigned database = 0;

    TRY(source_number(p, source, &info));
    table = source->is_exported_name
                ? find_exported(p, source->name.text, &database)
                : find_table(p, source->database.text, source->name.text, &database);
    if (table == NULL && !source->is_exported_name)
        TRY(view_as_table(p, source, event, &table, &database));
    if (table == NULL) {
        if (find_catalog_table(source->name.text) != NULL)
            return error_set(p->err, ST_INVALID, source->name.offset,
                             "table %.*s may not be modified", (int)source->name.text.len,
                             source->name.text.data);
        return error_no_table(p, source);
    }
    info = info_of(p, source); /* a view's sources may have moved it */
    info_set_table(info, table, database);
    return ST_OK;
}

struct ir_source *source_new_row(struct planner *p, const struct ir_source *like, const char *name)
{
    struct ir_source *source = ARENA_NEW(p->arena, struct ir_source);
    const struct source_info *model = info_of(p, like);
    const struct table *table = model->table;
    unsigned database = model->database;
    struct source_info *info;

    if (source == NULL)
        return NULL;
    source->name = like->name;
    source->alias = like->alias;
    if (name != NULL)
        source->alias = (struct ir_name){slice_text(name), -1};
    if (source_number(p, source, &info) != ST_OK)
        return NULL;
    info_set_table(info, table, database);
    return source;
}
