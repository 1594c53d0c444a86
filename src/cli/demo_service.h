/*
 * A service of its own for `drover demo`: a child process on free ports, with its database and log
 * in a private folder. One at a time.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct demo_service {
	char *folder, *log; /* set while it runs */
	char *server;	    /* "http://127.0.0.1:PORT" */
	pid_t pid;
};

/*
 * Starts it and waits until it is ready. `workspaces` is the folder that agents may be shown. From
 * here on INT, TERM and HUP stop it, remove the folder and end the process. False after saying why
 * on stderr; nothing is left behind then.
 */
bool demo_service_start(struct demo_service *s, const char *workspaces);

/* Stops it, waits for its end and removes the folder; with `keep` it is left alone. */
void demo_service_end(struct demo_service *s, bool keep);

/* Prints its log on stderr. */
void demo_service_print_log(const struct demo_service *s);
