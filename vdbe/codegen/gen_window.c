/* Window functions: rows behind grouping and HAVING, once more in order, with what the functions
 * say about them. */
#include "vdbe/codegen/codegen_internal.h"

bool gen_block_has_windows(const struct plan_block *block)
{
    return block->window_count != 0;
}

void gen_windows(struct gen *g, const struct plan_block *block, struct gen_body input,
                 struct gen_body body)
{
    (void)block;
    (void)input;
    (void)body;
    gen_fail(g, ST_UNSUPPORTED, -1, "window functions");
}
