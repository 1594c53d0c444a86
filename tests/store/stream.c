#include "stream.h"

#include <string.h>

#include "base/arena.h"

static const char *const projects[] = {"default", "other"};

void stream_init(struct stream *s, uint64_t seed)
{
	*s = (struct stream){.now_ms = 1700000000000};
	rng_seed(&s->rng, seed);
	id_gen_init(&s->ids, seed | 1);
	for (size_t i = 0; i < STREAM_AGENTS; i++)
		id_make(&s->ids, s->now_ms, s->agents[i].text);
	for (size_t i = 0; i < STREAM_SCHEDULES; i++)
		id_make(&s->ids, s->now_ms, s->schedules[i].text);
	for (size_t i = 0; i < STREAM_WORKFLOWS; i++)
		id_make(&s->ids, s->now_ms, s->workflows[i].text);
}

static size_t below(struct stream *s, size_t n)
{
	return (size_t)rng_below(&s->rng, n);
}

static bool chance(struct stream *s, size_t percent)
{
	return below(s, 100) < percent;
}

/* Text of any bytes; now and then long, empty, or dressed as a reference to a blob. */
static struct str any_text(struct stream *s, struct arena *a)
{
	size_t kind = below(s, 20);
	if (kind == 0)
		return (struct str){0};
	if (kind == 1)
		return str_of(arena_printf(a, "sha256:%064d", (int)below(s, 5)));
	size_t n = kind == 2 ? 66000 + below(s, 60000) : 1 + below(s, 60);
	char *p = arena_dup(a, "", 0);
	p = arena_grow(a, p, 1, n);
	for (size_t i = 0; i < n; i++)
		p[i] = n < 100 && chance(s, 3) ? (char)below(s, 256)
					       : (char)('a' + (i * 7 + n) % 26);
	return str_n(p, n);
}

/* JSON, as the columns have it: searched by the text filter, so without any NUL. */
static struct str any_json(struct stream *s, struct arena *a)
{
	switch (below(s, 6)) {
	case 0:
		return (struct str){0};
	case 1:
		return str_of(
			arena_printf(a, "{\"path\":\"/srv/50%%_of\\\\%d\"}", (int)below(s, 9)));
	case 2: {
		size_t n = 65500 + below(s, 200);
		char *p = arena_alloc(a, n);
		memset(p, 'x', n);
		p[0] = '"';
		p[n - 1] = '"';
		return str_n(p, n);
	}
	default:
		return str_of(arena_printf(a, "{\"n\":%d,\"Text\":\"Grüße %d\"}",
					   (int)below(s, 1000), (int)below(s, 1000)));
	}
}

static void fill_agent(struct stream *s, struct arena *a, struct agent_row *row)
{
	size_t i = below(s, STREAM_AGENTS);
	row->id = ID_STR(s->agents[i]);
	row->project = str_of(projects[i % 2]);
	row->name = str_of(arena_printf(a, "agent-%d", (int)below(s, 8)));
	row->version = STR("1.0");
	row->description = any_text(s, a);
	row->type = (enum agent_type)below(s, 4);
	row->risk_level = (enum risk_level)below(s, 2);
	row->entry_path = any_text(s, a);
	row->command = any_json(s, a);
	row->limits = any_json(s, a);
	row->policy = any_json(s, a);
	row->builtin = chance(s, 30);
	row->created_ms = s->now_ms;
	row->updated_ms = s->now_ms + 1;
	row->n_capabilities = below(s, 4);
	struct capability_row *c = ARENA_NEW_ARRAY(a, struct capability_row, row->n_capabilities);
	for (size_t k = 0; k < row->n_capabilities; k++) {
		c[k].name = str_of(arena_printf(a, "action-%d", (int)k));
		c[k].description = any_text(s, a);
		c[k].input_schema = any_json(s, a);
		c[k].output_schema = any_json(s, a);
		c[k].effect = (enum effect)below(s, 4);
		c[k].probe = any_text(s, a);
		c[k].risk_level = (enum risk_level)below(s, 2);
	}
	row->capabilities = c;
}

