// The topic that every sink reads: events of 300 bytes as JSON, in a partition in order of their id.
#include <atomic>
#include <cstdio>
#include <thread>

#include "bench/beside/beside.hpp"
#include "platform/kafka/admin.hpp"
#include "tests/support/clusters.hpp"

namespace dossier::bench::beside {
namespace {

constexpr std::size_t kEventBytes = 300;
constexpr std::int64_t kEntities = 100'000;  // an upsert meets each about ten times in a million
constexpr std::int64_t kMostOpen = 10'000;

std::int64_t entity_of(std::int64_t id) { return static_cast<std::int64_t>((static_cast<std::uint64_t>(id) * 2'654'435'761u >> 7) % kEntities); }

std::string event(std::int64_t id) {
  static const std::string words = "the build fails on the second machine and passes on the first, see the log of the run above; ";
  char head[256];
  std::snprintf(
      head, sizeof head,
      R"({"id":%lld,"entity":%lld,"workspace":"ws_%032llx","stream":"comment/cmt_%032llx","version":%lld,"kind":"comment_added","at_us":%lld,"body":")",
      static_cast<long long>(id), static_cast<long long>(entity_of(id)), static_cast<unsigned long long>(id % 97),
      static_cast<unsigned long long>(entity_of(id)), 1 + static_cast<long long>(id / kEntities),
      1'800'000'000'000'000 + static_cast<long long>(id) * 1'000);
  std::string text = head;
  for (std::size_t at = static_cast<std::size_t>(id) % words.size(); text.size() < kEventBytes - 2; at = (at + 1) % words.size()) text += words[at];
  return text + "\"}";
}

}  // namespace

Status event_topic(const Words& arguments) {
  TRY(const std::int64_t partitions, number_at(arguments, 1));
  TRY(const std::int64_t records, number_at(arguments, 2));
  TRY(const auto cluster, kafka::load_cluster({}, test::Clusters::shared().kafka_properties));
  TRY(const auto admin, kafka::Admin::make(cluster));
  kafka::TopicSpec spec;
  spec.name = arguments.front();
  spec.partitions = static_cast<std::int32_t>(partitions);
  TRY([[maybe_unused]] const bool made, admin->create_topic(spec));
  TRY(const auto writer, kafka::make_writer(cluster, kafka::WriterKind::commits));
  std::atomic<std::int64_t> open{0};
  std::atomic<bool> failed{false};
  for (std::int64_t id = 1; id <= records; ++id) {
    while (open.load() >= kMostOpen) std::this_thread::yield();
    open.fetch_add(1);
    writer->append({spec.name, static_cast<std::int32_t>(id % partitions), {}, event(id), {}}, [&](const topic::Appended& appended) {
      if (appended.outcome != topic::Outcome::acknowledged) failed.store(true);
      open.fetch_sub(1);
    });
  }
  if (!writer->flush(60'000) || failed.load()) return make_error(Code::log_unavailable, "the broker did not take every event");
  return answer_lines({{"records", records}}, [](const Words&) -> Result<Figures> { return Figures{}; });
}

}  // namespace dossier::bench::beside
