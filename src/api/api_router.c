/* One exact table of routes; what is not in it does not exist. */
#include "api/api_private.h"
#include "api/guard.h"
#include "api/resources.h"

#include "base/clock.h"
#include "base/limits.h"

#define GET(p, ...)                                                                                \
	{                                                                                          \
		.method = "GET", .path = (p), __VA_ARGS__                                          \
	}
#define POST(p, ...)                                                                               \
	{                                                                                          \
		.method = "POST", .path = (p), __VA_ARGS__                                         \
	}
#define PUT(p, ...)                                                                                \
	{                                                                                          \
		.method = "PUT", .path = (p), __VA_ARGS__                                          \
	}
#define DELETE(p, ...)                                                                             \
	{                                                                                          \
		.method = "DELETE", .path = (p), __VA_ARGS__                                       \
	}
#define READ(fn) .handle = (fn), .on_reader = true
#define DO(fn) .handle = (fn)
#define QUERY(names) .query = (names)
#define BODY(kind) .body = (kind)
#define REST .rest = true
#define ANY_HOST .any_host = true

static const struct route routes[] = {
	GET("/livez", DO(health_live), ANY_HOST),
	GET("/readyz", DO(health_ready), ANY_HOST),
	GET("/health", DO(health_report), ANY_HOST),
	GET("/api/health", DO(health_report), ANY_HOST),
	GET("/openapi.json", DO(openapi_get)),
	POST("/api/agents", DO(agents_create), BODY(BODY_JSON)),
	GET("/api/agents", READ(agents_list), QUERY("limit cursor")),
	GET("/api/agents/{agent}", READ(agents_get)),
	PUT("/api/agents/{agent}", DO(agents_replace), BODY(BODY_JSON)),
	DELETE("/api/agents/{agent}", READ(agents_delete)),
	POST("/api/agents/{agent}/reset", DO(agents_reset), BODY(BODY_JSON)),
	POST("/api/workflows", DO(workflows_create), BODY(BODY_WORKFLOW), QUERY("upsert")),
	POST("/api/workflows/validate", DO(workflows_check), BODY(BODY_WORKFLOW)),
	GET("/api/workflows", READ(workflows_list), QUERY("limit cursor")),
	GET("/api/workflows/{workflow}", READ(workflows_get)),
	PUT("/api/workflows/{workflow}", DO(workflows_replace), BODY(BODY_WORKFLOW)),
	DELETE("/api/workflows/{workflow}", READ(workflows_delete), QUERY("cascade by reason")),
	POST("/api/workflows/{workflow}/archive", DO(workflows_archive), BODY(BODY_JSON)),
	POST("/api/workflows/{workflow}/unarchive", DO(workflows_unarchive), BODY(BODY_JSON)),
	GET("/api/workflows/{workflow}/versions", READ(workflows_versions), QUERY("limit cursor")),
	GET("/api/workflows/{workflow}/versions/{version}", READ(workflows_version)),
	GET("/api/workflows/{workflow}/diff", READ(workflows_diff), QUERY("from to")),
	POST("/api/workflows/{workflow}/trigger", DO(trigger_workflow), BODY(BODY_JSON)),
	POST("/api/workflows/{workflow}/pause", DO(workflows_pause), BODY(BODY_JSON)),
	POST("/api/workflows/{workflow}/resume", DO(workflows_resume), BODY(BODY_JSON)),
	GET("/api/workflows/{workflow}/runs", READ(runs_list_of_workflow),
	    QUERY("limit cursor status since until q")),
	GET("/api/workflows/{workflow}/runs/{runId}", READ(runs_get_of_workflow)),
	POST("/api/workflows/runs/{runId}/retry", DO(runs_retry), BODY(BODY_JSON)),
	GET("/api/runs", READ(runs_list),
	    QUERY("limit cursor status workflow callerRunId since until q")),
	POST("/api/runs/bulk", DO(runs_bulk), BODY(BODY_JSON)),
	GET("/api/runs/{runId}", READ(runs_get)),
	GET("/api/runs/{runId}/why", READ(runs_why)),
	GET("/api/runs/{runId}/agent-runs", READ(runs_attempts)),
	GET("/api/runs/{runId}/events", READ(streams_events), QUERY("after")),
	GET("/api/runs/{runId}/nodes/{nodeId}/items", READ(items_list),
	    QUERY("limit cursor status")),
	GET("/api/runs/{runId}/nodes/{nodeId}/logs", READ(streams_logs),
	    QUERY("limit cursor after follow")),
	GET("/api/approvals", READ(approvals_list), QUERY("limit cursor status run workflow")),
	GET("/api/approvals/{approval}", READ(approvals_get)),
	POST("/api/approvals/{approval}/decision", DO(approvals_decide), BODY(BODY_JSON)),
	GET("/api/runs/{runId}/artifacts", READ(artifacts_list)),
	GET("/api/runs/{runId}/artifacts/{nodeId}/{attempt}/{path}", READ(artifacts_get), REST),
	POST("/api/runs/{runId}/retry", DO(runs_retry), BODY(BODY_JSON)),
	POST("/api/runs/{runId}/cancel", DO(runs_cancel), BODY(BODY_JSON)),
	POST("/api/runs/{runId}/move", DO(runs_move), BODY(BODY_JSON)),
	POST("/api/runs/{runId}/pause", DO(runs_pause), BODY(BODY_JSON)),
	POST("/api/runs/{runId}/resume", DO(runs_resume), BODY(BODY_JSON)),
	POST("/api/runs/{runId}/nodes/{nodeId}/skip", DO(runs_skip), BODY(BODY_JSON)),
	GET("/api/storage", READ(storage_get)),
	GET("/api/schedules", READ(schedules_list), QUERY("limit cursor")),
	GET("/api/schedules/{schedule}", READ(schedules_get)),
	POST("/api/schedules/{schedule}/pause", DO(schedules_pause), BODY(BODY_JSON)),
	POST("/api/schedules/{schedule}/resume", DO(schedules_resume), BODY(BODY_JSON)),
	POST("/api/schedules/{schedule}/backfill", DO(schedules_backfill), BODY(BODY_JSON)),
	GET("/api/unknown", DO(unknown_list)),
	POST("/api/runs/{runId}/nodes/{nodeId}/resolve", DO(nodes_resolve), BODY(BODY_JSON)),
	POST("/api/runs/{runId}/signal", DO(signals_send), BODY(BODY_JSON)),
	POST("/api/events", DO(events_receive), BODY(BODY_JSON)),
};

