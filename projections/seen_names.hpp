// A set of the names which a partition has ever held, of bounded size: Bloom filters of a growing size, each as large as the
// ones before it together. A name that is absent was surely never there, so the projector saves the question to the database;
// a false "perhaps" only costs that question. One answer in thirty to a hundred is, until all is in use (1.4 million names in
// 2 MiB); with more names their share grows, and the memory does not.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dossier::projections {

class SeenNames {
 public:
  explicit SeenNames(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  void add(std::string_view workspace, std::string_view name);
  bool perhaps(std::string_view workspace, std::string_view name) const;
  void clear();
  std::size_t bytes() const;

 private:
  // One name sets a few bits of one block, which is one line of the cache.
  using Block = std::array<std::uint64_t, 8>;
  struct Filter {
    std::vector<Block> blocks;
    std::size_t names = 0;
  };
  struct Print {
    std::uint64_t place;  // which block
    std::uint64_t bits;   // which bits of it
  };
  static Print print_of(std::string_view workspace, std::string_view name);
  static bool has(const Filter& filter, Print print);
  bool perhaps(Print print) const;

  const std::size_t most_bytes_;
  std::vector<Filter> filters_;  // the last one takes what is added
};

}  // namespace dossier::projections
