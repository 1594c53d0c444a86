#include "request.h"

#include "json/parse.h"
#include "json/value.h"
#include "limits.h"

struct reader {
	struct arena *arena;
	struct diag *diag;
	struct request *request;
};

struct request request_default(void)
{
	struct request r = {.findings_most = LIMIT_SCAN_FINDINGS};
	r.walk.file_bytes = LIMIT_SCAN_FILE_BYTES;
	return r;
}

bool request_add_category(struct request *r, struct str name)
{
	bool all = str_eqz(name, "all"), known = all;
	for (int c = 0; c < CATEGORY_COUNT; c++) {
		bool is = str_eqz(name, rules_category_name((enum category)c));
		r->match.categories[c] |= all || is;
		known |= is;
	}
	return known;
}

bool request_set_severity(struct request *r, struct str name)
{
	for (int s = 0; s < SEVERITY_COUNT; s++) {
		if (str_eqz(name, rules_severity_name((enum severity)s))) {
			r->match.least = (enum severity)s;
			return true;
		}
	}
	return false;
}

static void read_category(struct reader *rd, const struct value *v)
{
	if (!value_is(v, VALUE_STRING) || !request_add_category(rd->request, value_text(v)))
		diag_add(rd->diag, "input.scanType",
			 "must be all, secrets, injection, xss, crypto or dangerous, or a list of "
			 "them");
}

static void read_scan_type(struct reader *rd, const struct value *v)
{
	if (!value_is(v, VALUE_ARRAY)) {
		read_category(rd, v);
		return;
	}
	if (v->n == 0)
		diag_add(rd->diag, "input.scanType", "must not be an empty list");
	for (uint32_t i = 0; i < v->n; i++)
		read_category(rd, &v->items[i]);
}

static void read_severity(struct reader *rd, const struct value *v)
{
	if (!value_is(v, VALUE_STRING) || !request_set_severity(rd->request, value_text(v)))
		diag_add(rd->diag, "input.severity", "must be low, medium, high or critical");
}

static void read_path(struct reader *rd, const struct value *v)
{
	if (!value_is(v, VALUE_STRING))
		diag_add(rd->diag, "input.path", "must be a path below the workspace");
	rd->request->walk.path = value_text(v);
}

static void read_globs(struct reader *rd, const char *path, const struct value *v,
		       const struct str **ret, size_t *ret_n)
{
	if (!value_is(v, VALUE_ARRAY) || v->n > LIMIT_SCAN_GLOBS) {
		diag_add(rd->diag, path, "must be a list of at most %d patterns", LIMIT_SCAN_GLOBS);
		return;
	}
	struct str *globs = ARENA_NEW_ARRAY(rd->arena, struct str, v->n + 1);
	for (uint32_t i = 0; i < v->n; i++) {
		globs[i] = value_text(&v->items[i]);
		if (globs[i].n == 0)
			diag_add(rd->diag, path, "patterns must be strings that are not empty");
	}
	*ret = globs;
	*ret_n = v->n;
}

static void read_include(struct reader *rd, const struct value *v)
{
	struct walk_options *w = &rd->request->walk;
	read_globs(rd, "input.include", v, &w->include, &w->n_include);
}

static void read_exclude(struct reader *rd, const struct value *v)
{
	struct walk_options *w = &rd->request->walk;
	read_globs(rd, "input.exclude", v, &w->exclude, &w->n_exclude);
}

static uint64_t read_number(struct reader *rd, const char *path, const struct value *v,
			    int64_t least, int64_t most)
{
	struct value low = value_int(least), high = value_int(most);
	if (!value_is_number(v) || value_number_cmp(v, &low) < 0 ||
	    value_number_cmp(v, &high) > 0) {
		diag_add(rd->diag, path, "must be a number from %lld to %lld", (long long)least,
			 (long long)most);
		return (uint64_t)least;
	}
	return v->kind == VALUE_DOUBLE ? (uint64_t)v->d : (uint64_t)v->i;
}

static void read_findings(struct reader *rd, const struct value *v)
{
	rd->request->findings_most =
		read_number(rd, "input.maxFindings", v, 0, LIMIT_SCAN_FINDINGS_MOST);
}

static void read_file_bytes(struct reader *rd, const struct value *v)
{
	rd->request->walk.file_bytes =
		read_number(rd, "input.maxFileBytes", v, 1, LIMIT_SCAN_FILE_BYTES_MOST);
}

static const struct {
	const char *name;
	void (*read)(struct reader *rd, const struct value *v);
} members[] = {
	{"scanType", read_scan_type},
	{"severity", read_severity},
	{"path", read_path},
	{"include", read_include},
	{"exclude", read_exclude},
	{"maxFindings", read_findings},
	{"maxFileBytes", read_file_bytes},
};

static void read_member(struct reader *rd, const struct value_member *m)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		if (str_eqz(m->key, members[i].name)) {
			members[i].read(rd, &m->value);
			return;
		}
	}
	diag_add(rd->diag, arena_printf(rd->arena, "input.%.*s", STR_ARG(m->key)), "is not known");
}

void request_parse(struct arena *a, struct str text, struct diag *diag, struct request *ret)
{
	struct value doc;
	struct json_error error;
	*ret = request_default();
	if (json_parse(a, text, JSON_UNIQUE_KEYS, &doc, &error) != 0) {
		diag_add_at(diag, "", error.line, error.column, "not JSON: %s", error.message);
		return;
	}
	if (!str_eqz(value_text(value_getz(&doc, "action")), "scan"))
		diag_add(diag, "action", "must be \"scan\"");
	const struct value *input = value_getz(&doc, "input");
	if (!value_is(input, VALUE_OBJECT)) {
		diag_add(diag, "input", "must be an object");
		return;
	}
	struct reader rd = {.arena = a, .diag = diag, .request = ret};
	for (uint32_t i = 0; i < input->n; i++)
		read_member(&rd, &input->members[i]);
	if (!value_getz(input, "scanType"))
		request_add_category(ret, STR("all"));
}
