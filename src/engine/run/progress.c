#include "engine/run/progress.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/run/deadline.h"
#include "engine/emit.h"
#include "json/parse.h"

/* {"progress": 0 to 1} and perhaps "message" and "details"; anything else is a line of the log. */
static bool is_progress(const struct value *v)
{
	const struct value *part = value_getz(v, "progress"), *message = value_getz(v, "message");
	if (!value_is_number(part) || (message && message->kind != VALUE_STRING))
		return false;
	double d = part->kind == VALUE_DOUBLE ? part->d
		   : part->kind == VALUE_INT  ? (double)part->i
					      : 2;
	size_t n = 1 + (message != NULL) + (value_getz(v, "details") != NULL);
	return v->n == n && d >= 0 && d <= 1;
}

static bool read_line(struct arena *a, struct str line, struct value *ret)
{
	if (line.n == 0 || line.p[0] != '{' || !memmem(line.p, line.n, "\"progress\"", 10))
		return false;
	return json_parse(a, line, JSON_UNIQUE_KEYS, ret, NULL) == 0 && is_progress(ret);
}

static void keep(struct attempt *a, const struct value *v)
{
	struct buf text = {0};
	json_write(&text, v);
	free(a->progress);
	a->progress_n = (uint32_t)text.n;
	a->progress = buf_take(&text);
	a->progress_unwritten = a->progress_untold = true;
}

static void told(struct attempt *a)
{
	if (progress_due(a) <= a->run->engine->now_ms)
		progress_write(a);
	else
		deadline_arm(a);
}

/* The line at *at, which moves behind it; false when there is none. */
static bool next_line(struct str *at, struct str *ret)
{
	if (!at->p)
		return false;
	const char *stop = at->n ? memchr(at->p, '\n', at->n) : NULL;
	size_t n = stop ? (size_t)(stop - at->p) : at->n;
	*ret = str_n(at->p, n);
	*at = stop ? str_n(stop + 1, at->n - n - 1) : (struct str){0};
	return true;
}

bool progress_take(struct attempt *a, struct str lines, struct buf *ret, int64_t *ret_n)
{
	struct arena arena CLEANUP_ARENA = {0};
	struct value v, newest = VALUE_NULL_INIT;
	struct str line;
	int64_t n = 0;
	if (!lines.p || !memmem(lines.p, lines.n, "\"progress\"", 10))
		return false;
	while (next_line(&lines, &line)) {
		if (read_line(&arena, line, &v)) {
			newest = v;
			continue;
		}
		if (n++ > 0)
			buf_putc(ret, '\n');
		buf_put_str(ret, line);
	}
	if (newest.kind == VALUE_NULL)
		return false;
	*ret_n = n;
	keep(a, &newest);
	told(a);
	return true;
}

int64_t progress_due(const struct attempt *a)
{
	if (!a->progress_unwritten || a->state != ATT_RUNNING)
		return INT64_MAX;
	return a->progress_ms + LIMIT_PROGRESS_MS;
}

static void tell(struct attempt *a)
{
	struct run *r = a->run;
	a->progress_untold = false;
	a->progress_told_ms = r->engine->now_ms;
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, a->index));
	json_out_key(&o, "attempt");
	json_out_int(&o, a->number);
	json_out_key(&o, "progress");
	json_out_raw(&o, str_n(a->progress, a->progress_n));
	emit_event_end(r, "node.progress", &o);
}

/* The longer it runs the rarer: an attempt of days has some hundred events. */
static bool may_tell(const struct attempt *a)
{
	int64_t now_ms = a->run->engine->now_ms, age_ms = now_ms - a->handed_ms;
	int64_t apart_ms = age_ms / LIMIT_PROGRESS_EVENTS;
	return a->progress_told_ms == INT64_MIN || now_ms - a->progress_told_ms >= apart_ms;
}

void progress_write(struct attempt *a)
{
	struct engine *e = a->run->engine;
	a->progress_ms = e->now_ms;
	if (!e->pump.full) { /* it has no place then; later */
		a->progress_unwritten = false;
		emit_attempt(a, &(struct attempt_rest){.status = ATTEMPT_RUNNING});
		if (may_tell(a))
			tell(a);
	}
	deadline_arm(a);
}

void progress_end(struct attempt *a)
{
	struct node *n = &a->run->nodes[a->index];
	if (!a->progress)
		return;
	if (a->progress_untold)
		tell(a);
	a->progress_unwritten = false;
	if (!a->probe)
		progress_recover(n, str_n(a->progress, a->progress_n));
}

struct str progress_of_node(const struct node *n)
{
	return str_n(n->progress, n->progress_n);
}

void progress_recover(struct node *n, struct str json)
{
	if (json.n == 0)
		return;
	free(n->progress);
	n->progress = mem_dup(json.p, json.n);
	n->progress_n = (uint32_t)json.n;
}
