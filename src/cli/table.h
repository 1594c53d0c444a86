/*
 * Text for people: tables, colours and times. Colour (unless NO_COLOR is set) and cutting to the
 * width happen only when stdout is a terminal. All text is made inert for terminals. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

bool table_colour(void);

/* Colour codes, empty strings when colour is off. */
const char *table_status_colour(struct str status);
const char *table_bold(void);
const char *table_dim(void);
const char *table_plain(void);

struct table;

enum table_fit {
	TABLE_CUT,	/* may be cut at its end when the terminal is narrow */
	TABLE_CUT_LEFT, /* the same at its begin: places, whose end says more */
	TABLE_WHOLE,	/* never cut: ids, states */
	TABLE_OPTIONAL, /* left out when little room is left for it */
};

struct table_column {
	const char *header;
	enum table_fit fit;
};

/* The columns are borrowed. */
struct table *table_new(const struct table_column *columns, size_t n);

/* Adds the next cell, row by row; the text is copied, made inert and put on one line. */
void table_cell(struct table *t, struct str text);
void table_cellf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prints and frees. A column without any text is left out. */
void table_print(struct table *t);

/* Columns of the terminal; SIZE_MAX when stdout is none. */
size_t table_terminal_width(void);

/* Writes text to stdout, made inert. */
void table_put(struct str text);

/* "850ms", "1.2s", "3m04s", "2h05m"; "" for a negative time. */
void table_duration(struct buf *out, int64_t ms);

/* RFC 3339 text as "2026-11-24 16:56:37" in local time; "" for none. */
void table_time(struct buf *out, struct str rfc3339);

/* For lists: "16:56:37" when it is today, else "2026-11-24". */
void table_time_short(struct buf *out, struct str rfc3339);
