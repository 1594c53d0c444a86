"""A real drover in a private folder, for black-box tests, and a TAP harness for them.

    with Daemon() as d:
        d.apply(...); run = d.trigger("chain3", {})
        assert d.wait(run)["status"] == "SUCCESS"

The test process is a child subreaper: whatever a killed drover leaves behind becomes its child, so
`no_orphans()` can wait for the end of each by event.
"""
import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

SOURCE = os.environ.get("DROVER_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("DROVER_BUILD") or os.path.join(SOURCE, "build-asan")
# For what counts system calls or allocations: the program without sanitizers.
RELEASE = os.environ.get("DROVER_RELEASE") or os.path.join(SOURCE, "build")
STALL_SECONDS = 60

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Gone(Exception):
    """The service ended while it was asked."""


class Daemon:
    def __init__(self, *options, folder=None, workspaces=(), agents=(), fault=None, program=None,
                 env=None):
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="drover-e2e-")
        self.options = list(options)
        for w in workspaces:
            self.options += ["--workspaces", w]
        for a in agents:
            self.options += ["--agents", a]
        self.program = program or os.path.join(BUILD, "drover")
        self.fault, self.env = fault, env or {}
        self.process = self.address = None
        self.log = os.path.join(self.folder, "drover.log")

    def start(self):
        """Starts the service. True when it is ready, False when it ended before."""
        ready, ready_w = os.pipe()
        env = dict(os.environ, **self.env)
        env.pop("LD_PRELOAD", None)
        if self.fault or "FAULT_CLOCK" in self.env:
            env["LD_PRELOAD"] = os.path.join(BUILD, "tests", "e2e", "libfaults.so")
            env["FAULT"] = self.fault or ""
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--data", os.path.join(self.folder, "data"), "--listen",
                 "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log-format", "json", "--ready-fd",
                 str(ready_w), *self.options], pass_fds=[ready_w], stderr=log, env=env)
        os.close(ready_w)
        with os.fdopen(ready) as f:
            line = f.readline()
        if not line.startswith("listen="):
            self.process.wait()
            return False
        self.address, self.metrics = (part.split("=", 1)[1] for part in line.split())
        return True

    def __enter__(self):
        if not self.start():
            raise AssertionError("the service did not start:\n" + self.log_text())
        return self

    def __exit__(self, *_):
        self.stop()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        """A clean end; the exit status."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STALL_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the service did not end on TERM")
        return self.process.returncode if self.process else None

    def kill(self):
        if not self.process:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log_text(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def request(self, method, path, body=None, headers=None, raw=False):
        """(status, headers, JSON or bytes). Raises Gone when the service went away."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        headers = dict({"Content-Type": "application/json"} if body is not None else {},
                       **(headers or {}))
        connection = http.client.HTTPConnection(self.address, timeout=STALL_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        except (ConnectionError, http.client.HTTPException) as e:
            raise Gone(str(e)) from e
        finally:
            connection.close()
        return answer.status, answer.headers, data if raw else json.loads(data or b"null")

    def ok(self, method, path, body=None, headers=None):
        status, _, data = self.request(method, path, body, headers)
        assert status < 300, f"{method} {path}: {status} {data}"
        return data

    def apply(self, workflow):
        if isinstance(workflow, str):
            return self.ok("POST", "/api/workflows?upsert=true", workflow.encode(),
                           {"Content-Type": "application/yaml"})
        return self.ok("POST", "/api/workflows?upsert=true", workflow)

    def trigger(self, workflow, context, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        return self.ok("POST", f"/api/workflows/{workflow}/trigger", {"context": context},
                       headers)["workflowRunId"]

    def events(self, run, after=0):
        """The run's events until it ends, as they come: (id, type, data)."""
        connection = http.client.HTTPConnection(self.address, timeout=STALL_SECONDS)
        try:
            connection.request("GET", f"/api/runs/{run}/events",
                               headers={"Last-Event-ID": str(after)} if after else {})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            event = {}
            for line in answer:
                line = line.decode().rstrip("\n")
                if not line:
                    if "data" in event:
                        yield int(event.get("id", 0)), event.get("event"), json.loads(event["data"])
                    event = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(":")
                    event[name] = value.removeprefix(" ")
        except (ConnectionError, http.client.HTTPException) as e:
            raise Gone(str(e)) from e
        finally:
            connection.close()

    def wait(self, run):
        """The run when it has ended: follows its events, then reads it."""
        for _ in self.events(run):
            pass
        got = self.ok("GET", f"/api/runs/{run}")
        assert got["status"] in ("SUCCESS", "FAILED", "CANCELLED", "TIMED_OUT"), got["status"]
        return got

    def run(self, workflow, context):
        return self.wait(self.trigger(workflow, context))


def no_orphans():
    """Waits until every process that was left to this one has ended; fails when one does not."""
    def stalled(*_):
        left = subprocess.run(["ps", "-o", "pid,ppid,stat,args", "--ppid", str(os.getpid())],
                              capture_output=True, text=True).stdout
        raise AssertionError("processes were left behind:\n" + left)

    before = signal.signal(signal.SIGALRM, stalled)
    signal.alarm(20)
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def node(run, node_id):
    return next(n for n in run["nodes"] if n["id"] == node_id)


class Skip(Exception):
    pass


def main(tests):
    """Runs the functions given by name and prints TAP. Arguments choose by a part of the name."""
    names = sys.argv[1:]
    chosen = [t for t in tests if not names or any(n in t.__name__ for n in names)]
    failed = 0
    print("TAP version 13", flush=True)
    for i, test in enumerate(chosen, 1):
        try:
            test()
            print(f"ok {i} - {test.__name__}", flush=True)
        except Skip as e:
            print(f"ok {i} - {test.__name__} # SKIP {e}", flush=True)
        except BaseException:
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print(f"not ok {i} - {test.__name__}", flush=True)
    print(f"1..{len(chosen)}")
    sys.exit(1 if failed else 0)
