#include "vdbe/func/func_internal.h"

void func_scratch_free(struct func_scratch *scratch)
{
    regexp_free(scratch->regexps);
    scratch->regexps = NULL;
}
