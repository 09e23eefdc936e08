// The client on Boost.Beast. One connection, kept alive between calls; every call either leaves it at the border between
// two messages or drops it.
#include "platform/http_client/http_client.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <mutex>

#include "platform/http_client/event_stream.hpp"
#include "platform/http_client/wire.hpp"

namespace dossier::http_client {
namespace {

namespace http = boost::beast::http;
using std::chrono::steady_clock;

constexpr std::size_t kMaxHeaderBytes = 64u << 10;
constexpr std::uint64_t kMaxDownloadBytes = 1u << 30;  // a blob's limit
constexpr std::size_t kChunk = 64u << 10;

Error error_of(const error_code& ec, std::string_view what) {
  if (ec == net::error::timed_out) return make_error(Code::timeout, std::string(what) + ": no answer in time");
  if (ec == http::error::body_limit || ec == http::error::header_limit || ec == http::error::buffer_overflow)
    return make_error(Code::payload_too_large, std::string(what) + ": the answer is larger than allowed");
  if (ec == http::error::end_of_stream || ec == http::error::partial_message || ec == net::error::eof)
    return make_error(Code::io, std::string(what) + ": the server closed the connection");
  return make_error(Code::io, std::string(what) + ": " + ec.message());
}

std::string to_lower(boost::beast::string_view text) {
  std::string out(text.data(), text.size());
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return out;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

Error file_error(const std::string& file, std::string_view step) {
  return make_error(Code::io, "can't " + std::string(step) + " " + file + ": " + std::strerror(errno));
}

}  // namespace

class Client::Impl {
 public:
  Impl(Options options, Url url) : options_(std::move(options)), url_(std::move(url)) {}

  // What differs between the calls: the limits in time, how a request's body goes out, and how the answer's comes in.
  struct Call {
    std::string_view method;
    std::string_view target;
    const Headers* headers;
    bool idempotent = true;
    std::int64_t idle_ms = 0;  // 0: the whole call has request_timeout_ms
    std::uint64_t body_bytes = 0;
    // The next piece of the body into the buffer; 0 = its end.
    std::function<Result<std::size_t>(char* buffer, std::size_t size)> read_body = {};
    // Back to the body's first byte, before a second try.
    std::function<Status()> rewind = {};
    std::uint64_t max_body = 0;
    // Before the answer's body, with its status and headers.
    std::function<Status(const Response&)> on_head = {};
    // A piece of the answer's body. False: stop here and drop the connection.
    std::function<Result<bool>(std::string_view)> on_body = {};
  };

  Result<Response> run(const Call& call) {
    if (!is_safe_target(call.target)) return make_error(Code::invalid_field, "'" + std::string(call.target) + "' is no request target", "target");
    for (const auto& [name, value] : *call.headers)
      if (!is_safe_header(name, value)) return make_error(Code::invalid_field, "the header " + name + " has a character that is not allowed", name);
    for (int attempt = 1;; ++attempt) {
      const bool kept = wire_ != nullptr;
      bool answered = false;
      auto response = exchange(call, answered);
      if (response) return response;
      end_wire();
      if (interrupted()) return make_error(Code::shutting_down, what(call) + ": interrupted");
      // A server may close a kept connection at any moment, and the request that meets it was never looked at.
      const bool stale = kept && !answered && attempt == 1 && call.idempotent && response.error().code == Code::io;
      if (!stale) return response;
      if (call.rewind) TRY_STATUS(call.rewind());
    }
  }

  const Options& options() const { return options_; }

  void interrupt() {
    std::lock_guard lock(mutex_);
    interrupted_ = true;
    if (wire_) wire_->interrupt();
  }

 private:
  // False: interrupted.
  bool begin_wire() {
    std::lock_guard lock(mutex_);
    if (interrupted_) return false;
    wire_ = std::make_unique<Wire>();
    return true;
  }
  void end_wire() {
    std::lock_guard lock(mutex_);
    wire_.reset();
  }
  bool interrupted() {
    std::lock_guard lock(mutex_);
    return interrupted_;
  }

  std::string what(const Call& call) const { return std::string(call.method) + " " + url_.authority + url_.path + std::string(call.target); }

