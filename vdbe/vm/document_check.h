/*
 * document_check: does a document suit its table, and the conversions that a write makes.
 *
 * Every finding is a sentence; all of them together are the message of the failure.
 */
#ifndef HARPER_VM_DOCUMENT_CHECK_H
#define HARPER_VM_DOCUMENT_CHECK_H

#include "vdbe/vm/vm.h"

struct document_check {
    const struct table *table;
    size_t nested_type_count; /* see program_info */
    const struct nested_type *nested_types;
    struct arena *arena;
    struct buf problems; /* joined with ". " */
};

/* One attribute's value as given (absent: not given); *v becomes what is stored. */
void document_check_attribute(struct document_check *check, const struct attribute *attribute,
                              struct value *v);
void document_check_required(struct document_check *check, const struct attribute *attribute,
                             struct value v);
void document_check_unknown(struct document_check *check, struct slice name);

/* {"__op__": "add", "value": n}: an increment. */
bool document_is_increment(struct value v, struct value *amount);

#endif
