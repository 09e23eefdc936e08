"""Rules over a single source file. A rule has check(path, content) → (line, finding)…, and the examples BAD and GOOD."""
import os
import re

CPP = (".cpp", ".hpp")
TEXT_SUFFIXES = (".cpp", ".hpp", ".proto", ".sql", ".py", ".sh", ".cmake", ".properties")
TEXT_NAMES = ("CMakeLists.txt", "dev")
MAX_LINES = 500


def line_of(content, offset):
    return content.count("\n", 0, offset) + 1


def without_comments(content):
    """Comments and the insides of literals blanked, offsets and lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'R"(\w*)\((?s:.*?)\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*(?s:.*?)\*/', blank, content)


class FirstCommentSaysTheJob:
    BAD = ("base/x.hpp", "#pragma once\n")
    GOOD = ("base/x.hpp", "// What x is for.\n#pragma once\n")
    MARKS = {".cpp": "//", ".hpp": "//", ".proto": "//", ".sql": "--", ".py": '"""', ".sh": "#", ".cmake": "#"}

    @classmethod
    def check(cls, path, content):
        mark = cls.MARKS.get(os.path.splitext(path)[1])
        lines = content.split("\n")
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        if mark and not (lines and lines[0].startswith(mark) and len(lines[0]) > len(mark) + 10):
            yield 1, "the first line is to be a comment that says what this file is for"


class FileIsShort:
    BAD = ("base/x.cpp", "int x;\n" * (MAX_LINES + 1))
    GOOD = ("base/x.cpp", "int x;\n" * MAX_LINES)

    @staticmethod
    def check(path, content):
        if content.count("\n") > MAX_LINES:
            yield MAX_LINES, f"{content.count(chr(10))} lines, {MAX_LINES} at most: one file, one job"


class NameIsSnakeCase:
    BAD = ("base/StringUtils.cpp", "")
    GOOD = ("base/string_view.cpp", "")

    @staticmethod
    def check(path, content):
        stem, suffix = os.path.splitext(os.path.basename(path))
        if suffix in CPP and not re.fullmatch(r"[a-z0-9_]+(\.[a-z]+)?", stem):
            yield 1, "file names are snake_case"
        if suffix in CPP and re.search(r"(^|_)(utils?|helpers?|managers?|misc|common)($|_)", stem):
            yield 1, "a name that says nothing: name the job"


class NothingIsLeftOpen:
    BAD = ("base/x.cpp", "// TO" + "DO: later\n")
    GOOD = ("base/x.cpp", "// Todo lists are kept by events.\n")
    WORDS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK|WI" + r"P)\b")

    @classmethod
    def check(cls, path, content):
        for match in cls.WORDS.finditer(content):
            yield line_of(content, match.start()), f"left open: {match.group(1)}"


class SwitchOverOurEnumHasNoDefault:
    BAD = ("base/x.cpp", "switch (color) {\n  case Color::red: return 1;\n  default: return 2;\n}\n")
    GOOD = ("base/x.cpp", "switch (c) {\n  case 'a': return Color::red;\n  default: return 2;\n}\n"
            "switch (event.kind_case()) {\n  case Event::kAdded: return 1;\n  default: return 2;\n}\n")

    @staticmethod
    def check(path, content):
        if not path.endswith(CPP):
            return
        code = without_comments(content)
        for match in re.finditer(r"\bswitch\s*\(", code):
            opened = code.find("{", match.end())
            depth, end = 0, opened
            while 0 <= end < len(code):
                depth += {"{": 1, "}": -1}.get(code[end], 0)
                if depth == 0:
                    break
                end += 1
            subject, body = code[match.end():opened], code[opened:end]
            default = re.search(r"\bdefault\s*:", body)
            labels = re.findall(r"\bcase\s+([\w:]+)\s*:", body)
            ours = [label for label in labels if "::" in label and not re.search(r"v\d::", label)]
            if default and ours and "_case()" not in subject:
                yield line_of(code, opened + default.start()), "a switch over our enum has no default: -Wswitch is to find what is new"


class CoAwaitOperandIsSafe:
    """GCC 12 destroys temporaries twice when a closure with captures or a braced aggregate is in a co_await expression."""
    BAD = ("api/http/x.cpp", "co_await run(pool, [job = std::move(job)] { job(); });\n")
    GOOD = ("api/http/x.cpp", "auto op = run(pool, std::move(job));\nco_await std::move(op);\n")
    CLOSURE = re.compile(r"co_await\b[^;]*?[(,]\s*\[(?!\s*\]|\s*&\s*\]|\s*(?:&\w+|this)(?:\s*,\s*(?:&\w+|this))*\s*\])")
    AGGREGATE = re.compile(r"co_await\b[^;]*?[(,]\s*(?:[A-Z]\w*)?\{(?!\s*\})\s*[.\w\"]")

    @classmethod
    def check(cls, path, content):
        if path.endswith(CPP):
            for pattern in (cls.CLOSURE, cls.AGGREGATE):
                for match in pattern.finditer(content):
                    yield line_of(content, match.start()), "build the operation in one statement, co_await it in the next"


class CoroutineIsInHttpOnly:
    BAD = ("worker/x.cpp", "co_await op;\n")
    GOOD = ("api/http/x.cpp", "co_await op;\n")

    @staticmethod
    def check(path, content):
        if path.endswith(CPP) and not path.startswith("api/http/"):
            match = re.search(r"\bco_(await|return|yield)\b", without_comments(content))
            if match:
                yield line_of(content, match.start()), "coroutines live in api/http/ only"


class WorkplaceIsNotNamed:
    BAD = ("base/x.cpp", "// see /wo" + "rk/brief\n")
    GOOD = ("base/x.cpp", "// see docs/architecture.md\n")
    WORDS = re.compile(r"(?<![\w.])(?<!\+ \")/wo" + r"rk/|\.\./sha" + r"red|/ro" + r"ot/\.")

    @classmethod
    def check(cls, path, content):
        for match in cls.WORDS.finditer(content):
            yield line_of(content, match.start()), "a path of one machine"


RULES = [FirstCommentSaysTheJob, FileIsShort, NameIsSnakeCase, NothingIsLeftOpen, SwitchOverOurEnumHasNoDefault,
         CoAwaitOperandIsSafe, CoroutineIsInHttpOnly, WorkplaceIsNotNamed]
