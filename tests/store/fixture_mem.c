#include "fixture.h"

#include "base/fault.h"
#include "store/mem/mem.h"

const char *fixture_name(void)
{
	return "mem";
}

static void new_reader(struct fixture *f)
{
	int r = f->store->ops->reader_new(f->store, &f->reader);
	ASSERT(r == 0);
}

void fixture_open(struct fixture *f)
{
	*f = (struct fixture){0};
	mem_store_new(&f->store);
	new_reader(f);
}

void fixture_drain(struct fixture *f)
{
	while (mem_store_run(f->store) > 0)
		;
}

void fixture_reopen(struct fixture *f)
{
	f->store->ops->reader_free(f->reader);
	f->store = mem_store_crash(f->store);
	new_reader(f);
}

void fixture_close(struct fixture *f)
{
	if (!f->store)
		return;
	f->store->ops->reader_free(f->reader);
	f->store->ops->free(f->store);
	f->store = NULL;
}
