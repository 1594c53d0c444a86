#include "filters.h"

#include <ctype.h>
#include <math.h>
#include <strings.h>

#include "base/attr.h"

static bool has_nocase(struct str s, const char *word)
{
	size_t n = strlen(word);
	for (size_t i = 0; i + n <= s.n; i++)
		if (strncasecmp(s.p + i, word, n) == 0)
			return true;
	return false;
}

static bool is_nocase(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* Said instead of a value. */
static const char *const placeholder_parts[] = {
	"example",     "placeholder", "changeme", "change_me", "change-me", "your_",   "your-",
	"replace",     "redacted",    "dummy",	  "xxxx",      "****",	    "....",    "<",
	">",	       "${",	      "$(",	  "{{",	       "%(",	    "%s",      "%v",
	"process.env", "os.environ",  "getenv",	  "insert_",   "todo",	    "not_set", "not-set",
	"__",	       "{}",	      "[]",	  "yourpass",
};

static bool is_placeholder(struct str v)
{
	for (size_t i = 0; i < ARRAY_LEN(placeholder_parts); i++)
		if (has_nocase(v, placeholder_parts[i]))
			return true;
	bool one_byte = true;
	for (size_t i = 1; i < v.n; i++)
		one_byte &= v.p[i] == v.p[0];
	return one_byte;
}

/* Shannon entropy in bits a byte. */
static double entropy(struct str v)
{
	unsigned count[256] = {0};
	double sum = 0;
	for (size_t i = 0; i < v.n; i++)
		count[(unsigned char)v.p[i]]++;
	for (size_t i = 0; i < 256; i++) {
		double p = (double)count[i] / (double)v.n;
		if (count[i] > 0)
			sum -= p * log2(p);
	}
	return sum;
}

struct shape {
	size_t n_digits, n_lower, n_upper, n_joints, n_special;
	bool upper_inside;
	size_t n_changes; /* between lower, upper and digit within a word */
};

static int kind_of(unsigned char c)
{
	return isdigit(c) ? 1 : islower(c) ? 2 : isupper(c) ? 3 : 0;
}

static struct shape shape_of(struct str v)
{
	struct shape s = {0};
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		int kind = kind_of(c), before = i > 0 ? kind_of((unsigned char)v.p[i - 1]) : 0;
		s.n_digits += kind == 1;
		s.n_lower += kind == 2;
		s.n_upper += kind == 3;
		s.upper_inside |= kind == 3 && i > 0;
		s.n_changes += kind != 0 && before != 0 && kind != before;
		s.n_joints += strchr("_-.:/ ", c) != NULL;
		s.n_special += kind == 0 && !strchr("_-.:/ ", c);
	}
	return s;
}

static bool is_code(enum lang lang)
{
	return (LANG_BIT(lang) & LANG_GROUP_CODE) != 0 && lang != LANG_HTML;
}

