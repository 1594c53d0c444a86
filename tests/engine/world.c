#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "json/parse.h"
#include "moves_dump.h"
#include "store/sqlite/sqlite.h"

bool world_on_disk;

static int64_t wall_ms(struct clock *c)
{
	return container_of(c, struct world_clock, clock)->wall_ms;
}

static int64_t mono_ns(struct clock *c)
{
	return container_of(c, struct world_clock, clock)->mono_ms * 1000000;
}

/* ---- executor ---- */

static void unlink_attempt(struct world *w, struct world_attempt *a)
{
	struct world_attempt **at = &w->live;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
}

static void free_attempt(struct world_attempt *a)
{
	free(a->input);
	free(a->workspace);
	free(a->key);
	free(a->last_progress);
	free(a);
}

void world_result(struct world *w, struct world_attempt *a, const struct attempt_result *x)
{
	struct attempt_id id = a->id;
	unlink_attempt(w, a);
	free_attempt(a);
	engine_attempt_done(w->engine, &id, x);
	ASSERT(engine_check(w->engine) == 0);
}

static void start(struct executor *x, const struct attempt_start *s)
{
	struct world *w = container_of(x, struct world, executor);
	w->n_started++;
	if (!w->by_hand) {
		engine_attempt_done(w->engine, &s->id,
				    &(struct attempt_result){.output = STR("{}")});
		return;
	}
	struct world_attempt *a = NEW0(struct world_attempt);
	a->id = s->id;
	snprintf(a->run_id, sizeof(a->run_id), "%s", s->run_id.text);
	snprintf(a->node_id, sizeof(a->node_id), "%.*s", STR_ARG(s->node_id));
	a->input = mem_dup(s->input.p, s->input.n);
	a->workspace = mem_dup(s->workspace.p ? s->workspace.p : "", s->workspace.n);
	a->key = mem_dup(s->idempotency_key.p, s->idempotency_key.n);
	a->last_progress =
		mem_dup(s->last_progress.p ? s->last_progress.p : "", s->last_progress.n);
	a->number = s->attempt;
	a->probe_of = s->probe_of;
	snprintf(a->action, sizeof(a->action), "%.*s", STR_ARG(s->action));
	struct world_attempt **at = &w->live;
	while (*at)
		at = &(*at)->next;
	*at = a;
}

static void stop(struct executor *x, const struct attempt_id *id, enum attempt_stop why)
{
	struct world *w = container_of(x, struct world, executor);
	for (struct world_attempt *a = w->live; a; a = a->next) {
		if (strcmp(a->id.text, id->text) == 0) {
			a->stop_asked = true;
			a->why = why;
		}
	}
}

static const struct executor_ops executor_ops = {start, stop};

/* ---- watcher ---- */

static void on_events(void *arg, struct str run_id UNUSED, int64_t last_seq UNUSED)
{
	((struct world *)arg)->n_event_calls++;
}
static void on_logs(void *arg, struct str run_id UNUSED, struct str node_id UNUSED)
{
	((struct world *)arg)->n_log_calls++;
}
static void on_run_end(void *arg, const struct run_row *run)
{
	ASSERT(run_status_final(run->status));
	((struct world *)arg)->n_run_ends++;
}
static void on_attempt_end(void *arg, const struct attempt_row *attempt, const char *code)
{
	ASSERT((attempt->status == ATTEMPT_SUCCESS) == (code == NULL));
	((struct world *)arg)->n_attempt_ends++;
}

/* ---- life ---- */

static void open_store(struct world *w)
{
	if (!world_on_disk) {
		ASSERT(mem_store_new(&w->store) == 0);
		return;
	}
	CLEANUP_FREE char *path = mem_printf("%s/drover.db", w->dir);
	CLEANUP_BUF struct buf reason = {0};
	int r = sqlite_store_open(&(struct sqlite_store_config){.path = path}, &w->store, &reason);
	if (r != 0)
		printf("# %.*s\n", STR_ARG(buf_str(&reason)));
	ASSERT(r == 0);
}

