// dossier serve: settings into options.
#include "app/serve_command.hpp"

#include <algorithm>

#include "app/cli/run.hpp"
#include "app/serve.hpp"

namespace dossier::app {
namespace {

using cli::Invocation;

Result<std::vector<std::string>> roles_of(const std::string& text) {
  static const std::vector<std::string> kRoles = {"api", "intake", "projector", "scheduler"};
  std::vector<std::string> roles;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    const std::string role = text.substr(from, comma - from);
    if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
      const std::string meant = cli::nearest(role, kRoles);
      return make_error(Code::usage, "--roles has '" + role + "'" + (meant.empty() ? "" : ": did you mean " + meant + "?") +
                                         " (any of api, intake, projector, scheduler, with commas between)");
    }
    if (std::find(roles.begin(), roles.end(), role) == roles.end()) roles.push_back(role);
    from = comma + 1;
  }
  return roles;
}

Result<int> serve(const Invocation& in) {
  ServeOptions options;
  options.listen = in.text("--listen");
  TRY(options.roles, roles_of(in.text("--roles")));
  options.kafka = in.text("--kafka");
  options.kafka_properties = in.text("--kafka-properties");
  if (options.kafka.empty() && options.kafka_properties.empty()) TRY_STATUS(in.required("--kafka"));
  options.worker_kafka_properties = in.text("--worker-kafka-properties");
  TRY(options.database_url, in.required("--database"));
  TRY(options.key_file, in.required("--key-file"));
  TRY(options.blob_dir, in.required("--blob-dir"));
  options.topic_prefix = in.text("--topic-prefix");
  options.log_level = in.text("--log-level");
  return serve_main(options);
}

}  // namespace

int serve_command(const Invocation& in) { return cli::run<&serve>(in); }

}  // namespace dossier::app
