// dossier_beside PART [ARGUMENT…]: one participant of `./dev bench --peers`; bench/peers/peers.py starts it.
#include <cstdio>
#include <exception>
#include <map>

#include "bench/beside/beside.hpp"

namespace dossier::bench::beside {
namespace {

int run(const Words& words) {
  static const std::map<std::string, Status (*)(const Words&)> parts = {
      {"topic", event_topic},    {"sink", table_sink},  {"ledger", ledger_append}, {"issues", issue_rows},
      {"backlog", backlog_rows}, {"tasks", task_queue}, {"reads", http_reads},     {"limits", limits},
  };
  const auto part = words.empty() ? parts.end() : parts.find(words.front());
  if (part == parts.end()) {
    std::fputs("usage: dossier_beside PART [ARGUMENT…]; the parts:", stderr);
    for (const auto& [name, unused] : parts) std::fprintf(stderr, " %s", name.c_str());
    std::fputs("\n", stderr);
    return 2;
  }
  Status done;
  try {
    done = part->second({words.begin() + 1, words.end()});
  } catch (const std::exception& problem) {  // the test harness speaks by exceptions
    done = make_error(Code::io, problem.what());
  }
  if (!done) std::fprintf(stderr, "dossier_beside %s: %s\n", words.front().c_str(), done.error().message.c_str());
  return done ? 0 : 1;
}

}  // namespace
}  // namespace dossier::bench::beside

int main(int argc, char** argv) { return dossier::bench::beside::run({argv + 1, argv + argc}); }
