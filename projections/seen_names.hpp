// A bounded set of 64-bit fingerprints of names which a partition has ever held. A name whose fingerprint is absent was
// surely never there, so the projector saves the question to the database; a false "perhaps" only costs that question.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace dossier::projections {

class SeenNames {
 public:
  explicit SeenNames(std::size_t most) : most_(most) {}

  // False once the set is full: it then forgets everything, and nothing is sure any more.
  bool add(std::string_view workspace, std::string_view name);
  bool perhaps(std::string_view workspace, std::string_view name) const;
  void clear();
  std::size_t size() const { return count_; }

 private:
  static std::uint64_t fingerprint(std::string_view workspace, std::string_view name);
  void insert(std::uint64_t print);
  void grow();

  const std::size_t most_;
  std::size_t count_ = 0;
  std::vector<std::uint64_t> slots_;  // open addressing, a power of two, at most half full; 0 = free
};

}  // namespace dossier::projections
