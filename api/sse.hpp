// Server-sent events: the text of a message, and a stream that is admitted anew with every pull.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/change_hub.hpp"
#include "api/http/message.hpp"
#include "api/route.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::api {

// "id: …\nevent: …\ndata: …\n\n"; `data` is one line of JSON.
std::string sse_message(std::string_view id, std::string_view event, std::string_view data);

// Rows behind a place in a log of the database. Every pull authenticates and checks access in the data's own snapshot, so
// a stream ends when its token is revoked or its user leaves the workspace.
class RowStream : public http::EventSource {
 public:
  RowStream(CallPtr call, crypto::Hash token, std::int64_t poll_ms) : call_(std::move(call)), token_(token), poll_ms_(poll_ms) {}
  Result<std::string> next(std::size_t max_bytes) final;
  std::int64_t poll_ms() const final { return poll_ms_; }

 protected:
  const Call& call() const { return *call_; }
  // The statement for what follows the present place.
  virtual postgres::Statement behind() const = 0;
  // The messages of its rows, about max_bytes; moves the place behind what was written.
  virtual Result<std::string> take(const postgres::ResultSet& rows, std::size_t max_bytes) = 0;

 private:
  CallPtr call_;
  crypto::Hash token_;
  std::int64_t poll_ms_;
};

// 200 with the stream.
http::Response sse_response(std::shared_ptr<http::EventSource> source);

}  // namespace dossier::api
