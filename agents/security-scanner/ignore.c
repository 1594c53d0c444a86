#include "ignore.h"

#include <stdlib.h>

#include "base/mem.h"
#include "glob.h"
#include "limits.h"

struct ignore_rule {
	struct glob glob;
	size_t base_n;
	bool negate, dir_only, whole_path;
};

void ignore_fini(struct ignore *ig)
{
	free(ig->rules);
	*ig = (struct ignore){0};
}

void ignore_drop(struct ignore *ig, size_t n)
{
	ig->n = n;
}

/* The line without the spaces at its end, but those behind a backslash. */
static struct str trim_end(struct str s)
{
	size_t keep = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			keep = ++i + 1;
		else if (s.p[i] != ' ')
			keep = i + 1;
	}
	return str_n(s.p, keep);
}

bool ignore_add_pattern(struct ignore *ig, struct arena *a, struct str base, struct str line)
{
	struct ignore_rule rule = {.base_n = base.n};
	struct str p = line;
	if (p.n > 0 && p.p[0] == '!') {
		rule.negate = true;
		p = str_n(p.p + 1, p.n - 1);
	}
	if (p.n > 0 && p.p[p.n - 1] == '/') {
		rule.dir_only = true;
		p.n--;
	}
	rule.whole_path = p.n > 0 && memchr(p.p, '/', p.n) != NULL;
	if (p.n > 0 && p.p[0] == '/')
		p = str_n(p.p + 1, p.n - 1);
	if (p.n == 0)
		return true;
	if (ig->n >= LIMIT_SCAN_IGNORE_PATTERNS || !glob_compile(a, p, &rule.glob))
		return false;
	if (ig->n == ig->cap) {
		ig->cap = ig->cap ? ig->cap * 2 : 64;
		ig->rules = mem_grow(ig->rules, ig->cap * sizeof(*ig->rules));
	}
	ig->rules[ig->n++] = rule;
	return true;
}

bool ignore_add(struct ignore *ig, struct arena *a, struct str base, struct str text)
{
	bool all = true;
	size_t at = str_starts(text, STR("\xEF\xBB\xBF")) ? 3 : 0;
	while (at < text.n) {
		const char *p = text.p + at;
		const char *nl = memchr(p, '\n', text.n - at);
		size_t n = nl ? (size_t)(nl - p) : text.n - at;
		at += n + 1;
		if (n > 0 && nl && p[n - 1] == '\r')
			n--;
		if (n == 0 || p[0] == '#')
			continue;
		all &= ignore_add_pattern(ig, a, base, trim_end(str_n(p, n)));
	}
	return all;
}

bool ignore_check(const struct ignore *ig, struct str path, bool is_dir)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	size_t skip = slash ? (size_t)(slash - path.p) + 1 : 0;
	struct str name = str_n(path.p + skip, path.n - skip);
	for (size_t i = ig->n; i-- > 0;) {
		const struct ignore_rule *r = &ig->rules[i];
		if (r->dir_only && !is_dir)
			continue;
		struct str subject =
			r->whole_path ? str_n(path.p + r->base_n, path.n - r->base_n) : name;
		if (glob_match(&r->glob, subject))
			return !r->negate;
	}
	return false;
}
