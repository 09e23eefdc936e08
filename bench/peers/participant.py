"""Programs that the driver starts and ends: servers, and participants, which answer a line of words by a line of JSON. Their
standard error goes to a file of the run's folder, whose end is the message when one fails."""
import json
import os
import re
import select
import signal
import subprocess

ANSWER_S = 900
END_S = 20


class Failed(Exception):
    """A program did not do its part; the text has its last words."""


class Program:
    def __init__(self, name, command, folder, environment=None, lines=False):
        self.name = name
        self.log = os.path.join(folder, re.sub(r"\W+", "-", name) + ".log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stderr=log, cwd=folder, start_new_session=True,
                                            stdin=subprocess.PIPE if lines else subprocess.DEVNULL, stdout=subprocess.PIPE if lines else log, text=True)

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return " / ".join(line.strip() for line in log.readlines()[-4:] if line.strip())[:400]

    def check(self):
        if self.process.poll() not in (None, 0):
            raise Failed(f"{self.name} ended with {self.process.returncode}: {self.last_words()}")

    def end(self):
        if self.process.stdin:
            self.process.stdin.close()
        else:
            self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.end()


class Participant(Program):
    """Speaks first: the JSON line that says it is ready."""

    def __init__(self, name, command, folder, environment=None):
        super().__init__(name, command, folder, environment, lines=True)
        try:
            self.ready = self.answer()
        except Failed:
            self.end()
            raise

    def answer(self):
        readable, _, _ = select.select([self.process.stdout], [], [], ANSWER_S)
        line = self.process.stdout.readline() if readable else ""
        if not line:
            raise Failed(f"{self.name} gave no answer: {self.last_words()}")
        return json.loads(line)

    def ask(self, *words):
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"{self.name} is gone: {self.last_words()}") from None
        return self.answer()
