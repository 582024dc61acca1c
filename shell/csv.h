/* csv: records of comma- or tab-separated text, one at a time. */
#ifndef HARPER_SHELL_CSV_H
#define HARPER_SHELL_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CSV_COLUMNS_MAX = 2000 };

struct csv_reader {
    FILE *in;
    char separator;     /* with a tab, quotes mean nothing */
    unsigned long line; /* where the record that was read begins */
    unsigned long next_line;
    uint64_t bytes; /* read so far */
    char *text;     /* the fields of one record, each NUL-terminated */
    size_t len, capacity;
    size_t ends[CSV_COLUMNS_MAX];
    bool quoted[CSV_COLUMNS_MAX];
    int count;
    const char *problem; /* what is wrong with the file; NULL: nothing so far */
};

void csv_reader_begin(struct csv_reader *csv, FILE *in,
                      char separator); /* skips a UTF-8 byte order mark */
void csv_reader_free(struct csv_reader *csv);
/* One record; empty lines are skipped. False at the end of the file or with csv->problem set. */
bool csv_reader_next(struct csv_reader *csv);
/* Field k, until the next record is read. */
const char *csv_reader_field(const struct csv_reader *csv, int k, size_t *len);

#endif
