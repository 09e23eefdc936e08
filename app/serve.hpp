// `dossier serve`: the server's roles in one process.
#pragma once

#include <string>
#include <vector>

namespace dossier::app {

// Settings as given by flags, environment and profile; app/cli/ checks their form, serve_main what they name.
struct ServeOptions {
  std::string listen = "127.0.0.1:8787";
  std::vector<std::string> roles = {"api", "intake", "projector", "scheduler"};  // each once
  std::string kafka;                                                             // bootstrap servers; empty: from the properties
  std::string kafka_properties;                                                  // file of the server's librdkafka settings
  std::string worker_kafka_properties;                                           // file of those which workers are given when they register
  std::string database_url;
  std::string key_file;  // made on first use, 0600
  std::string blob_dir;
  std::string topic_prefix = "dossier";
  std::string log_level = "info";  // debug, info, warn, error
};

// Runs until SIGTERM or SIGINT (a second one exits at once). The process's exit code: 0 after an orderly stop, 1 otherwise.
int serve_main(const ServeOptions& options);

}  // namespace dossier::app
