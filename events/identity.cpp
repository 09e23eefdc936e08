// Identity: evolve and decide.
#include "events/identity.hpp"

#include <algorithm>

#include "events/fold.hpp"

namespace dossier::events {

bool evolve(v1::NameState& state, const v1::IdentityEvent& event) {
  switch (event.fact_case()) {
    case v1::IdentityEvent::kNameReserved:
      state.Clear();
      state.set_owner(event.name_reserved().owner());
      if (event.name_reserved().has_workspace()) *state.mutable_workspace() = event.name_reserved().workspace();
      return true;
    case v1::IdentityEvent::kNameConfirmed:
      state.set_confirmed(true);
      state.clear_workspace();
      return true;
    case v1::IdentityEvent::kNameReleased: state.Clear(); return true;
    case v1::IdentityEvent::kAdminBootstrapped:
      state.set_owner(event.admin_bootstrapped().user_id());
      state.set_confirmed(true);
      return true;
    case v1::IdentityEvent::kUserRegistered:
    case v1::IdentityEvent::kPasswordChanged:
    case v1::IdentityEvent::kAuthSessionOpened:
    case v1::IdentityEvent::kAuthSessionRevoked:
    case v1::IdentityEvent::kSecretDiscarded:
    case v1::IdentityEvent::FACT_NOT_SET: return false;
  }
  return false;
}

bool evolve(v1::UserState& state, const v1::IdentityEvent& event) {
  switch (event.fact_case()) {
    case v1::IdentityEvent::kUserRegistered:
      state.set_user_id(event.user_registered().user_id());
      state.set_password_secret_id(event.user_registered().password_secret_id());
      state.set_admin(event.user_registered().admin());
      return true;
    case v1::IdentityEvent::kPasswordChanged: state.set_password_secret_id(event.password_changed().password_secret_id()); return true;
    case v1::IdentityEvent::kAuthSessionOpened: state.add_auth_sessions(event.auth_session_opened().secret_id()); return true;
    case v1::IdentityEvent::kAuthSessionRevoked: {
      auto& open = *state.mutable_auth_sessions();
      open.erase(std::remove(open.begin(), open.end(), event.auth_session_revoked().secret_id()), open.end());
      return true;
    }
    case v1::IdentityEvent::kNameReserved:
    case v1::IdentityEvent::kNameConfirmed:
    case v1::IdentityEvent::kNameReleased:
    case v1::IdentityEvent::kAdminBootstrapped:
    case v1::IdentityEvent::kSecretDiscarded:
    case v1::IdentityEvent::FACT_NOT_SET: return false;
  }
  return false;
}

Result<std::optional<v1::IdentityEvent>> reserve_name(const v1::NameState& state, std::string_view owner, std::string_view what) {
  if (state.owner() == owner) return std::optional<v1::IdentityEvent>{};
  if (!state.owner().empty()) return make_error(Code::already_exists, "this " + std::string(what) + " is taken: choose another", std::string(what));
  v1::IdentityEvent event;
  event.mutable_name_reserved()->set_owner(std::string(owner));
  return std::optional(event);
}

Result<std::optional<v1::IdentityEvent>> confirm_name(const v1::NameState& state, std::string_view owner) {
  if (state.owner() != owner) return make_error(Code::conflict, "the name is no longer reserved for this owner");
  if (state.confirmed()) return std::optional<v1::IdentityEvent>{};
  v1::IdentityEvent event;
  event.mutable_name_confirmed()->set_owner(std::string(owner));
  return std::optional(event);
}

std::optional<v1::IdentityEvent> release_name(const v1::NameState& state, std::string_view owner) {
  if (state.owner() != owner) return std::nullopt;
  v1::IdentityEvent event;
  event.mutable_name_released()->set_owner(std::string(owner));
  return event;
}

Result<std::vector<v1::IdentityEvent>> open_auth_session(const v1::UserState& state, const v1::AuthSessionOpened& session) {
  std::vector<v1::IdentityEvent> events;
  const auto& open = state.auth_sessions();
  if (std::find(open.begin(), open.end(), session.secret_id()) != open.end()) return events;
  if (state.user_id().empty()) return make_error(Code::unauthenticated, "no such user");
  if (open.size() >= kMaxAuthSessions) events.emplace_back().mutable_auth_session_revoked()->set_secret_id(open.Get(0));
  *events.emplace_back().mutable_auth_session_opened() = session;
  return events;
}

std::optional<v1::IdentityEvent> revoke_auth_session(const v1::UserState& state, std::string_view secret_id) {
  const auto& open = state.auth_sessions();
  if (std::find(open.begin(), open.end(), secret_id) == open.end()) return std::nullopt;
  v1::IdentityEvent event;
  event.mutable_auth_session_revoked()->set_secret_id(std::string(secret_id));
  return event;
}

namespace {

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_name(std::string_view text, std::size_t least, std::string_view inner) {
  if (text.size() < least || text.size() > 64 || !is_plain(text.front()) || !is_plain(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return is_plain(c) || inner.find(c) != std::string_view::npos; });
}

}  // namespace

Status check_login(std::string_view login) {
  if (is_name(login, 1, "-_.@+")) return {};
  return make_error(Code::invalid_field, "must be 1 to 64 lower-case letters, digits or -_.@+ inside", "login");
}

Status check_slug(std::string_view slug, std::string_view field) {
  if (is_name(slug, 2, "-")) return {};
  return make_error(Code::invalid_field, "must be 2 to 64 lower-case letters, digits, or - inside", std::string(field));
}

}  // namespace dossier::events
