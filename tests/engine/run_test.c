#include "tap.h"
#include "world.h"

#define NODE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"

static const char chain3[] = "{'name':'chain3','nodes':[" NODE("a", "") ","
	NODE("b", ",'dependsOn':['a']") "," NODE("c", ",'dependsOn':['b']") "]}";

TEST(a_chain_runs_to_success_in_four_transactions)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w, chain3);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK_INT(w.version, 1);
	struct mem_store_stats before, after;
	mem_store_stats(w.store, &before);
	const char *run = world_trigger(&w, "chain3", NULL);
	mem_store_stats(w.store, &after);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK_INT(after.n_committed - before.n_committed, 4);
	struct run_detail d = world_run(&w, run);
	CHECK_INT(d.run.status, RUN_SUCCESS);
	CHECK_INT(d.n_nodes, 3);
	CHECK_INT(d.n_attempts, 3);
	CHECK_Z(world_events(&w, run),
		"run.started node.started:a node.finished:a node.started:b node.finished:b "
		"node.started:c node.finished:c run.finished");
	CHECK_INT(w.n_run_ends, 1);
	CHECK_INT(w.n_attempt_ends, 3);
}

TAP_MAIN(RUN(a_chain_runs_to_success_in_four_transactions))
