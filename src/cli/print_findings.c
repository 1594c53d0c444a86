#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "cli/print.h"
#include "cli/table.h"

enum { FINDINGS_SHOWN = 40 };

static const char *const severities[] = {"critical", "high", "medium", "low"};

static int severity_rank(struct str s)
{
	for (int i = 0; i < (int)ARRAY_LEN(severities); i++)
		if (str_eqz(s, severities[i]))
			return i;
	return (int)ARRAY_LEN(severities);
}

static int by_severity(const void *a, const void *b)
{
	const struct value *const *x = a, *const *y = b;
	int rx = severity_rank(print_text(*x, "severity")),
	    ry = severity_rank(print_text(*y, "severity"));
	if (rx != ry)
		return rx - ry;
	return *x < *y ? -1 : 1; /* the scanner's own order within a severity */
}

static void print_table(struct arena *a, const struct value *const *findings, uint32_t n)
{
	static const struct table_column columns[] = {
		{"SEVERITY", TABLE_WHOLE}, {"RULE", TABLE_WHOLE},    {"PLACE", TABLE_CUT_LEFT},
		{"FINDING", TABLE_CUT},	   {"LINE", TABLE_OPTIONAL},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < n && i < FINDINGS_SHOWN; i++) {
		const struct value *f = findings[i];
		table_cell(t, print_text(f, "severity"));
		table_cell(t, print_text(f, "ruleId"));
		table_cell(t, str_of(arena_printf(a, "%.*s:%lld", STR_ARG(print_text(f, "file")),
						  (long long)print_int(f, "line"))));
		table_cell(t, print_text(f, "title"));
		table_cell(t, print_text(f, "excerpt"));
	}
	table_print(t);
}

static void print_totals(const struct value *summary)
{
	CLEANUP_BUF struct buf took = {0};
	table_duration(&took, print_int(summary, "durationMs"));
	printf("%s", table_bold());
	for (size_t i = 0; i < ARRAY_LEN(severities); i++)
		printf("%s%lld %s", i ? ", " : "", (long long)print_int(summary, severities[i]),
		       severities[i]);
	printf("%s in %lld files, %s\n\n", table_plain(),
	       (long long)print_int(summary, "filesScanned"), took.p ? took.p : "");
}

void print_findings(const struct value *output)
{
	const struct value *findings = value_getz(output, "findings"),
			   *summary = value_getz(output, "summary");
	if (!value_is(findings, VALUE_ARRAY))
		return;
	CLEANUP_ARENA struct arena a = {0};
	const struct value **sorted = arena_alloc(&a, (findings->n + 1) * sizeof(*sorted));
	for (uint32_t i = 0; i < findings->n; i++)
		sorted[i] = &findings->items[i];
	qsort(sorted, findings->n, sizeof(*sorted), by_severity);
	print_table(&a, sorted, findings->n);
	if (findings->n > FINDINGS_SHOWN)
		printf("… and %u more\n", findings->n - FINDINGS_SHOWN);
	printf("%s", findings->n ? "\n" : "no findings\n\n");
	print_totals(summary);
}
