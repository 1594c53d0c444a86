/*
 * What the end of an attempt means: judging what the executor said, and whether the node is tried
 * again. Private to src/engine.
 */
#pragma once

#include "engine/state.h"

/* What is known of an attempt's end. */
struct verdict {
	enum attempt_status status;
	const char *code; /* NULL = success */
	struct str message;
	struct str input;  /* when it ends before it was started */
	struct str output; /* of a success; in the current transaction */
	bool final, retry_later;
	enum attempt_fate fate; /* of a failure */
	int64_t retry_after_ms;
	const struct attempt_result *result; /* NULL = the executor had no part in it */
};

/* Makes it a failure that another try can't help; always returns false. Text in the scratch
 * arena of the step. */
bool verdict_refuse(struct verdict *v, const char *code, struct engine *e, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* The first findings as one sentence. */
const char *verdict_findings(struct arena *a, const struct diag *d);

/* The executor's answer, judged: output by the action's schema, an error as it says, and what
 * was asked to stop as stopped. */
void verdict_of_result(struct attempt *a, const struct attempt_result *result, struct verdict *ret);

/* What an attempt's end is for its node, when that ends with it. */
enum node_status verdict_node_status(const struct verdict *v);
