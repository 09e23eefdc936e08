// Connections that are cut, and half open ones: they look alive and carry nothing any more. Nothing hangs, and what was
// acknowledged is there once.
#include <gmock/gmock.h>

#include "tests/robustness/breakable.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

using ::testing::UnorderedElementsAreArray;

class Network : public OnBreakable {
 protected:
  TcpProxy& kafka() { return Breakable::shared().kafka(); }
  TcpProxy& postgres() { return Breakable::shared().postgres(); }
};

TEST_F(Network, the_next_command_after_a_cut_connection_to_kafka_is_decided) {
  begin();
  for (const std::string title : {"first", "second", "third"}) {
    kafka().cut();
    EXPECT_TRUE(open_in_the_end(title)) << title;
  }
  EXPECT_THAT(titles(), UnorderedElementsAreArray({"first", "second", "third"}));
}

TEST_F(Network, the_next_command_after_a_cut_connection_to_postgres_is_decided) {
  begin();
  for (const std::string title : {"first", "second", "third"}) {
    postgres().cut();
    EXPECT_TRUE(open_in_the_end(title)) << title;
  }
  EXPECT_THAT(titles(), UnorderedElementsAreArray({"first", "second", "third"}));
}

TEST_F(Network, half_open_connections_to_kafka_are_given_up_and_reads_go_on_meanwhile) {
  begin();
  ASSERT_EQ(open("before").status, 201);
  kafka().leave_half_open();
  const Reply asked = open("during");
  EXPECT_TRUE(asked.status == 503 || asked.status == 201 || asked.status == 202) << asked.status << asked.raw << asked.problem;
  EXPECT_EQ(api().get(at().in_workspace("/issues")).status, 200);
  EXPECT_TRUE(open_in_the_end("after"));
  EXPECT_THAT(titles(), ::testing::IsSupersetOf({"before", "after"}));
}

}  // namespace
}  // namespace dossier::test
