// Asks the database, for many requests at once, how far workspaces are: the check that lets a reply in memory be served
// as if it had been read now. A request that comes while a query is under way joins the next one, so every answer was
// read after its request came, and the cost of a query is shared by all who wait.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "platform/postgres/pool.hpp"

namespace dossier::api {

// Of one snapshot.
struct Heads {
  std::int64_t generation = 0;
  std::unordered_map<std::string, std::uint64_t> seqs;  // absent: no accepted commit
  std::uint64_t seq(const std::string& workspace) const {
    const auto found = seqs.find(workspace);
    return found == seqs.end() ? 0 : found->second;
  }
};

// Thread-safe. Outlives the calls.
class Freshness {
 public:
  explicit Freshness(postgres::Pool& database) : database_(database) {}
  using Done = std::function<void(const Result<std::shared_ptr<const Heads>>&)>;

  // Blocks while this thread is the one that asks for all; else `done` is called on that thread. Call it on pool threads.
  void check(std::vector<std::string> workspaces, Done done);

 private:
  struct Waiting {
    std::vector<std::string> workspaces;
    Done done;
  };
  Result<std::shared_ptr<const Heads>> ask(const std::vector<Waiting>& round);

  postgres::Pool& database_;
  std::mutex mutex_;
  bool asking_ = false;
  std::vector<Waiting> waiting_;  // bounded by the requests in flight
};

}  // namespace dossier::api
