/* Expressions to registers. */
#include "storage/value/keycode.h"
#include "vdbe/codegen/codegen_internal.h"

enum { DEPTH_MAX = 4000 };

/* ---- constants ---- */

struct gen_slot {
    const struct ir_expr *expr;
    uint32_t number;
};

/* The slot of a literal's node: code that is emitted twice shares it. */
static uint32_t *slot_of(struct gen *g, const struct ir_expr *expr)
{
    const size_t count = g->slots.len / sizeof(struct gen_slot);
    size_t room = g->slot_table.len / sizeof(uint32_t);
    const struct gen_slot *slots = (const struct gen_slot *)(void *)g->slots.data;
    uint32_t *table = (uint32_t *)(void *)g->slot_table.data;
    uint64_t at;

    if (room == 0 || count * 2 >= room) {
        room = room == 0 ? 64 : room * 2;
        buf_clear(&g->slot_table);
        buf_append_fill(&g->slot_table, 0, room * sizeof(uint32_t));
        if (g->slot_table.failed)
            return NULL;
        table = (uint32_t *)(void *)g->slot_table.data;
        for (size_t k = 0; k < count; k++) {
            at = ((uintptr_t)slots[k].expr >> 4) * 0x9e3779b97f4a7c15u >> 20 & (room - 1);
            while (table[at] != 0)
                at = (at + 1) & (room - 1);
            table[at] = (uint32_t)k + 1;
        }
    }
    at = ((uintptr_t)expr >> 4) * 0x9e3779b97f4a7c15u >> 20 & (room - 1);
    while (table[at] != 0 && slots[table[at] - 1].expr != expr)
        at = (at + 1) & (room - 1);
    return &table[at];
}

static int32_t literal_slot(struct gen *g, const struct ir_expr *expr)
{
    uint32_t *place = slot_of(g, expr);
    struct gen_slot slot = {.expr = expr};

    if (place == NULL) {
        builder_set_failure(g->builder, ST_NO_MEMORY);
        return SLOT(0);
    }
    if (*place != 0)
        return SLOT(((const struct gen_slot *)(void *)g->slots.data)[*place - 1].number);
    slot.number = builder_literal(g->builder, expr->as.literal);
    buf_append(&g->slots, &slot, sizeof(slot));
    *place = (uint32_t)(g->slots.len / sizeof(slot));
    return SLOT(slot.number);
}

int32_t gen_literal(struct gen *g, struct value v)
{
    return SLOT(builder_literal(g->builder, v));
}

static int32_t param_slot(struct gen *g, const struct ir_expr *expr)
{
    return SLOT(builder_param(g->builder, expr->as.param.slot,
                              expr->as.param.is_lifted ? &expr->as.param.peek : NULL));
}

/* ---- columns ---- */

/* Where the index has the attribute: among its parts, else among those of the primary key. A part
 * whose collation folds does not give back what was stored. */
static int32_t index_part_of(const struct index *index, const struct table *table,
                             uint16_t attribute)
{
    for (uint16_t k = 0; k < index->part_count; k++)
        if (attribute != ATTRIBUTE_NONE && index->parts[k].attribute == attribute &&
            keycode_is_exact(index->parts[k].order))
            return k;
    if (attribute == ATTRIBUTE_NONE)
        return index->part_count;
    for (uint16_t k = 0; k < table->key_count; k++)
        if (table->key_attributes[k] == attribute)
            return index->part_count + k;
    return -1;
}

static struct slice attribute_name(const struct table *table, uint16_t attribute)
{
    if (table == NULL || attribute >= table->attribute_count)
        return slice_text("rowid");
    return table->attributes[attribute].name;
}

/* The rowid of a table whose primary key is an integer alias of it is that column. */
static uint16_t resolve_rowid(const struct table *table, uint16_t attribute)
{
    if (attribute == ATTRIBUTE_NONE && table != NULL && table->key_count == 1)
        return table->key_attributes[0];
    return attribute;
}

