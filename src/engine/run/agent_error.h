/*
 * What an agent says of its own failure: a JSON document on stdout, with an exit status other than
 * 0:
 *
 *   {"error": {"code": "CardDeclined", "message": "…", "retryable": false, "retryAfter": "30s"}}
 *
 * All members may be left out. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct agent_error {
	const char *code;   /* NULL = none of its own: the exit status says it */
	struct str message; /* "" = none */
	bool final;	    /* retryable: false */
	int64_t retry_after_ms;
};

/* False when the output is no such document; then it says nothing. Text in the arena. */
bool agent_error_read(struct arena *a, struct str output, struct agent_error *ret);
