#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "store/sqlite/sqlite.h"

const char *fixture_name(void)
{
	return "sqlite";
}

static void open_store(struct fixture *f)
{
	CLEANUP_FREE char *path = mem_printf("%s/drover.db", f->dir);
	CLEANUP_BUF struct buf reason = {0};
	struct sqlite_store_config config = {.path = path};
	int r = sqlite_store_open(&config, &f->store, &reason);
	if (r != 0)
		printf("# %.*s\n", STR_ARG(buf_str(&reason)));
	ASSERT(r == 0);
	r = f->store->ops->reader_new(f->store, &f->reader);
	ASSERT(r == 0);
}

static void close_store(struct fixture *f)
{
	f->store->ops->reader_free(f->reader);
	f->store->ops->free(f->store);
	f->store = NULL;
}

void fixture_open(struct fixture *f)
{
	*f = (struct fixture){0};
	snprintf(f->dir, sizeof(f->dir), "/tmp/drover-store-XXXXXX");
	ASSERT(mkdtemp(f->dir));
	open_store(f);
}

void fixture_drain(struct fixture *f)
{
	while (sqlite_store_wait(f->store))
		sqlite_store_drain(f->store);
}

void fixture_reopen(struct fixture *f)
{
	close_store(f);
	open_store(f);
}

void fixture_close(struct fixture *f)
{
	static const char *const files[] = {"", "-wal", "-shm", ".lock"};
	if (!f->store)
		return;
	close_store(f);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP_FREE char *path = mem_printf("%s/drover.db%s", f->dir, files[i]);
		unlink(path);
	}
	rmdir(f->dir);
}
