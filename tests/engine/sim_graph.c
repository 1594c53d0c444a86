#include "sim_graph.h"

#include <stdbool.h>

enum { NODES_MOST = 30 };

static bool chance(struct rng *rng, uint64_t percent)
{
	return rng_below(rng, 100) < percent;
}

static size_t put_depends(struct rng *rng, size_t index, struct buf *out, size_t *ret_first)
{
	size_t n = index == 0 || chance(rng, 15) ? 0 : 1 + rng_below(rng, index < 3 ? index : 3);
	size_t from = rng_below(rng, index ? index : 1);
	buf_puts(out, ",\"dependsOn\":[");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s\"n%zu\"", i ? "," : "", (from + i) % index);
	buf_puts(out, "]");
	*ret_first = from;
	return n;
}

/* Now and then once for each item of a list. */
static bool put_each(struct rng *rng, struct buf *out)
{
	if (!chance(rng, 15))
		return false;
	size_t n = rng_below(rng, 6);
	buf_puts(out, ",\"forEach\":[");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%zu", i ? "," : "", (size_t)rng_below(rng, 100));
	buf_puts(out, "]");
	if (chance(rng, 60))
		buf_printf(out, ",\"maxParallel\":%zu", (size_t)(1 + rng_below(rng, 3)));
	if (chance(rng, 50))
		buf_puts(out, ",\"onItemFailure\":\"continue\"");
	return true;
}

/* A node that sleeps, or waits for a signal (s.…) or an event (e.…). */
static void put_wait(struct rng *rng, size_t index, struct buf *out)
{
	static const char *const events[] = {"s.a", "s.b", "s.*", "s.a", "e.a", "e.b", "e.>"};
	size_t first;
	bool sleep = chance(rng, 40);
	size_t ms = 1 + rng_below(rng, sleep ? 9000 : 30000);
	buf_printf(out, "{\"id\":\"n%zu\"", index);
	if (sleep)
		buf_printf(out, ",\"sleep\":\"%zums\"", ms);
	else
		buf_printf(out, ",\"wait\":{\"event\":\"%s\",\"timeout\":\"%zums\"}",
			   events[rng_below(rng, ARRAY_LEN(events))], ms);
	if (chance(rng, 20))
		buf_puts(out, ",\"continueOnError\":true");
	put_each(rng, out);
	put_depends(rng, index, out, &first);
	if (chance(rng, 15))
		buf_printf(out, ",\"when\":\"{{ context.w%zu }}\"",
			   (size_t)rng_below(rng, SIM_FLAGS));
	if (chance(rng, 30))
		buf_puts(out, ",\"joinRule\":\"all_done\"");
	buf_puts(out, "}");
}

/* A node that runs one of the first workflows. */
static void put_call(struct rng *rng, size_t index, size_t n_callable, struct buf *out)
{
	size_t first;
	buf_printf(out, "{\"id\":\"n%zu\",\"workflow\":\"w%zu\",\"inputs\":{\"x\":0", index,
		   (size_t)rng_below(rng, n_callable));
	for (int i = 0; i < SIM_FLAGS; i++)
		buf_printf(out, ",\"w%d\":%s", i, chance(rng, 60) ? "true" : "false");
	buf_puts(out, "}");
	put_depends(rng, index, out, &first);
	if (chance(rng, 20))
		buf_puts(out, ",\"continueOnError\":true");
	if (chance(rng, 30))
		buf_puts(out, ",\"timeout\":\"5s\"");
	if (chance(rng, 50))
		buf_printf(out, ",\"retry\":{\"maxAttempts\":%zu,\"initialInterval\":\"%zums\"}",
			   (size_t)(1 + rng_below(rng, 3)), (size_t)(1 + rng_below(rng, 2000)));
	if (chance(rng, 15))
		buf_printf(out, ",\"when\":\"{{ context.w%zu }}\"",
			   (size_t)rng_below(rng, SIM_FLAGS));
	if (chance(rng, 30))
		buf_puts(out, ",\"joinRule\":\"all_done\"");
	buf_puts(out, "}");
}

