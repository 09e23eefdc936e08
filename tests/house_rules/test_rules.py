"""Rules on the tests themselves: each asserts something, none sleeps, none is switched off."""
import re

from source_rules import line_of, without_comments

ASSERTION = re.compile(r"\b(EXPECT|ASSERT)_\w+|\bFAIL\(|\bADD_FAILURE|\b(expect|assert|check|verify|refuses?|then)\w*\s*[(<]|\bTRY_OR_FAIL")


def bodies(code):
    for match in re.finditer(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\s*\(([^)]*)\)\s*\{", code, re.MULTILINE):
        depth, end = 1, match.end()
        while depth and end < len(code):
            depth += {"{": 1, "}": -1}.get(code[end], 0)
            end += 1
        yield match.start(), match.group(1), code[match.end():end]


class TestAssertsSomething:
    BAD = ("tests/unit/x_test.cpp", "TEST(X, runs) { run(); }\n")
    GOOD = ("tests/unit/x_test.cpp", "TEST(X, runs) {\n  EXPECT_EQ(run(), 1);\n}\n")

    @staticmethod
    def check(path, content):
        if path.startswith("tests/") and path.endswith(".cpp"):
            code = without_comments(content)
            for offset, name, body in bodies(code):
                if not ASSERTION.search(body):
                    yield line_of(code, offset), f"{name} asserts nothing"


class TestDoesNotSleep:
    """A test waits for a condition with a deadline; the loop that does so is in tests/support, once."""
    BAD = ("tests/unit/x_test.cpp", "std::this_thread::sleep_for(1s);\n")
    GOOD = ("tests/support/eventually.hpp", "std::this_thread::sleep_for(1s);\n")

    @staticmethod
    def check(path, content):
        if path.startswith("tests/") and not path.startswith("tests/support/") and path.endswith((".cpp", ".hpp")):
            code = without_comments(content)
            for match in re.finditer(r"\bsleep_(for|until)\b|\bu?sleep\s*\(|\bnanosleep\b", code):
                yield line_of(code, match.start()), "a test does not sleep: wait for a condition (tests/support)"


class TestIsNotSwitchedOff:
    BAD = ("tests/unit/x_test.cpp", "TEST(X, DISABLED_runs) {}\n")
    GOOD = ("tests/unit/x_test.cpp", "TEST(X, runs_when_disabled) {}\n")

    @staticmethod
    def check(path, content):
        if path.startswith("tests/") and path.endswith(".cpp"):
            for match in re.finditer(r"\bDISABLED_\w+", content):
                yield line_of(content, match.start()), "a test that is switched off tests nothing"


RULES = [TestAssertsSomething, TestDoesNotSleep, TestIsNotSwitchedOff]
