// Group reads of heads.
#include "api/freshness.hpp"

#include <algorithm>

namespace dossier::api {
namespace {

constexpr std::string_view kHeadsSql = R"(
SELECT w.name, COALESCE(h.seq, 0), COALESCE((SELECT number FROM dossier.generations WHERE state = 'live'), 0)
FROM unnest($1::text[]) AS w(name) LEFT JOIN heads h ON h.workspace = w.name)";

}  // namespace

void Freshness::check(std::vector<std::string> workspaces, Done done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(workspaces), std::move(done)});
    if (asking_) return;
    asking_ = true;
  }
  for (;;) {
    std::vector<Waiting> round;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        asking_ = false;
        return;
      }
      round.swap(waiting_);
    }
    const auto heads = ask(round);
    for (const Waiting& each : round) each.done(heads);
  }
}

Result<std::shared_ptr<const Heads>> Freshness::ask(const std::vector<Waiting>& round) {
  std::vector<std::string> names;
  for (const Waiting& each : round) names.insert(names.end(), each.workspaces.begin(), each.workspaces.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  postgres::Params params;
  params.texts(names);
  TRY(const postgres::ResultSet rows, database_.read_one(kHeadsSql, params));
  auto heads = std::make_shared<Heads>();
  for (const postgres::Row row : rows) {
    heads->generation = row.int64(2);
    heads->seqs.emplace(row.str(0), row.uint64(1));
  }
  return std::shared_ptr<const Heads>(std::move(heads));
}

}  // namespace dossier::api
