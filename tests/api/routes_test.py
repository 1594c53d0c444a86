"""The contract of the routes, seen from outside."""
import re
import uuid

from served import chain, holds, main, same


def problem(answer, status):
    same(answer.status, status, answer.body)
    same(answer.headers["content-type"], "application/problem+json", "type")
    p = answer.json
    same(p["status"], status, "status member")
    holds(p["title"] and p["detail"], "title and detail")
    return p


def health_answers_on_all_its_paths(d):
    for path in ("/health", "/api/health"):
        a = d.get(path)
        same(a.status, 200, path)
        same(a.json["status"], "ok", path)
        same(a.json["checks"], {"database": "ok", "bus": "none", "executor": "ok"}, path)
    same(d.get("/livez").status, 200, "livez")
    same(d.get("/readyz").status, 200, "readyz")


def every_answer_has_its_fields(d):
    for a in (d.get("/health", X_Request_Id="my-id"), d.get("/nowhere", X_Request_Id="my-id"),
              d.call("PATCH", "/api/runs", headers={"X-Request-Id": "my-id"})):
        same(a.headers["x-request-id"], "my-id", "request id")
        same(a.headers["cache-control"], "no-store", "cache")
        same(a.headers["x-content-type-options"], "nosniff", "sniff")
        holds("date" in a.headers, "date")
    holds(d.get("/health", X_Request_Id="a b").headers["x-request-id"] != "a b", "bad id")


def unknown_paths_get_404_in_any_spelling(d):
    for path in ("/", "/api", "/api/", "/api/agents/", "//api/agents", "/api//agents",
                 "/API/agents", "/api/agents/x/y", "/api/secrets/x",
                 "/api/tokens", "/api/webhooks/alertmanager", "/..;/api/agents",
                 "/api/workflows/x/versions/0", "/api/workflows/x/versions/a"):
        problem(d.get(path), 404)
    for path in ("/api/../api/agents", "/api/%2e%2e/agents", "/api%2fagents", "/api/agents/%00",
                 "/api/agents/%ff", "/api/agents?limit=%zz"):
        problem(d.get(path), 400)
    same(d.get("/api/%61gents").status, 200, "an escaped letter is that letter")


def other_methods_get_405_with_allow(d):
    for method, path, allow in (("DELETE", "/api/runs", "GET, HEAD, OPTIONS"),
                                ("POST", "/health", "GET, HEAD, OPTIONS"),
                                ("PATCH", "/api/agents/x", "GET, HEAD, PUT, DELETE, OPTIONS"),
                                ("GET", "/api/runs/x/cancel", "POST, OPTIONS")):
        a = d.call(method, path)
        problem(a, 405)
        same(a.headers["allow"], allow, path)
    a = d.call("OPTIONS", "/api/agents")
    same(a.status, 204, "OPTIONS")
    same(a.headers["allow"], "POST, GET, HEAD, OPTIONS", "OPTIONS")
    a = d.call("HEAD", "/api/agents")
    same((a.status, a.body), (200, b""), "HEAD")


def unknown_and_repeated_query_parameters_are_named(d):
    p = problem(d.get("/api/agents?limt=3"), 400)
    same(p["errors"][0]["path"], "limt", "path")
    problem(d.get("/api/agents?limit=3&limit=4"), 400)
    problem(d.get("/api/agents?project=other"), 404)
    same(d.get("/api/agents?project=default").status, 200, "project")


def a_workflow_is_saved_read_versioned_and_deleted(d):
    a = d.post("/api/workflows", chain("life"))
    same(a.status, 201, a.body)
    w = a.json
    same((w["version"], w["outcome"], w["project"]), (1, "created", "default"), "created")
    same(a.headers["location"], "/api/workflows/" + w["id"], "location")
    problem(d.post("/api/workflows", chain("life")), 409)
    a = d.post("/api/workflows?upsert=true", chain("life"))
    same((a.status, a.json["outcome"], a.json["version"]), (200, "unchanged", 1), "unchanged")
    a = d.post("/api/workflows?upsert=true", chain("life", 3))
    same((a.status, a.json["outcome"], a.json["version"]), (200, "updated", 2), "updated")
    a = d.call("PUT", "/api/workflows/" + w["id"], chain("life", 4))
    same((a.status, a.json["version"]), (200, 3), "PUT")
    for name in (w["id"], "life"):
        same(len(d.get("/api/workflows/" + name).json["definition"]["nodes"]), 4, "newest")
    versions = d.get("/api/workflows/life/versions").json["items"]
    same([v["version"] for v in versions], [3, 2, 1], "versions")
    v1 = d.get("/api/workflows/life/versions/1").json
    same(len(v1["definition"]["nodes"]), 2, "version 1")
    problem(d.get("/api/workflows/life/versions/4"), 404)
    same(d.call("DELETE", "/api/workflows/life").status, 204, "DELETE")
    problem(d.get("/api/workflows/life"), 404)
    problem(d.call("DELETE", "/api/workflows/life"), 404)
    problem(d.call("PUT", "/api/workflows/" + w["id"], chain("life")), 404)


