// The ways in which a secret's value may stand in a text: as it is, in base64, in a URL, in JSON. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dossier::worker::masking {

inline constexpr std::size_t kMinSecret = 8;  // bytes; a shorter value (or form) can't be told from ordinary text

// Every form of the bytes, without repeats, none shorter than kMinSecret (line ends not counted: they are passed over when a
// text is searched, so a form that was wrapped is found as well).
//   base64       the characters that depend on the value alone, for each of the three places at which it may begin in what
//                was encoded, in both alphabets
//   URL          with the sets of characters that RFC 3986, encodeURI, encodeURIComponent and HTML forms leave alone, or none,
//                digits of either case
//   JSON         with the least escapes, with "/" escaped, with "<", ">", "&" escaped, in ASCII, and escaped twice; digits of either case
std::vector<std::string> secret_forms(std::string_view value);

}  // namespace dossier::worker::masking
