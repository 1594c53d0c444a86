"""Versions of workflows, seen from outside."""
import time

from served import chain, holds, main, same


def problem(answer, status):
    same(answer.status, status, answer.body)
    same(answer.headers["content-type"], "application/problem+json", "type")
    return answer.json


def save(d, definition):
    a = d.post("/api/workflows?upsert=true", definition)
    holds(a.status in (200, 201), a.body)
    return a.json["version"]


def what_changed_between_versions_is_told(d):
    one = chain("told", 2)
    save(d, one)
    two = dict(chain("told", 3, inputs={"x": 1}), timeout="1h")
    save(d, two)
    save(d, dict(two, description="third"))
    p = "/api/workflows/told/diff"
    r = d.get(p + "?from=1&to=2").json
    same((r["workflowName"], r["from"], r["to"], r["same"]), ("told", 1, 2, False), "head")
    same(r["workflow"], [{"field": "timeout", "to": "1h"}], "workflow")
    same(r["nodes"], {"added": ["n2"], "removed": [], "reordered": False, "changed": [
        {"id": n, "fields": [{"field": "inputs.x", "to": 1}]} for n in ("n0", "n1")]}, "nodes")
    same(r["text"], '+ timeout: "1h"\n+ node n2\n~ node n0\n    + inputs.x: 1\n'
         "~ node n1\n    + inputs.x: 1\n", "text")
    back = d.get(p + "?from=2&to=1").json
    same((back["workflow"], back["nodes"]["removed"]), ([{"field": "timeout", "from": "1h"}], ["n2"]),
         "the other way round")
    r = d.get(p).json
    same((r["from"], r["to"], r["workflow"]), (2, 3, [{"field": "description", "to": "third"}]),
         "the newest and the one before")
    same(d.get(p + "?from=newest&to=3").json["same"], True, "the same")
    same(d.get(p + "?to=1").json["same"], True, "the first and nothing before")
    for query in ("from=0", "to=x", "from=-1", "from="):
        problem(d.get(p + "?" + query), 400)
    for query in ("from=4", "to=1000000000000"):
        problem(d.get(p + "?" + query), 404)
    problem(d.get("/api/workflows/nobody/diff"), 404)


def waiting(name, more=(), event="never"):
    return {"name": name, "nodes": [
        {"id": "first", "agent": "noop", "action": "run", "inputs": {"x": 1}},
        {"id": "hold", "wait": {"event": event}, "dependsOn": ["first"]}, *more]}


def held(d, name):
    """A run of `name` that waits at its node `hold`."""
    run = d.post("/api/workflows/%s/trigger" % name).json["workflowRunId"]
    for _, event, data in d.stream("/api/runs/%s/events" % run):
        if event == "node.waiting":
            return run
    raise AssertionError("it does not wait")


def a_run_goes_on_in_another_version(d):
    save(d, waiting("goes-on"))
    run = held(d, "goes-on")
    path = "/api/runs/%s/move" % run
    last = {"id": "last", "agent": "noop", "action": "run", "dependsOn": ["hold"],
            "inputs": {"y": "{{ nodes.first.output.input.x }}"}}
    save(d, waiting("goes-on", [last]))
    a = d.post(path, {"version": 2, "plan": True})
    same((a.status, a.json), (200, {"from": 1, "to": 2, "kept": ["first", "hold"],
                                    "asksAgain": [], "changed": [], "removed": [],
                                    "added": ["last"]}), "plan")
    same(d.get("/api/runs/" + run).json["workflowVersion"], 1, "planned only")
    b = d.post(path, {"version": "newest", "by": "ann", "reason": "a mend"})
    same((b.status, b.json), (200, a.json), "moved")
    same(d.get("/api/runs/" + run).json["workflowVersion"], 2, "moved")
    same(d.post("/api/runs/%s/signal" % run, {"name": "never"}).status, 202, "signal")
    events = list(d.stream("/api/runs/%s/events" % run))
    same([e[2] for e in events if e[1] == "run.moved"][0]["data"],
         {"from": 1, "to": 2, "by": "ann", "reason": "a mend"}, "event")
    r = d.get("/api/runs/" + run).json
    same((r["status"], r["nodes"][2]["output"]["input"]), ("SUCCESS", {"y": 1}), "the end")
    holds("ended already: SUCCESS" in problem(d.post(path, {"version": 1}), 409)["detail"], "ended")


