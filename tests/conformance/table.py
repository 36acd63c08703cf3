#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Which test holds which line of the contract.

table.py [SOURCE-DIRECTORY]. Reads tests/conformance/ids.txt and the sources of all tests, writes
build/conformance.md and prints a summary. Exits with 1 when a line has neither a test nor a
reason, a test names a line that does not exist, or a group of lines has no mutant.

A test names a line by its id, in its body or in the comment before it: CLI-3, or a range, US-1..4
or US-1..US-4. Each id stands whole: in "CLI-3, 4" the 4 is nothing. Numbers that begin with 0, as
in SUP-04, and prefixes that ids.txt does not have belong to other documents.

What counts is what runs. A file counts when the meson.build beside or above it names it: whole, or
by its stem without "test-" or "fuzz-". In C the test is the function test_… around the id or else
the next one below, if cmocka's list has it; in Python the same with functions that the module
has in a list; in JavaScript the test("…") around it or below; of other files the whole.
"""
import ast
import os
import re
import sys

REASONS = ("wayland", "systemd-pid1", "cloud", "deb")
SOURCES = (".c", ".py", ".mjs", ".sh")
RANGE_MAX = 100
# A catalogue of faults, which tests cite as well, has more lines with this prefix.
OTHERS = {f"SUP-{number}" for number in range(11, 17)}
FILE_TESTS = {".c": "in_c", ".py": "in_python", ".mjs": "in_javascript"}
CITED = re.compile(r"(?<![\w-])([A-Z]+)-([1-9]\d*)(?:\.\.(?:([A-Z]+)-)?([1-9]\d*))?(?![\w-])")


class Bad(Exception):
    pass


def read_ids(path):
    """id -> (what it is about, reason or None), in the file's order."""
    ids = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                continue
            fields = line.rstrip("\n").split("\t")
            reason = fields[2] if len(fields) == 3 else None
            if len(fields) not in (2, 3) or not re.fullmatch(r"[A-Z]+-[1-9]\d*", fields[0]):
                raise Bad(f"{path}:{number}: not ID, words, and perhaps a reason")
            if fields[0] in ids:
                raise Bad(f"{path}:{number}: {fields[0]} again")
            if reason not in (None, *REASONS):
                raise Bad(f"{path}:{number}: '{reason}' is no reason")
            ids[fields[0]] = (fields[1], reason)
    return ids


def cited(text):
    """(offset, id) of all ids of a text, ranges as single ones."""
    for match in CITED.finditer(text):
        prefix, first, other, last = match.groups()
        numbers = range(int(first), int(last or first) + 1)
        if other not in (None, prefix) or not 0 < len(numbers) < RANGE_MAX:
            yield match.start(), match.group()  # which does not exist
            continue
        for number in numbers:
            yield match.start(), f"{prefix}-{number}"


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


# Tests of a file: [(name, first line, last line)] in order, registered ones only. What is below
# the one and above the next belongs to the next.


def in_c(text):
    lists = re.findall(r"struct CMUnitTest \w+\[\] = \{(.*?)\};", text, re.DOTALL)
    given = set(re.findall(r"\btest_\w+", " ".join(lists)))
    tests, lines = [], text.splitlines()
    for number, line in enumerate(lines, 1):
        match = re.match(r"static void (test_\w+)\(", line)
        if match and match.group(1) in given:
            end = next((n for n in range(number, len(lines)) if lines[n] == "}"), len(lines))
            tests.append((match.group(1), number, end + 1))
    return tests


def in_python(text):
    """What the module names without calling it: in a list, mostly."""
    tree, named = ast.parse(text), set()
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            continue
        called = {id(n.func) for n in ast.walk(statement) if isinstance(n, ast.Call)}
        named |= {
            n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and id(n) not in called
        }
    return [
        (node.name, node.lineno, node.end_lineno)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name in named
    ]


def in_javascript(text):
    starts = [
        (match.group(2), line_of(text, match.start()))
        for match in re.finditer(r"^\s*test\(\s*([\"'`])(.*?)\1", text, re.MULTILINE)
    ]
    lines = text.splitlines()
    tests = []
    for name, number in starts:
        indent = re.match(r"\s*", lines[number - 1]).group()
        end = next(
            (n for n in range(number, len(lines)) if lines[n].startswith(indent + "}")), number
        )
        tests.append((name, number, end + 1))
    return tests


def head_of(path, text):
    """The last line of what a file says about itself: that is about no test of its own."""
    if path.endswith(".c"):
        match = re.search(r"^#include", text, re.MULTILINE)
        return line_of(text, match.start()) if match else 0
    if path.endswith(".py"):
        body = ast.parse(text).body
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            return body[0].end_lineno
    return 0


