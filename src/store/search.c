#include "store/search.h"

#include <string.h>

static void fold(const char *from, char *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)from[i];
		to[i] = (char)(c + (unsigned char)((c >= 'A') & (c <= 'Z')) * ('a' - 'A'));
	}
}

void search_begin(struct search *s, struct arena *a, struct str text, struct buf *folded)
{
	s->folded = folded;
	char *p = arena_alloc(a, text.n + 1);
	fold(text.p, p, text.n);
	s->text = str_n(p, text.n);
}

bool search_in(const struct search *s, struct str hay)
{
	if (s->text.n == 0)
		return true;
	if (hay.n < s->text.n)
		return false;
	buf_clear(s->folded);
	buf_reserve(s->folded, hay.n);
	fold(hay.p, s->folded->p, hay.n);
	return memmem(s->folded->p, hay.n, s->text.p, s->text.n) != NULL;
}
