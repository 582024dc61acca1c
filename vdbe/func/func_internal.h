/*
 * What the files of this module share: the signature of functions, how they take arguments and give
 * results. Nothing here is seen outside.
 */
#ifndef HARPER_FUNC_INTERNAL_H
#define HARPER_FUNC_INTERNAL_H

#include "vdbe/func/func.h"

#define FUNC_UNUSED __attribute__((unused))

/* The four shapes of an implementation. Arguments that a function has no use for are many, hence
 * the attribute. */
#define SCALAR(function)                                                                           \
    enum status function(FUNC_UNUSED struct func_context *context, FUNC_UNUSED unsigned count,     \
                         FUNC_UNUSED const struct value *args, FUNC_UNUSED struct value *out)
#define STEP(function)                                                                             \
    enum status function(FUNC_UNUSED struct func_context *context, void *state,                    \
                         FUNC_UNUSED unsigned count, FUNC_UNUSED const struct value *args)
#define RESULT(function)                                                                           \
    enum status function(FUNC_UNUSED struct func_context *context, void *state, struct value *out)
#define WINDOW(function)                                                                           \
    enum status function(FUNC_UNUSED struct func_context *context,                                 \
                         FUNC_UNUSED const struct func_window *window, FUNC_UNUSED unsigned count, \
                         FUNC_UNUSED struct value *out)

#define S(name, least, most, flags, type, function, summary) SCALAR(function);
#define A(name, least, most, flags, type, state, prefix, summary)                                  \
    STEP(prefix##_step);                                                                           \
    RESULT(prefix##_result);
#define AI(name, least, most, flags, type, state, prefix, summary)                                 \
    A(name, least, most, flags, type, state, prefix, summary) STEP(prefix##_inverse);
#define AD(name, least, most, flags, type, state, prefix, summary)                                 \
    A(name, least, most, flags, type, state, prefix, summary) void prefix##_deinit(void *state_);
#define AID(name, least, most, flags, type, state, prefix, summary)                                \
    AI(name, least, most, flags, type, state, prefix, summary) void prefix##_deinit(void *state_);
#define W(name, least, most, type, function, summary) WINDOW(function);
#include "vdbe/func/functions.def"
#undef S
#undef A
#undef AI
#undef AD
#undef AID
#undef W

enum { FUNC_TEXT_BYTES_MAX = 1000000000 }; /* where the context sets no limit */

enum status func_no_memory(struct func_context *context);
enum status func_too_big(struct func_context *context);
/* Whether a result of `bytes` is allowed, and if so room for it. */
enum status func_room(struct func_context *context, uint64_t bytes, char **out);
size_t func_bytes_max(const struct func_context *context);

/* The argument as text (bytes are taken as they are); a null is the empty text. */
struct slice func_text(struct func_context *context, struct value v);
/* The argument as a 32-bit quantity: counts and positions, cut to the limits. */
int32_t func_int32(struct value v);
/* What SQLite's sqlite3_value_numeric_type sees: text that is a number becomes one. Other text
 * stays text. Booleans and dates are integers. */
struct value func_numeric(struct value v);
double func_real(struct value v);
bool func_is_int(struct value v); /* int, boolean or date; as.i holds it after func_numeric */

static inline struct value func_json_text(struct slice text)
{
    struct value v = value_text(text);

    v.flags = VALUE_IS_JSON;
    return v;
}

/* Content of a buf as a result: copied into the arena; the buf is freed. `json`: it is JSON text.
 */
enum status func_give_buf(struct func_context *context, struct buf *buf, bool json,
                          struct value *out);
bool func_is_interrupted(const struct func_context *context);
uint64_t func_random(struct func_context *context);

/* ---- text.c, shared with printf.c and date.c ---- */
size_t func_char_length(struct slice text,
                        size_t at); /* bytes of the character at `at`; 1 if stray */
struct slice func_skip_chars(struct slice text, uint64_t characters);
uint64_t func_count_chars(struct slice text);

/* ---- printf.c ---- */
enum status func_format(struct func_context *context, struct slice format, unsigned count,
                        const struct value *args, struct buf *out);
/* "%!.<precision>f", which round() is defined by. Returns the length. */
size_t func_format_fixed(double number, int precision, char *out, size_t room);

#endif
