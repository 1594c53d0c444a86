#!/usr/bin/env python3
"""Hostile and broken agents on the real program: each ends with its own error code, the run is never
SUCCESS, the others are not disturbed, nothing is left behind."""
import glob
import json
import os
import subprocess

from daemon import BUILD, Daemon, Skip, main, no_orphans, node
from made import Agents, Folder, Gate, step, workflow

FOREVER = "86413"  # seconds of sleep that no other process of the machine asks for

# name: (program, language, limits, further fields of the node, error code)
FAULTS = {
    "exits-with-3": ("exit 3", "sh", {}, {}, "exit_3"),
    "kills-itself": ("kill -SEGV $$", "sh", {}, {}, "signal_11"),
    "aborts": ("import os; os.abort()", "py", {}, {}, "signal_6"),
    "prints-without-end": ("exec yes", "sh", {}, {}, "output_too_large"),
    "prints-more-than-its-limit": ("head -c 4097 /dev/zero", "sh", {"output": "4Ki"}, {},
                                   "output_too_large"),
    "forks-without-end": ("import os\nwhile True:\n try: os.fork()\n except OSError: pass\n", "py",
                          {"pids": 16}, {}, "pids"),
    "allocates-without-end": ("x = []\nwhile True: x.append(bytearray(1 << 20))\n", "py",
                              {"memory": "64Mi"}, {}, "oom"),
    "fills-tmp-as-memory": ("exec head -c 1G /dev/zero > /tmp/x", "sh",
                            {"memory": "32Mi", "tmp": "1Gi"}, {}, "oom"),
    "fills-tmp": ("head -c 1G /dev/zero > /tmp/x || exit 9", "sh", {"tmp": "4Mi"}, {}, "exit_9"),
    "sleeps-too-long": (f"exec sleep {FOREVER}", "sh", {}, {"timeout": "200ms"}, "timeout"),
    "ignores-term": (f"trap '' TERM\nwhile :; do sleep {FOREVER}; done", "sh", {},
                     {"timeout": "200ms"}, "timeout"),
    "answers-term-with-success": ("trap 'echo {}; exit 0' TERM\n"
                                  f"while :; do sleep {FOREVER} & wait; done", "sh", {},
                                  {"timeout": "200ms"}, "timeout"),
    "daemonises-then-fails": (f"setsid sleep {FOREVER} &\nexit 6", "sh", {}, {}, "exit_6"),
    "closes-stdout": ("exec >&-\nexit 0", "sh", {}, {}, "invalid_output"),
    "prints-nothing": (":", "sh", {}, {}, "invalid_output"),
    "prints-broken-json": ("echo '{\"a\": '", "sh", {}, {}, "invalid_output"),
    "prints-two-documents": ("echo '{} {}'", "sh", {}, {}, "invalid_output"),
    "prints-what-breaks-its-schema": ("echo '{\"n\": \"text\"}'", "sh", {}, {}, "invalid_output"),
    "prints-bytes": ("printf '{\"a\": \"\\377\\376\"}'", "sh", {}, {}, "invalid_output"),
    "prints-deep-json": ("print('[' * 100000)", "py", {}, {}, "invalid_output"),
    "prints-a-long-word": ("print('a' * 1000000)", "py", {}, {}, "invalid_output"),
    "calls-the-network": ("import socket\n"
                          "for place in ('1.1.1.1', 53), ('127.0.0.1', @PORT@):\n"
                          " try:\n  socket.create_connection(place, 1); raise SystemExit(4)\n"
                          " except OSError: pass\n"
                          "raise SystemExit(5)\n", "py", {}, {}, "exit_5"),
    "reads-shadow": ("cat /etc/shadow && exit 0; exit 7", "sh", {}, {}, "exit_7"),
    "reads-the-service": ("ls /proc/@PID@ && exit 0; cat @DATA@/drover.db && exit 0; exit 7", "sh",
                          {}, {}, "exit_7"),
    "writes-its-workspace": ("touch /workspace/x && exit 0; exit 8", "sh", {}, {"workspace": "@WS@"},
                             "exit_8"),
    "writes-itself": ("echo x >> /agent/main && exit 0; exit 8", "sh", {}, {}, "exit_8"),
    "makes-a-device": ("import os\ntry: os.mknod('/tmp/d', 0o60666, 0x801)\n"
                       "except OSError: raise SystemExit(8)\n", "py", {}, {}, "exit_8"),
    "is-not-there": (["/agent/nothing"], "none", {}, {}, "exit_127"),
    "is-no-program": (["/agent/agent.yaml"], "none", {}, {}, "exit_126"),
}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


