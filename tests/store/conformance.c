/* What every store promises through the port. Linked with one fixture_*.c per adapter. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fixture.h"
#include "json/parse.h"
#include "rows.h"
#include "store/dump.h"
#include "stream.h"
#include "tap.h"

/* ---- helpers ---- */

struct seen {
	size_t n;
	int order[64], result[64];
};

struct mark {
	struct seen *seen;
	int number;
};

static void note(struct txn *txn, int r)
{
	struct mark *m = txn->owner;
	if (m->seen->n < ARRAY_LEN(m->seen->order)) {
		m->seen->order[m->seen->n] = m->number;
		m->seen->result[m->seen->n] = r;
	}
	m->seen->n++;
	txn_free(txn);
}

static struct str dump_text(struct fixture *f, struct arena *a)
{
	CLEANUP_BUF struct buf out = {0};
	if (dump_store(f->reader, &out) != 0)
		buf_puts(&out, "could not be read");
	return arena_str(a, buf_str(&out));
}

/* ---- writing ---- */

struct reading {
	struct fixture *f;
	int n_good, n;
};

/* Looks from inside done(): the transaction and all before it are there, wholly. */
static void look(struct txn *txn, int r)
{
	struct reading *reading = txn->owner;
	CLEANUP_ARENA struct arena a = {0};
	struct run_detail d;
	int number = reading->n++;
	int rc = reading->f->store->ops->run_get(reading->f->reader, &a, STR("default"),
						 numbered(&a, "run-", number), &d);
	reading->n_good += r == 0 && rc == 0 && d.n_nodes == 3;
	txn_free(txn);
}

TEST(what_was_told_is_seen_wholly_by_every_later_read)
{
	CLEANUP_FIXTURE struct fixture f;
	fixture_open(&f);
	struct reading reading = {.f = &f};
	for (int i = 0; i < 40; i++) {
		struct txn *txn = txn_new();
		put_run(txn, i);
		for (int k = 0; k < 3; k++)
			put_node(txn, i, k);
		txn->done = look;
		txn->owner = &reading;
		f.store->ops->submit(f.store, txn);
	}
	fixture_drain(&f);
	CHECK_INT(reading.n, 40);
	CHECK_INT(reading.n_good, 40);
}

TEST(done_is_called_once_each_in_the_order_of_submission)
{
	CLEANUP_FIXTURE struct fixture f;
	fixture_open(&f);
	struct seen seen = {0};
	for (int i = 0; i < 60; i++) {
		struct txn *txn = txn_new();
		struct mark *m = ARENA_NEW(&txn->arena, struct mark);
		*m = (struct mark){&seen, i};
		put_run(txn, i);
		txn->owner = m;
		txn->done = note;
		f.store->ops->submit(f.store, txn);
		if (i % 7 == 0)
			fixture_drain(&f);
	}
	fixture_drain(&f);
	CHECK_INT(seen.n, 60);
	for (int i = 0; i < 60; i++) {
		CHECK_INT(seen.order[i], i);
		CHECK_INT(seen.result[i], 0);
	}
}

TEST(free_waits_for_what_was_submitted)
{
	CLEANUP_FIXTURE struct fixture f;
	fixture_open(&f);
	struct seen seen = {0};
	struct mark m = {&seen, 1};
	struct txn *txn = txn_new();
	put_run(txn, 1);
	txn->owner = &m;
	txn->done = note;
	f.store->ops->submit(f.store, txn);
	fixture_close(&f);
	CHECK_INT(seen.n, 1);
	CHECK_INT(seen.result[0], 0);
}

TEST(an_empty_transaction_is_told_too)
{
	CLEANUP_FIXTURE struct fixture f;
	fixture_open(&f);
	CHECK(commit(&f, txn_new()));
}

TEST(the_same_rows_written_twice_stand_once)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct str first = {0};
	for (int round = 0; round < 2; round++) {
		struct txn *txn = txn_new();
		put_run(txn, 1)->context = STR("{\"a\":1}");
		put_node(txn, 1, 0)->output = STR("1");
		put_attempt(txn, 1, 0, 1)->input = STR("2");
		put_approval(txn, 1, 1)->inputs = STR("3");
		struct txn_op *op = txn_add(txn, TXN_EVENT_ADD);
		op->event = (struct event_row){
			.run_id = STR("run-0001"), .seq = 1, .type = STR("run.started")};
		op = txn_add(txn, TXN_LOG_ADD);
		op->log = (struct log_row){.run_id = STR("run-0001"),
					   .node_id = STR("node-0000"),
					   .seq = 1,
					   .n_lines = 1,
					   .text = STR("hello")};
		op = txn_add(txn, TXN_VERSION_ADD);
		op->version = (struct version_row){.workflow_id = STR("wf-1"), .version = 1};
		CHECK(commit(&f, txn));
		if (round == 0)
			first = dump_text(&f, &a);
	}
	CHECK(first.n > 0);
	CHECK_STR(dump_text(&f, &a), first);
}

TEST(rows_for_a_run_that_is_not_there_are_let_go)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	put_node(txn, 9, 0);
	put_attempt(txn, 9, 0, 1);
	put_approval(txn, 9, 1);
	txn_add(txn, TXN_APPROVAL_SET)->approval.id = STR("approval-0001");
	txn_add(txn, TXN_RUN_SET)->run.id = STR("run-0009");
	txn_add(txn, TXN_ATTEMPT_SET)->attempt.id = STR("attempt-9-0-1");
	txn_add(txn, TXN_EVENT_ADD)->event =
		(struct event_row){.run_id = STR("run-0009"), .seq = 1, .type = STR("x")};
	txn_add(txn, TXN_LOG_ADD)->log =
		(struct log_row){.run_id = STR("run-0009"), .seq = 1, .n_lines = 1};
	txn_add(txn, TXN_AGENT_DELETE)->agent.id = STR("nobody");
	txn_add(txn, TXN_WORKFLOW_DELETE)->workflow.id = STR("nothing");
	CHECK(commit(&f, txn));
	CHECK_STR(dump_text(&f, &a), STR(""));
}

