#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/plan/plan.h"
#include "text/yaml.h"

#define OPTION(option, argument, kind_, member, text)                                              \
	{                                                                                          \
		.name = (option), .arg = (argument), .help = (text), .kind = (kind_),              \
		.offset = offsetof(struct config, member)                                          \
	}

const struct config_option config_options[] = {
	OPTION("db", "URL", CONFIG_TEXT, db, "sqlite:FILE (default: drover.db in the data folder)"),
	OPTION("listen", "ADDRESS", CONFIG_TEXT, listen, "HTTP API (default 127.0.0.1:9002)"),
	OPTION("metrics", "ADDRESS", CONFIG_TEXT, metrics,
	       "Prometheus exporter (default 127.0.0.1:9464; off = none)"),
	OPTION("data", "DIR", CONFIG_TEXT, data, "where drover keeps its files"),
	OPTION("agents", "DIR", CONFIG_LIST, agents, "a folder of agent folders; may be repeated"),
	OPTION("workspaces", "DIR", CONFIG_LIST, workspaces,
	       "a folder that agents may be shown; may be repeated"),
	OPTION("config", "FILE", CONFIG_TEXT, file, "these options as YAML"),
	OPTION("log", "LEVEL", CONFIG_TEXT, log, "debug, info, warn, error, off (default info)"),
	OPTION("log-format", "FORM", CONFIG_TEXT, log_format,
	       "json, text, auto: text on a terminal (default)"),
	OPTION("max-scripts", "N", CONFIG_INT, max_scripts,
	       "sandboxed attempts at once (default: twice the cores)"),
	OPTION("extra-scripts", "N", CONFIG_INT, extra_scripts,
	       "beyond these, for projects that have none and waited a second (default: as "
	       "many again)"),
	OPTION("retention-runs", "TIME", CONFIG_TEXT, retention_runs,
	       "how long ended runs are kept (default 90d; off = for ever)"),
	OPTION("retention-logs", "TIME", CONFIG_TEXT, retention_logs, "their logs (default 30d)"),
	OPTION("retention-artifacts", "TIME", CONFIG_TEXT, retention_artifacts,
	       "their artifacts (default 30d)"),
	OPTION("max-running-runs", "N", CONFIG_INT, max_running_runs,
	       "runs that go on at once, more are PENDING (default: no limit)"),
	OPTION("max-project-running-runs", "N", CONFIG_INT, max_project_running_runs,
	       "the same of one project"),
	OPTION("max-open-runs", "N", CONFIG_INT, max_open_runs,
	       "runs that have not ended, more are refused (default 200000)"),
	OPTION("max-project-open-runs", "N", CONFIG_INT, max_project_open_runs,
	       "the same of one project (default 100000)"),
	OPTION("allow-unsandboxed", NULL, CONFIG_FLAG, allow_unsandboxed,
	       "run agents without a sandbox where the kernel allows none"),
	OPTION("allow-private", NULL, CONFIG_FLAG, allow_private,
	       "let the notifier call loopback and private addresses"),
	OPTION("insecure-listen", NULL, CONFIG_FLAG, insecure_listen,
	       "listen beyond loopback although there is no authentication"),
	OPTION("ready-fd", "FD", CONFIG_INT, ready_fd,
	       "write a line to this descriptor when ready"),
};
const size_t config_n_options = ARRAY_LEN(config_options);

void config_defaults(struct config *c)
{
	*c = (struct config){.ready_fd = -1, .extra_scripts = -1};
}

static void *field(struct config *c, const struct config_option *o)
{
	return (char *)c + o->offset;
}

/* What a number is while nobody has said it. */
static int64_t unset_int(const struct config_option *o)
{
	bool zero_means_something = o->offset == offsetof(struct config, ready_fd) ||
				    o->offset == offsetof(struct config, extra_scripts);
	return zero_means_something ? -1 : 0;
}

