#!/usr/bin/env python3
"""Makes C tables of the SQL in spec/sql: embed_sql.py OUT.h OUT.c QUERIES.sql MIGRATION.sql…

queries.sql holds statements headed by "-- name: X" and texts headed by "-- text: X" that replace
{X} in what follows. Migrations are whole files, numbered from 0001 without a gap.
"""
import hashlib
import pathlib
import re
import sys


def c_string(text):
    lines = text.split("\n")
    out = []
    for i, line in enumerate(lines):
        end = "\\n" if i + 1 < len(lines) else ""
        out.append('"' + line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", " ") + end + '"')
    return "\n\t ".join(out)


def parse_queries(text):
    texts, queries = {}, []
    parts = re.split(r"^-- (name|text): (\w+)\n", text, flags=re.M)
    for kind, name, body in zip(parts[1::3], parts[2::3], parts[3::3]):
        body = "\n".join(l for l in body.strip().split("\n") if not l.startswith("--"))
        body = re.sub(r"\{(\w+)\}", lambda m: texts[m.group(1)], body)
        if kind == "text":
            texts[name] = body
        else:
            queries.append((name, body))
    names = [n for n, _ in queries]
    assert len(set(names)) == len(names), "a name stands twice"
    return queries


def parse_migrations(paths):
    out = []
    for i, path in enumerate(sorted(paths)):
        m = re.fullmatch(r"(\d{4})_(\w+)\.sql", path.name)
        assert m and int(m.group(1)) > i, f"{path}: migrations have numbers that grow"
        data = path.read_bytes()
        out.append((i + 1, m.group(2), data.decode(), hashlib.sha256(data).hexdigest()))
    return out


def main():
    out_h, out_c, queries_path, *migration_paths = map(pathlib.Path, sys.argv[1:])
    queries = parse_queries(queries_path.read_text())
    migrations = parse_migrations(migration_paths)
    enum = "".join(f"\tSQL_{n.upper()},\n" for n, _ in queries)
    out_h.write_text(
        "/* Generated from spec/sql by tools/embed_sql.py: the statements and the migrations. */\n"
        "#pragma once\n\n#include <stddef.h>\n\n"
        f"enum sql_query {{\n{enum}\tSQL_N_QUERIES,\n}};\n\n"
        "struct sql_text {\n\tconst char *name, *sql;\n\tsize_t n_sql;\n};\n"
        "extern const struct sql_text sql_queries[SQL_N_QUERIES];\n\n"
        "struct sql_migration {\n\tint version; /* from 1 */\n\tconst char *name, *sql, *sha256;\n};\n"
        f"enum {{ SQL_N_MIGRATIONS = {len(migrations)} }};\n"
        "extern const struct sql_migration sql_migrations[SQL_N_MIGRATIONS];\n"
    )
    rows = "".join(
        f'\t[SQL_{n.upper()}] = {{"{n}",\n\t {c_string(s)}, {len(s.encode())}}},\n' for n, s in queries
    )
    steps = "".join(f'\t{{{v}, "{n}",\n\t {c_string(s)},\n\t "{h}"}},\n' for v, n, s, h in migrations)
    out_c.write_text(
        f'#include "{out_h.name}"\n\n'
        f"const struct sql_text sql_queries[SQL_N_QUERIES] = {{\n{rows}}};\n\n"
        f"const struct sql_migration sql_migrations[SQL_N_MIGRATIONS] = {{\n{steps}}};\n"
    )


main()
