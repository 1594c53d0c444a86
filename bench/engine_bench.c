/*
 * What the engine costs without a disk: CPU per chain3 and fan10 workflow, the cost of a step in a
 * run of 10 and of 10,000 nodes, memory per open run. The store takes everything and keeps nothing;
 * the executor answers at once.
 *
 *   engine_bench [N]   N workflows of each kind, default 100000
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/buf.h"
#include "engine/engine.h"
#include "json/parse.h"

/* ---- a store that keeps nothing ---- */

struct null_store {
	struct store store;
	struct store_reader reader;
	struct txn *first, **last;
	size_t n_txns, n_ops;
};

static void submit(struct store *s, struct txn *txn)
{
	struct null_store *n = container_of(s, struct null_store, store);
	txn->next = NULL;
	*n->last = txn;
	n->last = &txn->next;
	n->n_txns++;
	n->n_ops += txn->n_ops;
}

static bool tell(struct null_store *n)
{
	struct txn *txn = n->first;
	if (!txn)
		return false;
	n->first = txn->next;
	if (!n->first)
		n->last = &n->first;
	txn->done(txn, 0);
	return true;
}

static int reader_new(struct store *s, struct store_reader **ret)
{
	*ret = &container_of(s, struct null_store, store)->reader;
	return 0;
}
static void reader_free(struct store_reader *r UNUSED)
{
}
static int agent_list(struct store_reader *r UNUSED, struct arena *a UNUSED,
		      struct str project UNUSED, const struct store_page *page UNUSED,
		      struct agent_row **ret UNUSED, size_t *ret_n)
{
	*ret_n = 0;
	return 0;
}
static int workflow_list(struct store_reader *r UNUSED, struct arena *a UNUSED,
			 struct str project UNUSED, const struct store_page *page UNUSED,
			 struct workflow_row **ret UNUSED, size_t *ret_n)
{
	*ret_n = 0;
	return 0;
}
static int schedule_list(struct store_reader *r UNUSED, struct arena *a UNUSED,
			 struct str project UNUSED, const struct store_page *page UNUSED,
			 struct schedule_row **ret UNUSED, size_t *ret_n)
{
	*ret_n = 0;
	return 0;
}
static int open_runs(struct store_reader *r UNUSED,
		     int (*each)(void *, struct arena *, const struct open_run *) UNUSED,
		     void *arg UNUSED)
{
	return 0;
}

static const struct store_ops null_ops = {
	.submit = submit,
	.reader_new = reader_new,
	.reader_free = reader_free,
	.agent_list = agent_list,
	.workflow_list = workflow_list,
	.schedule_list = schedule_list,
	.open_runs = open_runs,
};

/* ---- executor ---- */

enum { HELD_MOST = 16 };

static struct engine *engine;
static struct null_store null;

/* Scripts that were started, a ring: the oldest ends first. */
static struct attempt_id held[HELD_MOST];
static size_t n_started, n_ended;

static void start(struct executor *x UNUSED, const struct attempt_start *s)
{
	if (s->agent_type == AGENT_RULE)
		engine_attempt_done(engine, &s->id, &(struct attempt_result){.output = STR("{}")});
	else
		held[n_started++ % HELD_MOST] = s->id;
}
static void stop(struct executor *x UNUSED, const struct attempt_id *id UNUSED,
		 enum attempt_stop why UNUSED)
{
}

static void on_reply(void *arg, const struct engine_reply *reply)
{
	if (reply->outcome != ENGINE_CREATED) {
		fprintf(stderr, "got %d: %s\n", (int)reply->outcome,
			reply->diag && reply->diag->n ? reply->diag->findings[0].message : "");
		exit(1);
	}
	if (arg)
		++*(size_t *)arg;
}

static void settle(void)
{
	do
		engine_flush(engine);
	while (tell(&null));
}

static int64_t cpu_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- set-up ---- */

static const char hold_agent[] =
	"{\"name\":\"hold\",\"type\":\"SCRIPT\",\"entryPath\":\"/x\",\"command\":[\"x\"],"
	"\"capabilities\":[{\"name\":\"run\"}]}";

static void save_agent(const char *json)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value doc;
	ASSERT(json_parse(&a, str_of(json), 0, &doc, NULL) == 0);
	engine_agent_save(engine, &(struct agent_save){.doc = &doc}, on_reply, NULL);
	settle();
}

