/*
 * plan_trigger: the programs that run around the rows of a write. A trigger's statements are
 * planned like any other, inside a scope that has the rows old and new.
 */
#include "vdbe/plan/plan_internal.h"

enum { PROGRAMS_MAX = 10000 };

/* ---- the list of programs ---- */

static struct plan_programs *programs_of(struct planner *p)
{
    if (p->out->programs == NULL)
        p->out->programs = ARENA_NEW(p->arena, struct plan_programs);
    return p->out->programs;
}

static bool find_program(const struct plan_programs *programs, const struct plan_program *wanted,
                         uint32_t *number)
{
    for (size_t k = 0; k < programs->count; k++) {
        const struct plan_program *program = programs->list[k];

        if (program->table == wanted->table && program->conflict == wanted->conflict &&
            slice_equal(program->name, wanted->name)) {
            *number = (uint32_t)k;
            return true;
        }
    }
    return false;
}

static enum status add_program(struct planner *p, struct plan_programs *programs,
                               struct plan_program *program, uint32_t *number)
{
    if (programs->count >= PROGRAMS_MAX)
        return error_set(p->err, ST_LIMIT, -1, "too many triggers fire each other");
    if (programs->count == programs->capacity) {
        size_t larger = programs->capacity == 0 ? 4 : programs->capacity * 2;
        struct plan_program **list = ARENA_NEW_ARRAY(p->arena, struct plan_program *, larger);

        if (list == NULL)
            return no_memory(p);
        if (programs->count > 0)
            memcpy(list, programs->list, programs->count * sizeof(struct plan_program *));
        programs->list = list;
        programs->capacity = larger;
    }
    *number = (uint32_t)programs->count;
    programs->list[programs->count++] = program;
    return ST_OK;
}

static enum status add_hook(struct planner *p, struct plan_hooks *hooks, struct plan_hook hook)
{
    if (hooks->count == hooks->capacity) {
        size_t larger = hooks->capacity == 0 ? 4 : hooks->capacity * 2;
        struct plan_hook *list = ARENA_NEW_ARRAY(p->arena, struct plan_hook, larger);

        if (list == NULL)
            return no_memory(p);
        if (hooks->count > 0)
            memcpy(list, hooks->list, hooks->count * sizeof *list);
        hooks->list = list;
        hooks->capacity = larger;
    }
    hooks->list[hooks->count++] = hook;
    return ST_OK;
}

/* ---- steps ---- */

static struct ir_source *given_row(struct planner *p, const struct plan_program *program,
                                   unsigned database, const char *name)
{
    struct ir_source *source = ARENA_NEW(p->arena, struct ir_source);
    struct source_info *info;

    if (source == NULL)
        return NULL;
    source->name.text = program->table->name;
    source->alias = (struct ir_name){slice_text(name), -1};
    source->table = program->table;
    if (source_number(p, source, &info) != ST_OK)
        return NULL;
    info->table = program->table;
    info->database = database;
    return source;
}

static enum status given_scope(struct planner *p, const struct plan_program *program,
                               unsigned database, enum plan_event event, struct plan_step *step)
{
    struct bound_block *block = ARENA_NEW(p->arena, struct bound_block);
    struct ir_block *ir = ARENA_NEW(p->arena, struct ir_block);
    struct ir_source **list = ARENA_NEW_ARRAY(p->arena, struct ir_source *, 2);

    if (block == NULL || ir == NULL || list == NULL)
        return no_memory(p);
    ir->sources = list;
    block->ir = ir;
    block->scope.block = block;
    block->scope.is_given = true;
    if (event != EVENT_INSERT)
        list[ir->source_count++] = step->old_row = given_row(p, program, database, "old");
    if (event != EVENT_DELETE)
        list[ir->source_count++] = step->new_row = given_row(p, program, database, "new");
    for (size_t k = 0; k < ir->source_count; k++) {
        if (list[k] == NULL)
            return no_memory(p);
        info_of(p, list[k])->block = block;
        info_of(p, list[k])->position = (uint8_t)k;
    }
    p->rows = &block->scope;
    return ST_OK;
}

