/*
 * Schedules: cron expressions of five fields (minute hour day-of-month month day-of-week), their
 * short names, and fixed intervals. Pure; a parsed schedule is a plain value; any thread.
 *
 *   fields    lists 1,15   ranges 9-17   steps * /15 (without the space) 10-50/20 5/10 (to the end)
 *             names JAN..DEC SUN..SAT in any case; day of week 0 or 7 is Sunday, and a range may
 * end with it (FRI-SUN); ? is * in the two day fields; L is a month's last day names     @hourly
 * @daily @midnight @weekly @monthly @yearly @annually interval  @every 10m (1 s to 365 d, whole
 * seconds): counted in real time, no calendar
 *
 * When both day fields are restricted a day matches by either of them; when one of them begins
 * with * (or ?) both must match, as Vixie's cron has it.
 *
 * Changes of the clock (summer time). A schedule whose hour field does not begin with * runs at
 * fixed times: what falls into the hour that is skipped runs once, at the first instant after it
 * (also when several of its times fall in, or a whole day is skipped); in an hour that comes twice
 * only the first time counts. A schedule for every hour (* or a step of it) follows the clock on
 * the wall: it runs through both of the repeated hours, and the skipped one is not there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "text/zone.h"

enum { CRON_MESSAGE_BYTES = 160 };

struct cron {
	int64_t every_ms;			/* the interval of @every; 0 = by the calendar */
	uint64_t minutes;			/* bit per minute */
	uint32_t hours, days, months, weekdays; /* bits 0.., 1.., 1.., 0 (Sunday).. */
	bool last_day;				/* L */
	bool both_days; /* day of month and of week must match, not one of them */
	bool fixed_hours;
};

struct cron_error {
	size_t position; /* byte in the expression */
	char message[CRON_MESSAGE_BYTES];
};

/* False with the place and the mend; also when no date ever matches (31 February). */
bool cron_parse(struct str text, struct cron *ret, struct cron_error *ret_error);

/*
 * The first fire after `after_ms`. `anchor_ms` is where @every counts from; others ignore it.
 * False when there is none within LIMIT_CRON_YEARS or before the year 10000.
 */
bool cron_next(const struct cron *c, const struct zone *z, int64_t anchor_ms, int64_t after_ms,
	       int64_t *ret_ms);
