/*
 * A hash map from byte strings to pointers: open addressing, keyed hash (flood-proof), copies
 * its keys. Zero-initialise to make one. Pointers are not owned. One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t n;	 /* live entries */
	size_t n_filled; /* live and deleted */
	size_t cap;	 /* power of two */
};

void map_free(struct map *m);
#define CLEANUP_MAP CLEANUP(map_free)

/* The pointer stored under key, or NULL. */
void *map_get(const struct map *m, struct str key);

/* Stores p (not NULL) under key; the pointer that stood there before, or NULL. */
void *map_put(struct map *m, struct str key, void *p);

/* Takes the entry out; its pointer, or NULL when there was none. */
void *map_remove(struct map *m, struct str key);

/*
 * Iteration: start with *at = 0; false at the end. The map must not change meanwhile.
 *   size_t at = 0; struct str key; void *p;
 *   while (map_next(&m, &at, &key, &p)) ...
 */
bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_p);

/* The keyed hash, for other tables; the key is chosen once per process. */
uint64_t map_hash(struct str key);