static enum status make_step(struct planner *p, const struct plan_program *program,
                             unsigned database, enum plan_event event, struct ir_statement *ir,
                             struct plan_step *step)
{
    struct plan_statement *plan = ARENA_NEW(p->arena, struct plan_statement);
    struct planner inner = {.arena = p->arena,
                            .err = p->err,
                            .databases = p->databases,
                            .options = p->options,
                            .out = plan,
                            .statement = ir,
                            .conflict = program->conflict,
                            .trigger_depth = p->trigger_depth + 1};
    enum status st;

    if (plan == NULL)
        return no_memory(p);
    plan->ir = ir;
    plan->programs = p->out->programs;
    step->plan = plan;
    st = given_scope(&inner, program, database, event, step);
    if (st == ST_OK)
        st = plan_rows_statement(&inner, ir);
    if (st != ST_OK) {
        p->err->offset = -1; /* it is one into the trigger's text */
        return st;
    }
    if (plan->writes && plan->database != database)
        return error_set(p->err, ST_UNSUPPORTED, -1,
                         "trigger %.*s cannot write to another database than its table's",
                         (int)program->name.len, program->name.data);
    return ST_OK;
}

/* SELECT 1 WHERE when */
static struct ir_statement *when_statement(struct planner *p, struct ir_expr *when)
{
    struct ir_statement *statement = ARENA_NEW(p->arena, struct ir_statement);
    struct ir_expr *one = ir_literal(p->arena, value_int(1), -1);

    if (statement == NULL || one == NULL)
        return NULL;
    statement->kind = IR_QUERY;
    statement->as.query = query_over(p, NULL, 0, one, when);
    return statement->as.query == NULL ? NULL : statement;
}

static enum status make_steps(struct planner *p, struct plan_program *program, unsigned database,
                              enum plan_event event, struct ir_create_trigger *trigger)
{
    size_t count = 0;

    program->steps = ARENA_NEW_ARRAY(p->arena, struct plan_step, trigger->statement_count + 1);
    if (program->steps == NULL)
        return no_memory(p);
    program->has_when = trigger->when != NULL;
    program->step_count = trigger->statement_count + program->has_when;
    program->first_step = p->out->programs->step_total;
    p->out->programs->step_total += (uint32_t)program->step_count;
    if (trigger->when != NULL) {
        struct ir_statement *when = when_statement(p, trigger->when);

        if (when == NULL)
            return no_memory(p);
        TRY(make_step(p, program, database, event, when, &program->steps[count++]));
    }
    for (size_t k = 0; k < trigger->statement_count; k++)
        TRY(make_step(p, program, database, event, trigger->statements[k],
                      &program->steps[count++]));
    return ST_OK;
}

static enum status add_parsed(struct planner *p, struct plan_hooks *hooks, struct plan_hook hook,
                              const struct plan_program *like, unsigned database,
                              enum plan_event event, struct ir_create_trigger *trigger)
{
    struct plan_programs *programs = programs_of(p);
    struct plan_program *program;

    if (programs == NULL)
        return no_memory(p);
    if (!find_program(programs, like, &hook.program)) {
        program = ARENA_NEW(p->arena, struct plan_program);
        if (program == NULL)
            return no_memory(p);
        *program = *like;
        /* in the list before its steps are planned: they may fire it again */
        TRY(add_program(p, programs, program, &hook.program));
        TRY(make_steps(p, program, database, event, trigger));
    }
    return add_hook(p, hooks, hook);
}

static enum status parse_trigger(struct planner *p, struct slice sql,
                                 struct ir_create_trigger **out)
{
    if (p->options->parsers.parse_trigger == NULL)
        return error_set(p->err, ST_UNSUPPORTED, -1, "triggers cannot be read here");
    return p->options->parsers.parse_trigger(p->options->parsers.context, sql, p->arena, out,
                                             p->err);
}

