/*
 * geoDifference: the part of one area outside another. Edges are directed with the area on their
 * left and cut where they meet edges of the other area; each piece then belongs to the result or
 * not as a whole, and those that do are joined to rings.
 */
#include "vdbe/func/geo_internal.h"
#include <math.h>
#include <stdlib.h>

#define SAME_PLACE 1e-9 /* degrees */

struct edge {
    struct position from, to;
    bool is_used;
};

struct edges {
    struct edge *at;
    size_t count;
};

static double signed_area(const struct position *at, size_t count)
{
    double area = 0;

    for (size_t i = 0; i + 1 < count; i++)
        area += at[i].lon * at[i + 1].lat - at[i + 1].lon * at[i].lat;
    return area / 2;
}

static bool is_same(struct position a, struct position b)
{
    return fabs(a.lon - b.lon) <= SAME_PLACE && fabs(a.lat - b.lat) <= SAME_PLACE;
}

static struct position between(struct position a, struct position b, double part)
{
    return (struct position){a.lon + (b.lon - a.lon) * part, a.lat + (b.lat - a.lat) * part};
}

static void add_edge(struct buf *out, struct position from, struct position to)
{
    struct edge edge = {from, to, false};

    if (!is_same(from, to))
        buf_append(out, &edge, sizeof(edge));
}

static struct edges edges_of(const struct buf *buf)
{
    return (struct edges){(struct edge *)(void *)buf->data, buf->len / sizeof(struct edge)};
}

/* Outsides run against the clock, holes with it. */
static void collect(const struct geometry *g, struct buf *out)
{
    for (size_t p = 0; p < g->part_count; p++) {
        for (size_t r = 0; r < g->parts[p].ring_count; r++) {
            const struct geo_ring *ring = &g->parts[p].rings[r];
            bool turn = (signed_area(ring->at, ring->count) > 0) != (r == 0);

            for (size_t i = 0; i + 1 < ring->count; i++)
                add_edge(out, ring->at[turn ? i + 1 : i], ring->at[turn ? i : i + 1]);
        }
    }
}

static enum geo_place place_in(struct position p, const struct geometry *g)
{
    enum geo_place best = GEO_OUTSIDE;

    for (size_t i = 0; i < g->part_count && best != GEO_INSIDE; i++) {
        enum geo_place place = geo_place_in_polygon(p, &g->parts[i]);
        if (place > best)
            best = place;
    }
    return best;
}