/* ---- agents and workflows ---- */

static struct agent_row *put_agent(struct txn *txn, const char *id, const char *name)
{
	struct agent_row *row = &txn_add(txn, TXN_AGENT_PUT)->agent;
	row->id = str_of(id);
	row->project = STR("default");
	row->name = str_of(name);
	return row;
}

TEST(an_agent_is_replaced_with_its_capabilities)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	static const struct capability_row two[] = {
		{.name = {"scan", 4}, .input_schema = {"{}", 2}, .output_schema = {"true", 4}},
		{.name = {"fix", 3}, .description = {"mends", 5}},
	};
	struct txn *txn = txn_new();
	struct agent_row *row = put_agent(txn, "a1", "scanner");
	row->version = STR("1.2");
	row->type = AGENT_RULE;
	row->risk_level = RISK_APPROVAL_REQUIRED;
	row->command = STR("[\"./scan\"]");
	row->limits = STR("{\"memory\":\"1Gi\"}");
	row->digest = STR("abcd");
	row->builtin = true;
	row->created_ms = 5;
	row->updated_ms = 6;
	row->capabilities = two;
	row->n_capabilities = 2;
	CHECK(commit(&f, txn));
	struct agent_row got;
	CHECK_INT(f.store->ops->agent_get(f.reader, &a, STR("default"), STR("a1"), &got), 0);
	CHECK_STR(got.name, STR("scanner"));
	CHECK_STR(got.version, STR("1.2"));
	CHECK_INT(got.type, AGENT_RULE);
	CHECK_INT(got.risk_level, RISK_APPROVAL_REQUIRED);
	CHECK_STR(got.command, STR("[\"./scan\"]"));
	CHECK_STR(got.digest, STR("abcd"));
	CHECK(got.builtin);
	CHECK_INT(got.created_ms, 5);
	CHECK_INT(got.updated_ms, 6);
	CHECK_INT(got.n_capabilities, 2);
	CHECK_STR(got.capabilities[0].output_schema, STR("true"));
	CHECK_STR(got.capabilities[1].description, STR("mends"));

	txn = txn_new();
	row = put_agent(txn, "a1", "scanner2");
	row->capabilities = two + 1;
	row->n_capabilities = 1;
	CHECK(commit(&f, txn));
	CHECK_INT(f.store->ops->agent_get(f.reader, &a, STR("default"), STR("a1"), &got), 0);
	CHECK_STR(got.name, STR("scanner2"));
	CHECK_INT(got.version.n, 0);
	CHECK_INT(got.n_capabilities, 1);
	CHECK_STR(got.capabilities[0].name, STR("fix"));

	txn = txn_new();
	txn_add(txn, TXN_AGENT_DELETE)->agent.id = STR("a1");
	CHECK(commit(&f, txn));
	CHECK_INT(f.store->ops->agent_get(f.reader, &a, STR("default"), STR("a1"), &got),
		  STORE_NOT_FOUND);
}

TEST(another_projects_rows_are_not_found)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	put_agent(txn, "a1", "one");
	struct workflow_row *w = &txn_add(txn, TXN_WORKFLOW_PUT)->workflow;
	*w = (struct workflow_row){.id = STR("wf-1"), .project = STR("default"), .name = STR("w")};
	put_run(txn, 1);
	CHECK(commit(&f, txn));
	struct agent_row agent;
	struct workflow_row workflow;
	struct run_detail run;
	const struct store_ops *ops = f.store->ops;
	CHECK_INT(ops->agent_get(f.reader, &a, STR("other"), STR("a1"), &agent), STORE_NOT_FOUND);
	CHECK_INT(ops->agent_get(f.reader, &a, STR("default"), STR("a1"), &agent), 0);
	CHECK_INT(ops->agent_get(f.reader, &a, STR(""), STR("a1"), &agent), 0);
	CHECK_INT(ops->workflow_get(f.reader, &a, STR("other"), STR("wf-1"), &workflow),
		  STORE_NOT_FOUND);
	CHECK_INT(ops->workflow_get(f.reader, &a, STR("default"), STR("wf-1"), &workflow), 0);
	CHECK_INT(ops->run_get(f.reader, &a, STR("other"), STR("run-0001"), &run), STORE_NOT_FOUND);
	CHECK_INT(ops->run_get(f.reader, &a, STR("default"), STR("run-0001"), &run), 0);
	struct run_filter other = {.project = STR("other")};
	CHECK_STR(run_ids(&f, &a, &other, 10, ""), STR(""));
}

TEST(agents_are_listed_by_name_page_after_page)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	static const char *const names[] = {"delta", "alpha", "echo", "bravo", "charlie"};
	struct txn *txn = txn_new();
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put_agent(txn, arena_printf(&txn->arena, "id-%d", (int)i), names[i]);
	put_agent(txn, "id-9", "bravo")->project = STR("other");
	CHECK(commit(&f, txn));
	struct agent_row *rows;
	size_t n;
	struct store_page page = {.limit = 2};
	CHECK_INT(f.store->ops->agent_list(f.reader, &a, STR("default"), &page, &rows, &n), 0);
	CHECK_INT(n, 2);
	CHECK_STR(rows[0].name, STR("alpha"));
	CHECK_STR(rows[1].name, STR("bravo"));
	page.after = rows[1].id;
	CHECK_INT(f.store->ops->agent_list(f.reader, &a, STR("default"), &page, &rows, &n), 0);
	CHECK_INT(n, 2);
	CHECK_STR(rows[0].name, STR("charlie"));
	page.after = STR("delta"); /* a name does as well: it outlives its row */
	CHECK_INT(f.store->ops->agent_list(f.reader, &a, STR("default"), &page, &rows, &n), 0);
	CHECK_INT(n, 1);
	CHECK_STR(rows[0].name, STR("echo"));
	CHECK_INT(
		f.store->ops->agent_list(f.reader, &a, STR(""), &(struct store_page){0}, &rows, &n),
		0);
	CHECK_INT(n, 6);
}

