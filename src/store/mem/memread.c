#include "store/mem/memread.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "store/mem/memrow.h"
#include "store/search.h"

struct mem_reader {
	struct store_reader reader;
	struct memdb *const *state;
};

struct store_reader *memread_new(const struct store_ops *ops, struct memdb *const *state)
{
	struct mem_reader *m = NEW0(struct mem_reader);
	m->reader.ops = ops;
	m->state = state;
	return &m->reader;
}

void memread_free(struct store_reader *r)
{
	free(container_of(r, struct mem_reader, reader));
}

static const struct memdb *state_of(struct store_reader *r)
{
	return *container_of(r, struct mem_reader, reader)->state;
}

static bool in_project(struct str project, struct str of_row)
{
	return project.n == 0 || str_eq(project, of_row);
}

static size_t page_limit(const struct store_page *page)
{
	return page && page->limit ? page->limit : SIZE_MAX;
}

static struct str page_after(const struct store_page *page)
{
	return page ? page->after : (struct str){0};
}

int memread_agent_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
		      struct agent_row *ret)
{
	const struct memdb_agent *agent = map_get(&state_of(r)->agents, id);
	if (!agent || !in_project(project, agent->row.project))
		return STORE_NOT_FOUND;
	memrow_agent(a, &agent->row, ret);
	return 0;
}

/* What a list by name is ordered by; `row` is the object. */
struct named {
	struct str name, id;
	const void *row;
};

static int named_cmp(const void *x, const void *y)
{
	const struct named *a = x, *b = y;
	int r = str_cmp(a->name, b->name);
	return r ? r : str_cmp(a->id, b->id);
}

/* Where the page begins: behind the row with this id, or behind all names up to `after`. */
static size_t named_start(const struct named *list, size_t n, struct str after)
{
	if (after.n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].id, after))
			return i + 1;
	size_t i = 0;
	while (i < n && str_cmp(list[i].name, after) <= 0)
		i++;
	return i;
}

/* Sorts and cuts; the rows of the page are list[*ret_start .. return value). */
static size_t named_page(struct named *list, size_t n, const struct store_page *page,
			 size_t *ret_start)
{
	if (n > 0)
		qsort(list, n, sizeof(*list), named_cmp);
	size_t start = named_start(list, n, page_after(page));
	size_t limit = page_limit(page);
	*ret_start = start;
	return n - start > limit ? start + limit : n;
}

int memread_agent_list(struct store_reader *r, struct arena *a, struct str project,
		       const struct store_page *page, struct agent_row **ret, size_t *ret_n)
{
	const struct memdb *s = state_of(r);
	struct named *list = ARENA_NEW_ARRAY(a, struct named, s->agents.n);
	size_t n = 0, at = 0, start;
	void *p;
	while (map_next(&s->agents, &at, NULL, &p)) {
		const struct agent_row *row = &((struct memdb_agent *)p)->row;
		if (in_project(project, row->project))
			list[n++] = (struct named){row->name, row->id, row};
	}
	size_t end = named_page(list, n, page, &start);
	*ret = ARENA_NEW_ARRAY(a, struct agent_row, end - start);
	*ret_n = end - start;
	for (size_t i = start; i < end; i++)
		memrow_agent(a, list[i].row, &(*ret)[i - start]);
	return 0;
}

int memread_workflow_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 struct workflow_row *ret)
{
	const struct memdb_workflow *w = map_get(&state_of(r)->workflows, id);
	if (!w || !w->has_row || !in_project(project, w->row.project))
		return STORE_NOT_FOUND;
	memrow_workflow(a, &w->row, ret);
	return 0;
}

int memread_workflow_list(struct store_reader *r, struct arena *a, struct str project,
			  const struct store_page *page, struct workflow_row **ret, size_t *ret_n)
{
	const struct memdb *s = state_of(r);
	struct named *list = ARENA_NEW_ARRAY(a, struct named, s->workflows.n);
	size_t n = 0, at = 0, start;
	void *p;
	while (map_next(&s->workflows, &at, NULL, &p)) {
		const struct memdb_workflow *w = p;
		if (w->has_row && in_project(project, w->row.project))
			list[n++] = (struct named){w->row.name, w->row.id, &w->row};
	}
	size_t end = named_page(list, n, page, &start);
	*ret = ARENA_NEW_ARRAY(a, struct workflow_row, end - start);
	*ret_n = end - start;
	for (size_t i = start; i < end; i++)
		memrow_workflow(a, list[i].row, &(*ret)[i - start]);
	return 0;
}

