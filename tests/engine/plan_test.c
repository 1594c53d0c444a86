#include "tap.h"
#include "world.h"

#define OK_NODE "{'id':'a','agent':'rule','action':'run'}"

/* A definition and the places of all its findings, in order. */
struct wrong {
	const char *json;
	const char *places;  /* joined by spaces */
	const char *message; /* part of the first finding's message, or NULL */
};

static const struct wrong wrongs[] = {
	{"[]", "", "must be an object"},
	{"{}", "name nodes", "is missing"},
	{"{'name':'-x','nodes':[" OK_NODE "]}", "name", "must begin with"},
	{"{'name':'x','nodes':[]}", "nodes", "1 to 20000"},
	{"{'name':'x','nodez':1,'nodes':[" OK_NODE "]}", "nodez", "did you mean \"nodes\""},
	{"{'name':'x','status':'LIVE','nodes':[" OK_NODE "]}", "status", "DRAFT, ACTIVE"},
	{"{'name':'x','timeout':'soon','nodes':[" OK_NODE "]}", "timeout", "duration"},
	{"{'name':'x','timeout':5,'nodes':[" OK_NODE "]}", "timeout", "duration"},
	{"{'name':'x','trigger':{'event':'a.b'},'nodes':[" OK_NODE "]}", "trigger.event",
	 "not in this version"},
	{"{'name':'x','trigger':[{'manual':true},{'schedule':'0 25 * * *'}],'nodes':[" OK_NODE "]}",
	 "trigger[1].schedule", "at character 3: hour must be 0 to 23"},
	{"{'name':'x','trigger':{'schedule':'0 0 31 2 *'},'nodes':[" OK_NODE "]}",
	 "trigger.schedule", "never fires"},
	{"{'name':'x','trigger':{'schedule':'@daily','timezone':'Mars/Base'},'nodes':[" OK_NODE
	 "]}",
	 "trigger.timezone", "unknown time zone"},
	{"{'name':'x','trigger':{'schedule':'@daily','overlap':'pile'},'nodes':[" OK_NODE "]}",
	 "trigger.overlap", "skip, queue, allow or cancel"},
	{"{'name':'x','trigger':{'schedule':'@daily','catchup':'soon'},'nodes':[" OK_NODE "]}",
	 "trigger.catchup", ""},
	{"{'name':'x','trigger':{'schedule':'@daily','context':[]},'nodes':[" OK_NODE "]}",
	 "trigger.context", ""},
	{"{'name':'x','trigger':{'overlap':'skip'},'nodes':[" OK_NODE "]}", "trigger.overlap",
	 "belongs to a schedule"},
	{"{'name':'x','trigger':[{'event':'a.b'},{'manual':false}],'nodes':[" OK_NODE "]}",
	 "trigger[0].event trigger[1].manual", "not in this version"},
	{"{'name':'x','concurrency':1,'priority':10,'nodes':[" OK_NODE "]}", "priority concurrency",
	 "must be"},
	{"{'name':'x','concurrency':{'limit':0,'key':'all','onLimit':'wait','max':1},'nodes':"
	 "[" OK_NODE "]}",
	 "concurrency.max concurrency.limit concurrency.key concurrency.onLimit", ""},
	{"{'name':'x','concurrency':{'key':'{{ nodes.a.output }}'},'nodes':[" OK_NODE "]}",
	 "concurrency.key", "before the run starts"},
	{"{'name':'x','concurrency':{'key':'{{ run.id }}'},'nodes':[" OK_NODE "]}",
	 "concurrency.key", "before the run starts"},
	{"{'name':'x','contextSchema':{'properties':{'a':{}},'additionalProperties':false},"
	 "'concurrency':{'key':'{{ context.b }}'},'nodes':[" OK_NODE "]}",
	 "concurrency.key", "does not allow"},
	{"{'name':'x','rateLimit':{'per':'0s','burst':0},'nodes':[" OK_NODE "]}",
	 "rateLimit.limit rateLimit.per rateLimit.burst", ""},
	{"{'name':'x','contextSchema':{'type':'strin'},'nodes':[" OK_NODE "]}",
	 "contextSchema.type", NULL},
	{"{'name':'x','contextSchema':{'properties':{'x':{'minLength':'1'}}},'nodes':[" OK_NODE
	 "]}",
	 "contextSchema.properties.x.minLength", NULL},
	{"{'name':'x','nodes':[7," OK_NODE "]}", "nodes[0]", "must be an object"},
	{"{'name':'x','nodes':[{}]}", "nodes[0].id nodes[0].action nodes[0].agent", "is missing"},
	{"{'name':'x','nodes':[{'id':'1a','agent':'rule','action':'run'}]}", "nodes[0].id",
	 "must begin"},
	{"{'name':'x','nodes':[" OK_NODE "," OK_NODE "]}", "nodes[1].id", "nodes[0] already"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rul','action':'run'}]}", "nodes[0].agent",
	 "did you mean \"rule\""},
	{"{'name':'x','nodes':[{'id':'a','agentId':'none','action':'run'}]}", "nodes[0].agentId",
	 "no agent"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'ran'}]}", "nodes[0].action",
	 "did you mean \"run\""},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','dependsOn':['b','a',3]}]}",
	 "nodes[0].dependsOn[0] nodes[0].dependsOn[1] nodes[0].dependsOn[2]", "no node \"b\""},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','dependsOn':'b'}]}",
	 "nodes[0].dependsOn", "must be an array"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','dependsOn':['c']},"
	 "{'id':'b','agent':'rule','action':'run','dependsOn':['a']},"
	 "{'id':'c','agent':'rule','action':'run','dependsOn':['b']}]}",
	 "nodes[0].dependsOn", "cycle: a -> c -> b -> a"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','dependsOn':['b']},"
	 "{'id':'b','agent':'rule','action':'run','dependsOn':['a']},"
	 "{'id':'c','agent':'rule','action':'run','dependsOn':['d']},"
	 "{'id':'d','agent':'rule','action':'run','dependsOn':['c']}]}",
	 "nodes[0].dependsOn nodes[2].dependsOn", "cycle"},
	{"{'name':'x','nodes':[" OK_NODE
	 ",{'id':'b','agent':'rule','action':'run','dependsOn':['a','a']}]}",
	 "nodes[1].dependsOn", "twice"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','timeout':'0s',"
	 "'retry':{'maxAttempts':0,'initialInterval':'x','backoffCoefficient':0.5,'jitter':2}}]}",
	 "nodes[0].retry.maxAttempts nodes[0].retry.initialInterval "
	 "nodes[0].retry.backoffCoefficient nodes[0].retry.jitter nodes[0].timeout",
	 NULL},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run',"
	 "'limits':{'memory':'many','cpu':0,'network':['a.b'],'speed':1}}]}",
	 "nodes[0].limits.speed nodes[0].limits.memory nodes[0].limits.cpu "
	 "nodes[0].limits.network",
	 NULL},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','joinRule':'any',"
	 "'runOn':'never'}]}",
	 "nodes[0].joinRule nodes[0].runOn", NULL},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','secrets':['X']}]}",
	 "nodes[0].secrets", "not in this version"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','forEach':'[1]'},"
	 "{'id':'b','agent':'rule','action':'run','forEach':{'a':1}},"
	 "{'id':'c','agent':'rule','action':'run','maxParallel':2,'onItemFailure':'fail'},"
	 "{'id':'d','agent':'rule','action':'run','forEach':['{{ x( }}'],'maxParallel':0,"
	 "'onItemFailure':'stop'}]}",
	 "nodes[0].forEach nodes[1].forEach nodes[2].maxParallel nodes[2].onItemFailure "
	 "nodes[3].forEach[0] nodes[3].maxParallel nodes[3].onItemFailure",
	 "is text without a template; write \"{{ … }}\" or a list"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','forEach':'{{ item }}',"
	 "'when':'{{ index == 0 }}','inputs':{'i':'{{ item }}','n':'{{ index }}'}},"
	 "{'id':'b','agent':'rule','action':'run','inputs':{'i':'{{ item }}'}}]}",
	 "nodes[0].when nodes[0].forEach nodes[1].inputs.i", "asked once, before there are items"},
	{"{'name':'x','output':'{{ item }}','nodes':[{'id':'a','agent':'rule','action':'run'}]}",
	 "output", "is known only in a node with forEach"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run',"
	 "'forEach':'{{ nodes.b.output }}'},{'id':'b','agent':'rule','action':'run'}]}",
	 "nodes[0].forEach", "add it to dependsOn"},
	{"{'name':'x','nodes':[{'id':'a','agent':'strict','action':'run','forEach':[1],"
	 "'inputs':{'severity':'{{ item }}','channel':'{{ index }}','more':'{{ item }}'}}]}",
	 "nodes[0].inputs.more", NULL},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run',"
	 "'workspace':{'path':'/x','mode':'write'}}]}",
	 "nodes[0].workspace.mode", "not in this version"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','inputsJson':'[1]'}]}",
	 "nodes[0].inputsJson", "object"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','when':'yes'}]}",
	 "nodes[0].when", "without a template"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run',"
	 "'inputs':{'m':'{{ 1 + }}','l':[1,'{{ x( }}']}}]}",
	 "nodes[0].inputs.m nodes[0].inputs.l[1]", NULL},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run',"
	 "'inputs':{'m':'{{ contxt.x }}','e':'{{ event.x }}'}}]}",
	 "nodes[0].inputs.m nodes[0].inputs.e", "there is no \"contxt\""},
	{"{'name':'x','nodes':[" OK_NODE ",{'id':'b','agent':'rule','action':'run',"
	 "'inputs':{'m':'{{ nodes.a.output }}','n':'{{ nodes.c.output }}',"
	 "'o':'{{ nodes.b.output }}','p':'{{ nodes.a.result }}'}}]}",
	 "nodes[1].inputs.n nodes[1].inputs.o nodes[1].inputs.p nodes[1].inputs.m "
	 "nodes[1].inputs.p",
	 "no node \"c\""},
	{"{'name':'x','contextSchema':{'type':'object','properties':{'y':{}},"
	 "'additionalProperties':false},'nodes':[{'id':'a','agent':'rule','action':'run',"
	 "'when':'{{ context.z }}','inputs':{'m':'{{ context.y }}'}}]}",
	 "nodes[0].when", "contextSchema does not allow"},
	{"{'name':'x','nodes':[{'id':'a','agent':'strict','action':'run',"
	 "'inputs':{'severity':'{{ 1 }}'}}]}",
	 "nodes[0].inputs", NULL},
	{"{'name':'x','nodes':[{'id':'a','agent':'strict','action':'run',"
	 "'inputs':{'severity':'low','channel':'console'}}]}",
	 "nodes[0].inputs.severity", NULL},
	{"{'name':'x','nodes':[{'id':'a','agent':'strict','action':'run',"
	 "'inputs':{'severity':'{{ context.s }}','channel':'console','more':1}}]}",
	 "nodes[0].inputs.more", NULL},
	{"{'name':'x','nodes':[{'id':'my-node','agent':'rule','action':'run'},"
	 "{'id':'b','agent':'rule','action':'run','dependsOn':['my-node'],"
	 "'when':'{{ nodes.my-node.status == 1 }}'}]}",
	 "nodes[1].when nodes[1].when", "subtracts: write nodes[\"my-node\"]"},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','approvalRequired':'yes',"
	 "'approval':7}]}",
	 "nodes[0].approvalRequired nodes[0].approval", NULL},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run','approvalRequired':false,"
	 "'approval':{'approvers':['a','','a'],'quorum':0,'timeout':'now','onTimeout':'wait',"
	 "'allowSelf':1,'quorums':2}}]}",
	 "nodes[0].approvalRequired nodes[0].approval.quorums nodes[0].approval.approvers[1] "
	 "nodes[0].approval.approvers[2] nodes[0].approval.quorum nodes[0].approval.timeout "
	 "nodes[0].approval.allowSelf nodes[0].approval.onTimeout",
	 NULL},
	{"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run',"
	 "'approval':{'approvers':['a','b'],'quorum':3}}]}",
	 "nodes[0].approval.quorum", "more than there are approvers"},
	{"{'name':'x','nodes':["
	 "{'id':'a','agent':'rule','action':'run','approval':{'remindEvery':'999ms'}},"
	 "{'id':'b','agent':'rule','action':'run','approval':{'remindEvery':'often'}},"
	 "{'id':'c','agent':'rule','action':'run','approval':{'remindEvery':3600}}]}",
	 "nodes[0].approval.remindEvery nodes[1].approval.remindEvery "
	 "nodes[2].approval.remindEvery",
	 NULL},
	{"{'name':'x','nodes':["
	 "{'id':'a','agent':'rule','action':'run',"
	 "'approval':{'remindEvery':'10m','timeout':'10m'}},"
	 "{'id':'b','agent':'rule','action':'run','approval':{'remindEvery':'25h'}},"
	 "{'id':'c','agent':'rule','action':'run',"
	 "'approval':{'timeout':'10m','remindEvery':'599s'}}]}",
	 "nodes[0].approval.remindEvery nodes[1].approval.remindEvery", "shorter than timeout"},
	{"{'name':'x','nodes':[{'id':'a','sleep':'1s','approvalRequired':true}]}",
	 "nodes[0].approvalRequired", "means nothing"},
	{"{'name':'x','nodes':[{'id':'a','sleep':'soon'}]}", "nodes[0].sleep", "duration"},
	{"{'name':'x','nodes':[{'id':'a','sleep':'0s'},{'id':'b','sleep':5}]}",
	 "nodes[0].sleep nodes[1].sleep", NULL},
	{"{'name':'x','nodes':[{'id':'a','sleep':'1s','agent':'rule','action':'run',"
	 "'inputs':{},'retry':{},'timeout':'1s'}]}",
	 "nodes[0].agent nodes[0].action nodes[0].inputs nodes[0].retry nodes[0].timeout",
	 "means nothing for a node with sleep"},
	{"{'name':'x','nodes':[{'id':'a','wait':'go'},{'id':'b','wait':{}},"
	 "{'id':'c','wait':{'event':'a..b','filter':'yes','timeout':'0s','evnt':1}},"
	 "{'id':'d','sleep':'1s','wait':{'event':'a'},'action':'run'}]}",
	 "nodes[0].wait nodes[1].wait.event nodes[2].wait.evnt nodes[2].wait.event "
	 "nodes[2].wait.filter nodes[2].wait.timeout nodes[3].wait nodes[3].action",
	 "must be an object"},
	{"{'name':'x','nodes':[{'id':'a','wait':{'event':'a',"
	 "'filter':'{{ event.x && nodes.b.output }}'},'when':'{{ event.x }}'}]}",
	 "nodes[0].when nodes[0].wait.filter", NULL},
	{"{'name':'x','project':'other','nodes':[" OK_NODE "]}", "nodes[0].agent", "no agent"},
};