static int32_t needed_register(const struct gen_source *place, uint16_t attribute)
{
    for (size_t k = 0; k < place->needed_count; k++)
        if (place->needed[k] == attribute)
            return place->base + (int32_t)k;
    return NO_REGISTER;
}

/* The register that holds the column already, or NO_REGISTER. */
static int32_t column_register(struct gen *g, const struct ir_source *source, uint16_t attribute)
{
    const struct gen_source *place;

    for (const struct gen_known *known = g->known; known != NULL; known = known->below)
        if (known->source == source && known->kind == IR_COLUMN && known->attribute == attribute)
            return known->at;
    place = gen_source(g, source);
    if (place->place == PLACE_REGISTERS)
        return place->base + attribute;
    if (place->place == PLACE_NEEDED) {
        int32_t at = needed_register(place, attribute);

        if (at == NO_REGISTER)
            at = needed_register(place, resolve_rowid(place->table, attribute));
        if (at == NO_REGISTER)
            gen_fail(g, ST_INTERNAL, -1, "column %u of source %u is not at hand", attribute,
                     source->number);
        return at;
    }
    return NO_REGISTER;
}

void gen_column(struct gen *g, const struct ir_source *source, uint16_t attribute, int32_t target)
{
    const int32_t at = column_register(g, source, attribute);
    const struct gen_source *place = gen_source(g, source);
    int32_t part;

    if (at != NO_REGISTER) {
        gen_emit(g, OP_COPY, at, target, 0);
        return;
    }
    switch ((enum gen_place)place->place) {
    case PLACE_CURSOR:
        attribute = resolve_rowid(place->table, attribute);
        gen_emit(g, OP_COLUMN, place->cursor, attribute, target);
        gen_note(g, attribute_name(place->table, attribute));
        return;
    case PLACE_INDEX:
        attribute = resolve_rowid(place->table, attribute);
        part = index_part_of(place->index, place->table, attribute);
        if (part < 0)
            break;
        gen_emit(g, OP_PART, place->cursor, part, target);
        gen_note(g, attribute_name(place->table, attribute));
        return;
    case PLACE_RECORD:
        gen_emit(g, OP_RECORD_COLUMN, resolve_rowid(place->table, attribute), target, 0);
        return;
    case PLACE_NONE:
    case PLACE_REGISTERS:
    case PLACE_NEEDED:
        break;
    }
    gen_fail(g, ST_INTERNAL, -1, "column %u of source %u cannot be read here", attribute,
             source->number);
}

static void gen_record(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const struct gen_source *place = gen_source(g, expr->as.record.source);
    static const char *const meta_names[] = {"key", "version", "expiry"};

    if (place->place == PLACE_RECORD && expr->kind == IR_RECORD) {
        gen_emit(g, OP_RECORD_WHOLE, target, 0, 0);
    } else if (place->place == PLACE_CURSOR && expr->kind == IR_RECORD) {
        gen_emit(g, OP_RECORD, place->cursor, target, 0);
    } else if (place->place == PLACE_CURSOR) {
        gen_emit(g, OP_META, place->cursor, expr->op, target);
        gen_note(g, slice_text(meta_names[expr->op % META_KIND_COUNT]));
    } else if (place->place == PLACE_REGISTERS && expr->kind == IR_RECORD) {
        gen_emit(g, OP_COPY, place->base, target, 0); /* an element of a document */
    } else {
        gen_fail(g, ST_UNSUPPORTED, expr->offset, "the whole record cannot be read here");
    }
}

/* ---- operators ---- */

static void gen_tested(struct gen *g, const struct ir_expr *expr, enum test_kind kind,
                       int32_t target)
{
    static const char *const names[] = {"is null",  "is not null", "is stored null", "is true",
                                        "is false", "is not true", "is not false"};

    /* n 2: of an array any element may pass */
    gen_emit_n(g, OP_TEST, expr->any_element ? 2 : 1, gen_value(g, expr->as.unary.operand), target,
               (int32_t)kind, NULL);
    gen_note(g, slice_text(names[kind]));
}

