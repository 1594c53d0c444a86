/*
 * A command on one run, or on all that a question to the listing finds. One thread.
 *
 * With any of the filters there is no RUN argument. All runs are found before anything is done to
 * the first of them, so no page shifts; on a terminal it is asked before, unless --yes. --plan does
 * nothing and says what would be done.
 */
#pragma once

#include "cli/client.h"
#include "model/names.h"

struct bulk {
	const char *status, *workflow, *text, *since, *until;
	bool plan, yes;
	const struct cli_common *common;
	struct client *client;
	struct arena arena;
	struct value found; /* heads of runs */
};

#define BULK_OPTS(b)                                                                               \
	{"status", 's', OPT_TEXT, &(b).status, "STATUS", "instead of RUN: all that have it"},      \
		{"workflow",	'w',	OPT_TEXT,                                                  \
		 &(b).workflow, "NAME", "instead of RUN: all of this workflow"},                   \
		{"search",  'q',    OPT_TEXT,                                                      \
		 &(b).text, "TEXT", "instead of RUN: all with this in name, context or error"},    \
		{"since",    0,	     OPT_TEXT,                                                     \
		 &(b).since, "TIME", "instead of RUN: all created at or after, RFC 3339"},         \
		{"until", 0, OPT_TEXT, &(b).until, "TIME", "instead of RUN: all created before"},  \
		{"plan", 0, OPT_FLAG, &(b).plan, NULL, "say what would be done, do nothing"},      \
	{                                                                                          \
		"yes", 'y', OPT_FLAG, &(b).yes, NULL, "of many: do not ask on a terminal"          \
	}

/* What a command is to many runs. */
struct bulk_verb {
	const char *command;		 /* "cancel" */
	const char *done;		 /* "cancelled" */
	const enum run_status *statuses; /* that it may be used on, those it means first */
	size_t n_statuses, n_meant;
	bool (*concerns)(const struct value *run); /* of what is found; NULL = all */
	/* Does it; *ret gets what the run is by then, in the arena. The exit status, with anything
	 * wrong said on stderr. */
	int (*one)(struct bulk *b, void *arg, const struct value *run, struct str *ret);
	/* What would be done to one of many, appended; NULL = there is no more to say. */
	int (*plan)(struct bulk *b, void *arg, const struct value *run, struct buf *ret);
	/* Totals of the plan, appended; NULL = none. */
	void (*totals)(void *arg, struct buf *ret);
};

/* Whether a filter is given. */
bool bulk_wanted(const struct bulk *b);

/* The exit status; client and common are set. */
int bulk_run(struct bulk *b, const struct bulk_verb *verb, void *arg);

/*
 * POST of an object to /api/runs/ID + tail. The exit status: CLI_OK also for the 409 of a run that
 * ended meanwhile when `many`; what was wrong was said on stderr.
 */
int bulk_post(struct bulk *b, struct str run_id, const char *tail, const struct value *body,
	      bool many, struct response *ret);
