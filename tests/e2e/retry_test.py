#!/usr/bin/env python3
"""Time-outs, heartbeats, progress, retries by code and circuit breakers, with real agents."""
import json
import os
import signal
import urllib.request

from daemon import Daemon, main, node
from made import Agents, Folder, Gate, step, workflow

SHORT = {"initialInterval": "1ms", "jitter": 0}


def metrics(d):
    with urllib.request.urlopen(f"http://{d.metrics}/metrics") as answer:
        return answer.read().decode()


def value(d, line):
    """The value of the sample that begins so, or None."""
    found = [m for m in metrics(d).splitlines() if m.startswith(line + " ")]
    return float(found[0].rsplit(" ", 1)[1]) if found else None


def attempts(run, node_id="a"):
    return [(a["status"], a["error"] and a["error"]["code"])
            for a in run["agentRuns"] if a["nodeId"] == node_id]


def told(d, run, kind):
    return [e["data"] for _, t, e in d.events(run) if t == kind]


def ask(agents, name, **members):
    """Adds members to an agent's manifest."""
    path = agents / f"{name}/agent.yaml"
    with open(path, encoding="utf-8") as f:
        manifest = json.load(f)
    agents.write(f"{name}/agent.yaml", json.dumps({**manifest, **members}))


TALKING = """
import json, sys, time
end = time.monotonic() + 1.5
while time.monotonic() < end:
    print("." if time.monotonic() < end - 1 else "word", file=sys.stderr, flush=True)
    time.sleep(0.05)
print("{}")
"""


def a_silent_agent_is_ended_and_a_talking_one_is_not():
    with Agents() as agents:
        agents.add("silent", "sleep 1000")
        agents.add("talking", TALKING, language="py")
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow("w", step("a", "silent", heartbeat="500ms",
                                       retry={"maxAttempts": 2, **SHORT}),
                             step("b", "talking", heartbeat="1s")))
            got = d.run("w", {})
            assert attempts(got) == [("TIMED_OUT", "heartbeat_timeout")] * 2, got["agentRuns"]
            assert node(got, "b")["status"] == "SUCCESS", got
            assert [r["reason"] for r in told(d, got["id"], "node.retrying")] == ["retry"]
            assert value(d, 'drover_agent_retries_total{agent="silent",'
                            'reason="heartbeat_timeout"}') == 1
            assert value(d, "drover_scheduler_delay_seconds_count") == 3


STEPS = """
import json, sys
context = json.load(sys.stdin)["context"]
last = context.get("lastProgress")
if last is None:
    print("an ordinary line", file=sys.stderr)
    for i in range(1, 43):
        print(json.dumps({"progress": i / 100, "message": f"file {i}", "details": {"file": i}}),
              file=sys.stderr)
    sys.stderr.flush()
    open("/workspace/gate").readline()
    sys.exit(1)
json.dump({"from": last}, sys.stdout)
"""


def progress_is_seen_while_it_runs_and_given_to_the_next_attempt():
    with Agents() as agents, Folder() as ws:
        agents.add("steps", STEPS, language="py")
        gate = Gate(ws, "gate")
        with Daemon(agents=[agents.path], workspaces=[ws.path]) as d:
            d.apply(workflow("w", step("a", "steps", workspace=ws.path,
                                       retry={"maxAttempts": 2, **SHORT})))
            run = d.trigger("w", {})
            for _, kind, event in d.events(run):
                if kind == "node.progress" and event["data"]["progress"]["progress"] == 0.42:
                    break
            full = {"progress": 0.42, "message": "file 42", "details": {"file": 42}}
            attempt = d.ok("GET", f"/api/runs/{run}")["agentRuns"][0]
            assert attempt["status"] == "RUNNING" and attempt["progress"] == full, attempt
            gate.open()
            got = d.wait(run)
            assert node(got, "a")["output"] == {"from": full}, got
            assert got["agentRuns"][0]["progress"] == full and "progress" not in got["agentRuns"][1]
            status, _, log = d.request("GET", f"/api/runs/{run}/nodes/a/logs", raw=True)
            assert status == 200 and b"an ordinary line" in log and b"progress" not in log, log


def exit_codes_choose_what_is_tried_again():
    with Agents() as agents:
        agents.add("counts", "exit $DROVER_ATTEMPT")
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow(
                "w",
                step("a", "counts", retry={"maxAttempts": 9, "retryOn": ["exit_1", "exit_2"], **SHORT}),
                step("b", "counts", retry={"maxAttempts": 9, "nonRetryable": ["exit_2"], **SHORT}),
                step("c", "counts", retry={"maxAttempts": 4, "retryOn": ["crash"], **SHORT})))
            got = d.run("w", {})
            assert [c for _, c in attempts(got, "a")] == ["exit_1", "exit_2", "exit_3"], got
            assert [c for _, c in attempts(got, "b")] == ["exit_1", "exit_2"], got
            assert [c for _, c in attempts(got, "c")] == ["exit_1", "exit_2", "exit_3", "exit_4"]
            why = {e["nodeId"]: e["notRetried"] for e in told(d, got["id"], "node.finished")}
            assert why == {"a": "retryOn", "b": "nonRetryable", "c": "maxAttempts"}, why
            status, _, problem = d.request("POST", "/api/workflows", workflow(
                "x", step("a", "counts", retry={"retryOn": ["exit_1", "timeot"]})))
            assert status == 422 and problem["errors"][0]["path"] == "nodes[0].retry.retryOn[1]"
            assert 'did you mean "timeout"' in problem["errors"][0]["message"], problem


