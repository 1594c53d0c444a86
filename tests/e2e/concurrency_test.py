#!/usr/bin/env python3
"""Runs that wait for their turn, on the real program: keys, rates, priorities, full queues."""
import urllib.request

from daemon import Daemon, main

HOLD = {"id": "w", "wait": {"event": "go"}}


def workflow(name="w", **fields):
    return dict({"name": name, "nodes": [HOLD]}, **fields)


def status(d, run):
    return d.ok("GET", f"/api/runs/{run}")["status"]


def let_go(d, run):
    d.ok("POST", f"/api/runs/{run}/signal", {"name": "go"})
    assert d.wait(run)["status"] == "SUCCESS"


def one_run_of_a_key_at_a_time_over_kills():
    with Daemon() as d:
        d.apply(workflow(concurrency={"limit": 1, "key": "{{ context.k }}"}))
        runs = [d.trigger("w", {"k": "x"}) for _ in range(4)]
        other = d.trigger("w", {"k": "y"})
        assert [status(d, r) for r in runs] == ["RUNNING"] + ["PENDING"] * 3
        assert status(d, other) == "RUNNING"
        for i, run in enumerate(runs):
            d.kill()
            assert d.start()
            got = d.ok("GET", f"/api/runs/{run}")
            assert got["status"] == "RUNNING" and got["concurrencyKey"] == "x", got
            assert [status(d, r) for r in runs[i + 1:]] == ["PENDING"] * (3 - i)
            let_go(d, run)


def what_is_one_too_many_waits_is_skipped_or_replaces():
    with Daemon() as d:
        d.apply(workflow("skip", concurrency={"onLimit": "skip"}))
        first = d.trigger("skip", {})
        code, _, answer = d.request("POST", "/api/workflows/skip/trigger", {})
        assert (code, answer["status"]) == (202, "CANCELLED"), answer
        got = d.ok("GET", f"/api/runs/{answer['workflowRunId']}")
        assert got["error"]["code"] == "concurrency_skipped", got
        assert status(d, first) == "RUNNING"
        d.apply(workflow("cancel", concurrency={"onLimit": "cancel"}))
        old = d.trigger("cancel", {})
        new = d.trigger("cancel", {})
        assert d.wait(old)["status"] == "CANCELLED"
        assert status(d, new) == "RUNNING"


def a_key_that_can_not_be_resolved_is_a_422_that_names_it():
    with Daemon() as d:
        d.apply(workflow(concurrency={"key": "{{ context.k }}"}))
        code, _, answer = d.request("POST", "/api/workflows/w/trigger", {"context": {}})
        assert code == 422 and answer["errors"][0]["path"] == "concurrency.key", answer
        code, _, answer = d.request("POST", "/api/workflows/w/trigger",
                                    {"context": {"k": 1}, "priority": 10})
        assert code == 422 and answer["errors"][0]["path"] == "priority", answer


def the_higher_priority_starts_first():
    with Daemon() as d:
        d.apply(workflow(concurrency={"limit": 1}))
        first, low = d.trigger("w", {}), d.trigger("w", {})
        _, _, answer = d.request("POST", "/api/workflows/w/trigger", {"priority": 8})
        assert answer["status"] == "PENDING", answer
        high = answer["workflowRunId"]
        let_go(d, first)
        assert (status(d, high), status(d, low)) == ("RUNNING", "PENDING")
        assert d.ok("GET", f"/api/runs/{high}")["priority"] == 8


def a_full_queue_answers_429_and_takes_the_same_key_later():
    with Daemon("--max-project-open-runs", "2") as d:
        d.apply(workflow(concurrency={"limit": 1}))
        first, second = d.trigger("w", {}), d.trigger("w", {})
        key = {"Idempotency-Key": "once"}
        code, headers, answer = d.request("POST", "/api/workflows/w/trigger", {}, key)
        assert code == 429 and int(headers["Retry-After"]) >= 1, (code, headers)
        assert "--max-project-open-runs" in answer["detail"], answer
        let_go(d, first)
        code, _, answer = d.request("POST", "/api/workflows/w/trigger", {}, key)
        assert code == 202, answer
        let_go(d, second)


def what_waits_is_counted_and_explained():
    with Daemon("--max-running-runs", "1") as d:
        d.apply(workflow())
        first, second = d.trigger("w", {}), d.trigger("w", {})
        why = d.ok("GET", f"/api/runs/{second}/why")
        assert why["reason"] == "pending_all" and why["nodes"] == [], why
        with urllib.request.urlopen(f"http://{d.metrics}/metrics") as answer:
            text = answer.read().decode()
        assert 'drover_workflows_active{status="PENDING"} 1' in text, text
        assert 'drover_workflows_active{status="RUNNING"} 1' in text, text
        assert 'drover_queued_runs{project="default"} 1' in text, text
        assert 'drover_queued_agent_runs{project="default"} 0' in text, text
        d.ok("POST", f"/api/runs/{second}/cancel", {})
        assert d.wait(second)["status"] == "CANCELLED"
        let_go(d, first)


main([one_run_of_a_key_at_a_time_over_kills,
      what_is_one_too_many_waits_is_skipped_or_replaces,
      a_key_that_can_not_be_resolved_is_a_422_that_names_it,
      the_higher_priority_starts_first,
      a_full_queue_answers_429_and_takes_the_same_key_later,
      what_waits_is_counted_and_explained])
