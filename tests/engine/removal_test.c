/* Workflows that are archived and deleted while runs go. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"
#include "base/limits.h"

#define RULE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"

static const char two[] = "{'name':'w','trigger':{'schedule':'@every 10s'},'nodes':[" RULE(
	"a", "") "," RULE("b", ",'dependsOn':['a']") "]}";

static const char *begin(struct world *w, char **ret_id)
{
	world_open(w);
	w->by_hand = true;
	world_agents(w);
	world_save(w, two);
	ASSERT(w->outcome == ENGINE_CREATED);
	*ret_id = arena_dupz(&w->arena, w->id);
	return world_trigger(w, "w", NULL);
}

static void restart(struct world *w)
{
	world_crash(w);
	world_settle(w);
}

static void delete_workflow(struct world *w, const char *id, bool cascade)
{
	engine_workflow_delete(w->engine,
			       &(struct workflow_removal){.project = STR("default"),
							  .id = str_of(id),
							  .by = STR("ann"),
							  .reason = STR("old"),
							  .cascade = cascade},
			       world_reply, w);
	world_settle(w);
}

static void archive(struct world *w, const char *id, bool archived, bool cascade)
{
	engine_workflow_archive(w->engine,
				&(struct workflow_removal){.project = STR("default"),
							   .id = str_of(id),
							   .by = STR("ann"),
							   .cascade = cascade},
				archived, world_reply, w);
	world_settle(w);
}

static size_t count_schedules(struct world *w)
{
	struct store_reader *r;
	struct schedule_row *rows;
	size_t n = 0;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->schedule_list(r, &w->arena, STR("default"), &(struct store_page){0}, &rows,
				     &n) == 0);
	r->ops->reader_free(r);
	return n;
}

/* The row of the workflow; false when there is none. */
static bool stored(struct world *w, const char *id, struct workflow_row *ret)
{
	struct store_reader *r;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	int f = r->ops->workflow_get(r, &w->arena, STR("default"), str_of(id), ret);
	r->ops->reader_free(r);
	return f == 0;
}

TEST(a_workflow_with_open_runs_is_deleted_only_with_cascade)
{
	struct world w CLEANUP_WORLD;
	struct workflow_row row;
	char *id;
	const char *run = begin(&w, &id);
	delete_workflow(&w, id, false);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK(strstr(w.findings, "has 1 open runs") && strstr(w.findings, "drover cancel"));
	delete_workflow(&w, id, true);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.version, 1);
	CHECK(stored(&w, id, &row) && strstr(row.deleting.p, "\"by\":\"ann\",\"reason\":\"old\""));
	CHECK(world_live(&w, "a")->stop_asked);
	CHECK_INT(count_schedules(&w), 0);
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK(strstr(w.findings, "is being deleted since 20") && strstr(w.findings, "by ann"));
	world_save(&w, two);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	delete_workflow(&w, id, true); /* again is no error */
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.version, 1);
	CHECK(strstr(world_events(&w, run), "run.stopping"));
	world_fail(&w, "a", "exit_1");
	CHECK(!stored(&w, id, &row));
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
	world_save(&w, two);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK_INT(w.version, 1);
	restart(&w);
	CHECK(!stored(&w, id, &row));
}

/* The store is stopped before each of its commits in turn: what was asked and acknowledged goes on.
 */
TEST(a_restart_goes_on_with_a_deletion)
{
	for (int with_crash = 0; with_crash < 2; with_crash++) {
		struct world w CLEANUP_WORLD;
		struct workflow_row row;
		char *id;
		begin(&w, &id);
		delete_workflow(&w, id, true);
		CHECK_INT(w.outcome, ENGINE_OK);
		world_crash(&w); /* the attempt is lost, and so the run is cancelled */
		if (with_crash) {
			world_crash(&w);
		}
		world_settle(&w);
		CHECK(!stored(&w, id, &row));
		CHECK_INT(w.n_run_ends, 1);
		restart(&w);
		CHECK(!stored(&w, id, &row));
	}
}