def a_move_that_does_not_fit_names_what_is_in_the_way(d):
    save(d, waiting("stays"))
    run = held(d, "stays")
    path = "/api/runs/%s/move" % run
    other = waiting("stays", event="other")
    other["nodes"][0]["inputs"]["x"] = 2
    save(d, other)
    for plan in (True, False):
        p = problem(d.post(path, {"version": 2, "plan": plan}), 409)
        same([e["path"] for e in p["errors"]], ["nodes.first", "nodes.hold"], "paths")
        holds("inputs.x" in p["errors"][0]["message"], p)
    same(d.get("/api/runs/" + run).json["workflowVersion"], 1, "it stays")
    for body, where in (({}, "version"), ({"version": 0}, "version"), ({"version": "old"}, "version"),
                        ({"version": 3}, "version"), ({"version": 1.5}, "version"),
                        ({"version": 2, "plan": 1}, "plan"), ({"version": 2, "by": 1}, "by"),
                        ({"version": 2, "reason": "x" * 100000}, "reason"),
                        ({"version": 2, "to": 2}, "to")):
        same(problem(d.post(path, body), 422)["errors"][0]["path"], where, body)
    problem(d.post("/api/runs/00000000-0000-7000-8000-000000000000/move", {"version": 1}), 404)
    problem(d.post(path, "{", type="application/json"), 400)
    d.post("/api/runs/%s/cancel" % run)


def a_workflow_with_open_runs_goes_only_with_cascade(d):
    save(d, waiting("goes"))
    run = held(d, "goes")
    p = problem(d.call("DELETE", "/api/workflows/goes"), 409)
    holds("1 open runs" in p["errors"][0]["message"] and
          "drover cancel --workflow goes" in p["errors"][0]["message"], p)
    problem(d.call("DELETE", "/api/workflows/goes?cascade=maybe"), 400)
    problem(d.call("DELETE", "/api/workflows/goes?cascade=true&reason=" + "x" * 5000), 400)
    a = d.call("DELETE", "/api/workflows/goes?cascade=true&by=ann&reason=old")
    same((a.status, a.json["status"], a.json["openRuns"]), (202, "DELETING", 1), a.body)
    until = time.monotonic() + 60
    while d.get("/api/workflows/goes").status != 404:
        holds(time.monotonic() < until, "it is never gone")
    problem(d.get("/api/runs/" + run), 404)
    problem(d.call("DELETE", "/api/workflows/goes?cascade=true"), 404)
    same(save(d, waiting("goes")), 1, "the name is free")
    same(d.call("DELETE", "/api/workflows/goes?cascade=true").status, 204, "nothing is open")


def an_archived_workflow_keeps_everything_and_starts_nothing(d):
    save(d, waiting("rests"))
    run = held(d, "rests")
    a = d.post("/api/workflows/rests/archive", {"by": "ann", "reason": "summer"})
    same((a.status, a.json["status"], a.json["version"]), (200, "ARCHIVED", 2), a.body)
    same(d.post("/api/workflows/rests/archive").json["version"], 2, "again")
    same(d.get("/api/workflows/rests").json["status"], "ARCHIVED", "status")
    p = problem(d.post("/api/workflows/rests/trigger"), 409)
    holds("drover workflows unarchive rests" in p["errors"][0]["message"], p)
    same(d.get("/api/runs/" + run).json["status"], "RUNNING", "an open run goes on")
    same(d.post("/api/workflows/rests/unarchive").json["version"], 3, "taken up again")
    same(d.post("/api/workflows/rests/archive", {"cascade": True}).json["version"], 4, "cascade")
    for _ in d.stream("/api/runs/%s/events" % run):
        pass
    same(d.get("/api/runs/" + run).json["status"], "CANCELLED", "cancelled")
    for body, where in (({"by": 1}, "by"), ({"cascade": 1}, "cascade"), ({"x": 1}, "x")):
        same(problem(d.post("/api/workflows/rests/archive", body), 422)["errors"][0]["path"],
             where, body)
    problem(d.post("/api/workflows/rests/unarchive", {"cascade": True}), 422)
    problem(d.post("/api/workflows/nobody/archive"), 404)


if __name__ == "__main__":
    main([what_changed_between_versions_is_told, a_run_goes_on_in_another_version,
          a_move_that_does_not_fit_names_what_is_in_the_way,
          a_workflow_with_open_runs_goes_only_with_cascade,
          an_archived_workflow_keeps_everything_and_starts_nothing])