/* Splits the template as it goes: "{x}" takes any segment that is not empty. */
static bool matches(const struct route *route, const struct http_request *r, struct str params[4])
{
	const char *p = route->path + 1;
	size_t n_params = 0;
	for (size_t i = 0; i < r->n_segments; i++) {
		if (!*p && (!route->rest || r->segments[i].n == 0))
			return false;
		if (!*p)
			continue;
		size_t n = strcspn(p, "/");
		struct str segment = r->segments[i];
		if (p[0] == '{') {
			bool rest = route->rest && !p[n];
			if (segment.n == 0 || (segment.n > LIMIT_NODE_ID_BYTES && !rest))
				return false;
			params[n_params++] = segment;
		} else if (!str_eq(segment, str_n(p, n))) {
			return false;
		}
		p += n;
		if (*p == '/')
			p++;
	}
	return *p == '\0' && r->n_segments > 0;
}

/* HEAD is a GET whose body the server leaves out. */
static bool method_is(const struct route *route, struct str method)
{
	if (str_eq(method, STR("HEAD")))
		method = STR("GET");
	return str_eqz(method, route->method);
}

static const struct route *find(struct call *c, bool *ret_path_known)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		struct str params[4] = {0};
		if (!matches(&routes[i], c->request, params))
			continue;
		*ret_path_known = true;
		if (!method_is(&routes[i], c->request->method))
			continue;
		memcpy(c->params, params, sizeof(params));
		for (const char *p = routes[i].path + 1; (p = strchr(p, '/')); p++)
			c->rest_at++;
		return &routes[i];
	}
	return NULL;
}

static struct call_done answer_allow(struct call *c, struct http_response *r)
{
	CLEANUP_BUF struct buf allow = {0};
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		struct str params[4];
		if (!matches(&routes[i], c->request, params))
			continue;
		if (allow.n)
			buf_puts(&allow, ", ");
		buf_puts(&allow, routes[i].method);
		if (strcmp(routes[i].method, "GET") == 0)
			buf_puts(&allow, ", HEAD");
	}
	buf_puts(&allow, allow.n ? ", OPTIONS" : "GET, HEAD, POST, PUT, DELETE, OPTIONS");
	http_response_field(r, "Allow", buf_str(&allow));
	return call_reply_response(c, r);
}

