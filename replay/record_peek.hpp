// A look at a record's bytes without decoding it: whose commit is it? Reading one workspace out of a shared partition
// spends most of its time on records that are not its own, so they are passed over here.
#pragma once

#include <string_view>

namespace dossier::replay {

// The workspace of a record that is certainly a commit in an envelope this program knows; a view into `value`. Empty for
// everything else (control records, newer envelopes, odd or broken encodings): decode and judge those. What is passed
// over on this word can't matter to another workspace: whatever its verdict, a commit moves its own workspace alone.
std::string_view peek_workspace(std::string_view value) noexcept;

}  // namespace dossier::replay
