/* The rules: a constant table, generated from rules.txt. Ids are stable and never reused. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };

enum category {
	CATEGORY_SECRETS,
	CATEGORY_INJECTION,
	CATEGORY_XSS,
	CATEGORY_CRYPTO,
	CATEGORY_DANGEROUS,
	CATEGORY_COUNT,
};

enum rule_where {
	RULE_ANY,  /* also in comments */
	RULE_TEXT, /* not in a comment */
	RULE_CODE, /* nor in a string */
};

enum rule_filter {
	RULE_FILTER_NONE,
	RULE_FILTER_PASSWORD,
	RULE_FILTER_TOKEN,
	RULE_FILTER_URL,
	RULE_FILTER_PEM,
	RULE_FILTER_CONFIG,
	RULE_FILTER_INTERPOLATED,
};

struct rule {
	const char *id;
	enum severity severity;
	enum category category;
	uint32_t langs; /* LANG_BIT()s */
	const char *title, *mend;
	const char *pattern;
	const char *unless; /* or NULL */
	bool nocase;
	int secret; /* the group that is the secret; 0 is the whole match */
	enum rule_where where;
	enum rule_filter filter;
	const char *const *needs; /* NULL-terminated */
};

extern const struct rule rules_table[];
extern const size_t rules_count;
enum { RULES_MOST = 128 }; /* rules_count is below (checked when it is generated) */

const char *rules_severity_name(enum severity s);
const char *rules_category_name(enum category c);