static void gen_unary(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const struct ir_expr *operand = expr->as.unary.operand;

    switch ((enum ir_unary)expr->op) {
    case IR_NEGATE:
        gen_emit(g, OP_NEGATE, gen_value(g, operand), target, 0);
        break;
    case IR_NOT:
        gen_emit(g, OP_NOT, gen_value(g, operand), target, 0);
        break;
    case IR_BIT_NOT:
        gen_emit(g, OP_BIT_NOT, gen_value(g, operand), target, 0);
        break;
    case IR_PLUS:
        gen_expr(g, operand, target);
        break;
    case IR_IS_NULL:
        gen_tested(g, expr, TEST_NULL, target);
        break;
    case IR_NOT_NULL:
        gen_tested(g, expr, TEST_NOT_NULL, target);
        break;
    case IR_IS_STORED_NULL:
        gen_tested(g, expr, TEST_STORED_NULL, target);
        break;
    case IR_IS_TRUE:
        gen_tested(g, expr, TEST_TRUE, target);
        break;
    case IR_IS_FALSE:
        gen_tested(g, expr, TEST_FALSE, target);
        break;
    case IR_IS_NOT_TRUE:
        gen_tested(g, expr, TEST_NOT_TRUE, target);
        break;
    case IR_IS_NOT_FALSE:
        gen_tested(g, expr, TEST_NOT_FALSE, target);
        break;
    }
}

/* -> and ->> are functions without a name. Built-in functions outlive every registry. */
static const struct func *arrow_function(enum ir_binary op)
{
    struct func_registry *registry;
    const struct func *func;
    bool exists;

    if (func_registry_new(&registry) != ST_OK)
        return NULL;
    func = func_find(registry, slice_text(op == IR_ARROW ? "json_arrow" : "json_arrow_text"), 2,
                     &exists);
    func_registry_free(registry);
    return func;
}

static void gen_arrow(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const int32_t base = gen_temporary(g, 2);
    struct call_spec *spec = gen_p4(g, sizeof(*spec));

    if (spec == NULL)
        return;
    spec->func = arrow_function((enum ir_binary)expr->op);
    if (spec->func == NULL) {
        builder_set_failure(g->builder, ST_NO_MEMORY);
        return;
    }
    gen_expr(g, expr->as.binary.left, base);
    gen_expr(g, expr->as.binary.right, base + 1);
    gen_emit_n(g, OP_CALL, 2, base, target, COLLATE_BINARY, spec);
    gen_note(g, slice_text(spec->func->name));
}

static void gen_binary(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    static const enum opcode opcodes[] = {
        [IR_ADD] = OP_ADD,
        [IR_SUBTRACT] = OP_SUBTRACT,
        [IR_MULTIPLY] = OP_MULTIPLY,
        [IR_DIVIDE] = OP_DIVIDE,
        [IR_MODULO] = OP_MODULO,
        [IR_CONCAT] = OP_CONCAT,
        [IR_BIT_AND] = OP_BIT_AND,
        [IR_BIT_OR] = OP_BIT_OR,
        [IR_SHIFT_LEFT] = OP_SHIFT_LEFT,
        [IR_SHIFT_RIGHT] = OP_SHIFT_RIGHT,
    };
    int32_t left, right;

    if (expr->op >= COUNT_OF(opcodes)) {
        gen_arrow(g, expr, target);
        return;
    }
    left = gen_value(g, expr->as.binary.left);
    right = gen_value(g, expr->as.binary.right);
    gen_emit(g, opcodes[expr->op], left, right, target);
}

unsigned gen_compare_flags(const struct ir_expr *compare)
{
    unsigned flags = compare->collation & COMPARE_COLLATION;

    if (compare->op == IR_IS || compare->op == IR_IS_NOT)
        flags |= COMPARE_NULLS;
    if (compare->affinity >= AFFINITY_NUMERIC)
        flags |= COMPARE_NUMERIC;
    else if (compare->affinity == AFFINITY_TEXT)
        flags |= COMPARE_TEXT;
    if (compare->any_element)
        flags |= COMPARE_ANY;
    return flags;
}

