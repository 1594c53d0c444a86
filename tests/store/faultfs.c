#include "faultfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/rng.h"

enum { MOST_IMAGES = 8, SECTOR = 512 };

/* A file as the disk holds it for sure, and what was written since. */
struct image {
	char *path;
	bool kept; /* its name is durable: it was synced once */
	struct buf durable;
	struct buf now;
};

struct fault_file {
	sqlite3_file file;
	struct image *image; /* NULL: not one that matters after a crash */
	sqlite3_file *real;
};

static struct {
	enum faultfs_what what;
	int k;
	const char *image_dir;
	struct rng rng;
	sqlite3_vfs *real;
	struct image images[MOST_IMAGES];
	size_t n_images;
	struct faultfs_counts counts;
	pthread_mutex_t mutex;
} fs = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static struct fault_file *fault_of(sqlite3_file *f)
{
	return (struct fault_file *)(void *)f;
}

/* What stood there before is durable. */
static void load(struct image *image)
{
	CLEANUP_FD int fd = open(image->path, O_RDONLY | O_CLOEXEC);
	off_t n = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	if (n <= 0)
		return;
	buf_reserve(&image->now, (size_t)n);
	ssize_t got = pread(fd, image->now.p, (size_t)n, 0);
	ASSERT(got == n);
	image->now.n = (size_t)n;
	buf_put(&image->durable, image->now.p, image->now.n);
	image->kept = true;
}

static struct image *image_of(const char *path)
{
	for (size_t i = 0; i < fs.n_images; i++)
		if (strcmp(fs.images[i].path, path) == 0)
			return &fs.images[i];
	ASSERT(fs.n_images < MOST_IMAGES);
	struct image *image = &fs.images[fs.n_images++];
	image->path = mem_dupz(path);
	load(image);
	return image;
}

static void set_size(struct buf *b, size_t n)
{
	if (n > b->n) {
		buf_reserve(b, n - b->n);
		memset(b->p + b->n, 0, n - b->n);
	}
	b->n = n;
}

/* Some of the sectors that were written and not synced are on the disk all the same. */
static void tear(struct image *image)
{
	size_t n = image->now.n;
	if (rng_below(&fs.rng, 2))
		set_size(&image->durable, n);
	for (size_t at = 0; at < n && at < image->durable.n; at += SECTOR) {
		size_t len = n - at < SECTOR ? n - at : SECTOR;
		if (at + len > image->durable.n)
			len = image->durable.n - at;
		if (rng_below(&fs.rng, 2))
			memcpy(image->durable.p + at, image->now.p + at, len);
	}
}

static void power_off(void)
{
	for (size_t i = 0; i < fs.n_images; i++) {
		struct image *image = &fs.images[i];
		if (fs.what == FAULTFS_POWER_TORN)
			tear(image);
		if (!image->kept && image->durable.n == 0)
			continue;
		const char *name = strrchr(image->path, '/');
		CLEANUP_FREE char *path = mem_printf("%s%s", fs.image_dir, name);
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, image->durable.p ? image->durable.p : "",
				    image->durable.n) != (ssize_t)image->durable.n)
			_exit(1);
	}
	_exit(FAULTFS_POWER_STATUS);
}

static void maybe_power_off(void)
{
	if ((fs.what == FAULTFS_POWER || fs.what == FAULTFS_POWER_TORN) &&
	    fs.counts.n_writes + fs.counts.n_syncs == fs.k)
		power_off();
}

/* ---- files ---- */

static int fault_close(sqlite3_file *f)
{
	return fault_of(f)->real->pMethods->xClose(fault_of(f)->real);
}

static int fault_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return fault_of(f)->real->pMethods->xRead(fault_of(f)->real, p, n, at);
}

static int write_fault(struct fault_file *f, const void *p, int n, sqlite3_int64 at)
{
	int i = fs.counts.n_writes;
	switch (fs.what) {
	case FAULTFS_WRITE:
		return i == fs.k ? SQLITE_IOERR_WRITE : SQLITE_OK;
	case FAULTFS_FULL:
		return i >= fs.k && i < fs.k + 5 ? SQLITE_FULL : SQLITE_OK;
	case FAULTFS_SHORT:
		if (i != fs.k)
			return SQLITE_OK;
		f->real->pMethods->xWrite(f->real, p, n / 2, at);
		return SQLITE_FULL;
	case FAULTFS_POWER:
	case FAULTFS_POWER_TORN:
		maybe_power_off();
		return SQLITE_OK;
	case FAULTFS_NONE:
	case FAULTFS_SYNC:
	case FAULTFS_OPEN:
	case FAULTFS_LAST:
		break;
	}
	return SQLITE_OK;
}

static int fault_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	struct fault_file *f = fault_of(file);
	pthread_mutex_lock(&fs.mutex);
	fs.counts.n_writes++;
	int rc = write_fault(f, p, n, at);
	if (rc == SQLITE_OK && f->image) {
		size_t end = (size_t)at + (size_t)n;
		if (end > f->image->now.n)
			set_size(&f->image->now, end);
		memcpy(f->image->now.p + at, p, (size_t)n);
	}
	pthread_mutex_unlock(&fs.mutex);
	return rc == SQLITE_OK ? f->real->pMethods->xWrite(f->real, p, n, at) : rc;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	struct fault_file *f = fault_of(file);
	if (f->image)
		set_size(&f->image->now, (size_t)n);
	return f->real->pMethods->xTruncate(f->real, n);
}

