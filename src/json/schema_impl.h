/*
 * Inside of JSON Schema: what loading (schema_load.c) finds, what compiling (schema_compile.c)
 * makes of it, what checking (schema_check.c) walks. Only for the schema_*.c files.
 *
 * A document is loaded into resources (a document or an embedded $id) and sites (each place that
 * holds a subschema). Each site that is reached becomes a node: the keywords, grouped by the kind
 * of instance they judge. References between nodes are pointers, so checking never looks up a
 * name, but for $dynamicRef.
 */
#pragma once

#include "base/map.h"
#include "json/format.h"
#include "json/pattern.h"
#include "json/schema.h"

enum schema_type {
	TYPE_NULL = 1,
	TYPE_BOOLEAN = 2,
	TYPE_INTEGER = 4,
	TYPE_NUMBER = 8,
	TYPE_STRING = 16,
	TYPE_ARRAY = 32,
	TYPE_OBJECT = 64,
};

enum schema_vocabulary {
	VOCABULARY_APPLICATOR = 1,
	VOCABULARY_UNEVALUATED = 2,
	VOCABULARY_VALIDATION = 4,
	VOCABULARY_FORMAT_ASSERTION = 8,
	VOCABULARY_STANDARD = 7,
};

struct schema_node;

/* A $dynamicAnchor of a resource. */
struct schema_dynamic {
	struct str name;
	struct schema_node *node;
	struct schema_site *site;
	struct schema_dynamic *next;
};

struct schema_resource {
	struct str uri; /* without fragment; "" for a document without a name */
	struct schema_site *root;
	struct map anchors; /* name → site */
	struct schema_dynamic *dynamics;
	int vocabularies;
	bool reached; /* a node lies in it */
	bool foreign; /* an extra or a bundled document, not the user's own */
	struct schema_resource *next;
};

/* A place that holds a subschema. */
struct schema_site {
	const struct value *v;
	struct schema_resource *resource;
	struct schema_site *parent;   /* NULL at a document's root */
	const struct schema_step *up; /* steps from the parent */
	struct schema_node *node;
};

/* Steps of a place, last first. */
struct schema_step {
	const struct schema_step *up;
	struct str key; /* p == NULL: an index */
	uint32_t index;
};

struct schema_numbers {
	const struct value *least, *most, *above, *below, *multiple;
};

struct schema_strings {
	uint64_t least, most;
	struct pattern *pattern;
	struct str pattern_text;
	enum format format;
};

struct schema_items {
	struct schema_node **prefix;
	uint32_t n_prefix;
	struct schema_node *rest;
	struct schema_node *contains;
	uint64_t least_contains, most_contains;
	uint64_t least, most;
	bool unique;
	struct schema_node *unevaluated;
};

/* A member that `properties` or `required` names. */
struct schema_property {
	struct str key;
	struct schema_node *node; /* NULL when only required */
	bool required;
};

struct schema_pattern_property {
	struct str text;
	struct pattern *pattern;
	struct schema_node *node;
};

/* dependentRequired, dependentSchemas, dependencies. */
struct schema_dependent {
	struct str key;
	struct str *required;
	uint32_t n_required;
	struct schema_node *node;
};

struct schema_members {
	struct schema_property *properties;
	uint32_t *index; /* of properties, open addressing; NULL when there are few */
	uint32_t index_mask;
	uint32_t n_properties, n_required;
	struct schema_pattern_property *patterns;
	uint32_t n_patterns;
	struct schema_dependent *dependents;
	uint32_t n_dependents;
	struct schema_node *additional, *names, *unevaluated;
	uint64_t least, most;
};

struct schema_logic {
	struct schema_node *ref;
	struct schema_node *dynamic_ref;
	struct str dynamic_name; /* p != NULL: look for it in the dynamic scope */
	struct schema_node **all, **any, **one;
	uint32_t n_all, n_any, n_one;
	struct schema_node * not, *when, *then, *otherwise;
};

