#include "agents/rule.h"

#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "agents/notice.h"
#include "agents/manifest.h"
#include "base/clock.h"
#include "http/retry_after.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "json/schema.h"
#include "tap.h"
#include "text/yaml.h"
#include "web.h"

struct fixture {
	uv_loop_t loop;
	struct clock_test clock;
	struct rules *rules;
	struct web *web;
};

struct got {
	uv_loop_t *loop;
	int n;
	char code[32];
	struct buf message, output;
	bool retryable;
	int64_t retry_after_ms;
	struct buf log;
};

static void fixture_free(struct fixture *f)
{
	web_free(&f->web);
	rules_free(f->rules);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	uv_loop_close(&f->loop);
}

static void got_free(struct got *g)
{
	buf_free(&g->message);
	buf_free(&g->output);
	buf_free(&g->log);
}

static bool open_fixture(struct fixture *f, const struct web_step *steps, size_t n)
{
	if (uv_loop_init(&f->loop) < 0)
		return false;
	clock_test_init(&f->clock, 1000000000000);
	struct rules_config config = {
		.loop = &f->loop,
		.clock = &f->clock.clock,
		.allow_private = true,
		.try_timeout_ms = 10000,
		.first_pause_ms = 2,
		.longest_pause_ms = 5000,
		.tries = 3,
	};
	f->web = web_new(&f->loop, steps, n, NULL);
	return f->web && rules_new(&config, &f->rules) == 0;
}

static void on_log(void *user, struct str line)
{
	struct got *g = user;
	buf_put_str(&g->log, line);
	buf_putc(&g->log, '\n');
}

static void on_done(void *user, const struct rule_result *r)
{
	struct got *g = user;
	g->n++;
	snprintf(g->code, sizeof(g->code), "%s", r->code ? r->code : "");
	buf_clear(&g->message);
	buf_clear(&g->output);
	buf_put_str(&g->message, r->message);
	buf_put_str(&g->output, r->output);
	buf_putc(&g->message, '\0');
	g->message.n--;
	g->retryable = r->retryable;
	g->retry_after_ms = r->retry_after_ms;
	if (g->loop)
		uv_stop(g->loop);
}

static const struct rule_start context = {
	.agent = {"notifier", 8},
	.action = {"send", 4},
	.run_id = {"run-1", 5},
	.node_id = {"notify", 6},
	.project = {"default", 7},
	.workflow = {"w", 1},
	.attempt = 2,
	.idempotency_key = {"key-1", 5},
};

static struct rule_call *start(struct fixture *f, struct got *g, const char *input)
{
	struct rule_start s = context;
	s.input = str_of(input);
	g->loop = &f->loop;
	return rule_start(f->rules, &s, on_log, on_done, g);
}

static void run(struct fixture *f, struct got *g, const char *input)
{
	int n = g->n;
	start(f, g, input);
	while (g->n == n)
		uv_run(&f->loop, UV_RUN_ONCE);
}

/* A message to the test's server. */
static void send_to(struct fixture *f, struct got *g, const char *channel, const char *more)
{
	CLEANUP_BUF struct buf input = {0};
	buf_printf(&input,
		   "{\"channel\":\"%s\",\"message\":\"hello\",\"url\":\"%s/hook/T0KEN-0123456789?k="
		   "s3cr3ts3cr3t\"%s}",
		   channel, web_url(f->web), more);
	run(f, g, input.p);
}

#define STEPS(...)                                                                                 \
	static const struct web_step steps[] = {__VA_ARGS__};                                      \
	CLEANUP(fixture_free) struct fixture f = {0};                                              \
	CLEANUP(got_free) struct got g = {0};                                                      \
	CHECK(open_fixture(&f, steps, ARRAY_LEN(steps)))

TEST(noop_answers_at_once_with_what_it_was_given)
{
	STEPS({.status = 200});
	struct rule_start s = {
		.agent = STR("noop"), .action = STR("run"), .input = STR("{\"a\":[1]}")};
	CHECK(rule_start(f.rules, &s, on_log, on_done, &g) == NULL);
	CHECK_INT(g.n, 1);
	CHECK_STR(buf_str(&g.output), STR("{\"input\":{\"a\":[1]}}"));
	s.input = STR("{}");
	CHECK(rule_start(f.rules, &s, on_log, on_done, &g) == NULL);
	CHECK_STR(buf_str(&g.output), STR("{}"));
	s.action = STR("jump");
	CHECK(rule_start(f.rules, &s, on_log, on_done, &g) == NULL);
	CHECK_Z(g.code, "unknown_rule");
	CHECK(rule_known(STR("noop"), STR("run")) && rule_known(STR("notifier"), STR("")) &&
	      !rule_known(STR("noop"), STR("send")) && !rule_known(STR("x"), STR("")));
}

