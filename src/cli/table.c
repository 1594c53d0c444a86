#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "cli/columns.h"

enum { MOST_COLUMNS = 12, GAP = 2, LEAST_WIDTH = 8, OPTIONAL_WIDTH = 24 };

struct table {
	const struct table_column *columns;
	size_t n_columns;
	char **cells;
	size_t n_cells;
	size_t widths[MOST_COLUMNS]; /* 0 = not shown */
};

bool table_colour(void)
{
	static int known = -1;
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	if (known < 0)
		known = isatty(STDOUT_FILENO) && !(no && *no) &&
			!(term && strcmp(term, "dumb") == 0);
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
		{"high", "\x1b[33m"},	   {"RUNNING", "\x1b[36m"},  {"QUEUED", "\x1b[36m"},
		{"UNKNOWN", "\x1b[33m"},   {"PENDING", "\x1b[36m"},  {"SKIPPED", "\x1b[2m"},
		{"low", "\x1b[2m"},
	};
	for (size_t i = 0; i < ARRAY_LEN(colours); i++)
		if (str_eqz(s, colours[i].name))
			return code(colours[i].colour);
	return "";
}

void table_put(struct str text)
{
	CLEANUP_BUF struct buf safe = {0};
	escape_terminal(&safe, text);
	fwrite(safe.p ? safe.p : "", 1, safe.n, stdout);
}

struct table *table_new(const struct table_column *columns, size_t n)
{
	struct table *t = NEW0(struct table);
	ASSERT(n > 0 && n <= MOST_COLUMNS);
	t->columns = columns;
	t->n_columns = n;
	return t;
}

void table_cell(struct table *t, struct str text)
{
	CLEANUP_BUF struct buf safe = {0};
	escape_terminal(&safe, text);
	for (size_t i = 0; i < safe.n; i++)
		if (safe.p[i] == '\n' || safe.p[i] == '\t')
			safe.p[i] = ' ';
	size_t column = t->n_cells % t->n_columns, width = columns_of(buf_str(&safe));
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

size_t table_terminal_width(void)
{
	struct winsize w;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return SIZE_MAX;
	return w.ws_col;
}

/* ---- fitting ---- */

static size_t total_width(const struct table *t)
{
	size_t total = 0;
	for (size_t c = 0; c < t->n_columns; c++)
		total += t->widths[c] ? t->widths[c] + (total ? GAP : 0) : 0;
	return total;
}

/* The widest column that may be cut, or -1. */
static int widest(const struct table *t)
{
	int best = -1;
	for (size_t c = 0; c < t->n_columns; c++)
		if (t->columns[c].fit != TABLE_WHOLE && t->widths[c] > LEAST_WIDTH &&
		    (best < 0 || t->widths[c] > t->widths[best]))
			best = (int)c;
	return best;
}

static void fit(struct table *t)
{
	size_t room = table_terminal_width();
	for (size_t c = 0; c < t->n_columns; c++) {
		if (t->widths[c] > 0 && t->widths[c] < strlen(t->columns[c].header))
			t->widths[c] = strlen(t->columns[c].header);
	}
	for (size_t c = 0; c < t->n_columns; c++) {
		size_t total = total_width(t);
		if (t->columns[c].fit == TABLE_OPTIONAL && total > room &&
		    total - t->widths[c] + OPTIONAL_WIDTH > room)
			t->widths[c] = 0;
	}
	int c;
	while (total_width(t) > room && (c = widest(t)) >= 0)
		t->widths[c]--;
}

/* ---- printing ---- */

static void put_cell(const struct table *t, size_t column, struct str text)
{
	size_t width = t->widths[column];
	if (columns_of(text) <= width) {
		printf("%.*s", STR_ARG(text));
	} else if (t->columns[column].fit == TABLE_CUT_LEFT) {
		size_t n = columns_end(text, width - 1);
		printf("…%.*s", (int)n, text.p + text.n - n);
	} else {
		printf("%.*s…", (int)columns_begin(text, width - 1), text.p);
	}
}

static void put_row(const struct table *t, const char *const *cells, const char *colour)
{
	size_t owed = 0; /* blanks before the next text: none at a line's end */
	for (size_t c = 0; c < t->n_columns; c++) {
		const char *text = cells ? cells[c] : t->columns[c].header;
		size_t n = columns_of(str_of(text)), width = t->widths[c];
		if (width == 0)
			continue;
		if (n > 0) {
			const char *tint = colour ? colour : table_status_colour(str_of(text));
			printf("%*s%s", (int)owed, "", tint);
			put_cell(t, c, str_of(text));
			printf("%s", *tint ? table_plain() : "");
			owed = 0;
		}
		owed += width - (n < width ? n : width) + GAP;
	}
	printf("\n");
}

void table_print(struct table *t)
{
	fit(t);
	if (t->n_cells > 0)
		put_row(t, NULL, table_bold());
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		put_row(t, (const char *const *)&t->cells[i], NULL);
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

/* ---- times ---- */

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

static bool local_time(struct str rfc3339, struct tm *ret)
{
	int64_t ms;
	if (timefmt_rfc3339_parse(rfc3339, &ms, NULL) != 0)
		return false;
	time_t secs = (time_t)(ms / 1000);
	return localtime_r(&secs, ret) != NULL;
}

void table_time(struct buf *out, struct str rfc3339)
{
	struct tm tm;
	char text[32];
	if (local_time(rfc3339, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		buf_puts(out, text);
}

void table_time_short(struct buf *out, struct str rfc3339)
{
	struct tm tm, today;
	char text[32];
	time_t now = (time_t)(clock_wall_ms(clock_system()) / 1000);
	if (!local_time(rfc3339, &tm) || !localtime_r(&now, &today))
		return;
	bool same = tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday;
	size_t n = same ? strftime(text, sizeof(text), "%H:%M:%S", &tm)
			: strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	buf_put(out, text, n);
}
