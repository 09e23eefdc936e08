// The writer of commits: one batch a partition on its way, for a topic that syncs before it acknowledges.
//
// What comes meanwhile waits here, not in the library, whose thread would ask its socket again and again for as long as
// records are due that it may not send (2.0.2: a quarter of a core with 64 writers). So writers batch themselves while the
// broker syncs, and a few wait for nothing (BatchPace).
//
// A few records go straight to a producer that lingers for nothing. More would not reach it together: its thread is awake
// after the first and sends what it finds, and the rest makes a request of its own, with a sync of its own, and that thread
// spins until the first is acknowledged (2.0.2 counts five records of an idempotent producer in flight where five requests
// are meant). So a group goes to a second producer, which lingers until it is told to send (docs/benchmarks.md: with 32
// writers 1.5 times as many commits a second, and a quarter of the p99).
//
// Threads: append() on any; one serves the reports of those few; one sends groups, serves their reports, and looks after
// what is held. `done` runs on the two of them, for the records of a partition one after the other; of a refused record also
// inside the append() of whoever was about to send it, and on the writer's end on either.
//
// The two producers take turns at a partition only after all outcomes of the batch before. A record of unknown outcome may
// still land behind a later one of the other producer; and a broker that lost its tail is noticed by a producer's sequence
// numbers only where that producer wrote what was lost. Neither is relied on: the ledger judges what the log holds, and the
// projector compares it with what it has applied.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "platform/kafka/batch_pace.hpp"
#include "platform/kafka/writers.hpp"

namespace dossier::kafka {
namespace {

constexpr std::size_t kGroupBytes = 900'000;  // with kMostInGroup within what makes one request (make_writer_conf)
constexpr std::size_t kMostInGroup = 5'000;
constexpr int kRoundsPerFlush = 10;  // where a group has had no answer for as many: a flush wakes the threads of all brokers
constexpr std::size_t kFew = 4;      // go as they are: the library has room for all of them in flight
constexpr int kRoundMs = 1;          // how long a group of another partition may have to wait, when one is not acknowledged meanwhile

std::int64_t steady_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class CommitWriter final : public KafkaWriter {
 public:
  static Result<std::unique_ptr<topic::Writer>> make(Conf alone, Conf grouped, const WriterOptions& options) {
    std::unique_ptr<CommitWriter> writer(new CommitWriter(options));
    TRY(writer->alone_, Producer::make(std::move(alone), *writer));
    TRY(writer->grouped_, Producer::make(std::move(grouped), *writer));
    writer->serving_ = std::thread([self = writer.get()] { self->serve(); });
    writer->sending_ = std::thread([self = writer.get()] { self->send_groups(); });
    return std::unique_ptr<topic::Writer>(std::move(writer));
  }

  ~CommitWriter() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    due_.notify_all();
    if (sending_.joinable()) sending_.join();
    if (serving_.joinable()) serving_.join();
  }

  void append(topic::Outgoing record, Done done) override {
    const std::size_t bytes = admit(record, done);
    if (bytes == 0) return;
    Headers headers = headers_of(record);
    auto pending = std::make_unique<Pending>(Pending{bytes, std::move(done), nullptr, false});
    Batch few;
    {
      std::unique_lock lock(mutex_);
      const auto [found, is_new] = lanes_.try_emplace({record.topic, record.partition});
      Lane& lane = found->second;
      if (is_new) {  // nobody takes a lane away
        lock.unlock();
        grouped_->prepare(record.topic);
        lock.lock();
      }
      if (stopping_) {  // a `done` that goes on appending while the writer ends
        lock.unlock();
        kafka::refuse(pending->done, Code::log_unavailable, "the writer ends");
        return outstanding_.remove(bytes);
      }
      pending->lane = &lane;
      lane.waiting.push_back({std::move(record), std::move(headers), std::move(pending)});
      if (lane.on_their_way > 0 || is_held(lane)) return;
      few = take(lane);
    }
    send_few(std::move(few));
  }