TEST(the_console_delivers_at_once)
{
	STEPS({.status = 200});
	run(&f, &g, "{\"message\":\"hello\",\"severity\":\"warning\",\"fields\":{\"a\":1}}");
	CHECK_Z(g.code, "");
	CHECK_STR(buf_str(&g.output), STR("{\"delivered\":true,\"channel\":\"console\","
					  "\"attempts\":1,\"truncated\":false}"));
	CHECK_INT(web_n_requests(f.web), 0);
	CHECK_Z(g.log.p, "{\"severity\":\"warning\",\"title\":\"\",\"message\":\"hello\"}\n");
}

TEST(each_service_gets_its_own_form_and_the_idempotency_key)
{
	STEPS({.status = 204});
	send_to(&f, &g, "slack", ",\"title\":\"T\",\"severity\":\"error\",\"fields\":{\"n\":3}");
	CHECK_Z(g.code, "");
	CHECK_STR(buf_str(&g.output),
		  STR("{\"delivered\":true,\"channel\":\"slack\",\"status\":204,"
		      "\"attempts\":1,\"truncated\":false}"));
	send_to(&f, &g, "discord", ",\"title\":\"T\",\"fields\":{\"n\":3}");
	send_to(&f, &g, "webhook", ",\"fields\":{\"n\":{\"deep\":[1]}}");
	CHECK_INT(web_n_requests(f.web), 3);
	const struct web_request *r = web_request(f.web, 0);
	CHECK(str_starts(str_of(r->head), STR("POST /hook/T0KEN-0123456789?k=s3cr3ts3cr3t HTTP")));
	CHECK(strstr(r->head, "\r\nIdempotency-Key: key-1\r\n"));
	CHECK(strstr(r->head, "\r\nContent-Type: application/json\r\n"));
	CHECK_Z(r->body,
		"{\"text\":\"T\\nhello\",\"unfurl_links\":false,\"unfurl_media\":false,"
		"\"attachments\":[{\"color\":\"#d50200\",\"fallback\":\"error\",\"fields\":["
		"{\"title\":\"Severity\",\"value\":\"error\",\"short\":true},"
		"{\"title\":\"n\",\"value\":\"3\",\"short\":true}]}]}");
	CHECK_Z(web_request(f.web, 1)->body,
		"{\"content\":\"T\",\"allowed_mentions\":{\"parse\":[]},\"embeds\":[{"
		"\"description\":\"hello\",\"color\":4431840,\"fields\":["
		"{\"name\":\"n\",\"value\":\"3\",\"inline\":true}]}]}");
	CHECK_Z(web_request(f.web, 2)->body,
		"{\"severity\":\"info\",\"title\":\"\",\"message\":\"hello\",\"fields\":{\"n\":"
		"{\"deep\":[1]}},\"project\":\"default\",\"workflow\":\"w\",\"runId\":\"run-1\","
		"\"nodeId\":\"notify\",\"idempotencyKey\":\"key-1\",\"attempt\":2}");
}

TEST(a_busy_service_is_tried_again_with_the_same_key)
{
	STEPS({.status = 500}, {.kind = WEB_PARTIAL, .status = 200}, {.status = 200});
	send_to(&f, &g, "webhook", "");
	CHECK_Z(g.code, "");
	CHECK(strstr(g.output.p, "\"attempts\":3"));
	CHECK_INT(web_n_requests(f.web), 3);
	CHECK(strstr(web_request(f.web, 2)->head, "Idempotency-Key: key-1\r\n"));
	CHECK(str_starts(buf_str(&g.log), STR("try 1: status 500; next try in ")));
}

TEST(retry_after_is_waited_for)
{
	STEPS({.status = 429, .headers = "Retry-After: 1\r\n"}, {.status = 200});
	uint64_t before = uv_hrtime();
	send_to(&f, &g, "slack", "");
	CHECK_Z(g.code, "");
	CHECK(uv_hrtime() - before >= 990000000);
}