TEST(a_deletion_that_was_not_durable_did_not_happen)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	struct workflow_row row;
	char *id;
	begin(&w, &id);
	engine_workflow_delete(w.engine,
			       &(struct workflow_removal){.project = STR("default"),
							  .id = str_of(id),
							  .cascade = true},
			       world_reply, &w);
	size_t n = w.n_replies;
	restart(&w);
	CHECK_INT(w.n_replies, n);
	CHECK(stored(&w, id, &row) && row.deleting.n == 0);
	CHECK(world_live(&w, "a") && !world_live(&w, "a")->stop_asked);
}

enum { MANY = 2 * LIMIT_PRUNE_RUNS + 7, STEP_MS = 10 };

/* So many ended runs of the workflow; its id. */
static const char *ended_runs(struct world *w, const char *name, int n)
{
	world_save(w, arena_printf(&w->arena, "{'name':'%s','nodes':[" RULE("a", "") "]}", name));
	ASSERT(w->outcome == ENGINE_CREATED);
	const char *id = arena_dupz(&w->arena, w->id);
	for (int i = 0; i < n; i++) {
		world_trigger(w, name, NULL);
		world_succeed(w, "a", "{}");
	}
	return id;
}

static size_t count_runs(struct world *w, const char *id)
{
	struct store_reader *r;
	struct run_filter filter = {.project = STR("default"), .workflow_id = str_of(id)};
	struct store_page page = {.limit = 1000};
	struct run_row *rows;
	size_t n = 0;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->run_list(r, &w->arena, &filter, &page, &rows, &n) == 0);
	r->ops->reader_free(r);
	return n;
}

static void begin_many(struct world *w, const char **ret_id, const char **ret_other)
{
	world_open(w);
	w->by_hand = true;
	world_agents(w);
	*ret_id = ended_runs(w, "many", MANY);
	*ret_other = ended_runs(w, "other", 3);
}

