/* The sentence of every state in which a run waits. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"
#include "base/mem.h"
#include "engine/request/control.h"
#include "json/parse.h"

#define RULE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"
#define SCRIPT(id, rest) "{'id':'" id "','agent':'script','action':'run'" rest "}"

/* The world's clock stands at 2023-11-14T22:13:20.000Z when it begins. */
#define BEGIN "2023-11-14T22:13:20.000Z"

struct told {
	struct arena *arena;
	enum engine_outcome outcome;
	struct value value;
};

static void keep(void *arg, const struct engine_reply *reply)
{
	struct told *t = arg;
	t->outcome = reply->outcome;
	if (reply->json.n)
		ASSERT(json_parse(t->arena, arena_str(t->arena, reply->json), JSON_UNIQUE_KEYS,
				  &t->value, NULL) == 0);
}

static struct told ask(struct world *w, const char *run)
{
	struct told t = {.arena = &w->arena, .value = VALUE_NULL_INIT};
	struct run_detail d = world_run(w, run);
	engine_run_why(w->engine, &(struct run_why){.project = STR("default"), .stored = &d}, keep,
		       &t);
	ASSERT(t.outcome == ENGINE_OK);
	return t;
}

static const struct value *node(const struct told *t, const char *id)
{
	const struct value *nodes = value_getz(&t->value, "nodes");
	for (uint32_t i = 0; i < nodes->n; i++)
		if (str_eqz(value_text(value_getz(&nodes->items[i], "nodeId")), id))
			return &nodes->items[i];
	return NULL;
}

/* A member as text: lists joined by spaces, null as "-". */
static const char *get(const struct told *t, const char *id, const char *key)
{
	const struct value *v = value_getz(*id ? node(t, id) : &t->value, key);
	CLEANUP_BUF struct buf text = {0};
	if (!v)
		return "(none)";
	if (value_is(v, VALUE_NULL))
		return "-";
	if (value_is(v, VALUE_STRING))
		return arena_dup(t->arena, v->s, v->n);
	for (uint32_t i = 0; i < v->n; i++)
		buf_printf(&text, "%s%.*s", i ? " " : "", STR_ARG(value_text(&v->items[i])));
	return arena_dup(t->arena, text.p ? text.p : "", text.n);
}

static const char *begin(struct world *w, const char *definition)
{
	world_open(w);
	world_agents(w);
	w->by_hand = true;
	world_save(w, definition);
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, "w", NULL);
}

TEST(an_attempt_that_runs)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','timeout':'1h','nodes':[" RULE(
					    "a", ",'timeout':'10m'") "," RULE("b", "") "]}");
	world_pass(&w, 60000);
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "", "status"), "RUNNING");
	CHECK_Z(get(&y, "", "since"), BEGIN);
	CHECK_Z(get(&y, "", "until"), "2023-11-14T23:13:20.000Z");
	CHECK_Z(get(&y, "", "summary"),
		"The run has not ended: node \"a\": attempt 1 of rule run "
		"runs since " BEGIN "; its time-out is at 2023-11-14T22:23:20.000Z.");
	CHECK_Z(get(&y, "a", "status"), "RUNNING");
	CHECK_Z(get(&y, "a", "reason"), "running");
	CHECK_Z(get(&y, "a", "since"), BEGIN);
	CHECK_Z(get(&y, "a", "until"), "2023-11-14T22:23:20.000Z");
	CHECK_Z(get(&y, "a", "command"), "-");
	CHECK_Z(get(&y, "a", "blockedBy"), "");
	CHECK_Z(get(&y, "b", "sentence"),
		"attempt 1 of rule run runs since " BEGIN "; it has no time-out");
	CHECK_Z(get(&y, "b", "until"), "-");
	CHECK_Z(get(&y, "b", "command"), arena_printf(&w.arena, "drover cancel %s", run));
}

TEST(an_attempt_that_is_about_to_start)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE("a", "") "," RULE("b", ",'dependsOn':['a']") "]}");
	struct world_attempt *a = world_live(&w, "a");
	world_result(&w, a, &(struct attempt_result){.output = STR("{}")});
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "b", "reason"), "starting");
	CHECK_Z(get(&y, "b", "sentence"),
		"attempt 1 of rule run starts as soon as that is on disk");
	CHECK_Z(get(&y, "b", "since"), BEGIN);
	world_settle(&w);
	y = ask(&w, run);
	CHECK_Z(get(&y, "b", "reason"), "running");
}

