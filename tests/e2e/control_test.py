#!/usr/bin/env python3
"""Pause, resume, skip and cancel on the real program: over kills, and in races."""
import threading

from daemon import Daemon, main, node

CHAIN = {"name": "chain", "nodes": [
    {"id": "w", "wait": {"event": "go"}},
    {"id": "a", "agent": "noop", "action": "run", "dependsOn": ["w"]},
    {"id": "b", "agent": "noop", "action": "run", "dependsOn": ["a"]}]}
FAN = {"name": "fan", "nodes": [
    *({"id": f"n{i}", "agent": "noop", "action": "run"} for i in range(5)),
    {"id": "end", "agent": "noop", "action": "run", "dependsOn": [f"n{i}" for i in range(5)]}]}
ENDS = ("SUCCESS", "FAILED", "CANCELLED", "TIMED_OUT")


def restart(d):
    d.kill()
    assert d.start()


def get(d, run):
    return d.ok("GET", f"/api/runs/{run}")


def types(d, run):
    return [t for _, t, _ in d.events(run)]


def signal(d, run, name="go"):
    d.ok("POST", f"/api/runs/{run}/signal", {"name": name})


def a_pause_holds_over_kills_and_a_resume_lets_it_go_on():
    with Daemon() as d:
        d.apply(CHAIN)
        run = d.trigger("chain", {})
        a = d.ok("POST", f"/api/runs/{run}/pause", {"by": "ann", "reason": "look first"})
        assert a["paused"]["by"] == "ann" and a["status"] == "RUNNING", a
        restart(d)
        signal(d, run)
        restart(d)
        got = get(d, run)
        assert got["paused"]["reason"] == "look first" and got["paused"]["at"], got["paused"]
        assert [n["status"] for n in got["nodes"]] == ["SUCCESS", "PENDING", "PENDING"], got
        assert d.ok("GET", "/api/runs")["items"][0]["paused"]["by"] == "ann"
        why = d.ok("GET", f"/api/runs/{run}/why")
        held = next(n for n in why["nodes"] if n["nodeId"] == "a")
        assert held["reason"] == "held" and held["command"] == f"drover resume {run}", held
        assert "by ann (look first)" in why["summary"], why
        d.ok("POST", f"/api/runs/{run}/resume", {"by": "bob"})
        assert d.wait(run)["paused"] is None
        assert types(d, run) == [
            "run.started", "node.waiting", "run.paused", "run.signal", "node.finished",
            "run.resumed", "node.started", "node.finished", "node.started", "node.finished",
            "run.finished"], types(d, run)
        assert d.request("POST", f"/api/runs/{run}/pause", {})[0] == 409
        assert d.request("POST", "/api/runs/none/pause", {})[0] == 404
        for bad in ({"by": 1}, {"by": "x" * 129}, {"reason": ["x"]}, {"why": "x"}, [1]):
            assert d.request("POST", f"/api/runs/{run}/pause", bad)[0] == 422, bad


def a_paused_workflow_starts_no_run_over_a_kill():
    with Daemon() as d:
        d.apply(CHAIN)
        open_run = d.trigger("chain", {})
        a = d.ok("POST", "/api/workflows/chain/pause", {"by": "ann", "runs": True})
        assert a["paused"]["by"] == "ann" and a["runs"] == 1, a
        restart(d)
        status, _, problem = d.request("POST", "/api/workflows/chain/trigger", {})
        assert status == 409 and "drover resume --workflow chain" in str(problem), problem
        assert d.ok("GET", "/api/workflows")["items"][0]["paused"]["by"] == "ann"
        assert get(d, open_run)["paused"]["with"] == "workflow"
        a = d.ok("POST", "/api/workflows/chain/resume", {})
        assert a["paused"] is None and a["runs"] == 1, a
        signal(d, open_run)
        assert d.wait(open_run)["status"] == "SUCCESS"
        second = d.trigger("chain", {})
        d.ok("POST", f"/api/runs/{second}/cancel", {"by": "ann", "reason": "enough"})
        stop = next(e["data"] for _, t, e in d.events(second) if t == "run.stopping")
        assert stop == {"why": "cancel", "by": "ann", "reason": "enough"}, stop
        assert d.request("POST", "/api/workflows/none/pause", {})[0] == 404


def a_node_is_given_its_result_over_a_kill():
    with Daemon() as d:
        d.apply(CHAIN)
        run = d.trigger("chain", {})
        path = f"/api/runs/{run}/nodes"
        a = d.ok("POST", f"{path}/a/skip", {"output": {"n": 1}, "by": "ann", "reason": "known"})
        assert a == {"workflowRunId": run, "nodeId": "a", "status": "SUCCESS"}, a
        restart(d)
        given = node(get(d, run), "a")
        assert given["output"] == {"n": 1} and given["given"]["by"] == "ann", given
        assert d.request("POST", f"{path}/a/skip", {})[0] == 409
        assert d.request("POST", f"{path}/nope/skip", {})[0] == 404
        assert d.ok("POST", f"{path}/w/skip", {})["status"] == "SKIPPED"
        got = d.wait(run)
        assert got["status"] == "SUCCESS" and node(got, "w")["status"] == "SKIPPED", got
        again = d.ok("POST", f"/api/runs/{run}/retry",
                     {"from": "start", "by": "bob", "reason": "once more"})["workflowRunId"]
        trigger = get(d, again)["trigger"]
        assert (trigger["by"], trigger["reason"], trigger["from"]) == (
            "bob", "once more", "start"), trigger


