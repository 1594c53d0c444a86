/*
 * A tiny TAP harness. A test is a function; a failed check returns from it, so cleanup attributes
 * run. A test's name is the promise it keeps.
 *
 *   TEST(arena_reset_keeps_a_chunk)
 *   {
 *           CHECK(...);
 *           CHECK_INT(got, want);
 *   }
 *   TAP_MAIN(RUN(arena_reset_keeps_a_chunk), ...)
 *
 * Arguments of the program choose tests by a part of their name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct tap {
	const char *name;
	bool failed;
	const char *skipped; /* reason, or NULL */
};

typedef void (*tap_fn)(struct tap *t);

struct tap_test {
	const char *name;
	tap_fn fn;
};

#define TEST(name) static void name(struct tap *t)
#define RUN(name)                                                                                  \
	{                                                                                          \
#name, name                                                                        \
	}
#define TAP_MAIN(...)                                                                              \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		static const struct tap_test tests[] = {__VA_ARGS__};                              \
		return tap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);               \
	}

int tap_run(const struct tap_test *tests, size_t n, int argc, char **argv);

/* Says why the test failed (printf form) and marks it. */
void tap_fail(struct tap *t, const char *file, int line, const char *fmt, ...) PRINTF_LIKE(4, 5);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			tap_fail(t, __FILE__, __LINE__, "%s", #cond);                              \
			return;                                                                    \
		}                                                                                  \
	} while (0)

#define CHECK_INT(got, want)                                                                       \
	do {                                                                                       \
		int64_t got_ = (int64_t)(got), want_ = (int64_t)(want);                            \
		if (got_ != want_) {                                                               \
			tap_fail(t, __FILE__, __LINE__, "%s: got %lld, want %lld", #got,           \
				 (long long)got_, (long long)want_);                               \
			return;                                                                    \
		}                                                                                  \
	} while (0)

#define CHECK_STR(got, want)                                                                       \
	do {                                                                                       \
		struct str got_ = (got), want_ = (want);                                           \
		if (!str_eq(got_, want_)) {                                                        \
			tap_fail(t, __FILE__, __LINE__, "%s: got \"%.*s\", want \"%.*s\"", #got,   \
				 STR_ARG(got_), STR_ARG(want_));                                   \
			return;                                                                    \
		}                                                                                  \
	} while (0)

#define CHECK_Z(got, want) CHECK_STR(str_of(got), str_of(want))

/* For helpers that take the test: stop when they marked it. */
#define CHECK_GOOD()                                                                               \
	do {                                                                                       \
		if (t->failed)                                                                     \
			return;                                                                    \
	} while (0)

#define SKIP(reason)                                                                               \
	do {                                                                                       \
		t->skipped = (reason);                                                             \
		return;                                                                            \
	} while (0)
