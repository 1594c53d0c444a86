#include "base/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *s)
{
	ssize_t r = write(STDERR_FILENO, s, strlen(s));
	(void)r;
}

void fault_bug(const char *file, int line, const char *what)
{
	char digits[16];
	snprintf(digits, sizeof(digits), ":%d: ", line);
	put("bug: ");
	put(file);
	put(digits);
	put(what);
	put("\n");
	abort();
}

void fault_fatal(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	put("fatal: ");
	put(line);
	put("\n");
	_exit(FAULT_EXIT_STATUS);
}
