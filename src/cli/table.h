/*
 * Text for people: tables, colours and times. Colour and cutting to the width happen only when
 * stdout is a terminal (and NO_COLOR is not set). All text is made inert for terminals. One
 * thread.
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

/* Headers are borrowed literals, NULL-terminated. */
struct table *table_new(const char *const *headers);

/* Adds the next cell, row by row; the text is copied and made inert. */
void table_cell(struct table *t, struct str text);
void table_cellf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prints and frees. The last column is cut at the terminal's width. */
void table_print(struct table *t);

/* "850ms", "1.2s", "3m04s", "2h05m"; "" for a negative time. */
void table_duration(struct buf *out, int64_t ms);

/* RFC 3339 text as "2026-11-24 16:56:37" in local time; "" for none. */
void table_time(struct buf *out, struct str rfc3339);
