// Open addressing over fingerprints.
#include "projections/seen_names.hpp"

#include <utility>

namespace dossier::projections {

std::uint64_t SeenNames::fingerprint(std::string_view workspace, std::string_view name) {
  const std::hash<std::string_view> hash;
  std::uint64_t print = hash(name) ^ (static_cast<std::uint64_t>(hash(workspace)) * 0x9e3779b97f4a7c15ull);
  print ^= print >> 32;
  return print == 0 ? 1 : print;
}

bool SeenNames::add(std::string_view workspace, std::string_view name) {
  if (count_ >= most_) {
    clear();
    return false;
  }
  if ((count_ + 1) * 2 > slots_.size()) grow();
  insert(fingerprint(workspace, name));
  return true;
}

bool SeenNames::perhaps(std::string_view workspace, std::string_view name) const {
  if (slots_.empty()) return false;
  const std::uint64_t print = fingerprint(workspace, name);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = print & mask; slots_[i] != 0; i = (i + 1) & mask)
    if (slots_[i] == print) return true;
  return false;
}

void SeenNames::clear() {
  slots_ = {};
  count_ = 0;
}

void SeenNames::insert(std::uint64_t print) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = print & mask;
  while (slots_[i] != 0 && slots_[i] != print) i = (i + 1) & mask;
  if (slots_[i] == print) return;
  slots_[i] = print;
  ++count_;
}

void SeenNames::grow() {
  std::vector<std::uint64_t> old = std::exchange(slots_, std::vector<std::uint64_t>(slots_.empty() ? 1024 : slots_.size() * 2));
  count_ = 0;
  for (const std::uint64_t print : old)
    if (print != 0) insert(print);
}

}  // namespace dossier::projections
