#!/usr/bin/env python3
"""P1 P2 P14 where the disk is the trouble: full, read-only, corrupt, or used by another process."""
import contextlib
import os
import sqlite3
import subprocess

from daemon import Daemon, Skip, main, no_orphans, node
from made import Agents, Folder, Gate, agent_processes, step, workflow


@contextlib.contextmanager
def small_disk(megabytes):
    """A folder on a file system of its own; fill() and free() change what is left there."""
    if os.geteuid() != 0:
        raise Skip("needs root to mount a small file system")
    with Folder("drover-disk-") as disk:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755",
                                  "drover-test", disk.path], capture_output=True, check=False)
        if mounted.returncode:
            raise Skip("can't mount here: " + mounted.stderr.decode())
        try:
            yield disk
        finally:
            subprocess.run(["umount", "-l", disk.path], check=True)


def fill(disk, leave=0):
    """Takes all the space that is there but `leave` bytes."""
    with open(disk / "ballast", "ab", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass
        f.truncate(max(0, os.fstat(f.fileno()).st_size - leave))


def free(disk):
    os.unlink(disk / "ballast")


PLAN = workflow("w", step("a", "noop"), step("b", "noop", "a", inputs={"x": "{{ context.x }}"}))


def trigger(d, x):
    return d.request("POST", "/api/workflows/w/trigger", {"context": {"x": x}})


def trigger_until_refused(d, x="x" * 2000, most=5000):
    accepted = []
    for _ in range(most):
        status, headers, answer = trigger(d, x)
        if status == 503:
            assert int(headers["Retry-After"]) >= 1, dict(headers)
            assert answer["status"] == 503 and answer["detail"], answer
            return accepted
        assert status == 202, (status, answer)
        accepted.append(answer["workflowRunId"])
    raise AssertionError("the disk never got full")


def a_full_disk_refuses_new_runs_and_loses_none():
    with small_disk(12) as disk, Daemon(folder=disk.path) as d:
        d.apply(PLAN)
        fill(disk, leave=1 << 20)
        accepted = trigger_until_refused(d)
        assert accepted
        status, _, health = d.request("GET", "/health")
        assert status == 503 and health["status"] == "degraded", health
        assert "full" in health["checks"]["database"]["message"] \
            if isinstance(health["checks"]["database"], dict) \
            else "full" in health["checks"]["database"], health
        assert d.request("GET", "/livez")[0] == 200, "it lives"
        assert d.request("GET", f"/api/runs/{accepted[0]}")[0] == 200, "it can be read"
        free(disk)
        for run in accepted:
            assert d.wait(run)["status"] == "SUCCESS"
        status = 503
        while status == 503:  # until the service has tried the disk again
            status, _, answer = trigger(d, 1)
        assert d.wait(answer["workflowRunId"])["status"] == "SUCCESS"
        status, _, health = d.request("GET", "/health")
        assert (status, health["status"]) == (200, "ok"), health
        assert d.stop() == 0


def who_waits_for_a_full_disk_is_told_and_finds_out_by_the_key():
    with small_disk(12) as disk, Daemon(folder=disk.path) as d:
        d.apply(PLAN)
        fill(disk)
        path, body, key = "/api/workflows/w/trigger", {"context": {"x": "x" * 20000}}, \
            {"Idempotency-Key": "k"}
        status, headers, answer = d.request("POST", path, body, key)
        assert status == 503 and int(headers["Retry-After"]) >= 1, answer
        assert "Idempotency-Key" in answer["detail"], answer
        assert '"store.full"' in d.log_text(), d.log_text()
        assert d.ok("GET", "/api/runs")["items"] == []
        free(disk)
        while status != 202:
            status, _, answer = d.request("POST", path, body, key)
            assert status in (202, 409, 503), answer
        assert d.wait(answer["workflowRunId"])["status"] == "SUCCESS"
        assert len(d.ok("GET", "/api/runs")["items"]) == 1, "one key, one run"
        assert '"store.has_space"' in d.log_text(), d.log_text()
        assert d.stop() == 0


def results_that_come_while_the_disk_is_full_are_kept_for_later():
    with small_disk(12) as disk, Agents() as agents, Folder() as ws, \
            Daemon(folder=disk.path, agents=[agents.path], workspaces=[ws.path]) as d:
        gate = Gate(ws, "gate")
        agents.add("waiter", "read x < /workspace/gate; echo '{\"pid\": '$$'}'; echo told >&2")
        d.stop()
        assert d.start()
        d.apply(workflow("waits", step("a", "waiter", workspace=ws.path), step("b", "noop", "a")))
        d.apply(PLAN)
        run = d.trigger("waits", {})
        events = d.events(run)
        assert [next(events)[1] for _ in range(2)] == ["run.started", "node.started"]
        fill(disk)
        trigger_until_refused(d)
        gate.open()
        free_when_ended(d, disk, ws, run)
        left = [e[1] for e in events]
        assert left[-1] == "run.finished", left
        got = d.wait(run)
        assert got["status"] == "SUCCESS" and len(got["agentRuns"]) == 2, got
        numbers = [e[0] for e in d.events(run)]
        assert numbers == list(range(1, len(numbers) + 1)), numbers
        assert d.stop() == 0
        no_orphans()


def free_when_ended(d, disk, ws, run):
    """The agent's result meets the full disk."""
    while agent_processes(ws):
        assert d.request("GET", "/livez")[0] == 200
    assert d.ok("GET", f"/api/runs/{run}")["status"] == "RUNNING"
    free(disk)


def a_kill_while_the_disk_is_full_loses_nothing_acknowledged():
    with small_disk(12) as disk, Daemon(folder=disk.path) as d:
        d.apply(PLAN)
        fill(disk, leave=1 << 19)
        accepted = trigger_until_refused(d)
        d.kill()
        started = d.start()
        if started:
            assert d.request("GET", f"/api/runs/{accepted[-1]}")[0] == 200
            free(disk)
        else:
            assert d.process.returncode == 1 and "full" in d.log_text(), d.log_text()
            free(disk)
            assert d.start(), d.log_text()
        for run in accepted:
            assert d.wait(run)["status"] == "SUCCESS"
        assert d.stop() == 0
        no_orphans()


def refused(d, *words):
    """The start fails with status 1 and one sentence that has the words."""
    assert not d.start(), "it started"
    log = d.log_text()
    assert d.process.returncode == 1, (d.process.returncode, log)
    for word in words:
        assert word in log, (word, log)
    assert "Sanitizer" not in log, log


def a_second_process_on_one_database_is_refused_by_name():
    with Folder() as home, Folder() as other, Daemon(folder=home.path) as d:
        d.apply(PLAN)
        second = Daemon("--db", f"sqlite:{home.path}/data/drover.db", folder=other.path)
        refused(second, str(d.process.pid), "drover.db")
        assert d.run("w", {"x": 1})["status"] == "SUCCESS"
        d.kill()
        assert second.start(), "the dead hold nothing: " + second.log_text()
        assert second.run("w", {"x": 1})["status"] == "SUCCESS"
        assert second.stop() == 0


def a_read_only_data_folder_is_told():
    with small_disk(2) as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk.path], check=True)
        with Folder() as home:
            os.symlink(disk.path, home / "data")
            refused(Daemon(folder=home.path), "ead-only")