static void remove_folder(struct world *w)
{
	static const char *const files[] = {"", "-wal", "-shm", ".lock"};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP_FREE char *path = mem_printf("%s/drover.db%s", w->dir, files[i]);
		unlink(path);
	}
	rmdir(w->dir);
}

/* Told transactions; on disk it waits for those under way. */
static size_t run_store(struct world *w)
{
	if (!world_on_disk)
		return mem_store_run(w->store);
	return sqlite_store_wait(w->store) ? sqlite_store_drain(w->store) : 0;
}

static void start_engine(struct world *w)
{
	w->config.store = w->store;
	w->config.seed++; /* ids must differ from those of the life before */
	ASSERT(engine_new(&w->config, &w->engine) == 0);
}

void world_open(struct world *w)
{
	*w = (struct world){.clock = {{wall_ms, mono_ns}, 1700000000000, 5000},
			    .project = "default"};
	w->executor.ops = &executor_ops;
	if (world_on_disk) {
		snprintf(w->dir, sizeof(w->dir), "/tmp/drover-engine-XXXXXX");
		ASSERT(mkdtemp(w->dir));
	}
	open_store(w);
	w->config = (struct engine_config){
		.clock = &w->clock.clock,
		.executor = &w->executor,
		.seed = 7,
		.max_scripts = 2,
		.watcher = w,
		.on_events = on_events,
		.on_logs = on_logs,
		.on_run_end = on_run_end,
		.on_attempt_end = on_attempt_end,
	};
	start_engine(w);
}

static void drop_attempts(struct world *w)
{
	while (w->live) {
		struct world_attempt *a = w->live;
		w->live = a->next;
		free_attempt(a);
	}
}

void world_close(struct world *w)
{
	if (world_on_disk) {
		w->store->ops->free(w->store);
		engine_free(w->engine);
		remove_folder(w);
	} else {
		w->store = mem_store_crash(w->store);
		engine_free(w->engine);
		w->store->ops->free(w->store);
	}
	drop_attempts(w);
	arena_free(&w->arena);
	free(w->json);
	free(w->findings);
}

void world_settle(struct world *w)
{
	do {
		ASSERT(engine_check(w->engine) == 0);
		engine_flush(w->engine);
	} while (run_store(w) > 0);
	ASSERT(engine_check(w->engine) == 0);
}

void world_pass(struct world *w, int64_t ms)
{
	int64_t end = w->clock.mono_ms + ms;
	world_settle(w);
	for (;;) {
		int64_t next = engine_next_tick(w->engine);
		if (next == INT64_MAX || next - w->clock.wall_ms > end - w->clock.mono_ms)
			break;
		int64_t step = next - w->clock.wall_ms;
		w->clock.wall_ms += step;
		w->clock.mono_ms += step;
		engine_tick(w->engine);
		world_settle(w);
	}
	w->clock.wall_ms += end - w->clock.mono_ms;
	w->clock.mono_ms = end;
}

void world_crash(struct world *w)
{
	if (world_on_disk) {
		w->store->ops->free(w->store);
		engine_free(w->engine);
		open_store(w);
	} else {
		w->store = mem_store_crash(w->store);
		engine_free(w->engine);
	}
	drop_attempts(w);
	start_engine(w);
}

/* ---- requests ---- */

void world_reply(void *arg, const struct engine_reply *reply)
{
	struct world *w = arg;
	struct buf text = {0};
	w->n_replies++;
	w->outcome = reply->outcome;
	w->version = reply->version;
	w->goes_on = reply->goes_on;
	w->status = reply->status;
	snprintf(w->id, sizeof(w->id), "%.*s", STR_ARG(reply->id));
	for (size_t i = 0; reply->diag && i < reply->diag->n; i++)
		buf_printf(&text, "%s: %s\n", reply->diag->findings[i].path,
			   reply->diag->findings[i].message);
	free(w->findings);
	free(w->json);
	w->findings = buf_take(&text);
	w->json = mem_dup(reply->json.p ? reply->json.p : "", reply->json.n);
}

