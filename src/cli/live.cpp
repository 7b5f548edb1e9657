// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/live_source.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "daemon/clock.hpp"
#include "live/app.hpp"
#include "live/screen.hpp"
#include "store/error.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

std::optional<std::int64_t> parse_at(const Options& options) {
  if (options.since.empty()) return std::nullopt;
  if (const auto at_us = base::parse_when(options.since, daemon::wall_now_us())) return at_us;
  throw UsageError("--at = \"" + options.since +
                   "\": expected a duration before now such as \"2h\", or a time in UTC such as \"2026-11-23T03:12\"");
}

/// While it follows, it takes a fiftieth of a processor at most, however many cgroups there are and however often they
/// are scanned.
constexpr std::int64_t kRestFor = 50, kLongestRest_us = 10 * base::kSecond_us;

void answer(live::App& app, live::Screen& screen, live::Key key) {
  if (key == live::key::kRedraw) {
    screen.repaint();
    app.resize(screen.size());
  } else {
    app.press(key);
  }
  if (key == live::key::kNone) app.rest();
}

void go_on(live::App& app, live::Screen& screen) {
  std::int64_t before_us = daemon::steady_now_us(), worked_us = 0;
  app.resize(screen.size());
  app.pass(0, daemon::wall_now_us());
  while (!app.is_over() && !live::is_asked_to_end()) {
    const std::int64_t begin_us = daemon::steady_now_us();
    if (app.is_changed()) screen.paint(app.frame());
    worked_us += daemon::steady_now_us() - begin_us;
    const bool follows = app.clock().mode == live::Clock::Mode::follows;
    const std::int64_t rest_us = follows ? std::min(kRestFor * worked_us, kLongestRest_us) : 0;
    const std::int64_t quiet_us = app.quiet_us();
    const bool is_soon = quiet_us < base::kSecond_us;  // something is still to be shown
    const live::Key key = screen.wait_for_key(is_soon ? quiet_us : std::max(quiet_us, rest_us));
    const std::int64_t now_us = daemon::steady_now_us();
    try {
      app.pass(now_us - before_us, daemon::wall_now_us());
      answer(app, screen, key);
    } catch (const store::StoreError& error) {  // the file may be replaced, and be there again in a moment
      app.fail(error.what());
    }
    before_us = now_us;
    worked_us = daemon::steady_now_us() - now_us;
  }
}

}  // namespace

int live(const Options& options) {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1)
    throw UsageError("live: standard input and output must be a terminal; `report now` has the same as text");
  const std::optional<std::int64_t> at_us = parse_at(options);
  const ReaderConfig loaded = load_for_reading(options);
  store::Reader reader(loaded.config.database);
  HistorySource source(reader, loaded.has_file ? &loaded.config.policy : nullptr, loaded.config.database);
  if (!source.newest()) throw std::runtime_error("the history is empty; `status` tells whether the service is running");
  const std::string node = source.node();
  const report::Style style = style_for(options);
  std::optional<live::Screen> screen;
  try {
    screen.emplace(style.colour, !style.ascii);
  } catch (const std::runtime_error& error) {
    throw UsageError(error.what());
  }
  live::App app(source, node.empty() ? "node" : node, at_us, !screen->shows_utf8());
  go_on(app, *screen);
  return 0;
}

}  // namespace cgmm::cli
