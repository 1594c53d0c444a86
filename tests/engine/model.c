#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "json/parse.h"

enum end { NONE, SUCCESS, FAILED, TOLERATED, SKIPPED, UPSTREAM };

struct mnode {
	struct str id;
	const struct value *def;
	const struct node_row *row;
	enum end end;
	bool waits, given; /* while its events are walked: waits for one; a signal was for it */
	const struct attempt_row **attempts;
	size_t n_attempts, n_again; /* again: as somebody said when it was UNKNOWN */
	const struct approval_row *approval;
	bool each, expanded; /* a node with forEach; has items */
	uint32_t first, n_items;
	const struct mnode *of;	  /* of an item: its node */
	const struct value *item; /* its value */
	bool began;		  /* while events are walked: an item that goes on */
	int64_t n_live;		  /* the same: items that go on */
};

struct model {
	struct arena *arena;
	const struct run_detail *run;
	struct value definition, context;
	struct mnode *nodes; /* of the definition, then items */
	size_t n_plan, n_nodes;
	const char *wrong;
};

static bool fail(struct model *m, const struct mnode *n, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool fail(struct model *m, const struct mnode *n, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!m->wrong)
		m->wrong = arena_printf(m->arena, "run %.*s%s%.*s: %s", STR_ARG(m->run->run.id),
					n ? " node " : "", n ? (int)n->id.n : 0, n ? n->id.p : "",
					text);
	return false;
}

static struct mnode *find(struct model *m, struct str id)
{
	for (size_t i = 0; i < m->n_nodes; i++)
		if (str_eq(m->nodes[i].id, id))
			return &m->nodes[i];
	return NULL;
}

static bool flag(const struct mnode *n, const char *key)
{
	const struct value *v = value_getz(n->def, key);
	return value_is(v, VALUE_BOOL) && v->b;
}

static struct value parsed(struct model *m, struct str json)
{
	struct value v = VALUE_NULL_INIT;
	if (json.n && json_parse(m->arena, json, 0, &v, NULL) != 0)
		fail(m, NULL, "a column is not JSON: %.*s", STR_ARG(json));
	return v;
}

static struct str code_of(struct model *m, struct str error)
{
	struct value v = parsed(m, error);
	struct str code = value_text(value_getz(&v, "code"));
	return code;
}

/* A question of a version that the run has left. */
static bool is_void(const struct approval_row *p)
{
	return p->status == APPROVAL_EXPIRED && str_starts(p->notes, STR("the run was moved"));
}

static void add_node(struct model *m, const struct value *def, struct str id)
{
	struct mnode *n = &m->nodes[m->n_nodes++];
	*n = (struct mnode){.def = def, .id = id, .each = value_getz(def, "forEach")};
	n->attempts = ARENA_NEW_ARRAY(m->arena, const struct attempt_row *, m->run->n_attempts);
}

/* The items of the node, as its row tells. */
static bool add_items(struct model *m, struct mnode *of, const struct value *items)
{
	of->expanded = true;
	of->first = (uint32_t)m->n_nodes;
	of->n_items = items->n;
	for (uint32_t k = 0; k < items->n; k++) {
		char *id = arena_printf(m->arena, "%.*s[%u]", STR_ARG(of->id), k);
		add_node(m, of->def, str_of(id));
		m->nodes[m->n_nodes - 1].each = false;
		m->nodes[m->n_nodes - 1].of = of;
		m->nodes[m->n_nodes - 1].item = &items->items[k];
	}
	return value_equal(items, value_getz(of->def, "forEach")) ||
	       fail(m, of, "expanded to other items than its list has");
}

struct expansion {
	const struct node_row *row;
	const struct value *items;
	int64_t first;
};

static int by_first(const void *a, const void *b)
{
	const struct expansion *x = a, *y = b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->items->n < y->items->n ? -1 : x->items->n > y->items->n;
}

static bool load_items(struct model *m)
{
	struct expansion *all = ARENA_NEW_ARRAY(m->arena, struct expansion, m->run->n_nodes + 1);
	size_t n = 0, n_items = 0;
	for (size_t i = 0; i < m->run->n_nodes; i++) {
		struct value *detail = ARENA_NEW(m->arena, struct value);
		*detail = parsed(m, m->run->nodes[i].detail);
		const struct value *each = value_getz(detail, "forEach");
		if (!each)
			continue;
		all[n++] = (struct expansion){&m->run->nodes[i], value_getz(each, "items"),
					      value_getz(each, "first")->i};
		n_items += all[n - 1].items->n;
	}
	qsort(all, n, sizeof(*all), by_first);
	struct mnode *more = ARENA_NEW_ARRAY(m->arena, struct mnode, m->n_plan + n_items);
	memcpy(more, m->nodes, m->n_plan * sizeof(*more));
	m->nodes = more;
	for (size_t i = 0; i < n; i++) {
		struct mnode *of = find(m, all[i].row->node_id);
		if (!of || !of->each || all[i].first != (int64_t)m->n_nodes)
			return fail(m, of, "its items begin at %lld", (long long)all[i].first);
		if (!add_items(m, of, all[i].items))
			return false;
	}
	return true;
}

