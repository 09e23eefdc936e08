// dossier worker doctor: findings as a table, or as JSON.
#include "app/worker_doctor_command.hpp"

#include <utility>

#include "app/cli/output.hpp"
#include "app/cli/run.hpp"
#include "app/worker_command.hpp"
#include "worker/doctor.hpp"

namespace dossier::app {
namespace {

using worker::Finding;

Result<int> examine(const cli::Invocation& in) {
  worker::DoctorOptions options;
  options.gateway = !in.text("--gateway").empty();
  options.url = options.gateway ? in.text("--gateway") : in.text("--url");
  if (!in.text("--token").empty() || !in.text("--token-file").empty()) {
    TRY(options.token, worker_token(in));
  }
  options.work_root = in.text("--work-root").empty() ? default_work_root(cli::process_environment()) : in.text("--work-root");
  options.account = in.text("--account");
  const std::vector<Finding> findings = worker::examine(options);
  bool well = true;
  json::Value::Array items;
  std::vector<std::vector<std::string>> rows;
  for (const Finding& finding : findings) {
    const std::string state(worker::to_string(finding.state));
    well = well && finding.state != Finding::State::failed;
    items.emplace_back(json::Value::Object{{"check", finding.check}, {"state", state}, {"detail", finding.detail}, {"remedy", finding.remedy}});
    rows.push_back({state, finding.check, finding.detail});
    if (!finding.remedy.empty()) rows.push_back({"", "", "→ " + finding.remedy});
  }
  if (in.json()) {
    cli::print_json(json::Value(json::Value::Object{{"well", well}, {"items", std::move(items)}}));
  } else {
    cli::print(cli::table({{"STATE"}, {"CHECK"}, {"WHAT WAS SEEN"}}, rows));
  }
  return well ? cli::kOk : cli::kFailed;
}

}  // namespace

int worker_doctor_command(const cli::Invocation& in) { return cli::run<&examine>(in); }

}  // namespace dossier::app
