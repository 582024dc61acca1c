/*
 * Harper's geo functions over GeoJSON. A measure that cannot be taken is null (Harper's NaN), a
 * predicate then false. Lengths are on a sphere of 6371008.8 m, areas on one of 6378137 m.
 */
#include "vdbe/func/geo_internal.h"
#include <math.h>

static const double area_sphere_m = 6378137.0;
static const double degree = M_PI / 180.0;

/* In this order of operations, which the reference values show. */
static double radians(double degrees)
{
    return degrees * M_PI / 180.0;
}

/* What the central angle is multiplied with; 0: no such unit. */
static double unit_factor(struct func_context *context, unsigned count, const struct value *args,
                          unsigned index)
{
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"kilometers", 6371.0088},
                 {"miles", 6371008.8 / 1609.344},
                 {"degrees", 6371008.8 / 111325.0},
                 {"radians", 1.0}};

    if (index >= count || value_is_null(args[index]))
        return units[0].factor;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (slice_is_nocase(func_text(context, args[index]), units[i].name))
            return units[i].factor;
    return 0;
}

static double angle_between(struct position a, struct position b)
{
    double lat = sin(radians(b.lat - a.lat) / 2);
    double lon = sin(radians(b.lon - a.lon) / 2);
    double h = lat * lat + lon * lon * cos(radians(a.lat)) * cos(radians(b.lat));

    return 2 * atan2(sqrt(h), sqrt(1 - h));
}

/* ---- measuring ---- */

static double ring_area(const struct geo_ring *ring)
{
    double total = 0;

    if (ring->count <= 2)
        return 0;
    for (size_t i = 0; i < ring->count; i++) {
        struct position lower = ring->at[i];
        struct position middle = ring->at[(i + 1) % ring->count];
        struct position upper = ring->at[(i + 2) % ring->count];

        total += (upper.lon - lower.lon) * degree * sin(middle.lat * degree);
    }
    return fabs(total * area_sphere_m * area_sphere_m / 2);
}

SCALAR(fn_geo_area)
{
    struct geometry g;
    double area = 0;

    *out = value_null();
    if (!geo_read(context, args[0], &g))
        return ST_OK;
    for (size_t p = 0; p < g.part_count; p++)
        for (size_t r = 0; g.parts[p].kind == GEO_POLYGON && r < g.parts[p].ring_count; r++)
            area += ring_area(&g.parts[p].rings[r]) * (r == 0 ? 1 : -1);
    *out = value_real(area);
    return ST_OK;
}

SCALAR(fn_geo_length)
{
    struct geometry g;
    double factor = unit_factor(context, count, args, 1);
    double length = 0;

    *out = value_null();
    if (factor == 0 || !geo_read(context, args[0], &g))
        return ST_OK;
    for (size_t p = 0; p < g.part_count; p++)
        for (size_t r = 0; r < g.parts[p].ring_count; r++) {
            const struct geo_ring *ring = &g.parts[p].rings[r];
            for (size_t i = 0; i + 1 < ring->count; i++)
                length += angle_between(ring->at[i], ring->at[i + 1]) * factor;
        }
    *out = value_real(length);
    return ST_OK;
}

static bool distance_of(struct func_context *context, const struct value *args, double factor,
                        double *out)
{
    struct geometry a, b;

    if (factor == 0 || !geo_read(context, args[0], &a) || !geo_read(context, args[1], &b) ||
        a.part_count != 1 || b.part_count != 1 || a.parts[0].kind != GEO_POINT ||
        b.parts[0].kind != GEO_POINT)
        return false;
    *out = angle_between(a.parts[0].rings[0].at[0], b.parts[0].rings[0].at[0]) * factor;
    return true;
}

SCALAR(fn_geo_distance)
{
    double distance;

    *out = value_null();
    if (distance_of(context, args, unit_factor(context, count, args, 2), &distance))
        *out = value_real(distance);
    return ST_OK;
}

SCALAR(fn_geo_near)
{
    double distance;
    struct value limit = count > 2 ? func_numeric(args[2]) : value_null();

    if (value_is_null(limit))
        return error_set(context->err, ST_INVALID, -1, "distance is required");
    if (!value_is_number(limit))
        return error_set(context->err, ST_TYPE, -1, "distance must be a number");
    *out = value_bool(distance_of(context, args, unit_factor(context, count, args, 3), &distance) &&
                      distance <= func_real(limit));
    return ST_OK;
}

/* ---- relations ---- */

static bool read_both(struct func_context *context, const struct value *args, struct geometry *a,
                      struct geometry *b)
{
    return geo_read(context, args[0], a) && geo_read(context, args[1], b);
}

SCALAR(fn_geo_contains)
{
    struct geometry a, b;

    *out = value_bool(read_both(context, args, &a, &b) && geo_contains(context, &a, &b));
    return ST_OK;
}