  Result<Response> exchange(const Call& call, bool& answered) {
    if (!wire_) {
      buffer_.clear();
      if (!begin_wire()) return make_error(Code::shutting_down, what(call) + ": interrupted");
      TRY_STATUS(wire_->connect(url_, steady_clock::now() + std::chrono::milliseconds(options_.connect_timeout_ms)));
    }
    wire_->set_deadline(steady_clock::now() + std::chrono::milliseconds(options_.request_timeout_ms));
    if (call.idle_ms > 0) wire_->set_idle(call.idle_ms);
    const std::uint64_t before = wire_->bytes_read();
    auto sent = send(call);
    // A server that refuses a body answers and closes without reading it all: its answer counts, not the broken pipe.
    if (!sent && sent.error().code != Code::io) return std::move(sent).error();
    auto response = receive(call);
    answered = wire_->bytes_read() != before;
    if (!response && !sent && !answered) return std::move(sent).error();
    if (!keep_ || !sent) end_wire();
    return response;
  }

  Status send(const Call& call) {
    http::request<http::buffer_body> request;
    request.version(11);
    request.method_string(boost::beast::string_view(call.method.data(), call.method.size()));
    request.target(url_.path + std::string(call.target));
    request.set(http::field::host, url_.authority);
    request.set(http::field::user_agent, options_.user_agent);
    if (!options_.bearer_token.empty()) request.set(http::field::authorization, "Bearer " + options_.bearer_token);
    for (const auto& [name, value] : *call.headers) request.set(name, value);
    const bool has_body = call.body_bytes > 0 || call.method == "POST" || call.method == "PUT" || call.method == "PATCH";
    if (has_body) request.content_length(call.body_bytes);
    request.body().data = nullptr;
    request.body().more = call.body_bytes > 0;
    http::request_serializer<http::buffer_body> serializer(request);
    error_code ec;
    std::array<char, kChunk> chunk;
    std::uint64_t left = call.body_bytes;
    if (left == 0) http::write_header(*wire_, serializer, ec);
    while (!ec && left > 0) {
      TRY(const std::size_t n, call.read_body(chunk.data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, chunk.size()))));
      if (n == 0) return make_error(Code::invalid_field, "the body became shorter while it was sent", "body");
      left -= n;
      request.body().data = chunk.data();
      request.body().size = n;
      request.body().more = left > 0;
      http::write(*wire_, serializer, ec);
      if (ec == http::error::need_buffer) ec = {};
    }
    if (ec) return error_of(ec, what(call));
    return {};
  }

  Result<Response> receive(const Call& call) {
    error_code ec;
    std::optional<http::response_parser<http::buffer_body>> parser;
    do {  // 100 Continue and its like come before the answer and are no answer
      parser.emplace();
      parser->header_limit(kMaxHeaderBytes);
      parser->body_limit(call.max_body);
      if (call.method == "HEAD") parser->skip(true);
      http::read_header(*wire_, buffer_, *parser, ec);
      if (ec) return error_of(ec, what(call));
    } while (parser->get().result_int() >= 100 && parser->get().result_int() < 200 && parser->get().result_int() != 101);

    Response response;
    response.status = static_cast<int>(parser->get().result_int());
    for (const auto& field : parser->get())
      response.headers.emplace_back(to_lower(field.name_string()), std::string(field.value().data(), field.value().size()));
    if (call.on_head) TRY_STATUS(call.on_head(response));

    std::array<char, kChunk> chunk;
    while (!parser->is_done()) {
      auto& body = parser->get().body();
      body.data = chunk.data();
      body.size = chunk.size();
      http::read_some(*wire_, buffer_, *parser, ec);
      if (ec == http::error::need_buffer) ec = {};
      const std::string_view piece(chunk.data(), chunk.size() - body.size);
      if (!piece.empty()) {
        if (response.status < 200 || response.status > 299 || !call.on_body) {
          if (response.body.size() + piece.size() > options_.max_response_bytes) return error_of(http::error::body_limit, what(call));
          response.body += piece;
        } else {
          TRY(const bool more, call.on_body(piece));
          if (!more) {
            keep_ = false;
            return response;
          }
        }
      }
      if (ec) return error_of(ec, what(call));
    }
    keep_ = parser->get().keep_alive();
    return response;
  }

  Options options_;
  Url url_;
  std::mutex mutex_;  // guards interrupted_, and the pointer wire_ where it changes or interrupt() reads it
  bool interrupted_ = false;
  std::unique_ptr<Wire> wire_;                                  // null: the next call connects
  bool keep_ = true;                                            // what the last answer said about the connection
  boost::beast::flat_buffer buffer_{kMaxHeaderBytes + kChunk};  // bytes read and not yet parsed
};

