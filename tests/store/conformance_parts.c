/* Parts of a run: what every store promises of them. */
#include "base/fault.h"
#include "rows.h"
#include "tap.h"

TEST(a_part_of_a_run_is_read_and_its_nodes_are_counted)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	static const enum node_status statuses[] = {
		NODE_RUNNING, NODE_SUCCESS,   NODE_SUCCESS,	     NODE_FAILED,   NODE_SUCCESS,
		NODE_RUNNING, NODE_TIMED_OUT, NODE_WAITING_APPROVAL, NODE_CANCELLED};
	struct txn *txn = txn_new();
	put_run(txn, 1);
	for (int i = 0; i < (int)ARRAY_LEN(statuses); i++)
		put_node(txn, 1, i)->status = statuses[i];
	put_attempt(txn, 1, 1, 1)->status = ATTEMPT_SUCCESS;
	put_node(txn, 1, 9)->status = NODE_RUNNING; /* its attempt counts */
	put_node(txn, 1, 10)->status = NODE_UNKNOWN;
	put_attempt(txn, 1, 9, 1)->status = ATTEMPT_RUNNING;
	put_attempt(txn, 1, 10, 1)->status = ATTEMPT_QUEUED;
	put_attempt(txn, 1, 11, 1)->status = ATTEMPT_RUNNING;
	for (int i = 0; i < 3; i++) {
		struct approval_row *p = put_approval(txn, 1, i);
		p->status = i == 1 ? APPROVAL_APPROVED : APPROVAL_PENDING;
		p->node_index = 6 + i;
	}
	CHECK(commit(&f, txn));
	const struct store_ops *ops = f.store->ops;
	const struct run_part part = {2, 11}, nothing = {20, 30};
	struct run_detail d;
	struct node_counts n;
	CHECK_INT(ops->run_get_part(f.reader, &a, STR("default"), STR("run-0001"), &part, &d), 0);
	CHECK(d.n_nodes == 9 && d.nodes[0].index == 2 && d.nodes[6].index == 8);
	CHECK(d.n_attempts == 2 && d.attempts[0].node_index == 9 && d.n_approvals == 3);
	CHECK_INT(ops->node_counts(f.reader, STR("run-0001"), &part, &n), 0);
	CHECK(n.ended[NODE_SUCCESS] == 2 && n.ended[NODE_FAILED] == 1);
	CHECK(n.ended[NODE_TIMED_OUT] == 1 && n.ended[NODE_CANCELLED] == 1);
	CHECK(n.running == 2 && n.queued == 1 && n.waiting == 3);
	CHECK_INT(ops->run_get_part(f.reader, &a, STR("default"), STR("run-0001"), &nothing, &d),
		  0);
	CHECK(d.n_nodes == 0 && d.n_attempts == 0 && d.n_approvals == 0);
	CHECK_STR(d.run.id, STR("run-0001"));
	CHECK_INT(ops->node_counts(f.reader, STR("run-0001"), &nothing, &n), 0);
	CHECK(n.ended[NODE_SUCCESS] == 0 && n.running == 0 && n.waiting == 0);
	CHECK_INT(ops->node_counts(f.reader, STR("run-0002"), &part, &n), STORE_NOT_FOUND);
	CHECK_INT(ops->run_get_part(f.reader, &a, STR("other"), STR("run-0001"), &part, &d),
		  STORE_NOT_FOUND);
}

TEST(the_nodes_of_the_definition_are_read_without_items)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	static const struct workflow_node_row nodes[2] = {{.node_id = {"a", 1}},
							  {.node_id = {"b", 1}}};
	struct txn *txn = txn_new();
	txn_add(txn, TXN_VERSION_ADD)->version = (struct version_row){.workflow_id = STR("wf-1"),
								      .version = 1,
								      .definition = STR("{}"),
								      .nodes = nodes,
								      .n_nodes = 2};
	put_run(txn, 1)->workflow_version = 1;
	for (int i = 0; i < 4; i++)
		put_node(txn, 1, i);
	CHECK(commit(&f, txn));
	struct run_detail d;
	const struct run_part part = {0};
	CHECK_INT(f.store->ops->run_get_part(f.reader, &a, STR("default"), STR("run-0001"), &part,
					     &d),
		  0);
	CHECK_INT(d.n_nodes, 2);
}

TAP_MAIN(RUN(a_part_of_a_run_is_read_and_its_nodes_are_counted),
	 RUN(the_nodes_of_the_definition_are_read_without_items))
