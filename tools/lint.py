#!/usr/bin/env python3
"""The rules of the house that a compiler does not know: layers, banned calls, sizes.

Prints one line per finding and exits with 1 when there is any.
"""
import re
import subprocess
import sys

# A folder may include itself and every folder of a lower number.
LAYERS = {
    "base": 0, "json": 1, "text": 1, "obs": 1, "io": 1, "http": 2, "model": 2, "engine": 3,
    "store": 4, "bus": 4, "exec": 4, "agents": 5, "triggers": 5, "api": 5, "otlp": 5, "web": 5,
    "daemon": 6, "cli": 6,
}
# What lies below by number but must not be seen from here.
FORBIDDEN = {
    "json": {"text", "obs", "io"}, "text": {"obs", "io"}, "obs": {"io", "text"},
    "io": {"text", "json", "obs"},
    "engine": {"io", "http"}, "model": {"io", "http"}, "http": {"model", "text"},
    "store": {"exec", "bus", "io", "http"}, "exec": {"store", "bus"},
    "agents": {"store", "exec"}, "api": {"exec"},
}
# A driver's header is seen in its own folders only.
DRIVERS = {
    "sqlite3.h": ("store/sqlite",), "libpq-fe.h": ("store/pg",), "nats.h": ("bus/nats",),
    "seccomp.h": ("exec/supervisor",), "microhttpd.h": ("http",), "curl/curl.h": ("http", "cli"),
    "yaml.h": ("text",), "pcre2.h": ("text", "json"), "sodium.h": ("base",),
}
BANNED = re.compile(
    r"\b(strcpy|strcat|sprintf|strtok|atoi|gets|localtime|setenv|system|popen|alloca)\s*\(")
RAW_MEMORY = re.compile(r"\b(malloc|calloc|realloc)\s*\(")
PURE = ("src/engine/", "src/model/", "src/json/", "src/text/")
CLOCK = re.compile(r"\b(time|clock_gettime|gettimeofday)\s*\(")
MOST_LINES, MOST_FUNCTION_LINES = 1200, 100


def code_of(line):
    """The line without strings and comments, roughly."""
    if line.lstrip().startswith(("*", "/*")):
        return ""
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    return re.sub(r"//.*|/\*.*?\*/|/\*.*", "", line)


def lint_include(path, number, line, report):
    m = re.match(r'\s*#include\s+["<]([^">]+)[">]', line)
    if not m or not path.startswith("src/"):
        return
    header, here = m.group(1), path.split("/")[1]
    there = header.split("/")[0]
    if "/" in header and there in LAYERS and here in LAYERS:
        if LAYERS[there] > LAYERS[here] or there in FORBIDDEN.get(here, ()):
            report(f"{path}:{number}: {here} must not include {there}")
    owners = DRIVERS.get(header, ())
    if owners and not any(path.startswith(f"src/{o}/") for o in owners):
        report(f"{path}:{number}: {header} belongs to src/{owners[0]}")


def lint_functions(path, lines, report):
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{") and start is None:
            start = number
        elif line.startswith("}") and start is not None:
            if number - start > MOST_FUNCTION_LINES:
                report(f"{path}:{start}: a function of {number - start} lines")
            start = None


def lint_file(path, report):
    with open(path, encoding="utf-8", errors="replace") as f:
        lines = f.read().split("\n")
    if len(lines) > MOST_LINES:
        report(f"{path}: {len(lines)} lines, {MOST_LINES} at most")
    lint_functions(path, lines, report)
    raw_memory = path.startswith(("src/base/", "src/exec/supervisor/"))
    for number, line in enumerate(lines, 1):
        lint_include(path, number, line, report)
        code = code_of(line)
        if not path.startswith("src/"):
            continue
        if m := BANNED.search(code):
            report(f"{path}:{number}: {m.group(1)} is banned")
        if not raw_memory and (m := RAW_MEMORY.search(code)):
            report(f"{path}:{number}: {m.group(1)} outside base; use base/mem.h")
        if path.startswith(PURE) and (m := CLOCK.search(code)):
            report(f"{path}:{number}: {m.group(1)}() in a pure folder")


def main():
    findings = []
    files = subprocess.run(["git", "ls-files", "*.c", "*.h"], capture_output=True, text=True,
                           check=True).stdout.split()
    for path in files:
        lint_file(path, findings.append)
    if findings:
        print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
