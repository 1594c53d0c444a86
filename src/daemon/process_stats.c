#include "daemon/process_stats.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/attr.h"

/* Fields of /proc/self/stat after the command's name, which may hold anything (proc(5)). */
enum {
	STAT_UTIME = 11,
	STAT_STIME = 12,
	STAT_THREADS = 17,
	STAT_START = 19,
	STAT_VSIZE = 20,
	STAT_RSS = 21,
	STAT_FIELDS = 22
};

static double boot_time(void)
{
	CLEANUP_FILE FILE *f = fopen("/proc/stat", "re");
	char line[512];
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "btime ", 6) == 0)
			return strtod(line + 6, NULL);
	return 0;
}

static bool read_stat(double fields[STAT_FIELDS])
{
	CLEANUP_FILE FILE *f = fopen("/proc/self/stat", "re");
	char line[1024];
	if (!f || !fgets(line, sizeof(line), f))
		return false;
	char *at = strrchr(line, ')');
	if (!at)
		return false;
	at += 4; /* ") S " */
	for (int i = 1; i < STAT_FIELDS; i++)
		fields[i] = strtod(at, &at);
	return true;
}

void process_stats_read(struct process_stats *ret)
{
	*ret = (struct process_stats){0};
	double fields[STAT_FIELDS] = {0};
	double ticks = (double)sysconf(_SC_CLK_TCK);
	if (read_stat(fields)) {
		ret->cpu_user_seconds = fields[STAT_UTIME] / ticks;
		ret->cpu_system_seconds = fields[STAT_STIME] / ticks;
		ret->cpu_seconds = ret->cpu_user_seconds + ret->cpu_system_seconds;
		ret->threads = fields[STAT_THREADS];
		ret->start_time_seconds = boot_time() + fields[STAT_START] / ticks;
		ret->virtual_bytes = fields[STAT_VSIZE];
		ret->resident_bytes = fields[STAT_RSS] * (double)sysconf(_SC_PAGESIZE);
	}
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		ret->max_fds = (double)limit.rlim_cur;
	CLEANUP_DIR DIR *d = opendir("/proc/self/fd");
	for (struct dirent *e; d && (e = readdir(d));)
		ret->open_fds += e->d_name[0] != '.';
}
