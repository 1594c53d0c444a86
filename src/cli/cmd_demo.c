/*
 * demo: the main job from nothing. Starts a service of its own on free ports and a private
 * folder, applies scan-and-notify, runs it, shows what came of it, and ends the service.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/demo_service.h"
#include "cli/document.h"
#include "cli/logs.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"

static const char workflow[] = "scan-and-notify";

struct demo {
	struct demo_service service;
	struct cli_common common;
	struct client *client;
	const char *target; /* what is scanned */
	char run[64];
};

/* ---- the workflow ---- */

/* scan-and-notify.yaml next to the program's agents, or installed. */
static bool find_workflow(char ret[PATH_MAX])
{
	static const char *const places[] = {"agents/workflows", "../share/drover/agents/workflows",
					     "../agents/workflows"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		snprintf(ret, PATH_MAX, "%.2000s/%s/%s.yaml", self, places[i], workflow);
		if (access(ret, R_OK) == 0)
			return true;
	}
	fprintf(stderr, "drover demo: %s.yaml is not where it should be, near %s\n", workflow,
		self);
	return false;
}

static int apply(struct demo *d)
{
	char path[PATH_MAX];
	CLEANUP_BUF struct buf text = {0};
	if (!find_workflow(path) || !document_read(path, &text))
		return CLI_FAILED;
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_call(d->client, "POST", "/api/workflows?upsert=true", buf_str(&text),
			 document_type(path), &r))
		return CLI_UNREACHABLE;
	return r.status >= 400 ? client_refused_file(&r, path, buf_str(&text)) : CLI_OK;
}

static int trigger(struct demo *d)
{
	CLEANUP_BUF struct buf body = {0}, path = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "context");
	json_out_object(&o);
	json_out_key(&o, "repositoryPath");
	json_out_strz(&o, d->target);
	json_out_end(&o);
	json_out_end(&o);
	buf_printf(&path, "/api/workflows/%s/trigger", workflow);
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_call(d->client, "POST", path.p, buf_str(&body), NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r);
	snprintf(d->run, sizeof(d->run), "%.*s", STR_ARG(print_text(&r.value, "workflowRunId")));
	return CLI_OK;
}

/* ---- what came of it ---- */

/* What the notifier told, which the service's log would hide. */
static void print_notices(const struct value *run)
{
	const struct value *tries = value_getz(run, "agentRuns");
	for (uint32_t i = 0; value_is(tries, VALUE_ARRAY) && i < tries->n; i++) {
		const struct value *t = &tries->items[i], *input = value_getz(t, "input");
		if (!str_eqz(print_text(t, "agent"), "notifier") ||
		    !str_eqz(print_text(t, "status"), "SUCCESS"))
			continue;
		printf("notified on the ");
		table_put(print_text(input, "channel"));
		printf(": ");
		table_put(print_text(input, "message"));
		printf("\n\n");
	}
}

/* The findings of the node `scan`, then the run with its timeline. */
static int show(struct demo *d)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	watch_path(&path, &d->common, str_of(d->run), "");
	int status = client_get(d->client, path.p, &r);
	if (status != CLI_OK)
		return status;
	const struct value *nodes = value_getz(&r.value, "nodes");
	for (uint32_t i = 0; value_is(nodes, VALUE_ARRAY) && i < nodes->n; i++)
		if (str_eqz(print_text(&nodes->items[i], "id"), "scan"))
			print_findings(value_getz(&nodes->items[i], "output"));
	print_notices(&r.value);
	print_run(&r.value);
	return CLI_OK;
}

static int play(struct demo *d)
{
	int status = apply(d);
	if (status == CLI_OK)
		status = trigger(d);
	if (status != CLI_OK)
		return status;
	printf("%sscanning %s%s\n\n", table_bold(), d->target, table_plain());
	fflush(stdout);
	status = watch_run(d->client, &d->common, str_of(d->run), true);
	if (status == CLI_UNREACHABLE)
		return status;
	printf("\n");
	int shown = show(d);
	if (shown == CLI_OK && status != CLI_OK) {
		printf("\n%swhat the agents wrote:%s\n", table_bold(), table_plain());
		shown = logs_print(d->client, &d->common, str_of(d->run));
	}
	return shown == CLI_OK ? status : shown;
}

static void say_kept(const struct demo_service *s)
{
	printf("\nThe service is still up:\n"
	       "  use it       export DROVER_SERVER=%s\n"
	       "  its files    %s\n"
	       "  end it       kill %d && rm -r %s\n",
	       s->server, s->folder, (int)s->pid, s->folder);
}

static int demo(const char *target, bool keep)
{
	struct demo d = {.target = target};
	if (!demo_service_start(&d.service, target))
		return CLI_FAILED;
	cli_common_init(&d.common);
	d.common.server = d.service.server;
	d.common.token = NULL;
	d.client = client_new(&d.common);
	int status = play(&d);
	client_free(d.client);
	if (status == CLI_UNREACHABLE) {
		fprintf(stderr, "drover demo: the service's log:\n");
		demo_service_print_log(&d.service);
	}
	if (keep)
		say_kept(&d.service);
	demo_service_end(&d.service, keep);
	return status;
}

static int demo_run(int argc, char **argv)
{
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	bool keep = false;
	const struct opt opts[] = {
		{"keep", 'k', OPT_FLAG, &keep, NULL, "leave the service up and say where"}};
	int status;
	if (!cli_parse(&cmd_demo, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	const char *named = rest.n ? rest.items[0] : ".";
	CLEANUP_FREE char *target = realpath(named, NULL);
	struct stat st;
	int problem = !target || stat(target, &st) != 0	 ? errno
		      : !S_ISDIR(st.st_mode)		 ? ENOTDIR
		      : access(target, R_OK | X_OK) != 0 ? errno
							 : 0;
	if (problem) {
		fprintf(stderr, "drover demo: can't scan '%s': %s\n", named, strerror(problem));
		return CLI_USAGE;
	}
	return demo(target, keep);
}

const struct command cmd_demo = {"demo", "[PATH] [--keep]",
				 "start a service, scan PATH (default .), show the findings",
				 demo_run};
