#include "engine/run/output.h"

#include "base/limits.h"
#include "engine/run/roots.h"
#include "json/write.h"

static struct str kept(struct engine *e)
{
	return arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text));
}

bool output_resolve(struct run *r, struct str *ret, const char **ret_code, struct str *ret_message)
{
	struct engine *e = r->engine;
	struct roots roots = {r, ROOTS_OF_RUN, &e->scratch, NULL};
	struct resolve_roots env = roots_env(&roots);
	struct resolve_error *error = ARENA_NEW(&e->scratch, struct resolve_error);
	struct value v;
	*ret = (struct str){0};
	if (!r->plan->output)
		return true;
	if (resolve_run(r->plan->output, &env, &e->scratch, &v, error) != 0) {
		*ret_code = error->code;
		*ret_message = str_of(error->message);
		return false;
	}
	buf_clear(&e->text);
	json_write(&e->text, &v);
	*ret = kept(e);
	return true;
}

struct str output_for_caller(struct run *r, struct str resolved)
{
	struct engine *e = r->engine;
	if (resolved.n || !r->called)
		return resolved;
	buf_clear(&e->text);
	struct json_out o = json_out_to(&e->text);
	json_out_object(&o);
	json_out_key(&o, "nodes");
	json_out_object(&o);
	for (uint32_t i = 0; i < r->plan->n_nodes && e->text.n <= LIMIT_AGENT_OUTPUT_BYTES; i++) {
		const struct node *n = &r->nodes[i];
		if (n->status != NODE_SUCCESS || !n->output)
			continue;
		json_out_key(&o, run_node_id(r, i).p); /* the plan's text ends with a NUL */
		json_out_raw(&o, str_n(n->output, n->output_n));
	}
	json_out_end(&o);
	json_out_end(&o);
	return kept(e);
}
