"""Rows that are damaged in the database end their own run, with a reason, and harm no other."""
import contextlib
import os
import sqlite3

from daemon import Daemon, main

NAP = "name: nap\nnodes:\n  - {id: s, sleep: 1h}\n  - {id: a, agent: noop, action: run, dependsOn: [s]}\n"
DAMAGE = ["UPDATE run_nodes SET status = 'x' WHERE rid = ?",
          "UPDATE workflow_runs SET stopping = 'PERHAPS' WHERE rid = ?",
          "UPDATE run_nodes SET node_id = 'other' WHERE rid = ?",
          "UPDATE workflow_runs SET context = 'sha256:" + "0" * 64 + "' WHERE rid = ?"]


def a_damaged_run_is_quarantined_with_a_reason_and_the_others_go_on():
    with Daemon() as d:
        d.apply(NAP)
        runs = [d.trigger("nap", {"number": i}) for i in range(len(DAMAGE) + 1)]
        d.stop()
        path = os.path.join(d.folder, "data", "drover.db")
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            for run, sql in zip(runs, DAMAGE):
                rid, = db.execute("SELECT rid FROM workflow_runs WHERE id = ?", [run]).fetchone()
                db.execute(sql, [rid])
        assert d.start()
        nap = d.trigger("nap", {})  # acknowledged: what recovery wrote came before
        assert d.ok("GET", f"/api/runs/{nap}")["status"] == "RUNNING"
        for i, run in enumerate(runs[:-1]):
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                status, error = db.execute("SELECT status, error FROM workflow_runs WHERE id = ?",
                                           [run]).fetchone()
            assert status == "FAILED" and '"quarantined"' in error, (DAMAGE[i], status, error)
        assert d.ok("GET", f"/api/runs/{runs[-1]}")["status"] == "RUNNING"
        assert d.log_text().count("run.quarantined") == len(DAMAGE)
        # and once is enough
        d.stop()
        assert d.start()
        assert d.log_text().count("run.quarantined") == len(DAMAGE)


main([a_damaged_run_is_quarantined_with_a_reason_and_the_others_go_on])
