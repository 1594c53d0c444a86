#include "engine/run/error_codes.h"

#include <stdio.h>

#include "base/attr.h"
#include "base/limits.h"
#include "engine/plan/fields.h"

enum { CODES_MOST = 64, EXITS = 256, SIGNALS = 65 };

const struct error_code error_codes[] = {
	{"timeout", ERROR_RETRIED, "timeout"},
	{"start_timeout", ERROR_RETRIED, "timeout"},
	{"heartbeat_timeout", ERROR_RETRIED, "timeout"},
	{"exit_N", ERROR_RETRIED, "crash"},
	{"signal_N", ERROR_RETRIED, "crash"},
	{"oom", ERROR_RETRIED, "resource"},
	{"pids", ERROR_RETRIED, "resource"},
	{"output_too_large", ERROR_RETRIED, "resource"},
	{"artifacts_too_large", ERROR_RETRIED, "resource"},
	{"invalid_output", ERROR_RETRIED, NULL},
	{"sandbox", ERROR_RETRIED, NULL},
	{"delivery_failed", ERROR_RETRIED, NULL},
	{"failed", ERROR_RETRIED, NULL},
	{"child_failed", ERROR_RETRIED, NULL},
	{"lost", ERROR_UNCOUNTED, NULL},
	{"template_error", ERROR_FINAL, NULL},
	{"invalid_input", ERROR_FINAL, NULL},
	{"agent_missing", ERROR_FINAL, NULL},
	{"action_missing", ERROR_FINAL, NULL},
	{"unknown_rule", ERROR_FINAL, NULL},
	{"workspace_denied", ERROR_FINAL, NULL},
	{"workspace_not_found", ERROR_FINAL, NULL},
	{"workspace_unreadable", ERROR_FINAL, NULL},
	{"approval_void", ERROR_FINAL, NULL},
	{"approval_missing", ERROR_FINAL, NULL},
	{"child_cancelled", ERROR_FINAL, NULL},
	{"workflow_missing", ERROR_FINAL, NULL},
	{"workflow_archived", ERROR_FINAL, NULL},
	{"workflow_invalid", ERROR_FINAL, NULL},
	{"too_deep", ERROR_FINAL, NULL},
	{"too_many_runs", ERROR_FINAL, NULL},
	{"queue_timeout", ERROR_FINAL, NULL},
	{"total_timeout", ERROR_FINAL, NULL},
	{"cancelled", ERROR_STOPPED, NULL},
	{"run_timeout", ERROR_STOPPED, NULL},
	{"resolved_failed", ERROR_NODE, NULL},
	{"given", ERROR_STOPPED, NULL},
	{"concurrency_skipped", ERROR_NODE, NULL},
	{"rejected", ERROR_NODE, NULL},
	{"approval_expired", ERROR_NODE, NULL},
	{"wait_timeout", ERROR_NODE, NULL},
	{"item_failed", ERROR_NODE, NULL},
	{"too_many_items", ERROR_NODE, NULL},
	{"upstream_failed", ERROR_NODE, NULL},
	{"node_failed", ERROR_NODE, NULL},
	{"quarantined", ERROR_NODE, NULL},
};
const size_t n_error_codes = ARRAY_LEN(error_codes);
_Static_assert(ARRAY_LEN(error_codes) < CODES_MOST, "room for the names");

/* "exit_3" fits "exit_N". */
static bool is_numbered(struct str code, const char *name)
{
	struct str head = str_of(name);
	head.n--;
	if (head.p[head.n] != 'N' || !str_starts(code, head) || code.n == head.n ||
	    code.n > head.n + 3)
		return false;
	for (size_t i = head.n; i < code.n; i++)
		if (code.p[i] < '0' || code.p[i] > '9')
			return false;
	return true;
}

const struct error_code *error_code_find(struct str code)
{
	for (size_t i = 0; i < n_error_codes; i++)
		if (str_eqz(code, error_codes[i].name) || is_numbered(code, error_codes[i].name))
			return &error_codes[i];
	return NULL;
}

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

bool error_code_is_agents(struct str code)
{
	if (code.n == 0 || code.n > LIMIT_AGENT_CODE_BYTES || !is_capital(code.p[0]))
		return false;
	for (size_t i = 1; i < code.n; i++) {
		char c = code.p[i];
		if (!is_capital(c) && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '.' && c != '-')
			return false;
	}
	return true;
}

/* '*' stands for any characters. */
static bool glob(struct str pattern, struct str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;
	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n && pattern.p[p] == text.p[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

bool error_code_matches(struct str entry, struct str code)
{
	const struct error_code *known = error_code_find(code);
	if (known &&
	    (str_eqz(entry, known->name) || (known->class && str_eqz(entry, known->class))))
		return true;
	return glob(entry, code);
}

static bool matches_numbered(struct str entry, const char *head, int n)
{
	char code[16];
	for (int i = 1; i < n; i++) {
		int length = snprintf(code, sizeof(code), "%s%d", head, i);
		if (glob(entry, str_n(code, (size_t)length)))
			return true;
	}
	return false;
}

static bool matches_any(struct str entry)
{
	for (size_t i = 0; i < n_error_codes; i++)
		if (error_codes[i].kind == ERROR_RETRIED &&
		    ((error_codes[i].class && str_eqz(entry, error_codes[i].class)) ||
		     glob(entry, str_of(error_codes[i].name))))
			return true;
	return matches_numbered(entry, "exit_", EXITS) ||
	       matches_numbered(entry, "signal_", SIGNALS);
}

static const char *nearest(struct str entry)
{
	const char *names[CODES_MOST * 2];
	size_t n = 0;
	for (size_t i = 0; i < n_error_codes; i++) {
		if (error_codes[i].kind != ERROR_RETRIED)
			continue;
		names[n++] = error_codes[i].name;
		if (error_codes[i].class)
			names[n++] = error_codes[i].class;
	}
	return fields_nearest(entry, names, n);
}

/* What is wrong with a code that is known and yet is nothing to retry on. */
static const char *not_retried(enum error_kind kind)
{
	switch (kind) {
	case ERROR_FINAL:
		return "is never tried again: no other attempt can go better";
	case ERROR_UNCOUNTED:
		return "is told of attempts that drover lost by ending itself; they are made "
		       "again whatever is said here";
	case ERROR_STOPPED:
		return "is told when the run is stopped; then nothing is tried again";
	case ERROR_NODE:
		return "is no error of an attempt";
	case ERROR_RETRIED:
		break;
	}
	return NULL;
}

const char *error_code_judge_entry(struct str entry, const char **hint)
{
	*hint = NULL;
	if (entry.n == 0 || entry.n > LIMIT_AGENT_CODE_BYTES)
		return "must be an error code, such as \"timeout\", \"exit_1\" or \"exit_*\"";
	if (is_capital(entry.p[0]) || matches_any(entry))
		return NULL;
	const struct error_code *known = error_code_find(entry);
	if (known && known->kind != ERROR_RETRIED)
		return not_retried(known->kind);
	*hint = nearest(entry);
	return "is no error code of drover; an agent's own begin with a capital letter";
}