TEST(a_full_disk)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE("a", "") "," RULE("b", ",'dependsOn':['a']") "]}");
	world_pass(&w, 1000);
	mem_store_fail_next(w.store, 1);
	world_succeed(&w, "a", "{}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "b", "reason"), "store_full");
	CHECK_Z(get(&y, "b", "sentence"),
		"attempt 1 of rule run can't start: the disk of the "
		"database is full since 2023-11-14T22:13:21.000Z; free some space, it is tried "
		"again at 2023-11-14T22:13:21.250Z");
	CHECK_Z(get(&y, "b", "command"), "drover doctor");
	world_pass(&w, 1000);
	y = ask(&w, run);
	CHECK_Z(get(&y, "b", "reason"), "running");
	mem_store_fail_next(w.store, 1);
	world_succeed(&w, "b", "{}");
	y = ask(&w, run);
	CHECK_Z(get(&y, "", "status"), "RUNNING");
	CHECK_Z(get(&y, "", "summary"),
		"The run has ended, which is not on disk: the disk of the "
		"database is full since 2023-11-14T22:13:22.000Z; free some space, it is tried "
		"again at 2023-11-14T22:13:22.250Z.");
	world_pass(&w, 1000);
	y = ask(&w, run);
	CHECK_Z(get(&y, "", "status"), "SUCCESS");
}

TEST(an_end_that_is_on_its_way)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" RULE("a", "") "]}");
	world_result(&w, world_live(&w, "a"), &(struct attempt_result){.output = STR("{}")});
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "", "status"), "RUNNING");
	CHECK_Z(get(&y, "", "summary"), "The run has ended; that is on its way to the disk.");
	world_settle(&w);
}

TEST(a_place_in_the_queue)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" SCRIPT("a", "") "," SCRIPT(
					    "b", "") "," SCRIPT("c", "") "," SCRIPT("d", "") "]}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "d", "reason"), "queued");
	CHECK_Z(get(&y, "d", "status"), "QUEUED");
	CHECK_Z(get(&y, "d", "sentence"),
		"attempt 1 of script run waits since " BEGIN " for a slot "
		"for scripts: place 2 of 2 in the queue of its project, which holds 2 slots; 2 of "
		"2 slots are taken; serve --max-scripts raises that");
	CHECK_Z(get(&y, "d", "until"), "-");
	CHECK_Z(get(&y, "d", "command"), "drover serve --max-scripts 4");
	world_succeed(&w, "a", "{}");
	y = ask(&w, run);
	CHECK_Z(get(&y, "c", "reason"), "running");
	CHECK(strstr(get(&y, "d", "sentence"), "place 1 of 1 in the queue") != NULL);
}

TEST(the_next_attempt_in_its_time)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE("a", ",'retry':{'maxAttempts':3,"
						      "'initialInterval':'10s','jitter':0}") "]}");
	world_pass(&w, 1000);
	world_fail(&w, "a", "exit_3");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "a", "reason"), "retry_backoff");
	CHECK_Z(get(&y, "a", "sentence"),
		"attempt 2 of rule run starts at "
		"2023-11-14T22:13:31.000Z; 1 of 3 tries failed; the last error was exit_3: "
		"it went wrong");
	CHECK_Z(get(&y, "a", "since"), "2023-11-14T22:13:21.000Z");
	CHECK_Z(get(&y, "a", "until"), "2023-11-14T22:13:31.000Z");
	CHECK_Z(get(&y, "a", "command"), "-");
	world_pass(&w, 10000);
	y = ask(&w, run);
	CHECK_Z(get(&y, "a", "sentence"), "attempt 2 of rule run runs since "
					  "2023-11-14T22:13:31.000Z; it has no time-out");
}

TEST(the_nearest_of_several_time_outs)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" SCRIPT(
					    "a", ",'timeout':'10m','heartbeat':'2m',"
						 "'timeouts':{'start':'1m','total':'12m'}") "]}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "a", "sentence"), "attempt 1 of script run runs since " BEGIN
					  "; its program must run by 2023-11-14T22:14:20.000Z");
	CHECK_Z(get(&y, "a", "until"), "2023-11-14T22:14:20.000Z");
	CHECK_Z(get(&y, "a", "command"), "-");
	world_started(&w, "a");
	world_log(&w, "a", "{'progress':0.42,'message':'half'}");
	y = ask(&w, run);
	CHECK_Z(get(&y, "a", "sentence"),
		"attempt 1 of script run runs since " BEGIN ", 42 % done (half); without a sign of "
		"life it is stopped at 2023-11-14T22:15:20.000Z");
	world_pass(&w, 120000);
	y = ask(&w, run);
	CHECK_Z(get(&y, "a", "reason"), "stopping");
	CHECK_Z(get(&y, "a", "sentence"),
		"attempt 1 of script run was asked to stop at 2023-11-14T22:15:20.000Z because it "
		"showed no sign of life; what is left of a script five seconds later is killed");
}

TEST(the_total_time_out_of_a_node)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" RULE("a", ",'timeouts':{'total':'10s'}") "]}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "a", "sentence"),
		"attempt 1 of rule run runs since " BEGIN
		"; the total time-out of its node is at 2023-11-14T22:13:30.000Z");
	world_pass(&w, 10000);
	y = ask(&w, run);
	CHECK(strstr(get(&y, "a", "sentence"), "because its node took too long in all"));
}

TEST(a_place_in_the_queue_with_an_end)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" SCRIPT("a", "") "," SCRIPT("b", "") "," SCRIPT(
				  "c", ",'timeouts':{'queue':'5m'}") "]}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "c", "reason"), "queued");
	CHECK(strstr(get(&y, "c", "sentence"),
		     "; with queue_timeout at 2023-11-14T22:18:20.000Z it is given up"));
	CHECK_Z(get(&y, "c", "until"), "2023-11-14T22:18:20.000Z");
}

