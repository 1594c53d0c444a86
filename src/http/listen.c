#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/str.h"

enum { BACKLOG = 1024, HOST_BYTES = 256 };

static bool split(struct str address, char host[HOST_BYTES], char port[6])
{
	size_t colon = address.n;
	while (colon > 0 && address.p[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return false;
	struct str h = str_n(address.p, colon - 1);
	struct str p = str_n(address.p + colon, address.n - colon);
	if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = str_n(h.p + 1, h.n - 2);
	else if (h.n && memchr(h.p, ':', h.n))
		return false;
	if (str_eq(h, STR("*")))
		h.n = 0;
	if (p.n == 0 || p.n > 5 || h.n >= HOST_BYTES)
		return false;
	long number = 0;
	for (size_t i = 0; i < p.n; i++) {
		if (p.p[i] < '0' || p.p[i] > '9')
			return false;
		number = number * 10 + (p.p[i] - '0');
	}
	if (number > 65535)
		return false;
	memcpy(host, h.p, h.n);
	host[h.n] = '\0';
	memcpy(port, p.p, p.n);
	port[p.n] = '\0';
	return true;
}

static void cleanup_addrinfop(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static int open_one(const struct addrinfo *ai)
{
	CLEANUP_FD int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int on = 1, off = 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	int taken = fd;
	fd = -1;
	return taken;
}

static void explain(struct buf *error, const char *address, int r)
{
	switch (-r) {
	case EADDRINUSE:
		buf_printf(error, "%s is in use by another program; choose another port", address);
		break;
	case EADDRNOTAVAIL:
		buf_printf(error, "%s is no address of this machine", address);
		break;
	case EACCES:
		buf_printf(error, "%s needs privileges; choose a port above 1023", address);
		break;
	default:
		buf_printf(error, "cannot listen on %s: %s", address, strerror(-r));
	}
}

int listen_open(const char *address, struct buf *error, int *ret_fd)
{
	char host[HOST_BYTES], port[6];
	if (!split(str_of(address), host, port)) {
		buf_printf(error, "\"%s\" is no address; write HOST:PORT, such as 127.0.0.1:9002",
			   address);
		return -EINVAL;
	}
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	CLEANUP(cleanup_addrinfop) struct addrinfo *list = NULL;
	int gai = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (gai != 0) {
		buf_printf(error, "\"%s\": %s", address, gai_strerror(gai));
		return -EINVAL;
	}
	int r = -EADDRNOTAVAIL;
	/* for "every address" the IPv6 socket serves both; IPv4 alone where there is no IPv6 */
	for (int pass = host[0] ? 1 : 0; pass < 2; pass++)
		for (struct addrinfo *ai = list; ai; ai = ai->ai_next) {
			if (pass == 0 && ai->ai_family != AF_INET6)
				continue;
			r = open_one(ai);
			if (r >= 0) {
				*ret_fd = r;
				return 0;
			}
			if (r == -EADDRINUSE)
				break;
		}
	explain(error, address, r);
	return r;
}

void listen_format(const struct sockaddr *a, struct buf *out, int *ret_port)
{
	char text[INET6_ADDRSTRLEN] = "";
	int port = 0;
	if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)a;
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		port = ntohs(in6->sin6_port);
		buf_printf(out, "[%s]:%d", text, port);
	} else if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		port = ntohs(in->sin_port);
		buf_printf(out, "%s:%d", text, port);
	}
	if (ret_port)
		*ret_port = port;
}

void listen_address(int fd, struct buf *out, int *ret_port)
{
	struct sockaddr_storage a = {0};
	socklen_t n = sizeof(a);
	if (getsockname(fd, (void *)&a, &n) == 0)
		listen_format((const void *)&a, out, ret_port);
}