static void fill_workflow(struct stream *s, struct arena *a, struct workflow_row *row)
{
	size_t i = below(s, STREAM_WORKFLOWS);
	row->id = ID_STR(s->workflows[i]);
	row->project = str_of(projects[i % 2]);
	row->name = str_of(arena_printf(a, "workflow-%d", (int)below(s, 6)));
	row->description = any_text(s, a);
	row->status = (enum workflow_status)below(s, 3);
	row->version = s->versions[i];
	row->pause = chance(s, 20) ? any_json(s, a) : (struct str){0};
	row->deleting = chance(s, 5) ? any_json(s, a) : (struct str){0};
	row->created_ms = s->now_ms;
	row->updated_ms = s->now_ms;
}

static void fill_version(struct stream *s, struct arena *a, struct version_row *row)
{
	size_t i = below(s, STREAM_WORKFLOWS);
	row->workflow_id = ID_STR(s->workflows[i]);
	row->version = chance(s, 90) || s->versions[i] == 0 ? ++s->versions[i] : s->versions[i];
	row->definition = any_json(s, a);
	row->sha256 = str_of(arena_printf(a, "%064d", (int)below(s, 1000)));
	row->created_ms = s->now_ms;
	row->n_nodes = below(s, 4);
	struct workflow_node_row *nodes =
		ARENA_NEW_ARRAY(a, struct workflow_node_row, row->n_nodes);
	for (size_t k = 0; k < row->n_nodes; k++) {
		nodes[k].node_id = str_of(arena_printf(a, "n%d", (int)k));
		nodes[k].agent = str_of(arena_printf(a, "agent-%d", (int)below(s, 8)));
		nodes[k].action = any_text(s, a);
	}
	row->nodes = nodes;
}

static void fill_run_state(struct stream *s, struct arena *a, struct run_row *row)
{
	row->status = (enum run_status)below(s, 7);
	row->error = chance(s, 30) ? any_json(s, a) : (struct str){0};
	row->stopping = (enum stop_reason)below(s, 3);
	row->output = chance(s, 30) ? any_json(s, a) : (struct str){0};
	row->pause = chance(s, 20) ? any_json(s, a) : (struct str){0};
	row->workflow_version = (int64_t)below(s, 3);
	row->waited_ms = (int64_t)below(s, 1000);
	row->waiting_since_ms = chance(s, 20) ? s->now_ms : 0;
	row->started_ms = s->now_ms;
	row->finished_ms = chance(s, 50) ? s->now_ms + 5 : 0;
}

static void fill_run(struct stream *s, struct arena *a, struct run_row *row)
{
	struct stream_run *run = &s->runs[s->n_runs++ % STREAM_RUNS];
	size_t w = below(s, STREAM_WORKFLOWS);
	*run = (struct stream_run){.workflow = s->workflows[w]};
	id_make(&s->ids, s->now_ms, run->id.text);
	row->id = arena_str(a, ID_STR(run->id));
	row->project = str_of(projects[w % 2]);
	row->workflow_id = ID_STR(s->workflows[w]);
	row->workflow_name = str_of(arena_printf(a, "Workflow-%d", (int)w));
	row->trigger = STR("{\"type\":\"manual\"}");
	row->context = any_json(s, a);
	row->parent_run_id = chance(s, 20) ? ID_STR(s->workflows[0]) : (struct str){0};
	row->caller_run_id = chance(s, 20) ? ID_STR(s->workflows[0]) : (struct str){0};
	row->caller_node = any_text(s, a);
	row->depth = (int64_t)below(s, 3);
	row->concurrency_key = any_text(s, a);
	row->priority = (int64_t)below(s, 10);
	row->created_ms = s->now_ms;
	fill_run_state(s, a, row);
}

static struct stream_run *some_run(struct stream *s)
{
	return &s->runs[below(s, s->n_runs < STREAM_RUNS ? s->n_runs : STREAM_RUNS)];
}

static void fill_node(struct stream *s, struct arena *a, struct node_row *row)
{
	struct stream_run *run = some_run(s);
	row->run_id = arena_str(a, ID_STR(run->id));
	row->index = (int64_t)below(s, STREAM_NODES);
	row->node_id = str_of(arena_printf(a, "n%d", (int)row->index));
	row->status = (enum node_status)below(s, 10);
	row->attempt = (int64_t)below(s, 3);
	row->output = any_json(s, a);
	row->error = chance(s, 30) ? any_json(s, a) : (struct str){0};
	row->detail = chance(s, 30) ? any_json(s, a) : (struct str){0};
	row->copied_from = chance(s, 20) ? ID_STR(s->workflows[0]) : (struct str){0};
	row->wake_ms = chance(s, 20) ? s->now_ms : 0;
	row->started_ms = s->now_ms;
	row->finished_ms = s->now_ms + 1;
}

