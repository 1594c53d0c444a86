#include "agents/notice.h"

#include <string.h>

#include "base/timefmt.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "json/write.h"

/* What the services accept (their documentation), and a bound for our own webhook. */
enum {
	SLACK_TEXT = 40000,
	SLACK_FIELD_TITLE = 300,
	SLACK_FIELD_VALUE = 3000,
	SLACK_FIELDS = 50,
	DISCORD_CONTENT = 2000,
	DISCORD_DESCRIPTION = 4096,
	DISCORD_FIELD_NAME = 256,
	DISCORD_FIELD_VALUE = 1024,
	DISCORD_FIELDS = 25,
	DISCORD_EMBED = 6000, /* all texts of one embed together */
	WEBHOOK_TEXT = 256 << 10,
	TRY_TIMEOUT_MOST_MS = 60000,
};

static const char *const channel_names[] = {"console", "slack", "discord", "webhook"};
static const char *const severity_names[] = {"info", "warning", "error", "critical"};
static const int severity_colours[] = {0x439fe0, 0xdaa038, 0xd50200, 0x8b0000};

const char *notice_channel_name(enum notice_channel c)
{
	return channel_names[c];
}

const char *notice_severity_name(enum notice_severity s)
{
	return severity_names[s];
}

static bool pick(const struct value *v, const char *const *names, size_t n, int *ret)
{
	if (!v || v->kind == VALUE_NULL)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (str_eqz(value_text(v), names[i])) {
			*ret = (int)i;
			return true;
		}
	}
	return false;
}

static const char *read_url(struct arena *a, const struct value *v, struct notice *n)
{
	struct str url = value_text(v);
	if (n->channel == NOTICE_CONSOLE)
		return NULL;
	if (url.n == 0)
		return "url is required for this channel";
	if ((!str_starts(url, STR("https://")) && !str_starts(url, STR("http://"))) ||
	    memchr(url.p, 0, url.n))
		return "url must begin with https:// or http://";
	n->url = arena_dup(a, url.p, url.n);
	return NULL;
}

static const char *read_timeout(const struct value *v, struct notice *n)
{
	if (!v || v->kind == VALUE_NULL)
		return NULL;
	if (timefmt_duration_parse(value_text(v), &n->timeout_ms) < 0 || n->timeout_ms < 1 ||
	    n->timeout_ms > TRY_TIMEOUT_MOST_MS)
		return "timeout must be a duration of at most 60s";
	return NULL;
}

const char *notice_read(struct arena *a, struct str input, struct notice *ret)
{
	struct value v;
	int channel = NOTICE_CONSOLE, severity = NOTICE_INFO;
	*ret = (struct notice){0};
	if (json_parse(a, input, JSON_DEFAULT, &v, NULL) != 0 || v.kind != VALUE_OBJECT)
		return "the input must be an object";
	if (!pick(value_getz(&v, "channel"), channel_names, 4, &channel))
		return "channel must be console, slack, discord or webhook";
	if (!pick(value_getz(&v, "severity"), severity_names, 4, &severity))
		return "severity must be info, warning, error or critical";
	ret->channel = (enum notice_channel)channel;
	ret->severity = (enum notice_severity)severity;
	ret->title = value_text(value_getz(&v, "title"));
	ret->message = value_text(value_getz(&v, "message"));
	if (ret->message.n == 0)
		return "message must be text and not empty";
	const struct value *fields = value_getz(&v, "fields");
	if (fields && fields->kind != VALUE_NULL && fields->kind != VALUE_OBJECT)
		return "fields must be an object";
	if (value_is(fields, VALUE_OBJECT)) {
		struct value *kept = ARENA_NEW(a, struct value);
		*kept = *fields;
		ret->fields = kept;
	}
	const char *wrong = read_url(a, value_getz(&v, "url"), ret);
	return wrong ? wrong : read_timeout(value_getz(&v, "timeout"), ret);
}

