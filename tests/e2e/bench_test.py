#!/usr/bin/env python3
"""The benchmark programs still run, each for a moment: what they print is not judged."""
import os
import shutil
import subprocess
import tempfile

from daemon import BUILD, STALL_SECONDS, main


def run(program, *args):
    done = subprocess.run([os.path.join(BUILD, "bench", program), *args], capture_output=True,
                          text=True, timeout=STALL_SECONDS)
    assert done.returncode == 0 and done.stdout.strip(), (program, done.returncode, done.stderr)


def the_engine_bench_runs():
    run("engine_bench", "100")


def the_store_bench_runs():
    folder = tempfile.mkdtemp(prefix="drover-bench-")
    try:
        run("store_bench", folder, "20")
    finally:
        shutil.rmtree(folder)


def the_scale_bench_runs():
    folder = tempfile.mkdtemp(prefix="drover-bench-")
    try:
        for what in ("fill", "lists", "purge"):
            run("scale_bench", what, os.path.join(folder, "scale.db"), "1000")
    finally:
        shutil.rmtree(folder)


def the_sandbox_bench_runs():
    run("sandbox_bench", "3")


main([the_engine_bench_runs, the_store_bench_runs, the_scale_bench_runs, the_sandbox_bench_runs])
