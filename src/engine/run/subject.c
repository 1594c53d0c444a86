#include "engine/run/subject.h"

#include <string.h>

#include "base/limits.h"

/* Takes the first token off; false when there is none left. */
static bool next(struct str *rest, bool *more, struct str *ret)
{
	if (!*more)
		return false;
	const char *dot = rest->n ? memchr(rest->p, '.', rest->n) : NULL;
	*more = dot != NULL;
	*ret = str_n(rest->p, dot ? (size_t)(dot - rest->p) : rest->n);
	if (dot)
		*rest = str_n(dot + 1, rest->n - ret->n - 1);
	return true;
}

static bool token_valid(struct str token, bool pattern, bool last)
{
	if (token.n == 0)
		return false;
	if (pattern && (str_eqz(token, "*") || str_eqz(token, ">")))
		return token.p[0] == '*' || last;
	for (size_t i = 0; i < token.n; i++) {
		unsigned char c = (unsigned char)token.p[i];
		if (c <= ' ' || c == 0x7f || c == '*' || c == '>')
			return false;
	}
	return true;
}

bool subject_valid(struct str subject, bool pattern)
{
	struct str token;
	bool more = true;
	if (subject.n > LIMIT_SUBJECT_BYTES)
		return false;
	while (next(&subject, &more, &token))
		if (!token_valid(token, pattern, !more))
			return false;
	return true;
}

bool subject_match(struct str pattern, struct str text)
{
	struct str want, have;
	bool more_pattern = true, more_text = true;
	while (next(&pattern, &more_pattern, &want)) {
		if (!next(&text, &more_text, &have))
			return false;
		if (str_eqz(want, ">"))
			return true;
		if (!str_eqz(want, "*") && !str_eq(want, have))
			return false;
	}
	return !more_text;
}
