// Pages of lists: limit and cursor in, {"items":[…],"next_cursor":…,"seq":…} out. A cursor is opaque to clients: the key of
// the last row of the page before, so that rows which come meanwhile move nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/route.hpp"

namespace dossier::api {

inline constexpr std::int64_t kDefaultLimit = 50;
inline constexpr std::int64_t kMaxLimit = 200;

struct Page {
  std::int64_t limit = kDefaultLimit;
  bool is_first = true;
  std::int64_t number = 0;  // of the cursor's key
  std::string text;
};
// invalid_field: limit or cursor.
Result<Page> read_page(const Call& call);
// The cursor's text as the second number of its key; -1 on the first page. invalid_field: cursor.
Result<std::int64_t> page_index(const Page& page);
std::string make_cursor(std::int64_t number, std::string_view text);

inline std::vector<Parameter> page_parameters() {
  return {{"limit", "Items on the page, 1 to 200 (50).", FieldType::integer}, {"cursor", "next_cursor of the page before.", FieldType::string}};
}

// A page of items. Statements ask for limit + 1 rows; `next` is the cursor of the last item shown.
class ListReply {
 public:
  explicit ListReply(std::int64_t limit) : limit_(limit) {}
  // False: the page is full and this row only tells that there is more.
  bool add(std::string item, std::int64_t number, std::string_view text);
  Reply finish(std::uint64_t seq) &&;

 private:
  std::int64_t limit_;
  std::vector<std::string> items_;
  std::string cursor_;
  bool more_ = false;
};

// A query parameter that is a whole number; nullopt where it is absent.
Result<std::optional<std::int64_t>> integer_parameter(const Call& call, std::string_view name, std::int64_t least, std::int64_t most);

}  // namespace dossier::api
