// Secrets are written before the event that names them; where that event never comes (the command was refused, the process
// died, the client gave up), the row is a leftover, and this removes it.
//
// The commit that would name it may still be open, for however long: a frozen writer or broker keeps no deadline. So no age
// is relied on. A commit that names a secret expects that the stream secret/<id> does not exist; the sweeper first puts
// SecretDiscarded there and waits for the verdict. From that record on no commit that names the secret can be accepted, and
// what was accepted before it is visible: what is unnamed then stays so, and its row is removed. In either order the log
// decides, and a secret that an accepted event names is kept.
#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "producers/command_runner.hpp"
#include "producers/secrets.hpp"

namespace dossier::producers {

// One thread.
class SecretSweeper {
 public:
  static constexpr std::int64_t kEveryUs = 600'000'000;
  static constexpr std::int64_t kMinAgeUs = 3'600'000'000;  // younger ones are most likely about to be named; safety does not hang on it
  static constexpr int kMaxLooked = 1'000;                  // rows a step
  static constexpr std::int64_t kGoOnUs = 1'000'000;        // between steps while there are more

  SecretSweeper(Secrets& secrets, CommandRunner& runner, const Clock& clock) : secrets_(secrets), runner_(runner), clock_(clock) {}

  struct Swept {
    int removed = 0;
    bool more = false;  // there are rows which no step of this round has looked at
  };
  // Looks at the next rows and removes the leftovers among them. Blocks while they are decided; never on the runner's
  // executor. A leftover whose command fails stays until the next round.
  Result<Swept> step();

  // The command that gives a leftover up, the same in every process.
  static Command discard(const Secrets::Leftover& leftover);

 private:
  Secrets& secrets_;
  CommandRunner& runner_;
  const Clock& clock_;
  SecretId looked_through_;
};

}  // namespace dossier::producers