def left_over():
    """Processes of the agents above, wherever they hang."""
    got = subprocess.run(["pgrep", "-f", FOREVER], capture_output=True, text=True, check=False)
    return got.stdout.split()


def every_fault_has_its_own_code_and_harms_nobody():
    with Agents() as agents, Folder() as ws, Folder() as home:
        gate = Gate(ws, "gate")
        agents.add("healthy", "read x < /workspace/gate; echo '{\"x\": \"'$x'\"}'")
        d = Daemon("--max-scripts", "6", folder=home.path, workspaces=[ws.path],
                   agents=[agents.path])
        place = {"@WS@": ws.path, "@DATA@": home.path, "@PORT@": "1", "@PID@": str(os.getpid())}

        def fill(text):
            for name, value in place.items():
                text = text.replace(name, value)
            return text

        for name, (program, language, limits, _, _) in FAULTS.items():
            agents.add(name, fill(program) if language != "none" else program, SCHEMA, language,
                       **limits)
        assert d.start(), d.log_text()
        try:
            d.apply(workflow("healthy", step("before", "noop"),
                             step("wait", "healthy", "before", workspace=ws.path),
                             step("after", "noop", "wait",
                                  inputs={"x": "{{ nodes.wait.output.x }}"})))
            healthy = d.trigger("healthy", {})
            runs = {}
            for name, (_, _, _, more, _) in FAULTS.items():
                fields = {k: fill(v) for k, v in more.items()}
                d.apply(workflow(name, step("n", name, **fields), step("then", "noop", "n")))
                runs[name] = d.trigger(name, {})
            wrong = []
            for name, run_id in runs.items():
                run, want = d.wait(run_id), FAULTS[name][4]
                told = run["agentRuns"][0]
                got = (run["status"], node(run, "then")["status"], told["error"]["code"],
                       node(run, "n")["error"]["code"], run["error"]["code"], told["sandboxed"])
                if got != ("FAILED", "SKIPPED", want, want, want, True) \
                        or not told["error"]["message"] or told["output"] is not None:
                    wrong.append((name, got, told["error"]))
            assert not wrong, "\n".join(map(str, wrong))
            status, _, health = d.request("GET", "/health")
            assert (status, health["status"]) == (200, "ok"), health
            gate.open("well")
            run = d.wait(healthy)
            assert run["status"] == "SUCCESS", run
            assert node(run, "after")["output"] == {"input": {"x": "well"}}, run
            assert os.listdir(ws.path) == ["gate"], os.listdir(ws.path)
            assert not left_over(), left_over()
            pid = d.process.pid
            assert d.stop() == 0
            assert "Sanitizer" not in d.log_text(), d.log_text()
            no_orphans()
            assert not glob.glob(f"/sys/fs/cgroup/**/drover-{pid}*", recursive=True)
        finally:
            d.kill()


def what_an_agent_leaves_running_ends_with_it():
    with Agents() as agents:
        agents.add("daemon", f"setsid sleep {FOREVER} &\n(trap '' TERM HUP; sleep {FOREVER}) &\n"
                   "echo '{\"n\": 1}'")
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow("daemon", step("n", "daemon")))
            run = d.run("daemon", {})
            assert run["status"] == "SUCCESS" and node(run, "n")["output"] == {"n": 1}, run
            assert not left_over(), left_over()
            assert d.stop() == 0
            no_orphans()


def a_flood_of_log_lines_is_cut_and_says_so():
    with Agents() as agents:
        agents.add("floods", "yes | head -c 400000 >&2; echo '{}'")
        agents.add("one-line", "head -c 40000000 /dev/zero | tr '\\0' x >&2; echo '{}'")
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow("flood", step("n", "floods"), step("o", "one-line")))
            run = d.run("flood", {})
            assert run["status"] == "SUCCESS", run
            stream = d.request("GET", f"/api/runs/{run['id']}/nodes/n/logs?follow=1&after=99998",
                               raw=True)[2].decode()
            last = [json.loads(x[5:]) for x in stream.splitlines() if x.startswith("data:")]
            assert [item["line"] for item in last] == [99999, 100000, 100001], last
            assert last[0]["text"] == last[1]["text"] == "y", last
            assert "not kept" in last[2]["text"], last
            line, note = [item["text"] for item in
                          d.ok("GET", f"/api/runs/{run['id']}/nodes/o/logs")["items"]]
            assert len(line) < 20000 and line.endswith("xxx [cut]"), line[-50:]
            assert "bytes of this attempt's log were not kept" in note, note


