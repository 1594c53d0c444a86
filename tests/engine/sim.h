/*
 * The simulation's memory and what its files share: sim.c boots, crashes and takes the steps;
 * sim_requests.c asks the engine for things; sim_judge.c drains and judges; sim_graph.c makes
 * workflows; one file for each feature that needs more.
 */
#pragma once

#include "base/fault.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "json/parse.h"
#include "model.h"
#include "sim_graph.h"
#include "store/mem/mem.h"

enum { RUNS_MOST = 24, LIVE_MOST = 1024, KEYS = 4, WORKFLOWS_MOST = 3, OLD_IDS = 8 };
enum { SENT_MOST = 4096, EVENT_IDS = 40 };

/* One step of time; all steps of a seed stay below the life of an idempotency key. */
enum { TIME_MOST_MS = 60000 };

/* What all seeds together met, so that one sees that they met it. */
struct sim_met {
	size_t runs[RUN_TIMED_OUT + 1], nodes[NODE_TIMED_OUT + 1], attempts, lost, crashes, copied,
		slept, planned, fired, told, called, expanded, items;
	size_t approvals[APPROVAL_EXPIRED + 1], voided, lost_races, purged;
	size_t paused, given;
	size_t waited; /* runs, for their start */
	size_t saved, moved, refused_moves, stale_moves;
};
extern struct sim_met met;

struct live {
	struct attempt_id id;
	char run_node[96];
	bool hangs; /* answers only when it is asked to stop */
	bool stop_asked;
	bool limited; /* the node has a time-out: it will be asked */
	bool bank;    /* of the agent with a limit */
	char kind;    /* 'i'rreversible, 'r'econcilable, 'p'robe, or 0 */
};

struct request {
	struct sim *sim;
	char kind; /* 't'rigger, 'c'ancel, 'r'etry, 'p'lan, 'd'ecision, 'a'gent, 's'ignal, 'e'vent,
		    * pa'u'se or resume, 'n'ode given its result, 'v'ersion, 'm'ove, 'q' = a planned
		    * move, 'k' = what is not known is resolved */
	char approval[ID_TEXT_BYTES]; /* 'n': the node */
	enum approval_status decision;
	int key; /* index, or -1 */
	int body;
	bool answered;
	struct request *next;
};

struct sim {
	uint64_t seed;
	bool trace;
	struct rng rng;
	struct clock clock;
	int64_t wall_ms, mono_ms;
	struct store *store;
	struct engine *engine;
	struct executor executor;
	uint64_t boot;
	struct arena arena;
	size_t n_workflows, n_saves;
	struct live live[LIVE_MOST];
	size_t n_live;
	struct attempt_id old[OLD_IDS]; /* of attempts that are no more */
	size_t n_old;
	char runs[RUNS_MOST][ID_TEXT_BYTES]; /* acknowledged */
	size_t n_runs, n_triggers;
	struct {
		char run[ID_TEXT_BYTES];
		int body;
	} keys[KEYS];
	struct map finals;  /* "run/node", attempt or approval id -> what was final once */
	struct map winners; /* approval id -> the request that decided it */
	struct map deeds;   /* "run:node" -> what was really done: sim_effects.c */
	int digest;
	struct request *requests;
	bool draining, jumped; /* the wall clock, ever */
	bool paused;	       /* something may be */
	bool pauses;	       /* something was, ever */
	struct sim_limits {
		int64_t limit; /* 0 = none */
		bool keyed, rated;
	} limits[WORKFLOWS_MOST];
	int64_t n_output;
	int64_t retention_ms; /* of runs, from the next boot on; 0 = for ever */
	/* what was sent to waiting nodes: {"n": index} */
	struct {
		int id;			 /* of the event, -1 = a signal */
		char run[ID_TEXT_BYTES]; /* of the signal */
		bool void_;		 /* its id was answered for before: must reach nobody */
		size_t n_told;
	} sent[SENT_MOST];
	size_t n_sent;
	bool event_known[EVENT_IDS];
	struct map told; /* "run:node" -> the progress that it told: sim_retry.c */
	int64_t n_progress;
	bool breaker_open; /* that of "script" */
	int64_t breaker_ms;
	bool failed;
	char why[600];
};

