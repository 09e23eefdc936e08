#!/usr/bin/env python3
"""The house rules as a test: each rule looks at every source file of the checkout; each first proves, on an example that
breaks it and one that keeps it, that it can tell them apart.

    run.py             for people: findings as file:line: rule, exit 1 if there are any
    run.py --machine   one line a rule: passed|failed <tab> rule <tab> findings
"""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import directions  # noqa: E402
import source_rules  # noqa: E402
import test_rules  # noqa: E402

SHOWN = 20  # findings of a rule that are printed


def sources(root):
    """Tracked and new files, so that the rules hold before a commit too; a checkout without git is walked."""
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True,
                                check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = [os.path.relpath(os.path.join(folder, name), root)
                  for folder, folders, names in os.walk(root)
                  if not folders.sort() and not any(part.startswith((".", "build")) for part in folder[len(root):].split("/"))
                  for name in names]
    found = {}
    for path in sorted(set(listed)):
        full = os.path.join(root, path)
        if path.endswith(source_rules.TEXT_SUFFIXES) or os.path.basename(path) in source_rules.TEXT_NAMES:
            if os.path.isfile(full):
                with open(full, encoding="utf-8") as file:
                    found[path] = file.read()
    return found


def prove(rule):
    """A rule that finds nothing in its bad example, or something in its good one, is itself the failure."""
    bad_path, bad = rule.BAD
    good_path, good = rule.GOOD
    if not list(rule.check(bad_path, bad)):
        return ["the rule does not see its own bad example"]
    return [f"the rule objects to its own good example: {finding}" for _, finding in rule.check(good_path, good)]


def main():
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    machine = "--machine" in sys.argv[1:]
    files = sources(root)
    broken = False
    for rule in source_rules.RULES + directions.RULES + test_rules.RULES:
        findings = prove(rule)
        for path, content in files.items():
            findings += [f"{path}:{line}: {finding}" for line, finding in rule.check(path, content)]
        broken = broken or bool(findings)
        if machine:
            shown = findings[:SHOWN] + ([f"and {len(findings) - SHOWN} more"] if len(findings) > SHOWN else [])
            print(f"{'failed' if findings else 'passed'}\t{rule.__name__}\t" + "; ".join(shown))
        else:
            for finding in findings:
                print(f"{finding} [{rule.__name__}]")
    if not machine:
        print(f"house rules: {len(files)} files, " + ("broken" if broken else "kept"))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
