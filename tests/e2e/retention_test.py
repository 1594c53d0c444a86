"""What is left of ended runs goes when its time is over: rows, logs, files, with the real program."""
import contextlib
import os
import sqlite3
import subprocess
import tempfile
import time

from daemon import BUILD, STALL_SECONDS, Daemon, main

KEEPER = """name: keeper
type: SCRIPT
version: "1"
description: Keeps a file and says so
command: ["sh", "-c", "echo kept >&2; echo three > $DROVER_ARTIFACTS/file && echo {}"]
capabilities: {run: {inputSchema: {}, outputSchema: {}}}
"""
KEEPING = "name: keeping\nnodes: [{id: keep, agent: keeper, action: run}]\n"
DAY_MS = 86400000


class Aged(Daemon):
    """A service whose runs can be made older while it is down."""

    def age(self, run, days):
        self.stop()
        with contextlib.closing(sqlite3.connect(self.database)) as db, db:
            db.execute("UPDATE workflow_runs SET created_ms = created_ms - ?1, started_ms = "
                       "started_ms - ?1, finished_ms = finished_ms - ?1 WHERE id = ?2",
                       (days * DAY_MS, run))

    @property
    def database(self):
        return os.path.join(self.folder, "data", "drover.db")

    def folders(self):
        return set(os.listdir(os.path.join(self.folder, "data", "artifacts")))

    def deleted(self, what):
        status, _, text = self.request_metrics()
        assert status == 200
        line = next(l for l in text.decode().splitlines()
                    if l.startswith(f'drover_retention_deleted_total{{class="{what}"}}'))
        return float(line.split()[1])

    def request_metrics(self):
        address, self.address = self.address, self.metrics
        try:
            return self.request("GET", "/metrics", raw=True)
        finally:
            self.address = address


def until(what):
    """Until it is so; the steps of a purge are nobody's event."""
    end = time.monotonic() + STALL_SECONDS
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def service(tmp, *options):
    os.makedirs(tmp + "/agents/keeper", exist_ok=True)
    with open(tmp + "/agents/keeper/agent.yaml", "w", encoding="utf-8") as f:
        f.write(KEEPER)
    os.chmod(tmp, 0o755)
    return Aged(*options, folder=tmp, agents=[tmp + "/agents"])


def one_run(d):
    run = d.trigger("keeping", {})
    assert d.wait(run)["status"] == "SUCCESS"
    return run


def logs_artifacts_and_runs_go_in_their_time():
    with tempfile.TemporaryDirectory() as tmp:
        d = service(tmp)
        with d:
            d.apply(KEEPING)
            old, fresh = one_run(d), one_run(d)
            assert d.folders() == {old, fresh}
            d.age(old, 31)
            assert d.start()
            until(lambda: d.deleted("logs") == 1 and d.deleted("artifacts") == 1)
            assert d.folders() == {fresh}
            assert d.ok("GET", f"/api/runs/{old}")["status"] == "SUCCESS"
            assert d.ok("GET", f"/api/runs/{old}/artifacts")["items"] == []
            logs = d.request("GET", f"/api/runs/{old}/nodes/keep/logs", raw=True)
            assert logs[0] == 200 and b"kept" not in logs[2]
            assert b"kept" in d.request("GET", f"/api/runs/{fresh}/nodes/keep/logs", raw=True)[2]
            d.age(old, 60)
            assert d.start()
            until(lambda: d.deleted("runs") == 1)
            status, _, problem = d.request("GET", f"/api/runs/{old}")
            assert status == 404 and "kept" in problem["detail"], problem
            assert [r["id"] for r in d.ok("GET", "/api/runs")["items"]] == [fresh]


def folders_of_runs_that_are_gone_are_swept_and_off_keeps_all():
    with tempfile.TemporaryDirectory() as tmp:
        d = service(tmp, "--retention-runs", "off", "--retention-logs", "0",
                    "--retention-artifacts", "off")
        with d:
            d.apply(KEEPING)
            run = one_run(d)
            d.age(run, 9000)
            # as a crash leaves it between the rows and the files; the second is no run's folder
            orphan = "0190" + run[4:]
            os.mkdir(os.path.join(tmp, "data", "artifacts", orphan))
            os.mkdir(os.path.join(tmp, "data", "artifacts", "mine"))
            assert d.start()
            until(lambda: orphan not in d.folders())
            assert d.folders() == {run, "mine"}
            assert d.ok("GET", f"/api/runs/{run}")["status"] == "SUCCESS"


def doctor_shows_what_each_workflow_takes():
    with tempfile.TemporaryDirectory() as tmp:
        with service(tmp, "--retention-runs", "10d") as d:
            d.apply(KEEPING)
            d.apply("name: big\nretention: {runs: off}\n"
                    "nodes: [{id: a, agent: noop, action: run}]\n")
            one_run(d)
            for _ in range(3):
                d.wait(d.trigger("big", {"text": "x" * 50000}))
            got = d.ok("GET", "/api/storage")
            big, small = got["workflows"]
            assert (big["workflowName"], big["runs"]) == ("big", 3), got
            assert 150000 < big["rowBytes"] < 200000 and big["artifactBytes"] == 0, big
            assert big["retention"]["runs"] == "off" and big["nextDeletionAt"] is None
            assert (small["workflowName"], small["runs"], small["artifactBytes"]) == ("keeping", 1, 6)
            assert small["logBytes"] > 0 and small["bytes"] == sum(
                small[k] for k in ("rowBytes", "logBytes", "artifactBytes"))
            assert small["retention"] == {"runs": "240h", "logs": "720h", "artifacts": "720h"}
            assert small["nextDeletionAt"][:10] > small["oldestRunAt"][:10]
            assert got["database"]["bytes"] > 0 and got["database"]["shrinks"] is True
            said = subprocess.run([os.path.join(BUILD, "drover"), "doctor"], capture_output=True,
                                  text=True, check=False,
                                  env=dict(os.environ, DROVER_SERVER="http://" + d.address)).stdout
            lines = said.splitlines()
            assert any(l.startswith("database ") for l in lines), said
            at = next(i for i, l in enumerate(lines) if l.startswith("WORKFLOW"))
            assert lines[at + 1].split()[:2] == ["big", "3"], said
            assert lines[at + 2].split()[:2] == ["keeping", "1"], said


def bad_times_are_refused():
    d = Daemon("--retention-runs", "soon")
    assert not d.start()
    assert "retention-runs" in d.log_text() and "30d" in d.log_text(), d.log_text()
    d.__exit__()


main([logs_artifacts_and_runs_go_in_their_time, folders_of_runs_that_are_gone_are_swept_and_off_keeps_all,
      doctor_shows_what_each_workflow_takes, bad_times_are_refused])