enum schema_node_kind { NODE_ANYTHING, NODE_NOTHING, NODE_RULES };

struct schema_node {
	enum schema_node_kind kind;
	int types;	  /* bits; 0 = any */
	bool wants_marks; /* has an unevaluated keyword */
	uint8_t colour;	  /* of the search for loops */
	struct schema_resource *resource;
	struct schema_site *site;
	struct schema_node *next;    /* waiting to be compiled */
	const struct value *choices; /* enum */
	const struct value *constant;
	struct schema_numbers *numbers;
	struct schema_strings *strings;
	struct schema_items *items;
	struct schema_members *members;
	struct schema_logic *logic;
};

struct schema_regex {
	struct pattern *re;
	struct schema_regex *next;
};

struct schema {
	struct arena arena;
	struct schema_node *root;
	struct schema_resource *resources;
	struct schema_resource **resources_last;
	struct map by_uri;	    /* → resource */
	struct schema_site **sites; /* by address of the value; open addressing */
	size_t n_sites, cap_sites;
	struct schema_regex *regexes;
};

/* One compilation. */
struct schema_build {
	struct schema *s;
	struct arena *a; /* the schema's */
	struct diag *d;
	int flags;
	const struct schema *bundle; /* where bundled documents are looked up; may be NULL */
	struct schema_node *queue_first, **queue_last;
	bool too_many;
	size_t pattern_bytes; /* of compiled patterns */
};

/* schema.c */

struct schema *schema_new(void);

/* schema_load.c */

/* Takes a document's resources and sites in. base: its address. NULL after a finding. */
struct schema_site *schema_load(struct schema_build *b, const struct value *document,
				struct str base, bool foreign);
struct schema_site *schema_site_of(const struct schema *s, const struct value *v);
/* A site for a value that is no known subschema (a $ref into an unknown keyword). */
struct schema_site *schema_site_add(struct schema_build *b, const struct value *v,
				    struct schema_site *parent, const struct schema_step *up);
struct schema_resource *schema_resource_by_uri(const struct schema_build *b, struct str uri);
/* Decides the vocabularies of all resources by their $schema. */
void schema_load_dialects(struct schema_build *b);
/* A finding at a site and key (NULL: the site itself). */
void schema_refuse(struct schema_build *b, const struct schema_site *site, const char *key,
		   const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The same for a place below the site, in its text form. */
void schema_refuse_below(struct schema_build *b, const struct schema_site *site, const char *path,
			 const char *message);

struct schema_target {
	struct schema_site *site; /* in this build, or */
	struct schema_node *node; /* in the bundle */
	struct str dynamic_name;  /* the fragment names a $dynamicAnchor */
	const char *problem;	  /* neither: why not */
};
struct schema_target schema_resolve(struct schema_build *b, struct schema_resource *from,
				    struct str reference);

/* schema_compile.c */

/* Compiles the site and all that it leads to. */
struct schema_node *schema_compile_site(struct schema_build *b, struct schema_site *root);

/* schema_meta.c */

struct schema_bundled {
	const char *uri;
	const char *text;
	size_t n;
};
extern const struct schema_bundled schema_bundled_documents[];
extern const size_t schema_n_bundled_documents;
/* Findings of the meta-schema about a subschema at a site. */
bool schema_meta_check(struct schema_build *b, const struct schema_site *site);

/* schema_say.c: the wording of findings. */

struct schema_place {
	const struct schema_place *up;
	struct str key; /* p == NULL: an index */
	uint32_t index;
};
void schema_say_path(struct buf *out, const struct schema_place *place);
/* "a string", "an integer or null" */
void schema_say_types(struct buf *out, int types);
/* The value as JSON, cut when long. */
void schema_say_value(struct buf *out, const struct value *v);
/* "is not one of: \"a\", \"b\"" */
void schema_say_choices(struct buf *out, const struct value *choices);
int schema_type_of(const struct value *v);
int schema_type_named(struct str name);
