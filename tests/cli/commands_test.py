"""The commands that talk to a service, against a real one."""
import difflib
import http.server
import json
import os
import subprocess
import tempfile
import threading
import unicodedata

from cli import PROGRAM, Terminal, drover, environment
from daemon import Daemon, main

MIX = """name: mix
description: "one \\e[31mred\\e[0m"
nodes:
  - {id: a, agent: noop, action: run, inputs: {x: "{{ context.n }}"}}
  - {id: bad, agent: noop, action: run, dependsOn: [a], inputs: {y: "{{ nodes.a.output.nope }}"}}
  - {id: after, agent: noop, action: run, dependsOn: [bad]}
"""
GOOD = "name: good\nnodes: [{id: a, agent: noop, action: run, inputs: {x: \"{{ context.x }}\"}}]\n"
# Two nodes that each write a line, wait for somebody to open their gate, and write another.
GATED = """name: gated
nodes:
  - {id: left, agent: gate, action: run, workspace: "{{ context.w }}", inputs: {gate: left}}
  - {id: right, agent: gate, action: run, workspace: "{{ context.w }}", inputs: {gate: right}}
"""
GATE = """name: gate
type: SCRIPT
version: "1"
description: Waits until its gate, a fifo in the workspace, is opened
command: ["sh", "-c", "gate=$(cat | sed 's/.*gate.:.\\\\([a-z]*\\\\).*/\\\\1/'); echo '{\\"progress\\": 0.42, \\"message\\": \\"at the gate\\"}' >&2; printf 'waits \\\\033[31m\\\\n' >&2; cat /workspace/$gate; echo passed >&2"]
circuitBreaker: {failures: 100}
capabilities: {run: {inputSchema: {}, outputSchema: {}}}
"""
KEEPER = """name: keeper
type: SCRIPT
version: "1"
description: Keeps files
command: ["sh", "-c", "cd $DROVER_ARTIFACTS && mkdir 'a b' && echo three > 'a b/c%.txt' && : > log && echo {}"]
capabilities: {run: {inputSchema: {}, outputSchema: {}}}
"""
KEEPING = "name: keeping\nnodes: [{id: keep, agent: keeper, action: run}]\n"


