/* What the commands that steer runs share: who asks, why, and one run or many. One thread. */
#pragma once

#include "cli/bulk.h"

struct steer {
	const char *by, *reason;
};

#define STEER_OPTS(s)                                                                              \
	{"reason", 0, OPT_TEXT, &(s).reason, "TEXT", "why; kept with what is done"},               \
	{                                                                                          \
		"by", 0, OPT_TEXT, &(s).by, "NAME", "who does it (default local)"                  \
	}

/* {"by", "reason"}, as far as they are given. */
struct value steer_body(struct arena *a, const struct steer *s);

/* One RUN in `rest` (POST to its path + tail; its status is printed) or, with filters, many. */
int steer_runs(struct bulk *b, const struct bulk_verb *verb, struct steer *s, const char *tail,
	       const struct opt_list *rest);

/* The id of the run that `arg` means, and a POST to it; prints the answer. */
int steer_one(struct bulk *b, const char *arg, const char *tail, const struct value *body);
