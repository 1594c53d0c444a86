/* How many runs of the workflow go on at once, how many start in a time, and which go first. */
#include "base/limits.h"
#include "engine/plan/plan_build.h"

static const struct field_spec concurrency_fields[] = {
	{"limit", NULL}, {"key", NULL}, {"onLimit", NULL}};
static const struct field_spec rate_fields[] = {{"limit", NULL}, {"per", NULL}, {"burst", NULL}};

/* Opens the member; false when it is not there or no object. */
static bool open_member(struct fields *ret, const struct fields *f, const char *key,
			const struct field_spec *specs, size_t n)
{
	char place[FIELDS_PATH_BYTES];
	const struct value *v = fields_get(f, key);
	fields_place(place, f->path, str_of(key));
	if (!v || !fields_open(ret, v, f->diag, place))
		return false;
	fields_known(ret, specs, n);
	return true;
}

/* The key is resolved when a run is made: what it may ask for must be there by then. */
static void judge_key_ref(void *ctx, const char *place, const struct cel_ref *ref)
{
	struct plan_build *b = ctx;
	struct str root = ref->parts[0];
	bool trigger = ref->n > 1 && str_eqz(ref->parts[1], "trigger");
	if (str_eqz(root, "context"))
		plan_build_context_ref(b, place, ref);
	else if (!str_eqz(root, "workflow") && !str_eqz(root, "project") &&
		 !(str_eqz(root, "run") && trigger))
		diag_add(b->diag, place,
			 "the key is resolved before the run starts; it knows context, workflow, "
			 "project and run.trigger, not \"%.*s\"",
			 STR_ARG(root));
}

static void read_key(struct plan_build *b, const struct fields *f, struct plan_concurrency *c)
{
	c->key = plan_build_text(b, f, "key");
	if (!c->key)
		return;
	if (resolve_constant(c->key))
		fields_bad(
			f, "key",
			"is text without a template; write \"{{ … }}\", or leave it out to count "
			"all runs of the workflow");
	resolve_refs(c->key, judge_key_ref, b);
}

static void read_concurrency(struct plan_build *b, const struct fields *f)
{
	struct plan_concurrency *c = &b->plan->concurrency;
	struct fields m;
	struct str text;
	if (!open_member(&m, f, "concurrency", concurrency_fields, ARRAY_LEN(concurrency_fields)))
		return;
	c->limit = 1;
	fields_int(&m, "limit", 1, LIMIT_CONCURRENCY, &c->limit);
	read_key(b, &m, c);
	if (!fields_str(&m, "onLimit", false, &text) || str_eqz(text, "queue"))
		c->on_limit = ON_LIMIT_QUEUE;
	else if (str_eqz(text, "skip"))
		c->on_limit = ON_LIMIT_SKIP;
	else if (str_eqz(text, "cancel"))
		c->on_limit = ON_LIMIT_CANCEL;
	else
		fields_bad(&m, "onLimit", "must be queue, skip or cancel");
}

static void read_rate(const struct fields *f, struct rate_limit *r)
{
	struct fields m;
	if (!open_member(&m, f, "rateLimit", rate_fields, ARRAY_LEN(rate_fields)))
		return;
	r->per_ms = 1000;
	if (!fields_get(&m, "limit"))
		fields_bad(&m, "limit", "is missing; it must be given");
	fields_int(&m, "limit", 1, LIMIT_CONCURRENCY, &r->limit);
	fields_duration(&m, "per", 1, LIMIT_DURATION_DAYS * INT64_C(86400000), &r->per_ms);
	r->burst = r->limit;
	fields_int(&m, "burst", 1, LIMIT_CONCURRENCY, &r->burst);
}

void plan_build_concurrency(struct plan_build *b, const struct fields *f)
{
	struct plan *p = b->plan;
	p->priority = LIMIT_PRIORITY_DEFAULT;
	fields_int(f, "priority", 0, LIMIT_PRIORITY, &p->priority);
	read_rate(f, &p->rate_limit);
	read_concurrency(b, f);
}

void plan_build_concurrency_form(const struct value *document, struct arena *a,
				 struct value *definition)
{
	static const char *const members[] = {"concurrency", "rateLimit", "priority"};
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const struct value *v = value_getz(document, members[i]);
		if (v && v->kind != VALUE_NULL)
			value_putz(a, definition, members[i], value_copy(a, v));
	}
}
