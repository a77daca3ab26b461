"""Can the tests fail? Plant one small fault at a time in a copy of the sources, build, and see that some test notices.

usage: python3 tests/support/mutants.py [--only TEXT|TEXT] [--jobs N] [DIRECTORY]

DIRECTORY (default: a new temporary one) gets a copy of the sources and a build. Each fault names the tests that are expected to
notice it, so that only those run. Prints a line for each fault and, last, 'N noticed, M not'; exit 1 if one was not.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# (what, file, the line's text, the fault, tests that must notice)
FAULTS = [
    ("a seed that depends on the rank", "src/exec/exec.c", ".seed = options->seed", ".seed = options->seed + (uint64_t)getenv(\"PMIX_RANK\")[0]", "digest_of_pi"),
    ("random numbers from the stream only", "include/rankine/kernel.h", "{0, task->index / along, task->index % along, 0}", "{0, 0, 0, 0}", "unit.random"),
    ("nine rounds of Philox", "src/kernel/random.c", "philox4x64_R(10,", "philox4x64_R(9,", "unit.random"),
    ("a merge in the wrong order", "src/reduce/custom.c", "spec->merge(into, from);", "char copy[4096]; memcpy(copy, from, spec->state_bytes); spec->merge(copy, into); memcpy(into, copy, spec->state_bytes);", "unit.fold"),
    ("the tree merges too late", "src/reduce/fold.c", "common_level(tree->leaf[tree->depth - 1], leaf))", "common_level(tree->leaf[tree->depth - 1], leaf) / 2)", "unit.fold"),
    ("a carry that is lost", "src/reduce/exact.c", "chunks[i + 1] += (chunks[i] - low) / ((int64_t)1 << 32);", "if (chunks[i] > low) chunks[i + 1] += (chunks[i] - low) / ((int64_t)1 << 32);", "unit.exact"),
    ("rounding half up", "src/reduce/limbs.c", "half && (below || (mantissa & 1))", "half", "unit.exact"),
    ("Inf - Inf is Inf", "src/reduce/exact.c", "|| (special & both) == both)", ")", "unit.exact"),
    ("a tie takes the higher task", "src/reduce/extremes.c", "index < state->index", "index > state->index", "unit.fold"),
    ("max ignores NaN", "src/reduce/extremes.c", "((extreme *)state)->nan = 1;", ";", "unit.fold"),
    ("a histogram open at its end", "src/reduce/extremes.c", "value > spec->hi", "value >= spec->hi", "unit.fold"),
    ("the sum of squares forgets a cross term", "src/reduce/exact.c", "2 * position + 33", "2 * position + 32", "unit.exact"),
    ("a failed task is folded", "src/exec/harvest.c", "if (exec->failed_in_batch == 0) {", "if (true) {", "failed_tasks|batches_fail"),
    ("a failed task's given values count", "src/exec/harvest.c", "if (exec->states[i] != RK__TASK_OK)\n            continue;", "", "failed_tasks|batches_fail"),
    ("a failed row keeps what was written", "src/exec/harvest.c", "fill_failed(exec, i);", "", "failed_tasks"),
    ("scratch states are not cleared", "src/exec/tasks.c", "memset(state, 0, rk__reducer_state_bytes(exec->options.reducer, reduction));", "", "failed_tasks|stats_leave"),
    ("the rows of the wrong task", "src/exec/tasks.c", "i * exec->options.schema->columns[c].row_bytes", "(i ^ 1) * exec->options.schema->columns[c].row_bytes", "check_compares|ep_class_s"),
    ("the last task of a block is left out", "src/record/schema.c", "return schema->tasks - first < most ? schema->tasks - first : most;", "return (schema->tasks - first < most ? schema->tasks - first : most) - (most > 1);", "failed_tasks"),
    ("a dropped block", "src/run/session.c", "if (rk__window_is_done(session->segment.window, block))", "if (block == 5 || rk__window_is_done(session->segment.window, block))", "ep_class_s"),
    ("committed blocks are computed again", "src/run/session.c", "if (rk__window_is_done(session->segment.window, block))", "if (false)", "kill_everything"),
    ("fill is hashed", "src/record/checksum.c", "if (status[i] == RK__TASK_OK)", "if (true)", "unit.stage"),
    ("the checksum forgets the task", "src/record/checksum.c", "(first_task + i) | (uint64_t)column->id << 56", "(uint64_t)column->id << 56", "digest_tells"),
    ("a commit before its rows", "src/record/stage.c", "for (size_t s = 0; s < stage->segment_count; s++)\n        if (stage->segments[s].written", "for (size_t s = stage->segment_count; s < stage->segment_count; s++)\n        if (stage->segments[s].written", "unit.stage"),
    ("a rewrite into the slot that counts", "src/record/stage.c", "*slot = winner == 0;", "*slot = winner == 1;", "unit.stage"),
    ("an older generation wins", "src/record/blocks.c", "second->generation > first->generation", "second->generation < first->generation", "unit.stage"),
    ("records are not checked", "src/record/blocks.c", "entry->generation != 0 && entry->check == check_of(record, block, entry)", "entry->generation != 0", "unit.stage"),
    ("a damaged partial passes", "src/record/blocks.c", "if (rk__hash64(partial, size, block) == entry->partial_check)", "if (true)", "unit.stage"),
    ("claims overlap by one", "src/dispatch/window.c", "word + *count, memory_order_acq_rel", "word + *count - (*count > 1), memory_order_acq_rel", "unit.window"),
    ("a bit of the map too many", "src/dispatch/window.c", "(UINT64_C(1) << run) - 1) << bit", "(UINT64_C(1) << run)) << bit", "unit.window"),
    ("shares leave the rest out", "src/dispatch/policy.c", "return each + (claimer < rest ? 1 : 0);", "return each;", "unit.policy"),
    ("rank 0's node hears of the end first", "src/dispatch/ledger.c", "(ask->node != 0 || others_told(ledger))", "true", "unit.ledger"),
    ("a span twice", "src/dispatch/ledger.c", "ledger->cursor += answer->count;", "ledger->cursor += answer->count > 1 ? answer->count - 1 : answer->count;", "unit.ledger"),
    ("jump-ahead one too far", "apps/ep/ep_batch.c", "batch * 2 * pairs", "batch * 2 * pairs + 1", "ep_class_s"),
    ("missing values count", "apps/stats/stats.c", "if (is_missing(input, value))", "if (false)", "missing_values"),
    ("another seed is accepted", "src/record/identity.c", "if (own->seed != identity->seed)", "if (false)", "unit.stage"),
    ("a mark before the sync", "src/run/syncer.c", "    RK_TRY(rk__record_sync(session->record, err));\n    RK_TRY(sync_logs(session, err));\n", "", "power_cuts"),
    ("every record is trusted", "src/record/settle.c", "if (entry->session < s->trusted_below)\n        return true;", "if (entry != NULL)\n        return true;", "power_cuts"),
    ("failed tasks are not retried", "src/record/settle.c", "sound && s->options->retry_failed", "!sound && s->options->retry_failed", "failed_tasks_are_retried"),
    ("damaged blocks pass a repair", "src/record/settle.c", "if (sound && !retry)", "if (!retry)", "damage_is_repaired"),
    ("the lock is not taken", "src/record/lock.c", "if (fcntl(fd, F_SETLK, &all) != 0) {", "if (all.l_type == F_UNLCK) {", "two_runs"),
    ("space is not reserved", "src/record/create.c", "if (fallocate(fd, 0, 0, info->st_size) == 0)", "if (info->st_size > 0)", "space_is_reserved"),
    ("a deadline that is not kept", "src/run/session.c", "session->out_of_time = true;", ";", "a_time_limit"),
    ("ranges stepped in doubles", "src/space/space_private.h", "return i < l->count ?", "return l->count > UINT64_MAX - 1 ?", "unit.lattice"),
    ("--force overwrites anything", "src/record/place.c", "size == 0 || has_signature(fd, size)", "true || has_signature(fd, size)", "unit.stage"),
    ("a part is taken twice", "src/run/merge.c", "RK_TRY(check_is_new(parts, i, err));", "", "parts.what_is_no_part"),
    ("an extension off by one", "src/space/extend.c", "point * extension->along_before + place", "point * extension->along_before + place + (place > 0)", "finished_sweep"),
    ("an extension takes damaged rows", "src/run/reuse.c", "*sound = reuse->checked_sound;", "*sound = true;", "extension_takes_nothing"),
    ("a part too large", "src/record/schema.c", "*count = each + (before < rest);", "*count = each + (before < rest) + (before == 0);", "parts_of_a_run|missing_or_stopped"),
    ("a merge does not look at checksums", "src/record/copy.c", "    if (memcmp(entry->checksum", "    if (true || memcmp(entry->checksum", "parts_that_disagree"),
    ("a log after its records", "src/record/stage.c", "    if (stage->options.log != NULL)\n        RK_TRY(rk__log_flush(stage->options.log, err));\n", "", "killed_and_resumed_it_has"),
    ("what failed tasks emitted is folded", "src/record/fold_values.c", "if (f->states[task - f->first] != RK__TASK_OK)\n        return RK_OK;", "", "values_are_in_task_order"),
    ("rows by message to the wrong place", "src/record/raw.c", "write, at + done, bytes + done", "write, at + done + 8, bytes + done", "rows_by_message|slow_disk"),
    ("the digest forgets the reductions", "src/record/digest.c", "rk__text_add_bytes(&text, results, record->schema.results_bytes);", "", "digest_tells"),
]


def build(tree):
    return subprocess.run(["cmake", "--build", os.path.join(tree, "build")], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


def is_noticed(tree, tests, jobs):
    result = subprocess.run(["ctest", "--test-dir", os.path.join(tree, "build"), "-R", tests, "-LE", "long", "-j", str(jobs),
                             "--timeout", "120", "--stop-on-failure", "--no-tests=error"], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    return result.returncode != 0


def plant(tree, file, old, new):
    """Returns the whole text that was there."""
    path = os.path.join(tree, file)
    with open(path) as f:
        text = f.read()
    if text.count(old) < 1:
        raise SystemExit(f"{file}: the text of a fault is gone, mend the table: {old}")
    with open(path, "w") as f:
        f.write(text.replace(old, new, 1))
    return text


def try_fault(tree, fault, jobs):
    what, file, old, new, tests = fault
    text = plant(tree, file, old, new)
    built = build(tree)
    if built.returncode != 0:
        verdict = "DOES NOT BUILD"
        print(built.stdout[-1500:])
    else:
        verdict = "noticed" if is_noticed(tree, tests, jobs) else "NOT NOTICED"
    with open(os.path.join(tree, file), "w") as f:
        f.write(text)
    print(f"{verdict:15} {what} ({file})", flush=True)
    return verdict == "noticed"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="faults whose words hold one of these texts: A|B")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="tests at a time")
    parser.add_argument("directory", nargs="?", help="where the copy goes")
    options = parser.parse_args()
    tree = options.directory or tempfile.mkdtemp(prefix="rankine-mutants-")
    files = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z"], check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in files.rstrip("\0").split("\0"):
        os.makedirs(os.path.dirname(os.path.join(tree, name)) or tree, exist_ok=True)
        shutil.copy2(os.path.join(SOURCE, name), os.path.join(tree, name))
    subprocess.run(["cmake", "-S", tree, "-B", os.path.join(tree, "build")], check=True, stdout=subprocess.DEVNULL)
    if build(tree).returncode != 0:
        raise SystemExit("the sources do not build as they are")
    chosen = [fault for fault in FAULTS if any(text in fault[0] for text in options.only.split("|"))]
    noticed = sum(try_fault(tree, fault, options.jobs) for fault in chosen)
    print(f"{noticed} noticed, {len(chosen) - noticed} not")
    if not options.directory:
        shutil.rmtree(tree)
    return 0 if noticed == len(chosen) else 1


sys.exit(main())
