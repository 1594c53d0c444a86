/* What a file is written in, by its name, else by its first line. Pure. */
#pragma once

#include <stdint.h>

#include "base/str.h"

enum lang {
	LANG_OTHER,
	LANG_C,
	LANG_GO,
	LANG_JAVA, /* and Kotlin, Scala, Groovy */
	LANG_JS,   /* and TypeScript, Vue, Svelte */
	LANG_PY,
	LANG_PHP,
	LANG_RUBY,
	LANG_SHELL,
	LANG_CS,
	LANG_PERL,
	LANG_RUST,
	LANG_HTML, /* and server-side templates */
	LANG_YAML,
	LANG_JSON,
	LANG_ENV, /* .env, .properties */
	LANG_CONF,
	LANG_DOCKER,
	LANG_COUNT,
};

#define LANG_BIT(l) (1u << (l))
#define LANG_ANY ((1u << LANG_COUNT) - 1)
#define LANG_GROUP_CODE                                                                            \
	(LANG_BIT(LANG_C) | LANG_BIT(LANG_GO) | LANG_BIT(LANG_JAVA) | LANG_BIT(LANG_JS) |          \
	 LANG_BIT(LANG_PY) | LANG_BIT(LANG_PHP) | LANG_BIT(LANG_RUBY) | LANG_BIT(LANG_SHELL) |     \
	 LANG_BIT(LANG_CS) | LANG_BIT(LANG_PERL) | LANG_BIT(LANG_RUST) | LANG_BIT(LANG_HTML))
#define LANG_GROUP_CONF                                                                            \
	(LANG_BIT(LANG_YAML) | LANG_BIT(LANG_JSON) | LANG_BIT(LANG_ENV) | LANG_BIT(LANG_CONF))

/* name: the last component; head: the first bytes of the file. */
enum lang lang_of(struct str name, struct str head);