static void open_with_agents(struct world *w)
{
	world_open(w);
	world_agents(w);
	world_agent(w, "{'name':'strict','type':'RULE','capabilities':[{'name':'run',"
		       "'inputSchema':{'type':'object','required':['channel'],"
		       "'additionalProperties':false,'properties':{"
		       "'severity':{'enum':['info','error']},'channel':{'type':'string'}}}}]}");
	world_agent(w, "{'name':'risky','type':'RULE','riskLevel':'APPROVAL_REQUIRED',"
		       "'capabilities':[{'name':'run'}]}");
}

static const char *places_of(struct world *w)
{
	CLEANUP_BUF struct buf text = {0};
	for (const char *p = w->findings; *p; p = strchr(p, '\n') + 1)
		buf_printf(&text, "%s%.*s", text.n ? " " : "", (int)(strstr(p, ": ") - p), p);
	return arena_dup(&w->arena, text.p ? text.p : "", text.n);
}

TEST(every_finding_has_its_place_and_all_come_at_once)
{
	struct world w CLEANUP_WORLD;
	open_with_agents(&w);
	for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
		world_check(&w, wrongs[i].json);
		if (w.outcome == ENGINE_INVALID && strcmp(places_of(&w), wrongs[i].places) == 0 &&
		    (!wrongs[i].message || strstr(w.findings, wrongs[i].message)))
			continue;
		tap_fail(t, __FILE__, __LINE__, "%s\nwant %s (%s), got %s\n%s", wrongs[i].json,
			 wrongs[i].places, wrongs[i].message ? wrongs[i].message : "",
			 places_of(&w), w.findings);
	}
}