struct value world_json(struct arena *a, const char *json)
{
	struct value v;
	struct json_error error;
	char *text = arena_dupz(a, json);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (json_parse(a, str_of(text), JSON_DEFAULT, &v, &error) != 0) {
		fprintf(stderr, "%s in %s\n", error.message, text);
		ASSERT(!"test JSON");
	}
	return v;
}

void world_agent(struct world *w, const char *json)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value doc = world_json(&a, json);
	engine_agent_save(
		w->engine,
		&(struct agent_save){.project = str_of(w->project), .upsert = true, .doc = &doc},
		world_reply, w);
	world_settle(w);
}

void world_agents(struct world *w)
{
	world_agent(w, "{'name':'rule','type':'RULE','capabilities':[{'name':'run'}]}");
	ASSERT(w->outcome == ENGINE_CREATED);
	world_agent(w, "{'name':'script','type':'SCRIPT','entryPath':'/agents/x',"
		       "'command':['./x'],'capabilities':[{'name':'run'}]}");
	ASSERT(w->outcome == ENGINE_CREATED);
}

void world_save_value(struct world *w, const struct value *doc)
{
	engine_workflow_save(
		w->engine,
		&(struct workflow_save){.project = str_of(w->project), .upsert = true, .doc = doc},
		world_reply, w);
	world_settle(w);
}

void world_save(struct world *w, const char *json)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value doc = world_json(&a, json);
	world_save_value(w, &doc);
}

void world_check(struct world *w, const char *json)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value doc = world_json(&a, json);
	engine_workflow_check(w->engine, (struct str){0}, &doc, world_reply, w);
}

const char *world_trigger(struct world *w, const char *workflow, const char *context)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value c = world_json(&a, context ? context : "{}");
	engine_run_trigger(w->engine,
			   &(struct run_trigger){.project = str_of(w->project),
						 .workflow = str_of(workflow),
						 .context = &c},
			   world_reply, w);
	world_settle(w);
	return arena_dupz(&w->arena, w->id);
}

void world_cancel(struct world *w, const char *run_id)
{
	engine_run_cancel(w->engine,
			  &(struct run_control){.project = str_of(w->project),
						.run_id = str_of(run_id),
						.reason = STR("because")},
			  world_reply, w);
	world_settle(w);
}

void world_retry(struct world *w, const char *run_id, const char *from)
{
	struct run_detail old = world_run(w, run_id);
	engine_run_retry(w->engine,
			 &(struct run_retry){
				 .project = str_of(w->project), .old = &old, .from = str_of(from)},
			 world_reply, w);
	world_settle(w);
}

void world_move(struct world *w, const char *run_id, int64_t version, bool plan)
{
	struct run_detail stored = world_run(w, run_id);
	struct version_row to;
	struct store_reader *r;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->version_get(r, &w->arena, stored.run.workflow_id, version, &to) == 0);
	r->ops->reader_free(r);
	engine_run_move(w->engine,
			&(struct run_move){.project = STR("default"),
					   .stored = &stored,
					   .to = &to,
					   .by = STR("ann"),
					   .reason = STR("a mend"),
					   .plan = plan},
			world_reply, w);
	world_settle(w);
}

/* ---- attempts ---- */

struct world_attempt *world_live(struct world *w, const char *node_id)
{
	struct world_attempt *a = w->live;
	while (a && strcmp(a->node_id, node_id) != 0)
		a = a->next;
	return a;
}

void world_succeed(struct world *w, const char *node_id, const char *output)
{
	struct world_attempt *a = world_live(w, node_id);
	ASSERT(a);
	char *text = mem_dupz(output);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	world_result(w, a, &(struct attempt_result){.output = str_of(text)});
	free(text);
	world_settle(w);
}

void world_started(struct world *w, const char *node_id)
{
	struct world_attempt *a = world_live(w, node_id);
	ASSERT(a);
	engine_attempt_started(w->engine, &a->id);
	world_settle(w);
}

