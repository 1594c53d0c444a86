#include "report.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/escape.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "json/write.h"
#include "limits.h"

enum {
	FINGERPRINT_HEX = 32,
	REPEAT_LONG = 10, /* counted repeats that grep is spared */
};

const char *rules_severity_name(enum severity s)
{
	static const char *const names[] = {"low", "medium", "high", "critical"};
	return names[s];
}

const char *rules_category_name(enum category c)
{
	static const char *const names[] = {"secrets", "injection", "xss", "crypto", "dangerous"};
	return names[c];
}

/*
 * Stays the same when the finding moves to another line. Made from the excerpt, which holds no
 * secret: a digest of a short secret could be guessed back.
 */
static void fingerprint(struct map *seen, const struct finding *f, char ret[SHA256_HEX_BYTES])
{
	struct buf key CLEANUP_BUF = {0};
	buf_printf(&key, "%s\n%s\n%s\n", f->rule->id, f->file, f->excerpt);
	uintptr_t nth = (uintptr_t)map_get(seen, buf_str(&key)) + 1;
	map_put(seen, buf_str(&key), (void *)nth);
	buf_put_u64(&key, nth);
	sha256_hex(buf_str(&key), ret);
	ret[FINGERPRINT_HEX] = '\0';
}

static void write_finding(struct json_out *o, struct map *seen, const struct finding *f)
{
	char id[SHA256_HEX_BYTES];
	fingerprint(seen, f, id);
	json_out_object(o);
	json_out_key(o, "ruleId");
	json_out_strz(o, f->rule->id);
	json_out_key(o, "severity");
	json_out_strz(o, rules_severity_name(f->rule->severity));
	json_out_key(o, "category");
	json_out_strz(o, rules_category_name(f->rule->category));
	json_out_key(o, "file");
	json_out_strz(o, f->file);
	json_out_key(o, "line");
	json_out_int(o, (int64_t)f->line);
	json_out_key(o, "column");
	json_out_int(o, (int64_t)f->column);
	json_out_key(o, "title");
	json_out_strz(o, f->rule->title);
	json_out_key(o, "excerpt");
	json_out_strz(o, f->excerpt);
	json_out_key(o, "remediation");
	json_out_strz(o, f->rule->mend);
	json_out_key(o, "fingerprint");
	json_out_strz(o, id);
	json_out_end(o);
}

/* How many findings were written before the output's bound was reached. */
static size_t write_findings(struct buf *out, const struct findings *f)
{
	struct map seen CLEANUP_MAP = {0};
	struct json_out o = json_out_to(out);
	size_t n = 0;
	json_out_array(&o);
	for (; n < f->n && out->n < LIMIT_SCAN_OUTPUT_BYTES; n++)
		write_finding(&o, &seen, &f->items[n]);
	json_out_end(&o);
	return n;
}

static void write_count(struct json_out *o, const char *key, uint64_t n)
{
	json_out_key(o, key);
	json_out_int(o, (int64_t)n);
}

static void write_summary(struct json_out *o, const struct findings *f, const struct walk_result *r,
			  int64_t duration_ms, bool truncated)
{
	json_out_object(o);
	write_count(o, "total", findings_total(f));
	for (int s = SEVERITY_COUNT - 1; s >= 0; s--)
		write_count(o, rules_severity_name((enum severity)s), f->count[s]);
	write_count(o, "filesScanned", r->files_scanned);
	write_count(o, "filesSkippedBinary", r->files_binary);
	write_count(o, "filesSkippedLarge", r->files_large);
	write_count(o, "filesIgnored", r->files_ignored);
	write_count(o, "filesUnreadable", r->files_unreadable);
	write_count(o, "bytesScanned", r->bytes_scanned);
	write_count(o, "durationMs", (uint64_t)duration_ms);
	json_out_key(o, "truncated");
	json_out_bool(o, truncated);
	json_out_end(o);
}

static void write_errors(struct json_out *o, const struct walk_result *r)
{
	json_out_array(o);
	for (size_t i = 0; i < r->n_errors; i++) {
		json_out_object(o);
		json_out_key(o, "file");
		json_out_strz(o, r->errors[i].file);
		json_out_key(o, "message");
		json_out_strz(o, r->errors[i].message);
		json_out_end(o);
	}
	json_out_end(o);
}

void report_json(struct buf *out, const struct findings *f, const struct walk_result *r,
		 int64_t duration_ms)
{
	struct buf list CLEANUP_BUF = {0};
	size_t n = write_findings(&list, f);
	bool truncated = n < findings_total(f) || r->n_errors_dropped > 0;
	struct json_out o = json_out_to(out);
	json_out_object(&o);
	json_out_key(&o, "summary");
	write_summary(&o, f, r, duration_ms, truncated);
	json_out_key(&o, "findings");
	json_out_raw(&o, buf_str(&list));
	json_out_key(&o, "errors");
	write_errors(&o, r);
	json_out_end(&o);
	buf_putc(out, '\n');
}

