#include "api/guard.h"

#include <string.h>
#include <strings.h>

#include "http/server.h"

static bool same(struct str a, struct str b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* "name:port" or "[v6]:port"; the port is empty when there is none. */
static struct str split_port(struct str host, struct str *ret_port)
{
	const char *colon = memrchr(host.p, ':', host.n);
	const char *bracket = memrchr(host.p, ']', host.n);
	*ret_port = (struct str){0};
	if (!colon || (bracket && bracket > colon))
		return host;
	*ret_port = str_n(colon + 1, host.n - (size_t)(colon + 1 - host.p));
	return str_n(host.p, (size_t)(colon - host.p));
}

static bool is_loopback(struct str name)
{
	return str_starts(name, STR("127.")) || str_eqz(name, "[::1]");
}

const char *guard_host(const struct http_request *r)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	struct str our_port, port, host;
	struct str ours = split_port(str_of(r->server), &our_port);
	if (!is_loopback(ours))
		return NULL;
	if (!http_header(r, "Host", &host) || host.n == 0)
		return "Name the host in the Host field.";
	struct str name = split_port(host, &port);
	bool known = same(name, ours);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !known; i++)
		known = same(name, str_of(names[i]));
	if (!known)
		return "This service listens on loopback and answers to localhost, 127.0.0.1 and "
		       "[::1] only; the Host field names another.";
	if (port.n > 0 && !str_eq(port, our_port))
		return "The port in the Host field is not the one this service listens on.";
	return NULL;
}

/* An origin is scheme://host[:port]; "null" and lists are nobody's. */
static bool own_origin(struct str origin, struct str host)
{
	static const char *const schemes[] = {"http://", "https://"};
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct str scheme = str_of(schemes[i]);
		if (origin.n > scheme.n && same(str_n(origin.p, scheme.n), scheme))
			return same(str_n(origin.p + scheme.n, origin.n - scheme.n), host);
	}
	return false;
}

const char *guard_origin(const struct http_request *r)
{
	struct str host = {0};
	http_header(r, "Host", &host);
	for (size_t i = 0; i < r->n_headers; i++) {
		struct str name = r->headers[i].name, value = r->headers[i].value;
		if (same(name, STR("Origin")) && !own_origin(value, host))
			return "A page of another origin may not change anything here.";
		if (same(name, STR("Sec-Fetch-Site")) && !same(value, STR("same-origin")) &&
		    !same(value, STR("none")))
			return "A page of another site may not change anything here.";
	}
	return NULL;
}
