/*
 * A seeded stream of transactions over a small world of agents, workflows, runs, nodes and
 * attempts: every kind of operation, also ones that come twice or for things that are gone. The
 * same seed gives the same stream. One thread.
 */
#pragma once

#include "base/id.h"
#include "engine/store.h"

enum {
	STREAM_AGENTS = 6,
	STREAM_WORKFLOWS = 5,
	STREAM_RUNS = 24,
	STREAM_NODES = 5,
	STREAM_SCHEDULES = 6
};

struct stream_run {
	struct run_id id;
	struct workflow_id workflow;
	int64_t n_events;
	int64_t n_attempts;
	int64_t n_lines[STREAM_NODES];
	struct attempt_id attempts[16];
	int64_t n_approvals;
	struct approval_id approvals[4];
};

struct stream {
	struct rng rng;
	struct id_gen ids;
	int64_t now_ms;
	int64_t versions[STREAM_WORKFLOWS];
	struct agent_id agents[STREAM_AGENTS];
	struct workflow_id workflows[STREAM_WORKFLOWS];
	struct agent_id schedules[STREAM_SCHEDULES];
	struct stream_run runs[STREAM_RUNS];
	size_t n_runs;	 /* of the ring, all that were made */
	bool no_deletes; /* nothing is ever deleted or pruned */
};

void stream_init(struct stream *s, uint64_t seed);

/* A transaction of 1 to 12 ops; done and owner are the caller's to set. */
struct txn *stream_next(struct stream *s);