static struct call_done refuse_method(struct call *c)
{
	bool options = str_eq(c->request->method, STR("OPTIONS"));
	struct http_response r = options ? call_response(204, NULL)
					 : problem_response(c, 405, "This path has other methods.");
	return answer_allow(c, &r);
}

static bool names_has(const char *names, struct str name)
{
	for (const char *p = names; p && *p;) {
		size_t n = strcspn(p, " ");
		if (str_eq(str_n(p, n), name))
			return true;
		p += n + (p[n] == ' ');
	}
	return false;
}

/* An unknown or repeated query parameter, or NULL. */
static const struct str *bad_query(const struct call *c)
{
	const struct http_request *r = c->request;
	for (size_t i = 0; i < r->n_query; i++) {
		if (!names_has(c->route->query, r->query[i].name) &&
		    !str_eq(r->query[i].name, STR("project")))
			return &r->query[i].name;
		for (size_t k = 0; k < i; k++)
			if (str_eq(r->query[k].name, r->query[i].name))
				return &r->query[i].name;
	}
	return NULL;
}

static struct call *call_new(struct api *api, struct http_exchange *x)
{
	struct arena *a = http_arena(x);
	struct call *c = ARENA_NEW(a, struct call);
	c->api = api;
	c->x = x;
	c->request = http_request_of(x);
	c->arena = a;
	c->started_ns = clock_mono_ns(clock_system());
	return c;
}

static bool body_type_known(const struct call *c)
{
	struct str type;
	if (!http_header(c->request, "Content-Type", &type))
		return true;
	return body_kind_of(type, c->route->body) != BODY_UNKNOWN;
}

/* Every route takes ?project=; there is the one project "default". */
static bool project_known(const struct call *c)
{
	const struct str *project = call_query(c, "project");
	return !project || str_eq(*project, PROJECT);
}

/* Why a browser's page may not do this, or NULL. */
static const char *guard(const struct call *c)
{
	const char *why = c->route->any_host ? NULL : guard_host(c->request);
	if (!why && strcmp(c->route->method, "GET") != 0)
		why = guard_origin(c->request);
	return why;
}

/* Answers what can be answered from the request line and the headers; true when it did. */
static bool refuse_early(struct call *c, bool has_body)
{
	const struct http_request *r = c->request;
	if (r->refuse_status) {
		(void)call_problem(c, r->refuse_status, r->refuse_detail);
		return true;
	}
	bool path_known = str_eq(r->path, STR("*"));
	c->route = find(c, &path_known);
	if (!c->route) {
		if (path_known)
			(void)refuse_method(c);
		else
			(void)call_problem(c, 404, "There is nothing at this path.");
		return true;
	}
	const char *why = guard(c);
	if (why) {
		(void)call_problem(c, 403, why);
		return true;
	}
	const struct str *bad = bad_query(c);
	if (bad) {
		(void)call_problem_path(c, 400, arena_dup(c->arena, bad->p, bad->n),
					"This query parameter is unknown here or repeated.");
		return true;
	}
	if (!project_known(c)) {
		(void)call_problem(c, 404, "There is no such project; there is \"default\".");
		return true;
	}
	if (has_body && c->route->body != BODY_NONE && !body_type_known(c)) {
		(void)call_problem(c, 415,
				   c->route->body == BODY_WORKFLOW
					   ? "Send application/json or application/yaml."
					   : "Send application/json.");
		return true;
	}
	return false;
}

void api_headers(void *arg, struct http_exchange *x)
{
	struct api *api = arg;
	(void)refuse_early(call_new(api, x), true);
}

void api_handle(void *arg, struct http_exchange *x)
{
	struct api *api = arg;
	struct call *c = call_new(api, x);
	if (refuse_early(c, c->request->body.n > 0))
		return;
	if (c->route->on_reader)
		(void)call_on_reader(c, c->route->handle);
	else
		(void)c->route->handle(c);
}

const char *api_route_text(size_t i, char *buf, size_t n)
{
	if (i >= ARRAY_LEN(routes))
		return NULL;
	snprintf(buf, n, "%s %s", routes[i].method, routes[i].path);
	return buf;
}
