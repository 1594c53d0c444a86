/*
 * Judges a request's header fields for what could be read in two ways (request smuggling, RFC 9112
 * sections 3.2, 5 and 6). Pure.
 */
#pragma once

#include "http/server.h"

struct framing {
	bool has_body; /* one is announced */
	bool chunked;
	uint64_t length; /* of the body, when not chunked */
};

/* 0, or the status to refuse with; *ret_detail then says why. */
int framing_judge(const struct http_request *r, struct str version, struct framing *ret,
		  const char **ret_detail);
