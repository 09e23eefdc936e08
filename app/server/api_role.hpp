// The role api: the HTTP server on a thread of its own, its handlers on the shared pool.
#pragma once

#include <memory>
#include <thread>

#include "api/application.hpp"
#include "api/change_hub.hpp"
#include "api/environment.hpp"
#include "api/http/server.hpp"
#include "app/server/core.hpp"
#include "base/thread_pool.hpp"
#include "platform/kafka/admin.hpp"
#include "producers/control_follower.hpp"
#include "producers/postgres_secrets.hpp"

namespace dossier::app {

class ApiRole {
 public:
  static constexpr std::size_t kPasswordThreads = 2;  // argon2id: 64 MiB each
  static constexpr std::size_t kPasswordQueue = 64;

  // io: the address can't be bound.
  static Result<std::unique_ptr<ApiRole>> make(Core& core, api::ChangeHub& changes);
  ~ApiRole();

  void start();
  // Not ready any more, no new connections; returns once the requests in flight are answered, or were cut off.
  void stop(std::int64_t drain_ms);
  std::uint16_t port() const { return server_->port(); }

 private:
  ApiRole(Core& core, std::unique_ptr<kafka::Admin> admin);
  api::Environment environment(api::ChangeHub& changes);
  std::vector<api::Readiness> readiness();
  Status prepare_pool(const std::string& pool);

  Core& core_;
  const std::unique_ptr<kafka::Admin> admin_;
  std::atomic<bool> stopping_{false};
  ThreadPool passwords_;
  producers::PostgresSecrets secrets_;
  std::unique_ptr<producers::ControlFollower> control_;
  std::unique_ptr<api::Application> application_;
  std::unique_ptr<api::http::Server> server_;
  std::thread thread_;
};

}  // namespace dossier::app
