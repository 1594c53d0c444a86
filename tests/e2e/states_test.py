#!/usr/bin/env python3
"""The real program is killed and started again in each state in which something waits; then what
waited goes on as if nothing had been, once."""
import contextlib
import json

from daemon import Daemon, main, no_orphans, node
from made import Agents, Folder, Gate, step, workflow

WAITS_AT_A_GATE = 'read word < "/workspace/$DROVER_NODE_ID"\necho "{\\"word\\": \\"$word\\"}"\n'
FAILS_UNLESS_IT_IS_GO = WAITS_AT_A_GATE + 'test "$word" = go\n'
IGNORES_TERM = "trap '' TERM\n" + WAITS_AT_A_GATE


class World:
    """A service with scripts of its own: `gate` waits at the pipe with its node's name."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.agents = stack.enter_context(Agents())
            self.ws = stack.enter_context(Folder())
            self.agents.add("gate", WAITS_AT_A_GATE)
            self.agents.add("stubborn", IGNORES_TERM)
            self.agents.add("fails", "exit 1")
            self.agents.add("pays", WAITS_AT_A_GATE)
            self.change("pays", lambda m: m["capabilities"][0].update(effect="irreversible"))
            self.agents.add("flaky", FAILS_UNLESS_IT_IS_GO)
            self.change("flaky", lambda m: m.update(circuitBreaker={
                "failures": 1, "window": "1h", "cooldown": "1h"}))
            self.d = stack.enter_context(Daemon(*self.options, agents=[self.agents.path],
                                                workspaces=[self.ws.path]))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *what):
        self.stack.__exit__(*what)
        no_orphans()

    def change(self, agent, edit):
        """Edits the manifest of an agent."""
        path = self.agents / f"{agent}/agent.yaml"
        with open(path, encoding="utf-8") as f:
            manifest = json.load(f)
        edit(manifest)
        self.agents.write(f"{agent}/agent.yaml", json.dumps(manifest))

    def gate(self, name):
        return Gate(self.ws, name)

    def step(self, node_id, agent, *depends, **more):
        return step(node_id, agent, *depends, workspace=self.ws.path, **more)

    def start(self, *nodes, **more):
        self.d.apply(workflow("w", *nodes, **more))
        return self.d.trigger("w", {})

    def restart(self):
        self.d.kill()
        assert self.d.start()

    def get(self, run):
        return self.d.ok("GET", f"/api/runs/{run}")

    def post(self, path, body=None):
        return self.d.ok("POST", f"/api/runs/{path}", body or {})

    def see(self, run, kind, node_id=None):
        """Follows the run's events until there is one of this kind."""
        for _, t, e in self.d.events(run):
            if t == kind and node_id in (None, e["data"].get("nodeId")):
                return e["data"]
        raise AssertionError(f"the run ended without {kind}")

    def why(self, run, node_id):
        return next(n for n in self.d.ok("GET", f"/api/runs/{run}/why")["nodes"]
                    if n["nodeId"] == node_id)

    def waits(self, run, node_id, reason):
        got = self.why(run, node_id)
        assert got["reason"] == reason, got
        return got

    def ends(self, run, status="SUCCESS"):
        got = self.d.wait(run)
        assert got["status"] == status, got
        return got

    def approvals(self, run, status="PENDING"):
        return [a for a in self.get(run)["approvals"] if a["status"] == status]

    def approve(self, run):
        """All that is asked now."""
        asked = self.approvals(run)
        for a in asked:
            self.d.ok("POST", f"/api/approvals/{a['id']}/decision",
                      {"decision": "APPROVED", "respondedBy": "bob"})
        return len(asked)


def attempts(run, node_id):
    return [(a["attempt"], a["status"], (a["error"] or {}).get("code"))
            for a in run["agentRuns"] if a["nodeId"] == node_id]


def queued_for_a_slot():
    with World("--max-scripts", "1") as w:
        first, second = w.gate("first"), w.gate("second")
        run = w.start(w.step("first", "gate"), w.step("second", "gate"))
        w.see(run, "node.started", "first")
        w.waits(run, "second", "queued")
        w.restart()
        w.waits(run, "second", "queued")
        first.open()
        second.open()
        got = w.ends(run)
        assert attempts(got, "first") == [(1, "FAILED", "lost"), (2, "SUCCESS", None)], got
        assert attempts(got, "second") == [(1, "SUCCESS", None)], got


