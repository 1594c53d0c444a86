/* Approvals in the simulation: what starts is what was approved, and who waits for people says so.
 */
#include "sim.h"

/* Whether the node, as the run's version defines it, asks people by itself or by its agent. */
static bool asks(struct arena *a, const struct run_detail *d, struct str node_id)
{
	struct value v = sim_parse(a, arena_dup(a, d->definition.p, d->definition.n));
	const struct value *nodes = value_getz(&v, "nodes");
	for (uint32_t i = 0; nodes && i < nodes->n; i++) {
		const struct value *n = &nodes->items[i];
		if (str_eq(value_text(value_getz(n, "id")), node_id))
			return value_getz(n, "approval") || value_getz(n, "approvalRequired") ||
			       str_eqz(value_text(value_getz(n, "agent")), "risky");
	}
	return false;
}

/* A question that ended because the run went to a version that asks none. */
static bool gone(struct arena *a, const struct run_detail *d, const struct approval_row *p)
{
	return p->status == APPROVAL_EXPIRED &&
	       str_eqz(p->notes, "the run was moved to another version") && !asks(a, d, p->node_id);
}

/* The agent's files are those that people said yes to, and so is the input. */
void sim_judge_approved(struct sim *s, const struct run_detail *d,
			const struct attempt_start *start)
{
	struct arena a CLEANUP_ARENA = {0};
	const struct approval_row *p = NULL;
	for (size_t i = 0; i < d->n_approvals; i++) /* the newest question counts */
		if (str_eq(d->approvals[i].node_id, start->node_id))
			p = &d->approvals[i];
	if (p && !gone(&a, d, p)) {
		struct value subject = sim_parse(&a, arena_dup(&a, p->subject.p, p->subject.n));
		struct str digest = value_text(value_getz(value_getz(&subject, "agent"), "digest"));
		if (p->status != APPROVAL_APPROVED)
			sim_wrong(s, "%.*s was started, its approval is %s", STR_ARG(p->node_id),
				  approval_status_name(p->status));
		if (!str_eq(digest, start->approved_digest))
			sim_wrong(s, "%.*s runs files %.*s, approved were %.*s",
				  STR_ARG(p->node_id), STR_ARG(start->approved_digest),
				  STR_ARG(digest));
		if (!str_eq(p->inputs, start->input))
			sim_wrong(s, "%.*s runs with what was not approved", STR_ARG(p->node_id));
	}
}

/* Whether something of the run goes on without anybody's decision. */
static bool goes_on(const struct run_detail *d)
{
	for (size_t i = 0; i < d->n_attempts; i++)
		if (!attempt_status_final(d->attempts[i].status))
			return true;
	for (size_t i = 0; i < d->n_nodes; i++) /* sleeps, or waits for an event */
		if (d->nodes[i].status == NODE_RUNNING && d->nodes[i].attempt == 0 &&
		    !str_starts(d->nodes[i].detail, STR("{\"forEach\":")))
			return true;
	return false;
}

/* What a node that called a run does: 1 = it waits for people, 0 = it goes on, -1 = it has none. */
static int called(struct sim *s, struct arena *a, const struct node_row *row)
{
	struct run_detail callee;
	if (node_status_final(row->status) || !str_starts(row->detail, STR("{\"childRunId\":")))
		return -1;
	struct value detail = sim_parse(a, arena_dup(a, row->detail.p, row->detail.n));
	struct str id = value_text(value_getz(&detail, "childRunId"));
	return row->status == NODE_RUNNING &&
	       sim_read_run(s, a, arena_dup(a, id.p, id.n), &callee) &&
	       callee.run.status == RUN_WAITING_APPROVAL;
}

void sim_judge_waiting(struct sim *s)
{
	for (size_t i = 0; i < s->n_runs; i++) {
		struct arena a CLEANUP_ARENA = {0};
		struct run_detail d;
		size_t n_waiting = 0, n_called = 0;
		if (!sim_read_run(s, &a, s->runs[i], &d) || run_status_final(d.run.status))
			continue;
		for (size_t k = 0; k < d.n_nodes; k++) {
			int does = called(s, &a, &d.nodes[k]);
			n_waiting += d.nodes[k].status == NODE_UNKNOWN || does == 1;
			n_called += does == 0;
		}
		for (size_t k = 0; k < d.n_approvals; k++)
			n_waiting += d.approvals[k].status == APPROVAL_PENDING;
		bool waits = d.run.status == RUN_WAITING_APPROVAL;
		if (waits != (n_waiting > 0 && n_called == 0 && !goes_on(&d)))
			sim_wrong(s, "run %s is %s: %zu nodes wait for people, %s moves",
				  s->runs[i], run_status_name(d.run.status), n_waiting,
				  goes_on(&d) ? "something" : "nothing");
	}
}