SCALAR(fn_geo_equal)
{
    struct geometry a, b;

    *out = value_bool(read_both(context, args, &a, &b) && geo_same(&a, &b));
    return ST_OK;
}

SCALAR(fn_geo_crosses)
{
    struct geometry a, b;

    *out = value_bool(read_both(context, args, &a, &b) && geo_intersects(&a, &b));
    return ST_OK;
}

/* ---- making ---- */

static void put_member(struct document_builder *builder, const char *name, struct value v)
{
    document_name(builder, slice_text(name));
    document_value(builder, v);
}

static void open_feature(struct document_builder *builder, const char *type)
{
    document_begin(builder);
    document_open_object(builder);
    put_member(builder, "type", value_text(slice_text("Feature")));
    document_name(builder, slice_text("geometry"));
    document_open_object(builder);
    put_member(builder, "type", value_text(slice_text(type)));
    document_name(builder, slice_text("coordinates"));
}

/* Ends the geometry and the feature, which had no `properties` yet. */
static enum status close_feature(struct func_context *context, struct document_builder *builder,
                                 struct value properties, struct value *out)
{
    enum status st;

    document_close(builder);
    document_name(builder, slice_text("properties"));
    if (value_is_null(properties)) {
        document_open_object(builder);
        document_close(builder);
    } else {
        document_value(builder, properties);
    }
    document_close(builder);
    st = document_end(builder, out);
    if (st != ST_OK) {
        (void)error_set(context->err, st, -1, "%s", status_text(st));
    } else {
        struct slice copy = arena_copy(context->arena, value_slice(*out));
        out->as.data = copy.data;
        if (copy.data == NULL)
            st = func_no_memory(context);
    }
    document_deinit(builder);
    return st;
}

static void put_position(struct document_builder *builder, double lon, double lat)
{
    document_open_array(builder);
    document_value(builder, value_real(lon));
    document_value(builder, value_real(lat));
    document_close(builder);
}

/* The place that lies `angle` away in direction `bearing` (radians). */
static struct position destination(struct position from, double angle, double bearing)
{
    double lat1 = from.lat * degree, lon1 = from.lon * degree;
    double lat2 = asin(sin(lat1) * cos(angle) + cos(lat1) * sin(angle) * cos(bearing));
    double lon2 =
        lon1 + atan2(sin(bearing) * sin(angle) * cos(lat1), cos(angle) - sin(lat1) * sin(lat2));

    return (struct position){lon2 / degree, lat2 / degree};
}

SCALAR(fn_geo_circle)
{
    enum { STEPS = 64 };
    struct document_builder builder = {0};
    struct geometry g;
    double factor = unit_factor(context, count, args, 2);

    *out = value_null();
    if (factor == 0 || value_is_null(args[1]) || !geo_read(context, args[0], &g) ||
        g.part_count != 1 || g.parts[0].kind != GEO_POINT)
        return ST_OK;
    open_feature(&builder, "Polygon");
    document_open_array(&builder);
    document_open_array(&builder);
    for (int i = 0; i <= STEPS; i++) { /* the last is the first again */
        struct position p = destination(g.parts[0].rings[0].at[0], func_real(args[1]) / factor,
                                        -2 * M_PI * (i % STEPS) / STEPS);
        put_position(&builder, p.lon, p.lat);
    }
    document_close(&builder);
    document_close(&builder);
    return close_feature(context, &builder, value_null(), out);
}

SCALAR(fn_geo_convert)
{
    static const struct {
        const char *name, *type;
    } types[] = {{"point", "Point"},
                 {"lineString", "LineString"},
                 {"multiLineString", "MultiLineString"},
                 {"multiPoint", "MultiPoint"},
                 {"multiPolygon", "MultiPolygon"},
                 {"polygon", "Polygon"}};
    struct document_builder builder = {0};
    struct value coordinates = args[0];
    struct slice wanted = count > 1 ? func_text(context, args[1]) : slice_empty();

    if (value_is_null(coordinates))
        return error_set(context->err, ST_INVALID, -1, "coordinates is required");
    if (count < 2 || value_is_null(args[1]))
        return error_set(context->err, ST_INVALID, -1, "geo_type is required");
    if (coordinates.kind == VALUE_TEXT)
        TRY(json_read(value_slice(coordinates), context->arena, &coordinates, context->err));
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (!slice_is(wanted, types[i].name))
            continue;
        open_feature(&builder, types[i].type);
        document_value(&builder, coordinates);
        return close_feature(context, &builder, count > 2 ? args[2] : value_null(), out);
    }
    return error_set(context->err, ST_INVALID, -1,
                     "geoType of %.*s is invalid please use one of the following types: "
                     "point,lineString,multiLineString,multiPoint,multiPolygon,polygon",
                     wanted.len > 100 ? 100 : (int)wanted.len, wanted.data);
}