def between_two_attempts():
    retry = {"maxAttempts": 2, "initialInterval": "1h", "jitter": 0}
    with World() as w:
        run = w.start(w.step("a", "fails", retry=retry))
        w.see(run, "node.retrying", "a")
        before = w.waits(run, "a", "retry_backoff")
        w.restart()
        assert w.waits(run, "a", "retry_backoff")["until"] == before["until"]
        w.post(f"{run}/nodes/a/skip", {"output": {}})
        got = w.ends(run)
        assert attempts(got, "a") == [(1, "FAILED", "exit_1"), (2, "CANCELLED", "given")], got
        retry["initialInterval"] = "600ms"
        run = w.start(w.step("a", "fails", retry=retry))
        w.see(run, "node.retrying", "a")
        w.restart()
        got = w.ends(run, "FAILED")
        assert attempts(got, "a") == [(1, "FAILED", "exit_1"), (2, "FAILED", "exit_1")], got


def in_a_sleep_and_at_waits():
    with World() as w:
        run = w.start({"id": "nap", "sleep": "24h"}, {"id": "e", "wait": {"event": "x.*"}},
                      {"id": "t", "wait": {"event": "y", "timeout": "24h"}})
        until = {n: w.why(run, n)["until"] for n in ("nap", "t")}
        for _ in range(2):
            w.restart()
            assert {n: w.why(run, n)["until"] for n in ("nap", "t")} == until
            w.waits(run, "nap", "sleeping")
            w.waits(run, "e", "waiting_event")
        w.post(f"{run}/signal", {"name": "x.1", "data": 1})
        w.post(f"{run}/signal", {"name": "y", "data": 2})
        w.restart()
        w.post(f"{run}/nodes/nap/skip", {"output": {}})
        got = w.ends(run)
        assert [node(got, n)["output"] for n in ("e", "t")] == [1, 2], got


def asked_and_approved_but_not_started():
    with World("--max-scripts", "1") as w:
        hog, risky = w.gate("hog"), w.gate("risky")
        run = w.start(w.step("hog", "gate"), w.step("risky", "gate", approvalRequired=True))
        w.see(run, "approval.requested", "risky")
        w.restart()
        w.waits(run, "risky", "waiting_approval")
        w.see(run, "node.retrying", "hog")
        assert w.approve(run) == 1
        w.waits(run, "risky", "queued")
        w.restart()
        w.waits(run, "risky", "queued")
        hog.open()
        risky.open()
        got = w.ends(run)
        assert attempts(got, "risky") == [(1, "SUCCESS", None)], got
        assert [a["status"] for a in got["approvals"]] == ["APPROVED"], got


def held_by_a_pause():
    retry = {"maxAttempts": 3, "initialInterval": "100ms", "jitter": 0}
    with World() as w:
        a = w.gate("a")
        run = w.start(w.step("a", "gate", retry=retry), w.step("b", "noop", "a"))
        w.see(run, "node.started", "a")
        w.post(f"{run}/pause", {"by": "ann"})
        w.restart()  # what ran is lost, and its next attempt is held
        w.waits(run, "a", "held")
        w.restart()
        assert w.waits(run, "a", "held")["command"] == f"drover resume {run}"
        w.post(f"{run}/resume")
        a.open()
        got = w.ends(run)
        assert attempts(got, "a") == [(1, "FAILED", "lost"), (2, "SUCCESS", None)], got


def being_stopped():
    with World() as w:
        w.gate("a")
        run = w.start(w.step("a", "stubborn"), w.step("b", "noop", "a"))
        w.see(run, "node.started", "a")
        w.post(f"{run}/cancel", {"by": "ann"})
        w.waits(run, "a", "stopping")
        w.restart()
        got = w.ends(run, "CANCELLED")
        assert {n["id"]: n["status"] for n in got["nodes"]} == {"a": "CANCELLED",
                                                                "b": "CANCELLED"}, got


def a_schedule_whose_fires_wait():
    with World() as w:
        w.d.apply(workflow("s", {"id": "go", "wait": {"event": "go"}},
                           trigger={"schedule": "@every 1s", "overlap": "queue"}))

        def fires():
            runs = w.d.ok("GET", "/api/workflows/s/runs?limit=500")["items"]
            return sorted((r["trigger"]["scheduledAt"], r["id"]) for r in runs)

        def schedule():
            return w.d.ok("GET", "/api/schedules")["items"][0]

        while schedule()["started"] == 0:
            pass
        first = schedule()["lastFire"]
        while int(schedule()["nextFire"][17:19]) - int(first[17:19]) not in (3, 3 - 60):
            pass  # two fires wait
        w.restart()
        assert len(fires()) == 1, fires()
        for n in (1, 2, 3):
            run = fires()[-1][1]
            w.post(f"{run}/signal", {"name": "go"})
            w.ends(run)
            while len(fires()) == n and n < 3:
                pass
            if n == 1:
                w.restart()
        at = [t for t, _ in fires()]
        assert len(set(at)) == len(at), at
        seconds = [int(t[17:19]) for t in at[:3]]
        assert all((b - a) % 60 == 1 for a, b in zip(seconds, seconds[1:])), at


