#include "daemon/zones.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"

static const char *const folder = "/usr/share/zoneinfo";

void zones_fini(struct zones *z)
{
	map_free(&z->by_name);
	arena_free(&z->arena);
}

static bool read_zone(struct str name, struct buf *ret)
{
	char path[64 + LIMIT_NAME_BYTES];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%.*s", folder, STR_ARG(name));
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > LIMIT_ZONE_BYTES)
		return false;
	buf_reserve(ret, (size_t)st.st_size + 1);
	while (ret->n < (size_t)st.st_size) {
		ssize_t n = read(fd, ret->p + ret->n, (size_t)st.st_size - ret->n);
		if (n <= 0)
			return false;
		ret->n += (size_t)n;
	}
	return true;
}

static bool is_utc(struct str name)
{
	return str_eqz(name, "UTC") || str_eqz(name, "Etc/UTC");
}

const struct zone *zones_get(void *arg, struct str name)
{
	struct zones *z = arg;
	CLEANUP_BUF struct buf bytes = {0};
	if (is_utc(name))
		return &zone_utc;
	const struct zone *known = map_get(&z->by_name, name);
	if (known || !zone_name_valid(name) || z->by_name.n >= LIMIT_ZONES ||
	    !read_zone(name, &bytes))
		return known;
	CLEANUP_ARENA struct arena trial = {0};
	if (!zone_parse(&trial, buf_str(&bytes)))
		return NULL;
	struct zone *zone = (struct zone *)zone_parse(&z->arena, buf_str(&bytes));
	map_put(&z->by_name, name, zone);
	return zone;
}
