// Tokens of users.
#include "api/auth_session.hpp"

#include "api/json_object.hpp"
#include "base/encoding.hpp"
#include "events/names.hpp"
#include "platform/crypto/crypto.hpp"
#include "producers/commands/identity.hpp"

namespace dossier::api {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kPrefixBytes = 12;

}  // namespace

void open_session(Environment& environment, const UserId& user, std::function<void(Result<OpenedSession>)> done) {
  OpenedSession opened;
  opened.token = "dst_" + to_base64url(crypto::random_bytes(kTokenBytes));
  opened.expires_us = environment.clock.wall_us() + kSessionLifeUs;
  producers::TokenRecord record;
  record.id = SecretId("sec_" + crypto::random_uuid_hex());
  record.kind = producers::TokenKind::user;
  record.subject = user.str();
  record.sha256 = crypto::sha256(opened.token);
  record.prefix = opened.token.substr(0, kPrefixBytes);
  record.expires_us = opened.expires_us;
  if (const Status stored = environment.secrets.put_token(record); !stored) return done(stored.error());

  producers::CommandContext context;
  context.workspace = identity_domain();
  context.commit_id = events::derive_commit_id(identity_domain(), user.str(), "open_auth_session", record.id.str());
  context.actor.set_kind(v1::Actor::USER);
  context.actor.set_id(user.str());
  context.fingerprint = std::string(crypto::view(crypto::sha256(record.id.str())));
  context.fresh_key = true;
  producers::Command open{context, producers::commands::open_auth_session({user, record.id, record.prefix, record.expires_us}),
                          events::user_stream(user)};
  environment.commands.run(std::move(open), [opened = std::move(opened), done](Result<producers::Committed> committed) mutable {
    if (!committed) return done(committed.error());
    opened.committed = *std::move(committed);
    done(std::move(opened));
  });
}

const Schema& user_schema() {
  static const Schema schema{"User",
                             {{"id", FieldType::string, true, "usr_…"},
                              {"login", FieldType::string, true, {}, {}, true},
                              {"display_name", FieldType::string, true, {}, {}, true},
                              {"admin", FieldType::boolean, true, "of the server"}}};
  return schema;
}

std::string user_json(const User& user) {
  return std::move(
             JsonObject().text("id", user.id).raw("login", user.login_json).raw("display_name", user.display_name_json).boolean("admin", user.admin))
      .finish();
}

}  // namespace dossier::api
