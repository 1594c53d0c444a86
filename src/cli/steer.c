#include "cli/steer.h"

#include <stdio.h>

#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"

struct value steer_body(struct arena *a, const struct steer *s)
{
	struct value body = value_object(a, 2);
	if (s->by)
		value_putz(a, &body, "by", value_strz(s->by));
	if (s->reason)
		value_putz(a, &body, "reason", value_strz(s->reason));
	return body;
}

int steer_one(struct bulk *b, const char *arg, const char *tail, const struct value *body)
{
	CLEANUP_RESPONSE struct response r = {0};
	struct str id;
	int status = watch_resolve(b->client, b->common, &b->arena, arg, &id);
	if (status == CLI_OK)
		status = bulk_post(b, id, tail, body, false, &r);
	if (status != CLI_OK)
		return status;
	if (b->common->json) {
		print_json(&r);
		return CLI_OK;
	}
	table_put(print_text(&r.value, "status"));
	printf("\n");
	return CLI_OK;
}

int steer_runs(struct bulk *b, const struct bulk_verb *verb, struct steer *s, const char *tail,
	       const struct opt_list *rest)
{
	CLEANUP_ARENA struct arena a = {0};
	bool many = bulk_wanted(b);
	if (many == (rest->n == 1) || (b->plan && !many)) {
		fprintf(stderr, "drover %s: wants a RUN, or --status and --workflow\n",
			verb->command);
		return CLI_USAGE;
	}
	CLEANUP_CLIENT struct client *c = client_new(b->common);
	b->client = c;
	int status;
	if (many) {
		status = bulk_run(b, verb, s);
	} else {
		struct value body = steer_body(&a, s);
		status = steer_one(b, rest->items[0], tail, &body);
	}
	arena_free(&b->arena);
	return status;
}
