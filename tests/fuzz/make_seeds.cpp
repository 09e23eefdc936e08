// Writes the seeds of the target `commit`, which nobody can write by hand: make_seeds FOLDER. The others are text.
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/support/random_history.hpp"

namespace dossier::test {
namespace {

std::string framed(const std::string& value) {
  std::string out;
  out += static_cast<char>(value.size() & 0xff);
  out += static_cast<char>(value.size() >> 8);
  return out + value;
}

std::string control(v1::Record record) {
  record.set_envelope_version(1);
  return framed(events::encode(record));
}

void write(const std::filesystem::path& file, const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

void make_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  // Commits of every kind of fact, a few a file, expectations among them.
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::mt19937_64 random(seed);
    EventScript script;
    const std::string workspace = script.workspace();
    for (int n = 0; n < 4; ++n) script.commit({random_event(random, workspace), random_event(random, workspace)});
    script.commit({random_event(random, workspace)}, {{"issue/" + hex_id("iss", 1), seed % 2}});
    std::string bytes;
    for (std::size_t i = 1; i < script.records().size(); ++i) bytes += framed(script.records()[i].value);
    write(folder / ("facts-" + std::to_string(seed)), bytes);
  }
  v1::Record repaired, rule, genesis = events::make_genesis(EventScript::kLogId, 1, 0, 1), newer;
  repaired.mutable_history_repaired()->set_history(2);
  rule.mutable_ledger_rule_activated()->set_ledger_version(1);
  newer.set_envelope_version(2);
  EventScript script;
  const std::string commit = framed(script.records()[static_cast<std::size_t>(script.commit({}, {}))].value);
  write(folder / "controls", control(genesis) + control(repaired) + control(rule) + commit);
  write(folder / "newer-envelope", framed(events::encode(newer)));
  write(folder / "no-envelope", framed("not an envelope") + framed(""));
}

}  // namespace
}  // namespace dossier::test

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  dossier::test::make_seeds(argv[1]);
  return 0;
}