static void fill_attempt_state(struct stream *s, struct arena *a, struct attempt_row *row)
{
	row->status = (enum attempt_status)below(s, 6);
	row->input = any_json(s, a);
	row->error = chance(s, 30) ? any_json(s, a) : (struct str){0};
	row->not_before_ms = chance(s, 30) ? s->now_ms : 0;
	row->started_ms = s->now_ms;
	row->finished_ms = s->now_ms + 3;
	row->sandboxed = chance(s, 50);
	row->effect = (enum effect)below(s, 4);
	row->probe = chance(s, 20);
	row->progress = chance(s, 20) ? any_json(s, a) : (struct str){0};
	row->cpu_usec = (int64_t)below(s, 1000);
	row->memory_peak_bytes = (int64_t)below(s, 1 << 30);
}

static void fill_attempt(struct stream *s, struct arena *a, struct attempt_row *row)
{
	struct stream_run *run = some_run(s);
	struct attempt_id *id = &run->attempts[run->n_attempts++ % 16];
	id_make(&s->ids, s->now_ms, id->text);
	row->id = arena_str(a, ID_STR(*id));
	row->run_id = arena_str(a, ID_STR(run->id));
	for (size_t w = 0; w < STREAM_WORKFLOWS; w++)
		if (str_eq(ID_STR(run->workflow), ID_STR(s->workflows[w])))
			row->project = str_of(projects[w % 2]);
	row->node_index = (int64_t)below(s, STREAM_NODES);
	row->node_id = str_of(arena_printf(a, "n%d", (int)row->node_index));
	row->agent = STR("agent-1");
	row->action = STR("scan");
	row->attempt = run->n_attempts;
	row->queued_ms = s->now_ms;
	fill_attempt_state(s, a, row);
}

/* False when the run chosen has no attempt. */
static bool fill_attempt_set(struct stream *s, struct arena *a, struct attempt_row *row)
{
	struct stream_run *run = some_run(s);
	size_t n = run->n_attempts < 16 ? (size_t)run->n_attempts : 16;
	if (n == 0)
		return false;
	row->id = arena_str(a, ID_STR(run->attempts[below(s, n)]));
	fill_attempt_state(s, a, row);
	return true;
}

static void fill_approval_state(struct stream *s, struct arena *a, struct approval_row *row)
{
	row->status = (enum approval_status)below(s, 4);
	row->responses = any_json(s, a);
	row->responded_by = any_text(s, a);
	row->notes = any_text(s, a);
	row->responded_ms = chance(s, 50) ? s->now_ms : 0;
}

static void fill_approval(struct stream *s, struct arena *a, struct approval_row *row)
{
	struct stream_run *run = some_run(s);
	struct approval_id *id = &run->approvals[run->n_approvals++ % 4];
	id_make(&s->ids, s->now_ms, id->text);
	row->id = arena_str(a, ID_STR(*id));
	row->run_id = arena_str(a, ID_STR(run->id));
	row->project = str_of(projects[below(s, 2)]);
	row->workflow_id = arena_str(a, ID_STR(run->workflow));
	row->workflow_name = any_text(s, a);
	row->node_index = (int64_t)below(s, STREAM_NODES);
	row->node_id = str_of(arena_printf(a, "n%d", (int)row->node_index));
	row->agent = any_text(s, a);
	row->action = STR("scan");
	row->inputs = any_json(s, a);
	row->subject = any_json(s, a);
	row->sha256 = STR("abc");
	row->approvers = any_json(s, a);
	row->quorum = 1 + (int64_t)below(s, 3);
	row->allow_self = chance(s, 50);
	row->expiry_approves = chance(s, 50);
	row->requested_ms = s->now_ms;
	row->expires_ms = s->now_ms + 1000;
	fill_approval_state(s, a, row);
}

/* False when the run chosen has no approval. */
static bool fill_approval_set(struct stream *s, struct arena *a, struct approval_row *row)
{
	struct stream_run *run = some_run(s);
	size_t n = run->n_approvals < 4 ? (size_t)run->n_approvals : 4;
	if (n == 0)
		return false;
	row->id = arena_str(a, ID_STR(run->approvals[below(s, n)]));
	fill_approval_state(s, a, row);
	return true;
}

