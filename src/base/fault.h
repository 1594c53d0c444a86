/*
 * The three ways of going wrong, and their three mechanisms:
 *
 *   bug      ASSERT(): always on; the process dies. Durable state makes that safe.
 *   fault    a negative errno, handed up unchanged (I/O, operating system, library).
 *   outcome  a positive code of one module's own enum (conflict, not found), handled by its
 *            caller in a switch without a default.
 */
#pragma once

#include "base/attr.h"

/* Prints "bug: FILE:LINE: what" on stderr and aborts. Async-signal-safe. */
void fault_bug(const char *file, int line, const char *what) NORETURN;

/*
 * Prints one line with the reason on stderr and ends the process with status 70 without
 * running exit handlers: for faults after which going on could break a promise (a failed fsync,
 * memory exhausted). Whatever was acknowledged is already durable.
 */
void fault_fatal(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;

#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			fault_bug(__FILE__, __LINE__, #cond);                                      \
	} while (0)

#define FAULT_EXIT_STATUS 70
