/* What a plain scalar means: the core schema of YAML 1.2 (chapter 10.3). Pure; any thread. */
#pragma once

#include "base/arena.h"
#include "json/value.h"

enum yaml_scalar_kind {
	YAML_SCALAR_VALUE,	/* *ret is set (a string borrows the text) */
	YAML_SCALAR_NOT_FINITE, /* .inf, .nan */
	YAML_SCALAR_TOO_LARGE,	/* a number beyond what JSON numbers here can hold */
};

enum yaml_scalar_kind yaml_scalar_resolve(struct arena *a, struct str text, struct value *ret);