def a_workflow_is_found_by_name_among_many(d):
    names = ["many", "many-", "many-1", "many-10", "many-2", "manz", "man", "many.x", "many_x"]
    for name in names:
        same(d.post("/api/workflows", chain(name)).status, 201, name)
    from urllib.parse import quote
    for name in names:
        same(d.get("/api/workflows/" + quote(name)).json["name"], name, name)
    for name in ("many-3", "ma", "n", "many-1\u007e"):
        problem(d.get("/api/workflows/" + quote(name)), 404)


def all_findings_come_at_once_with_their_places(d):
    bad = {"name": "bad", "nodes": [{"id": "a", "agent": "nobody", "action": "x"},
                                    {"id": "a", "agent": "noop", "action": "run"},
                                    {"id": "b", "agent": "noop", "action": "run",
                                     "dependsOn": ["zz"]}]}
    for path in ("/api/workflows", "/api/workflows/validate"):
        paths = {e["path"] for e in problem(d.post(path, bad), 422)["errors"]}
        holds("nodes[0].agent" in paths and "nodes[2].dependsOn[0]" in paths, paths)
    yaml = "name: bad\nnodes:\n  - id: a\n    agent: nobody\n    action: x\n"
    e = problem(d.post("/api/workflows", yaml, type="application/yaml"), 422)["errors"][0]
    same((e["path"], e["line"]), ("nodes[0].agent", 4), "YAML place")
    e = problem(d.post("/api/workflows", "a: [\n", type="text/yaml"), 400)["errors"][0]
    holds(e["line"] >= 1, "YAML syntax has a line")
    e = problem(d.post("/api/workflows", '{"a":\n 1,}'), 400)["errors"][0]
    same(e["line"], 2, "JSON syntax has a line")
    problem(d.get("/api/workflows/bad"), 404)
    same(d.post("/api/workflows/validate", chain("fine")).json["valid"], True, "valid")
    problem(d.get("/api/workflows/fine"), 404)


def bodies_of_other_kinds_are_refused(d):
    for type in ("text/plain", "application/x-www-form-urlencoded", "application/yaml"):
        problem(d.post("/api/agents", "{}", type=type), 415)
    for type in ("application/json", "application/json; charset=utf-8", "application/x+json",
                 None):
        problem(d.post("/api/agents", "{}", type=type), 422)
    problem(d.post("/api/workflows", "[]"), 422)
    problem(d.post("/api/workflows", '{"name":"x","name":"y"}'), 422)
    problem(d.post("/api/workflows", b""), 400)
    with d.raw(b"POST /api/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4194305\r\n\r\n") as c:
        holds(c.recv(4096).startswith(b"HTTP/1.1 413"), "too large")
    problem(d.post("/api/workflows", b"#" * (1 << 20) + b"y", type="application/yaml"), 413)
    problem(d.post("/api/workflows", {"project": "other", **chain("x")}), 422)