static void gen_comparison(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    static const struct {
        enum compare_operator op;
        const char *text;
    } operators[] = {
        [IR_EQ] = {COMPARE_EQ, "="},
        [IR_NE] = {COMPARE_NE, "<>"},
        [IR_LT] = {COMPARE_LT, "<"},
        [IR_LE] = {COMPARE_LE, "<="},
        [IR_GT] = {COMPARE_GT, ">"},
        [IR_GE] = {COMPARE_GE, ">="},
        [IR_IS] = {COMPARE_EQ, "is"},
        [IR_IS_NOT] = {COMPARE_NE, "is not"},
        [IR_STARTS_WITH] = {COMPARE_STARTS_WITH, "starts with"},
        [IR_ENDS_WITH] = {COMPARE_ENDS_WITH, "ends with"},
        [IR_CONTAINS] = {COMPARE_CONTAINS, "contains"},
    };
    const int32_t left = gen_value(g, expr->as.binary.left);
    const int32_t right = gen_value(g, expr->as.binary.right);

    gen_emit_n(g, OP_COMPARE,
               gen_compare_flags(expr) | (unsigned)operators[expr->op].op << COMPARE_OPERATOR, left,
               right, target, NULL);
    gen_note(g, slice_text(operators[expr->op].text));
}

/* Chained ranges over an array: one and the same element passes all of them. */
static void gen_logic_over_elements(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const struct object_spec rows_spec = {.type = OBJECT_ROWS};
    const struct object_spec reader_spec = {.type = OBJECT_READER,
                                            .target = gen_object(g, &rows_spec)};
    const int32_t rows = (int32_t)reader_spec.target, element = gen_register(g, 1),
                  reader = (int32_t)gen_object(g, &reader_spec), result = gen_register(g, 1),
                  top = gen_label(g), done = gen_label(g);
    struct gen_known *known = g->known;

    gen_emit(g, OP_INTEGER, result, 0, 0);
    gen_emit(g, OP_ELEMENTS, rows, gen_value(g, expr->as.list.operands[0]->as.binary.left), 0);
    gen_emit(g, OP_READ_FIRST, reader, 0, 0);
    gen_place(g, top);
    gen_emit_n(g, OP_READ_NEXT, 1, reader, element, done, NULL);
    for (size_t k = 0; k < expr->as.list.count; k++)
        gen_know(g, expr->as.list.operands[k]->as.binary.left, element);
    for (size_t k = 0; k < expr->as.list.count; k++)
        gen_jump(g, expr->as.list.operands[k], top, false, true);
    gen_emit(g, OP_INTEGER, result, 1, 0);
    gen_place(g, done);
    gen_emit(g, OP_COPY, result, target, 0);
    g->known = known;
}

static bool is_over_elements(const struct ir_expr *expr)
{
    if (!expr->any_element || expr->op != IR_AND)
        return false;
    for (size_t k = 0; k < expr->as.list.count; k++)
        if (expr->as.list.operands[k]->kind != IR_COMPARE)
            return false;
    return true;
}

/* Operands behind one that decides are not evaluated. */
static void gen_logic(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const bool is_and = expr->op == IR_AND;
    const int32_t done = gen_label(g), result = gen_temporary(g, 1), next = gen_temporary(g, 1);

    if (is_over_elements(expr)) {
        gen_place(g, done);
        gen_logic_over_elements(g, expr, target);
        return;
    }
    gen_expr(g, expr->as.list.operands[0], result);
    if (expr->as.list.count == 1)
        gen_emit(g, is_and ? OP_AND : OP_OR, result, result, result);
    for (size_t k = 1; k < expr->as.list.count; k++) {
        gen_emit(g, is_and ? OP_IF_NOT : OP_IF, result, done, 0);
        gen_expr(g, expr->as.list.operands[k], next);
        gen_emit(g, is_and ? OP_AND : OP_OR, result, next, result);
    }
    gen_place(g, done);
    /* The first operand may have jumped with a value that is not 1 or 0. */
    gen_emit(g, is_and ? OP_AND : OP_OR, result, result, target);
}

