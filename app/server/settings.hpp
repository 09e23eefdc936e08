// What `dossier serve` makes of its options: clusters, roles, keys. Wrong ones end here, with a
// message that says which.
#pragma once

#include <string>

#include "app/serve.hpp"
#include "app/server/key_file.hpp"
#include "base/result.hpp"
#include "events/names.hpp"
#include "platform/kafka/kafka.hpp"

namespace dossier::app {

struct Roles {
  bool api = false;
  bool intake = false;
  bool projector = false;
  bool scheduler = false;
};

struct Settings {
  std::string address;
  std::uint16_t port = 0;
  Roles roles;
  kafka::Cluster kafka;
  kafka::Cluster worker_kafka;  // as workers are told
  std::string database_url;
  ServerKeys keys;
  std::string blob_folder;
  events::Topics topics;
};

// usage or io, naming the option. Touches files, no network.
Result<Settings> read_settings(const ServeOptions& options);

}  // namespace dossier::app
