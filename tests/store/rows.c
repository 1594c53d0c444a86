#include "rows.h"

#include "base/buf.h"

void must_be_durable(struct txn *txn, int r)
{
	int *n_bad = txn->owner;
	*n_bad += r != 0;
	txn_free(txn);
}

bool commit(struct fixture *f, struct txn *txn)
{
	int n_bad = 0;
	txn->done = must_be_durable;
	txn->owner = &n_bad;
	f->store->ops->submit(f->store, txn);
	fixture_drain(f);
	return n_bad == 0;
}

struct str numbered(struct arena *a, const char *prefix, int i)
{
	return str_of(arena_printf(a, "%s%04d", prefix, i));
}

struct run_row *put_run(struct txn *txn, int i)
{
	struct run_row *run = &txn_add(txn, TXN_RUN_ADD)->run;
	run->id = numbered(&txn->arena, "run-", i);
	run->project = STR("default");
	run->workflow_id = STR("wf-1");
	run->workflow_name = STR("scan");
	run->status = RUN_RUNNING;
	run->trigger = STR("{}");
	run->created_ms = 1000 + i;
	return run;
}

struct node_row *put_node(struct txn *txn, int run, int index)
{
	struct node_row *node = &txn_add(txn, TXN_NODE_PUT)->node;
	node->run_id = numbered(&txn->arena, "run-", run);
	node->node_id = numbered(&txn->arena, "node-", index);
	node->index = index;
	node->status = NODE_SUCCESS;
	node->attempt = 1;
	return node;
}

struct attempt_row *put_attempt(struct txn *txn, int run, int index, int attempt)
{
	struct attempt_row *row = &txn_add(txn, TXN_ATTEMPT_ADD)->attempt;
	row->id = str_of(arena_printf(&txn->arena, "attempt-%d-%d-%d", run, index, attempt));
	row->run_id = numbered(&txn->arena, "run-", run);
	row->project = STR("default");
	row->node_id = numbered(&txn->arena, "node-", index);
	row->node_index = index;
	row->attempt = attempt;
	return row;
}

struct approval_row *put_approval(struct txn *txn, int run, int n)
{
	struct approval_row *row = &txn_add(txn, TXN_APPROVAL_ADD)->approval;
	row->id = numbered(&txn->arena, "approval-", n);
	row->run_id = numbered(&txn->arena, "run-", run);
	row->project = STR("default");
	row->workflow_id = STR("wf-1");
	row->workflow_name = STR("scan");
	row->node_id = STR("node-0000");
	row->quorum = 1;
	row->requested_ms = 5;
	row->expires_ms = 50;
	return row;
}

struct str run_ids(struct fixture *f, struct arena *a, const struct run_filter *filter,
		   size_t limit, const char *after)
{
	struct run_row *rows;
	size_t n;
	struct store_page page = {.limit = limit, .after = str_of(after)};
	int r = f->store->ops->run_list(f->reader, a, filter, &page, &rows, &n);
	CLEANUP_BUF struct buf out = {0};
	if (r != 0)
		buf_printf(&out, "error %d", r);
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%.*s", i ? " " : "", STR_ARG(rows[i].id));
	return arena_str(a, buf_str(&out));
}