static void fill_event(struct stream *s, struct arena *a, struct event_row *row)
{
	struct stream_run *run = some_run(s);
	row->run_id = arena_str(a, ID_STR(run->id));
	row->seq = ++run->n_events;
	row->time_ms = s->now_ms;
	row->type = STR("node.finished");
	row->data = any_json(s, a);
}

static void fill_log(struct stream *s, struct arena *a, struct log_row *row)
{
	struct stream_run *run = some_run(s);
	size_t node = below(s, STREAM_NODES);
	row->run_id = arena_str(a, ID_STR(run->id));
	row->attempt_id = ID_STR(s->agents[0]);
	row->node_id = str_of(arena_printf(a, "n%d", (int)node));
	row->attempt = 1;
	row->seq = run->n_lines[node] + 1;
	row->n_lines = 1 + (int64_t)below(s, 4);
	run->n_lines[node] += row->n_lines;
	row->time_ms = s->now_ms;
	row->text = any_text(s, a);
}

static void fill_signal(struct stream *s, struct arena *a, struct signal_row *row)
{
	row->run_id = arena_str(a, ID_STR(some_run(s)->id));
	row->seq = 1 + (int64_t)below(s, 6);
	row->name = str_of(arena_printf(a, "signal-%d", (int)below(s, 9)));
	row->data = any_json(s, a);
	row->time_ms = s->now_ms;
}

static void fill_key(struct stream *s, struct arena *a, struct key_row *row)
{
	row->project = str_of(projects[below(s, 2)]);
	row->key = str_of(arena_printf(a, "key-%d", (int)below(s, 20)));
	row->body_sha256 = STR("abc");
	row->run_id = s->n_runs ? arena_str(a, ID_STR(some_run(s)->id)) : (struct str){0};
	row->created_ms = s->now_ms;
}

static void fill_schedule(struct stream *s, struct arena *a, struct schedule_row *row)
{
	size_t w = below(s, STREAM_WORKFLOWS);
	*row = (struct schedule_row){
		.id = ID_STR(s->schedules[below(s, STREAM_SCHEDULES)]),
		.project = str_of(projects[w % 2]),
		.workflow_id = ID_STR(s->workflows[w]),
		.workflow_name = any_text(s, a),
		.position = (int64_t)below(s, 5),
		.cron = STR("*/5 * * * *"),
		.timezone = STR("UTC"),
		.overlap = (enum schedule_overlap)below(s, 4),
		.catchup_ms = (int64_t)below(s, 1000),
		.anchor_ms = s->now_ms,
		.done_ms = s->now_ms + 1,
		.next_ms = s->now_ms + 2,
		.upcoming = any_json(s, a),
		.waiting = any_json(s, a),
		.last_run_id = any_text(s, a),
		.last_fire_ms = (int64_t)below(s, 1000),
		.n_started = (int64_t)below(s, 10),
		.n_skipped = (int64_t)below(s, 10),
		.n_missed = (int64_t)below(s, 10),
		.error = any_text(s, a),
		.paused = chance(s, 30),
		.created_ms = s->now_ms,
		.updated_ms = s->now_ms,
	};
}

static void fill_prune(struct stream *s, struct arena *a, struct prune *op)
{
	op->what = (enum retained)below(s, 2);
	if (chance(s, 50)) {
		op->workflow_id = ID_STR(s->workflows[below(s, STREAM_WORKFLOWS)]);
	} else {
		struct str *except = ARENA_NEW(a, struct str);
		*except = ID_STR(s->workflows[below(s, STREAM_WORKFLOWS)]);
		op->project = str_of(projects[below(s, 2)]);
		op->except = except;
		op->n_except = below(s, 2);
	}
	op->before_ms = s->now_ms - (int64_t)below(s, 300);
	op->from_ms = chance(s, 50) ? 0 : op->before_ms - (int64_t)below(s, 300);
	op->ret = ARENA_NEW(a, struct pruned);
}

