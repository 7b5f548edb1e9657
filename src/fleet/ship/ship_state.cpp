// SPDX-License-Identifier: Apache-2.0
#include "fleet/ship/ship_state.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

namespace cgmm::fleet {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMostBytes = 64 * 1024;

Json json_of(const Cursors& cursors) {
  return {{"changes", cursors.changes}, {"samples", cursors.samples}, {"hours", cursors.hours}};
}

Cursors cursors_of(const Json& json) {
  return {.changes = json.at("changes").get<std::int64_t>(),
          .samples = json.at("samples").get<std::int64_t>(),
          .hours = json.at("hours").get<std::int64_t>()};
}

std::string_view name_of(Kind kind) {
  constexpr std::string_view kNames[] = {"changes", "samples", "hours"};
  return kNames[static_cast<std::size_t>(kind)];
}

Kind kind_of(const std::string& name) {
  for (const Kind kind : {Kind::changes, Kind::samples, Kind::hours}) {
    if (name == name_of(kind)) return kind;
  }
  throw std::out_of_range(name);
}

Json json_of(const InFlight& batch) {
  return {{"lane", batch.lane == Lane::forward ? "forward" : "backfill"},
          {"kind", name_of(batch.planned.range.kind)},
          {"after", batch.planned.range.after},
          {"to", batch.planned.range.to},
          {"cursor", batch.planned.cursor},
          {"refused_count", batch.refused_count}};
}

InFlight in_flight_of(const Json& json) {
  return {.lane = json.at("lane") == "forward" ? Lane::forward : Lane::backfill,
          .planned = {.range = {.kind = kind_of(json.at("kind").get<std::string>()),
                                .after = json.at("after").get<std::int64_t>(),
                                .to = json.at("to").get<std::int64_t>()},
                      .cursor = json.at("cursor").get<std::int64_t>()},
          .refused_count = json.value("refused_count", std::int64_t{0})};
}

base::Fd open_or_throw(const std::filesystem::path& file, int flags) {
  base::Fd fd(::open(file.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0640));
  if (!fd) base::throw_errno(errno, "can't open " + file.string());
  return fd;
}

/// A file that root makes belongs to the owner of its directory: the unit, which is not root, goes on with it.
base::Fd make_or_throw(const std::filesystem::path& file, int flags) {
  base::Fd fd = open_or_throw(file, flags | O_CREAT);
  struct stat directory = {};
  const auto parent = file.parent_path();
  if (::geteuid() == 0 && ::stat(parent.empty() ? "." : parent.c_str(), &directory) == 0 &&
      ::fchown(fd.get(), directory.st_uid, directory.st_gid) != 0)
    base::throw_errno(errno, "can't give " + file.string() + " to the owner of its directory");
  return fd;
}

void write_all(int fd, std::string_view text, const std::filesystem::path& file) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) base::throw_errno(errno, "can't write " + file.string());
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string to_json(const ShipState& state) {
  Json json = {{"version", kVersion},
               {"history_id", state.history_id},
               {"node", state.node},
               {"timeline", state.timeline},
               {"forward", json_of(state.forward)},
               {"sent_at_us", state.sent_at_us},
               {"backfill", json_of(state.backfill)},
               {"backfill_end", json_of(state.backfill_end)},
               {"backfill_samples_left", state.backfill_samples_left},
               {"lost_samples", state.lost_samples},
               {"lost_scans", state.lost_scans},
               {"refused_rows", state.refused_rows},
               {"node_sent_at_us", state.node_sent_at_us},
               {"taken_at_us", state.taken_at_us}};
  if (state.in_flight) json["in_flight"] = json_of(*state.in_flight);
  if (state.failing) json["failing"] = {{"since_us", state.failing->since_us}, {"why", state.failing->why}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<ShipState> state_from_json(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("version") != kVersion) return std::nullopt;
    ShipState state{.history_id = json.at("history_id").get<std::string>(),
                    .node = json.at("node").get<std::string>(),
                    .timeline = json.value("timeline", std::int64_t{0}),
                    .forward = cursors_of(json.at("forward")),
                    .sent_at_us = json.value("sent_at_us", std::int64_t{0}),
                    .backfill = cursors_of(json.at("backfill")),
                    .backfill_end = cursors_of(json.at("backfill_end")),
                    .backfill_samples_left = json.at("backfill_samples_left").get<std::int64_t>(),
                    .lost_samples = json.at("lost_samples").get<std::int64_t>(),
                    .lost_scans = json.at("lost_scans").get<std::int64_t>(),
                    .refused_rows = json.value("refused_rows", std::int64_t{0}),
                    .node_sent_at_us = json.at("node_sent_at_us").get<std::int64_t>(),
                    .taken_at_us = json.value("taken_at_us", std::int64_t{0})};
    if (json.contains("in_flight")) state.in_flight = in_flight_of(json.at("in_flight"));
    if (json.contains("failing")) {
      const Json& failing = json.at("failing");
      state.failing = {.since_us = failing.at("since_us").get<std::int64_t>(),
                       .why = failing.at("why").get<std::string>()};
    }
    return state;
  } catch (const Json::exception&) {
  } catch (const std::out_of_range&) {
  }
  return std::nullopt;
}

StateFile::StateFile(std::filesystem::path file, Mode mode) : file_(std::move(file)), mode_(mode) {
  if (mode_ == Mode::only_reads) return;
  const std::filesystem::path lock = file_.string() + ".lock";
  lock_ = make_or_throw(lock, O_RDWR);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) base::throw_errno(errno, "can't lock " + lock.string());
  throw ShipError("another `ship` uses the state " + file_.string() + "; stop it, or give this one its own state_file");
}

std::optional<ShipState> StateFile::read(bool& is_bad) const {
  is_bad = false;
  const base::Fd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) base::throw_errno(errno, "can't open " + file_.string());
  std::string text(kMostBytes, '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size(); size += static_cast<std::size_t>(got)) {
    got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0) base::throw_errno(errno, "can't read " + file_.string());
  }
  text.resize(size);
  auto state = state_from_json(text);
  is_bad = !state;
  return state;
}

void StateFile::write(const ShipState& state) const {
  if (mode_ == Mode::only_reads) return;
  const std::filesystem::path next = file_.string() + ".new";
  const base::Fd fd = make_or_throw(next, O_WRONLY | O_TRUNC);
  write_all(fd.get(), to_json(state), next);
  if (::fsync(fd.get()) != 0) base::throw_errno(errno, "can't write " + next.string());
  if (::rename(next.c_str(), file_.c_str()) != 0) base::throw_errno(errno, "can't replace " + file_.string());
  const auto parent = file_.parent_path();
  const base::Fd directory = open_or_throw(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY);
  if (::fsync(directory.get()) != 0) base::throw_errno(errno, "can't write " + parent.string());
}

}  // namespace cgmm::fleet
