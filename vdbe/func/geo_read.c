/* GeoJSON (objects, their text, or a bare [lon, lat]) to geometries. */
#include "vdbe/func/geo_internal.h"

struct geo_reader {
    struct arena *arena;
    struct buf parts; /* struct geo_part */
    bool is_wrong;
};

static bool read_position(struct value v, struct position *out)
{
    struct value lon, lat;

    if (v.kind != VALUE_ARRAY || document_count(v) < 2)
        return false;
    lon = document_element(v, 0);
    lat = document_element(v, 1);
    out->lon = value_to_real(lon);
    out->lat = value_to_real(lat);
    return value_is_number(lon) && value_is_number(lat);
}

static bool read_ring(struct geo_reader *reader, struct value v, size_t least, bool close,
                      struct geo_ring *out)
{
    size_t count = v.kind == VALUE_ARRAY ? document_count(v) : 0;

    if (count < least)
        return false;
    out->at = ARENA_NEW_ARRAY(reader->arena, struct position, count + 1);
    if (out->at == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_position(document_element(v, i), &out->at[i]))
            return false;
    if (close &&
        (out->at[0].lon != out->at[count - 1].lon || out->at[0].lat != out->at[count - 1].lat))
        out->at[count++] = out->at[0];
    out->count = count;
    return true;
}

static void add_part(struct geo_reader *reader, enum geo_kind kind, struct geo_ring *rings,
                     size_t count)
{
    struct geo_part part = {.kind = kind, .ring_count = count, .rings = rings};

    buf_append(&reader->parts, &part, sizeof(part));
}

static bool read_point(struct geo_reader *reader, struct value v)
{
    struct geo_ring *ring = ARENA_NEW(reader->arena, struct geo_ring);

    if (ring == NULL || (ring->at = ARENA_NEW(reader->arena, struct position)) == NULL)
        return false;
    ring->count = 1;
    if (!read_position(v, ring->at))
        return false;
    add_part(reader, GEO_POINT, ring, 1);
    return true;
}

static bool read_line(struct geo_reader *reader, struct value v)
{
    struct geo_ring *ring = ARENA_NEW(reader->arena, struct geo_ring);

    if (ring == NULL || !read_ring(reader, v, 2, false, ring))
        return false;
    add_part(reader, GEO_LINE, ring, 1);
    return true;
}

static bool read_polygon(struct geo_reader *reader, struct value v)
{
    size_t count = v.kind == VALUE_ARRAY ? document_count(v) : 0;
    struct geo_ring *rings;

    if (count == 0)
        return false;
    rings = ARENA_NEW_ARRAY(reader->arena, struct geo_ring, count);
    for (size_t i = 0; i < count; i++)
        if (rings == NULL || !read_ring(reader, document_element(v, i), 3, true, &rings[i]))
            return false;
    add_part(reader, GEO_POLYGON, rings, count);
    return true;
}

static bool read_each(struct geo_reader *reader, struct value v,
                      bool (*read)(struct geo_reader *reader, struct value v))
{
    size_t count = v.kind == VALUE_ARRAY ? document_count(v) : 0;

    for (size_t i = 0; i < count; i++)
        if (!read(reader, document_element(v, i)))
            return false;
    return v.kind == VALUE_ARRAY;
}

static bool read_object(struct geo_reader *reader, struct value object);

static bool read_member_objects(struct geo_reader *reader, struct value object, const char *name)
{
    return read_each(reader, document_member(object, slice_text(name)), read_object);
}

static bool read_object(struct geo_reader *reader, struct value object)
{
    static const struct {
        const char *type;
        bool (*read)(struct geo_reader *reader, struct value v);
        bool is_many;
    } types[] = {
        {"Point", read_point, false},     {"MultiPoint", read_point, true},
        {"LineString", read_line, false}, {"MultiLineString", read_line, true},
        {"Polygon", read_polygon, false}, {"MultiPolygon", read_polygon, true},
    };
    struct value type, coordinates;

    if (object.kind != VALUE_OBJECT)
        return false;
    type = document_member(object, slice_text("type"));
    if (type.kind != VALUE_TEXT)
        return false;
    if (slice_is(value_slice(type), "Feature"))
        return read_object(reader, document_member(object, slice_text("geometry")));
    if (slice_is(value_slice(type), "FeatureCollection"))
        return read_member_objects(reader, object, "features");
    if (slice_is(value_slice(type), "GeometryCollection"))
        return read_member_objects(reader, object, "geometries");
    coordinates = document_member(object, slice_text("coordinates"));
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (slice_is(value_slice(type), types[i].type))
            return types[i].is_many ? read_each(reader, coordinates, types[i].read)
                                    : types[i].read(reader, coordinates);
    return false;
}

static struct slice type_of(struct value v)
{
    if (v.kind == VALUE_OBJECT) {
        struct value type = document_member(v, slice_text("type"));

        if (type.kind == VALUE_TEXT && slice_is(value_slice(type), "Feature"))
            return type_of(document_member(v, slice_text("geometry")));
        if (type.kind == VALUE_TEXT)
            return value_slice(type);
    }
    return slice_text("Point");
}

bool geo_read(struct func_context *context, struct value v, struct geometry *out)
{
    struct geo_reader reader = {.arena = context->arena};
    struct slice parts;
    bool is_good;

    if (v.kind == VALUE_TEXT && json_read(value_slice(v), context->arena, &v, NULL) != ST_OK)
        return false;
    is_good = v.kind == VALUE_ARRAY ? read_point(&reader, v) : read_object(&reader, v);
    is_good = is_good && buf_status(&reader.parts) == ST_OK;
    parts = arena_copy(context->arena, buf_slice(&reader.parts));
    out->type = type_of(v);
    out->part_count = reader.parts.len / sizeof(struct geo_part);
    out->parts = (struct geo_part *)(uintptr_t)parts.data;
    buf_free(&reader.parts);
    return is_good && (out->parts != NULL || out->part_count == 0);
}
