/*
 * One message of the notifier: read from a node's input, and turned into what each channel wants.
 * Text is data everywhere: nothing in it can mention people, break out of JSON, or be cut inside
 * a character. Pure.
 */
#pragma once

#include <stdbool.h>

#include "agents/rule.h"
#include "base/arena.h"
#include "base/buf.h"
#include "json/value.h"

enum notice_channel { NOTICE_CONSOLE, NOTICE_SLACK, NOTICE_DISCORD, NOTICE_WEBHOOK };
enum notice_severity { NOTICE_INFO, NOTICE_WARNING, NOTICE_ERROR, NOTICE_CRITICAL };

struct notice {
	enum notice_channel channel;
	enum notice_severity severity;
	struct str title, message;  /* title may be empty */
	const struct value *fields; /* an object of short facts, or NULL */
	const char *url;	    /* NULL for the console */
	int64_t timeout_ms;	    /* of one try; 0 = not said */
};

/*
 * Reads {channel, severity, title, message, url, fields, timeout}. NULL when it is good, else one
 * sentence on what is not. The notice lives in the arena.
 */
const char *notice_read(struct arena *a, struct str input, struct notice *ret);

const char *notice_channel_name(enum notice_channel c);
const char *notice_severity_name(enum notice_severity s);

/* Appends the request body for the channel; whether something had to be shortened. */
bool notice_payload(const struct notice *n, const struct rule_start *start, struct buf *out);

/* Appends scheme and host of a URL: its path and query are as good as a password. */
void notice_url_shown(struct buf *out, const char *url);

/* Appends s, of at most n_most UTF-16 units; a longer one ends in an ellipsis. True when cut. */
bool notice_clamp(struct buf *out, struct str s, size_t n_most, bool escape_slack);