TEST(a_long_retry_after_ends_the_attempt_and_is_passed_on)
{
	STEPS({.status = 429, .headers = "Retry-After: 120\r\n"},
	      {.status = 503, .headers = "Retry-After: Sun, 09 Sep 2001 01:47:40 GMT\r\n"});
	send_to(&f, &g, "slack", "");
	CHECK_Z(g.code, "delivery_failed");
	CHECK(g.retryable);
	CHECK_INT(g.retry_after_ms, 120000);
	send_to(&f, &g, "slack", ""); /* the test clock stands at 01:46:40 */
	CHECK_INT(g.retry_after_ms, 60000);
	CHECK_INT(web_n_requests(f.web), 2);
}

TEST(tries_are_bounded_and_failure_is_never_success)
{
	STEPS({.status = 500, .body = "broken"});
	send_to(&f, &g, "discord", "");
	CHECK_Z(g.code, "delivery_failed");
	CHECK(g.retryable);
	CHECK_INT(g.output.n, 0);
	CHECK_INT(web_n_requests(f.web), 3);
	CHECK(strstr(g.message.p, "after 3 tries: status 500: broken"));
}

TEST(what_can_not_get_better_is_final)
{
	STEPS({.status = 404, .body = "no_service"}, {.status = 302, .headers = "Location: /\r\n"},
	      {.status = 400}, {.kind = WEB_ENDLESS});
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		send_to(&f, &g, "slack", "");
		CHECK_Z(g.code, "delivery_failed");
		CHECK(!g.retryable);
		CHECK_INT(web_n_requests(f.web), i + 1);
	}
}

TEST(a_silent_service_costs_a_time_out_for_each_try)
{
	STEPS({.kind = WEB_SILENT});
	send_to(&f, &g, "webhook", ",\"timeout\":\"30ms\"");
	CHECK_Z(g.code, "delivery_failed");
	CHECK(g.retryable);
	CHECK_INT(web_n_requests(f.web), 3);
}

TEST(no_part_of_the_url_is_told_even_when_the_other_side_says_it)
{
	STEPS({.status = 400,
	       .body = "bad /hook/T0KEN-0123456789?k=s3cr3ts3cr3t, \"T0KEN-0123456789\" "
		       "%54%30KEN-0123456789 s3cr3ts3cr3t"});
	send_to(&f, &g, "slack", "");
	CHECK(strstr(g.message.p, "http://127.0.0.1"));
	CHECK(!strstr(g.message.p, "T0KEN") && !strstr(g.message.p, "s3cr3t") &&
	      !strstr(g.message.p, "%54"));
	CHECK(strstr(g.message.p, "[redacted]"));
	CHECK_INT(g.log.n, 0);
	web_free(&f.web);
	run(&f, &g,
	    "{\"channel\":\"slack\",\"message\":\"x\","
	    "\"url\":\"http://us3rname:passw0rd@127.0.0.1:1/T0KEN-0123456789\"}");
	CHECK_Z(g.code, "delivery_failed");
	CHECK(!strstr(g.message.p, "T0KEN") && !strstr(g.message.p, "passw0rd"));
}

TEST(inner_addresses_are_refused_unless_allowed)
{
	STEPS({.status = 200});
	run(&f, &g,
	    "{\"channel\":\"webhook\",\"message\":\"x\",\"url\":"
	    "\"http://169.254.169.254/latest\"}");
	CHECK_Z(g.code, "delivery_failed");
	CHECK(!g.retryable);
	struct rules *open_rules = f.rules;
	struct rules_config config = {.loop = &f.loop, .clock = &f.clock.clock};
	CHECK_INT(rules_new(&config, &f.rules), 0);
	rules_free(open_rules);
	send_to(&f, &g, "webhook", "");
	CHECK_Z(g.code, "delivery_failed");
	CHECK(strstr(g.message.p, "may be reached"));
	CHECK_INT(web_n_connections(f.web), 0);
}

TEST(bad_input_is_refused_without_a_request)
{
	STEPS({.status = 200});
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"{}",
		"{\"message\":\"\"}",
		"{\"message\":5}",
		"{\"message\":\"x\",\"channel\":\"pigeon\"}",
		"{\"message\":\"x\",\"channel\":5}",
		"{\"message\":\"x\",\"severity\":\"fatal\"}",
		"{\"message\":\"x\",\"fields\":[]}",
		"{\"message\":\"x\",\"channel\":\"slack\"}",
		"{\"message\":\"x\",\"channel\":\"slack\",\"url\":\"file:///etc/passwd\"}",
		"{\"message\":\"x\",\"channel\":\"slack\",\"url\":\"https://a\\u0000b\"}",
		"{\"message\":\"x\",\"timeout\":\"1h\",\"url\":\"https://"
		"a\",\"channel\":\"slack\"}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		run(&f, &g, bad[i]);
		if (strcmp(g.code, "invalid_input") != 0 || g.retryable || g.message.n == 0)
			tap_fail(t, __FILE__, __LINE__, "%s: %s", bad[i], g.code);
	}
}

