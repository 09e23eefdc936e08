// Logging: one line a call, logfmt fields, to stderr. spdlog appears in log.cpp only.
// The logger's name is the folder (namespace, CMake target) that speaks: log::info("projections", "…").
#pragma once

#include <string>
#include <string_view>

namespace dossier::log_level {
enum class Level { debug, info, warn, error };
}

namespace dossier::log {

using log_level::Level;

// Once, before any thread starts. `level`: debug, info, warn, error or off. Until then warnings and errors are written.
void configure(std::string_view level, std::string_view process_name);

// Thread-safe. Never logs secrets: callers pass ids.
void write(Level level, std::string_view component, std::string_view message);

inline void debug(std::string_view component, std::string_view message) { write(Level::debug, component, message); }
inline void info(std::string_view component, std::string_view message) { write(Level::info, component, message); }
inline void warn(std::string_view component, std::string_view message) { write(Level::warn, component, message); }
inline void error(std::string_view component, std::string_view message) { write(Level::error, component, message); }

}  // namespace dossier::log