static bool load(struct model *m)
{
	m->definition = parsed(m, m->run->definition);
	m->context = parsed(m, m->run->run.context);
	const struct value *nodes = value_getz(&m->definition, "nodes");
	if (!value_is(nodes, VALUE_ARRAY))
		return fail(m, NULL, "no definition");
	m->n_plan = nodes->n;
	m->nodes = ARENA_NEW_ARRAY(m->arena, struct mnode, nodes->n);
	for (size_t i = 0; i < nodes->n; i++)
		add_node(m, &nodes->items[i], value_text(value_getz(&nodes->items[i], "id")));
	if (!load_items(m))
		return false;
	for (size_t i = 0; i < m->run->n_nodes; i++) {
		struct mnode *n = find(m, m->run->nodes[i].node_id);
		if (!n || n->row || m->run->nodes[i].index != n - m->nodes)
			return fail(m, n, "a row of no node, or two of one");
		n->row = &m->run->nodes[i];
	}
	for (size_t i = 0; i < m->run->n_attempts; i++) {
		struct mnode *n = find(m, m->run->attempts[i].node_id);
		if (!n)
			return fail(m, n, "an attempt of no node");
		n->attempts[n->n_attempts++] = &m->run->attempts[i];
	}
	for (size_t i = 0; i < m->run->n_approvals; i++) {
		struct mnode *n = find(m, m->run->approvals[i].node_id);
		if (is_void(&m->run->approvals[i]))
			continue;
		if (!n || n->approval)
			return fail(m, n, "an approval of no node, or two of one");
		n->approval = &m->run->approvals[i];
	}
	return true;
}

static enum end end_of(struct model *m, const struct mnode *n)
{
	switch (n->row->status) {
	case NODE_SUCCESS:
		return SUCCESS;
	case NODE_FAILED:
	case NODE_TIMED_OUT:
		return flag(n, "continueOnError") ? TOLERATED : FAILED;
	case NODE_SKIPPED:
		return str_eqz(code_of(m, n->row->error), "upstream_failed") ? UPSTREAM : SKIPPED;
	case NODE_PENDING:
	case NODE_QUEUED:
	case NODE_RUNNING:
	case NODE_WAITING_APPROVAL:
	case NODE_UNKNOWN:
	case NODE_CANCELLED:
		break;
	}
	return NONE;
}

/* What the join rule says once all dependencies ended: 'r', 's' or 'u'. */
static char verdict(struct model *m, const struct mnode *n)
{
	const struct value *depends = value_getz(n->def, "dependsOn");
	struct str rule = value_text(value_getz(n->def, "joinRule"));
	size_t c[6] = {0}, all = depends ? depends->n : 0;
	for (size_t i = 0; i < all; i++)
		c[find(m, value_text(&depends->items[i]))->end]++;
	size_t bad = c[FAILED] + c[UPSTREAM], good = c[SUCCESS] + c[TOLERATED];
	if (all == 0 || str_eqz(rule, "always") || str_eqz(rule, "all_done"))
		return 'r';
	if (str_eqz(rule, "all_failed"))
		return c[SUCCESS] + c[SKIPPED] ? 's' : 'r';
	if (str_eqz(rule, "one_success"))
		return good ? 'r' : bad ? 'u' : 's';
	if (str_eqz(rule, "one_failed"))
		return bad + c[TOLERATED] ? 'r' : 's';
	if (str_eqz(rule, "one_done"))
		return good + c[FAILED] ? 'r' : 's';
	if (str_eqz(rule, "none_failed"))
		return bad ? 'u' : 'r';
	if (str_eqz(rule, "none_skipped"))
		return c[SKIPPED] ? 's' : 'r';
	return bad ? 'u' : c[SKIPPED] ? 's' : 'r';
}

static bool when(struct model *m, const struct mnode *n)
{
	struct str text = value_text(value_getz(n->def, "when"));
	static const char head[] = "{{ context.";
	if (!text.n)
		return true;
	ASSERT(str_starts(text, STR("{{ context.")) && str_ends(text, STR(" }}")));
	struct str name = str_n(text.p + sizeof(head) - 1, text.n - sizeof(head) + 1 - 3);
	const struct value *v = value_get(&m->context, name);
	return value_is(v, VALUE_BOOL) && v->b;
}

/* The node whose output the inputs name, or NULL. */
static const struct mnode *source(struct model *m, const struct mnode *n)
{
	struct str text = value_text(value_getz(value_getz(n->def, "inputs"), "v"));
	static const char head[] = "{{ nodes.", tail[] = ".output.n }}";
	if (!text.n)
		return NULL;
	return find(m,
		    str_n(text.p + sizeof(head) - 1, text.n - sizeof(head) + 1 - sizeof(tail) + 1));
}

/* ---- attempts ---- */

static bool judge_attempt_row(struct model *m, const struct mnode *n, size_t i)
{
	const struct attempt_row *a = n->attempts[i];
	if (a->attempt != (int64_t)i + 1)
		return fail(m, n, "attempt %zu has number %lld", i + 1, (long long)a->attempt);
	if (!attempt_status_final(a->status))
		return fail(m, n, "attempt %zu has not ended", i + 1);
	if (a->status == ATTEMPT_SUCCESS && ((i + 1 < n->n_attempts && !a->probe) || a->error.n))
		return fail(m, n, "attempt %zu succeeded, and then?", i + 1);
	if (a->status != ATTEMPT_SUCCESS && !code_of(m, a->error).n)
		return fail(m, n, "attempt %zu failed without a code", i + 1);
	if (a->started_ms && a->finished_ms < a->started_ms)
		return fail(m, n, "attempt %zu ended before it began", i + 1);
	return true;
}

