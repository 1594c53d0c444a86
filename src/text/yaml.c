#include "text/yaml.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "text/yaml_places.h"
#include "text/yaml_scalar.h"

/* One open collection. `key` is the member that waits for its value. */
struct frame {
	struct value value;
	struct str key;
	bool has_key;
	bool skip_value; /* the key was refused: its value goes nowhere */
	uint64_t path;
	yaml_mark_t key_mark;
};

struct loader {
	struct arena *arena;
	struct diag *diag;
	struct yaml_places *places;
	struct frame frames[LIMIT_YAML_DEPTH + 1]; /* [0] holds the document */
	int depth;
	size_t n_before; /* findings that were there already */
	bool stop;
};

static void close_parser(yaml_parser_t *p)
{
	yaml_parser_delete(p);
}

static void close_event(yaml_event_t *e)
{
	yaml_event_delete(e);
}

static struct frame *top(struct loader *l)
{
	return &l->frames[l->depth];
}

/* The path of the frames as people write it; cold, for findings only. */
static void path_text(struct loader *l, struct buf *out)
{
	for (int i = 1; i <= l->depth; i++) {
		const struct frame *f = &l->frames[i];
		if (f->value.kind == VALUE_ARRAY)
			buf_printf(out, "[%u]", f->value.n);
		else if (f->has_key && f->key.n <= LIMIT_NAME_BYTES)
			buf_printf(out, "%s%.*s", out->n ? "." : "", STR_ARG(f->key));
		else
			return;
	}
}

#define REFUSE(l, mark, ...)                                                                       \
	do {                                                                                       \
		CLEANUP_BUF struct buf path_ = {0};                                                \
		path_text(l, &path_);                                                              \
		diag_add_at((l)->diag, path_.p ? path_.p : "", (int)(mark).line + 1,               \
			    (int)(mark).column + 1, __VA_ARGS__);                                  \
	} while (0)

static bool refused(const struct loader *l)
{
	return l->diag->n + l->diag->n_dropped > l->n_before;
}

static uint64_t path_here(struct loader *l)
{
	const struct frame *f = top(l);
	if (l->depth == 0)
		return YAML_PATH_ROOT;
	return f->value.kind == VALUE_ARRAY ? yaml_path_item(f->path, f->value.n)
					    : yaml_path_member(f->path, f->key);
}

/* Called at the first event of a value, before it is stored. */
static uint64_t note_place(struct loader *l, yaml_mark_t mark)
{
	const struct frame *f = top(l);
	if (f->value.kind == VALUE_OBJECT)
		mark = f->key_mark;
	uint64_t path = path_here(l);
	yaml_places_note(l->places, path, (int)mark.line + 1, (int)mark.column + 1);
	return path;
}

static void store(struct loader *l, struct value v)
{
	struct frame *f = top(l);
	if (l->depth == 0) {
		f->value = v;
	} else if (f->value.kind == VALUE_ARRAY) {
		value_push(l->arena, &f->value, v);
	} else {
		if (!f->skip_value)
			value_put(l->arena, &f->value, f->key, v);
		f->has_key = f->skip_value = false;
	}
}

static bool key_expected(struct loader *l)
{
	const struct frame *f = top(l);
	return l->depth > 0 && f->value.kind == VALUE_OBJECT && !f->has_key;
}

/* A key that can't be used: its value is still read and judged. */
static void skip_key(struct frame *f, struct str key, yaml_mark_t mark)
{
	f->key = key;
	f->key_mark = mark;
	f->has_key = f->skip_value = true;
}

static void refuse_anchor(struct loader *l, const yaml_char_t *anchor, yaml_mark_t mark)
{
	if (anchor)
		REFUSE(l, mark, "anchors (&%.64s) are not supported: write the value out",
		       (const char *)anchor);
}

/* Whether the tag, without its prefix, is one of the core schema; NULL tag: the empty string. */
static const char *core_tag(const yaml_char_t *tag)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	const char *z = (const char *)tag;
	if (!z)
		return "";
	if (strcmp(z, "!") == 0)
		return "str";
	return strncmp(z, prefix, sizeof(prefix) - 1) == 0 ? z + sizeof(prefix) - 1 : NULL;
}

static bool tag_fits(const char *tag, struct value *v)
{
	if (strcmp(tag, "null") == 0)
		return v->kind == VALUE_NULL;
	if (strcmp(tag, "bool") == 0)
		return v->kind == VALUE_BOOL;
	if (strcmp(tag, "int") == 0)
		return v->kind == VALUE_INT || v->kind == VALUE_UINT;
	return strcmp(tag, "float") == 0 && value_is_number(v);
}

