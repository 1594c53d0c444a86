#include "cli/linediff.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/escape.h"
#include "cli/table.h"

enum { EXACT_LINES = 5000, CONTEXT = 3 };

struct lines {
	struct str *at;
	size_t n;
};

static struct lines split(struct arena *a, struct str text)
{
	struct lines l = {0};
	for (size_t i = 0; i < text.n; i++)
		l.n += text.p[i] == '\n';
	l.n += text.n > 0 && text.p[text.n - 1] != '\n';
	l.at = ARENA_NEW_ARRAY(a, struct str, l.n + 1);
	const char *p = text.p;
	for (size_t i = 0; i < l.n; i++) {
		size_t left = text.n - (size_t)(p - text.p);
		const char *end = memchr(p, '\n', left);
		size_t n = end ? (size_t)(end - p) : left;
		l.at[i] = str_n(p, n);
		p += n + 1;
	}
	return l;
}

struct edit {
	char kind; /* ' ', '-', '+' */
	struct str line;
};

/* The edit script by the table of longest common subsequences. */
static size_t script(struct arena *arena, struct lines a, struct lines b, struct edit *out)
{
	size_t width = b.n + 1, n = 0, i = 0, j = 0;
	uint16_t *lcs = ARENA_NEW_ARRAY(arena, uint16_t, (a.n + 1) * width);
	for (size_t x = a.n; x-- > 0;)
		for (size_t y = b.n; y-- > 0;) {
			uint16_t down = lcs[(x + 1) * width + y], right = lcs[x * width + y + 1];
			lcs[x * width + y] = str_eq(a.at[x], b.at[y])
						     ? (uint16_t)(lcs[(x + 1) * width + y + 1] + 1)
					     : down >= right ? down
							     : right;
		}
	while (i < a.n || j < b.n) {
		if (i < a.n && j < b.n && str_eq(a.at[i], b.at[j])) {
			out[n++] = (struct edit){' ', a.at[i++]};
			j++;
		} else if (i < a.n &&
			   (j == b.n || lcs[(i + 1) * width + j] >= lcs[i * width + j + 1])) {
			out[n++] = (struct edit){'-', a.at[i++]};
		} else {
			out[n++] = (struct edit){'+', b.at[j++]};
		}
	}
	return n;
}

/* Whether an edit lies within CONTEXT lines of a change. */
static bool near_change(const struct edit *edits, size_t n, size_t at)
{
	size_t from = at > CONTEXT ? at - CONTEXT : 0,
	       to = at + CONTEXT + 1 < n ? at + CONTEXT + 1 : n;
	for (size_t i = from; i < to; i++)
		if (edits[i].kind != ' ')
			return true;
	return false;
}

static void print_edit(const struct edit *e)
{
	CLEANUP_BUF struct buf safe = {0};
	escape_terminal(&safe, e->line);
	const char *colour = e->kind == '-'   ? table_status_colour(STR("FAILED"))
			     : e->kind == '+' ? table_status_colour(STR("SUCCESS"))
					      : "";
	printf("%s%c%s%s\n", colour, e->kind, safe.p ? safe.p : "", *colour ? table_plain() : "");
}

/* The next line of either text, from 1. */
struct at {
	size_t before, after;
};

static void pass(struct at *at, const struct edit *e)
{
	at->before += e->kind != '+';
	at->after += e->kind != '-';
}

/* A side without lines is named by the line before it, as diff does. */
static void print_hunk(const struct edit *edits, size_t n, struct at from)
{
	struct at to = from;
	for (size_t i = 0; i < n; i++)
		pass(&to, &edits[i]);
	size_t n_before = to.before - from.before, n_after = to.after - from.after;
	printf("%s@@ -%zu,%zu +%zu,%zu @@%s\n", table_dim(), from.before - !n_before, n_before,
	       from.after - !n_after, n_after, table_plain());
	for (size_t i = 0; i < n; i++)
		print_edit(&edits[i]);
}

bool linediff_print(struct str before, struct str after, const char *before_name,
		    const char *after_name)
{
	if (str_eq(before, after))
		return false;
	CLEANUP_ARENA struct arena arena = {0};
	struct lines a = split(&arena, before), b = split(&arena, after);
	printf("--- %s\n+++ %s\n", before_name, after_name);
	if (a.n > EXACT_LINES || b.n > EXACT_LINES) {
		printf("(too long to compare line by line: %zu and %zu lines)\n", a.n, b.n);
		return true;
	}
	struct edit *edits = ARENA_NEW_ARRAY(&arena, struct edit, a.n + b.n + 1);
	size_t n = script(&arena, a, b, edits);
	struct at at = {1, 1};
	for (size_t i = 0; i < n;) {
		size_t end = i;
		while (end < n && near_change(edits, n, end))
			end++;
		if (end > i)
			print_hunk(&edits[i], end - i, at);
		else
			end++;
		for (; i < end; i++)
			pass(&at, &edits[i]);
	}
	return true;
}
