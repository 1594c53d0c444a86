/*
 * The part of retention that is not rows: the folders of artifacts, ROOT/RUN. They go with their
 * run, or earlier when artifacts are kept for a shorter time. A look over all folders, at the
 * start and every hour, finds what became old, and what a crash left of runs that are gone.
 *
 * Loop thread; the disk is touched by a thread of the loop's pool.
 */
#pragma once

#include "daemon/exporter.h"
#include "engine/engine.h"

struct retention_keeper;
struct uv_loop_s;

struct retention_keeper_config {
	struct uv_loop_s *loop;
	struct store *store;
	const struct engine *engine;
	struct exporter *exporter;
	const char *artifacts; /* ROOT */
};

/* 0, or a negative errno. */
int retention_keeper_new(const struct retention_keeper_config *config,
			 struct retention_keeper **ret);

/* Waits for what is under way (turns the loop meanwhile). Its memory goes when the loop has closed
 * its timer. NULL is fine. */
void retention_keeper_close(struct retention_keeper *k);

/* The rows of these runs are gone. */
void retention_keeper_runs_gone(struct retention_keeper *k, const struct str *run_ids, size_t n);