static struct str slack_escape(const char *p, size_t n)
{
	if (*p == '&')
		return STR("&amp;");
	if (*p == '<')
		return STR("&lt;");
	if (*p == '>')
		return STR("&gt;");
	return str_n(p, n);
}

bool notice_clamp(struct buf *out, struct str s, size_t n_most, bool escape_slack)
{
	size_t units = 0, fits = out->n;
	for (size_t at = 0; at < s.n;) {
		uint32_t code;
		size_t n = utf8_decode(s.p + at, s.p + s.n, &code);
		n = n ? n : 1;
		struct str piece = escape_slack ? slack_escape(s.p + at, n) : str_n(s.p + at, n);
		units += piece.n > n ? piece.n : n == 4 ? 2 : 1;
		if (units > n_most) {
			out->n = fits;
			buf_puts(out, "\xe2\x80\xa6");
			return true;
		}
		buf_put_str(out, piece);
		if (units < n_most)
			fits = out->n;
		at += n;
	}
	return false;
}

/* A member whose text is clamped. */
static bool put_text(struct json_out *o, const char *key, struct str s, size_t most, bool slack)
{
	CLEANUP_BUF struct buf text = {0};
	bool cut = notice_clamp(&text, s, most, slack);
	json_out_key(o, key);
	json_out_str(o, buf_str(&text));
	return cut;
}

/* A fact as text: strings as they are, all else as JSON. */
static void fact_text(const struct value *v, struct buf *out)
{
	if (v->kind == VALUE_STRING)
		buf_put_str(out, value_text(v));
	else
		json_write(out, v);
}

static bool put_facts(struct json_out *o, const struct value *fields, const char *name_key,
		      size_t name_most, size_t value_most, uint32_t n_most, bool slack)
{
	bool cut = false;
	for (uint32_t i = 0; fields && i < fields->n; i++) {
		const struct value_member *m = &fields->members[i];
		CLEANUP_BUF struct buf text = {0};
		if (i == n_most)
			return true;
		fact_text(&m->value, &text);
		json_out_object(o);
		cut |= put_text(o, name_key, m->key.n ? m->key : STR("-"), name_most, slack);
		cut |= put_text(o, "value", text.n ? buf_str(&text) : STR("-"), value_most, slack);
		json_out_key(o, slack ? "short" : "inline");
		json_out_bool(o, text.n < 40);
		json_out_end(o);
	}
	return cut;
}

static bool slack_payload(const struct notice *n, struct buf *out)
{
	CLEANUP_BUF struct buf text = {0};
	if (n->title.n)
		buf_printf(&text, "%.*s\n", STR_ARG(n->title));
	buf_put_str(&text, n->message);
	CLEANUP_BUF struct buf colour = {0};
	buf_printf(&colour, "#%06x", severity_colours[n->severity]);
	struct json_out o = json_out_to(out);
	json_out_object(&o);
	bool cut = put_text(&o, "text", buf_str(&text), SLACK_TEXT, true);
	json_out_key(&o, "unfurl_links");
	json_out_bool(&o, false);
	json_out_key(&o, "unfurl_media");
	json_out_bool(&o, false);
	json_out_key(&o, "attachments");
	json_out_array(&o);
	json_out_object(&o);
	json_out_key(&o, "color");
	json_out_str(&o, buf_str(&colour));
	json_out_key(&o, "fallback");
	json_out_strz(&o, severity_names[n->severity]);
	json_out_key(&o, "fields");
	json_out_array(&o);
	json_out_object(&o);
	json_out_key(&o, "title");
	json_out_strz(&o, "Severity");
	json_out_key(&o, "value");
	json_out_strz(&o, severity_names[n->severity]);
	json_out_key(&o, "short");
	json_out_bool(&o, true);
	json_out_end(&o);
	cut |= put_facts(&o, n->fields, "title", SLACK_FIELD_TITLE, SLACK_FIELD_VALUE,
			 SLACK_FIELDS - 1, true);
	json_out_end(&o);
	json_out_end(&o);
	json_out_end(&o);
	json_out_end(&o);
	return cut;
}