static void gen_like(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    static const enum like_kind kinds[] = {
        [IR_LIKE_LIKE] = LIKE_LIKE, [IR_LIKE_GLOB] = LIKE_GLOB, [IR_LIKE_REGEXP] = LIKE_REGEXP};
    static const char *const names[] = {"like", "glob", "regexp"};
    const unsigned count = expr->as.like.escape != NULL ? 3 : 2;
    const int32_t base = gen_temporary(g, count);

    if (expr->op == IR_LIKE_MATCH) {
        gen_fail(g, ST_UNSUPPORTED, expr->offset,
                 "unable to use function MATCH in the requested context");
        return;
    }
    gen_expr(g, expr->as.like.pattern, base);
    gen_expr(g, expr->as.like.operand, base + 1);
    if (count == 3)
        gen_expr(g, expr->as.like.escape, base + 2);
    gen_emit_n(g, OP_LIKE, count, base, target, (int32_t)kinds[expr->op], NULL);
    gen_note(g, slice_text(names[expr->op]));
    if (expr->negated)
        gen_emit(g, OP_NOT, target, target, 0);
}

static void gen_case(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const int32_t done = gen_label(g), result = gen_temporary(g, 1);
    struct gen_known *known = g->known;

    if (expr->as.cases.operand != NULL) {
        int32_t operand = gen_temporary(g, 1);

        gen_expr(g, expr->as.cases.operand, operand);
        gen_know(g, expr->as.cases.operand, operand);
        g->known->source = NULL; /* by its node only: the arms name it */
    }
    for (size_t k = 0; k < expr->as.cases.count; k++) {
        const int32_t next = gen_label(g);

        gen_jump(g, expr->as.cases.arms[k].when, next, false, true);
        gen_expr(g, expr->as.cases.arms[k].then, result);
        gen_emit(g, OP_GOTO, done, 0, 0);
        gen_place(g, next);
    }
    if (expr->as.cases.otherwise != NULL)
        gen_expr(g, expr->as.cases.otherwise, result);
    else
        gen_emit_n(g, OP_NULL, 1, result, 0, 0, NULL);
    gen_place(g, done);
    gen_emit(g, OP_COPY, result, target, 0);
    g->known = known;
}

static void gen_cast(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const enum affinity affinity = affinity_of_type(expr->as.cast.type);

    gen_emit_n(g, OP_CAST, affinity == AFFINITY_NONE, gen_value(g, expr->as.cast.operand), target,
               (int32_t)affinity, NULL);
    gen_note(g, expr->as.cast.type);
}

/* ---- calls ---- */

static bool is_named(const struct func *func, const char *name)
{
    return strcmp(func->name, name) == 0;
}

/* Functions that do not evaluate all their arguments. False: an ordinary one after all. */
static bool gen_lazy(struct gen *g, const struct ir_expr *expr, const struct func *func,
                     int32_t target)
{
    const size_t count = expr->as.call.count;
    struct ir_expr *const *args = expr->as.call.args;
    const int32_t done = gen_label(g), result = gen_temporary(g, 1);

    if (is_named(func, "coalesce") || is_named(func, "ifnull")) {
        for (size_t k = 0; k < count; k++) {
            gen_expr(g, args[k], result);
            if (k + 1 < count)
                gen_emit(g, OP_IF_NOT_NULL, result, done, 0);
        }
    } else if ((is_named(func, "iif") || is_named(func, "if")) && count >= 2) {
        for (size_t k = 0; k + 1 < count; k += 2) {
            const int32_t next = gen_label(g);

            gen_jump(g, args[k], next, false, true);
            gen_expr(g, args[k + 1], result);
            gen_emit(g, OP_GOTO, done, 0, 0);
            gen_place(g, next);
        }
        if (count % 2 == 1)
            gen_expr(g, args[count - 1], result);
        else
            gen_emit_n(g, OP_NULL, 1, result, 0, 0, NULL);
    } else if (is_named(func, "likely") || is_named(func, "unlikely") ||
               is_named(func, "likelihood")) {
        gen_expr(g, args[0], result);
    } else {
        return false;
    }
    gen_place(g, done);
    gen_emit(g, OP_COPY, result, target, 0);
    return true;
}