TEST(a_circuit_breaker_that_is_open)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.by_hand = true;
	world_agent(&w, "{'name':'x','type':'RULE','capabilities':[{'name':'run'}],"
			"'circuitBreaker':{'failures':1,'cooldown':'30s'}}");
	world_save(&w,
		   "{'name':'w','nodes':[{'id':'a','agent':'x','action':'run'},"
		   "{'id':'b','agent':'x','action':'run','dependsOn':['a'],"
		   "'runOn':'always'},{'id':'c','agent':'x','action':'run','dependsOn':['b']}]}");
	const char *run = world_trigger(&w, "w", NULL);
	world_fail(&w, "a", "exit_3");
	world_pass(&w, 1000);
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "b", "reason"), "circuit_open");
	CHECK_Z(get(&y, "b", "status"), "QUEUED");
	CHECK_Z(get(&y, "b", "sentence"),
		"attempt 1 of x run waits since " BEGIN
		": the circuit breaker of agent \"x\" is open "
		"since " BEGIN ", until 2023-11-14T22:13:50.000Z; the last error was exit_3: it "
		"went wrong");
	CHECK_Z(get(&y, "b", "since"), BEGIN);
	CHECK_Z(get(&y, "b", "until"), "2023-11-14T22:13:50.000Z");
	CHECK_Z(get(&y, "b", "command"), "drover agents reset x");
	CHECK_Z(get(&y, "c", "chain"), "b");
	CHECK(strstr(get(&y, "c", "sentence"), "waits for its agent's circuit breaker"));
	const char *other = world_trigger(&w, "w", NULL);
	world_pass(&w, 29000);
	y = ask(&w, other);
	CHECK(strstr(get(&y, "a", "sentence"), "is half-open: one attempt tries whether it works"));
	CHECK_Z(get(&y, "a", "until"), "-");
}

TEST(a_wait_for_an_event)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':["
		    "{'id':'p','wait':{'event':'order.paid','timeout':'1h'}},"
		    "{'id':'any','wait':{'event':'order.*','filter':'{{ event.data.x }}'}}]}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "p", "reason"), "waiting_event");
	CHECK_Z(get(&y, "p", "until"), "2023-11-14T23:13:20.000Z");
	CHECK_Z(get(&y, "p", "command"),
		arena_printf(&w.arena, "drover signal %s order.paid", run));
	CHECK_Z(get(&y, "p", "sentence"),
		arena_printf(&w.arena,
			     "waits since " BEGIN " for a signal or an event order.paid, "
			     "until 2023-11-14T23:13:20.000Z (drover signal %s order.paid)",
			     run));
	CHECK_Z(get(&y, "any", "sentence"),
		arena_printf(&w.arena,
			     "waits since " BEGIN " for a signal or an event order.* that "
			     "its filter lets through (drover signal %s NAME)",
			     run));
}

TEST(a_sleep)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[{'id':'s','sleep':'10m'}]}");
	world_pass(&w, 60000);
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "s", "reason"), "sleeping");
	CHECK_Z(get(&y, "s", "sentence"), "sleeps since " BEGIN ", until 2023-11-14T22:23:20.000Z");
	CHECK_Z(get(&y, "s", "until"), "2023-11-14T22:23:20.000Z");
	world_crash(&w);
	y = ask(&w, run);
	CHECK_Z(get(&y, "s", "reason"), "sleeping");
	CHECK_Z(get(&y, "s", "until"), "2023-11-14T22:23:20.000Z");
	w.clock.wall_ms += 3600000; /* which moves no sleep */
	y = ask(&w, run);
	CHECK_Z(get(&y, "s", "until"), "2023-11-14T23:23:20.000Z");
}

TEST(an_approval)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" RULE(
					    "g", ",'approval':{'approvers':"
						 "['ann','bob','eve'],'quorum':2,'timeout':'1h'"
						 "}") "," RULE("h", ",'approval':{'timeout':'2h','"
								    "onTimeout':'approve'}") "]}");
	struct run_detail d = world_run(&w, run);
	struct str g = d.approvals[0].id, h = d.approvals[1].id;
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "", "status"), "WAITING_APPROVAL");
	CHECK_Z(get(&y, "g", "reason"), "waiting_approval");
	CHECK_Z(get(&y, "g", "since"), BEGIN);
	CHECK_Z(get(&y, "g", "until"), "2023-11-14T23:13:20.000Z");
	CHECK_Z(get(&y, "g", "sentence"),
		arena_printf(&w.arena,
			     "waits since " BEGIN " for 2 people among ann, bob, eve to "
			     "approve rule run; it expires at 2023-11-14T23:13:20.000Z "
			     "(drover approve %.*s, drover reject %.*s)",
			     STR_ARG(g), STR_ARG(g)));
	CHECK_Z(get(&y, "g", "command"), arena_printf(&w.arena, "drover approve %.*s", STR_ARG(g)));
	CHECK_Z(get(&y, "h", "sentence"),
		arena_printf(&w.arena,
			     "waits since " BEGIN " for somebody to approve rule run; it "
			     "counts as approved at 2023-11-15T00:13:20.000Z "
			     "(drover approve %.*s, drover reject %.*s)",
			     STR_ARG(h), STR_ARG(h)));
	engine_approval_decide(w.engine,
			       &(struct approval_decision){.project = STR("default"),
							   .id = g,
							   .decision = APPROVAL_APPROVED,
							   .responded_by = STR("ann")},
			       world_reply, &w);
	world_settle(&w);
	world_crash(&w);
	y = ask(&w, run);
	CHECK(strstr(get(&y, "g", "sentence"), " for somebody among ann, bob, eve to ") != NULL);
	CHECK_Z(get(&y, "g", "since"), BEGIN);
}

