#include "daemon/script.h"

#include <string.h>

#include "base/limits.h"
#include "json/parse.h"
#include "json/write.h"

enum { ENV_MOST = 8 };

const char *const *script_argv(struct arena *a, struct str command)
{
	struct value v;
	if (json_parse(a, command, JSON_DEFAULT, &v, NULL) != 0 || v.kind != VALUE_ARRAY ||
	    v.n == 0)
		return NULL;
	const char **argv = ARENA_NEW_ARRAY(a, const char *, v.n + 1);
	for (uint32_t i = 0; i < v.n; i++) {
		struct str s = value_text(&v.items[i]);
		if (v.items[i].kind != VALUE_STRING || memchr(s.p, '\0', s.n))
			return NULL;
		argv[i] = s.p;
	}
	return argv;
}

const char *const *script_env(struct arena *a, const struct attempt_start *s)
{
	const char **env = ARENA_NEW_ARRAY(a, const char *, ENV_MOST);
	size_t n = 0;
	env[n++] = arena_printf(a, "DROVER_RUN_ID=%s", s->run_id.text);
	env[n++] = arena_printf(a, "DROVER_NODE_ID=%.*s", STR_ARG(s->node_id));
	env[n++] = arena_printf(a, "DROVER_ATTEMPT=%lld", (long long)s->attempt);
	env[n++] = arena_printf(a, "DROVER_IDEMPOTENCY_KEY=%.*s", STR_ARG(s->idempotency_key));
	if (s->input.n < LIMIT_AGENT_INPUT_ENV_BYTES)
		env[n++] = arena_printf(a, "AGENT_INPUT=%.*s", STR_ARG(s->input));
	return env;
}

void script_stdin(const struct attempt_start *s, struct buf *out)
{
	struct json_out o = json_out_to(out);
	json_out_object(&o);
	json_out_key(&o, "action");
	json_out_str(&o, s->action);
	json_out_key(&o, "input");
	json_out_raw(&o, s->input);
	json_out_key(&o, "context");
	json_out_object(&o);
	json_out_key(&o, "runId");
	json_out_strz(&o, s->run_id.text);
	json_out_key(&o, "nodeId");
	json_out_str(&o, s->node_id);
	json_out_key(&o, "attempt");
	json_out_int(&o, s->attempt);
	if (s->probe_of) {
		json_out_key(&o, "probeOf");
		json_out_int(&o, s->probe_of);
	}
	json_out_key(&o, "project");
	json_out_str(&o, s->project);
	json_out_key(&o, "workflow");
	json_out_str(&o, s->workflow);
	json_out_key(&o, "idempotencyKey");
	json_out_str(&o, s->idempotency_key);
	if (s->last_progress.n) {
		json_out_key(&o, "lastProgress");
		json_out_raw(&o, s->last_progress);
	}
	json_out_end(&o);
	json_out_end(&o);
}
