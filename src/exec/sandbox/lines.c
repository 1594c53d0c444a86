#include "exec/sandbox/lines.h"

#include <string.h>

#include "base/limits.h"

void lines_free(struct lines *l)
{
	buf_free(&l->partial);
}

static void emit(struct lines *l, lines_fn fn, void *arg)
{
	struct str line = buf_str(&l->partial);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (l->n_lines >= LIMIT_LOG_LINES || l->n_bytes + line.n > LIMIT_LOG_BYTES) {
		l->n_bytes_dropped += line.n;
	} else {
		l->n_lines++;
		l->n_bytes += line.n;
		if (fn)
			fn(arg, line, l->cut);
	}
	buf_clear(&l->partial);
	l->cut = false;
}

void lines_feed(struct lines *l, const char *p, size_t n, lines_fn fn, void *arg)
{
	while (n) {
		const char *end = memchr(p, '\n', n);
		size_t part = end ? (size_t)(end - p) : n;
		size_t room = LIMIT_LOG_LINE_BYTES - l->partial.n;
		size_t take = part < room ? part : room;
		buf_put(&l->partial, p, take);
		l->n_bytes_dropped += part - take;
		l->cut = l->cut || take < part;
		if (end)
			emit(l, fn, arg);
		p += part + (end != NULL);
		n -= part + (end != NULL);
	}
}

void lines_end(struct lines *l, lines_fn fn, void *arg)
{
	if (l->partial.n || l->cut)
		emit(l, fn, arg);
}
