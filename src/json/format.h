/*
 * The formats of JSON Schema 2020-12 (Validation, section 7). Pure; any thread.
 *
 * Lenient, as written here: idn-email, idn-hostname, iri and iri-reference take any character
 * beyond ASCII without the IDNA tables; uri-template checks braces and expressions only.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum format {
	FORMAT_NONE, /* not known: anything is good */
	FORMAT_DATE_TIME,
	FORMAT_DATE,
	FORMAT_TIME,
	FORMAT_DURATION,
	FORMAT_EMAIL,
	FORMAT_IDN_EMAIL,
	FORMAT_HOSTNAME,
	FORMAT_IDN_HOSTNAME,
	FORMAT_IPV4,
	FORMAT_IPV6,
	FORMAT_URI,
	FORMAT_URI_REFERENCE,
	FORMAT_IRI,
	FORMAT_IRI_REFERENCE,
	FORMAT_URI_TEMPLATE,
	FORMAT_UUID,
	FORMAT_JSON_POINTER,
	FORMAT_RELATIVE_JSON_POINTER,
	FORMAT_REGEX,
};

enum format format_of(struct str name);
const char *format_name(enum format format);

/* Whether text is of the format. */
bool format_valid(enum format format, struct str text);
