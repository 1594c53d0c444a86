"""Makes one C file that holds the bundled meta-schemas, each under its $id.

usage: embed.py OUTPUT.c INPUT.json...
"""

import json
import sys


def literal(data):
    """A C string per 100 bytes; octal escapes for what is not plain."""
    out = []
    for at in range(0, len(data), 100):
        text = ""
        for byte in data[at:at + 100]:
            plain = 32 <= byte < 127 and chr(byte) not in '"\\?'
            text += chr(byte) if plain else "\\%03o" % byte
        out.append('\t "%s"\n' % text)
    return "".join(out)


def main(output, inputs):
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "json/schema_impl.h"\n\n')
        out.write("const struct schema_bundled schema_bundled_documents[] = {\n")
        for name in inputs:
            with open(name, encoding="utf-8") as f:
                document = json.load(f)
            data = json.dumps(document, separators=(",", ":")).encode()
            out.write('\t{"%s",\n%s\t , %d},\n' % (document["$id"], literal(data), len(data)))
        out.write("};\n\nconst size_t schema_n_bundled_documents = %d;\n" % len(inputs))


main(sys.argv[1], sys.argv[2:])
