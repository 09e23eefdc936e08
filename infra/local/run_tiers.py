#!/usr/bin/env python3
"""Runs the tiers of tests one after the other and reports: per tier its time, passed, failed, skipped, beside the budget;
what was skipped and why; what failed; and as the last line "N passed, N failed, N skipped".

A tier is one GoogleTest program, <build>/tests/dossier_<tier>_tests. Tiers that only compute run as several shards at
once, those that share the broker and the database as one process. A program that dies or passes its deadline counts as
one failed test. SIGINT and SIGTERM end the running programs, with everything they started.
"""
import argparse
import os
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

BUDGET_S = 25 * 60
BUDGET_ALL_S = 85 * 60
TIERS = ["house", "unit", "property", "golden", "contract", "simulation", "integration", "e2e", "robustness", "agents", "web"]
SHARDED = {"unit", "property", "golden", "simulation"}
SIDE_BY_SIDE = {"robustness": 2, "agents": 2}  # shards of tests that wait more than they compute, each on clusters of its own
DEADLINE_S = {"house": 120, "unit": 180, "property": 300, "golden": 60, "contract": 300, "simulation": 600,
              "integration": 600, "e2e": 900, "robustness": 900, "agents": 900, "web": 900}
SHOWN_OUTPUT_LINES = 60
# What a whole run does once more in trees built with a sanitizer; how much slower these may be; how many seeds suffice.
# Contract waits for the broker and the disk while the others compute: it runs beside them.
SANITIZED = {"asan": ["unit", "property", "contract", "simulation"], "tsan": ["unit", "contract", "integration"]}
BESIDE = {"contract"}
# Of these a whole run in its short form takes the sanitized program alone; simulation runs many more seeds in the plain one.
SANITIZED_ONLY = {"unit", "property", "contract"}
SANITIZED_SLOWER = 5
DEADLINE_BUILD_S = 30 * 60
SANITIZED_SEEDS = "400"
SANITIZED_FILTER = {"simulation": "*:-Each/SimulationWithMutation*"}  # a mutation is found by a promise broken, in the plain tree
SANITIZER_OPTIONS = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:strict_string_checks=1",
                     "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}
SUPPRESSIONS = {"LSAN_OPTIONS": "leaks.supp", "TSAN_OPTIONS": "races.supp"}

running = set()


class Result:
    def __init__(self, tier):
        self.tier = tier
        self.seconds = 0.0
        self.passed = 0
        self.failures = []  # (name, message)
        self.skips = []  # (name, reason)


def end(processes):
    """Each program leads a process group of its own: the group ends, so no child of a test stays."""
    for process in processes:
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    deadline = time.monotonic() + 5
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def interrupted(number, _frame):
    end(list(running))
    sys.stdout.flush()
    os._exit(128 + number)  # the thread of a tier that runs beside others must not begin its next program


def read_report(path, result):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        failures = case.findall("failure")
        skipped = case.find("skipped")
        if case.get("status") == "notrun":
            continue
        if failures:
            result.failures.append((name, failures[0].get("message", "").strip()))
        elif skipped is not None or case.get("result") == "skipped":
            lines = (skipped.get("message") if skipped is not None else None) or "no reason given"
            lines = [line for line in lines.splitlines() if line.strip() and not line.startswith("/")]
            result.skips.append((name, lines[0].strip() if lines else "no reason given"))
        else:
            result.passed += 1


def last_test_of(log):
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = [line for line in file if line.startswith("[ RUN ")]
    return lines[-1].split("]", 1)[1].strip() if lines else "(before the first test)"


