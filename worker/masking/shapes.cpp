// The table of shapes, and what may follow each.
#include "worker/masking/shapes.hpp"

#include <algorithm>

namespace dossier::worker::masking {
namespace {

using Characters = Shape::Characters;
using Kind = Shape::Kind;

constexpr std::size_t kCutLeast = 4;  // characters of a token that was cut
constexpr std::size_t kJwtPart = 10;
constexpr std::size_t kMaxDigitLook = 64;
constexpr std::size_t kMaxPemLabel = 48;
constexpr int kMarkerDashes = 5;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alnum(char c) { return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z'); }
bool is_base64(char c) { return is_alnum(c) || c == '+' || c == '/' || c == '='; }

std::size_t run_length(Characters characters, std::string_view text, std::size_t most = std::string_view::npos) {
  const std::string_view looked = text.substr(0, most);
  return static_cast<std::size_t>(std::find_if_not(looked.begin(), looked.end(), [&](char c) { return has(characters, c); }) - looked.begin());
}

ShapeMatch yes(std::size_t length) { return {ShapeMatch::Is::yes, length}; }
ShapeMatch open_unless(bool complete) { return {complete ? ShapeMatch::Is::no : ShapeMatch::Is::open, 0}; }

ShapeMatch match_token(const Shape& shape, std::string_view rest, bool complete) {
  const std::size_t look = std::max(shape.least + 1, kMaxDigitLook);
  const std::size_t run = run_length(shape.characters, rest, look);
  const bool at_end = run == rest.size();
  if (run < shape.least) return at_end ? open_unless(complete) : ShapeMatch{};
  if (shape.exactly) {
    if (at_end && !complete) return open_unless(false);
    return run == shape.least && (at_end || !is_word_character(rest[run])) ? yes(run) : ShapeMatch{};
  }
  if (shape.has_digit && std::none_of(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(run), is_digit))
    return at_end && run < look ? open_unless(complete) : ShapeMatch{};
  return yes(run_length(shape.characters, rest));
}

// "eyJ" is base64 of {" : a header, a dot, and claims that begin like it.
ShapeMatch match_jwt(std::string_view rest, bool complete) {
  const std::size_t header = run_length(Characters::dashed, rest, kMaxLook - 16);
  if (header == rest.size()) return open_unless(complete);
  if (header < kJwtPart || rest[header] != '.') return {};
  constexpr std::string_view kNext = ".eyJ";
  const std::string_view next = rest.substr(header, kNext.size());
  if (next != kNext.substr(0, next.size())) return {};
  const std::size_t claims = header + next.size() + run_length(Characters::dashed, rest.substr(header + next.size()), kJwtPart);
  if (claims < header + kNext.size() + kJwtPart) return claims == rest.size() ? open_unless(complete) : ShapeMatch{};
  return yes(run_length(Characters::dotted, rest));
}

// The rest of "-----BEGIN RSA PRIVATE KEY-----".
ShapeMatch match_pem(std::string_view rest, bool complete) {
  const std::size_t label = static_cast<std::size_t>(
      std::find_if_not(rest.begin(), rest.end(), [](char c) { return is_upper(c) || is_digit(c) || c == ' '; }) - rest.begin());
  constexpr std::string_view kDashes = "-----", kWords = "PRIVATE KEY";
  if (label > kMaxPemLabel) return {};
  const std::string_view dashes = rest.substr(label, kDashes.size());
  if (dashes != kDashes.substr(0, dashes.size())) return {};
  if (dashes.size() < kDashes.size()) return open_unless(complete);
  return rest.substr(0, label).find(kWords) == std::string_view::npos ? ShapeMatch{} : yes(label + kDashes.size());
}

}  // namespace

bool has(Characters characters, char c) {
  switch (characters) {
    case Characters::alnum: return is_alnum(c);
    case Characters::upper_and_digits: return is_upper(c) || is_digit(c);
    case Characters::word: return is_alnum(c) || c == '_';
    case Characters::dashed: return is_alnum(c) || c == '_' || c == '-';
    case Characters::dotted: return is_alnum(c) || c == '_' || c == '-' || c == '.';
  }
  return false;
}

bool is_word_character(char c) { return has(Characters::dashed, c); }

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {"msw_", Kind::token, Characters::dashed, 43},  // of workers and of users of this program
      {"dst_", Kind::token, Characters::dashed, 43},
      {"ghp_", Kind::token, Characters::word, 30},  // GitHub
      {"gho_", Kind::token, Characters::word, 30},
      {"ghu_", Kind::token, Characters::word, 30},
      {"ghs_", Kind::token, Characters::word, 30},
      {"ghr_", Kind::token, Characters::word, 30},
      {"github_pat_", Kind::token, Characters::word, 30},
      {"glpat-", Kind::token, Characters::dotted, 16},            // GitLab
      {"sk-", Kind::token, Characters::dashed, 20, false, true},  // OpenAI, Anthropic and others
      {"sk_live_", Kind::token, Characters::alnum, 16},           // Stripe
      {"rk_live_", Kind::token, Characters::alnum, 16},
      {"AKIA", Kind::token, Characters::upper_and_digits, 16, true},  // AWS
      {"ASIA", Kind::token, Characters::upper_and_digits, 16, true},
      {"AIza", Kind::token, Characters::dashed, 35},                // Google
      {"xoxb-", Kind::token, Characters::dashed, 16, false, true},  // Slack
      {"xoxp-", Kind::token, Characters::dashed, 16, false, true},
      {"xoxa-", Kind::token, Characters::dashed, 16, false, true},
      {"xoxs-", Kind::token, Characters::dashed, 16, false, true},
      {"npm_", Kind::token, Characters::alnum, 36},
      {"hf_", Kind::token, Characters::alnum, 30},  // Hugging Face
      {"eyJ", Kind::jwt, Characters::dotted},
      {"-----BEGIN ", Kind::pem, Characters::dashed},
  };
  return all;
}