TEST(other_nodes_down_to_the_real_blocker)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w,
		"{'name':'w','nodes':[" RULE(
			"end",
			",'dependsOn':['m','x'],"
			"'joinRule':'all_done'") "," RULE("x",
							  "") "," RULE("m",
								       ",'dependsOn':['l'"
								       "]") "," RULE("l",
										     ",'"
										     "depe"
										     "ndsO"
										     "n':["
										     "'s',"
										     "'x'"
										     "]") ",{'id':'"
											  "s','"
											  "sleep':'"
											  "10m'}]"
											  "}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "l", "reason"), "waiting_dependencies");
	CHECK_Z(get(&y, "l", "status"), "PENDING");
	CHECK_Z(get(&y, "l", "sentence"), "waits for \"s\", \"x\"; \"s\" sleeps since " BEGIN
					  ", until 2023-11-14T22:23:20.000Z");
	CHECK_Z(get(&y, "l", "blockedBy"), "s x");
	CHECK_Z(get(&y, "l", "chain"), "s");
	CHECK_Z(get(&y, "end", "sentence"), "waits for \"m\", \"x\" by its join rule all_done; at "
					    "the end of that chain \"s\" sleeps since " BEGIN
					    ", until 2023-11-14T22:23:20.000Z");
	CHECK_Z(get(&y, "end", "blockedBy"), "m x");
	CHECK_Z(get(&y, "end", "chain"), "m l s");
	CHECK_Z(get(&y, "end", "until"), "2023-11-14T22:23:20.000Z");
	/* those that others wait for come first */
	CHECK_STR(value_text(value_getz(&value_getz(&y.value, "nodes")->items[0], "nodeId")),
		  STR("x"));
	world_pass(&w, 600000);
	y = ask(&w, run);
	CHECK_Z(get(&y, "l", "sentence"), "waits for \"x\"; \"x\" runs since " BEGIN);
	CHECK_Z(get(&y, "end", "chain"), "m l x");
	CHECK(node(&y, "s") == NULL);
}

TEST(the_command_of_the_real_blocker_unblocks_what_stands_behind_it)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE("g", ",'approvalRequired':true") "," RULE(
			    "h", ",'dependsOn':['g']") "," RULE("i", ",'dependsOn':['h']") "]}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "i", "sentence"),
		"waits for \"h\"; at the end of that chain \"g\" waits for "
		"approval since " BEGIN ", until 2023-11-15T22:13:20.000Z");
	CHECK_Z(get(&y, "i", "command"), get(&y, "g", "command"));
}

TEST(a_stop_that_is_under_way)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE("a", "") "," RULE("b", ",'dependsOn':['a']") "]}");
	world_pass(&w, 5000);
	world_cancel(&w, run);
	struct told y = ask(&w, run);
	const char *said = "attempt 1 of rule run was asked to stop at 2023-11-14T22:13:25.000Z "
			   "because the run was cancelled; what is left of a script five seconds "
			   "later is killed";
	CHECK_Z(get(&y, "a", "reason"), "stopping");
	CHECK_Z(get(&y, "a", "sentence"), said);
	CHECK_Z(get(&y, "a", "since"), "2023-11-14T22:13:25.000Z");
	CHECK_Z(get(&y, "", "summary"),
		arena_printf(&w.arena,
			     "The run has not ended: it was "
			     "cancelled at 2023-11-14T22:13:25.000Z; node \"a\": %s.",
			     said));
	CHECK(node(&y, "b") == NULL);
}

TEST(time_outs_that_are_under_way)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','timeout':'20s','nodes':[" RULE(
					    "a", ",'timeout':'10s'") "," RULE("b", "") "]}");
	world_pass(&w, 10000);
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "a", "sentence"),
		"attempt 1 of rule run was asked to stop at "
		"2023-11-14T22:13:30.000Z because it took too long; what is left of a script five "
		"seconds later is killed");
	world_pass(&w, 10000);
	y = ask(&w, run);
	CHECK_Z(get(&y, "b", "sentence"),
		"attempt 1 of rule run was asked to stop at "
		"2023-11-14T22:13:40.000Z because the run took too long; what is left of a script "
		"five seconds later is killed");
	CHECK(strstr(get(&y, "", "summary"),
		     "it was stopped by its time-out at 2023-11-14T22:13:40.000Z; ") != NULL);
}

