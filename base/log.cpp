// The one place that knows spdlog.
#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace dossier::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::shared_ptr<spdlog::logger>& logger() {
  static auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("dossier", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::warn);
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%f%z %l %v");
    return made;
  }();
  return instance;
}

}  // namespace

void configure(std::string_view level, std::string_view process_name) {
  auto& target = *logger();
  target.set_level(level == "debug"   ? spdlog::level::debug
                   : level == "warn"  ? spdlog::level::warn
                   : level == "error" ? spdlog::level::err
                   : level == "off"   ? spdlog::level::off
                                      : spdlog::level::info);
  target.set_pattern("%Y-%m-%dT%H:%M:%S.%f%z %l " + std::string(process_name) + "[%P] %v");
  target.flush_on(spdlog::level::info);
}

void write(Level level, std::string_view component, std::string_view message) { logger()->log(to_spdlog(level), "{}: {}", component, message); }

}  // namespace dossier::log
