#!/usr/bin/env python3
"""P12 on the real program: what people send wrong gets its 4xx with all findings and their places,
leaves nothing behind, and what they send strange comes back as it was, or inert on a terminal.
tests/api holds the JSON suite and the hostile YAML against every route."""
import http.client
import json
import os
import subprocess
import threading
import time

from daemon import BUILD, SOURCE, STALL_SECONDS, Daemon, main
from made import Agents, step, workflow

SHARED = os.environ.get("DROVER_SHARED") or os.path.join(SOURCE, "../shared")
STRINGS = json.load(open(os.path.join(SHARED, "data/naughty-strings.json"), encoding="utf-8"))

BAD = """name: bad
status: ACTIVE
nodes:
  - id: a
    agent: nobody
    action: run
  - id: b
    agent: noop
    action: fly
    dependsOn: [b]
  - id: b
    agent: noop
    action: run
    dependsOn: [missing]
  - id: c
    agent: noop
    action: run
    dependsOn: [d]
    colour: red
  - id: d
    agent: noop
    action: run
    dependsOn: [c]
    timeout: soon
    inputs: {x: "{{ nodes.nowhere.output }}"}
  - id: e
    agent: noop
    action: run
    when: "{{ 1 + }}"
  - id: f
    agent: notifier
    action: send
    inputs: {channel: pigeon}
"""
# path: line of the YAML above
PLACES = {"nodes[0].agent": 5, "nodes[1].action": 9, "nodes[1].dependsOn[0]": 10, "nodes[2].id": 11,
          "nodes[2].dependsOn[0]": 14, "nodes[3].colour": 19, "nodes[4].timeout": 24,
          "nodes[4].inputs.x": 25, "nodes[5].when": 29, "nodes[6].inputs.channel": 33}


def state(d):
    return [d.ok("GET", path)["items"] for path in ("/api/workflows", "/api/agents", "/api/runs")]


def problem(answer, status):
    got, headers, data = answer
    assert got == status, (got, data)
    assert headers["Content-Type"] == "application/problem+json", dict(headers)
    assert data["status"] == status and data["title"], data
    return data


def a_bad_workflow_is_told_all_its_faults_with_line_and_column_and_nothing_is_saved():
    with Daemon() as d:
        before = state(d)
        for path in ("/api/workflows", "/api/workflows?upsert=true"):
            told = problem(d.request("POST", path, BAD.encode(),
                                     {"Content-Type": "application/yaml"}), 422)["errors"]
            found = {e["path"]: e for e in told}
            for place, line in PLACES.items():
                assert place in found, (place, sorted(found))
                assert found[place]["line"] == line and found[place]["column"] > 0, found[place]
                assert found[place]["message"], found[place]
            assert state(d) == before
        good = workflow("good", step("a", "noop"))
        d.apply(good)
        cycle = workflow("good", step("a", "noop", "c"), step("b", "noop", "a"),
                         step("c", "noop", "b"))
        told = problem(d.request("PUT", "/api/workflows/good", cycle), 422)["errors"]
        assert any("cycle" in e["message"] for e in told), told
        assert all(name in json.dumps(told) for name in "abc"), told
        assert [v["version"] for v in d.ok("GET", "/api/workflows/good/versions")["items"]] == [1]
        assert d.run("good", {})["status"] == "SUCCESS"


def broken_yaml_names_its_place():
    cases = {"name: x\nnodes:\n  - id: [a\n": (3, 5), "name: x\nname: y\n": (2, 2),
             "name: &a x\ndescription: *a\n": (1, 2), "name: x\n\tnodes: []\n": (2, 2)}
    with Daemon() as d:
        for text, (first, last) in cases.items():
            told = problem(d.request("POST", "/api/workflows", text.encode(),
                                     {"Content-Type": "application/yaml"}), 400)
            assert first <= told["errors"][0]["line"] <= last, (text, told)
            assert told["errors"][0]["column"] >= 1, told


