"""The same scenarios in Python and in C: what they print is the same, on any number of ranks."""
import difflib
import os
import sys

from library_test import bounded, run, scenario

IN_PYTHON = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python_scenarios")


def in_python(group):
    """Python's pools can hang themselves (threads, and then fork): a second try is fair."""
    words = [sys.executable, os.path.join(IN_PYTHON, f"{group}.py")]
    try:
        return bounded(words, 20)
    except AssertionError:
        return bounded(words, 40)


def compare(group):
    python = in_python(group)
    assert python.returncode == 0, python.stderr
    assert python.stdout.count("== ") >= 3, python.stdout
    for n, nodes in ((1, 1), (2, 1), (3, 1), (5, 1), (3, 3)):
        here = run("scenarios", group, n=n, nodes=nodes).stdout
        differences = difflib.unified_diff(python.stdout.splitlines(), here.splitlines(), "Python", "Rankine",
                                           lineterm="")
        assert python.stdout == here, f"{group}: {n} ranks, {nodes} nodes\n" + "\n".join(differences)


def pools():
    """map, imap in order and as they come, errors through get, timeouts, callbacks, maxtasksperchild, close"""
    compare("pools")


def futures():
    """as_completed, wait in its three modes, exception, callbacks, cancel, shutdown"""
    compare("futures")


def channels():
    """Full, Empty, task_done too often, poll, the end of a pipe"""
    compare("channels")


def sync():
    """releases that are too many, notify(n), wait_for, barriers that break"""
    compare("sync")


def shared():
    """values that are added to, slices, names, count and index"""
    compare("shared")


def managers():
    """dictionaries, lists, namespaces"""
    compare("managers")


def processes():
    """join, exit codes, terminate, names"""
    compare("processes")


scenario(globals())
