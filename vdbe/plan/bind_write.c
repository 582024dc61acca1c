/*
 * bind_write: INSERT, UPDATE, DELETE and documents: which attributes get which values.
 */
#include "vdbe/plan/plan_internal.h"

/* ---- rows as scopes ---- */

struct scope *scope_of_row(struct planner *p, struct ir_source *row, struct scope *outer)
{
    struct bound_block *block = ARENA_NEW(p->arena, struct bound_block);
    struct ir_block *ir = ARENA_NEW(p->arena, struct ir_block);
    struct ir_source **list = ARENA_NEW(p->arena, struct ir_source *);

    if (block == NULL || ir == NULL || list == NULL)
        return NULL;
    list[0] = row;
    ir->sources = list;
    ir->source_count = row != NULL ? 1 : 0;
    block->ir = ir;
    block->scope.block = block;
    block->scope.outer = outer;
    if (row != NULL && info_of(p, row)->block == NULL)
        info_of(p, row)->block = block;
    return &block->scope;
}

enum status bind_stored(struct planner *p, struct slice sql, struct ir_source *row,
                        struct ir_expr **out)
{
    struct scope *scope;
    struct bound_block *block = row != NULL ? info_of(p, row)->block : NULL;

    if (p->options->parsers.parse_expr == NULL)
        return error_set(p->err, ST_UNSUPPORTED, -1, "stored expressions cannot be read here");
    TRY(p->options->parsers.parse_expr(p->options->parsers.context, sql, p->arena, out, p->err));
    scope = scope_of_row(p, row, NULL);
    if (scope == NULL || *out == NULL)
        return no_memory(p);
    TRY(bind_expr(p, scope, out));
    if (row != NULL)
        info_of(p, row)->block = block;
    return fold_expr(p, out);
}

/* ---- what each attribute gets ---- */

static bool is_written(const struct attribute *attribute)
{
    return attribute_is_visible(attribute) && attribute->generated == GENERATED_NO;
}

static enum status find_target_column(struct planner *p, const struct plan_write *write,
                                      struct ir_name name, uint16_t *attribute)
{
    const struct source_info *info = info_of(p, write->target);
    const struct attribute *found;
    struct suggestion near;

    if (source_find_column(info, name.text, attribute)) {
        if (*attribute == ATTRIBUTE_NONE)
            return ST_OK;
        found = &write->table->attributes[*attribute];
        if (found->generated != GENERATED_NO || found->type == TYPE_RELATIONSHIP)
            return error_set(p->err, ST_INVALID, name.offset,
                             write->kind == PLAN_INSERT
                                 ? "cannot INSERT into generated column \"%.*s\""
                                 : "cannot UPDATE generated column \"%.*s\"",
                             (int)name.text.len, name.text.data);
        return ST_OK;
    }
    suggestion_start(&near, name.text);
    for (unsigned i = 0; i < write->table->attribute_count; i++) {
        if (is_written(&write->table->attributes[i]))
            suggestion_offer(&near, write->table->attributes[i].name);
    }
    if (write->kind == PLAN_INSERT)
        return error_set(p->err, ST_NO_COLUMN, name.offset, "table %.*s has no column named %.*s%s",
                         (int)write->table->name.len, write->table->name.data, (int)name.text.len,
                         name.text.data, suggestion_text(p, &near));
    return error_set(p->err, ST_NO_COLUMN, name.offset, "no such column: %.*s%s",
                     (int)name.text.len, name.text.data, suggestion_text(p, &near));
}

static enum status bind_default(struct planner *p, const struct attribute *attribute,
                                struct ir_expr **out)
{
    *out = NULL;
    if (attribute->default_sql.len == 0)
        return ST_OK;
    return bind_stored(p, attribute->default_sql, NULL, out);
}

static enum status set_rules(struct planner *p, struct plan_write *write,
                             struct plan_assignment *assignment)
{
    const struct attribute *attribute;
    bool replaces = write->conflict == IR_CONFLICT_REPLACE;