int memread_schedule_list(struct store_reader *r, struct arena *a, struct str project,
			  const struct store_page *page, struct schedule_row **ret, size_t *ret_n)
{
	const struct memdb *s = state_of(r);
	struct named *list = ARENA_NEW_ARRAY(a, struct named, s->schedules.n);
	size_t n = 0, at = 0, start;
	void *p;
	while (map_next(&s->schedules, &at, NULL, &p)) {
		const struct schedule_row *row = &((struct memdb_schedule *)p)->row;
		if (in_project(project, row->project))
			list[n++] = (struct named){row->id, row->id, row};
	}
	size_t end = named_page(list, n, page, &start);
	*ret = ARENA_NEW_ARRAY(a, struct schedule_row, end - start);
	*ret_n = end - start;
	for (size_t i = start; i < end; i++)
		memrow_schedule(a, list[i].row, &(*ret)[i - start]);
	return 0;
}

int memread_version_get(struct store_reader *r, struct arena *a, struct str workflow_id,
			int64_t version, struct version_row *ret)
{
	const struct memdb_workflow *w = map_get(&state_of(r)->workflows, workflow_id);
	for (size_t i = w ? w->n_versions : 0; i > 0; i--) {
		const struct version_row *row = w->versions[i - 1];
		if (version == 0 || row->version == version) {
			memrow_version(a, row, ret);
			return 0;
		}
	}
	return STORE_NOT_FOUND;
}

int memread_version_list(struct store_reader *r, struct arena *a, struct str workflow_id,
			 const struct store_page *page, struct version_row **ret, size_t *ret_n)
{
	const struct memdb_workflow *w = map_get(&state_of(r)->workflows, workflow_id);
	size_t n_all = w ? w->n_versions : 0;
	*ret = ARENA_NEW_ARRAY(a, struct version_row, n_all);
	*ret_n = 0;
	struct str after = page_after(page);
	int64_t below = after.n ? strtoll(arena_dup(a, after.p, after.n), NULL, 10) : INT64_MAX;
	for (size_t i = n_all; i > 0 && *ret_n < page_limit(page); i--) {
		struct version_row row = *w->versions[i - 1];
		if (row.version >= below)
			continue;
		row.definition = (struct str){0};
		row.n_nodes = 0;
		row.nodes = NULL;
		memrow_version(a, &row, &(*ret)[(*ret_n)++]);
	}
	return 0;
}

/* The node's output when this attempt made it. */
static struct str attempt_output(const struct memdb_run *run, const struct attempt_row *attempt)
{
	size_t index = (size_t)attempt->node_index;
	const struct node_row *node = index < run->n_nodes ? run->nodes[index] : NULL;
	bool made = node && node->status == NODE_SUCCESS && attempt->status == ATTEMPT_SUCCESS &&
		    node->attempt == attempt->attempt && node->copied_from.n == 0;
	return made ? node->output : (struct str){0};
}

static const struct run_part whole = {.to = INT64_MAX};

static bool in_part(const struct run_part *part, int64_t index)
{
	return index >= part->from && index < part->to;
}

static struct node_row *nodes_of(struct arena *a, const struct memdb_run *run,
				 const struct run_part *part, size_t *ret_n)
{
	struct node_row *nodes = ARENA_NEW_ARRAY(a, struct node_row, run->n_nodes);
	*ret_n = 0;
	for (size_t i = 0; i < run->n_nodes; i++)
		if (run->nodes[i] && in_part(part, (int64_t)i))
			memrow_node(a, run->nodes[i], &nodes[(*ret_n)++]);
	return nodes;
}

static struct attempt_row *attempts_of(struct arena *a, const struct memdb_run *run,
				       const struct run_part *part, bool with_final, size_t *ret_n)
{
	struct attempt_row *attempts = ARENA_NEW_ARRAY(a, struct attempt_row, run->n_attempts);
	*ret_n = 0;
	for (size_t i = 0; i < run->n_attempts; i++) {
		struct attempt_row row = *run->attempts[i];
		if ((attempt_status_final(row.status) && !with_final) ||
		    !in_part(part, row.node_index))
			continue;
		row.output = attempt_output(run, &row);
		memrow_attempt(a, &row, &attempts[(*ret_n)++]);
	}
	return attempts;
}

