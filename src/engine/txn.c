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