    if (assignment->attribute == ATTRIBUTE_NONE) {
        assignment->affinity = AFFINITY_INTEGER;
        return ST_OK;
    }
    attribute = &write->table->attributes[assignment->attribute];
    assignment->affinity = attribute->affinity;
    assignment->is_not_null = attribute->is_not_null;
    if (attribute->is_not_null && replaces)
        return bind_default(p, attribute, &assignment->default_value);
    return ST_OK;
}

/* ---- CHECKs and generated columns ---- */

static enum status bind_checks(struct planner *p, struct plan_write *write)
{
    const struct table *table = write->table;

    write->checks = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, table->check_count + 1u);
    write->check_names = ARENA_NEW_ARRAY(p->arena, struct slice, table->check_count + 1u);
    if (write->checks == NULL || write->check_names == NULL)
        return no_memory(p);
    for (unsigned i = 0; i < table->check_count; i++) {
        TRY(bind_stored(p, table->checks[i].sql, write->new_row, &write->checks[i]));
        write->check_names[i] =
            table->checks[i].name.len > 0 ? table->checks[i].name : table->checks[i].sql;
        write->check_count++;
    }
    return ST_OK;
}

struct reads_search {
    const struct ir_source *row;
    const bool *waiting; /* by attribute */
    bool found;
};

static enum status see_waiting(void *context, struct ir_expr **slot, bool *enter)
{
    struct reads_search *search = context;
    const struct ir_expr *expr = *slot;

    (void)enter;
    if (expr->kind == IR_COLUMN && expr->as.column.source == search->row &&
        expr->as.column.attribute != ATTRIBUTE_NONE && search->waiting[expr->as.column.attribute])
        search->found = true;
    return ST_OK;
}

/* In an order in which each reads only what is there already. */
static enum status order_generated(struct planner *p, struct plan_write *write,
                                   struct plan_assignment *all, size_t count, bool *waiting)
{
    while (write->generated_count < count) {
        bool moved = false;

        for (size_t i = 0; i < count; i++) {
            struct reads_search search = {write->new_row, waiting, false};

            if (!waiting[all[i].attribute])
                continue;
            (void)walk_expr(&all[i].value, see_waiting, &search);
            if (search.found)
                continue;
            write->generated[write->generated_count++] = all[i];
            waiting[all[i].attribute] = false;
            moved = true;
        }
        if (!moved)
            return error_set(p->err, ST_INVALID, -1, "generated column loop in table %.*s",
                             (int)write->table->name.len, write->table->name.data);
    }
    return ST_OK;
}

static enum status bind_generated(struct planner *p, struct plan_write *write)
{
    const struct table *table = write->table;
    struct plan_assignment *all;
    bool *waiting;
    size_t count = 0;

    for (unsigned i = 0; i < table->attribute_count; i++)
        count +=
            !table->attributes[i].is_dropped && table->attributes[i].generated == GENERATED_STORED;
    if (count == 0)
        return ST_OK;
    all = ARENA_NEW_ARRAY(p->arena, struct plan_assignment, count);
    write->generated = ARENA_NEW_ARRAY(p->arena, struct plan_assignment, count);
    waiting = ARENA_NEW_ARRAY(p->arena, bool, table->attribute_count);
    if (all == NULL || write->generated == NULL || waiting == NULL)
        return no_memory(p);
    count = 0;
    for (unsigned i = 0; i < table->attribute_count; i++) {
        const struct attribute *attribute = &table->attributes[i];

        if (attribute->is_dropped || attribute->generated != GENERATED_STORED)
            continue;
        all[count].attribute = attribute->id;
        all[count].output = OUTPUT_NONE;
        TRY(bind_stored(p, attribute->generated_sql, write->new_row, &all[count].value));
        TRY(set_rules(p, write, &all[count]));
        waiting[i] = true;
        count++;
    }
    return order_generated(p, write, all, count, waiting);
}

static enum status bind_returning(struct planner *p, struct plan_write *write,
                                  struct ir_source *row, struct ir_output **outputs, size_t *count)
{
    struct scope *scope;

    if (*count == 0)
        return ST_OK;
    scope = scope_of_row(p, row, NULL);
    if (scope == NULL)
        return no_memory(p);
    TRY(bind_outputs(p, scope, outputs, count, true));
    write->returning_count = *count;
    write->returning = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, *count);
    write->returning_names = ARENA_NEW_ARRAY(p->arena, struct slice, *count);
    if (write->returning == NULL || write->returning_names == NULL)
        return no_memory(p);
    for (size_t i = 0; i < *count; i++) {
        write->returning[i] = (*outputs)[i].expr;
        write->returning_names[i] = (*outputs)[i].name;
    }
    return ST_OK;
}

