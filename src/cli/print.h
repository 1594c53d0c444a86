/* A run, its events and its findings for people. One thread. */
#pragma once

#include "base/str.h"
#include "cli/client.h"
#include "json/value.h"

/* Writes the body of an answer as it came, with a newline. */
void print_json(const struct response *r);

/* Text of a member, "" when it is absent. */
struct str print_text(const struct value *v, const char *key);

/* A run in full: head, nodes with their timeline, error. */
void print_run(const struct value *run);

/* One line of progress for an event of a run; nothing for events that only machines want. */
void print_event(const struct value *event, struct str type);

/* The findings of a security-scanner output as a table; the most severe first. */
void print_findings(const struct value *output);
