// One query, two events.
#include "projections/parked_commands.hpp"

#include <algorithm>

#include "events/codec.hpp"
#include "events/names.hpp"
#include "platform/postgres/connection.hpp"
#include "projections/projection.hpp"

namespace dossier::projections {
namespace {

constexpr std::string_view kList = R"sql(
SELECT read_model, workspace, stream, min(partition), min("offset"), count(*),
       (array_agg(error ORDER BY "offset", event_index))[1]
FROM dossier.parked
WHERE generation = (SELECT number FROM dossier.generations WHERE state = 'live')
GROUP BY read_model, workspace, stream
ORDER BY min(parked_at), 1, 2, 3
LIMIT $1
)sql";

Status check(std::string_view read_model, std::string_view stream) {
  const auto& models = registry();
  if (std::none_of(models.begin(), models.end(), [&](const Projection& model) { return model.name == read_model; }))
    return make_error(Code::invalid_field, "there is no read model of this name: see `dossier parked list`", "read_model");
  if (!events::is_stream(stream)) return make_error(Code::invalid_field, "must be a stream's name, as in `dossier parked list`", "stream");
  return {};
}

}  // namespace

Result<std::vector<ParkedSummary>> list_parked(const std::string& url, std::size_t limit) {
  postgres::ConnectionOptions options;
  options.url = url;
  TRY(const auto connection, postgres::Connection::open(options));
  TRY(const auto set, connection->query(kList, postgres::Params().int8(static_cast<std::int64_t>(limit))));
  std::vector<ParkedSummary> out;
  for (const auto row : set) out.push_back({row.str(0), row.str(1), row.str(2), row.int32(3), row.int64(4), row.int64(5), row.str(6)});
  return out;
}

Result<v1::Event> parked_retried(std::string_view read_model, std::string_view stream) {
  TRY_STATUS(check(read_model, stream));
  v1::EventPayload payload;
  payload.mutable_parking()->mutable_parked_retried()->set_read_model(std::string(read_model));
  payload.mutable_parking()->mutable_parked_retried()->set_stream(std::string(stream));
  return events::make_event(events::parking_stream(read_model), {}, payload);
}

Result<v1::Event> parked_discarded(std::string_view read_model, std::string_view stream) {
  TRY_STATUS(check(read_model, stream));
  v1::EventPayload payload;
  payload.mutable_parking()->mutable_parked_discarded()->set_read_model(std::string(read_model));
  payload.mutable_parking()->mutable_parked_discarded()->set_stream(std::string(stream));
  return events::make_event(events::parking_stream(read_model), {}, payload);
}

}  // namespace dossier::projections
