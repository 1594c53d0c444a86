/* Whatever the input: an answer soon, in bounded memory. */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "json/parse.h"
#include "tap.h"
#include "text/cel.h"
#include "text/template.h"

static void repeat(struct buf *out, const char *text, int n)
{
	for (int i = 0; i < n; i++)
		buf_puts(out, text);
}

struct outcome {
	int code;
	size_t arena_bytes;
	int64_t took_ms;
	char message[LIMIT_CEL_ERROR_BYTES];
};

static struct outcome run(struct str source, const struct value *roots)
{
	CLEANUP_ARENA struct arena a = {0};
	struct outcome o = {0};
	const struct cel_program *p;
	struct cel_value v;
	struct value json;
	struct cel_error err = {0};
	struct cel_budget budget = cel_budget_full();
	struct cel_env env = {.roots = roots};
	int64_t start = clock_mono_ns(clock_system());
	o.code = cel_compile(&a, source, &p, &err);
	if (o.code == 0)
		o.code = cel_eval(p, &env, &budget, &a, &v, &err);
	if (o.code == 0)
		o.code = cel_to_json(&v, &budget, &a, &json, &err);
	o.took_ms = (clock_mono_ns(clock_system()) - start) / 1000000;
	o.arena_bytes = a.used_bytes;
	memcpy(o.message, err.message, sizeof(o.message));
	return o;
}

/* What a whole evaluation may take here: sanitizers and a busy machine are slow. */
enum { MOST_MS = 5000 };

#define CHECK_LIMITED(source)                                                                      \
	do {                                                                                       \
		struct outcome o_ = run(source, NULL);                                             \
		CHECK_INT(o_.code, CEL_ERROR_LIMIT);                                               \
		CHECK(o_.took_ms < MOST_MS);                                                       \
		CHECK(o_.arena_bytes < 4 * LIMIT_CEL_BYTES);                                       \
	} while (0)

TEST(deep_nesting_is_refused_without_deep_recursion)
{
	static const char *const openers[] = {
		"(",	      "[",    "{1:", "!(",	"-(",	"f(",	    "size(",	   "a[",
		"[1].map(x,", "has(", "1+(", "true?1:", "x.f(", "default(", "[[1]].all(y,"};
	for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
		CLEANUP_BUF struct buf source = {0};
		repeat(&source, openers[i], 600);
		CHECK_LIMITED(buf_str(&source));
	}
}

TEST(nesting_up_to_the_limit_works)
{
	CLEANUP_BUF struct buf source = {0};
	repeat(&source, "(", LIMIT_CEL_DEPTH - 1);
	repeat(&source, "1", 1);
	repeat(&source, ")", LIMIT_CEL_DEPTH - 1);
	CHECK_INT(run(buf_str(&source), NULL).code, 0);
}

TEST(long_flat_expressions_work)
{
	static const struct {
		const char *first, *more;
	} flat[] = {
		{"1", "+1"},	  {"1", "*1"},	      {"true", "&&true"},      {"false", "||false"},
		{"'a'", "+'b'"},  {"1", "==1==true"}, {"!true", " || !false"}, {"x", ".x"},
		{"x", "[\"x\"]"},
	};
	CLEANUP_ARENA struct arena a = {0};
	struct value roots = value_object(&a, 1), x = value_object(&a, 1);
	value_putz(&a, &x, "x", value_int(1));
	for (int i = 0; i < 1000; i++) {
		struct value outer = value_object(&a, 1);
		value_putz(&a, &outer, "x", x);
		x = outer;
	}
	value_putz(&a, &roots, "x", x);
	for (size_t i = 0; i < ARRAY_LEN(flat); i++) {
		CLEANUP_BUF struct buf source = {0};
		buf_puts(&source, flat[i].first);
		repeat(&source, flat[i].more, 700);
		struct outcome o = run(buf_str(&source), &roots);
		if (o.code != 0)
			tap_fail(t, __FILE__, __LINE__, "%s: %s", flat[i].more, o.message);
	}
	CLEANUP_BUF struct buf source = {0};
	repeat(&source, "!", 4000);
	buf_puts(&source, "true");
	CHECK_INT(run(buf_str(&source), NULL).code, 0);
	buf_clear(&source);
	repeat(&source, "-", 4000);
	buf_puts(&source, "1");
	CHECK_INT(run(buf_str(&source), NULL).code, 0);
}

