#include "agents/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/timefmt.h"
#include "model/names.h"
#include "text/yaml.h"

struct judge {
	struct arena *arena;
	struct diag *diag;
	enum agent_type type;
};

bool manifest_name_valid(struct str name)
{
	if (name.n == 0 || name.n > LIMIT_NAME_BYTES || name.p[0] < 'a' || name.p[0] > 'z')
		return false;
	for (size_t i = 1; i < name.n; i++) {
		char c = name.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return true;
}

/* Findings about members that are not in `known` (NULL-terminated). */
static void refuse_unknown(struct judge *j, const struct value *object, const char *at,
			   const char *const *known)
{
	for (uint32_t i = 0; i < object->n; i++) {
		struct str key = object->members[i].key;
		bool found = false;
		for (const char *const *k = known; *k; k++)
			found |= str_eqz(key, *k);
		if (found)
			continue;
		CLEANUP_BUF struct buf path = {0}, names = {0};
		buf_printf(&path, "%s%s%.*s", at, *at ? "." : "", STR_ARG(key));
		for (const char *const *k = known; *k; k++)
			buf_printf(&names, "%s%s", k == known ? "" : ", ", *k);
		diag_add(j->diag, path.p, "unknown field; known here are: %s", names.p);
	}
}

/* A member that must be text when it is there; empty view when it is not. */
static struct str text_at(struct judge *j, const struct value *v, const char *path, size_t most)
{
	if (!v || v->kind == VALUE_NULL)
		return (struct str){0};
	if (v->kind != VALUE_STRING) {
		diag_add(j->diag, path, "must be text, not %s%s", value_kind_name(v),
			 value_is_number(v) ? ": put it in quotes" : "");
		return (struct str){0};
	}
	struct str s = value_text(v);
	if (s.n > most) {
		diag_add(j->diag, path, "longer than %zu bytes", most);
		return (struct str){0};
	}
	return s;
}

static struct str required_text(struct judge *j, const struct value *source, const char *field,
				size_t most)
{
	const struct value *v = value_getz(source, field);
	struct str s = text_at(j, v, field, most);
	if (s.n == 0 && (!v || v->kind == VALUE_NULL || v->kind == VALUE_STRING) &&
	    value_text(v).n == 0)
		diag_add(j->diag, field, "is required");
	return s;
}

static void judge_name(struct judge *j, const struct value *source, struct value *out)
{
	struct str name = required_text(j, source, "name", LIMIT_NAME_BYTES);
	if (name.n && !manifest_name_valid(name))
		diag_add(j->diag, "name",
			 "must begin with a small letter and hold only a-z, 0-9 and -");
	value_putz(j->arena, out, "name", value_str(name));
}

static void judge_type(struct judge *j, const struct value *source, struct value *out)
{
	struct str text = required_text(j, source, "type", LIMIT_NAME_BYTES);
	j->type = AGENT_SCRIPT;
	if (text.n && !agent_type_parse(text, &j->type))
		diag_add(j->diag, "type", "must be SCRIPT or RULE");
	else if (j->type != AGENT_SCRIPT && j->type != AGENT_RULE)
		diag_add(j->diag, "type", "%.*s agents are not in this version: use SCRIPT or RULE",
			 STR_ARG(text));
	value_putz(j->arena, out, "type", value_str(text));
}

static void judge_texts(struct judge *j, const struct value *source, struct value *out)
{
	struct str version = required_text(j, source, "version", LIMIT_NAME_BYTES);
	struct str description = text_at(j, value_getz(source, "description"), "description",
					 LIMIT_AGENT_DESCRIPTION_BYTES);
	struct str risk =
		text_at(j, value_getz(source, "riskLevel"), "riskLevel", LIMIT_NAME_BYTES);
	enum risk_level level = RISK_AUTO;
	if (risk.n && !risk_level_parse(risk, &level))
		diag_add(j->diag, "riskLevel", "must be AUTO or APPROVAL_REQUIRED");
	value_putz(j->arena, out, "version", value_str(version));
	value_putz(j->arena, out, "description", value_str(description));
	value_putz(j->arena, out, "riskLevel", value_strz(risk_level_name(level)));
}

static void judge_word(struct judge *j, const struct value *word, uint32_t i)
{
	char path[32];
	snprintf(path, sizeof(path), "command[%u]", i);
	if (word->kind != VALUE_STRING)
		diag_add(j->diag, path, "must be text, not %s%s", value_kind_name(word),
			 value_is_number(word) ? ": put it in quotes" : "");
	else if (memchr(word->s, 0, word->n))
		diag_add(j->diag, path, "can't hold a NUL character");
	else if (i == 0 && word->n == 0)
		diag_add(j->diag, path, "must name a program");
}

static void judge_command(struct judge *j, const struct value *source, struct value *out)
{
	const struct value *command = value_getz(source, "command");
	if (j->type == AGENT_RULE) {
		if (command)
			diag_add(j->diag, "command",
				 "a RULE agent is built in and has no command: leave it out");
		return;
	}
	if (!command) {
		diag_add(j->diag, "command", "is required for a SCRIPT: [program, argument, ...]");
		return;
	}
	if (command->kind != VALUE_ARRAY || command->n == 0 ||
	    command->n > LIMIT_AGENT_COMMAND_WORDS) {
		diag_add(j->diag, "command",
			 "must be a list of 1 to %d words, [program, argument, ...]; there is no "
			 "shell",
			 LIMIT_AGENT_COMMAND_WORDS);
		return;
	}
	for (uint32_t i = 0; i < command->n; i++)
		judge_word(j, &command->items[i], i);
	value_putz(j->arena, out, "command", *command);
}

/* ---- limits ---- */

static void judge_size(struct judge *j, const struct value *v, const char *path)
{
	int64_t bytes;
	bool plain = value_is(v, VALUE_INT) && v->i > 0;
	if (!plain && (v->kind != VALUE_STRING || timefmt_size_parse(value_text(v), &bytes) < 0 ||
		       bytes <= 0))
		diag_add(j->diag, path, "must be a size above 0, as 64Mi or 1Gi");
}

static void judge_cpu(struct judge *j, const struct value *v, const char *path)
{
	double cores = v->kind == VALUE_DOUBLE ? v->d : v->kind == VALUE_INT ? (double)v->i : 0;
	if (cores < 0.01 || cores > 1024)
		diag_add(j->diag, path, "must be a number of cores, as 0.5 or 2");
}

static void judge_pids(struct judge *j, const struct value *v, const char *path)
{
	if (v->kind != VALUE_INT || v->i < 1 || v->i > 1 << 20)
		diag_add(j->diag, path, "must be a whole number from 1 to %d", 1 << 20);
}

static void judge_network(struct judge *j, const struct value *v, const char *path)
{
	if (!str_eqz(value_text(v), "none"))
		diag_add(j->diag, path,
			 "agents have no network in this version: only none is possible here");
}

static void judge_duration(struct judge *j, const struct value *v, const char *path)
{
	int64_t ms;
	if (v->kind != VALUE_STRING || timefmt_duration_parse(value_text(v), &ms) < 0 || ms <= 0)
		diag_add(j->diag, path, "must be a duration above 0, as 30s or 5m");
}

/* The engine judges them: engine/admission/policy.h. */
static void keep_policy(struct judge *j, const struct value *source, struct value *out)
{
	static const char *const members[] = {"concurrency", "rateLimit", "circuitBreaker"};
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const struct value *v = value_getz(source, members[i]);
		if (v)
			value_putz(j->arena, out, members[i], *v);
	}
}

