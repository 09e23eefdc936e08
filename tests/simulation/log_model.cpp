// The model.
#include "tests/simulation/log_model.hpp"

namespace dossier::simulation {

LogModel::LogModel(const events::Topics& topics, std::int32_t partitions)
    : events_(topics.events()),
      reports_(topics.reports()),
      entries_(static_cast<std::size_t>(partitions)),
      tasks_(std::make_unique<TaskRules>(signs_)) {}

void LogModel::begin_again() {
  for (const auto& [name, workspace] : workspaces_)
    for (std::size_t n = 0; n < workspace.commits.size(); ++n) before_.insert({name, n + 1, workspace.commits[n]});
  for (auto& entries : entries_) entries.clear();
  workspaces_.clear();
  accepted_.clear();
  tasks_ = std::make_unique<TaskRules>(signs_);
  follow_ups_ = FollowUpRules();
  approvals_ = ApprovalRules();
}

void LogModel::stored(const topic::Record& record) {
  if (record.topic == reports_) return signs_.read(record);
  if (record.topic != events_) {
    if (record.topic.find("control") != std::string::npos) signs_.said(record.topic, record.offset, record.append_time_us);
    return;
  }
  entries_.at(static_cast<std::size_t>(record.partition)).push_back(judge(record));
}

LogModel::Entry LogModel::judge(const topic::Record& record) {
  Entry entry;
  v1::Record envelope;
  if (!envelope.ParseFromString(record.value)) {
    entry.verdict = events::Verdict::void_malformed;
    return entry;
  }
  if (!envelope.has_commit()) return entry;
  const v1::Commit& commit = envelope.commit();
  entry.workspace = commit.workspace_id();
  entry.commit_id = commit.commit_id();
  if (accepted_.contains(commit.commit_id())) {
    entry.verdict = events::Verdict::void_duplicate;
    return entry;
  }
  Workspace& workspace = workspaces_[commit.workspace_id()];
  for (const auto& expect : commit.expects()) {
    const auto found = workspace.versions.find(expect.stream());
    if ((found == workspace.versions.end() ? 0 : found->second) == expect.version()) continue;
    entry.verdict = events::Verdict::void_conflict;
    return entry;
  }
  accept(record, commit, entry);
  return entry;
}

void LogModel::accept(const topic::Record& record, const v1::Commit& commit, Entry& entry) {
  Workspace& workspace = workspaces_[commit.workspace_id()];
  workspace.commits.push_back(commit.commit_id());
  entry.verdict = events::Verdict::accepted;
  entry.seq = workspace.commits.size();
  Accepted& accepted = accepted_[commit.commit_id()];
  accepted = {entry.seq, record.partition, record.offset, accepted.times + 1};
  for (const auto& event : commit.events()) {
    ++workspace.versions[event.stream()];
    const std::string broken = rule_broken_by(commit.workspace_id(), event);
    if (!broken.empty() && fault_.empty()) fault_ = event.stream() + broken + " (" + commit.commit_id() + ")";
  }
  tasks_->end_of_commit();
  const std::string broken = follow_ups_.end_of_commit();
  if (!broken.empty() && fault_.empty()) fault_ = broken + " (" + commit.commit_id() + ")";
}

std::string LogModel::rule_broken_by(const std::string& workspace, const v1::Event& event) {
  const bool of_task = event.stream().starts_with("task/");
  if (!of_task && !event.stream().starts_with("session/")) return {};
  v1::EventPayload payload;
  if (!payload.ParseFromString(event.payload())) return {};
  if (of_task) return payload.has_task() ? tasks_->fact(event.stream(), payload.task()) : std::string();
  if (!payload.has_session()) return {};
  const v1::SessionEvent& fact = payload.session();
  const std::string session = event.stream().substr(event.stream().find('/') + 1);
  if (fact.has_approval_requested()) news_.push_back({News::Kind::asked, workspace, session, fact.approval_requested().request_id()});
  if (fact.has_follow_up_queued()) news_.push_back({News::Kind::said, workspace, session, fact.follow_up_queued().follow_up_id()});
  std::string broken = follow_ups_.fact(event.stream(), fact);
  return broken.empty() ? approvals_.fact(event.stream(), fact) : broken;
}

const LogModel::Accepted* LogModel::accepted(const std::string& commit_id) const {
  const auto found = accepted_.find(commit_id);
  return found == accepted_.end() ? nullptr : &found->second;
}

std::string LogModel::commit_at(const std::string& workspace, std::uint64_t seq) const {
  const auto found = workspaces_.find(workspace);
  if (found == workspaces_.end() || seq == 0 || seq > found->second.commits.size()) return {};
  return found->second.commits[seq - 1];
}

bool LogModel::had_at(const std::string& workspace, std::uint64_t seq, const std::string& commit_id) const {
  return !commit_id.empty() && (commit_at(workspace, seq) == commit_id || before_.contains({workspace, seq, commit_id}));
}

std::uint64_t LogModel::last_seq(const std::string& workspace) const {
  const auto found = workspaces_.find(workspace);
  return found == workspaces_.end() ? 0 : found->second.commits.size();
}

}  // namespace dossier::simulation
