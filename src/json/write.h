/*
 * Value to JSON text, and a streaming writer for answers that are never a tree. Any thread.
 */
#pragma once

#include "base/buf.h"
#include "json/value.h"

/* Compact, members in their order, numbers as they were spelled. */
void json_write(struct buf *out, const struct value *v);

/* Two spaces of indent, for people; ends without a newline. */
void json_write_pretty(struct buf *out, const struct value *v);

/*
 * One spelling per value, for hashing: members sorted by key bytes, no spaces, numbers by
 * their exact value. Equal values (value_equal) give equal bytes, different ones different bytes.
 */
void json_write_canonical(struct buf *out, const struct value *v);

/*
 * The writer. Commas are its business; keys and strings are escaped. Depth up to 32.
 *   struct json_out o = json_out_to(&buf);
 *   json_out_object(&o); json_out_key(&o, "id"); json_out_str(&o, id); json_out_end(&o);
 */
struct json_out {
	struct buf *buf;
	uint32_t is_array; /* bit per level */
	uint32_t has_item; /* bit per level */
	int depth;
	bool after_key;
};

static inline struct json_out json_out_to(struct buf *buf)
{
	return (struct json_out){.buf = buf};
}

void json_out_object(struct json_out *o);
void json_out_array(struct json_out *o);
void json_out_end(struct json_out *o);
void json_out_key(struct json_out *o, const char *key);
void json_out_str(struct json_out *o, struct str s);
void json_out_strz(struct json_out *o, const char *z); /* NULL writes null */
void json_out_int(struct json_out *o, int64_t v);
void json_out_double(struct json_out *o, double v);
void json_out_bool(struct json_out *o, bool v);
void json_out_null(struct json_out *o);
void json_out_value(struct json_out *o, const struct value *v); /* NULL writes null */
/* JSON text that was checked before; empty writes null. */
void json_out_raw(struct json_out *o, struct str json);
/* RFC 3339, or null for 0. */
void json_out_time(struct json_out *o, int64_t time_ms);

/* A member: key and value in one. */
static inline void json_put_str(struct json_out *o, const char *key, struct str s)
{
	json_out_key(o, key);
	json_out_str(o, s);
}

static inline void json_put_strz(struct json_out *o, const char *key, const char *z)
{
	json_out_key(o, key);
	json_out_strz(o, z);
}

static inline void json_put_int(struct json_out *o, const char *key, int64_t v)
{
	json_out_key(o, key);
	json_out_int(o, v);
}

static inline void json_put_time(struct json_out *o, const char *key, int64_t time_ms)
{
	json_out_key(o, key);
	json_out_time(o, time_ms);
}

/* null when empty. */
static inline void json_put_or_null(struct json_out *o, const char *key, struct str s)
{
	json_out_key(o, key);
	if (s.n)
		json_out_str(o, s);
	else
		json_out_null(o);
}

/* Left out when empty. */
static inline void json_put_if(struct json_out *o, const char *key, struct str s)
{
	if (s.n)
		json_put_str(o, key, s);
}
