// Cursors and pages.
#include "api/page.hpp"

#include <charconv>

#include "api/json_object.hpp"
#include "base/encoding.hpp"

namespace dossier::api {
namespace {

constexpr std::size_t kMaxCursorBytes = 400;

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

}  // namespace

Result<std::optional<std::int64_t>> integer_parameter(const Call& call, std::string_view name, std::int64_t least, std::int64_t most) {
  const std::string* text = call.request.parameter(name);
  if (text == nullptr) return std::optional<std::int64_t>();
  const auto number = parse_integer(*text);
  if (!number || *number < least || *number > most)
    return make_error(Code::invalid_field, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most), std::string(name));
  return number;
}

std::string make_cursor(std::int64_t number, std::string_view text) { return to_base64url(std::to_string(number) + "|" + std::string(text)); }

Result<Page> read_page(const Call& call) {
  Page page;
  TRY(const auto limit, integer_parameter(call, "limit", 1, kMaxLimit));
  page.limit = limit.value_or(kDefaultLimit);
  const std::string* cursor = call.request.parameter("cursor");
  if (cursor == nullptr || cursor->empty()) return page;
  const auto bytes = cursor->size() > kMaxCursorBytes ? std::nullopt : from_base64url(*cursor);
  const std::size_t bar = bytes ? bytes->find('|') : std::string::npos;
  const auto number = bar == std::string::npos ? std::nullopt : parse_integer(std::string_view(*bytes).substr(0, bar));
  if (!number || !is_utf8(*bytes) || bytes->find('\0') != std::string::npos)
    return make_error(Code::invalid_field, "is no cursor of this list: start again without one", "cursor");
  page.is_first = false;
  page.number = *number;
  page.text = bytes->substr(bar + 1);
  return page;
}

Result<std::int64_t> page_index(const Page& page) {
  if (page.is_first) return std::int64_t{-1};
  const auto index = parse_integer(page.text);
  if (!index || *index < 0) return make_error(Code::invalid_field, "is no cursor of this list: start again without one", "cursor");
  return *index;
}

bool ListReply::add(std::string item, std::int64_t number, std::string_view text) {
  if (static_cast<std::int64_t>(items_.size()) == limit_) {
    more_ = true;
    return false;
  }
  items_.push_back(std::move(item));
  cursor_ = make_cursor(number, text);
  return true;
}

Reply ListReply::finish(std::uint64_t seq) && {
  Reply reply;
  reply.body = std::move(JsonObject()
                             .raw("items", json_array(items_))
                             .text_or_null("next_cursor", more_ ? std::string_view(cursor_) : std::string_view())
                             .number("seq", static_cast<std::int64_t>(seq)))
                   .finish();
  return reply;
}

}  // namespace dossier::api
