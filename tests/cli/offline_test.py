"""The commands that need no server."""
import json
import os
import subprocess
import tempfile

from cli import NOWHERE, PROGRAM, drover, environment
from daemon import SOURCE, main

COMMANDS = ("serve demo apply diff lint workflows run runs show watch logs cancel retry move signal agents "
            "agent schedules eval validate cron doctor version completion").split()
OBJECT = '{"type":"object","required":["x"]}'


def help_lists_every_command_and_each_has_its_own():
    text = drover("help").out
    assert drover("--help").out == text
    for c in COMMANDS:
        assert f"  {c} " in text, c
        own = drover(c, "--help")
        assert own.out.startswith(f"usage: drover {c}") and own.err == "", c
        assert drover("help", c).out == own.out, c
    assert drover(status=2).out == ""


def a_misspelt_command_or_option_is_a_usage_error_that_helps():
    r = drover("rnus", status=2)
    assert "'runs'" in r.err and r.out == ""
    assert "--help" in drover("runs", "--nope", status=2).err
    assert "needs a value" in drover("runs", "--status", status=2).err
    assert "whole number" in drover("runs", "--limit", "x", status=2).err
    assert "takes no value" in drover("runs", "--json=1", status=2).err


def wrong_numbers_of_arguments_are_usage_errors():
    for args in (["show"], ["show", "a", "b"], ["watch"], ["logs"], ["logs", "a", "b", "c"],
                 ["artifacts"], ["artifacts", "a", "b", "c"], ["artifacts", "01234567-0123-7123-8123-0123456789ab", "a/1/b", "-o", "/nonexistent/x"],
                 ["cancel"], ["retry"], ["signal"], ["signal", "x"], ["run"], ["runs", "x"], ["agents", "x"], ["apply"],
                 ["diff"], ["lint"], ["eval"], ["validate", "{}"], ["schedules", "x"], ["schedules", "walk", "x"],
                 ["schedules", "backfill", "x"], ["agent"], ["agent", "run"],
                 ["agent", "walk", "x"], ["version", "x"], ["completion"], ["completion", "ksh"],
                 ["demo", "a", "b"], ["demo", "/nonexistent"], ["demo", __file__],
                 ["apply", "-f", "/nonexistent"], ["lint", "-f", "/nonexistent"],
                 ["run", "w", "-c", "x"], ["run", "w", "--context", "[1]"],
                 ["run", "w", "--context", "{"]):
        r = drover(*args, "--server", NOWHERE, status=None) if args[0] in (
            "apply", "run") else drover(*args, status=None)
        assert r.status == 2 and r.err and not r.out, (args, r.status, r.err, r.out)


def an_unreachable_server_gives_3():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write("name: x\nnodes: [{id: a, agent: noop, action: run}]\n")
        f.flush()
        for args in (["apply", "-f", f.name], ["diff", "-f", f.name], ["workflows"], ["run", "x"], ["run", "x", "--watch"], ["runs"],
                     ["show", "x"], ["show", "01234567"], ["watch", "x"], ["logs", "x"],
                     ["logs", "x", "y", "-f"], ["artifacts", "x"],
                     ["artifacts", "x", "a/1/b"], ["cancel", "x"], ["retry", "x"], ["signal", "x", "go"], ["agents"]):
            r = drover(*args, server=NOWHERE, status=3)
            assert NOWHERE in r.err and not r.out, (args, r.err)
            assert drover(*args, "--server", NOWHERE, status=3).err == r.err
        assert NOWHERE in drover("lint", f.name, "--server", NOWHERE, status=3).err
        assert drover("lint", f.name, server=NOWHERE).out == f"{f.name}: ok\n"


def version_says_itself_in_both_forms():
    version = drover("version", "--json").json["version"]
    assert drover("version").out == f"drover {version}\n" == drover("--version").out


def what_can_t_be_written_is_a_failure():
    with open("/dev/full", "w", encoding="utf-8") as full:
        p = subprocess.run([PROGRAM, "version"], stdout=full, stderr=subprocess.PIPE, text=True,
                           env=environment(), check=False)
    assert p.returncode == 1 and "can't write" in p.stderr


