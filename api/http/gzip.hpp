// gzip of response bodies, by zlib.
#pragma once

#include <string>
#include <string_view>

namespace dossier::api::http {

// True where an Accept-Encoding header takes gzip (RFC 9110, 12.5.3): listed, or "*", with a weight above 0.
bool accepts_gzip(std::string_view accept_encoding);
// Empty: zlib had no memory; send the body as it is.
std::string gzip(std::string_view bytes);

}  // namespace dossier::api::http