def a_data_folder_that_is_a_file_is_told():
    with Folder() as home:
        home.write("data", "text")
        refused(Daemon(folder=home.path), "data")


def a_full_disk_at_the_first_start_is_told():
    with small_disk(2) as disk:
        fill(disk)
        with Folder() as home:
            os.symlink(disk.path, home / "data")
            refused(Daemon(folder=home.path), "full")


def a_database_that_is_none_is_left_alone():
    for content in (b"this is no database, whatever it is named\n" * 200, b"\0" * 8192):
        with Folder() as home:
            os.mkdir(home / "data")
            with open(home / "data/drover.db", "wb") as f:
                f.write(content)
            refused(Daemon(folder=home.path), "drover.db", "not a database")
            with open(home / "data/drover.db", "rb") as f:
                assert f.read() == content


def somebody_elses_database_is_left_alone():
    with Folder() as home:
        os.mkdir(home / "data")
        with contextlib.closing(sqlite3.connect(home / "data/drover.db")) as c:
            c.execute("CREATE TABLE shopping (item TEXT)")
            c.commit()
        refused(Daemon(folder=home.path), "drover.db")
        with contextlib.closing(sqlite3.connect(home / "data/drover.db")) as c:
            tables = [r[0] for r in c.execute("SELECT name FROM sqlite_master")]
            assert tables == ["shopping"], tables


def a_corrupt_database_is_told():
    """All but the first page is overwritten."""
    with Folder() as home:
        d = Daemon(folder=home.path)
        assert d.start(), d.log_text()
        d.apply(PLAN)
        for _ in range(10):
            d.run("w", {"x": "y" * 3000})
        assert d.stop() == 0
        size = os.path.getsize(home / "data/drover.db")
        with open(home / "data/drover.db", "r+b") as f:
            f.seek(4096)
            f.write(os.urandom(size - 4096))
        refused(d, "drover.db", "malformed")


main([a_full_disk_refuses_new_runs_and_loses_none,
      who_waits_for_a_full_disk_is_told_and_finds_out_by_the_key,
      results_that_come_while_the_disk_is_full_are_kept_for_later,
      a_kill_while_the_disk_is_full_loses_nothing_acknowledged,
      a_second_process_on_one_database_is_refused_by_name,
      a_read_only_data_folder_is_told,
      a_data_folder_that_is_a_file_is_told,
      a_full_disk_at_the_first_start_is_told,
      a_database_that_is_none_is_left_alone,
      somebody_elses_database_is_left_alone,
      a_corrupt_database_is_told])
