// Keeps every request that was sent and what came back, as NDJSON in a file, and what each command was finally told. Any
// thread.
#pragma once

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

  const std::string path_;
  const std::int64_t began_us_;
  mutable std::mutex mutex_;
  std::ofstream out_;
  std::vector<AskedCommand> commands_;
  std::vector<std::string> faults_;
  std::map<int, std::int64_t> by_status_;
};

}  // namespace dossier::test
