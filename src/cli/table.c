#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/utf8.h"

enum { MOST_COLUMNS = 12, GAP = 2 };

struct table {
	const char *const *headers;
	size_t n_columns;
	char **cells;
	size_t n_cells;
	size_t widths[MOST_COLUMNS];
};

bool table_colour(void)
{
	static int known = -1;
	if (known < 0)
		known = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return known;
}

static const char *code(const char *escape)
{
	return table_colour() ? escape : "";
}

const char *table_bold(void)
{
	return code("\x1b[1m");
}

const char *table_dim(void)
{
	return code("\x1b[2m");
}

const char *table_plain(void)
{
	return code("\x1b[0m");
}

const char *table_status_colour(struct str s)
{
	static const struct {
		const char *name, *colour;
	} colours[] = {
		{"SUCCESS", "\x1b[32m"},   {"ACTIVE", "\x1b[32m"},   {"FAILED", "\x1b[31m"},
		{"TIMED_OUT", "\x1b[31m"}, {"critical", "\x1b[31m"}, {"CANCELLED", "\x1b[33m"},
		{"high", "\x1b[33m"},      {"RUNNING", "\x1b[36m"},  {"QUEUED", "\x1b[36m"},
		{"PENDING", "\x1b[36m"},   {"SKIPPED", "\x1b[2m"},   {"low", "\x1b[2m"},
	};
	for (size_t i = 0; i < ARRAY_LEN(colours); i++)
		if (str_eqz(s, colours[i].name))
			return code(colours[i].colour);
	return "";
}

struct table *table_new(const char *const *headers)
{
	struct table *t = NEW0(struct table);
	t->headers = headers;
	for (; headers[t->n_columns]; t->n_columns++)
		t->widths[t->n_columns] = strlen(headers[t->n_columns]);
	return t;
}

void table_cell(struct table *t, struct str text)
{
	CLEANUP_BUF struct buf safe = {0};
	escape_terminal(&safe, text);
	for (size_t i = 0; i < safe.n; i++)
		if (safe.p[i] == '\n' || safe.p[i] == '\t')
			safe.p[i] = ' ';
	size_t column = t->n_cells % t->n_columns, width = utf8_length(buf_str(&safe));
	if (width > t->widths[column])
		t->widths[column] = width;
	t->cells = mem_grow(t->cells, (t->n_cells + 1) * sizeof(*t->cells));
	t->cells[t->n_cells++] = buf_take(&safe);
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	table_cell(t, str_of(text));
}

static size_t terminal_width(void)
{
	struct winsize w;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return SIZE_MAX;
	return w.ws_col;
}

/* Bytes of the first n code points. */
static size_t prefix_bytes(const char *z, size_t n)
{
	size_t at = 0;
	while (z[at] && n > 0) {
		at++;
		while (((unsigned char)z[at] & 0xc0) == 0x80)
			at++;
		n--;
	}
	return at;
}

static void put_row(const struct table *t, const char *const *cells, const char *colour)
{
	size_t used = 0, width = terminal_width();
	for (size_t c = 0; c < t->n_columns; c++) {
		const char *text = cells[c];
		size_t n = utf8_length(str_of(text));
		bool last = c + 1 == t->n_columns;
		const char *tint = colour ? colour : table_status_colour(str_of(text));
		printf("%s", tint);
		if (last && width != SIZE_MAX && used + n > width && width > used + 1)
			printf("%.*s…", (int)prefix_bytes(text, width - used - 1), text);
		else
			printf("%s", text);
		printf("%s", *tint ? table_plain() : "");
		if (!last)
			printf("%*s", (int)(t->widths[c] - n + GAP), "");
		used += t->widths[c] + GAP;
	}
	printf("\n");
}

void table_print(struct table *t)
{
	put_row(t, t->headers, table_bold());
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		put_row(t, (const char *const *)&t->cells[i], NULL);
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void table_duration(struct buf *out, int64_t ms)
{
	if (ms < 0)
		return;
	if (ms < 1000)
		buf_printf(out, "%lldms", (long long)ms);
	else if (ms < 60000)
		buf_printf(out, "%.1fs", (double)ms / 1000);
	else if (ms < 3600000)
		buf_printf(out, "%lldm%02llds", (long long)(ms / 60000),
			   (long long)(ms / 1000 % 60));
	else
		buf_printf(out, "%lldh%02lldm", (long long)(ms / 3600000),
			   (long long)(ms / 60000 % 60));
}

void table_time(struct buf *out, struct str rfc3339)
{
	int64_t ms;
	if (timefmt_rfc3339_parse(rfc3339, &ms, NULL) != 0)
		return;
	time_t secs = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];
	if (localtime_r(&secs, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		buf_puts(out, text);
}
