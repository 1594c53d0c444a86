#!/usr/bin/env python3
"""What security-scanner promises, tried from outside. Usage: scanner_test.py PROGRAM SOURCE_ROOT

Prints TAP. The rules' own cases come from rules.txt; secrets are put together at run time.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

PROGRAM, SOURCE = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.path.join(SOURCE, "agents", "security-scanner"))
sys.dont_write_bytecode = True
import gen_rules  # noqa: E402

RULES = gen_rules.parse(os.path.join(SOURCE, "agents", "security-scanner", "rules.txt"))
TESTS = []


def test(fn):
    TESTS.append(fn)
    return fn


class Tree:
    """A private folder that is gone at the end."""

    def __init__(self, files=None):
        self.path = tempfile.mkdtemp(prefix="scanner-")
        for name, content in (files or {}).items():
            self.write(name, content)

    def write(self, name, content):
        raw = os.path.join(os.fsencode(self.path), os.fsencode(name))
        os.makedirs(os.path.dirname(raw), exist_ok=True)
        with open(raw, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["chmod", "-R", "u+rwx", self.path], check=False)
        shutil.rmtree(self.path, ignore_errors=True)


def run(root, request=None, raw=None, **options):
    env = dict(os.environ, DROVER_WORKSPACE=root)
    text = raw if raw is not None else json.dumps(
        {"action": "scan", "input": request or {}, "context": {}}).encode()
    return subprocess.run([PROGRAM], input=text, env=env, capture_output=True, timeout=60,
                          check=False, **options)


def scan(tree, **request):
    done = run(tree.path, request)
    assert done.returncode == 0, (done.returncode, done.stderr.decode())
    return json.loads(done.stdout)


def by_hand(path, *arguments):
    done = subprocess.run([PROGRAM, "--path", path, "--json", *arguments], capture_output=True,
                          timeout=100, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def files_of(result):
    return sorted({f["file"] for f in result["findings"]})


def equal(got, want, what=""):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


EVAL = "eval(userInput);\n"
TOKEN = "gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789"
AWS = "AKI" + "AQWERTYUIOPASDFGH"


def ids_of_cases(kind):
    """(rule id, file name, ids found in it) for all cases of a kind, by one scan of them all."""
    cases = {f"{r['id']}/{i}/{name}": (r["id"], name, text)
             for r in RULES for i, (name, text) in enumerate(r[kind])}
    with Tree({path: text + "\n" for path, (_, _, text) in cases.items()}) as tree:
        found = {}
        for f in scan(tree, maxFindings=10000)["findings"]:
            found.setdefault(f["file"], []).append(f["ruleId"])
    return [(rule, name, found.get(path, [])) for path, (rule, name, _) in cases.items()]


@test
def every_rule_finds_its_bad_cases():
    equal([c for c in ids_of_cases("bad") if c[0] not in c[2]], [])


@test
def no_rule_finds_its_good_cases():
    equal([c for c in ids_of_cases("good") if c[0] in c[2]], [])


def secret_cases():
    for rule in RULES:
        if rule["category"] == "secrets":
            for name, text in rule["bad"]:
                yield rule, name, text


def secret_values():
    """(name, line, the secret in the line), by a letter-for-letter look at the redacted form."""
    for rule, name, text in secret_cases():
        with Tree({name: text + "\n"}) as tree:
            found = [f for f in scan(tree)["findings"] if f["ruleId"] == rule["id"]]
            head, _, tail = found[0]["excerpt"].partition("[redacted]")
            line = text.split("\n")[0].strip()
            assert "[redacted]" in found[0]["excerpt"], (rule["id"], found[0])
            tail = tail.split("[redacted]")[-1]
            secret = line[len(head):len(line) - len(tail)] if tail else line[len(head):]
            assert len(secret) >= 6, (rule["id"], secret)
            yield name, line, secret


@test
def no_secret_leaves_in_clear():
    for name, line, secret in list(secret_values()):
        other = f'x = "{TOKEN}"; '
        variants = [line, other + line, line + " # " + other + "eval(a)", "eval(b) " + line,
                    "  " * 90 + line, line + " " + "y" * 5000 + " " + line]
        with Tree({f"{i}/{name}": v + "\n" for i, v in enumerate(variants)}) as tree:
            done = run(tree.path)
            hand = subprocess.run([PROGRAM, "--path", tree.path], capture_output=True, check=False)
            for stream in (done.stdout, done.stderr, hand.stdout, hand.stderr):
                assert TOKEN.encode() not in stream, (name, "other")
                assert secret.encode() not in stream, (name, secret, stream[:2000])
                assert json.dumps(secret)[1:-1].encode() not in stream, (name, secret)


@test
def a_secret_is_hidden_also_when_only_other_kinds_are_asked_for():
    with Tree({"a.js": f'eval(x + "{TOKEN}" + "{AWS}");\n'}) as tree:
        result = scan(tree, scanType="dangerous")
        equal([f["ruleId"] for f in result["findings"]], ["DRV-DNG-001"])
        text = json.dumps(result)
        assert TOKEN not in text and AWS not in text
        equal(text.count("[redacted]"), 2)


@test
def lines_inside_a_private_key_are_hidden_whole():
    body = "-----BEGIN PRIVATE" + " KEY-----\n" + "short+Line1/abc\n" + \
        "AQID " + AWS + " Zm9v\n" + "-----END PRIVATE" + " KEY-----\n"
    with Tree({"k.pem": body}) as tree:
        out = run(tree.path).stdout
        assert b"Zm9v" not in out and b"AQID" not in out, out


@test
def a_cut_secret_in_a_long_line_is_hidden():
    key = "-----BEGIN PRIVATE" + " KEY-----" + "Ab3" * 3000
    with Tree({"a.json": '{"k": "' + key + '", "password": "Tr0ub4dor3"}\n'}) as tree:
        out = run(tree.path).stdout
        assert b"Ab3Ab3" not in out and b"Tr0ub4dor3" not in out, out[:500]


@test
def severity_means_at_least():
    files = {"a.py": f'k = "{AWS}"\nexec(code)\nh = hashlib.sha1(x)\nos.system(x)\n'}
    with Tree(files) as tree:
        seen = {}
        for level in ("low", "medium", "high", "critical"):
            result = scan(tree, severity=level)
            seen[level] = {f["severity"] for f in result["findings"]}
            equal(result["summary"]["total"], len(result["findings"]))
    equal(seen, {"low": {"low", "medium", "high", "critical"},
                 "medium": {"medium", "high", "critical"},
                 "high": {"high", "critical"}, "critical": {"critical"}})


@test
def scan_types_choose_categories():
    files = {"a.js": f'{EVAL}el.innerHTML = x;\nconst t = "{TOKEN}";\n'
                     "crypto.createHash('md5');\nexecSync(`ls ${d}`);\n"}
    with Tree(files) as tree:
        for kind in ("secrets", "injection", "xss", "crypto", "dangerous"):
            equal({f["category"] for f in scan(tree, scanType=kind)["findings"]}, {kind})
        both = scan(tree, scanType=["xss", "crypto"])
        equal({f["category"] for f in both["findings"]}, {"xss", "crypto"})
        equal(len({f["category"] for f in scan(tree, scanType="all")["findings"]}), 5)


@test
def comments_hide_calls_but_not_secrets():
    files = {"a.js": f"// eval(x)\n/* eval(x)\n eval(y) */ eval(z);\n// {TOKEN}\n",
             "b.py": '"""\neval(x)\n"""\n# eval(x)\ns = "eval(x)"\n'}
    with Tree(files) as tree:
        found = [(f["file"], f["line"], f["column"], f["ruleId"])
                 for f in scan(tree)["findings"]]
        equal(found, [("a.js", 3, 12, "DRV-DNG-001"), ("a.js", 4, 4, "DRV-SEC-003")])


@test
def line_and_column_point_at_the_place():
    with Tree({"a.py": f'\n\n  key = "{AWS}"\r\nlast = "{AWS}"'}) as tree:
        places = [(f["line"], f["column"]) for f in scan(tree)["findings"]]
        equal(places, [(3, 10), (4, 9)])


IGNORE_CASES = [
    ("*.log", ["a.log", "d/b.log", "a.logx"]),
    ("/top.js", ["top.js", "d/top.js"]),
    ("d/", ["d/a.js", "e/d/a.js", "f/d"]),
    ("d/e", ["d/e", "x/d/e"]),
    ("**/n.js", ["n.js", "a/n.js", "a/b/n.js", "an.js"]),
    ("a/**/z.js", ["a/z.js", "a/b/z.js", "a/b/c/z.js", "z.js"]),
    ("q/**", ["q/a", "q/b/c", "p/q/a"]),
    ("*.js\n!keep.js", ["a.js", "keep.js", "d/keep.js"]),
    ("d/\n!d/keep.js", ["d/keep.js", "d/x.js"]),
    ("d/*\n!d/keep.js", ["d/keep.js", "d/x.js", "d/s/keep.js"]),
    ("[ab].c", ["a.c", "b.c", "c.c"]),
    ("[!ab].c", ["a.c", "c.c"]),
    ("[a-c]?.c", ["a1.c", "d1.c", "b/x.c", "c.c"]),
    ("[[:digit:]]*.txt", ["1a.txt", "a1.txt"]),
    ("\\#x", ["#x", "x"]),
    ("\\!x", ["!x", "x"]),
    ("#x", ["#x"]),
    ("t.c   ", ["t.c"]),
    ("t\\ ", ["t ", "t"]),
    ("a**b", ["ab", "axxb", "a/b"]),
    ("w\\*", ["w*", "wx"]),
    ("[", ["[", "a"]),
    ("[]-]x", ["]x", "-x", "ax"]),
    ("x[", ["x["]),
    ("foo/*/bar", ["foo/a/bar", "foo/a/b/bar", "foo/bar"]),
    ("**", ["a", "b/c"]),
    ("*/x.c", ["a/x.c", "x.c", "a/b/x.c"]),
    ("cr.c\r\nok.c", ["cr.c", "ok.c"]),
    ("/**/deep.c", ["deep.c", "a/deep.c"]),
    ("d/**/", ["d/a/b.c", "d/b.c"]),
    ("?.h", ["a.h", "ab.h", "é.h"]),
    ("\ufeffbom.c", ["bom.c"]),
]


def git(tree, *arguments, **options):
    env = dict(os.environ, GIT_CONFIG_NOSYSTEM="1", HOME=tree.path, GIT_CONFIG_GLOBAL="/dev/null")
    return subprocess.run(["git", "-C", tree.path, "-c", "core.quotePath=false", *arguments],
                          env=env, capture_output=True, check=False, **options)


def kept_by_git(tree):
    out = git(tree, "ls-files", "-z", "--others", "--exclude-standard").stdout
    return sorted(n.decode() for n in out.split(b"\0") if n)


def scanned(tree):
    return sorted(n for n in files_of(scan(tree, scanType="secrets", maxFindings=10000)))


@test
def ignore_files_mean_what_git_says():
    if not shutil.which("git"):
        return "git is not there"
    for patterns, names in IGNORE_CASES:
        with Tree({n: TOKEN + "\n" for n in names}) as tree:
            git(tree, "init", "-q")
            tree.write(".gitignore", patterns + "\n# " + TOKEN + "\n")
            equal(scanned(tree), kept_by_git(tree), patterns)


@test
def nested_ignore_files_and_info_exclude_mean_what_git_says():
    if not shutil.which("git"):
        return "git is not there"
    names = ["a.o", "s/a.o", "s/t/a.o", "s/b.tmp", "e.bak", "s/e.bak", "s/k/x", "k/x", "s/t/u/q"]
    with Tree({n: TOKEN + "\n" for n in names}) as tree:
        git(tree, "init", "-q")
        mark = "\n# " + TOKEN + "\n"
        tree.write(".gitignore", "*.o\n" + mark)
        tree.write("s/.gitignore", "!a.o\n/k\n*.tmp" + mark)
        tree.write("s/t/.gitignore", "a.o\nu/" + mark)
        tree.write(".git/info/exclude", "*.bak\n!a.o\n")
        equal(scanned(tree), kept_by_git(tree))
        part = files_of(scan(tree, path="s/t"))
        equal(part, [n for n in kept_by_git(tree) if n.startswith("s/t/")])


@test
def a_pattern_made_to_be_slow_is_not():
    with Tree({".gitignore": "*a" * 200 + "b\n", "a" * 200: EVAL}) as tree:
        equal(scan(tree)["summary"]["filesScanned"], 2)


@test
def binary_huge_and_git_files_are_skipped_and_counted():
    files = {"b.js": b"\0" + EVAL.encode(), "late.js": b"x" * 9000 + b"\n\0\n" + EVAL.encode(),
             "h.js": EVAL * 100, ".git/config": TOKEN, "e.js": "", "ok.js": EVAL}
    with Tree(files) as tree:
        result = scan(tree, maxFileBytes=1500)
        s = result["summary"]
        equal((s["filesSkippedBinary"], s["filesSkippedLarge"], s["filesScanned"]), (1, 2, 2))
        equal(files_of(result), ["ok.js"])
        equal(files_of(scan(tree)), ["h.js", "late.js", "ok.js"])


@test
def links_pipes_and_sockets_are_never_followed_or_opened():
    with Tree({"d/a.js": EVAL}) as tree, Tree({"secret.js": EVAL}) as outside:
        os.symlink("..", tree.path + "/d/loop")
        os.symlink(outside.path, tree.path + "/out")
        os.symlink(outside.path + "/secret.js", tree.path + "/link.js")
        os.mkfifo(tree.path + "/pipe.js")
        os.symlink(outside.path + "/secret.js", tree.path + "/.gitignore")
        equal(files_of(scan(tree)), ["d/a.js"])
        done = run(tree.path, {"path": "out"})
        assert done.returncode != 0 and not done.stdout


@test
def unreadable_files_are_errors_not_the_end():
    with Tree({"a.js": EVAL, "no.js": EVAL, "dir/b.js": EVAL}) as tree:
        os.chmod(tree.path, 0o755)
        os.chmod(tree.path + "/no.js", 0)
        os.chmod(tree.path + "/dir", 0)
        options = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        copy = tree.path + "-program"
        shutil.copy(PROGRAM, copy)
        os.chmod(copy, 0o755)
        done = subprocess.run([copy, "--path", tree.path, "--json"], capture_output=True,
                              check=False, **options)
        os.unlink(copy)
        result = json.loads(done.stdout)
        equal(files_of(result), ["a.js"])
        equal([e["file"] for e in result["errors"]], ["dir", "no.js"])
        equal(result["summary"]["filesUnreadable"], 2)


@test
def a_tree_too_deep_is_an_error_not_a_crash():
    with Tree({"a.js": EVAL}) as tree:
        fd = os.open(tree.path, os.O_RDONLY)
        for _ in range(600):
            os.mkdir("d", dir_fd=fd)
            deeper = os.open("d", os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = deeper
        os.close(fd)
        result = scan(tree)
        equal((files_of(result), len(result["errors"])), (["a.js"], 1))
        assert "deep" in result["errors"][0]["message"]
        subprocess.run(["rm", "-rf", tree.path + "/d"], check=True)


@test
def naughty_file_names_come_out_as_valid_json():
    names = [b"\xff\xfe.js", b"a\nb.js", b"q\"uote.js", b"back\\slash.js", b"\xff\\.js",
             "ü\u202e.js".encode(), b"-rf.js", b"{{x}}.js", b" .js", b"\x1b[2J.js"]
    with Tree({n: EVAL for n in names}) as tree:
        done = run(tree.path)
        shown = [f["file"] for f in json.loads(done.stdout.decode("utf-8"))["findings"]]
        equal(len(set(shown)), len(names))
        assert "\\xff\\xfe.js" in shown and "a\\x0ab.js" in shown and "\\xff\\\\.js" in shown
        assert "back\\slash.js" in shown
        hand = subprocess.run([PROGRAM, "--path", tree.path], capture_output=True, check=False)
        assert b"\x1b" not in hand.stdout and "\u202e".encode() not in hand.stdout


@test
def excerpts_are_valid_utf8_of_at_most_200_bytes():
    line = b"eval(x); //" + b"\xff\xc3" + "ü€😀".encode() * 100
    with Tree({"a.js": line + b"\n", "b.js": b"y" * 9999 + b" eval(x);" + b"z" * 9999}) as tree:
        found = scan(tree)["findings"]
        equal(len(found), 2)
        for f in found:
            assert len(f["excerpt"].encode()) <= 200
            assert "eval(x)" in f["excerpt"]


@test
def of_too_many_findings_the_gravest_are_kept_and_all_counted():
    files = {f"f{i:03}.js": EVAL * 5 for i in range(50)}
    files["zz.py"] = f'k = "{AWS}"\n'
    with Tree(files) as tree:
        result = scan(tree, maxFindings=7)
        s = result["summary"]
        equal((s["total"], s["critical"], s["high"], s["truncated"]), (251, 1, 250, True))
        equal([(f["file"], f["line"]) for f in result["findings"]],
              [("f000.js", n) for n in range(1, 6)] + [("f001.js", 1), ("zz.py", 1)])
        nothing = scan(tree, maxFindings=0)
        equal((nothing["findings"], nothing["summary"]["total"]), ([], 251))


@test
def one_line_without_end_is_scanned_in_bounded_time():
    with Tree({"a.js": "eval(a)+" * 900000 + "\n" + EVAL}) as tree:
        result = scan(tree)
        equal([f["line"] for f in result["findings"]], [1] * 64 + [2])


@test
def the_same_tree_gives_the_same_output():
    with Tree({f"d{i % 7}/f{i}.js": EVAL + f'k = "{AWS}"\n' for i in range(200)}) as tree:
        first, second = scan(tree), scan(tree)
        for r in (first, second):
            r["summary"].pop("durationMs")
        equal(first, second)
        keys = [(f["file"].encode(), f["line"], f["column"], f["ruleId"])
                for f in first["findings"]]
        equal(keys, sorted(keys))
        prints = [f["fingerprint"] for f in first["findings"]]
        equal(len(set(prints)), len(prints))


@test
def a_fingerprint_survives_a_move_to_another_line():
    with Tree({"a.js": EVAL}) as tree:
        before = scan(tree)["findings"][0]
        tree.write("a.js", "\n\n" + EVAL)
        after = scan(tree)["findings"][0]
        equal((after["fingerprint"], after["line"]), (before["fingerprint"], 3))


@test
def include_exclude_and_path_choose_files():
    with Tree({n: EVAL for n in ("a.js", "s/b.js", "s/c.ts", "v/d.js")}) as tree:
        equal(files_of(scan(tree, include=["*.ts"])), ["s/c.ts"])
        equal(files_of(scan(tree, include=["s/**"])), ["s/b.js", "s/c.ts"])
        equal(files_of(scan(tree, exclude=["v/", "/a.js"])), ["s/b.js", "s/c.ts"])
        equal(files_of(scan(tree, path="s")), ["s/b.js", "s/c.ts"])
        equal(files_of(scan(tree, path="./s//c.ts")), ["s/c.ts"])


@test
def wrong_requests_are_refused_with_their_places():
    with Tree({"a.js": EVAL}) as tree:
        cases = [b"", b"{", b"[]", b'{"action":"scan"}', b'{"action":"x","input":{}}',
                 b'{"action":"scan","input":{"scanType":"x"}}',
                 b'{"action":"scan","input":{"scanType":[]}}',
                 b'{"action":"scan","input":{"severity":1}}',
                 b'{"action":"scan","input":{"surprise":1}}',
                 b'{"action":"scan","input":{"maxFindings":-1}}',
                 b'{"action":"scan","input":{"maxFindings":1e99}}',
                 b'{"action":"scan","input":{"include":"*.js"}}',
                 b'{"action":"scan","input":{"path":7}}', b"[" * 100000]
        for raw in cases:
            done = run(tree.path, raw=raw)
            equal((done.returncode, done.stdout), (2, b""), raw[:60])
            assert b"request.invalid" in done.stderr
        for path in ("/etc", "..", "a/../..", "nowhere", "a\0b"):
            done = run(tree.path, {"path": path})
            equal((done.returncode, done.stdout), (1, b""), path)


@test
def the_prefilter_loses_nothing():
    for root in (os.path.join(SOURCE, "tests"), os.path.join(SOURCE, "agents")):
        fast, slow = by_hand(root), by_hand(root, "--no-prefilter")
        equal(fast["findings"], slow["findings"])
    files = {}
    for rule in RULES:
        for i, (name, text) in enumerate(rule["bad"]):
            for shift in range(3):
                files[f"{rule['id']}/{i}/{shift}/{name}"] = "\n" * shift + text + "\n"
    with Tree(files) as tree:
        fast, slow = by_hand(tree.path), by_hand(tree.path, "--no-prefilter")
        equal(fast["findings"], slow["findings"])


@test
def the_patterns_are_good_for_grep():
    text = subprocess.run([PROGRAM, "--print-patterns"], capture_output=True, check=True).stdout
    equal(len(text.splitlines()), len(RULES))
    for pattern in text.splitlines():
        done = subprocess.run(["grep", "-E", "-e", pattern], input=b"nothing\n",
                              capture_output=True, check=False, env={"LC_ALL": "C"})
        equal((done.returncode, done.stderr), (1, b""), pattern)


@test
def random_bytes_do_no_harm():
    import random
    rng = random.Random(7)
    words = [w.encode() for r in RULES for w in r["needs"]]
    files = {}
    for i in range(60):
        parts = [rng.choice(words) if rng.random() < 0.5 else
                 bytes(rng.randrange(1, 256) for _ in range(rng.randrange(12)))
                 for _ in range(rng.randrange(200))]
        ext = rng.choice(["js", "py", "c", "php", "rb", "sh", "yml", "html", "go", "env"])
        files[f"{i}.{ext}"] = b"".join(parts)
    with Tree(files) as tree:
        equal(scan(tree)["summary"]["filesScanned"], 60)


def main():
    failed = 0
    print("TAP version 13")
    for number, fn in enumerate(TESTS, 1):
        try:
            skipped = fn()
            print(f"ok {number} - {fn.__name__}" + (f" # SKIP {skipped}" if skipped else ""))
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines()[-6:]:
                print("# " + line[:600])
            print(f"not ok {number} - {fn.__name__}")
        sys.stdout.flush()
    print(f"1..{len(TESTS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