static const struct limit_field {
	const char *path;
	void (*judge)(struct judge *j, const struct value *v, const char *path);
} limit_fields[] = {
	{"limits.memory", judge_size},	    {"limits.cpu", judge_cpu},
	{"limits.pids", judge_pids},	    {"limits.network", judge_network},
	{"limits.output", judge_size},	    {"limits.tmp", judge_size},
	{"limits.timeout", judge_duration},
};

static void judge_limits(struct judge *j, const struct value *source, struct value *out)
{
	static const char *const known[] = {"memory", "cpu", "pids",	"network",
					    "output", "tmp", "timeout", NULL};
	const struct value *limits = value_getz(source, "limits");
	const struct value *timeout = value_getz(source, "timeout");
	struct value judged = value_object(j->arena, 0);
	if (value_is(limits, VALUE_OBJECT)) {
		refuse_unknown(j, limits, "limits", known);
		for (size_t i = 0; i < ARRAY_LEN(limit_fields); i++) {
			const struct limit_field *f = &limit_fields[i];
			const char *name = f->path + sizeof("limits.") - 1;
			const struct value *v = value_getz(limits, name);
			if (!v)
				continue;
			f->judge(j, v, f->path);
			value_putz(j->arena, &judged, name, *v);
		}
	} else if (limits && limits->kind != VALUE_NULL) {
		diag_add(j->diag, "limits", "must be a map of limits, not %s",
			 value_kind_name(limits));
	}
	if (timeout) {
		judge_duration(j, timeout, "timeout");
		if (value_getz(&judged, "timeout"))
			diag_add(j->diag, "timeout", "is also in limits: keep one of them");
		value_putz(j->arena, &judged, "timeout", *timeout);
	}
	value_putz(j->arena, out, "limits", judged);
}

