#include "engine/run/each.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/emit.h"
#include "engine/run/node.h"
#include "engine/run/roots.h"
#include "engine/run/run.h"
#include "json/parse.h"

static struct each *each_of(const struct run *r, uint32_t item)
{
	ASSERT(run_is_item(r, item));
	return r->nodes[r->nodes[item].each_of - 1].each;
}

uint32_t each_number(const struct run *r, uint32_t item)
{
	return item - each_of(r, item)->first;
}

const struct value *each_item(const struct run *r, uint32_t item)
{
	const struct each *x = each_of(r, item);
	ASSERT(item - x->first < x->list.n);
	return &x->list.items[item - x->first];
}

struct str each_item_id(const struct run *r, uint32_t item)
{
	struct each *x = each_of(r, item);
	struct str *id = &x->ids[item - x->first];
	if (!id->n)
		*id = str_of(arena_printf(&x->names, "%.*s[%u]",
					  STR_ARG(r->plan->nodes[x->index].id), item - x->first));
	return *id;
}

int64_t run_find(const struct run *r, struct str id)
{
	size_t open = 0;
	uint64_t number = 0;
	while (open < id.n && id.p[open] != '[')
		open++;
	int64_t index = plan_find(r->plan, str_n(id.p, open));
	if (open == id.n)
		return index;
	if (index < 0 || open + 3 > id.n || id.p[id.n - 1] != ']' || !r->nodes[index].each)
		return -1;
	for (size_t i = open + 1; i + 1 < id.n; i++) {
		if (id.p[i] < '0' || id.p[i] > '9' || number > LIMIT_FOREACH_ITEMS)
			return -1;
		number = number * 10 + (uint64_t)(id.p[i] - '0');
	}
	const struct each *x = r->nodes[index].each;
	return number < x->n ? (int64_t)(x->first + number) : -1;
}

/* ---- expanding ---- */

struct each *each_new(struct run *r, uint32_t index, uint32_t n)
{
	struct each *x = NEW0(struct each);
	x->index = index;
	x->first = r->n_nodes;
	x->n = n;
	x->ids = NEW0_ARRAY(struct str, n ? n : 1);
	r->nodes = mem_grow(r->nodes, sizeof(*r->nodes) * (r->n_nodes + n));
	memset(&r->nodes[r->n_nodes], 0, sizeof(*r->nodes) * n);
	for (uint32_t i = x->first; i < x->first + n; i++)
		r->nodes[i].each_of = index + 1;
	r->n_nodes += n;
	r->n_unfinished += n;
	ASSERT(!r->nodes[index].each);
	r->nodes[index].each = x;
	return x;
}

void each_free(struct each *x)
{
	if (!x)
		return;
	arena_free(&x->values);
	arena_free(&x->names);
	free(x->ids);
	free(x);
}

static bool refuse(struct run *r, uint32_t index, const char *code, const char *message)
{
	node_fail(r, index, NODE_FAILED,
		  emit_error(r->engine, code, str_of(message), (struct str){0}, false), code);
	return false;
}

static bool resolve_list(struct run *r, uint32_t index, struct value *ret)
{
	struct engine *e = r->engine;
	struct roots roots = {r, index, &e->scratch};
	struct resolve_roots env = roots_env(&roots);
	struct resolve_error error;
	if (resolve_run(r->plan->nodes[index].for_each, &env, &e->scratch, ret, &error) != 0)
		return refuse(r, index, error.code, error.message);
	if (ret->kind != VALUE_ARRAY)
		return refuse(r, index, "template_error",
			      arena_printf(&e->scratch,
					   "nodes[%u].forEach: must give a list, not %s", index,
					   value_kind_name(ret)));
	if (ret->n > LIMIT_FOREACH_ITEMS)
		return refuse(r, index, "too_many_items",
			      arena_printf(&e->scratch,
					   "nodes[%u].forEach: gives %u items, %d at most", index,
					   ret->n, LIMIT_FOREACH_ITEMS));
	if (ret->n > LIMIT_RUN_NODES - r->n_nodes)
		return refuse(r, index, "too_many_items",
			      arena_printf(&e->scratch,
					   "nodes[%u].forEach: gives %u items, and a run may have "
					   "%d nodes and items in all",
					   index, ret->n, LIMIT_RUN_NODES));
	return true;
}

static void tell_expanded(const struct each *x, struct run *r)
{
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, r->plan->nodes[x->index].id);
	json_out_key(&o, "items");
	json_out_int(&o, x->n);
	emit_event_end(r, "node.expanded", &o);
}

static void go_on(struct run *r, struct each *x);

void each_begin(struct run *r, uint32_t index)
{
	struct value list;
	if (!resolve_list(r, index, &list))
		return;
	struct each *x = each_new(r, index, list.n);
	x->list = value_copy(&x->values, &list);
	node_move(&r->nodes[index], NODE_RUNNING);
	r->nodes[index].started_ms = r->engine->wall_ms;
	emit_node(r, index, (struct str){0}, (struct str){0}, (struct str){0});
	tell_expanded(x, r);
	go_on(r, x);
}

