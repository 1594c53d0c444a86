/* Answers of the service for people. One thread. */
#pragma once

#include "base/str.h"
#include "cli/client.h"
#include "json/value.h"

/* Writes the body of an answer as it came, with a newline. */
void print_json(const struct response *r);

/* Text of a member, "" when it is absent. */
struct str print_text(const struct value *v, const char *key);

/* A whole number, 0 when it is absent. */
int64_t print_int(const struct value *v, const char *key);

/* The time of a member in ms since 1970, -1 when it is absent. */
int64_t print_ms(const struct value *v, const char *key);

/* From startedAt to finishedAt as "1.2s"; "" before the end. */
void print_took(struct buf *out, const struct value *v);

/* A cell that says by whom a run or workflow is paused; empty when it is not. */
struct table;
void print_paused(struct table *t, const struct value *v);

/* Progress as an agent told it: "42 % done: 42 of 100 files". */
void print_done(struct buf *out, const struct value *progress);

/* A run in full: head, nodes with their timeline and totals, errors. */
void print_run(const struct value *run);

/* One line of progress for an event of a run, as the stream of events has it. */
void print_event(const struct value *event, struct str type);

/* The findings of a security-scanner output as a table, the most severe first, with totals. */
void print_findings(const struct value *output);
