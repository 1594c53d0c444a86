/*
 * Recursive descent over the grammar of the language definition:
 *
 *   expr    = or ["?" or ":" expr]        or   = and {"||" and}
 *   and     = rel {"&&" rel}              rel  = add {relop add}
 *   add     = mul {("+" | "-") mul}       mul  = unary {("*" | "/" | "%") unary}
 *   unary   = member | "!"{"!"} member | "-"{"-"} member
 *   member  = primary {"." name ["(" args ")"] | "[" expr "]"}
 *   primary = ["."] name ["(" args ")"] | "(" expr ")" | "[" list "]" | "{" map "}" | literal
 */
#include "text/cel_parse.h"

#include "base/fault.h"
#include "text/cel_lex.h"
#include "text/regex.h"

struct parser {
	struct cel_lexer lexer;
	struct cel_token token;
	struct arena *arena;
	int depth;
	uint32_t n_vars;
	struct str vars[2 * LIMIT_CEL_DEPTH];
};

static bool parse_expr(struct parser *p, struct cel_node *ret);

static bool advance(struct parser *p)
{
	return cel_lex(&p->lexer, &p->token);
}

static const char *token_name(const struct cel_token *t, char buf[4])
{
	switch (t->kind) {
	case CEL_TOKEN_END:
		return "the end";
	case CEL_TOKEN_IDENT:
	case CEL_TOKEN_QUOTED:
		return "a name";
	case CEL_TOKEN_INT:
	case CEL_TOKEN_UINT:
	case CEL_TOKEN_DOUBLE:
		return "a number";
	case CEL_TOKEN_STRING:
	case CEL_TOKEN_BYTES:
		return "a string";
	case CEL_TOKEN_EQ:
		return "'=='";
	case CEL_TOKEN_NE:
		return "'!='";
	case CEL_TOKEN_LE:
		return "'<='";
	case CEL_TOKEN_GE:
		return "'>='";
	case CEL_TOKEN_AND:
		return "'&&'";
	case CEL_TOKEN_OR:
		return "'||'";
	case CEL_TOKEN_TRUE:
		return "'true'";
	case CEL_TOKEN_FALSE:
		return "'false'";
	case CEL_TOKEN_NULL:
		return "'null'";
	case CEL_TOKEN_IN:
		return "'in'";
	default:
		buf[0] = buf[2] = '\'';
		buf[1] = (char)t->kind;
		buf[3] = '\0';
		return buf;
	}
}

static bool unexpected(struct parser *p, const char *wanted)
{
	char buf[4];
	return cel_lex_fail(&p->lexer, p->token.at, "expected %s but found %s", wanted,
			    token_name(&p->token, buf));
}

static bool take(struct parser *p, int kind, const char *wanted)
{
	return p->token.kind == kind ? advance(p) : unexpected(p, wanted);
}

static struct cel_node node_at(const struct parser *p, enum cel_node_kind kind)
{
	return (struct cel_node){.kind = (uint8_t)kind, .at = (uint32_t)p->token.at};
}

struct nodes {
	struct cel_node *p;
	uint32_t n, cap;
};

static void push(struct parser *p, struct nodes *list, struct cel_node node)
{
	if (list->n == list->cap) {
		uint32_t cap = list->cap ? list->cap * 2 : 2;
		list->p =
			arena_grow(p->arena, list->p, list->cap * sizeof(node), cap * sizeof(node));
		list->cap = cap;
	}
	list->p[list->n++] = node;
}

static void give(struct cel_node *node, const struct nodes *list)
{
	node->args = list->p;
	node->n = list->n;
}

/* Expressions separated by commas up to `close`, which is taken. */
static bool parse_list(struct parser *p, int close, bool trailing_comma, struct nodes *ret)
{
	if (p->token.kind == close)
		return advance(p);
	for (;;) {
		struct cel_node item;
		if (!parse_expr(p, &item))
			return false;
		push(p, ret, item);
		if (p->token.kind == ',') {
			if (!advance(p))
				return false;
			if (!trailing_comma || p->token.kind != close)
				continue;
		}
		return take(p, close, close == ')' ? "',' or ')'" : "',' or ']'");
	}
}

