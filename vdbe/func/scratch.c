#include "vdbe/func/search_internal.h"

void func_scratch_free(struct func_scratch *scratch)
{
    regexp_free(scratch->regexps);
    search_cache_free(scratch->searches);
    *scratch = (struct func_scratch){0};
}
