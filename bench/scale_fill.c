#include "bench/scale_fill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "store/sqlite/sqlite.h"

enum { RUNS_PER_TXN = 500, NODES = 3, FIRST_MS_STEP = 700 };

static const char *const words[] = {
	"repository", "branch",	  "main",     "release",  "invoice",  "customer", "payment",
	"payload",    "region",	  "eu-west",  "severity", "critical", "service",  "orders",
	"checkout",   "pipeline", "artifact", "manifest", "cluster",  "tenant",	  "frankfurt",
	"nightly",    "backfill", "scan",     "report",
};

static struct str make_id(struct arena *a, int64_t ms, unsigned kind, uint64_t number)
{
	return str_of(arena_printf(a, "%08llx-%04llx-7%03x-8%03llx-%012llx",
				   (unsigned long long)ms >> 16, (unsigned long long)ms & 0xffff,
				   kind, (unsigned long long)(number >> 48 & 0xfff),
				   (unsigned long long)(number & 0xffffffffffff)));
}

struct str scale_workflow_id(struct arena *a, int workflow)
{
	return make_id(a, 1700000000000, 0x100, (uint64_t)workflow);
}

struct str scale_run_id(struct arena *a, const struct scale *s, long run)
{
	return make_id(a, s->first_ms + run * SCALE_STEP_MS, 0x200, (uint64_t)run);
}

static void add_workflow(struct txn *txn, const struct scale *s, int w)
{
	static const char definition[] =
		"{\"name\":\"workflow-%02d\",\"nodes\":[{\"id\":\"fetch\",\"agent\":\"noop\","
		"\"action\":\"run\"},{\"id\":\"check\",\"agent\":\"noop\",\"action\":\"run\","
		"\"dependsOn\":[\"fetch\"]},{\"id\":\"report\",\"agent\":\"noop\",\"action\":"
		"\"run\",\"dependsOn\":[\"check\"]}]}";
	struct workflow_row *row = &txn_add(txn, TXN_WORKFLOW_PUT)->workflow;
	row->id = scale_workflow_id(&txn->arena, w);
	row->project = STR("default");
	row->name = str_of(arena_printf(&txn->arena, "workflow-%02d", w));
	row->status = WORKFLOW_ACTIVE;
	row->version = 1;
	row->created_ms = row->updated_ms = s->first_ms;
	struct version_row *version = &txn_add(txn, TXN_VERSION_ADD)->version;
	version->workflow_id = row->id;
	version->version = 1;
	version->definition = str_of(arena_printf(&txn->arena, definition, w));
	version->sha256 = STR("0");
	version->created_ms = s->first_ms;
}

/* 200 bytes to 2 KB of JSON in words. */
static struct str make_context(struct arena *a, struct rng *rng)
{
	CLEANUP_BUF struct buf text = {0};
	size_t want = 200 + rng_below(rng, 1800);
	buf_printf(&text, "{\"ticket\":\"T-%06llu\"", (unsigned long long)rng_below(rng, 1000000));
	for (int i = 0; text.n + 20 < want; i++)
		buf_printf(&text, ",\"%s%d\":\"%s %s\"", words[rng_below(rng, ARRAY_LEN(words))], i,
			   words[rng_below(rng, ARRAY_LEN(words))],
			   words[rng_below(rng, ARRAY_LEN(words))]);
	buf_putc(&text, '}');
	return arena_str(a, buf_str(&text));
}

static enum run_status status_of(struct rng *rng, int workflow)
{
	uint64_t dice = rng_below(rng, 20000);
	if (dice == 0 && workflow != 7)
		return RUN_TIMED_OUT;
	return dice < 1400 ? RUN_FAILED : dice < 1800 ? RUN_CANCELLED : RUN_SUCCESS;
}

static void add_event(struct txn *txn, const struct run_row *run, int seq, const char *type)
{
	struct event_row *row = &txn_add(txn, TXN_EVENT_ADD)->event;
	row->run_id = run->id;
	row->seq = seq;
	row->time_ms = run->created_ms + seq * 100;
	row->type = str_of(type);
	row->data = STR("{\"nodeId\":\"check\",\"attempt\":1}");
}