std::string Response::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return {};
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Client> Client::make(Options options) {
  TRY(auto url, parse_url(options.base_url));
  if (!is_safe_header("authorization", options.bearer_token))
    return make_error(Code::invalid_field, "the token has a character that no token has", "bearer_token");
  return Client(std::make_unique<Impl>(std::move(options), std::move(url)));
}

void Client::interrupt() { impl_->interrupt(); }

Result<Response> Client::request(std::string_view method, std::string_view target, std::string_view body, const Headers& headers, bool idempotent) {
  std::size_t sent = 0;
  Impl::Call call{.method = method, .target = target, .headers = &headers, .idempotent = idempotent};
  call.body_bytes = body.size();
  call.read_body = [&](char* buffer, std::size_t size) -> Result<std::size_t> {
    const std::size_t n = std::min(size, body.size() - sent);
    std::memcpy(buffer, body.data() + sent, n);
    sent += n;
    return n;
  };
  call.rewind = [&]() -> Status {
    sent = 0;
    return {};
  };
  call.max_body = impl_->options().max_response_bytes;
  return impl_->run(call);
}

Result<Response> Client::events(std::string_view target, const Headers& headers, std::int64_t silence_ms,
                                const std::function<bool(const ServerEvent&)>& on_event) {
  EventStreamParser parser;
  bool wanted = true;
  Headers all = headers;
  all.emplace_back("accept", "text/event-stream");
  Impl::Call call{.method = "GET", .target = target, .headers = &all, .idle_ms = silence_ms};
  call.max_body = std::numeric_limits<std::uint64_t>::max();
  call.on_body = [&](std::string_view piece) -> Result<bool> {
    TRY(wanted, parser.feed(piece, on_event));
    return wanted;
  };
  TRY(auto response, impl_->run(call));
  if (response.status == 200 && wanted) return make_error(Code::io, "GET " + std::string(target) + ": the server ended the stream of events");
  return response;
}

Result<Response> Client::upload(std::string_view target, const std::string& file, const Headers& headers) {
  File source(std::fopen(file.c_str(), "rb"));
  if (!source) return file_error(file, "open");
  if (std::fseek(source.get(), 0, SEEK_END) != 0) return file_error(file, "read");
  const long size = std::ftell(source.get());
  if (size < 0) return file_error(file, "read");
  if (std::fseek(source.get(), 0, SEEK_SET) != 0) return file_error(file, "read");
  Impl::Call call{.method = "PUT", .target = target, .headers = &headers, .idle_ms = impl_->options().request_timeout_ms};
  call.body_bytes = static_cast<std::uint64_t>(size);
  call.read_body = [&](char* buffer, std::size_t wanted) -> Result<std::size_t> {
    const std::size_t n = std::fread(buffer, 1, wanted, source.get());
    if (n == 0 && std::ferror(source.get())) return file_error(file, "read");
    return n;
  };
  call.rewind = [&]() -> Status {
    if (std::fseek(source.get(), 0, SEEK_SET) != 0) return file_error(file, "read");
    return {};
  };
  call.max_body = impl_->options().max_response_bytes;
  return impl_->run(call);
}

Result<Response> Client::download(std::string_view target, const std::string& file, const Headers& headers) {
  const std::string part = file + ".part";
  File sink;
  Impl::Call call{.method = "GET", .target = target, .headers = &headers, .idle_ms = impl_->options().request_timeout_ms};
  call.max_body = kMaxDownloadBytes;
  call.on_head = [&](const Response& head) -> Status {
    if (head.status < 200 || head.status > 299) return {};
    sink.reset(std::fopen(part.c_str(), "wb"));
    if (!sink) return file_error(part, "write");
    return {};
  };
  call.on_body = [&](std::string_view piece) -> Result<bool> {
    if (std::fwrite(piece.data(), 1, piece.size(), sink.get()) != piece.size()) return file_error(part, "write");
    return true;
  };
  auto response = impl_->run(call);
  if (!sink) return response;
  const bool flushed = std::fclose(sink.release()) == 0;
  if (!response || !flushed || std::rename(part.c_str(), file.c_str()) != 0) {
    auto failed = response ? file_error(file, "write") : response.error();
    std::remove(part.c_str());
    return failed;
  }
  return response;
}

}  // namespace dossier::http_client
