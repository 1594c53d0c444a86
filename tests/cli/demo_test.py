"""The demo, as people see it: whole, kept, interrupted, failing."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.request

from cli import PROGRAM, Terminal, drover, end_and_wait, environment
from daemon import main, no_orphans

SOURCE = {"app.py": "import os\nos.system('ls ' + input())\n",
          "keys.env": "AWS_SECRET_ACCESS_KEY=" + "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYzzzzzzzKEY\n",
          "weak.c": "#include <string.h>\nvoid f(char *a, char *b) { strcpy(a, b); }\n"}


class Tree:
    """Something to scan, and a private TMPDIR to see what is left behind."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="demo-test-")
        os.chmod(self.folder, 0o755)
        self.path, self.tmp = self.folder + "/source", self.folder + "/tmp"
        os.mkdir(self.path)
        os.mkdir(self.tmp)
        for name, text in SOURCE.items():
            with open(os.path.join(self.path, name), "w", encoding="utf-8") as f:
                f.write(text)
        self.env = dict(environment(), TMPDIR=self.tmp)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def demo(self, *args, program=PROGRAM):
        return subprocess.run([program, "demo", self.path, *args], capture_output=True, text=True,
                              env=self.env, check=False)

    def left(self):
        return os.listdir(self.tmp)


def the_demo_shows_findings_and_leaves_nothing():
    with Tree() as t:
        r = t.demo()
        assert r.returncode == 0, r.stderr
        assert "scanning " + t.path in r.stdout
        assert re.search(r"scan  SUCCESS", r.stdout) and re.search(r"run  SUCCESS", r.stdout)
        table = r.stdout.split("\n\n")[2].splitlines()
        assert table[0].split() == ["SEVERITY", "RULE", "PLACE", "FINDING", "LINE"]
        order = ["critical", "high", "medium", "low"]
        ranks = [order.index(line.split()[0]) for line in table[1:]]
        assert ranks == sorted(ranks) and len(ranks) >= 2, table
        assert re.search(r"\d+ critical, \d+ high, \d+ medium, \d+ low in 3 files", r.stdout)
        assert "TIMELINE" in r.stdout and "2 nodes: 2 SUCCESS" in r.stdout
        assert "notified on the console: " in r.stdout
        assert "wJalrXUtnFEMI" not in r.stdout, "a secret in clear"
        assert "\x1b" not in r.stdout and r.stderr == ""
        assert t.left() == []
        no_orphans()


def on_a_terminal_it_has_colours_and_fits():
    with Tree() as t:
        shown = Terminal("demo", t.path, columns=80, env={"TMPDIR": t.tmp})
        assert shown.end() == 0 and "\x1b[32m" in shown.text
        plain = re.sub(r"\x1b\[\d+m", "", shown.text)
        table = plain[plain.index("SEVERITY"):].splitlines()
        assert all(len(line) <= 80 for line in table[:len(SOURCE)]), table
        assert t.left() == []
        no_orphans()


def kept_it_says_where_and_goes_on():
    with Tree() as t:
        r = t.demo("--keep")
        assert r.returncode == 0, r.stderr
        server = re.search(r"DROVER_SERVER=(\S+)", r.stdout).group(1)
        pid = int(re.search(r"kill (\d+)", r.stdout).group(1))
        try:
            with urllib.request.urlopen(server + "/health") as answer:
                assert json.load(answer)["status"] == "ok"
            assert "scan-and-notify" in drover("runs", server=server).out
            assert glob.glob(t.tmp + "/drover-demo-*/drover.db")
        finally:
            end_and_wait(pid)
        no_orphans()


def interrupted_it_stops_its_service_and_leaves_nothing():
    with Tree() as t:
        shown = Terminal("demo", t.path, env={"TMPDIR": t.tmp})
        shown.read_until("scanning")
        shown.interrupt()
        assert shown.end() in (0, 128 + signal.SIGINT)
        assert t.left() == []
        no_orphans()


def terminated_it_stops_its_service_too():
    with Tree() as t:
        os.remove(t.path + "/app.py")
        for i in range(3000):
            with open(f"{t.path}/{i}.py", "w", encoding="utf-8") as f:
                f.write("x = 1\n")
        p = subprocess.Popen([PROGRAM, "demo", t.path], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, env=t.env)
        p.stdout.readline()
        p.terminate()
        _, err = p.communicate()
        assert p.returncode in (0, 128 + signal.SIGTERM), p.returncode
        assert "can't reach" not in err, err
        assert t.left() == []
        no_orphans()


def a_closed_stdout_leaves_nothing_behind():
    with Tree() as t:
        p = subprocess.Popen([PROGRAM, "demo", t.path], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, env=t.env)
        p.stdout.close()
        p.stderr.read()
        p.stderr.close()
        assert p.wait() == 1
        assert t.left() == []
        no_orphans()


def a_failed_run_gives_1():
    """The scanner is swapped for one that fails, beside a copy of the program."""
    with Tree() as t:
        place = t.folder + "/program"
        os.mkdir(place)
        shutil.copy(PROGRAM, place)
        shutil.copytree(os.path.join(os.path.dirname(PROGRAM), "agents"), place + "/agents",
                        symlinks=True, ignore=shutil.ignore_patterns("*.p"))
        scanner = place + "/agents/security-scanner/security-scanner"
        os.remove(scanner)
        with open(scanner, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\necho broken >&2\nexit 9\n")
        os.chmod(scanner, 0o755)
        workflow = place + "/agents/workflows/scan-and-notify.yaml"
        with open(workflow, encoding="utf-8") as f:
            text = f.read()
        with open(workflow, "w", encoding="utf-8") as f:
            f.write(text.replace("initialInterval: 1s", "initialInterval: 1ms"))
        r = t.demo(program=place + "/drover")
        assert r.returncode == 1, r.stderr
        assert "exit_9" in r.stdout and "run  FAILED" in r.stdout and "again in" in r.stdout
        assert "scan | broken" in r.stdout
        assert t.left() == []
        no_orphans()


if __name__ == "__main__":
    main([the_demo_shows_findings_and_leaves_nothing, on_a_terminal_it_has_colours_and_fits,
          kept_it_says_where_and_goes_on, interrupted_it_stops_its_service_and_leaves_nothing,
          terminated_it_stops_its_service_too, a_closed_stdout_leaves_nothing_behind,
          a_failed_run_gives_1])
