/* A listening TCP socket from the text of an address. */
#pragma once

#include "base/buf.h"

/*
 * "127.0.0.1:9002", "[::1]:9002", "localhost:9002", ":9002" or "*:9002" (every address, IPv4 and
 * IPv6). Port 0 takes any that is free. 0, -EINVAL when the text is no address, or the system's
 * negative errno; *error then says in one sentence what is wrong. Blocks for a name look-up.
 */
int listen_open(const char *address, struct buf *error, int *ret_fd);

/* Where fd listens: "127.0.0.1:9002", "[::1]:9002". */
void listen_address(int fd, struct buf *out, int *ret_port);

struct sockaddr;
void listen_format(const struct sockaddr *a, struct buf *out, int *ret_port);
