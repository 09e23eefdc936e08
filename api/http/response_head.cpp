// Heads, chunks and compression of responses.
#include "api/http/response_head.hpp"

#include <charconv>
#include <cstdio>
#include <ctime>

#include "api/http/gzip.hpp"

namespace dossier::api::http {
namespace {

// RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". Formatted once a second and thread.
const std::string& date_text() {
  thread_local std::time_t at = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now == at) return text;
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  gmtime_r(&now, &parts);
  char buffer[80];
  std::snprintf(buffer, sizeof buffer, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  at = now;
  text = buffer;
  return text;
}

bool is_text(const std::string* type) {
  return type != nullptr && (type->starts_with("application/json") || type->starts_with("application/problem+json") || type->starts_with("text/"));
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
  }
}

std::string response_head(const Response& response, const Framing& framing) {
  std::string out;
  out.reserve(512);
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\nDate: ";
  out += date_text();
  out += framing.keep_alive ? "\r\nConnection: keep-alive" : "\r\nConnection: close";
  if (framing.chunked) out += "\r\nTransfer-Encoding: chunked";
  if (framing.length) {
    out += "\r\nContent-Length: ";
    out += std::to_string(*framing.length);
  }
  for (const auto& [name, value] : response.headers) {
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  out += "\r\n\r\n";
  return out;
}

std::string event_chunk(std::string_view text, bool chunked) {
  if (!chunked) return std::string(text);
  char size[20];
  const auto end = std::to_chars(size, size + sizeof size, text.size(), 16).ptr;
  std::string out(size, end);
  out += "\r\n";
  out += text;
  out += "\r\n";
  return out;
}

void compress(Response& response, std::size_t from_bytes) {
  if (response.source != nullptr || response.events != nullptr || response.body.size() < from_bytes ||
      response.header("Content-Encoding") != nullptr || !is_text(response.header("Content-Type")))
    return;
  std::string smaller = gzip(response.body);
  if (smaller.empty() || smaller.size() >= response.body.size()) return;
  response.body = std::move(smaller);
  response.set("Content-Encoding", "gzip");
  response.set("Vary", "Accept-Encoding");
}

}  // namespace dossier::api::http
