/*
 * Triggers that wait for the end of their run (Prefer: wait=SECONDS, RFC 7240). Loop thread only.
 * At most LIMIT_WAITERS; a wait ends by the run's end or by its time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/str.h"
#include "model/rows.h"

struct waits;

struct wait {		   /* in the memory of who waits */
	struct list node;  /* by deadline */
	struct wait *next; /* of the same run */
	struct str run_id;
	int64_t deadline_ns;
	/* run is NULL when the time is up; w is out of all lists then */
	void (*ended)(struct wait *w, const struct run_row *run);
};

struct waits *waits_new(void);
void waits_free(struct waits *ws); /* forgets them */

/* False when there are too many. run_id must live as long as the wait. */
bool waits_add(struct waits *ws, struct wait *w);
void waits_run_ended(struct waits *ws, const struct run_row *run);
/* Ends those whose time is up. */
void waits_tick(struct waits *ws, int64_t now_ns);
/* When the next one's time is up; INT64_MAX = never. */
int64_t waits_next_ns(const struct waits *ws);
