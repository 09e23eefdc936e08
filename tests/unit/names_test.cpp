// Names, partitions and derived ids: these never change, or old logs could no longer be read.
#include "events/names.hpp"
#include "events/limits.hpp"

#include <gtest/gtest.h>

namespace dossier::events {
namespace {

TEST(Names, partition_by_fnv1a64_as_published) {
  EXPECT_EQ(fnv1a64(""), 0xcbf29ce484222325ull);
  EXPECT_EQ(fnv1a64("a"), 0xaf63dc4c8601ec8cull);
  EXPECT_EQ(fnv1a64("foobar"), 0x85944171f73967e8ull);
  EXPECT_EQ(partition_of("foobar", 12), static_cast<std::int32_t>(0x85944171f73967e8ull % 12));
}

TEST(Names, derive_the_same_id_from_the_same_commit_and_another_from_any_other) {
  const auto commit = derive_commit_id(WorkspaceId("ws_" + std::string(32, '1')), "usr_1", "POST /x", "key");
  EXPECT_EQ(commit.str(), "cmm_671d73868c05807b93ea60bd21571fe9");
  EXPECT_EQ(derive_id<IssueId>(commit).str(), derive_id<IssueId>(commit, 0).str());
  EXPECT_NE(derive_id<IssueId>(commit, 1).str(), derive_id<IssueId>(commit, 0).str());
  EXPECT_NE(derive_uuid(commit, "iss", 0), derive_uuid(commit, "cmt", 0));
  EXPECT_EQ(derive_id<IssueId>(commit).str()[4 + 12], '8') << "UUID version 8";
  EXPECT_NE(commit, derive_commit_id(WorkspaceId("ws_" + std::string(32, '1')), "usr_1P", "OST /x", "key"));
}

TEST(Names, streams_are_printable_with_a_slash_inside) {
  EXPECT_TRUE(is_stream("task/tsk_1"));
  EXPECT_FALSE(is_stream("task"));
  EXPECT_FALSE(is_stream("/task"));
  EXPECT_FALSE(is_stream("task/"));
  EXPECT_FALSE(is_stream("task/a b"));
  EXPECT_TRUE(is_stream("a/" + std::string(kMaxStreamName - 2, 'x')));
  EXPECT_FALSE(is_stream("a/" + std::string(kMaxStreamName - 1, 'x')));
}

TEST(Names, ids_have_a_prefix_and_32_hex_digits) {
  EXPECT_TRUE(IssueId::parse("iss_" + std::string(32, 'f'), "id").has_value());
  EXPECT_EQ(IssueId::parse("tsk_" + std::string(32, 'f'), "id").error().field, "id");
  EXPECT_FALSE(IssueId::parse("iss_" + std::string(31, 'f'), "id").has_value());
  EXPECT_FALSE(IssueId::parse("iss_" + std::string(32, 'F'), "id").has_value());
  EXPECT_TRUE(WorkspaceId::parse("identity", "id").has_value());
}

}  // namespace
}  // namespace dossier::events
