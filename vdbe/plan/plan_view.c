/*
 * plan_view: writes to views that have INSTEAD OF triggers. The view's columns become a table that
 * is in no catalog: its rows are made, given to the triggers, and forgotten.
 */
#include "vdbe/plan/plan_internal.h"

static enum status has_instead(struct planner *p, const struct catalog *catalog, struct slice view,
                               enum plan_event event, bool *out)
{
    static const uint8_t events[] = {[EVENT_INSERT] = IR_TRIGGER_INSERT,
                                     [EVENT_UPDATE] = IR_TRIGGER_UPDATE,
                                     [EVENT_DELETE] = IR_TRIGGER_DELETE};
    const struct plan_parsers *parsers = &p->options->parsers;

    for (size_t k = 0; k < catalog->object_count && !*out; k++) {
        const struct catalog_object *object = catalog->objects[k];
        struct ir_create_trigger *trigger = NULL;

        if (object->kind != OBJECT_TRIGGER || !slice_equal_nocase(object->table, view) ||
            parsers->parse_trigger == NULL)
            continue;
        TRY(parsers->parse_trigger(parsers->context, object->sql, p->arena, &trigger, p->err));
        *out = trigger->time == IR_TRIGGER_INSTEAD_OF && trigger->event == events[event];
    }
    return ST_OK;
}

static enum status find_instead(struct planner *p, const struct ir_source *source,
                                unsigned database, struct slice view, enum plan_event event)
{
    bool found = false;

    for (unsigned d = 0; d < p->databases->count; d++)
        if (p->databases->refs[d].txn != NULL &&
            (d == database || slice_is_nocase(p->databases->refs[d].name, "temp")))
            TRY(has_instead(p, txn_catalog(p->databases->refs[d].txn), view, event, &found));
    if (found)
        return ST_OK;
    return error_set(p->err, ST_INVALID, source->name.offset,
                     "cannot modify %.*s because it is a view", (int)source->name.text.len,
                     source->name.text.data);
}

struct ir_source *view_source(struct planner *p, const struct ir_source *target)
{
    struct ir_source *source = ARENA_NEW(p->arena, struct ir_source);

    if (source == NULL)
        return NULL;
    source->kind = IR_SOURCE_TABLE;
    source->database = target->database;
    source->name = target->name;
    source->alias = target->alias;
    return source;
}

static enum status columns_as_attributes(struct planner *p, const struct source_info *info,
                                         struct table *table)
{
    struct attribute *attributes = ARENA_NEW_ARRAY(p->arena, struct attribute, info->column_count);

    if (attributes == NULL)
        return no_memory(p);
    for (size_t k = 0; k < info->column_count; k++) {
        const struct column_info *column = &info->columns[k];

        attributes[k].id = (uint16_t)k;
        attributes[k].name = column->name;
        attributes[k].affinity =
            column->affinity == PLAN_NO_AFFINITY ? (uint8_t)AFFINITY_NONE : column->affinity;
        attributes[k].collation = column->collation;
    }
    table->attributes = attributes;
    table->attribute_count = (uint16_t)info->column_count;
    return ST_OK;
}

enum status view_as_table(struct planner *p, struct ir_source *source, enum plan_event event,
                          const struct table **out, unsigned *database)
{
    const struct catalog_object *view;
    struct ir_source *columns;
    struct source_info *info;
    struct table *table;

    *out = NULL;
    if (!find_view(p, source->database.text, source->name.text, &view, database))
        return ST_OK;
    TRY(find_instead(p, source, *database, view->name, event));
    table = ARENA_NEW(p->arena, struct table);
    columns = view_source(p, source);
    if (table == NULL || columns == NULL)
        return no_memory(p);
    TRY(source_number(p, columns, &info));
    TRY(bind_view(p, columns, view, *database));
    table->name = view->name;
    table->db = txn_db(p->databases->refs[*database].txn);
    *out = table;
    return columns_as_attributes(p, info_of(p, columns), table);
}
