/* What a rule's own file needs of the table in rule.c. */
#pragma once

#include "agents/rule.h"
#include "base/list.h"
#include "base/rng.h"

struct http_client;

struct rules {
	struct rules_config config;
	struct http_client *http;
	struct list calls;
	struct rng rng;
};

struct rule_call {
	struct list node; /* in rules->calls */
	struct rules *rules;
	rule_log_fn log;
	rule_done_fn done;
	void *user;
	void (*end)(struct rule_call *call); /* frees it, without calling done */
};

/*
 * What starts a rule: copies `call` (whose `end` and `node` are its own business), or calls done
 * now and returns NULL.
 */
typedef struct rule_call *(*rule_fn)(const struct rule_call *call, const struct rule_start *start);

struct rule_call *notifier_start(const struct rule_call *call, const struct rule_start *start);
