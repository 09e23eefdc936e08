// Compares two generations of read models, table by table and partition by partition, by digests which do not depend on
// the order of rows. PostgreSQL computes them in one snapshot; no row leaves it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace dossier::projections {

// Tables of a generation whose rows belong to a workspace: heads, streams, and each read model's.
struct GenerationTable {
  std::string name;
  std::string workspace_column;
};
std::vector<GenerationTable> generation_tables();

struct TableDigest {
  std::int64_t rows = 0;
  std::uint64_t digest = 0;  // a sum over rows: equal contents, equal digest
  friend bool operator==(const TableDigest&, const TableDigest&) = default;
};
struct TableDifference {
  std::int32_t partition = 0;
  std::string table;
  TableDigest live;
  TableDigest next;
};
struct Comparison {
  std::set<std::int32_t> compared;  // both generations stood at the same offset
  std::set<std::int32_t> moving;    // they did not: compare these again
  std::vector<TableDifference> differences;
  std::map<std::string, std::int64_t> rows;  // of the tables of the compared partitions
};

// Where a generation stands: partition → next offset.
Result<std::map<std::int32_t, std::int64_t>> generation_positions(const std::string& url, std::int64_t generation);

// `partitions`: only these; a partition which neither generation has begun counts as compared. Tables: heads, streams, and
// each read model's; one that a generation lacks is empty there.
Result<Comparison> compare_generations(const std::string& url, std::int64_t live, std::int64_t next, const std::set<std::int32_t>& partitions,
                                       std::int32_t partition_count);

}  // namespace dossier::projections
