// XML in. pugixml appears in xml.cpp only: no entities of the document's own, nothing is fetched, bounded depth.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace dossier::xml {

inline constexpr std::size_t kMaxDepth = 64;

struct Element {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<Element> children;

  // nullptr: it has none of this name.
  const std::string* attribute(std::string_view name) const;
};

// The root element; text between elements is passed over. corrupt: no XML (with the byte position), or deeper than kMaxDepth.
Result<Element> parse(std::string_view text);

}  // namespace dossier::xml