static bool is_constant_string(const struct cel_node *n)
{
	return n->kind == CEL_NODE_CONST && n->constant.kind == CEL_STRING;
}

static bool compile_pattern(struct parser *p, struct cel_node *call, const struct cel_node *arg)
{
	if (call->fn->call != cel_call_matches || !is_constant_string(arg))
		return true;
	char message[REGEX_ERROR_BYTES];
	if (regex_compile(p->arena, cel_text(&arg->constant), &call->regex, message) == 0)
		return true;
	return cel_lex_fail(&p->lexer, arg->at, "%s", message);
}

/* n_before: 1 when something stands before the dot. */
static bool bind_function(struct parser *p, struct cel_node *call, struct str name, int style,
			  uint32_t n_before)
{
	uint32_t n = call->n + n_before;
	call->fn = cel_function_find(name, style, n);
	call->regex = NULL;
	if (call->fn)
		return call->n == 0 || compile_pattern(p, call, &call->args[call->n - 1]);
	if (cel_function_known(name, style))
		return cel_lex_fail(&p->lexer, call->at, "%.*s() cannot take %u argument%s",
				    STR_ARG(name), call->n, call->n == 1 ? "" : "s");
	if (style == CEL_CALL_METHOD && cel_function_known(name, CEL_CALL_GLOBAL))
		return cel_lex_fail(&p->lexer, call->at, "%.*s is called as %.*s(x)", STR_ARG(name),
				    STR_ARG(name));
	if (style == CEL_CALL_GLOBAL && cel_function_known(name, CEL_CALL_METHOD))
		return cel_lex_fail(&p->lexer, call->at, "%.*s is called as x.%.*s()",
				    STR_ARG(name), STR_ARG(name));
	return cel_lex_fail(&p->lexer, call->at, "unknown function '%.*s'", STR_ARG(name));
}

static bool parse_has(struct parser *p, struct cel_node *call)
{
	const struct cel_node *arg = call->args;
	if (call->n != 1 || arg->kind != CEL_NODE_PATH ||
	    arg->args[arg->n - 1].kind != CEL_NODE_SELECT)
		return cel_lex_fail(&p->lexer, call->at, "has() takes one member: has(a.b)");
	call->kind = CEL_NODE_HAS;
	return true;
}

/* The token is the opening parenthesis. */
static bool parse_call(struct parser *p, struct cel_node *call, struct str name)
{
	struct nodes args = {0};
	if (!advance(p) || !parse_list(p, ')', false, &args))
		return false;
	call->kind = CEL_NODE_CALL;
	give(call, &args);
	if (str_eqz(name, "has"))
		return parse_has(p, call);
	if (str_eqz(name, "default")) {
		call->kind = CEL_NODE_DEFAULT;
		return call->n == 2 || cel_lex_fail(&p->lexer, call->at,
						    "default() takes two arguments: default(x, y)");
	}
	return bind_function(p, call, name, CEL_CALL_GLOBAL, 0);
}

static bool find_type(struct str name, enum cel_kind *ret)
{
	for (int kind = 0; kind < CEL_KINDS; kind++)
		if (str_eqz(name, cel_kind_name((enum cel_kind)kind))) {
			*ret = (enum cel_kind)kind;
			return true;
		}
	return false;
}

/* The innermost macro variable of that name; its slot, or -1. */
static int find_var(const struct parser *p, struct str name)
{
	for (uint32_t i = p->n_vars; i > 0; i--)
		if (str_eq(p->vars[i - 1], name))
			return (int)i - 1;
	return -1;
}

