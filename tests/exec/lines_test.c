#include "exec/sandbox/lines.h"

#include <string.h>

#include "base/limits.h"
#include "tap.h"

static void collect(void *arg, struct str line, bool truncated)
{
	struct buf *out = arg;
	if (out->n > 1 << 16)
		return;
	buf_put_str(out, line);
	buf_puts(out, truncated ? "$|" : "|");
}

static void feed(struct lines *l, struct buf *out, const char *z)
{
	lines_feed(l, z, strlen(z), collect, out);
}

TEST(lines_come_whole_however_the_bytes_are_cut)
{
	CLEANUP_BUF struct buf out = {0};
	CLEANUP(lines_free) struct lines l = {0};
	feed(&l, &out, "on");
	feed(&l, &out, "e\n\ntw");
	feed(&l, &out, "o\r\nthree");
	lines_end(&l, collect, &out);
	CHECK_STR(buf_str(&out), STR("one||two|three|"));
	CHECK_INT(l.n_lines, 4);
}

TEST(a_line_over_its_limit_is_cut_and_told)
{
	CLEANUP_BUF struct buf out = {0}, text = {0};
	CLEANUP(lines_free) struct lines l = {0};
	for (int i = 0; i < LIMIT_LOG_LINE_BYTES + 5; i++)
		buf_putc(&text, 'x');
	feed(&l, &out, text.p);
	feed(&l, &out, "yy\nnext\n");
	CHECK_INT(out.n, LIMIT_LOG_LINE_BYTES + 2 + 5);
	CHECK(memcmp(out.p + LIMIT_LOG_LINE_BYTES, "$|next|", 7) == 0);
	CHECK_INT(l.n_bytes_dropped, 7);
}

TEST(lines_and_bytes_beyond_the_limits_are_counted_not_kept)
{
	CLEANUP_BUF struct buf out = {0};
	CLEANUP(lines_free) struct lines l = {0};
	for (int i = 0; i < LIMIT_LOG_LINES + 10; i++)
		feed(&l, &out, "abc\n");
	CHECK_INT(l.n_lines, LIMIT_LOG_LINES);
	CHECK_INT(l.n_bytes_dropped, 30);
}

TAP_MAIN(RUN(lines_come_whole_however_the_bytes_are_cut),
	 RUN(a_line_over_its_limit_is_cut_and_told),
	 RUN(lines_and_bytes_beyond_the_limits_are_counted_not_kept))