TEST(a_cancelled_call_is_not_heard_of_again_in_any_state)
{
	STEPS({.kind = WEB_SILENT}, {.status = 500}, {.status = 200});
	CLEANUP_BUF struct buf input = {0};
	buf_printf(&input, "{\"channel\":\"slack\",\"message\":\"x\",\"url\":\"%s\"}",
		   web_url(f.web));
	CLEANUP(got_free) struct got silent = {0};
	rule_cancel(start(&f, &silent, input.p)); /* before the first try */
	struct rule_call *call = start(&f, &silent, input.p);
	while (web_n_requests(f.web) < 1)
		uv_run(&f.loop, UV_RUN_ONCE);
	rule_cancel(call);
	call = start(&f, &silent, input.p);
	while (web_n_requests(f.web) < 2)
		uv_run(&f.loop, UV_RUN_ONCE);
	rule_cancel(call);
	start(&f, &silent, input.p); /* left to rules_free() */
	rules_free(f.rules);
	f.rules = NULL;
	uv_stop(&f.loop);
	uv_run(&f.loop, UV_RUN_ONCE);
	CHECK_INT(silent.n, 0);
}

static void clamps(struct tap *t, const char *text, size_t most, bool slack, const char *want)
{
	CLEANUP_BUF struct buf out = {0};
	notice_clamp(&out, str_of(text), most, slack);
	CHECK_STR(buf_str(&out), str_of(want));
}

TEST(long_text_is_cut_between_characters)
{
	clamps(t, "abc", 3, false, "abc");
	clamps(t, "abcd", 3, false, "ab\xe2\x80\xa6");
	clamps(t, "a\xc3\xa9\xc3\xa9\xc3\xa9", 3, false, "a\xc3\xa9\xe2\x80\xa6");
	clamps(t, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 3, false, "\xf0\x9f\x98\x80\xe2\x80\xa6");
	clamps(t, "a<b", 6, true, "a&lt;b");
	clamps(t, "a<b", 5, true, "a\xe2\x80\xa6");
	clamps(t, "<!channel> & co", 100, true, "&lt;!channel&gt; &amp; co");
}

/* Text units of a member of the payload. */
static size_t units(const struct value *v)
{
	return v ? utf8_length(value_text(v)) : 0;
}

TEST(every_size_limit_of_the_services_is_kept)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf input = {0}, slack = {0}, discord = {0}, webhook = {0};
	CLEANUP_BUF struct buf text = {0};
	for (int i = 0; i < 300000; i++)
		buf_puts(&text, "\xc3\xa9");
	buf_printf(&input, "{\"message\":\"%s\",\"title\":\"%.8000s\",\"fields\":{", text.p,
		   text.p);
	for (int i = 0; i < 60; i++)
		buf_printf(&input, "%s\"%d%.1000s\":\"%.8000s\"", i ? "," : "", i, text.p, text.p);
	buf_puts(&input, "}}");
	struct notice n;
	CHECK(notice_read(&a, buf_str(&input), &n) == NULL);
	n.channel = NOTICE_SLACK;
	CHECK(notice_payload(&n, &context, &slack));
	n.channel = NOTICE_DISCORD;
	CHECK(notice_payload(&n, &context, &discord));
	n.channel = NOTICE_WEBHOOK;
	CHECK(notice_payload(&n, &context, &webhook));
	struct value s, d, w;
	CHECK_INT(json_parse(&a, buf_str(&slack), 0, &s, NULL), 0);
	CHECK_INT(json_parse(&a, buf_str(&discord), 0, &d, NULL), 0);
	CHECK_INT(json_parse(&a, buf_str(&webhook), 0, &w, NULL), 0);
	CHECK_INT(units(value_getz(&s, "text")), 40000);
	const struct value *fields = value_getz(&value_getz(&s, "attachments")->items[0], "fields");
	CHECK_INT(fields->n, 50);
	CHECK_INT(units(value_getz(&fields->items[7], "title")), 300);
	CHECK_INT(units(value_getz(&fields->items[7], "value")), 3000);
	const struct value *embed = &value_getz(&d, "embeds")->items[0];
	CHECK_INT(units(value_getz(&d, "content")), 2000);
	CHECK_INT(units(value_getz(embed, "description")), 4096);
	size_t all = 4096;
	fields = value_getz(embed, "fields");
	CHECK(fields->n > 0);
	for (uint32_t i = 0; i < fields->n; i++)
		all += units(value_getz(&fields->items[i], "name")) +
		       units(value_getz(&fields->items[i], "value"));
	CHECK(all <= 6000);
	CHECK_INT(units(value_getz(&w, "message")), 256 << 10);
}

