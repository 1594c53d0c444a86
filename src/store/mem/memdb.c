#include "store/mem/memdb.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/mem/memprune.h"
#include "store/mem/memrow.h"

struct memdb *memdb_new(void)
{
	return NEW0(struct memdb);
}

static void agent_free(struct memdb_agent *agent)
{
	arena_free(&agent->arena);
	free(agent);
}

static void workflow_free(struct memdb_workflow *w)
{
	arena_free(&w->arena);
	arena_free(&w->row_arena);
	free(w);
}

static void schedule_free(struct memdb_schedule *x)
{
	arena_free(&x->arena);
	free(x);
}

static void run_free(struct memdb *s, struct memdb_run *run)
{
	for (size_t i = 0; i < run->n_attempts; i++)
		map_remove(&s->attempts, run->attempts[i]->id);
	for (size_t i = 0; i < run->n_approvals; i++)
		map_remove(&s->approvals, run->approvals[i]->id);
	map_free(&run->logs);
	arena_free(&run->arena);
	free(run);
}

void memdb_free(struct memdb *s)
{
	size_t at = 0;
	void *p;
	while (map_next(&s->agents, &at, NULL, &p))
		agent_free(p);
	at = 0;
	while (map_next(&s->workflows, &at, NULL, &p))
		workflow_free(p);
	at = 0;
	while (map_next(&s->schedules, &at, NULL, &p))
		schedule_free(p);
	map_free(&s->schedules);
	at = 0;
	while (map_next(&s->keys, &at, NULL, &p))
		free(p);
	for (size_t i = 0; i < s->n_runs; i++)
		run_free(s, s->in_order[i]);
	map_free(&s->agents);
	map_free(&s->workflows);
	map_free(&s->runs);
	map_free(&s->attempts);
	map_free(&s->approvals);
	map_free(&s->keys);
	free(s->in_order);
	free(s);
}

void *memdb_vector(struct arena *a, void *p, size_t *cap, size_t want)
{
	if (want <= *cap)
		return p;
	size_t cap_new = *cap * 2 > want ? *cap * 2 : want < 4 ? 4 : want;
	p = arena_grow(a, p, *cap * sizeof(void *), cap_new * sizeof(void *));
	memset((char *)p + *cap * sizeof(void *), 0, (cap_new - *cap) * sizeof(void *));
	*cap = cap_new;
	return p;
}

struct str memdb_key_name(struct arena *a, struct str project, struct str key)
{
	char *p = arena_alloc(a, project.n + 1 + key.n);
	if (project.n > 0)
		memcpy(p, project.p, project.n);
	p[project.n] = '\0';
	if (key.n > 0)
		memcpy(p + project.n + 1, key.p, key.n);
	return str_n(p, project.n + 1 + key.n);
}

static void agent_put(struct memdb *s, const struct agent_row *row)
{
	struct memdb_agent *agent = NEW0(struct memdb_agent);
	memrow_agent(&agent->arena, row, &agent->row);
	struct memdb_agent *before = map_put(&s->agents, row->id, agent);
	if (before)
		agent_free(before);
}

static void agent_delete(struct memdb *s, struct str id)
{
	struct memdb_agent *agent = map_remove(&s->agents, id);
	if (agent)
		agent_free(agent);
}

static struct memdb_workflow *workflow_of(struct memdb *s, struct str id)
{
	struct memdb_workflow *w = map_get(&s->workflows, id);
	if (w)
		return w;
	w = NEW0(struct memdb_workflow);
	map_put(&s->workflows, id, w);
	return w;
}

static void workflow_put(struct memdb *s, const struct workflow_row *row)
{
	struct memdb_workflow *w = workflow_of(s, row->id);
	arena_reset(&w->row_arena);
	memrow_workflow(&w->row_arena, row, &w->row);
	w->has_row = true;
}

static void schedule_put(struct memdb *s, const struct schedule_row *row)
{
	struct memdb_schedule *x = NEW0(struct memdb_schedule);
	memrow_schedule(&x->arena, row, &x->row);
	struct memdb_schedule *before = map_put(&s->schedules, row->id, x);
	if (before)
		schedule_free(before);
}