def agents_are_registered_read_replaced_and_removed(d):
    folder = d.dir + "/agents/talker"
    agent = {"name": "second", "type": "SCRIPT", "version": "1", "entryPath": folder,
             "command": ["python3", "/agent/talk.py"], "riskLevel": "AUTO",
             "capabilities": [{"name": "talk", "inputSchema": {"type": "object"},
                               "outputSchema": {"type": "object"}}]}
    a = d.post("/api/agents", agent)
    same(a.status, 201, a.body)
    same(a.json["capabilities"][0]["name"], "talk", "capability")
    problem(d.post("/api/agents", agent), 409)
    id = a.json["id"]
    agent["description"] = "again"
    a = d.call("PUT", "/api/agents/" + id, agent)
    same((a.status, a.json["description"]), (200, "again"), a.body)
    same(d.get("/api/agents/second").json["id"], id, "by name")
    same(d.post("/api/workflows", chain("uses", 1, "second", "talk")).status, 201, "uses it")
    problem(d.call("DELETE", "/api/agents/second"), 409)
    same(d.call("DELETE", "/api/workflows/uses").status, 204, "workflow gone")
    same(d.call("DELETE", "/api/agents/second").status, 204, "agent gone")
    problem(d.get("/api/agents/" + id), 404)
    for path in ("/etc", "/", folder + "/../../..", "relative", folder + "\0x"):
        e = problem(d.post("/api/agents", {**agent, "entryPath": path}), 422)
        holds(any(x["path"] == "entryPath" for x in e["errors"]), e)


