#include "model/names.h"

#include "base/attr.h"

static const char *const run_names[] = {"PENDING", "RUNNING",	"WAITING_APPROVAL", "SUCCESS",
					"FAILED",  "CANCELLED", "TIMED_OUT"};
static const char *const node_names[] = {"PENDING",   "QUEUED",	  "RUNNING", "WAITING_APPROVAL",
					 "UNKNOWN",   "SUCCESS",  "FAILED",  "SKIPPED",
					 "CANCELLED", "TIMED_OUT"};
static const char *const attempt_names[] = {"QUEUED", "RUNNING",   "SUCCESS",
					    "FAILED", "CANCELLED", "TIMED_OUT"};
static const char *const approval_names[] = {"PENDING", "APPROVED", "REJECTED", "EXPIRED"};
static const char *const workflow_names[] = {"DRAFT", "ACTIVE", "ARCHIVED"};
static const char *const type_names[] = {"SCRIPT", "RULE", "API", "LLM"};
static const char *const risk_names[] = {"AUTO", "APPROVAL_REQUIRED"};
static const char *const effect_names[] = {"pure", "idempotent", "reconcilable", "irreversible"};
static const char *const retained_names[] = {"runs", "logs", "artifacts"};
static const char *const overlap_names[] = {"skip", "queue", "allow", "cancel"};

/* Index of text among n names, or -1. */
static int find(struct str text, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eqz(text, names[i]))
			return (int)i;
	return -1;
}

#define DEFINE_NAMES(type, prefix, names)                                                          \
	const char *prefix##_name(enum type v)                                                     \
	{                                                                                          \
		return names[v];                                                                   \
	}                                                                                          \
	bool prefix##_parse(struct str text, enum type *ret)                                       \
	{                                                                                          \
		int i = find(text, names, ARRAY_LEN(names));                                       \
		if (i < 0)                                                                         \
			return false;                                                              \
		*ret = (enum type)i;                                                               \
		return true;                                                                       \
	}

DEFINE_NAMES(run_status, run_status, run_names)
DEFINE_NAMES(node_status, node_status, node_names)
DEFINE_NAMES(attempt_status, attempt_status, attempt_names)
DEFINE_NAMES(approval_status, approval_status, approval_names)
DEFINE_NAMES(workflow_status, workflow_status, workflow_names)
DEFINE_NAMES(agent_type, agent_type, type_names)
DEFINE_NAMES(risk_level, risk_level, risk_names)
DEFINE_NAMES(effect, effect, effect_names)
DEFINE_NAMES(retained, retained, retained_names)
DEFINE_NAMES(schedule_overlap, schedule_overlap, overlap_names)
