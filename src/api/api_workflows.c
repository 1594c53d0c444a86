/* /api/workflows: definitions and their versions. */
#include "api/api_private.h"
#include "api/resources.h"
#include "text/yaml.h"

static const char no_workflow[] = "There is no such workflow.";

/* ---- finding one ---- */

enum { FIND_ROWS = 20 };

/* What stands just before the name in byte order, as far as ASCII goes; rows between are skipped.
 */
static struct str before_name(struct arena *a, struct str name)
{
	char *p = arena_dup(a, name.p, name.n + 1);
	unsigned char last = (unsigned char)name.p[name.n - 1];
	if (last <= 0x20 || last >= 0x7f)
		return str_n(p, name.n - 1);
	p[name.n - 1] = (char)(last - 1);
	p[name.n] = 0x7e;
	return str_n(p, name.n + 1);
}

static int find_by_name(struct call *c, struct str name, struct workflow_row *ret)
{
	struct store_page page = {.limit = FIND_ROWS, .after = before_name(c->arena, name)};
	for (;;) {
		struct workflow_row *rows;
		size_t n;
		int r = c->reader->ops->workflow_list(c->reader, c->arena, PROJECT, &page, &rows,
						      &n);
		if (r)
			return r;
		for (size_t i = 0; i < n; i++) {
			int order = str_cmp(rows[i].name, name);
			if (order == 0)
				*ret = rows[i];
			if (order >= 0)
				return order == 0 ? 0 : STORE_NOT_FOUND;
		}
		if (n < page.limit)
			return STORE_NOT_FOUND;
		page.after = rows[n - 1].name;
	}
}

int workflows_find(struct call *c, struct str id_or_name, struct workflow_row *ret)
{
	if (id_or_name.n == 0)
		return STORE_NOT_FOUND;
	int r = c->reader->ops->workflow_get(c->reader, c->arena, PROJECT, id_or_name, ret);
	if (r != STORE_NOT_FOUND || id_valid(id_or_name))
		return r;
	return find_by_name(c, id_or_name, ret);
}

/* ---- reading ---- */

static struct call_done answer_workflow(struct call *c, const struct workflow_row *w, int status,
					const char *outcome)
{
	struct version_row v = {0};
	int r = c->reader->ops->version_get(c->reader, c->arena, w->id, 0, &v);
	if (r)
		return call_problem_store(c, r, no_workflow);
	struct http_response out = call_response(status, "application/json");
	struct json_out o = json_out_to(&out.body);
	render_workflow(&o, w, true);
	json_out_key(&o, "definition");
	json_out_raw(&o, v.definition);
	if (outcome) {
		json_out_key(&o, "outcome");
		json_out_strz(&o, outcome);
	}
	json_out_end(&o);
	if (status == 201) {
		struct str id = w->id;
		http_response_field(
			&out, "Location",
			str_of(arena_printf(c->arena, "/api/workflows/%.*s", STR_ARG(id))));
	}
	return call_reply_response(c, &out);
}

struct call_done workflows_get(struct call *c)
{
	struct workflow_row w;
	int r = workflows_find(c, c->params[0], &w);
	return r ? call_problem_store(c, r, no_workflow) : answer_workflow(c, &w, 200, NULL);
}

struct call_done workflows_list(struct call *c)
{
	struct call_done refused;
	struct call_page p;
	struct workflow_row *rows;
	size_t n;
	if (!page_begin(c, &p, &refused))
		return refused;
	int r = c->reader->ops->workflow_list(c->reader, c->arena, PROJECT, &p.page, &rows, &n);
	if (r) {
		buf_free(&p.body);
		return call_problem_store(c, r, no_workflow);
	}
	size_t shown = page_shown(&p, n);
	for (size_t i = 0; i < shown; i++)
		render_workflow(&p.out, &rows[i], false);
	return page_end(c, &p, n > shown, shown ? rows[shown - 1].name : STR(""));
}

/* ---- saving: the document is read on the HTTP thread, saved on the loop, read back ---- */

struct save {
	struct value doc;
	struct call_text text;
	struct str id; /* to replace; then of what was saved */
	bool upsert, check_only;
	int64_t version;
	enum engine_outcome outcome;
};

static const char *outcome_name(enum engine_outcome outcome)
{
	if (outcome == ENGINE_CREATED)
		return "created";
	return outcome == ENGINE_UNCHANGED ? "unchanged" : "updated";
}

static struct call_done read_back(struct call *c)
{
	struct save *s = c->state;
	struct workflow_row w;
	int r = c->reader->ops->workflow_get(c->reader, c->arena, PROJECT, s->id, &w);
	if (r)
		return call_problem_store(c, r, no_workflow);
	return answer_workflow(c, &w, s->outcome == ENGINE_CREATED ? 201 : 200,
			       outcome_name(s->outcome));
}

static void place(struct save *s, const struct diag *findings)
{
	if (!findings || !s->text.places)
		return;
	struct diag d = *findings;
	yaml_place_findings(s->text.places, &d);
}

static void saved(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	struct save *s = c->state;
	if (reply->outcome > ENGINE_REPLAYED) {
		place(s, reply->diag);
		if (reply->outcome == ENGINE_NOT_FOUND)
			(void)call_problem(c, 404, no_workflow);
		else
			(void)call_problem_reply(c, reply);
		return;
	}
	s->id = arena_str(c->arena, reply->id);
	s->outcome = reply->outcome;
	(void)call_on_reader(c, read_back);
}

static struct call_done save(struct call *c)
{
	struct save *s = c->state;
	struct workflow_save request = {
		.project = PROJECT,
		.id = s->id,
		.upsert = s->upsert,
		.doc = &s->doc,
	};
	struct call_done later = call_later(c);
	engine_workflow_save(c->api->config.engine, &request, saved, c);
	return later;
}

static bool read_save(struct call *c, struct call_done *ret_done)
{
	struct save *s = ARENA_NEW(c->arena, struct save);
	c->state = s;
	return call_body(c, false, &s->doc, &s->text, ret_done) &&
	       call_project(c, &s->doc, ret_done);
}

struct call_done workflows_create(struct call *c)
{
	struct call_done refused;
	if (!read_save(c, &refused))
		return refused;
	struct save *s = c->state;
	if (!call_query_flag(c, "upsert", &s->upsert))
		return call_problem_path(c, 400, "upsert", "must be true or false");
	return call_on_loop(c, save);
}

static struct call_done find_and_save(struct call *c)
{
	struct save *s = c->state;
	struct workflow_row w;
	int r = workflows_find(c, c->params[0], &w);
	if (r)
		return call_problem_store(c, r, no_workflow);
	s->id = w.id;
	return call_on_loop(c, save);
}

struct call_done workflows_replace(struct call *c)
{
	struct call_done refused;
	return read_save(c, &refused) ? call_on_reader(c, find_and_save) : refused;
}

/* ---- checking ---- */

static void checked(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome > ENGINE_REPLAYED) {
		place(c->state, reply->diag);
		(void)call_problem_reply(c, reply);
		return;
	}
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "valid");
	json_out_bool(&o, true);
	json_out_key(&o, "definition");
	json_out_raw(&o, reply->json);
	json_out_end(&o);
	(void)call_reply(c, 200, &body);
}

static struct call_done check(struct call *c)
{
	struct save *s = c->state;
	struct call_done later = call_later(c);
	engine_workflow_check(c->api->config.engine, PROJECT, &s->doc, checked, c);
	return later;
}

struct call_done workflows_check(struct call *c)
{
	struct call_done refused;
	return read_save(c, &refused) ? call_on_loop(c, check) : refused;
}