TEST(versions_are_immutable_and_listed_newest_first)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	static const struct workflow_node_row nodes[] = {
		{.node_id = {"n1", 2}, .agent = {"scanner", 7}, .action = {"scan", 4}},
		{.node_id = {"n2", 2}, .agent = {"notifier", 8}, .action = {"send", 4}},
	};
	struct txn *txn = txn_new();
	for (int v = 1; v <= 3; v++) {
		struct version_row *row = &txn_add(txn, TXN_VERSION_ADD)->version;
		row->workflow_id = STR("wf-1");
		row->version = v;
		row->definition = numbered(&txn->arena, "{}", v);
		row->sha256 = STR("ff");
		row->created_ms = v;
		row->nodes = nodes;
		row->n_nodes = 2;
	}
	struct version_row *again = &txn_add(txn, TXN_VERSION_ADD)->version;
	*again = (struct version_row){.workflow_id = STR("wf-1"), .version = 2};
	CHECK(commit(&f, txn));
	struct version_row got, *rows;
	size_t n;
	CHECK_INT(f.store->ops->version_get(f.reader, &a, STR("wf-1"), 0, &got), 0);
	CHECK_INT(got.version, 3);
	CHECK_INT(f.store->ops->version_get(f.reader, &a, STR("wf-1"), 2, &got), 0);
	CHECK_STR(got.definition, STR("{}0002"));
	CHECK_INT(got.n_nodes, 2);
	CHECK_STR(got.nodes[1].agent, STR("notifier"));
	CHECK_INT(f.store->ops->version_get(f.reader, &a, STR("wf-1"), 4, &got), STORE_NOT_FOUND);
	CHECK_INT(f.store->ops->version_get(f.reader, &a, STR("wf-2"), 0, &got), STORE_NOT_FOUND);
	struct store_page page = {.limit = 2};
	CHECK_INT(f.store->ops->version_list(f.reader, &a, STR("wf-1"), &page, &rows, &n), 0);
	CHECK_INT(n, 2);
	CHECK_INT(rows[0].version, 3);
	CHECK_INT(rows[0].definition.n, 0);
	page.after = STR("2");
	CHECK_INT(f.store->ops->version_list(f.reader, &a, STR("wf-1"), &page, &rows, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(rows[0].version, 1);
}

TEST(deleting_a_workflow_takes_all_that_hangs_on_it)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	size_t n_large = 100000;
	char *large = arena_alloc(&a, n_large);
	memset(large, 'x', n_large);
	struct txn *txn = txn_new();
	put_run(txn, 1)->workflow_id = STR("wf-2");
	CHECK(commit(&f, txn));
	struct str before = dump_text(&f, &a);
	txn = txn_new();
	*(&txn_add(txn, TXN_WORKFLOW_PUT)->workflow) = (struct workflow_row){
		.id = STR("wf-1"), .project = STR("default"), .name = STR("w")};
	txn_add(txn, TXN_VERSION_ADD)->version = (struct version_row){
		.workflow_id = STR("wf-1"), .version = 1, .definition = str_n(large, n_large)};
	put_run(txn, 2)->context = str_n(large, n_large);
	put_node(txn, 2, 0)->output = str_n(large, n_large);
	put_attempt(txn, 2, 0, 1);
	put_approval(txn, 2, 2)->inputs = str_n(large, n_large);
	txn_add(txn, TXN_EVENT_ADD)->event =
		(struct event_row){.run_id = STR("run-0002"), .seq = 1, .type = STR("x")};
	txn_add(txn, TXN_LOG_ADD)->log = (struct log_row){
		.run_id = STR("run-0002"), .node_id = STR("node-0000"), .seq = 1, .n_lines = 1};
	txn_add(txn, TXN_SIGNAL_ADD)->signal =
		(struct signal_row){.run_id = STR("run-0002"), .seq = 1, .name = STR("go")};
	CHECK(commit(&f, txn));
	CHECK(!str_eq(dump_text(&f, &a), before));
	txn = txn_new();
	txn_add(txn, TXN_WORKFLOW_DELETE)->workflow.id = STR("wf-1");
	put_node(txn, 2, 1); /* comes too late */
	CHECK(commit(&f, txn));
	CHECK_STR(dump_text(&f, &a), before);
}

/* ---- schedules ---- */

static void put_schedule(struct txn *txn, int i, const char *project, const char *workflow)
{
	txn_add(txn, TXN_SCHEDULE_PUT)->schedule = (struct schedule_row){
		.id = numbered(&txn->arena, "s-", i),
		.project = str_of(project),
		.workflow_id = str_of(workflow),
		.workflow_name = STR("w"),
		.position = 2,
		.cron = STR("@daily"),
		.timezone = STR("Europe/Berlin"),
		.overlap = OVERLAP_QUEUE,
		.catchup_ms = 3600000,
		.anchor_ms = 5,
		.done_ms = 6,
		.next_ms = 7,
		.upcoming = STR("[7,8]"),
		.waiting = STR("[5]"),
		.last_run_id = STR("run-0001"),
		.last_fire_ms = 4,
		.n_started = 1,
		.n_skipped = 2,
		.n_missed = 3,
		.error = STR("e"),
		.paused = true,
		.created_ms = 8,
		.updated_ms = 9,
	};
}

static size_t n_schedules(struct fixture *f, struct arena *a, struct str project, size_t limit,
			  struct str after, struct schedule_row **ret)
{
	size_t n = 0;
	int r = f->store->ops->schedule_list(f->reader, a, project,
					     &(struct store_page){.limit = limit, .after = after},
					     ret, &n);
	return r == 0 ? n : 999;
}

