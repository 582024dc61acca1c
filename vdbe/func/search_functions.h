/* The functions of SEARCH_JSON's expressions, and what they share with the evaluation. */
#ifndef HARPER_FUNC_SEARCH_FUNCTIONS_H
#define HARPER_FUNC_SEARCH_FUNCTIONS_H

#include "vdbe/func/func_internal.h"

/* ST_NOT_FOUND: no such function; ST_TYPE: it cannot take these. `input` is the context, which
 * stands for a missing first argument. */
enum status search_call(struct func_context *context, struct slice name, unsigned count,
                        const struct value *args, struct value input, struct value *out);

size_t search_count(struct value v); /* as a sequence */
struct value search_item(struct value v, size_t index);
bool search_truth(struct value v);
/* Frees the list (of struct value). */
enum status search_give_list(struct func_context *context, struct buf *list, bool keep_array,
                             struct value *out);

#endif
