/* Mathematics. What is not a number, or has no real result, gives null. */
#include "vdbe/func/func_internal.h"
#include <math.h>

static bool number_of(struct value v, double *out)
{
    v = func_numeric(v);
    *out = func_real(v);
    return value_is_number(v);
}

static enum status one(struct value v, double (*function)(double), struct value *out)
{
    double x;

    *out = number_of(v, &x) ? value_real(function(x)) : value_null();
    return ST_OK;
}

static enum status two(const struct value *args, double (*function)(double, double),
                       struct value *out)
{
    double x, y;

    *out = number_of(args[0], &x) && number_of(args[1], &y) ? value_real(function(x, y))
                                                            : value_null();
    return ST_OK;
}

/* To whole numbers: an integer stays one. */
static enum status whole(struct value v, double (*function)(double), struct value *out)
{
    v = func_numeric(v);
    *out = v.kind == VALUE_INT    ? v
           : v.kind == VALUE_REAL ? value_real(function(v.as.d))
                                  : value_null();
    return ST_OK;
}

#define ONE(name, function)                                                                        \
    SCALAR(fn_##name)                                                                              \
    {                                                                                              \
        return one(args[0], function, out);                                                        \
    }
#define TWO(name, function)                                                                        \
    SCALAR(fn_##name)                                                                              \
    {                                                                                              \
        return two(args, function, out);                                                           \
    }
#define WHOLE(name, function)                                                                      \
    SCALAR(fn_##name)                                                                              \
    {                                                                                              \
        return whole(args[0], function, out);                                                      \
    }

static double to_degrees(double x)
{
    return x * (180.0 / M_PI);
}

static double to_radians(double x)
{
    return x * (M_PI / 180.0);
}

WHOLE(ceil, ceil)
WHOLE(floor, floor)
WHOLE(trunc, trunc)
ONE(acos, acos)
ONE(acosh, acosh)
ONE(asin, asin)
ONE(asinh, asinh)
ONE(atan, atan)
ONE(atanh, atanh)
ONE(cos, cos)
ONE(cosh, cosh)
ONE(degrees, to_degrees)
ONE(exp, exp)
ONE(radians, to_radians)
ONE(sin, sin)
ONE(sinh, sinh)
ONE(sqrt, sqrt)
ONE(tan, tan)
ONE(tanh, tanh)
TWO(atan2, atan2)
TWO(mod, fmod)
TWO(pow, pow)

SCALAR(fn_pi)
{
    *out = value_real(M_PI);
    return ST_OK;
}

/* `scale` turns a natural logarithm into one of another base. */
static enum status logarithm(struct value v, double scale, struct value *out)
{
    double x;

    *out = number_of(v, &x) && x > 0.0 ? value_real(log(x) * scale) : value_null();
    return ST_OK;
}

SCALAR(fn_ln)
{
    return logarithm(args[0], 1.0, out);
}

SCALAR(fn_log10)
{
    return logarithm(args[0], 1.0 / M_LN10, out);
}

SCALAR(fn_log2)
{
    double x;

    *out = number_of(args[0], &x) && x > 0.0 ? value_real(log2(x)) : value_null();
    return ST_OK;
}

SCALAR(fn_log)
{
    double base, x;

    *out = value_null();
    if (!number_of(args[0], &base) || !number_of(args[1], &x) || base <= 0.0 || x <= 0.0)
        return ST_OK;
    base = log(base);
    if (base > 0.0)
        *out = value_real(log(x) / base);
    return ST_OK;
}
