/* Linked into a test, it makes every world stand on the SQLite store. */
#include "world.h"

__attribute__((constructor)) static void on_disk(void)
{
	world_on_disk = true;
}
