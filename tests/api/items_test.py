"""Nodes with forEach and their items, seen from outside."""
import time

from served import holds, main, same


def each(name, **more):
    return {"name": name, "nodes": [
        dict({"id": "scan", "agent": "noop", "action": "run",
              "forEach": "{{ context.files }}", "inputs": {"file": "{{ item }}"}}, **more),
        {"id": "after", "agent": "noop", "action": "run", "dependsOn": ["scan"]}]}


def started(d, workflow, files):
    d.post("/api/workflows?upsert=true", workflow)
    a = d.post("/api/workflows/%s/trigger" % workflow["name"], {"context": {"files": files}})
    same(a.status, 202, a.body)
    return a.json["workflowRunId"]


def ended(d, run):
    for _ in d.stream("/api/runs/%s/events" % run):
        pass
    return d.get("/api/runs/" + run).json


def pages(d, path):
    cursor, got = "", []
    while True:
        a = d.get(path + cursor)
        same(a.status, 200, a.body)
        got.append(a.json["items"])
        if a.json["nextCursor"] is None:
            return got
        cursor = "&cursor=" + a.json["nextCursor"]


def a_run_tells_its_items_behind_their_node(d):
    r = ended(d, started(d, each("tells"), ["a", {"b": 1}]))
    same(r["status"], "SUCCESS", "run")
    same([n["id"] for n in r["nodes"]], ["scan", "scan[0]", "scan[1]", "after"], "nodes")
    node, item = r["nodes"][0], r["nodes"][2]
    same(node["items"], {"total": 2, "succeeded": 2, "failed": 0, "cancelled": 0, "skipped": 0,
                         "running": 0, "waiting": 0, "pending": 0, "shown": 2}, "counts")
    same((node["forEach"], node["output"][1]["input"]), ("{{ context.files }}", {"file": {"b": 1}}),
         "the node")
    same((item["itemOf"], item["index"], item["item"], item["status"], item["attempt"],
          item["output"]["input"], item["dependsOn"]),
         ("scan", 1, {"b": 1}, "SUCCESS", 1, {"file": {"b": 1}}, []), "an item")
    same([a["nodeId"] for a in r["agentRuns"]], ["after", "scan[0]", "scan[1]"], "agentRuns")
    same(d.get("/api/runs/%s/nodes/scan%%5B1%%5D/logs" % r["id"]).status, 200, "logs")
    same(d.get("/api/runs/%s/nodes/scan%%5B2%%5D/logs" % r["id"]).status, 404, "no such item")


def what_was_not_started_is_skipped_or_cancelled(d):
    files = [None] * 4
    run = started(d, each("skips", maxParallel=1, inputs={"x": "{{ item.x }}"}), files)
    r = ended(d, run)
    same(r["status"], "FAILED", "run")
    same([n["status"] for n in r["nodes"]],
         ["FAILED", "FAILED", "SKIPPED", "SKIPPED", "SKIPPED", "SKIPPED"], "statuses")
    same(r["nodes"][0]["items"]["skipped"], 3, "counted")
    same((r["nodes"][0]["error"]["code"], r["nodes"][0]["error"]["items"]), ("item_failed", [0]),
         "error")
    run = started(d, each("cancels", maxParallel=2, approvalRequired=True), files)
    r = d.get("/api/runs/" + run).json
    same((r["status"], r["nodes"][0]["status"]), ("WAITING_APPROVAL", "RUNNING"), "waits")
    same((r["nodes"][0]["items"]["waiting"], r["nodes"][0]["items"]["pending"]), (2, 2), "waits")
    same([a["nodeId"] for a in r["approvals"]], ["scan[0]", "scan[1]"], "approvals")
    d.post("/api/approvals/%s/decision" % r["approvals"][1]["id"], {"decision": "APPROVED",
                                                                  "respondedBy": "ann"})
    while d.get("/api/runs/" + run).json["nodes"][0]["items"]["succeeded"] < 1:
        time.sleep(0.01)
    d.post("/api/runs/%s/cancel" % run, {})
    r = ended(d, run)
    same([n["status"] for n in r["nodes"]],
         ["CANCELLED", "CANCELLED", "SUCCESS", "CANCELLED", "CANCELLED", "CANCELLED"], "statuses")
    same((r["nodes"][0]["items"]["succeeded"], r["nodes"][0]["items"]["cancelled"]), (1, 3),
         "counted")


