#include "daemon/register.h"

#include <uv.h>

#include "base/log.h"

struct registering {
	size_t n_open;
	const struct agent_found *agent; /* whose reply comes, when it comes at once */
};

static void log_findings(const struct agent_found *agent, const struct diag *d)
{
	for (size_t i = 0; d && i < d->n; i++)
		log_event(WARN, "agent.refused", LOG_Z("folder", agent->folder),
			  LOG_Z("path", d->findings[i].path), LOG_INT("line", d->findings[i].line),
			  LOG_Z("message", d->findings[i].message));
}

static void on_saved(void *arg, const struct engine_reply *reply)
{
	struct registering *r = arg;
	r->n_open--;
	if (reply->outcome == ENGINE_INVALID || reply->outcome == ENGINE_CONFLICT)
		log_findings(r->agent, reply->diag);
}

/* The document without the digest, which the engine takes apart from it. */
static struct value without_digest(struct arena *a, const struct value *agent)
{
	struct value doc = value_object(a, agent->n);
	for (uint32_t i = 0; i < agent->n; i++)
		if (!str_eqz(agent->members[i].key, "digest"))
			value_put(a, &doc, agent->members[i].key, agent->members[i].value);
	return doc;
}

void register_agents(struct engine *engine, struct uv_loop_s *loop, const struct agent_roots *roots)
{
	CLEANUP_ARENA struct arena a = {0};
	struct agents_found found;
	builtin_find(&a, roots, &found);
	struct registering r = {0};
	for (size_t i = 0; i < found.n; i++) {
		const struct agent_found *agent = &found.items[i];
		if (agent->refused) {
			log_findings(agent, &agent->diag);
			continue;
		}
		struct value doc = without_digest(&a, &agent->agent);
		struct agent_save save = {
			.project = STR("default"),
			.upsert = true,
			.builtin = agent->builtin,
			.digest = value_text(value_getz(&agent->agent, "digest")),
			.doc = &doc,
		};
		r.agent = agent;
		r.n_open++;
		engine_agent_save(engine, &save, on_saved, &r);
	}
	while (r.n_open > 0)
		uv_run(loop, UV_RUN_ONCE);
}
