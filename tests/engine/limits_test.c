/* Who starts first, and who waits: slots, shares of projects, limits of agents. */
#include "base/buf.h"
#include "base/mem.h"
#include "engine/admission/queue.h"
#include "engine/admission/rate.h"
#include "tap.h"
#include "world.h"

#define SCRIPT_W(name)                                                                             \
	"{'name':'" name "','nodes':[{'id':'" name "','agent':'script','action':'run'}]}"

static void open_projects(struct world *w)
{
	static const char *const projects[] = {"b", "default"};
	world_open(w);
	w->by_hand = true;
	for (int i = 0; i < 2; i++) {
		w->project = projects[i];
		world_agents(w);
	}
}

static void in_project(struct world *w, const char *project, const char *workflow, int n)
{
	w->project = project;
	world_save(w, workflow);
	while (n-- > 0)
		engine_run_trigger(
			w->engine,
			&(struct run_trigger){.project = str_of(project),
					      .workflow = project[0] == 'b' ? STR("b") : STR("a")},
			world_reply, w);
	world_settle(w);
}

/* The nodes of the live attempts, oldest first. */
static const char *live(struct world *w)
{
	CLEANUP_BUF struct buf text = {0};
	for (struct world_attempt *a = w->live; a; a = a->next)
		buf_puts(&text, a->node_id);
	return arena_dup(&w->arena, text.p ? text.p : "", text.n);
}

/* ---- queues ---- */

TEST(a_queue_gives_by_rank_then_age_through_queues_of_queues)
{
	struct queue top, a, b;
	struct waiter w[6] = {0};
	queue_init(&top, NULL);
	queue_init(&a, &top);
	queue_init(&b, &top);
	CHECK(queue_first(&top) == NULL);
	queue_push(&a, &w[0], (struct queue_key){0, 5});
	queue_push(&b, &w[1], (struct queue_key){0, 3});
	queue_push(&a, &w[2], (struct queue_key){-1, 9});
	queue_check(&top);
	queue_check(&a);
	CHECK(queue_first(&top) == &a.self && queue_first(&a) == &w[2]);
	queue_shut(&a, true);
	CHECK(queue_first(&top) == &b.self);
	queue_push(&a, &w[3], (struct queue_key){-2, 1});
	queue_shut(&a, false);
	CHECK(queue_first(&top) == &a.self && queue_first(&a) == &w[3]);
	queue_remove(&w[3]);
	queue_remove(&w[2]);
	CHECK(queue_first(&top) == &b.self);
	CHECK_INT(queue_before(&a, (struct queue_key){1, 0}), 1);
	queue_remove(&w[1]);
	queue_remove(&w[1]);
	CHECK(queue_first(&top) == &a.self);
	queue_remove(&w[0]);
	CHECK(queue_first(&top) == NULL);
	queue_fini(&a);
	queue_fini(&b);
	queue_fini(&top);
}

TEST(a_rate_is_never_exceeded_in_any_window)
{
	const struct rate_limit limit = {3, 1000, 3};
	struct rate r;
	int64_t taken[200], n = 0;
	rate_begin(&r, &limit, 0);
	for (int64_t now = 0; now < 20000; now += 7) {
		if (now > 8000 && now < 12000)
			continue; /* a pause fills the bucket, no further */
		if (rate_next_ms(&r, &limit, now) > now)
			continue;
		rate_take(&r, &limit, now);
		taken[n++] = now;
	}
	CHECK(n > 40 && n <= 20 * 3 + 3);
	/* a bucket of 3 and what flows in during the window */
	for (int64_t i = 0; i + 6 < n; i++)
		CHECK(taken[i + 6] - taken[i] >= 1000);
	CHECK(taken[1] - taken[0] >= 333); /* one at the start */
}

/* ---- shares ---- */

TEST(a_project_with_many_queued_attempts_holds_up_no_other)
{
	struct world w CLEANUP_WORLD;
	open_projects(&w);
	in_project(&w, "default", SCRIPT_W("a"), 1000);
	CHECK_Z(live(&w), "aa");
	in_project(&w, "b", SCRIPT_W("b"), 2);
	CHECK_Z(live(&w), "aa");
	world_succeed(&w, "a", "{}");
	CHECK_Z(live(&w), "ab"); /* the next slot is that of who has none */
	world_succeed(&w, "a", "{}");
	CHECK_Z(live(&w), "ba");
	world_succeed(&w, "b", "{}");
	CHECK_Z(live(&w), "ab");
	world_succeed(&w, "b", "{}");
	CHECK_Z(live(&w), "aa");
}

