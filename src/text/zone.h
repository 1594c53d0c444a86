/*
 * Time zones: the bytes of a TZif file (RFC 8536, all versions, with the POSIX TZ footer that
 * holds after the last transition) as a list of changes of the offset from UTC. Pure: reading the
 * file is the caller's. A zone is immutable; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct zone_change {
	int64_t at_s;	  /* seconds since 1970 UTC */
	int32_t offset_s; /* from then on, east positive */
};

/* One of the two days of a year on which the footer's rule changes the offset. */
struct zone_rule {
	enum { ZONE_MONTH_WEEK_DAY, ZONE_JULIAN, ZONE_DAY } kind;
	int month, week, day; /* Mm.w.d; else day: Jn 1..365 without 29 February, n 0..365 with */
	int32_t time_s;	      /* local time of day, may lie outside of it */
};

struct zone {
	int32_t first_offset_s;		   /* before the first change */
	const struct zone_change *changes; /* in order of time, each to another offset */
	size_t n_changes;
	bool has_rules; /* the footer changes the offset every year */
	int32_t standard_s, daylight_s;
	struct zone_rule begins, ends; /* of daylight saving time */
};

/* Coordinated Universal Time. */
extern const struct zone zone_utc;

/* The time around an instant in which the offset stays. */
struct zone_span {
	int64_t start_s, end_s; /* start <= t < end; INT64_MIN and INT64_MAX when without one */
	int32_t offset_s;
	int32_t before_s; /* the offset before start; offset_s without a start */
};

/* The zone in the arena, NULL when the bytes are no TZif file or have leap seconds. */
const struct zone *zone_parse(struct arena *a, struct str bytes);

/* A POSIX TZ text like "CET-1CEST,M3.5.0,M10.5.0/3" into *ret's rules. */
bool zone_parse_posix(struct str text, struct zone *ret);

struct zone_span zone_span(const struct zone *z, int64_t time_s);

static inline int32_t zone_offset(const struct zone *z, int64_t time_s)
{
	return zone_span(z, time_s).offset_s;
}

/* Whether the text may be the name of a zone, and of a file below a folder of zones. */
bool zone_name_valid(struct str name);

/* Where zones come from: the parsed zone of this name, or NULL. It lives as long as its giver. */
typedef const struct zone *(*zone_get_fn)(void *arg, struct str name);