static int64_t most_attempts(const struct mnode *n)
{
	const struct value *retry = value_getz(n->def, "retry");
	const struct value *most = value_getz(retry, "maxAttempts");
	return most ? most->i : retry ? 3 : 1;
}

/* Whether an attempt that is no probe follows the i-th. */
static bool runs_again(const struct mnode *n, size_t i)
{
	while (++i < n->n_attempts)
		if (!n->attempts[i]->probe)
			return true;
	return false;
}

/* The newest attempt that is no probe, or NULL. */
static const struct attempt_row *last_attempt(const struct mnode *n)
{
	for (size_t i = n->n_attempts; i > 0; i--)
		if (!n->attempts[i - 1]->probe)
			return n->attempts[i - 1];
	return NULL;
}

/* Whether a probe or somebody said that it succeeded, where no attempt could. */
static bool settled(struct model *m, const struct mnode *n)
{
	struct value detail = parsed(m, n->row->detail);
	struct str as = value_text(value_getz(value_getz(&detail, "settled"), "as"));
	return str_eqz(as, "succeeded");
}

/* Whether an entry of retryOn or nonRetryable, of those that the simulation writes, means it. */
static bool means(struct str entry, struct str code)
{
	bool crash = str_starts(code, STR("exit_")) || str_starts(code, STR("signal_"));
	if (str_eqz(entry, "crash"))
		return crash;
	if (str_eqz(entry, "exit_*"))
		return str_starts(code, STR("exit_"));
	if (str_eqz(entry, "timeout"))
		return str_eqz(code, "timeout") || str_eqz(code, "start_timeout") ||
		       str_eqz(code, "heartbeat_timeout");
	return str_eq(entry, code);
}

static bool lists(const struct value *list, struct str code)
{
	for (uint32_t i = 0; list && i < list->n; i++)
		if (means(value_text(&list->items[i]), code))
			return true;
	return false;
}

/* Whether no other attempt may follow one that ended so, whatever is left. */
static bool is_final(const struct mnode *n, struct str code, bool later)
{
	static const char *const codes[] = {"final",	     "template_error", "invalid_input",
					    "approval_void", "queue_timeout",  "total_timeout",
					    "Mine"};
	const struct value *retry = value_getz(n->def, "retry");
	const struct value *on = value_getz(retry, "retryOn");
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (str_eqz(code, codes[i]))
			return true;
	if (str_eqz(code, "lost"))
		return false;
	return lists(value_getz(retry, "nonRetryable"), code) || (on && !later && !lists(on, code));
}

/* Failures that count are never more than maxAttempts, and a node fails only when they are used
 * up, or by an error that ends it at once. */
static bool judge_counts(struct model *m, const struct mnode *n)
{
	int64_t tries = 0, lost = 0, most = most_attempts(n), n_again = (int64_t)n->n_again;
	bool final = false, by_people = str_eqz(code_of(m, n->row->error), "resolved_failed");
	for (size_t i = 0; i < n->n_attempts; i++) {
		struct value e = parsed(m, n->attempts[i]->error);
		struct str code = value_text(value_getz(&e, "code"));
		if (n->attempts[i]->probe)
			continue;
		if (final && n_again == 0)
			return fail(m, n, "attempt %zu after a final error", i + 1);
		if (n->attempts[i]->status == ATTEMPT_SUCCESS)
			continue;
		bool is_lost = str_eqz(code, "lost");
		lost = is_lost ? lost + 1 : 0;
		if (!is_lost && !value_getz(&e, "retryLater"))
			tries++;
		final = is_final(n, code, value_getz(&e, "retryLater") != NULL);
		if (runs_again(n, i) && (tries >= most + n_again || lost > 5 + n_again))
			return fail(m, n, "attempt %zu is one too many", i + 2);
	}
	bool failed = n->row->status == NODE_FAILED || n->row->status == NODE_TIMED_OUT;
	bool in_time = !value_getz(value_getz(n->def, "timeouts"), "total");
	if (failed && m->run->run.stopping == STOP_NONE && !final && !by_people && lost <= 5 &&
	    in_time && tries < most_attempts(n) && !(n->of && n->of->row->status == NODE_FAILED))
		return fail(m, n, "failed with %.*s after %lld of %lld attempts",
			    STR_ARG(n->row->error), (long long)tries, (long long)most_attempts(n));
	return true;
}

static bool judge_input(struct model *m, const struct mnode *n)
{
	const struct mnode *from = source(m, n);
	for (size_t i = 0; from && i < n->n_attempts; i++) {
		const struct attempt_row *a = n->attempts[i];
		if (from->row->status != NODE_SUCCESS) {
			if (a->started_ms && a->status != ATTEMPT_CANCELLED)
				return fail(m, n, "read the output of a node that has none");
			continue;
		}
		struct value in = parsed(m, a->input), out = parsed(m, from->row->output);
		if (a->started_ms && !value_equal(value_getz(&in, "v"), value_getz(&out, "n")))
			return fail(m, n, "input %.*s is not from output %.*s", STR_ARG(a->input),
				    STR_ARG(from->row->output));
	}
	return true;
}

