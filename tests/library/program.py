"""rk_main: bringing the ranks together, and an end in order."""
import shutil
import subprocess

from library_test import MPIRUN, everywhere, program, run, scenario, words


def root_knows_where_it_is():
    for n, nodes in everywhere():
        said = run("about", n=n, nodes=nodes).stdout
        ranks_of_a_node = -(-n // nodes)
        assert f"rank 0 of {n}, node 0 of {-(-n // ranks_of_a_node)}," in said, said


def a_root_that_fails_is_told_once():
    for n in (1, 3):
        result = run("about", "fail", n=n, expect=1 if n == 1 else None)
        assert result.returncode != 0
        assert result.stderr.count("the moon is full") == 1, result.stderr


def another_build_is_refused():
    shutil.copy(program("about"), "other")
    with open("other", "ab") as file:
        file.write(b"x")
    result = subprocess.run([MPIRUN, "-n", "1", program("about"), ":", "-n", "1", "./other"], capture_output=True,
                            text=True, timeout=60)
    assert result.returncode != 0
    assert "rank 1" in result.stderr and "another build" in result.stderr, result.stderr


def a_rank_that_is_killed_does_not_hold_up_the_end():
    """Under --enable-recovery the survivors go on; root, which knows nothing of it, still comes to its end."""
    process = subprocess.Popen(words("about", "wait", n=3, options=["--enable-recovery"]), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "waiting\n"
        ranks = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
        assert len(ranks) == 3, ranks
        subprocess.run(["kill", "-KILL", ranks[-1]], check=True)
        out, err = process.communicate("\n", timeout=40)
        assert "rank 0 of 3" in out, (out, err)
    finally:
        process.kill()
        process.wait()


scenario(globals())
