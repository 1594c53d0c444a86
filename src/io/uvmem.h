/* libuv's memory comes from base/mem.h, so that running out of it ends the process with a reason
 * and not with a bare abort. Call once, before any other use of libuv. */
#pragma once

void uvmem_install(void);