/* ---- which triggers fire ---- */

static enum plan_event event_of(const struct ir_create_trigger *trigger)
{
    switch ((enum ir_trigger_event)trigger->event) {
    case IR_TRIGGER_INSERT:
        return EVENT_INSERT;
    case IR_TRIGGER_UPDATE:
        return EVENT_UPDATE;
    case IR_TRIGGER_DELETE:
        break;
    }
    return EVENT_DELETE;
}

static bool write_assigns(const struct plan_write *write, enum plan_event event, uint16_t attribute)
{
    bool is_alias = write->table->has_rowid && write->table->key_count == 1 &&
                    attribute == write->table->key_attributes[0];

    if (event != EVENT_UPDATE)
        return true;
    for (size_t k = 0; write->kind == PLAN_UPDATE && k < write->assignment_count; k++)
        if (write->assignments[k].attribute == attribute ||
            (is_alias && write->assignments[k].attribute == ATTRIBUTE_NONE))
            return true;
    for (size_t u = 0; u < write->upsert_count; u++)
        for (size_t k = 0; k < write->upserts[u].assignment_count; k++)
            if (write->upserts[u].assignments[k].attribute == attribute)
                return true;
    for (size_t k = 0; k < write->generated_count; k++)
        if (write->generated[k].attribute == attribute)
            return true;
    return false;
}

static bool watches(const struct plan_write *write, const struct ir_create_trigger *trigger)
{
    const enum plan_event event = event_of(trigger);

    if (event != EVENT_UPDATE || trigger->column_count == 0)
        return true;
    for (size_t k = 0; k < trigger->column_count; k++) {
        const struct attribute *attribute = attribute_named(write->table, trigger->columns[k].text);

        if (attribute != NULL && write_assigns(write, event, attribute->id))
            return true;
    }
    return false;
}

/* Can rows of this write meet the event? */
static bool may_happen(const struct planner *p, const struct plan_write *write,
                       enum plan_event event)
{
    switch (event) {
    case EVENT_INSERT:
        return write->kind == PLAN_INSERT || write->kind == PLAN_DOCUMENTS;
    case EVENT_UPDATE:
        return write->kind == PLAN_UPDATE || write->upsert_count > 0 ||
               write->kind == PLAN_DOCUMENTS;
    case EVENT_DELETE:
    case EVENT_COUNT:
        break;
    }
    return write->kind == PLAN_DELETE ||
           (write->kind != PLAN_DOCUMENTS && p->options->recursive_triggers);
}

static enum status trigger_hooks(struct planner *p, enum plan_phase phase)
{
    struct plan_write *write = p->out->write;
    const unsigned database = p->out->database;

    for (unsigned d = 0; d < p->databases->count; d++) {
        const struct catalog *catalog;
        bool is_temp = slice_is_nocase(p->databases->refs[d].name, "temp");

        if (p->databases->refs[d].txn == NULL || (d != database && !is_temp))
            continue;
        catalog = txn_catalog(p->databases->refs[d].txn);
        for (size_t k = catalog->object_count; k-- > 0;) { /* the youngest first */
            const struct catalog_object *object = catalog->objects[k];
            struct ir_create_trigger *trigger = NULL;
            struct plan_hook hook = {.phase = (uint8_t)phase};
            struct plan_program like = {
                .name = object->name, .conflict = write->conflict, .table = write->table};
            enum plan_event event;

            if (object->kind != OBJECT_TRIGGER ||
                !slice_equal_nocase(object->table, write->table->name))
                continue;
            TRY(parse_trigger(p, object->sql, &trigger));
            event = event_of(trigger);
            if ((trigger->time == IR_TRIGGER_AFTER) != (phase == PHASE_AFTER) ||
                !may_happen(p, write, event) || !watches(write, trigger))
                continue;
            TRY(add_parsed(p, &write->hooks[event], hook, &like, database, event, trigger));
        }
    }
    return ST_OK;
}

