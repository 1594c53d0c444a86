/* Every commit point, enumerated: power off just before and just after a transaction is durable,
 * once and twice in a run's life. */
#include <stdio.h>

#include "base/fault.h"
#include "model.h"
#include "tap.h"
#include "world.h"

enum { TURNS_MOST = 2000 };

struct point {
	int at;	    /* the n-th commit of this life */
	bool after; /* it is durable, the engine was not told */
};

struct life {
	struct world *w;
	const char *workflow;
	const struct point *points;
	size_t n_points, n_crashes;
	int n_commits; /* of this life */
	int n_commits_all;
	bool answered;
	char run[ID_TEXT_BYTES];
};

static void on_reply(void *arg, const struct engine_reply *reply)
{
	struct life *l = arg;
	ASSERT(reply->outcome == ENGINE_CREATED || reply->outcome == ENGINE_REPLAYED);
	ASSERT(!l->run[0] || str_eqz(reply->id, l->run));
	snprintf(l->run, sizeof(l->run), "%.*s", STR_ARG(reply->id));
	l->answered = true;
}

/* What a client does until it gets an answer: the same request with the same key. */
static void ask(struct life *l)
{
	struct world *w = l->w;
	struct store_reader *r;
	struct key_row row;
	struct value context = world_json(&w->arena, "{'w0':true,'w1':false}");
	ASSERT(engine_key_claim(w->engine, STR("default"), STR("key")));
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	int f = r->ops->key_get(r, &w->arena, STR("default"), STR("key"), &row);
	struct run_trigger t = {.project = STR("default"),
				.workflow = str_of(l->workflow),
				.context = &context,
				.idempotency_key = STR("key"),
				.body_sha256 = STR("body"),
				.known_key = f == 0 ? &row : NULL};
	engine_run_trigger(w->engine, &t, on_reply, l);
	r->ops->reader_free(r);
}

static void crash(struct life *l)
{
	world_crash(l->w);
	mem_store_set_manual(l->w->store, true);
	l->n_crashes++;
	l->n_commits = 0;
	if (!l->answered)
		ask(l);
}

/* Commits one waiting transaction, or crashes there; false when none waited. */
static bool commit(struct life *l)
{
	struct mem_store_stats stats;
	mem_store_stats(l->w->store, &stats);
	if (stats.n_waiting == 0)
		return false;
	const struct point *p = l->n_crashes < l->n_points ? &l->points[l->n_crashes] : NULL;
	bool here = p && ++l->n_commits == p->at;
	l->n_commits_all++;
	if (!here || p->after)
		mem_store_commit_one(l->w->store);
	if (here)
		crash(l);
	return true;
}

static void answer(struct life *l)
{
	struct world *w = l->w;
	static int64_t n;
	char output[32];
	snprintf(output, sizeof(output), "{\"n\":%lld}", (long long)++n);
	world_result(w, w->live, &(struct attempt_result){.output = str_of(output)});
}

static void live(struct life *l)
{
	mem_store_set_manual(l->w->store, true);
	ask(l);
	for (int i = 0; i < TURNS_MOST; i++) {
		ASSERT(engine_check(l->w->engine) == 0);
		engine_flush(l->w->engine);
		if (commit(l) || mem_store_run(l->w->store) > 0)
			continue;
		if (!l->w->live)
			return;
		answer(l);
	}
	ASSERT(!"the run never ends");
}

static const char *judge(struct life *l)
{
	struct world *w = l->w;
	struct store_reader *r;
	struct run_row *runs;
	struct event_row *events;
	struct run_detail d = world_run(w, l->run);
	size_t n, n_runs;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->event_list(r, &w->arena, str_of(l->run), 0, 10000, &events, &n) == 0);
	ASSERT(r->ops->run_list(r, &w->arena, &(struct run_filter){.project = STR("default")},
				&(struct store_page){.limit = 10}, &runs, &n_runs) == 0);
	r->ops->reader_free(r);
	if (n_runs != 1)
		return "there is not exactly one run";
	if (d.run.status != RUN_SUCCESS)
		return "the run did not succeed";
	return model_judge(&w->arena, &d, events, n);
}

