#!/usr/bin/env python3
"""The way that every user goes, on the real program: scan-and-notify, its answers, events and logs,
retry, cancel, a crash in the middle, dry run, idempotency, versions."""
import http.client
import json
import os
import re

from daemon import SOURCE, STALL_SECONDS, Daemon, main, no_orphans, node
from made import Agents, Folder, Gate, agent_processes, step, workflow

SCAN = open(os.path.join(SOURCE, "agents/workflows/scan-and-notify.yaml"), encoding="utf-8").read()
# In parts, so that no secret stands here whole.
SECRET = "AKIA" + "QWERTYUIOPASDFGH"
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
RUN = {"id", "project", "workflowId", "workflowName", "workflowVersion", "status", "trigger",
       "context", "error", "parentRunId", "createdAt", "startedAt", "finishedAt", "nodes",
       "agentRuns", "approvals"}
# What a run has beyond the contract.
RUN |= {"callerRunId", "callerNodeId", "depth", "output", "paused", "concurrencyKey", "priority",
        "waitedMs"}
NODE = {"id", "agent", "action", "status", "dependsOn", "attempt", "startedAt", "finishedAt",
        "output", "error"}
AGENT_RUN = {"id", "nodeId", "agent", "action", "attempt", "status", "input", "output", "error",
             "queuedAt", "startedAt", "finishedAt", "durationMs", "sandboxed"}


def one_repository():
    repo = Folder("drover-repo-")
    repo.write("app/main.py", "import os\n\nos.system('ls ' + name)\n")
    repo.write("settings.py", "# settings\nkey = \"" + SECRET + "\"\n")
    repo.write("README.md", "Nothing here.\n")
    return repo


def everything_told(d, run):
    """All that the service says or keeps of the run, as bytes."""
    told = b""
    for path in (f"/api/runs/{run}", "/api/runs", "/api/workflows", f"/api/runs/{run}/agent-runs",
                 f"/api/runs/{run}/nodes/scan/logs", f"/api/runs/{run}/nodes/notify/logs",
                 "/api/workflows/scan-and-notify/versions"):
        told += d.request("GET", path, raw=True)[2]
    told += json.dumps(list(d.events(run))).encode()
    told += d.log_text().encode()
    for folder, _, files in os.walk(os.path.join(d.folder, "data")):
        for name in files:
            with open(os.path.join(folder, name), "rb") as f:
                told += f.read()
    return told


def findings_have_their_places_and_the_secret_is_told_nowhere():
    with one_repository() as repo, Daemon(workspaces=[repo.path]) as d:
        d.apply(SCAN)
        run = d.run("scan-and-notify", {"repositoryPath": repo.path})
        assert run["status"] == "SUCCESS", run
        output = node(run, "scan")["output"]
        places = {(f["file"], f["line"], f["category"]) for f in output["findings"]}
        assert ("settings.py", 2, "secrets") in places, places
        assert ("app/main.py", 3, "injection") in places \
            or ("app/main.py", 3, "dangerous") in places, places
        assert not any(p[0] == "README.md" for p in places), places
        assert output["summary"]["critical"] >= 1
        notify = node(run, "notify")
        assert notify["status"] == "SUCCESS" and notify["output"]["delivered"] is True, notify
        assert notify["output"]["channel"] == "console"
        message = f"{output['summary']['critical']} critical and {output['summary']['high']} high"
        sent = [a for a in run["agentRuns"] if a["nodeId"] == "notify"][0]
        assert message in sent["input"]["message"], sent
        assert message in d.log_text(), d.log_text()
        assert SECRET.encode() not in everything_told(d, run["id"])


def without_grave_findings_nobody_is_told():
    with Folder() as repo, Daemon(workspaces=[repo.path]) as d:
        repo.write("main.py", "print('hello')\n")
        d.apply(SCAN)
        run = d.run("scan-and-notify", {"repositoryPath": repo.path})
        assert run["status"] == "SUCCESS", run
        assert node(run, "scan")["output"]["findings"] == []
        assert node(run, "notify")["status"] == "SKIPPED", run
        assert [a["nodeId"] for a in run["agentRuns"]] == ["scan"]


