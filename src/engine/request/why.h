/*
 * Why a run waits: one judgement over the engine's memory, said in sentences. Private to
 * src/engine but for engine_run_why(), which answers with
 *
 *   {runId, status, summary, reason, since, until, command,
 *    nodes: [{nodeId, status, reason, sentence, since, until,
 *    blockedBy: [nodeId, …], chain: [nodeId, …], command}], nodesLeftOut}
 *
 * nodes: the unfinished ones, those that others wait for first, LIMIT_WHY_NODES at most. blockedBy
 * names the direct dependencies that have not ended, of a node with forEach some of its items that
 * go on; chain goes from the first link down to the
 * node that really holds this one (LIMIT_WHY_CHAIN links at most). since and until are null when
 * there is no such time; command is null when it goes on by itself. Of a run that ended, nodes
 * holds the one whose failure ended it. reason and command of the run itself are those of a PENDING
 * one, else null.
 */
#pragma once

enum why_reason {
	WHY_STARTING,	  /* its attempt's row is on its way to the disk */
	WHY_STORE_FULL,	  /* the same, and the disk is full */
	WHY_RUNNING,	  /* an attempt runs */
	WHY_BACKOFF,	  /* waits for its next attempt */
	WHY_QUEUED,	  /* waits for a slot */
	WHY_AGENT_LIMIT,  /* its agent runs as many attempts as it may */
	WHY_AGENT_RATE,	  /* its agent has started as many as it may by now */
	WHY_BREAKER,	  /* waits for its agent's circuit breaker */
	WHY_SLEEP,	  /* until a time */
	WHY_EVENT,	  /* waits for a signal or an event */
	WHY_STOPPING,	  /* an attempt was asked to stop */
	WHY_APPROVAL,	  /* waits for people */
	WHY_ITEMS,	  /* a node with forEach: waits for its items */
	WHY_CHILD,	  /* waits for the run that it called */
	WHY_TURN,	  /* an item: as many others go on as may at once */
	WHY_UNKNOWN,	  /* nobody knows whether its effect happened: people must say */
	WHY_HELD,	  /* the run is paused */
	WHY_DEPENDENCIES, /* waits for other nodes */
	WHY_RUN_KEY,	  /* a PENDING run: as many of its key go on as may */
	WHY_RUN_RATE,	  /* the same: its workflow may start no more by now */
	WHY_RUN_PROJECT,  /* the same: its project runs as many as it may */
	WHY_RUN_ALL,	  /* the same: so do all projects together */
	WHY_ENDED,	  /* failed, in a run that ended */
};

const char *why_reason_name(enum why_reason reason);
