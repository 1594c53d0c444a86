/*
 * Structured log events on stderr: one JSON object a line, or a human line on a terminal. An
 * event has a constant name ("run.finished") and typed fields; nobody logs free text. Who decides
 * about a fault logs it, once. Lines are written whole by one write(2). Any thread.
 *
 *   log_event(INFO, "run.finished", LOG_STR("run_id", id), LOG_INT("nodes", n));
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };

enum log_field_kind { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_BOOL };

struct log_field {
	const char *name;
	enum log_field_kind kind;
	struct str s;
	int64_t i;
};

#define LOG_STR(field, value)                                                                      \
	((struct log_field){.name = (field), .kind = LOG_FIELD_STR, .s = (value)})
#define LOG_Z(field, value) LOG_STR(field, str_of(value))
#define LOG_INT(field, value)                                                                      \
	((struct log_field){.name = (field), .kind = LOG_FIELD_INT, .i = (value)})
#define LOG_BOOL(field, value)                                                                     \
	((struct log_field){.name = (field), .kind = LOG_FIELD_BOOL, .i = (value)})

/* Least level that is written, and the form. Call before threads start. */
void log_setup(enum log_level least, bool human);

/* "debug", "info", "warn", "error", "off"; false when it is none of them. */
bool log_level_parse(struct str name, enum log_level *ret);

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);

#define log_event(level, event, ...)                                                               \
	log_write(LOG_LEVEL_##level, (event), (const struct log_field[]){__VA_ARGS__},             \
		  sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