/* Whether the edge that `p` lies on runs as from-to does: then both areas are on one side of it. */
static bool runs_along(struct position p, const struct edge *piece, const struct edges *edges)
{
    for (size_t i = 0; i < edges->count; i++) {
        const struct edge *e = &edges->at[i];

        if (geo_on_segment(p, e->from, e->to))
            return (e->to.lon - e->from.lon) * (piece->to.lon - piece->from.lon) +
                       (e->to.lat - e->from.lat) * (piece->to.lat - piece->from.lat) >
                   0;
    }
    return false;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void cut_places(const struct edge *edge, const struct edges *others, struct buf *cuts)
{
    double found[2] = {0, 1};

    cuts->len = 0;
    buf_append(cuts, found, sizeof(found));
    for (size_t i = 0; i < others->count; i++) {
        unsigned count =
            geo_meet(edge->from, edge->to, others->at[i].from, others->at[i].to, found);
        buf_append(cuts, found, count * sizeof(double));
    }
    if (!cuts->failed)
        qsort(cuts->data, cuts->len / sizeof(double), sizeof(double), compare_doubles);
}

/* Pieces of `edges` that bound the result. The minuend's count where they are outside of `other`,
 * the subtrahend's, reversed, where they are inside. */
static void keep_pieces(const struct edges *edges, const struct edges *other_edges,
                        const struct geometry *other, bool is_minuend, struct buf *out)
{
    struct buf cuts = {0};

    for (size_t i = 0; i < edges->count; i++) {
        const struct edge *edge = &edges->at[i];

        cut_places(edge, other_edges, &cuts);
        const double *at = (const double *)(const void *)cuts.data;
        for (size_t c = 0; !cuts.failed && c + 1 < cuts.len / sizeof(double); c++) {
            struct edge piece = {between(edge->from, edge->to, at[c]),
                                 between(edge->from, edge->to, at[c + 1]), false};
            struct position middle = between(piece.from, piece.to, 0.5);
            enum geo_place place;

            if (is_same(piece.from, piece.to))
                continue;
            place = place_in(middle, other);
            if (is_minuend && (place == GEO_OUTSIDE ||
                               (place == GEO_ON_EDGE && !runs_along(middle, &piece, other_edges))))
                add_edge(out, piece.from, piece.to);
            else if (!is_minuend && place == GEO_INSIDE)
                add_edge(out, piece.to, piece.from);
        }
    }
    out->failed = out->failed || cuts.failed;
    buf_free(&cuts);
}

/* How far `next` turns to the left of `edge`, from -pi to pi. */
static double turn_of(const struct edge *edge, const struct edge *next)
{
    double x1 = edge->to.lon - edge->from.lon, y1 = edge->to.lat - edge->from.lat;
    double x2 = next->to.lon - next->from.lon, y2 = next->to.lat - next->from.lat;

    return atan2(x1 * y2 - y1 * x2, x1 * x2 + y1 * y2);
}

/* Of the pieces that go on where `edge` ends, the one furthest to the left bounds the same area. */
static struct edge *following(const struct edges *pieces, const struct edge *edge)
{
    struct edge *best = NULL;

    for (size_t i = 0; i < pieces->count; i++) {
        struct edge *next = &pieces->at[i];

        if (!next->is_used && is_same(edge->to, next->from) &&
            (best == NULL || turn_of(edge, next) > turn_of(edge, best)))
            best = next;
    }
    return best;
}

/* Closed rings of the pieces, as struct geo_ring. */
static void join_rings(struct arena *arena, const struct edges *pieces, struct buf *rings)
{
    for (size_t i = 0; i < pieces->count; i++) {
        struct edge *edge = &pieces->at[i];
        struct buf places = {0};
        bool is_closed = false;

        if (edge->is_used)
            continue;
        buf_append(&places, &edge->from, sizeof(edge->from));
        for (struct position start = edge->from; edge != NULL && !is_closed;) {
            edge->is_used = true;
            is_closed = is_same(edge->to, start);
            buf_append(&places, is_closed ? &start : &edge->to, sizeof(start));
            edge = is_closed ? NULL : following(pieces, edge);
        }
        struct slice copy = arena_copy(arena, buf_slice(&places));
        struct geo_ring ring = {(struct position *)(uintptr_t)copy.data,
                                copy.len / sizeof(struct position)};
        if (copy.data == NULL || places.failed)
            rings->failed = true;
        else if (is_closed && ring.count >= 4 &&
                 fabs(signed_area(ring.at, ring.count)) > SAME_PLACE * SAME_PLACE)
            buf_append(rings, &ring, sizeof(ring));
        buf_free(&places);
    }
}

/* ---- the result ---- */

static void put_ring(struct document_builder *builder, const struct geo_ring *ring)
{
    document_open_array(builder);
    for (size_t i = 0; i < ring->count; i++) {
        document_open_array(builder);
        document_value(builder, value_real(ring->at[i].lon));
        document_value(builder, value_real(ring->at[i].lat));
        document_close(builder);
    }
    document_close(builder);
}

static bool is_outside(const struct geo_ring *ring)
{
    return signed_area(ring->at, ring->count) > 0;
}

static bool is_hole_of(const struct geo_ring *hole, struct geo_ring *outside)
{
    const struct geo_part part = {GEO_POLYGON, 1, outside};

    return geo_place_in_polygon(between(hole->at[0], hole->at[1], 0.5), &part) == GEO_INSIDE;
}

static void put_polygon(struct document_builder *builder, struct geo_ring *rings, size_t count,
                        struct geo_ring *outside)
{
    document_open_array(builder);
    put_ring(builder, outside);
    for (size_t i = 0; i < count; i++)
        if (!is_outside(&rings[i]) && is_hole_of(&rings[i], outside))
            put_ring(builder, &rings[i]);
    document_close(builder);
}

static void put_feature(struct document_builder *builder, struct geo_ring *rings, size_t count,
                        size_t polygons, struct value properties)
{
    document_begin(builder);
    document_open_object(builder);
    document_name(builder, slice_text("type"));
    document_value(builder, value_text(slice_text("Feature")));
    document_name(builder, slice_text("properties"));
    if (value_is_null(properties)) {
        document_open_object(builder);
        document_close(builder);
    } else {
        document_value(builder, properties);
    }
    document_name(builder, slice_text("geometry"));
    document_open_object(builder);
    document_name(builder, slice_text("type"));
    document_value(builder, value_text(slice_text(polygons == 1 ? "Polygon" : "MultiPolygon")));
    document_name(builder, slice_text("coordinates"));
    if (polygons > 1)
        document_open_array(builder);
    for (size_t i = 0; i < count; i++)
        if (is_outside(&rings[i]))
            put_polygon(builder, rings, count, &rings[i]);
    if (polygons > 1)
        document_close(builder);
    document_close(builder);
    document_close(builder);
}

static enum status give_rings(struct func_context *context, const struct buf *buf,
                              struct value properties, struct value *out)
{
    struct geo_ring *rings = (struct geo_ring *)(void *)buf->data;
    size_t count = buf->len / sizeof(*rings), polygons = 0;
    struct document_builder builder = {0};
    enum status st;

    for (size_t i = 0; i < count; i++)
        polygons += is_outside(&rings[i]);
    *out = value_null();
    if (polygons == 0)
        return ST_OK;
    put_feature(&builder, rings, count, polygons, properties);
    st = document_end(&builder, out);
    if (st != ST_OK) {
        (void)error_set(context->err, st, -1, "%s", status_text(st));
    } else {
        struct slice copy = arena_copy(context->arena, value_slice(*out));
        out->as.data = copy.data;
        if (copy.data == NULL)
            st = func_no_memory(context);
    }
    document_deinit(&builder);
    return st;
}

static struct value properties_of(struct func_context *context, struct value v)
{
    if (v.kind == VALUE_TEXT && json_read(value_slice(v), context->arena, &v, NULL) != ST_OK)
        return value_null();
    return v.kind == VALUE_OBJECT ? document_member(v, slice_text("properties")) : value_null();
}

static bool is_area(const struct geometry *g)
{
    for (size_t i = 0; i < g->part_count; i++)
        if (g->parts[i].kind != GEO_POLYGON)
            return false;
    return g->part_count != 0;
}

SCALAR(fn_geo_difference)
{
    struct buf from = {0}, without = {0}, pieces = {0}, rings = {0};
    struct geometry a, b;
    enum status st;

    *out = value_null();
    if (!geo_read(context, args[0], &a) || !geo_read(context, args[1], &b) || !is_area(&a) ||
        !is_area(&b))
        return ST_OK;
    collect(&a, &from);
    collect(&b, &without);
    const struct edges from_edges = edges_of(&from), without_edges = edges_of(&without);
    keep_pieces(&from_edges, &without_edges, &b, true, &pieces);
    keep_pieces(&without_edges, &from_edges, &a, false, &pieces);
    const struct edges kept = edges_of(&pieces);
    join_rings(context->arena, &kept, &rings);
    st = from.failed || without.failed || pieces.failed || rings.failed ? func_no_memory(context)
                                                                        : ST_OK;
    if (st == ST_OK)
        st = give_rings(context, &rings, properties_of(context, args[0]), out);
    buf_free(&from);
    buf_free(&without);
    buf_free(&pieces);
    buf_free(&rings);
    return st;
}
