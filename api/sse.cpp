// Pulling rows as events.
#include "api/sse.hpp"

#include "api/access.hpp"

namespace dossier::api {

std::string sse_message(std::string_view id, std::string_view event, std::string_view data) {
  std::string out;
  out.reserve(id.size() + event.size() + data.size() + 24);
  out += "id: ";
  out += id;
  out += "\nevent: ";
  out += event;
  out += "\ndata: ";
  out += data;
  out += "\n\n";
  return out;
}

Result<std::string> RowStream::next(std::size_t max_bytes) {
  TRY(auto statements, access_statements(*call_, token_));
  statements.push_back(behind());
  Environment& environment = *call_->environment;
  auto rows = environment.database.read_all(statements);
  if (!rows) {
    // The database is away for a moment: the stream stays, and goes on where it is.
    if (is_transient(rows.error().code)) return std::string();
    return rows.error();
  }
  TRY(call_->access, admit(*call_, *rows, environment.clock.wall_us()));
  return take(rows->back(), max_bytes);
}

http::Response sse_response(std::shared_ptr<http::EventSource> source) {
  http::Response response;
  response.set("Content-Type", "text/event-stream");
  response.set("Cache-Control", "no-store");
  response.set("X-Accel-Buffering", "no");
  response.events = std::move(source);
  return response;
}

}  // namespace dossier::api
