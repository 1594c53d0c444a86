/*
 * What the conformance suite needs of an adapter: link one fixture_*.c. A fixture is one store in
 * a private place; reopening shows what was durable. One thread.
 */
#pragma once

#include <stdbool.h>

#include "engine/store.h"

struct fixture {
	struct store *store;
	struct store_reader *reader;
	char dir[64];
	void *own;
};

const char *fixture_name(void);
void fixture_open(struct fixture *f);

/* Until everything that was submitted is told. */
void fixture_drain(struct fixture *f);

/* Closes and opens again; the reader is a new one. */
void fixture_reopen(struct fixture *f);

void fixture_close(struct fixture *f);
#define CLEANUP_FIXTURE __attribute__((cleanup(fixture_close)))
