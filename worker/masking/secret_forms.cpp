// Encoders that only this folder needs: each yields the part of an encoding that is the same whatever stands around.
#include "worker/masking/secret_forms.hpp"

#include <algorithm>
#include <set>

namespace dossier::worker::masking {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";
constexpr std::string_view kLowerHex = "0123456789abcdef";

bool is_alnum(unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// `before`: how many bytes (0, 1, 2) of a group of three stand before the value. Characters with a foreign bit are left out.
std::string base64_core(std::string_view value, std::size_t before, std::string_view alphabet) {
  std::string core;
  const std::size_t bits = 8 * (before + value.size());
  for (std::size_t bit = 6 * ((8 * before + 5) / 6); bit + 6 <= bits; bit += 6) {
    const std::size_t at = bit / 8 - before;
    const unsigned two = static_cast<unsigned char>(value[at]) << 8 | (at + 1 < value.size() ? static_cast<unsigned char>(value[at + 1]) : 0u);
    core += alphabet[two >> (10 - bit % 8) & 63];
  }
  return core;
}

std::string percent(std::string_view value, std::string_view left_alone, std::string_view hex, bool plus_for_space) {
  std::string text;
  for (const unsigned char c : value) {
    if (is_alnum(c) || left_alone.find(static_cast<char>(c)) != std::string_view::npos)
      text += static_cast<char>(c);
    else if (c == ' ' && plus_for_space)
      text += '+';
    else
      ((text += '%') += hex[c >> 4]) += hex[c & 15];
  }
  return text;
}

void append_u16(std::string& text, unsigned unit, std::string_view hex) {
  text += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) text += hex[unit >> shift & 15];
}

// The character at `at` of a text that is expected to be UTF-8; its length in bytes, 1 where it is none.
std::size_t decode(std::string_view text, std::size_t at, unsigned& point) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
  point = length == 1 ? lead : lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return point = lead, 1;
    point = point << 6 | (byte(i) & 0x3f);
  }
  return length;
}

// `extra`: characters that this writer escapes beyond what JSON demands.
std::string json_escaped(std::string_view value, std::string_view extra, bool ascii_only, std::string_view hex) {
  std::string text;
  for (std::size_t at = 0; at < value.size();) {
    const auto c = static_cast<unsigned char>(value[at]);
    if (c >= 0x80 && ascii_only) {
      unsigned point = 0;
      at += decode(value, at, point);
      if (point >= 0x10000) append_u16(text, 0xd800 + ((point - 0x10000) >> 10), hex);
      append_u16(text, point >= 0x10000 ? 0xdc00 + (point & 0x3ff) : point, hex);
      continue;
    }
    ++at;
    constexpr std::string_view kNamed = "\"\\\b\f\n\r\t/", kLetters = "\"\\bfnrt/";
    const std::size_t named = kNamed.find(static_cast<char>(c));
    const bool wanted = extra.find(static_cast<char>(c)) != std::string_view::npos;
    if (named != std::string_view::npos && (c != '/' || wanted))
      (text += '\\') += kLetters[named];
    else if (c < 0x20 || wanted)
      append_u16(text, c, hex);
    else
      text += static_cast<char>(c);
  }
  return text;
}

}  // namespace

std::vector<std::string> secret_forms(std::string_view value) {
  std::vector<std::string> forms{std::string(value)};
  for (const std::string_view alphabet : {kStandard, kUrlSafe})
    for (std::size_t before = 0; before < 3; ++before) forms.push_back(base64_core(value, before, alphabet));
  for (const std::string_view hex : {kUpperHex, kLowerHex}) {
    for (const std::string_view left_alone : {"", "-_.~", "-_.~/", "-_.!~*'()", ";,/?:@&=+$-_.!~*'()#"})
      forms.push_back(percent(value, left_alone, hex, false));
    forms.push_back(percent(value, "*-._", hex, true));
  }
  for (const std::string_view hex : {kLowerHex, kUpperHex}) {
    for (const std::string_view extra : {"", "/", "<>&"}) forms.push_back(json_escaped(value, extra, false, hex));
    forms.push_back(json_escaped(value, "", true, hex));
    forms.push_back(json_escaped(json_escaped(value, "", false, hex), "", false, hex));
  }

  std::set<std::string> seen;
  std::vector<std::string> kept;
  for (std::string& form : forms) {
    const auto line_ends = static_cast<std::size_t>(std::count_if(form.begin(), form.end(), [](char c) { return c == '\r' || c == '\n'; }));
    if (form.size() - line_ends >= kMinSecret && seen.insert(form).second) kept.push_back(std::move(form));
  }
  return kept;
}

}  // namespace dossier::worker::masking
