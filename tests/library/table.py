"""doc/library.md: what it names is there, and what is there is named."""
import glob
import os
import re

from library_test import everywhere, run, scenario

SOURCE = os.environ["RANKINE_SOURCE"]
OTHERS = ("command.h", "kernel.h", "team.h")  # not of the library that the page is about


def text(*path):
    with open(os.path.join(SOURCE, *path)) as file:
        return file.read()


def page():
    return text("doc", "library.md")


def headers():
    names = sorted(os.path.basename(path) for path in glob.glob(os.path.join(SOURCE, "include", "rankine", "*.h")))
    return "\n".join(text("include", "rankine", name) for name in names if name not in OTHERS)


def rows():
    """(Python, C call, test) of the tables of methods."""
    tables = page().split("## Python's methods")[1]
    lines = [line for line in tables.splitlines() if line.startswith("| ") and not line.startswith("| Python |")]
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    found = [row if len(row) == 3 else [*row[:2], ""] for row in found]
    assert len(found) > 150
    return found


def words(cell, pattern):
    return [word for quoted in re.findall(r"`([^`]+)`", cell) for word in re.findall(pattern, quoted)]


def calls_are_in_headers():
    code = re.sub(r"/\*.*?\*/", "", headers(), flags=re.S)
    code += " ".join("RK_" + name for name in re.findall(r"^ +X\((E\w+), \d", code, re.M))
    for python, call, _ in rows():
        names = words(call, r"\b(?:rk|RK)_\w+")
        assert names or call.startswith(("none: ", "the ")), f"{python}: no call and no reason: {call}"
        for name in names:
            assert re.search(rf"\b{name}\b", code), f"{python}: {name} is in no public header"


def unit_tests(name):
    """Those that test_<name>.c runs."""
    path = os.path.join(SOURCE, "tests", "unit", f"test_{name}.c")
    if not os.path.exists(path):
        return set()
    source = text(path)
    made = re.findall(r"\bvoid (\w+)\(void \*\*state\)|^[A-Z]+\((\w+)\)$", source, re.M)
    return {first or second for first, second in made} & set(re.findall(r"cmocka_unit_test\w*\((\w+)", source))


def program_tests(name):
    """Those of tests/library/<name>.py that CMake knows."""
    path = os.path.join(SOURCE, "tests", "library", f"{name}.py")
    if not os.path.exists(path):
        return set()
    known = re.search(rf"rk_add_library_scenarios\({name}\b([^)]*)\)", text("tests", "library", "CMakeLists.txt"))
    return set(re.findall(r"^def (\w+)\(", text(path), re.M)) & set(re.findall(r"\w+", known.group(1) if known else ""))


def tests_exist():
    known = {}
    for python, call, test in rows():
        names = words(test, r"[\w.]+")
        assert names or not words(call, r"\brk_\w+") or call.startswith("none: "), \
            f"{python}: {call} has no test"
        for name in names:
            file, function = name.split(".")
            if file not in known:
                known[file] = unit_tests(file) | program_tests(file)
            assert function in known[file], f"{python}: there is no test {name}"


def every_function_is_named():
    declared = r"^(?:RK_EXPORT|static inline)\b[^;(]*?\b(rk_\w+)\("
    exported = set(re.findall(declared, headers(), re.M))
    assert len(exported) > 180, len(exported)
    missing = sorted(exported - set(re.findall(r"\brk_\w+", page())))
    assert not missing, f"in no row and no text of doc/library.md: {missing}"


def the_example_runs():
    shown = re.search(r"```c\n(.*?)```", page(), re.S).group(1)
    assert shown == text("tests", "library", "programs", "three_squares.c")
    for n, nodes in everywhere():
        assert run("three_squares", n=n, nodes=nodes).stdout == "1 4 9\n"


def links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", page()):
        assert os.path.exists(os.path.join(SOURCE, "doc", link)), link


scenario(globals())