def lists_are_paged_by_opaque_cursors(d):
    seen, cursor = [], None
    for i in range(7):
        d.post("/api/workflows?upsert=true", chain("page-%d" % i))
    while True:
        page = d.get("/api/workflows?limit=2" + ("&cursor=" + cursor if cursor else "")).json
        seen += [w["name"] for w in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
        same(len(page["items"]), 2, "full page")
    same(seen, sorted(seen, key=lambda s: s.encode()), "in order")
    same(len(set(seen)), len(seen), "none twice")
    holds(all("page-%d" % i in seen for i in range(7)), "none missing")
    for bad in ("x", "!!!!", "AAAA", "a" * 1000, "%00", ""):
        problem(d.get("/api/workflows?cursor=" + bad), 400)
    for bad in ("0", "501", "-1", "x", "", "1e2", "99999999999"):
        problem(d.get("/api/workflows?limit=" + bad), 400)


def trigger(d, name, body=None, **headers):
    return d.post("/api/workflows/%s/trigger" % name, {} if body is None else body,
                  headers={k.replace("_", "-"): v for k, v in headers.items()})


def a_trigger_is_accepted_and_its_run_can_be_read(d):
    d.post("/api/workflows", chain("go", 3))
    a = trigger(d, "go", {"context": {"x": 1}})
    same(a.status, 202, a.body)
    holds(set(a.json) == {"workflowRunId", "status"}, a.body)
    run = d.get("/api/runs/" + a.json["workflowRunId"])
    same(run.status, 200, "read at once")
    r = run.json
    same((r["workflowName"], r["context"], r["trigger"]["type"]), ("go", {"x": 1}, "api"), "run")
    same([n["id"] for n in r["nodes"]], ["n0", "n1", "n2"], "nodes")
    same(r["nodes"][1]["dependsOn"], ["n0"], "dependsOn")
    a = d.get("/api/workflows/go/runs/" + r["id"])
    same(a.status, 200, "under its workflow")
    problem(d.get("/api/workflows/page-1/runs/" + r["id"]), 404)
    problem(d.get("/api/runs/" + str(uuid.uuid4())), 404)
    problem(trigger(d, "nowhere"), 404)


def prefer_wait_answers_when_the_run_has_ended(d):
    a = trigger(d, "go", Prefer="wait=20")
    same((a.status, a.json["status"]), (200, "SUCCESS"), a.body)
    same(a.headers["preference-applied"], "wait", "applied")
    run = d.get("/api/runs/" + a.json["workflowRunId"]).json
    same(run["status"], "SUCCESS", "really")
    same([n["status"] for n in run["nodes"]], ["SUCCESS"] * 3, "nodes")
    for attempt in run["agentRuns"]:
        same((attempt["status"], attempt["attempt"]), ("SUCCESS", 1), "attempt")
        holds(attempt["durationMs"] >= 0, "duration")
    same(len(d.get("/api/runs/%s/agent-runs" % run["id"]).json["items"]), 3, "agent-runs")
    d.post("/api/workflows", chain("slow", 1, "talker", "talk", {"then": 30}))
    a = trigger(d, "slow", Prefer="respond-async, wait=1")
    same(a.status, 202, "the time is up")
    same(d.post("/api/runs/%s/cancel" % a.json["workflowRunId"]).status, 202, "cancel")


def bad_triggers_are_refused(d):
    for body, status in (({"context": []}, 422), ({"context": "x"}, 422), ({"contextJson": "["}, 422),
                         ({"contextJson": "[]"}, 422), ({"nope": 1}, 422), ({"dryRun": "yes"}, 422),
                         ({"context": {}, "contextJson": {}}, 422), ("{", 400), ("[]", 422)):
        problem(trigger(d, "go", body), status)
    same(trigger(d, "go", {"contextJson": '{"a":1}'}).status, 202, "contextJson text")
    same(trigger(d, "go", {"contextJson": {"a": 1}}).status, 202, "contextJson object")
    same(d.post("/api/workflows/go/trigger").status, 202, "no body")


def a_dry_run_starts_nothing(d):
    before = len(d.get("/api/runs?workflow=go&limit=500").json["items"])
    a = trigger(d, "go", {"dryRun": True})
    same(a.status, 200, a.body)
    a.json
    same(len(d.get("/api/runs?workflow=go&limit=500").json["items"]), before, "no run")


def an_idempotency_key_gives_one_run_and_one_answer(d):
    first = trigger(d, "go", {"context": {"k": 1}}, Idempotency_Key="key-1")
    again = trigger(d, "go", {"context": {"k": 1}}, Idempotency_Key="key-1")
    same((first.status, again.status), (202, 202), "accepted")
    same(again.body, first.body, "the same answer")
    same(again.headers.get("idempotency-replayed"), "true", "said so")
    holds("idempotency-replayed" not in first.headers, "not the first")
    problem(trigger(d, "go", {"context": {"k": 2}}, Idempotency_Key="key-1"), 422)
    problem(trigger(d, "slow", {"context": {"k": 1}}, Idempotency_Key="key-1"), 422)
    for bad in ("", "x" * 256, "a\tb"):
        problem(trigger(d, "go", {}, Idempotency_Key=bad), 400)


def an_ended_run_is_no_longer_cancelled_and_can_be_retried(d):
    run = trigger(d, "go", Prefer="wait=20").json["workflowRunId"]
    problem(d.post("/api/runs/%s/cancel" % run), 409)
    problem(d.post("/api/runs/%s/cancel" % uuid.uuid4()), 404)
    for path in ("/api/runs/%s/retry", "/api/workflows/runs/%s/retry"):
        a = d.post(path % run, {"from": "start"})
        same(a.status, 202, a.body)
        new = d.get("/api/runs/" + a.json["workflowRunId"]).json
        same(new["parentRunId"], run, "lineage")
    problem(d.post("/api/runs/%s/retry" % run, {"from": "nowhere"}), 422)
    a = d.post("/api/runs/%s/retry" % run, {"from": "start", "context": {"edited": [1]}})
    same(a.status, 202, a.body)
    same(d.get("/api/runs/" + a.json["workflowRunId"]).json["context"], {"edited": [1]}, "context")
    before = len(d.get("/api/runs?limit=500").json["items"])
    nodes = [n["id"] for n in d.get("/api/runs/" + run).json["nodes"]]
    a = d.post("/api/runs/%s/retry" % run, {"from": nodes[1], "plan": True})
    same((a.status, a.json), (200, {"from": nodes[1], "runsAgain": nodes[1:], "kept": nodes[:1],
                                              "effects": {n: "pure" for n in nodes[1:]}, "irreversible": []}),
         "plan")
    same(len(d.get("/api/runs?limit=500").json["items"]), before, "a plan starts nothing")
    for bad in ({"context": {}}, {"from": nodes[1], "context": {}}, {"plan": 1},
                {"from": "start", "context": 1}, {"from": "start", "context": "x", "plan": True}):
        problem(d.post("/api/runs/%s/retry" % run, bad), 422)
    problem(d.post("/api/runs/%s/retry" % run, {"from": 3}), 422)
    problem(d.post("/api/runs/%s/retry" % uuid.uuid4(), {"from": "start"}), 404)
    a = d.post("/api/runs/%s/cancel" % trigger(d, "slow").json["workflowRunId"],
               {"reason": "no need"})
    same(a.status, 202, a.body)
    run = a.json["workflowRunId"]
    list(d.stream("/api/runs/%s/events" % run))
    same(d.get("/api/runs/" + run).json["status"], "CANCELLED", "cancelled")


def runs_are_filtered(d):
    all = d.get("/api/runs?limit=500").json["items"]
    of_go = d.get("/api/workflows/go/runs?limit=500").json["items"]
    holds(len(of_go) < len(all), "fewer")
    same({r["workflowName"] for r in of_go}, {"go"}, "workflow")
    same({r["status"] for r in d.get("/api/runs?status=CANCELLED").json["items"]}, {"CANCELLED"},
         "status")
    middle = all[len(all) // 2]["createdAt"]
    newer = d.get("/api/runs?limit=500&since=" + middle).json["items"]
    older = d.get("/api/runs?limit=500&until=" + middle).json["items"]
    holds(newer and older and min(r["createdAt"] for r in newer) >= middle, "since")
    holds(max(r["createdAt"] for r in older) <= middle, "until")
    same({r["workflowName"] for r in d.get("/api/runs?q=slow").json["items"]}, {"slow"}, "text")
    same(d.get("/api/runs?q=%27%20OR%201=1").json["items"], [], "no injection")
    for bad in ("status=NO", "since=yesterday", "until=1"):
        problem(d.get("/api/runs?" + bad), 400)
    problem(d.get("/api/runs?workflow=nowhere"), 404)


def why_says_what_a_run_waits_for(d):
    d.post("/api/workflows", {"name": "held", "nodes": [
        {"id": "gate", "agent": "noop", "action": "run", "approvalRequired": True},
        {"id": "after", "agent": "noop", "action": "run", "dependsOn": ["gate"]}]})
    run = trigger(d, "held").json["workflowRunId"]
    approval = d.get("/api/approvals?run=" + run).json["items"][0]
    a = d.get("/api/runs/%s/why" % run)
    same(a.status, 200, a.body)
    why = a.json
    same(set(why), {"runId", "status", "summary", "reason", "since", "until", "command", "nodes",
                    "nodesLeftOut"}, "shape")
    same((why["runId"], why["status"], why["nodesLeftOut"]), (run, "WAITING_APPROVAL", 0), "head")
    gate, after = why["nodes"]
    same((gate["nodeId"], gate["reason"], gate["since"], gate["until"], gate["command"]),
         ("gate", "waiting_approval", approval["requestedAt"], approval["expiresAt"],
          "drover approve " + approval["id"]), "gate")
    same((after["nodeId"], after["status"], after["reason"], after["blockedBy"], after["chain"]),
         ("after", "PENDING", "waiting_dependencies", ["gate"], ["gate"]), "after")
    document = d.get("/openapi.json").json["components"]["schemas"]["WhyNode"]
    for n in why["nodes"]:
        same(set(n), set(document["required"]), "node")
        holds(n["reason"] in document["properties"]["reason"]["enum"], n["reason"])
    d.post("/api/approvals/%s/decision" % approval["id"],
           {"decision": "REJECTED", "respondedBy": "ann", "notes": "no"})
    why = d.get("/api/runs/%s/why" % run).json
    same(why["status"], "FAILED", "status")
    holds("node \"gate\" failed: ann rejected it: no." in why["summary"], why["summary"])
    same([(n["nodeId"], n["reason"]) for n in why["nodes"]], [("gate", "failed")], "failed node")
    problem(d.get("/api/runs/%s/why" % uuid.uuid4()), 404)
    problem(d.call("POST", "/api/runs/%s/why" % run), 405)


def the_document_is_valid_and_of_exactly_these_routes(d):
    doc = d.get("/openapi.json").json
    same(doc["openapi"], "3.1.0", "version")
    ids = set()

    def walk(v):
        if isinstance(v, dict):
            if "$ref" in v:
                at = doc
                for part in v["$ref"][2:].split("/"):
                    at = at[part]
            for x in v.values():
                walk(x)
        elif isinstance(v, list):
            for x in v:
                walk(x)
    walk(doc)
    for path, item in doc["paths"].items():
        for method, op in item.items():
            holds(op["operationId"] not in ids, op["operationId"])
            ids.add(op["operationId"])
            named = [doc["components"]["parameters"][p["$ref"].rsplit("/", 1)[1]]
                     for p in op.get("parameters", [])]
            same({p["name"] for p in named if p["in"] == "path"},
                 set(re.findall(r"{(\w+)}", path)), method + " " + path)
            holds(op["responses"], path)
            query = {p["name"] for p in named if p["in"] == "query"}
            a = d.call(method.upper(), re.sub(r"{\w+}", "x", path) + "?nonsense=1")
            same(problem(a, 400)["errors"][0]["path"], "nonsense", path)
            for q in query:
                a = d.call(method.upper(), re.sub(r"{\w+}", "x", path) + "?%s=" % q)
                if a.status == 400:
                    holds("unknown" not in a.json["errors"][0]["message"], (path, q))


def schedules_are_listed_paused_resumed_and_backfilled(d):
    w = dict(chain("timed", 1), trigger=[{"schedule": "0 9 * * 1", "timezone": "Europe/Berlin",
                                          "overlap": "queue", "catchup": "1h"}])
    same(d.post("/api/workflows", w).status, 201, "save")
    s = [x for x in d.get("/api/schedules").json["items"] if x["workflowName"] == "timed"][0]
    same((s["schedule"], s["timezone"], s["overlap"], s["catchup"], s["paused"]),
         ("0 9 * * 1", "Europe/Berlin", "queue", "1h", False), "fields")
    same(len(s["nextFires"]), 5, "next fires")
    same(s["nextFire"], s["nextFires"][0], "next fire")
    path = "/api/schedules/" + s["id"]
    same(d.get(path).json, s, "one")
    paused = d.post(path + "/pause", {})
    same((paused.status, paused.json["paused"], paused.json["nextFire"]), (200, True, None), "pause")
    same(d.post(path + "/resume", {}).json["nextFires"], s["nextFires"], "resume")
    ask = {"from": "2026-01-05T00:00:00Z", "to": "2026-01-20T00:00:00Z", "dryRun": True}
    a = d.post(path + "/backfill", ask)
    same((a.status, a.json), (200, {"fires": [f"2026-01-{n:02}T08:00:00.000Z" for n in (5, 12, 19)]}),
         "preview")
    a = d.post(path + "/backfill", dict(ask, dryRun=False))
    same((a.status, len(a.json["runIds"])), (202, 3), "backfill")
    trigger = d.get("/api/runs/" + a.json["runIds"][0]).json["trigger"]
    same((trigger["type"], trigger["scheduledAt"], trigger["backfill"]),
         ("schedule", "2026-01-05T08:00:00.000Z", True), "trigger")
    for bad in ({}, {"from": "x", "to": "y"}, dict(ask, dryRun=1), dict(ask, more=1),
                dict(ask, to="2099-01-01T00:00:00Z"), dict(ask, to="2026-01-01T00:00:00Z")):
        problem(d.post(path + "/backfill", bad), 422)
    for verb in ("", "/pause", "/resume", "/backfill"):
        problem(d.post("/api/schedules/x" + verb, ask if verb == "/backfill" else {}) if verb
                else d.get("/api/schedules/x"), 404)
    p = problem(d.post("/api/workflows", dict(chain("bad-time", 1), trigger=[
        {"schedule": "0 9 31 2 *", "timezone": "Mars/Base"}])), 422)
    same([e["path"] for e in p["errors"]], ["trigger[0].schedule", "trigger[0].timezone"], "places")
    same(d.call("DELETE", "/api/workflows/timed").status in (204, 409), True, "delete")


if __name__ == "__main__":
    main([health_answers_on_all_its_paths, every_answer_has_its_fields,
          unknown_paths_get_404_in_any_spelling, other_methods_get_405_with_allow,
          unknown_and_repeated_query_parameters_are_named,
          a_workflow_is_saved_read_versioned_and_deleted, a_workflow_is_found_by_name_among_many,
          all_findings_come_at_once_with_their_places, bodies_of_other_kinds_are_refused,
          agents_are_registered_read_replaced_and_removed, lists_are_paged_by_opaque_cursors,
          a_trigger_is_accepted_and_its_run_can_be_read,
          prefer_wait_answers_when_the_run_has_ended, bad_triggers_are_refused,
          a_dry_run_starts_nothing, an_idempotency_key_gives_one_run_and_one_answer,
          an_ended_run_is_no_longer_cancelled_and_can_be_retried, runs_are_filtered,
          why_says_what_a_run_waits_for,
          schedules_are_listed_paused_resumed_and_backfilled,
          the_document_is_valid_and_of_exactly_these_routes])