def an_agent_that_asks_to_be_run_later_is_run_later():
    with Agents() as agents:
        agents.add("later", '[ "$DROVER_ATTEMPT" -ge 4 ] || exit 75; echo "{}"')
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow("later", step("n", "later", retry={"initialInterval": "10ms"})))
            run = d.run("later", {})
            assert run["status"] == "SUCCESS", run
            assert [a["error"] and a["error"]["code"] for a in run["agentRuns"]] \
                == ["exit_75"] * 3 + [None], run


def a_flaky_agent_is_tried_again_after_growing_pauses():
    with Agents() as agents:
        agents.add("flaky", 'echo "$DROVER_IDEMPOTENCY_KEY" >&2; [ "$DROVER_ATTEMPT" -ge 3 ] '
                   '|| exit 1; echo "{}"')
        with Daemon(agents=[agents.path]) as d:
            retry = {"maxAttempts": 3, "initialInterval": "40ms", "backoffCoefficient": 3,
                     "jitter": 0}
            d.apply(workflow("flaky", step("n", "flaky", retry=retry)))
            run = d.run("flaky", {})
            assert run["status"] == "SUCCESS" and node(run, "n")["attempt"] == 3, run
            assert [a["status"] for a in run["agentRuns"]] == ["FAILED", "FAILED", "SUCCESS"]
            pauses = [e[2]["data"]["delayMs"] for e in d.events(run["id"])
                      if e[1] == "node.retrying"]
            assert pauses == [40, 120], pauses
            keys = {item["text"] for item in
                    d.ok("GET", f"/api/runs/{run['id']}/nodes/n/logs")["items"]}
            assert keys == {f"{run['id']}:n"}, keys
            d.apply(workflow("flaky", step("n", "flaky", retry={**retry, "maxAttempts": 2})))
            run = d.run("flaky", {})
            assert run["status"] == "FAILED" and len(run["agentRuns"]) == 2, run


def a_run_that_takes_too_long_is_timed_out_with_its_agents():
    with Agents() as agents:
        agents.add("slow", f"exec sleep {FOREVER}")
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow("slow", step("a", "slow"), step("b", "noop", "a"), timeout="300ms"))
            run = d.run("slow", {})
            assert run["status"] == "TIMED_OUT", run
            assert node(run, "a")["status"] == "TIMED_OUT", run
            assert run["agentRuns"][0]["status"] == "TIMED_OUT" and len(run["agentRuns"]) == 1, run
            assert not left_over(), left_over()


def a_failure_may_be_gone_on_over_or_handled_but_never_forgotten():
    with Agents() as agents:
        agents.add("fails", "exit 1")
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow("go-on", step("a", "fails", continueOnError=True),
                             step("b", "noop", "a")))
            run = d.run("go-on", {})
            assert run["status"] == "SUCCESS", run
            assert [n["status"] for n in run["nodes"]] == ["FAILED", "SUCCESS"], run
            d.apply(workflow("handled", step("a", "fails"), step("b", "noop", "a"),
                             step("c", "noop", "a", runOn="failure",
                                  inputs={"why": "{{ nodes.a.error.code }}"})))
            run = d.run("handled", {})
            assert run["status"] == "SUCCESS", run
            assert [n["status"] for n in run["nodes"]] == ["FAILED", "SKIPPED", "SUCCESS"], run
            assert node(run, "c")["output"] == {"input": {"why": "exit_1"}}, run
            d.apply(workflow("forgotten", step("a", "fails"), step("b", "noop"),
                             step("c", "noop", "b", runOn="failure"),
                             step("d", "noop", "a", "b", runOn="always")))
            run = d.run("forgotten", {})
            assert run["status"] == "FAILED", run
            assert node(run, "c")["status"] == "SKIPPED" and node(run, "d")["status"] == "SUCCESS"


