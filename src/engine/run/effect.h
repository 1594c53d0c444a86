/*
 * What follows an attempt that did not succeed, given the effect that its action declares and what
 * is known of its end. docs/agents.md shows the table; tests/engine/effect_test.c tries it cell by
 * cell. Pure.
 *
 *   pure          changes nothing: it may run any number of times
 *   idempotent    run again with the same key it changes nothing more
 *   reconcilable  its `probe`, another action of the agent, finds out whether it happened
 *   irreversible  nobody but people can tell
 *
 * The effect that counts is the one the action had when the attempt was started.
 */
#pragma once

#include "engine/executor.h"
#include "model/names.h"

enum aftermath {
	AFTER_AGAIN, /* runs again and nothing is counted: it was no failure of its own */
	AFTER_RETRY, /* as the node's `retry` says */
	AFTER_PROBE, /* its probe is asked */
	AFTER_ASK,   /* people are asked: the node is UNKNOWN */
};

enum aftermath effect_after(enum effect effect, enum attempt_fate fate);

/* Whether the world may have changed though there is no result to tell. */
bool effect_uncertain(enum effect effect, enum attempt_fate fate);