TEST(long_sources_are_refused)
{
	CLEANUP_BUF struct buf source = {0};
	buf_puts(&source, "1");
	repeat(&source, "+1", LIMIT_CEL_SOURCE_BYTES);
	CHECK_LIMITED(buf_str(&source));
	buf_clear(&source);
	buf_puts(&source, "'");
	repeat(&source, "x", LIMIT_CEL_SOURCE_BYTES);
	buf_puts(&source, "'");
	CHECK_LIMITED(buf_str(&source));
	buf_clear(&source);
	buf_puts(&source, "1");
	repeat(&source, " ", LIMIT_CEL_SOURCE_BYTES);
	CHECK_LIMITED(buf_str(&source));
}

#define TEN "[0,1,2,3,4,5,6,7,8,9]"

TEST(nested_macros_run_out_of_steps)
{
	CHECK_LIMITED(STR(TEN ".all(a," TEN ".all(b," TEN ".all(c," TEN ".all(d," TEN ".all(e," TEN
			      ".all(f,true))))))"));
	CHECK_LIMITED(STR(TEN ".map(a," TEN ".map(b," TEN ".map(c," TEN ".map(d," TEN
			      ".map(e,[a,b,c,d,e])))))"));
	CHECK_LIMITED(STR(TEN ".exists(a," TEN ".exists(b," TEN ".exists(c," TEN ".exists(d," TEN
			      ".exists(e,1/0 == 1)))))"));
	CHECK_INT(run(STR(TEN ".all(a," TEN ".all(b," TEN ".all(c, a+b+c >= 0)))"), NULL).code, 0);
}

TEST(a_limit_is_never_absorbed)
{
	const char *bomb =
		TEN ".all(a," TEN ".all(b," TEN ".all(c," TEN ".all(d," TEN ".all(e,true)))))";
	static const char *const around[][2] = {
		{"true || ", ""},     {"", " || true"},		  {"false && ", " || true"},
		{"default(", ", 1)"}, {"[1, 2].exists(q, ", ")"}, {"[1, 2].all(q, q == 1 && ", ")"},
	};
	for (size_t i = 1; i < ARRAY_LEN(around); i++) {
		CLEANUP_BUF struct buf source = {0};
		buf_printf(&source, "%s%s%s", around[i][0], bomb, around[i][1]);
		if (i != 2)
			CHECK_LIMITED(buf_str(&source));
	}
}

TEST(giant_strings_and_lists_run_out_of_memory)
{
	CLEANUP_BUF struct buf source = {0};
	/* every level doubles */
	repeat(&source, "[", 1);
	buf_puts(&source, "'0123456789abcdef0123456789abcdef'].map(a,");
	for (int i = 0; i < 20; i++)
		buf_printf(&source, "[%c+%c].map(%c,", 'a' + i, 'a' + i, 'a' + i + 1);
	buf_printf(&source, "%c", 'a' + 20);
	repeat(&source, ")", 21);
	CHECK_LIMITED(buf_str(&source));
	buf_clear(&source);
	buf_puts(&source, "[[1,2,3,4,5,6,7,8]].map(a,");
	for (int i = 0; i < 20; i++)
		buf_printf(&source, "[%c+%c].map(%c,", 'a' + i, 'a' + i, 'a' + i + 1);
	buf_printf(&source, "size(%c)", 'a' + 20);
	repeat(&source, ")", 21);
	CHECK_LIMITED(buf_str(&source));
	CHECK_LIMITED(STR(TEN ".map(a," TEN ".map(b," TEN ".map(c,'" TEN TEN TEN TEN TEN TEN TEN TEN
			      "'.replace('','" TEN TEN TEN TEN TEN "'))))"));
}

