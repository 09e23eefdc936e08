// What a worker's transport must do, whichever it is: the log itself, or a server's gateway over HTTP. One suite for both.
#include <gmock/gmock.h>

#include <cstdlib>

#include "api/http/server.hpp"
#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "tests/contract/topic_contract.hpp"
#include "tests/support/api_rig.hpp"
#include "worker/gateway_topics.hpp"
#include "worker/identity.hpp"

namespace dossier::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A server on a port of its own, its log in memory, and a registered worker.
class Place {
 public:
  Place() {
    rig_.bootstrap();
    token_ = rig_.post(rig_.in_workspace("/worker-tokens"), "{}").text("token");
    token_id_ = rig_.get(rig_.in_workspace("/worker-tokens")).items().front().text("id");
    worker_ = register_worker();
    auto server = api::http::Server::open(rig_.application(), rig_.executor(), {.port = 0});
    if (!server) throw std::runtime_error(server.error().message);
    server_ = *std::move(server);
    thread_ = std::thread([this] { server_->run(); });
  }
  ~Place() {
    server_->stop(1'000);
    thread_.join();
  }

  std::string register_worker() {
    const auto keys = crypto::make_key_pair();
    const ApiReply made = rig_.post("/v1/workers", R"({"name":"w","mode":"local","public_key":")" + to_base64url(keys.public_key) + R"(","slots":1})",
                                    {{"authorization", "Bearer " + token_}});
    if (made.status() != 201) throw std::runtime_error(made.response.body);
    return made.text("worker_id");
  }
  worker::GatewayOptions options() const {
    worker::GatewayOptions options;
    options.api.base_url = "http://127.0.0.1:" + std::to_string(server_->port());
    options.api.bearer_token = token_;
    options.worker_id = worker_;
    options.reports_topic = rig_.topics().reports();
    options.activity_topic = rig_.topics().activity();
    options.control_topic = control();
    return options;
  }
  std::string control() const { return rig_.topics().control(rig_.workspace); }
  // Appends a message of the server to this worker; its text tells which one it is.
  void say(const std::string& worker, const std::string& text) {
    v1::ControlMessage message;
    message.set_workspace_id(rig_.workspace);
    message.set_worker_id(worker);
    message.mutable_cancel_run()->set_reason(text);
    const auto writer = rig_.broker().make_writer("server");
    writer->append({control(), 0, worker, message.SerializeAsString(), {}}, [](const topic::Appended&) {});
    writer->flush(5'000);
  }
  std::string report(std::uint64_t sequence, std::string workspace, std::string worker) const {
    v1::Report report;
    report.set_workspace_id(std::move(workspace));
    report.set_worker_id(std::move(worker));
    report.set_boot_id("boot");
    report.set_sequence(sequence);
    report.mutable_drain_began();
    v1::SignedReport outer;
    outer.set_body(report.SerializeAsString());
    outer.set_signature("its signature is intake's business");
    return outer.SerializeAsString();
  }
  topic::Outgoing outgoing(std::string value) const {
    return {rig_.topics().reports(), events::partition_of(rig_.workspace, ApiRig::kPartitions), rig_.workspace, std::move(value), {}};
  }
  std::vector<topic::Record> reports() const {
    return rig_.broker().records(rig_.topics().reports(), events::partition_of(rig_.workspace, ApiRig::kPartitions));
  }
  void restart_server() {
    const std::uint16_t port = server_->port();
    server_->stop(1'000);
    thread_.join();
    server_.reset();
    while (true) {
      auto server = api::http::Server::open(rig_.application(), rig_.executor(), {.port = port});
      if (!server) continue;
      server_ = *std::move(server);
      break;
    }
    thread_ = std::thread([this] { server_->run(); });
  }
  ApiRig& rig() { return rig_; }
  const std::string& worker() const { return worker_; }
  const std::string& token_id() const { return token_id_; }

 private:
  mutable ApiRig rig_;
  std::string token_;
  std::string token_id_;
  std::string worker_;
  std::unique_ptr<api::http::Server> server_;
  std::thread thread_;
};

enum class Way { log, gateway };

class WorkerTransport : public ::testing::TestWithParam<Way> {
 protected:
  std::unique_ptr<topic::Writer> writer() {
    if (GetParam() == Way::log) return place_.rig().broker().make_writer("worker");
    return worker::make_gateway_writer(place_.options()).value();
  }
  std::unique_ptr<topic::Reader> reader() {
    if (GetParam() == Way::log) return place_.rig().broker().make_reader("worker");
    return worker::make_gateway_reader(place_.options()).value();
  }
  // The texts of what was said to this worker, until there are so many.
  std::vector<std::string> hear(topic::Reader& reader, std::size_t count) {
    std::vector<std::string> texts;
    EXPECT_TRUE(eventually(20'000, [&] {
      const auto polled = reader.poll({.wait_ms = 200});
      EXPECT_TRUE(polled) << polled.error().message;
      if (!polled) return true;
      for (const topic::Record& record : polled->records) {
        v1::ControlMessage message;
        EXPECT_TRUE(message.ParseFromString(record.value));
        if (message.worker_id() == place_.worker()) texts.push_back(message.cancel_run().reason());
      }
      return texts.size() >= count;
    }));
    return texts;
  }

  Place place_;
};

TEST_P(WorkerTransport, what_is_acknowledged_is_in_the_log_once_as_it_was_and_in_order) {
  const auto writer = this->writer();
  topic::Outcomes outcomes;
  std::vector<std::string> said;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    said.push_back(place_.report(i, place_.rig().workspace, place_.worker()));
    writer->append(place_.outgoing(said.back()), outcomes.next());
  }
  ASSERT_TRUE(writer->flush(20'000));
  ASSERT_EQ(outcomes.size(), said.size());
  for (const auto& [index, appended] : outcomes.all()) {
    ASSERT_EQ(appended.outcome, topic::Outcome::acknowledged) << appended.reason;
    EXPECT_EQ(appended.offset, static_cast<std::int64_t>(index));
  }
  std::vector<std::string> kept;
  for (const topic::Record& record : place_.reports()) kept.push_back(record.value);
  EXPECT_EQ(kept, said);
}

TEST_P(WorkerTransport, a_record_that_is_too_large_is_refused_and_the_next_one_is_not) {
  const auto writer = this->writer();
  topic::Outcomes outcomes;
  writer->append(place_.outgoing(std::string(2u << 20, 'x')), outcomes.next());
  writer->append(place_.outgoing(place_.report(1, place_.rig().workspace, place_.worker())), outcomes.next());
  ASSERT_TRUE(writer->flush(20'000));
  ASSERT_EQ(outcomes.size(), 2u);
  for (const auto& [index, appended] : outcomes.all()) {
    EXPECT_EQ(appended.outcome, index == 0 ? topic::Outcome::refused : topic::Outcome::acknowledged);
    if (index == 0) {
      EXPECT_EQ(appended.code, Code::payload_too_large);
    }
  }
  EXPECT_EQ(place_.reports().size(), 1u);
}

TEST_P(WorkerTransport, a_worker_hears_everything_that_is_said_to_it_from_its_place_on_in_order) {
  place_.say(place_.worker(), "before");
  const auto reader = this->reader();
  const auto marks = reader->watermarks(place_.control(), 0, 5'000);
  ASSERT_TRUE(marks) << marks.error().message;
  EXPECT_EQ(marks->end, 1);
  ASSERT_TRUE(reader->assign({{place_.control(), 0, marks->end}}));
  const std::string other = place_.register_worker();
  for (const char* text : {"one", "two"}) {
    place_.say(other, "not for it");
    place_.say(place_.worker(), text);
  }
  EXPECT_THAT(hear(*reader, 2), ElementsAre("one", "two"));
  place_.say(place_.worker(), "three");
  EXPECT_THAT(hear(*reader, 1), ElementsAre("three"));
  // Another reader that goes on where it was hears the same again.
  const auto again = this->reader();
  ASSERT_TRUE(again->assign({{place_.control(), 0, 0}}));
  EXPECT_THAT(hear(*again, 4), ElementsAre("before", "one", "two", "three"));
  const auto after = again->watermarks(place_.control(), 0, 5'000);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->end, 6);
}

TEST_P(WorkerTransport, a_place_beyond_the_log_is_said_to_be_wrong) {
  place_.say(place_.worker(), "only");
  const auto reader = this->reader();
  ASSERT_TRUE(reader->assign({{place_.control(), 0, 7}}));
  Code code = Code::internal;
  EXPECT_TRUE(eventually(20'000, [&] {
    const auto polled = reader->poll({.wait_ms = 100});
    if (!polled) code = polled.error().code;
    return !polled;
  }));
  EXPECT_EQ(code, Code::log_mismatch);
}

INSTANTIATE_TEST_SUITE_P(All, WorkerTransport, ::testing::Values(Way::log, Way::gateway),
                         [](const auto& info) { return info.param == Way::log ? "log" : "gateway"; });

// ---- what only a gateway has to keep

class Gateway : public ::testing::Test {
 protected:
  topic::Appended append(topic::Writer& writer, std::string value) {
    topic::Outcomes outcomes;
    writer.append(place_.outgoing(std::move(value)), outcomes.next());
    EXPECT_TRUE(writer.flush(20'000));
    return outcomes.all().at(0).appended;
  }
  Place place_;
};

TEST_F(Gateway, nobody_speaks_for_another_workspace_or_worker_or_for_the_server) {
  const auto writer = worker::make_gateway_writer(place_.options()).value();
  v1::Report tick;
  tick.set_worker_id("server");
  tick.mutable_heartbeat();
  v1::SignedReport outer;
  outer.set_body(tick.SerializeAsString());
  for (const auto& [value, code] :
       {std::pair{place_.report(1, "ws_" + std::string(32, '0'), place_.worker()), Code::forbidden},
        std::pair{place_.report(1, place_.rig().workspace, place_.register_worker()), Code::forbidden},
        std::pair{outer.SerializeAsString(), Code::forbidden}, std::pair{std::string("no report"), Code::invalid_field}}) {
    const topic::Appended appended = append(*writer, value);
    EXPECT_EQ(appended.outcome, topic::Outcome::refused);
    EXPECT_EQ(appended.code, code) << appended.reason;
  }
  EXPECT_TRUE(place_.reports().empty());
}

TEST_F(Gateway, a_revoked_token_is_refused_at_once) {
  const auto writer = worker::make_gateway_writer(place_.options()).value();
  const auto reader = worker::make_gateway_reader(place_.options()).value();
  ASSERT_EQ(append(*writer, place_.report(1, place_.rig().workspace, place_.worker())).outcome, topic::Outcome::acknowledged);
  ASSERT_EQ(place_.rig().ask("DELETE", place_.rig().in_workspace("/worker-tokens/" + place_.token_id())).status(), 204);
  EXPECT_EQ(append(*writer, place_.report(2, place_.rig().workspace, place_.worker())).outcome, topic::Outcome::refused);
  const auto marks = reader->watermarks(place_.control(), 0, 5'000);
  ASSERT_FALSE(marks);
  EXPECT_EQ(marks.error().code, Code::unauthenticated);
  EXPECT_EQ(place_.reports().size(), 1u);
}

TEST_F(Gateway, a_server_that_went_away_and_came_back_is_used_again) {
  const auto writer = worker::make_gateway_writer(place_.options()).value();
  const auto reader = worker::make_gateway_reader(place_.options()).value();
  ASSERT_TRUE(reader->assign({{place_.control(), 0, 0}}));
  ASSERT_EQ(append(*writer, place_.report(1, place_.rig().workspace, place_.worker())).outcome, topic::Outcome::acknowledged);
  place_.restart_server();
  place_.say(place_.worker(), "after");
  EXPECT_TRUE(eventually(
      20'000, [&] { return append(*writer, place_.report(2, place_.rig().workspace, place_.worker())).outcome == topic::Outcome::acknowledged; }));
  std::string heard;
  EXPECT_TRUE(eventually(20'000, [&] {
    const auto polled = reader->poll({});
    if (polled && !polled->records.empty()) heard = polled->records.back().value;
    return !heard.empty();
  }));
  EXPECT_THAT(heard, HasSubstr("after"));
}

TEST_F(Gateway, bad_requests_name_the_field) {
  auto& rig = place_.rig();
  const api::http::Headers worker{{"authorization", "Bearer " + place_.options().api.bearer_token}, {"dossier-worker", place_.worker()}};
  EXPECT_EQ(rig.get("/v1/gateway/control?offset=x", worker).field(), "offset");
  EXPECT_EQ(rig.get("/v1/gateway/control?wait_ms=20001", worker).field(), "wait_ms");
  EXPECT_EQ(rig.post("/v1/gateway/records", "\xff\xff", worker).field(), "body");
  EXPECT_EQ(rig.get("/v1/gateway/control", {worker.front()}).field(), "Dossier-Worker");
  EXPECT_EQ(rig.get("/v1/gateway/control").status(), 401);  // a person's token
  const ApiReply connection = rig.get("/v1/workers/connection", worker);
  EXPECT_EQ(connection.at("topics", "control"), place_.control());
  EXPECT_EQ(connection.text("workspace_id"), rig.workspace);
}

}  // namespace
}  // namespace dossier::test
