/*
 * Options of `drover serve`. One table says each option's name, default and meaning; the command
 * line (--name), the environment (DROVER_NAME) and the configuration file (name: value) are read
 * by it, in this order of precedence, and the help is printed from it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/names.h"

struct config_list {
	const char **items;
	size_t n;
};

struct config {
	const char *db;		       /* "sqlite:FILE"; default: sqlite:DATA/drover.db */
	const char *listen;	       /* HTTP API */
	const char *metrics;	       /* Prometheus exporter; "off" = none */
	const char *data;	       /* folder for the database and artifacts */
	struct config_list agents;     /* roots that hold agent folders */
	struct config_list workspaces; /* roots that may be mounted as workspaces */
	const char *log;	       /* least level */
	const char *log_format;	       /* "auto", "json", "text" */
	const char *file;	       /* --config */
	bool allow_unsandboxed;
	bool allow_private;    /* notifier may call loopback and private addresses */
	bool insecure_listen;  /* may listen beyond loopback without authentication */
	int64_t max_scripts;   /* SCRIPT attempts at once; 0 = twice the cores */
	int64_t extra_scripts; /* beyond them, for projects that got none; -1 = as many again */
	const char *retention_runs, *retention_logs, *retention_artifacts; /* a time, or "off" */
	int64_t retention_ms[RETAINED_CLASSES];	      /* the same, 0 = for ever; made of them */
	int64_t max_open_runs, max_project_open_runs; /* more are refused; 0 = limits.h */
	int64_t max_running_runs, max_project_running_runs; /* more are PENDING; 0 = no limit */
	int64_t ready_fd; /* gets one line "listen=… metrics=…" when ready; -1 = none */
};

struct config_option {
	const char *name, *arg, *help;
	enum { CONFIG_TEXT, CONFIG_LIST, CONFIG_FLAG, CONFIG_INT } kind;
	size_t offset; /* in struct config */
};

extern const struct config_option config_options[];
extern const size_t config_n_options;

/* Everything unset. */
void config_defaults(struct config *c);

/*
 * Completes what the command line left open (a field still at its default) from the environment
 * and the file, then fills what depends on other fields. All findings go to diag.
 */
void config_complete(struct config *c, struct arena *a, struct diag *d);