static bool is_set(struct config *c, const struct config_option *o)
{
	switch (o->kind) {
	case CONFIG_TEXT:
		return *(const char **)field(c, o) != NULL;
	case CONFIG_LIST:
		return ((struct config_list *)field(c, o))->n > 0;
	case CONFIG_FLAG:
		return *(bool *)field(c, o);
	case CONFIG_INT:
		return *(int64_t *)field(c, o) != unset_int(o);
	}
	return false;
}

static void add_item(struct config_list *l, struct arena *a, const char *item)
{
	l->items =
		arena_grow(a, l->items, l->n * sizeof(*l->items), (l->n + 1) * sizeof(*l->items));
	l->items[l->n++] = item;
}

static bool parse_int(const char *text, int64_t *ret)
{
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return false;
	*ret = v;
	return true;
}

static bool parse_flag(const char *text, bool *ret)
{
	if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0)
		*ret = true;
	else if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0 || !*text)
		*ret = false;
	else
		return false;
	return true;
}

/* A value from the environment; a list is separated by colons. */
static void set_text(struct config *c, const struct config_option *o, struct arena *a,
		     const char *text, const char *path, struct diag *d)
{
	switch (o->kind) {
	case CONFIG_TEXT:
		*(const char **)field(c, o) = arena_dupz(a, text);
		break;
	case CONFIG_LIST: {
		char *rest = arena_dupz(a, text), *item;
		while ((item = strsep(&rest, ":")))
			if (*item)
				add_item(field(c, o), a, item);
		break;
	}
	case CONFIG_FLAG:
		if (!parse_flag(text, field(c, o)))
			diag_add(d, path, "must be true or false, not '%s'", text);
		break;
	case CONFIG_INT:
		if (!parse_int(text, field(c, o)))
			diag_add(d, path, "must be a whole number, not '%s'", text);
		break;
	}
}

static void from_environment(struct config *c, struct arena *a, struct diag *d)
{
	for (size_t i = 0; i < config_n_options; i++) {
		char name[64] = "DROVER_";
		size_t n = strlen(name);
		for (const char *p = config_options[i].name; *p && n + 1 < sizeof(name); p++)
			name[n++] = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
		name[n] = '\0';
		const char *text = getenv(name);
		if (text && *text && !is_set(c, &config_options[i]))
			set_text(c, &config_options[i], a, text, name, d);
	}
}

/* A member of the configuration file. */
static void set_value(struct config *c, const struct config_option *o, struct arena *a,
		      const struct value *v, struct diag *d)
{
	bool fits = false;
	switch (o->kind) {
	case CONFIG_TEXT:
		fits = v->kind == VALUE_STRING;
		if (fits)
			*(const char **)field(c, o) = arena_dup(a, v->s, v->n);
		break;
	case CONFIG_LIST:
		fits = v->kind == VALUE_ARRAY;
		for (uint32_t i = 0; fits && i < v->n; i++) {
			fits = v->items[i].kind == VALUE_STRING;
			if (fits)
				add_item(field(c, o), a,
					 arena_dup(a, v->items[i].s, v->items[i].n));
		}
		break;
	case CONFIG_FLAG:
		fits = v->kind == VALUE_BOOL;
		if (fits)
			*(bool *)field(c, o) = v->b;
		break;
	case CONFIG_INT:
		fits = v->kind == VALUE_INT;
		if (fits)
			*(int64_t *)field(c, o) = v->i;
		break;
	}
	static const char *const wanted[] = {"a string", "a list of strings", "true or false",
					     "a whole number"};
	if (!fits)
		diag_add(d, o->name, "must be %s, is %s", wanted[o->kind], value_kind_name(v));
}

static const struct config_option *find_option(struct str name)
{
	for (size_t i = 0; i < config_n_options; i++)
		if (str_eqz(name, config_options[i].name))
			return &config_options[i];
	return NULL;
}

static bool read_file(const char *path, struct buf *out, struct diag *d)
{
	CLEANUP_FILE FILE *f = fopen(path, "re");
	if (!f) {
		diag_add(d, "config", "can't open %s: %s", path, strerror(errno));
		return false;
	}
	char chunk[4096];
	size_t n;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0 && out->n <= LIMIT_YAML_BYTES)
		buf_put(out, chunk, n);
	return true;
}

