/*
 * URI references (RFC 3986): taking apart, resolving, judging. Pure; any thread.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* The five parts. A part that is absent has p == NULL (path is never absent, but may be empty). */
struct uri {
	struct str scheme, authority, path, query, fragment;
};

/* Takes any text apart, as RFC 3986 appendix B does. */
struct uri uri_split(struct str text);

/* RFC 3986 section 5.2: the reference seen from the base, with its fragment, in the arena. An
 * empty base leaves the reference as it is (dot segments removed). */
struct str uri_resolve(struct arena *a, struct str base, struct str reference);

/* The text before '#', and after it (p == NULL when there is none). */
struct str uri_without_fragment(struct str text);
struct str uri_fragment(struct str text);

/* Replaces %XX, in the arena; what is no escape stays. */
struct str uri_unescape(struct arena *a, struct str text);

enum uri_flags {
	URI_ABSOLUTE = 1,      /* a scheme is needed */
	URI_INTERNATIONAL = 2, /* RFC 3987: characters beyond ASCII may stand for themselves */
};

/* Whether text is a URI reference as the grammar has it. */
bool uri_valid(struct str text, int flags);

/* IP addresses in text, as RFC 2673 and RFC 4291 have them. */
bool uri_is_ipv4(struct str text);
bool uri_is_ipv6(struct str text);