ShapeMatch match_shape(const Shape& shape, std::string_view rest, bool complete, bool cut) {
  ShapeMatch match;
  switch (shape.kind) {
    case Kind::token: match = match_token(shape, rest, complete && !cut); break;
    case Kind::jwt: match = match_jwt(rest, complete && !cut); break;
    case Kind::pem: return match_pem(rest, complete);
  }
  const std::size_t run = match.is == ShapeMatch::Is::yes ? 0 : run_length(shape.characters, rest, kMaxLook);
  const bool is_cut = (cut && complete && run == rest.size()) || rest.substr(run, kEllipsis.size()) == kEllipsis;
  if (is_cut && run >= kCutLeast && (!shape.has_digit || std::any_of(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(run), is_digit)))
    return yes(run);
  const std::string_view behind = rest.substr(run);
  const bool may_be_cut = !complete && !behind.empty() && behind.size() < kEllipsis.size() && behind == kEllipsis.substr(0, behind.size());
  if (match.is == ShapeMatch::Is::no && may_be_cut && run >= kCutLeast) return open_unless(false);
  if (match.is == ShapeMatch::Is::open && complete) return {};
  return match;
}

std::size_t PemBody::take(std::string_view text) {
  std::size_t taken = 0;
  while (taken < text.size() && !ended_) {
    if (++bytes_ > kMaxBytes || !takes(text[taken])) {
      ended_ = true;
      return taken;
    }
    ++taken;
  }
  return taken;
}

bool PemBody::takes(char c) {
  if (c == '\n' || c == '\r') {
    const bool inside = segment_ != Segment::end_marker;
    segment_ = Segment::start;
    dashes_ = 0;
    return inside;
  }
  dashes_ = c == '-' ? dashes_ + 1 : 0;
  if (dashes_ == kMarkerDashes && segment_ != Segment::end_marker) {
    segment_ = Segment::end_marker;
    dashes_ = 0;
    return true;
  }
  if (c == '\\' && segment_ != Segment::end_marker) {
    segment_ = Segment::escape;
    return true;
  }
  switch (segment_) {
    case Segment::escape:  // behind "\": a line's end in JSON
      segment_ = Segment::start;
      return c == 'n' || c == 'r' || c == 't' || c == '/';
    case Segment::start:
      if (c == ' ' || c == '\t' || c == '>' || c == '|' || c == '+') return true;  // indented, quoted, in a diff
      segment_ = Segment::base64;
      [[fallthrough]];
    case Segment::base64:
      if (c == ':' || c == '-') segment_ = Segment::header;
      return is_base64(c) || segment_ == Segment::header;
    case Segment::header: return is_base64(c) || c == ':' || c == '-' || c == ',' || c == ' ';
    case Segment::end_marker:  // "-----END … KEY-----", its first dashes are taken
      ended_ = dashes_ == kMarkerDashes;
      return c == '-' || is_upper(c) || is_digit(c) || c == ' ';
  }
  return false;
}

}  // namespace dossier::worker::masking
