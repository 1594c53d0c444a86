/*
 * Large values live in the table blobs, each once, deflated, and the column holds
 * "sha256:" and the hash instead. No JSON text begins so; any other value that does is treated as
 * large, so that nothing is mistaken. One connection's thread.
 */
#pragma once

#include "store/sqlite/sqlconn.h"

/* Whether a value must not stand in its column. */
bool sqlblob_large(struct str value);

/* Stores a large value (adds a reference to it) and gives what goes into the column, in the
 * arena; a small value is given back as it is. SQLite's result code. */
int sqlblob_put(struct sqlconn *c, struct arena *a, struct str value, struct str *ret);

/* The value of a column: *value is replaced when it is a reference. 0, -EUCLEAN when the blob is
 * missing or broken, or another negative errno. */
int sqlblob_get(struct sqlconn *c, struct arena *a, struct str *value);

/* Takes a reference away, when `column` is one; the last one takes the blob along. SQLite's result
 * code. */
int sqlblob_unref(struct sqlconn *c, struct str column);
