/*
 * Identifiers: UUIDv7 text (RFC 9562, 36 characters, lower case). Each kind of id is a struct of
 * its own, so that a run id can't be passed where an agent id is meant.
 *
 * Ids made by one generator are strictly increasing: the 12 bits after the time hold a counter
 * that carries into the time when it is full. The clock is the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/str.h"

enum { ID_TEXT_BYTES = 37 }; /* with the NUL */

struct run_id {
	char text[ID_TEXT_BYTES];
};
struct attempt_id {
	char text[ID_TEXT_BYTES];
};
struct workflow_id {
	char text[ID_TEXT_BYTES];
};
struct agent_id {
	char text[ID_TEXT_BYTES];
};
struct approval_id {
	char text[ID_TEXT_BYTES];
};

struct id_gen {
	struct rng rng;
	uint64_t last_ms;
	uint32_t counter;
};

/* Seed 0 takes the seed from the system. */
void id_gen_init(struct id_gen *g, uint64_t seed);

void id_make(struct id_gen *g, int64_t now_ms, char ret_text[ID_TEXT_BYTES]);

/* Whether s is a UUID in canonical lower-case text (any version). */
bool id_valid(struct str s);

/* Ids of one generator in the order they were made, and by time those of several. */
uint64_t id_age(struct str id);

/* When a valid id was made, ms since 1970; a generator may be ahead of the clock. */
int64_t id_time_ms(struct str s);

#define ID_STR(id) str_n((id).text, ID_TEXT_BYTES - 1)
