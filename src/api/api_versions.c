/* /api/workflows/{workflow}/versions and /diff: what was saved, and what changed between. */
#include <errno.h>
#include <stdio.h>

#include "api/api_private.h"
#include "api/resources.h"
#include "engine/request/diff.h"
#include "json/parse.h"

static const char no_workflow[] = "There is no such workflow.";
static const char no_version[] = "The workflow has no such version.";

static void put_version(struct json_out *o, const struct version_row *v)
{
	json_out_key(o, "workflowId");
	json_out_str(o, v->workflow_id);
	json_out_key(o, "version");
	json_out_int(o, v->version);
	json_out_key(o, "sha256");
	json_out_str(o, v->sha256);
	json_out_key(o, "createdAt");
	json_out_time(o, v->created_ms);
}

struct call_done workflows_versions(struct call *c)
{
	struct call_done refused;
	struct call_page p;
	struct workflow_row w;
	struct version_row *rows;
	size_t n;
	int r = workflows_find(c, c->params[0], &w);
	if (r)
		return call_problem_store(c, r, no_workflow);
	if (!page_begin(c, &p, &refused))
		return refused;
	r = c->reader->ops->version_list(c->reader, c->arena, w.id, &p.page, &rows, &n);
	if (r) {
		buf_free(&p.body);
		return call_problem_store(c, r, no_workflow);
	}
	size_t shown = page_shown(&p, n);
	for (size_t i = 0; i < shown; i++) {
		json_out_object(&p.out);
		put_version(&p.out, &rows[i]);
		json_out_end(&p.out);
	}
	char last[24] = "";
	if (shown)
		snprintf(last, sizeof(last), "%lld", (long long)rows[shown - 1].version);
	return page_end(c, &p, n > shown, str_of(last));
}

static bool read_version(struct str text, int64_t *ret)
{
	int64_t n = 0;
	for (size_t i = 0; i < text.n && n < 1000000000; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (text.p[i] - '0');
	}
	*ret = n;
	return n > 0;
}

struct call_done workflows_version(struct call *c)
{
	struct workflow_row w;
	struct version_row v = {0};
	int64_t number;
	if (!read_version(c->params[1], &number))
		return call_problem(c, 404, no_version);
	int r = workflows_find(c, c->params[0], &w);
	if (r)
		return call_problem_store(c, r, no_workflow);
	r = c->reader->ops->version_get(c->reader, c->arena, w.id, number, &v);
	if (r)
		return call_problem_store(c, r, no_version);
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	put_version(&o, &v);
	json_out_key(&o, "definition");
	json_out_raw(&o, v.definition);
	json_out_end(&o);
	return call_reply(c, 200, &body);
}

/* ---- what changed ---- */

/* A version by its number or as "newest". */
static bool query_version(struct call *c, const char *name, int64_t newest, int64_t otherwise,
			  int64_t *ret, struct call_done *ret_done)
{
	const struct str *text = call_query(c, name);
	*ret = otherwise;
	if (!text || read_version(*text, ret))
		return true;
	*ret = newest;
	if (str_eqz(*text, "newest"))
		return true;
	*ret_done = call_problem_path(c, 400, name, "must be the number of a version, or newest");
	return false;
}

static int read_definition(struct call *c, struct str workflow_id, int64_t number,
			   struct value *ret)
{
	struct version_row v = {0};
	int r = c->reader->ops->version_get(c->reader, c->arena, workflow_id, number, &v);
	if (r == 0 && json_parse(c->arena, v.definition, JSON_DEFAULT, ret, NULL) != 0)
		return -EUCLEAN;
	return r;
}

static struct call_done answer_diff(struct call *c, const struct workflow_row *w, int64_t from,
				    int64_t to)
{
	struct value old, new;
	int r = read_definition(c, w->id, from, &old);
	if (r == 0)
		r = read_definition(c, w->id, to, &new);
	if (r)
		return call_problem_store(c, r, no_version);
	struct value diff = diff_definitions(c->arena, &old, &new);
	struct buf body = {0};
	CLEANUP_BUF struct buf text = {0};
	diff_text(&diff, &text);
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "workflowId");
	json_out_str(&o, w->id);
	json_out_key(&o, "workflowName");
	json_out_str(&o, w->name);
	json_out_key(&o, "from");
	json_out_int(&o, from);
	json_out_key(&o, "to");
	json_out_int(&o, to);
	for (uint32_t i = 0; i < diff.n; i++) {
		json_out_key(&o, diff.members[i].key.p);
		json_out_value(&o, &diff.members[i].value);
	}
	json_out_key(&o, "text");
	json_out_str(&o, buf_str(&text));
	json_out_end(&o);
	return call_reply(c, 200, &body);
}

struct call_done workflows_diff(struct call *c)
{
	struct call_done refused;
	struct workflow_row w;
	int64_t from, to;
	int r = workflows_find(c, c->params[0], &w);
	if (r)
		return call_problem_store(c, r, no_workflow);
	if (!query_version(c, "to", w.version, w.version, &to, &refused) ||
	    !query_version(c, "from", w.version, to > 1 ? to - 1 : 1, &from, &refused))
		return refused;
	return answer_diff(c, &w, from, to);
}
