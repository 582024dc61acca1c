/*
 * How geometries lie to each other, in the plane of longitude and latitude. A boundary counts as
 * met within a billionth of a degree (a tenth of a millimetre).
 */
#include "vdbe/func/geo_internal.h"
#include <math.h>
#include <stdlib.h>

#define TOLERANCE 1e-9

static double cross(struct position o, struct position a, struct position b)
{
    return (a.lon - o.lon) * (b.lat - o.lat) - (a.lat - o.lat) * (b.lon - o.lon);
}

static bool is_same(struct position a, struct position b)
{
    return fabs(a.lon - b.lon) <= TOLERANCE && fabs(a.lat - b.lat) <= TOLERANCE;
}

static double distance(struct position a, struct position b)
{
    return hypot(a.lon - b.lon, a.lat - b.lat);
}

bool geo_on_segment(struct position p, struct position a, struct position b)
{
    double length = distance(a, b);

    if (length <= TOLERANCE)
        return is_same(p, a);
    if (fabs(cross(a, b, p)) > TOLERANCE * length)
        return false;
    double along = ((p.lon - a.lon) * (b.lon - a.lon) + (p.lat - a.lat) * (b.lat - a.lat)) / length;
    return along >= -TOLERANCE && along <= length + TOLERANCE;
}

static enum geo_place place_in_ring(struct position p, const struct geo_ring *ring)
{
    bool is_inside = false;

    for (size_t i = 0; i + 1 < ring->count; i++) {
        struct position a = ring->at[i], b = ring->at[i + 1];

        if (geo_on_segment(p, a, b))
            return GEO_ON_EDGE;
        if ((a.lat > p.lat) != (b.lat > p.lat) &&
            p.lon < (b.lon - a.lon) * (p.lat - a.lat) / (b.lat - a.lat) + a.lon)
            is_inside = !is_inside;
    }
    return is_inside ? GEO_INSIDE : GEO_OUTSIDE;
}

enum geo_place geo_place_in_polygon(struct position p, const struct geo_part *polygon)
{
    enum geo_place place = place_in_ring(p, &polygon->rings[0]);

    for (size_t i = 1; i < polygon->ring_count && place == GEO_INSIDE; i++) {
        enum geo_place in_hole = place_in_ring(p, &polygon->rings[i]);
        if (in_hole != GEO_OUTSIDE)
            place = in_hole == GEO_INSIDE ? GEO_OUTSIDE : GEO_ON_EDGE;
    }
    return place;
}

static double along(struct position a, struct position b, struct position p)
{
    double length = distance(a, b);

    return length <= TOLERANCE
               ? 0
               : ((p.lon - a.lon) * (b.lon - a.lon) + (p.lat - a.lat) * (b.lat - a.lat)) /
                     (length * length);
}

unsigned geo_meet(struct position a, struct position b, struct position c, struct position d,
                  double at[2])
{
    double denominator = (b.lon - a.lon) * (d.lat - c.lat) - (b.lat - a.lat) * (d.lon - c.lon);
    unsigned count = 0;

    if (geo_on_segment(c, a, b))
        at[count++] = along(a, b, c);
    if (geo_on_segment(d, a, b))
        at[count++] = along(a, b, d);
    if (count != 0)
        return count;
    if (geo_on_segment(a, c, d))
        at[count++] = 0;
    if (geo_on_segment(b, c, d))
        at[count++] = 1;
    if (count != 0 || denominator == 0)
        return count;
    double t =
        ((c.lon - a.lon) * (d.lat - c.lat) - (c.lat - a.lat) * (d.lon - c.lon)) / denominator;
    double u =
        ((c.lon - a.lon) * (b.lat - a.lat) - (c.lat - a.lat) * (b.lon - a.lon)) / denominator;
    if (t >= 0 && t <= 1 && u >= 0 && u <= 1)
        at[count++] = t;
    return count;
}

/* ---- containing ---- */

static enum geo_place place_in_part(struct position p, const struct geo_part *part)
{
    const struct geo_ring *ring = &part->rings[0];

    switch (part->kind) {
    case GEO_POLYGON:
        return geo_place_in_polygon(p, part);
    case GEO_POINT:
        return is_same(p, ring->at[0]) ? GEO_INSIDE : GEO_OUTSIDE;
    case GEO_LINE:
        break;
    }
    for (size_t i = 0; i + 1 < ring->count; i++) {
        if (!geo_on_segment(p, ring->at[i], ring->at[i + 1]))
            continue;
        bool is_end = is_same(p, ring->at[0]) || is_same(p, ring->at[ring->count - 1]);
        bool is_loop = is_same(ring->at[0], ring->at[ring->count - 1]);
        return is_end && !is_loop ? GEO_ON_EDGE : GEO_INSIDE;
    }
    return GEO_OUTSIDE;
}

static enum geo_place place_in(struct position p, const struct geometry *g)
{
    enum geo_place best = GEO_OUTSIDE;

    for (size_t i = 0; i < g->part_count && best != GEO_INSIDE; i++) {
        enum geo_place place = place_in_part(p, &g->parts[i]);
        if (place > best)
            best = place;
    }
    return best;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Whether all of a-b lies in `outer`: cut at its edges, each piece is wholly in or out, so its
 * middle tells. */
static bool segment_is_in(struct func_context *context, const struct geometry *outer,
                          struct position a, struct position b, bool *has_inside)
{
    struct buf cuts = {0};
    double ends[2] = {0, 1}, found[2];
    bool is_in = true;