/* A result is kept only when all that it came from is kept too. */
static bool judge_copy(struct model *m, const struct mnode *n)
{
	const struct value *depends = value_getz(n->def, "dependsOn");
	if (n->n_attempts > 0)
		return fail(m, n, "copied, and yet attempted");
	if (n->row->status != NODE_SUCCESS && n->row->status != NODE_SKIPPED)
		return fail(m, n, "copied, but %s", node_status_name(n->row->status));
	for (uint32_t i = 0; depends && i < depends->n; i++)
		if (!find(m, value_text(&depends->items[i]))->row->copied_from.n)
			return fail(m, n, "copied, but what it depends on was run again");
	return true;
}

/* ---- approvals ---- */

static bool gated(const struct mnode *n)
{
	return value_getz(n->def, "approval") || flag(n, "approvalRequired") ||
	       str_eqz(value_text(value_getz(n->def, "agent")), "risky");
}

static bool denied(const struct mnode *n)
{
	return n->approval && (n->approval->status == APPROVAL_REJECTED ||
			       n->approval->status == APPROVAL_EXPIRED);
}

static bool judge_denied(struct model *m, const struct mnode *n)
{
	struct str code = code_of(m, n->row->error);
	bool rejected = n->approval->status == APPROVAL_REJECTED;
	if (n->n_attempts > 0)
		return fail(m, n, "was denied, and yet attempted");
	if (n->row->status == NODE_FAILED)
		return str_eqz(code, rejected ? "rejected" : "approval_expired") ||
		       fail(m, n, "was denied, but failed with %.*s", STR_ARG(code));
	bool stopped =
		m->run->run.stopping != STOP_NONE || (n->of && n->of->row->status == NODE_FAILED);
	return (!rejected && stopped && n->row->status == NODE_CANCELLED) ||
	       fail(m, n, "was denied, but is %s", node_status_name(n->row->status));
}

