/* coding, inside: zstd comes from storage/value, which has it for records. */
#ifndef HARPER_REST_CODING_INTERNAL_H
#define HARPER_REST_CODING_INTERNAL_H

#include "rest/codec/coding.h"
#include "storage/value/compress.h"

#endif
