// The table of commands. What is written here is what --help, completion and the parser know.
#include "app/cli/command_table.hpp"

#include "app/cli/commands.hpp"
#include "app/cli/run.hpp"

namespace dossier::cli {
namespace {

using Options = std::vector<Option>;

const Option kJson{"--json", "", "print JSON instead of tables"};
const Option kProfile{"--profile", "FILE", "profile to use: JSON with url, token, workspace", "DOSSIER_PROFILE"};
const Option kUrl{"--url", "URL", "the server", "DOSSIER_URL", "url", "http://127.0.0.1:8787"};
const Option kToken{"--token", "TOKEN", "token of the user", "DOSSIER_TOKEN", "token"};
const Option kWorkspace{"--workspace", "ID|SLUG", "the workspace; needless where you have one", "DOSSIER_WORKSPACE", "workspace"};
const Option kKey{"--idempotency-key", "KEY", "sends the same request again, safely; one is made where none is given"};
const Option kLimit{"--limit", "N", "at most so many", "", "", "50"};
const Option kKafka{"--kafka", "HOST:PORT", "Kafka's bootstrap servers, over those in the properties", "DOSSIER_KAFKA", "kafka"};
const Option kKafkaProperties{"--kafka-properties", "FILE", "librdkafka settings, name=value lines", "DOSSIER_KAFKA_PROPERTIES", "kafka_properties"};
const Option kDatabase{"--database", "URL", "Postgres, postgresql://…", "DOSSIER_DATABASE_URL", "database"};
const Option kTopicPrefix{"--topic-prefix", "NAME", "first part of the topics' names", "DOSSIER_TOPIC_PREFIX", "topic_prefix", "dossier"};
const Option kLogLevel{"--log-level", "LEVEL", "how much is logged", "DOSSIER_LOG_LEVEL", "", "info", {"debug", "info", "warn", "error"}};

Options with(Options own, const Options& shared) {
  own.insert(own.end(), shared.begin(), shared.end());
  return own;
}
const Options& client() {
  static const Options options{kJson, kProfile, kUrl, kToken};
  return options;
}
const Options& in_workspace() {
  static const Options options{kWorkspace, kJson, kProfile, kUrl, kToken};
  return options;
}
const Options& stack() {
  static const Options options{kKafka, kKafkaProperties, kDatabase, kTopicPrefix, kProfile, kJson};
  return options;
}

const Argument kIssueArgument{"ISSUE", "id (iss_…) or number of the issue"};
const Option kBody{"--body", "TEXT", "the description; - reads standard input"};
const Option kStatus{"--status", "STATUS", "open, needs_review, ready_for_test or closed, and common words for them"};
const Option kProject{"--project", "ID", "the project that it works on"};
const Option kPassword{"DOSSIER_PASSWORD", "TEXT", "the password, where nobody types it", "DOSSIER_PASSWORD"};

void add_issue(std::vector<Command>& table) {
  table.push_back(
      {"issue create", "Opens an issue.", {{"TITLE", "one line"}}, with({kBody, kProject, kStatus, kKey}, in_workspace()), {}, run<&issue_create>});
  table.push_back({"issue edit",
                   "Changes an issue.",
                   {kIssueArgument},
                   with({{"--title", "TEXT", "one line"}, kBody, kStatus, kProject, kKey}, in_workspace()),
                   {},
                   run<&issue_edit>});
  table.push_back({"issue comment",
                   "Comments on an issue; @name asks an agent to work.",
                   {kIssueArgument, {"TEXT", "Markdown; - reads standard input"}},
                   with({kKey}, in_workspace()),
                   {},
                   run<&issue_comment>});
  table.push_back({"issue list",
                   "Lists the workspace's issues, the newest first.",
                   {},
                   with({kLimit, {"--cursor", "CURSOR", "where an earlier list ended (next_cursor)"}}, in_workspace()),
                   {},
                   run<&issue_list>});
  table.push_back({"issue show",
                   "Shows an issue and its comments.",
                   {kIssueArgument},
                   with({{"--at", "SEQ|TIME", "as it was after that commit, or at that time"}}, in_workspace()),
                   {},
                   run<&issue_show>});
  table.push_back({"issue watch",
                   "Follows an issue live: its events, and what its agents say.",
                   {kIssueArgument},
                   with({{"--after", "ID", "begins after that event's id (<history>-<seq>), not now"},
                         {"--no-activity", "", "events only"},
                         {"--until-ended", "", "ends when a session ends"}},
                        in_workspace()),
                   "Connections that break are made again without a gap or a repeat.",
                   run<&issue_watch>});
}

void add_sessions(std::vector<Command>& table) {
  const Argument session{"SESSION", "id (ses_…)"}, follow_up{"FOLLOW_UP", "id (fup_…)"}, text{"TEXT", "Markdown; - reads standard input"};
  table.push_back({"session show",
                   "Shows a session, the source that it captured, and what was said to it while it was at work.",
                   {session},
                   client(),
                   {},
                   run<&session_show>});
  table.push_back({"session follow-up",
                   "Says something to a session at work: its agent gets it with the next turn.",
                   {session, text},
                   with({kKey}, client()),
                   {},
                   run<&session_follow_up>});
  table.push_back({"session edit-follow-up",
                   "Changes a follow-up that waits.",
                   {session, follow_up, text},
                   with({kKey}, client()),
                   {},
                   run<&session_edit_follow_up>});
  table.push_back(
      {"session remove-follow-up", "Takes back a follow-up that waits.", {session, follow_up}, client(), {}, run<&session_remove_follow_up>});
  table.push_back({"session steer",
                   "Puts a follow-up that waits into the turn that runs now.",
                   {session, follow_up},
                   with({kKey}, client()),
                   {},
                   run<&session_steer>});
  table.push_back({"session stop",
                   "Stops a session: its task is cancelled.",
                   {session},
                   with({{"--reason", "TEXT", "for the record"}, kKey}, client()),
                   {},
                   run<&session_stop>});
}

void add_resources(std::vector<Command>& table) {
  table.push_back(
      {"task list",
       "Lists tasks, the newest first.",
       {},
       with({{"--status", "STATUS", "only those", "", "", "", {"queued", "offered", "claimed", "running", "completed", "failed", "cancelled"}},
             kLimit},
            in_workspace()),
       {},
       run<&task_list>});
  table.push_back({"task show", "Shows a task.", {{"TASK", "id (tsk_…)"}}, client(), {}, run<&task_show>});
  table.push_back({"task cancel",
                   "Cancels a task: at once where it is queued, by request where it runs.",
                   {{"TASK", "id (tsk_…)"}},
                   with({{"--reason", "TEXT", "for the record"}, kKey}, client()),
                   {},
                   run<&task_cancel>});
  table.push_back({"worker list", "Lists the workers and what they do now.", {}, with({kLimit}, in_workspace()), {}, run<&worker_list>});
  table.push_back({"worker-token create",
                   "Makes a token for workers, shown once.",
                   {},
                   with({{"--label", "TEXT", "what it is for"}, kKey}, in_workspace()),
                   {},
                   run<&worker_token_create>});
  table.push_back({"worker-token list", "Lists the tokens of workers.", {}, with({kLimit}, in_workspace()), {}, run<&worker_token_list>});
  table.push_back(
      {"worker-token revoke", "Revokes a token: its workers stop.", {{"TOKEN_ID", "id (sec_…)"}}, in_workspace(), {}, run<&worker_token_revoke>});
  table.push_back({"project create",
                   "Makes a project from a git repository.",
                   {{"NAME", "for people"}},
                   with({{"--git-url", "URL", "the repository"},
                         {"--local-path", "DIR", "or a repository on the workers' machine"},
                         {"--default-branch", "NAME", "what sessions start from"},
                         kKey},
                        in_workspace()),
                   {},
                   run<&project_create>});
  table.push_back({"project list", "Lists projects.", {}, with({kLimit}, in_workspace()), {}, run<&project_list>});
  const Argument project{"PROJECT", "id (prj_…)"};
  table.push_back({"project secret set",
                   "Sets credentials for the project's repository, or a value that is masked.",
                   {project, {"KIND", "what it is", true, {"git_https", "git_ssh", "value"}}},
                   with({{"--file", "FILE", "holds the password, token, private key or value; - reads standard input", "", "", "-"},
                         {"--name", "NAME", "of a value"},
                         {"--username", "NAME", "of git_https", "", "", "git"},
                         {"--passphrase-file", "FILE", "of git_ssh: holds the key's passphrase"},
                         {"--host-key", "SHA256:…", "of git_ssh, as ssh-keygen -l prints it; else the workers' known_hosts decide"},
                         kKey},
                        client()),
                   "The value is read, never an argument: arguments are seen by others of the machine.",
                   run<&project_secret_set>});
  table.push_back(
      {"project secret list", "Lists the secrets of a project, without their values.", {project}, client(), {}, run<&project_secret_list>});
  table.push_back({"project secret remove",
                   "Removes a secret: workers get it no more.",
                   {project, {"SECRET", "its name, or id (sec_…)"}},
                   client(),
                   {},
                   run<&project_secret_remove>});
  table.push_back({"agent create",
                   "Defines an agent that comments can mention.",
                   {{"NAME", "what a mention says, without the @"}},
                   with({{"--provider", "NAME", "what runs it", "", "", "command", {"command", "codex", "claude"}},
                         {"--model", "NAME", "the provider's model"},
                         {"--instructions", "TEXT", "what it is always told"},
                         {"--command", "LINE", "program and arguments, split at spaces (provider command)"},
                         {"--timeout-ms", "N", "longest turn"},
                         kKey},
                        in_workspace()),
                   {},
                   run<&agent_create>});
  table.push_back({"agent list", "Lists agents.", {}, with({kLimit}, in_workspace()), {}, run<&agent_list>});
  table.push_back({"workspace create",
                   "Makes a workspace.",
                   {{"SLUG", "short name, in lower case"}, {"NAME", "for people"}},
                   with({kKey}, client()),
                   {},
                   run<&workspace_create>});
  table.push_back({"workspace list", "Lists your workspaces.", {}, client(), {}, run<&workspace_list>});
}

void add_approvals(std::vector<Command>& table) {
  const Argument approval{"APPROVAL", "id (apr_…)"};
  const Option session{"--session", "ID", "its session; needless while it is open"};
  const Option reason{"--reason", "TEXT", "for the record, and for the agent where it can be told"};
  const Option project{"--project", "ID", "of that project, not of the workspace"};
  table.push_back({"approval list",
                   "Lists what agents asked to be allowed, the oldest first.",
                   {},
                   with({{"--status", "STATUS", "only those", "", "", "open", {"open", "resolved", "all"}},
                         {"--session", "ID", "of that session, not of the workspace"},
                         kLimit},
                        in_workspace()),
                   {},
                   run<&approval_list>});
  table.push_back({"approval accept",
                   "Lets an agent do what it asked for.",
                   {approval},
                   with({session,
                         reason,
                         {"--for-session", "", "and the like, for the rest of the session"},
                         {"--answer", "JSON", "of questions: an object, question → list of answers"},
                         kKey},
                        in_workspace()),
                   {},
                   run<&approval_accept>});
  table.push_back({"approval decline",
                   "Refuses what an agent asked for.",
                   {approval},
                   with({session, reason, {"--end-turn", "", "the agent's turn ends"}, kKey}, in_workspace()),
                   {},
                   run<&approval_decline>});
  table.push_back(
      {"policy show", "Shows when agents ask, and what rules decide for people.", {}, with({project}, in_workspace()), {}, run<&policy_show>});
  table.push_back(
      {"policy set",
       "Sets when agents ask, and what rules decide for people.",
       {{"MODE", "when agents ask; inherit: the project goes by the workspace's", true, {"never", "on_request", "untrusted", "inherit"}}},
       with({{"--reason", "TEXT", "why"}, {"--rules", "FILE", "a JSON array of rules, see docs/approvals.md; - reads standard input"}, project, kKey},
            in_workspace()),
       {},
       run<&policy_set>});
  table.push_back({"project trust",
                   "Trusts a project: rules of policies may ask for it.",
                   {{"PROJECT", "id (prj_…)"}},
                   with({{"--off", "", "trusts it no more"}, kKey}, client()),
                   {},
                   run<&project_trust>});
}

void add_account(std::vector<Command>& table) {
  table.push_back({"sign-in",
                   "Signs in and keeps the token in the profile.",
                   {{"LOGIN", "of the user"}},
                   with({kPassword}, {kJson, kProfile, kUrl}),
                   "The password is read from standard input, without echo where it is typed, or from $DOSSIER_PASSWORD.",
                   run<&sign_in>});
  table.push_back({"sign-out", "Gives the token back.", {}, client(), {}, run<&sign_out>});
  table.push_back({"whoami", "Shows who is signed in, and the workspaces.", {}, client(), {}, run<&whoami>});
}

void add_audit(std::vector<Command>& table) {
  table.push_back({"replay",
                   "Prints an issue's story from the log, or its state as of a moment.",
                   {},
                   with({{"--issue", "ID", "the issue"},
                         {"--from", "SOURCE", "kafka where it is known, else the journal", "", "", "", {"kafka", "journal"}},
                         {"--until", "SEQ|TIME", "ends after that commit, or at that time"},
                         {"--at", "SEQ|TIME", "prints the issue's JSON as of then, not the story"},
                         {"--format", "FORMAT", "for people, or every event as JSON, one a line", "", "", "text", {"text", "ndjson"}},
                         {"--activity", "", "with what the agents said"},
                         kWorkspace,
                         kUrl,
                         kToken},
                        stack()),
                   "The same log gives the same bytes. A line of activity stands before the first event that is later than its worker's\n"
                   "clock, never before its claim, and never after the end of its offer.",
                   run<&replay_issue>});
  table.push_back({"verify",
                   "Proves that nothing was changed: log, journal, timeline, activity.",
                   {},
                   with({{"--issue", "ID", "its workspace's records, its timeline, its sessions"}, kWorkspace, kUrl, kToken}, stack()),
                   "Exit code 0, or 1 with the first bad record. Without --issue: the whole workspace.",
                   run<&verify_log>});
  table.push_back({"log info", "Shows the log: its id, partitions, and how far each is projected.", {}, stack(), {}, run<&log_info>});
  table.push_back({"log repair",
                   "Brings a log that lost records and its journal together again.",
                   {},
                   with({{"--partition", "N|all", "the halted partition, or every one that needs it"},
                         {"--dry-run", "", "says what it would do, and changes nothing"},
                         {"--lost-commits", "FILE", "where commits that are lost for good are written [./lost-commits-<partition>.ndjson]"}},
                        stack()),
                   "Where the log only lost its tail, the journal's records are appended again, byte for byte. Where others wrote behind\n"
                   "the loss, a new history begins: lost commits are written to a file, to be judged and sent again by hand.\n"
                   "Exit code 5 where nothing is to be repaired. See docs/operations.md.",
                   run<&log_repair>});
}

void add_programs(std::vector<Command>& table, const Programs& programs) {
  table.push_back({"serve",
                   "Runs the server.",
                   {},
                   {{"--listen", "HOST:PORT", "where the API listens", "DOSSIER_LISTEN", "", "127.0.0.1:8787"},
                    {"--roles", "ROLES", "any of api, intake, projector, scheduler", "DOSSIER_ROLES", "", "api,intake,projector,scheduler"},
                    {"--kafka", "HOST:PORT", "Kafka's bootstrap servers, over those in the properties", "DOSSIER_KAFKA"},
                    {"--kafka-properties", "FILE", "the server's librdkafka settings", "DOSSIER_KAFKA_PROPERTIES"},
                    {"--worker-kafka-properties", "FILE", "what workers are given when they register", "DOSSIER_WORKER_KAFKA_PROPERTIES"},
                    {"--database", "URL", "Postgres, postgresql://…", "DOSSIER_DATABASE_URL"},
                    {"--key-file", "FILE", "seals secrets in the database; made on first use", "DOSSIER_KEY_FILE"},
                    {"--blob-dir", "DIR", "large files, by their hash", "DOSSIER_BLOB_DIR"},
                    {"--topic-prefix", "NAME", "first part of the topics' names", "DOSSIER_TOPIC_PREFIX", "", "dossier"},
                    kLogLevel},
                   "SIGTERM stops it in order; a second one at once.",
                   programs.serve});
  table.push_back(
      {"worker",
       "Runs a worker: it claims tasks and runs agents in worktrees.",
       {},
       {{"--url", "URL", "the server", "DOSSIER_URL", "url", "http://127.0.0.1:8787"},
        {"--gateway", "URL", "the server, where this machine has no route to Kafka: all goes by it", "DOSSIER_WORKER_GATEWAY"},
        {"--token", "TOKEN", "token of workers (msw_…); better by $DOSSIER_TOKEN: arguments can be read by everybody", "DOSSIER_TOKEN"},
        {"--token-file", "FILE", "or a file that holds it, over --token", "DOSSIER_WORKER_TOKEN_FILE"},
        {"--name", "NAME", "for people [the machine's name]", "DOSSIER_WORKER_NAME"},
        {"--mode", "MODE", "how it reaches the log", "DOSSIER_WORKER_MODE", "", "local", {"local"}},
        {"--work-root", "DIR", "its key, repositories and worktrees [~/.local/state/dossier/worker]", "DOSSIER_WORKER_WORK_ROOT"},
        {"--dir", "DIR", "the same", "DOSSIER_WORKER_DIR"},
        {"--slots", "N", "sessions at once [2; 1 with --once]", "DOSSIER_WORKER_SLOTS"},
        {"--max-agents", "N", "agents' processes at once, those kept warm included [as many as slots]", "DOSSIER_WORKER_MAX_AGENTS"},
        {"--warm-seconds", "N", "how long an agent is kept for its next session", "DOSSIER_WORKER_WARM_SECONDS", "", "600"},
        {"--capabilities", "JSON", "laid over what it finds out by itself: {\"codex\":false,\"gpu\":true}", "DOSSIER_WORKER_CAPABILITIES"},
        {"--labels", "K=V,…", "capabilities that are strings: site=cellar,disk=ssd", "DOSSIER_WORKER_LABELS"},
        {"--account", "NAME", "agents run as this account (the worker must be root)", "DOSSIER_WORKER_ACCOUNT"},
        {"--timeout-seconds", "N", "wall time of a turn, where the agent's profile sets none", "DOSSIER_WORKER_TIMEOUT_SECONDS", "", "3600"},
        {"--max-output-mib", "N", "of a task's output in the log; the rest is kept as evidence", "DOSSIER_WORKER_MAX_OUTPUT_MIB", "", "64"},
        {"--max-processes", "N", "of a task, at a time; one more ends it", "DOSSIER_WORKER_MAX_PROCESSES", "", "1000"},
        {"--max-disk-gib", "N", "of a task's worktree and home; more ends it", "DOSSIER_WORKER_MAX_DISK_GIB", "", "20"},
        {"--drain-seconds", "N", "how long sessions may go on after SIGTERM", "DOSSIER_WORKER_DRAIN_SECONDS", "", "600"},
        {"--once", "", "ends after one task: 0 where it was completed, else 1", "DOSSIER_WORKER_ONCE"},
        kProfile,
        kLogLevel},
       "SIGTERM lets running sessions end and takes no more; what still runs after --drain-seconds goes to another worker. A second\n"
       "one ends everything at once.",
       programs.worker});
  table.push_back(
      {"worker doctor",
       "Looks whether a worker would do well on this machine; changes nothing.",
       {},
       {{"--url", "URL", "the server", "DOSSIER_URL", "url", "http://127.0.0.1:8787"},
        {"--token", "TOKEN", "token of workers (msw_…)", "DOSSIER_TOKEN"},
        {"--token-file", "FILE", "or a file that holds it, over --token", "DOSSIER_WORKER_TOKEN_FILE"},
        {"--work-root", "DIR", "where its repositories and worktrees would be [~/.local/state/dossier/worker]", "DOSSIER_WORKER_WORK_ROOT"},
        {"--account", "NAME", "agents would run as this account", "DOSSIER_WORKER_ACCOUNT"},
        {"--gateway", "URL", "the server, as a worker without a route to Kafka would use it", "DOSSIER_WORKER_GATEWAY"},
        kJson,
        kProfile},
       "Exit code 1 where something would keep it from working.",
       programs.worker_doctor});
}

void add_admin(std::vector<Command>& table) {
  table.push_back({"admin bootstrap",
                   "Makes the first user and workspace, while there is no user.",
                   {{"LOGIN", "of the user"}},
                   {{"--display-name", "TEXT", "for people"},
                    {"--workspace-name", "TEXT", "of the first workspace"},
                    {"--workspace-slug", "SLUG", "its short name"},
                    kPassword,
                    kJson,
                    kProfile,
                    kUrl},
                   "The password is read as by sign-in.",
                   run<&admin_bootstrap>});
}

}  // namespace

std::vector<Option> stack_options() { return stack(); }

std::vector<Command> command_table(const Programs& programs) {
  std::vector<Command> table;
  add_issue(table);
  add_sessions(table);
  add_resources(table);
  add_approvals(table);
  add_account(table);
  add_audit(table);
  add_programs(table, programs);
  add_admin(table);
  for (const auto& command : programs.admin) table.push_back(command);
  table.push_back({"completion",
                   "Prints the completion of a shell: source <(dossier completion bash)",
                   {{"SHELL", "bash or zsh", true, {"bash", "zsh"}}},
                   {},
                   {},
                   run<&print_completion>});
  table.push_back({"version", "Prints the version.", {}, {kJson}, {}, run<&print_version>});
  std::erase_if(table, [](const Command& command) { return command.run == nullptr; });
  return table;
}

}  // namespace dossier::cli