/* As many names as the quorum asks for, each once. */
static bool judge_quorum(struct model *m, const struct mnode *n)
{
	const struct value *quorum = value_getz(value_getz(n->def, "approval"), "quorum");
	struct value list = parsed(m, n->approval->responses);
	if (!n->approval->responded_by.n) {
		struct str on = value_text(value_getz(value_getz(n->def, "approval"), "onTimeout"));
		return str_eqz(on, "approve") || fail(m, n, "nobody approved it");
	}
	for (uint32_t i = 0; i < list.n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (value_equal(value_getz(&list.items[i], "respondedBy"),
					value_getz(&list.items[k], "respondedBy")))
				return fail(m, n, "a name counted twice");
	return list.n == (quorum ? quorum->i : 1) ||
	       fail(m, n, "%u approved, not %lld", list.n, quorum ? (long long)quorum->i : 1);
}

static bool judge_approval(struct model *m, const struct mnode *n)
{
	const struct approval_row *p = n->approval;
	if (p && (!gated(n) || n->row->copied_from.n))
		return fail(m, n, "was asked for, and need not be");
	for (size_t i = 0; i < n->n_attempts; i++) {
		const struct attempt_row *a = n->attempts[i];
		if (gated(n) && a->started_ms && !(p && p->status == APPROVAL_APPROVED))
			return fail(m, n, "ran without approval");
		if (p && a->started_ms && !str_eq(a->input, p->inputs))
			return fail(m, n, "ran with %.*s, approved was %.*s", STR_ARG(a->input),
				    STR_ARG(p->inputs));
	}
	if (!p)
		return true;
	if (p->status == APPROVAL_PENDING)
		return fail(m, n, "is still asked for");
	return denied(n) ? judge_denied(m, n)
			 : (n->n_attempts > 0 || fail(m, n, "was approved and never attempted")) &&
				   judge_quorum(m, n);
}

static struct str awaited(const struct mnode *n)
{
	return value_text(value_getz(value_getz(n->def, "wait"), "event"));
}

/* A node without an agent: it ends well, or in time-out, or its run was stopped. */
static bool judge_sleep(struct model *m, const struct mnode *n)
{
	bool stopped = n->row->status == NODE_CANCELLED || n->row->status == NODE_TIMED_OUT;
	if (n->n_attempts > 0 || n->row->attempt != 0)
		return fail(m, n, "sleeps, and yet attempted");
	if (n->row->copied_from.n)
		return judge_copy(m, n);
	if (stopped && m->run->run.stopping == STOP_NONE && !n->of)
		return fail(m, n, "was stopped, but its run was not");
	bool late = awaited(n).n && n->row->status == NODE_FAILED &&
		    str_eqz(code_of(m, n->row->error), "wait_timeout");
	if (!stopped && !late && n->row->status != NODE_SUCCESS && n->row->status != NODE_SKIPPED)
		return fail(m, n, "sleeps, and became %s", node_status_name(n->row->status));
	if (n->row->status == NODE_SUCCESS &&
	    (!n->row->started_ms || (!awaited(n).n && !str_eqz(n->row->output, "{}"))))
		return fail(m, n, "never slept, or gave %.*s", STR_ARG(n->row->output));
	return true;
}

/* Whether its result was given by hand. */
static bool by_hand(const struct mnode *n)
{
	return str_starts(n->row->detail, STR("{\"given\":"));
}

/* Nothing of it runs by then: its last attempt was not started. */
static bool judge_by_hand(struct model *m, const struct mnode *n)
{
	const struct attempt_row *last = n->n_attempts ? n->attempts[n->n_attempts - 1] : NULL;
	if (n->row->status != NODE_SUCCESS && n->row->status != NODE_SKIPPED)
		return fail(m, n, "was given its result and is %s",
			    node_status_name(n->row->status));
	if ((n->row->status == NODE_SUCCESS) != (n->row->output.n > 0))
		return fail(m, n, "was given %.*s", STR_ARG(n->row->output));
	if (gated(n) && !n->row->copied_from.n &&
	    !(n->approval && n->approval->status == APPROVAL_APPROVED))
		return fail(m, n, "was given a result past its gate");
	if (last && (last->status != ATTEMPT_CANCELLED || last->started_ms ||
		     !str_eqz(code_of(m, last->error), "given")))
		return fail(m, n, "was given a result while an attempt ran");
	return true;
}

static bool sleeps(const struct mnode *n)
{
	return value_getz(n->def, "sleep") || value_getz(n->def, "wait");
}

/* What an item was started with is its value. */
static bool judge_item(struct model *m, const struct mnode *n)
{
	bool stopped = n->row->status == NODE_CANCELLED || n->row->status == NODE_TIMED_OUT;
	bool timed_out = n->n_attempts > 0 && n->row->status == NODE_TIMED_OUT;
	for (size_t i = 0; i < n->n_attempts; i++) {
		struct value in = parsed(m, n->attempts[i]->input);
		if (n->attempts[i]->started_ms && !value_equal(value_getz(&in, "i"), n->item))
			return fail(m, n, "input %.*s has not its item",
				    STR_ARG(n->attempts[i]->input));
	}
	return !stopped || timed_out || m->run->run.stopping != STOP_NONE ||
	       n->of->row->status == NODE_FAILED || fail(m, n, "was stopped, but nothing failed");
}

/* An item without a row was never started. */
static bool judge_unstarted(struct model *m, const struct mnode *n)
{
	if (n->n_attempts > 0 || n->approval)
		return fail(m, n, "was started and has no row");
	return n->of->row->status != NODE_SUCCESS || fail(m, n, "was left out");
}

/* The outputs of all items in order, null where there is none. */
static bool is_list_of_outputs(struct model *m, const struct mnode *n)
{
	struct value list = parsed(m, n->row->output);
	if (!value_is(&list, VALUE_ARRAY) || list.n != n->n_items)
		return false;
	for (uint32_t k = 0; k < n->n_items; k++) {
		const struct mnode *item = &m->nodes[n->first + k];
		struct value output = VALUE_NULL_INIT;
		if (item->row->status == NODE_SUCCESS)
			output = parsed(m, item->row->output);
		if (!value_equal(&list.items[k], &output))
			return false;
	}
	return true;
}

/* A node with forEach: what its items made of it. */
static bool judge_each(struct model *m, const struct mnode *n)
{
	bool may_fail = str_eqz(value_text(value_getz(n->def, "onItemFailure")), "continue");
	size_t n_failed = 0;
	if (n->n_attempts > 0 || n->approval || n->row->attempt != 0)
		return fail(m, n, "has items, and yet an attempt or an approval");
	if (n->row->copied_from.n)
		return judge_copy(m, n);
	for (uint32_t k = 0; k < n->n_items; k++) {
		const struct node_row *row = m->nodes[n->first + k].row;
		n_failed += row && (row->status == NODE_FAILED || row->status == NODE_TIMED_OUT);
	}
	switch (n->row->status) {
	case NODE_SUCCESS:
		if (!n->expanded || (n_failed > 0 && !may_fail) ||
		    (n_failed > 0) != (n->row->error.n > 0))
			return fail(m, n, "is SUCCESS with %zu failed items", n_failed);
		return is_list_of_outputs(m, n) ||
		       fail(m, n, "gives %.*s", STR_ARG(n->row->output));
	case NODE_FAILED:
		return (n->expanded && n_failed > 0 && !may_fail &&
			str_eqz(code_of(m, n->row->error), "item_failed")) ||
		       fail(m, n, "is FAILED with %zu failed items", n_failed);
	case NODE_CANCELLED:
	case NODE_TIMED_OUT:
		return m->run->run.stopping != STOP_NONE || fail(m, n, "was stopped");
	case NODE_SKIPPED:
		return !n->expanded || fail(m, n, "was skipped and expanded");
	case NODE_PENDING:
	case NODE_QUEUED:
	case NODE_RUNNING:
	case NODE_WAITING_APPROVAL:
	case NODE_UNKNOWN:
		break;
	}
	return fail(m, n, "has not ended");
}

static bool calls(const struct mnode *n)
{
	return value_getz(n->def, "workflow") != NULL;
}

/* A node that runs workflows: it ends as the last of these did, and tries as often as it may. */
static bool judge_call(struct model *m, const struct mnode *n)
{
	enum node_status s = n->row->status;
	struct str code = code_of(m, n->row->error);
	bool stopping = m->run->run.stopping != STOP_NONE;
	if (n->n_attempts > 0)
		return fail(m, n, "calls, and yet attempted");
	if (n->row->copied_from.n)
		return judge_copy(m, n);
	if (n->row->attempt > most_attempts(n))
		return fail(m, n, "called %lld times", (long long)n->row->attempt);
	if (s == NODE_SUCCESS && (n->row->attempt == 0 || !n->row->output.n))
		return fail(m, n, "succeeded, but called nothing");
	if (s == NODE_CANCELLED && !stopping)
		return fail(m, n, "was stopped, but its run was not");
	bool used_up = n->row->attempt == most_attempts(n);
	if (s == NODE_TIMED_OUT && !stopping && (!str_eqz(code, "timeout") || !used_up))
		return fail(m, n, "timed out after %lld calls", (long long)n->row->attempt);
	if (s == NODE_FAILED && !str_eqz(code, "child_cancelled") &&
	    !(str_eqz(code, "child_failed") && used_up))
		return fail(m, n, "failed with %.*s after %lld calls", STR_ARG(code),
			    (long long)n->row->attempt);
	return true;
}

static bool judge_attempts(struct model *m, const struct mnode *n)
{
	if (n->each && !by_hand(n))
		return judge_each(m, n);
	for (size_t i = 0; i < n->n_attempts; i++)
		if (!judge_attempt_row(m, n, i))
			return false;
	if (by_hand(n))
		return judge_by_hand(m, n);
	if (sleeps(n))
		return judge_sleep(m, n);
	if (calls(n))
		return judge_call(m, n);
	if (!judge_approval(m, n))
		return false;
	if (n->row->copied_from.n)
		return judge_copy(m, n);
	const struct attempt_row *last = last_attempt(n);
	bool good = (last && last->status == ATTEMPT_SUCCESS) || settled(m, n);
	if ((n->row->status == NODE_SUCCESS) != good)
		return fail(m, n, "the node is %s, its last attempt %s",
			    node_status_name(n->row->status),
			    last ? attempt_status_name(last->status) : "none");
	if (n->row->attempt != (int64_t)n->n_attempts)
		return fail(m, n, "counts %lld attempts of %zu", (long long)n->row->attempt,
			    n->n_attempts);
	return denied(n) || (judge_counts(m, n) && judge_input(m, n));
}

/* ---- nodes ---- */

static bool judge_node(struct model *m, struct mnode *n)
{
	if (by_hand(n))
		return true;
	char want = verdict(m, n);
	bool skipped = n->row->status == NODE_SKIPPED;
	if (want == 'r' && !when(m, n))
		want = 's';
	if (want == 'r' && skipped)
		return fail(m, n, "was skipped, but should have run");
	if (want != 'r' && (!skipped || n->n_attempts > 0))
		return fail(m, n, "is %s, but should have been skipped (%c)",
			    node_status_name(n->row->status), want);
	if (want != 'r' && (n->end == UPSTREAM) != (want == 'u'))
		return fail(m, n, "was skipped for the wrong reason");
	if (want == 'r' && n->n_attempts == 0 && !n->row->copied_from.n && !sleeps(n) &&
	    !denied(n) && !n->each && !calls(n))
		return fail(m, n, "was never attempted");
	return true;
}

static bool judge_nodes(struct model *m)
{
	for (size_t i = 0; i < m->n_nodes; i++) {
		struct mnode *n = &m->nodes[i];
		if (!n->row && !n->of)
			return fail(m, n, "has no row");
		if (n->row && !node_status_final(n->row->status))
			return fail(m, n, "is %s", node_status_name(n->row->status));
		if (!n->of)
			n->end = end_of(m, n);
	}
	for (size_t i = m->n_plan; i < m->n_nodes; i++) {
		const struct mnode *n = &m->nodes[i];
		if (n->row ? !judge_attempts(m, n) || !judge_item(m, n) : !judge_unstarted(m, n))
			return false;
	}
	for (size_t i = 0; i < m->n_plan; i++) {
		if (!judge_attempts(m, &m->nodes[i]))
			return false;
		if (m->run->run.stopping == STOP_NONE && !judge_node(m, &m->nodes[i]))
			return false;
	}
	return true;
}

/* ---- the run ---- */

static bool handled(struct model *m, const struct mnode *failed)
{
	for (size_t i = 0; i < m->n_nodes; i++) {
		const struct mnode *n = &m->nodes[i];
		const struct value *depends = value_getz(n->def, "dependsOn");
		struct str rule = value_text(value_getz(n->def, "joinRule"));
		if (!str_eqz(rule, "all_failed") && !str_eqz(rule, "one_failed"))
			continue;
		if (n->end != SUCCESS && n->end != FAILED && n->end != TOLERATED)
			continue;
		for (uint32_t k = 0; depends && k < depends->n; k++)
			if (str_eq(value_text(&depends->items[k]), failed->id))
				return true;
	}
	return false;
}

static bool judge_run(struct model *m)
{
	const struct run_row *r = &m->run->run;
	enum run_status want = RUN_SUCCESS;
	for (size_t i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].end == FAILED && !handled(m, &m->nodes[i]))
			want = RUN_FAILED;
	if (r->stopping != STOP_NONE)
		want = r->stopping == STOP_CANCEL ? RUN_CANCELLED : RUN_TIMED_OUT;
	if (r->status != want)
		return fail(m, NULL, "is %s, should be %s", run_status_name(r->status),
			    run_status_name(want));
	if ((r->status == RUN_SUCCESS) != (r->error.n == 0))
		return fail(m, NULL, "is %s with error %.*s", run_status_name(r->status),
			    STR_ARG(r->error));
	return r->finished_ms >= r->started_ms || fail(m, NULL, "ended before it began");
}

