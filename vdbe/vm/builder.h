/*
 * builder: makes a program, instruction by instruction. Code generation and tests use it.
 *
 * Sticky: after the first failure calls do nothing and builder_finish reports it. Registers, slots,
 * labels, cursors and objects are numbered as they are asked for. A slot is given as an operand by
 * SLOT(number); builder_finish puts slots in front of the registers.
 *
 * Two sections: what is emitted while builder->in_prologue is set runs once, before everything
 * else.
 */
#ifndef HARPER_VM_BUILDER_H
#define HARPER_VM_BUILDER_H

#include "vdbe/vm/vm.h"

enum opcode {
#define OP(name, function, p1, p2, p3, summary) OP_##name,
#include "vdbe/vm/opcodes.def"
#undef OP
    OPCODE_COUNT
};

/* n of comparisons */
enum compare_flag {
    COMPARE_COLLATION = 3, /* enum collation */
    COMPARE_JUMP_NULL = 4, /* a null operand jumps too */
    COMPARE_NULLS = 8,     /* IS: nulls are equal to each other, unequal to the rest */
    COMPARE_NUMERIC = 16,  /* text that looks like a number is one, when the other is no text */
    COMPARE_TEXT = 32,     /* a number becomes text, when the other is text */
    COMPARE_ANY = 64,      /* an array matches when an element does */
    COMPARE_OPERATOR = 8,  /* bits above: of OP_COMPARE, enum compare_operator */
};
enum compare_operator {
    COMPARE_EQ,
    COMPARE_NE,
    COMPARE_LT,
    COMPARE_LE,
    COMPARE_GT,
    COMPARE_GE,
    COMPARE_STARTS_WITH,
    COMPARE_ENDS_WITH,
    COMPARE_CONTAINS,
};

enum test_kind { /* p3 of OP_TEST */
                 TEST_NULL,
                 TEST_NOT_NULL,
                 TEST_STORED_NULL,
                 TEST_TRUE,
                 TEST_FALSE,
                 TEST_NOT_TRUE,
                 TEST_NOT_FALSE,
                 TEST_KIND_COUNT
};

enum like_kind { LIKE_LIKE, LIKE_GLOB, LIKE_REGEXP, LIKE_KIND_COUNT }; /* p3 of OP_LIKE */

/* Room for the states of the aggregates that have instructions of their own. */
enum { STATE_COUNT_BYTES = 16, STATE_SUM_BYTES = 32, STATE_EXTREME_BYTES = 32 };

enum { META_KEY, META_VERSION, META_EXPIRES, META_KIND_COUNT }; /* p2 of OP_META */

enum object_type {
    OBJECT_SORTER,
    OBJECT_SET,
    OBJECT_ROWS,
    OBJECT_READER,
    OBJECT_HASH,
    OBJECT_GROUP,
    OBJECT_COROUTINE,
    OBJECT_LAST,
    OBJECT_WINDOW,
    OBJECT_TYPE_COUNT
};

struct sort_part {
    uint8_t collation;
    bool descending;
    bool nulls_last;   /* in the resulting order */
    uint8_t affinity;  /* of hash keys: applied before the value is coded */
    bool null_matches; /* of hash keys: IS */
};

/* What a sorter orders by, a set tells apart, a hash table finds. */
struct object_spec {
    uint8_t type;
    uint16_t key_count;            /* first key_count registers of a row are its key */
    uint16_t row_count;            /* registers of a row behind the key; GROUP: the bare values */
    bool is_unique;                /* SORTER: equal keys once */
    bool is_queue;                 /* SORTER: read with OP_SORT_POP */
    const struct sort_part *parts; /* key_count of them */
    uint32_t target;               /* READER: its ROWS */
    uint32_t state_bytes;          /* GROUP: aggregate states of one group */
    uint32_t call_count;           /* GROUP: aggregates with a deinit; WINDOW: calls */
    const struct aggregate_call *calls;
    uint16_t input_count; /* GROUP: registers of a row that is put aside; WINDOW: of an input row */
    const struct window_spec *window;
};

/* An aggregate called through its function, and where its state lies in the group. */
struct aggregate_call {
    const struct func *func;
    uint32_t offset;
    uint8_t collation;
    uint16_t first_argument, argument_count; /* WINDOW: registers of the input row */
    uint16_t filter;                         /* WINDOW: 1 + register, 0: none */
};

