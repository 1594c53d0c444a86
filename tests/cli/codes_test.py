"""The error codes of the table in the engine, of the sources and of docs/workflows.md are the same."""
import os
import re

from daemon import SOURCE, main

GIVEN = [r'verdict_refuse\([^"]{0,80}?"([a-z_]+)"', r'emit_error\([^"]{0,80}?"([a-z_]+)"',
         r'\.code = "([a-z_]+)"', r'\bfail\(r, "([a-z_]+)"', r'say\(v, "([a-z_]+)"',
         r'\bcode\[\] = "([a-z_]+)"', r'_timeout\[\] = "([a-z_]+)"',
         r'node_fail\([^;]{0,200}?"([a-z_]+)"\);', r'refuse\(r, index,\s*"([a-z_]+)"']


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
        return f.read()


def sources():
    for folder, _, names in os.walk(os.path.join(SOURCE, "src")):
        for name in names:
            if name.endswith(".c") and name != "error_codes.c":
                yield read(os.path.join(folder, name))


def table():
    """name -> kind"""
    found = re.findall(r'\{"(\w+)", (ERROR_\w+)', read("src/engine/run/error_codes.c"))
    assert len(found) > 20, found
    return dict(found)


def documented():
    """name -> whether it is tried again, as the page says it"""
    text = read("docs/workflows.md").split("<!-- error-codes -->")[1].split("\n\n")[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {name: row[2].strip() for row in rows for name in re.findall(r"`(\w+)`", row[0])}


def every_code_is_documented_and_every_documented_one_is_there():
    codes, page = table(), documented()
    assert sorted(codes) == sorted(page), set(codes) ^ set(page)
    for name, kind in codes.items():
        again = page[name].startswith(("yes", "when"))
        assert again == (kind in ("ERROR_RETRIED", "ERROR_UNCOUNTED")), (name, kind, page[name])


def every_code_that_the_sources_give_is_in_the_table():
    codes = table()
    given = {code for text in sources() for p in GIVEN for code in re.findall(p, text)}
    assert len(given) > 15, given
    assert given <= set(codes), given - set(codes)


def every_code_of_the_table_can_be_given():
    everything = "\n".join(sources())
    for name in table():
        if not name.endswith("_N"):
            assert f'"{name}"' in everything or f'\\"{name}\\"' in everything, name


if __name__ == "__main__":
    main([every_code_is_documented_and_every_documented_one_is_there,
          every_code_that_the_sources_give_is_in_the_table, every_code_of_the_table_can_be_given])