static void resolve_name(struct parser *p, struct cel_node *ret, struct str name, bool rooted)
{
	enum cel_kind type;
	int slot = rooted ? -1 : find_var(p, name);
	if (slot >= 0) {
		ret->kind = CEL_NODE_VAR;
		ret->slot = (uint32_t)slot;
		ret->name = name;
	} else if (find_type(name, &type)) {
		ret->kind = CEL_NODE_CONST;
		ret->constant = cel_type(type);
	} else {
		ret->kind = CEL_NODE_ROOT;
		ret->name = name;
	}
}

static bool parse_name(struct parser *p, struct cel_node *ret)
{
	*ret = node_at(p, CEL_NODE_ROOT);
	bool rooted = p->token.kind == '.';
	if (rooted && !advance(p))
		return false;
	if (p->token.kind != CEL_TOKEN_IDENT)
		return unexpected(p, "a name");
	if (p->token.reserved)
		return cel_lex_fail(&p->lexer, p->token.at, "'%.*s' is a reserved word",
				    STR_ARG(p->token.text));
	struct str name = p->token.text;
	if (!advance(p))
		return false;
	if (p->token.kind == '(')
		return parse_call(p, ret, name);
	resolve_name(p, ret, name, rooted);
	return true;
}

static bool parse_number(struct parser *p, struct cel_node *ret, bool negative)
{
	*ret = node_at(p, CEL_NODE_CONST);
	const struct cel_token *t = &p->token;
	if (t->kind == CEL_TOKEN_DOUBLE) {
		ret->constant = cel_double(negative ? -t->d : t->d);
	} else if (t->kind == CEL_TOKEN_UINT) {
		if (negative)
			return cel_lex_fail(&p->lexer, t->at, "an unsigned number has no sign");
		ret->constant = cel_uint(t->u);
	} else {
		if (t->u > (uint64_t)INT64_MAX + negative)
			return cel_lex_fail(&p->lexer, t->at, "the number does not fit an int");
		ret->constant = cel_int(negative ? (int64_t)(0 - t->u) : (int64_t)t->u);
	}
	return advance(p);
}

static bool parse_constant(struct parser *p, struct cel_node *ret, struct cel_value v)
{
	*ret = node_at(p, CEL_NODE_CONST);
	ret->constant = v;
	return advance(p);
}

static bool parse_map(struct parser *p, struct cel_node *ret)
{
	*ret = node_at(p, CEL_NODE_MAP);
	struct nodes list = {0};
	if (!advance(p))
		return false;
	while (p->token.kind != '}') {
		struct cel_node key, value;
		if (!parse_expr(p, &key) || !take(p, ':', "':'") || !parse_expr(p, &value))
			return false;
		push(p, &list, key);
		push(p, &list, value);
		if (p->token.kind != ',')
			break;
		if (!advance(p))
			return false;
	}
	give(ret, &list);
	return take(p, '}', "',' or '}'");
}

static bool parse_list_literal(struct parser *p, struct cel_node *ret)
{
	*ret = node_at(p, CEL_NODE_LIST);
	struct nodes list = {0};
	if (!advance(p) || !parse_list(p, ']', true, &list))
		return false;
	give(ret, &list);
	return true;
}

static bool parse_primary(struct parser *p, struct cel_node *ret)
{
	switch (p->token.kind) {
	case '.':
	case CEL_TOKEN_IDENT:
		return parse_name(p, ret);
	case '(':
		return advance(p) && parse_expr(p, ret) && take(p, ')', "')'");
	case '[':
		return parse_list_literal(p, ret);
	case '{':
		return parse_map(p, ret);
	case CEL_TOKEN_INT:
	case CEL_TOKEN_UINT:
	case CEL_TOKEN_DOUBLE:
		return parse_number(p, ret, false);
	case CEL_TOKEN_STRING:
		return parse_constant(p, ret, cel_string(p->token.text));
	case CEL_TOKEN_BYTES:
		return parse_constant(p, ret, cel_bytes(p->token.text));
	case CEL_TOKEN_TRUE:
		return parse_constant(p, ret, cel_bool(true));
	case CEL_TOKEN_FALSE:
		return parse_constant(p, ret, cel_bool(false));
	case CEL_TOKEN_NULL:
		return parse_constant(p, ret, cel_null());
	default:
		return unexpected(p, "an expression");
	}
}

