// The HTTP application on a real PostgreSQL, with a log in memory and a projector of its own: every route can be asked
// without a socket, and nothing is mocked between a request and its rows. Header only, so that only who uses it links it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "api/application.hpp"
#include "api/change_hub.hpp"
#include "base/thread_pool.hpp"
#include "dossier/v1/worker.pb.h"
#include "platform/memory/memory_topic.hpp"
#include "producers/applied_voice.hpp"
#include "producers/postgres_log_identity.hpp"
#include "producers/postgres_secrets.hpp"
#include "producers/postgres_state_store.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projector.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::test {

struct ApiReply {
  api::http::Response response;
  json::Value body;
  int status() const { return response.status; }
  std::string code() const { return body.text("code"); }
  std::string field() const { return body.text("field"); }
  std::string text(std::string_view name) const { return body.text(name); }
  std::int64_t number(std::string_view name) const { return body.integer_or(name, -1); }
  std::string header(std::string_view name) const {
    const std::string* value = response.header(name);
    return value == nullptr ? std::string() : *value;
  }
  std::string at(std::string_view outer, std::string_view inner) const {
    const json::Value* member = body.find(outer);
    return member == nullptr ? std::string() : member->text(inner);
  }
  const json::Value::Array& items() const {
    static const json::Value::Array none;
    const json::Value* member = body.find("items");
    return member == nullptr || member->array() == nullptr ? none : *member->array();
  }
};

class ApiRig final {
 public:
  static constexpr std::int32_t kPartitions = 4;

