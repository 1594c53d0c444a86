/*
 * An SQLite VFS that writes the pages of a commit to the WAL in one system call. SQLite writes
 * each frame in two; here they gather and go out, in the same order, before anything else is done
 * with that file: a sync, a read, a truncation. So nothing changes but the number of calls, and
 * an error of writing shows at the sync.
 *
 * Only for a connection with synchronous=FULL: there every commit syncs the WAL before other
 * connections are told of its pages, so none of them looks for what still gathers here.
 */
#pragma once

/* The name of such a VFS over the named one (NULL = the system's), made on first use. Any
 * thread. */
const char *sqlwal_vfs(const char *base);