/* ---- sim.c ---- */

bool sim_chance(struct sim *s, uint64_t percent);
bool sim_read_run(struct sim *s, struct arena *a, const char *id, struct run_detail *ret);
struct store_reader *sim_reader(struct sim *s);
void sim_answer(struct sim *s, size_t at, bool good);
void sim_check(struct sim *s);
void sim_crash(struct sim *s);
void sim_pass(struct sim *s, int64_t ms);
void sim_remember_finals(struct sim *s, const char *run);
void sim_say(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sim_wrong(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- sim_requests.c ---- */

enum { SIM_AGENTS = 4 };
extern const char *const sim_agents[SIM_AGENTS]; /* their definitions */

struct request *sim_request(struct sim *s, char kind);
void sim_on_reply(void *arg, const struct engine_reply *reply); /* arg: the request */
bool sim_act_decide(struct sim *s, bool pending);
struct value sim_parse(struct arena *a, const char *text);
void sim_act_agent(struct sim *s);
void sim_act_cancel(struct sim *s);
void sim_act_event(struct sim *s);
void sim_act_retry(struct sim *s);
void sim_act_signal(struct sim *s);
void sim_act_trigger(struct sim *s);
void sim_ask_resolve(struct sim *s, const struct node_resolve *x);

/* ---- sim_effects.c ---- */

void sim_effect_start(struct sim *s, struct live *l, const struct attempt_start *start);
void sim_effect_lost(struct sim *s, const struct live *l);
struct attempt_result sim_effect_answer(struct sim *s, const struct live *l, uint64_t dice,
					char text[64]);
bool sim_act_resolve(struct sim *s);
void sim_tell_effects(void);
void sim_act_resolve_blindly(struct sim *s);
void sim_judge_effects(struct sim *s, struct arena *a, const struct run_detail *d,
		       const struct event_row *events, size_t n);

/* ---- sim_approvals.c ---- */

void sim_judge_approved(struct sim *s, const struct run_detail *d,
			const struct attempt_start *start);
/* All is durable: runs are WAITING_APPROVAL while nothing but people can move them. */
void sim_judge_waiting(struct sim *s);

/* ---- sim_retry.c ---- */

void sim_act_life(struct sim *s);
void sim_on_breaker(void *watcher, struct str project, struct str agent, enum breaker_state state,
		    bool opened);
void sim_retry_start(struct sim *s, const struct live *l, const struct attempt_start *start);
void sim_judge_retries(struct sim *s, struct arena *a, const struct run_detail *d,
		       const struct event_row *events, size_t n);
void sim_tell_retries(void);

/* ---- sim_schedules.c ---- */

void sim_judge_schedules(struct sim *s, struct run_row *runs, size_t n_runs);
void sim_pause_schedules(struct sim *s, bool all);
void sim_put_schedule(struct sim *s, struct buf *text);

/* ---- sim_limits.c ---- */

enum { SIM_BANK_MOST = 2 }; /* its concurrency */

void sim_put_limits(struct sim *s, size_t workflow, struct buf *text);
void sim_judge_limits(struct sim *s);
void sim_judge_order(struct sim *s, const struct run_row *runs, size_t n);
void sim_judge_agent(struct sim *s, const struct attempt_start *start);

/* ---- sim_control.c ---- */

void sim_act_pause(struct sim *s);
void sim_act_skip(struct sim *s);
void sim_judge_given(struct sim *s, const struct request *q, const struct engine_reply *reply);
bool sim_resume_all(struct sim *s); /* whether there was any */
/* Whether its result was given by hand. */
static inline bool sim_given(const struct node_row *row)
{
	return str_starts(row->detail, STR("{\"given\":"));
}

/* ---- sim_versions.c ---- */

void sim_act_version(struct sim *s);
void sim_act_move(struct sim *s);
void sim_judge_move(struct sim *s, const struct request *q, const struct engine_reply *reply);

/* ---- sim_purge.c ---- */

void sim_purge(struct sim *s);

/* ---- sim_judge.c ---- */

void sim_drain(struct sim *s);
void sim_judge(struct sim *s);
