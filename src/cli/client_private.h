/* What client.c and client_follow.c share. */
#pragma once

#include <curl/curl.h>

#include "cli/client.h"

struct client {
	CURL *curl;
	char *server;
	char *auth; /* header, or NULL */
	struct curl_slist *once;
};

/* Sets a handle up for one call; free *headers after it. */
void client_prepare(const struct client *c, CURL *curl, const char *method, const char *path,
		    struct curl_slist **headers);

/* Says on stderr that there is no server. Always false. */
bool client_unreachable(const struct client *c, const char *why);