def a_template_that_finds_nothing_fails_its_node_and_names_the_path():
    with Daemon() as d:
        d.apply(workflow("t", step("a", "noop", inputs={"x": "{{ context.who.name }}"})))
        run = d.run("t", {"who": {}})
        assert run["status"] == "FAILED" and node(run, "a")["status"] == "FAILED", run
        assert "who.name" in node(run, "a")["error"]["message"], run


def paths(ws, outside):
    """Workspace path: error code."""
    ws.write("file", "text")
    os.symlink(outside.path, ws / "out")
    os.symlink("/proc/self/root/etc", ws / "magic")
    os.symlink("loop", ws / "loop")
    return {
        ws / "nothing": "workspace_not_found",
        ws / "file": "workspace_not_found",
        ws / "file/below": "workspace_not_found",
        outside.path: "workspace_denied",
        outside / "nothing": "workspace_denied",
        "/": "workspace_denied",
        "/etc": "workspace_denied",
        ws / "../": "workspace_denied",
        ws / "out": "workspace_denied",
        ws / "magic": "workspace_denied",
        ws / "loop": "workspace_denied",
        ws.path + "-not": "workspace_denied",
        "relative/path": "workspace_denied",
        "with\u0000nul": "workspace_denied",
        ws / ("x" * 300): "workspace_denied",
    }


SCAN = workflow("scan", step("scan", "security-scanner", workspace="{{ context.path }}",
                             inputs={"scanType": "all"}))


def every_bad_workspace_has_its_own_code():
    with Folder() as ws, Folder() as outside, Daemon(workspaces=[ws.path]) as d:
        d.apply(SCAN)
        wrong = []
        for path, code in paths(ws, outside).items():
            run = d.run("scan", {"path": path})
            got = run["status"], node(run, "scan")["error"]["code"], len(run["agentRuns"])
            if got != ("FAILED", code, 1) or not node(run, "scan")["error"]["message"]:
                wrong.append((path, got, node(run, "scan")["error"]))
        assert not wrong, "\n".join(map(str, wrong))
        inside = ws / "real"
        os.mkdir(inside, 0o755)
        os.symlink("real", ws / "link")
        for path in (inside, ws / "link", inside + "/", ws / "./real/../real"):
            run = d.run("scan", {"path": path})
            assert run["status"] == "SUCCESS", (path, run)


def a_workspace_that_the_agent_may_not_read_is_no_clean_scan():
    with Folder() as ws, Daemon(workspaces=[ws.path]) as d:
        ws.write("closed/secret.py", "eval(text)\n")
        os.chmod(ws / "closed", 0o700)
        d.apply(SCAN)
        run = d.run("scan", {"path": ws / "closed"})
        assert run["status"] == "FAILED", run
        assert node(run, "scan")["error"]["message"], run


def a_folder_that_the_service_may_not_enter_is_unreadable():
    if os.geteuid() != 0:
        raise Skip("needs root, to be somebody else")
    with Folder() as ws, Folder() as home:
        os.makedirs(ws / "closed/below")
        os.chmod(ws / "closed", 0o700)
        os.chmod(home.path, 0o777)
        home.write("drover", "#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups "
                   f"{BUILD}/drover \"$@\"\n")
        os.chmod(home / "drover", 0o755)
        d = Daemon(folder=home.path, workspaces=[ws.path], program=home / "drover")
        if not d.start():
            raise Skip("nobody may not run the program here: " + d.log_text()[-200:])
        try:
            d.apply(SCAN)
            run = d.run("scan", {"path": ws / "closed/below"})
            assert run["status"] == "FAILED", run
            assert node(run, "scan")["error"]["code"] == "workspace_unreadable", run
            assert d.stop() == 0
        finally:
            d.kill()


main([every_fault_has_its_own_code_and_harms_nobody,
      what_an_agent_leaves_running_ends_with_it,
      a_flood_of_log_lines_is_cut_and_says_so,
      an_agent_that_asks_to_be_run_later_is_run_later,
      a_flaky_agent_is_tried_again_after_growing_pauses,
      a_run_that_takes_too_long_is_timed_out_with_its_agents,
      a_failure_may_be_gone_on_over_or_handled_but_never_forgotten,
      a_template_that_finds_nothing_fails_its_node_and_names_the_path,
      every_bad_workspace_has_its_own_code,
      a_workspace_that_the_agent_may_not_read_is_no_clean_scan,
      a_folder_that_the_service_may_not_enter_is_unreadable])
