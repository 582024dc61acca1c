/*
 * Expressions that storage needs: parts of expression indexes and conditions of partial ones.
 *
 * They are compiled once per table and text, and run under a lock: writers come one at a
 * time anyway.
 */
#include "api/api_internal.h"
#include "parser/sql/sql.h"
#include <stdlib.h>
#include <string.h>

struct compiled {
    struct compiled *next;
    const struct db *db;
    uint32_t store;           /* with db: the table */
    uint16_t attribute_count; /* grows with every added attribute: names may mean others then */
    char *sql;
    struct program *program;
    struct vm *vm;
};

struct evaluator {
    pthread_mutex_t lock;
    struct func_registry *functions;
    struct compiled *compiled;
    unsigned count;
};

enum { COMPILED_MAX = 256 };

enum status evaluator_new(struct func_registry *functions, struct evaluator **out)
{
    struct evaluator *evaluator = calloc(1, sizeof *evaluator);

    *out = evaluator;
    if (evaluator == NULL)
        return ST_NO_MEMORY;
    pthread_mutex_init(&evaluator->lock, NULL);
    evaluator->functions = functions;
    return ST_OK;
}

static void compiled_free(struct compiled *compiled)
{
    vm_free(compiled->vm);
    if (compiled->program != NULL)
        program_free(compiled->program);
    free(compiled->sql);
    free(compiled);
}

static void forget_all(struct evaluator *evaluator)
{
    while (evaluator->compiled != NULL) {
        struct compiled *first = evaluator->compiled;

        evaluator->compiled = first->next;
        compiled_free(first);
    }
    evaluator->count = 0;
}

void evaluator_free(struct evaluator *evaluator)
{
    if (evaluator == NULL)
        return;
    forget_all(evaluator);
    pthread_mutex_destroy(&evaluator->lock);
    free(evaluator);
}

static enum status compile(struct evaluator *evaluator, const struct table *table, struct slice sql,
                           struct compiled **out, struct error *err)
{
    struct compiled *compiled = calloc(1, sizeof *compiled);
    struct plan_options options = {.functions = evaluator->functions};
    struct arena arena = {0};
    struct ir_expr *expr = NULL;
    struct ir_source *source = NULL;
    enum status st = ST_OK;

    if (compiled == NULL)
        return ST_NO_MEMORY;
    compiled->db = table->db;
    compiled->store = table->store;
    compiled->attribute_count = table->attribute_count;
    compiled->sql = strndup(sql.data, sql.len);
    TRY_OUT(sql_parse_expr(sql, &arena, &expr, err));
    TRY_OUT(plan_bind_expr(expr, table, &options, &arena, &source, err));
    TRY_OUT(codegen_row_expr(expr, source, table, &compiled->program, err));
    TRY_OUT(vm_new(compiled->program, &compiled->vm));
out:
    arena_deinit(&arena);
    if (st != ST_OK) {
        compiled_free(compiled);
        return st;
    }
    if (evaluator->count == COMPILED_MAX)
        forget_all(evaluator);
    compiled->next = evaluator->compiled;
    evaluator->compiled = compiled;
    evaluator->count++;
    *out = compiled;
    return ST_OK;
}

static enum status evaluate(void *context, const struct table *table, struct slice sql,
                            const struct record *record, struct arena *arena, struct value *out,
                            struct error *err)
{
    struct evaluator *evaluator = context;
    struct compiled *found = NULL;
    enum status st = ST_OK;

    pthread_mutex_lock(&evaluator->lock);
    for (found = evaluator->compiled; found != NULL; found = found->next)
        if (found->db == table->db && found->store == table->store &&
            found->attribute_count == table->attribute_count && slice_is(sql, found->sql))
            break;
    if (found == NULL)
        st = compile(evaluator, table, sql, &found, err);
    if (st == ST_OK)
        st = vm_evaluate(found->vm, record, out, err);
    if (st == ST_OK && value_has_bytes(*out) && (out->flags & VALUE_IS_RECORD) == 0)
        out->as.data = arena_copy(arena, value_slice(*out)).data;
    pthread_mutex_unlock(&evaluator->lock);
    return st;
}

void evaluator_attach(struct evaluator *evaluator, struct db *db)
{
    const struct db_evaluator hooks = {.context = evaluator, .evaluate = evaluate};

    db_set_evaluator(db, &hooks);
}