    (void)context;
    buf_append(&cuts, ends, sizeof(ends));
    for (size_t p = 0; p < outer->part_count; p++)
        for (size_t r = 0; r < outer->parts[p].ring_count; r++) {
            const struct geo_ring *ring = &outer->parts[p].rings[r];
            for (size_t i = 0; i + 1 < ring->count; i++) {
                unsigned count = geo_meet(a, b, ring->at[i], ring->at[i + 1], found);
                buf_append(&cuts, found, count * sizeof(double));
            }
        }
    double *at = (double *)(void *)cuts.data;
    size_t count = cuts.len / sizeof(double);
    is_in = buf_status(&cuts) == ST_OK;
    if (is_in)
        qsort(at, count, sizeof(double), compare_doubles);
    for (size_t i = 0; is_in && i + 1 < count; i++) {
        double middle = (at[i] + at[i + 1]) / 2;
        struct position p = {a.lon + (b.lon - a.lon) * middle, a.lat + (b.lat - a.lat) * middle};

        if ((at[i + 1] - at[i]) * distance(a, b) <= TOLERANCE)
            continue;
        enum geo_place place = place_in(p, outer);
        is_in = place != GEO_OUTSIDE;
        *has_inside = *has_inside || place == GEO_INSIDE;
    }
    buf_free(&cuts);
    return is_in;
}

/* A polygon whose edges are all inside may still lie over a hole. */
static bool covers_a_hole(const struct geometry *outer, const struct geo_part *polygon)
{
    for (size_t p = 0; p < outer->part_count; p++)
        for (size_t r = 1; r < outer->parts[p].ring_count; r++) {
            const struct geo_ring *hole = &outer->parts[p].rings[r];
            for (size_t i = 0; i < hole->count; i++)
                if (geo_place_in_polygon(hole->at[i], polygon) == GEO_INSIDE)
                    return true;
        }
    return false;
}

bool geo_contains(struct func_context *context, const struct geometry *outer,
                  const struct geometry *inner)
{
    bool has_inside = false;

    for (size_t p = 0; p < inner->part_count; p++) {
        const struct geo_part *part = &inner->parts[p];

        for (size_t r = 0; r < part->ring_count; r++) {
            const struct geo_ring *ring = &part->rings[r];

            for (size_t i = 0; i < ring->count; i++) {
                enum geo_place place = place_in(ring->at[i], outer);
                if (place == GEO_OUTSIDE)
                    return false;
                has_inside = has_inside || place == GEO_INSIDE;
                if (i + 1 < ring->count &&
                    !segment_is_in(context, outer, ring->at[i], ring->at[i + 1], &has_inside))
                    return false;
            }
        }
        if (part->kind == GEO_POLYGON) {
            bool outer_has_area = false;
            for (size_t i = 0; i < outer->part_count; i++)
                outer_has_area = outer_has_area || outer->parts[i].kind == GEO_POLYGON;
            if (!outer_has_area || covers_a_hole(outer, part))
                return false;
            has_inside = true; /* areas within areas always share their inside */
        }
    }
    return has_inside;
}

/* ---- meeting ---- */

static bool rings_meet(const struct geo_ring *a, const struct geo_ring *b)
{
    double at[2];

    for (size_t i = 0; i + 1 < a->count; i++)
        for (size_t j = 0; j + 1 < b->count; j++)
            if (geo_meet(a->at[i], a->at[i + 1], b->at[j], b->at[j + 1], at) != 0)
                return true;
    return false;
}

static bool parts_meet(const struct geo_part *a, const struct geo_part *b)
{
    if (place_in_part(a->rings[0].at[0], b) != GEO_OUTSIDE ||
        place_in_part(b->rings[0].at[0], a) != GEO_OUTSIDE)
        return true;
    for (size_t i = 0; i < a->ring_count; i++)
        for (size_t j = 0; j < b->ring_count; j++)
            if (rings_meet(&a->rings[i], &b->rings[j]))
                return true;
    return false;
}

bool geo_intersects(const struct geometry *a, const struct geometry *b)
{
    for (size_t i = 0; i < a->part_count; i++)
        for (size_t j = 0; j < b->part_count; j++)
            if (parts_meet(&a->parts[i], &b->parts[j]))
                return true;
    return false;
}

/* ---- equality ---- */

/* Closed rings may start elsewhere or run the other way; lines may only be reversed. */
static bool same_ring(const struct geo_ring *a, const struct geo_ring *b, bool is_closed)
{
    size_t count = is_closed ? a->count - 1 : a->count;

    if (a->count != b->count)
        return false;
    for (size_t start = 0; start < (is_closed ? count : 1); start++) {
        size_t forward = 0, backward = 0;

        while (forward < count && is_same(a->at[forward], b->at[(start + forward) % count]))
            forward++;
        while (
            backward < count &&
            is_same(a->at[backward],
                    b->at[is_closed ? (start + count - backward) % count : count - 1 - backward]))
            backward++;
        if (forward == count || backward == count)
            return true;
    }
    return false;
}

static bool same_part(const struct geo_part *a, const struct geo_part *b)
{
    if (a->kind != b->kind || a->ring_count != b->ring_count)
        return false;
    for (size_t i = 0; i < a->ring_count; i++)
        if (!same_ring(&a->rings[i], &b->rings[i], a->kind == GEO_POLYGON))
            return false;
    return true;
}

bool geo_same(const struct geometry *a, const struct geometry *b)
{
    if (!slice_equal(a->type, b->type) || a->part_count != b->part_count)
        return false;
    for (size_t i = 0; i < a->part_count; i++) {
        bool found = false;
        for (size_t j = 0; j < b->part_count && !found; j++)
            found = same_part(&a->parts[i], &b->parts[j]);
        if (!found)
            return false;
    }
    return true;
}
