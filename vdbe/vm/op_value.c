/* Making values: constants, copies, conversions, function calls, documents. */
#include "vdbe/vm/vm_internal.h"

enum status op_integer(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p1) = value_int(insn->p2);
    return ST_OK;
}

enum status op_null(struct vm *vm, const struct vm_insn *insn)
{
    for (int32_t k = 0; k < insn->n; k++)
        *reg(vm, insn->p1 + k) = value_null();
    return ST_OK;
}

enum status op_absent(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p1) = value_absent();
    return ST_OK;
}

enum status op_copy(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p2) = *reg(vm, insn->p1);
    return ST_OK;
}

enum status op_copy_n(struct vm *vm, const struct vm_insn *insn)
{
    memmove(reg(vm, insn->p2), reg(vm, insn->p1), insn->n * sizeof(struct value));
    return ST_OK;
}

/* p2: 0 until the row's temporaries are forgotten, 1 to the end of the run. */
enum status op_keep(struct vm *vm, const struct vm_insn *insn)
{
    struct arena *arena = insn->p2 != 0 ? &vm->run_arena : vm->temporary;

    for (int32_t k = 0; k < insn->n; k++)
        if (value_has_bytes(*reg(vm, insn->p1 + k)))
            TRY(value_keep(reg(vm, insn->p1 + k), arena));
    return ST_OK;
}

static enum status arena_status(const struct vm *vm)
{
    return vm->temporary->failed ? ST_NO_MEMORY : ST_OK;
}

enum status op_affinity(struct vm *vm, const struct vm_insn *insn)
{
    struct value *v = reg(vm, insn->p1);

    *v = value_apply_affinity(*v, (enum affinity)insn->p2, vm->temporary);
    return arena_status(vm);
}

enum status op_cast(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p2) =
        value_cast(*reg(vm, insn->p1), (enum affinity)insn->p3, insn->n != 0, vm->temporary);
    return arena_status(vm);
}

static bool test_value(enum test_kind kind, struct value v)
{
    switch (kind) {
    case TEST_NULL:
        return value_is_null(v);
    case TEST_NOT_NULL:
        return !value_is_null(v);
    case TEST_STORED_NULL:
        return v.kind == VALUE_NULL;
    case TEST_TRUE:
        return value_truth(v) > 0;
    case TEST_FALSE:
        return value_truth(v) == 0;
    case TEST_NOT_TRUE:
        return value_truth(v) <= 0;
    case TEST_NOT_FALSE:
        return value_truth(v) != 0;
    case TEST_KIND_COUNT:
        break;
    }
    return false;
}

/* n 2: an array passes when one of its elements does. */
enum status op_test(struct vm *vm, const struct vm_insn *insn)
{
    const struct value v = *reg(vm, insn->p1);
    const enum test_kind kind = (enum test_kind)insn->p3;
    bool result = false;

    if (insn->n == 2 && v.kind == VALUE_ARRAY) {
        for (size_t k = 0; !result && k < document_count(v); k++)
            result = test_value(kind, document_element(v, k));
    } else {
        result = test_value(kind, v);
    }
    *reg(vm, insn->p2) = value_int(result);
    return ST_OK;
}

/* ---- functions ---- */

enum status op_call(struct vm *vm, const struct vm_insn *insn)
{
    const struct call_spec *spec = insn->p4;
    const struct value *args = reg(vm, insn->p1);
    struct value result = value_null();

    if ((spec->func->flags & FUNC_NULL_IN_NULL_OUT) == 0 || insn->n == 0 ||
        !value_is_null(args[0])) {
        vm->functions.arena = vm->temporary;
        vm->functions.func = spec->func;
        vm->functions.user = spec->func->user;
        vm->functions.collation = (uint8_t)insn->p3;
        vm->functions.changes = vm->environment.changes;
        TRY(spec->func->scalar(&vm->functions, insn->n, args, &result));
        if (__builtin_expect(vm->temporary->failed, false))
            return ST_NO_MEMORY;
    }
    *reg(vm, insn->p2) = result;
    return ST_OK;
}

/* Operands: pattern, text, then maybe the escape. Bytes never match LIKE's text conversion of
 * null. */
enum status op_like(struct vm *vm, const struct vm_insn *insn)
{
    struct value pattern = *reg(vm, insn->p1), text = *reg(vm, insn->p1 + 1);
    struct value *out = reg(vm, insn->p2);
    uint32_t escape = 0;
    bool matches = false;