static void schedule_delete(struct memdb *s, struct str id)
{
	struct memdb_schedule *x = map_remove(&s->schedules, id);
	if (x)
		schedule_free(x);
}

static void schedules_delete(struct memdb *s, struct str workflow_id)
{
	struct map kept = {0};
	size_t at = 0;
	struct str id;
	void *p;
	while (map_next(&s->schedules, &at, &id, &p)) {
		struct memdb_schedule *x = p;
		if (str_eq(x->row.workflow_id, workflow_id))
			schedule_free(x);
		else
			map_put(&kept, id, x);
	}
	map_free(&s->schedules);
	s->schedules = kept;
}

static void workflow_delete(struct memdb *s, struct str id)
{
	schedules_delete(s, id);
	struct memdb_workflow *w = map_remove(&s->workflows, id);
	if (w)
		workflow_free(w);
	size_t n = 0;
	for (size_t i = 0; i < s->n_runs; i++) {
		struct memdb_run *run = s->in_order[i];
		if (!str_eq(run->row.workflow_id, id)) {
			s->in_order[n++] = run;
			continue;
		}
		map_remove(&s->runs, run->row.id);
		run_free(s, run);
	}
	s->n_runs = n;
}

void memdb_run_remove(struct memdb *s, size_t place)
{
	struct memdb_run *run = s->in_order[place];
	memmove(s->in_order + place, s->in_order + place + 1,
		(s->n_runs - place - 1) * sizeof(*s->in_order));
	s->n_runs--;
	map_remove(&s->runs, run->row.id);
	run_free(s, run);
}

static void version_add(struct memdb *s, const struct version_row *row)
{
	struct memdb_workflow *w = workflow_of(s, row->workflow_id);
	size_t at = w->n_versions;
	while (at > 0 && w->versions[at - 1]->version > row->version)
		at--;
	if (at > 0 && w->versions[at - 1]->version == row->version)
		return;
	w->versions = memdb_vector(&w->arena, w->versions, &w->cap_versions, w->n_versions + 1);
	memmove(w->versions + at + 1, w->versions + at, (w->n_versions - at) * sizeof(void *));
	w->versions[at] = ARENA_NEW(&w->arena, struct version_row);
	memrow_version(&w->arena, row, w->versions[at]);
	w->n_versions++;
}

static bool before(const struct run_row *x, const struct run_row *y)
{
	if (x->created_ms != y->created_ms)
		return x->created_ms < y->created_ms;
	return str_cmp(x->id, y->id) < 0;
}

