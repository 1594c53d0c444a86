"""diff, workflows and move, against a real service."""
from cli import drover
from daemon import Daemon, main

ONE = """name: %s
nodes:
  - {id: a, agent: noop, action: run, inputs: {x: 1}}
"""
TWO = ONE.replace("x: 1", "x: 2") + "  - {id: b, agent: noop, action: run, dependsOn: [a]}\n"


class World:
    def __enter__(self):
        self.daemon = Daemon()
        self.daemon.__enter__()
        self.server = "http://" + self.daemon.address
        return self

    def __exit__(self, *error):
        self.daemon.__exit__(*error)

    def __call__(self, *args, **more):
        return drover(*args, server=self.server, **more)

    def save(self, name, *texts):
        for text in texts:
            self("apply", "-f", "-", stdin=text % name)


def diff_shows_what_changed_between_versions(w):
    w.save("told", ONE, TWO, TWO + "timeout: 1h\n")
    r = w("diff", "told", "--from", "1", "--to", "2", status=1)
    assert r.lines == ["1 -> 2", "+ node b", "~ node a", "    ~ inputs.x: 1 -> 2"], r.lines
    assert w("diff", "told", status=1).lines == ["2 -> 3", '+ timeout: "1h"']
    assert w("diff", "told", "--from", "3").out == ""
    r = w("diff", "told", "--to", "2", "--json", status=1).json
    assert (r["from"], r["to"], r["nodes"]["added"]) == (1, 2, ["b"])
    assert "no such version" in w("diff", "told", "--from", "9", status=1).err
    assert "no such workflow" in w("diff", "nobody", status=1).err
    for args in ([], ["told", "-f", "-"], ["--from", "1", "-f", "-"], ["a", "b"]):
        w("diff", *args, status=2)


HOLD = """name: %s
nodes:
  - {id: hold, wait: {event: go}}
"""
MORE = HOLD + "  - {id: more, agent: noop, action: run, dependsOn: [hold]}\n"
OTHER = HOLD.replace("go", "else")


def move_takes_a_run_to_another_version(w):
    w.save("moves", HOLD)
    run = w("run", "moves").out.strip()
    w.save("moves", MORE, OTHER)
    plan = w("move", run, "--version", "2", "--plan").lines
    assert plan == ["version 1 -> 2 (planned)", "kept       hold", "added      more"], plan
    assert w("show", run, "--json").json["workflowVersion"] == 1
    r = w("move", run, "--version", "2", "--by", "ann", "--reason", "a mend").lines
    assert r == ["version 1 -> 2", "kept       hold", "added      more"], r
    assert "nodes.hold" in w("move", run, status=1).err
    assert w("move", run, "--version", "1", "--json").json["removed"] == ["more"]
    w("move", run, "--version", "0", status=1)
    w("move", run, "--version", "x", status=1)
    w("move", status=2)
    w("move", run, "--workflow", "moves", status=2)
    w("cancel", run)
    assert "ended already" in w("move", run, status=1).err


def all_open_runs_of_a_workflow_move(w):
    w.save("all", HOLD)
    first, second = (w("run", "all").out.strip() for _ in range(2))
    w.save("all", MORE)
    planned = w("move", "--workflow", "all", "--plan").lines
    assert sorted(planned) == sorted(f"{r}  1 -> 2" for r in (first, second)), planned
    w("move", first)
    lines = w("move", "--workflow", "all", status=1).lines
    assert f"{second}  1 -> 2" in lines and any(
        line.startswith(first + "  stays: version the run has version 2") for line in lines), lines
    w("cancel", "--workflow", "all")


def an_old_version_comes_back(w):
    w.save("back", ONE, TWO)
    assert w("workflows", "rollback", "back", "--to", "1").out == "back: rolled back, version 3\n"
    assert w("diff", "back", "--from", "1").out == ""
    assert w("workflows", "rollback", "back", "--to", "1").out == "back: unchanged, version 3\n"
    lines = w("workflows", "versions", "back").lines
    assert [line.split()[0] for line in lines] == ["VERSION", "3", "2", "1"], lines
    assert len(w("workflows", "versions", "back", "--json").json["items"]) == 3
    w("workflows", "rollback", "back", "--to", "9", status=1)
    w("workflows", "rollback", "back", status=2)
    w("workflows", "forget", "back", status=2)


def workflows_are_archived_and_deleted(w):
    w.save("goes", HOLD)
    assert w("workflows", "archive", "goes", "--by", "ann").out == "goes: archived, version 2\n"
    w("run", "goes", status=1)
    assert w("workflows", "unarchive", "goes").out == "goes: active, version 3\n"
    run = w("run", "goes").out.strip()
    assert "archive goes" in w("workflows", "delete", "goes", status=1).err
    out = w("workflows", "delete", "goes", "--cascade", "--reason", "old").out
    assert out == "goes: goes with the last of its runs\n", out
    while w("workflows", "goes", status=None).status == 0:
        pass
    assert "no such run" in w("show", run, status=1).err
    w.save("goes", HOLD)
    assert w("workflows", "delete", "goes").out == "goes: deleted\n"
    w("workflows", "delete", "goes", status=1)


def with_one_service(w, test):
    def run():
        test(w)
    run.__name__ = test.__name__
    return run


if __name__ == "__main__":
    with World() as world:
        main([with_one_service(world, t) for t in (
            diff_shows_what_changed_between_versions, move_takes_a_run_to_another_version,
            all_open_runs_of_a_workflow_move, an_old_version_comes_back,
            workflows_are_archived_and_deleted)])
