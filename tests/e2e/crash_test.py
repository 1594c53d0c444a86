#!/usr/bin/env python3
"""P1 P2 P4 P6 P7 on the real program: killed at every sync, at random moments, and with calls that
fail. After each: nothing acknowledged is lost, nothing is stuck, no result is written twice, no
process is left."""
import os
import random
import shutil
import signal
import tempfile
import threading

from daemon import RELEASE, SOURCE, Daemon, Gone, main, no_orphans, node

PROGRAM = os.path.join(RELEASE, "drover")
SCAN = open(os.path.join(SOURCE, "agents/workflows/scan-and-notify.yaml"), encoding="utf-8").read()


def noop(name, *depends):
    return {"id": name, "agent": "noop", "action": "run", "dependsOn": list(depends)}


# One start, four branches of two, one end.
DIAMOND = {"name": "diamond", "status": "ACTIVE", "nodes":
           [noop("start")] + [noop(f"a{i}", "start") for i in range(4)]
           + [noop(f"b{i}", f"a{i}") for i in range(4)] + [noop("end", *[f"b{i}" for i in range(4)])]}


class Repository:
    """A small repository with one finding."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="drover-repo-")
        os.chmod(self.path, 0o755)
        with open(os.path.join(self.path, "app.py"), "w", encoding="utf-8") as f:
            f.write("import os\nos.system('ls ' + name)\neval(text)\n")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path)


def start_run(d, workflow, name, context, acknowledged):
    """Applies and triggers, by a key, what was not acknowledged yet."""
    d.apply(workflow)
    if not acknowledged:
        acknowledged.append(d.trigger(name, context, key="the-one"))


def check(d, run_id):
    """The run ends, and ends as it must."""
    run = d.wait(run_id)
    assert run["status"] == "SUCCESS", run
    for n in run["nodes"]:
        successes = [a for a in run["agentRuns"]
                     if a["nodeId"] == n["id"] and a["status"] == "SUCCESS"]
        assert len(successes) == 1 or (n["status"] == "SKIPPED" and not successes), (n, successes)
    numbers = [e[0] for e in d.events(run_id)]
    assert numbers == list(range(1, len(numbers) + 1)), numbers
    ended = [e for e in d.events(run_id) if e[1] == "run.finished"]
    assert len(ended) == 1, ended
    return run


def survive(workflow, name, context, fault, workspaces=()):
    """One history with a fault, then a start without: (it came, exit status, log)."""
    folder = tempfile.mkdtemp(prefix="drover-crash-")
    acknowledged = []
    d = Daemon(folder=folder, program=PROGRAM, fault=fault, workspaces=workspaces)
    again = Daemon(folder=folder, program=PROGRAM, workspaces=workspaces)
    try:
        try:
            if d.start():
                start_run(d, workflow, name, context, acknowledged)
                for _ in d.events(acknowledged[0]):
                    pass
        except Gone:
            pass
        finished = d.process.poll() is None
        status = d.stop() if finished else d.process.wait()
        hit = status not in (0,)
        log = d.log_text()
        no_orphans()
        assert again.start(), again.log_text()
        first = list(acknowledged)
        start_run(again, workflow, name, context, acknowledged)
        check(again, acknowledged[0])
        if first:  # the same key gives the same run, also across the crash
            assert again.trigger(name, context, key="the-one") == first[0]
        assert len(again.ok("GET", "/api/runs")["items"]) == 1
        assert again.stop() == 0
        no_orphans()
        return hit, status, log
    finally:
        d.kill()
        again.kill()
        shutil.rmtree(folder)


def every_sync(workflow, name, context, workspaces=()):
    for what in ("kill-before", "kill-after"):
        k = 1
        while survive(workflow, name, context, f"sync:{k}:{what}", workspaces)[0]:
            k += 1
        assert k > 5, f"only {k - 1} syncs were met: the fault does not reach the program"


def scan_and_notify_survives_a_kill_at_every_commit():
    with Repository() as path:
        every_sync(SCAN, "scan-and-notify", {"repositoryPath": path}, [path])


def a_diamond_of_ten_nodes_survives_a_kill_at_every_commit():
    every_sync(DIAMOND, "diamond", {})


def two_hundred_random_kills_lose_nothing():
    seed = int(os.environ.get("DROVER_SEED") or random.randrange(1 << 32))
    print(f"# repeat with DROVER_SEED={seed}", flush=True)
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="drover-kills-")
    acknowledged = []
    try:
        d = Daemon(folder=folder, program=PROGRAM)
        assert d.start(), d.log_text()
        d.apply(DIAMOND)
        for kill in range(200):
            # The timer is the fault itself, not a wait for something.
            timer = threading.Timer(rng.uniform(0.0, 0.06), d.kill)
            timer.start()
            try:
                while True:
                    acknowledged.append(d.trigger("diamond", {}, key=f"{kill}-{len(acknowledged)}"))
            except Gone:
                pass
            timer.join()
            no_orphans()
            d = Daemon(folder=folder, program=PROGRAM)
            assert d.start(), d.log_text()
        assert len(acknowledged) > 200 and len(set(acknowledged)) == len(acknowledged)
        for run in acknowledged:
            check(d, run)
        cursor, all_runs = "", []
        while cursor is not None:
            page = d.ok("GET", "/api/runs?limit=500" + (f"&cursor={cursor}" if cursor else ""))
            all_runs += page["items"]
            cursor = page.get("nextCursor")
        for run in all_runs:  # also those that were not acknowledged: wholly there or not at all
            check(d, run["id"])
        assert d.stop() == 0
    finally:
        d.kill()
        shutil.rmtree(folder)


def sweep(call, error, step, most_quiet=5):
    """Fails the k-th call, k from 1 in steps that grow to `step`, until so many in a row did not
    end the process: then there are no more. How often it did end it."""
    k, hits, quiet = 1, 0, 0
    while quiet < most_quiet:
        hit, status, log = survive(DIAMOND, "diamond", {}, f"{call}:{k}:{error}")
        if hit:  # 127: the dynamic linker had no memory
            assert status in (1, 70, 127), (k, status, log)
            assert "fatal:" in log or "drover serve:" in log or status == 127, (k, status, log)
        hits += hit
        quiet = 0 if hit else quiet + 1
        k += min(step, max(1, k // 8))
    return hits


def a_failed_sync_ends_the_process_before_any_further_answer():
    assert sweep("sync", "EIO", 1) > 5


def a_failed_write_is_survived_or_ends_with_a_reason():
    assert sweep("write", "EIO", 7) > 5


def a_failed_allocation_is_survived_or_ends_with_a_reason():
    assert sweep("malloc", "ENOMEM", 97, 30) > 5


def a_failed_fork_is_survived_or_ends_with_a_reason():
    sweep("fork", "EAGAIN", 1)


main([scan_and_notify_survives_a_kill_at_every_commit,
      a_diamond_of_ten_nodes_survives_a_kill_at_every_commit,
      two_hundred_random_kills_lose_nothing,
      a_failed_sync_ends_the_process_before_any_further_answer,
      a_failed_write_is_survived_or_ends_with_a_reason,
      a_failed_allocation_is_survived_or_ends_with_a_reason,
      a_failed_fork_is_survived_or_ends_with_a_reason])
