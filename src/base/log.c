#include "base/log.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/timefmt.h"

static enum log_level least_level = LOG_LEVEL_INFO;
static bool human_form;

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

void log_setup(enum log_level least, bool human)
{
	least_level = least;
	human_form = human;
}

bool log_level_parse(struct str name, enum log_level *ret)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (str_eqz(name, level_names[i])) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static void put_field(struct buf *line, const struct log_field *f)
{
	switch (f->kind) {
	case LOG_FIELD_STR:
		if (human_form)
			escape_terminal(line, f->s);
		else
			escape_json(line, f->s);
		break;
	case LOG_FIELD_INT:
		buf_put_i64(line, f->i);
		break;
	case LOG_FIELD_BOOL:
		buf_puts(line, f->i ? "true" : "false");
		break;
	}
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
	if (level < least_level)
		return;
	CLEANUP_BUF struct buf line = {0};
	char now[TIMEFMT_RFC3339_BYTES];
	timefmt_rfc3339(now, clock_wall_ms(clock_system()));
	if (human_form)
		buf_printf(&line, "%.12s %-5s %s", now + 11, level_names[level], event);
	else
		buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", now,
			   level_names[level], event);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&line, human_form ? " %s=" : ",\"%s\":", fields[i].name);
		put_field(&line, &fields[i]);
	}
	buf_puts(&line, human_form ? "\n" : "}\n");
	size_t done = 0;
	while (done < line.n) {
		ssize_t w = write(STDERR_FILENO, line.p + done, line.n - done);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return;
		done += (size_t)w;
	}
}