static void add_node(struct txn *txn, const struct run_row *run, long number, int index)
{
	static const char *const names[] = {"fetch", "check", "report"};
	bool failed = run->status != RUN_SUCCESS && index == NODES - 1;
	struct attempt_row *attempt = &txn_add(txn, TXN_ATTEMPT_ADD)->attempt;
	attempt->id =
		make_id(&txn->arena, run->created_ms, 0x300 + (unsigned)index, (uint64_t)number);
	attempt->run_id = run->id;
	attempt->project = run->project;
	attempt->node_id = str_of(names[index]);
	attempt->agent = STR("noop");
	attempt->action = STR("run");
	attempt->node_index = index;
	attempt->attempt = 1;
	attempt->status = failed ? ATTEMPT_FAILED : ATTEMPT_SUCCESS;
	attempt->input = STR("{\"path\":\"/srv/repository\",\"deep\":true}");
	attempt->queued_ms = attempt->started_ms = run->created_ms;
	attempt->finished_ms = run->created_ms + FIRST_MS_STEP;
	struct node_row *node = &txn_add(txn, TXN_NODE_PUT)->node;
	node->run_id = run->id;
	node->node_id = attempt->node_id;
	node->index = index;
	node->status = failed ? NODE_FAILED : NODE_SUCCESS;
	node->attempt = 1;
	node->output = STR("{\"summary\":{\"critical\":0,\"high\":2},\"files\":1249}");
	node->started_ms = run->created_ms;
	node->finished_ms = attempt->finished_ms;
	add_event(txn, run, index * 2 + 2, "node.started");
	add_event(txn, run, index * 2 + 3, "node.finished");
}

static void add_log(struct txn *txn, const struct run_row *run)
{
	struct log_row *row = &txn_add(txn, TXN_LOG_ADD)->log;
	row->run_id = run->id;
	row->attempt_id = run->id;
	row->node_id = STR("check");
	row->attempt = 1;
	row->seq = 1;
	row->n_lines = 4;
	row->time_ms = run->created_ms;
	row->text = STR("reading the repository\n1249 files, 88 of them changed\n"
			"two findings of severity high in src/orders/checkout.c\ndone");
}

static void add_approval(struct txn *txn, const struct run_row *run, long number)
{
	struct approval_row *row = &txn_add(txn, TXN_APPROVAL_ADD)->approval;
	row->id = make_id(&txn->arena, run->created_ms, 0x400, (uint64_t)number);
	row->run_id = run->id;
	row->project = run->project;
	row->workflow_id = run->workflow_id;
	row->workflow_name = run->workflow_name;
	row->node_id = STR("report");
	row->node_index = 2;
	row->status = number % 1000 == 0 ? APPROVAL_REJECTED : APPROVAL_APPROVED;
	row->inputs = STR("{\"channel\":\"console\"}");
	row->quorum = 1;
	row->requested_ms = row->responded_ms = run->created_ms;
	row->expires_ms = run->created_ms + 86400000;
}

static void add_run(struct txn *txn, const struct scale *s, struct rng *rng, long number)
{
	int w = number % 10000 == 9999 ? 49 : (int)rng_below(rng, SCALE_WORKFLOWS - 1);
	struct run_row *run = &txn_add(txn, TXN_RUN_ADD)->run;
	run->id = scale_run_id(&txn->arena, s, number);
	run->project = STR("default");
	run->workflow_id = scale_workflow_id(&txn->arena, w);
	run->workflow_name = str_of(arena_printf(&txn->arena, "workflow-%02d", w));
	run->workflow_version = 1;
	run->status = status_of(rng, w);
	run->trigger = STR("{\"type\":\"api\"}");
	run->context = make_context(&txn->arena, rng);
	if (run->status == RUN_FAILED)
		run->error = STR("{\"code\":\"exit_1\",\"message\":\"the check ended with 1\"}");
	run->created_ms = run->started_ms = s->first_ms + number * SCALE_STEP_MS;
	run->finished_ms = run->created_ms + 2000;
	struct run_row copy = *run; /* the ops move as they grow */
	add_event(txn, &copy, 1, "run.started");
	for (int i = 0; i < NODES; i++)
		add_node(txn, &copy, number, i);
	add_event(txn, &copy, NODES * 2 + 2, "run.finished");
	if (number % 4 == 0)
		add_log(txn, &copy);
	if (number % 20 == 0)
		add_approval(txn, &copy, number);
}

static void done(struct txn *txn, int r)
{
	txn_free(txn);
	if (r == 0)
		return;
	fprintf(stderr, "commit: %s\n", strerror(-r));
	exit(1);
}

static void submit(const struct scale *s, struct txn *txn)
{
	txn->done = done;
	s->store->ops->submit(s->store, txn);
}

void scale_fill(const struct scale *s)
{
	struct rng rng;
	rng_seed(&rng, 20261);
	struct txn *txn = txn_new();
	for (int w = 0; w < SCALE_WORKFLOWS; w++)
		add_workflow(txn, s, w);
	submit(s, txn);
	for (long i = 0; i < s->n_runs; i += RUNS_PER_TXN) {
		txn = txn_new();
		for (long k = i; k < s->n_runs && k < i + RUNS_PER_TXN; k++)
			add_run(txn, s, &rng, k);
		submit(s, txn);
		/* the next is made while this one is written */
		sqlite_store_drain(s->store);
		struct sqlite_store_stats stats;
		for (sqlite_store_stats(s->store, &stats); stats.n_waiting > 2;
		     sqlite_store_stats(s->store, &stats)) {
			sqlite_store_wait(s->store);
			sqlite_store_drain(s->store);
		}
	}
	while (sqlite_store_wait(s->store))
		sqlite_store_drain(s->store);
}
