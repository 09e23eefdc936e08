// Options to settings.
#include "app/server/settings.hpp"

#include <charconv>
#include <filesystem>

namespace dossier::app {
namespace {

Error usage(const std::string& option, const std::string& what) { return make_error(Code::usage, "--" + option + ": " + what, option); }

Status read_listen(const std::string& listen, Settings& settings) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) return usage("listen", "must be <address>:<port>");
  settings.address = listen.substr(0, colon);
  if (settings.address.size() > 2 && settings.address.front() == '[' && settings.address.back() == ']')
    settings.address = settings.address.substr(1, settings.address.size() - 2);
  const std::string port = listen.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), settings.port);
  if (error != std::errc() || end != port.data() + port.size()) return usage("listen", "\"" + port + "\" is no port");
  return {};
}

Status read_roles(const std::vector<std::string>& names, Roles& roles) {
  for (const std::string& name : names) {
    if (name == "api")
      roles.api = true;
    else if (name == "intake")
      roles.intake = true;
    else if (name == "projector")
      roles.projector = true;
    else if (name == "scheduler")
      roles.scheduler = true;
    else
      return usage("roles", "\"" + name + "\" is none of api, intake, projector, scheduler");
  }
  if (names.empty()) return usage("roles", "name at least one of api, intake, projector, scheduler");
  return {};
}

}  // namespace

Result<Settings> read_settings(const ServeOptions& options) {
  Settings settings;
  TRY_STATUS(read_listen(options.listen, settings));
  TRY_STATUS(read_roles(options.roles, settings.roles));
  if (options.database_url.empty()) return usage("database", "is missing: a PostgreSQL URL");
  settings.database_url = options.database_url;
  if (!events::is_pool(options.topic_prefix)) return usage("topic-prefix", "1 to 100 characters of a-z, 0-9, '.', '_', '-'");
  settings.topics = events::Topics{options.topic_prefix};
  TRY(settings.kafka, kafka::load_cluster(options.kafka, options.kafka_properties));
  if (!settings.roles.api) return settings;
  // Without settings of their own workers get the brokers' addresses and nothing else: never the server's credentials.
  if (options.worker_kafka_properties.empty()) {
    settings.worker_kafka.bootstrap = settings.kafka.bootstrap;
  } else {
    TRY(settings.worker_kafka, kafka::load_cluster(options.kafka, options.worker_kafka_properties));
  }
  if (options.key_file.empty()) return usage("key-file", "is missing: the file of the server's key, made on first use");
  TRY(settings.keys, load_keys(options.key_file));
  if (options.blob_dir.empty()) return usage("blob-dir", "is missing: the folder of diffs and attachments");
  std::error_code failed;
  std::filesystem::create_directories(options.blob_dir, failed);
  if (failed) return make_error(Code::io, "--blob-dir: " + options.blob_dir + ": " + failed.message());
  settings.blob_folder = options.blob_dir;
  return settings;
}

}  // namespace dossier::app
