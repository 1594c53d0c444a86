#include "text/yaml_places.h"

#include <stdio.h>

#include "base/map.h"
#include "text/yaml.h"

struct entry {
	uint64_t path;
	int line, column; /* line 0: free */
};

struct yaml_places {
	struct arena *arena;
	struct entry *entries;
	size_t n, cap; /* cap is a power of two */
};

/* FNV-1a: can be continued byte by byte, which is all that is needed. */
static uint64_t more(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

static uint64_t more_str(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = more(h, s.p[i]);
	return h;
}

uint64_t yaml_path_member(uint64_t parent, struct str key)
{
	return more_str(parent == YAML_PATH_ROOT ? parent : more(parent, '.'), key);
}

uint64_t yaml_path_item(uint64_t parent, size_t index)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "[%zu]", index);
	return more_str(parent, str_n(text, (size_t)n));
}

struct yaml_places *yaml_places_new(struct arena *a)
{
	struct yaml_places *p = ARENA_NEW(a, struct yaml_places);
	p->arena = a;
	return p;
}

static struct entry *find(const struct yaml_places *p, uint64_t path)
{
	size_t mask = p->cap - 1;
	for (size_t i = map_hash(str_n((const char *)&path, sizeof(path))) & mask;;
	     i = (i + 1) & mask)
		if (p->entries[i].line == 0 || p->entries[i].path == path)
			return &p->entries[i];
}

static void grow(struct yaml_places *p)
{
	struct yaml_places old = *p;
	p->cap = old.cap ? old.cap * 2 : 64;
	p->entries = ARENA_NEW_ARRAY(p->arena, struct entry, p->cap);
	for (size_t i = 0; i < old.cap; i++)
		if (old.entries[i].line)
			*find(p, old.entries[i].path) = old.entries[i];
}

void yaml_places_note(struct yaml_places *p, uint64_t path, int line, int column)
{
	if ((p->n + 1) * 4 > p->cap * 3)
		grow(p);
	struct entry *e = find(p, path);
	if (e->line)
		return;
	*e = (struct entry){path, line, column};
	p->n++;
}

bool yaml_place(const struct yaml_places *p, const char *path, int *ret_line, int *ret_column)
{
	if (!p || p->n == 0)
		return false;
	uint64_t h = YAML_PATH_ROOT;
	const struct entry *nearest = find(p, h);
	for (const char *at = path;; at++) {
		if (*at == '.' || *at == '[' || *at == '\0') {
			const struct entry *e = find(p, h);
			nearest = e->line ? e : nearest;
		}
		if (*at == '\0')
			break;
		h = more(h, *at);
	}
	*ret_line = nearest->line;
	*ret_column = nearest->column;
	return nearest->line != 0;
}

void yaml_place_findings(const struct yaml_places *p, struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct diag_finding *f = &d->findings[i];
		if (f->line == 0)
			yaml_place(p, f->path, &f->line, &f->column);
	}
}
