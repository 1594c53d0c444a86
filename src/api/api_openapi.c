/* /openapi.json: the document in spec/openapi, embedded at build. */
#include "api/api_private.h"
#include "api/resources.h"

extern const char openapi_json[];
extern const size_t openapi_json_bytes;

struct str api_openapi_document(void)
{
	return str_n(openapi_json, openapi_json_bytes);
}

struct call_done openapi_get(struct call *c)
{
	struct buf body = {0};
	buf_put_str(&body, api_openapi_document());
	return call_reply(c, 200, &body);
}
