/*
 * A small memory of which row number an id has, so that the writer need not look it up for every
 * row it writes. One place per hash, the newest wins; what is not there is asked of the database.
 * One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { SQLIDS_BYTES = 40 }; /* a longer id is never remembered */

struct sqlids_slot {
	int64_t row; /* 0 = empty */
	uint16_t n;
	char id[SQLIDS_BYTES];
};

struct sqlids {
	struct sqlids_slot *slots; /* NULL until the first put */
	size_t n_slots;		   /* a power of two */
};

void sqlids_init(struct sqlids *t, size_t n_slots);
void sqlids_fini(struct sqlids *t);
void sqlids_put(struct sqlids *t, struct str id, int64_t row);
int64_t sqlids_get(const struct sqlids *t, struct str id); /* 0 = not here */
void sqlids_clear(struct sqlids *t);
