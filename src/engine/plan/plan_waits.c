/* Nodes that name no agent but wait. */
#include "base/limits.h"
#include "engine/plan/plan_build.h"
#include "engine/run/subject.h"

static const int64_t most_ms = LIMIT_DURATION_DAYS * INT64_C(86400000);

static const struct field_spec wait_fields[] = {
	{"event", NULL}, {"filter", NULL}, {"timeout", NULL}};

/* What says how an agent is run means nothing for them. */
static void refuse_agent_fields(const struct fields *f, const char *kind)
{
	static const char *const names[] = {
		"agent",     "agentId", "action",  "workspace", "inputs",	    "inputsJson",
		"retry",     "limits",	"timeout", "approval",	"approvalRequired", "timeouts",
		"heartbeat", "workflow"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fields_get(f, names[i]))
			fields_bad(f, names[i],
				   "means nothing for a node with %s; remove it, or "
				   "make it a node of its own",
				   kind);
}

static void read_filter(struct plan_build *b, const struct fields *w, struct plan_node *n)
{
	size_t before = b->diag->n;
	n->wait_filter = plan_build_text(b, w, "filter");
	if (b->diag->n == before && n->wait_filter && resolve_constant(n->wait_filter))
		fields_bad(w, "filter", "is text without a template; write \"{{ … }}\"");
}

static void read_wait(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	struct fields w;
	struct str event;
	char place[FIELDS_PATH_BYTES];
	fields_place(place, f->path, STR("wait"));
	if (!fields_open(&w, fields_get(f, "wait"), b->diag, place))
		return;
	fields_known(&w, wait_fields, ARRAY_LEN(wait_fields));
	if (fields_str(&w, "event", true, &event)) {
		if (subject_valid(event, true))
			n->wait_event = arena_str(&b->plan->arena, event);
		else
			fields_bad(&w, "event",
				   "must be tokens with dots between, such as "
				   "\"order.paid\"; '*' stands for one token, '>' at the end for "
				   "one or more; at most %d bytes",
				   LIMIT_SUBJECT_BYTES);
	}
	read_filter(b, &w, n);
	fields_duration(&w, "timeout", 1, most_ms, &n->wait_ms);
}

bool plan_build_wait(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	static const struct value empty = {.kind = VALUE_OBJECT};
	bool sleep = fields_get(f, "sleep") != NULL, wait = fields_get(f, "wait") != NULL;
	if (!sleep && !wait)
		return false;
	if (sleep)
		fields_duration(f, "sleep", 1, most_ms, &n->sleep_ms);
	if (wait)
		read_wait(b, f, n);
	if (sleep && wait)
		fields_bad(f, "wait", "and sleep are two things; make them two nodes");
	refuse_agent_fields(f, sleep ? "sleep" : "wait");
	n->inputs = resolve_compile(&b->plan->arena, &empty, f->path, b->diag);
	return true;
}