/* Rows that a foreign key's action changes are written without their table's triggers. Rather than
 * leave those out silently, the write that would lead there is refused. */
static bool has_trigger(const struct catalog *catalog, const struct table *table)
{
    for (size_t k = 0; k < catalog->object_count; k++)
        if (catalog->objects[k]->kind == OBJECT_TRIGGER &&
            slice_equal_nocase(catalog->objects[k]->table, table->name))
            return true;
    return false;
}

static bool acts(const struct plan_write *write, const struct foreign_key *key)
{
    const bool removes = write->kind == PLAN_DELETE || write->conflict == IR_CONFLICT_REPLACE;
    const bool changes = write->kind == PLAN_UPDATE || write->upsert_count > 0;

    return slice_equal_nocase(key->parent, write->table->name) &&
           ((removes && key->on_delete > FK_RESTRICT) || (changes && key->on_update > FK_RESTRICT));
}

static enum status refuse_silent_actions(struct planner *p, const struct plan_write *write)
{
    const struct catalog *catalog;

    if (!p->options->foreign_keys || write->is_view)
        return ST_OK;
    catalog = txn_catalog(p->databases->refs[p->out->database].txn);
    for (size_t t = 0; t < catalog->table_count; t++) {
        const struct table *child = catalog->tables[t];

        for (unsigned k = 0; k < child->foreign_key_count; k++)
            if (acts(write, &child->foreign_keys[k]) && has_trigger(catalog, child))
                return error_set(p->err, ST_UNSUPPORTED, -1,
                                 "a foreign key's action cannot fire the triggers of table %.*s",
                                 (int)child->name.len, child->name.data);
    }
    return ST_OK;
}

enum status plan_hooks_make(struct planner *p)
{
    struct plan_write *write = p->out->write;
    size_t count = 0;

    if (p->trigger_depth > 200)
        return error_set(p->err, ST_LIMIT, -1, "too many levels of trigger recursion");
    TRY(trigger_hooks(p, PHASE_BEFORE));
    TRY(trigger_hooks(p, PHASE_AFTER));
    TRY(refuse_silent_actions(p, write));
    for (size_t k = 0; k < EVENT_COUNT; k++)
        count += write->hooks[k].count;
    if (count == 0)
        return ST_OK;
    if (write->kind == PLAN_DOCUMENTS)
        return error_set(p->err, ST_UNSUPPORTED, -1,
                         "documents cannot be written to table %.*s: it has triggers; use SQL",
                         (int)write->table->name.len, write->table->name.data);
    write->is_clear = false;
    if (write->query != NULL)
        write->needs_two_passes = true;
    return ST_OK;
}

enum status trigger_check(struct planner *p, const struct ir_create_trigger *trigger)
{
    const bool is_instead = trigger->time == IR_TRIGGER_INSTEAD_OF;
    const struct catalog_object *view;
    unsigned number = 0;
    const struct table *table =
        find_table(p, trigger->table_database.text, trigger->table.text, &number);

    if (table != NULL && is_instead)
        return error_set(p->err, ST_INVALID, trigger->table.offset,
                         "cannot create INSTEAD OF trigger on table: %.*s",
                         (int)trigger->table.text.len, trigger->table.text.data);
    if (table == NULL && !is_instead &&
        find_view(p, trigger->table_database.text, trigger->table.text, &view, &number))
        return error_set(p->err, ST_INVALID, trigger->table.offset,
                         "cannot create %s trigger on view: %.*s",
                         trigger->time == IR_TRIGGER_BEFORE ? "BEFORE" : "AFTER",
                         (int)trigger->table.text.len, trigger->table.text.data);
    return ST_OK;
}
