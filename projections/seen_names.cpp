// Blocked Bloom filters.
#include "projections/seen_names.hpp"

#include <algorithm>
#include <functional>

namespace dossier::projections {
namespace {

constexpr std::size_t kFirstBytes = 64u << 10;
constexpr std::size_t kBitsOfName = 12;  // of a filter's size; with six of them set about a hundredth of its answers is a false "perhaps"
constexpr int kSetBits = 6;

// The six bits of a name in its block: nine bits of `bits` each.
template <class Each>
void for_each_bit(std::uint64_t bits, const Each& each) {
  for (int i = 0; i < kSetBits; ++i, bits >>= 9) each((bits >> 6) & 7, std::uint64_t{1} << (bits & 63));
}

template <class Blocks>
auto& block_of(Blocks& blocks, std::uint64_t place) {
  return blocks[static_cast<std::size_t>(((place >> 32) * blocks.size()) >> 32)];
}

}  // namespace

SeenNames::Print SeenNames::print_of(std::string_view workspace, std::string_view name) {
  const std::hash<std::string_view> hash;
  std::uint64_t print = hash(name) ^ (static_cast<std::uint64_t>(hash(workspace)) * 0x9e3779b97f4a7c15ull);
  print = (print ^ (print >> 31)) * 0xbf58476d1ce4e5b9ull;
  return {print, (print ^ (print >> 29)) * 0x94d049bb133111ebull};
}

bool SeenNames::has(const Filter& filter, Print print) {
  const Block& block = block_of(filter.blocks, print.place);
  bool all = true;
  for_each_bit(print.bits, [&](std::uint64_t word, std::uint64_t bit) { all = all && (block[word] & bit) != 0; });
  return all;
}

bool SeenNames::perhaps(Print print) const {
  return std::any_of(filters_.begin(), filters_.end(), [&](const Filter& filter) { return has(filter, print); });
}

bool SeenNames::perhaps(std::string_view workspace, std::string_view name) const { return perhaps(print_of(workspace, name)); }

void SeenNames::add(std::string_view workspace, std::string_view name) {
  const Print print = print_of(workspace, name);
  if (perhaps(print)) return;
  const bool is_full = filters_.empty() || filters_.back().names * kBitsOfName >= filters_.back().blocks.size() * sizeof(Block) * 8;
  const std::size_t next = filters_.empty() ? kFirstBytes : bytes();
  if (is_full && (filters_.empty() || bytes() + next <= most_bytes_)) filters_.push_back({std::vector<Block>(next / sizeof(Block)), 0});
  Filter& filter = filters_.back();
  ++filter.names;
  for_each_bit(print.bits, [&](std::uint64_t word, std::uint64_t bit) { block_of(filter.blocks, print.place)[word] |= bit; });
}

void SeenNames::clear() { filters_.clear(); }

std::size_t SeenNames::bytes() const {
  std::size_t bytes = 0;
  for (const Filter& filter : filters_) bytes += filter.blocks.size() * sizeof(Block);
  return bytes;
}

}  // namespace dossier::projections
