// Keeps every request that was sent and what came back, as NDJSON in a file, and what each command was finally told. Any
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/api.hpp"
#include "tests/support/log_judge.hpp"

namespace dossier::test {

// One request on its way.
struct Sent {
  std::string who;
  int server = 0;
  std::string method;
  std::string target;
  std::string key;  // "": a read
  std::string commit_id;
};

class Recorder {
 public:
  explicit Recorder(const std::string& file);

  std::int64_t now_ms() const;
  void answered(const Sent& sent, std::int64_t sent_ms, const Reply& reply);
  // PostgreSQL was killed, or is up again. A server which did not itself see a commit applied can't know that the database forgot
  // it: for kForgetfulMs its refusals are not held against it (docs/reliability.md).
  void database_crashed() { database_crashed_ms_ = now_ms(); }
  bool database_may_have_forgotten() const { return database_crashed_ms_ >= 0 && now_ms() - database_crashed_ms_ < kForgetfulMs; }
  // What happened to the system, between the requests.
  void note(const std::string& what);
  // A command has its last answer.
  void settled(const AskedCommand& command);
  // Something that an answer showed at once to be wrong.
  void fault(const std::string& what);

  std::vector<AskedCommand> commands() const;
  std::vector<std::string> faults() const;
  std::string summary() const;
  const std::string& file() const { return path_; }

 private:
  void write(const json::Value::Object& line);

  static constexpr std::int64_t kForgetfulMs = 6'000;  // the projector tries again at least every 5 s

  const std::string path_;
  const std::int64_t began_us_;
  std::atomic<std::int64_t> database_crashed_ms_{-1};
  mutable std::mutex mutex_;
  std::ofstream out_;
  std::vector<AskedCommand> commands_;
  std::vector<std::string> faults_;
  std::map<int, std::int64_t> by_status_;
};

}  // namespace dossier::test
