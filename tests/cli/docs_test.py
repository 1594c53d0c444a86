"""What the documentation shows is true: its workflows do what the comment below them says, its shell
blocks run, its table of join rules holds. docs/testing.md says how blocks are marked."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import cli
from daemon import BUILD, SOURCE, STALL_SECONDS, Daemon, main, no_orphans, node

PAGES = ["README.md"] + sorted("docs/" + f for f in os.listdir(os.path.join(SOURCE, "docs"))
                               if f.endswith(".md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n((?:<!-- .*? -->\n)*)", re.M | re.S)
COMMENT = re.compile(r"<!-- (\w+) ?(.*?) -->")


def page(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as f:
        return f.read()


def blocks(kind):
    """(page, line, text, comment before, comments below)"""
    for name in PAGES:
        text = page(name)
        for m in FENCE.finditer(text):
            if m.group(1) == kind:
                before = text[:m.start()].rstrip().rsplit("\n", 1)[-1]
                yield name, text[:m.start()].count("\n") + 1, m.group(2), before, m.group(3)


def workflows():
    for name, line, text, _, below in blocks("yaml"):
        if re.search(r"^name:", text, re.M) and re.search(r"^nodes:", text, re.M):
            comments = COMMENT.findall(below)
            assert comments, f"{name}:{line}: no comment below the workflow says what comes of it"
            yield f"{name}:{line}", text, comments


class Served:
    def __enter__(self):
        self.workspace = tempfile.mkdtemp(prefix="drover-docs-")
        os.chmod(self.workspace, 0o755)
        with open(self.workspace + "/a.txt", "w", encoding="utf-8") as f:
            f.write("one\ntwo\n")
        self.daemon = Daemon(workspaces=[self.workspace])
        self.daemon.__enter__()
        return self

    def __exit__(self, *_):
        self.daemon.__exit__(None, None, None)
        shutil.rmtree(self.workspace)

    def run(self, place, text, rest):
        self.daemon.apply(text)
        name = re.search(r"^name: *(\S+)", text, re.M).group(1)
        status, rest = (rest + " ").split(" ", 1)
        context, end = json.JSONDecoder().raw_decode(
            rest.replace("$WORKSPACE", self.workspace) or "{}")
        run = self.daemon.run(name, context)
        assert run["status"] == status, (place, run["status"], run["error"], run["nodes"])
        for wanted in rest.replace("$WORKSPACE", self.workspace)[end:].split():
            node_id, wanted = wanted.split("=")
            got = node(run, node_id)
            assert got["status"] == wanted, (place, node_id, got["status"], got["error"])

    def refused(self, place, text, path):
        status, _, problem = self.daemon.request(
            "POST", "/api/workflows?upsert=true", text, {"Content-Type": "application/yaml"})
        assert status == 422 and path in [e["path"] for e in problem["errors"]], (place, problem)


def every_workflow_does_what_the_page_says():
    n = 0
    with Served() as s:
        for place, text, comments in workflows():
            for verb, rest in comments:
                if verb == "elsewhere":  # a shell block of that page applies and runs it
                    continue
                n += 1
                if verb == "runs":
                    s.run(place, text, rest)
                elif verb == "refused":
                    s.refused(place, text, rest)
                else:
                    assert verb == "saved", (place, verb)
                    s.daemon.apply(text)
            if comments[0][0] == "runs":
                cli.drover("lint", "-", stdin=text)
    assert n >= 7, n


# ---- the table of join rules

ENDS = {  # how a dependency ends: its nodes, the last of them is the dependency
    "S": [{}],
    "F": [{"inputs": {"x": "{{ context.missing }}"}}],
    "K": [{"when": "{{ false }}"}],
    "U": [{"inputs": {"x": "{{ context.missing }}"}}, {}],
    "T": [{"inputs": {"x": "{{ context.missing }}"}, "continueOnError": True}],
}


def column(ends):
    """A workflow with two dependencies that end so, and their ids."""
    nodes, ids = [], []
    for at, end in enumerate(ends.split()):
        for step, fields in enumerate(ENDS[end]):
            nodes.append({"id": f"d{at}-{step}", "agent": "noop", "action": "run",
                          "dependsOn": [nodes[-1]["id"]] if step else [], **fields})
        ids.append(nodes[-1]["id"])
    return nodes, ids


def the_table_of_join_rules_holds():
    lines = page("docs/workflows.md").split("<!-- join-rules -->\n")[1].split("\n\n")[0].split("\n")
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    columns, rules = rows[0][1:], rows[2:]
    assert len(columns) == 8 and len(rules) == 9
    with Daemon() as d:
        for at, ends in enumerate(columns):
            nodes, ids = column(ends)
            nodes += [{"id": r[0].strip("`"), "agent": "noop", "action": "run", "dependsOn": ids,
                       "joinRule": r[0].strip("`")} for r in rules]
            d.apply({"name": "table", "nodes": nodes})
            run = d.run("table", {})
            for r in rules:
                got = node(run, r[0].strip("`"))
                said = {"SUCCESS": "run", "SKIPPED": "fail" if got["error"] else "skip"}
                assert said[got["status"]] == r[1 + at], (r[0], ends, got["status"], got["error"])


# ---- shell blocks


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Checkout:
    """A folder that looks like a checkout after ./dev build."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="drover-checkout-")
        os.chmod(self.folder, 0o755)
        for name in ("README.md", "agents", "docs"):
            os.symlink(os.path.join(SOURCE, name), os.path.join(self.folder, name))
        os.symlink(BUILD, os.path.join(self.folder, "build"))
        self.tmp = os.path.join(self.folder, "tmp")
        os.mkdir(self.tmp)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def write_files(self, name):
        """What a page's blocks below `<!-- file PATH -->` say."""
        for m in FENCE.finditer(page(name)):
            before = page(name)[:m.start()].rstrip().rsplit("\n", 1)[-1]
            if not before.startswith("<!-- file "):
                continue
            path = os.path.join(self.folder, before.split()[2])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(m.group(2))

    def run(self, script):
        address = f"127.0.0.1:{free_port()}"
        env = dict(cli.environment("http://" + address), DROVER_LISTEN=address,
                   DROVER_METRICS="off", DROVER_LOG="error", TMPDIR=self.tmp)
        p = subprocess.Popen(["bash", "-eu", "-o", "pipefail", "-c",
                              script.replace("127.0.0.1:9002", address)],
                             cwd=self.folder, env=env, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, start_new_session=True)
        try:
            out, _ = p.communicate(timeout=STALL_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, _ = p.communicate()
            raise AssertionError("it does not end:\n" + out) from None
        return p.returncode, out


def every_marked_shell_block_runs():
    n = 0
    for name, line, text, before, _ in blocks("sh"):
        if before != "<!-- run -->":
            continue
        n += 1
        with Checkout() as c:
            c.write_files(name)
            status, out = c.run(text)
        assert status == 0, f"{name}:{line}: exit {status}\n{out}"
        assert "Sanitizer" not in out, out
        no_orphans()
    assert n >= 7, n


def pages_link_to_files_that_are_there():
    for name in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page(name)):
            path = os.path.normpath(os.path.join(SOURCE, os.path.dirname(name), target))
            assert os.path.exists(path), f"{name}: {target}"


if __name__ == "__main__":
    main([every_workflow_does_what_the_page_says, the_table_of_join_rules_holds,
          every_marked_shell_block_runs, pages_link_to_files_that_are_there])