def documents_that_would_grow_are_refused_quickly():
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n"
                                      for i in range(1, 30))
    huge = b'{"name":"' + b"x" * (5 << 20) + b'"}'
    with Daemon() as d:
        start = time.monotonic()
        yaml = {"Content-Type": "application/yaml"}
        for body in (bomb, "[" * 10000, "- " * 10000, "{a: " * 10000, "? " * 10000):
            problem(d.request("POST", "/api/workflows", body.encode(), yaml), 400)
        problem(d.request("POST", "/api/workflows", b"#" * ((1 << 20) + 1), yaml), 413)
        for body in ("[" * 10000 + "]" * 10000, '{"a":' * 10000 + "1" + "}" * 10000):
            problem(d.request("POST", "/api/workflows", body), 400)
        for path in ("/api/workflows", "/api/agents", "/api/workflows/x/trigger",
                     "/api/runs/x/cancel"):
            problem(too_large(d, path, huge), 413)
        assert d.request("GET", "/health")[0] == 200
        assert time.monotonic() - start < STALL_SECONDS / 2
        assert state(d)[0] == [] and "Sanitizer" not in d.log_text()


def too_large(d, path, body):
    """The service may answer and close before it has read all of the body."""
    c = http.client.HTTPConnection(d.address, timeout=STALL_SECONDS)
    try:
        c.putrequest("POST", path)
        c.putheader("Content-Type", "application/json")
        c.putheader("Content-Length", str(len(body)))
        c.endheaders()
        try:
            c.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass
        r = c.getresponse()
        return r.status, r.headers, json.loads(r.read())
    finally:
        c.close()


def wrong_types_of_every_field_are_told_and_never_a_fault():
    values = [None, True, -1, 1.5, 1e400, "", "x", [], [[]], {}, {"x": {}}, [None], "{{", "{{ 1/0 }}"]
    node_fields = ("id", "agent", "action", "dependsOn", "when", "inputs", "timeout", "retry",
                   "workspace", "limits", "runOn", "joinRule", "continueOnError", "inputsJson",
                   "agentId", "nothing")
    fields = ("name", "project", "description", "status", "trigger", "contextSchema", "timeout",
              "concurrency", "nodes", "output", "nothing")
    with Daemon() as d:
        for value in values:
            for field in fields:
                doc = {**workflow("w", step("a", "noop")), field: value}
                judged(d, "/api/workflows/validate", doc)
            for field in node_fields:
                doc = workflow("w", {**step("a", "noop"), field: value})
                judged(d, "/api/workflows/validate", doc)
            judged(d, "/api/workflows", value)
            judged(d, "/api/agents", value)
            for field in ("name", "type", "version", "riskLevel", "entryPath", "command",
                          "capabilities", "limits"):
                judged(d, "/api/agents", {"name": "n", "type": "SCRIPT", "version": "1",
                                          "entryPath": "/", "command": ["x"], "capabilities": [],
                                          field: value})
        assert state(d)[0] == [] and state(d)[2] == []
        assert all(a["builtin"] for a in state(d)[1]), "no agent was registered"


def judged(d, path, doc):
    body = json.dumps(doc).replace("Infinity", "1e400")
    status, _, answer = d.request("POST", path, body)
    assert status in (200, 201, 400, 403, 422), (path, body, status, answer)
    if status >= 400:
        assert answer["detail"] or answer["errors"], (body, answer)
        assert len(json.dumps(answer)) < 20000, (body, len(json.dumps(answer)))


ECHO = """import json, sys
request = json.load(sys.stdin)
print(request["input"]["text"], file=sys.stderr)
json.dump(request["input"], sys.stdout)
"""


def inert(output, what):
    """Only printable text, tabs and newlines reach the terminal, whatever it was made of."""
    text = output.decode()  # and it is UTF-8
    for c in text:
        code = ord(c)
        assert c in "\n\t" or (code >= 0x20 and not 0x7f <= code < 0xa0), (what, c, text[:200])
        assert code not in (0x200e, 0x200f, 0x61c) and not 0x202a <= code <= 0x202e \
            and not 0x2066 <= code <= 0x2069, (what, hex(code), text[:200])


