/* The table functions, which table_function.c lists. */
#ifndef HARPER_FUNC_TABLE_INTERNAL_H
#define HARPER_FUNC_TABLE_INTERNAL_H

#include "vdbe/func/func_internal.h"

extern const struct func_table table_generate_series;
extern const struct func_table table_json_each;
extern const struct func_table table_json_tree;

#endif