static struct value scalar(struct loader *l, const yaml_event_t *e)
{
	struct str text = arena_str(
		l->arena, str_n((const char *)e->data.scalar.value, e->data.scalar.length));
	const char *tag = core_tag(e->data.scalar.tag);
	struct value v = value_str(text);
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (!tag || (*tag && strcmp(tag, "str") != 0)) {
		plain = true;
	} else if (*tag) {
		return v;
	}
	if (!plain)
		return v;
	switch (yaml_scalar_resolve(l->arena, text, &v)) {
	case YAML_SCALAR_VALUE:
		break;
	case YAML_SCALAR_NOT_FINITE:
		REFUSE(l, e->start_mark,
		       "%.*s is not a number that JSON has; put it in quotes if text is meant",
		       STR_ARG(text));
		return v;
	case YAML_SCALAR_TOO_LARGE:
		REFUSE(l, e->start_mark,
		       "the number is too large; put it in quotes if text is meant");
		return v;
	}
	if (!tag || (*tag && !tag_fits(tag, &v)))
		REFUSE(l, e->start_mark, "the tag %.80s does not fit here: leave it out",
		       (const char *)e->data.scalar.tag);
	return v;
}

static void take_key(struct loader *l, const yaml_event_t *e)
{
	struct frame *f = top(l);
	struct str text = arena_str(
		l->arena, str_n((const char *)e->data.scalar.value, e->data.scalar.length));
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct value v = value_str(text);
	if (e->data.scalar.tag) {
		REFUSE(l, e->start_mark, "a key can't have a tag: leave it out");
		skip_key(f, text, e->start_mark);
		return;
	}
	if (plain && str_eqz(text, "<<")) {
		REFUSE(l, e->start_mark,
		       "merge keys (<<) are not part of YAML 1.2: write the "
		       "members out");
		skip_key(f, text, e->start_mark);
		return;
	}
	if (plain && yaml_scalar_resolve(l->arena, text, &v) == YAML_SCALAR_VALUE &&
	    (v.kind == VALUE_NULL || v.kind == VALUE_BOOL)) {
		REFUSE(l, e->start_mark, "a key must be text: put %s in quotes",
		       text.n ? text.p : "it");
		skip_key(f, text, e->start_mark);
		return;
	}
	if (value_get(&f->value, text)) {
		REFUSE(l, e->start_mark, "the key %.*s is here twice: keep one of them",
		       text.n < 100 ? (int)text.n : 100, text.p);
		skip_key(f, text, e->start_mark);
		return;
	}
	f->key = text;
	f->key_mark = e->start_mark;
	f->has_key = true;
}

static void on_scalar(struct loader *l, const yaml_event_t *e)
{
	refuse_anchor(l, e->data.scalar.anchor, e->start_mark);
	if (key_expected(l)) {
		take_key(l, e);
		return;
	}
	note_place(l, e->start_mark);
	store(l, scalar(l, e));
}

static void on_alias(struct loader *l, const yaml_event_t *e)
{
	REFUSE(l, e->start_mark, "aliases (*%.64s) are not supported: write the value out",
	       (const char *)e->data.alias.anchor);
	if (key_expected(l))
		skip_key(top(l), STR("*"), e->start_mark);
	else
		store(l, value_null());
}

static void on_start(struct loader *l, const yaml_event_t *e, enum value_kind kind,
		     const yaml_char_t *anchor, const yaml_char_t *tag)
{
	refuse_anchor(l, anchor, e->start_mark);
	const char *core = core_tag(tag);
	if (!core || (*core && strcmp(core, kind == VALUE_ARRAY ? "seq" : "map") != 0))
		REFUSE(l, e->start_mark, "the tag %.80s does not fit here: leave it out",
		       (const char *)tag);
	if (l->depth == LIMIT_YAML_DEPTH || key_expected(l)) {
		if (key_expected(l))
			REFUSE(l, e->start_mark, "a key must be text, not a list or a map");
		else
			REFUSE(l, e->start_mark, "nested deeper than %d levels", LIMIT_YAML_DEPTH);
		l->stop = true;
		return;
	}
	uint64_t path = note_place(l, e->start_mark);
	l->frames[++l->depth] = (struct frame){
		.value = kind == VALUE_ARRAY ? value_array(l->arena, 0) : value_object(l->arena, 0),
		.path = path,
	};
}