TEST(schedules_are_replaced_listed_by_id_and_deleted)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	struct schedule_row *rows;
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 5; i > 0; i--)
		put_schedule(txn, i, i % 2 ? "default" : "other", i < 3 ? "wf-1" : "wf-2");
	put_schedule(txn, 1, "default", "wf-1");
	CHECK(commit(&f, txn));
	CHECK_INT(n_schedules(&f, &a, (struct str){0}, 0, (struct str){0}, &rows), 5);
	CHECK_STR(rows[4].id, STR("s-0005"));
	CHECK_INT(n_schedules(&f, &a, STR("default"), 2, STR("s-0001"), &rows), 2);
	const struct schedule_row *s = &rows[0];
	CHECK_STR(s->id, STR("s-0003"));
	CHECK_STR(s->workflow_id, STR("wf-2"));
	CHECK_STR(s->cron, STR("@daily"));
	CHECK_STR(s->timezone, STR("Europe/Berlin"));
	CHECK(s->overlap == OVERLAP_QUEUE && s->catchup_ms == 3600000 && s->position == 2);
	CHECK(s->anchor_ms == 5 && s->done_ms == 6 && s->next_ms == 7 && s->last_fire_ms == 4);
	CHECK_STR(s->upcoming, STR("[7,8]"));
	CHECK_STR(s->waiting, STR("[5]"));
	CHECK_STR(s->last_run_id, STR("run-0001"));
	CHECK(s->n_started == 1 && s->n_skipped == 2 && s->n_missed == 3 && s->paused);
	CHECK_STR(s->error, STR("e"));
	CHECK(s->created_ms == 8 && s->updated_ms == 9);
	CHECK_INT(n_schedules(&f, &a, STR("third"), 0, (struct str){0}, &rows), 0);
	txn = txn_new();
	txn_add(txn, TXN_SCHEDULE_DELETE)->schedule.id = STR("s-0003");
	txn_add(txn, TXN_SCHEDULE_DELETE)->schedule.id = STR("s-0099");
	txn_add(txn, TXN_WORKFLOW_DELETE)->workflow.id = STR("wf-1");
	CHECK(commit(&f, txn));
	CHECK_INT(n_schedules(&f, &a, (struct str){0}, 0, (struct str){0}, &rows), 2);
	CHECK_STR(rows[0].id, STR("s-0004"));
}

/* ---- runs ---- */

TEST(a_run_is_read_with_nodes_and_attempts)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	txn_add(txn, TXN_VERSION_ADD)->version = (struct version_row){
		.workflow_id = STR("wf-1"), .version = 1, .definition = STR("{\"nodes\":[]}")};
	struct run_row *run = put_run(txn, 1);
	run->workflow_version = 1;
	run->context = STR("{\"k\":1}");
	run->parent_run_id = STR("run-0000");
	run->caller_run_id = STR("run-0009");
	run->caller_node = STR("n[1]");
	run->depth = 2;
	run->concurrency_key = STR("key");
	run->priority = 7;
	put_attempt(txn, 1, 1, 1)->input = STR("{\"first\":true}");
	put_attempt(txn, 1, 0, 1);
	put_attempt(txn, 1, 1, 2);
	CHECK(commit(&f, txn));
	txn = txn_new();
	txn_add(txn, TXN_ATTEMPT_SET)->attempt = (struct attempt_row){.id = STR("attempt-1-1-1"),
								      .status = ATTEMPT_FAILED,
								      .error = STR("{\"code\":1}"),
								      .started_ms = 7,
								      .finished_ms = 8,
								      .sandboxed = true,
								      .effect = EFFECT_IRREVERSIBLE,
								      .probe = true,
								      .progress = STR("{\"p\":1}"),
								      .cpu_usec = 9,
								      .memory_peak_bytes = 10};
	txn_add(txn, TXN_ATTEMPT_SET)->attempt = (struct attempt_row){
		.id = STR("attempt-1-1-2"), .status = ATTEMPT_SUCCESS, .input = STR("{\"set\":1}")};
	struct node_row *node = put_node(txn, 1, 1);
	node->attempt = 2;
	node->output = STR("{\"done\":true}");
	node->detail = STR("{\"items\":[1]}");
	put_node(txn, 1, 0)->copied_from = STR("run-0000");
	txn_add(txn, TXN_RUN_SET)->run = (struct run_row){.id = STR("run-0001"),
							  .status = RUN_FAILED,
							  .error = STR("{\"code\":2}"),
							  .stopping = STOP_CANCEL,
							  .output = STR("[3]"),
							  .pause = STR("{\"by\":1}"),
							  .workflow_version = 1,
							  .waited_ms = 13,
							  .waiting_since_ms = 14,
							  .started_ms = 11,
							  .finished_ms = 12};
	CHECK(commit(&f, txn));
	struct run_detail d;
	CHECK_INT(f.store->ops->run_get(f.reader, &a, STR("default"), STR("run-0001"), &d), 0);
	CHECK_INT(d.run.status, RUN_FAILED);
	CHECK_INT(d.run.stopping, STOP_CANCEL);
	CHECK_STR(d.run.error, STR("{\"code\":2}"));
	CHECK_STR(d.run.context, STR("{\"k\":1}"));
	CHECK_STR(d.run.parent_run_id, STR("run-0000"));
	CHECK_INT(d.run.finished_ms, 12);
	CHECK_STR(d.run.caller_run_id, STR("run-0009"));
	CHECK_STR(d.run.caller_node, STR("n[1]"));
	CHECK_INT(d.run.depth, 2);
	CHECK_STR(d.run.output, STR("[3]"));
	CHECK_STR(d.run.pause, STR("{\"by\":1}"));
	CHECK_STR(d.run.concurrency_key, STR("key"));
	CHECK_INT(d.run.priority, 7);
	CHECK_INT(d.run.waited_ms, 13);
	CHECK_INT(d.run.waiting_since_ms, 14);
	CHECK_STR(d.definition, STR("{\"nodes\":[]}"));
	CHECK_INT(d.n_nodes, 2);
	CHECK_INT(d.nodes[0].index, 0);
	CHECK_STR(d.nodes[0].copied_from, STR("run-0000"));
	CHECK_STR(d.nodes[1].output, STR("{\"done\":true}"));
	CHECK_STR(d.nodes[1].detail, STR("{\"items\":[1]}"));
	CHECK_INT(d.n_attempts, 3);
	CHECK_STR(d.attempts[0].id, STR("attempt-1-1-1"));
	CHECK_STR(d.attempts[0].input, STR("{\"first\":true}"));
	CHECK_INT(d.attempts[0].status, ATTEMPT_FAILED);
	CHECK_INT(d.attempts[0].output.n, 0);
	CHECK_INT(d.attempts[0].finished_ms, 8);
	CHECK(d.attempts[0].sandboxed);
	CHECK_INT(d.attempts[0].effect, EFFECT_IRREVERSIBLE);
	CHECK(d.attempts[0].probe);
	CHECK_STR(d.attempts[0].progress, STR("{\"p\":1}"));
	CHECK_INT(d.attempts[0].cpu_usec, 9);
	CHECK_INT(d.attempts[0].memory_peak_bytes, 10);
	CHECK_STR(d.attempts[1].id, STR("attempt-1-0-1"));
	CHECK_STR(d.attempts[2].input, STR("{\"set\":1}"));
	CHECK_STR(d.attempts[2].output, STR("{\"done\":true}"));
	CHECK_STR(d.attempts[2].project, STR("default"));
	CHECK_STR(d.attempts[2].run_id, STR("run-0001"));
}