def many_are_steered_by_one_request_and_that_is_previewed():
    with Daemon() as d:
        d.apply(CHAIN)
        d.apply(dict(CHAIN, name="other"))
        runs = [d.trigger("chain", {}) for _ in range(3)]
        other = d.trigger("other", {})

        def bulk(**body):
            a = d.ok("POST", "/api/runs/bulk", body)
            assert a["found"] == len(a["items"]) and a["more"] is False, a
            return {i["workflowRunId"]: i for i in a["items"]}, a["done"]

        items, done = bulk(action="pause", workflow="chain", plan=True)
        assert set(items) == set(runs) and done == 0, items
        assert {i["outcome"] for i in items.values()} == {"planned"}
        assert all(get(d, run)["paused"] is None for run in runs)
        items, done = bulk(action="pause", workflow="chain", by="ann", reason="look")
        assert set(items) == set(runs) and done == 3, items
        assert all(get(d, run)["paused"]["by"] == "ann" for run in runs)
        assert bulk(action="pause", workflow="chain") == ({}, 0)
        assert bulk(action="resume", status="RUNNING")[1] == 3  # the other one is not paused
        items, done = bulk(action="cancel", status="RUNNING", workflow="chain", reason="enough")
        assert done == 3 and {i["outcome"] for i in items.values()} == {"done"}, items
        assert all(d.wait(run)["status"] == "CANCELLED" for run in runs)
        assert get(d, other)["status"] == "RUNNING"
        items, done = bulk(action="retry", status="CANCELLED", workflow="chain", plan=True)
        assert done == 0 and items[runs[0]]["plan"]["runsAgain"] == ["w", "a", "b"], items
        items, done = bulk(action="retry", status="CANCELLED", workflow="chain", by="bob")
        assert done == 3, items
        for old, item in items.items():
            new = get(d, item["newRunId"])
            assert new["parentRunId"] == old and new["trigger"]["by"] == "bob", new
        for bad in ({}, {"action": "stop"}, {"action": "cancel"}, {"action": "cancel", "by": "x"},
                    {"action": "cancel", "status": "FAILED"}, {"action": "cancel", "since": "x"},
                    {"action": "retry", "status": "RUNNING"}, {"action": "pause", "workflow": 1},
                    {"action": "pause", "workflow": "chain", "from": "start"},
                    {"action": "pause", "workflow": "chain", "plan": 1}):
            assert d.request("POST", "/api/runs/bulk", bad)[0] == 422, bad
        assert d.request("POST", "/api/runs/bulk", {"action": "pause", "workflow": "no"})[0] == 404


def eight_that_pause_and_resume_at_once_leave_a_sound_run():
    with Daemon() as d:
        d.apply(CHAIN)
        run = d.trigger("chain", {})
        wrong = []

        def race(i):
            for k in range(25):
                verb = "pause" if (i + k) % 2 else "resume"
                status, _, a = d.request("POST", f"/api/runs/{run}/{verb}", {"by": f"p{i}"})
                if status != 202 or (a["paused"] is None) != (verb == "resume"):
                    wrong.append((status, a))

        threads = [threading.Thread(target=race, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not wrong, wrong[:3]
        signal(d, run)
        d.ok("POST", f"/api/runs/{run}/resume", {})
        assert d.wait(run)["status"] == "SUCCESS"
        marks = [t for t in types(d, run) if t in ("run.paused", "run.resumed")]
        assert marks == ["run.paused", "run.resumed"] * (len(marks) // 2), marks


def each_of_1000_cancels_that_race_with_the_end_gives_one_end():
    n_clients, n_each = 8, 125
    with Daemon() as d:
        d.apply(FAN)
        answers, lock = {}, threading.Lock()

        def race(i):
            for k in range(n_each):
                run = d.trigger("fan", {})
                status, _, _ = d.request("POST", f"/api/runs/{run}/cancel", {"by": f"c{i}"})
                with lock:
                    answers[run] = status

        threads = [threading.Thread(target=race, args=(i,)) for i in range(n_clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(answers) == n_clients * n_each
        ends = {}
        for run, answer in answers.items():
            got = d.wait(run)
            ends[got["status"]] = ends.get(got["status"], 0) + 1
            told = types(d, run)
            assert told.count("run.finished") == 1 and told[-1] == "run.finished", told
            assert (answer == 202) == ("run.stopping" in told), (answer, told)
            assert (got["status"] == "CANCELLED") == (answer == 202), (answer, got["status"])
            assert answer in (202, 409), answer
            assert all(n["status"] in ENDS + ("SKIPPED",) for n in got["nodes"]), got
        print(f"# ends: {ends}", flush=True)
        before = {run: get(d, run) for run in list(answers)[::10]}
        restart(d)
        assert all(get(d, run) == was for run, was in before.items())


main([a_pause_holds_over_kills_and_a_resume_lets_it_go_on,
      a_paused_workflow_starts_no_run_over_a_kill, a_node_is_given_its_result_over_a_kill,
      many_are_steered_by_one_request_and_that_is_previewed,
      eight_that_pause_and_resume_at_once_leave_a_sound_run,
      each_of_1000_cancels_that_race_with_the_end_gives_one_end])