def a_run_reads_exactly_as_the_contract_says():
    with one_repository() as repo, Daemon(workspaces=[repo.path]) as d:
        d.apply(SCAN)
        run = d.run("scan-and-notify", {"repositoryPath": repo.path})
        assert set(run) == RUN, set(run) ^ RUN
        assert UUID7.fullmatch(run["id"]) and UUID7.fullmatch(run["workflowId"])
        assert run["project"] == "default" and run["workflowName"] == "scan-and-notify"
        assert run["workflowVersion"] == 1 and run["parentRunId"] is None
        assert run["error"] is None and run["approvals"] == []
        assert run["context"] == {"repositoryPath": repo.path}
        for n in run["nodes"]:
            assert set(n) == NODE, set(n) ^ NODE
            assert n["error"] is None and n["attempt"] == 1
        assert [n["dependsOn"] for n in run["nodes"]] == [[], ["scan"]]
        for a in run["agentRuns"]:
            assert AGENT_RUN <= set(a), AGENT_RUN - set(a)
            assert UUID7.fullmatch(a["id"]) and a["status"] == "SUCCESS" and a["attempt"] == 1
            assert isinstance(a["durationMs"], int) and a["durationMs"] >= 0
            assert a["queuedAt"] <= a["startedAt"] <= a["finishedAt"]
            assert a["output"] == node(run, a["nodeId"])["output"]
        assert [a["sandboxed"] for a in run["agentRuns"]] == [True, False]
        scan = run["agentRuns"][0]
        assert (scan["agent"], scan["action"]) == ("security-scanner", "scan")
        assert scan["input"] == {"scanType": "all"}
        times = [run[k] for k in ("createdAt", "startedAt", "finishedAt")]
        assert times == sorted(times) and all(TIME.fullmatch(t) for t in times), times
        assert d.ok("GET", f"/api/workflows/scan-and-notify/runs/{run['id']}") == run
        assert d.ok("GET", f"/api/runs/{run['id']}/agent-runs")["items"] == run["agentRuns"]


def events_that_are_cut_anywhere_resume_without_a_miss_or_a_double():
    with Daemon() as d:
        d.apply(workflow("wide", step("a", "noop"), *[step(f"b{i}", "noop", "a") for i in range(6)],
                         step("z", "noop", *[f"b{i}" for i in range(6)])))
        run = d.trigger("wide", {})
        whole = list(d.events(run))
        assert [e[0] for e in whole] == list(range(1, len(whole) + 1))
        for cut in range(1, len(whole)):
            stream = d.events(run)
            seen = [next(stream) for _ in range(cut)]
            stream.close()
            assert seen + list(d.events(run, after=seen[-1][0])) == whole, cut
        connection = http.client.HTTPConnection(d.address, timeout=STALL_SECONDS)
        connection.request("GET", f"/api/runs/{run}/events",
                           headers={"Last-Event-ID": str(len(whole))})
        assert connection.getresponse().status == 204
        connection.close()


def a_live_stream_that_is_cut_resumes_without_a_miss_or_a_double():
    with Agents() as agents, Folder() as ws, Daemon(agents=[agents.path],
                                                    workspaces=[ws.path]) as d:
        gate = Gate(ws, "gate")
        agents_wait(agents, d)
        d.apply(workflow("waits", step("a", "noop"), step("b", "waiter", "a", workspace=ws.path),
                         step("c", "noop", "b")))
        run = d.trigger("waits", {})
        seen, stream = [], d.events(run)
        for event in stream:
            seen.append(event)
            if event[1] == "node.started" and event[2]["data"]["nodeId"] == "b":
                break
        stream.close()
        gate.open()
        seen += list(d.events(run, after=seen[-1][0]))
        assert seen == list(d.events(run))
        assert seen[-1][1] == "run.finished" and seen[-1][2]["data"]["status"] == "SUCCESS", seen[-1]


WAITER = """echo waiting >&2
read word < /workspace/gate
echo "through: $word" >&2
echo '{"word": "'$word'"}'
"""


def agents_wait(agents, d):
    """Registers the waiting agent with the running service."""
    agents.add("waiter", WAITER)
    register(agents, d, "waiter")


def register(agents, d, name):
    with open(agents / f"{name}/agent.yaml", encoding="utf-8") as f:
        doc = json.load(f)
    doc["entryPath"] = agents / name
    return d.ok("POST", "/api/agents", doc)


def lines(d, run, node_id):
    """The node's log lines as they are written."""
    connection = http.client.HTTPConnection(d.address, timeout=STALL_SECONDS)
    try:
        connection.request("GET", f"/api/runs/{run}/nodes/{node_id}/logs?follow=1")
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        for line in answer:
            if line.startswith(b"data:"):
                yield json.loads(line[5:])["text"]
    finally:
        connection.close()


def log_lines_come_while_the_agent_runs():
    with Agents() as agents, Folder() as ws, Daemon(agents=[agents.path],
                                                    workspaces=[ws.path]) as d:
        gate = Gate(ws, "gate")
        agents_wait(agents, d)
        d.apply(workflow("waits", step("b", "waiter", workspace=ws.path)))
        run = d.trigger("waits", {})
        stream = lines(d, run, "b")
        assert next(stream) == "waiting"
        assert d.ok("GET", f"/api/runs/{run}")["status"] == "RUNNING"
        gate.open("friend")
        assert list(stream) == ["through: friend"]
        assert node(d.wait(run), "b")["output"] == {"word": "friend"}