static struct approval_row *approvals_of(struct arena *a, const struct memdb_run *run,
					 const struct run_part *part, size_t *ret_n)
{
	*ret_n = 0;
	struct approval_row *rows = ARENA_NEW_ARRAY(a, struct approval_row, run->n_approvals);
	for (size_t i = 0; i < run->n_approvals; i++)
		if (in_part(part, run->approvals[i]->node_index))
			memrow_approval(a, run->approvals[i], &rows[(*ret_n)++]);
	return rows;
}

int memread_run_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
		    struct run_detail *ret)
{
	return memread_run_get_part(r, a, project, id, &whole, ret);
}

int memread_run_get_part(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 const struct run_part *want, struct run_detail *ret)
{
	struct run_part part = *want;
	const struct memdb_run *run = map_get(&state_of(r)->runs, id);
	if (!run || !in_project(project, run->row.project))
		return STORE_NOT_FOUND;
	*ret = (struct run_detail){0};
	memrow_run(a, &run->row, &ret->run);
	struct version_row version = {0};
	if (run->row.workflow_version > 0)
		memread_version_get(r, a, run->row.workflow_id, run->row.workflow_version,
				    &version);
	if (part.to == 0)
		part.to = (int64_t)version.n_nodes;
	ret->definition = version.definition;
	ret->nodes = nodes_of(a, run, &part, &ret->n_nodes);
	ret->attempts = attempts_of(a, run, &part, true, &ret->n_attempts);
	ret->approvals = approvals_of(a, run, &part, &ret->n_approvals);
	return 0;
}

static bool has_live_attempt(const struct memdb_run *run, int64_t index)
{
	for (size_t i = 0; i < run->n_attempts; i++)
		if (run->attempts[i]->node_index == index &&
		    !attempt_status_final(run->attempts[i]->status))
			return true;
	return false;
}

int memread_node_counts(struct store_reader *r, struct str run_id, const struct run_part *part,
			struct node_counts *ret)
{
	const struct memdb_run *run = map_get(&state_of(r)->runs, run_id);
	*ret = (struct node_counts){0};
	if (!run)
		return STORE_NOT_FOUND;
	for (size_t i = 0; i < run->n_nodes; i++) {
		if (!run->nodes[i] || !in_part(part, (int64_t)i))
			continue;
		enum node_status status = run->nodes[i]->status;
		if (node_status_final(status))
			ret->ended[status]++;
		else if (!has_live_attempt(run, (int64_t)i))
			ret->running += status == NODE_RUNNING || status == NODE_QUEUED;
		ret->waiting += status == NODE_UNKNOWN;
	}
	for (size_t i = 0; i < run->n_attempts; i++) {
		if (!in_part(part, run->attempts[i]->node_index))
			continue;
		ret->running += run->attempts[i]->status == ATTEMPT_RUNNING;
		ret->queued += run->attempts[i]->status == ATTEMPT_QUEUED;
	}
	for (size_t i = 0; i < run->n_approvals; i++)
		ret->waiting += run->approvals[i]->status == APPROVAL_PENDING &&
				in_part(part, run->approvals[i]->node_index);
	return 0;
}

int memread_run_head(struct store_reader *r, struct arena *a, struct str project, struct str id,
		     struct run_row *ret)
{
	const struct memdb_run *run = map_get(&state_of(r)->runs, id);
	if (!run || !in_project(project, run->row.project))
		return STORE_NOT_FOUND;
	struct run_row row = run->row;
	row.context = row.output = (struct str){0};
	memrow_run(a, &row, ret);
	return 0;
}

static bool run_matches(const struct run_row *run, const struct run_filter *f,
			const struct search *text)
{
	if (!in_project(f->project, run->project))
		return false;
	if (f->workflow_id.n > 0 && !str_eq(f->workflow_id, run->workflow_id))
		return false;
	if (f->caller_run_id.n > 0 && !str_eq(f->caller_run_id, run->caller_run_id))
		return false;
	if (f->has_status && f->status != run->status)
		return false;
	if (f->since_ms && run->created_ms < f->since_ms)
		return false;
	if (f->until_ms && run->created_ms >= f->until_ms)
		return false;
	if (f->text.n == 0)
		return true;
	if (memchr(f->text.p, '\0', f->text.n))
		return false;
	return search_in(text, run->workflow_name) || search_in(text, run->error) ||
	       (run->context.n <= LIMIT_INLINE_BYTES && search_in(text, run->context));
}