/* Now and then somebody must say yes. */
static void put_gate(struct rng *rng, struct buf *out)
{
	uint64_t dice = rng_below(rng, 100);
	if (dice < 8)
		buf_puts(out, ",\"approvalRequired\":true");
	else if (dice < 20) {
		size_t quorum = 1 + rng_below(rng, 2), timeout_ms = 1 + rng_below(rng, 20000);
		buf_printf(out,
			   ",\"approval\":{\"quorum\":%zu,\"timeout\":\"%zums\","
			   "\"onTimeout\":\"%s\"%s%s}",
			   quorum, timeout_ms, dice < 14 ? "approve" : "reject",
			   dice % 2 ? ",\"approvers\":[\"a\",\"b\"]" : "",
			   timeout_ms > 1500 ? ",\"remindEvery\":\"1500ms\"" : "");
	}
}

static void put_node(struct rng *rng, size_t index, struct buf *out)
{
	static const char *const rules[] = {"all_failed",   "all_done", "one_success",
					    "one_failed",   "one_done", "none_failed",
					    "none_skipped", "always",	"all_success"};
	size_t first;
	bool plain = chance(rng, 60);
	if (chance(rng, 15))
		buf_printf(out, "{\"id\":\"n%zu\",\"agent\":\"bank\",\"action\":\"%s\"", index,
			   chance(rng, 50) ? "pay" : "sync");
	else
		buf_printf(out, "{\"id\":\"n%zu\",\"agent\":\"%s\",\"action\":\"run\"", index,
			   chance(rng, 8)    ? "risky"
			   : chance(rng, 40) ? "script"
					     : "rule");
	put_gate(rng, out);
	size_t n = put_depends(rng, index, out, &first);
	if (!plain)
		buf_printf(out, ",\"joinRule\":\"%s\"", rules[rng_below(rng, 9)]);
	if (chance(rng, 15))
		buf_printf(out, ",\"when\":\"{{ context.w%zu }}\"",
			   (size_t)rng_below(rng, SIM_FLAGS));
	if (chance(rng, 15))
		buf_puts(out, ",\"continueOnError\":true");
	if (chance(rng, 20))
		buf_puts(out, ",\"timeout\":\"3s\"");
	sim_put_timeouts(rng, out);
	if (chance(rng, 45)) {
		buf_printf(out,
			   ",\"retry\":{\"maxAttempts\":%zu,\"initialInterval\":\"%zums\","
			   "\"maximumInterval\":\"4s\"",
			   (size_t)(1 + rng_below(rng, 4)), (size_t)(1 + rng_below(rng, 2000)));
		sim_put_retry(rng, out);
		buf_puts(out, "}");
	}
	bool each = put_each(rng, out), reads = plain && n > 0 && chance(rng, 50);
	if (each || reads)
		buf_puts(out, ",\"inputs\":{");
	if (each)
		buf_puts(out, "\"i\":\"{{ item }}\"");
	if (reads)
		buf_printf(out, "%s\"v\":\"{{ nodes.n%zu.output.n }}\"", each ? "," : "", first);
	buf_puts(out, each || reads ? "}}" : "}");
}

void sim_graph(struct rng *rng, const char *name, size_t n_callable, struct buf *out)
{
	struct buf nodes[NODES_MOST] = {0};
	size_t n = chance(rng, 20) ? 1 + rng_below(rng, NODES_MOST) : 1 + rng_below(rng, 8);
	for (size_t i = 0; i < n; i++)
		if (n_callable > 0 && chance(rng, 15))
			put_call(rng, i, n_callable, &nodes[i]);
		else if (chance(rng, 20))
			put_wait(rng, i, &nodes[i]);
		else
			put_node(rng, i, &nodes[i]);
	buf_printf(out, "{\"name\":\"%s\"", name);
	if (chance(rng, 15))
		buf_puts(out, ",\"timeout\":\"20s\"");
	buf_puts(out, ",\"nodes\":[");
	for (size_t left = n; left > 0; left--) {
		size_t at = rng_below(rng, left);
		struct buf chosen = nodes[at];
		nodes[at] = nodes[left - 1];
		buf_printf(out, "%s%s", left < n ? "," : "", chosen.p);
		buf_free(&chosen);
	}
	buf_puts(out, "]}");
}
