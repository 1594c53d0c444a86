#!/usr/bin/env python3
"""Counts the single tests in meson's JUnit log and prints them as 'N passed, N failed, N skipped'.

A program that crashed or timed out counts as one failed test beside those it had reported. Exits
with 1 when anything failed or nothing ran. Skipped tests are listed with their reason.
"""
import sys
import xml.etree.ElementTree as ET


def main(path):
    passed = failed = skipped = 0
    for suite in ET.parse(path).getroot().iter("testsuite"):
        suite_failed = 0
        for case in suite.iter("testcase"):
            name = f"{suite.get('name')}: {case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                suite_failed += 1
                print(f"failed   {name}")
            elif (skip := case.find("skipped")) is not None:
                skipped += 1
                print(f"skipped  {name}: {skip.get('message') or (skip.text or '').strip()}")
            else:
                passed += 1
        broken = int(suite.get("errors") or 0) + int(suite.get("failures") or 0)
        if broken and not suite_failed:
            print(f"failed   {suite.get('name')}: the program ended badly")
            suite_failed = 1
        failed += suite_failed
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
