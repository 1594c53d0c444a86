/*
 * Which moves of the state machines were taken, for the test that wants to see every one that a
 * table allows (tests/engine/moves_test.py). Nothing of it is in a release build.
 */
#pragma once

enum machine { MACHINE_RUN, MACHINE_NODE, MACHINE_ATTEMPT, N_MACHINES };

#ifdef DROVER_MOVES
enum { MACHINE_STATES = 16 };

/* Sets of states, as bits: what the machine's table allows from a state, and what was seen. */
extern const unsigned *moves_allowed[N_MACHINES];
extern unsigned moves_taken[N_MACHINES][MACHINE_STATES];

#define MOVES_TABLE(machine, table)                                                                \
	static void __attribute__((constructor)) moves_table(void)                                 \
	{                                                                                          \
		moves_allowed[machine] = (table);                                                  \
	}
#define MOVES_NOTE(machine, from, to) (moves_taken[machine][from] |= 1U << (to))
#else
#define MOVES_TABLE(machine, table)
#define MOVES_NOTE(machine, from, to) ((void)0)
#endif
