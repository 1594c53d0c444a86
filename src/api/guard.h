/*
 * Keeps web pages from driving the API through a visitor's browser: it is open on loopback, and a
 * browser reaches loopback.
 *
 * - DNS rebinding: where the server listens on loopback, `Host` must name this machine.
 * - Cross-site requests: what changes state must not come from another origin, by `Origin`
 *   (RFC 6454) or `Sec-Fetch-Site` (W3C Fetch Metadata). Programs send neither and are not
 *   touched. Reading needs no such rule: without CORS fields a page can't see the answer.
 */
#pragma once

struct http_request;

/* NULL, or one sentence on why the request's Host is refused (403). */
const char *guard_host(const struct http_request *r);

/* NULL, or one sentence on why a request that changes state is refused (403). */
const char *guard_origin(const struct http_request *r);