struct str each_detail(const struct run *r, uint32_t index)
{
	const struct each *x = r->nodes[index].each;
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	json_out_key(&o, "forEach");
	json_out_object(&o);
	json_out_key(&o, "first");
	json_out_int(&o, x->first);
	if (node_status_final(r->nodes[index].status)) {
		json_out_key(&o, "succeeded");
		json_out_int(&o, x->n_succeeded);
		json_out_key(&o, "failed");
		json_out_int(&o, x->n_failed);
		json_out_key(&o, "cancelled");
		json_out_int(&o, x->n_ended - x->n_succeeded - x->n_failed - x->n_dropped);
	}
	json_out_key(&o, "items");
	json_out_value(&o, &x->list);
	json_out_end(&o);
	json_out_end(&o);
	return arena_str(&pump_txn(&r->engine->pump)->arena, buf_str(&text));
}

/* ---- items that end ---- */

bool each_stops(const struct run *r, uint32_t item)
{
	return each_of(r, item)->end != EACH_GOES_ON;
}

void each_count(struct run *r, uint32_t item)
{
	const struct node *n = &r->nodes[item];
	struct each *x = each_of(r, item);
	bool failed = n->status == NODE_FAILED || n->status == NODE_TIMED_OUT;
	x->n_ended++;
	x->n_succeeded += n->status == NODE_SUCCESS;
	x->n_failed += failed;
	x->n_dropped += n->status == NODE_SKIPPED; /* by hand */
	x->output_bytes += n->output_n + 1;
	if (r->stopping != STOP_NONE || x->end != EACH_GOES_ON)
		return;
	if (failed && !run_plan_node(r, item)->items_may_fail)
		x->end = EACH_ITEM_FAILED;
	else if (x->output_bytes > LIMIT_FOREACH_OUTPUT_BYTES)
		x->end = EACH_TOO_LARGE;
}

/* What was not started never will be; what runs is stopped. */
static void stop_items(struct run *r, struct each *x)
{
	bool run_stops = r->stopping != STOP_NONE;
	if (x->stopped)
		return;
	x->stopped = true;
	for (uint32_t i = x->first; i < x->first + x->n; i++) {
		if (r->nodes[i].status == NODE_PENDING) {
			node_drop(r, i, run_stops ? NODE_CANCELLED : NODE_SKIPPED);
			x->n_dropped += !run_stops;
			x->n_started++;
			x->n_ended++;
		} else if (!node_status_final(r->nodes[i].status)) {
			node_stop(r, i);
		}
	}
}

static void start_items(struct run *r, struct each *x)
{
	uint32_t most = r->plan->nodes[x->index].max_parallel;
	if (r->pause)
		return;
	while (x->next < x->n && x->n_started - x->n_ended < most && x->end == EACH_GOES_ON) {
		uint32_t i = x->first + x->next++;
		if (r->nodes[i].status != NODE_PENDING)
			continue; /* kept, or recovered */
		x->n_started++;
		node_start(r, i);
	}
}

/* ---- the node's end ---- */

/* The outputs in order, null for what failed; text in the current transaction. */
static struct str outputs(const struct run *r, const struct each *x)
{
	char *text =
		arena_alloc(&pump_txn(&r->engine->pump)->arena, x->output_bytes + 4 * x->n + 2);
	size_t n = 0;
	text[n++] = '[';
	for (uint32_t i = 0; i < x->n; i++) {
		const struct node *item = &r->nodes[x->first + i];
		struct str s = item->output ? str_n(item->output, item->output_n) : STR("null");
		if (i > 0)
			text[n++] = ',';
		memcpy(text + n, s.p, s.n);
		n += s.n;
	}
	text[n++] = ']';
	return str_n(text, n);
}

enum { NAMED = 5, LISTED = 100 };

/* "2 of 7 items failed: a[1] (exit_1: no), a[3] (timeout: …)" */
static void name_failed(struct run *r, const struct each *x, struct buf *text)
{
	uint32_t n = 0;
	buf_printf(text, "%u of %u items failed: ", x->n_failed, x->n);
	for (uint32_t i = x->first; i < x->first + x->n && n < NAMED; i++) {
		struct value v = VALUE_NULL_INIT;
		const struct node *item = &r->nodes[i];
		if (item->status != NODE_FAILED && item->status != NODE_TIMED_OUT)
			continue;
		if (item->error)
			json_parse(&r->engine->scratch, str_n(item->error, item->error_n),
				   JSON_DEFAULT, &v, NULL);
		struct str code = value_text(value_getz(&v, "code"));
		struct str message = value_text(value_getz(&v, "message"));
		size_t shown =
			utf8_valid_prefix(str_n(message.p, message.n < 200 ? message.n : 200));
		buf_printf(text, "%s%.*s (%.*s: %.*s)", n++ ? ", " : "", STR_ARG(run_node_id(r, i)),
			   STR_ARG(code), (int)shown, message.p);
	}
	if (x->n_failed > NAMED)
		buf_printf(text, " and %u more", x->n_failed - NAMED);
}

