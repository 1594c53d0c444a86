#!/usr/bin/env python3
"""Nodes that wait, on the real program: over a restart, and cancelled while they do."""
from daemon import Daemon, main, node

NAP = {"name": "nap", "nodes": [
    {"id": "s", "sleep": "400ms"},
    {"id": "after", "agent": "noop", "action": "run", "dependsOn": ["s"]}]}
LONG = {"name": "long", "nodes": [{"id": "s", "sleep": "24h"}]}


def types(d, run):
    return [(t, event["data"].get("nodeId")) for _, t, event in d.events(run)]


def a_sleep_is_shown_and_ends():
    with Daemon() as d:
        d.apply(NAP)
        run = d.trigger("nap", {})
        got = d.ok("GET", f"/api/runs/{run}")
        s = node(got, "s")
        assert s["sleep"] == "400ms" and s["agent"] is None, s
        if s["status"] == "RUNNING":
            assert s["wakeAt"] > s["startedAt"], s
        end = d.wait(run)
        assert end["status"] == "SUCCESS", end
        assert "wakeAt" not in node(end, "s") and node(end, "s")["output"] == {}, end


def a_sleep_goes_on_over_a_restart():
    with Daemon() as d:
        d.apply(NAP)
        run = d.trigger("nap", {})
        d.kill()
        assert d.start()
        assert d.wait(run)["status"] == "SUCCESS"
        assert types(d, run).count(("node.finished", "s")) == 1


def a_sleep_that_has_long_to_go_sleeps_on_and_is_cancelled():
    with Daemon() as d:
        d.apply(LONG)
        run = d.trigger("long", {})
        wake = node(d.ok("GET", f"/api/runs/{run}"), "s")["wakeAt"]
        d.kill()
        assert d.start()
        s = node(d.ok("GET", f"/api/runs/{run}"), "s")
        assert s["status"] == "RUNNING" and s["wakeAt"] == wake, s
        d.ok("POST", f"/api/runs/{run}/cancel", {})
        got = d.wait(run)
        assert got["status"] == "CANCELLED" and node(got, "s")["status"] == "CANCELLED", got


GATE = {"name": "gate", "nodes": [
    {"id": "w", "wait": {"event": "order.*", "filter": "{{ event.data.id == context.id }}"}},
    {"id": "again", "wait": {"event": "order.>"}, "dependsOn": ["w"]}]}


def event(key, data, kind="order.paid", source="/shop"):
    return {"specversion": "1.0", "id": key, "source": source, "type": kind, "data": data}


def send(d, body, status=202, kind="application/cloudevents+json", **headers):
    got, _, answer = d.request("POST", "/api/events", body,
                               dict({"Content-Type": kind},
                                    **{k.replace("_", "-"): v for k, v in headers.items()}))
    assert got == status, (got, answer)
    return answer


def restart(d):
    d.kill()
    assert d.start()


def a_signal_is_kept_and_given_once_over_restarts():
    with Daemon() as d:
        d.apply(GATE)
        run = d.trigger("gate", {"id": 7})
        path = f"/api/runs/{run}/signal"
        restart(d)
        a = d.ok("POST", path, {"name": "order.paid", "data": {"id": 7, "n": 1}})
        assert a == {"workflowRunId": run, "nodeId": "w", "kept": False}, a
        restart(d)
        got = d.ok("GET", f"/api/runs/{run}")
        assert node(got, "w")["output"] == {"id": 7, "n": 1}, got
        assert node(got, "again")["status"] == "RUNNING", got
        assert node(got, "again")["wait"] == {"event": "order.>"}, got
        assert d.ok("POST", path, {"name": "other"})["kept"]
        restart(d)
        assert d.ok("POST", path, {"name": "order.a.b"})["nodeId"] == "again"
        assert d.wait(run)["status"] == "SUCCESS"
        assert d.request("POST", path, {"name": "x"})[0] == 409
        assert d.request("POST", "/api/runs/none/signal", {"name": "x"})[0] == 404
        for bad in ({}, {"name": 1}, {"name": "a b"}, {"name": "a.*"}, {"name": "x", "more": 1}):
            assert d.request("POST", path, bad)[0] in (409, 422), bad
        assert d.request("POST", path, {"name": 1})[0] == 422


def a_signal_that_comes_first_waits_for_its_node_over_a_restart():
    with Daemon() as d:
        d.apply(GATE)
        run = d.trigger("gate", {"id": 7})
        path = f"/api/runs/{run}/signal"
        assert d.ok("POST", path, {"name": "order.early.one", "data": 5})["kept"]
        restart(d)
        d.ok("POST", path, {"name": "order.paid", "data": {"id": 7}})
        got = d.wait(run)
        assert got["status"] == "SUCCESS" and node(got, "again")["output"] == 5, got


def an_event_reaches_all_that_wait_and_is_taken_once():
    with Daemon() as d:
        d.apply(GATE)
        runs = [d.trigger("gate", {"id": i}) for i in (1, 1, 2)]
        assert send(d, event("a", {"id": 1})) == {"delivered": 2, "duplicate": False}
        restart(d)
        assert send(d, event("a", {"id": 1})) == {"delivered": 0, "duplicate": True}
        assert send(d, event("a", {}, source="/other"))["delivered"] == 2  # of another source
        for run in runs[:2]:
            assert d.wait(run)["status"] == "SUCCESS"
        binary = {"ce_specversion": "1.0", "ce_id": "b%2Fc", "ce_source": "/shop",
                  "ce_type": "order.paid"}
        assert send(d, {"id": 2}, kind="application/json", **binary)["delivered"] == 1
        assert send(d, event("b/c", {}))["duplicate"]
        got = d.ok("GET", f"/api/runs/{runs[2]}")
        assert node(got, "w")["output"] == {"id": 2}, got


def bad_events_are_refused_with_their_places():
    with Daemon() as d:
        for change, place in (({"specversion": "0.3"}, "specversion"), ({"id": ""}, "id"),
                              ({"source": 1}, "source"), ({"type": None}, "type")):
            answer = send(d, dict(event("x", {}), **change), 422)
            assert [e["path"] for e in answer["errors"]] == [place], answer
        assert len(send(d, {}, 422)["errors"]) == 4
        send(d, "[]", 422)
        send(d, "{", 400)
        send(d, "[]", 415, kind="application/cloudevents-batch+json")
        send(d, "x", 415, kind="text/plain")
        send(d, "{", 400, kind="application/json", ce_specversion="1.0", ce_id="1", ce_source="x",
             ce_type="y")
        send(d, "{}", 422, kind="application/json", ce_specversion="1.0")


def a_wait_times_out_over_a_restart():
    with Daemon() as d:
        d.apply({"name": "late", "nodes": [{"id": "w", "wait": {"event": "x", "timeout": "300ms"}}]})
        run = d.trigger("late", {})
        restart(d)
        got = d.wait(run)
        assert got["status"] == "FAILED" and node(got, "w")["error"]["code"] == "wait_timeout", got


main([a_sleep_is_shown_and_ends, a_sleep_goes_on_over_a_restart,
      a_sleep_that_has_long_to_go_sleeps_on_and_is_cancelled,
      a_signal_is_kept_and_given_once_over_restarts,
      a_signal_that_comes_first_waits_for_its_node_over_a_restart,
      an_event_reaches_all_that_wait_and_is_taken_once,
      bad_events_are_refused_with_their_places, a_wait_times_out_over_a_restart])