enum window_unit { WINDOW_RANGE, WINDOW_ROWS, WINDOW_GROUPS };
enum window_bound {
    WINDOW_UNBOUNDED_PRECEDING,
    WINDOW_PRECEDING,
    WINDOW_CURRENT_ROW,
    WINDOW_FOLLOWING,
    WINDOW_UNBOUNDED_FOLLOWING
};
enum window_exclude {
    WINDOW_EXCLUDE_NOTHING,
    WINDOW_EXCLUDE_CURRENT_ROW,
    WINDOW_EXCLUDE_GROUP,
    WINDOW_EXCLUDE_TIES
};

/* A WINDOW's input row: row_count values that are carried through, key_count order values, then
 * arguments. Its output row: the carried values, then a result per call. */
struct window_spec {
    uint8_t unit, start, end, exclude;
    bool has_start_offset, has_end_offset; /* registers of OP_WINDOW_RUN, in this order */
};

/* Of OP_RANGE: registers are the equal values, then low, then high where present. */
struct range_spec {
    struct slice text; /* for listings */
    uint16_t equal_count;
    bool has_low, has_high, low_inclusive, high_inclusive;
    bool is_prefix;     /* low is a prefix of text */
    bool skips_nulls;   /* has bounds: rows whose part is null are outside */
    bool is_descending; /* read backwards */
    bool bound_part_descends;
    const struct key_part *parts;
    const uint8_t *affinities; /* per register */
    const bool *null_matches;  /* per equal value */
};

enum { TABLE_NEW = -1 };           /* no program table */
enum { CONTROL_COLUMNS_MAX = 64 }; /* of rows a host gives */

/* Of OP_INSERT, OP_UPDATE, OP_PATCH. Registers: values of `attributes`, then the rowid when
 * has_rowid. */
struct write_spec {
    uint8_t kind; /* enum write_kind */
    bool has_rowid;
    bool is_declared; /* the attributes are those of the table's declared shape, in order */
    bool counts;      /* in changes() */
    uint16_t count;
    const uint16_t *attributes;
    const uint8_t *ops; /* PATCH: enum merge_op per value, or NULL */
    uint32_t table;     /* UPDATE, PATCH: program table */
};

struct fail_spec {
    enum status status;
    uint8_t conflict; /* enum ir_conflict number */
    struct slice message;
};

struct conflict_spec {
    uint8_t conflict; /* of the statement; 0: as the constraint says */
    bool by_program;  /* REPLACE: the program at p3 removes the row */
    uint32_t table;
};

/* Of OP_PROGRAM: steps first … first + count - 1 among the program's steps. Registers: the old row,
 * then the new one. */
struct step_spec {
    uint32_t first, count;
    bool has_when; /* the first step has a row, or nothing is done */
};

struct upsert_spec { /* which constraint an ON CONFLICT clause is for */
    bool is_any, is_primary_key;
    uint32_t index_store;
};

/* Of OP_CHECK_TYPE: what a column of a STRICT table takes. */
struct type_spec {
    uint8_t affinity;
    bool is_bytes, is_any;
    struct slice type, name; /* INT, table.column */
};

struct document_spec { /* registers: document, key (absent: the document's own) */
    uint8_t mode;      /* enum document_mode */
    bool skip_existing;
};

enum document_mode { DOCUMENT_INSERT, DOCUMENT_PUT, DOCUMENT_PATCH, DOCUMENT_UPDATE };

enum schema_kind {
    SCHEMA_CREATE_TABLE,
    SCHEMA_CREATE_INDEX,
    SCHEMA_PUT_OBJECT,
    SCHEMA_DROP_TABLE,
    SCHEMA_DROP_INDEX,
    SCHEMA_DROP_OBJECT,
    SCHEMA_RENAME_TABLE,
    SCHEMA_RENAME_COLUMN,
    SCHEMA_ADD_COLUMN,
    SCHEMA_DROP_COLUMN,
    SCHEMA_MERGE_TABLE, /* create, or bring to the definition */
};