/* Whether the node was approved in the first n events. */
static bool approved_before(struct model *m, const struct event_row *events, size_t n,
			    struct str node_id)
{
	for (size_t i = 0; i < n; i++) {
		if (!str_eqz(events[i].type, "approval.decided") &&
		    !str_eqz(events[i].type, "approval.expired"))
			continue;
		struct value data = parsed(m, events[i].data);
		if (str_eq(value_text(value_getz(&data, "nodeId")), node_id) &&
		    str_eqz(value_text(value_getz(&data, "status")), "APPROVED"))
			return true;
	}
	return false;
}

/* While the run is paused nothing new of it begins; pauses and ends of them take turns. */
static bool judge_pauses(struct model *m, const struct event_row *events, size_t n_events)
{
	static const char *const begin[] = {"node.started", "node.waiting", "approval.requested",
					    "node.expanded"};
	bool paused = false;
	for (size_t i = 0; i < n_events; i++) {
		bool pause = str_eqz(events[i].type, "run.paused");
		if (pause || str_eqz(events[i].type, "run.resumed")) {
			if (paused == pause)
				return fail(m, NULL, "event %zu is one %.*s too many", i + 1,
					    STR_ARG(events[i].type));
			paused = pause;
		}
		for (size_t k = 0; paused && k < ARRAY_LEN(begin); k++)
			if (str_eqz(events[i].type, begin[k]))
				return fail(m, NULL, "event %zu is %s, and the run is paused",
					    i + 1, begin[k]);
	}
	return true;
}