static const struct macro {
	const char *name;
	enum cel_macro macro;
	uint8_t n_vars, n_bodies;
} macros[] = {
	{"all", CEL_MACRO_ALL, 1, 1},
	{"exists", CEL_MACRO_EXISTS, 1, 1},
	{"exists_one", CEL_MACRO_EXISTS_ONE, 1, 1},
	{"existsOne", CEL_MACRO_EXISTS_ONE, 1, 1},
	{"map", CEL_MACRO_MAP, 1, 1},
	{"map", CEL_MACRO_MAP, 1, 2},
	{"filter", CEL_MACRO_FILTER, 1, 1},
	{"all", CEL_MACRO_ALL, 2, 1},
	{"exists", CEL_MACRO_EXISTS, 2, 1},
	{"exists_one", CEL_MACRO_EXISTS_ONE, 2, 1},
	{"existsOne", CEL_MACRO_EXISTS_ONE, 2, 1},
	{"transformList", CEL_MACRO_TRANSFORM_LIST, 2, 1},
	{"transformList", CEL_MACRO_TRANSFORM_LIST, 2, 2},
	{"transformMap", CEL_MACRO_TRANSFORM_MAP, 2, 1},
	{"transformMap", CEL_MACRO_TRANSFORM_MAP, 2, 2},
};

static bool is_macro(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(macros); i++)
		if (str_eqz(name, macros[i].name))
			return true;
	return false;
}

static const struct macro *find_macro(struct str name, uint32_t n_vars, uint32_t n_args)
{
	for (size_t i = 0; i < ARRAY_LEN(macros); i++)
		if (str_eqz(name, macros[i].name) && macros[i].n_vars == n_vars &&
		    n_vars + macros[i].n_bodies == n_args)
			return &macros[i];
	return NULL;
}

/* Takes "name ," when that is what comes and the name can be a variable's. */
static bool take_var(struct parser *p, bool *ret_taken)
{
	struct cel_lexer saved_lexer = p->lexer;
	struct cel_token name = p->token;
	*ret_taken = false;
	if (name.kind != CEL_TOKEN_IDENT || name.reserved || p->n_vars == ARRAY_LEN(p->vars))
		return true;
	if (!advance(p))
		return false;
	if (p->token.kind == ',') {
		p->vars[p->n_vars++] = name.text;
		*ret_taken = true;
		return advance(p);
	}
	p->lexer = saved_lexer;
	p->token = name;
	return true;
}

/*
 * Whether the macro has one variable or two shows only at its end: "x, y, z" may be two variables
 * and a test, or one variable, a filter y and a mapping z. So the macros of two variables are told
 * by their name or, for all, exists and exists_one, by a second name that a comma follows.
 */
static bool parse_macro_vars(struct parser *p, struct str name, uint32_t at, uint32_t *ret_n)
{
	bool taken, may_two = !str_eqz(name, "map") && !str_eqz(name, "filter");
	*ret_n = 0;
	if (!take_var(p, &taken))
		return false;
	if (!taken)
		return cel_lex_fail(&p->lexer, at,
				    "%.*s() begins with the name of a variable: %.*s(x, …)",
				    STR_ARG(name), STR_ARG(name));
	*ret_n = 1;
	if (!may_two)
		return true;
	if (!take_var(p, &taken))
		return false;
	*ret_n += taken;
	return true;
}

