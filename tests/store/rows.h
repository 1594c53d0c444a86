/* Rows for tests of a store, filled with something plain; text in the transaction's arena. */
#pragma once

#include "fixture.h"

/* For txn->done, with an int as owner that counts what was not made durable; frees. */
void must_be_durable(struct txn *txn, int r);

/* Submits and waits; false when it was not made durable. */
bool commit(struct fixture *f, struct txn *txn);

/* "run-0007" */
struct str numbered(struct arena *a, const char *prefix, int i);

/* Each adds an op and gives its row, to be changed before the commit. */
struct run_row *put_run(struct txn *txn, int i);
struct node_row *put_node(struct txn *txn, int run, int index);
struct attempt_row *put_attempt(struct txn *txn, int run, int index, int attempt);
struct approval_row *put_approval(struct txn *txn, int run, int n);

/* The ids of a list of runs, joined. */
struct str run_ids(struct fixture *f, struct arena *a, const struct run_filter *filter,
		   size_t limit, const char *after);
