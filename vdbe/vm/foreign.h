/*
 * foreign: foreign keys, kept while rows are written.
 *
 * A key value without a row in the parent is noted, not refused: when the statement ends (a
 * deferred key: when the transaction commits) every noted value is looked at again, and is a
 * violation when some child row still has it and no parent row does. So the order in which a
 * statement writes its rows does not matter.
 *
 * Lifetimes: a list copies what it notes and is cleared by its owner. Rows are passed as values by
 * attribute id, absent ones as nulls.
 * Errors:    ST_FOREIGN_KEY for a violation.
 */
#ifndef VDBE_VM_FOREIGN_H
#define VDBE_VM_FOREIGN_H

#include "storage/table/catalog.h"
#include "storage/table/table.h"

struct foreign_note {
    const struct db *db;
    uint32_t child; /* store id of the table */
    uint16_t key;   /* foreign_keys[key] of it */
    struct value *values;
};

struct foreign_list {
    struct arena arena;
    struct foreign_note *notes;
    size_t count, capacity;
};

struct foreign {
    struct txn *txn;
    struct arena *arena; /* for what one write needs */
    struct foreign_list *immediate, *deferred;
    struct error *err;
    unsigned depth; /* of actions that led to actions */
};

/* Has the table a foreign key, or is it the parent of one? */
bool foreign_concerns(struct txn *txn, const struct table *table);
/* The row that `cursor`, a table cursor, is at. */
enum status foreign_row(struct foreign *foreign, struct cursor *cursor, const struct table *table,
                        struct value **out);

/* A row was written: actions are taken, what may be missing is noted. */
enum status foreign_inserted(struct foreign *foreign, const struct table *table,
                             const struct value *row);
enum status foreign_updated(struct foreign *foreign, const struct table *table,
                            const struct value *before, const struct value *after);
enum status foreign_removed(struct foreign *foreign, const struct table *table,
                            const struct value *row);
/* Remove the row with this primary key and do what follows. */
enum status foreign_remove(struct foreign *foreign, const struct table *table, struct slice key);

/* Look at every note about this transaction's database again. */
enum status foreign_verify(struct foreign_list *list, struct txn *txn, struct arena *arena,
                           struct error *err);
void foreign_list_clear(struct foreign_list *list); /* empty, usable again */

#endif
