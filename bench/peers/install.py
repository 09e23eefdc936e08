"""Installs the peers that this folder pins into .local/peers, by the ordinary clients of their package registries. What the
machine lacks a toolchain for is a skipped row with its reason, never a failure of the others."""
import hashlib
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PLACE = os.path.join(os.path.dirname(os.path.dirname(HERE)), ".local", "peers")
INSTALL_S = 900


class Skipped(Exception):
    """A row can't be measured here; the text says why."""


def run(command, folder, environment=None):
    try:
        done = subprocess.run(command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        raise Skipped(f"{command[0]} did not end within {INSTALL_S} s") from None
    if done.returncode != 0:
        words = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise Skipped(f"{' '.join(command[:3])} failed: {' / '.join(words[-3:])[:300]}")
    return done.stdout


def version_of(command):
    found = re.search(r"(\d+)\.(\d+)", subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return tuple(map(int, found.groups())) if found else (0, 0)


def toolchain(program, least, ask="--version"):
    if not shutil.which(program):
        raise Skipped(f"{program} is not installed")
    found = version_of([program, ask])
    if found < least:
        raise Skipped(f"{program} {found[0]}.{found[1]} is older than {least[0]}.{least[1]}, which this peer needs")


def stamped(name, make):
    """The peer's folder, made anew where its files in the checkout are not those that made it."""
    source, target = os.path.join(HERE, name), os.path.join(PLACE, name)
    digest = hashlib.sha256()
    for folder, _, files in sorted(os.walk(source)):
        for file in sorted(files):
            with open(os.path.join(folder, file), "rb") as content:
                digest.update(file.encode() + b"\0" + content.read())
    stamp = os.path.join(target, ".made-of")
    if os.path.isfile(stamp) and open(stamp, encoding="utf-8").read() == digest.hexdigest():
        return target
    print(f"peers: installing {name} …", flush=True)
    os.makedirs(target, exist_ok=True)
    make(source, target)
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(digest.hexdigest())
    return target


def jars(pom, target):
    shutil.rmtree(target, ignore_errors=True)
    run(["mvn", "-q", "-B", "-Dstyle.color=never", "-f", pom, "dependency:copy-dependencies", "-DincludeScope=runtime",
         f"-DoutputDirectory={target}"], HERE)


def connect():
    def make(source, target):
        jars(os.path.join(source, "pom.xml"), os.path.join(target, "libs"))
        plugin = os.path.join(target, "plugins", "debezium-jdbc")
        jars(os.path.join(source, "plugin", "pom.xml"), plugin)
        for name in os.listdir(plugin):  # a second Jackson in the plugin fails with "Jdk8Module not a subtype"
            if name.startswith(("jackson-", "slf4j-")):
                os.remove(os.path.join(plugin, name))
    toolchain("mvn", (3, 0))
    return stamped("connect", make)


def streams():
    def make(source, target):
        jars(os.path.join(source, "pom.xml"), os.path.join(target, "libs"))
        run(["javac", "-cp", os.path.join(target, "libs", "*"), "-d", os.path.join(target, "classes"), os.path.join(source, "TableSink.java")], source)
    toolchain("mvn", (3, 0))
    toolchain("javac", (17, 0))
    return stamped("streams", make)


def npm(name):
    def make(source, target):
        shutil.copytree(source, target, dirs_exist_ok=True)
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], target)
    toolchain("npm", (6, 0))
    toolchain("node", (18, 0))
    return stamped(name, make)


def go(name):
    least = re.search(r"^go (\d+)\.(\d+)", open(os.path.join(HERE, name, "go.mod"), encoding="utf-8").read(), re.M)
    toolchain("go", tuple(map(int, least.groups())), "version")
    return stamped(name, lambda source, target: run(["go", "build", "-mod=readonly", "-o", os.path.join(target, name), "."], source,
                                                    {"GOTOOLCHAIN": "local"}))


def cargo(name):
    toolchain("cargo", (1, 82))
    return stamped(name, lambda source, target: run(["cargo", "build", "--release", "--locked", "-q"], source, {"CARGO_TARGET_DIR": target}))
