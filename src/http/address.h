/*
 * What kind of place a socket address is, for the guard against requests that reach inward. An
 * IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4, Teredo) counts as itself.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

enum address_class {
	ADDRESS_PUBLIC,
	ADDRESS_LOOPBACK,   /* 127/8, ::1 */
	ADDRESS_PRIVATE,    /* RFC 1918, 100.64/10, fc00::/7 */
	ADDRESS_LINK_LOCAL, /* 169.254/16 (cloud metadata), fe80::/10, fd00:ec2::254 */
	ADDRESS_OTHER,	    /* unspecified, multicast, broadcast, documentation, reserved */
	ADDRESS_UNIX,
};

/* How far a request may reach. */
enum address_reach {
	ADDRESS_REACH_PUBLIC = 0, /* public addresses only */
	ADDRESS_REACH_PRIVATE,	  /* also loopback and private ones */
};

enum address_class address_classify(const struct sockaddr *a);

bool address_reachable(const struct sockaddr *a, enum address_reach reach);

/* The same for the text of an address as inet_ntop() gives it; false when it is none. */
bool address_reachable_text(const char *text, enum address_reach reach);
