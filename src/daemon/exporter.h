/*
 * drover's metrics and the HTTP server that shows them: GET /metrics in Prometheus text, or
 * OpenMetrics when the Accept header asks for it.
 */
#pragma once

#include "base/buf.h"
#include "engine/engine.h"

struct exporter;

/* The families are declared; nothing listens yet. */
struct exporter *exporter_new(void);
void exporter_free(struct exporter *x);

/* Begins to listen. 0, or a negative errno with a sentence in *error. */
int exporter_listen(struct exporter *x, const char *address, struct buf *error);

/* Where it listens, "" when it does not. */
const char *exporter_address(const struct exporter *x);

/* What happened; any thread. */
void exporter_request(struct exporter *x, const char *method, const char *route, int status,
		      int64_t duration_ns);
void exporter_run_end(struct exporter *x, const struct run_row *run);
void exporter_attempt_end(struct exporter *x, const struct attempt_row *attempt,
			  const char *error_code);

/* An attempt was started so long after it could have been. */
void exporter_attempt_start(struct exporter *x, int64_t delay_ms);
void exporter_retry(struct exporter *x, struct str agent, const char *code);
void exporter_breaker(struct exporter *x, struct str project, struct str agent,
		      enum breaker_state state, bool opened);

void exporter_approval_end(struct exporter *x, const struct approval_row *approval);

/* Retention deleted what it says of so many runs. */
void exporter_retention(struct exporter *x, enum retained what, size_t n);

/* Gauges of the engine, set on the loop thread now and then. */
void exporter_set_approvals(struct exporter *x, double pending);
void exporter_set_unknown(struct exporter *x, double nodes);
/* What waits in a project: runs for their start, attempts for theirs. */
void exporter_set_queues(struct exporter *x, const char *project, double runs, double attempts);
void exporter_set_active(struct exporter *x, double pending, double running);
/* The database file and, of it, pages without content. */
void exporter_set_database(struct exporter *x, double bytes, double free_bytes);
