// Drawing a plan.
#include "tests/robustness/chaos_plan.hpp"

#include <algorithm>
#include <random>

namespace dossier::test {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  // Not std::uniform_int_distribution, which may differ from one library to the next: a seed is to mean the same everywhere.
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most - least + 1));
  }
  template <class T>
  void shuffle(std::vector<T>& cards) {
    for (std::size_t left = cards.size(); left > 1; --left)
      std::swap(cards[left - 1], cards[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(left) - 1))]);
  }

 private:
  std::mt19937_64 random_;
};

struct Card {
  Harm harm;
  Victim victim;
  std::int64_t least_ms;
  std::int64_t most_ms;
};

// How long a kill lasts is the pause before the start. A worker that is frozen for longer than its lease (20 s) wakes up
// as a stranger to its tasks.
const std::vector<Card>& cards() {
  static const std::vector<Card> all = {
      {Harm::kill, Victim::kafka, 0, 2'000},       {Harm::kill, Victim::postgres, 0, 2'000},         {Harm::kill, Victim::server, 0, 3'000},
      {Harm::kill, Victim::server, 0, 500},        {Harm::kill, Victim::worker, 0, 3'000},           {Harm::kill, Victim::worker, 0, 500},
      {Harm::freeze, Victim::kafka, 500, 6'000},   {Harm::freeze, Victim::postgres, 500, 6'000},     {Harm::freeze, Victim::server, 500, 8'000},
      {Harm::freeze, Victim::worker, 500, 8'000},  {Harm::freeze, Victim::worker, 22'000, 30'000},   {Harm::cut, Victim::kafka, 0, 500},
      {Harm::cut, Victim::postgres, 0, 500},       {Harm::hold_up, Victim::kafka, 500, 6'000},       {Harm::hold_up, Victim::postgres, 500, 6'000},
      {Harm::refuse, Victim::kafka, 500, 6'000},   {Harm::refuse, Victim::postgres, 500, 6'000},     {Harm::half_open, Victim::kafka, 0, 500},
      {Harm::half_open, Victim::postgres, 0, 500}, {Harm::turn_clock, Victim::server, 1'000, 8'000},
  };
  return all;
}

bool is_for(const Card& card, const ChaosCast& cast) {
  if (card.harm == Harm::turn_clock) return cast.clock_server >= 0;
  return card.harm != Harm::half_open || card.victim != Victim::postgres || cast.patient;
}

Strike draw_strike(const Card& card, const ChaosCast& cast, Dice& dice) {
  Strike strike{card.harm, card.victim, 0, 0};
  if (card.victim == Victim::server) strike.number = static_cast<int>(dice.between(0, cast.servers - 1));
  if (card.victim == Victim::worker) strike.number = static_cast<int>(dice.between(1, cast.workers));
  if (card.harm == Harm::turn_clock) {
    strike.number = cast.clock_server;
    strike.clock_s = dice.between(0, 1) == 0 ? dice.between(30, 7'200) : -dice.between(30, 7'200);
  }
  return strike;
}

std::string name_of(Harm harm) {
  switch (harm) {
    case Harm::kill: return "kill -9";
    case Harm::freeze: return "freeze";
    case Harm::cut: return "cut the connections of";
    case Harm::hold_up: return "hold up the connections of";
    case Harm::half_open: return "leave half open the connections of";
    case Harm::refuse: return "refuse connections to";
    case Harm::turn_clock: return "turn the clock of";
  }
  return "?";
}

std::string name_of(const Strike& strike) {
  switch (strike.victim) {
    case Victim::kafka: return "kafka";
    case Victim::postgres: return "postgres";
    case Victim::server: return "server " + std::to_string(strike.number);
    case Victim::worker: return "worker " + std::to_string(strike.number);
  }
  return "?";
}

// One thing is struck once in a step.
bool same_victim(const Strike& a, const Strike& b) { return a.victim == b.victim && a.number == b.number; }

}  // namespace

std::vector<ChaosStep> draw_chaos(std::uint64_t seed, const ChaosCast& cast, std::size_t steps) {
  Dice dice(seed);
  std::vector<ChaosStep> plan;
  std::vector<Card> deck;
  const auto next_card = [&] {
    if (deck.empty()) {
      for (const Card& card : cards())
        if (is_for(card, cast)) deck.push_back(card);
      dice.shuffle(deck);
    }
    const Card card = deck.back();
    deck.pop_back();
    return card;
  };
  while (plan.size() < steps) {
    ChaosStep step;
    const auto throw_of = dice.between(0, 9);
    const int together = throw_of < 7 ? 1 : throw_of < 9 ? 2 : 3;
    for (int n = 0; n < together; ++n) {
      const Card card = next_card();
      const Strike strike = draw_strike(card, cast, dice);
      if (std::any_of(step.strikes.begin(), step.strikes.end(), [&](const Strike& other) { return same_victim(strike, other); })) continue;
      step.strikes.push_back(strike);
      step.lasts_ms = std::max(step.lasts_ms, dice.between(card.least_ms, card.most_ms));
    }
    step.calm_ms = dice.between(200, 3'000);
    plan.push_back(std::move(step));
  }
  return plan;
}

std::string describe(const ChaosStep& step) {
  std::string text;
  for (const Strike& strike : step.strikes) {
    text += (text.empty() ? "" : " and ") + name_of(strike.harm) + " " + name_of(strike);
    if (strike.harm == Harm::turn_clock) text += " by " + std::to_string(strike.clock_s) + " s";
  }
  return text + " for " + std::to_string(step.lasts_ms) + " ms";
}

}  // namespace dossier::test