TEST(a_save_that_is_refused_leaves_nothing)
{
	struct world w CLEANUP_WORLD;
	open_with_agents(&w);
	struct mem_store_stats before, after;
	mem_store_stats(w.store, &before);
	world_save(&w, "{'name':'x','nodes':[" OK_NODE "," OK_NODE "]}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	mem_store_stats(w.store, &after);
	CHECK_INT(after.n_submitted, before.n_submitted);
	world_trigger(&w, "x", NULL);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
}

TEST(a_save_of_the_same_makes_no_version)
{
	struct world w CLEANUP_WORLD;
	open_with_agents(&w);
	world_save(&w, "{'name':'x','nodes':[" OK_NODE "]}");
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK_INT(w.version, 1);
	world_save(&w, "{'nodes':[{'action':'run','inputsJson':'{}','agent':'rule','id':'a',"
		       "'dependsOn':[]}],'status':'ACTIVE','name':'x','project':'default',"
		       "'trigger':{'manual':true}}");
	CHECK_INT(w.outcome, ENGINE_UNCHANGED);
	CHECK_INT(w.version, 1);
	world_save(&w, "{'name':'x','description':'y','nodes':[" OK_NODE "]}");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.version, 2);
	world_crash(&w);
	world_save(&w, "{'name':'x','description':'y','nodes':[" OK_NODE "]}");
	CHECK_INT(w.outcome, ENGINE_UNCHANGED);
	CHECK_INT(w.version, 2);
}

