/*
 * Metrics registry and its text forms: Prometheus text 0.0.4 and OpenMetrics 1.0. Recording does
 * no I/O. Any thread (one short lock per call).
 *
 * Label values are names, never ids. A family keeps at most METRICS_MOST_SERIES series; what comes
 * beyond is counted under the label values "other", so memory is bounded.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

enum { METRICS_MOST_SERIES = 1000, METRICS_MOST_LABELS = 4 };

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics;
struct metric;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/*
 * Declares a family. `labels` are up to METRICS_MOST_LABELS names, NULL-terminated; strings are
 * borrowed for ever (literals). Buckets are ascending upper bounds without +Inf; NULL for kinds
 * that have none. A counter's name ends in _total. Declare before threads record.
 */
struct metric *metrics_declare(struct metrics *m, enum metric_kind kind, const char *name,
			       const char *help, const char *const *labels, const double *buckets,
			       size_t n_buckets);

/* Adds to a counter or gauge; `values` holds one text per label, in order. */
void metric_add(struct metric *metric, const struct str *values, double v);
void metric_set(struct metric *metric, const struct str *values, double v);
void metric_observe(struct metric *metric, const struct str *values, double v);

/* Appends all families in the order of declaration. OpenMetrics ends with "# EOF". */
void metrics_render(struct metrics *m, bool openmetrics, struct buf *out);