TEST(a_node_whose_effect_is_not_known)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.by_hand = true;
	world_agent(&w, "{'name':'bank','type':'RULE','capabilities':["
			"{'name':'pay','effect':'irreversible'},{'name':'look','effect':'pure'},"
			"{'name':'sync','effect':'reconcilable','probe':'look'}]}");
	world_save(&w, "{'name':'w','nodes':[{'id':'p','agent':'bank','action':'pay'},"
		       "{'id':'s','agent':'bank','action':'sync'},"
		       "{'id':'after','agent':'bank','action':'look','dependsOn':['p']}]}");
	const char *run = world_trigger(&w, "w", NULL);
	world_pass(&w, 1000);
	world_crash(&w);
	world_settle(&w);
	struct told y = ask(&w, run);
	const char *command = arena_printf(&w.arena, "drover resolve %s p --succeeded JSON", run);
	CHECK_Z(get(&y, "p", "reason"), "effect_unknown");
	CHECK_Z(get(&y, "p", "status"), "UNKNOWN");
	CHECK_Z(get(&y, "p", "since"), "2023-11-14T22:13:21.000Z");
	CHECK_Z(get(&y, "p", "until"), "-");
	CHECK_Z(get(&y, "p", "command"), command);
	CHECK(str_starts(str_of(get(&y, "p", "sentence")),
			 STR("attempt 1 of bank pay, which is irreversible, ended with lost at "
			     "2023-11-14T22:13:21.000Z: its effect may or may not have happened")));
	CHECK(strstr(get(&y, "", "summary"), "node \"p\": attempt 1 of bank pay"));
	CHECK(strstr(get(&y, "after", "sentence"), "\"p\" is UNKNOWN: somebody must look since "));
	CHECK_Z(get(&y, "after", "command"), command);
	CHECK_Z(get(&y, "s", "reason"), "running");
	CHECK(strstr(
		get(&y, "s", "sentence"),
		"attempt 2 of bank look, which finds out what became of the one before, runs"));
}

TEST(a_run_that_has_ended)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE("a", "") "," RULE("b", ",'dependsOn':['a']") "]}");
	world_pass(&w, 2000);
	world_fail(&w, "a", "exit_3");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "", "status"), "FAILED");
	CHECK_Z(get(&y, "", "summary"), "The run ended FAILED at 2023-11-14T22:13:22.000Z: "
					"node \"a\" failed: it went wrong.");
	CHECK_INT(value_getz(&y.value, "nodes")->n, 1);
	CHECK_Z(get(&y, "a", "reason"), "failed");
	CHECK_Z(get(&y, "a", "sentence"),
		"ended FAILED at 2023-11-14T22:13:22.000Z: exit_3: it went wrong");
	CHECK_Z(get(&y, "a", "command"), arena_printf(&w.arena, "drover retry %s", run));
	w.by_hand = false;
	run = world_trigger(&w, "w", NULL);
	y = ask(&w, run);
	CHECK_Z(get(&y, "", "summary"), "The run ended SUCCESS at 2023-11-14T22:13:22.000Z.");
	CHECK_INT(value_getz(&y.value, "nodes")->n, 0);
}

TEST(items_and_those_that_wait_for_their_turn)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w,
		"{'name':'w','nodes':[" RULE(
			"a",
			",'forEach':[1,2,3,4],'maxParallel':2,'retry':{"
			"'maxAttempts':2,'jitter':0}") "," RULE("b", ",'dependsOn':['a']") "]}");
	world_pass(&w, 1000);
	world_succeed(&w, "a[0]", "{}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "a", "reason"), "waiting_items");
	CHECK_Z(get(&y, "a", "sentence"),
		"waits for its items: 1 of 4 ended, 2 go on, 1 wait for their turn; \"a[1]\" runs "
		"since " BEGIN);
	CHECK_Z(get(&y, "a", "since"), BEGIN);
	CHECK_Z(get(&y, "a", "blockedBy"), "a[1] a[2]");
	CHECK_Z(get(&y, "a[1]", "reason"), "running");
	CHECK_Z(get(&y, "a[3]", "reason"), "waiting_turn");
	CHECK_Z(get(&y, "a[3]", "sentence"),
		"waits for its turn: 2 items of \"a\" go on, and no more may at once "
		"(maxParallel); \"a[1]\" runs since " BEGIN);
	CHECK_Z(get(&y, "a[3]", "blockedBy"), "a[1]");
	CHECK_Z(get(&y, "b", "chain"), "a a[1]");
	world_fail(&w, "a[2]", "exit_1");
	y = ask(&w, run);
	CHECK_Z(get(&y, "b", "sentence"),
		"waits for \"a\"; at the end of that chain \"a[2]\" waits for its next attempt "
		"since "
		"2023-11-14T22:13:21.000Z, until 2023-11-14T22:13:22.000Z");
}