    *out = value_null();
    if (value_is_null(pattern) || value_is_null(text))
        return ST_OK;
    if (insn->n == 3) {
        struct value mark = value_to_text(*reg(vm, insn->p1 + 2), vm->temporary);
        struct slice bytes = value_slice(mark);

        if (value_is_null(mark))
            return ST_OK;
        if (utf8_length(bytes) != 1)
            return error_set(vm->err, ST_TYPE, -1, "ESCAPE expression must be a single character");
        escape = utf8_next(&bytes);
    }
    pattern = value_to_text(pattern, vm->temporary);
    text = value_to_text(text, vm->temporary);
    TRY(arena_status(vm));
    if (pattern.len > LIKE_PATTERN_BYTES_MAX)
        return error_set(vm->err, ST_TOO_BIG, -1, "LIKE or GLOB pattern too complex");
    switch ((enum like_kind)insn->p3) {
    case LIKE_LIKE:
        TRY(pattern_like(value_slice(pattern), value_slice(text), escape,
                         vm->environment.like_is_case_sensitive, &matches));
        break;
    case LIKE_GLOB:
        TRY(pattern_glob(value_slice(pattern), value_slice(text), &matches));
        break;
    case LIKE_REGEXP:
        TRY(regexp_match(&vm->scratch.regexps, value_slice(pattern), value_slice(text), &matches,
                         vm->err));
        break;
    case LIKE_KIND_COUNT:
        break;
    }
    *out = value_int(matches);
    return ST_OK;
}

/* ---- documents ---- */

static enum status end_document(struct vm *vm, struct document_builder *builder, struct value *out)
{
    enum status st = document_end(builder, out);

    if (st == ST_OK)
        st = value_keep(out, vm->temporary);
    document_deinit(builder);
    return st;
}

static struct value absent_as_null(struct value v)
{
    return v.kind == VALUE_ABSENT ? value_null() : v;
}

enum status op_array(struct vm *vm, const struct vm_insn *insn)
{
    struct document_builder builder = {0};

    document_begin(&builder);
    document_open_array(&builder);
    for (int32_t k = 0; k < insn->n; k++)
        document_value(&builder, absent_as_null(*reg(vm, insn->p1 + k)));
    document_close(&builder);
    return end_document(vm, &builder, reg(vm, insn->p2));
}

/* p3: absent members are left out; otherwise they are null. */
enum status op_object(struct vm *vm, const struct vm_insn *insn)
{
    const struct slice *names = insn->p4;
    struct document_builder builder = {0};

    document_begin(&builder);
    document_open_object(&builder);
    for (int32_t k = 0; k < insn->n; k++) {
        const struct value v = *reg(vm, insn->p1 + k);

        if (v.kind == VALUE_ABSENT && insn->p3 != 0)
            continue;
        document_name(&builder, names[k]);
        document_value(&builder, absent_as_null(v));
    }
    document_close(&builder);
    return end_document(vm, &builder, reg(vm, insn->p2));
}

/* Over an array: the member of each element that has it. */
static enum status members_of_array(struct vm *vm, struct value array, struct slice name,
                                    struct value *out)
{
    struct document_builder builder = {0};

    document_begin(&builder);
    document_open_array(&builder);
    for (size_t k = 0; k < document_count(array); k++) {
        struct value element = document_element(array, k);
        struct value member =
            element.kind == VALUE_OBJECT ? document_member(element, name) : value_absent();

        if (member.kind != VALUE_ABSENT)
            document_value(&builder, member);
    }
    document_close(&builder);
    return end_document(vm, &builder, out);
}

enum status op_member(struct vm *vm, const struct vm_insn *insn)
{
    const struct value v = *reg(vm, insn->p1);
    const struct slice name = *(const struct slice *)insn->p4;
    struct value *out = reg(vm, insn->p2);

    if (v.kind == VALUE_ARRAY)
        return members_of_array(vm, v, name, out);
    *out = v.kind == VALUE_OBJECT ? document_member(v, name) : value_absent();
    return ST_OK;
}

enum status op_element(struct vm *vm, const struct vm_insn *insn)
{
    const struct value v = *reg(vm, insn->p1);
    int64_t index = insn->p3;

    if (v.kind == VALUE_ARRAY && index < 0)
        index += (int64_t)document_count(v);
    *reg(vm, insn->p2) =
        v.kind == VALUE_ARRAY && index >= 0 ? document_element(v, (size_t)index) : value_absent();
    return ST_OK;
}

enum status op_append(struct vm *vm, const struct vm_insn *insn)
{
    return rowset_add(vm->objects[insn->p2].rows, reg(vm, insn->p1), 1);
}

enum status op_rows_array(struct vm *vm, const struct vm_insn *insn)
{
    struct document_builder builder = {0};
    struct reader *reader;
    struct value v;
    enum status st;

    TRY(reader_new(vm->objects[insn->p1].rows, &reader));
    document_begin(&builder);
    document_open_array(&builder);
    while ((st = reader_next(reader, &v, 1)) == ST_OK)
        document_value(&builder, absent_as_null(v));
    document_close(&builder);
    reader_free(reader);
    if (st != ST_DONE) {
        document_deinit(&builder);
        return st;
    }
    return end_document(vm, &builder, reg(vm, insn->p2));
}
