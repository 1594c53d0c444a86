"""/api/approvals seen from outside."""
import hashlib
import json

from served import holds, main, same

GATE = {"name": "gate", "nodes": [
    {"id": "g", "agent": "noop", "action": "run", "inputs": {"x": "{{ context.x }}"},
     "approval": {"approvers": ["ann", "bob", "local"], "timeout": "1h"}},
    {"id": "after", "agent": "noop", "action": "run", "dependsOn": ["g"],
     "inputs": {"y": "{{ nodes.g.output }}"}}]}


def problem(answer, status):
    same(answer.status, status, answer.body)
    same(answer.headers["content-type"], "application/problem+json", "type")
    return answer.json


def ask(d, x=1, **more):
    d.post("/api/workflows?upsert=true", GATE)
    a = d.post("/api/workflows/gate/trigger", {"context": {"x": x}, **more})
    same(a.status, 202, a.body)
    run = a.json["workflowRunId"]
    items = d.get("/api/approvals?run=" + run).json["items"]
    same(len(items), 1, "approvals of the run")
    return run, items[0]


def decide(d, approval, decision, **more):
    return d.post("/api/approvals/%s/decision" % approval["id"],
                  dict(decision=decision, **more))


def ended(d, run):
    for _ in d.stream("/api/runs/%s/events" % run):
        pass
    return d.get("/api/runs/" + run).json


def what_waits_is_shown_with_all_that_will_run(d):
    run, p = ask(d, {"a": [1, 2.5, "ä"]})
    same((p["status"], p["nodeId"], p["agent"], p["action"], p["runId"], p["workflowName"]),
         ("PENDING", "g", "noop", "run", run, "gate"), "approval")
    same(p["inputs"], {"x": {"a": [1, 2.5, "ä"]}}, "inputs")
    same((p["approvers"], p["quorum"], p["allowSelf"], p["onTimeout"]),
         (["ann", "bob", "local"], 1, False, "reject"), "policy")
    text = json.dumps(dict(p["subject"], inputs=p["inputs"]), sort_keys=True,
                      separators=(",", ":"), ensure_ascii=False)
    same(p["sha256"], hashlib.sha256(text.encode()).hexdigest(), "anybody can make the hash")
    same(p, d.get("/api/approvals/" + p["id"]).json, "alone")
    r = d.get("/api/runs/" + run).json
    same((r["status"], r["approvals"], r["nodes"][0]["status"], r["nodes"][0]["startedAt"]),
         ("WAITING_APPROVAL", [p], "WAITING_APPROVAL", None), "the run")
    same(r["nodes"][0]["wakeAt"], p["expiresAt"], "expiry")
    holds(run in [x["id"] for x in d.get("/api/runs?status=WAITING_APPROVAL").json["items"]],
          "filtered by status")
    decide(d, p, "REJECTED")


def a_decision_goes_through_once(d):
    run, p = ask(d)
    a = decide(d, p, "APPROVED", notes="go", sha256=p["sha256"])
    same(a.status, 200, a.body)
    same((a.json["status"], a.json["respondedBy"], a.json["notes"]), ("APPROVED", "local", "go"),
         "answer")
    holds(a.json["respondedAt"] >= p["requestedAt"], "time")
    problem(decide(d, p, "REJECTED"), 409)
    r = ended(d, run)
    same(r["status"], "SUCCESS", r)
    same(r["agentRuns"][0]["input"], p["inputs"], "what was approved ran")
    types = [t for _, t, _ in d.stream("/api/runs/%s/events" % run)]
    same(types[:4], ["run.started", "approval.requested", "approval.decided", "node.started"],
         "events")
    problem(decide(d, p, "REJECTED"), 409)


def a_rejection_fails_the_node(d):
    run, p = ask(d)
    same(decide(d, p, "REJECTED", notes="no", respondedBy="bob").json["status"], "REJECTED", "")
    r = ended(d, run)
    same((r["status"], r["nodes"][0]["error"]),
         ("FAILED", {"code": "rejected", "message": "bob rejected it: no"}), "run")
    again = d.post("/api/runs/%s/retry" % run, {}).json["workflowRunId"]
    p = d.get("/api/approvals?status=PENDING&run=" + again).json["items"][0]
    same(decide(d, p, "APPROVED").status, 200, "asked again")
    same(ended(d, again)["status"], "SUCCESS", "retried")


def who_may_not_is_refused(d):
    _, p = ask(d, triggeredBy="ann")
    problem(decide(d, p, "APPROVED", respondedBy="eve"), 403)
    problem(decide(d, p, "APPROVED", respondedBy="ann"), 403)
    problem(decide(d, p, "APPROVED", sha256="0" * 64), 409)
    same(d.get("/api/approvals/" + p["id"]).json["status"], "PENDING", "still asked")
    same(decide(d, p, "APPROVED", respondedBy="bob").status, 200, "bob may")


def bad_decisions_are_refused(d):
    run, p = ask(d)
    for body, path in (({}, "decision"), ({"decision": "MAYBE"}, "decision"),
                       ({"decision": "PENDING"}, "decision"), ({"decision": 1}, "decision"),
                       ({"decision": "APPROVED", "notes": 1}, "notes"),
                       ({"decision": "APPROVED", "notes": "x" * 5000}, "notes"),
                       ({"decision": "APPROVED", "respondedBy": "x" * 200}, "respondedBy"),
                       ({"decision": "APPROVED", "more": 1}, "more")):
        a = d.post("/api/approvals/%s/decision" % p["id"], body)
        same(problem(a, 422)["errors"][0]["path"], path, body)
    problem(d.post("/api/approvals/%s/decision" % p["id"], "{"), 400)
    problem(d.post("/api/approvals/nothing/decision", {"decision": "APPROVED"}), 404)
    problem(d.get("/api/approvals/nothing"), 404)
    same(problem(d.post("/api/workflows/gate/trigger", {"triggeredBy": 7}), 422)
         ["errors"][0]["path"], "triggeredBy", "triggeredBy")
    same(d.post("/api/runs/%s/cancel" % run, {}).status, 202, "cancel")
    problem(decide(d, p, "APPROVED"), 409)
    p = d.get("/api/approvals/" + p["id"]).json
    same((p["status"], p["notes"]), ("EXPIRED", "the run was cancelled"), "cancelled")


def approvals_are_filtered_and_paged(d):
    runs = [ask(d, i)[0] for i in range(3)]
    seen, path = [], "/api/approvals?limit=2&status=PENDING&workflow=gate"
    cursor = ""
    while True:
        page = d.get(path + cursor).json
        seen += page["items"]
        if not page["nextCursor"]:
            break
        cursor = "&cursor=" + page["nextCursor"]
    same([p["runId"] for p in seen], runs[::-1], "newest first")
    same(d.get("/api/approvals?status=APPROVED&run=" + runs[0]).json["items"], [], "none")
    problem(d.get("/api/approvals?status=MAYBE"), 400)
    problem(d.get("/api/approvals?run="), 400)
    problem(d.get("/api/approvals?workflow=nothing"), 404)
    for p in seen:
        same(decide(d, p, "APPROVED").status, 200, "decided")


if __name__ == "__main__":
    main([what_waits_is_shown_with_all_that_will_run, a_decision_goes_through_once,
          a_rejection_fails_the_node, who_may_not_is_refused, bad_decisions_are_refused,
          approvals_are_filtered_and_paged])