static bool judge_events(struct model *m, const struct event_row *events, size_t n_events)
{
	size_t n_ends = 0, n_starts = 0;
	bool stopping = false;
	for (size_t i = 0; i < n_events; i++) {
		if (events[i].seq != (int64_t)i + 1)
			return fail(m, NULL, "event %zu has number %lld", i + 1,
				    (long long)events[i].seq);
		struct value data = parsed(m, events[i].data);
		if (stopping && str_eqz(value_text(value_getz(&data, "status")), "SUCCESS"))
			return fail(m, NULL, "something succeeded after the run was stopped");
		const struct mnode *node = find(m, value_text(value_getz(&data, "nodeId")));
		if (str_eqz(events[i].type, "node.started") && gated(node) &&
		    !approved_before(m, events, i, node->id))
			return fail(m, node, "was started before it was approved");
		stopping |= str_eqz(events[i].type, "run.stopping");
		bool queued = str_eqz(events[i].type, "run.queued");
		bool started = str_eqz(events[i].type, "run.started");
		/* a run that waited was queued first; it started unless it was cancelled before */
		bool first = queued || (started && !str_eqz(events[0].type, "run.queued"));
		n_starts += started;
		bool last = str_eqz(events[i].type, "run.finished");
		if (first != (i == 0) || last != (i + 1 == n_events))
			return fail(m, NULL, "event %zu is %.*s", i + 1, STR_ARG(events[i].type));
		n_ends += str_eqz(events[i].type, "node.finished") ||
			  str_eqz(events[i].type, "node.skipped");
	}
	if (n_starts != (m->run->run.started_ms != 0))
		return fail(m, NULL, "was started %zu times", n_starts);
	size_t n_want = 0;
	for (size_t i = 0; i < m->n_nodes; i++) {
		const struct mnode *n = &m->nodes[i];
		n_want += n->row && !n->row->copied_from.n &&
			  (by_hand(n) || n->n_attempts > 0 || n->expanded ||
			   n->row->status == NODE_SKIPPED || n->row->status == NODE_FAILED ||
			   ((sleeps(n) || calls(n)) && n->row->started_ms));
	}
	return n_ends == n_want ||
	       fail(m, NULL, "%zu events of node ends, want %zu", n_ends, n_want);
}

/* ---- signals ---- */

/* What the simulation waits for: a name as it is, or its first part with anything behind. */
static bool awaits(const struct mnode *n, struct str name)
{
	struct str event = awaited(n);
	if (!event.n)
		return false;
	bool any = event.p[event.n - 1] == '*' || event.p[event.n - 1] == '>';
	return any ? str_starts(name, str_n(event.p, event.n - 1)) : str_eq(name, event);
}

struct kept {
	struct str names[64];
	size_t n;
};

/* A node begins to wait: the oldest kept signal that fits is for it. */
static void begin_wait(struct mnode *n, struct kept *kept)
{
	for (size_t i = 0; i < kept->n; i++) {
		if (!awaits(n, kept->names[i]))
			continue;
		memmove(&kept->names[i], &kept->names[i + 1],
			(kept->n - i - 1) * sizeof(kept->names[0]));
		kept->n--;
		n->given = true;
		return;
	}
	n->waits = true;
}

static bool take_signal(struct model *m, struct kept *kept, struct str name, struct str node_id)
{
	for (size_t i = 0; i < m->n_nodes; i++) {
		struct mnode *n = &m->nodes[i];
		if (!n->waits || !awaits(n, name))
			continue;
		n->waits = false;
		n->given = true;
		return str_eq(n->id, node_id) || fail(m, n, "waits, and a signal went elsewhere");
	}
	if (node_id.n)
		return fail(m, find(m, node_id), "got a signal and did not wait for it");
	ASSERT(kept->n < ARRAY_LEN(kept->names));
	kept->names[kept->n++] = name;
	return true;
}