size_t memdb_run_place(const struct memdb *s, const struct run_row *row)
{
	size_t low = 0, high = s->n_runs;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (before(&s->in_order[mid]->row, row))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void run_add(struct memdb *s, const struct run_row *row)
{
	if (map_get(&s->runs, row->id))
		return;
	struct memdb_run *run = NEW0(struct memdb_run);
	memrow_run(&run->arena, row, &run->row);
	map_put(&s->runs, row->id, run);
	if (s->n_runs == s->cap_runs) {
		s->cap_runs = s->cap_runs ? s->cap_runs * 2 : 16;
		s->in_order = mem_grow(s->in_order, s->cap_runs * sizeof(void *));
	}
	size_t at = memdb_run_place(s, row);
	memmove(s->in_order + at + 1, s->in_order + at, (s->n_runs - at) * sizeof(void *));
	s->in_order[at] = run;
	s->n_runs++;
}

static struct str kept(struct arena *a, struct str text)
{
	return text.n ? arena_str(a, text) : (struct str){0};
}

static void run_set(struct memdb *s, const struct run_row *row)
{
	struct memdb_run *run = map_get(&s->runs, row->id);
	if (!run)
		return;
	struct run_row *mine = &run->row;
	mine->status = row->status;
	mine->error = kept(&run->arena, row->error);
	mine->output = kept(&run->arena, row->output);
	mine->stopping = row->stopping;
	mine->pause = kept(&run->arena, row->pause);
	mine->workflow_version = row->workflow_version;
	mine->waited_ms = row->waited_ms;
	mine->waiting_since_ms = row->waiting_since_ms;
	mine->started_ms = row->started_ms;
	mine->finished_ms = row->finished_ms;
}

/* Where a node stands in the version, or `otherwise`. */
static int64_t position_in(const struct version_row *v, struct str node_id, int64_t otherwise)
{
	for (size_t i = 0; v && i < v->n_nodes; i++)
		if (str_eq(v->nodes[i].node_id, node_id))
			return (int64_t)i;
	return otherwise;
}

static void nodes_move(struct memdb_run *run, const struct version_row *v)
{
	struct node_row **old = run->nodes;
	size_t n_old = run->n_nodes;
	run->nodes = NULL;
	run->n_nodes = run->cap_nodes = 0;
	for (size_t i = 0; i < n_old; i++) {
		if (!old[i] || old[i]->status == NODE_WAITING_APPROVAL)
			continue;
		old[i]->index = position_in(v, old[i]->node_id, old[i]->index);
		size_t n = (size_t)old[i]->index + 1;
		run->nodes = memdb_vector(&run->arena, run->nodes, &run->cap_nodes, n);
		run->n_nodes = n > run->n_nodes ? n : run->n_nodes;
		run->nodes[n - 1] = old[i];
	}
}

static void run_move(struct memdb *s, const struct run_row *row)
{
	struct memdb_run *run = map_get(&s->runs, row->id);
	const struct memdb_workflow *w = map_get(&s->workflows, row->workflow_id);
	const struct version_row *v = NULL;
	for (size_t i = 0; w && i < w->n_versions; i++)
		if (w->versions[i]->version == row->workflow_version)
			v = w->versions[i];
	if (!run)
		return;
	run->row.workflow_version = row->workflow_version;
	nodes_move(run, v);
	for (size_t i = 0; i < run->n_attempts; i++) {
		struct attempt_row *t = run->attempts[i];
		t->node_index = position_in(v, t->node_id, t->node_index);
	}
	for (size_t i = 0; i < run->n_approvals; i++) {
		struct approval_row *p = run->approvals[i];
		p->node_index = position_in(v, p->node_id, p->node_index);
	}
}

static void node_put(struct memdb *s, const struct node_row *row)
{
	struct memdb_run *run = map_get(&s->runs, row->run_id);
	if (!run)
		return;
	size_t index = (size_t)row->index;
	run->nodes = memdb_vector(&run->arena, run->nodes, &run->cap_nodes, index + 1);
	if (index >= run->n_nodes)
		run->n_nodes = index + 1;
	if (!run->nodes[index])
		run->nodes[index] = ARENA_NEW(&run->arena, struct node_row);
	memrow_node(&run->arena, row, run->nodes[index]);
}

static void attempt_add(struct memdb *s, const struct attempt_row *row)
{
	struct memdb_run *run = map_get(&s->runs, row->run_id);
	if (!run || map_get(&s->attempts, row->id))
		return;
	struct attempt_row *mine = ARENA_NEW(&run->arena, struct attempt_row);
	memrow_attempt(&run->arena, row, mine);
	mine->output = (struct str){0};
	run->attempts =
		memdb_vector(&run->arena, run->attempts, &run->cap_attempts, run->n_attempts + 1);
	run->attempts[run->n_attempts++] = mine;
	map_put(&s->attempts, row->id, mine);
}

static void attempt_set(struct memdb *s, const struct attempt_row *row)
{
	struct attempt_row *mine = map_get(&s->attempts, row->id);
	struct memdb_run *run = mine ? map_get(&s->runs, mine->run_id) : NULL;
	if (!run)
		return;
	mine->status = row->status;
	mine->error = kept(&run->arena, row->error);
	if (row->input.n > 0 && !str_eq(row->input, mine->input))
		mine->input = arena_str(&run->arena, row->input);
	mine->not_before_ms = row->not_before_ms;
	mine->started_ms = row->started_ms;
	mine->finished_ms = row->finished_ms;
	mine->sandboxed = row->sandboxed;
	mine->effect = row->effect;
	mine->probe = row->probe;
	mine->progress = kept(&run->arena, row->progress);
	mine->cpu_usec = row->cpu_usec;
	mine->memory_peak_bytes = row->memory_peak_bytes;
}

static void approval_add(struct memdb *s, const struct approval_row *row)
{
	struct memdb_run *run = map_get(&s->runs, row->run_id);
	if (!run || map_get(&s->approvals, row->id))
		return;
	struct approval_row *mine = ARENA_NEW(&run->arena, struct approval_row);
	memrow_approval(&run->arena, row, mine);
	run->approvals = memdb_vector(&run->arena, run->approvals, &run->cap_approvals,
				      run->n_approvals + 1);
	run->approvals[run->n_approvals++] = mine;
	map_put(&s->approvals, row->id, mine);
}

static void approval_set(struct memdb *s, const struct approval_row *row)
{
	struct approval_row *mine = map_get(&s->approvals, row->id);
	struct memdb_run *run = mine ? map_get(&s->runs, mine->run_id) : NULL;
	if (!run)
		return;
	struct approval_row next = *mine;
	next.status = row->status;
	next.responses = row->responses;
	next.responded_by = row->responded_by;
	next.notes = row->notes;
	next.responded_ms = row->responded_ms;
	memrow_approval(&run->arena, &next, mine);
}

static void event_add(struct memdb *s, const struct event_row *row)
{
	struct memdb_run *run = map_get(&s->runs, row->run_id);
	if (!run)
		return;
	size_t at = run->n_events;
	while (at > 0 && run->events[at - 1]->seq > row->seq)
		at--;
	if (at > 0 && run->events[at - 1]->seq == row->seq)
		return;
	run->events = memdb_vector(&run->arena, run->events, &run->cap_events, run->n_events + 1);
	memmove(run->events + at + 1, run->events + at, (run->n_events - at) * sizeof(void *));
	run->events[at] = ARENA_NEW(&run->arena, struct event_row);
	memrow_event(&run->arena, row, run->events[at]);
	run->n_events++;
}

static void log_add(struct memdb *s, const struct log_row *row)
{
	struct memdb_run *run = map_get(&s->runs, row->run_id);
	if (!run)
		return;
	struct memdb_logs *logs = map_get(&run->logs, row->node_id);
	if (!logs) {
		logs = ARENA_NEW(&run->arena, struct memdb_logs);
		map_put(&run->logs, row->node_id, logs);
	}
	size_t at = logs->n;
	while (at > 0 && logs->rows[at - 1]->seq > row->seq)
		at--;
	if (at > 0 && logs->rows[at - 1]->seq == row->seq)
		return;
	logs->rows = memdb_vector(&run->arena, logs->rows, &logs->cap, logs->n + 1);
	memmove(logs->rows + at + 1, logs->rows + at, (logs->n - at) * sizeof(void *));
	logs->rows[at] = ARENA_NEW(&run->arena, struct log_row);
	memrow_log(&run->arena, row, logs->rows[at]);
	logs->n++;
}

static void signal_add(struct memdb *s, const struct signal_row *row)
{
	struct memdb_run *run = map_get(&s->runs, row->run_id);
	if (!run)
		return;
	size_t at = run->n_signals;
	while (at > 0 && run->signals[at - 1]->seq > row->seq)
		at--;
	if (at > 0 && run->signals[at - 1]->seq == row->seq)
		return;
	run->signals =
		memdb_vector(&run->arena, run->signals, &run->cap_signals, run->n_signals + 1);
	memmove(run->signals + at + 1, run->signals + at, (run->n_signals - at) * sizeof(void *));
	run->signals[at] = ARENA_NEW(&run->arena, struct signal_row);
	memrow_signal(&run->arena, row, run->signals[at]);
	run->n_signals++;
}

static void signal_delete(struct memdb *s, const struct signal_row *row)
{
	struct memdb_run *run = map_get(&s->runs, row->run_id);
	size_t n = 0;
	for (size_t i = 0; run && i < run->n_signals; i++)
		if (row->seq != 0 && run->signals[i]->seq != row->seq)
			run->signals[n++] = run->signals[i];
	if (run)
		run->n_signals = n;
}

/* A key is one block: the row and, behind it, its text. */
static void key_put(struct memdb *s, const struct key_row *row)
{
	CLEANUP_ARENA struct arena scratch = {0};
	const struct str from[] = {row->project, row->key, row->body_sha256, row->run_id};
	size_t n_text = 0;
	for (size_t i = 0; i < ARRAY_LEN(from); i++)
		n_text += from[i].n;
	struct key_row *mine = mem_new0(sizeof(*mine) + n_text);
	*mine = *row;
	struct str *const to[] = {&mine->project, &mine->key, &mine->body_sha256, &mine->run_id};
	char *text = (char *)(mine + 1);
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		if (from[i].n > 0)
			memcpy(text, from[i].p, from[i].n);
		*to[i] = from[i].n ? str_n(text, from[i].n) : (struct str){0};
		text += from[i].n;
	}
	free(map_put(&s->keys, memdb_key_name(&scratch, row->project, row->key), mine));
}

