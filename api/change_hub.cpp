// Topics and who listens to them.
#include "api/change_hub.hpp"

#include <utility>

namespace dossier::api {

ChangeHub::Subscription& ChangeHub::Subscription::operator=(Subscription&& other) noexcept {
  std::swap(hub_, other.hub_);
  std::swap(topic_, other.topic_);
  std::swap(id_, other.id_);
  return *this;
}

ChangeHub::Subscription::~Subscription() {
  if (hub_ == nullptr) return;
  const std::lock_guard lock(hub_->mutex_);
  const auto topic = hub_->topics_.find(topic_);
  if (topic == hub_->topics_.end()) return;
  topic->second.erase(id_);
  if (topic->second.empty()) hub_->topics_.erase(topic);
}

ChangeHub::Subscription ChangeHub::on_commits(std::int32_t partition, std::function<void()> wake) {
  return add("commits/" + std::to_string(partition), std::move(wake));
}

ChangeHub::Subscription ChangeHub::on_activity(std::string_view session_id, std::function<void()> wake) {
  return add("activity/" + std::string(session_id), std::move(wake));
}

void ChangeHub::applied(std::int32_t partition) { notify("commits/" + std::to_string(partition)); }
void ChangeHub::activity(std::string_view session_id) { notify("activity/" + std::string(session_id)); }

ChangeHub::Subscription ChangeHub::add(std::string topic, std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = next_id_++;
  topics_[topic].emplace(id, std::move(wake));
  return {this, std::move(topic), id};
}

void ChangeHub::notify(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  for (const auto& [id, wake] : found->second) wake();
}

}  // namespace dossier::api
