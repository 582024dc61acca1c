/* The bottom of a loop that only adds up: for rows that lie ready, the body is done here, a batch
 * at a time, instead of an instruction at a time. What the body may be is decided when a program is
 * finished (builder.c). The first row of each batch goes through the instructions themselves, and
 * so does whatever is not a number: they are what this must agree with. */
#include "vdbe/vm/vm_internal.h"

enum { BATCH_ROWS = 64 };

/* Where the columns that the body reads come from, and which registers they go to. */
struct fold {
    unsigned count;
    struct column_wish wishes[FOLD_COLUMNS_MAX];
    int32_t registers[FOLD_COLUMNS_MAX];
};

static void read_body(struct fold *fold, const struct vm_insn *from, const struct vm_insn *to)
{
    fold->count = 0;
    for (; from != to; from++)
        if (from->op == OP_COLUMN || from->op == OP_PART) {
            fold->wishes[fold->count] =
                (struct column_wish){.number = (uint16_t)from->p2, .is_part = from->op == OP_PART};
            fold->registers[fold->count++] = from->p3;
        }
}

static unsigned column_of(const struct fold *fold, int32_t number)
{
    unsigned k = fold->count;

    while (k > 0 && fold->registers[k - 1] != number)
        k--;
    return k - 1; /* the builder saw that each step reads a column of the body */
}

/* One step of the body for all rows of the batch. */
static void step_rows(struct vm *vm, const struct vm_insn *insn, const struct value *values,
                      unsigned rows)
{
    if (insn->op == OP_STEP_SUM)
        groups_sum(vm, insn, values, rows);
    else /* STEP_COUNT, STEP_COUNT_OF: no value is null */
        groups_count(vm, insn, rows);
}

static unsigned fold_batch(struct vm *vm, struct cursor *cursor, const struct fold *fold,
                           const struct vm_insn *from, const struct vm_insn *to)
{
    struct value values[FOLD_COLUMNS_MAX * BATCH_ROWS];
    unsigned rows =
        cursor_numbers_ahead(cursor, fold->count, fold->wishes, BATCH_ROWS, BATCH_ROWS, values);

    for (; rows != 0 && from != to; from++) {
        const struct value *column = NULL;

        if (from->op == OP_COLUMN || from->op == OP_PART || from->op == OP_RELEASE)
            continue;
        if (from->op != OP_STEP_COUNT)
            column = values + (size_t)column_of(fold, from->p3) * BATCH_ROWS;
        step_rows(vm, from, column, rows);
    }
    return rows;
}

enum status op_fold(struct vm *vm, const struct vm_insn *insn)
{
    const struct vm_insn *from = vm->program->code + insn->p2;
    struct vm_cursor *cursor = &vm->cursors[insn->p1];
    struct fold fold;

    if (vm->counts == NULL && !cursor->is_null_row) {
        read_body(&fold, from, insn);
        while (fold_batch(vm, cursor->storage, &fold, from, insn) != 0)
            ;
    }
    return op_next(vm, insn);
}