def doctor_tells_what_the_machine_offers():
    r = drover("doctor", "--json", "--server", NOWHERE, status=None)
    assert r.json["sandbox"]["isolated"] == (r.status == 0)
    assert r.json["service"] == {"server": NOWHERE, "status": "none"}
    text = drover("doctor", "--server", NOWHERE, status=r.status).out
    assert "isolation" in text and "memory" in text and "service" in text


def completion_scripts_parse_and_complete():
    script = drover("completion", "bash").out
    env = dict(environment(), PATH=os.path.dirname(PROGRAM) + ":" + os.environ["PATH"])

    def complete(words, at):
        ask = f"{script}\nCOMP_WORDS=(drover {words}); COMP_CWORD={at}; _drover\n"
        return subprocess.run(["bash", "-c", ask + "echo ${COMPREPLY[@]}"], capture_output=True,
                              text=True, env=env, check=True).stdout.split()

    assert complete("ru", 1) == ["run", "runs"]
    assert complete("runs --st", 2) == ["--status"]
    for shell in ("zsh", "fish"):
        assert "drover" in drover("completion", shell).out


# ---- eval, validate


def eval_prints_the_value_or_points_at_the_place():
    roots = '{"a":{"b":[1,2]}}'
    assert drover("eval", "a.b.map(x, x * 2)", "--roots", roots).json == [2, 4]
    assert drover("eval", "1 + 1", "--json").json == {"value": 2}
    r = drover("eval", "a.c + 1", "--roots", roots, status=1)
    assert r.out == "" and "no such key 'c'" in r.err
    assert r.err.splitlines()[2].index("^") == r.err.splitlines()[1].index(".c") + 1
    assert drover("eval", "1 +", "--json", status=1).json["error"]["position"] == 3
    assert drover("eval", "a", "--roots", "[1]", status=2).out == ""
    assert "line 1" in drover("eval", "a", "--roots", "{", status=2).err


def eval_reads_roots_from_a_file_and_stdin():
    with tempfile.NamedTemporaryFile("w") as f:
        f.write('{"a": 41}')
        f.flush()
        assert drover("eval", "a + 1", "--roots", "@" + f.name).json == 42
    assert drover("eval", "a + 1", "--roots", "@-", stdin='{"a": 1}').json == 2
    assert drover("eval", "a", "--roots", "@/nonexistent", status=2).out == ""


def validate_judges_text_files_and_stdin():
    assert drover("validate", "--schema", OBJECT, '{"x":1}').out == "valid\n"
    assert "x" in drover("validate", "--schema", OBJECT, "{}", status=1).out
    assert drover("validate", "--schema", OBJECT, "-", stdin='{"x":1}').out == "valid\n"
    with tempfile.NamedTemporaryFile("w") as f:
        f.write('{"x": 41}')
        f.flush()
        drover("validate", "--schema", OBJECT, f.name)
        drover("validate", "--schema", OBJECT, "@" + f.name)
    r = drover("validate", "--schema", OBJECT, "5", "--json", status=1).json
    assert r["valid"] is False and r["errors"][0]["message"]
    assert "type" in drover("validate", "--schema", '{"type":"objec"}', "{}", status=1).err
    assert drover("validate", "--schema", "{", "{}", status=2).out == ""
    assert drover("validate", "--schema", '{"format":"ipv4"}', '"x"').out == "valid\n"
    drover("validate", "--schema", '{"format":"ipv4"}', '"x"', "--formats", status=1)


