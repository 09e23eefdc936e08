// Look, give up in the log, remove.
#include "producers/secret_sweeper.hpp"

#include "base/log.hpp"
#include "events/names.hpp"
#include "producers/commands/identity.hpp"

namespace dossier::producers {

Command SecretSweeper::discard(const Secrets::Leftover& leftover) {
  Command command;
  command.context.workspace = leftover.domain;
  command.context.commit_id = events::derive_commit_id(leftover.domain, "process", "discard_secret", leftover.id.str());
  command.context.actor.set_kind(v1::Actor::SYSTEM);
  command.context.actor.set_id("sweeper");
  command.context.fingerprint = std::string(crypto::view(crypto::sha256(leftover.id.str())));
  command.decide = commands::discard_secret(leftover.id);
  return command;
}

Result<SecretSweeper::Swept> SecretSweeper::step() {
  TRY(const Secrets::Looked looked, secrets_.leftovers(clock_.wall_us() - kMinAgeUs, looked_through_, kMaxLooked));
  std::vector<SecretId> discarded;
  for (const Secrets::Leftover& leftover : looked.leftovers) {
    const auto done = runner_.run_and_wait(discard(leftover));
    if (done)
      discarded.push_back(leftover.id);
    else
      log::warn("producers", "secret " + leftover.id.str() + " is not given up yet: " + done.error().message);
  }
  Swept swept;
  if (!discarded.empty()) {
    TRY(swept.removed, secrets_.sweep(discarded));
    log::info("producers", std::to_string(swept.removed) + " secrets that no event names were removed");
  }
  looked_through_ = looked.through;
  swept.more = !looked.through.empty();
  return swept;
}

}  // namespace dossier::producers
