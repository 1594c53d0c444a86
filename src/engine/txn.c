#include "engine/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct txn *txn_new(void)
{
	return NEW0(struct txn);
}

void txn_free(struct txn *txn)
{
	if (!txn)
		return;
	arena_free(&txn->arena);
	free(txn);
}

struct txn_op *txn_add(struct txn *txn, enum txn_op_kind kind)
{
	if (txn->n_ops == txn->cap_ops) {
		size_t cap = txn->cap_ops ? txn->cap_ops * 2 : 16;
		txn->ops = arena_grow(&txn->arena, txn->ops, txn->cap_ops * sizeof(*txn->ops),
				      cap * sizeof(*txn->ops));
		txn->cap_ops = cap;
	}
	struct txn_op *op = &txn->ops[txn->n_ops++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	return op;
}

bool prune_looks_at(const struct prune *op, struct str project, struct str workflow_id)
{
	if (op->workflow_id.n > 0)
		return str_eq(workflow_id, op->workflow_id);
	size_t low = 0, high = op->n_except;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (str_cmp(op->except[mid], workflow_id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	bool excepted = low < op->n_except && str_eq(op->except[low], workflow_id);
	return str_eq(project, op->project) && !excepted;
}
