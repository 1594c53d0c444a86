/* /api/agents: the registry. */
#include "api/api_private.h"
#include "api/resources.h"
#include "base/sha256.h"

static const char no_agent[] = "There is no such agent.";

/* ---- reading ---- */

static int find_by_name(struct call *c, struct str name, struct agent_row *ret)
{
	struct store_page page = {.limit = LIMIT_PAGE_MOST};
	for (;;) {
		struct agent_row *rows;
		size_t n;
		int r = c->reader->ops->agent_list(c->reader, c->arena, PROJECT, &page, &rows, &n);
		if (r)
			return r;
		for (size_t i = 0; i < n; i++)
			if (str_eq(rows[i].name, name)) {
				*ret = rows[i];
				return 0;
			}
		if (n < page.limit)
			return STORE_NOT_FOUND;
		page.after = rows[n - 1].name;
	}
}

static int find(struct call *c, struct str id_or_name, struct agent_row *ret)
{
	int r = c->reader->ops->agent_get(c->reader, c->arena, PROJECT, id_or_name, ret);
	if (r != STORE_NOT_FOUND || id_valid(id_or_name))
		return r;
	return find_by_name(c, id_or_name, ret);
}

/* ---- answers: how agents fare is known on the loop ---- */

struct shown {
	struct agent_row row;
	int status;
};

static void render_now(struct call *c, struct json_out *o, const struct agent_row *a)
{
	struct engine_agent_state now;
	engine_agent_state(c->api->config.engine, PROJECT, a->name, &now);
	render_agent(o, c->arena, a, &now);
}

static struct call_done show(struct call *c)
{
	const struct shown *s = c->state;
	struct http_response out = call_response(s->status, "application/json");
	struct json_out o = json_out_to(&out.body);
	render_now(c, &o, &s->row);
	if (s->status == 201)
		http_response_field(
			&out, "Location",
			str_of(arena_printf(c->arena, "/api/agents/%.*s", STR_ARG(s->row.id))));
	return call_reply_response(c, &out);
}

static struct call_done answer_agent(struct call *c, const struct agent_row *a, int status)
{
	struct shown *s = ARENA_NEW(c->arena, struct shown);
	*s = (struct shown){*a, status};
	c->state = s;
	return call_on_loop(c, show);
}

struct call_done agents_get(struct call *c)
{
	struct agent_row a;
	int r = find(c, c->params[0], &a);
	return r ? call_problem_store(c, r, no_agent) : answer_agent(c, &a, 200);
}

struct listed {
	struct call_page page;
	struct agent_row *rows;
	size_t n, shown;
};

static struct call_done show_list(struct call *c)
{
	struct listed *l = c->state;
	for (size_t i = 0; i < l->shown; i++)
		render_now(c, &l->page.out, &l->rows[i]);
	return page_end(c, &l->page, l->n > l->shown,
			l->shown ? l->rows[l->shown - 1].name : STR(""));
}

struct call_done agents_list(struct call *c)
{
	struct call_done refused;
	struct listed *l = ARENA_NEW(c->arena, struct listed);
	if (!page_begin(c, &l->page, &refused))
		return refused;
	int r = c->reader->ops->agent_list(c->reader, c->arena, PROJECT, &l->page.page, &l->rows,
					   &l->n);
	if (r) {
		buf_free(&l->page.body);
		return call_problem_store(c, r, no_agent);
	}
	l->shown = page_shown(&l->page, l->n);
	c->state = l;
	return call_on_loop(c, show_list);
}

/* ---- the circuit breaker ---- */

static void was_reset(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome == ENGINE_NOT_FOUND)
		(void)call_problem(c, 409, "The agent has no circuit breaker.");
	else
		(void)show(c);
}

static struct call_done reset_one(struct call *c)
{
	const struct shown *s = c->state;
	struct call_done later = call_later(c);
	engine_agent_reset(c->api->config.engine, PROJECT, s->row.name, was_reset, c);
	return later;
}

