// The parsers that read what others wrote, each as a function over bytes that must hold for all of them: it ends, it breaks
// no memory and no CHECK. `./dev fuzz` runs each under libFuzzer (clang); the unit tier runs every corpus file through
// the same functions with the product's compiler.
//
// A new target: a file <name>_target.cpp, a line here and in targets.cpp, its name in CMakeLists.txt, seeds in corpus/<name>/.
#pragma once

#include <string_view>
#include <vector>

namespace dossier::fuzz {

void run_commit(std::string_view bytes);         // the envelope, the ledger, folding, JSON of facts
void run_http(std::string_view bytes);           // request targets, headers, base URLs, event streams
void run_json_body(std::string_view bytes);      // bodies of requests
void run_codex_frames(std::string_view bytes);   // what `codex app-server` prints
void run_claude_frames(std::string_view bytes);  // what `claude -p` prints
void run_markdown(std::string_view bytes);       // mentions and checklists
void run_masking(std::string_view bytes);        // a secret, and a text that it is taken out of
void run_evidence(std::string_view bytes);       // files of evidence

struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
};
const std::vector<Target>& targets();

}  // namespace dossier::fuzz
