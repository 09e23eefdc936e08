// Marks are found first, over the text at hand; then what may leave is written without them.
#include "worker/masking/masker.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace dossier::worker::masking {
namespace {

constexpr std::string_view kStops = "\r\n\\\xe2";
constexpr std::size_t kMaxBackslashes = 4;  // before an "n" that is a line end in JSON within JSON
constexpr std::string_view kSpace = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The value in parts that are looked for, each by itself.
std::vector<std::string_view> parts(std::string_view value) {
  std::vector<std::string_view> all;
  for (std::size_t at = 0; at < value.size(); at += kMaxWindow) {
    // The last part overlaps the one before, so that none is too short to be looked for.
    const std::size_t begin = value.size() - at < kMaxWindow && at > 0 ? value.size() - kMaxWindow : at;
    all.push_back(value.substr(begin, kMaxWindow));
  }
  if (value.find('\n') == std::string_view::npos) return all;
  for (std::string_view rest = value; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim(rest.substr(0, end));
    if (line.size() >= kMinLine)
      for (std::size_t at = 0; at < line.size(); at += kMaxWindow) all.push_back(line.substr(at, kMaxWindow));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return all;
}

}  // namespace

Result<std::shared_ptr<const Secrets>> Secrets::make(const std::vector<std::string>& values) {
  if (values.size() > kMaxSecrets)
    return make_error(Code::payload_too_large,
                      "there are " + std::to_string(values.size()) + " secrets to mask, " + std::to_string(kMaxSecrets) + " at most");
  std::vector<Automaton::Pattern> patterns;
  const auto& known = shapes();
  for (std::size_t i = 0; i < known.size(); ++i) patterns.push_back({std::string(known[i].literal), static_cast<int>(i)});
  std::size_t passed_over = 0, bytes = 0;
  for (const std::string& untrimmed : values) {
    const std::string_view value = trim(untrimmed);
    if (value.size() > kMaxSecretBytes)
      return make_error(Code::payload_too_large,
                        "a secret of " + std::to_string(value.size()) + " bytes can't be masked, " + std::to_string(kMaxSecretBytes) + " at most");
    if (value.size() < kMinSecret) {
      ++passed_over;
      continue;
    }
    for (const std::string_view part : parts(value)) {
      for (std::string& form : secret_forms(part)) {
        bytes += form.size();
        patterns.push_back({std::move(form), Automaton::kSecret});
      }
      if (bytes > kMaxFormBytes)
        return make_error(Code::payload_too_large, "the secrets to mask are too large together; give a run fewer or smaller ones");
    }
  }
  return std::shared_ptr<const Secrets>(new Secrets(Automaton(patterns, kStops), passed_over));
}

void Masker::mark(std::size_t begin, std::size_t end) {
  if (begin >= end) return;
  while (!marks_.empty() && marks_.back().end >= begin) {
    begin = std::min(begin, marks_.back().begin);
    end = std::max(end, marks_.back().end);
    marks_.pop_back();
  }
  marks_.push_back({begin, end});
}

// Where `count` bytes of a pattern begin that end at `end`; `earlier`: before the text at hand.
std::size_t Masker::begin_of(std::size_t end, std::size_t count, bool& earlier) const {
  if (skipped_.empty()) {
    earlier = count > end;
    return earlier ? 0 : end - count;
  }
  auto skipped = skipped_.rbegin();
  while (skipped != skipped_.rend() && *skipped >= end) ++skipped;
  std::size_t at = end;
  while (count > 0 && at > 0) {
    --at;
    if (skipped != skipped_.rend() && *skipped == at)
      ++skipped;
    else
      --count;
  }
  earlier = count > 0;
  return at;
}

// What goes on from the text before. Returns from where on the search begins.
std::size_t Masker::resume(std::string_view text) {
  mark(0, held_marked_);
  const std::string_view rest = text.substr(held_marked_);
  switch (inside_) {
    case Inside::nothing: return 0;
    case Inside::token: {
      const auto end = std::find_if_not(rest.begin(), rest.end(), [&](char c) { return has(token_characters_, c); });
      held_marked_ += static_cast<std::size_t>(end - rest.begin());
      mark(0, held_marked_);
      if (end != rest.end()) inside_ = Inside::nothing;
      return 0;
    }
    case Inside::pem: {
      const std::size_t taken = pem_.take(text);
      mark(0, taken);
      if (pem_.ended()) inside_ = Inside::nothing;
      return taken;
    }
  }
  return 0;
}

void Masker::on_shape(const Shape& shape, std::string_view text, std::size_t& at, std::size_t& hold, bool complete, bool cut) {
  const std::size_t length = shape.literal.size();
  if (at < length || text.substr(at - length, length) != shape.literal) return;  // it goes over a line's end
  const std::size_t begin = at - length;
  const char before = begin > 0 ? text[begin - 1] : before_;
  // A short literal counts at the beginning of a word; one behind "\n" in JSON is such a beginning.
  if (length <= 3 && is_word_character(before) && !(begin >= 2 && text[begin - 2] == '\\')) return;
  const ShapeMatch match = match_shape(shape, text.substr(at), complete, cut);
  switch (match.is) {
    case ShapeMatch::Is::no: return;
    case ShapeMatch::Is::open: hold = std::min(hold, begin); return;
    case ShapeMatch::Is::yes: break;
  }
  const std::size_t end = at + match.length;
  if (shape.kind == Shape::Kind::pem) {  // its first line tells no secret
    pem_ = {};
    at = end + pem_.take(text.substr(end));
    mark(end, at);
    state_ = Automaton::kRoot;
    inside_ = pem_.ended() ? Inside::nothing : Inside::pem;
    return;
  }
  mark(begin, end);
  if (end < text.size() || (complete && !cut)) return;
  inside_ = Inside::token;
  token_characters_ = shape.characters;
}

void Masker::on_match(std::string_view text, std::size_t& at, std::size_t& hold, bool complete, bool cut) {
  const Automaton& automaton = secrets_->automaton();
  bool earlier = false;
  if (const std::size_t length = automaton.secret_length(state_); length > 0) mark(begin_of(at, length, earlier), at);
  if (const int label = automaton.label(state_); label >= 0) on_shape(shapes()[static_cast<std::size_t>(label)], text, at, hold, complete, cut);
}

// At a byte that may stand inside a secret without being a part of it. True: it was passed over.
void Masker::on_stop(std::string_view text, std::size_t& at, std::size_t& hold, bool complete) {
  const Automaton& automaton = secrets_->automaton();
  const char c = text[at];
  const std::size_t depth = automaton.depth(state_);
  bool earlier = false;
  if (c == '\r' || c == '\n') {
    if (depth > 0) skipped_.push_back(at);
    ++at;
    return;
  }
  const Automaton::State next = automaton.step(state_, static_cast<unsigned char>(c));
  if (depth >= kMinSecret && automaton.depth(next) <= depth) {
    const std::string_view behind = text.substr(at, kEllipsis.size());
    if (behind == kEllipsis) mark(begin_of(at, depth, earlier), at);
    std::size_t letter = at;
    while (letter < text.size() && letter < at + kMaxBackslashes && text[letter] == '\\') ++letter;
    // What comes in the next chunk tells.
    if (!complete && (letter == text.size() || (behind.size() < kEllipsis.size() && behind == kEllipsis.substr(0, behind.size())))) {
      hold = std::min(hold, begin_of(at, depth, earlier));
      at = text.size();
      state_ = Automaton::kRoot;
      return;
    }
    if (c == '\\') {
      if (letter < text.size() && (text[letter] == 'n' || text[letter] == 'r')) {
        for (; at <= letter; ++at) skipped_.push_back(at);
        return;
      }
    }
  }
  state_ = next;
  ++at;
  if (automaton.secret_length(state_) > 0 || automaton.label(state_) >= 0) on_match(text, at, hold, complete, false);
}

std::size_t Masker::scan(std::string_view text, bool complete, bool cut) {
  const Automaton& automaton = secrets_->automaton();
  const Automaton::State began_with = state_;
  marks_.clear();
  skipped_.clear();
  const bool resumed = inside_ == Inside::token;
  std::size_t at = resume(text);
  const bool goes_on = resumed && inside_ == Inside::token;
  if (at > 0) state_ = Automaton::kRoot;
  std::size_t hold = text.size();
  while (at < text.size()) {
    bool matched = false;
    at = automaton.run(state_, text, at, matched);
    if (matched)
      on_match(text, at, hold, complete, cut);
    else if (at < text.size())
      on_stop(text, at, hold, complete);
  }
  const std::size_t depth = automaton.depth(state_);
  bool earlier = false;
  if (complete) {
    // The beginning of a value at the end of a line: the rest may have been cut off, or stand in the next one. Where the
    // value has a line end there too, it is a whole line of it, which is a secret by itself or not.
    if (depth >= kMinSecret && !automaton.at_line_end(state_)) mark(begin_of(text.size(), depth, earlier), text.size());
    if (inside_ == Inside::token && !cut) inside_ = Inside::nothing;
    held_marked_ = 0;
    return text.size();
  }
  if (depth > 0) hold = std::min(hold, begin_of(text.size(), depth, earlier));
  // A token that was found in what is held back is found there again.
  if (inside_ == Inside::token && !goes_on && (marks_.empty() || marks_.back().begin >= hold)) inside_ = Inside::nothing;
  settle_hold(text, hold, began_with);
  return hold;
}

void Masker::settle_hold(std::string_view text, std::size_t hold, Automaton::State began_with) {
  if (hold > 0) {
    held_marked_ = 0;
    for (const Mark& mark : marks_)
      if (mark.begin < hold && mark.end > hold) held_marked_ = mark.end - hold;
  }
  // No pattern that is still possible begins before what is held back, unless it began before this text.
  state_ = hold > 0 ? Automaton::kRoot : began_with;
  if (hold > 0) before_ = text[hold - 1];
}

void Masker::emit(std::string_view text, std::size_t end, std::string& out) {
  if (end == 0) return;
  std::size_t at = 0;
  for (const Mark& mark : marks_) {
    if (mark.begin >= end) break;
    out += text.substr(at, mark.begin - at);
    at = std::min(mark.end, end);
    const bool goes_on = mask_is_open_ && mark.begin == 0;
    bool wanted = goes_on ? line_wants_mask_ : true;
    if (!goes_on) ++masked_;
    // Line ends within stay, so that what comes behind keeps its line.
    for (const char c : text.substr(mark.begin, at - mark.begin)) {
      if (c == '\n') out += '\n';
      if (c != '\n' && wanted) out += kMask;
      wanted = c == '\n';
    }
    line_wants_mask_ = wanted;
    mask_is_open_ = mark.end >= end;
  }
  if (at < end) mask_is_open_ = false;
  out += text.substr(at, end - at);
}

void Masker::feed(std::string_view bytes, std::string& out) {
  std::string joined;
  std::string_view text = bytes;
  if (!held_.empty()) {
    joined = held_ + std::string(bytes);
    text = joined;
  }
  const std::size_t hold = scan(text, false, false);
  emit(text, hold, out);
  held_ = std::string(text.substr(hold));
}

void Masker::finish(std::string& out) {
  scan(held_, true, false);
  emit(held_, held_.size(), out);
  held_.clear();
  mask_is_open_ = false;
  state_ = Automaton::kRoot;
  inside_ = Inside::nothing;
  before_ = '\n';
}

std::string_view Masker::line(std::string_view line, bool cut) {
  CHECK(held_.empty());
  mask_is_open_ = false;
  scan(line, true, cut);
  before_ = cut && !line.empty() ? line.back() : '\n';
  if (inside_ == Inside::pem && !cut) pem_.end_line();
  if (marks_.empty()) return line;
  scratch_.clear();
  emit(line, line.size(), scratch_);
  return scratch_;
}

std::string mask_text(const std::shared_ptr<const Secrets>& secrets, std::string_view text, std::uint64_t* masked) {
  Masker masker(secrets);
  std::string out;
  masker.feed(text, out);
  masker.finish(out);
  if (masked != nullptr) *masked += masker.masked();
  return out;
}

}  // namespace dossier::worker::masking
