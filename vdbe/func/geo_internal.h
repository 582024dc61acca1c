/* Geometries as the geo functions compute with them: GeoJSON flattened to points, lines and
 * polygons. */
#ifndef HARPER_FUNC_GEO_INTERNAL_H
#define HARPER_FUNC_GEO_INTERNAL_H

#include "vdbe/func/func_internal.h"

struct position {
    double lon, lat; /* degrees */
};

/* A polygon's first ring is its outside, the others are holes; rings are closed (first = last). */
struct geo_ring {
    struct position *at;
    size_t count;
};

enum geo_kind { GEO_POINT, GEO_LINE, GEO_POLYGON };

struct geo_part {
    enum geo_kind kind;
    size_t ring_count; /* 1 for points (of one position) and lines */
    struct geo_ring *rings;
};

struct geometry {
    struct slice type; /* of the GeoJSON geometry, a feature's content */
    size_t part_count;
    struct geo_part *parts;
};

enum geo_place { GEO_OUTSIDE, GEO_ON_EDGE, GEO_INSIDE };

/* False: not a geometry, or one with coordinates that are no numbers. */
bool geo_read(struct func_context *context, struct value v, struct geometry *out);
enum geo_place geo_place_in_polygon(struct position p, const struct geo_part *polygon);
bool geo_on_segment(struct position p, struct position a, struct position b);
/* Places (0 to 1 along a-b) where c-d meets a-b; at most two, when they overlap. Returns how many.
 */
unsigned geo_meet(struct position a, struct position b, struct position c, struct position d,
                  double at[2]);
bool geo_contains(struct func_context *context, const struct geometry *outer,
                  const struct geometry *inner);
bool geo_intersects(const struct geometry *a, const struct geometry *b);
bool geo_same(const struct geometry *a, const struct geometry *b);

#endif
