#define PCRE2_CODE_UNIT_WIDTH 8
#include "patterns.h"

#include <pcre2.h>

#include "base/fault.h"
#include "base/mem.h"
#include "limits.h"

enum { GROUPS_MOST = 16 };

struct patterns {
	pcre2_code *match[RULES_MOST];
	pcre2_code *unless[RULES_MOST];
	pcre2_match_context *context;
	pcre2_match_data *data;
};

struct patterns *patterns_new(void)
{
	struct patterns *p = NEW0(struct patterns);
	p->context = pcre2_match_context_create(NULL);
	p->data = pcre2_match_data_create(GROUPS_MOST, NULL);
	if (!p->context || !p->data)
		fault_fatal("out of memory");
	pcre2_set_match_limit(p->context, LIMIT_SCAN_MATCH_STEPS);
	return p;
}

struct patterns *patterns_free(struct patterns *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < RULES_MOST; i++) {
		pcre2_code_free(p->match[i]);
		pcre2_code_free(p->unless[i]);
	}
	pcre2_match_context_free(p->context);
	pcre2_match_data_free(p->data);
	free(p);
	return NULL;
}

static pcre2_code *compile(const char *pattern, bool nocase)
{
	int code = 0;
	size_t offset = 0;
	uint32_t options = nocase ? PCRE2_CASELESS : 0;
	pcre2_code *c = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code,
				      &offset, NULL);
	if (!c)
		fault_fatal("pattern \"%s\": error %d at %zu", pattern, code, offset);
	/* without the just-in-time compiler (a sandbox may forbid it) it is slower, no more */
	pcre2_jit_compile(c, PCRE2_JIT_COMPLETE);
	return c;
}

static uint32_t match_options(const struct patterns_subject *s)
{
	return (s->cut_start ? PCRE2_NOTBOL : 0u) | (s->cut_end ? PCRE2_NOTEOL : 0u);
}

enum patterns_result patterns_find(struct patterns *p, size_t rule,
				   const struct patterns_subject *s, size_t from,
				   struct patterns_match *ret)
{
	const struct rule *r = &rules_table[rule];
	if (!p->match[rule])
		p->match[rule] = compile(r->pattern, r->nocase);
	int rc = pcre2_match(p->match[rule], (PCRE2_SPTR)s->text.p, s->text.n, from,
			     match_options(s), p->data, p->context);
	if (rc < 0)
		return rc == PCRE2_ERROR_NOMATCH ? PATTERNS_NONE : PATTERNS_GAVE_UP;
	const size_t *o = pcre2_get_ovector_pointer(p->data);
	int n = rc == 0 ? GROUPS_MOST : rc;
	int secret = r->secret < n && o[2 * r->secret] != PCRE2_UNSET ? r->secret : 0;
	*ret = (struct patterns_match){.start = o[0], .end = o[1]};
	ret->secret_start = o[2 * secret];
	ret->secret_end = o[2 * secret + 1];
	return PATTERNS_FOUND;
}

bool patterns_unless(struct patterns *p, size_t rule, const struct patterns_subject *s)
{
	const struct rule *r = &rules_table[rule];
	if (!r->unless)
		return false;
	if (!p->unless[rule])
		p->unless[rule] = compile(r->unless, r->nocase);
	return pcre2_match(p->unless[rule], (PCRE2_SPTR)s->text.p, s->text.n, 0, match_options(s),
			   p->data, p->context) >= 0;
}
