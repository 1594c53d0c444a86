/*
 * Brings a database to the schema of this program. Migrations are the files of
 * spec/sql/migrations, applied in order, each in a transaction of its own with its row in
 * schema_migrations. The writing connection's thread.
 */
#pragma once

#include "store/sqlite/sqlconn.h"

/*
 * Applies what is missing. 0, or a negative errno with a sentence in *ret_reason:
 *   -EPROTO   the database was made by a newer program, a migration it has was changed since,
 *             or it is another program's file: nothing was changed
 *   others    as SQLite has it
 */
int sqlmigrate_run(struct sqlconn *c, struct buf *ret_reason);

/* The same judgement without changing anything; *ret_version is the schema the file has. */
int sqlmigrate_check(struct sqlconn *c, int *ret_version, struct buf *ret_reason);