TEST(many_runs_go_a_few_at_a_time_and_the_workflow_with_the_last)
{
	struct world w CLEANUP_WORLD;
	struct workflow_row row;
	const char *id, *other;
	begin_many(&w, &id, &other);
	delete_workflow(&w, id, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK(w.goes_on);
	CHECK_INT(count_runs(&w, id), MANY - LIMIT_PRUNE_RUNS);
	CHECK(stored(&w, id, &row) && strstr(row.deleting.p, "\"by\":\"ann\",\"reason\":\"old\""));
	world_trigger(&w, "many", NULL);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK(strstr(w.findings, "it is gone when the last of its runs is"));
	delete_workflow(&w, id, false); /* again is no error, and no second one */
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK(w.goes_on);
	CHECK_INT(count_runs(&w, id), MANY - LIMIT_PRUNE_RUNS);
	world_pass(&w, STEP_MS);
	CHECK_INT(count_runs(&w, id), MANY - 2 * LIMIT_PRUNE_RUNS);
	CHECK(stored(&w, id, &row));
	world_pass(&w, STEP_MS);
	CHECK_INT(count_runs(&w, id), 0);
	CHECK(!stored(&w, id, &row));
	CHECK_INT(count_runs(&w, other), 3);
	world_trigger(&w, "many", NULL);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
	restart(&w);
	CHECK(!stored(&w, id, &row) && stored(&w, other, &row));
}

TEST(few_runs_are_gone_with_the_reply)
{
	struct world w CLEANUP_WORLD;
	struct workflow_row row;
	const char *id, *other;
	begin_many(&w, &id, &other);
	delete_workflow(&w, other, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK(!w.goes_on);
	CHECK(!stored(&w, other, &row));
	CHECK_INT(count_runs(&w, other), 0);
	CHECK_INT(count_runs(&w, id), MANY);
}

TEST(a_restart_goes_on_with_the_deletion_of_many_runs)
{
	struct world w CLEANUP_WORLD;
	struct workflow_row row;
	const char *id, *other;
	begin_many(&w, &id, &other);
	delete_workflow(&w, id, false);
	CHECK(w.goes_on);
	restart(&w); /* its first step is that of the recovery */
	CHECK_INT(count_runs(&w, id), MANY - 2 * LIMIT_PRUNE_RUNS);
	CHECK(stored(&w, id, &row) && row.deleting.n > 0);
	world_trigger(&w, "many", NULL);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	restart(&w);
	CHECK_INT(count_runs(&w, id), 0);
	CHECK(!stored(&w, id, &row));
	CHECK_INT(count_runs(&w, other), 3);
}

TEST(the_last_open_run_is_followed_by_the_many_that_ended)
{
	struct world w CLEANUP_WORLD;
	struct workflow_row row;
	const char *id, *other;
	begin_many(&w, &id, &other);
	world_trigger(&w, "many", NULL);
	delete_workflow(&w, id, true);
	CHECK(w.goes_on);
	CHECK_INT(w.version, 1);
	world_pass(&w, 10 * STEP_MS);
	CHECK_INT(count_runs(&w, id), MANY + 1); /* while a run is open all stay */
	world_fail(&w, "a", "exit_1");
	CHECK_INT(count_runs(&w, id), MANY + 1 - LIMIT_PRUNE_RUNS);
	world_pass(&w, 10 * STEP_MS);
	CHECK(!stored(&w, id, &row));
	CHECK_INT(count_runs(&w, id), 0);
	CHECK_INT(count_runs(&w, other), 3);
}

TEST(an_archived_workflow_starts_nothing_and_its_runs_end)
{
	struct world w CLEANUP_WORLD;
	struct workflow_row row;
	char *id;
	const char *run = begin(&w, &id);
	archive(&w, id, true, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.version, 2);
	CHECK(stored(&w, id, &row) && row.status == WORKFLOW_ARCHIVED && row.version == 2);
	CHECK_INT(count_schedules(&w), 0);
	archive(&w, id, true, false);
	CHECK_INT(w.outcome, ENGINE_UNCHANGED);
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK(strstr(w.findings, "drover workflows unarchive w"));
	world_pass(&w, 60000);
	restart(&w);
	CHECK_INT(world_run(&w, run).run.workflow_version, 1);
	world_succeed(&w, "a", "{}");
	world_succeed(&w, "b", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	archive(&w, id, false, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.version, 3);
	CHECK_INT(count_schedules(&w), 1);
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_CREATED);
}

TEST(archiving_with_cascade_cancels_the_open_runs)
{
	struct world w CLEANUP_WORLD;
	char *id;
	const char *run = begin(&w, &id);
	archive(&w, id, true, true);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_fail(&w, "a", "exit_1");
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
	archive(&w, "00000000-0000-7000-8000-000000000000", true, true);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
}

TEST(an_agent_that_an_open_run_still_needs_is_not_deleted)
{
	struct world w CLEANUP_WORLD;
	char *id;
	const char *run = begin(&w, &id);
	world_agent(&w, "{'name':'rule','type':'RULE','version':'2','capabilities':[{'name':"
			"'run'}]}");
	char *agent = arena_dupz(&w.arena, w.id);
	world_save(&w, "{'name':'w','nodes':[{'id':'a','agent':'script','action':'run'}]}");
	engine_agent_delete(w.engine, STR("default"), str_of(agent), world_reply, &w);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK(strstr(w.findings, run) && strstr(w.findings, "drover cancel"));
	world_succeed(&w, "a", "{}");
	world_succeed(&w, "b", "{}");
	engine_agent_delete(w.engine, STR("default"), str_of(agent), world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_OK);
}

TAP_MAIN(RUN(a_workflow_with_open_runs_is_deleted_only_with_cascade),
	 RUN(a_restart_goes_on_with_a_deletion),
	 RUN(a_deletion_that_was_not_durable_did_not_happen),
	 RUN(many_runs_go_a_few_at_a_time_and_the_workflow_with_the_last),
	 RUN(few_runs_are_gone_with_the_reply),
	 RUN(a_restart_goes_on_with_the_deletion_of_many_runs),
	 RUN(the_last_open_run_is_followed_by_the_many_that_ended),
	 RUN(an_archived_workflow_starts_nothing_and_its_runs_end),
	 RUN(archiving_with_cascade_cancels_the_open_runs),
	 RUN(an_agent_that_an_open_run_still_needs_is_not_deleted))