/* ---- approvals ---- */

TEST(an_approval_is_read_alone_and_with_its_run)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	put_run(txn, 1);
	struct approval_row *put = put_approval(txn, 1, 1);
	put->agent = STR("scanner");
	put->action = STR("scan");
	put->node_index = 3;
	put->inputs = STR("{\"a\":1.0}");
	put->subject = STR("{\"b\":2}");
	put->sha256 = STR("abc");
	put->approvers = STR("[\"ann\"]");
	put->quorum = 2;
	put->allow_self = put->expiry_approves = true;
	put_approval(txn, 1, 2);
	CHECK(commit(&f, txn));
	txn = txn_new();
	txn_add(txn, TXN_APPROVAL_SET)->approval =
		(struct approval_row){.id = STR("approval-0001"),
				      .status = APPROVAL_REJECTED,
				      .responses = STR("[1]"),
				      .responded_by = STR("ann"),
				      .notes = STR("no"),
				      .responded_ms = 40};
	CHECK(commit(&f, txn));
	fixture_reopen(&f);
	struct approval_row p;
	struct run_detail d;
	CHECK_INT(
		f.store->ops->approval_get(f.reader, &a, STR("default"), STR("approval-0001"), &p),
		0);
	CHECK_INT(f.store->ops->run_get(f.reader, &a, STR("default"), STR("run-0001"), &d), 0);
	CHECK_INT(d.n_approvals, 2);
	CHECK_STR(d.approvals[1].id, STR("approval-0002"));
	CHECK_STR(d.approvals[0].sha256, p.sha256);
	CHECK_INT(p.status, APPROVAL_REJECTED);
	CHECK_STR(p.run_id, STR("run-0001"));
	CHECK_STR(p.workflow_name, STR("scan"));
	CHECK_STR(p.agent, STR("scanner"));
	CHECK_INT(p.node_index, 3);
	CHECK_STR(p.inputs, STR("{\"a\":1.0}"));
	CHECK_STR(p.subject, STR("{\"b\":2}"));
	CHECK_STR(p.approvers, STR("[\"ann\"]"));
	CHECK_INT(p.quorum, 2);
	CHECK(p.allow_self && p.expiry_approves);
	CHECK_STR(p.responses, STR("[1]"));
	CHECK_STR(p.responded_by, STR("ann"));
	CHECK_STR(p.notes, STR("no"));
	CHECK_INT(p.requested_ms, 5);
	CHECK_INT(p.responded_ms, 40);
	CHECK_INT(p.expires_ms, 50);
	CHECK_INT(f.store->ops->approval_get(f.reader, &a, STR("other"), STR("approval-0001"), &p),
		  STORE_NOT_FOUND);
	CHECK_INT(f.store->ops->approval_get(f.reader, &a, STR("default"), STR("none"), &p),
		  STORE_NOT_FOUND);
}

static struct str approval_ids(struct fixture *f, struct arena *a,
			       const struct approval_filter *filter, size_t limit,
			       const char *after)
{
	struct approval_row *rows;
	size_t n;
	struct store_page page = {.limit = limit, .after = str_of(after)};
	int r = f->store->ops->approval_list(f->reader, a, filter, &page, &rows, &n);
	CLEANUP_BUF struct buf out = {0};
	if (r != 0)
		buf_printf(&out, "error %d", r);
	for (size_t i = 0; r == 0 && i < n; i++)
		buf_printf(&out, "%s%.*s", i ? " " : "", STR_ARG(str_n(rows[i].id.p + 12, 1)));
	return arena_str(a, buf_str(&out));
}

TEST(approvals_are_filtered_and_paged_newest_first)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	put_run(txn, 1);
	put_run(txn, 2)->workflow_id = STR("wf-2");
	for (int i = 1; i <= 6; i++) {
		struct approval_row *row = put_approval(txn, i % 2 + 1, i);
		row->workflow_id = i % 2 ? STR("wf-2") : STR("wf-1");
		row->status = i < 3 ? APPROVAL_APPROVED : APPROVAL_PENDING;
		if (i == 6)
			row->project = STR("other");
	}
	CHECK(commit(&f, txn));
	struct approval_filter all = {.project = STR("default")}, pick = all;
	CHECK_STR(approval_ids(&f, &a, &all, 0, ""), STR("5 4 3 2 1"));
	CHECK_STR(approval_ids(&f, &a, &all, 2, ""), STR("5 4"));
	CHECK_STR(approval_ids(&f, &a, &all, 2, "approval-0004"), STR("3 2"));
	pick.has_status = true;
	CHECK_STR(approval_ids(&f, &a, &pick, 0, ""), STR("5 4 3"));
	CHECK_STR(approval_ids(&f, &a, &pick, 0, "approval-0004"), STR("3"));
	pick.run_id = STR("run-0002");
	CHECK_STR(approval_ids(&f, &a, &pick, 0, ""), STR("5 3"));
	pick.status = APPROVAL_APPROVED;
	CHECK_STR(approval_ids(&f, &a, &pick, 0, ""), STR("1"));
	pick = (struct approval_filter){.project = STR("default"), .workflow_id = STR("wf-2")};
	CHECK_STR(approval_ids(&f, &a, &pick, 0, ""), STR("5 3 1"));
	pick.run_id = STR("run-0001");
	CHECK_STR(approval_ids(&f, &a, &pick, 0, ""), STR(""));
	pick = (struct approval_filter){.project = STR("default"), .run_id = STR("none")};
	CHECK_STR(approval_ids(&f, &a, &pick, 0, ""), STR(""));
}