static void save(const char *name, const char *agent, size_t n, const char *(*depends)(size_t))
{
	struct arena a CLEANUP_ARENA = {0};
	CLEANUP_BUF struct buf text = {0};
	struct value doc;
	buf_printf(&text, "{\"name\":\"%s\",\"nodes\":[", name);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s{\"id\":\"n%zu\",\"agent\":\"%s\",\"action\":\"run\",%s}",
			   i ? "," : "", i, agent, depends(i));
	buf_puts(&text, "]}");
	ASSERT(json_parse(&a, buf_str(&text), 0, &doc, NULL) == 0);
	int64_t before = cpu_ns();
	engine_workflow_save(engine, &(struct workflow_save){.doc = &doc}, on_reply, NULL);
	settle();
	if (n > 100)
		printf("compile and save %zu nodes  %8.2f ms\n", n,
		       (double)(cpu_ns() - before) / 1e6);
}

/* One run at a time. */
static void save_keyed(void)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value doc;
	ASSERT(json_parse(
		       &a,
		       STR("{\"name\":\"keyed\",\"concurrency\":{\"limit\":1},\"nodes\":[{\"id\":"
			   "\"a\",\"agent\":\"hold\",\"action\":\"run\"}]}"),
		       0, &doc, NULL) == 0);
	engine_workflow_save(engine, &(struct workflow_save){.doc = &doc}, on_reply, NULL);
	settle();
}

static char depends_text[128];

static const char *chain(size_t i)
{
	if (i == 0)
		return "\"dependsOn\":[]";
	snprintf(depends_text, sizeof(depends_text),
		 "\"dependsOn\":[\"n%zu\"],\"inputs\":{\"s\":\"{{ nodes.n%zu.status }}\"}", i - 1,
		 i - 1);
	return depends_text;
}

static const char *plain_chain(size_t i)
{
	if (i == 0)
		return "\"dependsOn\":[]";
	snprintf(depends_text, sizeof(depends_text), "\"dependsOn\":[\"n%zu\"]", i - 1);
	return depends_text;
}

static const char *fan(size_t i)
{
	if (i == 0)
		return "\"dependsOn\":[]";
	if (i < 11)
		return "\"dependsOn\":[\"n0\"]";
	return "\"dependsOn\":[\"n1\",\"n2\",\"n3\",\"n4\",\"n5\",\"n6\",\"n7\",\"n8\",\"n9\","
	       "\"n10\"]";
}

static void trigger(const char *name)
{
	engine_run_trigger(engine,
			   &(struct run_trigger){.project = STR("default"),
						 .workflow = str_of(name),
						 .type = STR("api")},
			   on_reply, NULL);
}

/* ---- measures ---- */

static void throughput(const char *name, size_t n, size_t in_flight)
{
	size_t txns = null.n_txns, ops = null.n_ops;
	int64_t before = cpu_ns();
	for (size_t i = 0; i < n; i += in_flight) {
		for (size_t k = 0; k < in_flight; k++)
			trigger(name);
		settle();
	}
	double us = (double)(cpu_ns() - before) / 1e3 / (double)n;
	printf("%-8s %4zu in flight     %8.2f us CPU a run  %6.2f transactions  %5.1f rows\n", name,
	       in_flight, us, (double)(null.n_txns - txns) / (double)n,
	       (double)(null.n_ops - ops) / (double)n);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* One turn = one step of the chain: its transaction told, the next one submitted. */
static double step_cost(const char *name, size_t n_steps, size_t n_runs)
{
	size_t n = 0;
	int64_t *all = NEW0_ARRAY(int64_t, n_steps * n_runs);
	for (size_t r = 0; r < n_runs; r++) {
		trigger(name);
		for (size_t i = 0; i < n_steps; i++) {
			int64_t before = clock_mono_ns(clock_system());
			engine_flush(engine);
			tell(&null);
			all[n++] = clock_mono_ns(clock_system()) - before;
		}
		settle();
	}
	qsort(all, n, sizeof(*all), compare);
	double p50 = (double)all[n / 2] / 1e3, p99 = (double)all[n * 99 / 100] / 1e3;
	printf("%-8s step              %8.2f us p50  %8.2f us p99\n", name, p50, p99);
	free(all);
	return p99;
}

/* A node with forEach over n items of a list in the context. */
static void save_each(void)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value doc;
	static const char text[] =
		"{\"name\":\"each\",\"nodes\":[{\"id\":\"n\",\"agent\":\"noop\",\"action\":\"run\","
		"\"forEach\":\"{{ context.list }}\",\"inputs\":{\"i\":\"{{ item }}\"}}]}";
	ASSERT(json_parse(&a, str_of(text), 0, &doc, NULL) == 0);
	engine_workflow_save(engine, &(struct workflow_save){.doc = &doc}, on_reply, NULL);
	settle();
}

