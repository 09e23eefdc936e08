// Reads and checks the properties of a cluster.
#include <fstream>
#include <sstream>

#include "platform/kafka/client.hpp"

namespace dossier::kafka {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

Result<Cluster> parse_cluster(std::string_view bootstrap, std::string_view text) {
  Cluster cluster{std::string(bootstrap), {}};
  const Conf scratch(rd_kafka_conf_new());  // only to see whether it takes each setting
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = "Kafka properties, line " + std::to_string(number) + ": ";
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return make_error(Code::usage, where + "write it as name=value");
    const std::string name(trimmed(line.substr(0, equals)));
    const std::string value(trimmed(line.substr(equals + 1)));
    if (const Status taken = set(scratch.get(), name, value); !taken) return make_error(Code::usage, where + taken.error().message, name);
    if (name != "bootstrap.servers" && name != "metadata.broker.list")
      cluster.properties.emplace_back(name, value);
    else if (bootstrap.empty())
      cluster.bootstrap = value;
  }
  if (cluster.bootstrap.empty())
    return make_error(Code::usage, "no Kafka bootstrap servers: name them (host:port), or put bootstrap.servers into the properties");
  return cluster;
}

Result<Cluster> load_cluster(std::string_view bootstrap, const std::string& properties_file) {
  if (properties_file.empty()) return parse_cluster(bootstrap, "");
  std::ifstream file(properties_file, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    if (file && file.peek() == std::ifstream::traits_type::eof()) return parse_cluster(bootstrap, "");  // an empty file
    return make_error(Code::io, "can't read the Kafka properties in " + properties_file);
  }
  auto cluster = parse_cluster(bootstrap, text.str());
  if (!cluster) cluster.error().message = properties_file + ": " + cluster.error().message;
  return cluster;
}

}  // namespace dossier::kafka