static enum status start_write(struct planner *p, uint8_t kind, uint8_t conflict,
                               struct ir_source *target)
{
    struct plan_write *write = ARENA_NEW(p->arena, struct plan_write);

    if (write == NULL)
        return no_memory(p);
    p->out->write = write;
    write->kind = kind;
    write->conflict = p->conflict != IR_CONFLICT_NONE ? p->conflict : conflict;
    write->target = target;
    TRY(source_bind_target(p, target,
                           kind == PLAN_DELETE   ? EVENT_DELETE
                           : kind == PLAN_UPDATE ? EVENT_UPDATE
                                                 : EVENT_INSERT));
    write->table = info_of(p, target)->table;
    write->is_view = write->table->store == 0;
    p->out->database = info_of(p, target)->database;
    write->key_outputs = write->is_view                 ? write->table->attribute_count
                         : write->table->key_count == 0 ? 1
                                                        : write->table->key_count;
    write->new_row = source_new_row(p, target, NULL);
    if (write->new_row == NULL)
        return no_memory(p);
    return kind == PLAN_DELETE ? ST_OK : nested_types_find(p, write->table, p->out->database);
}

/* ---- INSERT ---- */

/* Output number per attribute; index attribute_count stands for the hidden rowid. */
static enum status map_columns(struct planner *p, const struct ir_insert *insert,
                               struct plan_write *write, uint16_t *output_of, size_t *given)
{
    const struct table *table = write->table;

    for (unsigned i = 0; i <= table->attribute_count; i++)
        output_of[i] = OUTPUT_NONE;
    *given = insert->column_count;
    for (size_t i = 0; i < insert->column_count; i++) {
        uint16_t attribute;

        TRY(find_target_column(p, write, insert->columns[i], &attribute));
        if (attribute == ATTRIBUTE_NONE)
            attribute = table->attribute_count;
        if (output_of[attribute] == OUTPUT_NONE) /* of a column named twice the first counts */
            output_of[attribute] = (uint16_t)i;
    }
    if (insert->column_count > 0)
        return ST_OK;
    for (unsigned i = 0; i < table->attribute_count; i++) {
        if (is_written(&table->attributes[i]))
            output_of[i] = (uint16_t)(*given)++;
    }
    return ST_OK;
}

static enum status check_width(struct planner *p, const struct ir_insert *insert,
                               const struct plan_write *write, size_t given)
{
    size_t values;
    const struct table *table = write->table;

    if (insert->query == NULL)
        return ST_OK;
    values = bound_query_of(insert->query)->plan.output_count;
    if (values == given)
        return ST_OK;
    if (insert->column_count > 0)
        return error_set(p->err, ST_INVALID, insert->target->name.offset,
                         "%zu values for %zu columns", values, given);
    return error_set(p->err, ST_INVALID, insert->target->name.offset,
                     "table %.*s has %zu columns but %zu values were supplied",
                     (int)table->name.len, table->name.data, given, values);
}

static enum status insert_assignments(struct planner *p, const struct ir_insert *insert,
                                      struct plan_write *write, const uint16_t *output_of)
{
    const struct table *table = write->table;
    bool has_query = insert->query != NULL;

    write->assignments =
        ARENA_NEW_ARRAY(p->arena, struct plan_assignment, table->attribute_count + 1u);
    if (write->assignments == NULL)
        return no_memory(p);
    for (unsigned i = 0; i < table->attribute_count; i++) {
        const struct attribute *attribute = &table->attributes[i];
        struct plan_assignment *assignment;

        if (!is_written(attribute))
            continue;
        assignment = &write->assignments[write->assignment_count++];
        assignment->attribute = attribute->id;
        assignment->output = has_query ? output_of[i] : (uint16_t)OUTPUT_NONE;
        if (assignment->output == OUTPUT_NONE)
            TRY(bind_default(p, attribute, &assignment->value));
        else if (table->has_rowid && table->key_count == 1 && table->key_attributes[0] == i)
            write->rowid_from_output = true;
        TRY(set_rules(p, write, assignment));
    }
    if (has_query && output_of[table->attribute_count] != OUTPUT_NONE) {
        struct plan_assignment *assignment = &write->assignments[write->assignment_count++];

        assignment->attribute = ATTRIBUTE_NONE;
        assignment->output = output_of[table->attribute_count];
        assignment->affinity = AFFINITY_INTEGER;
        write->rowid_from_output = true;
    }
    return ST_OK;
}