/* As SQLite: of the first argument that has one, be it written or its column's. */
static int32_t call_collation(const struct ir_expr *expr)
{
    for (size_t k = 0; k < expr->as.call.count; k++)
        if (ir_expr_has_collation(expr->as.call.args[k]))
            return expr->as.call.args[k]->collation;
    return COLLATE_BINARY;
}

static void gen_call(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const struct func *func = expr->as.call.function;
    const unsigned count = (unsigned)expr->as.call.count;
    struct call_spec *spec;
    int32_t base;

    if (func == NULL || expr->as.call.over != NULL || func->scalar == NULL) {
        gen_fail(g, ST_SYNTAX, expr->offset, "misuse of function %.*s()",
                 (int)expr->as.call.name.text.len, expr->as.call.name.text.data);
        return;
    }
    if ((func->flags & FUNC_LAZY) != 0 && gen_lazy(g, expr, func, target))
        return;
    spec = gen_p4(g, sizeof(*spec));
    if (spec == NULL)
        return;
    spec->func = func;
    if (count == 1) {
        base = gen_value(g, expr->as.call.args[0]);
    } else {
        base = gen_temporary(g, count);
        for (unsigned k = 0; k < count; k++)
            gen_expr(g, expr->as.call.args[k], base + (int32_t)k);
    }
    gen_emit_n(g, OP_CALL, count, base, target, call_collation(expr), spec);
    gen_note(g, slice_text(func->name));
}

/* ---- documents ---- */

static void gen_list(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const unsigned count = (unsigned)expr->as.list.count;
    const int32_t base = gen_temporary(g, count);

    for (unsigned k = 0; k < count; k++)
        gen_expr(g, expr->as.list.operands[k], base + (int32_t)k);
    gen_emit_n(g, OP_ARRAY, count, base, target, 0, NULL);
}

static void gen_object_value(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const unsigned count = (unsigned)expr->as.object.count;
    const int32_t base = gen_temporary(g, count);
    struct slice *names = gen_p4(g, (count + 1) * sizeof(*names));
    struct buf note = {0};

    for (unsigned k = 0; names != NULL && k < count; k++) {
        names[k] = gen_p4_slice(g, expr->as.object.names[k]);
        buf_append_text(&note, k == 0 ? "" : ", ");
        buf_append_slice(&note, names[k]);
        gen_expr(g, expr->as.object.values[k], base + (int32_t)k);
    }
    gen_emit_n(g, OP_OBJECT, count, base, target, expr->as.object.omit_absent, names);
    gen_note(g, buf_slice(&note));
    buf_free(&note);
}

static void gen_member(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const int32_t from = gen_value(g, expr->as.member.operand);
    struct slice *name;

    if (expr->as.member.name.len == 0) {
        gen_emit(g, OP_ELEMENT, from, target, (int32_t)expr->as.member.index);
        return;
    }
    name = gen_p4(g, sizeof(*name));
    if (name == NULL)
        return;
    *name = gen_p4_slice(g, expr->as.member.name);
    gen_emit_n(g, OP_MEMBER, 1, from, target, 0, name);
    gen_note(g, *name);
}