def tests_of(path, text):
    find = globals().get(FILE_TESTS.get(os.path.splitext(path)[1], ""))
    return find(text) if find else [("", 1, text.count("\n") + 1)]


def is_registered(root, path):
    """Does the meson.build beside or above it, below tests/, name it?"""
    directory, name = os.path.split(path)
    stem = re.sub(r"(\.test)?\.\w+$", "", name)
    names = {name, stem, re.sub(r"^(test|fuzz)-", "", stem)}
    while directory:
        build = os.path.join(root, directory, "meson.build")
        if os.path.exists(build):
            with open(build, encoding="utf-8") as lines:
                text = "".join(line.split("#")[0] for line in lines)
            quoted = set(re.findall(r"'([^'\n]*)'", text))
            return bool(quoted & (names | {os.path.relpath(path, directory)}))
        directory = os.path.dirname(directory)
    return False


def sources(root):
    for directory, folders, names in os.walk(os.path.join(root, "tests")):
        folders[:] = sorted(f for f in folders if f not in ("node_modules", "__pycache__"))
        for name in sorted(names):
            if name.endswith(SOURCES):
                yield os.path.relpath(os.path.join(directory, name), root)


def scan(root, ids):
    """(id -> [(file, test)], complaints)."""
    prefixes = {i.split("-")[0] for i in ids}
    found, wrong = {i: [] for i in ids}, []
    for path in sources(root):
        # The tools of this table have ids of examples.
        if path.startswith(os.path.join("tests", "conformance")):
            continue
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
            text = f.read()
        named = [(o, i) for o, i in cited(text) if i.split("-")[0] in prefixes and i not in OTHERS]
        wrong += [f"{path}:{line_of(text, o)}: there is no {i}" for o, i in named if i not in ids]
        if not named or not is_registered(root, path):
            continue
        tests, head = tests_of(path, text), head_of(path, text)
        for offset, i in named:
            line = line_of(text, offset)
            test = next((name for name, _, last in tests if line <= last), None)
            if i in ids and line > head and test is not None and (path, test) not in found[i]:
                found[i].append((path, test))
    return found, wrong


def mutated(root):
    """The groups of ids for which there is a mutant."""
    groups, directory = set(), os.path.join(root, "tests", "mutants")
    for name in os.listdir(directory) if os.path.isdir(directory) else []:
        if name.endswith(".mutant"):
            with open(os.path.join(directory, name), encoding="utf-8") as f:
                named = re.search(r"^ids:(.*)$", f.read(), re.MULTILINE)
            groups |= {i.split("-")[0] for _, i in cited(named.group(1) if named else "")}
    return groups


def groups_without_mutant(root, ids):
    groups = dict.fromkeys(i.split("-")[0] for i, (_, reason) in ids.items() if not reason)
    return [group for group in groups if group not in mutated(root)]


def markdown(ids, found):
    lines = ["# The contract, line by line", "", "| line | about | tests |", "|---|---|---|"]
    for i, (about, reason) in ids.items():
        cells = [f"{path} {test}".strip().replace("_", " ") for path, test in found[i]]
        if not cells:
            cells = [f"({reason})" if reason else "**none**"]
        lines.append(f"| {i} | {about} | {'<br>'.join(cells)} |")
    return "\n".join(lines) + "\n"


def summary(ids, found, wrong, groups):
    missing = [i for i, (_, reason) in ids.items() if not found[i] and not reason]
    excused = [reason for i, (_, reason) in ids.items() if not found[i] and reason]
    reasons = ", ".join(f"{excused.count(r)} {r}" for r in REASONS if r in excused)
    tested = len(ids) - len(missing) - len(excused)
    lines = [f"{len(ids)} lines: {tested} tested, {len(excused)} excused ({reasons or 'none'}), "
             f"{len(missing)} without a test"]
    if missing:
        lines.append("without a test: " + " ".join(missing))
    if groups:
        lines.append("groups without a mutant: " + " ".join(groups))
    return lines + wrong, bool(missing or groups or wrong)


def main(root):
    try:
        ids = read_ids(os.path.join(root, "tests", "conformance", "ids.txt"))
    except Bad as error:
        print(error)
        return 1
    found, wrong = scan(root, ids)
    os.makedirs(os.path.join(root, "build"), exist_ok=True)
    table = os.path.join(root, "build", "conformance.md")
    with open(table, "w", encoding="utf-8") as out:
        out.write(markdown(ids, found))
    lines, failed = summary(ids, found, wrong, groups_without_mutant(root, ids))
    print("\n".join([*lines, "the table is in build/conformance.md"]))
    return 1 if failed else 0


if __name__ == "__main__":
    here = os.path.dirname(os.path.realpath(__file__))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(here))))