def an_agent_says_itself_what_went_wrong():
    with Agents() as agents:
        agents.add("shop", """echo '{"error": {"code": "CardDeclined", "message": "the bank said no",
                                 "retryable": false}}'; exit 3""")
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow("w", step("a", "shop", retry={"maxAttempts": 5, **SHORT}),
                             step("b", "noop", "a", runOn="failure",
                                  inputs={"code": "{{ nodes.a.error.code }}"})))
            got = d.run("w", {})
            assert attempts(got) == [("FAILED", "CardDeclined")], got
            assert node(got, "a")["error"]["message"] == "the bank said no"
            assert node(got, "b")["output"] == {"input": {"code": "CardDeclined"}}, got
            assert value(d, 'drover_agent_errors_total{agent="shop",error_type="agent"}') == 1


def a_breaker_opens_tries_one_and_closes():
    with Agents() as agents, Folder() as ws:
        agents.add("flaky", "test ! -e /workspace/broken && echo '{}'")
        ask(agents, "flaky",
            circuitBreaker={"failures": 3, "window": "1m", "cooldown": "400ms"})
        broken = ws.write("broken", "")
        with Daemon(agents=[agents.path], workspaces=[ws.path]) as d:
            d.apply(workflow("w", step("a", "flaky", workspace=ws.path)))
            assert d.ok("GET", "/api/agents/flaky")["breaker"]["state"] == "closed"
            for _ in range(3):
                assert d.run("w", {})["status"] == "FAILED"
            waits = d.trigger("w", {})
            why = d.ok("GET", f"/api/runs/{waits}/why")["nodes"][0]
            assert why["reason"] == "circuit_open" and why["command"] == "drover agents reset flaky"
            breaker = d.ok("GET", "/api/agents")["items"]
            breaker = next(a for a in breaker if a["name"] == "flaky")["breaker"]
            assert breaker["state"] == "open" and breaker["opened"] == 1, breaker
            assert breaker["lastError"]["code"] == "exit_1" and breaker["until"], breaker
            labels = '{project="default",agent="flaky"}'
            assert value(d, "drover_agent_breaker_state" + labels) == 2
            # the one attempt that is let through fails: open for another cool-down
            assert d.wait(waits)["status"] == "FAILED"
            assert value(d, "drover_agent_breaker_opened_total" + labels) == 2
            os.unlink(broken)
            runs = [d.trigger("w", {}) for _ in range(5)]
            assert [d.wait(r)["status"] for r in runs] == ["SUCCESS"] * 5
            assert d.ok("GET", "/api/agents/flaky")["breaker"]["state"] == "closed"
            assert value(d, "drover_agent_breaker_state" + labels) == 0


def a_breaker_is_reset_by_hand():
    with Agents() as agents, Folder() as ws:
        agents.add("flaky", "test ! -e /workspace/broken && echo '{}'")
        ask(agents, "flaky", circuitBreaker={"failures": 1, "cooldown": "24h"})
        broken = ws.write("broken", "")
        with Daemon(agents=[agents.path], workspaces=[ws.path]) as d:
            d.apply(workflow("w", step("a", "flaky", workspace=ws.path)))
            d.run("w", {})
            os.unlink(broken)
            run = d.trigger("w", {})
            assert node(d.ok("GET", f"/api/runs/{run}"), "a")["status"] == "QUEUED"
            assert d.ok("POST", "/api/agents/flaky/reset", {})["breaker"]["state"] == "closed"
            assert d.wait(run)["status"] == "SUCCESS"
            assert d.request("POST", "/api/agents/noop/reset", {})[0] == 409
            assert d.request("POST", "/api/agents/nobody/reset", {})[0] == 404
            assert d.request("POST", "/api/agents/flaky/reset", {"x": 1})[0] == 422


def a_queue_time_out_and_a_total_time_out():
    with Agents() as agents:
        agents.add("slow", "sleep 1000")
        agents.add("fails", "exit 1")
        with Daemon("--max-scripts", "1", agents=[agents.path]) as d:
            d.apply(workflow("w", step("a", "slow", timeouts={"total": "2s"}),
                             step("b", "fails", timeouts={"queue": "500ms"})))
            got = d.run("w", {})
            assert attempts(got, "a") == [("TIMED_OUT", "total_timeout")], got
            assert attempts(got, "b") == [("TIMED_OUT", "queue_timeout")], got
            assert node(got, "b")["status"] == "TIMED_OUT"
            assert got["agentRuns"][1]["startedAt"] is None, got


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def a_sandbox_that_does_not_start_in_time():
    with Agents() as agents:
        agents.add("quick", "echo '{}'")
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow("w", step("a", "quick", timeouts={"start": "300ms"},
                                       retry={"maxAttempts": 2, "retryOn": ["start_timeout"],
                                              **SHORT})))
            supervisors = children(d.process.pid)
            for pid in supervisors:
                os.kill(pid, signal.SIGSTOP)
            run = d.trigger("w", {})
            for _, kind, _ in d.events(run):
                if kind == "node.retrying":
                    break
            for pid in supervisors:
                os.kill(pid, signal.SIGCONT)
            got = d.wait(run)
            assert attempts(got)[0] == ("TIMED_OUT", "start_timeout"), got["agentRuns"]


if __name__ == "__main__":
    main([a_silent_agent_is_ended_and_a_talking_one_is_not,
          progress_is_seen_while_it_runs_and_given_to_the_next_attempt,
          exit_codes_choose_what_is_tried_again, an_agent_says_itself_what_went_wrong,
          a_breaker_opens_tries_one_and_closes, a_breaker_is_reset_by_hand,
          a_queue_time_out_and_a_total_time_out, a_sandbox_that_does_not_start_in_time])