static double item_cost(size_t n_items, size_t n_runs)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value context = value_object(&a, 1), list = value_array(&a, n_items);
	for (size_t i = 0; i < n_items; i++)
		value_push(&a, &list, value_int((int64_t)i));
	value_putz(&a, &context, "list", list);
	int64_t before = cpu_ns();
	for (size_t r = 0; r < n_runs; r++) {
		engine_run_trigger(engine,
				   &(struct run_trigger){.project = STR("default"),
							 .workflow = STR("each"),
							 .type = STR("api"),
							 .context = &context},
				   on_reply, NULL);
		settle();
	}
	double us = (double)(cpu_ns() - before) / 1e3 / (double)(n_runs * n_items);
	printf("%6zu items            %8.2f us CPU an item  %9.0f items/s\n", n_items, us,
	       1e6 / us);
	return us;
}

static void memory(size_t n)
{
	struct mallinfo2 before = mallinfo2();
	for (size_t i = 0; i < n; i++) {
		trigger("held");
		if (i % 100 == 99)
			settle();
	}
	settle();
	struct mallinfo2 after = mallinfo2();
	printf("%zu open runs of 3 nodes  %5.0f bytes each\n", n,
	       (double)(after.uordblks - before.uordblks + after.hblkhd - before.hblkhd) /
		       (double)n);
}

/* The end of one run, the start of the next in a queue of n, and another one at its end. */
static void admission(const char *name, const char *what, size_t n)
{
	enum { CYCLES = 20000 };
	int64_t *all = NEW0_ARRAY(int64_t, CYCLES);
	struct mallinfo2 before = mallinfo2();
	for (size_t i = 0; i < n; i++) {
		trigger(name);
		if (i % 100 == 99)
			settle();
	}
	settle();
	struct mallinfo2 after = mallinfo2();
	for (size_t i = 0; i < CYCLES; i++) {
		int64_t begin = clock_mono_ns(clock_system());
		engine_attempt_done(engine, &held[n_ended++ % HELD_MOST],
				    &(struct attempt_result){.output = STR("{}")});
		settle();
		trigger(name);
		settle();
		all[i] = clock_mono_ns(clock_system()) - begin;
	}
	qsort(all, CYCLES, sizeof(*all), compare);
	printf("%-8s %6zu %-22s %8.2f us p50  %8.2f us p99  %5.0f bytes each\n", name, n, what,
	       (double)all[CYCLES / 2] / 1e3, (double)all[CYCLES * 99 / 100] / 1e3,
	       (double)(after.uordblks - before.uordblks + after.hblkhd - before.hblkhd) /
		       (double)n);
	free(all);
}

/* Each queue in an engine of its own. */
static void admissions(const struct engine_config *config)
{
	static const size_t n[] = {10, 100000};
	static const struct {
		const char *workflow, *what;
	} queues[] = {{"slot", "attempts queued"}, {"keyed", "runs PENDING"}};
	for (size_t q = 0; q < ARRAY_LEN(queues); q++)
		for (size_t i = 0; i < ARRAY_LEN(n); i++) {
			engine_free(engine);
			n_started = n_ended = 0;
			ASSERT(engine_new(config, &engine) == 0);
			save_agent(hold_agent);
			save("slot", "hold", 1, plain_chain);
			save_keyed();
			admission(queues[q].workflow, queues[q].what, n[i]);
		}
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	static const struct executor_ops ops = {start, stop};
	struct executor executor = {&ops};
	null = (struct null_store){{&null_ops}, {&null_ops}, NULL, NULL, 0, 0};
	null.last = &null.first;
	struct engine_config config = {.clock = clock_system(),
				       .store = &null.store,
				       .executor = &executor,
				       .max_scripts = 2,
				       .max_project_open = 200000};
	ASSERT(engine_new(&config, &engine) == 0);
	save_agent("{\"name\":\"noop\",\"type\":\"RULE\",\"capabilities\":[{\"name\":\"run\"}]}");
	save_agent(hold_agent);
	save("chain3", "noop", 3, plain_chain);
	save("fan10", "noop", 12, fan);
	save("tmpl3", "noop", 3, chain);
	save("deep10", "noop", 10, chain);
	save("deep10k", "noop", 10000, chain);
	save("held", "hold", 3, plain_chain);
	throughput("chain3", n, 1);
	throughput("chain3", n, 256);
	throughput("tmpl3", n, 256);
	throughput("fan10", n / 4, 256);
	step_cost("deep10", 10, 2000);
	double small = step_cost("deep10", 10, 10000), large = step_cost("deep10k", 10000, 10);
	printf("p99 of a step in 10,000 nodes is %.2f x that in 10\n", large / small);
	save_each();
	item_cost(10, 2000);
	small = item_cost(10, 10000), large = item_cost(10000, 10);
	printf("an item of 10,000 costs %.2f x one of 10\n", large / small);
	memory(n < 100000 ? n : 99000);
	if (n >= 100000)
		admissions(&config);
	engine_free(engine);
	return 0;
}
