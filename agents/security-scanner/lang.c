#include "lang.h"

#include <stdbool.h>
#include <strings.h>

#include "base/attr.h"

struct lang_name {
	const char *name;
	enum lang lang;
};

static const struct lang_name extensions[] = {
	{"c", LANG_C},
	{"h", LANG_C},
	{"cc", LANG_C},
	{"cpp", LANG_C},
	{"cxx", LANG_C},
	{"hpp", LANG_C},
	{"hh", LANG_C},
	{"hxx", LANG_C},
	{"inc", LANG_C},
	{"m", LANG_C},
	{"mm", LANG_C},
	{"go", LANG_GO},
	{"java", LANG_JAVA},
	{"kt", LANG_JAVA},
	{"kts", LANG_JAVA},
	{"scala", LANG_JAVA},
	{"groovy", LANG_JAVA},
	{"gradle", LANG_JAVA},
	{"js", LANG_JS},
	{"jsx", LANG_JS},
	{"mjs", LANG_JS},
	{"cjs", LANG_JS},
	{"ts", LANG_JS},
	{"tsx", LANG_JS},
	{"mts", LANG_JS},
	{"cts", LANG_JS},
	{"vue", LANG_JS},
	{"svelte", LANG_JS},
	{"py", LANG_PY},
	{"pyw", LANG_PY},
	{"pyi", LANG_PY},
	{"pyx", LANG_PY},
	{"php", LANG_PHP},
	{"phtml", LANG_PHP},
	{"php5", LANG_PHP},
	{"php7", LANG_PHP},
	{"rb", LANG_RUBY},
	{"rake", LANG_RUBY},
	{"erb", LANG_RUBY},
	{"gemspec", LANG_RUBY},
	{"sh", LANG_SHELL},
	{"bash", LANG_SHELL},
	{"zsh", LANG_SHELL},
	{"ksh", LANG_SHELL},
	{"cs", LANG_CS},
	{"pl", LANG_PERL},
	{"pm", LANG_PERL},
	{"rs", LANG_RUST},
	{"html", LANG_HTML},
	{"htm", LANG_HTML},
	{"xhtml", LANG_HTML},
	{"ejs", LANG_HTML},
	{"hbs", LANG_HTML},
	{"mustache", LANG_HTML},
	{"j2", LANG_HTML},
	{"jinja", LANG_HTML},
	{"jinja2", LANG_HTML},
	{"twig", LANG_HTML},
	{"tmpl", LANG_HTML},
	{"yml", LANG_YAML},
	{"yaml", LANG_YAML},
	{"json", LANG_JSON},
	{"jsonc", LANG_JSON},
	{"json5", LANG_JSON},
	{"ipynb", LANG_JSON},
	{"tfstate", LANG_JSON},
	{"env", LANG_ENV},
	{"properties", LANG_ENV},
	{"envrc", LANG_ENV},
	{"ini", LANG_CONF},
	{"cfg", LANG_CONF},
	{"conf", LANG_CONF},
	{"toml", LANG_CONF},
	{"xml", LANG_CONF},
	{"config", LANG_CONF},
	{"tf", LANG_CONF},
	{"tfvars", LANG_CONF},
	{"hcl", LANG_CONF},
	{"dockerfile", LANG_DOCKER},
};

static const struct lang_name names[] = {
	{"Dockerfile", LANG_DOCKER},   {"Containerfile", LANG_DOCKER}, {".env", LANG_ENV},
	{".envrc", LANG_ENV},	       {".npmrc", LANG_ENV},	       {"Rakefile", LANG_RUBY},
	{"Gemfile", LANG_RUBY},	       {"Jenkinsfile", LANG_JAVA},     {"sshd_config", LANG_CONF},
	{"sudoers", LANG_CONF},	       {".bashrc", LANG_SHELL},	       {".profile", LANG_SHELL},
	{".bash_profile", LANG_SHELL}, {".zshrc", LANG_SHELL},	       {".pypirc", LANG_CONF},
	{".gitconfig", LANG_CONF},     {"configure", LANG_SHELL},
};

static const struct lang_name interpreters[] = {
	{"python", LANG_PY}, {"node", LANG_JS},	  {"deno", LANG_JS},	{"ruby", LANG_RUBY},
	{"php", LANG_PHP},   {"perl", LANG_PERL}, {"bash", LANG_SHELL}, {"dash", LANG_SHELL},
	{"zsh", LANG_SHELL}, {"ksh", LANG_SHELL}, {"sh", LANG_SHELL},
};

static bool same_nocase(struct str s, const char *z)
{
	return s.n == strlen(z) && strncasecmp(s.p, z, s.n) == 0;
}

static enum lang by_shebang(struct str head)
{
	if (!str_starts(head, STR("#!")))
		return LANG_OTHER;
	const char *nl = memchr(head.p, '\n', head.n);
	size_t n = nl ? (size_t)(nl - head.p) : head.n;
	if (n > 127)
		n = 127;
	for (size_t i = 0; i < ARRAY_LEN(interpreters); i++) {
		size_t len = strlen(interpreters[i].name);
		const char *at = memmem(head.p, n, interpreters[i].name, len);
		if (at && (at[-1] == '/' || at[-1] == ' '))
			return interpreters[i].lang;
	}
	return LANG_OTHER;
}

enum lang lang_of(struct str name, struct str head)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (same_nocase(name, names[i].name))
			return names[i].lang;
	if (str_starts(name, STR("Dockerfile.")) || str_starts(name, STR("Containerfile.")))
		return LANG_DOCKER;
	if (str_starts(name, STR(".env.")))
		return LANG_ENV;
	const char *dot = memrchr(name.p, '.', name.n);
	if (dot) {
		struct str ext = str_n(dot + 1, (size_t)(name.p + name.n - dot - 1));
		for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
			if (same_nocase(ext, extensions[i].name))
				return extensions[i].lang;
	}
	return by_shebang(head);
}
