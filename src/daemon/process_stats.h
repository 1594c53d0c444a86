/* What the process uses, read from /proc for the exporter. */
#pragma once

struct process_stats {
	double cpu_user_seconds, cpu_system_seconds, cpu_seconds;
	double resident_bytes, virtual_bytes;
	double start_time_seconds; /* since 1970 */
	double open_fds, max_fds, threads;
};

/* Fields that can't be read are 0. Any thread. */
void process_stats_read(struct process_stats *ret);
