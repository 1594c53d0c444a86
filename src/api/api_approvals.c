/* /api/approvals: what waits for people, and their decisions. */
#include "api/api_private.h"
#include "api/resources.h"

static const char no_approval[] = "There is no such approval.";

static int read_one(struct call *c, struct approval_row *ret)
{
	return c->reader->ops->approval_get(c->reader, c->arena, PROJECT, c->params[0], ret);
}

struct call_done approvals_get(struct call *c)
{
	struct approval_row row;
	int r = read_one(c, &row);
	if (r)
		return call_problem_store(c, r, no_approval);
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	render_approval(&o, &row);
	return call_reply(c, 200, &body);
}

static bool read_filter(struct call *c, struct approval_filter *f, struct call_done *ret_done)
{
	const struct str *status = call_query(c, "status"), *run = call_query(c, "run");
	const struct str *workflow = call_query(c, "workflow");
	struct workflow_row w;
	f->project = PROJECT;
	f->has_status = status != NULL;
	if (status && !approval_status_parse(*status, &f->status)) {
		*ret_done = call_problem_path(c, 400, "status",
					      "must be PENDING, APPROVED, REJECTED or EXPIRED");
		return false;
	}
	if (run && run->n == 0) {
		*ret_done = call_problem_path(c, 400, "run", "must be the id of a run");
		return false;
	}
	if (run)
		f->run_id = *run;
	int r = workflow ? workflows_find(c, *workflow, &w) : 0;
	if (r) {
		*ret_done = call_problem_store(c, r, "There is no such workflow.");
		return false;
	}
	if (workflow)
		f->workflow_id = w.id;
	return true;
}

struct call_done approvals_list(struct call *c)
{
	struct call_done refused;
	struct approval_filter f = {0};
	struct call_page p;
	struct approval_row *rows;
	size_t n;
	if (!read_filter(c, &f, &refused) || !page_begin(c, &p, &refused))
		return refused;
	int r = c->reader->ops->approval_list(c->reader, c->arena, &f, &p.page, &rows, &n);
	if (r) {
		buf_free(&p.body);
		return call_problem_store(c, r, no_approval);
	}
	size_t shown = page_shown(&p, n);
	for (size_t i = 0; i < shown; i++)
		render_approval(&p.out, &rows[i]);
	return page_end(c, &p, n > shown, shown ? rows[shown - 1].id : STR(""));
}

/* ---- deciding ---- */

/* The engine knows what is open only: what was decided before is a conflict, not a stranger. */
static struct call_done not_open(struct call *c)
{
	struct approval_row row;
	int r = read_one(c, &row);
	if (r)
		return call_problem_store(c, r, no_approval);
	return call_problem(c, 409,
			    arena_printf(c->arena, "This was decided already: %s.",
					 approval_status_name(row.status)));
}

static void decided(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome == ENGINE_NOT_FOUND)
		(void)call_on_reader(c, not_open);
	else if (reply->outcome > ENGINE_REPLAYED)
		(void)call_problem_reply(c, reply);
	else
		(void)call_on_reader(c, approvals_get);
}

static struct call_done decide(struct call *c)
{
	const struct approval_decision *decision = c->state;
	struct call_done later = call_later(c);
	engine_approval_decide(c->api->config.engine, decision, decided, c);
	return later;
}

/* A member that is text of at most `most` bytes, or not there. */
static bool read_text(struct call *c, const struct value *body, const char *name, size_t most,
		      struct str *ret, struct call_done *ret_done)
{
	const struct value *v = value_getz(body, name);
	if (!v || value_is(v, VALUE_NULL))
		return true;
	if (!value_is(v, VALUE_STRING) || value_text(v).n > most) {
		*ret_done = call_problem_path(
			c, 422, name,
			arena_printf(c->arena, "must be text of at most %zu bytes", most));
		return false;
	}
	*ret = value_text(v);
	return true;
}

struct call_done approvals_decide(struct call *c)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	struct str decision = {0};
	struct approval_decision *d = ARENA_NEW(c->arena, struct approval_decision);
	*d = (struct approval_decision){.project = PROJECT, .id = c->params[0]};
	if (!call_body(c, false, &body, &text, &refused) ||
	    !call_members(c, &body, "decision notes respondedBy sha256", &refused) ||
	    !read_text(c, &body, "decision", LIMIT_NAME_BYTES, &decision, &refused) ||
	    !read_text(c, &body, "notes", LIMIT_APPROVAL_NOTES_BYTES, &d->notes, &refused) ||
	    !read_text(c, &body, "respondedBy", LIMIT_NAME_BYTES, &d->responded_by, &refused) ||
	    !read_text(c, &body, "sha256", LIMIT_NAME_BYTES, &d->sha256, &refused))
		return refused;
	if (!approval_status_parse(decision, &d->decision) ||
	    (d->decision != APPROVAL_APPROVED && d->decision != APPROVAL_REJECTED))
		return call_problem_path(c, 422, "decision", "must be APPROVED or REJECTED");
	if (d->responded_by.n == 0)
		d->responded_by = STR("local");
	c->state = d;
	return call_on_loop(c, decide);
}
