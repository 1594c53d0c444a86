#include "obs/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/map.h"
#include "base/mem.h"

struct series {
	struct series *next; /* in the order they came */
	char *values[METRICS_MOST_LABELS];
	double sum; /* counter, gauge: the value */
	uint64_t count;
	uint64_t *buckets; /* histogram: not cumulative, one more than bounds */
};

struct metric {
	struct metrics *owner;
	struct metric *next;
	enum metric_kind kind;
	const char *name, *help;
	const char *labels[METRICS_MOST_LABELS];
	size_t n_labels;
	const double *bounds;
	size_t n_bounds;
	struct map by_values; /* label values joined by 0xff -> series */
	struct series *first, **tail;
};

struct metrics {
	pthread_mutex_t lock;
	struct metric *first, **tail;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = NEW0(struct metrics);
	pthread_mutex_init(&m->lock, NULL);
	m->tail = &m->first;
	return m;
}

static void series_free(struct series *s)
{
	for (size_t i = 0; i < METRICS_MOST_LABELS; i++)
		free(s->values[i]);
	free(s->buckets);
	free(s);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (struct metric *f = m->first, *next; f; f = next) {
		next = f->next;
		for (struct series *s = f->first, *s_next; s; s = s_next) {
			s_next = s->next;
			series_free(s);
		}
		map_free(&f->by_values);
		free(f);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

struct metric *metrics_declare(struct metrics *m, enum metric_kind kind, const char *name,
			       const char *help, const char *const *labels, const double *buckets,
			       size_t n_buckets)
{
	struct metric *f = NEW0(struct metric);
	*f = (struct metric){.owner = m, .kind = kind, .name = name, .help = help};
	for (; labels && labels[f->n_labels]; f->n_labels++) {
		ASSERT(f->n_labels < METRICS_MOST_LABELS);
		f->labels[f->n_labels] = labels[f->n_labels];
	}
	f->bounds = buckets;
	f->n_bounds = n_buckets;
	f->tail = &f->first;
	*m->tail = f;
	m->tail = &f->next;
	return f;
}

static struct series *series_new(struct metric *f, const struct str *values, struct str key)
{
	struct series *s = NEW0(struct series);
	for (size_t i = 0; i < f->n_labels; i++)
		s->values[i] = mem_dup(values[i].p, values[i].n);
	if (f->kind == METRIC_HISTOGRAM)
		s->buckets = NEW0_ARRAY(uint64_t, f->n_bounds + 1);
	map_put(&f->by_values, key, s);
	*f->tail = s;
	f->tail = &s->next;
	return s;
}

/* The series of these label values; the lock is held. */
static struct series *series_of(struct metric *f, const struct str *values)
{
	CLEANUP_BUF struct buf key = {0};
	for (size_t i = 0; i < f->n_labels; i++) {
		buf_put_str(&key, values[i]);
		buf_putc(&key, '\xff');
	}
	struct series *s = map_get(&f->by_values, buf_str(&key));
	if (s)
		return s;
	if (f->by_values.n < METRICS_MOST_SERIES)
		return series_new(f, values, buf_str(&key));
	static const struct str others[METRICS_MOST_LABELS] = {STR("other"), STR("other"),
							       STR("other"), STR("other")};
	s = map_get(&f->by_values, STR("other"));
	return s ? s : series_new(f, others, STR("other"));
}

void metric_add(struct metric *f, const struct str *values, double v)
{
	pthread_mutex_lock(&f->owner->lock);
	series_of(f, values)->sum += v;
	pthread_mutex_unlock(&f->owner->lock);
}

void metric_set(struct metric *f, const struct str *values, double v)
{
	pthread_mutex_lock(&f->owner->lock);
	series_of(f, values)->sum = v;
	pthread_mutex_unlock(&f->owner->lock);
}

void metric_observe(struct metric *f, const struct str *values, double v)
{
	size_t i = 0;
	while (i < f->n_bounds && v > f->bounds[i])
		i++;
	pthread_mutex_lock(&f->owner->lock);
	struct series *s = series_of(f, values);
	s->buckets[i]++;
	s->count++;
	s->sum += v;
	pthread_mutex_unlock(&f->owner->lock);
}

/* Escapes as the exposition formats ask for label values. */
static void put_label_value(struct buf *out, const char *z)
{
	for (; *z; z++) {
		if (*z == '\\' || *z == '"')
			buf_putc(out, '\\');
		if (*z == '\n')
			buf_puts(out, "\\n");
		else
			buf_putc(out, *z);
	}
}

static void put_labels(struct buf *out, const struct metric *f, const struct series *s,
		       const char *le)
{
	if (f->n_labels == 0 && !le)
		return;
	buf_putc(out, '{');
	for (size_t i = 0; i < f->n_labels; i++) {
		buf_printf(out, "%s%s=\"", i ? "," : "", f->labels[i]);
		put_label_value(out, s->values[i]);
		buf_putc(out, '"');
	}
	if (le)
		buf_printf(out, "%sle=\"%s\"", f->n_labels ? "," : "", le);
	buf_putc(out, '}');
}

static void put_number(struct buf *out, double v)
{
	if (v == floor(v) && fabs(v) < 1e15)
		buf_printf(out, "%.0f\n", v);
	else
		buf_printf(out, "%.17g\n", v);
}

static void put_histogram(struct buf *out, const struct metric *f, const struct series *s)
{
	uint64_t total = 0;
	char le[32];
	for (size_t i = 0; i <= f->n_bounds; i++) {
		total += s->buckets[i];
		if (i < f->n_bounds)
			snprintf(le, sizeof(le), "%.10g", f->bounds[i]);
		buf_printf(out, "%s_bucket", f->name);
		put_labels(out, f, s, i < f->n_bounds ? le : "+Inf");
		buf_printf(out, " %llu\n", (unsigned long long)total);
	}
	buf_printf(out, "%s_sum", f->name);
	put_labels(out, f, s, NULL);
	buf_putc(out, ' ');
	put_number(out, s->sum);
	buf_printf(out, "%s_count", f->name);
	put_labels(out, f, s, NULL);
	buf_printf(out, " %llu\n", (unsigned long long)s->count);
}

static void put_family(struct buf *out, const struct metric *f, bool openmetrics)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	struct str name = str_of(f->name);
	/* OpenMetrics names the family without its suffix. */
	if (openmetrics && f->kind == METRIC_COUNTER && str_ends(name, STR("_total")))
		name.n -= 6;
	buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", STR_ARG(name), f->help, STR_ARG(name),
		   kinds[f->kind]);
	for (const struct series *s = f->first; s; s = s->next) {
		if (f->kind == METRIC_HISTOGRAM) {
			put_histogram(out, f, s);
			continue;
		}
		buf_puts(out, f->name);
		put_labels(out, f, s, NULL);
		buf_putc(out, ' ');
		put_number(out, s->sum);
	}
}

void metrics_render(struct metrics *m, bool openmetrics, struct buf *out)
{
	pthread_mutex_lock(&m->lock);
	for (const struct metric *f = m->first; f; f = f->next)
		put_family(out, f, openmetrics);
	pthread_mutex_unlock(&m->lock);
	if (openmetrics)
		buf_puts(out, "# EOF\n");
}
