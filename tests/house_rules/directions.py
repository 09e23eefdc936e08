"""Rules on what may use what: folders by the one direction of docs/architecture.md, library headers by their adapter."""
import re

CPP = (".cpp", ".hpp")
# Folder → the folders it may include from. base is everyone's; a folder may always use itself.
ALLOWED = {
    "base": [],
    "platform": ["schemas"],  # the SQL files, which migrations run
    "schemas": [],
    "events": ["platform", "schemas"],
    "projections": ["platform", "schemas", "events"],
    "producers": ["platform", "schemas", "events", "projections"],
    "replay": ["platform", "schemas", "events", "projections", "producers"],
    "worker": ["platform", "schemas", "events", "producers"],
    "api": ["platform", "schemas", "events", "projections", "producers", "replay"],
    "app": ["platform", "schemas", "events", "projections", "producers", "replay", "worker", "api"],
}
LIBRARIES = [  # (header, where it may be included)
    (r"librdkafka/", ("platform/kafka/",)),
    (r"pqxx/|libpq-fe|libpq/", ("platform/postgres/",)),
    (r"git2", ("platform/git/",)),
    (r"rapidjson/", ("platform/json/",)),
    (r"pugixml", ("platform/xml/",)),
    (r"boost/", ("api/http/", "platform/http_client/")),
    (r"sodium|argon2", ("platform/crypto/",)),
    (r"openssl/", ("platform/crypto/", "platform/http_client/")),
    (r"spdlog/|fmt/", ("base/log.cpp",)),
    (r"zlib|zstd", ("platform/", "api/http/")),
]


def includes(content):
    for number, line in enumerate(content.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


class FolderUsesOnlyWhatIsBelow:
    BAD = ("events/x.cpp", '#include "api/problem.hpp"\n')
    GOOD = ("api/x.cpp", '#include "events/names.hpp"\n#include "base/result.hpp"\n')

    @staticmethod
    def check(path, content):
        folder = path.split("/")[0]
        if folder not in ALLOWED or not path.endswith(CPP):
            return
        for number, quote, header in includes(content):
            target = header.split("/")[0]
            if quote == '"' and target in ALLOWED and target not in ("base", folder) and target not in ALLOWED[folder]:
                yield number, f"{folder}/ may not use {target}/"


class TargetLinksOnlyWhatIsBelow:
    BAD = ("base/CMakeLists.txt", "# base\ndossier_library(base DEPENDS dossier_events)\n")
    GOOD = ("events/CMakeLists.txt", "# events\ndossier_library(events DEPENDS dossier_base dossier_crypto)\n")
    FOLDERS = [folder for folder in ALLOWED if folder not in ("base", "platform", "schemas")]

    @classmethod
    def check(cls, path, content):
        folder = path.split("/")[0]
        if folder not in ALLOWED or not path.endswith("CMakeLists.txt"):
            return
        for match in re.finditer(r"\bdossier_(\w+)", content):
            target = match.group(1)
            if target in cls.FOLDERS and target != folder and target not in ALLOWED[folder]:
                yield content.count("\n", 0, match.start()) + 1, f"{folder}/ may not link dossier_{target}"


class LibraryHeaderStaysInItsAdapter:
    BAD = ("producers/x.cpp", "#include <librdkafka/rdkafka.h>\n")
    GOOD = ("platform/kafka/x.cpp", "#include <librdkafka/rdkafka.h>\n")

    @staticmethod
    def check(path, content):
        if not path.endswith(CPP):
            return
        for number, _, header in includes(content):
            for pattern, places in LIBRARIES:
                if re.match(pattern, header) and not path.startswith(places):
                    yield number, f"<{header}> belongs into {' or '.join(places)} only"


RULES = [FolderUsesOnlyWhatIsBelow, TargetLinksOnlyWhatIsBelow, LibraryHeaderStaysInItsAdapter]
