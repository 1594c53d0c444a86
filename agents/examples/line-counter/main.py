#!/usr/bin/env python3
"""Counts lines by extension. stdin: the request; stdout: the output; stderr: log lines."""
import json
import os
import sys

WORKSPACE = os.environ.get("DROVER_WORKSPACE", "/workspace")
PROGRESS_EVERY = 1000
BLOCK = 1 << 20


def log(message):
    print(message, file=sys.stderr, flush=True)


def count_lines(path):
    """Lines of a text file, or None when it is binary or can't be read."""
    lines, last = 0, b"\n"
    try:
        with open(path, "rb") as f:
            while block := f.read(BLOCK):
                if b"\0" in block[:8192]:
                    return None
                lines += block.count(b"\n")
                last = block[-1:]
    except OSError as e:
        log(f"left out {os.path.relpath(path, WORKSPACE)!r}: {e.strerror}")
        return None
    return lines + (last != b"\n")


def regular_files():
    for folder, folders, names in os.walk(WORKSPACE):
        folders[:] = sorted(d for d in folders if d != ".git")
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def count(wanted):
    by_extension, done = {}, 0
    for path in regular_files():
        extension = os.path.splitext(path)[1][1:].encode("utf-8", "replace").decode() or "none"
        if wanted is not None and extension not in wanted:
            continue
        lines = count_lines(path)
        if lines is None:
            continue
        entry = by_extension.setdefault(extension, {"files": 0, "lines": 0})
        entry["files"] += 1
        entry["lines"] += lines
        done += 1
        if done % PROGRESS_EVERY == 0:
            log(f"{done} files so far")
    log(f"{done} files in all")
    return {
        "files": sum(e["files"] for e in by_extension.values()),
        "lines": sum(e["lines"] for e in by_extension.values()),
        "byExtension": dict(sorted(by_extension.items())),
    }


def main():
    request = json.load(sys.stdin)
    if request.get("action") != "count":
        log(f"unknown action {request.get('action')!r}")
        return 2
    json.dump(count(request.get("input", {}).get("extensions")), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