/* ---- ON CONFLICT ---- */

static bool target_has_attribute(const struct planner *p, const struct plan_write *write,
                                 const struct ir_upsert *upsert, uint16_t attribute)
{
    for (size_t i = 0; i < upsert->target_count; i++) {
        const struct ir_expr *expr = upsert->target[i].expr;
        uint16_t found;

        while (expr->kind == IR_COLLATE)
            expr = expr->as.collate.operand;
        if (expr->kind == IR_COLUMN && expr->as.column.part_count > 0 &&
            source_find_column(info_of(p, write->target),
                               expr->as.column.parts[expr->as.column.part_count - 1].text,
                               &found) &&
            found == attribute)
            return true;
    }
    return false;
}

static enum status find_conflict(struct planner *p, const struct plan_write *write,
                                 const struct ir_upsert *upsert, struct plan_upsert *out)
{
    const struct table *table = write->table;
    unsigned parts = table->key_count == 0 ? 1 : table->key_count;
    bool matches = upsert->target_count == parts;

    if (upsert->target_count == 0) {
        out->is_any = true;
        return ST_OK;
    }
    for (unsigned k = 0; k < parts && matches; k++)
        matches = target_has_attribute(p, write, upsert,
                                       table->key_count == 0 ? (uint16_t)ATTRIBUTE_NONE
                                                             : table->key_attributes[k]);
    if (matches) {
        out->is_primary_key = true;
        return ST_OK;
    }
    for (unsigned i = 0; i < table->index_count; i++) {
        const struct index *index = &table->indexes[i];

        if (!index->is_unique || index->part_count != upsert->target_count ||
            (index->where_sql.len > 0 && upsert->target_where == NULL))
            continue;
        matches = true;
        for (unsigned k = 0; k < index->part_count && matches; k++)
            matches = index->parts[k].attribute != ATTRIBUTE_NONE &&
                      target_has_attribute(p, write, upsert, index->parts[k].attribute);
        if (matches) {
            out->index = index;
            return ST_OK;
        }
    }
    return error_set(p->err, ST_INVALID, upsert->target[0].expr->offset,
                     "ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint");
}

/* The values of SET lists, bound in `scope`; `out` has room for one per column. */
static enum status bind_sets(struct planner *p, struct plan_write *write, struct scope *scope,
                             struct ir_set *sets, size_t set_count, struct plan_assignment *out,
                             size_t *count)
{
    for (size_t i = 0; i < set_count; i++) {
        struct ir_set *set = &sets[i];

        if (set->count > 1 && row_width(set->value) != set->count)
            return error_set(p->err, ST_INVALID, set->columns[0].offset,
                             "%zu columns assigned %zu values", set->count, row_width(set->value));
        for (size_t k = 0; k < set->count; k++) {
            struct plan_assignment *assignment = &out[*count];
            uint16_t attribute;

            TRY(find_target_column(p, write, set->columns[k], &attribute));
            memset(assignment, 0, sizeof *assignment);
            assignment->attribute = attribute;
            assignment->output = OUTPUT_NONE;
            assignment->is_add = set->is_add;
            assignment->value =
                set->count == 1 ? set->value : row_member(p, set->value, k, set->count);
            if (assignment->value == NULL)
                return no_memory(p);
            TRY(bind_expr(p, scope, &assignment->value));
            if (assignment->value->kind == IR_ROW)
                return error_set(p->err, ST_INVALID, set->columns[k].offset, "row value misused");
            TRY(set_rules(p, write, assignment));
            for (size_t earlier = 0; earlier < *count; earlier++) {
                if (out[earlier].attribute == attribute) { /* the last one counts */
                    out[earlier] = *assignment;
                    (*count)--;
                    break;
                }
            }
            (*count)++;
        }
    }
    return ST_OK;
}

