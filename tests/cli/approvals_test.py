"""approvals, approve and reject, against a real service."""
from cli import drover
from daemon import Daemon, main

GATE = """name: gate
nodes:
  - {id: g, agent: noop, action: run, inputs: {x: "{{ context.x }}"}, approvalRequired: true}
"""


class World:
    def __enter__(self):
        self.daemon = Daemon().__enter__()
        self.server = "http://" + self.daemon.address
        self("apply", "-f", "-", stdin=GATE)
        return self

    def __exit__(self, *_):
        self.daemon.__exit__(None, None, None)

    def __call__(self, *args, **options):
        return drover(*args, server=self.server, **options)

    def ask(self):
        run = self("run", "gate", "-c", "x=\"a\x1b[31m\"").out.strip()
        return run, self("approvals", "--json", "--run", run).json["items"][0]["id"]


def what_waits_is_listed_and_shown():
    with World() as w:
        r = w("approvals")
        assert r.out == "" and "nothing waits" in r.err, r.err
        run, approval = w.ask()
        lines = w("approvals").lines
        assert len(lines) == 2 and approval in lines[1] and "PENDING" in lines[1], lines
        one = w("approvals", approval[:-3]).out
        for text in ("sha256", run, '"x": ', "noop run", '"command"'):
            assert text in one, (text, one)
        assert "\x1b" not in one, "hostile text is inert"
        assert w("approvals", approval, "--json").json["runId"] == run
        shown = w("show", run).out
        assert f"g: waits for approval: drover approve {approval}" in shown, shown
        assert "1 WAITING_APPROVAL" in shown, shown


def approve_lets_it_run_and_watch_tells_it():
    with World() as w:
        run, approval = w.ask()
        assert w("approve", approval, "--note", "fine", "--by", "ann").out == "APPROVED\n"
        seen = w("watch", run).out
        assert f"drover approve {approval}" in seen and "approval APPROVED  ann  fine" in seen, seen
        r = w("approve", approval, status=1)
        assert "decided already" in r.err, r.err
        assert w("approvals", "--all").lines[1].count("APPROVED") == 1
        assert "no approvals: REJECTED" in w("approvals", "-s", "REJECTED").err


def reject_fails_the_run():
    with World() as w:
        run, approval = w.ask()
        assert w("reject", approval, "-m", "not now", "--sha256", "00", status=1).out == ""
        assert w("reject", approval, "-m", "not now").out == "REJECTED\n"
        assert "local rejected it: not now" in w("watch", run, status=1).out
        assert w("approve", "nope", status=1).err
        assert "begins with" in w("approve", "00000", status=1).err
        w("approve", status=2)


main([what_waits_is_listed_and_shown, approve_lets_it_run_and_watch_tells_it,
      reject_fails_the_run])