TEST(an_item_that_ends_because_another_failed)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" RULE("a", ",'forEach':[1,2]") "]}");
	world_fail(&w, "a[0]", "exit_1");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "a[1]", "reason"), "stopping");
	CHECK_Z(get(&y, "a[1]", "sentence"),
		"attempt 1 of rule run was asked to stop at " BEGIN " because another item failed; "
		"what is left of a script five seconds later is killed");
	CHECK_Z(get(&y, "a", "sentence"),
		"waits for its items: 1 of 2 ended, 1 go on, 0 wait for their turn; \"a[1]\" is "
		"being stopped since " BEGIN);
}

TEST(a_run_that_ended_since_it_was_read_is_read_again)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" RULE("a", "") "]}");
	struct run_detail d = world_run(&w, run);
	struct told y = {.arena = &w.arena};
	world_succeed(&w, "a", "{}");
	engine_run_why(w.engine, &(struct run_why){.project = STR("default"), .stored = &d}, keep,
		       &y);
	CHECK_INT(y.outcome, ENGINE_NOT_FOUND);
}

/* The second attempt of an agent with these limits. */
static struct told limited(struct world *w, const char *limits)
{
	CLEANUP_FREE char *agent = mem_printf("{'name':'few','type':'RULE',%s,"
					      "'capabilities':[{'name':'run'}]}",
					      limits);
	world_open(w);
	w->by_hand = true;
	world_agent(w, agent);
	world_save(w, "{'name':'w','nodes':[{'id':'f','agent':'few','action':'run'}]}");
	world_trigger(w, "w", NULL);
	return ask(w, world_trigger(w, "w", NULL));
}

TEST(an_attempt_that_waits_for_its_agent)
{
	struct world w CLEANUP_WORLD;
	struct told y = limited(&w, "'concurrency':1");
	CHECK_Z(get(&y, "f", "reason"), "agent_limit");
	CHECK_Z(get(&y, "f", "sentence"),
		"attempt 1 of few run waits since " BEGIN " for its agent, whose concurrency is 1: "
		"1 of its attempts run, place 1 of 1 among those that wait");
	CHECK_Z(get(&y, "f", "command"), "drover runs --status RUNNING");
}

TEST(an_attempt_that_waits_for_its_agents_rate)
{
	struct world w CLEANUP_WORLD;
	struct told y = limited(&w, "'rateLimit':{'limit':1,'per':'1m'}");
	CHECK_Z(get(&y, "f", "reason"), "agent_rate");
	CHECK_Z(get(&y, "f", "sentence"),
		"attempt 1 of few run waits since " BEGIN ": its agent's rateLimit allows 1 starts "
		"in 60000 ms; the next is at 2023-11-14T22:14:20.000Z, place 1 of 1 among those "
		"that wait");
	CHECK_Z(get(&y, "f", "until"), "2023-11-14T22:14:20.000Z");
}

TEST(an_attempt_that_waits_for_the_share_of_its_project)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.by_hand = true;
	const char *run = NULL;
	static const char *const projects[] = {"b", "default"};
	for (int i = 0; i < 2; i++) {
		w.project = projects[i];
		world_agents(&w);
		world_save(&w, "{'name':'w','nodes':[" SCRIPT("a", "") "]}");
		for (int n = 0; n < 3; n++)
			run = world_trigger(&w, "w", NULL);
	}
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "a", "sentence"),
		"attempt 1 of script run waits since " BEGIN
		" for a slot for scripts: place 3 of 3 "
		"in the queue of its project, which holds 0 slots; 2 of 2 slots are taken; serve "
		"--max-scripts raises that");
}

/* ---- runs that have not started ---- */

static struct told pending(struct world *w, const char *more)
{
	CLEANUP_FREE char *definition =
		mem_printf("{'name':'w',%s'nodes':[" RULE("a", "") "]}", more);
	world_agents(w);
	w->by_hand = true;
	world_save(w, definition);
	world_trigger(w, "w", "{'k':'x'}");
	world_pass(w, 1000);
	world_trigger(w, "w", "{'k':'x'}");
	return ask(w, world_trigger(w, "w", "{'k':'x'}"));
}

TEST(a_run_that_waits_for_its_key)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	struct told y = pending(&w, "'concurrency':{'key':'{{ context.k }}'},");
	CHECK_Z(get(&y, "", "status"), "PENDING");
	CHECK_Z(get(&y, "", "reason"), "pending_key");
	CHECK_Z(get(&y, "", "since"), "2023-11-14T22:13:21.000Z");
	const char *command = get(&y, "", "command");
	CHECK(strncmp(command, "drover cancel ", 14) == 0);
	CLEANUP_FREE char *want = mem_printf(
		"The run waits since 2023-11-14T22:13:21.000Z: 1 of 1 runs of the key \"x\" go on, "
		"the oldest is %s since " BEGIN "; place 2 of 2.",
		command + 14);
	CHECK_Z(get(&y, "", "summary"), want);
	CHECK_INT(value_getz(&y.value, "nodes")->n, 0);
}

