/*
 * How each operation of a transaction changes the database. On the store thread, with the one
 * writing connection. Rows for a run that is gone (its workflow was deleted) are let go.
 */
#pragma once

#include "engine/store.h"
#include "store/sqlite/sqlconn.h"
#include "store/sqlite/sqlids.h"

struct sqlwrite {
	struct sqlconn *conn;
	struct arena scratch; /* of one transaction */
	struct sqlids runs, attempts;
	int64_t last_rid, last_aid;
	uint64_t n_pruned; /* deletions by retention: there may be room to give back */
};

/* SQLite's result code. */
int sqlwrite_init(struct sqlwrite *w, struct sqlconn *conn);
void sqlwrite_fini(struct sqlwrite *w);

/* Applies all ops of a transaction inside the SQLite transaction that is open. What ops tell goes
 * into its arena. */
int sqlwrite_txn(struct sqlwrite *w, struct txn *txn);

/* After a rollback: forgets what it remembered of rows that are gone again. */
void sqlwrite_rolled_back(struct sqlwrite *w);
