"""Files that attempts keep: $DROVER_ARTIFACTS and /api/runs/{runId}/artifacts."""
import os
from urllib.parse import quote

from served import holds, main, same


def kept(d, name, code, status="SUCCESS", **node):
    """Runs one node that executes the code in its folder; the run's id."""
    flow = {"name": name, "nodes": [{"id": "k", "agent": "keeper", "action": "keep",
                                     "inputs": {"code": code}, **node}]}
    same(d.post("/api/workflows", flow).status, 201, name)
    run = d.post("/api/workflows/%s/trigger" % name, {},
                 headers={"Prefer": "wait=60"}).json
    same(run["status"], status, run)
    return run["id"]


def items(d, run):
    a = d.get("/api/runs/%s/artifacts" % run)
    same(a.status, 200, a.body)
    same(a.json["truncated"], False, "truncated")
    return [(i["nodeId"], i["attempt"], i["path"], i["size"]) for i in a.json["items"]]


def get(d, run, path):
    return d.get("/api/runs/%s/artifacts/%s" % (run, quote(path)))


def files_are_kept_listed_and_sent(d):
    run = kept(d, "files", """
os.makedirs('a/b'); open('a/b/c d.html', 'w').write('<script>')
open('zero', 'w'); open('größe', 'wb').write(bytes(range(256)))
""")
    same(items(d, run), [("k", 1, "a/b/c d.html", 8), ("k", 1, "größe", 256), ("k", 1, "zero", 0)],
         "list")
    a = get(d, run, "k/1/a/b/c d.html")
    same((a.status, a.body), (200, b"<script>"), "bytes")
    same(a.headers["content-type"], "application/octet-stream", "type")
    same(a.headers["x-content-type-options"], "nosniff", "sniff")
    same(a.headers["content-disposition"], "attachment; filename*=UTF-8''c%20d.html", "name")
    same(get(d, run, "k/1/größe").body, bytes(range(256)), "all bytes")
    a = get(d, run, "k/1/zero")
    same((a.status, a.body, a.headers["content-length"]), (200, b"", "0"), "empty")
    a = d.call("HEAD", "/api/runs/%s/artifacts/k/1/a/b/c%%20d.html" % run)
    same((a.status, a.body, a.headers["content-length"]), (200, b"", "8"), "HEAD")


def what_is_no_file_of_the_run_is_not_found(d):
    run = kept(d, "none", """
os.mkdir('d'); open('d/f', 'w').write('x')
os.symlink('/etc/passwd', 'l'); os.symlink('d', 'dl'); os.symlink('/etc', 'e'); os.mkfifo('p')
import socket; s = socket.socket(socket.AF_UNIX); s.bind('s')
open(b'\\xff', 'w'); open('a\\nb', 'w'); open('a\\\\b', 'w')
""")
    same(items(d, run), [("k", 1, "d/f", 1)], "list")
    for path in ("k/1/l", "k/1/dl/f", "k/1/e/passwd", "k/1/p", "k/1/s", "k/1/d", "k/1/x", "k/2/d/f",
                 "x/1/d/f", "k/01/d/f", "k/1/d/f/g"):
        same(get(d, run, path).status, 404, path)
    base = "/api/runs/%s/artifacts" % run
    for path in ("/k", "/k/1", "/k/1/", "/k/1//d/f", "/k/1/d//f", "//1/d/f"):
        same(d.get(base + path).status, 404, path)
    for path in ("/k/1/../1/d/f", "/k/1/%2e%2e/1/d/f", "/k/1/d%2ff", "/k/1/%00", "/../x/1/d/f"):
        same(d.get(base + path).status, 400, path)
    other = kept(d, "other", "open('mine', 'w')")
    same(get(d, other, "k/1/d/f").status, 404, "another run's")
    for run in ("x", "..", "00000000-0000-7000-8000-000000000000"):
        holds(d.get("/api/runs/%s/artifacts" % run).status in (400, 404), run)
        holds(d.get("/api/runs/%s/artifacts/k/1/d/f" % run).status in (400, 404), run)
    same(d.post(base, {}).status, 405, "POST")
    same(d.call("DELETE", base + "/k/1/d/f").status, 405, "DELETE")