void report_text(struct buf *out, const struct findings *f, const struct walk_result *r,
		 int64_t duration_ms)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *it = &f->items[i];
		escape_terminal(out, str_of(it->file));
		buf_printf(out, ":%" PRIu64 ":%" PRIu64 ": %s %s %s\n\t", it->line, it->column,
			   rules_severity_name(it->rule->severity), it->rule->id, it->rule->title);
		escape_terminal(out, str_of(it->excerpt));
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < r->n_errors; i++) {
		escape_terminal(out, str_of(r->errors[i].file));
		buf_printf(out, ": %s\n", r->errors[i].message);
	}
	buf_printf(out, "%" PRIu64 " findings", findings_total(f));
	for (int s = SEVERITY_COUNT - 1; s >= 0; s--)
		buf_printf(out, ", %" PRIu64 " %s", f->count[s],
			   rules_severity_name((enum severity)s));
	buf_printf(out,
		   "; %" PRIu64 " files, %" PRIu64 " bytes, %" PRIu64 " binary, %" PRIu64
		   " large, %" PRIu64 " ignored, %" PRIu64 " unreadable; %lld ms\n",
		   r->files_scanned, r->bytes_scanned, r->files_binary, r->files_large,
		   r->files_ignored, r->files_unreadable, (long long)duration_ms);
}

/* A letter that stands for both its cases. */
static void put_both(struct buf *out, char c, bool in_bracket)
{
	int other =
		islower((unsigned char)c) ? toupper((unsigned char)c) : tolower((unsigned char)c);
	buf_printf(out, in_bracket ? "%c%c" : "[%c%c]", c, other);
}

/* The length of the bracket expression at p. */
static size_t bracket_length(const char *p)
{
	size_t n = p[1] == '^' ? 2 : 1;
	n += p[n] == ']';
	while (p[n] != ']') {
		const char *end = p[n] == '[' && p[n + 1] == ':' ? strstr(p + n, ":]") : NULL;
		n = end ? (size_t)(end - p) + 2 : n + 1;
	}
	return n + 1;
}

static void put_bracket(struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *end = p[i] == '[' && p[i + 1] == ':' ? strstr(p + i, ":]") : NULL;
		bool in_range = p[i + 1] == '-' || p[i - (i > 0)] == '-';
		if (end) {
			size_t len = (size_t)(end - p) + 2 - i;
			buf_put(out, p + i, len);
			i += len - 1;
		} else if (isalpha((unsigned char)p[i]) && !in_range) {
			put_both(out, p[i], true);
		} else {
			buf_putc(out, p[i]);
		}
	}
}

/* POSIX tools have no switch for one pattern, so letters are written in both cases. */
static void put_nocase(struct buf *out, const char *p)
{
	for (size_t i = 0; p[i]; i++) {
		if (p[i] == '\\' && p[i + 1]) {
			buf_put(out, p + i++, 2);
		} else if (p[i] == '[') {
			size_t n = bracket_length(p + i);
			put_bracket(out, p + i, n);
			i += n - 1;
		} else if (isalpha((unsigned char)p[i])) {
			put_both(out, p[i], false);
		} else {
			buf_putc(out, p[i]);
		}
	}
}

/* "{m,n}" at p: its length when n (or m, when it is alone) is large, else 0. */
static size_t long_repeat(const char *p, bool *ret_from_none)
{
	char *end;
	unsigned long least = strtoul(p + 1, &end, 10), most = least;
	if (*end == ',')
		most = end[1] == '}' ? least : strtoul(end + 1, &end, 10);
	else if (*end != '}')
		return 0;
	*ret_from_none = least == 0;
	return most >= REPEAT_LONG ? strcspn(p, "}") + 1 : 0;
}

/*
 * Long counted repeats become * or +: what is found is the same or more, and the automaton that
 * grep builds stays small (with them it needs minutes for a megabyte).
 */
static void put_eased(struct buf *out, struct str p)
{
	for (size_t i = 0; i < p.n; i++) {
		bool from_none = false;
		size_t n = 1;
		if (p.p[i] == '\\' && i + 1 < p.n) {
			n = 2;
		} else if (p.p[i] == '[') {
			n = bracket_length(p.p + i);
		} else if (p.p[i] == '{' && (n = long_repeat(p.p + i, &from_none)) > 0) {
			buf_putc(out, from_none ? '*' : '+');
			i += n - 1;
			continue;
		}
		n += n == 0;
		buf_put(out, p.p + i, n);
		i += n - 1;
	}
}

void report_patterns(struct buf *out)
{
	struct buf one CLEANUP_BUF = {0};
	for (size_t i = 0; i < rules_count; i++) {
		buf_clear(&one);
		if (rules_table[i].nocase)
			put_nocase(&one, rules_table[i].pattern);
		else
			buf_puts(&one, rules_table[i].pattern);
		put_eased(out, buf_str(&one));
		buf_putc(out, '\n');
	}
}

void report_rules(struct buf *out)
{
	for (size_t i = 0; i < rules_count; i++)
		buf_printf(out, "%s\t%s\t%s\t%s\n", rules_table[i].id,
			   rules_severity_name(rules_table[i].severity),
			   rules_category_name(rules_table[i].category), rules_table[i].title);
}