static void gen_raise(struct gen *g, const struct ir_expr *expr)
{
    static const uint8_t conflicts[] = {[IR_RAISE_ROLLBACK] = IR_CONFLICT_ROLLBACK,
                                        [IR_RAISE_ABORT] = IR_CONFLICT_ABORT,
                                        [IR_RAISE_FAIL] = IR_CONFLICT_FAIL};
    struct fail_spec *spec;

    if (expr->op == IR_RAISE_IGNORE) {
        gen_emit(g, OP_IGNORE, 0, 0, 0);
        return;
    }
    spec = gen_p4(g, sizeof(*spec));
    if (spec == NULL)
        return;
    spec->status = ST_CONSTRAINT;
    spec->conflict = conflicts[expr->op];
    spec->message = gen_p4_slice(g, expr->as.raise.message);
    gen_emit_n(g, OP_FAIL, 1, 0, 0, 0, spec);
    gen_note(g, spec->message);
}

/* ---- what stands in a register already ---- */

static int32_t result_register(const struct gen *g, const struct ir_expr *expr)
{
    for (const struct gen_results *results = g->results; results != NULL;
         results = results->below) {
        const size_t number = (size_t)expr->as.call.aggregate - results->first;

        if (expr->as.call.aggregate >= results->first && number < results->count &&
            (results->calls[number].call == expr ||
             (results->calls[number].func == expr->as.call.function &&
              ir_expr_equal(results->calls[number].call, expr))))
            return results->base + (int32_t)number;
    }
    return NO_REGISTER;
}

static bool is_aggregate_call(const struct ir_expr *expr)
{
    const struct func *func = expr->as.call.function;

    return expr->kind == IR_CALL && func != NULL &&
           (expr->as.call.over != NULL || (func->flags & FUNC_AGGREGATE) != 0);
}

static int32_t known_register(struct gen *g, const struct ir_expr *expr)
{
    const struct gen_known *known;

    for (known = g->known; known != NULL; known = known->below) {
        if (known->expr == expr)
            return known->at;
        if (known->source != NULL && known->kind == expr->kind && known->op == expr->op &&
            (expr->kind == IR_RECORD || expr->kind == IR_META) &&
            known->source == expr->as.record.source)
            return known->at;
    }
    if (expr->kind == IR_COLUMN && expr->as.column.source != NULL)
        return column_register(g, expr->as.column.source, expr->as.column.attribute);
    if (is_aggregate_call(expr))
        return result_register(g, expr);
    return NO_REGISTER;
}

/* ---- once instead of for each row ---- */

static void note_call(void *context, struct ir_expr **slot);

static bool has_call(struct ir_expr *expr)
{
    bool found = expr->kind == IR_CALL || expr->kind == IR_SUBQUERY || expr->kind == IR_IN ||
                 expr->kind == IR_RAISE || expr->kind == IR_LIKE;

    if (!found)
        ir_expr_children(expr, note_call, &found);
    return found;
}

static void note_call(void *context, struct ir_expr **slot)
{
    bool *found = context;

    if (!*found && *slot != NULL)
        *found = has_call(*slot);
}

static bool is_worth_hoisting(const struct gen *g, const struct ir_expr *expr)
{
    return expr->is_constant && g->loop_depth > 0 && !g->is_prologue && expr->kind != IR_LITERAL &&
           expr->kind != IR_PARAM && expr->kind != IR_SUBQUERY && expr->kind != IR_ROW &&
           expr->kind != IR_RAISE && !is_aggregate_call(expr);
}

static void gen_plain(struct gen *g, const struct ir_expr *expr, int32_t target);

/* Arithmetic over constants cannot fail and goes before everything. A call may: it runs when it is
 * first needed. */
static int32_t gen_hoisted(struct gen *g, const struct ir_expr *expr)
{
    const int32_t at = gen_register(g, 1);
    struct gen_known *known_here = g->known;
    struct ir_expr *whole;

    memcpy(&whole, &expr, sizeof(whole)); /* the walker may replace children; this one does not */
    if (has_call(whole)) {
        const int32_t known = gen_label(g);

        gen_emit(g, OP_ONCE, (int32_t)builder_once(g->builder), known, 0);
        gen_plain(g, expr, at);
        gen_emit_n(g, OP_KEEP, 1, at, 1, 0, NULL);
        gen_place(g, known);
        return at;
    }
    g->is_prologue = true;
    g->known = NULL; /* what is known here is not known before everything */
    builder_prologue(g->builder, true);
    gen_plain(g, expr, at);
    gen_emit_n(g, OP_KEEP, 1, at, 1, 0, NULL);
    builder_prologue(g->builder, false);
    g->known = known_here;
    g->is_prologue = false;
    return at;
}

