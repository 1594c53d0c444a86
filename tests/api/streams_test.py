"""Live events and logs: nothing lost, nothing twice, whatever the connections do."""
import http.client
import signal
import threading

from served import chain, events_of, holds, main, same


def start(d, name, definition, body=None):
    a = d.post("/api/workflows?upsert=true", definition)
    holds(a.status in (200, 201), a.body)
    a = d.post("/api/workflows/%s/trigger" % name, body or {})
    same(a.status, 202, a.body)
    return a.json["workflowRunId"]


def events_are_gapless_and_end_with_the_run(d):
    run = start(d, "live", chain("live", 5))
    events = list(d.stream("/api/runs/%s/events" % run))
    same([e[0] for e in events], list(range(1, len(events) + 1)), "gapless")
    same((events[0][1], events[-1][1]), ("run.started", "run.finished"), "ends")
    for id, type, data in events:
        same((data["runId"], data["seq"], data["type"]), (run, id, type), "data")
        holds(data["time"].endswith("Z"), "time")
    again = list(d.stream("/api/runs/%s/events" % run))
    same(again, events, "a replay is the same")


def a_listener_that_reconnects_misses_none_and_sees_none_twice(d):
    run = start(d, "again", chain("again", 40))
    seen, last = [], 0
    while True:
        c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=30)
        c.request("GET", "/api/runs/%s/events" % run, headers={"Last-Event-ID": str(last)})
        r = c.getresponse()
        if r.status == 204:
            break
        same(r.status, 200, "status")
        for n, event in enumerate(events_of(r)):
            seen.append(event)
            last = event[0]
            if n == 6:
                break
        c.close()
    same([e[0] for e in seen], list(range(1, len(seen) + 1)), "each once")
    same(seen[-1][1], "run.finished", "all")
    same(list(d.stream("/api/runs/%s/events?after=%d" % (run, last - 2))), seen[-2:], "after")


def a_stream_that_opens_as_its_run_ends_ends_too(d):
    d.post("/api/workflows?upsert=true", chain("quick", 1))

    def follow():
        for _ in range(60):
            run = d.post("/api/workflows/quick/trigger", {}).json["workflowRunId"]
            same(list(d.stream("/api/runs/%s/events" % run))[-1][1], "run.finished", "end")
            same(list(d.stream("/api/runs/%s/nodes/n0/logs?follow=1" % run)), [], "no lines")
            ended.append(run)
    ended = []
    threads = [threading.Thread(target=follow, daemon=True) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    same(len(ended), 240, "all ended")


def many_listeners_all_get_everything(d):
    run = start(d, "crowd", chain("crowd", 3, "talker", "talk", {"lines": 20, "pause": 0.01}))
    results = []

    def listen():
        results.append(list(d.stream("/api/runs/%s/events" % run)))
    threads = [threading.Thread(target=listen) for _ in range(60)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    same(len(results), 60, "all ended")
    for r in results[1:]:
        same(r, results[0], "the same for all")


def log_lines_come_live_once_each_and_end_with_the_node(d):
    definition = chain("talk", 2, "talker", "talk", {"lines": 30, "pause": 0.01, "text": "h\u00e9 \"\\"})
    definition["nodes"][1]["inputs"] = {"lines": 1, "then": 20}
    run = start(d, "talk", definition)
    lines = list(d.stream("/api/runs/%s/nodes/n0/logs?follow=1" % run))
    same([l[0] for l in lines], list(range(1, 31)), "numbers")
    same([l[2]["text"] for l in lines], ["line %d h\u00e9 \"\\" % n for n in range(1, 31)], "text")
    same({l[2]["attempt"] for l in lines}, {1}, "attempt")
    # the run goes on: the stream ended with its node
    same(d.get("/api/runs/" + run).json["status"], "RUNNING", "the run goes on")
    path = "/api/runs/%s/nodes/n0/logs" % run
    same(list(d.stream(path, {"Accept": "text/event-stream", "Last-Event-ID": "28"})), lines[28:],
         "resumed")
    same(d.get(path + "?follow=1", Last_Event_ID="30").status, 204, "has all")
    page = d.get(path + "?limit=12").json
    texts = [l["text"] for l in page["items"]]
    while page["nextCursor"]:
        page = d.get(path + "?limit=12&cursor=" + page["nextCursor"]).json
        texts += [l["text"] for l in page["items"]]
    same(texts, [l[2]["text"] for l in lines], "pages")
    same(d.get("/api/runs/%s/nodes/nope/logs" % run).status, 404, "no such node")
    same(d.post("/api/runs/%s/cancel" % run).status, 202, "cancel")
    list(d.stream("/api/runs/%s/nodes/n1/logs?follow=1" % run))


def bad_positions_are_refused(d):
    run = start(d, "pos", chain("pos", 1))
    path = "/api/runs/%s/events" % run
    for bad in ("x", "-1", "1.5", "9" * 30):
        same(d.get(path, Last_Event_ID=bad).status, 400, bad)
        same(d.get(path + "?after=" + bad).status, 400, bad)
    same(d.get("/api/runs/nope/events").status, 404, "no such run")
    same(d.call("HEAD", path).headers["content-type"], "text/event-stream", "HEAD")


def listeners_beyond_the_limit_get_503_and_the_service_lives(d):
    run = start(d, "full", chain("full", 1, "talker", "talk", {"then": 60}))
    request = ("GET /api/runs/%s/events HTTP/1.1\r\nHost: localhost\r\n\r\n" % run).encode()
    sockets = []
    for _ in range(1000):
        sockets.append(d.raw(request))
    for s in sockets:
        holds(s.recv(65536).startswith(b"HTTP/1.1 200"), "listener")
    a = d.get("/api/runs/%s/events" % run)
    same(a.status, 503, "one too many")
    holds(int(a.headers["retry-after"]) >= 1, "Retry-After")
    with open("/proc/%d/status" % d.process.pid) as f:
        print("# " + [l for l in f if l.startswith("VmRSS")][0].strip())
    same(d.get("/health").status, 200, "lives")
    same(d.post("/api/runs/%s/cancel" % run).status, 202, "cancel")
    for s in sockets:
        data = b""
        while True:
            more = s.recv(65536)
            data += more
            if b"run.finished" in data and data.endswith(b"0\r\n\r\n"):
                break
            holds(more, "ended early")
        s.close()


def requests_that_come_in_one_burst_are_all_answered(d):
    for n in (128, 256, 300):
        clients = [d.raw(b"") for _ in range(n)]
        for c in clients:
            c.settimeout(20)
            c.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            holds(c.recv(4096).startswith(b"HTTP/1.1 200"), "first")
        d.process.send_signal(signal.SIGSTOP)  # so that all are there when it looks
        for c in clients:
            c.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        d.process.send_signal(signal.SIGCONT)
        for c in clients:
            holds(c.recv(4096).startswith(b"HTTP/1.1 200"), "second")
            c.close()


if __name__ == "__main__":
    main([requests_that_come_in_one_burst_are_all_answered,
          events_are_gapless_and_end_with_the_run,
          a_listener_that_reconnects_misses_none_and_sees_none_twice,
          a_stream_that_opens_as_its_run_ends_ends_too, many_listeners_all_get_everything,
          log_lines_come_live_once_each_and_end_with_the_node, bad_positions_are_refused,
          listeners_beyond_the_limit_get_503_and_the_service_lives])
