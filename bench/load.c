/*
 * A load for one drover on loopback: N connections, each triggers a workflow and waits for its
 * end (Prefer: wait), again and again until COUNT runs ended. Prints one JSON line with the rate
 * and the latencies in milliseconds, and how long four syncs of 4 KiB took on the same disk.
 *
 *   load PORT WORKFLOW CONNECTIONS COUNT SYNC_FILE
 *   load sync SYNC_FILE ROUNDS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 1024, ANSWER_BYTES = 16384, STALL_MS = 30000 };

struct conn {
	int fd;
	int64_t sent_ns;
	size_t n;
	char answer[ANSWER_BYTES];
};

static struct conn conns[MOST_CONNECTIONS];
static char request[1024];
static size_t request_bytes;

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Median nanoseconds of writing 4 KiB at the end of a file and syncing it, four times. */
static int64_t four_syncs_ns(const char *path, int rounds)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	if (fd < 0)
		die(path);
	static char block[4096];
	int64_t *took = calloc((size_t)rounds, sizeof(*took));
	for (int i = 0; i < rounds; i++) {
		int64_t start = now_ns();
		for (int k = 0; k < 4; k++)
			if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) ||
			    fdatasync(fd) != 0)
				die(path);
		took[i] = now_ns() - start;
	}
	qsort(took, (size_t)rounds, sizeof(*took), by_value);
	int64_t median = took[rounds / 2];
	free(took);
	close(fd);
	unlink(path);
	return median;
}

static void send_request(struct conn *c)
{
	c->n = 0;
	c->sent_ns = now_ns();
	if (send(c->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes)
		die("send");
}

/* Whether the answer is complete; dies on anything but a run that ended in SUCCESS. */
static bool receive(struct conn *c)
{
	ssize_t r = recv(c->fd, c->answer + c->n, ANSWER_BYTES - 1 - c->n, MSG_DONTWAIT);
	if (r < 0 && errno == EAGAIN)
		return false;
	if (r <= 0)
		die("the service closed the connection");
	c->n += (size_t)r;
	c->answer[c->n] = '\0';
	char *body = strstr(c->answer, "\r\n\r\n");
	if (!body)
		return false;
	const char *length = strcasestr(c->answer, "content-length:");
	if (!length)
		die("an answer without a length");
	if ((size_t)(c->answer + c->n - (body + 4)) < strtoul(length + 15, NULL, 10))
		return false;
	if (strncmp(c->answer, "HTTP/1.1 200", 12) != 0 || !strstr(body, "\"SUCCESS\"")) {
		fprintf(stderr, "load: unexpected answer: %s\n", c->answer);
		exit(1);
	}
	return true;
}

static void open_connections(int port, int n, int epoll)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < n; i++) {
		int one = 1;
		conns[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (conns[i].fd < 0 || connect(conns[i].fd, (struct sockaddr *)&to, sizeof(to)))
			die("connect");
		setsockopt(conns[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, conns[i].fd, &ev))
			die("epoll_ctl");
	}
}

static int run_load(char **argv)
{
	int port = (int)strtol(argv[1], NULL, 10), n = (int)strtol(argv[3], NULL, 10),
	    count = (int)strtol(argv[4], NULL, 10);
	if (n < 1 || n > MOST_CONNECTIONS || count < n)
		return 2;
	const char *body = "{\"context\":{}}";
	request_bytes =
		(size_t)snprintf(request, sizeof(request),
				 "POST /api/workflows/%s/trigger HTTP/1.1\r\nHost: localhost\r\n"
				 "Content-Type: application/json\r\nPrefer: "
				 "wait=30\r\nContent-Length: %zu\r\n\r\n%s",
				 argv[2], strlen(body), body);
	int64_t *took = calloc((size_t)count, sizeof(*took));
	int epoll = epoll_create1(0), sent = 0, done = 0;
	int64_t syncs = four_syncs_ns(argv[5], 50);
	open_connections(port, n, epoll);
	int64_t start = now_ns();
	for (; sent < n; sent++)
		send_request(&conns[sent]);
	while (done < count) {
		struct epoll_event ev[64];
		int got = epoll_wait(epoll, ev, 64, STALL_MS);
		if (got <= 0)
			die("the service stalled");
		for (int i = 0; i < got; i++) {
			struct conn *c = &conns[ev[i].data.u32];
			if (!receive(c) || done == count)
				continue;
			took[done++] = now_ns() - c->sent_ns;
			if (sent < count) {
				send_request(c);
				sent++;
			}
		}
	}
	int64_t all = now_ns() - start;
	syncs = (syncs + four_syncs_ns(argv[5], 50)) / 2;
	qsort(took, (size_t)count, sizeof(*took), by_value);
	printf("{\"count\":%d,\"connections\":%d,\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
	       "\"four_syncs_ms\":%.3f}\n",
	       count, n, (double)count * 1e9 / (double)all, (double)took[count / 2] / 1e6,
	       (double)took[(size_t)count * 99 / 100] / 1e6, (double)syncs / 1e6);
	free(took);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "sync") == 0) {
		printf("{\"four_syncs_ms\":%.3f}\n",
		       (double)four_syncs_ns(argv[2], (int)strtol(argv[3], NULL, 10)) / 1e6);
		return 0;
	}
	if (argc == 6)
		return run_load(argv);
	fprintf(stderr, "usage: load PORT WORKFLOW CONNECTIONS COUNT SYNC_FILE\n");
	return 2;
}