TEST(long_attempts_of_one_project_delay_the_first_of_another_by_a_second)
{
	struct world w CLEANUP_WORLD;
	open_projects(&w);
	w.config.extra_scripts = 1;
	world_crash(&w);
	in_project(&w, "default", SCRIPT_W("a"), 10000);
	in_project(&w, "b", SCRIPT_W("b"), 3);
	CHECK_Z(live(&w), "aa");
	world_pass(&w, 999);
	CHECK_Z(live(&w), "aa");
	world_pass(&w, 1);
	CHECK_Z(live(&w), "aab");
	world_pass(&w, 60000);
	CHECK_Z(live(&w), "aab"); /* it has its share now */
	world_succeed(&w, "a", "{}");
	CHECK_Z(live(&w), "ab"); /* what was beyond the limit is given back */
	world_succeed(&w, "a", "{}");
	CHECK_Z(live(&w), "ba");
}

TEST(without_extra_slots_there_are_never_more_than_max_scripts)
{
	struct world w CLEANUP_WORLD;
	open_projects(&w);
	in_project(&w, "default", SCRIPT_W("a"), 5);
	in_project(&w, "b", SCRIPT_W("b"), 3);
	world_pass(&w, 3600000);
	CHECK_Z(live(&w), "aa");
}

TEST(the_queues_come_back_in_order_after_a_restart)
{
	struct world w CLEANUP_WORLD;
	open_projects(&w);
	w.project = "default";
	world_save(&w, SCRIPT_W("a"));
	const char *runs[6];
	for (int i = 0; i < 6; i++)
		runs[i] = world_trigger(&w, "a", NULL);
	world_crash(&w);
	world_settle(&w);
	for (int i = 2; i < 6; i++) {
		CHECK_Z(world_attempts(&w, runs[i], "a"), "1 QUEUED");
		world_succeed(&w, "a", "{}");
		CHECK_Z(world_attempts(&w, runs[i], "a"), "1 RUNNING");
	}
}

/* ---- limits of agents ---- */

static void limited(struct world *w, const char *limits)
{
	CLEANUP_FREE char *agent = mem_printf("{'name':'few','type':'RULE',%s,"
					      "'capabilities':[{'name':'run'}]}",
					      limits);
	world_open(w);
	w->by_hand = true;
	world_agents(w);
	world_agent(w, agent);
	world_save(w, "{'name':'few','nodes':[{'id':'f','agent':'few','action':'run'}]}");
	world_save(w, "{'name':'all','nodes':[{'id':'r','agent':'rule','action':'run'}]}");
}

TEST(an_agent_runs_no_more_attempts_than_its_concurrency_and_holds_up_no_other)
{
	struct world w CLEANUP_WORLD;
	limited(&w, "'concurrency':2");
	for (int i = 0; i < 4; i++)
		world_trigger(&w, "few", NULL);
	world_trigger(&w, "all", NULL);
	CHECK_Z(live(&w), "ffr");
	world_succeed(&w, "f", "{}");
	CHECK_Z(live(&w), "frf");
	/* a retry counts anew, another registration counts at once */
	world_agent(&w, "{'name':'few','type':'RULE','concurrency':3,"
			"'capabilities':[{'name':'run'}]}");
	CHECK_Z(live(&w), "frff");
	world_crash(&w);
	world_settle(&w);
	CHECK_INT(strlen(live(&w)), 4);
}

TEST(an_agent_starts_no_more_attempts_than_its_rate)
{
	struct world w CLEANUP_WORLD;
	limited(&w, "'rateLimit':{'limit':2,'per':'1s'}");
	world_pass(&w, 5000);
	for (int i = 0; i < 5; i++)
		world_trigger(&w, "few", NULL);
	world_trigger(&w, "all", NULL);
	CHECK_Z(live(&w), "ffr");
	world_pass(&w, 499);
	CHECK_Z(live(&w), "ffr");
	world_pass(&w, 1);
	CHECK_Z(live(&w), "ffrf");
	world_pass(&w, 1000);
	CHECK_Z(live(&w), "ffrfff");
}

TAP_MAIN(RUN(a_queue_gives_by_rank_then_age_through_queues_of_queues),
	 RUN(a_rate_is_never_exceeded_in_any_window),
	 RUN(a_project_with_many_queued_attempts_holds_up_no_other),
	 RUN(long_attempts_of_one_project_delay_the_first_of_another_by_a_second),
	 RUN(without_extra_slots_there_are_never_more_than_max_scripts),
	 RUN(the_queues_come_back_in_order_after_a_restart),
	 RUN(an_agent_runs_no_more_attempts_than_its_concurrency_and_holds_up_no_other),
	 RUN(an_agent_starts_no_more_attempts_than_its_rate))
