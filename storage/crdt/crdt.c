#include "storage/crdt/crdt.h"

stamp_t stamp_from_us(int64_t wall_us)
{
    if (wall_us <= 0)
        return 0;
    /* Whole milliseconds and the rest apart, so that nothing overflows before the year 140000. */
    return (stamp_t)(wall_us / 1000) * 4096u + (stamp_t)(wall_us % 1000) * 4096u / 1000u;
}

stamp_t hlc_next(struct hlc *clock, int64_t wall_us)
{
    stamp_t physical = stamp_from_us(wall_us);

    clock->last = physical > clock->last ? physical : clock->last + 1;
    return clock->last;
}

void hlc_observe(struct hlc *clock, stamp_t remote)
{
    if (remote > clock->last)
        clock->last = remote;
}

bool merge_is_newer(stamp_t stamp, uint32_t rank, stamp_t than, uint32_t than_rank)
{
    return stamp != than ? stamp > than : rank > than_rank;
}

static bool whole_number(struct value v, int64_t *out)
{
    if (v.kind == VALUE_INT || v.kind == VALUE_DATE)
        *out = v.as.i;
    else if (v.kind == VALUE_REAL)
        return false;
    else
        *out = 0; /* missing or not a number */
    return true;
}

struct value merge_add(struct value base, struct value delta)
{
    int64_t a, b;
    bool is_date = base.kind == VALUE_DATE;

    if (whole_number(base, &a) && whole_number(delta, &b)) {
        __int128 sum = (__int128)a + b;
        int64_t clamped = sum > INT64_MAX ? INT64_MAX : sum < INT64_MIN ? INT64_MIN : (int64_t)sum;

        return is_date ? value_date(clamped) : value_int(clamped);
    }
    return value_real((base.kind == VALUE_REAL ? base.as.d
                       : value_is_number(base) ? (double)base.as.i
                                               : 0.0) +
                      (delta.kind == VALUE_REAL ? delta.as.d
                       : value_is_number(delta) ? (double)delta.as.i
                                                : 0.0));
}

struct record_header merge_local(const struct record_header *current, enum merge_kind kind,
                                 stamp_t stamp, uint16_t origin)
{
    struct record_header header = {.stamp = stamp, .origin = origin};

    if (kind == MERGE_DELETE)
        header.flags = RECORD_DEAD;
    /* A local write is the newest there is, so it settles what was there: a patch of a settled
     * record needs no list either, since every property it leaves alone is older than it. What an
     * older, still unsettled patch left behind stays, because a late remote write must still find
     * it. */
    if (kind == MERGE_PATCH && current != NULL && (current->flags & RECORD_DEAD) == 0) {
        header.flags |= current->flags & (RECORD_EXPIRY | RECORD_RESIDENCY | RECORD_BLOBS |
                                          RECORD_PROPERTY_STAMPS | RECORD_UNSETTLED);
        header.expiry_ms = current->expiry_ms;
        header.property_stamps = current->property_stamps;
        header.unsettled = current->unsettled;
        if (current->flags & RECORD_FULL_STAMP) {
            header.flags |= RECORD_FULL_STAMP;
            header.full_stamp = current->full_stamp;
            header.full_origin = current->full_origin;
        }
    }
    return header;
}
