/* The states of aggregates. All begin as zero bytes; what outlives a step is on the heap. */
#ifndef HARPER_FUNC_AGGREGATE_INTERNAL_H
#define HARPER_FUNC_AGGREGATE_INTERNAL_H

#include "vdbe/func/func_internal.h"

struct count_state {
    int64_t count;
};

struct sum_state {
    double real_sum;
    int64_t int_sum;
    int64_t count;
    bool is_real;      /* a real was added: the result is one */
    bool has_overflow; /* integers only, and their sum does not fit */
};

struct concat_state {
    struct buf text;
    size_t start;          /* text before it has left the frame */
    struct buf separators; /* uint32_t lengths, one for each term but the first */
    size_t separators_start;
    int64_t terms;
};

struct extreme_state {
    bool is_set;
    struct value best; /* its bytes are in `bytes` */
    struct buf bytes;
};

struct json_group_state {
    struct buf text;    /* elements, each with a comma behind it */
    size_t start;       /* text before it has left the frame */
    struct buf lengths; /* uint32_t, one for each element */
    size_t lengths_start;
    int64_t elements;
};

/* Numbers, all of them: for what needs them sorted. */
struct numbers_state {
    struct buf numbers; /* doubles */
};

/* Sum of squared distances from the mean, kept as values come (Welford). */
struct spread_state {
    int64_t count;
    double mean, squares;
};

struct product_state {
    double product;
    int64_t count;
};

/* Values of any kind, copied. */
struct list_state {
    struct arena bytes;
    struct buf values; /* struct value */
};

#endif
