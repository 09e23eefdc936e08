// Protobuf's wire format, as far as finding two fields needs it.
#include "replay/record_peek.hpp"

#include <cstdint>

#include "events/limits.hpp"

namespace dossier::replay {
namespace {

struct Field {
  std::uint64_t number = 0;
  std::uint64_t varint = 0;  // wire type 0
  std::string_view bytes;    // wire type 2
  bool is_varint = false;
  bool is_bytes = false;
};

bool take_varint(std::string_view& in, std::uint64_t& out) noexcept {
  out = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (in.empty()) return false;
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    out |= std::uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

// False: the bytes are no field (or one of the deprecated groups).
bool take_field(std::string_view& in, Field& field) noexcept {
  std::uint64_t tag = 0;
  if (!take_varint(in, tag)) return false;
  field = Field{};
  field.number = tag >> 3;
  switch (tag & 7) {
    case 0: field.is_varint = true; return take_varint(in, field.varint);
    case 1:
      if (in.size() < 8) return false;
      in.remove_prefix(8);
      return true;
    case 2: {
      std::uint64_t size = 0;
      if (!take_varint(in, size) || size > in.size()) return false;
      field.is_bytes = true;
      field.bytes = in.substr(0, size);
      in.remove_prefix(size);
      return true;
    }
    case 5:
      if (in.size() < 4) return false;
      in.remove_prefix(4);
      return true;
    default: return false;
  }
}

constexpr std::uint64_t kEnvelopeVersionField = 1, kCommitField = 3, kWorkspaceField = 2;

}  // namespace

std::string_view peek_workspace(std::string_view value) noexcept {
  std::string_view commit;
  bool known_version = false;
  Field field;
  while (!value.empty()) {
    if (!take_field(value, field)) return {};
    if (field.number == kEnvelopeVersionField) {
      if (!field.is_varint || field.varint != events::kEnvelopeVersion) return {};
      known_version = true;
    } else if (field.number == kCommitField && field.is_bytes && commit.data() == nullptr) {
      commit = field.bytes;
    } else {
      return {};  // another body, or a second one: the decoder decides which counts
    }
  }
  if (!known_version || commit.data() == nullptr) return {};
  std::string_view workspace;
  while (!commit.empty()) {
    if (!take_field(commit, field)) return {};
    if (field.number != kWorkspaceField) continue;
    if (!field.is_bytes || workspace.data() != nullptr) return {};
    workspace = field.bytes;
  }
  return workspace;
}

}  // namespace dossier::replay