/* The number of commits; reports what went wrong. */
static int run_once(struct tap *t, const char *workflow, const char *json,
		    const struct point *points, size_t n_points)
{
	struct world w CLEANUP_WORLD;
	struct life l = {.w = &w, .workflow = workflow, .points = points, .n_points = n_points};
	world_open(&w);
	world_agents(&w);
	world_save(&w, json);
	ASSERT(w.outcome == ENGINE_CREATED);
	w.by_hand = true;
	live(&l);
	const char *why = judge(&l);
	if (why)
		tap_fail(t, __FILE__, __LINE__, "%s, crash at %d%s, then %d%s: %s", workflow,
			 n_points ? points[0].at : 0, n_points && points[0].after ? " after" : "",
			 n_points > 1 ? points[1].at : 0,
			 n_points > 1 && points[1].after ? " after" : "", why);
	return l.n_commits_all;
}

static void sweep(struct tap *t, const char *workflow, const char *json, int least)
{
	int n = run_once(t, workflow, json, NULL, 0);
	CHECK(n >= least);
	for (int i = 2; i <= n * 2 + 3; i++) {
		for (int k = 1; k <= n * 2 + 3; k++) {
			struct point points[] = {{i / 2, i & 1}, {k / 2, k & 1}};
			run_once(t, workflow, json, points, k == 1 ? 1 : 2);
			CHECK_GOOD();
		}
	}
}

TEST(scan_and_notify_survives_a_crash_at_every_commit)
{
	sweep(t, "scan-and-notify",
	      "{'name':'scan-and-notify','nodes':[{'id':'scan','agent':'script','action':'run'},"
	      "{'id':'notify','agent':'rule','action':'run','dependsOn':['scan'],"
	      "'when':'{{ context.w0 }}','inputs':{'v':'{{ nodes.scan.output.n }}'}}]}",
	      3);
}

TEST(a_diamond_of_ten_survives_a_crash_at_every_commit)
{
	CLEANUP_BUF struct buf text = {0};
	buf_puts(&text, "{'name':'diamond','nodes':[{'id':'top','agent':'rule','action':'run'}");
	for (int i = 0; i < 8; i++)
		buf_printf(&text,
			   ",{'id':'n%d','agent':'%s','action':'run','dependsOn':['top'],"
			   "'inputs':{'v':'{{ nodes.top.output.n }}'}%s}",
			   i, i % 3 ? "rule" : "script",
			   i == 5 ? ",'when':'{{ context.w1 }}'" : "");
	buf_puts(&text, ",{'id':'end','agent':'rule','action':'run','joinRule':'none_failed',"
			"'dependsOn':['n0','n1','n2','n3','n4','n5','n6','n7']}]}");
	sweep(t, "diamond", text.p, 10);
}

TEST(items_survive_a_crash_at_every_commit)
{
	sweep(t, "each",
	      "{'name':'each','nodes':[{'id':'a','agent':'script','action':'run','forEach':[7,8,9,"
	      "5],"
	      "'maxParallel':2,'inputs':{'i':'{{ item }}'}},{'id':'b','agent':'rule','action':"
	      "'run','forEach':[1,2],'inputs':{'i':'{{ item }}'}},{'id':'none','agent':'rule',"
	      "'action':'run','forEach':[],'dependsOn':['a']},{'id':'end','agent':'rule','action':"
	      "'run','dependsOn':['a','b','none']}]}",
	      5);
}

TAP_MAIN(RUN(items_survive_a_crash_at_every_commit),
	 RUN(scan_and_notify_survives_a_crash_at_every_commit),
	 RUN(a_diamond_of_ten_survives_a_crash_at_every_commit))
