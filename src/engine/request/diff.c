#include "engine/request/diff.h"

#include "base/map.h"
#include "json/write.h"

enum { SHOWN_BYTES = 120 };

/* ---- fields ---- */

static bool plain_key(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return key.n > 0;
}

static struct str field_path(struct arena *a, struct str above, struct str key)
{
	CLEANUP_BUF struct buf text = {0};
	if (plain_key(key))
		return str_of(arena_printf(a, "%.*s%s%.*s", STR_ARG(above), above.n ? "." : "",
					   STR_ARG(key)));
	const struct value v = value_str(key);
	buf_printf(&text, "%.*s[", STR_ARG(above));
	json_write(&text, &v);
	buf_putc(&text, ']');
	return arena_str(a, buf_str(&text));
}

static void add_field(struct arena *a, struct value *list, struct str path,
		      const struct value *from, const struct value *to)
{
	struct value f = value_object(a, 3);
	value_putz(a, &f, "field", value_str(path));
	if (from)
		value_putz(a, &f, "from", *from);
	if (to)
		value_putz(a, &f, "to", *to);
	value_push(a, list, f);
}

static void compare(struct arena *a, struct str above, const struct value *from,
		    const struct value *to, struct value *list);

static void compare_member(struct arena *a, struct str above, struct str key,
			   const struct value *from, const struct value *to, struct value *list)
{
	struct str path = field_path(a, above, key);
	if (value_is(from, VALUE_OBJECT) && value_is(to, VALUE_OBJECT))
		compare(a, path, from, to, list);
	else if (!from || !to || !value_equal(from, to))
		add_field(a, list, path, from, to);
}

/* Depth is that of a parsed document. */
static void compare(struct arena *a, struct str above, const struct value *from,
		    const struct value *to, struct value *list)
{
	for (uint32_t i = 0; value_is(from, VALUE_OBJECT) && i < from->n; i++) {
		struct str key = from->members[i].key;
		compare_member(a, above, key, &from->members[i].value, value_get(to, key), list);
	}
	for (uint32_t i = 0; value_is(to, VALUE_OBJECT) && i < to->n; i++) {
		struct str key = to->members[i].key;
		if (!value_get(from, key))
			compare_member(a, above, key, NULL, &to->members[i].value, list);
	}
}

struct value diff_fields(struct arena *a, const struct value *from, const struct value *to)
{
	struct value list = value_array(a, 0);
	compare(a, (struct str){0}, from, to, &list);
	return list;
}

/* ---- definitions ---- */

/* The definition without its nodes. */
static struct value head_of(struct arena *a, const struct value *definition)
{
	struct value head = value_object(a, 8);
	for (uint32_t i = 0; value_is(definition, VALUE_OBJECT) && i < definition->n; i++)
		if (!str_eqz(definition->members[i].key, "nodes"))
			value_put(a, &head, definition->members[i].key,
				  definition->members[i].value);
	return head;
}

struct nodes {
	const struct value *list;
	struct map by_id; /* id -> struct value */
};

static void nodes_open(struct nodes *n, const struct value *definition)
{
	static const struct value none = {.kind = VALUE_ARRAY};
	const struct value *list = value_getz(definition, "nodes");
	*n = (struct nodes){.list = value_is(list, VALUE_ARRAY) ? list : &none};
	for (uint32_t i = 0; i < n->list->n; i++)
		map_put(&n->by_id, value_text(value_getz(&n->list->items[i], "id")),
			(void *)(uintptr_t)&n->list->items[i]);
}

static void nodes_close(struct nodes *n)
{
	map_free(&n->by_id);
}
#define CLEANUP_NODES CLEANUP(nodes_close)

static struct str id_at(const struct nodes *n, uint32_t i)
{
	return value_text(value_getz(&n->list->items[i], "id"));
}

/* The ids that only `n` has. */
static struct value only_in(struct arena *a, const struct nodes *n, const struct nodes *other)
{
	struct value ids = value_array(a, 0);
	for (uint32_t i = 0; i < n->list->n; i++)
		if (!map_get(&other->by_id, id_at(n, i)))
			value_push(a, &ids, value_str(id_at(n, i)));
	return ids;
}

