#include "cli/finding.h"

#include "base/buf.h"
#include "base/escape.h"
#include "base/utf8.h"

enum { LINE_MOST_BYTES = 120 };

/* The n-th line, from 1; empty when there is none. */
static struct str line_of(struct str text, int n)
{
	const char *p = text.p, *end = text.p + text.n;
	for (; n > 1 && p && p < end; n--) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		p = newline ? newline + 1 : end;
	}
	if (!p || p >= end)
		return (struct str){0};
	const char *newline = memchr(p, '\n', (size_t)(end - p));
	return str_n(p, (size_t)((newline ? newline : end) - p));
}

/* Only of lines that are short and plain enough for the caret to stand where it should. */
static void put_line(FILE *to, struct str text, const struct finding *f)
{
	struct str line = line_of(text, f->line);
	CLEANUP_BUF struct buf safe = {0};
	escape_terminal(&safe, line);
	if (line.n == 0 || line.n > LINE_MOST_BYTES || utf8_length(line) != line.n ||
	    safe.n != line.n || (size_t)f->column > line.n + 1)
		return;
	fprintf(to, "%5d | %s\n      | ", f->line, safe.p);
	for (int i = 0; i + 1 < f->column; i++)
		fputc(line.p[i] == '\t' ? '\t' : ' ', to);
	fprintf(to, "^\n");
}

void finding_print(FILE *to, const char *file, struct str text, const struct finding *f)
{
	CLEANUP_BUF struct buf out = {0};
	if (file && file[0] == '-' && file[1] == '\0')
		file = "standard input";
	if (file && f->line > 0)
		buf_printf(&out, "%s:%d:%d: ", file, f->line, f->column);
	else if (file)
		buf_printf(&out, "%s: ", file);
	else
		buf_puts(&out, "  ");
	escape_terminal(&out, f->path);
	buf_puts(&out, f->path.n ? ": " : "");
	escape_terminal(&out, f->message);
	fprintf(to, "%s\n", out.p);
	if (file && f->line > 0)
		put_line(to, text, f);
}
