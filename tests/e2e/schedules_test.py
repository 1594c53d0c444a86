#!/usr/bin/env python3
"""Schedules on the real program: fires are counted by the events of their runs, and a kill between
makes none come twice."""
from daemon import Daemon, main

EVERY = {"name": "every", "trigger": {"schedule": "@every 1s", "overlap": "allow", "catchup": "1h"},
         "nodes": [{"id": "a", "agent": "noop", "action": "run"}]}


def fires(d):
    runs = d.ok("GET", "/api/workflows/every/runs?limit=500")["items"]
    return [(r["trigger"]["scheduledAt"], r["id"]) for r in runs]


def until(d, n):
    """Follows run after run: the newest one's end, then a look for the next."""
    while len(fires(d)) < n:
        for _, run in fires(d)[:1]:
            d.wait(run)
    return fires(d)


def no_fire_comes_twice_over_kills():
    with Daemon() as d:
        d.apply(EVERY)
        for n in (2, 4, 6):
            before = until(d, n)
            d.kill()
            assert d.start()
            assert set(before) <= set(fires(d))
        at = sorted(t for t, _ in until(d, 8))
        assert len(at) == len(set(at)), at
        seconds = [int(t[17:19]) for t in at]
        assert all((b - a) % 60 == 1 for a, b in zip(seconds, seconds[1:])), at  # none is left out
        s = d.ok("GET", "/api/schedules")["items"][0]
        assert s["started"] >= 8 and s["missed"] == 0, s
        d.ok("POST", f"/api/schedules/{s['id']}/pause", {})
        for _, run in fires(d):
            assert d.wait(run)["status"] == "SUCCESS"


main([no_fire_comes_twice_over_kills])
