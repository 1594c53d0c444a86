#include "engine/plan/join.h"
#include "tap.h"

/* Two dependencies, each with every end or none yet: S success, F failed, T tolerated, K skipped,
 * U upstream failed, - not ended. Verdicts: r run, s skip, u upstream, w wait. */
static const char ends[] = "SFTKU-";

static enum join_verdict judge(enum join_rule rule, char a, char b)
{
	struct join_counts c = {.n = 2};
	char both[] = {a, b};
	for (int i = 0; i < 2; i++)
		if (both[i] != '-')
			join_count(&c, (enum join_end)(strchr(ends, both[i]) - ends));
	return join_judge(rule, &c);
}

static const char *const pairs[] = {"SS", "FF", "KK", "UU", "TT", "SF", "SK",
				    "SU", "ST", "FK", "FU", "FT", "KU", "KT",
				    "UT", "S-", "F-", "K-", "U-", "T-", "--"};

/* After Airflow's documentation of trigger rules and its rule for each of them. */
TEST(every_rule_decides_two_dependencies_as_airflow_does)
{
	struct {
		enum join_rule rule;
		const char *want; /* in the order of pairs */
	} table[] = {
		/*                  SFKUT SSSS FFF KK U SFKUT - */
		/*                  SFKUT FKUT KUT UT T ----- - */
		{JOIN_ALL_SUCCESS, "rusur"
				   "usur"
				   "uuu"
				   "us"
				   "u"
				   "wuwuw"
				   "w"},
		{JOIN_ALL_FAILED, "srsrr"
				  "ssss"
				  "srr"
				  "ss"
				  "r"
				  "swsww"
				  "w"},
		{JOIN_ALL_DONE, "rrrrr"
				"rrrr"
				"rrr"
				"rr"
				"r"
				"wwwww"
				"w"},
		{JOIN_ONE_SUCCESS, "rusur"
				   "rrrr"
				   "uur"
				   "ur"
				   "r"
				   "rwwwr"
				   "w"},
		{JOIN_ONE_FAILED, "srsrr"
				  "rsrr"
				  "rrr"
				  "rr"
				  "r"
				  "wrwrr"
				  "w"},
		{JOIN_ONE_DONE, "rrssr"
				"rrrr"
				"rrr"
				"sr"
				"r"
				"rrwwr"
				"w"},
		{JOIN_NONE_FAILED, "rurur"
				   "urur"
				   "uuu"
				   "ur"
				   "u"
				   "wuwuw"
				   "w"},
		{JOIN_NONE_SKIPPED, "rrsrr"
				    "rsrr"
				    "srr"
				    "ss"
				    "r"
				    "wwsww"
				    "w"},
		{JOIN_ALWAYS, "rrrrr"
			      "rrrr"
			      "rrr"
			      "rr"
			      "r"
			      "rrrrr"
			      "r"},
	};
	static const char letters[] = {'w', 'r', 's', 'u'};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		for (size_t k = 0; k < ARRAY_LEN(pairs); k++) {
			char got = letters[judge(table[i].rule, pairs[k][0], pairs[k][1])];
			char turned = letters[judge(table[i].rule, pairs[k][1], pairs[k][0])];
			if (got == table[i].want[k] && got == turned)
				continue;
			tap_fail(t, __FILE__, __LINE__, "%s of %s: got %c and %c, want %c",
				 join_rule_name(table[i].rule), pairs[k], got, turned,
				 table[i].want[k]);
			return;
		}
	}
}

TEST(a_node_without_dependencies_runs_under_every_rule)
{
	struct join_counts none = {0};
	for (int rule = JOIN_ALL_SUCCESS; rule <= JOIN_ALWAYS; rule++)
		CHECK_INT(join_judge((enum join_rule)rule, &none), JOIN_RUN);
}

TEST(a_verdict_never_depends_on_the_order_of_ends)
{
	for (int rule = JOIN_ALL_SUCCESS; rule <= JOIN_ALWAYS; rule++) {
		for (const char *a = "SFTKU"; *a; a++) {
			enum join_verdict early = judge((enum join_rule)rule, *a, '-');
			if (early == JOIN_WAIT)
				continue;
			for (const char *b = "SFTKU"; *b; b++) {
				enum join_verdict late = judge((enum join_rule)rule, *a, *b);
				CHECK_INT(late, early);
			}
		}
	}
}

TEST(names_are_read_as_they_are_written)
{
	for (int rule = JOIN_ALL_SUCCESS; rule <= JOIN_ALWAYS; rule++) {
		enum join_rule got;
		CHECK(join_rule_parse(str_of(join_rule_name((enum join_rule)rule)), &got));
		CHECK_INT(got, rule);
	}
	enum join_rule got;
	CHECK(!join_rule_parse(STR("all_successful"), &got));
	CHECK(join_run_on_parse(STR("failure"), &got));
	CHECK_INT(got, JOIN_ONE_FAILED);
	CHECK(join_run_on_parse(STR("always"), &got));
	CHECK_INT(got, JOIN_ALL_DONE);
}

TAP_MAIN(RUN(every_rule_decides_two_dependencies_as_airflow_does),
	 RUN(a_node_without_dependencies_runs_under_every_rule),
	 RUN(a_verdict_never_depends_on_the_order_of_ends), RUN(names_are_read_as_they_are_written))
