/* /livez, /readyz, /health. */
#include "api/api_private.h"
#include "api/resources.h"

struct call_done health_live(struct call *c)
{
	struct buf body = {0};
	buf_puts(&body, "{\"status\":\"ok\"}");
	return call_reply(c, 200, &body);
}

static struct api_health judge(struct api *api)
{
	struct engine_stats stats;
	struct api_health h = {"", ""};
	engine_stats(api->config.engine, &stats);
	if (stats.store_full)
		h.database = "the disk is full";
	if (api->config.health)
		api->config.health(api->config.arg, &h);
	return h;
}

static void put_check(struct json_out *o, const char *name, const char *wrong)
{
	json_out_key(o, name);
	json_out_strz(o, wrong && *wrong ? wrong : "ok");
}

static struct call_done report(struct call *c)
{
	struct api *api = c->api;
	struct api_health h = judge(api);
	bool ok = !*h.database && !*h.executor;
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "status");
	json_out_strz(&o, ok ? "ok" : "degraded");
	json_out_key(&o, "service");
	json_out_strz(&o, api->config.service);
	json_out_key(&o, "version");
	json_out_strz(&o, api->config.version);
	json_out_key(&o, "checks");
	json_out_object(&o);
	put_check(&o, "database", h.database);
	json_out_key(&o, "bus"); /* there is none in this version: nothing that could be well */
	json_out_strz(&o, "none");
	put_check(&o, "executor", h.executor);
	json_out_end(&o);
	json_out_end(&o);
	return call_reply(c, ok ? 200 : 503, &body);
}

struct call_done health_report(struct call *c)
{
	return call_on_loop(c, report);
}

/* Ready: the loop turns and the database takes writes. */
static struct call_done ready(struct call *c)
{
	if (*judge(c->api).database)
		return call_problem(c, 503, "The database takes no writes.");
	return health_live(c);
}

struct call_done health_ready(struct call *c)
{
	return call_on_loop(c, ready);
}