def run_program(tier, command, shards, environment, scratch, deadline_s, result):
    """Shards of one program at once; each writes its report and its log into the scratch folder."""
    started = []
    for shard in range(shards):
        report = os.path.join(scratch, f"{tier}-{shard}.xml")
        log = os.path.join(scratch, f"{tier}-{shard}.log")
        env = dict(environment, GTEST_OUTPUT=f"xml:{report}", GTEST_TOTAL_SHARDS=str(shards), GTEST_SHARD_INDEX=str(shard))
        with open(log, "wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env,
                                       start_new_session=True)
        running.add(process)
        started.append((process, report, log))
    began = time.monotonic()
    for process, report, log in started:
        try:
            code = process.wait(max(1.0, began + deadline_s - time.monotonic()))
            ended = None if code in (0, 1) else f"ended by signal {-code}" if code < 0 else f"exit code {code}"
        except subprocess.TimeoutExpired:
            ended = f"did not end within {deadline_s} s"
        if ended is None and os.path.exists(report):
            failed_before = len(result.failures)
            read_report(report, result)
            if code != 0 and len(result.failures) == failed_before:  # a sanitizer's finding at the end: a leak
                result.failures.append((f"{tier} (at its end)", f"every test passed, and the program's exit code is {code}"))
        else:
            result.failures.append((last_test_of(log), f"the program {ended or 'left no report'}"))
        if process.poll() != 0:
            show_log(log)
    ours = [process for process, _, _ in started]
    end(ours)
    running.difference_update(ours)


def show_log(log):
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    first = next((i for i, line in enumerate(lines) if ": Failure" in line or "CHECK" in line or "ERROR:" in line), None)
    at = max(0, first - 3) if first is not None else max(0, len(lines) - SHOWN_OUTPUT_LINES)
    print("\n".join(lines[at:at + SHOWN_OUTPUT_LINES]), file=sys.stderr)
    print(f"(whole log: {log})", file=sys.stderr)


