#!/usr/bin/env python3
"""Counts the single tests that ran and prints them as 'N passed, N failed, N skipped'.

Reads meson's logs of test programs (one JSON object a line, each with the TAP that the program
printed). A program that ended badly without a failed test, or before its plan was through, counts
as one failed test. Exits with 1 when anything failed or nothing ran. Failed tests are listed by
name, skipped ones with their reason.
"""
import json
import re
import sys

LINE = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*([^#]*)(?:#\s*(SKIP|TODO)\S*\s*(.*))?", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)")


def count(program):
    """(passed, failed names, skipped (name, reason)s) of one program."""
    passed, failed, skipped, plan = 0, [], [], None
    for line in (program.get("stdout") or "").splitlines():
        if m := PLAN.match(line):
            plan = int(m.group(1))
        if not (m := LINE.match(line)):
            continue
        name = m.group(2).strip()
        if m.group(1):
            failed.append(name)
        elif (m.group(3) or "").upper() == "SKIP":
            skipped.append((name, m.group(4).strip()))
        else:
            passed += 1
    seen = passed + len(failed) + len(skipped)
    if program["result"] not in ("OK", "SKIP") and not failed:
        failed.append(f"the program ended badly: {program['result']}")
    elif plan != seen and not failed:
        failed.append(f"the program planned {plan} tests and ran {seen}")
    return passed, failed, skipped


def main(paths):
    passed = n_failed = n_skipped = 0
    for path in paths:
        with open(path, encoding="utf-8") as f:
            programs = [json.loads(line) for line in f]
        for program in programs:
            name = program["name"].split(":")[-1].strip()
            good, failed, skipped = count(program)
            passed, n_failed, n_skipped = (passed + good, n_failed + len(failed),
                                           n_skipped + len(skipped))
            for test in failed:
                print(f"failed   {name}: {test}")
            for test, reason in skipped:
                print(f"skipped  {name}: {test}: {reason}")
    print(f"{passed} passed, {n_failed} failed, {n_skipped} skipped")
    return 1 if n_failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