void world_log(struct world *w, const char *node_id, const char *lines)
{
	struct world_attempt *a = world_live(w, node_id);
	ASSERT(a);
	char *text = mem_dupz(lines);
	int64_t n = 1;
	for (char *p = text; *p; p++) {
		n += *p == '\n';
		if (*p == '\'')
			*p = '"';
	}
	engine_attempt_log(w->engine, &a->id, str_of(text), n);
	free(text);
	world_settle(w);
}

void world_fail(struct world *w, const char *node_id, const char *code)
{
	struct world_attempt *a = world_live(w, node_id);
	ASSERT(a);
	world_result(w, a,
		     &(struct attempt_result){.end = ATTEMPT_END_ERROR,
					      .code = code,
					      .message = STR("it went wrong")});
	world_settle(w);
}

/* ---- what is stored ---- */

struct run_detail world_run(struct world *w, const char *run_id)
{
	struct run_detail d = {0};
	struct store_reader *r;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	int f = r->ops->run_get(r, &w->arena, str_of(w->project), str_of(run_id), &d);
	ASSERT(f == 0);
	r->ops->reader_free(r);
	return d;
}

static struct node_row *find_row(struct run_detail *d, const char *node_id)
{
	for (size_t i = 0; i < d->n_nodes; i++)
		if (str_eqz(d->nodes[i].node_id, node_id))
			return &d->nodes[i];
	return NULL;
}

const char *world_node(struct world *w, const char *run_id, const char *node_id)
{
	struct run_detail d = world_run(w, run_id);
	struct node_row *n = find_row(&d, node_id);
	return node_status_name(n ? n->status : NODE_PENDING);
}

struct str world_output(struct world *w, const char *run_id, const char *node_id)
{
	struct run_detail d = world_run(w, run_id);
	struct node_row *n = find_row(&d, node_id);
	return n ? n->output : (struct str){0};
}

struct str world_node_error(struct world *w, const char *run_id, const char *node_id)
{
	struct run_detail d = world_run(w, run_id);
	struct node_row *n = find_row(&d, node_id);
	return n ? n->error : (struct str){0};
}

const char *world_attempts(struct world *w, const char *run_id, const char *node_id)
{
	struct run_detail d = world_run(w, run_id);
	CLEANUP_BUF struct buf text = {0};
	for (size_t i = 0; i < d.n_attempts; i++) {
		const struct attempt_row *a = &d.attempts[i];
		if (!str_eqz(a->node_id, node_id))
			continue;
		buf_printf(&text, "%s%lld %s", text.n ? ", " : "", (long long)a->attempt,
			   attempt_status_name(a->status));
		struct value error;
		if (a->error.n && json_parse(&w->arena, a->error, 0, &error, NULL) == 0) {
			buf_putc(&text, ' ');
			buf_put_str(&text, value_text(value_getz(&error, "code")));
		}
	}
	return arena_dup(&w->arena, text.p ? text.p : "", text.n);
}

const char *world_events(struct world *w, const char *run_id)
{
	struct store_reader *r;
	struct event_row *rows;
	size_t n;
	CLEANUP_BUF struct buf text = {0};
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->event_list(r, &w->arena, str_of(run_id), 0, 1000, &rows, &n) == 0);
	for (size_t i = 0; i < n; i++) {
		struct value data;
		ASSERT(rows[i].seq == (int64_t)i + 1);
		ASSERT(json_parse(&w->arena, rows[i].data, 0, &data, NULL) == 0);
		buf_printf(&text, "%s%.*s", i ? " " : "", STR_ARG(rows[i].type));
		if (value_getz(&data, "nodeId"))
			buf_printf(&text, ":%.*s",
				   STR_ARG(value_text(value_getz(&data, "nodeId"))));
	}
	r->ops->reader_free(r);
	return arena_dup(&w->arena, text.p ? text.p : "", text.n);
}
