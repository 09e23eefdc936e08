// Finds many patterns in one pass (Aho-Corasick). States near the root, where a text without secrets spends its time, have
// a row with every next state; deeper ones a list of children and a link to where the search goes on, so memory grows with
// the patterns and not with the alphabet. Where no pattern is under way, the search looks at three bytes at once and goes on
// to the next place at which one may begin. Pure; immutable once made, so any number of threads may search with one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dossier::worker::masking {

class Automaton {
 public:
  using State = std::uint32_t;
  static constexpr State kRoot = 0;
  static constexpr std::size_t kLeast = 3;
  static constexpr int kSecret = -1;

  struct Pattern {
    std::string bytes;    // kLeast or more; line ends in it are left out, for the caller passes over those of the text
    int label = kSecret;  // or ≥ 0: a mark of the caller's own, of which the longest pattern's is reported
  };
  // `stops`: bytes at which run() stops before it takes them.
  Automaton(const std::vector<Pattern>& patterns, std::string_view stops);

  // Takes bytes from `at` on, and returns where it stopped: at the end, before a stop byte that stands in what may be a
  // pattern, or behind a byte with which a pattern ended (matched is true then).
  std::size_t run(State& state, std::string_view text, std::size_t at, bool& matched) const;
  State step(State state, unsigned char byte) const;

  // How many of the last bytes are the beginning of some pattern, the longest such.
  std::size_t depth(State state) const { return nodes_[state].depth; }
  // The pattern has a line end of its own at that point.
  bool at_line_end(State state) const { return nodes_[state].at_line_end; }
  // Of the longest secret that ends here; 0: none.
  std::size_t secret_length(State state) const { return nodes_[state].secret_length; }
  // Of the longest labelled pattern that ends here; -1: none.
  int label(State state) const { return nodes_[state].label; }
  std::size_t longest() const { return longest_; }
  std::size_t states() const { return nodes_.size(); }

 private:
  struct Node {
    State fail = kRoot;
    State child = 0;  // 0: none
    State sibling = 0;
    std::uint32_t depth = 0;
    std::uint32_t secret_length = 0;
    std::int16_t label = -1;
    unsigned char byte = 0;
    bool at_line_end = false;
  };
  static constexpr State kNoteworthy = 1u << 31;  // of an entry: run() looks at it closely
  static constexpr std::size_t kMaxRows = 4'096;

  std::size_t skip(std::string_view text, std::size_t at, std::size_t& line_end) const;
  static std::uint32_t hash_of(std::uint32_t three_bytes) { return (three_bytes & 0xffffff) * 0x9e3779b1u >> 16; }
  State child_of(State state, unsigned char byte) const;
  void insert(const Pattern& pattern);
  void order_by_depth();
  void link();
  void make_rows();
  bool ends_pattern(State state) const { return nodes_[state].secret_length != 0 || nodes_[state].label >= 0; }

  std::vector<Node> nodes_;  // by depth
  std::array<std::uint8_t, 256> classes_{};
  std::array<bool, 256> is_stop_{};
  std::uint32_t class_count_ = 1;
  State row_count_ = 1;
  std::vector<State> rows_;  // row_count_ × class_count_: state, and kNoteworthy where it ends a pattern, has no row, or the byte is a stop
  State shallow_ = 1;        // states before it have a depth below kLeast
  std::vector<std::uint64_t> may_begin_;  // a bit for each hash_of() the first bytes of a pattern
  std::size_t longest_ = 0;
};

}  // namespace dossier::worker::masking
