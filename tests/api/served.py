"""A drover of its own for black-box tests, a small HTTP client, and TAP."""
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback

BUILD = os.environ["DROVER_BUILD"]
SHARED = os.environ["DROVER_SHARED"]
SOURCE = os.environ["DROVER_SOURCE"]

TALKER = """name: talker
type: SCRIPT
version: "1"
description: Writes lines to stderr, as many and as slowly as asked
command: [python3, /agent/talk.py]
capabilities:
  talk:
    inputSchema: {type: object}
    outputSchema: {type: object}
"""
TALK = """import json, sys, time
i = json.load(sys.stdin)["input"]
for n in range(int(i.get("lines", 3))):
    print("line %d %s" % (n + 1, i.get("text", "")), file=sys.stderr, flush=True)
    time.sleep(float(i.get("pause", 0)))
time.sleep(float(i.get("then", 0)))
json.dump({"done": True}, sys.stdout)
"""


KEEPER = """name: keeper
type: SCRIPT
version: "1"
description: Does in its folder for artifacts what it is told
command: [python3, -c, "import json, os, sys; i = json.load(sys.stdin)['input']; os.chdir(os.environ['DROVER_ARTIFACTS']); exec(i['code']); print('{}')"]
capabilities:
  keep:
    inputSchema: {type: object}
    outputSchema: {type: object}
"""


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


class Drover:
    """Started with an empty database; ends, and is looked at for leaks, by stop()."""

    def __init__(self, *options):
        self.dir = tempfile.mkdtemp(prefix="drover-api-")
        agent = os.path.join(self.dir, "agents", "talker")
        os.makedirs(agent)
        with open(os.path.join(agent, "agent.yaml"), "w") as f:
            f.write(TALKER)
        with open(os.path.join(agent, "talk.py"), "w") as f:
            f.write(TALK)
        os.makedirs(os.path.join(self.dir, "agents", "keeper"))
        with open(os.path.join(self.dir, "agents", "keeper", "agent.yaml"), "w") as f:
            f.write(KEEPER)
        ready, write = os.pipe()
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "drover"), "serve", "--data", self.dir, "--listen",
             "127.0.0.1:0", "--metrics", "off", "--agents", os.path.join(self.dir, "agents"),
             "--ready-fd", str(write), *options],
            stderr=self.log, stdout=self.log, pass_fds=[write])
        os.close(write)
        with os.fdopen(ready) as f:
            line = f.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError("drover did not start: " + self.log.read())
        self.port = int(line.split("listen=")[1].split()[0].rsplit(":", 1)[1])

    def call(self, method, path, body=None, headers=None, type="application/json"):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        h = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        if body is not None and type:
            h.setdefault("Content-Type", type)
        c.request(method, path, body, h)
        answer = Answer(c.getresponse())
        c.close()
        return answer

    def get(self, path, **headers):
        return self.call("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def raw(self, data):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        s.sendall(data)
        return s

    def stream(self, path, headers=None):
        """Events as (id, event, data) until the stream ends."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request("GET", path, headers=headers or {})
        r = c.getresponse()
        if r.status != 200:
            raise AssertionError("stream: %d %r" % (r.status, r.read()))
        return events_of(r)

    def stop(self):
        self.process.terminate()
        status = self.process.wait(30)
        self.log.seek(0)
        log = self.log.read()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        if status != 0 or "Sanitizer" in log:
            raise AssertionError("drover ended with %d: %s" % (status, log[-4000:]))


def events_of(response):
    event = {}
    for line in response:
        line = line.decode().rstrip("\n")
        if line == "" and "data" in event:
            yield int(event["id"]), event["event"], json.loads(event["data"])
            event = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def same(got, want, what=""):
    if got != want:
        raise AssertionError("%s: got %r, want %r" % (what, got, want))


def holds(condition, what=""):
    if not condition:
        raise AssertionError(what)


def chain(name, n=2, agent="noop", action="run", inputs=None):
    nodes = [{"id": "n%d" % i, "agent": agent, "action": action, "inputs": inputs or {}}
             for i in range(n)]
    for i in range(1, n):
        nodes[i]["dependsOn"] = ["n%d" % (i - 1)]
    return {"name": name, "nodes": nodes}


def main(tests, *options):
    print("TAP version 13")
    drover = Drover(*options)
    for number, test in enumerate(tests, 1):
        try:
            test(drover)
            print("ok %d - %s" % (number, test.__name__), flush=True)
        except Exception:
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print("not ok %d - %s" % (number, test.__name__), flush=True)
    number = len(tests) + 1
    try:
        drover.stop()
        print("ok %d - it ends cleanly" % number)
    except Exception as e:
        for line in str(e).splitlines():
            print("# " + line)
        print("not ok %d - it ends cleanly" % number)
    print("1..%d" % number)
    sys.exit(0)
