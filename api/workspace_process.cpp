// The steps, one after the other, holding no thread between them.
#include "api/workspace_process.hpp"

#include "api/body.hpp"
#include "api/json_object.hpp"
#include "producers/commands/identity.hpp"

namespace dossier::api {

using producers::Committed;

void finish_workspace(Environment& environment, const v1::WorkspaceCreated& workspace, std::function<void(Result<Committed>)> done) {
  producers::Command create{producers::commands::create_workspace_context(workspace), producers::commands::create_workspace(workspace), {}};
  environment.commands.run(std::move(create), [&environment, workspace, done](Result<Committed> created) {
    if (!created) return done(std::move(created));
    producers::Command confirm{producers::commands::confirm_workspace_context(workspace), producers::commands::confirm_workspace(workspace), {}};
    environment.commands.run(std::move(confirm), [created = *std::move(created), done](Result<Committed> confirmed) {
      if (!confirmed) return done(std::move(confirmed));
      done(created);
    });
  });
}

std::optional<v1::WorkspaceCreated> reserved_workspace(const producers::AcceptedCommit& commit) {
  for (const Fact& fact : facts_of(commit))
    if (fact.payload.identity().name_reserved().has_workspace()) return fact.payload.identity().name_reserved().workspace();
  return std::nullopt;
}

const Schema& workspace_schema() {
  static const Schema schema{"Workspace",
                             {{"id", FieldType::string, true, "ws_…"},
                              {"slug", FieldType::string, true, {}},
                              {"name", FieldType::string, true, {}, {}, true},
                              {"kind", FieldType::string, true, "personal or team"},
                              {"owner_id", FieldType::string, true, "usr_…"},
                              {"role", FieldType::string, true, "of who asks: viewer, member, admin or owner"},
                              {"created_at", FieldType::string, true, "RFC 3339"},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}

std::string new_workspace_json(const v1::WorkspaceCreated& workspace, const producers::AcceptedCommit& created) {
  return std::move(JsonObject()
                       .text("id", workspace.workspace_id())
                       .text("slug", workspace.slug())
                       .raw("name", text_json(workspace.name()))
                       .text("kind", workspace.kind() == v1::WorkspaceCreated::PERSONAL ? "personal" : "team")
                       .text("owner_id", workspace.owner_id())
                       .text("role", "owner")
                       .raw("created_at", time_json(created.time_us))
                       .number("seq", static_cast<std::int64_t>(created.seq)))
      .finish();
}

}  // namespace dossier::api
