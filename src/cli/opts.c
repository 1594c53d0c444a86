#include "cli/opts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void opt_list_free(struct opt_list *l)
{
	free(l->items);
	*l = (struct opt_list){0};
}

void opt_list_add(struct opt_list *l, const char *item)
{
	l->items = mem_grow(l->items, (l->n + 1) * sizeof(*l->items));
	l->items[l->n++] = item;
}

static bool complain(const char *command, const char *what, const char *about)
{
	fprintf(stderr, "drover %s: %s '%s'; see 'drover %s --help'\n", command, what, about,
		command);
	return false;
}

static bool assign(const char *command, const struct opt *o, const char *value)
{
	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->to = true;
		return true;
	case OPT_TEXT:
		*(const char **)o->to = value;
		return true;
	case OPT_LIST:
		opt_list_add(o->to, value);
		return true;
	case OPT_INT: {
		char *end;
		errno = 0;
		long long v = strtoll(value, &end, 10);
		if (errno || end == value || *end)
			return complain(command, "not a whole number:", value);
		*(int64_t *)o->to = v;
		return true;
	}
	}
	return false;
}

static const struct opt *by_name(const struct opt *opts, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(opts[i].name) == len && memcmp(opts[i].name, name, len) == 0)
			return &opts[i];
	return NULL;
}

static const struct opt *by_letter(const struct opt *opts, size_t n, char letter)
{
	for (size_t i = 0; i < n; i++)
		if (opts[i].letter == letter)
			return &opts[i];
	return NULL;
}

struct parsing {
	const char *command;
	const struct opt *opts;
	size_t n;
	int argc, at;
	char **argv;
};

static bool parse_long(struct parsing *p, const char *arg)
{
	const char *eq = strchr(arg, '=');
	size_t len = eq ? (size_t)(eq - arg) : strlen(arg);
	const struct opt *o = by_name(p->opts, p->n, arg, len);
	if (!o)
		return complain(p->command, "unknown option", arg - 2);
	if (o->kind == OPT_FLAG)
		return eq ? complain(p->command, "takes no value:", arg - 2)
			  : assign(p->command, o, NULL);
	if (eq)
		return assign(p->command, o, eq + 1);
	if (p->at + 1 >= p->argc)
		return complain(p->command, "needs a value:", arg - 2);
	return assign(p->command, o, p->argv[++p->at]);
}

static bool parse_short(struct parsing *p, const char *arg)
{
	for (const char *c = arg + 1; *c; c++) {
		const struct opt *o = by_letter(p->opts, p->n, *c);
		if (!o)
			return complain(p->command, "unknown option", arg);
		if (o->kind == OPT_FLAG) {
			assign(p->command, o, NULL);
			continue;
		}
		if (c[1])
			return assign(p->command, o, c + 1);
		if (p->at + 1 >= p->argc)
			return complain(p->command, "needs a value:", arg);
		return assign(p->command, o, p->argv[++p->at]);
	}
	return true;
}

bool opts_parse(const char *command, const struct opt *opts, size_t n, int argc, char **argv,
		struct opt_list *rest, bool *ret_help)
{
	struct parsing p = {command, opts, n, argc, 1, argv};
	bool only_rest = false;
	*ret_help = false;
	for (; p.at < argc; p.at++) {
		const char *arg = argv[p.at];
		if (only_rest || arg[0] != '-' || arg[1] == '\0') {
			opt_list_add(rest, arg);
		} else if (strcmp(arg, "--") == 0) {
			only_rest = true;
		} else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
			*ret_help = true;
			return true;
		} else if (!(arg[1] == '-' ? parse_long(&p, arg + 2) : parse_short(&p, arg))) {
			return false;
		}
	}
	return true;
}

void opts_help(const struct opt *opts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char left[64];
		char letter[5] = "    ";
		if (opts[i].letter)
			snprintf(letter, sizeof(letter), "-%c, ", opts[i].letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, opts[i].name,
			 opts[i].arg ? " " : "", opts[i].arg ? opts[i].arg : "");
		printf("  %-30s %s\n", left, opts[i].help);
	}
}
