#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The table of the contract's lines counts what runs, and nothing else."""
import contextlib
import io
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["AFAR_SOURCE"], "tests", "integration"))

import table
from hosting import check, run

IDS = "# words\nCLI-1\tone\nCLI-2\ttwo\nCLI-3\tthree\nUS-1\tfour\nUS-2\tfive\nWL-1\tsix\twayland\n"

C_TEST = """\
/* CLI-1: what the file says about itself counts for nothing */
#include "x.h"

static const int cases[] = { 1 }; /* CLI-2 */

static void helper(void)
{
}

/* US-1 */
static void test_one(void **state)
{
	/* CLI-3 */
}

/* US-2: in no list */
static void test_forgotten(void **state)
{
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
	};
}
"""

PYTHON_TEST = '''\
"""CLI-1: about no test of its own."""

def helper():
    pass


# CLI-2
def one():
    pass  # US-1..2


def forgotten():
    """CLI-3"""


def called():
    """CLI-1"""


called()
if True:
    LIST = [as_user("x", one)]
'''


class Tree:
    """A source tree: path -> text."""

    def __init__(self, **files):
        self.root = tempfile.TemporaryDirectory(prefix="afar-table-")
        self.write("tests/conformance/ids.txt", IDS)
        for path, text in files.items():
            self.write(path, text)

    def write(self, path, text):
        path = os.path.join(self.root.name, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return self

    def scan(self):
        ids = table.read_ids(os.path.join(self.root.name, "tests/conformance/ids.txt"))
        found, wrong = table.scan(self.root.name, ids)
        return {i: [test for _, test in tests] for i, tests in found.items() if tests}, wrong

    def main(self):
        """(exit status, what it prints, the table)"""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = table.main(self.root.name)
        with open(os.path.join(self.root.name, "build/conformance.md"), encoding="utf-8") as f:
            return status, out.getvalue(), f.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.root.cleanup()


def ids_of(text):
    return [i for _, i in table.cited(text)]


def an_id_stands_whole():
    check(ids_of("CLI-3 (CLI-12), /* US-1: */") == ["CLI-3", "CLI-12", "US-1"])
    check(ids_of("SUP-04 XCLI-3x aCLI-3 CLI-3a x-CLI-3 CLI-3-4 CLI- 3 cli-3") == [])


def a_range_stands_for_all_its_ids():
    check(ids_of("US-1..4") == ids_of("US-1..US-4") == ["US-1", "US-2", "US-3", "US-4"])
    check(ids_of("CLI-3, 4") == ["CLI-3"])
    for bad in ("US-4..1", "US-1..CLI-2", "US-1..1000000"):
        check(ids_of(bad) == [bad], ids_of(bad))


def a_c_test_counts_when_cmockas_list_has_it():
    files = {"tests/unit/test-x.c": C_TEST, "tests/unit/meson.build": "names = [\n'x',\n]\n"}
    with Tree(**files) as tree:
        found, wrong = tree.scan()
        check(not wrong, wrong)
        check(found == {"CLI-2": ["test_one"], "US-1": ["test_one"], "CLI-3": ["test_one"]}, found)


def a_python_test_counts_when_a_list_has_it():
    files = {"tests/some/x.py": PYTHON_TEST, "tests/some/meson.build": "['x.py', 'desktop']"}
    with Tree(**files) as tree:
        found, _ = tree.scan()
        check(found == {i: ["one"] for i in ("CLI-2", "US-1", "US-2")}, found)


def a_page_test_counts_by_its_name_and_body():
    text = 'import x;\n\ntest("says CLI-1", async () => {\n\t// CLI-2\n});\n// CLI-3\n'
    files = {"tests/web/page/x.test.mjs": text, "tests/web/meson.build": "foreach n : ['x']"}
    with Tree(**files) as tree:
        found, _ = tree.scan()
        check(found == {i: ["says CLI-1"] for i in ("CLI-1", "CLI-2")}, found)


def what_no_meson_build_names_does_not_run():
    for build in ("", "['y']", "# ['x']\n", "['xx']"):
        with Tree(**{"tests/unit/test-x.c": C_TEST, "tests/unit/meson.build": build}) as tree:
            check(tree.scan()[0] == {}, build)


def an_id_that_does_not_exist_is_told_with_its_place():
    files = {"tests/unit/test-x.c": C_TEST.replace("US-1", "US-9"), "tests/unit/meson.build": "'x'"}
    with Tree(**files) as tree:
        check(tree.scan()[1] == ["tests/unit/test-x.c:10: there is no US-9"], tree.scan()[1])
        check(tree.main()[0] == 1)


def other_documents_numbers_are_left_alone():
    text = C_TEST.replace("US-1", "CLI-04, RES-7, UTF-8")
    with Tree(**{"tests/unit/test-x.c": text, "tests/unit/meson.build": "'x'"}) as tree:
        check(not tree.scan()[1], tree.scan()[1])


def all_is_well_when_each_line_has_a_test_or_a_reason_and_each_group_a_mutant():
    all_ids = C_TEST.replace("US-1", "CLI-1..3, US-1..2")
    files = {"tests/unit/test-x.c": all_ids, "tests/unit/meson.build": "'x'",
             "tests/mutants/a.mutant": "ids: CLI-2\n", "tests/mutants/b.mutant": "ids: US-1\n"}
    with Tree(**files) as tree:
        status, out, text = tree.main()
        check(status == 0 and "6 lines: 5 tested, 1 excused (1 wayland), 0 without" in out, out)
        check("| WL-1 | six | (wayland) |" in text, text)
        check("| US-2 | five | tests/unit/test-x.c test one |" in text, text)
        tree.write("tests/mutants/b.mutant", "ids: CLI-3\n")
        status, out, _ = tree.main()
        check(status == 1 and "groups without a mutant: US\n" in out, out)
        tree.write("tests/mutants/b.mutant", "ids: US-1\n")
        tree.write("tests/unit/test-x.c", C_TEST)
        status, out, text = tree.main()
        check(status == 1 and "without a test: CLI-1 US-2\n" in out, out)
        check("| CLI-1 | one | **none** |" in text, text)


def a_list_of_ids_that_is_wrong_is_told():
    for line in ("CLI-4\n", "CLI-4\tx\tlazy\n", "CLI-1\tagain\n", "CLI-04\tx\n", "CLI 4\tx\n"):
        with Tree(**{"tests/conformance/ids.txt": IDS + line}) as tree:
            try:
                tree.scan()
            except table.Bad as error:
                check("ids.txt:8" in str(error), error)
            else:
                check(False, "taken:", line)


tests = [
    an_id_stands_whole,
    a_range_stands_for_all_its_ids,
    a_c_test_counts_when_cmockas_list_has_it,
    a_python_test_counts_when_a_list_has_it,
    a_page_test_counts_by_its_name_and_body,
    what_no_meson_build_names_does_not_run,
    an_id_that_does_not_exist_is_told_with_its_place,
    other_documents_numbers_are_left_alone,
    all_is_well_when_each_line_has_a_test_or_a_reason_and_each_group_a_mutant,
    a_list_of_ids_that_is_wrong_is_told,
]
if __name__ == "__main__":
    sys.exit(run(tests))