  void raise_fatal_error() override {
    alone_->raise_fatal_error();
    grouped_->raise_fatal_error();
  }

 private:
  struct Lane;
  struct Pending {
    std::size_t bytes;
    Done done;
    Lane* lane;
    bool in_group;
  };
  struct Waiting {
    topic::Outgoing record;
    Headers headers;
    std::unique_ptr<Pending> pending;
  };
  using Batch = std::vector<Waiting>;
  // One partition's records. waiting.size() is bounded by what may be outstanding.
  struct Lane {
    std::size_t on_their_way = 0;
    Batch waiting;
    std::int64_t held_until_us = 0;  // 0: not held
    BatchPace pace;
  };

  explicit CommitWriter(const WriterOptions& options) : KafkaWriter(options) {}

  // ---- with mutex_

  // Nothing is on its way: whether what waits is held for more.
  bool is_held(Lane& lane) {
    if (lane.held_until_us != 0) return lane.waiting.size() < lane.pace.round();
    lane.held_until_us = lane.pace.hold_until_us(lane.waiting.size(), steady_us());
    if (lane.held_until_us != 0) due_.notify_one();
    return lane.held_until_us != 0;
  }

  // What waits goes, as much of it as fits into a request: a few by the caller, more by the thread that sends groups.
  Batch take(Lane& lane) {
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < std::min(lane.waiting.size(), kMostInGroup); ++count) {
      bytes += lane.waiting[count].pending->bytes;
      if (count > 0 && bytes > kGroupBytes) break;
    }
    const auto rest = lane.waiting.begin() + static_cast<std::ptrdiff_t>(count);
    Batch batch(std::make_move_iterator(lane.waiting.begin()), std::make_move_iterator(rest));
    lane.waiting.erase(lane.waiting.begin(), rest);
    lane.held_until_us = 0;
    lane.on_their_way = count;
    lane.pace.sent(count, steady_us());
    if (count <= kFew) return batch;
    groups_.push_back(std::move(batch));
    group_is_due_ = true;
    due_.notify_one();
    return {};
  }

  // When the next lane is due; 0: none is held.
  std::int64_t next_due_us() const {
    std::int64_t next_us = 0;
    for (const auto& [partition, lane] : lanes_)
      if (lane.held_until_us != 0 && (next_us == 0 || lane.held_until_us < next_us)) next_us = lane.held_until_us;
    return next_us;
  }

  // Those that were held in vain and stayed few.
  std::vector<Batch> take_due(std::int64_t now_us) {
    std::vector<Batch> few;
    for (auto& [partition, lane] : lanes_) {
      if (lane.held_until_us == 0 || lane.held_until_us > now_us) continue;
      if (Batch batch = take(lane); !batch.empty()) few.push_back(std::move(batch));
    }
    return few;
  }

  // ---- without

  // Where the library takes none of them, the next of their partition may be few, too.
  void send_few(Batch batch) {
    while (!batch.empty()) {
      Batch next;
      for (Waiting& one : batch)
        if (Batch few = send(*alone_, std::move(one)); !few.empty()) next = std::move(few);
      batch = std::move(next);
    }
  }

  // Gives back what goes next where it was the last of its batch and had its outcome at once.
  Batch send(Producer& producer, Waiting one) {
    Pending* const pending = one.pending.release();  // on_delivery takes it back, perhaps at once
    const bool healthy = healthy_;
    const KafkaError error = healthy ? producer.produce(one.record, one.headers, pending) : nullptr;
    if (healthy && error == nullptr) return {};
    const std::unique_ptr<Pending> back(pending);
    if (back->in_group) --in_groups_;
    if (healthy) {
      refuse(back->done, back->bytes, error);
    } else {  // the other producer met a fatal error
      kafka::refuse(back->done, Code::log_unavailable, "the writer met a fatal error and must be replaced");
      outstanding_.remove(back->bytes);
    }
    return arrived(*back->lane, false);
  }

