// See precompiled.cmake.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "dossier/v1/commit.pb.h"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"
#include "dossier/v1/worker.pb.h"
