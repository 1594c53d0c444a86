/*
 * The error codes of nodes and attempts, all in one table: docs/workflows.md has the same list, and
 * a test compares the two. An agent's own codes begin with a capital letter, drover's never do, so
 * that neither can be taken for the other. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum error_kind {
	ERROR_RETRIED,	 /* another attempt may go better */
	ERROR_FINAL,	 /* no other attempt can */
	ERROR_UNCOUNTED, /* of an attempt that is made again whatever `retry` says */
	ERROR_STOPPED,	 /* the run was stopped */
	ERROR_NODE,	 /* of a node or run; no attempt ends with it */
};

struct error_code {
	const char *name; /* "exit_N" and "signal_N" stand for all of them */
	enum error_kind kind;
	const char *class; /* a word that stands for several codes in retryOn; or NULL */
};

extern const struct error_code error_codes[];
extern const size_t n_error_codes;

/* What the table says of a code; NULL when it is an agent's own, or unknown. */
const struct error_code *error_code_find(struct str code);

/* Whether an agent may give it: a capital letter, then letters, digits, '_', '.' and '-', at most
 * LIMIT_AGENT_CODE_BYTES. */
bool error_code_is_agents(struct str code);

/* Whether an entry of retryOn or nonRetryable means the code: it is the code, has '*' for any
 * characters, or is the code's class. */
bool error_code_matches(struct str entry, struct str code);

/* Judges such an entry: NULL when it may match something, else what is wrong with it. `hint` gets
 * the code that a typing error may have meant, or NULL. */
const char *error_code_judge_entry(struct str entry, const char **hint);