struct schema_spec {
    uint8_t kind;
    unsigned database;
    bool is_lenient; /* IF EXISTS, IF NOT EXISTS */
    uint8_t object_kind;
    struct slice text;                     /* for listings */
    struct slice table, name, column, sql; /* name: of the object, or the new name */
    const struct table *definition;        /* CREATE_TABLE, MERGE_TABLE */
    bool drops_missing;                    /* MERGE_TABLE */
    const struct index *index;             /* CREATE_INDEX */
    const struct slice *index_columns;     /* CREATE_INDEX: names, empty: an expression */
    const bool *index_takes_collation;     /* CREATE_INDEX: per part, the column's own */
    const struct attribute *attribute;     /* ADD_COLUMN */
    bool is_indexed;                       /* ADD_COLUMN: with an index of its own */
    bool needs_empty_table;                /* ADD_COLUMN: NOT NULL without a default */
    int32_t made; /* CREATE_TABLE: program table that stands for it, TABLE_NEW: none */
};

struct control_spec {
    struct slice text;
    const void *statement;
    uint16_t argument_count;
};

struct call_spec {
    const struct func *func;
    struct slice name;
};

/* ---- building ---- */

struct builder;
#define SLOT(number) (-1 - (int32_t)(number))

enum status builder_new(struct builder **out);
void builder_free(struct builder *builder); /* NULL is allowed; after builder_finish too */
struct arena *builder_arena(struct builder *builder); /* of the program: what p4 points to */
bool builder_failed(const struct builder *builder);
void builder_set_failure(struct builder *builder, enum status status);

void builder_prologue(struct builder *builder, bool on);
int32_t builder_label(struct builder *builder);
void builder_place(struct builder *builder, int32_t label); /* here */
/* Jump operands are labels. Returns the instruction's number in its section. */
uint32_t builder_emit(struct builder *builder, enum opcode op, int32_t p1, int32_t p2, int32_t p3);
uint32_t builder_emit_n(struct builder *builder, enum opcode op, unsigned n, int32_t p1, int32_t p2,
                        int32_t p3, const void *p4);
/* What listings show for p4. */
void builder_note(struct builder *builder, struct slice text);

/* Registers that keep their value to the end of the run. */
int32_t builder_register(struct builder *builder, unsigned count);
/* Registers that are given back: a stack apart from the others. */
int32_t builder_temporary(struct builder *builder, unsigned count);
int32_t builder_temporaries_used(const struct builder *builder);
void builder_temporaries_forget(struct builder *builder, int32_t used);
uint32_t builder_once(struct builder *builder);                    /* a flag for OP_ONCE */
uint32_t builder_mark(struct builder *builder);                    /* for OP_MARK */
uint32_t builder_literal(struct builder *builder, struct value v); /* a slot; bytes are copied */
uint32_t builder_param(struct builder *builder, uint32_t param, const struct value *peek);
uint32_t builder_object(struct builder *builder, const struct object_spec *spec);
uint32_t builder_table(struct builder *builder, unsigned database, const struct table *table);
uint32_t builder_new_table(struct builder *builder, unsigned database, struct slice name);
uint32_t builder_cursor(struct builder *builder, uint32_t table, const struct index *index);

/* What OP_PROGRAM runs: the program takes it over. */
void builder_step(struct builder *builder, struct program *step);

void builder_columns(struct builder *builder, size_t count, const struct slice *names);
void builder_params(struct builder *builder, size_t count, const struct slice *names);
/* `types` live in the builder's arena. */
void builder_nested_types(struct builder *builder, size_t count, const struct nested_type *types);
void builder_row_form(struct builder *builder, uint8_t row_form);
void builder_flags(struct builder *builder, bool writes, bool changes_schema, bool is_control,
                   unsigned database);
void builder_depends(struct builder *builder, unsigned database, uint64_t catalog_version);
void builder_loop(struct builder *builder, struct slice label, double estimate, uint32_t enter,
                  uint32_t row);

/* Resolves labels and slots, verifies (debug builds), and hands over the program. */
enum status builder_finish(struct builder *builder, struct program **out, struct error *err);

/* ST_INTERNAL with a sentence when the program could step outside its registers, objects or code.
 */
enum status program_verify(const struct program *program, struct error *err);

#endif