def a_retry_from_failed_keeps_results_and_tells_its_parent():
    with Agents() as agents, Folder() as ws, Daemon(agents=[agents.path],
                                                    workspaces=[ws.path]) as d:
        agents.add("counts", "echo ran >&2; echo '{\"pid\": \"'$DROVER_RUN_ID'\"}'\n")
        agents.add("needs-file", "test -e /workspace/ready || exit 4; echo '{}'\n")
        register(agents, d, "counts")
        register(agents, d, "needs-file")
        d.apply(workflow("two", step("first", "counts"),
                         step("second", "needs-file", "first", workspace=ws.path),
                         step("third", "noop", "second",
                              inputs={"of": "{{ nodes.first.output.pid }}"})))
        old = d.run("two", {"x": 1})
        assert old["status"] == "FAILED" and node(old, "third")["status"] == "SKIPPED", old
        assert node(old, "second")["error"]["code"] == "exit_4", old
        assert old["error"] is not None
        ws.write("ready", "")
        answer = d.ok("POST", f"/api/runs/{old['id']}/retry", {"from": "failed"})
        new = d.wait(answer["workflowRunId"])
        assert new["status"] == "SUCCESS" and new["parentRunId"] == old["id"], new
        assert new["context"] == {"x": 1}
        assert node(new, "first")["output"] == node(old, "first")["output"] == {"pid": old["id"]}
        assert [a["nodeId"] for a in new["agentRuns"]] == ["second", "third"], new["agentRuns"]
        assert node(new, "third")["output"] == {"input": {"of": old["id"]}}, new
        assert d.ok("GET", f"/api/runs/{old['id']}") == old
        again = d.wait(d.ok("POST", f"/api/workflows/runs/{new['id']}/retry",
                            {"from": "first"})["workflowRunId"])
        assert node(again, "first")["output"] == {"pid": again["id"]}
        assert d.request("POST", f"/api/runs/{new['id']}/retry", {"from": "failed"})[0] == 409


def a_cancelled_run_ends_with_its_process():
    with Agents() as agents, Folder() as ws, Daemon(agents=[agents.path],
                                                    workspaces=[ws.path]) as d:
        Gate(ws, "gate")
        agents_wait(agents, d)
        d.apply(workflow("waits", step("b", "waiter", workspace=ws.path), step("c", "noop", "b")))
        run = d.trigger("waits", {})
        assert next(lines(d, run, "b")) == "waiting"
        assert agent_processes(ws), "the agent can't be seen"
        status, _, answer = d.request("POST", f"/api/runs/{run}/cancel", {"reason": "enough"})
        assert status == 202, answer
        got = d.wait(run)
        assert got["status"] == "CANCELLED", got
        assert [n["status"] for n in got["nodes"]] == ["CANCELLED", "CANCELLED"], got
        assert got["agentRuns"][0]["status"] == "CANCELLED", got
        assert got["agentRuns"][0]["error"]["code"] == "cancelled", got
        assert not agent_processes(ws)
        assert d.request("POST", f"/api/runs/{run}/cancel")[0] == 409
        assert d.stop() == 0
        no_orphans()


def a_run_goes_on_after_a_crash_and_tells_the_lost_attempt():
    with Agents() as agents, Folder() as ws, Folder() as home:
        agents.add("once", 'echo "attempt $DROVER_ATTEMPT $DROVER_IDEMPOTENCY_KEY" >&2\n'
                   'if [ "$DROVER_ATTEMPT" = 1 ]; then read x < /workspace/gate; fi\n'
                   'echo "{\\"attempt\\": $DROVER_ATTEMPT}"\n')
        Gate(ws, "gate")
        d = Daemon(folder=home.path, agents=[agents.path], workspaces=[ws.path])
        assert d.start(), d.log_text()
        try:
            d.apply(workflow("crash", step("a", "noop"),
                             step("b", "once", "a", workspace=ws.path), step("c", "noop", "b")))
            run = d.trigger("crash", {})
            first = next(lines(d, run, "b"))
            assert first.startswith("attempt 1 "), first
            d.kill()
            no_orphans()
            assert d.start(), d.log_text()
            got = d.wait(run)
            assert got["status"] == "SUCCESS", got
            of_b = [a for a in got["agentRuns"] if a["nodeId"] == "b"]
            assert [a["status"] for a in of_b] == ["FAILED", "SUCCESS"], of_b
            assert of_b[0]["error"]["code"] == "lost", of_b
            assert node(got, "b")["output"] == {"attempt": 2} and node(got, "b")["attempt"] == 2
            assert len([a for a in got["agentRuns"] if a["nodeId"] == "a"]) == 1
            logged = list(lines(d, run, "b"))
            assert logged == [first, first.replace("attempt 1", "attempt 2")], logged
            numbers = [e[0] for e in d.events(run)]
            assert numbers == list(range(1, len(numbers) + 1))
            assert d.stop() == 0
        finally:
            d.kill()