def many_items_are_counted_and_read_page_after_page(d):
    files = [{"x": i} if i % 100 else {} for i in range(1000)]
    run = started(d, each("many", onItemFailure="continue", inputs={"x": "{{ item.x }}"}), files)
    r = ended(d, run)
    node = r["nodes"][0]
    same((node["items"]["total"], node["items"]["succeeded"], node["items"]["failed"]),
         (1000, 990, 10), "counts")
    same((node["items"]["shown"], len(r["nodes"]), len(r["agentRuns"])), (100, 102, 101), "bounded")
    same(len(node["output"]), 1000, "output")
    path = "/api/runs/%s/nodes/scan/items?limit=300" % run
    got = pages(d, path)
    same([len(p) for p in got], [300, 300, 300, 100], "pages")
    same([n["index"] for p in got for n in p], list(range(1000)), "in order")
    same(got[2][5]["output"]["input"], {"x": 605}, "an item of a later page")
    bad = pages(d, "/api/runs/%s/nodes/scan/items?limit=4&status=FAILED" % run)
    same([[n["index"] for n in p] for p in bad],
         [[0, 100, 200, 300], [400, 500, 600, 700], [800, 900]], "by status")
    same(bad[1][0]["error"]["code"], "template_error", "with their errors")
    same(pages(d, path + "&status=PENDING"), [[]], "none")


def pages_of_items_refuse_what_makes_no_sense(d):
    run = started(d, each("refuses"), [])
    r = ended(d, run)
    same((r["nodes"][0]["output"], r["nodes"][0]["items"]["total"]), ([], 0), "an empty list")
    base = "/api/runs/%s/nodes/" % run
    same(d.get(base + "scan/items").json, {"items": [], "nextCursor": None}, "empty")
    same(d.get(base + "after/items").json, {"items": [], "nextCursor": None}, "no forEach")
    same(d.get(base + "nope/items").status, 404, "no node")
    same(d.get("/api/runs/nope/nodes/scan/items").status, 404, "no run")
    same(d.get(base + "scan/items?status=LATE").status, 400, "status")
    same(d.get(base + "scan/items?cursor=abc").status, 400, "cursor")
    same(d.get(base + "scan/items?limit=0").status, 400, "limit")


def a_dry_run_tells_how_many_items_and_judges_the_first(d):
    w = each("dry")
    w["nodes"][0].update(agent="notifier", action="send",
                         inputs={"channel": "console", "message": "{{ item.text }}"})
    d.post("/api/workflows?upsert=true", w)

    def dry(files):
        a = d.post("/api/workflows/dry/trigger", {"context": {"files": files}, "dryRun": True})
        same(a.status, 200, a.body)
        return a.json["nodes"][0], a.json["findings"]
    node, findings = dry([{"text": "hello"}, 1])
    same((node["forEach"], node["inputs"]["message"], findings),
         ({"items": 2, "maxParallel": 100, "onItemFailure": "fail"}, "hello", []), "known")
    node, findings = dry([{}])
    same([f["path"] for f in findings], ["nodes[0].inputs"], "a bad first item")
    node, findings = dry({"a": 1})
    same([f["path"] for f in findings], ["nodes[0].forEach"], "no list")
    node, findings = dry([])
    same((node["forEach"]["items"], node["resolved"], findings), (0, False, []), "empty")


main([a_run_tells_its_items_behind_their_node, what_was_not_started_is_skipped_or_cancelled,
      many_items_are_counted_and_read_page_after_page, pages_of_items_refuse_what_makes_no_sense,
      a_dry_run_tells_how_many_items_and_judges_the_first])
