// Writing the history down.
#include "tests/robustness/recorder.hpp"

#include "base/clock.hpp"

namespace dossier::test {

Recorder::Recorder(const std::string& file) : path_(file), began_us_(SystemClock().boot_us()), out_(file, std::ios::binary | std::ios::trunc) {}

std::int64_t Recorder::now_ms() const { return (SystemClock().boot_us() - began_us_) / 1'000; }

void Recorder::write(const json::Value::Object& line) { out_ << json::write(json::Value(line)) << std::endl; }

void Recorder::answered(const Sent& sent, std::int64_t sent_ms, const Reply& reply) {
  json::Value::Object line{{"at_ms", sent_ms},      {"took_ms", now_ms() - sent_ms}, {"who", sent.who}, {"server", std::int64_t{sent.server}},
                           {"method", sent.method}, {"target", sent.target}};
  if (!sent.key.empty()) {
    line.emplace_back("key", sent.key);
    line.emplace_back("commit", sent.commit_id);
  }
  line.emplace_back("status", std::int64_t{reply.status});
  if (!reply.text("code").empty()) line.emplace_back("code", reply.text("code"));
  if (reply.status >= 400 && !reply.text("detail").empty()) line.emplace_back("detail", reply.text("detail"));
  if (!reply.header("dossier-seq").empty()) line.emplace_back("seq", reply.header("dossier-seq"));
  if (!reply.problem.empty()) line.emplace_back("problem", reply.problem);
  const std::lock_guard lock(mutex_);
  ++by_status_[reply.status];
  write(line);
}

void Recorder::note(const std::string& what) {
  const std::lock_guard lock(mutex_);
  write({{"at_ms", now_ms()}, {"note", what}});
}

void Recorder::settled(const AskedCommand& command) {
  const std::lock_guard lock(mutex_);
  commands_.push_back(command);
}

void Recorder::fault(const std::string& what) {
  const std::lock_guard lock(mutex_);
  faults_.push_back("at " + std::to_string(now_ms()) + " ms: " + what);
  write({{"at_ms", now_ms()}, {"fault", what}});
}

std::vector<AskedCommand> Recorder::commands() const {
  const std::lock_guard lock(mutex_);
  return commands_;
}

std::vector<std::string> Recorder::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

std::string Recorder::summary() const {
  const std::lock_guard lock(mutex_);
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (const AskedCommand& command : commands_) {
    accepted += command.accepted ? 1 : 0;
    refused += command.refused ? 1 : 0;
  }
  std::string text =
      std::to_string(commands_.size()) + " commands: " + std::to_string(accepted) + " accepted, " + std::to_string(refused) + " refused; answers:";
  for (const auto& [status, count] : by_status_)
    text += " " + (status == 0 ? std::string("none") : std::to_string(status)) + "×" + std::to_string(count);
  return text;
}

}  // namespace dossier::test
