// Drawing what people do.
#include "tests/simulation/sim_errands.hpp"

#include <utility>

#include "producers/commands/approval.hpp"
#include "producers/commands/session.hpp"

namespace dossier::simulation {

namespace commands = producers::commands;

std::string Errand::what() const { return about.kind == LogModel::News::Kind::asked ? decision + " " + about.subject : "steer"; }

producers::Decide Errand::command() const {
  const SessionId session(about.session);
  if (about.kind == LogModel::News::Kind::said) return commands::steer_follow_up(session, FollowUpId(about.subject));
  return commands::resolve_approval({session, ApprovalId(about.subject), decision, {}, {}});
}

void SimErrands::add(const LogModel::News& about, std::int64_t due_us) {
  const double draw = fraction(random_);
  const std::string decision = draw < 0.5 ? "accept" : draw < 0.65 ? "accept_for_session" : draw < 0.9 ? "decline" : "cancel";
  desks_[about.workspace].emplace(due_us, Errand{about, decision});
}

void SimErrands::look() {
  for (const auto& news : model_.take_news()) {
    const std::int64_t now = clock_.boot_us();
    if (news.kind == LogModel::News::Kind::said) {
      if (chance(random_, 0.5)) add(news, now + between(random_, 0, 3'000'000));
      continue;
    }
    const std::int64_t due = now + between(random_, 0, !stormy_ ? 1'000'000 : chance(random_, 0.2) ? 30'000'000 : 4'000'000);
    add(news, due);
    if (chance(random_, 0.4)) add(news, chance(random_, 0.5) ? due : now + between(random_, 0, 6'000'000));
  }
}

std::optional<Errand> SimErrands::take(Desk& desk) {
  while (!desk.empty() && desk.begin()->first <= clock_.boot_us()) {
    Errand errand = std::move(desk.begin()->second);
    desk.erase(desk.begin());
    // Most see that it was decided meanwhile; some had not looked.
    const bool is_over = errand.about.kind == LogModel::News::Kind::asked && !model_.approvals().is_open(errand.about.subject);
    if (!is_over || chance(random_, 0.3)) return errand;
  }
  return std::nullopt;
}

void SimErrands::answered(const Errand& errand) {
  if (errand.about.kind == LogModel::News::Kind::asked && model_.approvals().is_open(errand.about.subject))
    add(errand.about, clock_.boot_us() + between(random_, 100'000, 2'000'000));
}

}  // namespace dossier::simulation
