#!/usr/bin/env python3
"""Every move that the tables of the state machines allow happens in the tests of the engine: what
can't happen has no place in them."""
import glob
import os
import subprocess
import sys
import tempfile

SEEDS = "1500"


def main():
    programs = [p for p in glob.glob(os.path.join(os.environ["DROVER_BUILD"], "tests", "engine",
                                                   "test_engine_*"))
                if os.path.isfile(p) and not p.endswith(("_disk", "_sim"))]
    sim = os.path.join(os.environ["DROVER_BUILD"], "tests", "engine", "test_engine_sim")
    with tempfile.NamedTemporaryFile("r") as seen:
        env = dict(os.environ, DROVER_MOVES_FILE=seen.name)
        for command in [[p] for p in programs] + [[sim, "--seeds", SEEDS]]:
            subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        lines = seen.read().splitlines()
    print("TAP version 13")
    if not lines:
        print("1..0 # SKIP this build does not note its moves")
        return
    allowed = {line.rsplit(" ", 1)[0] for line in lines}
    taken = {line.rsplit(" ", 1)[0] for line in lines if line.endswith(" 1")}
    for move in sorted(allowed - taken):
        print(f"# never seen: {move}")
    print(f"# {len(taken)} of {len(allowed)} moves")
    print(f"{'ok' if taken == allowed else 'not ok'} 1 - every_move_that_is_allowed_happens")
    print("1..1")
    sys.exit(taken != allowed)


if __name__ == "__main__":
    main()
