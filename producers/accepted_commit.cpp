// Journal bytes to the commit in them.
#include "producers/accepted_commit.hpp"

namespace dossier::producers {

Result<AcceptedCommit> accepted_from(std::int32_t partition, std::int64_t offset, std::uint64_t seq, std::int64_t time_us, std::string_view value) {
  auto envelope = events::decode(value);
  if (!envelope.decoded || !envelope.record.has_commit())
    return make_error(Code::corrupt, "the journal's record at offset " + std::to_string(offset) + " of partition " + std::to_string(partition) +
                                         " is no commit: run dossier verify");
  AcceptedCommit out;
  out.commit = std::move(*envelope.record.mutable_commit());
  out.id = CommitId(out.commit.commit_id());
  out.workspace = WorkspaceId(out.commit.workspace_id());
  out.seq = seq;
  out.partition = partition;
  out.offset = offset;
  out.time_us = time_us;
  return out;
}

}  // namespace dossier::producers
