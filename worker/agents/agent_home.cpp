// Links, copies, owners.
#include "worker/agents/agent_home.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace dossier::worker {

namespace fs = std::filesystem;

std::string variable_or(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

Status make_agent_home(const AgentRequest& request, const std::string& home, const std::string& own, const std::string& name) {
  std::error_code failed;
  fs::create_directories(home, failed);
  if (failed) return make_error(Code::io, "can't make " + home + ": " + failed.message());
  const std::string lent = home + "/" + name;
  if (fs::exists(own, failed) && !fs::exists(lent, failed)) {
    failed.clear();
    if (request.account)
      fs::copy_file(own, lent, failed);
    else
      fs::create_symlink(own, lent, failed);
    if (failed) return make_error(Code::io, "can't lend " + own + " to the agent: " + failed.message());
  }
  if (request.account)
    for (const std::string& path : {home, lent})
      if (fs::exists(path, failed) && ::lchown(path.c_str(), request.account->uid, request.account->gid) != 0)
        return make_error(Code::io, "can't give " + path + " to the account " + request.account->name);
  return {};
}

}  // namespace dossier::worker
