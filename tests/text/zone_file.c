#include "zone_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"

const struct zone *zone_file(struct arena *a, const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	CLEANUP_FILE FILE *f = fopen(path, "rb");
	CLEANUP_BUF struct buf b = {0};
	if (!f)
		return NULL;
	buf_reserve(&b, 1 << 16);
	b.n = fread(b.p, 1, 1 << 16, f);
	return zone_parse(a, buf_str(&b));
}

void zone_libc(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}
