// A tree of path segments; a literal one is preferred to a variable.
#include "api/router.hpp"

#include "base/check.hpp"

namespace dossier::api {
namespace {

constexpr std::size_t kMaxSegments = 16;

// nullopt: too many.
std::optional<std::vector<std::string_view>> segments(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    if (out.size() == kMaxSegments) return std::nullopt;
    out.push_back(segment);
    path.remove_prefix(segment.size());
  }
  return out;
}

bool is_variable(std::string_view segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

std::string allowed(const std::vector<const Route*>& routes) {
  std::string out;
  for (const Route* route : routes) {
    out += std::string(route->method) + ", ";
    if (route->method == "GET") out += "HEAD, ";
  }
  return out.empty() ? out : out + "OPTIONS";
}

}  // namespace

Router::Router(const std::vector<Route>& routes) {
  for (const Route& route : routes) {
    Node* node = &root_;
    const auto parts = segments(route.path);
    CHECK(parts.has_value());
    for (std::string_view part : *parts) {
      if (!is_variable(part)) {
        node = &node->literal[std::string(part)];
        continue;
      }
      if (node->variable == nullptr) node->variable = std::make_unique<Node>();
      node = node->variable.get();
    }
    for (const Route* other : node->routes) CHECK(other->method != route.method);
    node->routes.push_back(&route);
  }
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  const auto parts = segments(path);
  if (!parts) return match;
  const Node* node = &root_;
  std::vector<std::string> values;
  for (std::string_view part : *parts) {
    if (const auto literal = node->literal.find(part); literal != node->literal.end()) {
      node = &literal->second;
      continue;
    }
    auto value = node->variable == nullptr || part.empty() ? std::nullopt : http::percent_decode(part);
    if (!value) return match;
    values.push_back(*std::move(value));
    node = node->variable.get();
  }
  match.allow = allowed(node->routes);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route* route : node->routes)
    if (route->method == wanted) match.route = route;
  if (match.route == nullptr) return match;
  const auto names = segments(match.route->path);
  std::size_t next = 0;
  for (std::string_view name : *names)
    if (is_variable(name)) match.path.emplace_back(name.substr(1, name.size() - 2), std::move(values[next++]));
  return match;
}

const std::string& Call::path_value(std::string_view name) const {
  for (const auto& [key, value] : path)
    if (key == name) return value;
  CHECK(false && "the route has no such variable");
  return path.front().second;
}

}  // namespace dossier::api