  // One record of the lane has its outcome. After the last of a batch the next one goes; if the log was silent for a
  // record's whole time, what waited behind it has waited long enough too.
  Batch arrived(Lane& lane, bool timed_out) {
    Batch given_up;
    {
      const std::lock_guard lock(mutex_);
      if (--lane.on_their_way > 0) return {};
      lane.pace.answered(lane.waiting.size(), steady_us());
      if (lane.waiting.empty()) return {};
      if (!timed_out && healthy_ && !stopping_) {
        if (is_held(lane)) return {};
        return take(lane);
      }
      given_up.swap(lane.waiting);
    }
    give_up(given_up, "the log did not take the records before this one");
    return {};
  }

  void give_up(const Batch& batch, const char* reason) {
    for (const Waiting& one : batch) {
      kafka::refuse(one.pending->done, Code::log_unavailable, reason);
      outstanding_.remove(one.pending->bytes);
    }
  }

  void on_delivery(void* opaque, const topic::Appended& appended, bool timed_out) override {
    const std::unique_ptr<Pending> pending(static_cast<Pending*>(opaque));
    if (pending->in_group) --in_groups_;
    pending->done(appended);
    outstanding_.remove(pending->bytes);
    send_few(arrived(*pending->lane, timed_out));
    if (group_is_due_) grouped_->yield();
  }

  void serve() {
    while (!stopping_) alone_->serve(kServeMs);
    while (!outstanding_.none()) {
      alone_->purge();
      alone_->serve(1);
    }
  }

  void send_groups() {
    int rounds = 0;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      std::vector<Batch> few = take_due(steady_us());
      std::vector<Batch> groups = std::exchange(groups_, {});
      group_is_due_ = false;
      if (few.empty() && groups.empty() && in_groups_ == 0) {
        const std::int64_t due_us = next_due_us();
        const auto pause = due_us == 0 ? std::chrono::microseconds(kServeMs * 1'000) : std::chrono::microseconds(due_us - steady_us());
        const bool is_idle = due_.wait_for(lock, pause) == std::cv_status::timeout && due_us == 0;
        if (!is_idle) continue;
        lock.unlock();
        grouped_->serve(0);
        lock.lock();
        continue;
      }
      lock.unlock();
      for (Batch& batch : few) send_few(std::move(batch));
      for (Batch& group : groups) {
        in_groups_ += group.size();
        for (Waiting& one : group) {
          one.pending->in_group = true;
          send_few(send(*grouped_, std::move(one)));
        }
      }
      // Again where no answer comes: the broker's thread may have looked after the flush had ended.
      rounds = groups.empty() ? rounds + 1 : 0;
      if (rounds < kRoundsPerFlush || rounds % kRoundsPerFlush == 0)
        grouped_->send_and_serve(kRoundMs);
      else
        grouped_->serve(kRoundMs);
      lock.lock();
    }
    refuse_waiting(lock);
    while (!outstanding_.none()) {
      grouped_->purge();
      grouped_->serve(1);
    }
  }

  void refuse_waiting(std::unique_lock<std::mutex>& lock) {
    std::vector<Batch> all = std::exchange(groups_, {});
    for (auto& [partition, lane] : lanes_) {
      lane.held_until_us = 0;
      all.push_back(std::exchange(lane.waiting, {}));
    }
    lock.unlock();
    for (const Batch& batch : all) give_up(batch, "the writer ended before the record was sent");
  }

  std::unique_ptr<Producer> alone_, grouped_;
  std::thread serving_, sending_;
  std::atomic<std::size_t> in_groups_{0};  // records of groups without an outcome
  std::atomic<bool> group_is_due_{false};  // groups_ is not empty
  std::mutex mutex_;                       // guards what follows; never held while `done` or librdkafka runs
  std::condition_variable due_;
  std::vector<Batch> groups_;
  std::map<std::pair<std::string, std::int32_t>, Lane> lanes_;  // addresses stay
};

}  // namespace

Result<std::unique_ptr<topic::Writer>> make_commit_writer(Conf alone, Conf grouped, const WriterOptions& options) {
  return CommitWriter::make(std::move(alone), std::move(grouped), options);
}

}  // namespace dossier::kafka
