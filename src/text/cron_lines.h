/*
 * Trying a schedule from outside: a JSON request to a JSON answer.
 *
 *   {"cron": "0 9 * * 1", "timezone": "Europe/Berlin", "from": TIME, "n": 5} → {"fires": [TIME, …]}
 *   anything wrong                                         → {"error": {"message", "position"}}
 *
 * All but cron may be left out: UTC, now, 5. Fires are those after `from`, in UTC; position is a
 * byte in the expression. Pure.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "text/zone.h"

struct cron_lines {
	zone_get_fn zone_get;
	void *zone_arg;
	int64_t now_ms;
};

/* Answers one line; appends the answer without a newline. False when it is an error. */
bool cron_line(const struct cron_lines *l, struct str request, struct buf *answer);