static struct call_done find_to_reset(struct call *c)
{
	struct shown *s = ARENA_NEW(c->arena, struct shown);
	s->status = 200;
	int r = find(c, c->params[0], &s->row);
	if (r)
		return call_problem_store(c, r, no_agent);
	c->state = s;
	return call_on_loop(c, reset_one);
}

struct call_done agents_reset(struct call *c)
{
	struct value body;
	struct call_text text;
	struct call_done refused;
	if (!call_body(c, true, &body, &text, &refused) || !call_members(c, &body, "", &refused))
		return refused;
	return call_on_reader(c, find_to_reset);
}

/* ---- saving ---- */

struct save {
	struct value doc;
	struct str id;
	enum engine_outcome outcome;
	char digest[SHA256_HEX_BYTES];
};

static struct call_done read_back(struct call *c)
{
	struct save *s = c->state;
	struct agent_row a;
	int r = c->reader->ops->agent_get(c->reader, c->arena, PROJECT, s->id, &a);
	if (r)
		return call_problem_store(c, r, no_agent);
	return answer_agent(c, &a, s->outcome == ENGINE_CREATED ? 201 : 200);
}

static void saved(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	struct save *s = c->state;
	if (reply->outcome == ENGINE_NOT_FOUND) {
		(void)call_problem(c, 404, no_agent);
		return;
	}
	if (reply->outcome > ENGINE_REPLAYED) {
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
	const struct api_config *config = &c->api->config;
	struct str folder = value_text(value_getz(&s->doc, "entryPath"));
	if (folder.n && config->folder_allowed && !config->folder_allowed(config->arg, folder))
		return call_problem_path(c, 422, "entryPath",
					 "The folder must be there and lie under a root that was "
					 "allowed with --agents.");
	struct agent_save request = {
		.project = PROJECT,
		.id = s->id,
		.digest = str_of(s->digest),
		.doc = &s->doc,
	};
	struct call_done later = call_later(c);
	engine_agent_save(config->engine, &request, saved, c);
	return later;
}

/* Hashing a folder takes its time: not on the loop, not on the HTTP thread. */
static struct call_done prepare(struct call *c)
{
	struct save *s = c->state;
	const struct api_config *config = &c->api->config;
	struct str folder = value_text(value_getz(&s->doc, "entryPath"));
	if (c->params[0].n) {
		struct agent_row a;
		int r = find(c, c->params[0], &a);
		if (r)
			return call_problem_store(c, r, no_agent);
		s->id = a.id;
	}
	if (folder.n && memchr(folder.p, '\0', folder.n))
		return call_problem_path(c, 422, "entryPath", "is no path");
	if (folder.n && config->folder_digest)
		config->folder_digest(config->arg, folder, s->digest);
	return call_on_loop(c, save);
}

static struct call_done begin_save(struct call *c)
{
	struct call_done refused;
	struct call_text text;
	struct save *s = ARENA_NEW(c->arena, struct save);
	c->state = s;
	if (!call_body(c, false, &s->doc, &text, &refused) || !call_project(c, &s->doc, &refused))
		return refused;
	return call_on_reader(c, prepare);
}

struct call_done agents_create(struct call *c)
{
	return begin_save(c);
}

struct call_done agents_replace(struct call *c)
{
	return begin_save(c);
}

/* ---- deleting ---- */

static void deleted(void *arg, const struct engine_reply *reply)
{
	(void)call_deleted(arg, reply, no_agent);
}

static struct call_done delete_one(struct call *c)
{
	const struct str *id = c->state;
	struct call_done later = call_later(c);
	engine_agent_delete(c->api->config.engine, PROJECT, *id, deleted, c);
	return later;
}

struct call_done agents_delete(struct call *c)
{
	struct agent_row a;
	int r = find(c, c->params[0], &a);
	if (r)
		return call_problem_store(c, r, no_agent);
	struct str *id = ARENA_NEW(c->arena, struct str);
	*id = a.id;
	c->state = id;
	return call_on_loop(c, delete_one);
}
