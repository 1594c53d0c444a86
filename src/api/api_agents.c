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

static struct call_done answer_agent(struct call *c, const struct agent_row *a, int status)
{
	struct http_response out = call_response(status, "application/json");
	struct json_out o = json_out_to(&out.body);
	render_agent(&o, a);
	if (status == 201)
		http_response_field(
			&out, "Location",
			str_of(arena_printf(c->arena, "/api/agents/%.*s", STR_ARG(a->id))));
	return call_reply_response(c, &out);
}

struct call_done agents_get(struct call *c)
{
	struct agent_row a;
	int r = find(c, c->params[0], &a);
	return r ? call_problem_store(c, r, no_agent) : answer_agent(c, &a, 200);
}

struct call_done agents_list(struct call *c)
{
	struct call_done refused;
	struct call_page p;
	struct agent_row *rows;
	size_t n;
	if (!page_begin(c, &p, &refused))
		return refused;
	int r = c->reader->ops->agent_list(c->reader, c->arena, PROJECT, &p.page, &rows, &n);
	if (r) {
		buf_free(&p.body);
		return call_problem_store(c, r, no_agent);
	}
	size_t shown = page_shown(&p, n);
	for (size_t i = 0; i < shown; i++)
		render_agent(&p.out, &rows[i]);
	return page_end(c, &p, n > shown, shown ? rows[shown - 1].name : STR(""));
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
