#include "daemon/limits_doc.h"

#include "base/timefmt.h"
#include "json/parse.h"

/* A size as text or as a number of bytes. Absent is fine and changes nothing. */
static bool size(const struct value *doc, const char *key, uint64_t *ret)
{
	const struct value *v = value_getz(doc, key);
	int64_t bytes;
	if (!v)
		return true;
	if (v->kind == VALUE_INT && v->i > 0)
		bytes = v->i;
	else if (v->kind != VALUE_STRING || timefmt_size_parse(value_text(v), &bytes) != 0)
		return false;
	*ret = (uint64_t)bytes;
	return true;
}

static bool whole(const struct value *doc, const char *key, uint32_t *ret)
{
	const struct value *v = value_getz(doc, key);
	if (!v)
		return true;
	if (v->kind != VALUE_INT || v->i < 1 || v->i > UINT32_MAX)
		return false;
	*ret = (uint32_t)v->i;
	return true;
}

static bool cores(const struct value *doc, uint32_t *ret)
{
	const struct value *v = value_getz(doc, "cpu");
	if (!v)
		return true;
	double n = v->kind == VALUE_INT ? (double)v->i : v->kind == VALUE_DOUBLE ? v->d : 0;
	if (n <= 0 || n > 1e6)
		return false;
	*ret = (uint32_t)(n * 1000);
	return true;
}

bool limits_doc_apply(struct sandbox_limits *l, struct str json)
{
	if (json.n == 0)
		return true;
	CLEANUP_ARENA struct arena a = {0};
	struct value doc;
	if (json_parse(&a, json, JSON_BORROW, &doc, NULL) != 0)
		return false;
	return size(&doc, "memory", &l->memory_bytes) && size(&doc, "tmp", &l->tmp_bytes) &&
	       size(&doc, "output", &l->output_bytes) &&
	       size(&doc, "fileSize", &l->file_size_bytes) && whole(&doc, "pids", &l->pids) &&
	       whole(&doc, "files", &l->open_files) && cores(&doc, &l->cpu_millicores);
}