TEST(events_are_read_in_order_after_a_number)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	put_run(txn, 1);
	put_run(txn, 2);
	for (int i = 1; i <= 6; i++)
		txn_add(txn, TXN_EVENT_ADD)->event =
			(struct event_row){.run_id = i % 2 ? STR("run-0001") : STR("run-0002"),
					   .seq = (i + 1) / 2,
					   .time_ms = i,
					   .type = STR("node.finished"),
					   .data = numbered(&txn->arena, "", i)};
	CHECK(commit(&f, txn));
	struct event_row *rows;
	size_t n;
	CHECK_INT(f.store->ops->event_list(f.reader, &a, STR("run-0001"), 0, 2, &rows, &n), 0);
	CHECK_INT(n, 2);
	CHECK_INT(rows[0].seq, 1);
	CHECK_STR(rows[1].data, STR("0003"));
	CHECK_STR(rows[1].type, STR("node.finished"));
	CHECK_INT(f.store->ops->event_list(f.reader, &a, STR("run-0001"), 2, 10, &rows, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(rows[0].seq, 3);
	CHECK_INT(rows[0].time_ms, 5);
	CHECK_INT(f.store->ops->event_list(f.reader, &a, STR("nobody"), 0, 10, &rows, &n), 0);
	CHECK_INT(n, 0);
}

TEST(logs_are_read_from_the_row_that_holds_the_line)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	put_run(txn, 1);
	for (int i = 0; i < 4; i++)
		txn_add(txn, TXN_LOG_ADD)->log = (struct log_row){.run_id = STR("run-0001"),
								  .node_id = STR("n"),
								  .attempt_id = STR("at"),
								  .attempt = 1 + i / 2,
								  .seq = 1 + i * 10,
								  .n_lines = 10,
								  .time_ms = i,
								  .text = STR("a\nb")};
	CHECK(commit(&f, txn));
	struct log_row *rows;
	size_t n;
	static const struct {
		int64_t after;
		int64_t first;
		size_t n;
	} cases[] = {{0, 1, 4}, {5, 1, 4}, {9, 1, 4}, {10, 11, 3}, {39, 31, 1}, {40, 0, 0}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_INT(f.store->ops->log_list(f.reader, &a, STR("run-0001"), STR("n"),
						 cases[i].after, 9, &rows, &n),
			  0);
		CHECK_INT(n, cases[i].n);
		if (n > 0)
			CHECK_INT(rows[0].seq, cases[i].first);
	}
	CHECK_INT(f.store->ops->log_list(f.reader, &a, STR("run-0001"), STR("n"), 0, 1, &rows, &n),
		  0);
	CHECK_INT(n, 1);
	CHECK_STR(rows[0].text, STR("a\nb"));
	CHECK_STR(rows[0].attempt_id, STR("at"));
	CHECK_INT(f.store->ops->log_list(f.reader, &a, STR("run-0001"), STR("m"), 0, 1, &rows, &n),
		  0);
	CHECK_INT(n, 0);
}

TEST(keys_are_replaced_found_and_pruned)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	for (int i = 0; i < 2; i++) {
		struct txn *txn = txn_new();
		for (int k = 0; k < 4; k++)
			txn_add(txn, TXN_KEY_PUT)->key =
				(struct key_row){.project = k % 2 ? STR("default") : STR("other"),
						 .key = numbered(&txn->arena, "key-", k / 2),
						 .body_sha256 = STR("aa"),
						 .run_id = numbered(&txn->arena, "run-", i),
						 .created_ms = 100 + k};
		CHECK(commit(&f, txn));
	}
	struct key_row key;
	const struct store_ops *ops = f.store->ops;
	CHECK_INT(ops->key_get(f.reader, &a, STR("default"), STR("key-0001"), &key), 0);
	CHECK_STR(key.run_id, STR("run-0001"));
	CHECK_STR(key.body_sha256, STR("aa"));
	CHECK_INT(key.created_ms, 103);
	CHECK_INT(ops->key_get(f.reader, &a, STR("third"), STR("key-0001"), &key), STORE_NOT_FOUND);
	struct txn *txn = txn_new();
	txn_add(txn, TXN_KEYS_PRUNE)->key.created_ms = 102;
	CHECK(commit(&f, txn));
	CHECK_INT(ops->key_get(f.reader, &a, STR("default"), STR("key-0000"), &key),
		  STORE_NOT_FOUND);
	CHECK_INT(ops->key_get(f.reader, &a, STR("other"), STR("key-0000"), &key), STORE_NOT_FOUND);
	CHECK_INT(ops->key_get(f.reader, &a, STR("other"), STR("key-0001"), &key), 0);
	CHECK_INT(ops->key_get(f.reader, &a, STR("default"), STR("key-0001"), &key), 0);
}

static int list_signals(void *arg, struct arena *a UNUSED, const struct open_run *run)
{
	for (size_t i = 0; i < run->n_signals; i++)
		buf_printf(arg, "%.*s:%lld:%.*s=%.*s@%lld ", STR_ARG(run->run.id),
			   (long long)run->signals[i].seq, STR_ARG(run->signals[i].name),
			   STR_ARG(run->signals[i].data), (long long)run->signals[i].time_ms);
	return 0;
}