static bool password(struct str v, enum lang lang)
{
	static const char *const words[] = {"none",   "null",	  "true",     "false",	"undefined",
					    "string", "required", "optional", "bearer", "basic"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (is_nocase(v, words[i]))
			return false;
	struct shape s = shape_of(v);
	if (is_placeholder(v))
		return false;
	/* names of fields, but password123 */
	if (has_nocase(v, "password") || has_nocase(v, "passwd") || has_nocase(v, "pwd"))
		return s.n_digits > 0 && s.n_joints == 0;
	char last = v.p[v.n - 1];
	if (last == ':' || v.p[0] == '/' || v.p[0] == '.' || v.p[0] == '#' || v.p[0] == '{' ||
	    has_nocase(v, "://"))
		return false;
	if (v.p[0] == '$' || v.p[0] == '%' || v.p[0] == '@')
		return s.n_digits > 0 && s.n_special > 1;
	if (s.n_joints > 0 && s.n_digits == 0 && s.n_special == 0)
		return false;
	if (s.n_digits > 0 || s.n_special > 0)
		return s.n_lower + s.n_upper > 0 || v.n >= 6;
	if (s.upper_inside && s.n_lower > 0)
		return v.n >= 8 && is_code(lang);
	return is_code(lang) && v.n >= 8 && s.n_joints == 0;
}

static bool token(struct str v)
{
	struct shape s = shape_of(v);
	if (is_placeholder(v) || has_nocase(v, "://") || s.n_digits == 0 ||
	    s.n_lower + s.n_upper == 0)
		return false;
	return s.n_changes >= 2 && entropy(v) >= 3.0;
}

static bool url(struct str v)
{
	static const char *const words[] = {"password", "passwd", "pass",  "pwd",  "pw",
					    "secret",	"user",	  "token", "xxx",  "username",
					    "changeme", "...",	  "***",   "port", "test"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (is_nocase(v, words[i]))
			return false;
	return !is_placeholder(v) && !strchr("$%{", v.p[0]) && shape_of(v).n_digits < v.n;
}

static bool config(struct str v, enum lang lang)
{
	struct shape s = shape_of(v);
	if (s.n_digits == v.n || has_nocase(v, "://") || memchr(v.p, '=', v.n - 1) ||
	    v.p[0] == '/' || v.p[0] == '.' || v.p[0] == '~' || v.p[0] == '-')
		return false;
	if (lang == LANG_ENV)
		return password(v, LANG_C); /* nothing but values stands there */
	return password(v, LANG_YAML) && s.n_digits > 0;
}

static bool base64_run(struct str s, size_t at, size_t least)
{
	size_t n = 0;
	while (at + n < s.n && n < least &&
	       (isalnum((unsigned char)s.p[at + n]) || strchr("+/=", s.p[at + n])))
		n++;
	return n >= least;
}

/* Behind the header: a line end (real or written \n) and then something of a key. */
static bool pem(struct str after)
{
	const char *dashes = after.n > 16 ? memmem(after.p + 10, after.n - 10, "-----", 5) : NULL;
	if (!dashes)
		return false;
	size_t at = (size_t)(dashes - after.p) + 5;
	bool ended = false;
	for (size_t steps = 0; at < after.n && steps < 64; steps++) {
		char c = after.p[at];
		if (c == '\\' && at + 1 < after.n && strchr("nr", after.p[at + 1])) {
			ended = true;
			at += 2;
		} else if (strchr("\r\n", c)) {
			ended = true;
			at++;
		} else if (strchr(" \t\"'+,.*#", c)) {
			at++;
		} else {
			break;
		}
	}
	static const char *const headers[] = {"Proc-Type:", "Version:", "Comment:", "DEK-Info:"};
	for (size_t i = 0; i < ARRAY_LEN(headers); i++)
		if (at < after.n &&
		    str_starts(str_n(after.p + at, after.n - at), str_of(headers[i])))
			return true;
	return ended ? base64_run(after, at, 16) : base64_run(after, at, 40);
}

/* Whether the language would put a value in at this place. */
static bool interpolated(enum lang lang, struct str line, const struct patterns_match *m)
{
	struct str text = str_n(line.p + m->start, m->end - m->start);
	char opening = text.p[0] == 'f' ? text.p[1] : text.p[0];
	char before = m->start > 0 ? line.p[m->start - 1] : ' ';
	bool ends_with_brace = text.p[text.n - 1] == '}';
	if (lang == LANG_PY)
		return text.p[0] == 'f' && ends_with_brace;
	if (lang == LANG_JS)
		return opening == '`' && memmem(text.p, text.n, "${", 2) != NULL;
	if (lang == LANG_RUBY)
		return opening == '"' && memmem(text.p, text.n, "#{", 2) != NULL;
	if (lang == LANG_PHP)
		return opening == '"' && memchr(text.p, '$', text.n) != NULL;
	return before == '$' && ends_with_brace;
}

bool filters_pass(const struct rule *r, enum lang lang, struct str line, struct str after,
		  const struct patterns_match *m)
{
	struct str v = str_n(line.p + m->secret_start, m->secret_end - m->secret_start);
	if (v.n == 0)
		return false;
	switch (r->filter) {
	case RULE_FILTER_NONE:
		return true;
	case RULE_FILTER_PASSWORD:
		return password(v, lang);
	case RULE_FILTER_TOKEN:
		return token(v);
	case RULE_FILTER_URL:
		return url(v);
	case RULE_FILTER_PEM:
		return pem(after);
	case RULE_FILTER_CONFIG:
		return config(v, lang);
	case RULE_FILTER_INTERPOLATED:
		return interpolated(lang, line, m);
	}
	return true;
}
