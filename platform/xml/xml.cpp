// pugixml's tree into ours.
#include "platform/xml/xml.hpp"

#include <algorithm>
#include <pugixml.hpp>

namespace dossier::xml {
namespace {

bool copy(const pugi::xml_node& from, Element& into, std::size_t depth) {
  if (depth > kMaxDepth) return false;
  into.name = from.name();
  for (const pugi::xml_attribute& attribute : from.attributes()) into.attributes.emplace_back(attribute.name(), attribute.value());
  for (const pugi::xml_node& child : from.children()) {
    if (child.type() != pugi::node_element) continue;
    if (!copy(child, into.children.emplace_back(), depth + 1)) return false;
  }
  return true;
}

}  // namespace

const std::string* Element::attribute(std::string_view name) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const auto& attribute) { return attribute.first == name; });
  return found == attributes.end() ? nullptr : &found->second;
}

Result<Element> parse(std::string_view text) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_auto);
  if (!parsed) return make_error(Code::corrupt, std::string("is no XML at byte ") + std::to_string(parsed.offset) + ": " + parsed.description());
  Element root;
  if (!copy(document.document_element(), root, 1))
    return make_error(Code::corrupt, "is nested deeper than " + std::to_string(kMaxDepth) + " elements");
  return root;
}

}  // namespace dossier::xml