def cli(d, *words):
    got = subprocess.run([os.path.join(BUILD, "drover"), *words, "--server", "http://" + d.address],
                         capture_output=True, check=False, timeout=STALL_SECONDS)
    assert b"Sanitizer" not in got.stderr, got.stderr.decode(errors="replace")
    assert got.returncode in (0, 1), (words, got)
    return got.stdout + got.stderr


def naughty_strings_go_through_agents_byte_for_byte_and_are_inert_on_a_terminal():
    """All strings at once, as inputs and log lines of one agent, and as names of what fails."""
    controls = ["\x1b[2J\x1b]0;title\x07", "\x9b31m", "\x7f\b\r\0", "\u202eevil\u202c", "\u2066x\u2069"]
    strings = [s for s in STRINGS + controls if s]
    with Agents() as agents:
        agents.add("echo", ECHO, language="py")
        with Daemon(agents=[agents.path]) as d:
            text = "\n".join(strings)
            # Through the context: a string with {{ of a definition would be a template.
            d.apply(workflow("naughty",
                             step("all", "echo", inputs={"text": "{{ context.text }}",
                                                         "list": "{{ context.list }}"}),
                             step("from-context", "noop", inputs={"x": "{{ context.list }}"}),
                             description=text[:1000]))
            run = d.run("naughty", {"list": strings, "text": text})
            assert run["status"] == "SUCCESS", run["error"]
            assert run["context"]["list"] == strings
            outputs = {n["id"]: n["output"] for n in run["nodes"]}
            assert outputs["all"] == {"text": text, "list": strings}
            assert outputs["from-context"] == {"input": {"x": strings}}
            for words in (["show", run["id"]], ["runs"], ["logs", run["id"]], ["workflows"],
                          ["logs", run["id"], "all"], ["watch", run["id"]], ["agents"]):
                inert(cli(d, *words), words)
            for words in (["show", run["id"], "--json"], ["runs", "--json"]):
                json.loads(cli(d, *words))
            for s in strings[::7] + controls:  # a process each
                if "\0" not in s and not s.startswith("-"):
                    inert(cli(d, "show", s), s)


def idempotency_keys_of_any_text_are_taken_or_refused():
    with Daemon() as d:
        d.apply(workflow("w", step("a", "noop")))
        taken = set()
        for s in STRINGS:
            try:
                s.encode("latin-1")
            except UnicodeEncodeError:
                continue
            if any(c in s for c in "\r\n\0"):
                continue
            status, _, answer = d.request("POST", "/api/workflows/w/trigger", {"context": {}},
                                          {"Idempotency-Key": s})
            assert status in (202, 400), (s, status, answer)
            if status == 202:
                taken.add(answer["workflowRunId"])
        assert len(taken) > 100, len(taken)


def runs_that_failed_with_hostile_messages_are_inert_too():
    with Agents() as agents:
        agents.add("shouts", "import sys\nsys.stderr.buffer.write(bytes(range(256)) + b'\\n\\x1b[31m'"
                   " + b'\\xc2\\x9b1m\\xe2\\x80\\xae\\n')\nprint('\\x1b[2J')\n", language="py")
        with Daemon(agents=[agents.path]) as d:
            d.apply(workflow("w", step("a", "shouts"), description="\x1b[31m\u202e"))
            run = d.trigger("w", {"\x1b[1m": "\x9b"})
            watched = threading.Thread(target=lambda: inert(cli(d, "watch", run), "watch"))
            watched.start()
            got = d.wait(run)
            watched.join()
            assert got["status"] == "FAILED", got
            for words in (["show", run], ["logs", run], ["logs", run, "a"], ["runs"], ["workflows"]):
                inert(cli(d, *words), words)
            json.loads(cli(d, "show", run, "--json"))


main([a_bad_workflow_is_told_all_its_faults_with_line_and_column_and_nothing_is_saved,
      broken_yaml_names_its_place,
      documents_that_would_grow_are_refused_quickly,
      wrong_types_of_every_field_are_told_and_never_a_fault,
      naughty_strings_go_through_agents_byte_for_byte_and_are_inert_on_a_terminal,
      idempotency_keys_of_any_text_are_taken_or_refused,
      runs_that_failed_with_hostile_messages_are_inert_too])