TEST(text_mentions_nobody)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf slack = {0}, discord = {0};
	struct notice n;
	CHECK(notice_read(&a,
			  STR("{\"message\":\"<!channel> <@U123> @everyone \\\"}\","
			      "\"title\":\"<!here>\",\"fields\":{\"<!x>\":\"<!y>\"}}"),
			  &n) == NULL);
	n.channel = NOTICE_SLACK;
	notice_payload(&n, &context, &slack);
	CHECK(!strchr(slack.p, '<') && !strchr(slack.p, '>'));
	n.channel = NOTICE_DISCORD;
	notice_payload(&n, &context, &discord);
	CHECK(strstr(discord.p, "\"allowed_mentions\":{\"parse\":[]}"));
}

static void url_shows(struct tap *t, const char *url, const char *want)
{
	CLEANUP_BUF struct buf out = {0};
	notice_url_shown(&out, url);
	CHECK_STR(buf_str(&out), str_of(want));
}

TEST(a_url_is_shown_by_its_host_only)
{
	url_shows(t, "https://hooks.slack.com/services/T/B/X",
		  "https://hooks.slack.com/[redacted]");
	url_shows(t, "https://a.example", "https://a.example");
	url_shows(t, "https://a.example/", "https://a.example");
	url_shows(t, "https://a.example:8443?token=x", "https://a.example:8443/[redacted]");
	url_shows(t, "https://u:p@a.example/", "https://a.example/[redacted]");
	url_shows(t, "https://u:p@w@a.example#x", "https://a.example/[redacted]");
}

TEST(retry_after_is_read_as_seconds_or_date)
{
	int64_t now = 784111777000; /* Sun, 06 Nov 1994 08:49:37 GMT */
	CHECK_INT(http_retry_after(NULL, now), 0);
	CHECK_INT(http_retry_after("120", now), 120000);
	CHECK_INT(http_retry_after("0", now), 0);
	CHECK_INT(http_retry_after("99999999999999999999", now), 999999999000);
	CHECK_INT(http_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), 60000);
	CHECK_INT(http_retry_after("Sun, 06 Nov 1994 08:48:37 GMT", now), 0);
	CHECK_INT(http_retry_after("-5", now), 0);
	CHECK_INT(http_retry_after("soon", now), 0);
	CHECK_INT(http_retry_after("", now), 0);
}

/* What an agent that comes with drover says of an action. */
static bool load_action(struct arena *a, const char *agent, const char *which, struct schema **ret)
{
	const char *source = getenv("DROVER_SOURCE");
	struct diag d;
	struct value v;
	diag_init(&d, a);
	const char *path = arena_printf(a, "%s/agents/%s", source ? source : ".", agent);
	if (manifest_load(a, path, &d, &v) != 0)
		return false;
	const struct value *action = &value_getz(&v, "capabilities")->items[0];
	return schema_compile(value_getz(action, which), SCHEMA_DEFAULT, &d, ret) == 0;
}

static bool fits(struct arena *a, const struct schema *s, const char *json)
{
	struct value v;
	return json_parse(a, str_of(json), 0, &v, NULL) == 0 && schema_valid(s, &v);
}