/* {code, message, items: the numbers of those that failed}, in the current transaction. */
static struct str failed_error(struct run *r, const struct each *x)
{
	CLEANUP_BUF struct buf message = {0}, text = {0};
	uint32_t n = 0;
	name_failed(r, x, &message);
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	json_out_key(&o, "code");
	json_out_strz(&o, "item_failed");
	json_out_key(&o, "message");
	json_out_str(&o, buf_str(&message));
	json_out_key(&o, "items");
	json_out_array(&o);
	for (uint32_t i = 0; i < x->n && n < LISTED; i++) {
		enum node_status s = r->nodes[x->first + i].status;
		if (s != NODE_FAILED && s != NODE_TIMED_OUT)
			continue;
		json_out_int(&o, i);
		n++;
	}
	json_out_end(&o);
	json_out_end(&o);
	return arena_str(&pump_txn(&r->engine->pump)->arena, buf_str(&text));
}

static struct str too_large_error(struct run *r)
{
	return emit_error(r->engine, "output_too_large",
			  str_of(arena_printf(&r->engine->scratch,
					      "the outputs of its items are longer than %d bytes "
					      "together; let the items give less",
					      LIMIT_FOREACH_OUTPUT_BYTES)),
			  (struct str){0}, false);
}

/* Templates see the node's output now, not the items. */
static void forget_values(struct run *r, struct each *x)
{
	for (uint32_t i = x->first; i < x->first + x->n; i++) {
		free(r->nodes[i].output);
		r->nodes[i].output = NULL;
	}
	x->list = VALUE_NULL_INIT;
	x->has_context = x->has_nodes = false;
	arena_free(&x->values);
}

static void end(struct run *r, struct each *x)
{
	if (r->stopping != STOP_NONE) {
		node_cancel(r, x->index,
			    r->stopping == STOP_TIMEOUT ? NODE_TIMED_OUT : NODE_CANCELLED, true);
	} else if (x->end == EACH_ITEM_FAILED) {
		node_fail(r, x->index, NODE_FAILED, failed_error(r, x), "item_failed");
	} else if (x->end == EACH_TOO_LARGE) {
		node_fail(r, x->index, NODE_FAILED, too_large_error(r), "output_too_large");
	} else {
		node_succeed_with(r, x->index, outputs(r, x),
				  x->n_failed ? failed_error(r, x) : (struct str){0});
	}
	forget_values(r, x);
}

static void go_on(struct run *r, struct each *x)
{
	if (node_status_final(r->nodes[x->index].status))
		return;
	if (r->stopping == STOP_NONE)
		start_items(r, x);
	if (r->stopping != STOP_NONE || x->end != EACH_GOES_ON)
		stop_items(r, x);
	if (x->n_ended == x->n)
		end(r, x);
}

void each_given(struct run *r, uint32_t item)
{
	each_of(r, item)->n_started++;
}

void each_go_on(struct run *r, uint32_t item)
{
	go_on(r, each_of(r, item));
}

void each_stop(struct run *r, uint32_t index)
{
	go_on(r, r->nodes[index].each);
}

void each_resume(struct run *r, uint32_t index)
{
	struct each *x = r->nodes[index].each;
	bool ended = node_status_final(r->nodes[index].status);
	x->next = x->n_started = 0;
	for (uint32_t i = x->first; i < x->first + x->n; i++)
		x->n_started += r->nodes[i].status != NODE_PENDING;
	if (ended) {
		stop_items(r, x);
		forget_values(r, x);
	} else {
		go_on(r, x);
	}
}

/* ---- invariants ---- */

bool each_moves(const struct run *r, uint32_t index)
{
	const struct each *x = r->nodes[index].each;
	uint32_t n_started = 0, n_ended = 0, n_failed = 0;
	for (uint32_t i = x->first; i < x->first + x->n; i++) {
		enum node_status s = r->nodes[i].status;
		n_started += s != NODE_PENDING;
		n_ended += node_status_final(s);
		n_failed += s == NODE_FAILED || s == NODE_TIMED_OUT;
	}
	ASSERT(n_started == x->n_started && n_ended == x->n_ended && n_failed == x->n_failed);
	if (node_status_final(r->nodes[index].status))
		return x->n_ended == x->n;
	return r->nodes[index].status == NODE_RUNNING && (x->n_ended < x->n_started || r->pause);
}

bool each_turn_has_come(const struct run *r, uint32_t item)
{
	const struct each *x = each_of(r, item);
	return x->end == EACH_GOES_ON &&
	       x->n_started - x->n_ended < r->plan->nodes[x->index].max_parallel;
}

bool each_item_moves(const struct run *r, uint32_t item)
{
	const struct each *x = each_of(r, item);
	return x->end == EACH_GOES_ON && x->next <= item - x->first &&
	       r->nodes[x->index].status == NODE_RUNNING &&
	       (r->pause || !each_turn_has_come(r, item));
}