static void from_file(struct config *c, struct arena *a, struct diag *d)
{
	CLEANUP_BUF struct buf text = {0};
	struct value doc;
	if (!read_file(c->file, &text, d))
		return;
	if (yaml_parse(a, buf_str(&text), d, &doc, NULL) != 0)
		return;
	if (doc.kind == VALUE_NULL)
		return;
	if (doc.kind != VALUE_OBJECT) {
		diag_add(d, "config", "%s must be a mapping of option names to values", c->file);
		return;
	}
	for (uint32_t i = 0; i < doc.n; i++) {
		const struct value_member *m = &doc.members[i];
		const struct config_option *o = find_option(m->key);
		if (!o || o->offset == offsetof(struct config, file))
			diag_add(d, arena_dup(a, m->key.p, m->key.n), "there is no such option");
		else if (!is_set(c, o))
			set_value(c, o, a, &m->value, d);
	}
}

static const char *default_data(struct arena *a)
{
	if (geteuid() == 0)
		return "/var/lib/drover";
	const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (xdg && *xdg)
		return arena_printf(a, "%s/drover", xdg);
	return arena_printf(a, "%s/.local/share/drover", home && *home ? home : ".");
}

static void default_to(const char **field_, const char *value)
{
	if (!*field_)
		*field_ = value;
}

static void read_retention(struct config *c, enum retained what, const char *text, struct diag *d)
{
	CLEANUP_FREE char *name = mem_printf("retention-%s", retained_name(what));
	if (!plan_retention_parse(str_of(text), &c->retention_ms[what]))
		diag_add(d, name, "must be a time such as 30d, from 1m to %d days, or off, is '%s'",
			 LIMIT_RETENTION_DAYS, text);
}

void config_complete(struct config *c, struct arena *a, struct diag *d)
{
	from_environment(c, a, d);
	if (c->file)
		from_file(c, a, d);
	default_to(&c->listen, "127.0.0.1:9002");
	default_to(&c->metrics, "127.0.0.1:9464");
	default_to(&c->data, default_data(a));
	default_to(&c->db, arena_printf(a, "sqlite:%s/drover.db", c->data));
	default_to(&c->log, "info");
	default_to(&c->log_format, "auto");
	default_to(&c->retention_runs, "90d");
	default_to(&c->retention_logs, "30d");
	default_to(&c->retention_artifacts, "30d");
	read_retention(c, RETAINED_RUNS, c->retention_runs, d);
	read_retention(c, RETAINED_LOGS, c->retention_logs, d);
	read_retention(c, RETAINED_ARTIFACTS, c->retention_artifacts, d);
	if (!str_starts(str_of(c->db), STR("sqlite:")))
		diag_add(d, "db", "must be sqlite:FILE in this version, is '%s'", c->db);
	enum log_level level;
	if (!log_level_parse(str_of(c->log), &level))
		diag_add(d, "log", "must be debug, info, warn, error or off, is '%s'", c->log);
	if (c->max_scripts < 0 || c->max_scripts > 10000)
		diag_add(d, "max-scripts", "must lie between 1 and 10000");
	const struct {
		const char *name;
		int64_t n;
	} limits[] = {{"max-running-runs", c->max_running_runs},
		      {"max-project-running-runs", c->max_project_running_runs},
		      {"max-open-runs", c->max_open_runs},
		      {"max-project-open-runs", c->max_project_open_runs}};
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (limits[i].n < 0 || limits[i].n > LIMIT_RUNS_MOST)
			diag_add(d, limits[i].name, "must lie between 1 and %d", LIMIT_RUNS_MOST);
	if (c->max_scripts == 0)
		c->max_scripts = 2 * sysconf(_SC_NPROCESSORS_ONLN);
	if (c->extra_scripts < -1 || c->extra_scripts > 10000)
		diag_add(d, "extra-scripts", "must lie between 0 and 10000");
	if (c->extra_scripts == -1)
		c->extra_scripts = c->max_scripts;
}
