// The position of a reader of reports or activity: its two tables have the same columns and the same guard.
#pragma once

#include "platform/postgres/pool.hpp"
#include "producers/intake_store.hpp"

namespace dossier::producers {

struct PositionSql {
  std::string_view read;  // $1 partition
  std::string_view move;  // position_move_params()
};
extern const PositionSql kIntakePositionSql;
extern const PositionSql kActivityPositionSql;

Result<IntakePosition> read_position(postgres::Pool& pool, const PositionSql& sql, std::int32_t partition);
// The first statement of a batch that moves a position.
postgres::Statement move_statement(const PositionSql& sql, const IntakePosition& before, const IntakePosition& after);

}  // namespace dossier::producers
