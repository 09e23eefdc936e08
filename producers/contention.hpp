// How processes that write one hot stream take turns without speaking to each other: who lost tries again soon, and who
// won gives way for about as long as another needs to learn of its loss, decide and append. Hints only: the log decides.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace dossier::producers {

// Thread-safe.
class Contention {
 public:
  static constexpr std::int64_t kLongestRoundUs = 30'000;  // of a round that is waited for to give way
  static constexpr std::size_t kMaxStreams = 1'000;        // one more is not given way on

  // `seed` of the jitter: another in each process, or they wait in step; the same one repeats a run.
  Contention(std::int64_t pause_us, std::int64_t lasts_us, std::uint64_t seed) : pause_us_(pause_us), lasts_us_(lasts_us), seed_(seed) {}

  // Before a command's first decision. `hot_key` empty: none, 0. `others_lose`: another process was seen to lose here.
  std::int64_t give_way_us(const std::string& hot_key, bool others_lose, std::int64_t now_us);
  // Before another round, `round` 0 for the second one; notes that the stream is contended.
  std::int64_t pause_us(const std::string& hot_key, int round, std::int64_t now_us);
  // A verdict came so long after its append.
  void round_took(std::int64_t us);

 private:
  std::int64_t draw_below(std::int64_t bound);

  const std::int64_t pause_us_;
  const std::int64_t lasts_us_;
  const std::uint64_t seed_;
  std::atomic<std::uint64_t> draws_{0};
  std::atomic<std::int64_t> round_us_{0};  // as of late
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> until_us_;  // by hot key, boot time
};

}  // namespace dossier::producers
