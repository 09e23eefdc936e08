// Everything that an agent says, on its way out of this process: secrets are masked in each event's texts.
//
// The one place for it is between the agent and whatever takes its events (the run's host), so that activity, facts and
// reports see masked texts only. Pieces of a text that is being written (text_delta) lose nothing at their borders: the end
// of a piece that may be the beginning of a secret comes with the next one, at the latest with the end of the item or turn.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "worker/agents/agent.hpp"
#include "worker/masking/masker.hpp"

namespace dossier::worker {

// One a run. One owner thread (the one that runs the agent).
class EventMasker {
 public:
  static constexpr std::size_t kMaxStreams = 64;  // texts and streams that are followed at once; the one longest unused is given up

  explicit EventMasker(std::shared_ptr<const masking::Secrets> secrets) : secrets_(std::move(secrets)) {}

  using Sink = std::function<void(AgentEvent event)>;
  // Gives on the event, masked, and before it what was held back of the text that it ends.
  void take(AgentEvent event, const Sink& sink);
  // What is held back, at the end of a run.
  void flush(const Sink& sink);

  // For texts that are no events: an agent's result, an error.
  std::string text(std::string_view text);
  AgentResult result(AgentResult result);

  std::uint64_t masked() const;  // places, so far

 private:
  struct Stream {
    bool is_delta = false;
    std::string name;  // of the stream, or of the item
    masking::Masker masker;
  };
  masking::Masker& stream(bool is_delta, const std::string& name, const Sink& sink);
  void end_delta(const std::string& item, const Sink& sink);
  void give_up(std::list<Stream>::iterator stream, const Sink& sink);
  void mask_texts(AgentEvent& event);

  std::shared_ptr<const masking::Secrets> secrets_;
  std::list<Stream> streams_;  // the latest used first
  std::uint64_t masked_ = 0;   // without those of streams_
};

}  // namespace dossier::worker
