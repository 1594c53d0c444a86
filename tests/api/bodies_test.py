"""Bodies of every kind on every route that takes one: refused or taken, never a fault."""
import glob
import http.client
import json
import os

from served import SHARED, chain, holds, main, same

ROUTES = [("POST", "/api/agents"), ("PUT", "/api/agents/noop"), ("POST", "/api/workflows"),
          ("PUT", "/api/workflows/base"), ("POST", "/api/workflows/validate"),
          ("POST", "/api/workflows/base/trigger"), ("POST", "/api/runs/x/retry"),
          ("POST", "/api/workflows/runs/x/retry"), ("POST", "/api/runs/x/cancel")]


class Keep:
    """One connection for many calls."""

    def __init__(self, d):
        self.port, self.c = d.port, None

    def call(self, method, path, body, type="application/json", headers=None):
        for _ in range(2):
            try:
                self.c = self.c or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                self.c.request(method, path, body, {"Content-Type": type, **(headers or {})})
                r = self.c.getresponse()
                data = r.read()
                if r.getheader("Connection") == "close":
                    self.c = None
                return r.status, data
            except (http.client.HTTPException, OSError):
                self.c = None
        raise AssertionError("no answer on " + path)


def the_json_suite_holds_on_every_route(d):
    d.post("/api/workflows", chain("base", 1))
    k = Keep(d)
    for file in sorted(glob.glob(SHARED + "/data/json-parsing/*.json")):
        kind = os.path.basename(file)[0]
        with open(file, "rb") as f:
            body = f.read()
        for method, path in ROUTES:
            status, answer = k.call(method, path, body)
            what = "%s %s %s: %d %r" % (method, path, file, status, answer[:200])
            holds(status < 500, what)
            if kind == "n" and body:
                same(status, 400, what)
            if kind == "y":
                holds(status != 400, what)


def every_string_of_the_api_comes_back_byte_for_byte_or_is_refused(d):
    with open(SHARED + "/data/naughty-strings.json") as f:
        strings = json.load(f)
    k = Keep(d)
    kept = 0
    for s in strings:
        definition = chain("naughty", 1)
        definition["description"] = s
        definition["nodes"][0]["inputs"] = {"value": "x"}
        status, answer = k.call("POST", "/api/workflows?upsert=true",
                                json.dumps(definition).encode())
        holds(status in (200, 201, 400, 422), (s, status, answer))
        if status < 300:
            same(json.loads(answer)["description"], s, "description")
            kept += 1
        for field in ("name", "status", "project"):
            status, answer = k.call("POST", "/api/workflows/validate",
                                    json.dumps({**definition, field: s}).encode())
            holds(status in (200, 400, 422), (field, s, status, answer))
        status, answer = k.call("POST", "/api/workflows/naughty/trigger",
                                json.dumps({"context": {"s": s, s: 1}}).encode(),
                                headers={"Prefer": "wait=20"})
        holds(status in (200, 202, 422), (s, status, answer))
        if status == 200:
            same(json.loads(answer)["context"], {"s": s, s: 1}, "context")
    holds(kept > len(strings) * 0.9, "most are kept: %d" % kept)


def naughty_paths_and_queries_never_break_anything(d):
    from urllib.parse import quote
    with open(SHARED + "/data/naughty-strings.json") as f:
        strings = json.load(f)
    for s in strings:
        q = quote(s, safe="")
        for path in ("/api/workflows/%s", "/api/runs/%s", "/api/agents/%s",
                     "/api/runs/%s/events", "/api/runs/x/nodes/%s/logs", "/api/runs?q=%s",
                     "/api/runs?workflow=%s", "/api/runs?cursor=%s", "/api/runs?%s=1"):
            a = d.get(path % q)
            holds(a.status in (200, 400, 404, 414), (path % q, a.status, a.body))


def hostile_yaml_is_refused(d):
    cases = {
        "anchors": "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\nname: x\n",
        "deep": "[" * 10000,
        "deep map": "".join(" " * i + "a:\n" for i in range(200)),
        "twice": "name: x\nname: y\n",
        "merge": "a: {b: 1}\n<<: {c: 1}\n",
        "tag": "name: !!python/object x\n",
        "two documents": "name: x\n---\nname: y\n",
        "bytes": b"name: \xff\xfe\n",
        "nul": b"name: a\0b\n",
        "tabs": "a:\n\t- b\n",
        "empty": "# nothing\n",
    }
    for name, body in cases.items():
        for path in ("/api/workflows", "/api/workflows/validate"):
            a = d.post(path, body, type="application/yaml")
            holds(a.status in (400, 422), (name, a.status, a.body))
            same(a.headers["content-type"], "application/problem+json", name)


def deep_and_wide_json_is_bounded(d):
    for body in ("[" * 100000, '{"a":' * 100000, '{"name":"x","nodes":[' + "{}," * 30000 + "{}]}",
                 '{"name":"x","nodes":' + "[" * 500 + "]" * 500 + "}",
                 '"' + "\\u0000" * 100000 + '"'):
        for path in ("/api/workflows", "/api/agents", "/api/workflows/base/trigger"):
            a = d.post(path, body)
            holds(a.status in (400, 413, 422), (body[:40], path, a.status, a.body[:200]))
            holds(len(a.body) < 100000, "the answer is bounded")


if __name__ == "__main__":
    main([the_json_suite_holds_on_every_route,
          every_string_of_the_api_comes_back_byte_for_byte_or_is_refused,
          naughty_paths_and_queries_never_break_anything, hostile_yaml_is_refused,
          deep_and_wide_json_is_bounded])
