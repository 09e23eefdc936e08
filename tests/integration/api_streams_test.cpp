// Live streams over real sockets: no gap and no repeat, whatever the connection goes through; and blobs.
#include "api/http/server.hpp"
#include "base/encoding.hpp"
#include "tests/support/api_rig.hpp"
#include "tests/support/raw_client.hpp"

#include <filesystem>
#include <fstream>

namespace dossier::test {
namespace {

using test_support::RawClient;
using test_support::RawResponse;

class ApiStreams : public ::testing::Test {
 protected:
  void SetUp() override {
    rig_ = std::make_unique<ApiRig>();
    rig_->bootstrap();
    serve();
  }
  void TearDown() override {
    stop();
    rig_.reset();
  }
  void serve() {
    api::http::ServerOptions options;
    options.port = 0;
    auto opened = api::http::Server::open(rig_->application(), rig_->executor(), options);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    server_ = *std::move(opened);
    thread_ = std::thread([this] { server_->run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    server_->stop(2'000);
    thread_.join();
  }
  ApiRig& rig() { return *rig_; }
  std::uint16_t port() const { return server_->port(); }
  std::string head(const std::string& target, const std::string& more = {}) const {
    return "GET " + target + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + rig_->token + "\r\n" + more + "\r\n";
  }
  void comment(const std::string& issue, const std::string& body) {
    ASSERT_EQ(rig().post("/v1/issues/" + issue + "/comments", R"({"body":")" + body + "\"}").status(), 201);
  }
  // The next message's id; "" if none came.
  static std::string next_id(RawClient& client, std::int64_t timeout_ms = 10'000) {
    if (client.read_until("id: ", timeout_ms).empty()) return {};
    const std::string line = client.read_until("\n", timeout_ms);
    client.read_until("\n\n", timeout_ms);
    return line.substr(0, line.size() - 1);
  }

 private:
  std::unique_ptr<ApiRig> rig_;
  std::unique_ptr<api::http::Server> server_;
  std::thread thread_;
};

TEST_F(ApiStreams, EveryCommitComesOnceInOrderAlsoAcrossReconnectsAndARestart) {
  const std::string issue = rig().open_issue("streamed");
  const std::string target = rig().in_workspace("/events");
  std::vector<std::string> ids;
  {
    RawClient client(port());
    client.send(head(target, "Last-Event-ID: 0-0\r\n"));
    while (ids.size() < 2) ids.push_back(next_id(client));  // from the first commit on
    for (int i = 0; i < 5; ++i) comment(issue, "a");
    while (ids.size() < 5) ids.push_back(next_id(client));
  }  // the client goes in the middle
  for (int i = 0; i < 3; ++i) comment(issue, "b");
  stop();
  serve();
  {
    RawClient client(port());
    client.send(head(target, "Last-Event-ID: " + ids.back() + "\r\n"));
    while (ids.size() < 10) ids.push_back(next_id(client));
    comment(issue, "c");
    ids.push_back(next_id(client));
  }
  ASSERT_EQ(ids.size(), 11u);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], "1-" + std::to_string(i + 1));
}

TEST_F(ApiStreams, AMessageIsACommitWithItsEvents) {
  const std::string issue = rig().open_issue("message");
  RawClient client(port());
  client.send(head(rig().in_workspace("/events")));
  ASSERT_FALSE(client.read_until("\r\n\r\n").empty());
  comment(issue, "hello");
  ASSERT_FALSE(client.read_until("event: commit\ndata: ").empty());
  const std::string line = client.read_until("\n");
  auto data = json::parse(line.substr(0, line.size() - 1));
  ASSERT_TRUE(data.has_value()) << line;
  ASSERT_EQ(data->find("events")->array()->size(), 1u);
  const json::Value& event = data->find("events")->array()->front();
  EXPECT_EQ(event.text("type"), "comment_added");
  EXPECT_EQ(event.text("issue_id"), issue);
  EXPECT_EQ(event.integer_or("version", 0), 1);
  EXPECT_EQ(event.find("data")->text("body"), "hello");
}

TEST_F(ApiStreams, AClientAheadOfTheServerIsKeptWaiting) {
  const std::string issue = rig().open_issue("ahead");  // seq 2
  RawClient client(port());
  client.send(head(rig().in_workspace("/events"), "Last-Event-ID: 1-3\r\n"));
  ASSERT_FALSE(client.read_until("\r\n\r\n").empty());
  comment(issue, "seq 3");
  comment(issue, "seq 4");
  EXPECT_EQ(next_id(client), "1-4");
}

TEST_F(ApiStreams, AnIdThatIsNotOfThisLogIsRefused) {
  rig().open_issue("ids");
  for (const auto& [id, status] : {std::pair{"nonsense", 400}, std::pair{"1-x", 400}, std::pair{"1", 400}, std::pair{"7-1", 412}}) {
    RawClient client(port());
    EXPECT_EQ(client.request(head(rig().in_workspace("/events"), std::string("Last-Event-ID: ") + id + "\r\n")).status, status) << id;
  }
}

TEST_F(ApiStreams, ASignedOutUsersStreamEnds) {
  const std::string issue = rig().open_issue("ends");
  RawClient client(port());
  client.send(head(rig().in_workspace("/events")));
  ASSERT_FALSE(client.read_until("\r\n\r\n").empty());
  const ApiReply other = rig().post("/v1/auth/sign-in", R"({"login":"ada","password":"correct horse"})");
  ASSERT_EQ(rig().post("/v1/auth/sign-out", "").status(), 204);
  rig().token = other.text("token");
  comment(issue, "must not be seen");
  EXPECT_EQ(client.read_until("must not be seen", 3'000), "");
  EXPECT_TRUE(client.closed());
}

// A block of activity as the ingester stores it.
void store_activity(ApiRig& rig, const std::string& session, int offer, int first, int count) {
  v1::ActivityRecord record;
  record.set_session_id(session);
  record.set_offer(static_cast<std::uint32_t>(offer));
  record.set_first_sequence(static_cast<std::uint64_t>(first));
  for (int i = 0; i < count; ++i) {
    v1::ActivityEvent& event = *record.add_events();
    event.set_at_us(1'800'000'000'000'000 + i);
    event.mutable_log_line()->set_stream("agent");
    event.mutable_log_line()->mutable_text()->set_plain("line " + std::to_string(first + i));
  }
  auto stored = rig.pool().write_one(
      "INSERT INTO dossier.activity_blocks (session_id, offer, first_sequence, last_sequence, lines, workspace, partition, \"offset\", appended_us, "
      "sha256, body) VALUES ($1, $2, $3, $4, $5, $6, 0, $3, 0, '', $7)",
      postgres::Params()
          .text(session)
          .int8(offer)
          .int8(first)
          .int8(first + count - 1)
          .int8(count)
          .text(rig.workspace)
          .bytes(record.SerializeAsString()));
  ASSERT_TRUE(stored.has_value()) << stored.error().message;
  rig.changes().activity(session);
}

// A session without a worker: what counts here is that it is the workspace's.
std::string make_session(ApiRig& rig) {
  const std::string id = "ses_0123456789abcdef0123456789abcdef";
  auto made = rig.pool().write_one("INSERT INTO g1.sessions (id, workspace, requested_us) VALUES ($1, $2, 1)",
                                   postgres::Params().text(id).text(rig.workspace));
  EXPECT_TRUE(made.has_value());
  return id;
}

TEST_F(ApiStreams, ActivityIsPagedByOfferAndSequence) {
  const std::string session = make_session(rig());
  store_activity(rig(), session, 1, 1, 3);
  store_activity(rig(), session, 1, 4, 2);
  store_activity(rig(), session, 2, 1, 2);
  const std::string target = "/v1/sessions/" + session + "/activity";
  const ApiReply all = rig().get(target);
  ASSERT_EQ(all.status(), 200) << all.response.body;
  ASSERT_EQ(all.items().size(), 7u);
  EXPECT_EQ(all.items()[4].text("cursor"), "1-5");
  EXPECT_EQ(all.items()[4].find("data")->text("text"), "line 5");
  EXPECT_EQ(all.items()[4].text("type"), "log_line");
  EXPECT_EQ(all.text("next_cursor"), "");
  std::vector<std::string> cursors;
  std::string after;
  do {
    const ApiReply page = rig().get(target + "?limit=2" + (after.empty() ? "" : "&after=" + after));
    for (const json::Value& item : page.items()) cursors.push_back(item.text("cursor"));
    after = page.text("next_cursor");
  } while (!after.empty());
  EXPECT_EQ(cursors, (std::vector<std::string>{"1-1", "1-2", "1-3", "1-4", "1-5", "2-1", "2-2"}));
  EXPECT_EQ(rig().get(target + "?after=x").field(), "after");
  EXPECT_EQ(rig().get(target + "?limit=1001").field(), "limit");
}

TEST_F(ApiStreams, ActivityIsLiveWithinAMomentAndResumes) {
  const std::string session = make_session(rig());
  store_activity(rig(), session, 1, 1, 2);
  std::string last;
  {
    RawClient client(port());
    client.send(head("/v1/sessions/" + session + "/activity", "Accept: text/event-stream\r\n"));
    EXPECT_EQ(next_id(client), "1-1");
    EXPECT_EQ(next_id(client), "1-2");
    const auto start = std::chrono::steady_clock::now();
    store_activity(rig(), session, 1, 3, 1);
    last = next_id(client);
    EXPECT_EQ(last, "1-3");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(2'000));
  }
  store_activity(rig(), session, 1, 4, 1);
  store_activity(rig(), session, 2, 1, 1);
  RawClient client(port());
  client.send(head("/v1/sessions/" + session + "/activity", "Accept: text/event-stream\r\nLast-Event-ID: " + last + "\r\n"));
  EXPECT_EQ(next_id(client), "1-4");
  EXPECT_EQ(next_id(client), "2-1");
}

std::string put(const ApiRig& rig, const std::string& name, const std::string& bytes, const std::string& token) {
  return "PUT " + rig.in_workspace("/blobs/" + name) + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token +
         "\r\nContent-Type: text/x-diff\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + bytes;
}
std::string name_of(const std::string& bytes) { return to_hex(crypto::view(crypto::sha256(bytes))); }

TEST_F(ApiStreams, ABlobComesBackAsItWentIn) {
  const std::string bytes = std::string(700'000, 'd') + "end";
  const std::string name = name_of(bytes);
  RawClient client(port());
  const RawResponse stored = client.request(put(rig(), name, bytes, rig().token));
  EXPECT_EQ(stored.status, 201) << stored.body;
  EXPECT_EQ(client.request(put(rig(), name, bytes, rig().token)).status, 201);  // the same again changes nothing
  const RawResponse read = client.request(head(rig().in_workspace("/blobs/" + name)));
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.header("content-type"), "text/x-diff");
  EXPECT_TRUE(read.body == bytes);
  EXPECT_EQ(client.request(head(rig().in_workspace("/blobs/" + std::string(64, '0')))).status, 404);
  EXPECT_EQ(client.request(head(rig().in_workspace("/blobs/nonsense"))).status, 400);
}

TEST_F(ApiStreams, ABlobWithAnotherHashIsRefusedAndLeavesNothing) {
  RawClient client(port());
  const std::string name = name_of("what it says");
  EXPECT_EQ(client.request(put(rig(), name, "what it is", rig().token)).status, 400);
  EXPECT_EQ(client.request(head(rig().in_workspace("/blobs/" + name))).status, 404);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(rig().folder() + "/blobs"))
    EXPECT_TRUE(entry.is_directory()) << entry.path();
}

TEST_F(ApiStreams, ADamagedBlobIsNeverServedWhole) {
  const std::string bytes(600'000, 'x');
  const std::string name = name_of(bytes);
  RawClient client(port());
  ASSERT_EQ(client.request(put(rig(), name, bytes, rig().token)).status, 201);
  const std::string path = rig().folder() + "/blobs/" + rig().workspace + "/" + name.substr(0, 2) + "/" + name;
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1'000);
    file.put('y');
  }
  RawClient reader(port());
  const RawResponse read = reader.request(head(rig().in_workspace("/blobs/" + name)));
  EXPECT_LT(read.body.size(), bytes.size());
  EXPECT_TRUE(reader.closed());
}

TEST_F(ApiStreams, OnlyMembersAndTheWorkspacesWorkersReachABlob) {
  const std::string bytes = "evidence";
  const std::string name = name_of(bytes);
  const ApiReply token = rig().post(rig().in_workspace("/worker-tokens"), "{}");
  {
    RawClient worker(port());
    EXPECT_EQ(worker.request(put(rig(), name, bytes, token.text("token"))).status, 201);
  }
  {
    RawClient stranger(port());
    EXPECT_EQ(stranger.request(put(rig(), name, bytes, "dst_stranger")).status, 401);
  }
  const ApiReply other = rig().post("/v1/workspaces", R"({"name":"Other","slug":"other"})");
  RawClient client(port());
  const RawResponse foreign = client.request("GET /v1/workspaces/" + other.text("id") + "/blobs/" + name +
                                             " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token.text("token") + "\r\n\r\n");
  EXPECT_EQ(foreign.status, 404);
}

}  // namespace
}  // namespace dossier::test
