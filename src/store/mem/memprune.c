#include "store/mem/memprune.h"

#include "base/limits.h"

static bool is_open(const struct memdb_run *run)
{
	return run && !run_status_final(run->row.status);
}

/* Whether an open run has something to do with it. */
static bool is_needed(const struct memdb *s, const struct run_row *row)
{
	if (row->caller_run_id.n > 0 && is_open(map_get(&s->runs, row->caller_run_id)))
		return true;
	for (size_t i = 0; i < s->n_runs; i++) {
		const struct run_row *other = &s->in_order[i]->row;
		if (is_open(s->in_order[i]) && (str_eq(other->parent_run_id, row->id) ||
						str_eq(other->caller_run_id, row->id)))
			return true;
	}
	return false;
}

static bool goes(const struct memdb *s, const struct prune *op, const struct memdb_run *run)
{
	if (is_open(run) || run->row.finished_ms >= op->before_ms || is_needed(s, &run->row))
		return false;
	return op->what == RETAINED_RUNS || run->logs.n > 0;
}

void memprune_step(struct memdb *s, struct arena *a, const struct prune *op)
{
	struct str *ids = ARENA_NEW_ARRAY(a, struct str, LIMIT_PRUNE_RUNS);
	size_t n = 0, n_looked_at = 0, at = 0;
	int64_t last_ms = 0;
	while (at < s->n_runs && n < LIMIT_PRUNE_RUNS && n_looked_at < LIMIT_PRUNE_LOOK) {
		struct memdb_run *run = s->in_order[at++];
		bool in_range = op->workflow_id.n > 0
					? str_eq(run->row.workflow_id, op->workflow_id)
					: str_eq(run->row.project, op->project);
		if (!in_range || run->row.created_ms < op->from_ms ||
		    run->row.created_ms >= op->before_ms)
			continue;
		n_looked_at++;
		last_ms = run->row.created_ms;
		if (!prune_looks_at(op, run->row.project, run->row.workflow_id) ||
		    !goes(s, op, run))
			continue;
		ids[n++] = arena_str(a, run->row.id);
		if (op->what == RETAINED_LOGS)
			map_free(&run->logs);
		else
			memdb_run_remove(s, --at);
	}
	bool more = n == LIMIT_PRUNE_RUNS || n_looked_at == LIMIT_PRUNE_LOOK;
	int64_t next_ms = n == 0 && last_ms == op->from_ms ? last_ms + 1 : last_ms;
	*op->ret = (struct pruned){ids, n, more ? next_ms : INT64_MAX};
}
