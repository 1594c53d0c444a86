/* Zones of the system for the tests. */
#pragma once

#include "text/zone.h"

/* NULL when there is no such file or it is none. */
const struct zone *zone_file(struct arena *a, const char *name);

/* Makes the C library tell local time as of this zone. */
void zone_libc(const char *name);
