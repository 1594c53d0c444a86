/*
 * Judges a request target (RFC 9112 section 3.2: origin form, absolute form, `*`) and takes it
 * apart. A path is decoded once and has one meaning: no `.` or `..` segment, no encoded slash, no
 * control character, valid UTF-8 only. Pure.
 */
#pragma once

#include "http/server.h"

/*
 * Fills path, segments and query of r from the raw target; memory from the arena. 0, or the
 * status to refuse with (400, 404, 414), *ret_detail then says why.
 */
int target_parse(struct arena *a, struct str target, struct http_request *r,
		 const char **ret_detail);

/* Decodes %XX and, when asked, + as space. False on a bad escape, NUL, control characters or
 * invalid UTF-8. */
bool target_decode(struct arena *a, struct str s, bool plus, struct str *ret);