TEST(the_schemas_of_the_notifier_say_what_it_takes_and_gives)
{
	STEPS({.status = 200});
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_SCHEMA struct schema *in = NULL, *out = NULL;
	CHECK(load_action(&a, "notifier", "inputSchema", &in));
	CHECK(load_action(&a, "notifier", "outputSchema", &out));
	CHECK(fits(&a, in, "{\"message\":\"x\"}"));
	CHECK(fits(&a, in,
		   "{\"message\":\"x\",\"channel\":\"console\",\"title\":\"t\","
		   "\"severity\":\"critical\",\"fields\":{\"a\":[1]}}"));
	CHECK(fits(&a, in,
		   "{\"message\":\"x\",\"channel\":\"slack\",\"url\":\"https://a\","
		   "\"timeout\":\"5s\"}"));
	static const char *const bad[] = {
		"{}",
		"{\"message\":\"\"}",
		"{\"message\":\"x\",\"channel\":\"slack\"}",
		"{\"message\":\"x\",\"channel\":\"webhook\",\"url\":\"ftp://a\"}",
		"{\"message\":\"x\",\"severity\":\"fatal\"}",
		"{\"message\":\"x\",\"chanel\":1}"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!fits(&a, in, bad[i]));
	run(&f, &g, "{\"message\":\"x\"}");
	CHECK(fits(&a, out, g.output.p));
	send_to(&f, &g, "slack", "");
	CHECK(fits(&a, out, g.output.p));
	CHECK(!fits(&a, out,
		    "{\"delivered\":false,\"channel\":\"slack\",\"attempts\":1,"
		    "\"truncated\":false}"));
}

TEST(the_workflow_that_comes_with_drover_is_good_yaml)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf text = {0};
	const char *source = getenv("DROVER_SOURCE");
	CLEANUP_FILE FILE *file = fopen(
		arena_printf(&a, "%s/agents/workflows/scan-and-notify.yaml", source ? source : "."),
		"rb");
	CHECK(file);
	buf_reserve(&text, 1 << 16);
	text.n = fread(text.p, 1, 1 << 16, file);
	struct diag d;
	struct value v;
	diag_init(&d, &a);
	CHECK_INT(yaml_parse(&a, buf_str(&text), &d, &v, NULL), 0);
	const struct value *nodes = value_getz(&v, "nodes");
	CHECK_INT(nodes->n, 2);
	const struct value *message = value_getz(value_getz(&nodes->items[1], "inputs"), "message");
	CHECK_STR(value_text(message), STR("{{ nodes.scan.output.summary.critical }} critical and "
					   "{{ nodes.scan.output.summary.high }} high findings in "
					   "{{ context.repositoryPath }}"));
}

TEST(the_manifests_that_come_with_drover_are_good)
{
	const char *source = getenv("DROVER_SOURCE");
	static const char *const names[] = {"noop", "notifier"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP_ARENA struct arena a = {0};
		struct diag d;
		struct value agent;
		diag_init(&d, &a);
		const char *path =
			arena_printf(&a, "%s/agents/%s", source ? source : ".", names[i]);
		int r = manifest_load(&a, path, &d, &agent);
		if (r != 0) {
			tap_fail(t, __FILE__, __LINE__, "%s: %d %s", path, r,
				 d.n ? d.findings[0].message : "");
			return;
		}
		const struct value *c = value_getz(&agent, "capabilities");
		for (uint32_t k = 0; k < c->n; k++)
			CHECK(rule_known(value_text(value_getz(&agent, "name")),
					 value_text(value_getz(&c->items[k], "name"))));
	}
}

TAP_MAIN(RUN(noop_answers_at_once_with_what_it_was_given), RUN(the_console_delivers_at_once),
	 RUN(each_service_gets_its_own_form_and_the_idempotency_key),
	 RUN(a_busy_service_is_tried_again_with_the_same_key), RUN(retry_after_is_waited_for),
	 RUN(a_long_retry_after_ends_the_attempt_and_is_passed_on),
	 RUN(tries_are_bounded_and_failure_is_never_success), RUN(what_can_not_get_better_is_final),
	 RUN(a_silent_service_costs_a_time_out_for_each_try),
	 RUN(no_part_of_the_url_is_told_even_when_the_other_side_says_it),
	 RUN(inner_addresses_are_refused_unless_allowed),
	 RUN(bad_input_is_refused_without_a_request),
	 RUN(a_cancelled_call_is_not_heard_of_again_in_any_state),
	 RUN(long_text_is_cut_between_characters), RUN(every_size_limit_of_the_services_is_kept),
	 RUN(text_mentions_nobody), RUN(a_url_is_shown_by_its_host_only),
	 RUN(retry_after_is_read_as_seconds_or_date),
	 RUN(the_schemas_of_the_notifier_say_what_it_takes_and_gives),
	 RUN(the_workflow_that_comes_with_drover_is_good_yaml),
	 RUN(the_manifests_that_come_with_drover_are_good))
