// The trie, its links, and the rows of its first levels.
#include "worker/masking/automaton.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace dossier::worker::masking {

Automaton::Automaton(const std::vector<Pattern>& patterns, std::string_view stops) : nodes_(1), may_begin_(65'536 / 64) {
  for (const unsigned char stop : stops) is_stop_[stop] = true;
  // Bytes that no pattern has behave alike; so each stop needs no class of its own either, unless a pattern has it.
  std::array<bool, 256> used{};
  for (const Pattern& pattern : patterns)
    for (const unsigned char c : pattern.bytes) used[c] = true;
  const auto add_class = [&](unsigned char byte) {
    if (classes_[byte] == 0) classes_[byte] = static_cast<std::uint8_t>(class_count_++);
  };
  for (int byte = 0; byte < 256; ++byte)
    if ((used[byte] || is_stop_[byte]) && class_count_ < 256) add_class(static_cast<unsigned char>(byte));
  for (const Pattern& pattern : patterns) insert(pattern);
  order_by_depth();
  link();
  make_rows();
}

void Automaton::insert(const Pattern& pattern) {
  std::uint32_t first = 0, length = 0;
  for (const unsigned char byte : pattern.bytes)
    if (byte != '\r' && byte != '\n' && length < kLeast) first |= static_cast<std::uint32_t>(byte) << 8 * length++;
  CHECK(length == kLeast);
  may_begin_[hash_of(first) / 64] |= std::uint64_t{1} << hash_of(first) % 64;
  State state = kRoot;
  for (const unsigned char byte : pattern.bytes) {
    if (byte == '\r' || byte == '\n') {
      nodes_[state].at_line_end = true;
      continue;
    }
    State next = child_of(state, byte);
    if (next == 0) {
      next = static_cast<State>(nodes_.size());
      Node node;
      node.byte = byte;
      node.depth = nodes_[state].depth + 1;
      node.sibling = nodes_[state].child;
      nodes_.push_back(node);
      nodes_[state].child = next;
    }
    state = next;
  }
  longest_ = std::max(longest_, pattern.bytes.size());
  if (pattern.label == kSecret)
    nodes_[state].secret_length = nodes_[state].depth;
  else
    nodes_[state].label = static_cast<std::int16_t>(pattern.label);
}

// So that the states with a row are the first ones, and a link always leads to a smaller number.
void Automaton::order_by_depth() {
  std::vector<State> order{kRoot};
  order.reserve(nodes_.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    for (State child = nodes_[order[i]].child; child != 0; child = nodes_[child].sibling) order.push_back(child);
  std::vector<State> number(nodes_.size());
  for (std::size_t i = 0; i < order.size(); ++i) number[order[i]] = static_cast<State>(i);
  std::vector<Node> ordered;
  ordered.reserve(nodes_.size());
  for (const State old : order) {
    Node node = nodes_[old];
    node.child = number[node.child];
    node.sibling = number[node.sibling];
    ordered.push_back(node);
  }
  nodes_ = std::move(ordered);
}

void Automaton::link() {
  for (State state = 0; state < nodes_.size(); ++state) {
    for (State child = nodes_[state].child; child != 0; child = nodes_[child].sibling) {  // NOLINT(bugprone-infinite-loop): it is updated
      State fail = kRoot;
      if (state != kRoot) {
        State from = nodes_[state].fail;
        while ((fail = child_of(from, nodes_[child].byte)) == 0 && from != kRoot) from = nodes_[from].fail;
      }
      nodes_[child].fail = fail;
      if (nodes_[child].secret_length == 0) nodes_[child].secret_length = nodes_[fail].secret_length;
      if (nodes_[child].label < 0) nodes_[child].label = nodes_[fail].label;
    }
  }
}

void Automaton::make_rows() {
  while (shallow_ < nodes_.size() && nodes_[shallow_].depth < kLeast) ++shallow_;
  row_count_ = 1;
  while (row_count_ < nodes_.size() && row_count_ < kMaxRows && nodes_[row_count_].depth <= 3) ++row_count_;
  rows_.assign(static_cast<std::size_t>(row_count_) * class_count_, kRoot);
  for (State state = 0; state < row_count_; ++state) {
    State* row = &rows_[static_cast<std::size_t>(state) * class_count_];
    if (state != kRoot) std::copy_n(&rows_[static_cast<std::size_t>(nodes_[state].fail) * class_count_], class_count_, row);
    for (State child = nodes_[state].child; child != 0; child = nodes_[child].sibling) {  // NOLINT(bugprone-infinite-loop): it is updated
      const bool noteworthy = child >= row_count_ || ends_pattern(child) || is_stop_[nodes_[child].byte];
      row[classes_[nodes_[child].byte]] = child | (noteworthy ? kNoteworthy : 0);
    }
    for (int byte = 0; byte < 256; ++byte)
      if (is_stop_[byte]) row[classes_[byte]] |= kNoteworthy;
  }
}

Automaton::State Automaton::child_of(State state, unsigned char byte) const {
  for (State child = nodes_[state].child; child != 0; child = nodes_[child].sibling)
    if (nodes_[child].byte == byte) return child;
  return 0;
}

Automaton::State Automaton::step(State state, unsigned char byte) const {
  while (state >= row_count_) {
    if (const State child = child_of(state, byte); child != 0) return child;
    state = nodes_[state].fail;
  }
  return rows_[static_cast<std::size_t>(state) * class_count_ + classes_[byte]] & ~kNoteworthy;
}

// The next place at which a pattern may begin, or one so near to a line's end (or the text's) that three bytes can't tell.
std::size_t Automaton::skip(std::string_view text, std::size_t at, std::size_t& line_end) const {
  if (line_end <= at) {
    line_end = std::min(text.find('\n', at), text.size());
    line_end = std::min(text.substr(0, line_end).find('\r', at), line_end);
  }
  const char* const bytes = text.data();
  const std::uint64_t* const bits = may_begin_.data();
  for (; at + 4 <= line_end; ++at) {
    std::uint32_t four;
    std::memcpy(&four, bytes + at, sizeof four);
    const std::uint32_t hash = hash_of(four);
    if ((bits[hash / 64] >> hash % 64 & 1) != 0) break;
  }
  return at;
}

std::size_t Automaton::run(State& state, std::string_view text, std::size_t at, bool& matched) const {
  matched = false;
  const State* const rows = rows_.data();
  std::size_t line_end = 0;  // the next one, where it lies behind `at`
  while (at < text.size()) {
    if (state == kRoot) at = skip(text, at, line_end);
    const std::size_t from = at;
    while (at < text.size()) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (state < row_count_) {
        const State entry = rows[static_cast<std::size_t>(state) * class_count_ + classes_[byte]];
        if ((entry & kNoteworthy) == 0) {
          state = entry;
          ++at;
          // No pattern under way is longer than what skip() looks at: it goes on from where that one may begin.
          if (state < shallow_ && at - from >= kLeast) {
            at -= nodes_[state].depth;
            state = kRoot;
            break;
          }
          continue;
        }
      }
      if (is_stop_[byte]) return at;
      state = step(state, byte);
      ++at;
      if (ends_pattern(state)) {
        matched = true;
        return at;
      }
    }
  }
  return at;
}

}  // namespace dossier::worker::masking
