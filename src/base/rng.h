/* Random numbers: the system's for identifiers and keys, a seeded generator (xoshiro256**,
 * Blackman and Vigna) for jitter and simulation, so that a seed repeats a run. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* n bytes from the kernel. Never fails (fatal otherwise). Any thread. */
void rng_system(void *bytes, size_t n);

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);

/* Uniform in [0, n), n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
