/* The language: literals, names, operators, macros, and their errors. */
#include "cel_show.h"
#include "tap.h"

static const char cel_roots_json[] =
	"{\"a\": {\"b\": {\"c\": 7, \"n\": null}, \"list\": [1, 2.5, \"x\", {\"k\": true}],"
	" \"in-name\": 3, \"empty\": {}, \"if\": 1},"
	" \"x\": 5, \"s\": \"str\", \"big\": 18446744073709551615, \"real\": 1.0, \"nothing\": "
	"null,"
	" \"items\": [{\"v\": 1}, {\"v\": 2}, {\"w\": 3}], \"math\": {\"k\": 1}}";

TEST(literals_have_the_types_and_values_of_the_definition)
{
	static const struct cel_case cases[] = {
		{"0", "0"},
		{"42", "42"},
		{"-42", "-42"},
		{"9223372036854775807", "9223372036854775807"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775808", "!does not fit an int"},
		{"-9223372036854775809", "!does not fit an int"},
		{"99999999999999999999", "!does not fit 64 bits"},
		{"0x0", "0"},
		{"0xfF", "255"},
		{"0XAb", "171"},
		{"-0x8000000000000000", "-9223372036854775808"},
		{"0x8000000000000000", "!does not fit an int"},
		{"0x10000000000000000", "!does not fit 64 bits"},
		{"0x", "!hexadecimal"},
		{"0u", "0u"},
		{"12U", "12u"},
		{"0xFFu", "255u"},
		{"18446744073709551615u", "18446744073709551615u"},
		{"18446744073709551616u", "!does not fit 64 bits"},
		{"-1u", "!no sign"},
		{"1.5", "1.5"},
		{".5", "0.5"},
		{"1e3", "1000.0"},
		{"1E+3", "1000.0"},
		{"1.5e-3", "0.0015"},
		{"-1.5", "-1.5"},
		{"1e308", "1e+308"},
		{"1e309", "!does not fit a double"},
		{"1e", "!exponent"},
		{"1abc", "!name cannot follow a number"},
		{"1.", "!name of a member"},
		{"01", "1"},
		{"true", "true"},
		{"false", "false"},
		{"null", "null"},
		{"'abc'", "\"abc\""},
		{"\"abc\"", "\"abc\""},
		{"'it\\'s'", "\"it's\""},
		{"\"it's\"", "\"it's\""},
		{"''", "\"\""},
		{"''''''", "\"\""},
		{"'''a'b\"c'''", "\"a'b\\\"c\""},
		{"\"\"\"a\nb\"\"\"", "\"a\\nb\""},
		{"'a\nb'", "!triple quotes"},
		{"'abc", "!no closing quote"},
		{"'''abc''", "!no closing quote"},
		{"'\\", "!unknown escape"},
		{"'\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\\"\\'\\`'",
		 "\"\\u0007\\b\\f\\n\\r\\t\\u000b\\\\?\\\"'`\""},
		{"'\\x41\\X42\\103'", "\"ABC\""},
		{"'\\u00e9\\U0001F600'", "\"é😀\""},
		{"'\\xff'", "\"ÿ\""},
		{"'\\377'", "\"ÿ\""},
		{"'\\400'", "!octal"},
		{"'\\1'", "!octal"},
		{"'\\x4'", "!2 hexadecimal"},
		{"'\\u12'", "!4 hexadecimal"},
		{"'\\ud800'", "!not a Unicode"},
		{"'\\U00110000'", "!not a Unicode"},
		{"'\\q'", "!unknown escape"},
		{"r'a\\nb'", "\"a\\\\nb\""},
		{"R\"\\x\"", "\"\\\\x\""},
		{"r'''a'b'''", "\"a'b\""},
		{"b'abc'", "b\"abc\""},
		{"B\"\\xff\\000\"", "b\"\\xff\\x00\""},
		{"b'ÿ'", "b\"\\xc3\\xbf\""},
		{"b'\\u0041'", "!bytes have no"},
		{"br'\\x'", "b\"\\x\""},
		{"rb'x'", "!"},
		{"[]", "[]"},
		{"[1, 'a', [2u],]", "[1, \"a\", [2u]]"},
		{"[,]", "!expected an expression"},
		{"{}", "{}"},
		{"{'a': 1, 2: 'b', 3u: null, true: [],}",
		 "{\"a\": 1, 2: \"b\", 3u: null, true: []}"},
		{"{'a': 1, 'a': 2}", "!twice"},
		{"{1: 1, 1u: 2}", "!twice"},
		{"{1.5: 1}", "!key cannot be of type double"},
		{"{null: 1}", "!key cannot be of type null_type"},
		{"{[1]: 1}", "!key cannot be of type list"},
		{"// only this\n 1 // and that", "1"},
		{"1 // no newline", "1"},
		{"", "!empty"},
		{" \t\r\n\f", "!empty"},
		{"// nothing", "!empty"},
		{"\x01", "!unexpected character"},
		{"1 \xff", "!unexpected character"},
		{"'\xff'", "!not valid UTF-8"},
		{"é", "!unexpected character"},
		{"$x", "!unexpected character"},
		{"1 = 1", "!written =="},
		{"true & true", "!write &&"},
		{"true | true", "!write ||"},
	};
	CEL_HOLDS(cases);
}

TEST(names_find_roots_members_and_variables)
{
	static const struct cel_case cases[] = {
		{"x", "5"},
		{".x", "5"},
		{"a.b.c", "7"},
		{"a['b']['c']", "7"},
		{"a.b['c']", "7"},
		{"(a.b).c", "7"},
		{"a.list[0]", "1"},
		{"a.list[1]", "2.5"},
		{"a.list[3].k", "true"},
		{"a.list[0u]", "1"},
		{"a.list[0.0]", "1"},
		{"a.list[0.5]", "!whole number"},
		{"a.list[4]", "!a.list[4]: index 4 is out of range of 4"},
		{"a.list[-1]", "!out of range"},
		{"a.list['k']", "!no member of type string"},
		{"a.list.k", "!list[index]"},
		{"a.`in-name`", "3"},
		{"a.if", "1"},
		{"a.in", "!name of a member"},
		{"a.true", "!name of a member"},
		{"if", "!reserved word"},
		{"for", "!reserved word"},
		{"`x`", "!expected an expression"},
		{"a.`b`.c", "7"},
		{"a.``", "!empty"},
		{"a.b.missing", "!a.b.missing: no such key 'missing'"},
		{"a.b.missing.more", "!a.b.missing: no such key 'missing'"},
		{"a['b']['zz']", "!a['b']['zz']: no such key 'zz'"},
		{"a[x]", "!a[…]: no such key 5"},
		{"a.b.n", "null"},
		{"a.b.n.o", "!a.b.n.o: no such overload: null"},
		{"x.y", "!x.y: no such overload: int has no members"},
		{"nope", "!nope: no such variable 'nope'"},
		{"nope.x", "!nope: no such variable 'nope'"},
		{"big", "18446744073709551615u"},
		{"real", "1.0"},
		{"[1,2].map(x, x)", "[1, 2]"},
		{"[1,2].map(x, .x)", "[5, 5]"},
		{"[1,2].map(y, x)", "[5, 5]"},
		{"[1,2].map(y, y.z)", "!y.z: no such overload"},
		{"math.k", "1"},
		{"{'a': {'b': 2}}.a.b", "2"},
		{"{1: 'one'}[1]", "\"one\""},
		{"{1: 'one'}[1u]", "\"one\""},
		{"{1: 'one'}[1.0]", "\"one\""},
		{"{1: 'one'}[1.5]", "!no such key 1.5"},
		{"{1u: 'one'}[1]", "\"one\""},
		{"{true: 1}[true]", "1"},
		{"{true: 1}[1]", "!no such key 1"},
		{"{true: 1}[false]", "!no such key false"},
		{"{1: 1}[null]", "!cannot be of type"},
		{"a.b.", "!name of a member"},
		{"a..b", "!name of a member"},
		{"a[", "!expected an expression"},
		{"a[0", "!']'"},
		{"a b", "!expected an operator or the end"},
		{"Foo{}", "!messages cannot be made"},
		{"a.b{c: 1}", "!messages cannot be made"},
		{"google.protobuf.Timestamp{}", "!messages cannot be made"},
	};
	CEL_HOLDS(cases);
}

TEST(operators_bind_as_the_grammar_has_it)
{
	static const struct cel_case cases[] = {
		{"1 + 2 * 3", "7"},
		{"(1 + 2) * 3", "9"},
		{"2 * 3 + 1", "7"},
		{"10 - 4 - 3", "3"},
		{"100 / 10 / 2", "5"},
		{"7 % 4 * 2", "6"},
		{"-2 * 3", "-6"},
		{"2 - -3", "5"},
		{"2--3", "5"},
		{"--3", "3"},
		{"- 3", "-3"},
		{"-(3)", "-3"},
		{"-x", "-5"},
		{"--x", "5"},
		{"!true", "false"},
		{"!!true", "true"},
		{"!!!true", "false"},
		{"!true || true", "true"},
		{"!(true || true)", "false"},
		{"1 < 2 == true", "true"},
		{"1 + 1 == 2", "true"},
		{"1 == 1 && 2 == 2", "true"},
		{"true || false && false", "true"},
		{"(true || false) && false", "false"},
		{"false && true || true", "true"},
		{"true ? 1 : 2", "1"},
		{"false ? 1 : 2", "2"},
		{"false ? 1 : false ? 2 : 3", "3"},
		{"true ? 1 : true ? 2 : 3", "1"},
		{"true || false ? 1 : 2", "1"},
		{"1 < 2 ? 'a' + 'b' : 'c'", "\"ab\""},
		{"true ? (false ? 1 : 2) : 3", "2"},
		{"true ? false ? 1 : 2 : 3", "!expected ':'"},
		{"1 in [1, 2] && 3 in [3]", "true"},
		{"1 + 1 in [2]", "true"},
		{"!(1 in [2])", "true"},
		{"[1, 2][1] + 1", "3"},
		{"-[1, 2][1]", "-2"},
		{"'a'.size() + 1", "2"},
		{"1 +", "!expected an expression"},
		{"* 1", "!expected an expression"},
		{"1 ! 2", "!expected an operator"},
		{"true ? 1", "!expected ':'"},
		{"(1", "!')'"},
		{"1)", "!expected an operator or the end"},
		{"!-1", "!expected an expression"},
		{"-!true", "!expected an expression"},
	};
	CEL_HOLDS(cases);
}

TEST(arithmetic_is_checked)
{
	static const struct cel_case cases[] = {
		{"9223372036854775807 + 1", "!overflow"},
		{"-9223372036854775808 - 1", "!overflow"},
		{"9223372036854775807 * 2", "!overflow"},
		{"-9223372036854775808 / -1", "!overflow"},
		{"-9223372036854775808 % -1", "!overflow"},
		{"-(-9223372036854775808)", "!overflow"},
		{"--9223372036854775808", "!overflow"},
		{"1 / 0", "!division by zero"},
		{"1 % 0", "!modulus by zero"},
		{"7 / 2", "3"},
		{"-7 / 2", "-3"},
		{"-7 % 2", "-1"},
		{"7 % -2", "1"},
		{"1u + 2u", "3u"},
		{"1u - 2u", "!overflow"},
		{"18446744073709551615u + 1u", "!overflow"},
		{"18446744073709551615u * 2u", "!overflow"},
		{"7u / 2u", "3u"},
		{"7u % 4u", "3u"},
		{"1u / 0u", "!division by zero"},
		{"1u % 0u", "!modulus by zero"},
		{"-(1u)", "!no such overload: -(uint)"},
		{"0.1 + 0.2", "0.30000000000000004"},
		{"1.0 / 0.0", "Infinity"},
		{"-1.0 / 0.0", "-Infinity"},
		{"1.0 / -0.0", "-Infinity"},
		{"0.0 / 0.0", "NaN"},
		{"1e308 * 10.0", "Infinity"},
		{"5.0 % 2.0", "!no such overload: double % double"},
		{"1 + 1.0", "!no such overload: int + double"},
		{"1 + 1u", "!no such overload: int + uint"},
		{"1.0 * 2u", "!no such overload: double * uint"},
		{"1 + 'a'", "!no such overload: int + string"},
		{"'a' + 1", "!no such overload: string + int"},
		{"'a' - 'a'", "!no such overload: string - string"},
		{"'a' + 'b'", "\"ab\""},
		{"'' + ''", "\"\""},
		{"b'a' + b'b'", "b\"ab\""},
		{"b'a' + 'b'", "!no such overload: bytes + string"},
		{"[1] + [2, 3]", "[1, 2, 3]"},
		{"[] + []", "[]"},
		{"a.list + [9]", "[1, 2.5, \"x\", {\"k\": true}, 9]"},
		{"{} + {}", "!no such overload: map + map"},
		{"null + null", "!no such overload: null_type + null_type"},
		{"true + true", "!no such overload: bool + bool"},
		{"-true", "!no such overload: -(bool)"},
		{"-'a'", "!no such overload: -(string)"},
		{"!1", "!no such overload: !(int)"},
		{"!null", "!no such overload: !(null_type)"},
		{"1 ? 2 : 3", "!no such overload"},
	};
	CEL_HOLDS(cases);
}

TEST(equality_and_order_compare_numbers_by_value_across_types)
{
	static const struct cel_case cases[] = {
		{"1 == 1u", "true"},
		{"1 == 1.0", "true"},
		{"1u == 1.0", "true"},
		{"1 == 1u && 1u == 1.0", "true"},
		{"1 != 1.5", "true"},
		{"-1 == 18446744073709551615u", "false"},
		{"9007199254740993 == 9007199254740992.0", "false"},
		{"9223372036854775807 == 9223372036854775808.0", "false"},
		{"18446744073709551615u == 18446744073709551616.0", "false"},
		{"0.0 == -0.0", "true"},
		{"double('NaN') == double('NaN')", "false"},
		{"double('NaN') != double('NaN')", "true"},
		{"double('NaN') < 1.0", "false"},
		{"double('NaN') >= 1", "false"},
		{"1 < double('NaN')", "false"},
		{"1u > double('NaN')", "false"},
		{"1 == '1'", "false"},
		{"1 != '1'", "true"},
		{"null == null", "true"},
		{"null == 0", "false"},
		{"null != 'a'", "true"},
		{"true == true", "true"},
		{"true == 1", "false"},
		{"'a' == 'a'", "true"},
		{"'a' == b'a'", "false"},
		{"b'a' == b'a'", "true"},
		{"[1, 2] == [1u, 2.0]", "true"},
		{"[1, 2] == [2, 1]", "false"},
		{"[1] == [1, 2]", "false"},
		{"[] == []", "true"},
		{"[[1]] == [[1.0]]", "true"},
		{"[1] == ['1']", "false"},
		{"{'a': 1, 'b': 2} == {'b': 2u, 'a': 1.0}", "true"},
		{"{'a': 1} == {'a': 2}", "false"},
		{"{'a': 1} == {'b': 1}", "false"},
		{"{'a': 1} == {}", "false"},
		{"{1: 'x'} == {1u: 'x'}", "true"},
		{"{'b': {'c': 7, 'n': null}} == {'b': a.b}", "true"},
		{"a == a", "true"},
		{"a.b == {'c': 7, 'n': null}", "true"},
		{"{} == []", "false"},
		{"int == int", "true"},
		{"int == uint", "false"},
		{"type(1) == int", "true"},
		{"1 < 2", "true"},
		{"2 <= 2", "true"},
		{"3 > 2", "true"},
		{"2 >= 3", "false"},
		{"1 < 2u", "true"},
		{"-1 < 1u", "true"},
		{"1u > -1", "true"},
		{"1 < 1.5", "true"},
		{"1.5 < 2u", "true"},
		{"-1.5 < 0u", "true"},
		{"0u > -1.5", "true"},
		{"9223372036854775807 < 9223372036854775808.0", "true"},
		{"-9223372036854775808 > -9223372036854775809.0", "false"},
		{"18446744073709551615u < 1e30", "true"},
		{"1e30 > 18446744073709551615u", "true"},
		{"big > 9223372036854775807", "true"},
		{"1.0 / 0.0 > 9223372036854775807", "true"},
		{"-1.0 / 0.0 < -9223372036854775808", "true"},
		{"'a' < 'b'", "true"},
		{"'a' < 'aa'", "true"},
		{"'B' < 'a'", "true"},
		{"'é' > 'z'", "true"},
		{"'\\uffff' < '\\U00010000'", "true"},
		{"b'a' < b'b'", "true"},
		{"b'\\xff' > b'a'", "true"},
		{"false < true", "true"},
		{"true <= true", "true"},
		{"'a' < 1", "!no such overload: string < int"},
		{"null < null", "!no such overload: null_type < null_type"},
		{"[1] < [2]", "!no such overload: list < list"},
		{"{} < {}", "!no such overload: map < map"},
		{"int < uint", "!no such overload: type < type"},
		{"1 < 2 < 3", "!no such overload: bool < int"},
		{"1 in [1, 2]", "true"},
		{"3 in [1, 2]", "false"},
		{"1.0 in [1]", "true"},
		{"1u in [1]", "true"},
		{"'1' in [1]", "false"},
		{"'a' in {'a': 1}", "true"},
		{"'b' in {'a': 1}", "false"},
		{"1.0 in {1: 'x'}", "true"},
		{"1 in {1u: 'x'}", "true"},
		{"'b' in a", "true"},
		{"'zz' in a", "false"},
		{"1 in a", "false"},
		{"null in [null]", "true"},
		{"1 in 1", "!no such overload: int in int"},
		{"'a' in 'abc'", "!no such overload: string in string"},
	};
	CEL_HOLDS(cases);
}

TEST(logic_lets_one_side_decide_over_an_error_on_the_other)
{
	static const struct cel_case cases[] = {
		{"true && true", "true"},
		{"true && false", "false"},
		{"false || false", "false"},
		{"true || 1/0 > 0", "true"},
		{"1/0 > 0 || true", "true"},
		{"false && 1/0 > 0", "false"},
		{"1/0 > 0 && false", "false"},
		{"true && 1/0 > 0", "!division by zero"},
		{"1/0 > 0 && true", "!division by zero"},
		{"false || 1/0 > 0", "!division by zero"},
		{"1/0 > 0 || false", "!division by zero"},
		{"1/0 > 0 || 1%0 > 0", "!division by zero"},
		{"nope || true", "true"},
		{"nope && false", "false"},
		{"nope || false", "!nope: no such variable"},
		{"1 || true", "true"},
		{"true || 1", "true"},
		{"1 || false", "!no such overload"},
		{"false || 1", "!no such overload"},
		{"'a' && false", "false"},
		{"'a' && true", "!no such overload"},
		{"true && 1", "!no such overload"},
		{"1/0 > 0 || false || true", "true"},
		{"1/0 > 0 && true && false", "false"},
		{"true && (1/0 > 0 || true)", "true"},
		{"true ? 1 : 1/0", "1"},
		{"false ? 1/0 : 2", "2"},
		{"1/0 > 0 ? 1 : 2", "!division by zero"},
		{"!(1/0 > 0)", "!division by zero"},
		{"1/0 > 0 || true ? 1 : 2", "1"},
		{"nope || true ? 2 + 3 : 0", "5"},
	};
	CEL_HOLDS(cases);
}

TEST(macros_go_through_lists_and_maps)
{
	static const struct cel_case cases[] = {
		{"has(a.b)", "true"},
		{"has(a.zz)", "false"},
		{"has(a.b.c)", "true"},
		{"has(a.b.n)", "true"},
		{"has(a.zz.c)", "!a.zz: no such key"},
		{"has({'a': 1}.a)", "true"},
		{"has({'a': 1}.b)", "false"},
		{"has((a.b).c)", "true"},
		{"has(a['b'])", "!has() takes one member"},
		{"has(a)", "!has() takes one member"},
		{"has(1)", "!has() takes one member"},
		{"has(a.b, a.c)", "!has() takes one member"},
		{"has()", "!has() takes one member"},
		{"has(a.b.size())", "!has() takes one member"},
		{"has(x.y)", "!no such overload: has(int)"},
		{"has(nope.x)", "!no such variable"},
		{"[1, 2].all(e, e > 0)", "true"},
		{"[1, 2].all(e, e > 1)", "false"},
		{"[].all(e, e > 0)", "true"},
		{"[1, 'a'].all(e, e > 1)", "false"},
		{"['a', 1].all(e, e > 1)", "false"},
		{"[2, 'a'].all(e, e > 1)", "!no such overload"},
		{"[1].all(e, e)", "!gave int, not bool"},
		{"{'a': 1, 'b': 2}.all(k, k < 'c')", "true"},
		{"[1, 2].exists(e, e == 2)", "true"},
		{"[1, 2].exists(e, e == 3)", "false"},
		{"[].exists(e, e == 3)", "false"},
		{"['a', 1].exists(e, e + 1 == 2)", "true"},
		{"[1, 'a'].exists(e, e + 1 == 3)", "!no such overload"},
		{"{'a': 1}.exists(k, k == 'a')", "true"},
		{"a.exists(k, k == 'list')", "true"},
		{"[1, 2, 2].exists_one(e, e == 1)", "true"},
		{"[1, 2, 2].exists_one(e, e == 2)", "false"},
		{"[1, 2, 2].existsOne(e, e == 1)", "true"},
		{"[].exists_one(e, true)", "false"},
		{"[1, 'a'].exists_one(e, e + 1 == 2)", "!no such overload"},
		{"[1, 2].map(e, e * 2)", "[2, 4]"},
		{"[1, 2, 3].map(e, e > 1, e * 2)", "[4, 6]"},
		{"[].map(e, e)", "[]"},
		{"{'a': 1, 'b': 2}.map(k, k)", "[\"a\", \"b\"]"},
		{"[1, 0].map(e, 1 / e)", "!division by zero"},
		{"[1].map(e, e, e)", "!gave int, not bool"},
		{"[1, 2, 3].filter(e, e % 2 == 1)", "[1, 3]"},
		{"{'a': 1, 'b': 2}.filter(k, k == 'b')", "[\"b\"]"},
		{"[1].filter(e, 'x')", "!gave string, not bool"},
		{"[[1, 2], [3]].map(l, l.map(e, e + 1))", "[[2, 3], [4]]"},
		{"[1, 2].map(e, [3].map(e, e))", "[[3], [3]]"},
		{"[1, 2].map(e, [10].map(f, e + f))", "[[11], [12]]"},
		{"[1, 2].map(e, [10].map(e, e) + [e])", "[[10, 1], [10, 2]]"},
		{"[[1, 2], [3]].exists(l, l.all(e, e == 3))", "true"},
		{"items.filter(i, has(i.v)).map(i, i.v)", "[1, 2]"},
		{"items.map(i, i.v)", "!i.v: no such key 'v'"},
		{"items.exists(i, i.v == 2)", "true"},
		{"items.exists(i, i.v == 3)", "!i.v: no such key 'v'"},
		{"1.all(e, true)", "!"},
		{"x.all(e, true)", "!no list and no map"},
		{"'abc'.map(e, e)", "!no list and no map"},
		{"null.map(e, e)", "!no list and no map"},
		{"[1].all(e)", "!"},
		{"[1].all(1, true)", "!begins with the name of a variable"},
		{"[1].all(a.b, true)", "!begins with the name of a variable"},
		{"[1].map(e)", "!"},
		{"[1].map(e, 1, 2, 3)", "!cannot take these arguments"},
		{"[1].filter(e, true, false)", "!cannot take these arguments"},
		{"[1].map(if, true)", "!begins with the name of a variable"},
		{"[1].map()", "!begins with the name of a variable"},
		{"all([1], true)", "!unknown function 'all'"},
		{"[3, 4].all(i, v, i < v)", "true"},
		{"{'a': 1}.exists(k, v, k == 'a' && v == 1)", "true"},
		{"[3, 4].transformList(i, v, i * v)", "[0, 4]"},
		{"[3, 4].transformList(i, v, i > 0, v)", "[4]"},
		{"{'a': 1, 'b': 2}.transformMap(k, v, v * 2)", "{\"a\": 2, \"b\": 4}"},
		{"{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v)", "{\"b\": 2}"},
		{"[3].all(e, e, true)", "!one name"},
	};
	CEL_HOLDS(cases);
}

TEST(types_are_values)
{
	static const struct cel_case cases[] = {
		{"type(1)", "int"},
		{"type(1u)", "uint"},
		{"type(1.0)", "double"},
		{"type(true)", "bool"},
		{"type('')", "string"},
		{"type(b'')", "bytes"},
		{"type([])", "list"},
		{"type({})", "map"},
		{"type(null)", "null_type"},
		{"type(a)", "map"},
		{"type(real)", "double"},
		{"type(x)", "int"},
		{"type(big)", "uint"},
		{"type(timestamp(0))", "google.protobuf.Timestamp"},
		{"type(duration('1s'))", "google.protobuf.Duration"},
		{"type(timestamp(0)) == google.protobuf.Timestamp", "true"},
		{"type(duration('1s')) == google.protobuf.Duration", "true"},
		{"type(int)", "type"},
		{"type(type)", "type"},
		{"type(type(1)) == type", "true"},
		{"bool", "bool"},
		{"null_type", "null_type"},
		{"type(null) == null_type", "true"},
		{"[int, type]", "[int, type]"},
		{"dyn", "!no such variable 'dyn'"},
		{"dyn(1)", "1"},
		{"dyn([1, 'one'])", "[1, \"one\"]"},
		{"type()", "!cannot take 0 arguments"},
		{"type(1, 2)", "!cannot take 2 arguments"},
		{"foo(1)", "!unknown function 'foo'"},
		{"'a'.foo()", "!unknown function 'foo'"},
		{"contains('a', 'b')", "!called as x.contains()"},
		{"1.type()", "!"},
		{"x.type()", "!type is called as type(x)"},
		{"'a'.contains()", "!cannot take 0 arguments"},
		{"math.nope(1)", "!unknown function 'math.nope'"},
	};
	CEL_HOLDS(cases);
}

TEST(a_missing_value_has_a_default_and_no_other_error_has)
{
	static const struct cel_case cases[] = {
		{"default(a.b.c, 0)", "7"},
		{"default(a.b.zz, 0)", "0"},
		{"default(a.zz.c.d, 'none')", "\"none\""},
		{"default(nope, 1)", "1"},
		{"default(nope.x.y, 1)", "1"},
		{"default(nothing.x, 1)", "1"},
		{"default(nothing, 1)", "null"},
		{"default(a.list[9], 1)", "1"},
		{"default(a.list['x'], 1)", "!no member of type string"},
		{"default(1/0, 1)", "!division by zero"},
		{"default(x.y, 1)", "!int has no members"},
		{"default(a.zz, nope)", "!no such variable"},
		{"default(default(a.zz, a.yy), 3)", "3"},
		{"default(a.zz, 1) + 1", "2"},
		{"default(1)", "!two arguments"},
		{"default(1, 2, 3)", "!two arguments"},
	};
	CEL_HOLDS(cases);
}

TEST(an_error_says_where_it_is)
{
	static const struct {
		const char *source;
		size_t position;
	} cases[] = {
		{"1 + 'a'", 2},
		{"1 +", 3},
		{"a.b.zz", 4},
		{"1 / 0", 2},
		{"[1, 2][5]", 6},
		{"nope", 0},
		{"  nope", 2},
		{"foo(1)", 0},
		{"true && foo(1)", 8},
		{"'a'.contains(1)", 4},
		{"1 + 2 +* 3", 7},
		{"'abc", 0},
		{"x + (1 / 0)", 7},
		{"true || 1 +", 11},
		{"[1].map(e, e / 0)", 13},
		{"'a'.matches('(')", 12},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_ARENA struct arena a = {0};
		const struct cel_program *p;
		struct cel_value v;
		struct cel_error err = {0};
		struct cel_budget budget = cel_budget_full();
		struct value roots = value_object(&a, 2);
		value_putz(&a, &roots, "x", value_int(5));
		value_putz(&a, &roots, "a", value_object(&a, 0));
		struct value b = value_object(&a, 0);
		struct value object = value_object(&a, 1);
		value_putz(&a, &object, "b", b);
		value_putz(&a, &roots, "a", object);
		struct cel_env env = {.roots = &roots};
		if (cel_compile(&a, str_of(cases[i].source), &p, &err) == 0)
			cel_eval(p, &env, &budget, &a, &v, &err);
		CHECK(err.code != 0);
		if (err.position != cases[i].position)
			tap_fail(t, __FILE__, __LINE__, "%s: got %zu, want %zu (%s)",
				 cases[i].source, err.position, cases[i].position, err.message);
	}
}

struct seen {
	struct buf text;
};

static void see(void *ctx, const struct cel_ref *ref)
{
	struct buf *out = &((struct seen *)ctx)->text;
	for (size_t i = 0; i < ref->n; i++) {
		buf_puts(out, i > 0 ? "." : "");
		buf_put_str(out, ref->parts[i]);
	}
	buf_printf(out, "@%zu%s ", ref->position, ref->soft ? "?" : "");
}

TEST(references_are_listed_with_their_constant_paths)
{
	static const struct {
		const char *source, *want;
	} cases[] = {
		{"1 + 2", ""},
		{"x", "x@0 "},
		{"nodes.scan.output.n > context.m", "nodes.scan.output.n@0 context.m@22 "},
		{"nodes['scan-1'].output", "nodes.scan-1.output@0 "},
		{"nodes[context.which].output", "nodes@0 context.which@6 "},
		{"a.b[0].c", "a.b@0 "},
		{"a.b.size() + size(c.d)", "a.b@0 c.d@18 "},
		{"items.map(i, i.x + y.z)", "items@0 y.z@19 "},
		{"items.map(i, .i.x)", "items@0 i.x@13 "},
		{"has(a.b) ? a.b : c", "a.b@4? a.b@11 c@17 "},
		{"default(a.b, c.d)", "a.b@8? c.d@13 "},
		{"{'k': a}[b]", "a@6 b@9 "},
		{"int(x) == 1 && type(y) == int", "x@4 y@20 "},
		{"-a.b || !c", "a.b@1 c@9 "},
		{"math.abs(a)", "a@9 "},
		{"google.protobuf.Timestamp", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_ARENA struct arena a = {0};
		const struct cel_program *p;
		struct cel_error err;
		CHECK_INT(cel_compile(&a, str_of(cases[i].source), &p, &err), 0);
		struct seen seen = {0};
		cel_refs(p, see, &seen);
		CLEANUP_BUF struct buf text = seen.text;
		CHECK_STR(buf_str(&text), str_of(cases[i].want));
	}
}

static bool answer_root(void *ctx, struct str name, struct value *ret)
{
	int *n_asked = ctx;
	++*n_asked;
	*ret = value_int((int64_t)name.n);
	return !str_eqz(name, "no");
}

TEST(roots_are_asked_for_once_and_may_be_missing)
{
	CLEANUP_ARENA struct arena a = {0};
	const struct cel_program *p;
	struct cel_error err;
	struct cel_value v;
	struct cel_budget budget = cel_budget_full();
	int n_asked = 0;
	struct cel_env env = {.root = answer_root, .ctx = &n_asked};
	CHECK_INT(cel_compile(&a, STR("abc + abc + abc"), &p, &err), 0);
	CHECK_INT(cel_eval(p, &env, &budget, &a, &v, &err), 0);
	CHECK_INT(v.i, 9);
	CHECK_INT(n_asked, 1);
	CHECK_INT(cel_compile(&a, STR("no"), &p, &err), 0);
	CHECK_INT(cel_eval(p, &env, &budget, &a, &v, &err), CEL_ERROR_MISSING);
}

TAP_MAIN(RUN(literals_have_the_types_and_values_of_the_definition),
	 RUN(names_find_roots_members_and_variables), RUN(operators_bind_as_the_grammar_has_it),
	 RUN(arithmetic_is_checked), RUN(equality_and_order_compare_numbers_by_value_across_types),
	 RUN(logic_lets_one_side_decide_over_an_error_on_the_other),
	 RUN(macros_go_through_lists_and_maps), RUN(types_are_values),
	 RUN(a_missing_value_has_a_default_and_no_other_error_has), RUN(an_error_says_where_it_is),
	 RUN(references_are_listed_with_their_constant_paths),
	 RUN(roots_are_asked_for_once_and_may_be_missing))