TEST(a_run_that_waits_for_its_workflows_rate)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	struct told y = pending(&w, "'rateLimit':{'limit':1,'per':'1h'},");
	CHECK_Z(get(&y, "", "reason"), "pending_rate");
	CHECK_Z(get(&y, "", "summary"),
		"The run waits since 2023-11-14T22:13:21.000Z: its workflow's rateLimit allows 1 "
		"starts in 3600000 ms; the next one is at 2023-11-14T23:13:20.000Z, place 2 of 2.");
	CHECK_Z(get(&y, "", "until"), "2023-11-14T23:13:20.000Z");
	CHECK_Z(get(&y, "", "command"), "-");
}

TEST(a_run_that_waits_for_its_project)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.config.max_project_running = 1;
	world_crash(&w);
	struct told y = pending(&w, "");
	CHECK_Z(get(&y, "", "reason"), "pending_project");
	CHECK_Z(get(&y, "", "summary"),
		"The run waits since 2023-11-14T22:13:21.000Z: 1 of 1 runs of its project go on, 2 "
		"of its project wait; serve --max-project-running-runs raises that.");
	CHECK_Z(get(&y, "", "command"), "drover serve --max-project-running-runs 2");
}

TEST(a_run_that_waits_for_all_the_others)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.config.max_running = 1;
	world_crash(&w);
	struct told y = pending(&w, "");
	CHECK_Z(get(&y, "", "reason"), "pending_all");
	CHECK_Z(get(&y, "", "summary"),
		"The run waits since 2023-11-14T22:13:21.000Z: 1 of 1 runs go on, 2 of its project "
		"wait; serve --max-running-runs raises that.");
}

TEST(an_answer_about_many_nodes_is_bounded)
{
	struct world w CLEANUP_WORLD;
	CLEANUP_BUF struct buf text = {0};
	buf_puts(&text, "{'name':'w','nodes':[{'id':'n0','sleep':'1h'}");
	for (int i = 1; i < 600; i++)
		buf_printf(&text, "," RULE("n%d", ",'dependsOn':['n%d']"), i, i - 1);
	buf_puts(&text, "]}");
	const char *run = begin(&w, text.p);
	struct told y = ask(&w, run);
	CHECK_INT(value_getz(&y.value, "nodes")->n, 500);
	CHECK_INT(value_getz(&y.value, "nodesLeftOut")->i, 100);
	CHECK_INT(value_getz(node(&y, "n499"), "chain")->n, 32);
	CHECK(strstr(get(&y, "n499", "sentence"), "\"n0\" sleeps since") != NULL);
}

static void pause_run(struct world *w, const char *run, const char *reason)
{
	engine_run_pause(w->engine,
			 &(struct run_control){.project = STR("default"),
					       .run_id = str_of(run),
					       .by = STR("ann"),
					       .reason = str_of(reason)},
			 world_reply, w);
	world_settle(w);
}

TEST(nodes_that_a_paused_run_holds)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" RULE("a", "") "," RULE(
				  "b", ",'dependsOn':['a']") "," RULE("c", ",'dependsOn':["
									   "'b']") "]}");
	pause_run(&w, run, "look first");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "a", "reason"), "running");
	CHECK_Z(get(&y, "b", "reason"), "waiting_dependencies");
	CHECK(str_starts(str_of(get(&y, "", "summary")),
			 str_of(arena_printf(&w.arena,
					     "The run is paused since " BEGIN
					     " by ann (look first): drover resume %s; node \"a\": ",
					     run))));
	world_pass(&w, 1000);
	world_succeed(&w, "a", "{}");
	y = ask(&w, run);
	const char *command = arena_printf(&w.arena, "drover resume %s", run);
	CHECK_Z(get(&y, "b", "reason"), "held");
	CHECK_Z(get(&y, "b", "sentence"),
		arena_printf(&w.arena,
			     "is held: the run is paused since " BEGIN " by ann (look first): %s",
			     command));
	CHECK_Z(get(&y, "b", "since"), BEGIN);
	CHECK_Z(get(&y, "b", "until"), "-");
	CHECK_Z(get(&y, "b", "command"), command);
	CHECK_Z(get(&y, "b", "blockedBy"), "");
	CHECK_Z(get(&y, "c", "chain"), "b");
	CHECK_Z(get(&y, "c", "command"), command);
	CHECK(strstr(get(&y, "c", "sentence"), "\"b\" is held, as the run is paused since") !=
	      NULL);
}

TEST(an_attempt_that_a_paused_run_holds)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" RULE(
					    "a", ",'retry':{'maxAttempts':2,'initialInterval':'1s',"
						 "'jitter':0}") "]}");
	world_fail(&w, "a", "exit_1");
	pause_run(&w, run, "");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "a", "reason"), "retry_backoff");
	world_pass(&w, 1000);
	y = ask(&w, run);
	CHECK_Z(get(&y, "a", "reason"), "held");
	CHECK_Z(get(&y, "a", "status"), "QUEUED");
	CHECK_Z(get(&y, "", "summary"),
		arena_printf(
			&w.arena,
			"The run has not ended: node \"a\": is held: the run is paused since " BEGIN
			" by ann: drover resume %s.",
			run));
}