def lines_answer_each_line_at_once_and_go_on_after_a_bad_one():
    def ask(command, *requests):
        p = subprocess.Popen([PROGRAM, command, "--lines"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True, env=environment())
        for request in requests:  # the answer comes before the next request is sent
            p.stdin.write(request + "\n")
            p.stdin.flush()
            yield json.loads(p.stdout.readline())
        p.stdin.close()
        assert p.stdout.read() == "" and p.wait() == 0

    a, b, c, d = ask("eval", '{"expr":"x+1","roots":{"x":1}}', "no json", '{"expr":"1+"}',
                     '{"expr":"[1]"}')
    assert a == {"value": 2} and d == {"value": [1]}
    assert set(b["error"]) == {"message", "position"} and c["error"]["position"] == 2
    a, b, c, d = ask("cron", '{"cron":"@daily","from":"2026-01-01T00:00:00Z","n":1}', "no json",
                     '{"cron":"@daily","timezone":"Asia/Tokyo","from":"2026-01-01T00:00:00Z"}',
                     '{"cron":"* * * * x"}')
    assert a == {"fires": ["2026-01-02T00:00:00.000Z"]} and len(c["fires"]) == 5
    assert c["fires"][0] == "2026-01-01T15:00:00.000Z"
    assert set(b["error"]) == {"message", "position"} and d["error"]["position"] == 8
    a, b, c, d = ask("validate", '{"schema":{"type":"integer"},"data":1}', "no json",
                     '{"schema":{"type":"integer"},"data":"a"}', '{"schema":{"type":1},"data":1}')
    assert a == {"valid": True, "errors": []}
    assert "message" in b["error"] and "position" in b["error"]
    assert c["valid"] is False and c["errors"][0].keys() >= {"path", "message"}
    assert "message" in d["error"]


def lines_takes_the_last_line_without_a_newline():
    assert drover("eval", "--lines", stdin='\n\n{"expr":"1"}').json == {"value": 1}
    assert drover("eval", "--lines", stdin="").out == ""


def cron_tells_the_next_fires():
    ask = ["cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--from", "2026-03-28T00:00:00Z"]
    fires = ["2026-03-28T01:30:00.000Z", "2026-03-29T01:00:00.000Z"]
    assert drover(*ask, "-n", "2").lines == fires
    assert drover(*ask, "-n", "2", "--json").json == {"fires": fires}
    assert len(drover("cron", "@every 1h").lines) == 5
    r = drover("cron", "0 25 * * *", status=1)
    assert "hour must be 0 to 23" in r.err and not r.out
    assert r.err.splitlines()[2].index("^") == r.err.splitlines()[1].index("25")
    assert drover("cron", "0 0 31 2 *", "--json", status=1).json["error"]["position"] == 4
    for bad in (["--timezone", "Mars/Base"], ["--timezone", "../../etc/passwd"],
                ["--from", "noon"], ["-n", "0"], ["-n", "9999"]):
        assert drover("cron", "@daily", *bad, status=1).err, bad
    drover("cron", status=2)


# ---- lint


def lint_needs_no_server_and_shows_places():
    with tempfile.TemporaryDirectory() as folder:
        bad = os.path.join(folder, "bad.yaml")
        with open(bad, "w", encoding="utf-8") as f:
            f.write("name: bad\nnodes:\n  - id: a\n    agent: nop\n    action: run\n"
                    "  - {id: b, agent: noop, action: run, dependsOn: [zz]}\n")
        r = drover("lint", "-f", bad, status=1)
        assert f"{bad}:4:5: nodes[0].agent: " in r.out and '"noop"' in r.out
        assert "    4 |     agent: nop\n      |     ^\n" in r.out
        assert f"{bad}:6:" in r.out
        good = os.path.join(SOURCE, "agents", "workflows", "scan-and-notify.yaml")
        assert drover("lint", good).out == f"{good}: ok\n"
        r = drover("lint", "--json", "-f", bad, good, status=1)
        assert {v["file"]: v["valid"] for v in map(json.loads, r.lines)} == {bad: False, good: True}
        drover("lint", "-", stdin='{"name": "x"', status=1)
        as_json = os.path.join(folder, "x.json")
        with open(as_json, "w", encoding="utf-8") as f:
            f.write('{"name": "x", "nodes": [{"id": "a", "agent": "noop", "action": "run"}]}')
        drover("lint", as_json)


def lint_knows_the_agents_of_given_folders():
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/mine")
        with open(folder + "/mine/agent.yaml", "w", encoding="utf-8") as f:
            f.write('name: mine\ntype: SCRIPT\nversion: "1"\ndescription: d\ncommand: ["true"]\n'
                    "capabilities: {go: {inputSchema: {type: object}, outputSchema: {}}}\n")
        text = "name: x\nnodes: [{id: a, agent: mine, action: go}]\n"
        drover("lint", "-", stdin=text, status=1)
        drover("lint", "-", "--agents", folder, stdin=text)
        drover("lint", "-", "--agents", folder + "/none", stdin=text, status=2)


# ---- agent run


class Agents:
    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.add("two", 'command: ["sh", "-c", "cat >/dev/null; echo log line >&2; echo {}"]',
                 "{one: {inputSchema: {type: object}, outputSchema: {type: object}}, "
                 "two: {inputSchema: {type: object}, outputSchema: {type: array}}}")
        self.add("stuck", 'command: ["sleep", "1000"]')
        self.add("fails", 'command: ["sh", "-c", "exit 7"]')
        self.add("prints", 'command: ["echo", "no json"]')
        return self.folder.name

    def add(self, name, command, capabilities="{run: {inputSchema: {}, outputSchema: {}}}"):
        os.mkdir(os.path.join(self.folder.name, name))
        with open(os.path.join(self.folder.name, name, "agent.yaml"), "w", encoding="utf-8") as f:
            f.write(f'name: {name}\ntype: SCRIPT\nversion: "1"\ndescription: d\n{command}\n'
                    f"capabilities: {capabilities}\n")

    def __exit__(self, *_):
        self.folder.cleanup()


def agent_run_runs_rules_and_the_examples_that_come_with_drover():
    assert drover("agent", "run", "noop", "--input", '{"a": 1}').json == {"input": {"a": 1}}
    with tempfile.TemporaryDirectory() as w:
        os.chmod(w, 0o755)
        with open(w + "/a.txt", "w", encoding="utf-8") as f:
            f.write("one\ntwo\n")
        counted = drover("agent", "run", "line-counter", "--workspace", w, "--input", "{}").json
        assert counted["lines"] == 2
        assert "totalKiB" in drover("agent", "run", "disk-report", "--workspace", w).json
        assert drover("agent", "run", "line-counter", "--workspace", w + "/no", status=2).err


def agent_run_tells_each_end_apart():
    with Agents() as a:
        r = drover("agent", "run", "two", "--agents", a, "--action", "one")
        assert r.json == {} and "log line" in r.err
        assert "one two" in drover("agent", "run", "two", "--agents", a, status=2).err
        assert "one two" in drover("agent", "run", "two", "--agents", a, "-a", "x", status=2).err
        r = drover("agent", "run", "two", "--agents", a, "--action", "two", status=1)
        assert "invalid_output" in r.err
        r = drover("agent", "run", "stuck", "--agents", a, "--timeout", "200ms", status=1)
        assert "failed: timeout" in r.err
        assert "failed: exit_7" in drover("agent", "run", "fails", "--agents", a, status=1).err
        assert "invalid_output" in drover("agent", "run", "prints", "--agents", a, status=1).err
        drover("agent", "run", "stuck", "--agents", a, "--timeout", "soon", status=2)
    assert "input.z" in drover("agent", "run", "line-counter", "--input", '{"z": 1}', status=1).err
    assert drover("agent", "run", "line-counter", "--input", "{", status=2).out == ""
    assert "nobody" in drover("agent", "run", "nobody", status=2).err


if __name__ == "__main__":
    main([help_lists_every_command_and_each_has_its_own,
          a_misspelt_command_or_option_is_a_usage_error_that_helps,
          wrong_numbers_of_arguments_are_usage_errors, an_unreachable_server_gives_3,
          version_says_itself_in_both_forms, what_can_t_be_written_is_a_failure,
          doctor_tells_what_the_machine_offers, completion_scripts_parse_and_complete,
          eval_prints_the_value_or_points_at_the_place, eval_reads_roots_from_a_file_and_stdin,
          validate_judges_text_files_and_stdin,
          cron_tells_the_next_fires,
          lines_answer_each_line_at_once_and_go_on_after_a_bad_one,
          lines_takes_the_last_line_without_a_newline, lint_needs_no_server_and_shows_places,
          lint_knows_the_agents_of_given_folders,
          agent_run_runs_rules_and_the_examples_that_come_with_drover,
          agent_run_tells_each_end_apart])