def an_attempt_that_keeps_nothing_leaves_no_folder(d):
    run = kept(d, "nothing", "open('x', 'w'); os.remove('x')")
    same(items(d, run), [], "list")
    holds(run not in os.listdir(os.path.join(d.dir, "artifacts")), "no folder")


def every_attempt_has_a_folder_of_its_own_also_when_it_fails(d):
    run = kept(d, "again", "open('f%d' % len(os.listdir('.')), 'w').write(os.environ["
                           "'DROVER_ATTEMPT']); sys.exit(3)", "FAILED",
               retry={"maxAttempts": 2, "initialInterval": "1ms"})
    same(items(d, run), [("k", 1, "f0", 1), ("k", 2, "f0", 1)], "list")
    same(get(d, run, "k/2/f0").body, b"2", "the second's")


def too_much_fails_the_attempt_and_is_removed(d):
    for n, code in enumerate(("for i in range(1001): open(str(i), 'w')",
                              "for i in range(5): open(str(i), 'w').truncate(256 << 20)",
                              "for i in range(14): os.mkdir('d'); os.chdir('d')",
                              "for i in range(1001): os.symlink('x', str(i))")):
        run = kept(d, "much%d" % n, code, "FAILED", retry={"maxAttempts": 1})
        node = d.get("/api/runs/" + run).json["nodes"][0]
        same(node["error"]["code"], "artifacts_too_large", code)
        holds("1000 files" in node["error"]["message"], node["error"])
        # removed by another thread: asked for until it is gone
        for _ in range(100000):
            if not os.path.exists(os.path.join(d.dir, "artifacts", run)):
                break
            d.get("/livez")
        holds(not os.path.exists(os.path.join(d.dir, "artifacts", run)), "removed")
        same(items(d, run), [], code)


def a_big_file_is_sent_without_being_loaded(d):
    size = 200 << 20
    run = kept(d, "big", "open('big', 'w').truncate(%d)" % size)
    import http.client
    c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=60)
    c.request("GET", "/api/runs/%s/artifacts/k/1/big" % run)
    r = c.getresponse()
    same((r.status, r.headers["Content-Length"]), (200, str(size)), "length")
    got = peak = 0
    before = memory(d)
    while True:
        part = r.read(1 << 20)
        if not part:
            break
        got += len(part)
        peak = max(peak, memory(d))
    same(got, size, "all of it")
    holds(peak < before + (64 << 20), "memory %d, before %d" % (peak, before))
    c.close()
    c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=60)
    c.request("GET", "/api/runs/%s/artifacts/k/1/big" % run)
    c.getresponse().read(10)
    c.close()  # a client that goes away in the middle
    same(d.get("/livez").status, 200, "lives")


def memory(d):
    with open("/proc/%d/statm" % d.process.pid) as f:
        return int(f.read().split()[1]) * 4096


def a_deleted_workflow_takes_its_runs_from_view(d):
    run = kept(d, "gone", "open('f', 'w')")
    same(d.call("DELETE", "/api/workflows/gone").status, 204, "deleted")
    same(get(d, run, "k/1/f").status, 404, "file")
    same(d.get("/api/runs/%s/artifacts" % run).status, 404, "list")


if __name__ == "__main__":
    main([files_are_kept_listed_and_sent, what_is_no_file_of_the_run_is_not_found,
          an_attempt_that_keeps_nothing_leaves_no_folder,
          every_attempt_has_a_folder_of_its_own_also_when_it_fails,
          too_much_fails_the_attempt_and_is_removed, a_big_file_is_sent_without_being_loaded,
          a_deleted_workflow_takes_its_runs_from_view])
