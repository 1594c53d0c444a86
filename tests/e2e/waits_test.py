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


main([a_sleep_is_shown_and_ends, a_sleep_goes_on_over_a_restart,
      a_sleep_that_has_long_to_go_sleeps_on_and_is_cancelled])
