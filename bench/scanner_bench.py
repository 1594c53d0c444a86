#!/usr/bin/env python3
"""security-scanner against grep -rEf with the same patterns, one thread each, files in the cache.

Usage: scanner_bench.py PROGRAM [TREE] [--pairs N]   (default: the folder this script belongs to)

grep runs in the C locale, skips binary files and .git, and writes its matches to a file (to
/dev/null it would stop at each file's first match). Its patterns are those of --print-patterns,
in which long counted repeats are eased, for grep is far slower with them. grep must try every
pattern on every file, the scanner only those of the file's language; the row "every language"
shows it with all rules on all files. Runs alternate; the table has medians.
"""
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time


def timed(command, out, env=None):
    start = time.monotonic()
    done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, env=env, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{command[0]}: {done.stderr.decode()}")
    return time.monotonic() - start


def peak_kib(command):
    """Resident memory of the largest child so far: to be called before grep runs."""
    subprocess.run(command, capture_output=True, check=False)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    pairs = 5
    if "--pairs" in sys.argv:
        pairs = int(sys.argv[sys.argv.index("--pairs") + 1])
        arguments.remove(str(pairs))
    if not arguments:
        sys.exit(__doc__)
    program = arguments[0]
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    tree = arguments[1] if len(arguments) > 1 else here
    scan = [program, "--path", tree]
    peak = peak_kib(scan)
    with tempfile.TemporaryDirectory() as folder:
        patterns = os.path.join(folder, "patterns")
        with open(patterns, "wb") as f:
            subprocess.run([program, "--print-patterns"], stdout=f, check=True)
        grep = ["grep", "-rIE", "--exclude-dir=.git", "-f", patterns, tree]
        env = dict(os.environ, LC_ALL="C")
        times = {"grep": [], "scanner": [], "every": []}
        with open(os.path.join(folder, "out"), "wb") as out:
            for _ in range(pairs):
                times["scanner"].append(timed(scan, out))
                times["every"].append(timed(scan + ["--every-language"], out))
                times["grep"].append(timed(grep, out, env))
    last = subprocess.run(scan, capture_output=True, check=True).stdout.decode().splitlines()[-1]
    size = int(re.search(r"(\d+) bytes", last).group(1))
    print(f"{tree}: {last}")
    print(f"{'':28}{'median ms':>10}{'MB/s':>8}{'ratio':>8}")
    median = {k: statistics.median(v) for k, v in times.items()}
    for key, name in (("grep", "grep -rEf, same patterns"), ("scanner", "scanner"),
                      ("every", "scanner, every language")):
        print(f"{name:28}{median[key] * 1000:10.1f}{size / median[key] / 1e6:8.1f}"
              f"{median['grep'] / median[key]:8.1f}")
    print(f"peak of the scanner: {peak / 1024:.1f} MiB; wanted: ratio at least 3")


if __name__ == "__main__":
    main()
