// SPDX-License-Identifier: Apache-2.0
#include "cli/status_ship.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "base/fd.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/output.hpp"
#include "report/format/row.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024;
constexpr std::int64_t kLate_us = 10 * base::kMinute_us;  // the longest pause after a refusal

/// What of the state matters here; fleet/ship/ship_state writes it.
struct State {
  std::string history_id;
  std::int64_t changes = 0, scan_id = 0;  // were sent
  bool is_in_backfill = false;
  std::int64_t backfill_samples = 0;  // are left
  std::int64_t lost_scans = 0, lost_samples = 0;
  std::int64_t refused_rows = 0;
  std::int64_t sent_at_us = 0;        // 0: never
  std::int64_t failing_since_us = 0;  // 0: it is not
  std::string why;                    // it is failing
};

/// errno is kept before a sentence is made: the memory for that may come from a place of which malloc() says ENOMEM
/// first.
[[noreturn]] void fail(int error, const char* doing, const std::string& file) {
  base::throw_errno(error, doing + file);
}

std::string read_file(const std::string& file) {
  const base::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) fail(errno, "can't open ", file);
  std::string text(kMostBytes, '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size(); size += static_cast<std::size_t>(got)) {
    got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0) fail(errno, "can't read ", file);
  }
  text.resize(size);
  return text;
}

/// nullopt: it is none.
std::optional<State> state_from_json(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    const auto number = [](const nlohmann::json& from, const char* key) { return from.at(key).get<std::int64_t>(); };
    const auto failing = json.value("failing", nlohmann::json::object());
    return State{.history_id = json.at("history_id").get<std::string>(),
                 .changes = number(json.at("forward"), "changes"),
                 .scan_id = number(json.at("forward"), "samples"),
                 .is_in_backfill = json.at("backfill") != json.at("backfill_end"),
                 .backfill_samples = number(json, "backfill_samples_left"),
                 .lost_scans = number(json, "lost_scans"),
                 .lost_samples = number(json, "lost_samples"),
                 .refused_rows = json.value("refused_rows", std::int64_t{0}),
                 .sent_at_us = json.value("taken_at_us", std::int64_t{0}),
                 .failing_since_us = failing.value("since_us", std::int64_t{0}),
                 .why = failing.value("why", "")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::string ago(std::int64_t at_us, std::int64_t now_us) {
  return base::format_duration_us(std::max<std::int64_t>(now_us - at_us, 0)) + " ago";
}

core::Cell time_or_null(std::int64_t at_us) { return at_us > 0 ? core::Cell(at_us) : core::Cell(); }

/// "12 changes and 3 scans wait, the first since 2m"; "nothing waits".
std::string waiting(const report::Row& lag, const State& state, std::int64_t now_us) {
  const std::int64_t changes = lag.integer("changes"), scans = lag.integer("scans");
  if (changes == 0 && scans == 0) return state.is_in_backfill ? "" : "nothing waits";
  std::string text = changes > 0 ? base::counted(changes, "change") : "";
  if (scans > 0) text += (changes > 0 ? " and " : "") + base::counted(scans, "scan");
  text += changes + scans == 1 ? " waits" : " wait";
  const auto from_at_us = lag.known("scans_from_at_us");
  if (scans > 0 && from_at_us) text += ", the oldest scan is from " + ago(*from_at_us, now_us);
  return text;
}

void add(std::string& text, const std::string& part) {
  if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
}

ShipStatus status_of(const State& state, const config::Ship& settings, const report::Row& lag, std::int64_t now_us) {
  const bool is_failing = state.failing_since_us > 0;
  const std::int64_t late_us = kLate_us + 2 * settings.samples_every_us;
  const bool is_late = state.sent_at_us > 0 && now_us - state.sent_at_us > late_us;
  std::string words;
  if (is_failing) add(words, "has failed since " + ago(state.failing_since_us, now_us) + ": " + state.why);
  if (is_late && !is_failing) add(words, "not at work");
  add(words, state.sent_at_us > 0 ? "last sent " + ago(state.sent_at_us, now_us) : "nothing was sent yet");
  add(words, waiting(lag, state, now_us));
  if (state.is_in_backfill)
    add(words, "of what was there at its first start, up to " + base::counted(state.backfill_samples, "sample") +
                   " and more wait");
  if (state.lost_scans > 0 || state.lost_samples > 0)
    add(words, base::counted(state.lost_scans, "scan") + " and " + base::counted(state.lost_samples, "sample") +
                   " were deleted before they were sent");
  if (state.refused_rows > 0) add(words, "ClickHouse did not take " + base::counted(state.refused_rows, "row"));
  return {.words = words,
          .is_ill = is_failing || is_late || state.sent_at_us == 0,
          .columns = {{"ship_sent_at_us", time_or_null(state.sent_at_us)},
                      {"ship_changes_waiting_count", lag.cell("changes")},
                      {"ship_scans_waiting_count", lag.cell("scans")},
                      {"ship_scans_waiting_from_at_us", lag.cell("scans_from_at_us")},
                      {"ship_backfill_samples_count", state.backfill_samples},
                      {"ship_lost_scans_count", state.lost_scans},
                      {"ship_lost_samples_count", state.lost_samples},
                      {"ship_refused_rows_count", state.refused_rows},
                      {"ship_failing_since_at_us", time_or_null(state.failing_since_us)},
                      {"ship_failing_why", state.why.empty() ? core::Cell() : core::Cell(state.why)}}};
}

ShipStatus look(const config::Ship& settings, const std::filesystem::path& database, std::int64_t now_us) {
  const auto state = state_from_json(read_file(settings.state_file));
  if (!state) return {.words = "not known: " + settings.state_file + " can't be understood"};
  store::Reader reader(database);
  const core::Table lag = answer_to("part_ship", reader, {{"changes", state->changes}, {"scan_id", state->scan_id}});
  const report::Row row(lag);
  if (row.text("history_id") != state->history_id)
    return {.words = "the history was begun anew, and nothing of it was sent yet", .is_ill = true};
  return status_of(*state, settings, row, now_us);
}

}  // namespace

ShipStatus ship_status(const config::Ship& settings, const std::filesystem::path& database, std::int64_t now_us) {
  if (settings.urls.empty()) return {};
  try {
    return look(settings, database, now_us);
  } catch (const std::system_error& error) {
    if (error.code().value() == ENOENT)
      return {.words = "nothing was sent yet: there is no " + settings.state_file, .is_ill = true};
    const bool is_refused = error.code().value() == EACCES || error.code().value() == EPERM;
    return {.words = std::string("not known: ") + error.what() + (is_refused ? "; root can read it" : "")};
  } catch (const std::exception& error) {
    return {.words = std::string("not known: ") + error.what()};
  }
}

}  // namespace cgmm::cli