static struct value changed(struct arena *a, const struct nodes *from, const struct nodes *to)
{
	struct value list = value_array(a, 0);
	for (uint32_t i = 0; i < from->list->n; i++) {
		const struct value *old = &from->list->items[i];
		const struct value *new = map_get(&to->by_id, id_at(from, i));
		struct value fields = new ? diff_fields(a, old, new) : value_array(a, 0);
		if (fields.n == 0)
			continue;
		struct value node = value_object(a, 2);
		value_putz(a, &node, "id", value_str(id_at(from, i)));
		value_putz(a, &node, "fields", fields);
		value_push(a, &list, node);
	}
	return list;
}

/* Whether the nodes that both have stand in another order. */
static bool reordered(const struct nodes *from, const struct nodes *to)
{
	uint32_t k = 0;
	for (uint32_t i = 0; i < from->list->n; i++) {
		if (!map_get(&to->by_id, id_at(from, i)))
			continue;
		while (!map_get(&from->by_id, id_at(to, k)))
			k++;
		if (!str_eq(id_at(from, i), id_at(to, k++)))
			return true;
	}
	return false;
}

struct value diff_definitions(struct arena *a, const struct value *from, const struct value *to)
{
	struct nodes old CLEANUP_NODES, new CLEANUP_NODES;
	nodes_open(&old, from);
	nodes_open(&new, to);
	struct value head_from = head_of(a, from), head_to = head_of(a, to);
	struct value workflow = diff_fields(a, &head_from, &head_to);
	struct value added = only_in(a, &new, &old), removed = only_in(a, &old, &new);
	struct value fields = changed(a, &old, &new);
	bool order = reordered(&old, &new);
	bool same = workflow.n + added.n + removed.n + fields.n == 0 && !order;
	struct value nodes = value_object(a, 4), diff = value_object(a, 3);
	value_putz(a, &nodes, "added", added);
	value_putz(a, &nodes, "removed", removed);
	value_putz(a, &nodes, "changed", fields);
	value_putz(a, &nodes, "reordered", value_bool(order));
	value_putz(a, &diff, "same", value_bool(same));
	value_putz(a, &diff, "workflow", workflow);
	value_putz(a, &diff, "nodes", nodes);
	return diff;
}

/* ---- lines ---- */

/* JSON in short; a long value is cut between characters. */
static void put_value(struct buf *out, const struct value *v)
{
	CLEANUP_BUF struct buf text = {0};
	json_write(&text, v);
	size_t n = text.n;
	if (n > SHOWN_BYTES) {
		n = SHOWN_BYTES;
		while (n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
			n--;
	}
	buf_put_str(out, str_n(text.p, n));
	if (n < text.n)
		buf_puts(out, "…");
}

static void put_field(struct buf *out, const char *indent, const struct value *f)
{
	const struct value *from = value_getz(f, "from"), *to = value_getz(f, "to");
	struct str path = value_text(value_getz(f, "field"));
	buf_printf(out, "%s%c %.*s: ", indent, !from ? '+' : !to ? '-' : '~', STR_ARG(path));
	if (from)
		put_value(out, from);
	if (from && to)
		buf_puts(out, " -> ");
	if (to)
		put_value(out, to);
	buf_putc(out, '\n');
}

static void put_ids(struct buf *out, char sign, const struct value *ids)
{
	for (uint32_t i = 0; value_is(ids, VALUE_ARRAY) && i < ids->n; i++)
		buf_printf(out, "%c node %.*s\n", sign, STR_ARG(value_text(&ids->items[i])));
}

void diff_text(const struct value *diff, struct buf *out)
{
	const struct value *workflow = value_getz(diff, "workflow");
	const struct value *nodes = value_getz(diff, "nodes");
	const struct value *list = value_getz(nodes, "changed");
	const struct value *order = value_getz(nodes, "reordered");
	for (uint32_t i = 0; value_is(workflow, VALUE_ARRAY) && i < workflow->n; i++)
		put_field(out, "", &workflow->items[i]);
	put_ids(out, '-', value_getz(nodes, "removed"));
	put_ids(out, '+', value_getz(nodes, "added"));
	for (uint32_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n; i++) {
		const struct value *fields = value_getz(&list->items[i], "fields");
		struct str id = value_text(value_getz(&list->items[i], "id"));
		buf_printf(out, "~ node %.*s\n", STR_ARG(id));
		for (uint32_t k = 0; value_is(fields, VALUE_ARRAY) && k < fields->n; k++)
			put_field(out, "    ", &fields->items[k]);
	}
	if (value_is(order, VALUE_BOOL) && order->b)
		buf_puts(out, "~ the order of nodes\n");
}