class World:
    def __enter__(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.agents, self.gates = self.tmp.name + "/agents", self.tmp.name + "/gates"
        os.makedirs(self.agents + "/gate")
        with open(self.agents + "/gate/agent.yaml", "w", encoding="utf-8") as f:
            f.write(GATE)
        os.mkdir(self.gates)
        for path in (self.tmp.name, self.gates):
            os.chmod(path, 0o755)
        os.makedirs(self.agents + "/keeper")
        with open(self.agents + "/keeper/agent.yaml", "w", encoding="utf-8") as f:
            f.write(KEEPER)
        self.daemon = Daemon(agents=[self.agents], workspaces=[self.gates])
        self.daemon.__enter__()
        self.server = "http://" + self.daemon.address
        for text in (MIX, GOOD, GATED, KEEPING):
            self("apply", "-f", "-", stdin=text)
        return self

    def __exit__(self, *_):
        self.daemon.__exit__(None, None, None)
        self.tmp.cleanup()

    def __call__(self, *args, **options):
        return drover(*args, server=self.server, **options)

    def close_gates(self):
        for name in ("left", "right"):
            path = os.path.join(self.gates, name)
            if os.path.exists(path):
                os.remove(path)
            os.mkfifo(path)
            os.chmod(path, 0o644)

    def open_gate(self, name, text="{}"):
        with open(os.path.join(self.gates, name), "w", encoding="utf-8") as f:
            f.write(text)

    def start_gated(self):
        self.close_gates()
        return self("run", "gated", "-c", f"w={self.gates}").out.strip()

    def follow(self, *args):
        return subprocess.Popen([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env=environment(self.server))


def until(p, *wanted):
    """Reads lines until each text was seen; the lines."""
    seen, left = [], list(wanted)
    while left:
        line = p.stdout.readline()
        assert line, (left, seen, p.stderr.read())
        seen.append(line)
        left = [w for w in left if w not in line]
    return seen


def one_run(w, workflow="mix", *args):
    return w("run", workflow, *args, status=None).out.strip()


# ---- workflows


def apply_says_what_it_did_and_refuses_with_places(w):
    assert w("apply", "-f", "-", stdin=GOOD).out == "good: unchanged, version 1\n"
    changed = GOOD.replace("name: good", "name: changing")
    assert w("apply", "-f", "-", stdin=changed).out == "changing: created, version 1\n"
    changed = changed.replace("id: a", "id: b")
    assert w("apply", "-f", "-", "--json", stdin=changed).json["version"] == 2
    r = w("apply", "-f", "-", stdin="name: x\nnodes:\n  - {id: a, agent: nop, action: run}\n",
          status=1)
    assert "standard input:3:" in r.err and "^" in r.err and r.out == ""
    drover("apply", "-f", "-", "-f", "/nonexistent", stdin=GOOD, server=w.server, status=2)


def diff_shows_what_would_change(w):
    assert w("diff", "-f", "-", stdin=GOOD).out == ""
    r = w("diff", "-f", "-", stdin=GOOD.replace("context.x", "context.y"), status=1)
    assert '-        "x": "{{ context.x }}"' in r.lines and '+        "x": "{{ context.y }}"' in r.lines
    both = w("diff", "--json", "-f", "-", stdin=GOOD.replace("context.x", "context.y"), status=1)
    texts = [json.dumps(both.json[k], indent=2).splitlines() for k in ("saved", "wanted")]
    assert r.lines[2:] == list(difflib.unified_diff(*texts, lineterm=""))[2:]
    r = w("diff", "--json", "-f", "-", stdin=GOOD.replace("context.x", "context.y"), status=1).json
    assert r["differs"] and r["saved"]["name"] == r["wanted"]["name"] == "good"
    assert w("diff", "--json", "-f", "-", stdin=GOOD).json["differs"] is False
    # the long way of writing the same thing is no change
    assert w("diff", "-f", "-", stdin=GOOD + "status: ACTIVE\n").out == ""
    r = w("diff", "-f", "-", stdin=GOOD.replace("name: good", "name: fresh"), status=1)
    assert all(line[0] in "+-@" for line in r.lines) and r.lines[2].startswith("@@ -0,0 +1,")
    assert "standard input:1:" in w("diff", "-f", "-", stdin="name: x\n", status=1).err


def lint_asks_a_named_server(w):
    text = GATED.replace("name: gated", "name: other")
    assert drover("lint", "-", stdin=text, status=1).out
    assert drover("lint", "-", "--server", w.server, stdin=text).out == "-: ok\n"
    r = drover("lint", "-", "--json", "--server", w.server, stdin="name: x\n", status=1).json
    assert r["valid"] is False and r["errors"][0]["path"] == "nodes"


def workflows_and_agents_are_listed(w):
    names = {i["name"] for i in w("workflows", "--json").json["items"]}
    assert names >= {"mix", "good", "gated"}
    assert any(line.startswith("mix ") for line in w("workflows").lines)
    assert w("workflows", "good").json["nodes"][0]["id"] == "a"
    assert w("workflows", "good", "--json").json["definition"]["name"] == "good"
    assert w("workflows", "none", status=1).err
    names = {i["name"] for i in w("agents", "--json").json["items"]}
    assert names >= {"noop", "notifier", "security-scanner", "line-counter", "disk-report"}
    assert any(line.startswith("noop ") for line in w("agents").lines)


# ---- runs


def run_starts_and_watches_to_the_end(w):
    run = w("run", "good", "-c", "x=1").out.strip()
    assert len(run) == 36 and w("watch", run).out
    assert w("run", "good", "-c", "x=1", "--json").json.keys() >= {"workflowRunId", "status"}
    r = w("run", "good", "-c", "x=1", "--watch")
    assert "  a  started  noop run" in r.out and "  run  SUCCESS" in r.out
    r = w("run", "mix", "-c", "n=1", "--watch", status=1)
    assert "  bad  FAILED  template_error" in r.out and "  after  skipped  upstream_failed" in r.out
    assert "nodes.a.output.nope" in r.out and "3 nodes: 1 SUCCESS, 1 FAILED, 1 SKIPPED" in r.out


def events_come_as_json_lines(w):
    events = [json.loads(line) for line in w("run", "mix", "-c", "n=1", "--watch", "--json",
                                             status=1).lines]
    assert events[0]["type"] == "run.started" and events[-1]["type"] == "run.finished"
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    again = w("watch", events[0]["runId"], "--json", status=1)
    assert [json.loads(line) for line in again.lines] == events


def context_comes_from_keys_and_documents(w):
    def context(*args):
        return w("show", one_run(w, "good", *args), "--json").json["context"]

    assert context("-c", "x=1", "--set", "s=a b", "--set=t=x=y", "-c", 'o={"k":[true]}',
                   "-c", 'n="1"') == {"x": 1, "s": "a b", "t": "x=y", "o": {"k": [True]}, "n": "1"}
    assert context("--context", '{"x": 1, "y": 2}', "-c", "x=3") == {"x": 3, "y": 2}
    with tempfile.NamedTemporaryFile("w") as f:
        f.write('{"x": 9}')
        f.flush()
        assert context("--context", "@" + f.name) == {"x": 9}


def a_dry_run_starts_nothing_and_a_key_starts_once(w):
    before = len(w("runs", "--workflow", "good", "--json").json["items"])
    assert w("run", "good", "-c", "x=1", "--dry-run", "--watch").json["nodes"][0]["id"] == "a"
    assert len(w("runs", "--workflow", "good", "--json").json["items"]) == before
    first = one_run(w, "good", "-c", "x=1", "--idempotency-key", "k1")
    assert one_run(w, "good", "-c", "x=1", "--idempotency-key", "k1") == first
    assert w("run", "none", status=1).err


def runs_are_listed_filtered_and_paged(w):
    failed = one_run(w, "mix", "-c", "n=1")
    w("watch", failed, status=1)
    items = w("runs", "--status", "FAILED", "--workflow", "mix", "--json").json["items"]
    assert failed in [i["id"] for i in items] and {i["status"] for i in items} == {"FAILED"}
    text = w("runs", "--status", "FAILED", "-w", "mix").lines
    assert text[0].split() == ["RUN", "WORKFLOW", "STATUS", "CREATED", "TOOK"]
    assert any(line.startswith(failed) and "ms" in line for line in text)
    r = w("runs", "-n", "1")
    assert len(r.lines) == 2
    cursor = r.err.split("--cursor ")[1].strip()
    assert w("runs", "-n", "1", "--cursor", cursor).lines[1] != r.lines[1]
    assert w("runs", "--status", "PENDING").err == "no runs\n"
    assert "status" in w("runs", "--status", "X", status=1).err
    assert w("runs", "--since", "2999-01-01T00:00:00Z", "--json").json["items"] == []
    assert w("runs", "--search", "no such text", "--json").json["items"] == []
    assert w("runs", "--limit", "0", status=1).err


def a_search_that_comes_in_parts_is_gone_on_with(w):
    asked = []
    parts = [{"items": [], "nextCursor": "one", "searchedTo": "2026-01-03T00:00:00.000Z"},
             {"items": [{"id": "r1"}], "nextCursor": "two", "searchedTo": "2026-01-02T00:00:00.000Z"},
             {"items": [{"id": "r2"}], "nextCursor": "three"}]

    class Parts(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(parts[len(asked) - 1]).encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Parts) as s:
        thread = threading.Thread(target=s.serve_forever)
        thread.start()
        r = drover("runs", "-q", "x", "-n", "9", "--json", server=f"http://127.0.0.1:{s.server_port}/")
        s.shutdown()
        thread.join()
    assert [i["id"] for i in r.json["items"]] == ["r1", "r2"], r.out
    assert r.json["nextCursor"] == "three" and r.err == ""
    assert "limit=9" in asked[0] and "cursor" not in asked[0]
    assert "limit=9" in asked[1] and "cursor=one" in asked[1]
    assert "limit=8" in asked[2] and "cursor=two" in asked[2] and "q=x" in asked[2]


def show_takes_an_id_or_its_beginning(w):
    run = one_run(w, "good", "-c", "x=1")
    w("watch", run)
    assert run in w("show", run).out and "1 node: 1 SUCCESS" in w("show", run).out
    assert w("show", run[:30]).out == w("show", run).out
    assert w("show", run, "--json").json["nodes"][0]["status"] == "SUCCESS"
    other = one_run(w, "good", "-c", "x=1")  # made in the same days, so it begins alike
    assert "give more of it" in w("show", other[:4], status=1).err
    assert w("show", "ffffffff", status=1).err
    assert w("show", "00000000-0000-7000-8000-000000000000", status=1).err


def retry_keeps_what_succeeded(w):
    old = one_run(w, "mix", "-c", "n=1")
    w("watch", old, status=1)
    new = w("retry", old).out.strip()
    assert new != old
    w("watch", new, status=1)
    detail = w("show", new, "--json").json
    assert detail["parentRunId"] == old and detail["nodes"][0]["copiedFrom"] == old
    assert "retry of" in w("show", new).out and "kept" in w("show", new).out
    assert w("retry", old, "--from", "start", "--json").json["workflowRunId"]
    assert "nowhere" in w("retry", old, "--from", "nowhere", status=1).err


def retry_with_another_context_and_planned(w):
    old = one_run(w, "mix", "-c", "n=1", "-c", "other=x")
    w("watch", old, status=1)
    before = len(w("runs", "--limit", "500", "--json").json["items"])
    assert w("retry", old, "--plan").lines == ["kept       a", "runs again bad", "runs again after"]
    assert w("retry", old, "--plan", "--from", "start", "--set", "n=2", "--json").json["kept"] == []
    assert "contex" in w("retry", old, "--set", "n=2", status=1).err
    assert "KEY=VALUE" in w("retry", old, "--from", "start", "--set", "n", status=2).err
    assert "object" in w("retry", old, "--from", "start", "--context", "[]", status=2).err
    assert len(w("runs", "--limit", "500", "--json").json["items"]) == before
    new = w("retry", old, "--from", "start", "--set", "n=[2]").out.strip()
    assert w("show", new, "--json").json["context"] == {"n": [2], "other": "x"}
    new = w("retry", old, "--from", "start", "--context", '{"n":3}', "-c", "m=4").out.strip()
    assert w("show", new, "--json").json["context"] == {"n": 3, "m": 4}
    assert w("show", old, "--json").json["context"] == {"n": 1, "other": "x"}


def a_signal_ends_the_wait_of_a_run(w):
    w("apply", "-f", "-", stdin="name: gate\nnodes:\n  - {id: w, wait: {event: order.*}}\n"
      "  - {id: s, dependsOn: [w], sleep: 10ms}\n  - {id: e, dependsOn: [s], wait: {event: x}}\n")
    run = one_run(w, "gate")
    assert "wait order.*" in w("show", run).out
    assert w("signal", run, "nobody").out == "\n"  # kept
    assert w("signal", run, "order.paid", "--data", '{"n": 1}').out == "w\n"
    w("signal", run, "x")
    out = w("watch", run).out
    assert "waiting  event  order.*" in out and "waiting  sleep  until" in out, out
    got = w("show", run, "--json").json
    assert got["nodes"][0]["output"] == {"n": 1} and "sleep 10ms" in w("show", run).out
    assert "ended already" in w("signal", run, "x", status=1).err
    assert w("signal", run, "x", "--data", "{", status=2).err
    assert w("signal", "00000000-0000-7000-8000-000000000000", "x", status=1).err


# ---- runs under way


def watch_logs_and_cancel_a_run_under_way(w):
    run = w.start_gated()
    watch, logs = w.follow("watch", run), w.follow("logs", run, "-f")
    until(watch, "left  started", "right  started")
    until(logs, "left | waits", "right | waits")
    assert "RUNNING" in w("show", run).out
    w.open_gate("right")  # the second of them: its lines must not wait for the first
    until(logs, "right | passed")
    until(watch, "right  SUCCESS")
    assert w("cancel", run, "--reason", "seen enough").out == "RUNNING\n"
    assert "seen enough" in "".join(until(watch, "run  CANCELLED"))
    assert watch.wait() == 1 and logs.wait() == 0
    assert "ended already" in w("cancel", run, status=1).err
    assert "CANCELLED" in w("show", run).out
    for p in (watch, logs):
        p.stdout.close()
        p.stderr.close()


def many_runs_are_cancelled_and_that_is_previewed(w):
    runs = [w.start_gated(), w.start_gated()]
    plan = w("cancel", "--status", "RUNNING", "--workflow", "gated", "--plan")
    assert {line.split()[0] for line in plan.lines} == set(runs), plan.out
    assert "2 runs would be cancelled" in plan.err
    assert all(w("show", run, "--json").json["status"] == "RUNNING" for run in runs)
    assert w("cancel", "--workflow", "good").out == ""
    r = w("cancel", "--workflow", "gated", "--reason", "all of them")
    assert {line.split()[0] for line in r.lines} == set(runs), r.out
    for run in runs:
        w("watch", run, status=1)
        assert w("show", run, "--json").json["status"] == "CANCELLED"
    assert w("cancel", "--status", "RUNNING", "-w", "gated", "--json").out == ""
    assert "have ended" in w("cancel", "--status", "FAILED", status=2).err
    assert w("cancel", "--workflow", "nowhere", status=1).err
    for bad in ([runs[0], "--status", "RUNNING"], [runs[0], "--plan"], ["--plan"], []):
        assert w("cancel", *bad, status=2).err


HELD = """name: held-up
nodes:
  - {id: w, wait: {event: go}}
  - {id: a, agent: noop, action: run, dependsOn: [w]}
"""


def runs_and_workflows_are_paused_and_resumed(w):
    w("apply", "-f", "-", stdin=HELD)
    runs = [w("run", "held-up").out.strip() for _ in range(3)]
    assert w("pause", runs[0], "--by", "ann", "--reason", "wait").out == "RUNNING\n"
    shown = w("show", runs[0]).out
    assert "by ann: wait" in next(line for line in shown.splitlines() if "paused" in line), shown
    assert "by ann" in next(line for line in w("runs").lines if runs[0] in line)
    assert w("pause", runs[0], "--json").json["paused"]["by"] == "ann"
    w("signal", runs[0], "go")
    assert f"drover resume {runs[0]}" in w("why", runs[0]).out
    plan = w("resume", "--status", "RUNNING", "--workflow", "held-up", "--plan")
    assert [line.split()[0] for line in plan.lines] == runs[:1], plan.out
    assert "1 run would be resumed" in plan.err, plan.err
    r = w("pause", "--status", "RUNNING", "-w", "held-up", "--by", "bob")
    assert [line.split()[-1] for line in r.lines] == ["paused"] * 2, r.out
    assert w("show", runs[0], "--json").json["paused"]["by"] == "ann"
    assert w("show", runs[1], "--json").json["paused"]["by"] == "bob"
    w("resume", "--status", "RUNNING", "-w", "held-up")
    w("watch", runs[0])
    assert "ended already" in w("pause", runs[0], status=1).err
    assert "workflow held-up would be paused" in w("pause", "-w", "held-up", "--plan").err
    assert w("pause", "-w", "held-up", "--runs", "--by", "ann").out == "paused\n"
    assert "by ann" in next(line for line in w("workflows").lines if "held-up" in line)
    assert "drover resume --workflow held-up" in w("run", "held-up", status=1).err
    r = w("resume", "-w", "held-up")
    assert r.out == "resumed\n" and "2 of its runs" in r.err, r.out + r.err
    for bad in ([], [runs[1], "-w", "held-up"], [runs[1], "--plan"], [runs[1], "--runs"],
                ["--status", "FAILED"]):
        assert w("pause", *bad, status=2).err


def a_node_is_skipped_with_a_result_by_hand(w):
    w("apply", "-f", "-", stdin=HELD)
    run = w("run", "held-up").out.strip()
    assert w("skip", run, "a", "--output", '{"n": 1}', "--by", "ann").out == "SUCCESS\n"
    assert w("skip", run, "w", "--reason", "not needed").out == "SKIPPED\n"
    assert "given" in w("watch", run).out
    nodes = {n["id"]: n for n in w("show", run, "--json").json["nodes"]}
    assert nodes["a"]["output"] == {"n": 1} and nodes["w"]["given"]["reason"], nodes
    assert "ended already" in w("skip", run, "a", status=1).err
    assert w("skip", run, "a", "--output", "{", status=2).err


def many_runs_are_retried_and_that_is_previewed(w):
    w("apply", "-f", "-", stdin=MIX.replace("name: mix", "name: mix-many"))
    for n in range(3):
        w("run", "mix-many", "-c", f"n={n}", "--watch", status=1)
    plan = w("retry", "-w", "mix-many", "--plan")
    assert len(plan.lines) == 3 and all("runs again bad, after" in x for x in plan.lines), plan.out
    assert "3 runs would be retried: 6 nodes would run again, 0 of them irreversible" in plan.err
    assert len(w("runs", "-w", "mix-many", "--json").json["items"]) == 3
    r = w("retry", "-w", "mix-many", "--status", "FAILED", "--by", "ann", "--reason", "again")
    new = [line.split()[-1] for line in r.lines]
    for run in new:
        w("watch", run, status=1)
        trigger = w("show", run, "--json").json["trigger"]
        assert (trigger["by"], trigger["reason"]) == ("ann", "again"), trigger
    assert len(w("runs", "-w", "mix-many", "--json").json["items"]) == 6
    assert w("retry", "--status", "RUNNING", status=2).err


def on_a_terminal_it_is_asked_before_many_are_stopped(w):
    w("apply", "-f", "-", stdin=HELD.replace("held-up", "asked"))
    run = w("run", "asked").out.strip()
    t = Terminal("cancel", "-w", "asked", server=w.server)
    t.read_until("cancel 1 run?")
    os.write(t.fd, b"n\n")
    assert t.end() == 1 and "nothing is done" in t.text, t.text
    assert w("show", run, "--json").json["status"] == "RUNNING"
    t = Terminal("cancel", "-w", "asked", server=w.server)
    t.read_until("cancel 1 run?")
    os.write(t.fd, b"y\n")
    assert t.end() == 0 and run in t.text, t.text
    w("watch", run, status=1)
    second = w("run", "asked").out.strip()
    t = Terminal("cancel", "-w", "asked", "--yes", server=w.server)
    assert t.end() == 0 and "?" not in t.text and second in t.text, t.text


def why_shows_what_holds_a_run(w):
    w("apply", "-f", "-", stdin="""name: held
nodes:
  - {id: gate, agent: noop, action: run, approvalRequired: true}
  - {id: then, agent: noop, action: run, dependsOn: [gate]}
  - {id: after, agent: noop, action: run, dependsOn: [then]}
""")
    run = w("run", "held").out.strip()
    why = w("why", run, "--json").json
    command = why["nodes"][0]["command"]
    lines = w("why", run[:20]).lines
    assert lines[0] == run + " WAITING_APPROVAL", lines
    assert lines[1] == why["summary"] and "node \"gate\": waits since" in lines[1], lines
    assert lines[2].startswith("├─ gate WAITING_APPROVAL waits since"), lines
    assert lines[3] == "│    $ " + command, lines
    assert lines[4].startswith("├─ then PENDING waits for \"gate\"; \"gate\" waits for app"), lines
    assert lines[5].startswith("└─ after PENDING waits for \"then\"; at the end of"), lines
    assert lines[6] == "     <- then <- gate" and len(lines) == 7, lines
    assert command.split()[0] == "drover"
    w(*command.split()[1:], "--by", "ann")
    w("watch", run)
    lines = w("why", run).lines
    assert len(lines) == 2 and lines[1].startswith("The run ended SUCCESS at "), lines
    bad = one_run(w)
    lines = w("why", bad).lines
    assert lines[2].startswith("└─ a FAILED ended FAILED at "), lines
    assert lines[3] == "     $ drover retry " + bad, lines
    assert "no such run" in w("why", "0" * 36, status=1).err


def progress_is_shown_and_watched(w):
    run = w.start_gated()
    watch = w.follow("watch", run)
    until(watch, "left  42 % done: at the gate", "right  42 % done: at the gate")
    assert "  left: 42 % done: at the gate" in w("show", run).lines
    w.open_gate("left")
    w.open_gate("right")
    watch.communicate()
    assert "% done" not in w("show", run).out
    assert w("show", run, "--json").json["agentRuns"][0]["progress"]["progress"] == 0.42


def the_circuit_breaker_of_an_agent_is_shown_and_reset(w):
    line = next(line for line in w("agents").lines if line.startswith("gate "))
    assert " closed " in line, line
    assert w("agents", "reset", "gate").out == "gate: the circuit breaker is closed\n"
    assert w("agents", "reset", "gate", "--json").json["breaker"]["state"] == "closed"
    assert "no circuit breaker" in w("agents", "reset", "noop", status=1).err
    w("agents", "reset", "nobody", status=1)
    w("agents", "open", "gate", status=2)
    w("agents", "gate", status=2)


def logs_of_one_node_and_as_json(w):
    run = w.start_gated()
    w.open_gate("left")
    w.open_gate("right")
    w("watch", run)
    assert [line.split()[-1] for line in w("logs", run, "left").lines][-1] == "passed"
    assert w("logs", run, "left", "-f").out == w("logs", run, "left").out
    assert {json.loads(line)["nodeId"] for line in w("logs", run, "--json").lines} == {"left",
                                                                                     "right"}
    assert "node" in w("logs", run, "nobody", status=1).err
    assert "node" in w("logs", run, "nobody", "-f", status=1).err


def watch_goes_on_after_the_service_was_killed(w):
    run = w.start_gated()
    watch = w.follow("watch", run)
    until(watch, "left  started", "right  started")
    address = w.daemon.address
    w.daemon.kill()
    w.close_gates()
    w.daemon.options += ["--listen", address]
    assert w.daemon.start(), w.daemon.log_text()
    until(watch, "left  started  gate run, attempt 2", "right  started  gate run, attempt 2")
    w.open_gate("left")
    w.open_gate("right")
    out, err = watch.communicate()
    assert watch.returncode == 0 and "run  SUCCESS" in out, (out, err)


# ---- artifacts


def artifacts_are_listed_and_fetched(w):
    run = one_run(w, "keeping", "--watch")
    run = w("runs", "--json").json["items"][0]["id"] if len(run) != 36 else run
    assert [line.split() for line in w("artifacts", run).lines] == [
        ["PATH", "BYTES"], ["keep/1/a", "b/c%.txt", "6"], ["keep/1/log", "0"]]
    assert w("artifacts", run[:32], "--json").json["items"][0] == {
        "nodeId": "keep", "attempt": 1, "path": "a b/c%.txt", "size": 6}
    assert w("artifacts", run, "keep/1/a b/c%.txt").out == "three\n"
    file = os.path.join(w.tmp.name, "fetched")
    assert w("artifacts", run, "keep/1/a b/c%.txt", "-o", file).out == ""
    with open(file, encoding="utf-8") as f:
        assert f.read() == "three\n"
    for path in ("keep/1/nothing", "keep/1", "..", "keep/1/../1/log"):
        r = w("artifacts", run, path, status=1)
        assert r.err.startswith("drover: ") and r.out == "", path


# ---- output


def hostile_text_is_inert_everywhere(w):
    run = w.start_gated()
    w.open_gate("left", '{"\\u001b]0;x": 1}')
    w.open_gate("right")
    for args in (["watch", run], ["logs", run], ["logs", run, "-f"], ["workflows"], ["show", run]):
        r = w(*args)
        assert "\x1b" not in r.out + r.err, (args, r.out)
    assert "\\x1b[31m" in w("workflows").out and "\\x1b[31m" in w("logs", run).out


def colours_and_cutting_are_for_terminals_only(w):
    w("watch", one_run(w, "mix", "-c", "n=1"), status=1)
    for args in (["runs"], ["workflows"], ["agents"], ["run", "mix", "-c", "n=1", "--watch"]):
        assert "\x1b" not in w(*args, status=None).out, args
        t = Terminal(*args, server=w.server)
        assert t.end() in (0, 1) and "\x1b[" in t.text, args
        t = Terminal(*args, server=w.server, env={"NO_COLOR": "1"})
        assert t.end() in (0, 1) and "\x1b" not in t.text, args
    t = Terminal("agents", server=w.server, columns=80, env={"NO_COLOR": "1"})
    assert t.end() == 0 and all(len(line) <= 80 for line in t.text.splitlines()), t.text
    assert "…" in t.text and "…" not in w("agents").out


def wide_characters_take_two_columns(w):
    w("apply", "-f", "-", stdin="name: wide\ndescription: 漢字かな한글😀é" + "e\u0301漢" * 60 +
      "\nnodes: [{id: a, agent: noop, action: run}]\n")
    t = Terminal("workflows", server=w.server, columns=60, env={"NO_COLOR": "1"})
    assert t.end() == 0
    line = next(x for x in t.text.splitlines() if x.startswith("wide "))
    width = sum(0 if unicodedata.combining(c) else
                2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    assert width in (59, 60) and line.endswith("…"), (width, line)


def a_closed_pipe_ends_quietly(w):
    p = w.follow("workflows")
    p.stdout.close()
    assert p.stderr.read() == "" and p.wait() in (0, -13)
    p.stderr.close()


def what_is_not_drover_is_said_to_be(_):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as s:
        thread = threading.Thread(target=s.serve_forever)
        thread.start()
        r = drover("runs", server=f"http://127.0.0.1:{s.server_port}/", status=3)
        s.shutdown()
        thread.join()
    assert "not drover" in r.err and r.out == ""


def schedules_are_listed_paused_and_backfilled(w):
    w("apply", "-f", "-", stdin="name: timed\ntrigger: {schedule: '0 9 * * 1', timezone: Europe/Berlin}\n"
      "nodes: [{id: a, agent: noop, action: run}]\n")
    s = w("schedules", "--json").json["items"][0]
    assert s["id"] in w("schedules").out and "timed" in w("schedules").out
    assert w("schedules", "pause", s["id"]).out == f"{s['id']} paused\n"
    assert w("schedules", "--json").json["items"][0]["paused"] is True
    assert w("schedules", "resume", s["id"], "--json").json["paused"] is False
    ask = ["schedules", "backfill", s["id"], "--from", "2026-01-05T00:00:00Z",
           "--to", "2026-01-12T08:00:00Z"]
    assert w(*ask, "--plan").lines == ["2026-01-05T08:00:00.000Z", "2026-01-12T08:00:00.000Z"]
    ids = [line.split()[1] for line in w(*ask).lines]
    assert w("show", ids[0], "--json").json["trigger"]["scheduledAt"] == "2026-01-05T08:00:00.000Z"
    w("schedules", "pause", "x", status=1)


CALLED = """name: called
nodes:
  - {id: ask, agent: noop, action: run, approvalRequired: true}
output: {said: "{{ nodes.ask.status }}"}
"""
CALLER = """name: caller
nodes:
  - {id: call, workflow: called}
output: "{{ nodes.call.output.said }}"
"""


def what_a_run_calls_is_shown_followed_and_listed(w):
    w("apply", "-f", "-", stdin=CALLED)
    w("apply", "-f", "-", stdin=CALLER)
    run = w("run", "caller").out.strip()
    child = w("runs", "--caller", run, "--json").json["items"][0]["id"]
    shown = w("show", run).out
    assert f"call: called run {child}" in shown and "workflow called" in shown, shown
    assert "called by" in w("show", child).out and run in w("show", child).out
    why = w("why", run).out
    assert child in why and "drover approve" in why, why
    approval = w("approvals", "--json").json["items"]
    approval = next(a for a in approval if a["runId"] == child)["id"]
    w("approve", approval, "--by", "ann")
    watched = w("watch", run).out
    assert f"workflow called, run {child}" in watched, watched
    assert "output    \"SUCCESS\"" in w("show", run).out, w("show", run).out


def with_one_service(w, test):
    def run():
        test(w)
    run.__name__ = test.__name__
    return run


if __name__ == "__main__":
    with World() as world:
        main([with_one_service(world, t) for t in (
            apply_says_what_it_did_and_refuses_with_places, diff_shows_what_would_change,
            lint_asks_a_named_server, workflows_and_agents_are_listed,
            run_starts_and_watches_to_the_end, events_come_as_json_lines,
            context_comes_from_keys_and_documents, a_dry_run_starts_nothing_and_a_key_starts_once,
            runs_are_listed_filtered_and_paged, a_search_that_comes_in_parts_is_gone_on_with, show_takes_an_id_or_its_beginning,
            retry_keeps_what_succeeded, a_signal_ends_the_wait_of_a_run, retry_with_another_context_and_planned,
            schedules_are_listed_paused_and_backfilled, watch_logs_and_cancel_a_run_under_way,
            many_runs_are_cancelled_and_that_is_previewed,
            runs_and_workflows_are_paused_and_resumed, a_node_is_skipped_with_a_result_by_hand,
            many_runs_are_retried_and_that_is_previewed,
            on_a_terminal_it_is_asked_before_many_are_stopped, why_shows_what_holds_a_run,
            progress_is_shown_and_watched, the_circuit_breaker_of_an_agent_is_shown_and_reset,
            what_a_run_calls_is_shown_followed_and_listed,
            logs_of_one_node_and_as_json, artifacts_are_listed_and_fetched, hostile_text_is_inert_everywhere,
            colours_and_cutting_are_for_terminals_only, wide_characters_take_two_columns,
            a_closed_pipe_ends_quietly,
            what_is_not_drover_is_said_to_be, watch_goes_on_after_the_service_was_killed)])
