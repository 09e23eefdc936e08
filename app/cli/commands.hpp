// The functions behind the table of commands. Each prints its result and answers an exit code, or an Error to be reported.
#pragma once

#include "app/cli/command.hpp"

namespace dossier::cli {

Result<int> issue_create(const Invocation& in);
Result<int> issue_edit(const Invocation& in);
Result<int> issue_comment(const Invocation& in);
Result<int> issue_list(const Invocation& in);
Result<int> issue_show(const Invocation& in);
Result<int> issue_watch(const Invocation& in);

Result<int> task_list(const Invocation& in);
Result<int> task_show(const Invocation& in);
Result<int> task_cancel(const Invocation& in);
Result<int> session_show(const Invocation& in);
Result<int> session_follow_up(const Invocation& in);
Result<int> session_edit_follow_up(const Invocation& in);
Result<int> session_remove_follow_up(const Invocation& in);
Result<int> session_steer(const Invocation& in);
Result<int> session_stop(const Invocation& in);
Result<int> worker_list(const Invocation& in);
Result<int> worker_token_create(const Invocation& in);
Result<int> worker_token_list(const Invocation& in);
Result<int> worker_token_revoke(const Invocation& in);
Result<int> project_create(const Invocation& in);
Result<int> project_list(const Invocation& in);
Result<int> project_secret_set(const Invocation& in);
Result<int> project_secret_list(const Invocation& in);
Result<int> project_secret_remove(const Invocation& in);
Result<int> agent_create(const Invocation& in);
Result<int> agent_list(const Invocation& in);
Result<int> workspace_create(const Invocation& in);
Result<int> workspace_list(const Invocation& in);

Result<int> approval_list(const Invocation& in);
Result<int> approval_accept(const Invocation& in);
Result<int> approval_decline(const Invocation& in);
Result<int> policy_show(const Invocation& in);
Result<int> policy_set(const Invocation& in);
Result<int> project_trust(const Invocation& in);

Result<int> sign_in(const Invocation& in);
Result<int> sign_out(const Invocation& in);
Result<int> whoami(const Invocation& in);
Result<int> admin_bootstrap(const Invocation& in);

Result<int> replay_issue(const Invocation& in);
Result<int> verify_log(const Invocation& in);
Result<int> log_info(const Invocation& in);
Result<int> log_repair(const Invocation& in);

Result<int> print_version(const Invocation& in);
Result<int> print_completion(const Invocation& in);

}  // namespace dossier::cli
