#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tap_fail(struct tap *t, const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("# %s: %s:%d: ", t->name, file, line);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	t->failed = true;
}

static bool chosen(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return true;
	return false;
}

int tap_run(const struct tap_test *tests, size_t n, int argc, char **argv)
{
	int n_run = 0, n_failed = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
	for (size_t i = 0; i < n; i++) {
		if (!chosen(tests[i].name, argc, argv))
			continue;
		struct tap t = {.name = tests[i].name};
		tests[i].fn(&t);
		n_run++;
		n_failed += t.failed;
		printf("%s %d - %s%s%s\n", t.failed ? "not ok" : "ok", n_run, t.name,
		       t.skipped ? " # SKIP " : "", t.skipped ? t.skipped : "");
	}
	printf("1..%d\n", n_run);
	return n_failed ? 1 : 0;
}
