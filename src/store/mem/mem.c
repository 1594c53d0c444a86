#include "store/mem/mem.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/mem.h"
#include "store/dump.h"
#include "store/mem/memread.h"
#include "store/mem/memdb.h"

struct fifo {
	struct txn *first, *last;
};

struct mem_store {
	struct store store;
	struct memdb *durable;
	struct fifo waiting; /* submitted */
	struct fifo untold;  /* first the durable ones, then the failed */
	size_t n_ok_untold;  /* the first of `untold` that are durable */
	size_t fail_next;
	bool manual;
	struct mem_store_stats stats;
};

static const struct store_ops mem_ops;

static struct mem_store *mem_of(const struct store *s)
{
	ASSERT(s->ops == &mem_ops);
	return container_of(s, struct mem_store, store);
}

static void fifo_put(struct fifo *f, struct txn *txn)
{
	txn->next = NULL;
	if (f->last)
		f->last->next = txn;
	else
		f->first = txn;
	f->last = txn;
}

static struct txn *fifo_take(struct fifo *f)
{
	struct txn *txn = f->first;
	if (!txn)
		return NULL;
	f->first = txn->next;
	if (!f->first)
		f->last = NULL;
	txn->next = NULL;
	return txn;
}

int mem_store_new(struct store **ret)
{
	struct mem_store *m = NEW0(struct mem_store);
	m->store.ops = &mem_ops;
	m->durable = memdb_new();
	*ret = &m->store;
	return 0;
}

void mem_store_set_manual(struct store *s, bool manual)
{
	mem_of(s)->manual = manual;
}

void mem_store_fail_next(struct store *s, size_t n)
{
	mem_of(s)->fail_next = n;
}

static void mem_submit(struct store *s, struct txn *txn)
{
	struct mem_store *m = mem_of(s);
	fifo_put(&m->waiting, txn);
	m->stats.n_submitted++;
	m->stats.n_waiting++;
}

static void fail_all_waiting(struct mem_store *m)
{
	for (struct txn *txn; (txn = fifo_take(&m->waiting));) {
		fifo_put(&m->untold, txn);
		m->stats.n_failed++;
		m->stats.n_waiting--;
		m->stats.n_untold++;
	}
}

/* While failures wait to be told nothing may be committed, or it would overtake them. */
static bool failing(const struct mem_store *m)
{
	return m->stats.n_untold > m->n_ok_untold;
}

bool mem_store_commit_one(struct store *s)
{
	struct mem_store *m = mem_of(s);
	if (!m->waiting.first)
		return false;
	if (failing(m) || m->fail_next > 0) {
		if (!failing(m))
			m->fail_next--;
		fail_all_waiting(m);
		return true;
	}
	struct txn *txn = fifo_take(&m->waiting);
	for (size_t i = 0; i < txn->n_ops; i++)
		memdb_apply(m->durable, &txn->arena, &txn->ops[i]);
	m->stats.n_ops += txn->n_ops;
	m->stats.n_committed++;
	m->stats.n_waiting--;
	m->stats.n_untold++;
	m->n_ok_untold++;
	fifo_put(&m->untold, txn);
	return true;
}

size_t mem_store_run(struct store *s)
{
	struct mem_store *m = mem_of(s);
	if (!m->manual)
		while (mem_store_commit_one(s))
			;
	/* what waits behind a failure fails with it, in the same round */
	if (failing(m))
		fail_all_waiting(m);
	struct fifo batch = m->untold;
	size_t n_ok = m->n_ok_untold;
	m->untold = (struct fifo){0};
	m->n_ok_untold = m->stats.n_untold = 0;
	size_t i = 0;
	for (struct txn *txn; (txn = fifo_take(&batch)); i++) {
		m->stats.n_told++;
		txn->done(txn, i < n_ok ? 0 : -ENOSPC);
	}
	return i;
}

static void mem_free(struct store *s)
{
	struct mem_store *m = mem_of(s);
	m->manual = false;
	while (mem_store_run(s) > 0)
		;
	memdb_free(m->durable);
	free(m);
}

static void drop_all(struct fifo *f)
{
	for (struct txn *txn; (txn = fifo_take(f));)
		txn_free(txn);
}

struct store *mem_store_crash(struct store *s)
{
	struct mem_store *old = mem_of(s);
	struct mem_store *m = NEW0(struct mem_store);
	m->store.ops = &mem_ops;
	m->durable = old->durable;
	drop_all(&old->waiting);
	drop_all(&old->untold);
	free(old);
	return &m->store;
}

void mem_store_stats(const struct store *s, struct mem_store_stats *ret)
{
	*ret = mem_of(s)->stats;
}

static int mem_reader_new(struct store *s, struct store_reader **ret)
{
	*ret = memread_new(&mem_ops, &mem_of(s)->durable);
	return 0;
}

void mem_store_dump(struct store *s, struct buf *out)
{
	struct store_reader *r;
	int rc = mem_reader_new(s, &r);
	ASSERT(rc == 0);
	rc = dump_store(r, out);
	ASSERT(rc == 0);
	memread_free(r);
}

static const struct store_ops mem_ops = {
	.submit = mem_submit,
	.reader_new = mem_reader_new,
	.free = mem_free,
	.reader_free = memread_free,
	.agent_get = memread_agent_get,
	.agent_list = memread_agent_list,
	.workflow_get = memread_workflow_get,
	.workflow_list = memread_workflow_list,
	.version_get = memread_version_get,
	.version_list = memread_version_list,
	.run_get = memread_run_get,
	.run_get_part = memread_run_get_part,
	.node_counts = memread_node_counts,
	.run_head = memread_run_head,
	.run_list = memread_run_list,
	.event_list = memread_event_list,
	.log_list = memread_log_list,
	.key_get = memread_key_get,
	.approval_get = memread_approval_get,
	.approval_list = memread_approval_list,
	.schedule_list = memread_schedule_list,
	.storage = memread_storage,
	.open_runs = memread_open_runs,
};
