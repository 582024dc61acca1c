/*
 * codegen: a plan becomes a program. It decides nothing: every choice is in the plan.
 *
 * The same plan gives the same code, whatever language it came from; literals and lifted literals
 * are slots, numbered by first use.
 *
 * Ownership: the program owns everything it needs; plan, IR and catalogs may end after the call.
 *            Functions (struct func) are lent by the registry the plan was made with.
 * Errors:    ST_UNSUPPORTED with an offset for what the machine cannot do, ST_LIMIT, ST_NO_MEMORY.
 */
#ifndef HARPER_CODEGEN_CODEGEN_H
#define HARPER_CODEGEN_CODEGEN_H

#include "vdbe/plan/plan.h"
#include "vdbe/vm/vm.h"

/* `databases` is what the plan was made with. */
enum status codegen_program(const struct plan_statement *plan, const struct databases *databases,
                            struct program **out, struct error *err);

/* One bound expression (plan_bind_expr) over one record of `table`: for vm_evaluate. */
enum status codegen_row_expr(const struct ir_expr *expr, const struct ir_source *source,
                             const struct table *table, struct program **out, struct error *err);

#endif
