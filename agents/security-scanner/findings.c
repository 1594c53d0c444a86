#include "findings.h"

#include <stdlib.h>

#include "base/mem.h"

void findings_fini(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->items[i].file);
		free(f->items[i].excerpt);
	}
	free(f->items);
	*f = (struct findings){0};
}

static int by_place(const void *pa, const void *pb)
{
	const struct finding *a = pa, *b = pb;
	int r = strcmp(a->file, b->file);
	if (r != 0)
		return r;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return strcmp(a->rule->id, b->rule->id);
}

/* Whether a is to be dropped before b. */
static bool is_worse(const struct finding *a, const struct finding *b)
{
	if (a->rule->severity != b->rule->severity)
		return a->rule->severity < b->rule->severity;
	return by_place(a, b) > 0;
}

static void swap(struct finding *a, struct finding *b)
{
	struct finding t = *a;
	*a = *b;
	*b = t;
}

static void sift_down(struct findings *f, size_t i)
{
	for (;;) {
		size_t worst = i;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < f->n; k++)
			if (is_worse(&f->items[k], &f->items[worst]))
				worst = k;
		if (worst == i)
			return;
		swap(&f->items[i], &f->items[worst]);
		i = worst;
	}
}

static void sift_up(struct findings *f, size_t i)
{
	while (i > 0 && is_worse(&f->items[i], &f->items[(i - 1) / 2])) {
		swap(&f->items[i], &f->items[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static void drop_worst(struct findings *f)
{
	free(f->items[0].file);
	free(f->items[0].excerpt);
	f->items[0] = f->items[--f->n];
	sift_down(f, 0);
}

struct finding *findings_add(struct findings *f, const struct rule *rule, struct str file,
			     uint64_t line, uint64_t column)
{
	f->count[rule->severity]++;
	struct finding fresh = {.rule = rule, .line = line, .column = column};
	if (f->most == 0)
		return NULL;
	if (f->n == f->most && rule->severity < f->items[0].rule->severity)
		return NULL;
	fresh.file = mem_dup(file.p, file.n);
	if (f->n == f->most) {
		if (is_worse(&fresh, &f->items[0])) {
			free(fresh.file);
			return NULL;
		}
		drop_worst(f);
	}
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		f->items = mem_grow(f->items, f->cap * sizeof(*f->items));
	}
	f->items[f->n] = fresh;
	return &f->items[f->n++];
}

void findings_settle(struct findings *f, char *excerpt)
{
	f->items[f->n - 1].excerpt = excerpt;
	sift_up(f, f->n - 1);
}

void findings_sort(struct findings *f)
{
	if (f->n > 1)
		qsort(f->items, f->n, sizeof(*f->items), by_place);
}

uint64_t findings_total(const struct findings *f)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < SEVERITY_COUNT; i++)
		sum += f->count[i];
	return sum;
}
