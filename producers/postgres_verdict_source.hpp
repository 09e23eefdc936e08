// VerdictSource on the live generation's positions and the journal. Thread-safe.
#pragma once

#include "platform/postgres/pool.hpp"
#include "producers/verdict_poller.hpp"

namespace dossier::producers {

class PostgresVerdictSource final : public VerdictSource {
 public:
  explicit PostgresVerdictSource(postgres::Pool& pool) : pool_(pool) {}
  Result<Look> look(const std::vector<VerdictBoard::Wait>& waits) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace dossier::producers
