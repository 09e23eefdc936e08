// The admin requests: each is one call, one event, one result, within the timeout.
#include "platform/kafka/admin.hpp"

#include <array>
#include <chrono>
#include <thread>

#include "platform/kafka/query.hpp"

namespace dossier::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;
using NewPartitions = std::unique_ptr<rd_kafka_NewPartitions_t, Destroy<rd_kafka_NewPartitions_destroy>>;
using DeleteTopic = std::unique_ptr<rd_kafka_DeleteTopic_t, Destroy<rd_kafka_DeleteTopic_destroy>>;
using AclBinding = std::unique_ptr<rd_kafka_AclBinding_t, Destroy<rd_kafka_AclBinding_destroy>>;
using Options = std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<rd_kafka_AdminOptions_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;

constexpr auto kMetadataPause = std::chrono::milliseconds(20);  // between two looks whether a new topic is known

// An answer about one topic: the broker's own words when it has any.
Error refusal(rd_kafka_resp_err_t error, const char* reason, const std::string& what) {
  return make_error(code_of(error), what + ": " + (reason != nullptr ? reason : rd_kafka_err2str(error)));
}

Status first_topic_result(const rd_kafka_topic_result_t** results, std::size_t count, const std::string& what) {
  if (count != 1) return make_error(Code::internal, what + ": the broker answered about " + std::to_string(count) + " topics");
  const auto error = rd_kafka_topic_result_error(results[0]);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return refusal(error, rd_kafka_topic_result_error_string(results[0]), what);
}

rd_kafka_ResourceType_t resource_of(Resource resource) {
  switch (resource) {
    case Resource::topic: return RD_KAFKA_RESOURCE_TOPIC;
    case Resource::group: return RD_KAFKA_RESOURCE_GROUP;
    case Resource::cluster: return RD_KAFKA_RESOURCE_BROKER;  // what the protocol calls cluster
  }
  return RD_KAFKA_RESOURCE_UNKNOWN;
}

rd_kafka_AclOperation_t operation_of(Operation operation) {
  switch (operation) {
    case Operation::all: return RD_KAFKA_ACL_OPERATION_ALL;
    case Operation::read: return RD_KAFKA_ACL_OPERATION_READ;
    case Operation::write: return RD_KAFKA_ACL_OPERATION_WRITE;
    case Operation::create: return RD_KAFKA_ACL_OPERATION_CREATE;
    case Operation::describe: return RD_KAFKA_ACL_OPERATION_DESCRIBE;
    case Operation::alter: return RD_KAFKA_ACL_OPERATION_ALTER;
    case Operation::idempotent_write: return RD_KAFKA_ACL_OPERATION_IDEMPOTENT_WRITE;
  }
  return RD_KAFKA_ACL_OPERATION_UNKNOWN;
}

Result<AclBinding> binding_of(const Acl& acl) {
  std::array<char, 256> reason{};
  AclBinding binding(rd_kafka_AclBinding_new(
      resource_of(acl.resource), acl.name.c_str(), acl.prefixed ? RD_KAFKA_RESOURCE_PATTERN_PREFIXED : RD_KAFKA_RESOURCE_PATTERN_LITERAL,
      acl.principal.c_str(), "*", operation_of(acl.operation), acl.allow ? RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW : RD_KAFKA_ACL_PERMISSION_TYPE_DENY,
      reason.data(), reason.size()));
  if (binding == nullptr) return make_error(Code::invalid_field, std::string("an ACL is not valid: ") + reason.data());
  return binding;
}

}  // namespace

struct Admin::Impl {
  rd_kafka_t* client = nullptr;
  std::int64_t timeout_ms = 0;

