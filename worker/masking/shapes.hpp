// Secrets that are known by how they look, whoever owns them: tokens of this program and of well-known services, JSON Web
// Tokens, private keys in PEM. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dossier::worker::masking {

inline constexpr std::string_view kEllipsis = "\xe2\x80\xa6";  // where we cut a text

struct Shape {
  enum class Kind : std::uint8_t { token, jwt, pem };
  enum class Characters : std::uint8_t { alnum, upper_and_digits, word, dashed, dotted };  // word: and "_"; dashed: and "-"; dotted: and "."
  std::string_view literal;                                                                // how it begins
  Kind kind = Kind::token;
  Characters characters = Characters::alnum;
  std::size_t least = 0;   // characters behind the literal
  bool exactly = false;    // no more than those
  bool has_digit = false;  // where the literal is so short that words would be taken for it
};
const std::vector<Shape>& shapes();

bool has(Shape::Characters characters, char c);
bool is_word_character(char c);  // a shape does not begin right behind one

// What follows a literal.
struct ShapeMatch {
  enum class Is : std::uint8_t { no, yes, open };  // open: what is there may be one, more has to be seen
  Is is = Is::no;
  std::size_t length = 0;  // yes: bytes behind the literal
};
// `complete`: nothing comes behind `rest`. `cut`: something came there and is lost, so that a beginning counts as the whole.
// Looks at no more than kMaxLook bytes before it decides.
ShapeMatch match_shape(const Shape& shape, std::string_view rest, bool complete, bool cut);
inline constexpr std::size_t kMaxLook = 1'024;

// Inside a PEM private key, behind its BEGIN line: takes what belongs to it, over line ends (also written as "\n"),
// indentation and headers, up to and with the END line.
class PemBody {
 public:
  static constexpr std::size_t kMaxBytes = 64 * 1024;  // of one key
  // How many bytes of `text` belong to it. ended() says whether the key is over.
  std::size_t take(std::string_view text);
  void end_line() {
    segment_ = Segment::start;
    dashes_ = 0;
  }  // for lines without their ends
  bool ended() const { return ended_; }

 private:
  enum class Segment : std::uint8_t { start, base64, header, end_marker, escape };
  bool takes(char c);

  Segment segment_ = Segment::start;
  int dashes_ = 0;  // the last bytes that were dashes
  std::size_t bytes_ = 0;
  bool ended_ = false;
};

}  // namespace dossier::worker::masking