TEST(mentions_of_far_ancestors_are_allowed_and_of_cousins_not)
{
	struct world w CLEANUP_WORLD;
	open_with_agents(&w);
	CLEANUP_BUF struct buf text = {0};
	buf_puts(&text, "{'name':'x','nodes':[" OK_NODE ","
			"{'id':'n0','agent':'rule','action':'run','dependsOn':['a']}");
	for (int i = 1; i < 300; i++)
		buf_printf(&text,
			   ",{'id':'n%d','agent':'rule','action':'run','dependsOn':['n%d'],"
			   "'inputs':{'v':'{{ nodes.a.status + nodes.n%d.status }}'}}",
			   i, i - 1, i / 2);
	buf_puts(&text, ",{'id':'z','agent':'rule','action':'run','dependsOn':['a'],"
			"'inputs':{'v':'{{ nodes.n7.status }}'}}]}");
	world_check(&w, text.p);
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK_Z(w.findings, "nodes[301].inputs.v: node \"n7\" may not have ended by then; add it "
			    "to dependsOn\n");
}

TEST(a_wide_and_deep_graph_is_judged_in_time)
{
	struct world w CLEANUP_WORLD;
	open_with_agents(&w);
	CLEANUP_BUF struct buf text = {0};
	buf_puts(&text, "{'name':'x','nodes':[");
	for (int i = 0; i < 2000; i++) {
		buf_printf(&text, "%s{'id':'n%d','agent':'rule','action':'run','dependsOn':[",
			   i ? "," : "", i);
		for (int k = 1; k <= 20 && k <= i; k++)
			buf_printf(&text, "%s'n%d'", k > 1 ? "," : "", i - k);
		buf_printf(&text, "],'inputs':{'v':'{{ nodes.n%d.status }}'}}", i ? i - 1 : 1999);
	}
	buf_puts(&text, "]}");
	world_check(&w, text.p);
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK_Z(w.findings, "nodes[0].inputs.v: node \"n1999\" may not have ended by then; add it "
			    "to dependsOn\n");
}

TAP_MAIN(RUN(every_finding_has_its_place_and_all_come_at_once),
	 RUN(a_save_that_is_refused_leaves_nothing), RUN(a_save_of_the_same_makes_no_version),
	 RUN(mentions_of_far_ancestors_are_allowed_and_of_cousins_not),
	 RUN(a_wide_and_deep_graph_is_judged_in_time))