  Impl(rd_kafka_t* handle, std::int64_t timeout) : client(handle), timeout_ms(timeout) {}
  ~Impl() { rd_kafka_destroy(client); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // Sends by `request(options, queue)` and waits for its one event. Each call has a queue of its own: so calls of several
  // threads don't take each other's answers.
  template <class Request>
  Result<Event> call(rd_kafka_admin_op_t operation, const std::string& what, Request&& request) const {
    const Options options(rd_kafka_AdminOptions_new(client, operation));
    std::array<char, 256> reason{};
    const int timeout = static_cast<int>(timeout_ms);
    if (const auto error = rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout, reason.data(), reason.size());
        error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return refusal(error, reason.data(), what);
    const Queue queue(rd_kafka_queue_new(client));
    request(options.get(), queue.get());
    Event event(rd_kafka_queue_poll(queue.get(), timeout + 1'000));  // the library answers its own timeout first
    if (event == nullptr) return make_error(Code::log_unavailable, what + ": no answer in time");
    if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return refusal(error, rd_kafka_event_error_string(event.get()), what);
    return event;
  }
};

Admin::Admin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Admin::~Admin() = default;

Result<std::unique_ptr<Admin>> Admin::make(const Cluster& cluster, std::int64_t timeout_ms) {
  TRY(Conf conf, make_conf(cluster, {}));
  TRY(rd_kafka_t * client, make_client(RD_KAFKA_PRODUCER, std::move(conf)));
  return std::unique_ptr<Admin>(new Admin(std::make_unique<Impl>(client, timeout_ms)));
}

Result<ClusterInfo> Admin::describe_cluster() {
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(impl_->client, 0, nullptr, &found, static_cast<int>(impl_->timeout_ms));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(error, "asking for the cluster");
  const Metadata metadata(found);
  ClusterInfo info{"", metadata->broker_cnt};
  if (char* id = rd_kafka_clusterid(impl_->client, static_cast<int>(impl_->timeout_ms)); id != nullptr) {
    info.cluster_id = id;
    rd_kafka_mem_free(impl_->client, id);
  }
  return info;
}

Result<bool> Admin::create_topic(const TopicSpec& spec) {
  const std::string what = "making the topic " + spec.name;
  std::array<char, 256> reason{};
  const NewTopic topic(rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, spec.replication, reason.data(), reason.size()));
  if (topic == nullptr) return make_error(Code::invalid_field, what + ": " + reason.data());
  for (const auto& [name, value] : spec.configs)
    if (const auto error = rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error_of(error, what);
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  TRY(Event event, impl_->call(RD_KAFKA_ADMIN_OP_CREATETOPICS, what,
                               [&](auto* options, auto* queue) { rd_kafka_CreateTopics(impl_->client, topics, 1, options, queue); }));
  std::size_t count = 0;
  const auto** results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  const Status made = first_topic_result(results, count, what);
  if (!made && made.error().code == Code::already_exists) return false;
  TRY_STATUS(made);
  // The controller has it; the brokers' metadata and the leaders follow, and a client that comes too early waits a second.
  const auto deadline = SteadyClock::now() + std::chrono::milliseconds(impl_->timeout_ms);
  for (;;) {
    const auto known = partition_count(spec.name);
    if (known) break;
    if (known.error().code != Code::not_found || SteadyClock::now() >= deadline) return known.error();
    std::this_thread::sleep_for(kMetadataPause);
  }
  for (std::int32_t partition = 0; partition < spec.partitions; ++partition)
    TRY_STATUS(query_watermarks(impl_->client, spec.name, partition, impl_->timeout_ms));
  return true;
}

Result<std::int32_t> Admin::partition_count(std::string_view topic) { return query_partition_count(impl_->client, topic, impl_->timeout_ms); }

Status Admin::grow_partitions(std::string_view topic, std::int32_t partitions) {
  TRY(const std::int32_t present, partition_count(topic));
  if (present >= partitions) return {};
  const std::string name(topic);
  const std::string what = "growing the topic " + name;
  std::array<char, 256> reason{};
  const NewPartitions grown(rd_kafka_NewPartitions_new(name.c_str(), static_cast<std::size_t>(partitions), reason.data(), reason.size()));
  if (grown == nullptr) return make_error(Code::invalid_field, what + ": " + reason.data());
  rd_kafka_NewPartitions_t* topics[] = {grown.get()};
  TRY(Event event, impl_->call(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, what,
                               [&](auto* options, auto* queue) { rd_kafka_CreatePartitions(impl_->client, topics, 1, options, queue); }));
  std::size_t count = 0;
  const auto** results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count);
  Status done = first_topic_result(results, count, what);
  if (done) return {};
  // Another process may have grown it between the question and the request.
  const auto now = partition_count(topic);
  if (now && *now >= partitions) return {};
  return done;
}

Status Admin::delete_topic(std::string_view topic) {
  const std::string name(topic);
  const std::string what = "deleting the topic " + name;
  const DeleteTopic deleted(rd_kafka_DeleteTopic_new(name.c_str()));
  rd_kafka_DeleteTopic_t* topics[] = {deleted.get()};
  TRY(Event event, impl_->call(RD_KAFKA_ADMIN_OP_DELETETOPICS, what,
                               [&](auto* options, auto* queue) { rd_kafka_DeleteTopics(impl_->client, topics, 1, options, queue); }));
  std::size_t count = 0;
  const auto** results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  Status done = first_topic_result(results, count, what);
  if (!done && done.error().code == Code::not_found) return {};
  return done;
}

Status Admin::create_acls(const std::vector<Acl>& acls) {
  if (acls.empty()) return {};
  std::vector<AclBinding> bindings;
  std::vector<rd_kafka_AclBinding_t*> pointers;
  for (const auto& acl : acls) {
    TRY(AclBinding binding, binding_of(acl));
    pointers.push_back(binding.get());
    bindings.push_back(std::move(binding));
  }
  const std::string what = "making ACLs";
  TRY(Event event, impl_->call(RD_KAFKA_ADMIN_OP_CREATEACLS, what, [&](auto* options, auto* queue) {
    rd_kafka_CreateAcls(impl_->client, pointers.data(), pointers.size(), options, queue);
  }));
  std::size_t count = 0;
  const auto** results = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i)
    if (const rd_kafka_error_t* error = rd_kafka_acl_result_error(results[i]); error != nullptr)
      return refusal(rd_kafka_error_code(error), rd_kafka_error_string(error), what + " for " + acls[i].principal);
  return {};
}

}  // namespace dossier::kafka
