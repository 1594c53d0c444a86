/* At the end of a program: the moves that it took, added to the file that DROVER_MOVES_FILE names.
 * Included once by what every engine test links. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "engine/moves.h"
#include "engine/state.h"

#ifdef DROVER_MOVES
static const char *move_state_name(enum machine machine, int state)
{
	static const char *const attempts[] = {
		[ATT_WAITING] = "WAITING",   [ATT_BACKOFF] = "BACKOFF", [ATT_HELD] = "HELD",
		[ATT_STARTING] = "STARTING", [ATT_RUNNING] = "RUNNING", [ATT_STOPPING] = "STOPPING",
		[ATT_ENDED] = "ENDED",
	};
	return machine == MACHINE_RUN	 ? run_status_name((enum run_status)state)
	       : machine == MACHINE_NODE ? node_status_name((enum node_status)state)
					 : attempts[state];
}

static void __attribute__((destructor)) dump_moves(void)
{
	static const char *const machines[] = {"run", "node", "attempt"};
	static const int n_states[] = {RUN_TIMED_OUT + 1, NODE_TIMED_OUT + 1, ATT_ENDED + 1};
	const char *path = getenv("DROVER_MOVES_FILE");
	FILE *f = path ? fopen(path, "ae") : NULL;
	if (!f)
		return;
	for (int m = 0; m < N_MACHINES; m++)
		for (int from = 0; from < n_states[m]; from++)
			for (int to = 0; to < n_states[m]; to++)
				if (moves_allowed[m][from] & (1U << to))
					fprintf(f, "%s %s -> %s %d\n", machines[m],
						move_state_name((enum machine)m, from),
						move_state_name((enum machine)m, to),
						(moves_taken[m][from] & (1U << to)) != 0);
	fclose(f);
}
#endif