/* ---- capabilities ---- */

static void judge_schema(struct judge *j, const struct value *v, const char *at, const char *name,
			 struct value *out)
{
	const struct value *schema = value_getz(v, name);
	if (schema && schema->kind != VALUE_OBJECT && schema->kind != VALUE_BOOL) {
		CLEANUP_BUF struct buf path = {0};
		buf_printf(&path, "%s.%s", at, name);
		diag_add(j->diag, path.p, "must be a JSON Schema (an object), not %s",
			 value_kind_name(schema));
	}
	value_putz(j->arena, out, name, schema ? *schema : value_bool(true));
}

static void judge_effect(struct judge *j, const struct value *v, const char *at, struct value *out)
{
	CLEANUP_BUF struct buf path = {0}, probe_path = {0};
	buf_printf(&path, "%s.effect", at);
	buf_printf(&probe_path, "%s.probe", at);
	struct str text = text_at(j, value_getz(v, "effect"), path.p, LIMIT_NAME_BYTES);
	struct str probe = text_at(j, value_getz(v, "probe"), probe_path.p, LIMIT_NAME_BYTES);
	enum effect effect = EFFECT_IDEMPOTENT;
	if (text.n && !effect_parse(text, &effect))
		diag_add(j->diag, path.p, "must be pure, idempotent, reconcilable or irreversible");
	value_putz(j->arena, out, "effect", value_strz(effect_name(effect)));
	if (probe.n)
		value_putz(j->arena, out, "probe", value_str(probe));
}

static void judge_risk(struct judge *j, const struct value *v, const char *at, struct value *out)
{
	CLEANUP_BUF struct buf path = {0};
	buf_printf(&path, "%s.riskLevel", at);
	struct str text = text_at(j, value_getz(v, "riskLevel"), path.p, LIMIT_NAME_BYTES);
	enum risk_level level;
	if (text.n && !risk_level_parse(text, &level))
		diag_add(j->diag, path.p, "must be AUTO or APPROVAL_REQUIRED");
	if (text.n)
		value_putz(j->arena, out, "riskLevel", value_str(text));
}

