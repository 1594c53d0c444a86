#include "engine/run/agent_error.h"

#include "base/limits.h"
#include "base/timefmt.h"
#include "engine/run/error_codes.h"
#include "json/parse.h"

bool agent_error_read(struct arena *a, struct str output, struct agent_error *ret)
{
	const int64_t most_ms = LIMIT_DURATION_DAYS * INT64_C(86400000);
	struct value doc;
	*ret = (struct agent_error){0};
	if (output.n == 0 || output.n > LIMIT_AGENT_ERROR_BYTES ||
	    json_parse(a, output, JSON_DEFAULT, &doc, NULL) != 0)
		return false;
	const struct value *error = value_getz(&doc, "error");
	if (!value_is(error, VALUE_OBJECT))
		return false;
	struct str code = value_text(value_getz(error, "code"));
	struct str after = value_text(value_getz(error, "retryAfter"));
	const struct value *retryable = value_getz(error, "retryable");
	if (error_code_is_agents(code))
		ret->code = arena_dup(a, code.p, code.n);
	ret->message = value_text(value_getz(error, "message"));
	ret->final = value_is(retryable, VALUE_BOOL) && !retryable->b;
	if (after.n && (timefmt_duration_parse(after, &ret->retry_after_ms) != 0 ||
			ret->retry_after_ms < 0 || ret->retry_after_ms > most_ms))
		ret->retry_after_ms = 0;
	return true;
}
