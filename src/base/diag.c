#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"

static void add(struct diag *d, const char *path, int line, int column, const char *fmt, va_list ap)
{
	if (d->n == LIMIT_DIAG_FINDINGS) {
		d->n_dropped++;
		return;
	}
	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 4;
		d->findings = arena_grow(d->arena, d->findings, d->cap * sizeof(*d->findings),
					 cap * sizeof(*d->findings));
		d->cap = cap;
	}
	char text[1024];
	vsnprintf(text, sizeof(text), fmt, ap);
	d->findings[d->n++] = (struct diag_finding){
		.path = arena_dupz(d->arena, path),
		.message = arena_dupz(d->arena, text),
		.line = line,
		.column = column,
	};
}

void diag_add(struct diag *d, const char *path, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(d, path, 0, 0, fmt, ap);
	va_end(ap);
}

void diag_add_at(struct diag *d, const char *path, int line, int column, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(d, path, line, column, fmt, ap);
	va_end(ap);
}