/* ---- entry ---- */

static void gen_plain(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_LITERAL:
        gen_emit(g, OP_COPY, literal_slot(g, expr), target, 0);
        break;
    case IR_PARAM:
        gen_emit(g, OP_COPY, param_slot(g, expr), target, 0);
        break;
    case IR_COLUMN:
        if (expr->as.column.source == NULL)
            gen_fail(g, ST_NO_COLUMN, expr->offset, "a column is not bound");
        else
            gen_column(g, expr->as.column.source, expr->as.column.attribute, target);
        break;
    case IR_UNARY:
        gen_unary(g, expr, target);
        break;
    case IR_BINARY:
        gen_binary(g, expr, target);
        break;
    case IR_COMPARE:
        gen_comparison(g, expr, target);
        break;
    case IR_LOGIC:
        gen_logic(g, expr, target);
        break;
    case IR_IN:
        gen_in(g, expr, target);
        break;
    case IR_LIKE:
        gen_like(g, expr, target);
        break;
    case IR_CASE:
        gen_case(g, expr, target);
        break;
    case IR_CAST:
        gen_cast(g, expr, target);
        break;
    case IR_COLLATE:
        gen_expr(g, expr->as.collate.operand, target);
        break;
    case IR_CALL:
        gen_call(g, expr, target);
        break;
    case IR_SUBQUERY:
        gen_subquery(g, expr, target);
        break;
    case IR_ROW:
        gen_fail(g, ST_SYNTAX, expr->offset, "row value misused");
        break;
    case IR_OBJECT:
        gen_object_value(g, expr, target);
        break;
    case IR_ARRAY:
        gen_list(g, expr, target);
        break;
    case IR_MEMBER:
        gen_member(g, expr, target);
        break;
    case IR_RECORD:
    case IR_META:
        gen_record(g, expr, target);
        break;
    case IR_RAISE:
        gen_raise(g, expr);
        break;
    case IR_NESTED:
    case IR_EXPR_KIND_COUNT:
        gen_fail(g, ST_UNSUPPORTED, expr->offset, "expression of kind %u in a plan", expr->kind);
        break;
    }
}

void gen_expr(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const int32_t mark = builder_temporaries_used(g->builder);
    int32_t at;

    if (gen_failed(g))
        return;
    if (++g->depth > DEPTH_MAX) {
        gen_fail(g, ST_LIMIT, expr->offset, "expression nested too deeply");
        return;
    }
    at = known_register(g, expr);
    if (at == NO_REGISTER && is_worth_hoisting(g, expr))
        at = gen_hoisted(g, expr);
    if (at == NO_REGISTER)
        gen_plain(g, expr, target);
    else if (at != target)
        gen_emit(g, OP_COPY, at, target, 0);
    builder_temporaries_forget(g->builder, mark);
    g->depth--;
}

int32_t gen_value(struct gen *g, const struct ir_expr *expr)
{
    int32_t at;

    if (gen_failed(g))
        return 0;
    while (expr->kind == IR_COLLATE || (expr->kind == IR_UNARY && expr->op == IR_PLUS)) {
        if (known_register(g, expr) != NO_REGISTER)
            break;
        expr = expr->kind == IR_COLLATE ? expr->as.collate.operand : expr->as.unary.operand;
    }
    if (expr->kind == IR_LITERAL)
        return literal_slot(g, expr);
    if (expr->kind == IR_PARAM)
        return param_slot(g, expr);
    at = known_register(g, expr);
    if (at != NO_REGISTER)
        return at;
    if (is_worth_hoisting(g, expr))
        return gen_hoisted(g, expr);
    at = gen_temporary(g, 1);
    gen_expr(g, expr, at);
    return at;
}
