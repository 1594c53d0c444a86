/* JSON text: whatever parses is written, read again and found equal. First byte: the flags. */
#include "base/fault.h"
#include "json/parse.h"
#include "json/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct value again(struct arena *a, const struct buf *text)
{
	struct value v;
	ASSERT(json_parse(a, buf_str(text), JSON_UNIQUE_KEYS, &v, NULL) == 0);
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	CLEANUP_ARENA struct arena a = {0};
	arena_init(&a, 16 << 20);
	struct value v;
	struct json_error e = {0};
	struct str text = str_n((const char *)data + 1, size - 1);
	if (json_parse(&a, text, data[0] & 3, &v, &e)) {
		ASSERT(e.code > 0 && e.offset <= text.n && e.line > 0 && e.column > 0);
		ASSERT(e.message[0] != '\0');
		return 0;
	}
	CLEANUP_BUF struct buf compact = {0};
	CLEANUP_BUF struct buf pretty = {0};
	CLEANUP_BUF struct buf canonical = {0};
	CLEANUP_BUF struct buf second = {0};
	json_write(&compact, &v);
	json_write_pretty(&pretty, &v);
	json_write_canonical(&canonical, &v);
	struct value from_compact = again(&a, &compact), from_pretty = again(&a, &pretty);
	struct value copy = value_copy(&a, &v);
	ASSERT(value_equal(&v, &from_compact) && value_equal(&v, &from_pretty));
	ASSERT(value_equal(&v, &copy) && value_hash(&v) == value_hash(&copy));
	ASSERT(value_hash(&v) == value_hash(&from_pretty));
	json_write(&second, &from_compact);
	ASSERT(str_eq(buf_str(&compact), buf_str(&second)));
	struct value from_canonical = again(&a, &canonical);
	ASSERT(value_equal(&v, &from_canonical) && value_hash(&v) == value_hash(&from_canonical));
	buf_clear(&second);
	json_write_canonical(&second, &from_canonical);
	ASSERT(str_eq(buf_str(&canonical), buf_str(&second)));
	return 0;
}