static void judge_capability(struct judge *j, struct str name, const struct value *v,
			     const char *at, bool by_key, struct value *list)
{
	static const char *const known[] = {
		"description", "inputSchema", "outputSchema", "effect", "probe", "riskLevel", NULL};
	static const char *const known_in_list[] = {"name",	    "description", "inputSchema",
						    "outputSchema", "effect",	   "probe",
						    "riskLevel",    NULL};
	if (!manifest_name_valid(name))
		diag_add(j->diag, at,
			 "the name of a capability must begin with a small letter and hold only "
			 "a-z, 0-9 and -");
	for (uint32_t i = 0; i < list->n; i++)
		if (str_eq(value_text(value_getz(&list->items[i], "name")), name))
			diag_add(j->diag, at, "the capability %.*s is here twice", STR_ARG(name));
	struct value nothing = value_object(j->arena, 0), out = value_object(j->arena, 4);
	value_putz(j->arena, &out, "name", value_str(name));
	if (v->kind != VALUE_OBJECT) {
		if (v->kind != VALUE_NULL)
			diag_add(j->diag, at, "must be a map, not %s", value_kind_name(v));
		v = &nothing;
	}
	refuse_unknown(j, v, at, by_key ? known : known_in_list);
	CLEANUP_BUF struct buf path = {0};
	buf_printf(&path, "%s.description", at);
	struct str description =
		text_at(j, value_getz(v, "description"), path.p, LIMIT_AGENT_DESCRIPTION_BYTES);
	value_putz(j->arena, &out, "description", value_str(description));
	judge_schema(j, v, at, "inputSchema", &out);
	judge_schema(j, v, at, "outputSchema", &out);
	judge_effect(j, v, at, &out);
	judge_risk(j, v, at, &out);
	value_push(j->arena, list, out);
}

static const struct value *find_capability(const struct value *list, struct str name)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (str_eq(value_text(value_getz(&list->items[i], "name")), name))
			return &list->items[i];
	return NULL;
}

/* A probe only looks: it is pure, another action than the one it looks after, and it is there. */
static void judge_probe(struct judge *j, const struct value *list, uint32_t i, bool by_key)
{
	const struct value *c = &list->items[i];
	struct str name = value_text(value_getz(c, "name")),
		   effect = value_text(value_getz(c, "effect")),
		   probe = value_text(value_getz(c, "probe"));
	const struct value *other = find_capability(list, probe);
	CLEANUP_BUF struct buf path = {0};
	if (by_key)
		buf_printf(&path, "capabilities.%.*s.probe", STR_ARG(name));
	else
		buf_printf(&path, "capabilities[%u].probe", i);
	if (str_eqz(effect, "reconcilable") && !probe.n)
		diag_add(j->diag, path.p,
			 "is required: the pure action that finds out whether it happened");
	else if (!probe.n)
		return;
	else if (!str_eqz(effect, "reconcilable"))
		diag_add(j->diag, path.p, "belongs to effect: reconcilable");
	else if (!other)
		diag_add(j->diag, path.p, "the agent has no capability %.*s", STR_ARG(probe));
	else if (!str_eqz(value_text(value_getz(other, "effect")), "pure"))
		diag_add(j->diag, path.p, "the capability %.*s must say effect: pure",
			 STR_ARG(probe));
}

static void judge_capabilities(struct judge *j, const struct value *source, struct value *out)
{
	const struct value *from = value_getz(source, "capabilities");
	struct value list = value_array(j->arena, 0);
	bool by_key = value_is(from, VALUE_OBJECT);
	if ((!by_key && !value_is(from, VALUE_ARRAY)) || from->n == 0 ||
	    from->n > LIMIT_AGENT_CAPABILITIES) {
		diag_add(j->diag, "capabilities", "must be a map or a list of 1 to %d capabilities",
			 LIMIT_AGENT_CAPABILITIES);
		return;
	}
	for (uint32_t i = 0; i < from->n; i++) {
		const struct value *v = by_key ? &from->members[i].value : &from->items[i];
		struct str name = by_key ? from->members[i].key : value_text(value_getz(v, "name"));
		CLEANUP_BUF struct buf at = {0};
		if (by_key)
			buf_printf(&at, "capabilities.%.*s", STR_ARG(name));
		else
			buf_printf(&at, "capabilities[%u]", i);
		judge_capability(j, name, v, at.p, by_key, &list);
	}
	for (uint32_t i = 0; i < list.n; i++)
		judge_probe(j, &list, i, by_key);
	value_putz(j->arena, out, "capabilities", list);
}