static void put_signal(struct txn *txn, enum txn_op_kind kind, int run, int64_t seq)
{
	txn_add(txn, kind)->signal = (struct signal_row){
		.run_id = numbered(&txn->arena, "run-", run),
		.seq = seq,
		.name = STR("go"),
		.data = str_of(arena_printf(&txn->arena, "%lld", (long long)seq)),
		.time_ms = 5,
	};
}

TEST(signals_are_kept_in_order_until_they_are_taken)
{
	CLEANUP_FIXTURE struct fixture f;
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 0; i < 3; i++) {
		put_run(txn, i);
		for (int64_t seq = 3; seq > 0; seq--)
			put_signal(txn, TXN_SIGNAL_ADD, i, seq);
		put_signal(txn, TXN_SIGNAL_ADD, i, 2);
	}
	put_signal(txn, TXN_SIGNAL_ADD, 9, 1); /* of no run */
	CHECK(commit(&f, txn));
	txn = txn_new();
	put_signal(txn, TXN_SIGNAL_DELETE, 0, 2);
	put_signal(txn, TXN_SIGNAL_DELETE, 0, 7);
	put_signal(txn, TXN_SIGNAL_DELETE, 1, 0);
	put_signal(txn, TXN_SIGNAL_DELETE, 9, 0);
	CHECK(commit(&f, txn));
	fixture_reopen(&f);
	CLEANUP_BUF struct buf text = {0};
	CHECK_INT(f.store->ops->open_runs(f.reader, list_signals, &text), 0);
	CHECK_STR(buf_str(&text), STR("run-0000:1:go=1@5 run-0000:3:go=3@5 "
				      "run-0002:1:go=1@5 run-0002:2:go=2@5 run-0002:3:go=3@5 "));
}

/* ---- recovery ---- */

struct recovered {
	struct buf text;
	int stop_at, n;
};

static int recover(void *arg, struct arena *a, const struct open_run *run)
{
	struct recovered *rec = arg;
	buf_printf(&rec->text, "%.*s:%zu:%zu:%lld ", STR_ARG(run->run.id), run->n_nodes,
		   run->n_attempts, (long long)run->last_event_seq);
	return ++rec->n == rec->stop_at ? 42 : 0;
}

TEST(recovery_sees_every_run_that_is_not_final_oldest_first)
{
	CLEANUP_FIXTURE struct fixture f;
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 0; i < 7; i++) {
		put_run(txn, i)->status = (enum run_status)i;
		put_node(txn, i, 0);
		for (int k = 0; k < 6; k++)
			put_attempt(txn, i, 0, k)->status = (enum attempt_status)k;
		for (int k = 1; k <= i; k++)
			txn_add(txn, TXN_EVENT_ADD)->event =
				(struct event_row){.run_id = numbered(&txn->arena, "run-", i),
						   .seq = k,
						   .type = STR("x")};
	}
	CHECK(commit(&f, txn));
	fixture_reopen(&f);
	struct recovered rec = {0};
	CHECK_INT(f.store->ops->open_runs(f.reader, recover, &rec), 0);
	CHECK_STR(buf_str(&rec.text), STR("run-0000:1:2:0 run-0001:1:2:1 run-0002:1:2:2 "));
	buf_clear(&rec.text);
	rec.n = 0;
	rec.stop_at = 2;
	CHECK_INT(f.store->ops->open_runs(f.reader, recover, &rec), 42);
	CHECK_STR(buf_str(&rec.text), STR("run-0000:1:2:0 run-0001:1:2:1 "));
	buf_free(&rec.text);
}

TEST(everything_is_there_after_reopening)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct stream s;
	stream_init(&s, 77);
	for (int i = 0; i < 200; i++) {
		int n_bad = 0;
		struct txn *txn = stream_next(&s);
		txn->done = must_be_durable;
		txn->owner = &n_bad;
		f.store->ops->submit(f.store, txn);
		if (i % 20 == 0)
			fixture_drain(&f);
		if (i == 199)
			fixture_drain(&f);
		CHECK_INT(n_bad, 0);
	}
	struct str before = dump_text(&f, &a);
	CHECK(before.n > 10000);
	fixture_reopen(&f);
	CHECK_STR(dump_text(&f, &a), before);
}

/* ---- values ---- */

/* Writes the value to every text column there is and reads it back. */
static void round_trip(struct tap *t, struct fixture *f, struct str v)
{
	CLEANUP_ARENA struct arena a = {0};
	struct txn *txn = txn_new();
	txn_add(txn, TXN_AGENT_PUT)->agent = (struct agent_row){.id = STR("a"),
								.project = STR("default"),
								.name = v,
								.description = v,
								.entry_path = v};
	txn_add(txn, TXN_WORKFLOW_DELETE)->workflow.id = STR("wf-1");
	struct run_row *run = put_run(txn, 1);
	run->workflow_name = run->context = run->error = run->trigger = v;
	struct node_row *node = put_node(txn, 1, 0);
	node->output = node->error = node->node_id = v;
	put_attempt(txn, 1, 0, 1)->input = v;
	txn_add(txn, TXN_LOG_ADD)->log = (struct log_row){
		.run_id = STR("run-0001"), .node_id = v, .seq = 1, .n_lines = 1, .text = v};
	txn_add(txn, TXN_KEY_PUT)->key =
		(struct key_row){.project = STR("default"), .key = v, .body_sha256 = v};
	CHECK(commit(f, txn));
	struct agent_row agent;
	struct run_detail d;
	struct log_row *logs;
	struct key_row key;
	size_t n;
	const struct store_ops *ops = f->store->ops;
	CHECK_INT(ops->agent_get(f->reader, &a, STR("default"), STR("a"), &agent), 0);
	CHECK(str_eq(agent.name, v) && str_eq(agent.description, v) && str_eq(agent.entry_path, v));
	CHECK_INT(ops->run_get(f->reader, &a, STR("default"), STR("run-0001"), &d), 0);
	CHECK(str_eq(d.run.workflow_name, v) && str_eq(d.run.context, v));
	CHECK(str_eq(d.run.error, v) && str_eq(d.run.trigger, v));
	CHECK(d.n_nodes == 1 && d.n_attempts == 1);
	CHECK(str_eq(d.nodes[0].output, v) && str_eq(d.nodes[0].error, v));
	CHECK(str_eq(d.nodes[0].node_id, v) && str_eq(d.attempts[0].input, v));
	CHECK_INT(ops->log_list(f->reader, &a, STR("run-0001"), v, 0, 10, &logs, &n), 0);
	CHECK(n == 1 && str_eq(logs[0].text, v));
	CHECK_INT(ops->key_get(f->reader, &a, STR("default"), v, &key), 0);
	CHECK(str_eq(key.key, v) && str_eq(key.body_sha256, v));
}

