/* Bodies of requests: from bytes to one object, or to the finding that says why not. */
#include <strings.h>

#include "api/api_private.h"
#include "api/resources.h"
#include "base/limits.h"
#include "json/parse.h"
#include "text/yaml.h"

static bool is_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

enum body_kind body_kind_of(struct str type, enum call_body wanted)
{
	const char *semicolon = type.n ? memchr(type.p, ';', type.n) : NULL;
	if (semicolon)
		type.n = (size_t)(semicolon - type.p);
	while (type.n && (type.p[type.n - 1] == ' ' || type.p[type.n - 1] == '\t'))
		type.n--;
	if (is_word(type, "application/json") || is_word(type, "text/json"))
		return BODY_IS_JSON;
	if (type.n > 5 && memchr(type.p, '/', type.n) &&
	    strncasecmp(type.p + type.n - 5, "+json", 5) == 0)
		return BODY_IS_JSON;
	static const char *const yaml[] = {"application/yaml", "application/x-yaml", "text/yaml",
					   "text/x-yaml"};
	for (size_t i = 0; wanted == BODY_WORKFLOW && i < ARRAY_LEN(yaml); i++)
		if (is_word(type, yaml[i]))
			return BODY_IS_YAML;
	return BODY_UNKNOWN;
}

static bool read_json(struct call *c, struct value *ret, struct call_done *ret_done)
{
	struct json_error e;
	int r = json_parse(c->arena, c->request->body, JSON_UNIQUE_KEYS | JSON_BORROW, ret, &e);
	if (r == 0)
		return true;
	struct diag d;
	diag_init(&d, c->arena);
	diag_add_at(&d, "", e.line, e.column, "%s", e.message);
	const char *detail = r == JSON_ERROR_DUPLICATE ? "The body repeats a key."
						       : "The body is no JSON document.";
	*ret_done = call_problem_diag(c, r == JSON_ERROR_DUPLICATE ? 422 : 400, detail, &d);
	return false;
}

static bool read_yaml(struct call *c, struct value *ret, struct call_text *ret_text,
		      struct call_done *ret_done)
{
	struct diag d;
	diag_init(&d, c->arena);
	if (c->request->body.n > LIMIT_YAML_BYTES) {
		*ret_done = call_problem(c, 413, "A YAML document may have at most 1 MiB.");
		return false;
	}
	int r = yaml_parse(c->arena, c->request->body, &d, ret, &ret_text->places);
	if (r == 0)
		return true;
	if (r < 0)
		*ret_done = call_problem(c, 503, "There is no memory for the document now.");
	else
		*ret_done = call_problem_diag(c, 400, "The body is no YAML document.", &d);
	return false;
}

bool call_body(struct call *c, bool optional, struct value *ret, struct call_text *ret_text,
	       struct call_done *ret_done)
{
	struct str type;
	enum body_kind kind = BODY_IS_JSON;
	if (http_header(c->request, "Content-Type", &type))
		kind = body_kind_of(type, c->route->body);
	*ret_text = (struct call_text){0};
	if (c->request->body.n == 0 && optional) {
		*ret = value_object(c->arena, 0);
		return true;
	}
	if (!(kind == BODY_IS_YAML ? read_yaml(c, ret, ret_text, ret_done)
				   : read_json(c, ret, ret_done)))
		return false;
	if (value_is(ret, VALUE_OBJECT))
		return true;
	*ret_done = call_problem_path(c, 422, "", "The document must be an object.");
	return false;
}

static bool names_has(const char *names, struct str name)
{
	for (const char *p = names; *p;) {
		size_t n = strcspn(p, " ");
		if (str_eq(str_n(p, n), name))
			return true;
		p += n + (p[n] == ' ');
	}
	return false;
}

bool call_members(struct call *c, const struct value *object, const char *names,
		  struct call_done *ret_done)
{
	struct diag d;
	diag_init(&d, c->arena);
	for (uint32_t i = 0; i < object->n; i++) {
		struct str key = object->members[i].key;
		if (!names_has(names, key))
			diag_add(&d, arena_dup(c->arena, key.p, key.n),
				 "unknown field; known here: %s", names);
	}
	if (diag_ok(&d))
		return true;
	*ret_done = call_problem_diag(c, 422, "The body has fields that are unknown here.", &d);
	return false;
}

bool call_project(struct call *c, const struct value *object, struct call_done *ret_done)
{
	static const char *const names[] = {"project", "projectId"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct value *v = value_getz(object, names[i]);
		if (!v || str_eq(value_text(v), PROJECT))
			continue;
		*ret_done = call_problem_path(c, 422, names[i],
					      "There is no such project; there is \"default\".");
		return false;
	}
	return true;
}