static void keys_prune(struct memdb *s, int64_t before_ms)
{
	struct map kept = {0};
	size_t at = 0;
	struct str name;
	void *p;
	while (map_next(&s->keys, &at, &name, &p)) {
		struct key_row *row = p;
		if (row->created_ms < before_ms)
			free(row);
		else
			map_put(&kept, name, row);
	}
	map_free(&s->keys);
	s->keys = kept;
}

void memdb_apply(struct memdb *s, struct arena *a, const struct txn_op *op)
{
	switch (op->kind) {
	case TXN_AGENT_PUT:
		agent_put(s, &op->agent);
		return;
	case TXN_AGENT_DELETE:
		agent_delete(s, op->agent.id);
		return;
	case TXN_WORKFLOW_PUT:
		workflow_put(s, &op->workflow);
		return;
	case TXN_WORKFLOW_DELETE:
		workflow_delete(s, op->workflow.id);
		return;
	case TXN_VERSION_ADD:
		version_add(s, &op->version);
		return;
	case TXN_RUN_ADD:
		run_add(s, &op->run);
		return;
	case TXN_RUN_SET:
		run_set(s, &op->run);
		return;
	case TXN_RUN_MOVE:
		run_move(s, &op->run);
		return;
	case TXN_NODE_PUT:
		node_put(s, &op->node);
		return;
	case TXN_ATTEMPT_ADD:
		attempt_add(s, &op->attempt);
		return;
	case TXN_ATTEMPT_SET:
		attempt_set(s, &op->attempt);
		return;
	case TXN_APPROVAL_ADD:
		approval_add(s, &op->approval);
		return;
	case TXN_APPROVAL_SET:
		approval_set(s, &op->approval);
		return;
	case TXN_EVENT_ADD:
		event_add(s, &op->event);
		return;
	case TXN_LOG_ADD:
		log_add(s, &op->log);
		return;
	case TXN_SIGNAL_ADD:
		signal_add(s, &op->signal);
		return;
	case TXN_SIGNAL_DELETE:
		signal_delete(s, &op->signal);
		return;
	case TXN_KEY_PUT:
		key_put(s, &op->key);
		return;
	case TXN_SCHEDULE_PUT:
		schedule_put(s, &op->schedule);
		return;
	case TXN_SCHEDULE_DELETE:
		schedule_delete(s, op->schedule.id);
		return;
	case TXN_KEYS_PRUNE:
		keys_prune(s, op->key.created_ms);
		return;
	case TXN_PRUNE:
		memprune_step(s, a, &op->prune);
		return;
	}
}
