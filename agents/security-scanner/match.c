#include "match.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "filters.h"
#include "lang.h"
#include "lexer.h"
#include "limits.h"
#include "patterns.h"
#include "prefilter.h"
#include "redact.h"

struct rule_progress {
	size_t seen_until;  /* hits before it lie in a window that was searched */
	size_t match_until; /* end of the last match */
	size_t line_start;  /* of the last match's line */
	unsigned on_line;   /* findings there */
};

struct file {
	enum lang lang;
	struct str shown, text;
	size_t line_start, line_end; /* of the last hit */
	bool has_line;
	size_t counted_at; /* text offset whose line number is known */
	uint64_t counted;
	struct lexer lexer;
	bool gave_up;
};

struct matcher {
	struct matcher_options options;
	struct findings *to;
	struct patterns *patterns;
	struct redact *redact;
	struct prefilter *filters[LANG_COUNT];
	struct rule_progress progress[RULES_MOST];
	struct file file;
};

struct matcher *matcher_new(const struct matcher_options *o, struct findings *to)
{
	struct matcher *m = NEW0(struct matcher);
	m->options = *o;
	m->to = to;
	m->patterns = patterns_new();
	m->redact = redact_new(m->patterns);
	return m;
}

struct matcher *matcher_free(struct matcher *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < LANG_COUNT; i++)
		prefilter_free(m->filters[i]);
	redact_free(m->redact);
	patterns_free(m->patterns);
	free(m);
	return NULL;
}

static bool is_wanted(const struct matcher *m, size_t rule, enum lang lang)
{
	const struct rule *r = &rules_table[rule];
	return m->options.categories[r->category] && r->severity >= m->options.least &&
	       (m->options.every_language || (r->langs & LANG_BIT(lang)));
}

static const struct prefilter *filter_for(struct matcher *m, enum lang lang)
{
	if (!m->filters[lang]) {
		bool wanted[RULES_MOST] = {false};
		for (size_t i = 0; i < rules_count; i++)
			wanted[i] = is_wanted(m, i, lang);
		m->filters[lang] = prefilter_new(wanted);
	}
	return m->filters[lang];
}

static void find_line(struct file *f, size_t at)
{
	if (f->has_line && at >= f->line_start && at < f->line_end)
		return;
	const char *p = f->text.p;
	const char *before = at > 0 ? memrchr(p, '\n', at) : NULL;
	const char *after = memchr(p + at, '\n', f->text.n - at);
	f->line_start = before ? (size_t)(before - p) + 1 : 0;
	f->line_end = after ? (size_t)(after - p) : f->text.n;
	if (f->line_end > f->line_start && p[f->line_end - 1] == '\r')
		f->line_end--;
	f->has_line = true;
}

static uint64_t newlines(const char *p, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += p[i] == '\n';
	return sum;
}