static bool end_wait(struct model *m, struct mnode *n, struct str status)
{
	bool good = str_eqz(status, "SUCCESS");
	if (by_hand(n))
		return true;
	if (n->given && !good)
		return fail(m, n, "got a signal and became %.*s", STR_ARG(status));
	if (good && !n->given && !str_starts(awaited(n), STR("e.")))
		return fail(m, n, "ended well without a signal");
	n->waits = false;
	return true;
}

/* Each signal is for exactly the node that is first in turn, and none is lost. */
static bool judge_signals(struct model *m, const struct event_row *events, size_t n_events)
{
	struct kept kept = {0};
	for (size_t i = 0; i < n_events; i++) {
		struct value data = parsed(m, events[i].data);
		struct str id = value_text(value_getz(&data, "nodeId"));
		struct mnode *n = id.n ? find(m, id) : NULL;
		if (str_eqz(events[i].type, "run.signal")) {
			if (!take_signal(m, &kept, value_text(value_getz(&data, "name")), id))
				return false;
		} else if (str_eqz(events[i].type, "node.given")) {
			n->waits = false;
		} else if (str_eqz(events[i].type, "node.waiting") && awaited(n).n) {
			begin_wait(n, &kept);
		} else if (str_eqz(events[i].type, "node.finished") && awaited(n).n && !n->each &&
			   n->row->started_ms) {
			if (!end_wait(m, n, value_text(value_getz(&data, "status"))))
				return false;
		}
	}
	return true;
}

/* ---- versions ---- */

/* The run has the version it was started with, or that of its last move; what is void was asked
 * before one. */
static bool judge_version(struct model *m, const struct event_row *events, size_t n_events)
{
	int64_t version = 0;
	size_t n_void = 0, n_moves = 0;
	for (size_t i = 0; i < n_events; i++) {
		bool moved = str_eqz(events[i].type, "run.moved");
		struct value data = parsed(m, events[i].data);
		const struct value *from = value_getz(&data, "from"), *to = value_getz(&data, "to");
		if (str_eqz(events[i].type, "run.started") || str_eqz(events[i].type, "run.queued"))
			version = value_getz(&data, "version")->i;
		if (moved && (from->i != version || to->i == version))
			return fail(m, NULL, "moved from %lld to %lld, but had %lld",
				    (long long)from->i, (long long)to->i, (long long)version);
		version = moved ? to->i : version;
		n_moves += moved;
	}
	for (size_t i = 0; i < m->run->n_approvals; i++)
		n_void += is_void(&m->run->approvals[i]);
	if (n_void > 0 && n_moves == 0)
		return fail(m, NULL, "a question is void, and the run never moved");
	return version == m->run->run.workflow_version ||
	       fail(m, NULL, "has version %lld, should have %lld",
		    (long long)m->run->run.workflow_version, (long long)version);
}

static bool count_again(struct model *m, const struct event_row *events, size_t n_events)
{
	for (size_t i = 0; i < n_events; i++) {
		if (!str_eqz(events[i].type, "node.resolved"))
			continue;
		struct value data = parsed(m, events[i].data);
		struct mnode *n = find(m, value_text(value_getz(&data, "nodeId")));
		n->n_again += str_eqz(value_text(value_getz(&data, "as")), "again");
	}
	return true;
}

/* ---- items ---- */

/* No more items of a node go on at once than may. */
static bool judge_turns(struct model *m, const struct event_row *events, size_t n_events)
{
	static const char *const begins[] = {"node.started", "node.waiting", "approval.requested",
					     "node.retrying"};
	for (size_t i = 0; i < n_events; i++) {
		struct value data = parsed(m, events[i].data);
		struct str id = value_text(value_getz(&data, "nodeId"));
		struct mnode *n = id.n ? find(m, id) : NULL, *of;
		if (!n || !n->of)
			continue;
		of = &m->nodes[n->of - m->nodes];
		const struct value *most = value_getz(of->def, "maxParallel");
		bool begin = false, ended = str_eqz(events[i].type, "node.finished") ||
					    str_eqz(events[i].type, "node.skipped");
		for (size_t k = 0; k < ARRAY_LEN(begins); k++)
			begin |= str_eqz(events[i].type, begins[k]);
		of->n_live += (begin && !n->began) - (ended && n->began);
		n->began = (n->began || begin) && !ended;
		if (of->n_live > (most ? most->i : 100))
			return fail(m, n, "is one item too many at once");
	}
	return true;
}

const char *model_judge(struct arena *a, const struct run_detail *run,
			const struct event_row *events, size_t n_events)
{
	struct model m = {.arena = a, .run = run};
	if (!run_status_final(run->run.status))
		fail(&m, NULL, "has not ended: %s", run_status_name(run->run.status));
	else if (load(&m) && count_again(&m, events, n_events) && judge_nodes(&m) && judge_run(&m))
		(void)(judge_events(&m, events, n_events) && judge_turns(&m, events, n_events) &&
		       judge_pauses(&m, events, n_events) && judge_signals(&m, events, n_events) &&
		       judge_version(&m, events, n_events));
	return m.wrong;
}
