#include "glob.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "limits.h"

enum kind {
	LITERAL,
	ANY,
	CLASS,
	STAR,
	NEVER, /* a bracket that does not close */
	DIRS,  /* zero or more whole components; DIRS_BODY follows it */
	DIRS_BODY,
	REST, /* one byte or more of anything; REST_BODY follows it */
	REST_BODY,
};

struct glob_token {
	enum kind kind;
	unsigned char c;
	const uint8_t *set; /* 32 bytes */
};

struct compiler {
	struct arena *arena;
	struct str p;
	size_t at;
	struct glob_token *tokens;
	size_t n;
	bool full;
};

static void emit(struct compiler *c, struct glob_token t)
{
	if (c->n >= LIMIT_SCAN_GLOB_TOKENS) {
		c->full = true;
		return;
	}
	c->tokens[c->n++] = t;
}

static const struct {
	const char *name;
	int (*is)(int);
} classes[] = {
	{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
	{"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
	{"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
};

static void set_add(uint8_t *set, unsigned char b)
{
	set[b >> 3] = (uint8_t)(set[b >> 3] | 1u << (b & 7));
}

/* "[:name:]" at i (behind the first bracket); its length, or 0. */
static size_t named_class(struct str p, size_t i, uint8_t *set)
{
	for (size_t k = 0; k < ARRAY_LEN(classes); k++) {
		size_t len = strlen(classes[k].name);
		if (p.n - i < len + 4 || memcmp(p.p + i + 2, classes[k].name, len) != 0 ||
		    memcmp(p.p + i + 2 + len, ":]", 2) != 0)
			continue;
		for (int b = 0; b < 256; b++)
			if (classes[k].is(b))
				set_add(set, (unsigned char)b);
		return len + 4;
	}
	return 0;
}

/* One byte of a bracket at *i, backslash undone. */
static int bracket_byte(struct str p, size_t *i)
{
	if (p.p[*i] == '\\')
		(*i)++;
	return *i < p.n ? (unsigned char)p.p[(*i)++] : -1;
}

/* The bracket expression that opens at c->at; false when it does not close. */
static bool bracket(struct compiler *c)
{
	struct str p = c->p;
	size_t i = c->at + 1;
	uint8_t *set = arena_alloc0(c->arena, 32);
	bool negate = i < p.n && (p.p[i] == '!' || p.p[i] == '^');
	i += negate;
	for (bool first = true; i < p.n && (first || p.p[i] != ']'); first = false) {
		if (p.p[i] == '[' && i + 1 < p.n && p.p[i + 1] == ':') {
			size_t len = named_class(p, i, set);
			if (len > 0) {
				i += len;
				continue;
			}
		}
		int low = bracket_byte(p, &i), high = low;
		if (i + 1 < p.n && p.p[i] == '-' && p.p[i + 1] != ']') {
			i++;
			high = bracket_byte(p, &i);
		}
		for (int b = low; low >= 0 && b <= high; b++)
			set_add(set, (unsigned char)b);
	}
	if (i >= p.n)
		return false;
	for (int k = 0; negate && k < 32; k++)
		set[k] = (uint8_t)~set[k];
	set['/' >> 3] = (uint8_t)(set['/' >> 3] & ~(1u << ('/' & 7)));
	emit(c, (struct glob_token){.kind = CLASS, .set = set});
	c->at = i + 1;
	return true;
}

static void stars(struct compiler *c)
{
	size_t from = c->at;
	while (c->at < c->p.n && c->p.p[c->at] == '*')
		c->at++;
	bool at_start = from == 0 || c->p.p[from - 1] == '/';
	bool at_end = c->at == c->p.n;
	if (c->at - from == 2 && at_start && !at_end && c->p.p[c->at] == '/') {
		c->at++;
		emit(c, (struct glob_token){.kind = DIRS});
		emit(c, (struct glob_token){.kind = DIRS_BODY});
	} else if (c->at - from == 2 && from > 0 && at_start && at_end) {
		emit(c, (struct glob_token){.kind = REST});
		emit(c, (struct glob_token){.kind = REST_BODY});
	} else {
		emit(c, (struct glob_token){.kind = STAR});
	}
}

static void literal(struct compiler *c)
{
	if (c->p.p[c->at] == '\\')
		c->at++;
	if (c->at == c->p.n) {
		emit(c, (struct glob_token){.kind = NEVER});
		return;
	}
	emit(c, (struct glob_token){.kind = LITERAL, .c = (unsigned char)c->p.p[c->at++]});
}

static void find_fast_path(struct arena *a, struct glob *g)
{
	size_t n_wild = 0;
	for (size_t i = 0; i < g->n; i++)
		n_wild += g->tokens[i].kind != LITERAL;
	g->is_literal = n_wild == 0;
	g->is_suffix = n_wild == 1 && g->n > 0 && g->tokens[0].kind == STAR;
	if (!g->is_literal && !g->is_suffix)
		return;
	size_t skip = g->is_suffix ? 1 : 0;
	char *z = arena_alloc(a, g->n + 1);
	for (size_t i = skip; i < g->n; i++)
		z[i - skip] = (char)g->tokens[i].c;
	g->literal = str_n(z, g->n - skip);
}

bool glob_compile(struct arena *a, struct str pattern, struct glob *ret)
{
	if (pattern.n > LIMIT_SCAN_GLOB_TOKENS)
		return false;
	struct compiler c = {.arena = a, .p = pattern};
	c.tokens = ARENA_NEW_ARRAY(a, struct glob_token, pattern.n * 2 + 2);
	while (c.at < pattern.n && !c.full) {
		char b = pattern.p[c.at];
		if (b == '*') {
			stars(&c);
		} else if (b == '?') {
			emit(&c, (struct glob_token){.kind = ANY});
			c.at++;
		} else if (b != '[') {
			literal(&c);
		} else if (!bracket(&c)) {
			emit(&c, (struct glob_token){.kind = NEVER});
			break;
		}
	}
	*ret = (struct glob){.tokens = c.tokens, .n = c.n};
	find_fast_path(a, ret);
	return !c.full;
}

/* Enters state i and all that is reached from it without a byte. */
static void enter(const struct glob *g, uint8_t *states, size_t i)
{
	for (;;) {
		states[i] = 1;
		if (i == g->n)
			return;
		enum kind k = g->tokens[i].kind;
		if (k == STAR || k == REST_BODY)
			i += 1;
		else if (k == DIRS)
			i += 2;
		else
			return;
	}
}

static void step(const struct glob *g, uint8_t *next, size_t i, unsigned char b)
{
	const struct glob_token *t = &g->tokens[i];
	switch (t->kind) {
	case LITERAL:
		if (t->c == b)
			enter(g, next, i + 1);
		break;
	case ANY:
		if (b != '/')
			enter(g, next, i + 1);
		break;
	case CLASS:
		if (t->set[b >> 3] >> (b & 7) & 1)
			enter(g, next, i + 1);
		break;
	case STAR:
		if (b != '/')
			enter(g, next, i);
		break;
	case NEVER:
		break;
	case DIRS:
		enter(g, next, b == '/' ? i : i + 1);
		break;
	case DIRS_BODY:
		enter(g, next, b == '/' ? i - 1 : i);
		break;
	case REST:
		enter(g, next, i + 1);
		break;
	case REST_BODY:
		enter(g, next, i);
		break;
	}
}

bool glob_match(const struct glob *g, struct str path)
{
	if (g->is_literal)
		return str_eq(path, g->literal);
	if (g->is_suffix)
		return str_ends(path, g->literal) && !memchr(path.p, '/', path.n - g->literal.n);
	uint8_t a[LIMIT_SCAN_GLOB_TOKENS + 1], b[LIMIT_SCAN_GLOB_TOKENS + 1];
	uint8_t *now = a, *next = b;
	memset(now, 0, g->n + 1);
	enter(g, now, 0);
	for (size_t k = 0; k < path.n; k++) {
		memset(next, 0, g->n + 1);
		for (size_t i = 0; i < g->n; i++)
			if (now[i])
				step(g, next, i, (unsigned char)path.p[k]);
		uint8_t *swap = now;
		now = next;
		next = swap;
	}
	return now[g->n] != 0;
}