static uint64_t line_number(struct file *f, size_t at)
{
	if (at >= f->counted_at)
		f->counted += newlines(f->text.p + f->counted_at, at - f->counted_at);
	else
		f->counted -= newlines(f->text.p + at, f->counted_at - at);
	f->counted_at = at;
	return f->counted + 1;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* Whether the place is one where the rule holds (comments, strings). */
static bool holds_at(struct file *f, const struct rule *r, size_t window_start, size_t at)
{
	if (r->where == RULE_ANY)
		return true;
	const char *p = f->text.p;
	/* a pattern may begin with the byte before the word it is about */
	if (!is_word(p[at]) && (r->where == RULE_CODE || !strchr("\"'`<", p[at])))
		at++;
	lexer_advance(&f->lexer, p, f->text.n, window_start);
	struct lexer x = f->lexer;
	lexer_advance(&x, p, f->text.n, at);
	if (x.state == LEXER_LINE_COMMENT || x.state == LEXER_BLOCK_COMMENT)
		return false;
	if (x.state == LEXER_LONG_STRING)
		return f->lang != LANG_PY && (r->where != RULE_CODE || f->lang == LANG_JS);
	return x.state != LEXER_STRING || r->where != RULE_CODE;
}

static void report(struct matcher *m, const struct rule *r, struct rule_progress *pr, size_t at)
{
	struct file *f = &m->file;
	if (pr->on_line == 0 || pr->line_start != f->line_start) {
		pr->line_start = f->line_start;
		pr->on_line = 0;
	}
	if (pr->on_line >= LIMIT_SCAN_LINE_FINDINGS)
		return;
	pr->on_line++;
	uint64_t line = line_number(f, f->line_start);
	if (!findings_add(m->to, r, f->shown, line, at - f->line_start + 1))
		return;
	findings_settle(m->to,
			redact_excerpt(m->redact, f->text.p, f->line_start, f->line_end, at));
}

/* All matches of the rule in text[start .. end), a piece of the current line. */
static void search(struct matcher *m, size_t rule, size_t start, size_t end)
{
	struct file *f = &m->file;
	const struct rule *r = &rules_table[rule];
	struct rule_progress *pr = &m->progress[rule];
	struct patterns_subject s = {.text = str_n(f->text.p + start, end - start),
				     .cut_start = start > f->line_start,
				     .cut_end = end < f->line_end};
	struct patterns_match found;
	size_t from = pr->match_until > start ? pr->match_until - start : 0;
	enum patterns_result result = PATTERNS_NONE;
	while (from <= s.text.n &&
	       (result = patterns_find(m->patterns, rule, &s, from, &found)) == PATTERNS_FOUND) {
		from = found.end > found.start ? found.end : found.start + 1;
		pr->match_until = start + from;
		struct str after = str_n(s.text.p + found.start, f->text.n - start - found.start);
		if (filters_pass(r, f->lang, s.text, after, &found) &&
		    holds_at(f, r, start, start + found.start)) {
			if (patterns_unless(m->patterns, rule, &s))
				return;
			bool is_secret = r->category == CATEGORY_SECRETS;
			report(m, r, pr, start + (is_secret ? found.secret_start : found.start));
		}
	}
	f->gave_up |= result == PATTERNS_GAVE_UP;
}

static void on_hit(void *ctx, size_t at, size_t n, size_t rule)
{
	struct matcher *m = ctx;
	struct file *f = &m->file;
	struct rule_progress *pr = &m->progress[rule];
	if (at < pr->seen_until)
		return;
	find_line(f, at);
	if (pr->on_line >= LIMIT_SCAN_LINE_FINDINGS && pr->line_start == f->line_start) {
		pr->seen_until = f->line_end;
		return;
	}
	size_t reach = LIMIT_SCAN_WINDOW_BYTES;
	size_t start = at - f->line_start > reach ? at - reach : f->line_start;
	size_t end = f->line_end > at + n + 2 * reach ? at + n + 2 * reach : f->line_end;
	if (end < at + n) /* the literal runs into the line's end */
		return;
	pr->seen_until = end == f->line_end ? f->line_end : at + reach;
	search(m, rule, start, end);
}

static void every_line(struct matcher *m)
{
	struct file *f = &m->file;
	for (size_t at = 0; at < f->text.n; at = f->line_end + 1) {
		find_line(f, at);
		for (size_t i = 0; i < rules_count; i++)
			if (is_wanted(m, i, f->lang))
				search(m, i, f->line_start, f->line_end);
		const char *nl = memchr(f->text.p + at, '\n', f->text.n - at);
		f->line_end = nl ? (size_t)(nl - f->text.p) : f->text.n;
	}
}

bool matcher_scan(struct matcher *m, struct str shown, struct str name, struct str text)
{
	enum lang lang = lang_of(name, text);
	memset(m->progress, 0, sizeof(m->progress));
	m->file = (struct file){
		.lang = lang, .shown = shown, .text = text, .lexer = lexer_start(lang)};
	if (m->options.no_prefilter)
		every_line(m);
	else
		prefilter_run(filter_for(m, lang), text.p, text.n, on_hit, m);
	return !m->file.gave_up;
}
