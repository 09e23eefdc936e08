// LISTEN on channels, on a connection of its own. A hint to look, never a promise: whoever waits here also polls.
// One owner thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace dossier::postgres {

inline constexpr const char* kAppliedChannel = "dossier_applied";  // payload "<partition>:<next offset>"

struct Notification {
  std::string channel;
  std::string payload;
};

class Listener {
 public:
  Listener(std::string url, std::vector<std::string> channels);
  ~Listener();
  // What came within timeout_ms, at once if something is there; empty: nothing did. Connects where needed;
  // database_unavailable: pause and call again (notifications of the meantime are lost: poll).
  Result<std::vector<Notification>> wait(std::int64_t timeout_ms);

 private:
  struct State;
  std::string url_;
  std::vector<std::string> channels_;
  std::unique_ptr<State> state_;
};

}  // namespace dossier::postgres
