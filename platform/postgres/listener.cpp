// Notifications through libpqxx (the calls that 6.4 and 7.8 share).
#include "platform/postgres/listener.hpp"

#include <pqxx/pqxx>

#include "base/error.hpp"

namespace dossier::postgres {

struct Listener::State {
  // Collects; called by libpqxx inside wait(), on its thread.
  class Receiver final : public pqxx::notification_receiver {
   public:
    Receiver(pqxx::connection& connection, const std::string& channel, std::vector<Notification>* out)
        : pqxx::notification_receiver(connection, channel), channel_(channel), out_(out) {}
    void operator()(const std::string& payload, int) override { out_->push_back(Notification{channel_, payload}); }

   private:
    std::string channel_;
    std::vector<Notification>* out_;
  };

  explicit State(const std::string& url) : connection(url) {}
  pqxx::connection connection;
  std::vector<Notification> received;
  std::vector<std::unique_ptr<Receiver>> receivers;  // before the connection in destruction
};

Listener::Listener(std::string url, std::vector<std::string> channels) : url_(std::move(url)), channels_(std::move(channels)) {}
Listener::~Listener() = default;

Result<std::vector<Notification>> Listener::wait(std::int64_t timeout_ms) {
  try {
    if (!state_) {
      auto state = std::make_unique<State>(url_);
      for (const auto& channel : channels_)
        state->receivers.push_back(std::make_unique<State::Receiver>(state->connection, channel, &state->received));
      state_ = std::move(state);
    }
    state_->connection.await_notification(static_cast<long>(timeout_ms / 1'000), static_cast<long>(timeout_ms % 1'000) * 1'000);
    return std::exchange(state_->received, {});
  } catch (const std::exception& error) {
    try {
      state_.reset();
      // NOLINTNEXTLINE(bugprone-empty-catch)
    } catch (const std::exception&) {  // receivers say UNLISTEN to a connection that is gone
    }
    Error out = make_error(Code::database_unavailable, std::string("PostgreSQL (listen): ") + error.what());
    out.retry_after_ms = 1'000;
    return out;
  }
}

}  // namespace dossier::postgres
