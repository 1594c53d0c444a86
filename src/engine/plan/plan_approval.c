/* Who must say yes before a node runs. */
#include "base/limits.h"
#include "engine/plan/plan_build.h"
#include "json/write.h"

static const struct field_spec approval_fields[] = {
	{"approvers", NULL}, {"quorum", NULL},	  {"timeout", NULL},
	{"onTimeout", NULL}, {"allowSelf", NULL}, {"remindEvery", NULL},
};

static bool has_name(const struct plan_approval *p, struct str name)
{
	for (size_t i = 0; i < p->n_approvers; i++)
		if (str_eq(p->approvers[i], name))
			return true;
	return false;
}

static void read_approvers(struct plan_build *b, const struct fields *f, struct plan_approval *p)
{
	struct arena *a = &b->plan->arena;
	const struct value *list = fields_kind(f, "approvers", VALUE_ARRAY, false);
	if (!list)
		return;
	if (list->n == 0 || list->n > LIMIT_APPROVERS) {
		fields_bad(f, "approvers", "must have 1 to %d names; leave it out for anybody",
			   LIMIT_APPROVERS);
		return;
	}
	struct str *names = ARENA_NEW_ARRAY(a, struct str, list->n);
	char place[FIELDS_PATH_BYTES], item[FIELDS_PATH_BYTES];
	fields_place(place, f->path, STR("approvers"));
	p->approvers = names;
	for (uint32_t i = 0; i < list->n; i++) {
		struct str name = value_text(&list->items[i]);
		fields_place_item(item, place, i);
		if (name.n == 0 || name.n > LIMIT_NAME_BYTES)
			diag_add(b->diag, item, "must be a name of 1 to %d characters",
				 LIMIT_NAME_BYTES);
		else if (has_name(p, name))
			diag_add(b->diag, item, "is there already");
		else
			names[p->n_approvers++] = arena_str(a, name);
	}
	CLEANUP_BUF struct buf text = {0};
	json_write(&text, list);
	p->approvers_json = arena_str(a, buf_str(&text));
}

static void read_reminders(const struct fields *f, struct plan_approval *p)
{
	if (fields_duration(f, "remindEvery", 1000, LIMIT_DURATION_DAYS * INT64_C(86400000),
			    &p->remind_ms) &&
	    p->remind_ms >= p->timeout_ms)
		fields_bad(f, "remindEvery",
			   "must be shorter than timeout, or nobody is ever reminded");
}

static void read_policy(struct plan_build *b, const struct fields *f, struct plan_approval *p)
{
	struct str text;
	read_approvers(b, f, p);
	if (fields_int(f, "quorum", 1, LIMIT_APPROVERS, &p->quorum) && p->n_approvers > 0 &&
	    p->quorum > (int64_t)p->n_approvers)
		fields_bad(f, "quorum", "is more than there are approvers");
	fields_duration(f, "timeout", 1, LIMIT_DURATION_DAYS * INT64_C(86400000), &p->timeout_ms);
	read_reminders(f, p);
	fields_bool(f, "allowSelf", &p->allow_self);
	if (!fields_str(f, "onTimeout", false, &text))
		return;
	p->expiry_approves = str_eqz(text, "approve");
	if (!p->expiry_approves && !str_eqz(text, "reject"))
		fields_bad(f, "onTimeout", "must be reject or approve");
}

void plan_build_approval(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	bool required = false;
	struct fields policy;
	char place[FIELDS_PATH_BYTES];
	bool said = fields_bool(f, "approvalRequired", &required);
	const struct value *v = fields_get(f, "approval");
	if (!v && !required)
		return;
	struct plan_approval *p = ARENA_NEW(&b->plan->arena, struct plan_approval);
	p->quorum = 1;
	p->timeout_ms = LIMIT_APPROVAL_DEFAULT_HOURS * INT64_C(3600000);
	n->approval = p;
	if (!v)
		return;
	if (said && !required)
		fields_bad(f, "approvalRequired",
			   "is false, but approval asks for one; remove one "
			   "of the two");
	fields_place(place, f->path, STR("approval"));
	if (!fields_open(&policy, v, b->diag, place))
		return;
	fields_known(&policy, approval_fields, ARRAY_LEN(approval_fields));
	read_policy(b, &policy, p);
}
