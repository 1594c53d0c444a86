"""Runs with forEach on a terminal: a line for a node, however many items it has."""
from cli import drover
from daemon import Daemon, main

MANY = """name: many
nodes:
  - id: scan
    agent: noop
    action: run
    forEach: "{{ context.list }}"
    onItemFailure: continue
    inputs: {n: "{{ item.n }}"}
"""


def a_line_says_what_became_of_the_items():
    with Daemon() as d:
        def w(*args, **options):
            return drover(*args, server="http://" + d.address, **options)
        w("apply", "-f", "-", stdin=MANY)
        items = ",".join("{}" if i in (3, 150) else '{"n":%d}' % i for i in range(200))
        run = w("run", "many", "-c", "list=[%s]" % items).out.strip()
        seen = w("watch", run).out
        assert "scan  expanded  to 200 items" in seen, seen
        shown = w("show", run).out
        assert "scan: 200 items: 198 succeeded, 2 failed\n" in shown, shown
        assert "1 node: 1 SUCCESS" in shown and "2 of 200 items failed: scan[3] (" in shown, shown
        assert "scan[0]" not in shown and len(shown.splitlines()) < 15, shown
        lines = w("items", run[:20], "scan", "--status", "FAILED").lines
        assert len(lines) == 3 and lines[2].startswith("scan[150]"), lines
        assert "template_error" in lines[1] and "{}" in lines[1], lines
        r = w("items", run, "scan", "-n", "2")
        assert len(r.lines) == 3 and "there are more: --cursor" in r.err, r.out
        assert w("items", run, "scan", "--json").json["items"][1]["item"] == {"n": 1}
        assert w("logs", run, "scan[7]").out == ""
        assert w("items", run, "nope", status=1).err
        assert w("items", run, status=2).err


main([a_line_says_what_became_of_the_items])
