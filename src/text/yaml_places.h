/*
 * The table behind yaml_place(): one small entry a value, whatever the length of its path,
 * because paths are kept as hashes that grow with them. A collision could only misplace a line
 * number. Owned by an arena; one thread while it is filled.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"

struct yaml_places;

#define YAML_PATH_ROOT UINT64_C(0xcbf29ce484222325)

uint64_t yaml_path_member(uint64_t parent, struct str key);
uint64_t yaml_path_item(uint64_t parent, size_t index);

struct yaml_places *yaml_places_new(struct arena *a) __attribute__((returns_nonnull));
void yaml_places_note(struct yaml_places *p, uint64_t path, int line, int column);
