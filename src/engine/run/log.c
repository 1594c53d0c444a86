/* Lines that attempts log. */
#include "base/limits.h"
#include "engine/run/deadline.h"
#include "engine/emit.h"
#include "engine/run/progress.h"

struct logs_note {
	struct str run_id, node_id;
};

static void tell_logs(void *ctx, struct txn *txn UNUSED, void *arg, int64_t n UNUSED)
{
	struct engine *e = ctx;
	const struct logs_note *note = arg;
	e->config.on_logs(e->config.watcher, note->run_id, note->node_id);
}

static void add(struct engine *e, struct attempt *a, struct str lines, int64_t n_lines)
{
	struct run *r = a->run;
	struct node *n = &r->nodes[a->index];
	struct txn *txn = pump_txn(&e->pump);
	txn_add(txn, TXN_LOG_ADD)->log = (struct log_row){
		.run_id = ID_STR(r->id),
		.attempt_id = arena_str(&txn->arena, ID_STR(a->id)),
		.node_id = run_node_id(r, a->index),
		.attempt = a->number,
		.seq = (int64_t)n->log_lines + 1,
		.n_lines = n_lines,
		.time_ms = e->wall_ms,
		.text = arena_str(&txn->arena, lines),
	};
	n->log_lines += (uint32_t)n_lines;
	a->log_lines += (uint32_t)n_lines;
	a->log_bytes += lines.n;
	if (!e->config.on_logs)
		return;
	struct arena *arena = pump_arena(&e->pump);
	struct logs_note *note = ARENA_NEW(arena, struct logs_note);
	*note = (struct logs_note){arena_str(arena, ID_STR(r->id)),
				   arena_str(arena, run_node_id(r, a->index))};
	pump_effect(&e->pump, tell_logs, note, 0);
}

void engine_attempt_log(struct engine *e, const struct attempt_id *id, struct str lines,
			int64_t n_lines)
{
	CLEANUP_BUF struct buf rest = {0};
	engine_enter(e);
	struct attempt *a = map_get(&e->attempts, ID_STR(*id));
	if (a && a->state == ATT_RUNNING) {
		deadline_alive(a);
		if (progress_take(a, lines, &rest, &n_lines))
			lines = buf_str(&rest);
	}
	if (a && (a->state == ATT_RUNNING || a->state == ATT_STOPPING) && n_lines > 0 &&
	    !a->log_cut) {
		a->log_cut = e->pump.full || a->log_lines + n_lines > LIMIT_LOG_LINES ||
			     a->log_bytes + lines.n > LIMIT_LOG_BYTES;
		if (a->log_cut)
			add(e, a, STR("drover: the rest of this attempt's log was not kept"), 1);
		else
			add(e, a, lines, n_lines);
	}
	engine_leave(e);
}