static void on_end(struct loader *l)
{
	struct value v = top(l)->value;
	l->depth--;
	store(l, v);
}

static void on_event(struct loader *l, const yaml_event_t *e, int *n_documents)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if ((*n_documents)++ == 0)
			return;
		REFUSE(l, e->start_mark, "one document a file: a second one begins here");
		l->stop = true;
		return;
	case YAML_STREAM_END_EVENT:
		if (*n_documents == 0)
			REFUSE(l, e->start_mark, "there is nothing in this document");
		l->stop = true;
		return;
	case YAML_SCALAR_EVENT:
		on_scalar(l, e);
		return;
	case YAML_ALIAS_EVENT:
		on_alias(l, e);
		return;
	case YAML_SEQUENCE_START_EVENT:
		on_start(l, e, VALUE_ARRAY, e->data.sequence_start.anchor,
			 e->data.sequence_start.tag);
		return;
	case YAML_MAPPING_START_EVENT:
		on_start(l, e, VALUE_OBJECT, e->data.mapping_start.anchor,
			 e->data.mapping_start.tag);
		return;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_end(l);
		return;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return;
	}
}

/* Adds a finding at a byte of the text. */
static void refuse_byte(struct diag *d, struct str text, size_t at, const char *message)
{
	int line = 1, column = 1;
	for (size_t i = 0; i < at && i < text.n; i++) {
		if (text.p[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	diag_add_at(d, "", line, column, "%s", message);
}

static int refuse_syntax(struct loader *l, struct str text, const yaml_parser_t *p)
{
	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	const char *problem = p->problem ? p->problem : "not YAML";
	if (p->error == YAML_READER_ERROR)
		refuse_byte(l->diag, text, p->problem_offset, problem);
	else if (p->context && p->context_mark.line != p->problem_mark.line)
		REFUSE(l, p->problem_mark, "%s, %s that begins on line %d", problem, p->context,
		       (int)p->context_mark.line + 1);
	else
		REFUSE(l, p->problem_mark, "%s%s%s", problem, p->context ? ", " : "",
		       p->context ? p->context : "");
	return YAML_REFUSED;
}

/* What libyaml would read as YAML 1.1, or not at all: false with a finding. */
static bool text_readable(struct str text, struct diag *d)
{
	if (text.n > LIMIT_YAML_BYTES) {
		diag_add_at(d, "", 1, 1, "the document is larger than %d bytes", LIMIT_YAML_BYTES);
		return false;
	}
	size_t valid = utf8_valid_prefix(text);
	if (valid < text.n) {
		refuse_byte(d, text, valid, "not UTF-8 from here on");
		return false;
	}
	for (size_t i = 0; i + 1 < text.n; i++) {
		bool nel = memcmp(text.p + i, "\xc2\x85", 2) == 0;
		bool separator = i + 2 < text.n && (memcmp(text.p + i, "\xe2\x80\xa8", 3) == 0 ||
						    memcmp(text.p + i, "\xe2\x80\xa9", 3) == 0);
		if (!nel && !separator)
			continue;
		refuse_byte(d, text, i,
			    "a line separator (U+0085, U+2028, U+2029) has no one meaning in "
			    "YAML: write it as \\N, \\L or \\P in double quotes");
		return false;
	}
	return true;
}

int yaml_parse(struct arena *a, struct str text, struct diag *d, struct value *ret,
	       struct yaml_places **ret_places)
{
	struct loader l = {.arena = a,
			   .diag = d,
			   .places = yaml_places_new(a),
			   .n_before = d->n + d->n_dropped};
	if (ret_places)
		*ret_places = l.places;
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_n(text.p + 3, text.n - 3);
	if (!text_readable(text, d))
		return YAML_REFUSED;
	CLEANUP(close_parser) yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
	int n_documents = 0;
	while (!l.stop) {
		CLEANUP(close_event) yaml_event_t event = {0};
		if (!yaml_parser_parse(&parser, &event))
			return refuse_syntax(&l, text, &parser);
		on_event(&l, &event, &n_documents);
		if (arena_over(a)) {
			REFUSE(&l, event.start_mark, "the document needs too much memory");
			break;
		}
	}
	if (refused(&l))
		return YAML_REFUSED;
	*ret = l.frames[0].value;
	return 0;
}
