// From a stream's name to its aggregate, and the walk from payload to evolve.
#include "events/fold.hpp"

#include "events/names.hpp"

namespace dossier::events {

// One aggregate's message with its evolve, behind one interface.
class StreamFold {
 public:
  virtual ~StreamFold() = default;
  virtual bool parse(std::string_view bytes) = 0;
  virtual bool evolve(const v1::EventPayload& payload, const FoldContext& context) = 0;
  virtual std::string bytes() const = 0;
};

namespace {

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }
bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

}  // namespace

template <class State, class Step>
struct FoldOf final : StreamFold {
  explicit FoldOf(Step step) : step(step) {}
  bool parse(std::string_view stored) override { return message.ParseFromArray(stored.data(), static_cast<int>(stored.size())); }
  bool evolve(const v1::EventPayload& payload, const FoldContext& context) override { return step(message, payload, context); }
  std::string bytes() const override { return message.SerializeAsString(); }
  State message;
  Step step;
};

namespace {

template <class State, class Step>
std::unique_ptr<StreamFold> make_fold(Step step) {
  return std::make_unique<FoldOf<State, Step>>(step);
}

// nullptr: a stream of a kind which this code does not know.
std::unique_ptr<StreamFold> fold_for(std::string_view stream) {
  using Payload = v1::EventPayload;
  using Context = FoldContext;
  if (starts_with(stream, "task/"))
    return make_fold<v1::TaskState>([](v1::TaskState& s, const Payload& p, const Context&) { return p.has_task() && evolve(s, p.task()); });
  if (starts_with(stream, "comment/"))
    return make_fold<v1::CommentState>(
        [](v1::CommentState& s, const Payload& p, const Context& c) { return p.has_comment() && evolve(s, p.comment(), c); });
  if (starts_with(stream, "session/"))
    return make_fold<v1::SessionState>(
        [](v1::SessionState& s, const Payload& p, const Context&) { return p.has_session() && evolve(s, p.session()); });
  if (starts_with(stream, "issue/") && ends_with(stream, "/copy"))
    return make_fold<v1::CopyState>([](v1::CopyState& s, const Payload& p, const Context&) { return p.has_copy() && evolve(s, p.copy()); });
  if (starts_with(stream, "issue/"))
    return make_fold<v1::IssueState>([](v1::IssueState& s, const Payload& p, const Context&) { return p.has_issue() && evolve(s, p.issue()); });
  if (starts_with(stream, "workspace/") && ends_with(stream, "/members"))
    return make_fold<v1::MembersState>(
        [](v1::MembersState& s, const Payload& p, const Context&) { return p.has_members() && evolve(s, p.members()); });
  if (starts_with(stream, "workspace/") && ends_with(stream, "/issues"))  // its version is all there is to know
    return make_fold<v1::ProjectUseState>([](v1::ProjectUseState&, const Payload& p, const Context&) { return p.has_issue_numbers(); });
  if (starts_with(stream, "workspace/"))
    return make_fold<v1::WorkspaceState>(
        [](v1::WorkspaceState& s, const Payload& p, const Context&) { return p.has_workspace() && evolve(s, p.workspace()); });
  if (starts_with(stream, "project/") && ends_with(stream, "/use"))
    return make_fold<v1::ProjectUseState>(
        [](v1::ProjectUseState& s, const Payload& p, const Context&) { return p.has_project_use() && evolve(s, p.project_use()); });
  if (starts_with(stream, "project/"))
    return make_fold<v1::ProjectState>(
        [](v1::ProjectState& s, const Payload& p, const Context&) { return p.has_project() && evolve(s, p.project()); });
  if (starts_with(stream, "worker/"))
    return make_fold<v1::WorkerState>([](v1::WorkerState& s, const Payload& p, const Context&) { return p.has_worker() && evolve(s, p.worker()); });
  if (starts_with(stream, "user/"))
    return make_fold<v1::UserState>([](v1::UserState& s, const Payload& p, const Context&) { return p.has_identity() && evolve(s, p.identity()); });
  if (starts_with(stream, "login/") || starts_with(stream, "slug/") || stream == kServerAdminStream)
    return make_fold<v1::NameState>([](v1::NameState& s, const Payload& p, const Context&) { return p.has_identity() && evolve(s, p.identity()); });
  if (starts_with(stream, "secret/"))  // that it exists is all there is to know
    return make_fold<v1::NameState>(
        [](v1::NameState&, const Payload& p, const Context&) { return p.has_identity() && p.identity().has_secret_discarded(); });
  if (starts_with(stream, "parking/"))  // kept for the record, decides nothing
    return make_fold<v1::NameState>([](v1::NameState&, const Payload& p, const Context&) { return p.has_parking(); });
  return nullptr;
}

}  // namespace

FoldedStream::FoldedStream(std::string_view stream, std::string_view state, bool needs_newer_code)
    : fold_(fold_for(stream)), needs_newer_code_(needs_newer_code) {
  if (fold_ == nullptr || !fold_->parse(state)) needs_newer_code_ = true;
}
FoldedStream::~FoldedStream() = default;
FoldedStream::FoldedStream(FoldedStream&&) noexcept = default;
FoldedStream& FoldedStream::operator=(FoldedStream&&) noexcept = default;

void FoldedStream::evolve(const v1::EventPayload& payload, const FoldContext& context) {
  if (fold_ == nullptr || !fold_->evolve(payload, context)) needs_newer_code_ = true;
}

std::string FoldedStream::state() const { return fold_ == nullptr ? std::string() : fold_->bytes(); }

}  // namespace dossier::events