static char *read_file(const char *path, size_t *ret_n)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t n = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (n < 0)
		return NULL;
	char *p = mem_new0((size_t)n + 1);
	*ret_n = pread(fd, p, (size_t)n, 0) == n ? (size_t)n : 0;
	return p;
}

TEST(naughty_strings_come_back_byte_for_byte)
{
	CLEANUP_FIXTURE struct fixture f = {0};
	CLEANUP_ARENA struct arena a = {0};
	const char *shared = getenv("DROVER_SHARED");
	size_t n;
	CLEANUP_FREE char *text = read_file(
		arena_printf(&a, "%s/data/naughty-strings.json", shared ? shared : "../shared"),
		&n);
	if (!text)
		SKIP("no shared/data/naughty-strings.json");
	struct value list;
	CHECK_INT(json_parse(&a, str_n(text, n), JSON_DEFAULT, &list, NULL), 0);
	CHECK(value_is(&list, VALUE_ARRAY) && list.n > 400);
	fixture_open(&f);
	/* ten at a time, joined by what text is not used to */
	CLEANUP_BUF struct buf joined = {0};
	for (size_t i = 0; i < list.n; i++) {
		struct str s = value_text(&list.items[i]);
		buf_put_str(&joined, s);
		buf_put(&joined, "\0\xff\xc3", 3);
		if (i % 10 != 9)
			continue;
		round_trip(t, &f, s);
		CHECK_GOOD();
		round_trip(t, &f, buf_str(&joined));
		CHECK_GOOD();
		buf_clear(&joined);
	}
}

TEST(bytes_that_are_no_text_come_back)
{
	CLEANUP_FIXTURE struct fixture f;
	fixture_open(&f);
	static const struct str values[] = {
		{"\0", 1},
		{"a\0b", 3},
		{"\0\0\0", 3},
		{"\xff\xfe", 2},
		{"sha256:", 7},
		{"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 71},
		{"'; DROP TABLE agents; --", 24},
		{"%_\\", 3},
		{"", 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		round_trip(t, &f, values[i]);
		CHECK_GOOD();
	}
}

TEST(large_values_come_back)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	static const size_t sizes[] = {4000, 65535, 65536, 65537, 300000, 16 << 20};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct rng rng;
		rng_seed(&rng, i);
		char *p = arena_alloc(&a, sizes[i]);
		for (size_t k = 0; k < sizes[i]; k++)
			p[k] = (char)(k % 3 ? 'a' + k % 26 : rng_below(&rng, 256));
		struct txn *txn = txn_new();
		put_run(txn, (int)i)->context = str_n(p, sizes[i]);
		put_node(txn, (int)i, 0)->output = str_n(p, sizes[i]);
		put_attempt(txn, (int)i, 0, 1)->input = str_n(p, sizes[i]);
		put_approval(txn, (int)i, (int)i)->inputs = str_n(p, sizes[i]);
		CHECK(commit(&f, txn));
	}
	fixture_reopen(&f);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct run_detail d;
		CHECK_INT(f.store->ops->run_get(f.reader, &a, STR("default"),
						numbered(&a, "run-", (int)i), &d),
			  0);
		CHECK_INT(d.run.context.n, sizes[i]);
		CHECK(str_eq(d.run.context, d.nodes[0].output));
		CHECK(str_eq(d.run.context, d.attempts[0].input));
		CHECK(str_eq(d.run.context, d.approvals[0].inputs));
		struct rng rng;
		rng_seed(&rng, i);
		for (size_t k = 0; k < sizes[i]; k++)
			if (d.run.context.p[k] !=
			    (char)(k % 3 ? 'a' + k % 26 : rng_below(&rng, 256))) {
				tap_fail(t, __FILE__, __LINE__, "size %zu, byte %zu", sizes[i], k);
				return;
			}
	}
}

TAP_MAIN(RUN(what_was_told_is_seen_wholly_by_every_later_read),
	 RUN(done_is_called_once_each_in_the_order_of_submission),
	 RUN(free_waits_for_what_was_submitted), RUN(an_empty_transaction_is_told_too),
	 RUN(the_same_rows_written_twice_stand_once),
	 RUN(rows_for_a_run_that_is_not_there_are_let_go),
	 RUN(an_agent_is_replaced_with_its_capabilities), RUN(another_projects_rows_are_not_found),
	 RUN(agents_are_listed_by_name_page_after_page),
	 RUN(versions_are_immutable_and_listed_newest_first),
	 RUN(deleting_a_workflow_takes_all_that_hangs_on_it),
	 RUN(an_approval_is_read_alone_and_with_its_run),
	 RUN(approvals_are_filtered_and_paged_newest_first),
	 RUN(schedules_are_replaced_listed_by_id_and_deleted),
	 RUN(a_run_is_read_with_nodes_and_attempts),

	 RUN(events_are_read_in_order_after_a_number),
	 RUN(logs_are_read_from_the_row_that_holds_the_line),
	 RUN(keys_are_replaced_found_and_pruned),
	 RUN(signals_are_kept_in_order_until_they_are_taken),
	 RUN(recovery_sees_every_run_that_is_not_final_oldest_first),
	 RUN(everything_is_there_after_reopening), RUN(naughty_strings_come_back_byte_for_byte),
	 RUN(bytes_that_are_no_text_come_back), RUN(large_values_come_back))