TEST(a_run_that_is_paused_with_its_workflow_is_resumed_with_it)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE("a", "") "," RULE("b", ",'dependsOn':['a']") "]}");
	engine_workflow_pause(w.engine,
			      &(struct workflow_control){.project = STR("default"),
							 .workflow = STR("w"),
							 .runs = true},
			      world_reply, &w);
	world_settle(&w);
	world_succeed(&w, "a", "{}");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "b", "command"), "drover resume --workflow w");
}

TEST(a_run_that_was_called_and_what_holds_it)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'in','concurrency':{'limit':1},'nodes':["
		       "{'id':'ask','agent':'rule','action':'run','approval':{'timeout':'1h'}}]}");
	world_save(&w, "{'name':'mid','nodes':[{'id':'m','workflow':'in'}]}");
	world_save(&w, "{'name':'w','nodes':[{'id':'c','workflow':'mid','timeout':'2h'},"
		       "{'id':'d','sleep':'1m','dependsOn':['c']}]}");
	const char *run = world_trigger(&w, "w", NULL);
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "c", "status"), "RUNNING");
	CHECK_Z(get(&y, "c", "reason"), "waiting_run");
	CHECK_Z(get(&y, "c", "since"), BEGIN);
	const char *sentence = get(&y, "c", "sentence");
	CHECK(strstr(sentence, "waits since " BEGIN " for run ") == sentence);
	CHECK(strstr(sentence, " of workflow \"mid\"; its node \"m\": waits since " BEGIN
			       " for run ") != NULL);
	CHECK(strstr(sentence, " of workflow \"in\"; its node \"ask\": waits since " BEGIN
			       " for somebody to approve rule run") != NULL);
	CHECK(strstr(get(&y, "c", "command"), "drover approve ") != NULL);
	CHECK_Z(get(&y, "d", "command"), get(&y, "c", "command"));
	CHECK(strstr(get(&y, "d", "sentence"), "\"c\" waits for the run that it called") != NULL);
	const char *other = world_trigger(&w, "mid", NULL); /* waits for the key of the first */
	y = ask(&w, other);
	CHECK(strstr(get(&y, "m", "sentence"),
		     " of workflow \"in\", which has not started: it waits "
		     "since " BEGIN ": 1 of 1 runs go on") != NULL);
	CHECK(strstr(get(&y, "m", "command"), "drover cancel ") != NULL);
}

TEST(a_run_that_is_called_again_in_its_time)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'in','nodes':[" RULE("a", "") "]}");
	world_save(&w, "{'name':'w','nodes':[{'id':'c','workflow':'in','retry':{'maxAttempts':3,"
		       "'initialInterval':'10s','jitter':0}}]}");
	const char *run = world_trigger(&w, "w", NULL);
	world_fail(&w, "a", "exit_3");
	struct told y = ask(&w, run);
	CHECK_Z(get(&y, "c", "reason"), "retry_backoff");
	CHECK_Z(get(&y, "c", "until"), "2023-11-14T22:13:30.000Z");
	CHECK(strstr(get(&y, "c", "sentence"),
		     "its next run of workflow \"in\" starts at 2023-11-14T22:13:30.000Z; 1 of 3 "
		     "tries failed, the last was run ") != NULL);
}

TAP_MAIN(RUN(a_run_that_was_called_and_what_holds_it), RUN(a_run_that_is_called_again_in_its_time),
	 RUN(nodes_that_a_paused_run_holds), RUN(an_attempt_that_a_paused_run_holds),
	 RUN(a_run_that_is_paused_with_its_workflow_is_resumed_with_it), RUN(an_attempt_that_runs),
	 RUN(an_attempt_that_is_about_to_start), RUN(a_full_disk), RUN(an_end_that_is_on_its_way),
	 RUN(a_place_in_the_queue), RUN(the_next_attempt_in_its_time),
	 RUN(the_nearest_of_several_time_outs), RUN(the_total_time_out_of_a_node),
	 RUN(a_place_in_the_queue_with_an_end), RUN(a_circuit_breaker_that_is_open),
	 RUN(a_wait_for_an_event), RUN(a_sleep), RUN(an_approval),
	 RUN(other_nodes_down_to_the_real_blocker),
	 RUN(the_command_of_the_real_blocker_unblocks_what_stands_behind_it),
	 RUN(a_stop_that_is_under_way), RUN(time_outs_that_are_under_way),
	 RUN(items_and_those_that_wait_for_their_turn),
	 RUN(an_item_that_ends_because_another_failed), RUN(a_node_whose_effect_is_not_known),
	 RUN(a_run_that_has_ended), RUN(a_run_that_ended_since_it_was_read_is_read_again),
	 RUN(an_attempt_that_waits_for_its_agent), RUN(an_attempt_that_waits_for_its_agents_rate),
	 RUN(an_attempt_that_waits_for_the_share_of_its_project), RUN(a_run_that_waits_for_its_key),
	 RUN(a_run_that_waits_for_its_workflows_rate), RUN(a_run_that_waits_for_its_project),
	 RUN(a_run_that_waits_for_all_the_others), RUN(an_answer_about_many_nodes_is_bounded))
