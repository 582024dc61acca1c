/*
 * base: what every module stands on. See each header for its contract.
 */
#ifndef HARPER_BASE_BASE_H
#define HARPER_BASE_BASE_H

#include "storage/base/arena.h"     // IWYU pragma: export
#include "storage/base/buf.h"       // IWYU pragma: export
#include "storage/base/clock.h"     // IWYU pragma: export
#include "storage/base/failpoint.h" // IWYU pragma: export
#include "storage/base/slice.h"     // IWYU pragma: export
#include "storage/base/status.h"    // IWYU pragma: export

#endif