  explicit ApiRig(api::Reading::Options reading = {})
      : database_(TestDatabase::create()),
        generation_(database_->make_live_generation()),
        broker_(clock_, {memory::Mode::threaded}),
        pool_(pool_options(database_->url())),
        states_(pool_),
        secrets_(pool_),
        board_(kPartitions, clock_),
        recent_(kPartitions, clock_),
        control_(broker_.make_reader("gateway"), clock_),
        executor_(8, 256),
        passwords_(2, 16),
        store_({database_->url(), generation_}) {
    broker_.create_topic(topics_.events(), kPartitions);
    broker_.create_topic(topics_.reports(), kPartitions);
    broker_.create_topic(topics_.activity(), kPartitions);
    writer_ = broker_.make_writer("server");
    const auto reader = broker_.make_reader("opener");
    producers::PostgresLogIdentity identities(database_->url());
    auto opened = producers::open_log(*reader, *writer_, identities, topics_, crypto::random_uuid_hex(), clock_);
    if (!opened) throw std::runtime_error(opened.error().message);
    identity_ = *opened;
    log_ = std::make_unique<producers::CommitLog>(*writer_, topics_, identity_, [this](std::int32_t p) { return board_.history(p); });
    runner_ = std::make_unique<producers::CommandRunner>(states_, *log_, board_, &recent_, executor_, clock_);
    reader_ = broker_.make_reader("projector");
    projections::ProjectorOptions options;
    options.log = {topics_.events(), identity_.log_id, identity_.partitions};
    projector_ = std::make_unique<projections::Projector>(options, *reader_, store_, projections::registry(), clock_, &voice_);
    projector_->assign({0, 1, 2, 3});
    start_projecting();
    application_ = std::make_unique<api::Application>(environment(), reading);
    if (!eventually(20'000, [this] { return all_projected(); })) throw std::runtime_error("the log's first records were not projected");
  }
  ~ApiRig() {
    control_.stop();
    runner_->stop(5'000);
    writer_->flush(1'000);
    stop_projecting();
    executor_.stop();
    passwords_.stop();
  }

  ApiReply ask(std::string_view method, std::string_view target, std::string body = {}, api::http::Headers headers = {}) {
    api::http::Request request;
    request.method = std::string(method);
    if (const Status parsed = api::http::parse_target(target, request); !parsed) throw std::runtime_error(parsed.error().message);
    request.body = std::move(body);
    request.headers = std::move(headers);
    if (!token.empty() && request.header("authorization") == nullptr) request.headers.emplace_back("authorization", "Bearer " + token);
    return ask(std::move(request));
  }
  ApiReply ask(api::http::Request request) {
    auto promise = std::make_shared<std::promise<api::http::Response>>();
    auto answer = promise->get_future();
    const bool posted = executor_.post([this, request = std::move(request), promise]() mutable {
      application_->handle(std::move(request), [promise](api::http::Response response) { promise->set_value(std::move(response)); });
    });
    if (!posted || answer.wait_for(std::chrono::seconds(30)) != std::future_status::ready) throw std::runtime_error("no answer");
    ApiReply reply;
    reply.response = answer.get();
    if (auto parsed = json::parse(reply.response.body)) reply.body = *std::move(parsed);
    return reply;
  }
  ApiReply get(std::string_view target, api::http::Headers headers = {}) { return ask("GET", target, {}, std::move(headers)); }
  ApiReply post(std::string_view target, std::string body, api::http::Headers headers = {}) {
    return ask("POST", target, std::move(body), std::move(headers));
  }

  // The first admin and a workspace; asks as that admin from then on.
  void bootstrap() {
    token.clear();
    const ApiReply made = post("/v1/bootstrap", R"({"login":"ada","password":"correct horse","workspace_slug":"home"})");
    if (made.status() != 201) throw std::runtime_error("bootstrap: " + made.response.body);
    token = made.text("token");
    workspace = made.at("workspace", "id");
    user = made.at("user", "id");
  }
  std::string in_workspace(const std::string& rest) const { return "/v1/workspaces/" + workspace + rest; }
  std::string open_issue(const std::string& title) {
    const ApiReply made = post(in_workspace("/issues"), R"({"title":")" + title + "\"}");
    if (made.status() != 201) throw std::runtime_error("issue: " + made.response.body);
    return made.text("id");
  }

  std::string token;
  std::string workspace;
  std::string user;

  // Records in the log, of all partitions: to see that a refused request left none.
  std::size_t records() const {
    std::size_t count = 0;
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) count += broker_.records(topics_.events(), partition).size();
    return count;
  }
  void start_projecting() {
    projecting_ = true;
    thread_ = std::thread([this] {
      while (projecting_)
        if (const auto step = projector_->step(20); !step.progressed && step.next_due_us != 0) std::this_thread::yield();
    });
  }
  void stop_projecting() {
    projecting_ = false;
    if (thread_.joinable()) thread_.join();
  }

  api::Application& application() { return *application_; }
  memory::MemoryBroker& broker() { return broker_; }
  const events::Topics& topics() const { return topics_; }
  postgres::Pool& pool() { return pool_; }
  api::ChangeHub& changes() { return changes_; }
  producers::Secrets& secrets() { return secrets_; }
  producers::CommandRunner& runner() { return *runner_; }
  ThreadPool& executor() { return executor_; }
  MetricsRegistry& metrics() { return metrics_; }
  TestDatabase& database() { return *database_; }
  const std::string& folder() const { return folder_.path(); }

 private:
  static postgres::PoolOptions pool_options(const std::string& url) {
    postgres::PoolOptions options;
    options.connection.url = url;
    options.size = 8;
    return options;
  }
  api::Environment environment() {
    api::WorkerAccess workers;
    workers.bootstrap = "broker:9092";
    workers.properties = {{"sasl.username", "worker"}};
    workers.topics = topics_;
    workers.reports_partitions = workers.activity_partitions = kPartitions;
    workers.prepare_pool = [this](const std::string& pool) {
      broker_.create_topic(topics_.control(pool), 1);
      return Status();
    };
    workers.records = writer_.get();
    workers.control = &control_;
    std::vector<api::Readiness> readiness{{"log", [] { return Status(); }}};
    return {pool_,
            *runner_,
            secrets_,
            executor_,
            passwords_,
            clock_,
            changes_,
            "name key",
            "token key",
            std::string(32, 'k'),  // seals
            folder_.path() + "/blobs",
            std::move(workers),
            std::move(readiness),
            metrics_,
            kPartitions};
  }
  bool all_projected() const {
    for (std::int32_t partition = 0; partition < kPartitions; ++partition)
      if (board_.history(partition) == 0) return false;
    return true;
  }
  SystemClock clock_;
  TemporaryFolder folder_{"api"};
  events::Topics topics_;
  std::unique_ptr<TestDatabase> database_;
  std::int64_t generation_;
  memory::MemoryBroker broker_;
  postgres::Pool pool_;
  producers::PostgresStateStore states_;
  producers::PostgresSecrets secrets_;
  producers::VerdictBoard board_;
  producers::RecentStates recent_;
  producers::ControlFollower control_;
  ThreadPool executor_;
  ThreadPool passwords_;
  MetricsRegistry metrics_;
  api::ChangeHub changes_;
  producers::AppliedVoice voice_{board_, recent_, [this](std::int32_t partition, events::DispatchNeed) { changes_.applied(partition); }};
  std::unique_ptr<memory::MemoryWriter> writer_;
  producers::LogIdentity identity_;
  std::unique_ptr<producers::CommitLog> log_;
  std::unique_ptr<producers::CommandRunner> runner_;
  projections::PostgresStore store_;
  std::unique_ptr<topic::Reader> reader_;
  std::unique_ptr<projections::Projector> projector_;
  std::unique_ptr<api::Application> application_;
  std::atomic<bool> projecting_{false};
  std::thread thread_;
};

}  // namespace dossier::test
