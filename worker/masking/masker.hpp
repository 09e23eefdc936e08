// Takes secrets out of texts before they leave this machine: each place where one stands, in any form, becomes "***".
//
// Two sorts of secrets: values that are given (in all forms of secret_forms.hpp), and what has a known shape (shapes.hpp).
// A value is found whole, also where it was wrapped at line ends, or cut off by the end of a line or by an ellipsis after
// kMinSecret bytes; a line of a value of several lines is found by itself from kMinLine bytes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "worker/masking/automaton.hpp"
#include "worker/masking/secret_forms.hpp"
#include "worker/masking/shapes.hpp"

namespace dossier::worker::masking {

inline constexpr std::string_view kMask = "***";
inline constexpr std::size_t kMinLine = 16;  // bytes; "kind: Config" of a kubeconfig is no secret
inline constexpr std::size_t kMaxSecrets = 1'000;
inline constexpr std::size_t kMaxSecretBytes = 64 * 1024;  // of one value
inline constexpr std::size_t kMaxFormBytes = 8u << 20;     // of all forms of all values
inline constexpr std::size_t kMaxWindow = 4'096;           // a longer value is looked for in parts of this size

// What to look for. Immutable, for any number of maskers on any threads.
class Secrets {
 public:
  // Spaces and line ends around a value do not count; values shorter than kMinSecret are passed over.
  // payload_too_large: more than the limits above; a run without masking must not begin.
  static Result<std::shared_ptr<const Secrets>> make(const std::vector<std::string>& values);

  const Automaton& automaton() const { return automaton_; }
  std::size_t passed_over() const { return passed_over_; }  // values that were too short

 private:
  Secrets(Automaton automaton, std::size_t passed_over) : automaton_(std::move(automaton)), passed_over_(passed_over) {}
  Automaton automaton_;
  std::size_t passed_over_ = 0;
};

// One text that arrives in chunks, or in lines. One owner thread. What is held back is never more than the longest form of
// a value, or kMaxLook bytes.
class Masker {
 public:
  explicit Masker(std::shared_ptr<const Secrets> secrets) : secrets_(std::move(secrets)) {}

  // Appends what may leave to `out`.
  void feed(std::string_view bytes, std::string& out);
  // The text is over: what was held back leaves, and the next byte begins another text.
  void finish(std::string& out);

  // A line without its end; the lines of one stream in their order, not mixed with feed(). `cut`: it goes on in the next
  // call (it was longer than lines may be). The result is `line` itself where there was nothing, else valid until the next
  // call.
  std::string_view line(std::string_view line, bool cut = false);

  std::uint64_t masked() const { return masked_; }  // places, so far

 private:
  struct Mark {
    std::size_t begin = 0, end = 0;
  };
  enum class Inside : std::uint8_t { nothing, token, pem };  // what goes on from before

  // Both find the marks in `text`. Returns from where on it must be held back.
  std::size_t scan(std::string_view text, bool complete, bool cut);
  std::size_t resume(std::string_view text);
  void on_match(std::string_view text, std::size_t& at, std::size_t& hold, bool complete, bool cut);
  void on_stop(std::string_view text, std::size_t& at, std::size_t& hold, bool complete);
  void on_shape(const Shape& shape, std::string_view text, std::size_t& at, std::size_t& hold, bool complete, bool cut);
  std::size_t begin_of(std::size_t end, std::size_t count, bool& earlier) const;
  void mark(std::size_t begin, std::size_t end);
  void settle_hold(std::string_view text, std::size_t hold, Automaton::State began_with);
  void emit(std::string_view text, std::size_t end, std::string& out);

  std::shared_ptr<const Secrets> secrets_;
  Automaton::State state_ = Automaton::kRoot;
  std::string held_;
  std::size_t held_marked_ = 0;  // of held_, from its beginning: masked already
  bool mask_is_open_ = false;    // the last thing that left was a mask which may go on
  bool line_wants_mask_ = true;  // of that: it has left nothing on its last line yet
  char before_ = '\n';           // the byte before the text at hand
  Inside inside_ = Inside::nothing;
  Shape::Characters token_characters_ = Shape::Characters::alnum;
  PemBody pem_;
  std::vector<Mark> marks_;           // of the text at hand, in order, apart
  std::vector<std::size_t> skipped_;  // line ends in it that were passed over, in order
  std::string scratch_;
  std::uint64_t masked_ = 0;
};

// A whole text at once. `masked`, where given, is increased by the number of places.
std::string mask_text(const std::shared_ptr<const Secrets>& secrets, std::string_view text, std::uint64_t* masked = nullptr);

}  // namespace dossier::worker::masking