def a_dry_run_tells_what_would_happen_and_makes_nothing():
    with one_repository() as repo, Daemon(workspaces=[repo.path]) as d:
        d.apply(SCAN)
        path = "/api/workflows/scan-and-notify/trigger"
        status, _, plan = d.request("POST", path, {"context": {"repositoryPath": repo.path},
                                                   "dryRun": True}, {"Idempotency-Key": "dry"})
        assert status == 200 and [n["id"] for n in plan["nodes"]] == ["scan", "notify"], plan
        status, _, answer = d.request("POST", path, {"context": {}, "dryRun": True})
        assert status == 422 and answer["errors"], answer
        assert d.ok("GET", "/api/runs")["items"] == []
        assert d.trigger("scan-and-notify", {"repositoryPath": repo.path}, key="dry")


def an_idempotency_key_holds_over_a_restart():
    with Folder() as home:
        d = Daemon(folder=home.path)
        try:
            assert d.start(), d.log_text()
            d.apply(workflow("w", step("a", "noop")))
            run = d.trigger("w", {"n": 1}, key="k")
            for _ in range(2):
                path, key = "/api/workflows/w/trigger", {"Idempotency-Key": "k"}
                status, headers, answer = d.request("POST", path, {"context": {"n": 1}}, key)
                assert (status, answer["workflowRunId"]) == (202, run), answer
                assert headers["Idempotency-Replayed"] == "true"
                status, _, answer = d.request("POST", path, {"context": {"n": 2}}, key)
                assert status == 422, answer
                assert d.request("POST", path, {}, {"Idempotency-Key": ""})[0] == 400
                assert d.request("POST", path, {}, {"Idempotency-Key": "x" * 256})[0] == 400
                assert d.trigger("w", {"n": 1}, key="x" * 255)
                d.kill()
                assert d.start(), d.log_text()
            assert len(d.ok("GET", "/api/runs")["items"]) == 2
            assert d.stop() == 0
        finally:
            d.kill()


def workflows_are_versioned_and_kept_while_they_run():
    with Agents() as agents, Folder() as ws, Daemon(agents=[agents.path],
                                                    workspaces=[ws.path]) as d:
        gate = Gate(ws, "gate")
        agents_wait(agents, d)
        first = workflow("v", step("b", "waiter", workspace=ws.path))
        second = workflow("v", step("b", "noop"), step("c", "noop", "b"))
        saved = d.ok("POST", "/api/workflows", first)
        status, _, answer = d.request("POST", "/api/workflows", first)
        assert status == 409, answer
        assert d.apply(first)["version"] == 1, "nothing changed, no new version"
        run = d.trigger("v", {})
        assert d.ok("PUT", f"/api/workflows/{saved['id']}", second)["version"] == 2
        versions = d.ok("GET", "/api/workflows/v/versions")["items"]
        assert sorted(v["version"] for v in versions) == [1, 2]
        status, _, answer = d.request("DELETE", "/api/workflows/v")
        assert status == 409 and answer["detail"], answer
        other = d.run("v", {})
        assert other["workflowVersion"] == 2 and [n["id"] for n in other["nodes"]] == ["b", "c"]
        gate.open()
        got = d.wait(run)
        assert got["workflowVersion"] == 1 and [n["id"] for n in got["nodes"]] == ["b"], got
        assert got["status"] == "SUCCESS"
        status, _, _ = d.request("DELETE", "/api/workflows/v")
        assert status == 204
        assert d.request("GET", "/api/workflows/v")[0] == 404
        assert d.request("POST", "/api/workflows/v/trigger", {})[0] == 404
        assert d.request("GET", f"/api/runs/{run}")[0] == 404, "with its history"


main([findings_have_their_places_and_the_secret_is_told_nowhere,
      without_grave_findings_nobody_is_told,
      a_run_reads_exactly_as_the_contract_says,
      events_that_are_cut_anywhere_resume_without_a_miss_or_a_double,
      a_live_stream_that_is_cut_resumes_without_a_miss_or_a_double,
      log_lines_come_while_the_agent_runs,
      a_retry_from_failed_keeps_results_and_tells_its_parent,
      a_cancelled_run_ends_with_its_process,
      a_run_goes_on_after_a_crash_and_tells_the_lost_attempt,
      a_dry_run_tells_what_would_happen_and_makes_nothing,
      an_idempotency_key_holds_over_a_restart,
      workflows_are_versioned_and_kept_while_they_run])
