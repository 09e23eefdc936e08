// From method and path to a route. Built once; immutable, so thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/route.hpp"

namespace dossier::api {

class Router {
 public:
  // The routes must outlive the object. Two routes that match the same request are a bug (CHECK).
  explicit Router(const std::vector<Route>& routes);

  struct Match {
    const Route* route = nullptr;  // nullptr: none for this method
    std::vector<std::pair<std::string_view, std::string>> path;
    std::string allow;  // methods of this path, "" if no route has it: "GET, HEAD, POST, OPTIONS"
  };
  // HEAD finds the route of GET. A segment that does not decode matches nothing.
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Node {
    std::map<std::string, Node, std::less<>> literal;
    std::unique_ptr<Node> variable;
    std::vector<const Route*> routes;
  };
  Node root_;
};

}  // namespace dossier::api
