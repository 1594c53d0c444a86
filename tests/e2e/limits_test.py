#!/usr/bin/env python3
"""P11: what drover takes when nothing happens, with a thousand listeners, with thousands of queued
runs, and how it stops while agents run. Memory is judged on the program without sanitizers."""
import os
import select
import socket

from daemon import RELEASE, STALL_SECONDS, Daemon, Skip, main, no_orphans, node
from made import Agents, Folder, Gate, agent_processes, step, workflow

MIB = 1 << 20
LISTENERS = 1000
IDLE_SECONDS = 3


def release():
    program = os.path.join(RELEASE, "drover")
    if not os.access(program, os.X_OK):
        raise Skip(f"no release build at {program}")
    return program


def memory(d, field="VmRSS"):
    """Bytes."""
    with open(f"/proc/{d.process.pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(field))


def spent(d):
    """Clock ticks of all threads, written bytes, wake-ups of the threads."""
    pid = d.process.pid
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    with open(f"/proc/{pid}/io", encoding="utf-8") as f:
        io = dict(line.split(": ") for line in f.read().splitlines())
    switches = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as f:
            switches += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
    return int(fields[11]) + int(fields[12]), int(io["write_bytes"]), switches


def idle_costs_nothing():
    """The wait is the measurement: the service must not do anything while it lasts, not even with
    an open run and a listener. select() ends it early when the listener is told something."""
    with Folder() as ws, Agents() as agents:
        Gate(ws, "gate")
        agents.add("waiter", "read x < /workspace/gate; echo {}")
        with Daemon(program=release(), agents=[agents.path], workspaces=[ws.path]) as d:
            d.apply(workflow("w", step("a", "waiter", workspace=ws.path)))
            run = d.trigger("w", {})
            listener = listen(d, run)
            read_until(listener, b"node.started")
            d.request("GET", "/livez")
            # While attempts run, version 1 control groups are looked at every 250 ms.
            quiet(d, listener, switches=20 * IDLE_SECONDS)
            assert memory(d) <= 64 * MIB, memory(d)
            d.ok("POST", f"/api/runs/{run}/cancel")
            assert d.wait(run)["status"] == "CANCELLED"
            listener.close()
            quiet(d, None, switches=5 * IDLE_SECONDS)


def quiet(d, listener, switches):
    """The first looks may still see the database tidy up after the last commit, and the search for
    what is old that follows a start by 5 s and then comes once an hour."""
    for last in (False, False, True):
        before = spent(d)
        told = select.select([listener] if listener else [], [], [], IDLE_SECONDS)[0]
        assert not told, listener.recv(4096)
        got = [after - b for b, after in zip(before, spent(d))]
        print(f"# idle {IDLE_SECONDS} s: {got[0]} ticks, {got[1]} bytes written, {got[2]} "
              f"switches, {memory(d) >> 20} MiB resident", flush=True)
        if got[0] <= 1 and got[1] == 0 and got[2] <= switches:
            return
        assert not last, got


def listen(d, run, buffer=None):
    host, port = d.address.rsplit(":", 1)
    s = socket.socket()
    if buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    s.settimeout(STALL_SECONDS)
    s.connect((host, int(port)))
    s.sendall(f"GET /api/runs/{run}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return s


def read_until(s, mark):
    data = b""
    while mark not in data:
        more = s.recv(1 << 16)
        assert more, "the stream ended early: " + data[-200:].decode()
        data += more
    return data


def a_thousand_listeners_with_slow_ones_are_all_told_the_end_in_bounded_memory():
    with Folder() as ws, Agents() as agents:
        gate = Gate(ws, "gate")
        agents.add("waiter", "read x < /workspace/gate; echo {}")
        with Daemon(program=release(), agents=[agents.path], workspaces=[ws.path]) as d:
            # After the gate: 300 nodes, some 600 events of 200 bytes for each listener.
            d.apply(workflow("w", step("a", "waiter", workspace=ws.path),
                             *[step(f"n{i:03}", "noop", "a") for i in range(300)]))
            run = d.trigger("w", {})
            before = memory(d)
            slow = [listen(d, run, buffer=4096) for _ in range(20)]
            quick = [listen(d, run) for _ in range(LISTENERS - len(slow))]
            for s in slow + quick:
                read_until(s, b"node.started")
            gate.open()
            ends = [read_until(s, b"event: run.finished") for s in quick]
            assert all(e.count(b"\nevent: ") == ends[0].count(b"\nevent: ") for e in ends)
            peak = memory(d, "VmHWM")
            print(f"# {before >> 20} MiB before, {peak >> 20} MiB at most with {LISTENERS} "
                  "listeners", flush=True)
            assert peak <= 256 * MIB, peak
            for s in slow:  # read nothing until now
                read_until(s, b"event: run.finished")
            for s in slow + quick:
                s.close()
            assert d.wait(run)["status"] == "SUCCESS"
            assert d.stop() == 0


def thousands_of_queued_runs_drain_in_order_through_one_slot():
    count = 3000
    with Folder() as ws, Agents() as agents:
        gate = Gate(ws, "gate")
        agents.add("first", "read x < /workspace/gate; echo {}")
        agents.add("quick", "echo {}")
        with Daemon("--max-scripts", "1", program=release(), agents=[agents.path],
                    workspaces=[ws.path]) as d:
            d.apply(workflow("first", step("a", "first", workspace=ws.path)))
            d.apply(workflow("w", step("a", "quick")))
            first = d.trigger("first", {})
            runs = trigger_many(d, "w", count)
            page = d.ok("GET", "/api/runs?status=RUNNING&limit=500")
            assert len(page["items"]) == 500 and page["nextCursor"]
            queued = d.ok("GET", f"/api/runs/{runs[-1]}")
            assert node(queued, "a")["status"] == "QUEUED", queued
            print(f"# {memory(d) >> 20} MiB with {count} queued runs", flush=True)
            gate.open()
            assert d.wait(runs[-1])["status"] == "SUCCESS"
            assert d.wait(first)["status"] == "SUCCESS"
            assert d.ok("GET", "/api/runs?status=RUNNING")["items"] == []
            started = [d.ok("GET", f"/api/runs/{r}")["agentRuns"][0]["startedAt"]
                       for r in runs[::100]]
            assert started == sorted(started), "first come, first served"
            peak = memory(d, "VmHWM")
            print(f"# {peak >> 20} MiB at most", flush=True)
            assert peak <= 256 * MIB
            assert d.stop() == 0


def trigger_many(d, name, count):
    """One connection, requests sent ahead, answers in order."""
    host, port = d.address.rsplit(":", 1)
    body = b'{"context":{}}'
    request = (f"POST /api/workflows/{name}/trigger HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               f"application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
    runs = []
    with socket.create_connection((host, int(port)), timeout=STALL_SECONDS) as s, \
            s.makefile("rb") as answers:
        for _ in range(count):
            s.sendall(request)
            status, length = answers.readline(), 0
            assert b" 202 " in status, status
            for line in iter(answers.readline, b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            runs.append(answers.read(length).split(b'"')[3].decode())
    return runs


def a_stop_while_agents_run_is_quick_and_the_runs_go_on_after_it():
    with Folder() as ws, Agents() as agents, Folder() as home:
        agents.add("stubborn", "trap '' TERM\necho up >&2\n"
                   'if [ "$DROVER_ATTEMPT" = 1 ]; then read x < /workspace/gate; fi\necho {}')
        gate = Gate(ws, "gate")
        d = Daemon("--max-scripts", "4", folder=home.path, agents=[agents.path],
                   workspaces=[ws.path])
        try:
            assert d.start(), d.log_text()
            d.apply(workflow("w", step("a", "stubborn", workspace=ws.path), step("b", "noop", "a")))
            runs = [d.trigger("w", {}) for _ in range(8)]
            for run in runs[:4]:
                read_until(logs(d, run, "a"), b"up")
            listener = listen(d, runs[7])
            read_until(listener, b"run.started")
            assert d.stop() == 0
            assert b"run.finished" not in read_all(listener)
            assert not agent_processes(ws)
            no_orphans()
            os.unlink(gate.path)  # nobody waits any more
            ws.write("gate", "go")
            assert d.start(), d.log_text()
            for run in runs:
                got = d.wait(run)
                assert got["status"] == "SUCCESS", got
                codes = [a["error"]["code"] for a in got["agentRuns"] if a["error"]]
                assert codes in ([], ["lost"]), codes
            assert d.stop() == 0
            assert "Sanitizer" not in d.log_text(), d.log_text()
            no_orphans()
        finally:
            d.kill()


def logs(d, run, node_id):
    host, port = d.address.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), timeout=STALL_SECONDS)
    s.sendall(f"GET /api/runs/{run}/nodes/{node_id}/logs?follow=1 HTTP/1.1\r\nHost: localhost\r\n"
              "Connection: close\r\n\r\n".encode())
    return s


def read_all(s):
    data = b""
    while True:
        more = s.recv(1 << 16)
        if not more:
            return data
        data += more


main([idle_costs_nothing,
      a_thousand_listeners_with_slow_ones_are_all_told_the_end_in_bounded_memory,
      thousands_of_queued_runs_drain_in_order_through_one_slot,
      a_stop_while_agents_run_is_quick_and_the_runs_go_on_after_it])