static size_t count_set_columns(const struct ir_set *sets, size_t set_count)
{
    size_t count = 0;

    for (size_t i = 0; i < set_count; i++)
        count += sets[i].count;
    return count;
}

static enum status bind_upsert(struct planner *p, struct plan_write *write,
                               struct ir_upsert *upsert, struct plan_upsert *out)
{
    struct scope *outer, *scope;

    TRY(find_conflict(p, write, upsert, out));
    out->do_nothing = upsert->do_nothing;
    out->excluded = source_new_row(p, write->target, "excluded");
    if (out->excluded == NULL)
        return no_memory(p);
    if (upsert->do_nothing)
        return ST_OK;
    outer = scope_of_row(p, out->excluded, p->rows);
    scope = outer == NULL ? NULL : scope_of_row(p, write->target, outer);
    out->assignments = ARENA_NEW_ARRAY(p->arena, struct plan_assignment,
                                       count_set_columns(upsert->sets, upsert->set_count) + 1);
    if (scope == NULL || out->assignments == NULL)
        return no_memory(p);
    TRY(bind_sets(p, write, scope, upsert->sets, upsert->set_count, out->assignments,
                  &out->assignment_count));
    if (upsert->where != NULL) {
        TRY(bind_condition(p, scope, &upsert->where));
        out->where = upsert->where;
    }
    return ST_OK;
}

enum status bind_insert(struct planner *p, struct ir_insert *insert)
{
    struct plan_write *write;
    uint16_t *output_of;
    size_t given;

    TRY(start_write(p, PLAN_INSERT, insert->conflict, insert->target));
    write = p->out->write;
    output_of = ARENA_NEW_ARRAY(p->arena, uint16_t, write->table->attribute_count + 1u);
    if (output_of == NULL)
        return no_memory(p);
    TRY(map_columns(p, insert, write, output_of, &given));
    if (insert->query != NULL)
        TRY(bind_query(p, insert->query, p->rows));
    TRY(check_width(p, insert, write, given));
    TRY(insert_assignments(p, insert, write, output_of));
    TRY(bind_checks(p, write));
    TRY(bind_generated(p, write));
    write->upserts = ARENA_NEW_ARRAY(p->arena, struct plan_upsert, insert->upsert_count + 1);
    if (write->upserts == NULL)
        return no_memory(p);
    for (size_t i = 0; i < insert->upsert_count; i++) {
        TRY(bind_upsert(p, write, &insert->upserts[i], &write->upserts[i]));
        write->upsert_count++;
    }
    return bind_returning(p, write, write->new_row, &insert->returning, &insert->returning_count);
}

/* ---- the query that finds the rows of UPDATE and DELETE ---- */

/* Column `name` of the view that is searched, still unbound. */
static struct ir_expr *view_column(struct planner *p, const struct ir_source *view,
                                   struct slice name)
{
    struct ir_expr *expr = ir_expr_new(p->arena, IR_COLUMN, -1);
    struct ir_name *parts = ARENA_NEW_ARRAY(p->arena, struct ir_name, 2);

    if (expr == NULL || parts == NULL)
        return NULL;
    parts[0].text = view->alias.text.len > 0 ? view->alias.text : view->name.text;
    parts[1].text = name;
    parts[0].offset = parts[1].offset = -1;
    expr->as.column.part_count = 2;
    expr->as.column.parts = parts;
    return expr;
}

/* What a search reads: the target itself, or the view's rows. */
static struct ir_source *searched_source(struct planner *p, struct ir_source *target)
{
    return p->out->write->is_view ? view_source(p, target) : target;
}

static struct ir_query *search_query(struct planner *p, struct ir_source *target,
                                     struct ir_source **from, size_t from_count,
                                     struct ir_expr *where, size_t value_count)
{
    const struct table *table = p->out->write->table;
    const size_t keys = p->out->write->key_outputs;
    struct ir_source **sources = ARENA_NEW_ARRAY(p->arena, struct ir_source *, from_count + 1);
    struct ir_output *outputs = ARENA_NEW_ARRAY(p->arena, struct ir_output, keys + value_count);
    struct ir_query *query;