/* A string of n letters under "s", a list of n ints under "l". */
static struct value large_roots(struct arena *a, size_t n)
{
	struct value roots = value_object(a, 2), list = value_array(a, n);
	char *p = arena_alloc(a, n);
	memset(p, 'a', n);
	for (size_t i = 0; i < n; i++)
		value_push(a, &list, value_int((int64_t)i));
	value_putz(a, &roots, "s", value_str(str_n(p, n)));
	value_putz(a, &roots, "l", list);
	return roots;
}

TEST(regex_bombs_are_given_up)
{
	static const char *const bombs[] = {
		"s.matches('^(a+)+[bc]')",
		"s.matches('(a|aa)+[bc]')",
		"s.matches('(a|a)*[bc]')",
		"s.matches('(.*)*[bc]')",
		"s.matches('(a*)*(a*)*(a*)*[bc]')",
		"s.matches('^(([a-z])+.)+[A-Z]([a-z])+[bc]')",
		"s.matches('a*a*a*a*a*a*a*a*[bc]')",
		"s.matches('(?:a?){200}a{200}[bc]')",
		"s.matches('.*.*.*.*[=-].*[bc]')",
		"[1,2,3,4,5,6,7,8,9].all(x, s.matches('^(a+)+[bc]') || true)",
		"s.matches('(' + '(a+)+' + ')+$[bc]')",
		"s.matches('((a{1,30}){1,30}){1,30}[bc]')",
	};
	CLEANUP_ARENA struct arena a = {0};
	struct value roots = large_roots(&a, 4000);
	for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
		struct outcome o = run(str_of(bombs[i]), &roots);
		if (o.code == 0 || o.took_ms >= MOST_MS || o.arena_bytes > 4 * LIMIT_CEL_BYTES)
			tap_fail(t, __FILE__, __LINE__, "%s: %d %s after %lld ms, %zu bytes",
				 bombs[i], o.code, o.message, (long long)o.took_ms, o.arena_bytes);
	}
}

TEST(thousands_of_modest_matches_are_no_bomb)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value roots = large_roots(&a, 5000);
	value_putz(&a, &roots, "name", value_strz("src/text/template.c:17"));
	struct outcome o = run(STR("l.all(x, name.matches(r'\\.c:[0-9]+$'))"), &roots);
	if (o.code != 0)
		tap_fail(t, __FILE__, __LINE__, "%s", o.message);
	CHECK(o.arena_bytes < 1 << 20);
}

TEST(regex_code_is_bounded)
{
	static const char *const sources[] = {
		"'a'.matches('((((a{1000}){1000}){1000}){1000})')",
		"'a'.matches('(\\\\pL{1000}){1000}')",
		"'a'.matches('([a-zé-ü]{500}){500}')",
	};
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct outcome o = run(str_of(sources[i]), NULL);
		CHECK(o.code == 0 || strstr(o.message, "bad regular expression"));
		CHECK(o.took_ms < MOST_MS);
		CHECK(o.arena_bytes < 4 * LIMIT_REGEX_CODE_BYTES);
	}
	CLEANUP_BUF struct buf deep = {0};
	buf_puts(&deep, "'a'.matches('");
	repeat(&deep, "(", 400);
	repeat(&deep, ")", 400);
	buf_puts(&deep, "')");
	CHECK_INT(run(buf_str(&deep), NULL).code, CEL_ERROR_SYNTAX);
}