static bool parse_macro(struct parser *p, struct cel_node *step, struct str name)
{
	struct nodes bodies = {0};
	uint32_t first = p->n_vars, n_vars;
	if (!advance(p) || !parse_macro_vars(p, name, step->at, &n_vars) ||
	    !parse_list(p, ')', false, &bodies))
		return false;
	p->n_vars = first;
	const struct macro *m = find_macro(name, n_vars, n_vars + bodies.n);
	if (!m)
		return cel_lex_fail(&p->lexer, step->at, "%.*s() cannot take these arguments",
				    STR_ARG(name));
	if (n_vars == 2 && str_eq(p->vars[first], p->vars[first + 1]))
		return cel_lex_fail(&p->lexer, step->at, "the two variables have one name");
	step->kind = CEL_NODE_MACRO;
	step->macro = (uint8_t)m->macro;
	step->n_vars = m->n_vars;
	step->slot = first;
	give(step, &bodies);
	return true;
}

/* math.abs(x): the name before the dot is no variable but a part of the function's. */
static bool is_namespace(const struct cel_node *base)
{
	static const char *const names[] = {"math", "base64"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (base->kind == CEL_NODE_ROOT && str_eqz(base->name, names[i]))
			return true;
	return false;
}

static bool parse_method(struct parser *p, struct cel_node *base, struct nodes *steps,
			 struct cel_node *step, struct str name)
{
	if (steps->n == 1 && is_namespace(base)) {
		struct str full = str_of(
			arena_printf(p->arena, "%.*s.%.*s", STR_ARG(base->name), STR_ARG(name)));
		if (!parse_call(p, step, full))
			return false;
		steps->p[0] = *step;
		return true;
	}
	if (is_macro(name)) {
		if (!parse_macro(p, step, name))
			return false;
	} else {
		struct nodes args = {0};
		if (!advance(p) || !parse_list(p, ')', false, &args))
			return false;
		step->kind = CEL_NODE_CALL;
		give(step, &args);
		if (!bind_function(p, step, name, CEL_CALL_METHOD, 1))
			return false;
	}
	push(p, steps, *step);
	return true;
}

/* google.protobuf.Timestamp and its like, written as members of a root "google". */
static void fold_type(struct parser *p, struct nodes *steps)
{
	enum cel_kind type;
	if (steps->n != 3 || steps->p[0].kind != CEL_NODE_ROOT ||
	    !str_eqz(steps->p[0].name, "google") || steps->p[1].kind != CEL_NODE_SELECT)
		return;
	struct str full =
		str_of(arena_printf(p->arena, "google.%.*s.%.*s", STR_ARG(steps->p[1].name),
				    STR_ARG(steps->p[2].name)));
	if (!find_type(full, &type))
		return;
	steps->p[0].kind = CEL_NODE_CONST;
	steps->p[0].constant = cel_type(type);
	steps->n = 1;
}

static bool parse_dot(struct parser *p, struct cel_node *base, struct nodes *steps)
{
	if (!advance(p))
		return false;
	struct cel_node step = node_at(p, CEL_NODE_SELECT);
	struct str name = p->token.text;
	bool quoted = p->token.kind == CEL_TOKEN_QUOTED;
	if (p->token.kind != CEL_TOKEN_IDENT && !quoted)
		return unexpected(p, "the name of a member");
	if (!advance(p))
		return false;
	if (p->token.kind == '(' && !quoted)
		return parse_method(p, base, steps, &step, name);
	step.name = name;
	push(p, steps, step);
	fold_type(p, steps);
	return true;
}

static bool parse_brackets(struct parser *p, struct nodes *steps)
{
	struct cel_node step = node_at(p, CEL_NODE_INDEX), key;
	if (!advance(p) || !parse_expr(p, &key) || !take(p, ']', "']'"))
		return false;
	struct nodes args = {0};
	push(p, &args, key);
	give(&step, &args);
	push(p, steps, step);
	return true;
}

static bool parse_suffixes(struct parser *p, struct cel_node *ret)
{
	struct nodes steps = {0};
	while (p->token.kind == '.' || p->token.kind == '[') {
		if (steps.n == 0)
			push(p, &steps, *ret);
		struct cel_node base = steps.p[0];
		if (!(p->token.kind == '.' ? parse_dot(p, &base, &steps)
					   : parse_brackets(p, &steps)))
			return false;
	}
	bool name = steps.n == 0 ? ret->kind == CEL_NODE_ROOT || ret->kind == CEL_NODE_CONST
				 : steps.p[steps.n - 1].kind == CEL_NODE_SELECT || steps.n == 1;
	if (p->token.kind == '{' && name)
		return cel_lex_fail(
			&p->lexer, p->token.at,
			"messages cannot be made here; a map is written {'key': value}");
	if (steps.n == 1) {
		*ret = steps.p[0];
	} else if (steps.n > 1) {
		struct cel_node path = {.kind = CEL_NODE_PATH, .at = ret->at};
		give(&path, &steps);
		*ret = path;
	}
	return true;
}

static bool parse_member(struct parser *p, struct cel_node *ret)
{
	return parse_primary(p, ret) && parse_suffixes(p, ret);
}

static bool is_number(const struct parser *p)
{
	return p->token.kind == CEL_TOKEN_INT || p->token.kind == CEL_TOKEN_UINT ||
	       p->token.kind == CEL_TOKEN_DOUBLE;
}

static void wrap(struct parser *p, struct cel_node *ret, struct cel_node outer)
{
	struct nodes args = {0};
	push(p, &args, *ret);
	give(&outer, &args);
	*ret = outer;
}

static bool parse_unary(struct parser *p, struct cel_node *ret)
{
	int sign = p->token.kind;
	if (sign != '!' && sign != '-')
		return parse_member(p, ret);
	struct cel_node outer = node_at(p, sign == '!' ? CEL_NODE_NOT : CEL_NODE_NEGATE);
	for (; p->token.kind == sign; outer.slot++)
		if (!advance(p))
			return false;
	/* the last minus before a number is a part of it, else the least int had no literal */
	bool literal = sign == '-' && is_number(p);
	if (literal)
		outer.slot--;
	if (!(literal ? parse_number(p, ret, true) && parse_suffixes(p, ret)
		      : parse_member(p, ret)))
		return false;
	if (outer.slot > 0)
		wrap(p, ret, outer);
	return true;
}

enum level { LEVEL_RELATION, LEVEL_ADD, LEVEL_MULTIPLY, LEVEL_UNARY };

static enum cel_join join_of(int token, enum level level)
{
	static const struct {
		int token;
		enum level level;
		enum cel_join join;
	} joins[] = {
		{CEL_TOKEN_EQ, LEVEL_RELATION, CEL_JOIN_EQ},
		{CEL_TOKEN_NE, LEVEL_RELATION, CEL_JOIN_NE},
		{CEL_TOKEN_LE, LEVEL_RELATION, CEL_JOIN_LE},
		{CEL_TOKEN_GE, LEVEL_RELATION, CEL_JOIN_GE},
		{CEL_TOKEN_IN, LEVEL_RELATION, CEL_JOIN_IN},
		{'<', LEVEL_RELATION, CEL_JOIN_LT},
		{'>', LEVEL_RELATION, CEL_JOIN_GT},
		{'+', LEVEL_ADD, CEL_JOIN_ADD},
		{'-', LEVEL_ADD, CEL_JOIN_SUB},
		{'*', LEVEL_MULTIPLY, CEL_JOIN_MUL},
		{'/', LEVEL_MULTIPLY, CEL_JOIN_DIV},
		{'%', LEVEL_MULTIPLY, CEL_JOIN_MOD},
	};
	for (size_t i = 0; i < ARRAY_LEN(joins); i++)
		if (joins[i].token == token && joins[i].level == level)
			return joins[i].join;
	return CEL_JOIN_NONE;
}

static bool parse_chain(struct parser *p, struct cel_node *ret, enum level level)
{
	if (level == LEVEL_UNARY)
		return parse_unary(p, ret);
	struct nodes list = {0};
	if (!parse_chain(p, ret, level + 1))
		return false;
	for (enum cel_join join; (join = join_of(p->token.kind, level)) != CEL_JOIN_NONE;) {
		struct cel_node next;
		size_t at = p->token.at;
		if (!advance(p) || !parse_chain(p, &next, level + 1))
			return false;
		if (list.n == 0)
			push(p, &list, *ret);
		next.join = (uint8_t)join;
		next.join_at = (uint32_t)at;
		push(p, &list, next);
	}
	if (list.n > 0) {
		struct cel_node chain = {.kind = CEL_NODE_CHAIN, .at = ret->at};
		give(&chain, &list);
		*ret = chain;
	}
	return true;
}

static bool parse_logic(struct parser *p, struct cel_node *ret, int token)
{
	bool and = token == CEL_TOKEN_AND;
	struct nodes list = {0};
	for (;;) {
		struct cel_node item;
		if (!(and? parse_chain(p, &item, LEVEL_RELATION)
			 : parse_logic(p, &item, CEL_TOKEN_AND)))
			return false;
		if (list.n == 0 && p->token.kind != token) {
			*ret = item;
			return true;
		}
		push(p, &list, item);
		if (p->token.kind != token)
			break;
		if (!advance(p))
			return false;
	}
	*ret = (struct cel_node){.kind = and? CEL_NODE_AND : CEL_NODE_OR, .at = list.p[0].at};
	give(ret, &list);
	return true;
}

static bool parse_condition(struct parser *p, struct cel_node *ret)
{
	struct cel_node test, yes, no;
	if (!parse_logic(p, &test, CEL_TOKEN_OR))
		return false;
	if (p->token.kind != '?') {
		*ret = test;
		return true;
	}
	if (!advance(p) || !parse_logic(p, &yes, CEL_TOKEN_OR) || !take(p, ':', "':'") ||
	    !parse_expr(p, &no))
		return false;
	struct nodes args = {0};
	push(p, &args, test);
	push(p, &args, yes);
	push(p, &args, no);
	*ret = (struct cel_node){.kind = CEL_NODE_COND, .at = test.at};
	give(ret, &args);
	return true;
}

static bool parse_expr(struct parser *p, struct cel_node *ret)
{
	if (p->depth == LIMIT_CEL_DEPTH) {
		cel_lex_fail(&p->lexer, p->token.at, "the expression nests deeper than %d levels",
			     LIMIT_CEL_DEPTH);
		p->lexer.error->code = CEL_ERROR_LIMIT;
		return false;
	}
	p->depth++;
	bool ok = parse_condition(p, ret);
	p->depth--;
	return ok;
}

static int compile(struct parser *p, bool whole, const struct cel_program **ret)
{
	struct cel_error *error = p->lexer.error;
	*error = (struct cel_error){0};
	struct cel_program *program = ARENA_NEW(p->arena, struct cel_program);
	program->node = ARENA_NEW(p->arena, struct cel_node);
	if (!advance(p))
		return (int)error->code;
	if (p->token.kind == CEL_TOKEN_END && whole)
		cel_lex_fail(&p->lexer, p->token.at, "the expression is empty");
	else if (parse_expr(p, program->node) && whole && p->token.kind != CEL_TOKEN_END)
		unexpected(p, "an operator or the end");
	if (error->code == 0)
		*ret = program;
	return (int)error->code;
}

int cel_compile_part(struct arena *a, struct str source, size_t start, size_t *ret_end,
		     const struct cel_program **ret, struct cel_error *ret_error)
{
	ASSERT(start <= source.n && source.n <= UINT32_MAX);
	struct parser p = {
		.arena = a,
		.lexer = {.arena = a,
			  .source = source,
			  .start = start,
			  .at = start,
			  .error = ret_error},
	};
	int code = compile(&p, false, ret);
	if (code == 0)
		*ret_end = p.token.at;
	return code;
}

int cel_compile(struct arena *a, struct str source, const struct cel_program **ret,
		struct cel_error *ret_error)
{
	ASSERT(source.n <= UINT32_MAX);
	struct parser p = {
		.arena = a,
		.lexer = {.arena = a, .source = source, .error = ret_error},
	};
	return compile(&p, true, ret);
}
