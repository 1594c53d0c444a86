#include "engine/plan/join.h"

#include "base/attr.h"
#include "base/fault.h"

static const char *const names[] = {"all_success", "all_failed",   "all_done",
				    "one_success", "one_failed",   "one_done",
				    "none_failed", "none_skipped", "always"};

const char *join_rule_name(enum join_rule rule)
{
	return names[rule];
}

bool join_rule_parse(struct str text, enum join_rule *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (str_eqz(text, names[i])) {
			*ret = (enum join_rule)i;
			return true;
		}
	}
	return false;
}

bool join_run_on_parse(struct str text, enum join_rule *ret)
{
	if (str_eqz(text, "success"))
		*ret = JOIN_ALL_SUCCESS;
	else if (str_eqz(text, "failure"))
		*ret = JOIN_ONE_FAILED;
	else if (str_eqz(text, "always"))
		*ret = JOIN_ALL_DONE;
	else
		return false;
	return true;
}

bool join_handles_failure(enum join_rule rule)
{
	return rule == JOIN_ALL_FAILED || rule == JOIN_ONE_FAILED;
}

void join_count(struct join_counts *c, enum join_end end)
{
	switch (end) {
	case JOIN_END_SUCCESS:
		c->success++;
		break;
	case JOIN_END_FAILED:
		c->failed++;
		break;
	case JOIN_END_TOLERATED:
		c->tolerated++;
		break;
	case JOIN_END_SKIPPED:
		c->skipped++;
		break;
	case JOIN_END_UPSTREAM:
		c->upstream++;
		break;
	}
}

enum join_verdict join_judge(enum join_rule rule, const struct join_counts *c)
{
	uint32_t good = c->success + c->tolerated;
	uint32_t bad = c->failed + c->upstream;
	bool all = good + bad + c->skipped == c->n;
	ASSERT(good + bad + c->skipped <= c->n);
	if (c->n == 0)
		return JOIN_RUN;
	switch (rule) {
	case JOIN_ALL_SUCCESS:
		if (bad)
			return JOIN_UPSTREAM;
		return !all ? JOIN_WAIT : c->skipped ? JOIN_SKIP : JOIN_RUN;
	case JOIN_ALL_FAILED:
		return c->success || c->skipped ? JOIN_SKIP : all ? JOIN_RUN : JOIN_WAIT;
	case JOIN_ALL_DONE:
		return all ? JOIN_RUN : JOIN_WAIT;
	case JOIN_ONE_SUCCESS:
		if (good)
			return JOIN_RUN;
		return !all ? JOIN_WAIT : bad ? JOIN_UPSTREAM : JOIN_SKIP;
	case JOIN_ONE_FAILED:
		if (bad + c->tolerated)
			return JOIN_RUN;
		return all ? JOIN_SKIP : JOIN_WAIT;
	case JOIN_ONE_DONE:
		if (good + c->failed)
			return JOIN_RUN;
		return all ? JOIN_SKIP : JOIN_WAIT;
	case JOIN_NONE_FAILED:
		return bad ? JOIN_UPSTREAM : all ? JOIN_RUN : JOIN_WAIT;
	case JOIN_NONE_SKIPPED:
		return c->skipped ? JOIN_SKIP : all ? JOIN_RUN : JOIN_WAIT;
	case JOIN_ALWAYS:
		return JOIN_RUN;
	}
	return JOIN_WAIT;
}
