#!/usr/bin/env python3
"""P9 on the real program: racing decisions, restarts while waiting, expiry, how soon it goes on."""
import http.client
import statistics
import threading
import time
from datetime import datetime

from daemon import Daemon, main, node
from made import Agents

RACES = 1000
GATE = {"name": "gate", "nodes": [
    {"id": "g", "agent": "noop", "action": "run", "approvalRequired": True},
    {"id": "after", "agent": "noop", "action": "run", "dependsOn": ["g"]}]}
# So many gates in one run: each is a race of its own.
MANY = {"name": "many", "nodes": [
    {"id": f"g{i}", "agent": "noop", "action": "run", "approvalRequired": True}
    for i in range(RACES // 2)]}


def approvals(d, run):
    return d.ok("GET", f"/api/runs/{run}")["approvals"]


def decide(d, approval, decision, by="local"):
    status, _, _ = d.request("POST", f"/api/approvals/{approval}/decision",
                             {"decision": decision, "respondedBy": by})
    return status


def of_1000_racing_decisions_each_pair_has_one_winner():
    with Daemon() as d:
        d.apply(MANY)
        run = d.trigger("many", {})
        ids = [a["id"] for a in approvals(d, run)]
        assert len(ids) == RACES // 2
        won = {i: [] for i in ids}
        statuses = []
        barrier = threading.Barrier(2)

        def race(decision, by):
            for i in ids:
                barrier.wait()
                status = decide(d, i, decision, by)
                statuses.append(status)
                if status == 200:
                    won[i].append((decision, by))

        threads = [threading.Thread(target=race, args=a)
                   for a in (("APPROVED", "ann"), ("REJECTED", "bob"))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(set(statuses)) == [200, 409], set(statuses)
        assert all(len(w) == 1 for w in won.values())
        end = d.wait(run)
        for a in end["approvals"]:
            assert [(a["status"], a["respondedBy"])] == won[a["id"]], a
            want = "SUCCESS" if a["status"] == "APPROVED" else "FAILED"
            assert node(end, a["nodeId"])["status"] == want
        decided = [e["data"]["approvalId"] for _, t, e in d.events(run) if t == "approval.decided"]
        assert sorted(decided) == sorted(ids)
        approved = sum(w[0][0] == "APPROVED" for w in won.values())
        print(f"# {len(statuses)} decisions on {len(ids)} gates: {approved} approved, "
              f"{len(ids) - approved} rejected, {statuses.count(409)} got 409")


def what_waits_survives_a_kill_and_is_decided_after():
    with Daemon() as d:
        d.apply(GATE)
        run = d.trigger("gate", {})
        before = approvals(d, run)
        d.kill()
        assert d.start()
        got = d.ok("GET", f"/api/runs/{run}")
        assert got["status"] == "WAITING_APPROVAL" and got["approvals"] == before, got
        assert decide(d, before[0]["id"], "APPROVED") == 200
        d.kill()  # acknowledged: it is never taken back
        assert d.start()
        assert decide(d, before[0]["id"], "REJECTED") == 409
        end = d.wait(run)
        assert end["status"] == "SUCCESS", end
        assert end["approvals"][0]["status"] == "APPROVED"


def nobody_in_time_means_no():
    with Daemon() as d:
        d.apply(dict(GATE, name="soon", nodes=[
            {"id": "g", "agent": "noop", "action": "run", "approval": {"timeout": "300ms"}},
            {"id": "late", "agent": "noop", "action": "run",
             "approval": {"timeout": "300ms", "onTimeout": "approve"}}]))
        run = d.trigger("soon", {})
        d.kill()  # the time goes on while it is down
        assert d.start()
        end = d.wait(run)
        assert node(end, "g")["error"]["code"] == "approval_expired", end
        assert node(end, "late")["status"] == "SUCCESS", end
        assert {a["nodeId"]: a["status"] for a in end["approvals"]} == {
            "g": "EXPIRED", "late": "APPROVED"}
        assert decide(d, end["approvals"][0]["id"], "APPROVED") == 409


def an_agent_registered_anew_voids_what_was_shown():
    with Daemon() as d:
        agent = {"name": "mine", "type": "RULE", "version": "1",
                 "capabilities": [{"name": "run"}]}
        made = d.ok("POST", "/api/agents", agent)
        d.apply({"name": "void", "nodes": [
            {"id": "g", "agent": "mine", "action": "run", "approvalRequired": True}]})
        run = d.trigger("void", {})
        d.ok("PUT", f"/api/agents/{made['id']}", dict(agent, version="2"))
        assert decide(d, approvals(d, run)[0]["id"], "APPROVED") == 200
        end = d.wait(run)
        assert node(end, "g")["error"]["code"] == "approval_void", end


def a_file_that_changed_voids_what_was_approved():
    with Agents() as agents:
        agents.add("editable", "echo '{}'")
        with Daemon(agents=[agents.path]) as d:
            d.apply({"name": "void", "nodes": [
                {"id": "g", "agent": "editable", "action": "run", "approvalRequired": True}]})
            run = d.trigger("void", {})
            approval = approvals(d, run)[0]
            assert len(approval["subject"]["agent"]["digest"]) == 64, approval
            assert decide(d, approval["id"], "APPROVED") == 200
            assert d.wait(run)["status"] == "SUCCESS"
            run = d.trigger("void", {})
            agents.write("editable/more.sh", "echo more")
            assert decide(d, approvals(d, run)[0]["id"], "APPROVED") == 200
            end = d.wait(run)
            assert node(end, "g")["error"]["code"] == "approval_void", end


def it_goes_on_as_soon_as_it_may():
    with Daemon() as d:
        d.apply(GATE)
        took = []
        for _ in range(50):
            run = d.trigger("gate", {})
            approval = approvals(d, run)[0]["id"]
            began = time.monotonic()
            assert decide(d, approval, "APPROVED") == 200
            assert d.wait(run)["status"] == "SUCCESS"
            took.append((time.monotonic() - began) * 1000)
        a = d.ok("GET", f"/api/runs/{run}")
        assert node(a, "g")["startedAt"] >= a["approvals"][0]["respondedAt"]
        print(f"# decision to the end of the run, 50 runs: median "
              f"{statistics.median(took):.1f} ms, most {max(took):.1f} ms")


def metrics(d):
    c = http.client.HTTPConnection(d.metrics, timeout=30)
    c.request("GET", "/metrics")
    text = c.getresponse().read().decode()
    c.close()
    return text


def waiting_for_people_is_no_work():
    """The run's duration in the metrics is without the time in WAITING_APPROVAL, also of a restart."""
    with Daemon() as d:
        d.apply(GATE)
        run = d.trigger("gate", {})
        approval = approvals(d, run)[0]["id"]
        d.kill()
        d.start()
        decide(d, approval, "APPROVED")
        d.wait(run)
        got = d.ok("GET", f"/api/runs/{run}")
        ms = [datetime.fromisoformat(got[k].replace("Z", "+00:00")).timestamp() * 1000
              for k in ("startedAt", "finishedAt")]
        assert got["waitedMs"] > 0, got
        line = 'drover_workflow_duration_seconds_sum{project="default",workflow="gate",' \
               'status="SUCCESS"} '
        text = metrics(d)
        seconds = float(text.split(line)[1].split("\n")[0])
        assert abs(seconds - (ms[1] - ms[0] - got["waitedMs"]) / 1000) < 0.0015, (seconds, got)


def what_waits_is_counted():
    with Daemon() as d:
        d.apply(GATE)
        runs = [d.trigger("gate", {}) for _ in range(3)]
        ids = [approvals(d, r)[0]["id"] for r in runs]
        decide(d, ids[0], "REJECTED")
        d.wait(runs[0])
        text = metrics(d)
        assert "drover_approvals_pending 2" in text, text
        assert 'drover_workflow_approval_wait_seconds_count{project="default",workflow="gate",' \
               'status="REJECTED"} 1' in text, text


main([of_1000_racing_decisions_each_pair_has_one_winner,
      what_waits_survives_a_kill_and_is_decided_after, nobody_in_time_means_no,
      an_agent_registered_anew_voids_what_was_shown,
      a_file_that_changed_voids_what_was_approved, it_goes_on_as_soon_as_it_may,
      what_waits_is_counted, waiting_for_people_is_no_work])
