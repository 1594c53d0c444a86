"""Versions of workflows, seen from outside."""
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


if __name__ == "__main__":
    main([what_changed_between_versions_is_told])
