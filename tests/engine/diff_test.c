/* What two definitions differ in. */
#include "tap.h"
#include "world.h"

#include "engine/request/diff.h"
#include "json/write.h"

static struct arena arena;

static struct value diff(const char *from, const char *to)
{
	struct value *old = ARENA_NEW(&arena, struct value), *new = ARENA_NEW(&arena, struct value);
	*old = world_json(&arena, from);
	*new = world_json(&arena, to);
	return diff_definitions(&arena, old, new);
}

static const char *json(const struct value *v, const char *key)
{
	CLEANUP_BUF struct buf text = {0};
	const struct value *found = value_getz(v, key);
	if (!found)
		return "";
	json_write(&text, found);
	return arena_dup(&arena, text.p, text.n);
}

static const char *lines(const char *from, const char *to)
{
	CLEANUP_BUF struct buf text = {0};
	struct value d = diff(from, to);
	diff_text(&d, &text);
	return text.n ? arena_dup(&arena, text.p, text.n) : "";
}

static const char v1[] =
	"{'name':'w','timeout':'1h','nodes':[{'id':'a','inputs':{'x':1,'y':{'z':[1]}}},{'id':'b'},"
	"{'id':'c','dependsOn':['a']}]}";

TEST(equal_definitions_have_no_difference)
{
	struct value d = diff(v1, v1);
	CHECK_Z(json(&d, "same"), "true");
	CHECK_Z(json(&d, "workflow"), "[]");
	CHECK_Z(json(&d, "nodes"),
		"{\"added\":[],\"removed\":[],\"changed\":[],\"reordered\":false}");
	CHECK_Z(lines(v1, v1), "");
}

TEST(each_changed_field_is_named_by_its_path)
{
	struct value d = diff(
		v1, "{'name':'w','description':'d','nodes':[{'id':'a','inputs':{'x':2,'y':{'z':[2]"
		    ",'a b':null}}},{'id':'c','dependsOn':['a','d']},{'id':'d'}]}");
	CHECK_Z(json(&d, "same"), "false");
	CHECK_Z(json(&d, "workflow"), "[{\"field\":\"timeout\",\"from\":\"1h\"},"
				      "{\"field\":\"description\",\"to\":\"d\"}]");
	const struct value *nodes = value_getz(&d, "nodes");
	CHECK_Z(json(nodes, "added"), "[\"d\"]");
	CHECK_Z(json(nodes, "removed"), "[\"b\"]");
	CHECK_Z(json(nodes, "changed"),
		"[{\"id\":\"a\",\"fields\":[{\"field\":\"inputs.x\",\"from\":1,\"to\":2},"
		"{\"field\":\"inputs.y.z\",\"from\":[1],\"to\":[2]},"
		"{\"field\":\"inputs.y[\\\"a b\\\"]\",\"to\":null}]},"
		"{\"id\":\"c\",\"fields\":[{\"field\":\"dependsOn\",\"from\":[\"a\"],"
		"\"to\":[\"a\",\"d\"]}]}]");
}

TEST(another_order_of_nodes_is_a_difference)
{
	struct value d = diff(v1, "{'name':'w','timeout':'1h','nodes':[{'id':'b'},{'id':'a',"
				  "'inputs':{'x':1,'y':{'z':[1]}}},{'id':'c','dependsOn':['a']}]}");
	CHECK_Z(json(&d, "same"), "false");
	CHECK_Z(json(value_getz(&d, "nodes"), "reordered"), "true");
	CHECK_Z(json(value_getz(&d, "nodes"), "changed"), "[]");
	CHECK_Z(lines(v1, "{'name':'w','timeout':'1h','nodes':[{'id':'n'},{'id':'a','inputs':{'x':"
			  "1,'y':{'z':[1]}}},{'id':'b'},{'id':'c','dependsOn':['a']}]}"),
		"+ node n\n");
}

TEST(lines_are_short_and_whole_characters)
{
	CHECK_Z(lines("{'timeout':'1h','nodes':[{'id':'a'},{'id':'b','when':'x'}]}",
		      "{'timeout':'2h','nodes':[{'id':'b','timeout':'1m'},{'id':'c'}]}"),
		"~ timeout: \"1h\" -> \"2h\"\n- node a\n+ node c\n~ node b\n    - when: \"x\"\n"
		"    + timeout: \"1m\"\n");
	char to[1000] = "{'description':'";
	for (int i = 0; i < 200; i++)
		strcat(to, "ä");
	strcat(to, "'}");
	const char *text = lines("{}", to);
	CHECK(strlen(text) < 200);
	CHECK(strstr(text, "ä…\n") != NULL);
}

TAP_MAIN(RUN(equal_definitions_have_no_difference), RUN(each_changed_field_is_named_by_its_path),
	 RUN(another_order_of_nodes_is_a_difference), RUN(lines_are_short_and_whole_characters))