    if (sources == NULL || outputs == NULL)
        return NULL;
    sources[0] = target;
    for (size_t i = 0; i < from_count; i++)
        sources[i + 1] = from[i];
    for (size_t i = 0; i < keys; i++) {
        if (p->out->write->is_view)
            outputs[i].expr = view_column(p, target, table->attributes[i].name);
        else
            outputs[i].expr = column_new(
                p, target,
                table->key_count == 0 ? (uint16_t)ATTRIBUTE_NONE : table->key_attributes[i], 0, -1);
        if (outputs[i].expr == NULL)
            return NULL;
    }
    query = query_over(p, sources, from_count + 1, outputs[0].expr, where);
    if (query != NULL) {
        query->blocks[0]->outputs = outputs;
        query->blocks[0]->output_count = keys;
    }
    return query;
}

enum status bind_update(struct planner *p, struct ir_update *update)
{
    struct plan_write *write;
    struct ir_query *query;
    struct bound_block *block;
    struct ir_source *searched;
    size_t columns = count_set_columns(update->sets, update->set_count);

    TRY(start_write(p, PLAN_UPDATE, update->conflict, update->target));
    write = p->out->write;
    searched = searched_source(p, update->target);
    write->assignments = ARENA_NEW_ARRAY(p->arena, struct plan_assignment, columns + 1);
    if (searched == NULL)
        return no_memory(p);
    query = search_query(p, searched, update->from, update->from_count, update->where, columns);
    if (query == NULL || write->assignments == NULL)
        return no_memory(p);
    query->order = update->order;
    query->order_count = update->order_count;
    query->limit = update->limit;
    query->offset = update->offset;
    TRY(bind_query(p, query, p->rows));
    block = bound_block_of(query->blocks[0]);
    block->scope.allows_aggregates = false;
    block->scope.allows_windows = false;
    TRY(bind_sets(p, write, &block->scope, update->sets, update->set_count, write->assignments,
                  &write->assignment_count));
    for (size_t i = 0; i < write->assignment_count && (update->from_count > 0 || write->is_view);
         i++) {
        struct plan_assignment *assignment = &write->assignments[i];

        assignment->output = (uint16_t)block->ir->output_count;
        block->ir->outputs[block->ir->output_count++].expr = assignment->value;
        assignment->value = NULL;
    }
    write->query = &bound_query_of(query)->plan;
    write->query->output_count = block->ir->output_count;
    TRY(bind_checks(p, write));
    TRY(bind_generated(p, write));
    return bind_returning(p, write, write->new_row, &update->returning, &update->returning_count);
}

enum status bind_delete(struct planner *p, struct ir_delete *remove)
{
    struct plan_write *write;
    struct ir_source *searched;
    struct ir_query *query;

    TRY(start_write(p, PLAN_DELETE, IR_CONFLICT_NONE, remove->target));
    write = p->out->write;
    searched = searched_source(p, remove->target);
    if (searched == NULL)
        return no_memory(p);
    query = search_query(p, searched, NULL, 0, remove->where, 0);
    if (query == NULL)
        return no_memory(p);
    query->order = remove->order;
    query->order_count = remove->order_count;
    query->limit = remove->limit;
    query->offset = remove->offset;
    TRY(bind_query(p, query, p->rows));
    write->query = &bound_query_of(query)->plan;
    return bind_returning(p, write, write->target, &remove->returning, &remove->returning_count);
}

enum status bind_documents(struct planner *p, struct ir_write_documents *documents)
{
    struct plan_write *write;

    TRY(start_write(p, PLAN_DOCUMENTS, IR_CONFLICT_NONE, documents->target));
    write = p->out->write;
    write->document_mode = documents->mode;
    write->skip_existing = documents->skip_existing;
    TRY(bind_expr(p, NULL, &documents->documents));
    write->documents = documents->documents;
    if (documents->key != NULL)
        TRY(bind_expr(p, NULL, &documents->key));
    write->key = documents->key;
    TRY(bind_checks(p, write));
    TRY(bind_generated(p, write));
    return bind_returning(p, write, write->new_row, &documents->returning,
                          &documents->returning_count);
}
