// /v1/workspaces/{ws}/blobs/{sha256}
#include "api/blob_store.hpp"
#include "api/json_object.hpp"
#include "api/problem.hpp"
#include "api/resources.hpp"
#include "base/encoding.hpp"

namespace dossier::api::blobs {
namespace {

constexpr std::size_t kMaxMediaTypeBytes = 200;

constexpr std::string_view kPutSql = R"(
INSERT INTO dossier.blobs (workspace, sha256, size, media_type) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING)";
constexpr std::string_view kTypeSql = R"(SELECT media_type FROM dossier.blobs WHERE workspace = $1 AND sha256 = $2)";

const Schema& blob_schema() {
  static const Schema schema{
      "Blob", {{"sha256", FieldType::string, true, {}}, {"size", FieldType::integer, true, "bytes"}, {"media_type", FieldType::string, true, {}}}};
  return schema;
}

Result<std::string> name_of(const Call& call) {
  const std::string& name = call.path_value("sha256");
  if (!is_blob_name(name)) return make_error(Code::invalid_field, "must be a SHA-256 in 64 lower-case hex digits", "sha256");
  return name;
}

class BlobSink final : public http::BodySink {
 public:
  BlobSink(CallPtr call, std::unique_ptr<BlobWriter> writer, std::string name, std::string media_type)
      : call_(std::move(call)), writer_(std::move(writer)), name_(std::move(name)), media_type_(std::move(media_type)) {}
  Status write(std::string_view bytes) override { return writer_->write(bytes); }
  http::Response finish() override {
    if (const Status committed = writer_->commit(); !committed) return problem(committed.error());
    const auto size = static_cast<std::int64_t>(writer_->size());
    const auto kept = call_->environment->database.write_one(
        kPutSql, postgres::Params().text(call_->access.workspace).bytes(*from_hex(name_)).int8(size).text(media_type_));
    if (!kept) return problem(kept.error());
    http::Response response;
    response.status = 201;
    response.body = std::move(JsonObject().text("sha256", name_).number("size", size).text("media_type", media_type_)).finish();
    response.set("Content-Type", "application/json");
    return response;
  }

 private:
  CallPtr call_;
  std::unique_ptr<BlobWriter> writer_;
  std::string name_;
  std::string media_type_;
};

Result<std::unique_ptr<http::BodySink>> open_upload(CallPtr call) {
  TRY(std::string name, name_of(*call));
  const std::string* type = call->request.header("content-type");
  std::string media_type = type == nullptr ? "application/octet-stream" : *type;
  if (media_type.size() > kMaxMediaTypeBytes || !is_utf8(media_type))
    return make_error(Code::invalid_field, "must be a media type of at most 200 bytes", "Content-Type");
  TRY(auto writer, BlobWriter::open(call->environment->blob_folder, call->access.workspace, name));
  return std::unique_ptr<http::BodySink>(std::make_unique<BlobSink>(std::move(call), std::move(writer), std::move(name), std::move(media_type)));
}

void download(CallPtr call, http::Responder responder) {
  const auto name = name_of(*call);
  if (!name) return responder(problem(name.error()));
  auto source = open_blob(call->environment->blob_folder, call->access.workspace, *name);
  if (!source) return responder(problem(source.error()));
  const auto rows = call->environment->database.read_one(kTypeSql, postgres::Params().text(call->access.workspace).bytes(*from_hex(*name)));
  if (!rows) return responder(problem(rows.error()));
  http::Response response;
  // Never shown as a page of this origin, whatever its type says.
  response.set("Content-Type", rows->empty() ? "application/octet-stream" : rows->front().str(0));
  response.set("Content-Disposition", "attachment");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Content-Security-Policy", "sandbox");
  response.set("ETag", "\"" + *name + "\"");
  response.set("Cache-Control", "private, max-age=31536000, immutable");
  response.source = *std::move(source);
  responder(std::move(response));
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "PUT",
                    .path = "/v1/workspaces/{ws}/blobs/{sha256}",
                    .operation = "putBlob",
                    .summary = "Store bytes under their SHA-256; at most 1 GiB",
                    .auth = Auth::either,
                    .scope = Scope::workspace,
                    .status = 201,
                    .response = &blob_schema(),
                    .answer = Upload{kMaxBlobBytes, open_upload}});
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/blobs/{sha256}",
                    .operation = "getBlob",
                    .summary = "The bytes, verified on the way",
                    .auth = Auth::either,
                    .scope = Scope::workspace,
                    .response_type = "application/octet-stream",
                    .answer = Custom{download}});
}

}  // namespace dossier::api::blobs