static int fault_sync(sqlite3_file *file, int flags)
{
	struct fault_file *f = fault_of(file);
	pthread_mutex_lock(&fs.mutex);
	fs.counts.n_syncs++;
	maybe_power_off();
	bool fails = fs.what == FAULTFS_SYNC && fs.counts.n_syncs == fs.k;
	if (!fails && f->image) {
		f->image->kept = true;
		set_size(&f->image->durable, f->image->now.n);
		if (f->image->now.n > 0)
			memcpy(f->image->durable.p, f->image->now.p, f->image->now.n);
	}
	pthread_mutex_unlock(&fs.mutex);
	return fails ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int fault_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return fault_of(f)->real->pMethods->xFileSize(fault_of(f)->real, ret);
}
static int fault_lock(sqlite3_file *f, int level)
{
	return fault_of(f)->real->pMethods->xLock(fault_of(f)->real, level);
}
static int fault_unlock(sqlite3_file *f, int level)
{
	return fault_of(f)->real->pMethods->xUnlock(fault_of(f)->real, level);
}
static int fault_reserved(sqlite3_file *f, int *ret)
{
	return fault_of(f)->real->pMethods->xCheckReservedLock(fault_of(f)->real, ret);
}
static int fault_control(sqlite3_file *f, int op, void *arg)
{
	return fault_of(f)->real->pMethods->xFileControl(fault_of(f)->real, op, arg);
}
static int fault_sector(sqlite3_file *f)
{
	return fault_of(f)->real->pMethods->xSectorSize(fault_of(f)->real);
}
static int fault_device(sqlite3_file *f)
{
	return fault_of(f)->real->pMethods->xDeviceCharacteristics(fault_of(f)->real);
}
static int fault_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return fault_of(f)->real->pMethods->xShmMap(fault_of(f)->real, page, size, extend, ret);
}
static int fault_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return fault_of(f)->real->pMethods->xShmLock(fault_of(f)->real, at, n, flags);
}
static void fault_shm_barrier(sqlite3_file *f)
{
	fault_of(f)->real->pMethods->xShmBarrier(fault_of(f)->real);
}
static int fault_shm_unmap(sqlite3_file *f, int forget)
{
	return fault_of(f)->real->pMethods->xShmUnmap(fault_of(f)->real, forget);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = fault_close,
	.xRead = fault_read,
	.xWrite = fault_write,
	.xTruncate = fault_truncate,
	.xSync = fault_sync,
	.xFileSize = fault_size,
	.xLock = fault_lock,
	.xUnlock = fault_unlock,
	.xCheckReservedLock = fault_reserved,
	.xFileControl = fault_control,
	.xSectorSize = fault_sector,
	.xDeviceCharacteristics = fault_device,
	.xShmMap = fault_shm_map,
	.xShmLock = fault_shm_lock,
	.xShmBarrier = fault_shm_barrier,
	.xShmUnmap = fault_shm_unmap,
};

/* ---- the VFS ---- */

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		      int *ret_flags)
{
	struct fault_file *f = fault_of(file);
	memset(f, 0, sizeof(*f));
	if (++fs.counts.n_opens == fs.k && fs.what == FAULTFS_OPEN)
		return SQLITE_CANTOPEN;
	f->real = (sqlite3_file *)(void *)(f + 1);
	int rc = fs.real->xOpen(fs.real, name, f->real, flags, ret_flags);
	if (rc != SQLITE_OK)
		return rc;
	if (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL))
		f->image = image_of(name);
	if (flags & SQLITE_OPEN_MAIN_DB)
		f->image->kept = true; /* sqlite_store_open() synced its folder */
	f->file.pMethods = &methods;
	return SQLITE_OK;
}

static int fault_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	struct image *image = image_of(name);
	buf_clear(&image->now);
	buf_clear(&image->durable);
	image->kept = false;
	return fs.real->xDelete(fs.real, name, 0);
}

void faultfs_setup(enum faultfs_what what, int k, const char *image_dir, uint64_t seed)
{
	static sqlite3_vfs vfs;
	fs.what = what;
	fs.k = k;
	fs.image_dir = image_dir;
	rng_seed(&fs.rng, seed);
	fs.real = sqlite3_vfs_find(NULL);
	vfs = *fs.real;
	vfs.pNext = NULL;
	vfs.zName = "fault";
	vfs.szOsFile = (int)sizeof(struct fault_file) + fs.real->szOsFile;
	vfs.xOpen = fault_open;
	vfs.xDelete = fault_delete;
	int rc = sqlite3_vfs_register(&vfs, 0);
	ASSERT(rc == SQLITE_OK);
}

struct faultfs_counts faultfs_counts(void)
{
	return fs.counts;
}