int manifest_judge(struct arena *a, const struct value *source, enum manifest_source from,
		   struct diag *d, struct value *ret)
{
	static const char *const in_file[] = {
		"name",	     "type",	       "version", "description",  "riskLevel",
		"command",   "timeout",	       "limits",  "capabilities", "concurrency",
		"rateLimit", "circuitBreaker", NULL};
	static const char *const in_api[] = {
		"name",		"type",	     "version",	       "description",
		"riskLevel",	"command",   "timeout",	       "limits",
		"capabilities", "project",   "projectId",      "entryPath",
		"concurrency",	"rateLimit", "circuitBreaker", NULL};
	struct judge j = {.arena = a, .diag = d};
	size_t before = d->n + d->n_dropped;
	if (source->kind != VALUE_OBJECT) {
		diag_add(d, "", "must be a map of an agent's fields, not %s",
			 value_kind_name(source));
		return MANIFEST_REFUSED;
	}
	struct value out = value_object(a, 0);
	if (value_getz(source, "image"))
		diag_add(d, "image", "container images are not in this version: use command");
	else
		refuse_unknown(&j, source, "", from == MANIFEST_FROM_API ? in_api : in_file);
	judge_name(&j, source, &out);
	judge_type(&j, source, &out);
	judge_texts(&j, source, &out);
	judge_command(&j, source, &out);
	judge_limits(&j, source, &out);
	judge_capabilities(&j, source, &out);
	keep_policy(&j, source, &out);
	if (d->n + d->n_dropped > before)
		return MANIFEST_REFUSED;
	*ret = out;
	return 0;
}

static int read_manifest(const char *folder, struct buf *out)
{
	CLEANUP_FD int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	CLEANUP_FD int fd =
		openat(dir, MANIFEST_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	for (;;) {
		buf_reserve(out, 65536);
		ssize_t n = read(fd, out->p + out->n, 65536);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 || out->n > LIMIT_YAML_BYTES)
			return 0;
		out->n += n > 0 ? (size_t)n : 0;
	}
}

/* A program given by a path lies in the folder; one without a slash is looked up at the run. */
static void judge_program(struct judge *j, const char *folder, const struct value *agent)
{
	const struct value *command = value_getz(agent, "command");
	const char *program = command ? command->items[0].s : "x";
	if (!strchr(program, '/') || program[0] == '/')
		return;
	CLEANUP_FD int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	if (dir < 0 || fstatat(dir, program, &st, 0) < 0)
		diag_add(j->diag, "command[0]", "there is no such file in the agent's folder");
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		diag_add(j->diag, "command[0]", "is not an executable file: chmod +x it");
}

int manifest_load(struct arena *a, const char *folder, struct diag *d, struct value *ret)
{
	CLEANUP_BUF struct buf text = {0};
	int r = read_manifest(folder, &text);
	if (r < 0)
		return r;
	struct value source, agent;
	struct yaml_places *places;
	r = yaml_parse(a, buf_str(&text), d, &source, &places);
	if (r != 0)
		return r < 0 ? r : MANIFEST_REFUSED;
	r = manifest_judge(a, &source, MANIFEST_FROM_FILE, d, &agent);
	if (r == 0) {
		struct judge j = {.arena = a, .diag = d};
		size_t before = d->n + d->n_dropped;
		judge_program(&j, folder, &agent);
		r = d->n + d->n_dropped > before ? MANIFEST_REFUSED : 0;
	}
	yaml_place_findings(places, d);
	if (r != 0)
		return r;
	if (value_getz(&agent, "command"))
		value_putz(a, &agent, "entryPath", value_strz(arena_dupz(a, folder)));
	*ret = agent;
	return 0;
}
