// By names; values tell nothing.
#include "worker/secret_values.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "platform/json/json.hpp"
#include "worker/agents/claude_agent.hpp"
#include "worker/agents/codex_agent.hpp"

namespace dossier::worker {
namespace {

constexpr std::size_t kMaxSignIn = 1u << 20;

// One of its words ends in KEY, TOKEN …, one or several: API_KEY, apiKey, tokens; not KEYBOARD, and not git's own names.
bool is_secret_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (name.compare(0, 11, "GIT_CONFIG_") == 0) return false;
  constexpr std::string_view kWords[] = {"KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"};
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t end = std::min(rest.find_first_of("_.-"), rest.size());
    std::string_view part = rest.substr(0, end);
    if (!part.empty() && part.back() == 'S') part.remove_suffix(1);
    for (const std::string_view word : kWords)
      if (part.size() >= word.size() && part.substr(part.size() - word.size()) == word) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// Of "scheme://user:password@host".
std::string password_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return {};
  const std::size_t end = url.find_first_of("/?#", scheme + 3);
  const std::string authority = url.substr(scheme + 3, end == std::string::npos ? end : end - scheme - 3);
  const std::size_t at = authority.rfind('@'), colon = authority.find(':');
  return at == std::string::npos || colon == std::string::npos || colon > at ? "" : authority.substr(colon + 1, at - colon - 1);
}

void gather(const json::Value& value, bool is_secret, std::vector<std::string>& values) {
  if (const std::string* text = value.string(); text != nullptr && is_secret) values.push_back(*text);
  if (const json::Value::Array* items = value.array(); items != nullptr)
    for (const json::Value& item : *items) gather(item, is_secret, values);
  if (const json::Value::Object* members = value.object(); members != nullptr)
    for (const auto& [name, member] : *members) gather(member, is_secret_name(name), values);
}

}  // namespace

std::vector<std::string> secret_values(const process::Environment& environment) {
  std::vector<std::string> values;
  for (const auto& [name, value] : environment) {
    if (is_secret_name(name) && !value.empty() && value.front() != '/') values.push_back(value);
    if (std::string password = password_of(value); !password.empty()) values.push_back(std::move(password));
  }
  return values;
}

std::vector<std::string> secret_values_of_machine() {
  process::Environment environment;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::size_t sign = text.find('=');
    if (sign != std::string_view::npos) environment.emplace_back(text.substr(0, sign), text.substr(sign + 1));
  }
  return secret_values(environment);
}

std::vector<std::string> secret_values_of_json(std::string_view text) {
  std::vector<std::string> values;
  if (const auto value = json::parse(text)) gather(*value, false, values);
  return values;
}

std::vector<std::string> known_secrets(const std::string& token) {
  std::vector<std::string> values = secret_values_of_machine();
  values.push_back(token);
  for (const std::string& path : {codex_sign_in_file(), claude_sign_in_file()}) {
    std::ifstream file(path, std::ios::binary);
    std::string text(kMaxSignIn, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    for (std::string& value : secret_values_of_json(text)) values.push_back(std::move(value));
  }
  return values;
}

}  // namespace dossier::worker