def items_that_wait():
    with World() as w:
        run = w.start(step("each", "noop", forEach="{{ [1, 2, 3] }}", maxParallel=2,
                           inputs={"n": "{{ item }}"}, approvalRequired=True))
        for n in (2, 1):
            while len(w.approvals(run)) < n:
                pass
            w.restart()
            assert len(w.approvals(run)) == n
            w.waits(run, "each", "waiting_items")
            assert w.approve(run) == n
        got = w.ends(run)
        assert [o["input"]["n"] for o in node(got, "each")["output"]] == [1, 2, 3], got


def of_unknown_effect():
    with World() as w:
        w.gate("pay")
        run = w.start(w.step("pay", "pays", retry={"maxAttempts": 3}), w.step("b", "noop", "pay"))
        w.see(run, "node.started", "pay")
        w.restart()
        for _ in range(2):
            w.waits(run, "pay", "effect_unknown")
            assert w.get(run)["status"] == "WAITING_APPROVAL"
            w.restart()
        w.post(f"{run}/nodes/pay/resolve", {"as": "succeeded", "output": {"paid": True}})
        got = w.ends(run)
        assert attempts(got, "pay") == [(1, "FAILED", "lost")], got
        assert node(got, "pay")["output"] == {"paid": True}, got


def at_an_open_breaker():
    """Which does not outlive the service: the attempt that waited starts."""
    with World() as w:
        first, second = w.gate("first"), w.gate("second")
        run = w.start(w.step("first", "flaky", continueOnError=True),
                      w.step("second", "flaky", "first"))
        first.open("bad")
        w.see(run, "node.finished", "first")
        w.waits(run, "second", "circuit_open")
        w.restart()
        second.open()
        got = w.ends(run)
        assert attempts(got, "first") == [(1, "FAILED", "exit_1")], got
        assert attempts(got, "second") == [(1, "SUCCESS", None)], got


def waiting_for_a_run_that_it_called():
    with World() as w:
        gate = w.gate("g")
        w.d.apply(workflow("callee", w.step("g", "gate")))
        run = w.start({"id": "call", "workflow": "callee"}, step("b", "noop", "call"))

        def callees():
            return w.d.ok("GET", f"/api/runs?callerRunId={run}")["items"]

        w.see(callees()[0]["id"], "node.started", "g")
        w.restart()
        w.post(f"{run}/pause", {"by": "ann"})
        assert len(callees()) == 1 and callees()[0]["paused"]["with"] == "caller", callees()
        w.restart()
        held = w.waits(callees()[0]["id"], "g", "held")
        assert held["command"] == f"drover resume {run}", held
        w.post(f"{run}/resume")
        gate.open()
        w.ends(run)
        assert [c["status"] for c in callees()] == ["SUCCESS"], callees()


def pending_by_a_limit_of_runs():
    with World() as w:
        w.d.apply(workflow("one", {"id": "e", "wait": {"event": "go"}},
                           concurrency={"limit": 1, "onLimit": "queue"}))
        first, second = w.d.trigger("one", {}), w.d.trigger("one", {})
        w.waits(first, "e", "waiting_event")
        assert w.get(second)["status"] == "PENDING", w.get(second)
        w.restart()
        assert w.get(second)["status"] == "PENDING", w.get(second)
        w.post(f"{second}/pause")
        w.restart()
        w.post(f"{second}/resume")
        w.post(f"{first}/signal", {"name": "go"})
        w.ends(first)
        w.post(f"{second}/signal", {"name": "go"})
        got = w.ends(second)
        assert got["startedAt"] >= w.get(first)["finishedAt"], got


main([queued_for_a_slot, between_two_attempts, in_a_sleep_and_at_waits,
      asked_and_approved_but_not_started, held_by_a_pause, being_stopped,
      a_schedule_whose_fires_wait, items_that_wait, of_unknown_effect,
      at_an_open_breaker, waiting_for_a_run_that_it_called, pending_by_a_limit_of_runs])