TEST(work_on_large_values_is_charged)
{
	static const char *const heavy[] = {
		"l.all(x, l.exists(y, y == -1) || true)",
		"l.map(x, s).size() > 0 && l.all(x, s.contains('b') || true)",
		"l.map(x, s + s)",
		"l.map(x, l) == l.map(x, l)",
		"l.all(x, s == s + '')",
		"l.all(x, s.lastIndexOf('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab') < 0)",
		"l.all(x, s.lowerAscii().size() > 0)",
		"l.all(x, s.split('').size() > 0)",
		"l.all(x, json(l).size() > 0)",
		"l.all(x, l.map(y, string(y)).join(',').size() > 0)",
		"l.transformMap(k, v, v)",
	};
	CLEANUP_ARENA struct arena a = {0};
	struct value roots = large_roots(&a, 60000);
	for (size_t i = 0; i < ARRAY_LEN(heavy); i++) {
		struct outcome o = run(str_of(heavy[i]), &roots);
		if (o.code != CEL_ERROR_LIMIT || o.took_ms >= MOST_MS ||
		    o.arena_bytes > 4 * LIMIT_CEL_BYTES)
			tap_fail(t, __FILE__, __LINE__, "%s: %d %s after %lld ms, %zu bytes",
				 heavy[i], o.code, o.message, (long long)o.took_ms, o.arena_bytes);
	}
}

TEST(a_resolved_template_is_bounded_in_size_and_depth)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value roots = large_roots(&a, 300000), tree = value_array(&a, 8), got;
	struct template_error err;
	struct diag d;
	diag_init(&d, &a);
	struct cel_env env = {.roots = &roots};
	for (int i = 0; i < 8; i++)
		value_push(&a, &tree, value_strz(i % 2 ? "{{ s }}" : "x{{ s }}"));
	const struct template *made = template_compile(&a, &tree, "", &d);
	CHECK(made);
	CHECK_INT(template_resolve(made, &env, &a, &got, &err), CEL_ERROR_LIMIT);
	tree = value_strz("{{ l }}");
	made = template_compile(&a, &tree, "", &d);
	CHECK_INT(template_resolve(made, &env, &a, &got, &err), CEL_ERROR_LIMIT);
	struct value deep = value_int(1);
	for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
		struct value outer = value_array(&a, 1);
		value_push(&a, &outer, deep);
		deep = outer;
	}
	roots = value_object(&a, 1);
	value_putz(&a, &roots, "deep", deep);
	tree = value_strz("{{ [deep] }}");
	made = template_compile(&a, &tree, "", &d);
	CHECK_INT(template_resolve(made, &env, &a, &got, &err), CEL_ERROR_LIMIT);
}

TEST(steps_of_one_tree_are_counted_together)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value roots = large_roots(&a, 10000), tree = value_array(&a, 8), got;
	struct template_error err;
	struct diag d;
	diag_init(&d, &a);
	struct cel_env env = {.roots = &roots};
	struct value one = value_strz("{{ l.all(x, x >= 0) }}");
	const struct template *made = template_compile(&a, &one, "", &d);
	CHECK(made);
	CHECK_INT(template_resolve(made, &env, &a, &got, &err), 0);
	for (int i = 0; i < 8; i++)
		value_push(&a, &tree, one);
	made = template_compile(&a, &tree, "", &d);
	CHECK(made);
	CHECK_INT(template_resolve(made, &env, &a, &got, &err), CEL_ERROR_LIMIT);
}

TAP_MAIN(RUN(deep_nesting_is_refused_without_deep_recursion), RUN(nesting_up_to_the_limit_works),
	 RUN(long_flat_expressions_work), RUN(long_sources_are_refused),
	 RUN(nested_macros_run_out_of_steps), RUN(a_limit_is_never_absorbed),
	 RUN(giant_strings_and_lists_run_out_of_memory), RUN(regex_bombs_are_given_up),
	 RUN(thousands_of_modest_matches_are_no_bomb), RUN(regex_code_is_bounded),
	 RUN(work_on_large_values_is_charged),
	 RUN(a_resolved_template_is_bounded_in_size_and_depth),
	 RUN(steps_of_one_tree_are_counted_together))