/* How many facts fit beside the description in one embed, at their longest. */
static uint32_t discord_facts(const struct notice *n)
{
	size_t room = DISCORD_EMBED - DISCORD_DESCRIPTION;
	uint32_t count = 0;
	for (; n->fields && count < n->fields->n && count < DISCORD_FIELDS; count++) {
		const struct value_member *m = &n->fields->members[count];
		CLEANUP_BUF struct buf text = {0};
		fact_text(&m->value, &text);
		size_t name = m->key.n < DISCORD_FIELD_NAME ? m->key.n + 1 : DISCORD_FIELD_NAME;
		size_t value = text.n < DISCORD_FIELD_VALUE ? text.n + 1 : DISCORD_FIELD_VALUE;
		if (name + value > room)
			break;
		room -= name + value;
	}
	return count;
}

static bool discord_payload(const struct notice *n, struct buf *out)
{
	struct json_out o = json_out_to(out);
	json_out_object(&o);
	bool cut = false;
	if (n->title.n)
		cut |= put_text(&o, "content", n->title, DISCORD_CONTENT, false);
	json_out_key(&o, "allowed_mentions");
	json_out_object(&o);
	json_out_key(&o, "parse");
	json_out_array(&o);
	json_out_end(&o);
	json_out_end(&o);
	json_out_key(&o, "embeds");
	json_out_array(&o);
	json_out_object(&o);
	cut |= put_text(&o, "description", n->message, DISCORD_DESCRIPTION, false);
	json_out_key(&o, "color");
	json_out_int(&o, severity_colours[n->severity]);
	json_out_key(&o, "fields");
	json_out_array(&o);
	cut |= put_facts(&o, n->fields, "name", DISCORD_FIELD_NAME, DISCORD_FIELD_VALUE,
			 discord_facts(n), false);
	json_out_end(&o);
	json_out_end(&o);
	json_out_end(&o);
	json_out_end(&o);
	return cut;
}

static bool webhook_payload(const struct notice *n, const struct rule_start *c, struct buf *out)
{
	struct json_out o = json_out_to(out);
	json_out_object(&o);
	json_out_key(&o, "severity");
	json_out_strz(&o, severity_names[n->severity]);
	bool cut = put_text(&o, "title", n->title, WEBHOOK_TEXT, false);
	cut |= put_text(&o, "message", n->message, WEBHOOK_TEXT, false);
	json_out_key(&o, "fields");
	if (n->fields) {
		json_out_value(&o, n->fields);
	} else {
		json_out_object(&o);
		json_out_end(&o);
	}
	const struct {
		const char *key;
		struct str s;
	} origin[] = {
		{"project", c->project},
		{"workflow", c->workflow},
		{"runId", c->run_id},
		{"nodeId", c->node_id},
		{"idempotencyKey", c->idempotency_key},
	};
	for (size_t i = 0; i < ARRAY_LEN(origin); i++) {
		json_out_key(&o, origin[i].key);
		json_out_str(&o, origin[i].s);
	}
	json_out_key(&o, "attempt");
	json_out_int(&o, c->attempt);
	json_out_end(&o);
	return cut;
}

bool notice_payload(const struct notice *n, const struct rule_start *start, struct buf *out)
{
	switch (n->channel) {
	case NOTICE_SLACK:
		return slack_payload(n, out);
	case NOTICE_DISCORD:
		return discord_payload(n, out);
	case NOTICE_WEBHOOK:
		return webhook_payload(n, start, out);
	case NOTICE_CONSOLE:
		break;
	}
	return false;
}

void notice_url_shown(struct buf *out, const char *url)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	size_t n = strcspn(host, "/?#\\");
	const char *at = memrchr(host, '@', n);
	buf_put(out, url, (size_t)(host - url));
	if (at) {
		n -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	buf_put(out, host, n);
	if (at || (host[n] != '\0' && strcmp(host + n, "/") != 0))
		buf_puts(out, "/[redacted]");
}
