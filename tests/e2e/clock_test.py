#!/usr/bin/env python3
"""The wall clock of the real program jumps by an hour, either way, while things wait: nothing ends
early, twice or never, and schedules follow the clock without a fire that comes again."""
import mmap
import os
import struct
import time

from daemon import RELEASE, Daemon, Skip, main, node
from made import Agents

HOUR = 3600 * 1000
WAITS = {"name": "waits", "nodes": [
    {"id": "nap", "sleep": "2s"},
    {"id": "ask", "agent": "noop", "action": "run",
     "approval": {"timeout": "2s", "onTimeout": "approve"}},
    {"id": "never", "wait": {"event": "x", "timeout": "2s"}, "continueOnError": True},
    {"id": "again", "agent": "fails", "action": "run", "continueOnError": True,
     "retry": {"maxAttempts": 2, "initialInterval": "2s", "jitter": 0}},
    {"id": "end", "agent": "noop", "action": "run", "joinRule": "all_done",
     "dependsOn": ["nap", "ask", "never", "again"]}]}
LONG = {"name": "long", "timeout": "30s", "nodes": [{"id": "e", "wait": {"event": "go"}}]}
TICKS = {"name": "ticks", "trigger": {"schedule": "@every 1s", "overlap": "allow",
                                      "catchup": "10s"},
         "nodes": [{"id": "a", "agent": "noop", "action": "run"}]}


class Clock:
    """A service whose wall clock is off by as much as jump() says."""

    def __enter__(self):
        program = os.path.join(RELEASE, "drover")
        if not os.path.exists(program):
            raise Skip("needs the release build")
        self.agents = Agents().__enter__()
        self.agents.add("fails", "exit 1")
        self.agents.write("clock", "\0" * 8)
        with open(self.agents / "clock", "r+b") as f:
            self.shift = mmap.mmap(f.fileno(), 8)
        self.d = Daemon(agents=[self.agents.path], program=program,
                        env={"FAULT_CLOCK": self.agents / "clock"}).__enter__()
        return self

    def __exit__(self, *what):
        self.d.__exit__(*what)
        self.shift.close()
        self.agents.__exit__(*what)

    def jump(self, ms):
        self.shift[:] = struct.pack("q", ms)

    def restart(self):
        self.d.kill()
        assert self.d.start()


def begin(c):
    """A run in which all wait, the moment before it began, and one that waits with a time-out."""
    c.d.apply(WAITS)
    c.d.apply(LONG)
    other = c.d.trigger("long", {})
    before = time.monotonic()
    run = c.d.trigger("waits", {})
    for _, t, e in c.d.events(run):
        if t == "node.retrying":
            return run, other, before


def judge(c, run, other, before):
    """All of it ended, once, and no sooner than after two seconds."""
    got = c.d.wait(run)
    took = time.monotonic() - before
    assert got["status"] == "SUCCESS", got
    assert 2 <= took < 30, took
    assert node(got, "never")["error"]["code"] == "wait_timeout", got
    assert got["approvals"][0]["status"] == "APPROVED" and len(got["approvals"]) == 1, got
    tries = [a for a in got["agentRuns"] if a["nodeId"] == "again"]
    assert [a["error"]["code"] for a in tries] == ["exit_1", "exit_1"], tries
    ends = [e["data"]["nodeId"] for _, t, e in c.d.events(run) if t == "node.finished"]
    assert sorted(ends) == sorted(n["id"] for n in WAITS["nodes"]), ends
    for n in got["nodes"]:
        assert n["finishedAt"] >= (n["startedAt"] or ""), n
    assert c.d.ok("GET", f"/api/runs/{other}")["status"] == "RUNNING"
    c.d.ok("POST", f"/api/runs/{other}/signal", {"name": "go"})
    assert c.d.wait(other)["status"] == "SUCCESS"
    return got


def an_hour_forward_ends_nothing_early():
    with Clock() as c:
        started = begin(c)
        c.jump(HOUR)
        nap = node(judge(c, *started), "nap")
        assert nap["finishedAt"][11:13] != nap["startedAt"][11:13], "the fault does not reach it"


def an_hour_back_keeps_nothing_for_longer():
    with Clock() as c:
        started = begin(c)
        c.jump(-HOUR)
        judge(c, *started)


def a_jump_back_over_a_kill_waits_no_longer_than_the_whole():
    with Clock() as c:
        started = begin(c)
        c.jump(-HOUR)
        c.restart()
        judge(c, *started)


def a_clock_that_goes_to_and_fro_ends_each_once():
    with Clock() as c:
        started = begin(c)
        for ms in (HOUR, -HOUR, HOUR, 0):
            c.jump(ms)
            c.d.ok("GET", "/api/runs")
        judge(c, *started)


def fires(c):
    runs = c.d.ok("GET", "/api/workflows/ticks/runs?limit=500")["items"]
    at = sorted(r["trigger"]["scheduledAt"] for r in runs if r["trigger"]["type"] == "schedule")
    assert len(at) == len(set(at)), ("a fire came again", at)
    return at


def until_there_are(c, n):
    deadline = time.monotonic() + 60
    while len(fires(c)) < n:
        assert time.monotonic() < deadline, fires(c)
    return fires(c)


def a_schedule_follows_the_clock_and_no_fire_comes_again():
    """After a jump back nothing comes again, and it goes on once the clock is there; what a jump
    forward leaps over is made up within `catchup`."""
    with Clock() as c:
        c.d.apply(TICKS)
        until_there_are(c, 2)
        c.jump(-HOUR)
        c.restart()
        quiet = fires(c)
        c.d.run("ticks", {})  # by hand, while the schedule waits for its time to come
        assert fires(c) == quiet
        c.jump(0)
        until_there_are(c, len(quiet) + 3)
        c.jump(HOUR)
        before = len(fires(c))
        until_there_are(c, before + 12)  # ten that were missed, and it goes on
        s = c.d.ok("GET", "/api/schedules")["items"][0]
        assert 3500 < s["missed"] < 3600, s  # the rest of the hour is older than `catchup`


main([an_hour_forward_ends_nothing_early, an_hour_back_keeps_nothing_for_longer,
      a_jump_back_over_a_kill_waits_no_longer_than_the_whole,
      a_clock_that_goes_to_and_fro_ends_each_once,
      a_schedule_follows_the_clock_and_no_fire_comes_again])
