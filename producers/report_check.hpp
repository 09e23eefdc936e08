// From the bytes of a record of dossier.reports to a report that may be believed. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dossier/v1/worker.pb.h"

namespace dossier::producers {

// What is signed: a constant for each topic, never its prefixed name, then the body's bytes.
inline std::string signed_bytes(std::string_view domain, std::string_view body) {
  std::string bytes(domain);
  bytes += '\0';
  bytes += body;
  return bytes;
}
inline constexpr std::string_view kReportDomain = "dossier.reports";
inline constexpr std::string_view kActivityDomain = "dossier.activity";

inline constexpr std::size_t kMaxReportBytes = 800'000;  // so that what it says fits into a commit

struct CheckedForm {
  v1::SignedReport outer;
  v1::Report report;
  bool is_tick = false;
};
// Form only: ids, sizes, sequence against kind. The signature is checked by verify_report, once the key is known.
Result<CheckedForm> read_report(std::string_view value);
Status verify_report(const CheckedForm& form, std::string_view public_key);

// The server's own record, which moves broker time where no worker speaks any more. It is not signed and says nothing: what
// counts is the time that the broker gives it, so it does not matter who sends it.
std::string make_tick();

}  // namespace dossier::producers