/* How many runs stand before `after`, or, when it is gone, before where it was. */
static size_t runs_before(const struct memdb *s, struct str after)
{
	const struct memdb_run *run = map_get(&s->runs, after);
	const struct run_row *below = NULL;
	if (run)
		return memdb_run_place(s, &run->row);
	for (size_t i = 0; i < s->n_runs; i++) {
		const struct run_row *row = &s->in_order[i]->row;
		if (str_cmp(row->id, after) < 0 && (!below || str_cmp(row->id, below->id) > 0))
			below = row;
	}
	return below ? memdb_run_place(s, below) + 1 : 0;
}

int memread_run_list(struct store_reader *r, struct arena *a, const struct run_filter *filter,
		     const struct store_page *page, struct run_row **ret, size_t *ret_n)
{
	const struct memdb *s = state_of(r);
	CLEANUP_BUF struct buf folded = {0};
	struct search text;
	if (filter->text.n > LIMIT_FILTER_TEXT_BYTES)
		return -E2BIG;
	search_begin(&text, a, filter->text, &folded);
	struct str after = page_after(page);
	size_t start = after.n ? runs_before(s, after) : s->n_runs;
	size_t limit = page_limit(page) < start ? page_limit(page) : start;
	*ret = ARENA_NEW_ARRAY(a, struct run_row, limit);
	*ret_n = 0;
	if (filter->stop)
		*filter->stop = (struct run_list_stop){0};
	for (size_t i = start; i > 0 && *ret_n < limit; i--) {
		const struct run_row *row = &s->in_order[i - 1]->row;
		if (run_matches(row, filter, &text)) {
			struct run_row *mine = &(*ret)[(*ret_n)++];
			memrow_run(a, row, mine);
			mine->output = (struct str){0};
		}
		if (!filter->stop || start - i + 1 != filter->look_at)
			continue;
		if (*ret_n < page_limit(page))
			*filter->stop =
				(struct run_list_stop){arena_str(a, row->id), row->created_ms};
		break;
	}
	return 0;
}

int memread_event_list(struct store_reader *r, struct arena *a, struct str run_id,
		       int64_t after_seq, size_t limit, struct event_row **ret, size_t *ret_n)
{
	const struct memdb_run *run = map_get(&state_of(r)->runs, run_id);
	size_t at = run ? run->n_events : 0;
	while (at > 0 && run->events[at - 1]->seq > after_seq)
		at--;
	size_t n = (run ? run->n_events : 0) - at;
	if (limit && n > limit)
		n = limit;
	*ret = ARENA_NEW_ARRAY(a, struct event_row, n);
	*ret_n = n;
	for (size_t i = 0; i < n; i++)
		memrow_event(a, run->events[at + i], &(*ret)[i]);
	return 0;
}

int memread_log_list(struct store_reader *r, struct arena *a, struct str run_id, struct str node_id,
		     int64_t after_line, size_t limit, struct log_row **ret, size_t *ret_n)
{
	const struct memdb_run *run = map_get(&state_of(r)->runs, run_id);
	const struct memdb_logs *logs = run ? map_get(&run->logs, node_id) : NULL;
	size_t n_all = logs ? logs->n : 0;
	*ret = ARENA_NEW_ARRAY(a, struct log_row, n_all);
	*ret_n = 0;
	for (size_t i = 0; i < n_all && (limit == 0 || *ret_n < limit); i++) {
		const struct log_row *row = logs->rows[i];
		if (row->seq + row->n_lines - 1 > after_line)
			memrow_log(a, row, &(*ret)[(*ret_n)++]);
	}
	return 0;
}

int memread_key_get(struct store_reader *r, struct arena *a, struct str project, struct str key,
		    struct key_row *ret)
{
	const struct key_row *row = map_get(&state_of(r)->keys, memdb_key_name(a, project, key));
	if (!row)
		return STORE_NOT_FOUND;
	memrow_key(a, row, ret);
	return 0;
}

int memread_approval_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 struct approval_row *ret)
{
	const struct approval_row *row = map_get(&state_of(r)->approvals, id);
	if (!row || !in_project(project, row->project))
		return STORE_NOT_FOUND;
	memrow_approval(a, row, ret);
	return 0;
}

