#!/usr/bin/env python3
"""Workflows that call workflows, on the real program."""
from daemon import Daemon, main, node

INNER = {"name": "inner", "nodes": [
    {"id": "nap", "sleep": "300ms"},
    {"id": "work", "agent": "noop", "action": "run", "dependsOn": ["nap"],
     "inputs": {"n": "{{ context.n }}"}}],
    "output": {"n": "{{ nodes.work.output.input.n }}"}}
OUTER = {"name": "outer", "nodes": [{"id": "call", "workflow": "inner", "inputs": {"n": 7}}],
         "output": "{{ nodes.call.output.n }}"}
GATE = {"name": "gate", "nodes": [
    {"id": "ask", "agent": "noop", "action": "run", "approvalRequired": True}]}
CALLS_GATE = {"name": "calls-gate", "nodes": [{"id": "call", "workflow": "gate"}]}


def read(d, run):
    return d.ok("GET", f"/api/runs/{run}")


def child_of(d, run):
    return node(read(d, run), "call")["childRunId"]


def a_child_is_shown_with_its_caller_and_its_output_comes_back():
    with Daemon() as d:
        d.apply(INNER)
        d.apply(OUTER)
        run = d.trigger("outer", {})
        call = node(read(d, run), "call")
        assert (call["workflow"], call["agent"], call["status"]) == ("inner", None, "RUNNING"), call
        assert "wakeAt" not in call, call
        child = read(d, call["childRunId"])
        assert (child["callerRunId"], child["callerNodeId"], child["depth"]) == (run, "call", 1), child
        assert child["trigger"] == {"type": "workflow", "runId": run, "nodeId": "call"}, child
        assert child["context"] == {"n": 7}, child
        end = d.wait(run)
        assert (end["status"], end["output"]) == ("SUCCESS", 7), end
        assert (end["callerRunId"], end["depth"]) == (None, 0), end
        assert node(end, "call")["output"] == {"n": 7}, end
        assert read(d, child["id"])["output"] == {"n": 7}
        items = d.ok("GET", f"/api/runs?callerRunId={run}")["items"]
        assert [r["id"] for r in items] == [child["id"]] and "output" not in items[0], items
        started = [e["data"] for _, t, e in d.events(run) if t == "node.started"]
        assert [(s["workflow"], s["childRunId"]) for s in started] == [("inner", child["id"])]


def callers_and_children_go_on_over_a_kill():
    with Daemon() as d:
        for w in (INNER, OUTER, GATE, CALLS_GATE):
            d.apply(w)
        run, waiting, doomed = (d.trigger(w, {}) for w in ("outer", "calls-gate", "calls-gate"))
        children = [child_of(d, r) for r in (run, waiting, doomed)]
        d.kill()
        assert d.start()
        assert [child_of(d, r) for r in (run, waiting, doomed)] == children
        assert d.wait(run)["output"] == 7
        assert read(d, waiting)["status"] == "WAITING_APPROVAL"
        approval = read(d, children[1])["approvals"][0]["id"]
        d.ok("POST", f"/api/approvals/{approval}/decision",
             {"decision": "APPROVED", "respondedBy": "ann"})
        assert d.wait(waiting)["status"] == "SUCCESS"
        d.ok("POST", f"/api/runs/{doomed}/cancel", {})
        assert d.wait(doomed)["status"] == "CANCELLED"
        assert read(d, children[2])["status"] == "CANCELLED"


def what_calls_a_workflow_keeps_it():
    with Daemon() as d:
        d.apply(INNER)
        d.apply(OUTER)
        status, _, problem = d.request("DELETE", "/api/workflows/inner")
        assert status == 409 and "\"outer\" calls" in str(problem), (status, problem)
        status, _, problem = d.request("POST", "/api/workflows?upsert=true", dict(
            OUTER, nodes=[{"id": "call", "workflow": "iner"}]))
        assert status == 422, problem
        assert [(e["path"], "did you mean \"inner\"" in e["message"])
                for e in problem["errors"]] == [("nodes[0].workflow", True)], problem


if __name__ == "__main__":
    main([a_child_is_shown_with_its_caller_and_its_output_comes_back,
          callers_and_children_go_on_over_a_kill, what_calls_a_workflow_keeps_it])