def run_house_rules(source, result, deadline_s):
    """The house rules are unittest programs in tests/house_rules: each test method counts."""
    command = [sys.executable, os.path.join(source, "tests", "house_rules", "run.py"), "--machine"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=deadline_s, check=False)
    for line in done.stdout.splitlines():
        kind, _, rest = line.partition("\t")
        name, _, message = rest.partition("\t")
        if kind == "passed":
            result.passed += 1
        elif kind == "failed":
            result.failures.append((name, message))
            print(f"{name}\n  " + message.replace("; ", "\n  "), file=sys.stderr)
    if done.returncode not in (0, 1):
        result.failures.append(("house rules", done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no report"))


def wait_for_build(kind, status_file, build):
    """A tree that is built behind the tests: its row in the report is the time that was still to be waited."""
    result = Result(f"({kind} build)")
    began = told = time.monotonic()
    while not os.path.exists(status_file) and time.monotonic() < began + DEADLINE_BUILD_S:
        time.sleep(0.2)
        if time.monotonic() - told > 15:
            told = time.monotonic()
            print(f"[{kind}] waits for {build}", file=sys.stderr, flush=True)
    result.seconds = time.monotonic() - began
    try:
        with open(status_file, encoding="ascii") as file:
            status = file.read().strip()
    except OSError:
        status = f"not done within {DEADLINE_BUILD_S} s"
    if status != "0":
        log = os.path.join(build, "behind.log")
        show_log(log)
        result.failures.append((build, f"the build failed ({status}); its log: {log}"))
    return result


def run_tier(tier, arguments, environment, build, label):
    result = Result(label)
    deadline_s = DEADLINE_S[tier] * (4 if arguments.all else 1)
    if "asan" in build or "tsan" in build:
        deadline_s *= SANITIZED_SLOWER
    began = time.monotonic()
    if tier == "house":
        run_house_rules(arguments.source, result, deadline_s)
    else:
        program = os.path.join(build, "tests", f"dossier_{tier}_tests")
        if not os.path.exists(program):
            return None
        shards = os.cpu_count() or 1 if tier in SHARDED else SIDE_BY_SIDE.get(tier, 1)
        chosen = SANITIZED_FILTER.get(tier, arguments.filter) if label != tier else arguments.filter
        command = [program, "--gtest_color=no", f"--gtest_filter={chosen}"]
        run_program(label.replace(" ", "-"), command, shards, environment, arguments.scratch, deadline_s, result)
    result.seconds = time.monotonic() - began
    return result


def print_table(results, prepared_s, ran_s, budget_s):
    print(f"\n{'tier':<14}{'time':>9}{'passed':>9}{'failed':>9}{'skipped':>9}")
    print(f"{'(prepare)':<14}{prepared_s:>8.1f}s")
    for result in results:
        print(f"{result.tier:<14}{result.seconds:>8.1f}s{result.passed:>9}{len(result.failures):>9}{len(result.skips):>9}")
    total_s = prepared_s + ran_s
    print(f"{'total':<14}{total_s:>8.1f}s of {budget_s} s" + ("  OVER BUDGET" if total_s > budget_s else ""))


def sanitized_environment(environment, arguments):
    variables = dict(environment, DOSSIER_SIM_SEEDS=SANITIZED_SEEDS, **SANITIZER_OPTIONS)
    for variable, file in SUPPRESSIONS.items():
        path = os.path.join(arguments.source, "infra", "local", file)
        variables[variable] = ":".join(filter(None, (variables.get(variable), f"suppressions={path}")))
    return variables


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tiers", nargs="*", metavar="tier", help=" ".join(TIERS))
    parser.add_argument("--build", required=True)
    for kind in SANITIZED:
        parser.add_argument(f"--{kind}", metavar="BUILD", help=f"a tree with that sanitizer: {' '.join(SANITIZED[kind])} run there too")
        parser.add_argument(f"--{kind}-built", metavar="FILE", help="appears with the exit status of that tree's build, which goes on meanwhile")
    parser.add_argument("--source", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--prepared-ms", type=int, default=0)
    parser.add_argument("--filter", default="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--no-skips", action="store_true")
    arguments = parser.parse_args()
    unknown = [tier for tier in arguments.tiers if tier not in TIERS]
    if unknown:
        parser.error(f"unknown tier {unknown[0]}; there are: {' '.join(TIERS)}")
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    environment = dict(os.environ)
    if arguments.all:
        environment["DOSSIER_TEST_ALL"] = "1"
    results, absent = [], []

    def run(tier, build, label, variables):
        print(f"[{label}] …", file=sys.stderr, flush=True)
        try:
            result = run_tier(tier, arguments, variables, build, label)
        except Exception as error:  # on a thread beside the others it would end there, and its tests would be missed by nobody
            result = Result(label)
            result.failures.append((label, f"could not be run: {error}"))
        if result is None and label != tier:  # its tree was built for it
            result = Result(label)
            result.failures.append((label, f"has no program in {build}"))
        if result is None:
            absent.append(label)
            return
        results.append(result)
        print(f"[{label}] {result.seconds:.1f} s: {result.passed} passed, {len(result.failures)} failed, "
              f"{len(result.skips)} skipped", file=sys.stderr, flush=True)

    began = time.monotonic()
    left_out = SANITIZED_ONLY if arguments.asan and not arguments.all else set()
    for tier in arguments.tiers or TIERS:
        if tier not in left_out:
            run(tier, arguments.build, tier, environment)
    for kind, tiers in SANITIZED.items():
        build, status_file = getattr(arguments, kind), getattr(arguments, f"{kind}_built")
        if not build:
            continue
        if status_file:
            results.append(wait_for_build(kind, status_file, build))
            if results[-1].failures:
                continue
        variables = sanitized_environment(environment, arguments)
        beside = [threading.Thread(target=run, args=(tier, build, f"{kind} {tier}", variables)) for tier in tiers if tier in BESIDE]
        for thread in beside:
            thread.start()
        for tier in tiers:
            if tier not in BESIDE:
                run(tier, build, f"{kind} {tier}", variables)
        for thread in beside:
            thread.join()
    print_table(results, arguments.prepared_ms / 1000, time.monotonic() - began, BUDGET_ALL_S if arguments.all else BUDGET_S)
    if absent:
        print(f"without tests: {' '.join(absent)}")
    failures = [(result.tier, *failure) for result in results for failure in result.failures]
    skips = [(result.tier, *skip) for result in results for skip in result.skips]
    for tier, name, message in failures:
        print(f"FAILED   {tier} {name}: {message.splitlines()[0] if message else ''}")
    for tier, name, reason in skips:
        print(f"skipped  {tier} {name}: {reason}")
    passed = sum(result.passed for result in results)
    print(f"{passed} passed, {len(failures)} failed, {len(skips)} skipped")
    missing = bool(arguments.tiers) and bool(absent)  # a tier that was asked for by name must exist
    return 1 if failures or missing or (skips and arguments.no_skips) or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
