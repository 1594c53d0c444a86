#include "engine/moves.h"

#ifdef DROVER_MOVES
const unsigned *moves_allowed[N_MACHINES];
unsigned moves_taken[N_MACHINES][MACHINE_STATES];
#endif
