#!/usr/bin/env python3
"""Effects on the real program: scripts that die with it in their middle. What they did is told
through a pipe in their workspace, so that it is counted apart from drover."""
import contextlib
import json
import os
import select
import subprocess
import urllib.request

from daemon import BUILD, Daemon, main, no_orphans, node
from made import ANY, Agents, Folder

PROGRAM = """
import json, os, sys
request = json.load(sys.stdin)
context = request["context"]
with open("/workspace/effects", "w") as f:
    f.write(f"{request['action']} {context['idempotencyKey']} {context.get('probeOf', '-')}\\n")
if request["action"] == "find":
    print(open("/workspace/truth").read())
    sys.exit()
if not os.path.exists("/workspace/free"):
    open("/workspace/hold").read()
print(json.dumps({"paid": request["input"]["sum"]}))
"""
PAID = {"type": "object", "required": ["paid"]}


def capability(name, **more):
    return dict({"name": name, "inputSchema": ANY}, **more)


class Bank:
    """A service with an agent whose program stops in its middle; `effects` is what it did."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            agents = stack.enter_context(Agents())
            self.ws = stack.enter_context(Folder())
            agents.write("bank/main.py", PROGRAM)
            agents.write("bank/agent.yaml", json.dumps({
                "name": "bank", "type": "SCRIPT", "version": "1", "description": "made by a test",
                "command": ["python3", "/agent/main.py"], "capabilities": [
                    capability("look", effect="pure"), capability("find", effect="pure"),
                    capability("pay", effect="irreversible", outputSchema=PAID),
                    capability("sync", effect="reconcilable", probe="find", outputSchema=PAID)]}))
            for name in ("effects", "hold"):
                os.mkfifo(self.ws / name)
                os.chmod(self.ws / name, 0o666)
            self.pipe = os.open(self.ws / "effects", os.O_RDWR)
            stack.callback(os.close, self.pipe)
            self.d = stack.enter_context(Daemon(agents=[agents.path], workspaces=[self.ws.path]))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *what):
        self.stack.__exit__(*what)
        no_orphans()

    def effect(self):
        """The next thing that was done, as it is: (action, key, the attempt that a probe asks for)."""
        ready, _, _ = select.select([self.pipe], [], [], 60)
        assert ready, "nothing was done"
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.pipe, 1)
        return tuple(line.decode().split())

    def nothing_more(self):
        assert not select.select([self.pipe], [], [], 0)[0], self.effect()

    def begin(self, action, **more):
        """A run whose node n is in the middle of the action."""
        self.d.apply({"name": "w", "nodes": [
            {"id": "n", "agent": "bank", "action": action, "inputs": {"sum": 5},
             "workspace": self.ws.path, **more},
            {"id": "after", "agent": "noop", "action": "run", "dependsOn": ["n"]}]})
        run = self.d.trigger("w", {})
        assert self.effect() == (action, f"{run}:n", "-")
        return run

    def die(self):
        self.d.kill()
        assert self.d.start()

    def until(self, run, event_type):
        for _, got, event in self.d.events(run):
            if got == event_type:
                return event["data"]
        raise AssertionError(f"the run ended without {event_type}")

    def get(self, run):
        return self.d.ok("GET", f"/api/runs/{run}")

    def resolve(self, run, node_id="n", **body):
        return self.d.request("POST", f"/api/runs/{run}/nodes/{node_id}/resolve", body)

    def free(self):
        self.ws.write("free", "")

    def cli(self, *words):
        done = subprocess.run([os.path.join(BUILD, "drover"), *words, "--server",
                               f"http://{self.d.address}"], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr


def unknown(b, **more):
    run = b.begin("pay", **more)
    b.die()
    got = b.get(run)
    assert node(got, "n")["status"] == "UNKNOWN" and got["status"] == "WAITING_APPROVAL", got
    b.nothing_more()
    return run


def gauge(b):
    with urllib.request.urlopen(f"http://{b.d.metrics}/metrics", timeout=60) as f:
        return [line.split()[1] for line in f.read().decode().splitlines()
                if line.startswith("drover_nodes_unknown ")]


def an_irreversible_step_that_dies_with_drover_is_unknown_and_was_done_once():
    with Bank() as b:
        run = unknown(b, retry={"maxAttempts": 5})
        b.die()  # and stays so
        n = node(b.get(run), "n")
        assert n["status"] == "UNKNOWN" and n["attempt"] == 1, n
        assert n["doubt"]["effect"] == "irreversible" and n["doubt"]["code"] == "lost", n
        [item] = b.d.ok("GET", "/api/unknown")["items"]
        assert (item["runId"], item["nodeId"]) == (run, "n"), item
        assert item["attemptId"] == b.get(run)["agentRuns"][0]["id"], item
        assert gauge(b) == ["1"], gauge(b)
        status, out, _ = b.cli("unknown")
        assert status == 0 and run in out and "irreversible" in out, out
        status, out, _ = b.cli("show", run)
        assert "may or may not have happened" in out and f"drover resolve {run} n" in out, out
        status, out, _ = b.cli("why", run)
        assert f"drover resolve {run} n --succeeded JSON" in out, out
        status, out, err = b.cli("resolve", run, "n", "--succeeded", '{"paid": 5}', "--by", "ann",
                                 "--reason", "the bank says so")
        assert status == 0, err
        end = b.d.wait(run)
        assert end["status"] == "SUCCESS" and node(end, "n")["output"] == {"paid": 5}, end
        assert node(end, "n")["doubt"]["settled"]["by"] == "ann", end
        assert b.until(run, "node.resolved") == {
            "nodeId": "n", "as": "succeeded", "by": "ann", "reason": "the bank says so"}
        b.nothing_more()
        assert gauge(b) == ["0"], gauge(b)
        assert b.cli("unknown")[2] == "no node is UNKNOWN\n"


def resolved_as_failed_the_run_fails_with_what_was_said():
    with Bank() as b:
        run = unknown(b)
        status, out, err = b.cli("resolve", run[:23], "n", "--failed", "the bank refused")
        assert status == 0, (out, err)
        end = b.d.wait(run)
        assert end["status"] == "FAILED", end
        assert node(end, "n")["error"] == {"code": "resolved_failed", "message": "the bank refused"}
        b.nothing_more()


def resolved_to_run_again_it_is_done_once_more_with_the_same_key():
    with Bank() as b:
        run = unknown(b)
        b.free()
        status, out, err = b.cli("resolve", run, "n", "--again", "--json")
        assert status == 0 and json.loads(out)["nodeId"] == "n", (out, err)
        assert b.effect() == ("pay", f"{run}:n", "-")
        end = b.d.wait(run)
        assert end["status"] == "SUCCESS" and node(end, "n")["attempt"] == 2, end
        b.nothing_more()


def a_probe_finds_out_what_became_of_a_step():
    for truth, effects, output in (({"state": "done", "output": {"paid": 7}}, [], {"paid": 7}),
                                   ({"state": "absent"}, ["sync"], {"paid": 5})):
        with Bank() as b:
            b.ws.write("truth", json.dumps(truth))
            run = b.begin("sync")
            b.free()
            b.die()
            assert b.effect() == ("find", f"{run}:n", "1")
            end = b.d.wait(run)
            for action in effects:
                assert b.effect() == (action, f"{run}:n", "-")
            b.nothing_more()
            assert end["status"] == "SUCCESS" and node(end, "n")["output"] == output, end
            probes = [a for a in end["agentRuns"] if a.get("probe")]
            assert [a["action"] for a in probes] == ["find"], end


def a_probe_that_does_not_know_asks_people():
    with Bank() as b:
        b.ws.write("truth", json.dumps({"state": "unknown", "message": "it is night"}))
        run = b.begin("sync")
        b.die()
        assert "it is night" in b.until(run, "node.unknown")["why"]
        assert node(b.get(run), "n")["status"] == "UNKNOWN"


def a_pure_step_is_run_again():
    with Bank() as b:
        run = b.begin("look")
        b.free()
        b.die()
        assert b.effect() == ("look", f"{run}:n", "-")
        assert b.d.wait(run)["status"] == "SUCCESS"
        b.nothing_more()


def a_time_out_of_an_irreversible_step_asks_instead_of_trying_again():
    with Bank() as b:
        run = b.begin("pay", timeout="2s", retry={"maxAttempts": 3, "initialInterval": "10ms"})
        data = b.until(run, "node.unknown")
        assert data["code"] == "timeout" and data["effect"] == "irreversible", data
        b.nothing_more()


def a_cancelled_irreversible_step_says_that_its_effect_is_not_known():
    with Bank() as b:
        run = b.begin("pay")
        b.d.ok("POST", f"/api/runs/{run}/cancel", {})
        end = b.d.wait(run)
        assert end["status"] == "CANCELLED", end
        n = node(end, "n")
        assert n["status"] == "CANCELLED" and n["doubt"]["effect"] == "irreversible", n
        assert "settled" not in n["doubt"], n
        assert b.until(run, "node.finished")["effectUnknown"] is True


def what_can_not_be_resolved_is_refused_with_the_reason():
    with Bank() as b:
        run = b.begin("pay")
        status, _, body = b.resolve(run, **{"as": "again"})
        assert status == 409 and "RUNNING" in json.dumps(body), body
        b.die()
        for body, path in (({}, "as"), ({"as": "maybe"}, "as"), ({"as": "succeeded"}, "output"),
                           ({"as": "again", "output": {}}, "output"), ({"as": 5}, "as"),
                           ({"as": "again", "message": "x"}, "message"),
                           ({"as": "succeeded", "output": {"no": 1}}, "output"),
                           ({"as": "failed", "message": "x" * 5000}, "message"),
                           ({"as": "again", "else": 1}, "else")):
            status, _, got = b.resolve(run, **body)
            assert status == 422 and got["errors"][0]["path"].startswith(path), (body, got)
        assert b.resolve(run, "m", **{"as": "again"})[0] == 404
        assert b.resolve("00000000-0000-7000-8000-000000000000", **{"as": "again"})[0] == 404
        assert node(b.get(run), "n")["status"] == "UNKNOWN"
        assert b.resolve(run, **{"as": "failed"})[0] == 202
        b.d.wait(run)
        assert b.resolve(run, **{"as": "failed"})[0] == 409
        for words in (("resolve", run), ("resolve", run, "n"),
                      ("resolve", run, "n", "--again", "--failed"),
                      ("resolve", run, "n", "--again", "message"),
                      ("resolve", run, "n", "--succeeded", "{")):
            assert b.cli(*words)[0] == 2, words
        b.nothing_more()


def effects_are_shown_before_anything_runs():
    with Bank() as b:
        got = b.d.ok("GET", "/api/agents/bank")["capabilities"]
        assert {c["name"]: c["effect"] for c in got} == {
            "look": "pure", "find": "pure", "pay": "irreversible", "sync": "reconcilable"}, got
        assert [c.get("probe") for c in got if c["name"] == "sync"] == ["find"]
        assert "pay (irreversible)" in b.cli("agents")[1]
        run = unknown(b)
        dry = b.d.ok("POST", "/api/workflows/w/trigger", {"dryRun": True, "context": {}})
        assert {n["id"]: n["effect"] for n in dry["nodes"]} == {"n": "irreversible", "after": "pure"}
        assert b.resolve(run, **{"as": "failed"})[0] == 202
        b.d.wait(run)
        plan = b.d.ok("POST", f"/api/runs/{run}/retry", {"plan": True})
        assert plan["irreversible"] == ["n"], plan
        assert plan["effects"] == {"n": "irreversible", "after": "pure"}, plan
        assert "irreversible n" in b.cli("retry", run, "--plan")[1]


if __name__ == "__main__":
    main([an_irreversible_step_that_dies_with_drover_is_unknown_and_was_done_once,
          resolved_as_failed_the_run_fails_with_what_was_said,
          resolved_to_run_again_it_is_done_once_more_with_the_same_key,
          a_probe_finds_out_what_became_of_a_step, a_probe_that_does_not_know_asks_people,
          a_pure_step_is_run_again,
          a_time_out_of_an_irreversible_step_asks_instead_of_trying_again,
          a_cancelled_irreversible_step_says_that_its_effect_is_not_known,
          what_can_not_be_resolved_is_refused_with_the_reason,
          effects_are_shown_before_anything_runs])
