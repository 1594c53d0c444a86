#include "cli/document.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "json/parse.h"

enum { DOCUMENT_MOST_BYTES = 64 << 20 };

static bool read_stream(FILE *f, const char *path, struct buf *ret)
{
	char chunk[65536];
	size_t n;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
		if (ret->n + n > DOCUMENT_MOST_BYTES) {
			fprintf(stderr, "drover: %s is larger than 64 MiB\n", path);
			return false;
		}
		buf_put(ret, chunk, n);
	}
	if (ferror(f)) {
		fprintf(stderr, "drover: can't read %s: %s\n", path, strerror(errno));
		return false;
	}
	return true;
}

bool document_read(const char *path, struct buf *ret)
{
	if (strcmp(path, "-") == 0)
		return read_stream(stdin, "standard input", ret);
	CLEANUP_FILE FILE *f = fopen(path, "rbe");
	if (!f) {
		fprintf(stderr, "drover: can't open %s: %s\n", path, strerror(errno));
		return false;
	}
	return read_stream(f, path, ret);
}

bool document_json(struct arena *a, const char *arg, struct value *ret)
{
	CLEANUP_BUF struct buf text = {0};
	const char *name = "the argument";
	if (arg[0] == '@') {
		name = arg + 1;
		if (!document_read(name, &text))
			return false;
	} else {
		buf_puts(&text, arg);
	}
	struct json_error e;
	if (json_parse(a, buf_str(&text), JSON_DEFAULT, ret, &e) == 0)
		return true;
	fprintf(stderr, "drover: %s is not JSON: line %d, column %d: %s\n", name, e.line, e.column,
		e.message);
	return false;
}

bool document_set(struct arena *a, struct value *object, const char *command, const char *pair)
{
	const char *eq = strchr(pair, '=');
	if (!eq || eq == pair) {
		fprintf(stderr, "drover %s: --set wants KEY=VALUE, not '%s'\n", command, pair);
		return false;
	}
	struct value v;
	if (json_parse(a, str_of(eq + 1), JSON_DEFAULT, &v, NULL) != 0)
		v = value_strz(eq + 1);
	value_put(a, object, str_n(pair, (size_t)(eq - pair)), v);
	return true;
}

const char *document_type(const char *path)
{
	return str_ends(str_of(path), STR(".json")) ? "application/json" : "application/yaml";
}

int document_lines(void (*answer)(void *arg, struct str line, struct buf *out), void *arg)
{
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	while ((n = getline(&line, &cap, stdin)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			n--;
		if (n == 0)
			continue;
		CLEANUP_BUF struct buf out = {0};
		answer(arg, str_n(line, (size_t)n), &out);
		buf_putc(&out, '\n');
		fwrite(out.p, 1, out.n, stdout);
		fflush(stdout);
	}
	return CLI_OK;
}
