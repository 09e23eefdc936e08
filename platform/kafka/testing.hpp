// For tests only: what a broker can't be made to do at will.
#pragma once

#include "platform/topic/topic.hpp"

namespace dossier::kafka {

// The writer (one of make_writer) meets a fatal error, as from a broker that has fenced its producer.
void raise_fatal_error(topic::Writer& writer);

}  // namespace dossier::kafka