static enum txn_op_kind any_kind(struct stream *s)
{
	if (s->n_runs == 0)
		return TXN_RUN_ADD;
	if (!s->no_deletes && chance(s, 2))
		return chance(s, 50)   ? TXN_PRUNE
		       : chance(s, 40) ? TXN_WORKFLOW_DELETE
		       : chance(s, 40) ? TXN_SCHEDULE_DELETE
		       : chance(s, 50) ? TXN_AGENT_DELETE
				       : TXN_KEYS_PRUNE;
	static const enum txn_op_kind often[] = {
		TXN_AGENT_PUT,	  TXN_WORKFLOW_PUT,  TXN_VERSION_ADD,  TXN_RUN_ADD,
		TXN_RUN_SET,	  TXN_NODE_PUT,	     TXN_NODE_PUT,     TXN_ATTEMPT_ADD,
		TXN_ATTEMPT_ADD,  TXN_ATTEMPT_SET,   TXN_ATTEMPT_SET,  TXN_EVENT_ADD,
		TXN_EVENT_ADD,	  TXN_LOG_ADD,	     TXN_KEY_PUT,      TXN_APPROVAL_ADD,
		TXN_APPROVAL_SET, TXN_SCHEDULE_PUT,  TXN_APPROVAL_SET, TXN_SIGNAL_ADD,
		TXN_SIGNAL_ADD,	  TXN_SIGNAL_DELETE,
	};
	return often[below(s, ARRAY_LEN(often))];
}

static void add_op(struct stream *s, struct txn *txn)
{
	struct arena *a = &txn->arena;
	struct txn_op *op = txn_add(txn, any_kind(s));
	switch (op->kind) {
	case TXN_AGENT_PUT:
		fill_agent(s, a, &op->agent);
		return;
	case TXN_AGENT_DELETE:
		op->agent.id = ID_STR(s->agents[below(s, STREAM_AGENTS)]);
		return;
	case TXN_WORKFLOW_PUT:
		fill_workflow(s, a, &op->workflow);
		return;
	case TXN_WORKFLOW_DELETE:
		op->workflow.id = ID_STR(s->workflows[below(s, STREAM_WORKFLOWS)]);
		return;
	case TXN_VERSION_ADD:
		fill_version(s, a, &op->version);
		return;
	case TXN_RUN_ADD:
		fill_run(s, a, &op->run);
		return;
	case TXN_RUN_SET:
		op->run.id = arena_str(a, ID_STR(some_run(s)->id));
		fill_run_state(s, a, &op->run);
		return;
	case TXN_RUN_MOVE: /* see conformance.c: rows must fit a version */
		return;
	case TXN_NODE_PUT:
		fill_node(s, a, &op->node);
		return;
	case TXN_ATTEMPT_ADD:
		fill_attempt(s, a, &op->attempt);
		return;
	case TXN_ATTEMPT_SET:
		if (!fill_attempt_set(s, a, &op->attempt))
			txn->n_ops--;
		return;
	case TXN_APPROVAL_ADD:
		fill_approval(s, a, &op->approval);
		return;
	case TXN_APPROVAL_SET:
		if (!fill_approval_set(s, a, &op->approval))
			txn->n_ops--;
		return;
	case TXN_EVENT_ADD:
		fill_event(s, a, &op->event);
		return;
	case TXN_LOG_ADD:
		fill_log(s, a, &op->log);
		return;
	case TXN_SIGNAL_ADD:
		fill_signal(s, a, &op->signal);
		return;
	case TXN_SIGNAL_DELETE:
		fill_signal(s, a, &op->signal);
		op->signal.seq = chance(s, 20) ? 0 : op->signal.seq;
		return;
	case TXN_KEY_PUT:
		fill_key(s, a, &op->key);
		return;
	case TXN_SCHEDULE_PUT:
		fill_schedule(s, a, &op->schedule);
		return;
	case TXN_SCHEDULE_DELETE:
		op->schedule.id = ID_STR(s->schedules[below(s, STREAM_SCHEDULES)]);
		return;
	case TXN_KEYS_PRUNE:
		op->key.created_ms = s->now_ms - 50;
		return;
	case TXN_PRUNE:
		fill_prune(s, a, &op->prune);
		return;
	}
}

struct txn *stream_next(struct stream *s)
{
	struct txn *txn = txn_new();
	size_t n = 1 + below(s, 12);
	for (size_t i = 0; i < n; i++)
		add_op(s, txn);
	s->now_ms += 1 + (int64_t)below(s, 10);
	if (chance(s, 2)) /* the clock was set */
		s->now_ms -= (int64_t)below(s, 500);
	return txn;
}