static bool approval_matches(const struct approval_row *row, const struct approval_filter *f)
{
	return in_project(f->project, row->project) &&
	       (f->run_id.n == 0 || str_eq(f->run_id, row->run_id)) &&
	       (f->workflow_id.n == 0 || str_eq(f->workflow_id, row->workflow_id)) &&
	       (!f->has_status || f->status == row->status);
}

static int approval_newest(const void *x, const void *y)
{
	const struct approval_row *const *a = x, *const *b = y;
	return -str_cmp((*a)->id, (*b)->id);
}

int memread_approval_list(struct store_reader *r, struct arena *a,
			  const struct approval_filter *filter, const struct store_page *page,
			  struct approval_row **ret, size_t *ret_n)
{
	const struct memdb *s = state_of(r);
	struct str after = page_after(page);
	const struct approval_row **found =
		ARENA_NEW_ARRAY(a, const struct approval_row *, s->approvals.n + 1);
	size_t n = 0, at = 0;
	void *p;
	while (map_next(&s->approvals, &at, NULL, &p)) {
		const struct approval_row *row = p;
		if (approval_matches(row, filter) && (after.n == 0 || str_cmp(row->id, after) < 0))
			found[n++] = row;
	}
	qsort(found, n, sizeof(*found), approval_newest);
	*ret_n = n < page_limit(page) ? n : page_limit(page);
	*ret = ARENA_NEW_ARRAY(a, struct approval_row, *ret_n);
	for (size_t i = 0; i < *ret_n; i++)
		memrow_approval(a, found[i], &(*ret)[i]);
	return 0;
}

static int by_storage_id(const void *x, const void *y)
{
	return str_cmp(((const struct storage_row *)x)->workflow_id,
		       ((const struct storage_row *)y)->workflow_id);
}

static void count_storage(const struct memdb *s, struct storage_row *row)
{
	for (size_t i = 0; i < s->n_runs; i++) {
		const struct run_row *run = &s->in_order[i]->row;
		if (!str_eq(run->workflow_id, row->workflow_id))
			continue;
		if (row->n_runs++ == 0)
			row->oldest_ms = run->created_ms;
		row->bytes += (int64_t)(sizeof(*run) + run->context.n);
	}
}

int memread_storage(struct store_reader *r, struct arena *a, struct str project,
		    struct storage *ret)
{
	const struct memdb *s = state_of(r);
	size_t at = 0;
	void *p;
	*ret = (struct storage){.shrinks = true};
	ret->rows = ARENA_NEW_ARRAY(a, struct storage_row, s->workflows.n);
	while (map_next(&s->workflows, &at, NULL, &p)) {
		const struct memdb_workflow *w = p;
		if (!w->has_row || !in_project(project, w->row.project))
			continue;
		struct storage_row *row = &ret->rows[ret->n++];
		row->workflow_id = arena_str(a, w->row.id);
		row->workflow_name = arena_str(a, w->row.name);
		count_storage(s, row);
		ret->bytes += row->bytes;
	}
	if (ret->n > 0)
		qsort(ret->rows, ret->n, sizeof(*ret->rows), by_storage_id);
	return 0;
}

int memread_open_runs(struct store_reader *r,
		      int (*each)(void *arg, struct arena *a, const struct open_run *run),
		      void *arg)
{
	const struct memdb *s = state_of(r);
	CLEANUP_ARENA struct arena a = {0};
	for (size_t i = 0; i < s->n_runs; i++) {
		const struct memdb_run *run = s->in_order[i];
		if (run_status_final(run->row.status))
			continue;
		struct open_run open = {0};
		memrow_run(&a, &run->row, &open.run);
		open.nodes = nodes_of(&a, run, &whole, &open.n_nodes);
		open.attempts = attempts_of(&a, run, &whole, false, &open.n_attempts);
		open.approvals = approvals_of(&a, run, &whole, &open.n_approvals);
		open.n_signals = run->n_signals;
		open.signals = ARENA_NEW_ARRAY(&a, struct signal_row, run->n_signals);
		for (size_t k = 0; k < run->n_signals; k++)
			memrow_signal(&a, run->signals[k], &open.signals[k]);
		if (run->n_events > 0)
			open.last_event_seq = run->events[run->n_events - 1]->seq;
		int rc = each(arg, &a, &open);
		if (rc != 0)
			return rc;
		arena_reset(&a);
	}
	return 0;
}
