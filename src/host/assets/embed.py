#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the C source that holds the web client: embed.py OUTPUT FILE..."""
import gzip
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def array(name, data):
    lines = [f"static const uint8_t {name}[] = {{"]
    for at in range(0, len(data), 24):
        lines.append("\t" + "".join(f"{byte}," for byte in data[at : at + 24]))
    return "\n".join(lines + ["};", ""])


def main(output, files):
    arrays, rows = [], []
    for number, file in enumerate(files):
        name = os.path.basename(file)
        with open(file, "rb") as source:
            data = source.read()
        packed = gzip.compress(data, 9, mtime=0)
        arrays.append(array(f"bytes_{number}", data))
        small = "NULL, 0"
        if len(packed) < len(data):
            arrays.append(array(f"gzip_{number}", packed))
            small = f"gzip_{number}, sizeof(gzip_{number})"
        path = "/" if name == "index.html" else "/" + name
        rows.append(
            f'\t{{ "{path}", "{TYPES[os.path.splitext(name)[1]]}",'
            f" bytes_{number}, sizeof(bytes_{number}), {small} }},"
        )
    with open(output, "w", encoding="ascii") as out:
        out.write(
            '/* Made by embed.py. */\n#include "host/assets/assets.h"\n\n#include <string.h>\n\n'
            + "\n".join(arrays)
            + "\nstatic const struct asset assets[] = {\n"
            + "\n".join(rows)
            + "\n};\n\n"
            "const struct asset *asset_find(const char *path, size_t n)\n{\n"
            "\tfor (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {\n"
            "\t\tif (strlen(assets[i].path) == n && memcmp(assets[i].path, path, n) == 0)\n"
            "\t\t\treturn &assets[i];\n\t}\n\treturn NULL;\n}\n"
        )


main(sys.argv[1], sys.argv[2:])
