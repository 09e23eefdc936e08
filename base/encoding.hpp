// Hex and base64url, the text forms of bytes in ids, URLs and JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dossier {

std::string to_hex(std::string_view bytes);
// nullopt: odd length or a character that is no hex digit. Accepts both cases.
std::optional<std::string> from_hex(std::string_view text);
// RFC 4648 section 5, no padding.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);
// True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text) noexcept;

}  // namespace dossier
