/*
 * The system's time zones: read from its folder (Debian's tzdata) when first asked for and kept.
 * One thread at a time.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "text/zone.h"

struct zones {
	struct arena arena;
	struct map by_name; /* -> const struct zone */
};

void zones_fini(struct zones *z);
#define CLEANUP_ZONES CLEANUP(zones_fini)

/* A zone_get_fn; arg is a struct zones. UTC is there without a file. */
const struct zone *zones_get(void *arg, struct str name);
