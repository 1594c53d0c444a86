#include "store/sqlite/sqlwal.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { GATHER_BYTES = 128 << 10, MOST_VFS = 4 };

struct wal_file {
	sqlite3_file file;
	sqlite3_file *real;
	char *gathered;
	int n;
	sqlite3_int64 at; /* where it belongs */
};

static struct wal_file *wal_of(sqlite3_file *f)
{
	return (struct wal_file *)(void *)f;
}

static int flush(struct wal_file *w)
{
	if (w->n == 0)
		return SQLITE_OK;
	int n = w->n;
	w->n = 0;
	return w->real->pMethods->xWrite(w->real, w->gathered, n, w->at);
}

static int wal_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct wal_file *w = wal_of(f);
	if (w->n > 0 && (at != w->at + w->n || w->n + n > GATHER_BYTES)) {
		int rc = flush(w);
		if (rc != SQLITE_OK)
			return rc;
	}
	if (n > GATHER_BYTES)
		return w->real->pMethods->xWrite(w->real, p, n, at);
	if (!w->gathered)
		w->gathered = mem_grow(NULL, GATHER_BYTES);
	if (w->n == 0)
		w->at = at;
	memcpy(w->gathered + w->n, p, (size_t)n);
	w->n += n;
	return SQLITE_OK;
}

static int wal_close(sqlite3_file *f)
{
	struct wal_file *w = wal_of(f);
	/* what was not synced by now belongs to no commit */
	free(w->gathered);
	return w->real->pMethods->xClose(w->real);
}

static int wal_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	int rc = flush(wal_of(f));
	return rc ? rc : wal_of(f)->real->pMethods->xRead(wal_of(f)->real, p, n, at);
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	int rc = flush(wal_of(f));
	return rc ? rc : wal_of(f)->real->pMethods->xTruncate(wal_of(f)->real, n);
}

static int wal_sync(sqlite3_file *f, int flags)
{
	int rc = flush(wal_of(f));
	return rc ? rc : wal_of(f)->real->pMethods->xSync(wal_of(f)->real, flags);
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	int rc = flush(wal_of(f));
	return rc ? rc : wal_of(f)->real->pMethods->xFileSize(wal_of(f)->real, ret);
}

static int wal_lock(sqlite3_file *f, int level)
{
	return wal_of(f)->real->pMethods->xLock(wal_of(f)->real, level);
}

static int wal_unlock(sqlite3_file *f, int level)
{
	return wal_of(f)->real->pMethods->xUnlock(wal_of(f)->real, level);
}

static int wal_reserved(sqlite3_file *f, int *ret)
{
	return wal_of(f)->real->pMethods->xCheckReservedLock(wal_of(f)->real, ret);
}

static int wal_control(sqlite3_file *f, int op, void *arg)
{
	return wal_of(f)->real->pMethods->xFileControl(wal_of(f)->real, op, arg);
}

static int wal_sector(sqlite3_file *f)
{
	return wal_of(f)->real->pMethods->xSectorSize(wal_of(f)->real);
}

static int wal_device(sqlite3_file *f)
{
	return wal_of(f)->real->pMethods->xDeviceCharacteristics(wal_of(f)->real);
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = wal_close,
	.xRead = wal_read,
	.xWrite = wal_write,
	.xTruncate = wal_truncate,
	.xSync = wal_sync,
	.xFileSize = wal_size,
	.xLock = wal_lock,
	.xUnlock = wal_unlock,
	.xCheckReservedLock = wal_reserved,
	.xFileControl = wal_control,
	.xSectorSize = wal_sector,
	.xDeviceCharacteristics = wal_device,
};

static int wal_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	sqlite3_vfs *real = vfs->pAppData;
	if (!(flags & SQLITE_OPEN_WAL))
		return real->xOpen(real, name, f, flags, ret_flags);
	struct wal_file *w = wal_of(f);
	memset(w, 0, sizeof(*w));
	w->real = (sqlite3_file *)(void *)(w + 1);
	int rc = real->xOpen(real, name, w->real, flags, ret_flags);
	if (rc == SQLITE_OK)
		w->file.pMethods = &methods;
	return rc;
}

static struct {
	pthread_mutex_t mutex;
	size_t n;
	struct {
		sqlite3_vfs vfs;
		sqlite3_vfs *real;
		char name[32];
	} made[MOST_VFS];
} all = {.mutex = PTHREAD_MUTEX_INITIALIZER};

const char *sqlwal_vfs(const char *base)
{
	sqlite3_vfs *real = sqlite3_vfs_find(base);
	const char *name = base;
	pthread_mutex_lock(&all.mutex);
	size_t i = 0;
	while (i < all.n && all.made[i].real != real)
		i++;
	if (real && i == all.n && i < MOST_VFS) {
		/* all but opening is the real one's: those functions ask nothing of their vfs */
		sqlite3_vfs *vfs = &all.made[i].vfs;
		*vfs = *real;
		snprintf(all.made[i].name, sizeof(all.made[i].name), "drover-%s", real->zName);
		vfs->zName = all.made[i].name;
		vfs->pNext = NULL;
		vfs->pAppData = all.made[i].real = real;
		vfs->szOsFile = (int)sizeof(struct wal_file) + real->szOsFile;
		vfs->xOpen = wal_open;
		if (sqlite3_vfs_register(vfs, 0) == SQLITE_OK)
			all.n++;
	}
	if (i < all.n)
		name = all.made[i].name;
	pthread_mutex_unlock(&all.mutex);
	return name;
}
