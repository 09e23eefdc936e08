// Appends through the real server, every read model included: comments over HTTP. And reads of an issue with a thousand events.
#include <chrono>

#include "bench/beside/beside.hpp"
#include "bench/workload.hpp"
#include "platform/postgres/pool.hpp"

namespace dossier::bench::beside {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kIssues = 200;
constexpr int kLong = 1'000;  // events of the long issue

// As GET …/timeline asks, without its limit of 200 a page.
constexpr std::string_view kTimelineSql =
    "SELECT doc, seq, idx FROM timeline WHERE issue_id = $1 AND (seq, idx) > (0, -1::bigint) ORDER BY seq, idx LIMIT 1000";

double ms_since(SteadyClock::time_point then) { return std::chrono::duration<double, std::milli>(SteadyClock::now() - then).count(); }

std::string open_issue(test::Installation& installation) {
  return installation.api().post(installation.in_workspace("/issues"), test::object({{"title", "beside"}})).text("id");
}

std::string comment(const std::string& issue, const std::string& token) {
  return http_request("POST", "/v1/issues/" + issue + "/comments", token, R"({"body":")" + std::string(200, 'c') + R"("})");
}

Result<Figures> read_rows(postgres::Pool& pool, const std::string& issue, std::int64_t times) {
  std::vector<double> latencies_ms;
  const auto began = SteadyClock::now();
  for (std::int64_t n = 0; n < times; ++n) {
    const auto asked = SteadyClock::now();
    postgres::Params params;
    params.text(issue);
    TRY(const auto rows, pool.read_one(kTimelineSql, params));
    if (rows.size() != kLong) return make_error(Code::corrupt, "the long issue has " + std::to_string(rows.size()) + " events");
    latencies_ms.push_back(ms_since(asked));
  }
  return figures_of(static_cast<double>(times) * 1000 / ms_since(began), latencies_ms);
}

// Page after page of 200, as a client reads.
Result<Figures> read_pages(test::Installation& installation, const std::string& issue, std::int64_t times) {
  std::vector<double> latencies_ms;
  const auto began = SteadyClock::now();
  for (std::int64_t n = 0; n < times; ++n) {
    const auto asked = SteadyClock::now();
    std::string cursor;
    for (int page = 0; page < kLong / 200; ++page) {
      const auto reply = installation.api().get("/v1/issues/" + issue + "/timeline?limit=200" + (cursor.empty() ? "" : "&cursor=" + cursor));
      cursor = reply.text("next_cursor");
    }
    latencies_ms.push_back(ms_since(asked));
  }
  return figures_of(static_cast<double>(times) * 1000 / ms_since(began), latencies_ms);
}

}  // namespace

Status issue_rows(const Words&) {
  test::Installation installation(test::Clusters::shared());
  installation.start_server();
  installation.bootstrap();
  const std::string token = installation.api().token();
  std::vector<std::string> issues;
  issues.reserve(kIssues);
  for (std::size_t n = 0; n < kIssues; ++n) issues.push_back(open_issue(installation));
  const std::string long_issue = open_issue(installation);
  TRY([[maybe_unused]] const auto told, load_server(installation, 8, kLong - 1, [&](std::int64_t) { return comment(long_issue, token); }));
  postgres::PoolOptions options;
  options.connection.url = installation.database_url();
  options.size = 1;
  postgres::Pool pool(options);
  return answer_lines({}, [&](const Words& words) -> Result<Figures> {
    TRY(const std::int64_t first, number_at(words, 1));
    if (words[0] == "read") return read_rows(pool, long_issue, first);
    if (words[0] == "pages") return read_pages(installation, long_issue, first);
    TRY(const std::int64_t requests, number_at(words, 2));
    TRY(auto result, load_server(installation, static_cast<int>(first), requests,
                                 [&](std::int64_t n) { return comment(issues[static_cast<std::size_t>(n) % kIssues], token); }));
    return figures_of(static_cast<double>(result.answered) / result.seconds, result.latencies_ms);
  });
}

}  // namespace dossier::bench::beside
