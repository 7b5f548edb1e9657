// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a browser makes of a page: headless Chromium loads it in a frame of a given size, and a page around it
// (measure.html, not shipped) tells what is to be seen. One thread.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli_test.hpp"
#include "support/child_process.hpp"
#include "support/program.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::test {

/// In CSS pixels.
struct Viewport {
  int width = 1280;
  int height = 2000;
};
inline constexpr Viewport kDesktop{}, kTablet{768, 1024}, kPhone{390, 844}, kSmallPhone{320, 640};
enum class Theme { light, dark };

/// A label of a chart: class "ax", or text in SVG.
struct SeenLabel {
  std::string text;
  double left = 0, top = 0, right = 0, bottom = 0;
  double font_px = 0;  // as rendered

  bool overlaps(const SeenLabel& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

struct Seen {
  std::vector<std::string> console;   // what was logged, what the policy refused among it
  std::vector<std::string> requests;  // what it fetched, or tried to
  int script_count = 0;
  int figure_count = 0;
  double page_width = 0;  // over Viewport::width: it scrolls sideways
  std::string title, text;
  std::vector<SeenLabel> labels;   // those that are visible
  std::vector<std::string> faint;  // texts with a contrast under 4.5 to what is behind them
};

class Browser {
 public:
  /// Why there is none here; nullopt when there is.
  static std::optional<std::string> missing() {
    if (find()) return std::nullopt;
    return "there is no chromium (Debian package chromium)";
  }

  /// In each of these sizes, in their order. What was logged is told with the first. Throws with what
  /// Chromium said when it does not answer.
  static std::vector<Seen> look_at(const std::filesystem::path& page, const std::vector<Viewport>& viewports,
                                   Theme theme = Theme::light) {
    const TempDir files;
    std::filesystem::copy_file(page, files.path() / "page.html");
    auto sizes = nlohmann::json::array();
    for (const Viewport& viewport : viewports) sizes.push_back({viewport.width, viewport.height});
    std::string around = content_of(CGMM_BROWSER_SOURCE_DIR "/measure.html");
    constexpr std::string_view kSizes = "VIEWPORTS";
    around.replace(around.find(kSizes), kSizes.size(), sizes.dump());
    std::ofstream(files.path() / "measure.html") << around;

    const Streams streams{files.path() / "out", files.path() / "err"};
    ChildProcess child = ChildProcess::fork_off([&] { return become_chromium(files.path(), theme, streams); });
    const auto exit_code = child.wait_for_exit(std::chrono::seconds{90});
    const std::string out = content_of(streams.out), err = content_of(streams.err);
    constexpr std::string_view kBegin = "<pre id=\"seen\">";
    const std::size_t begin = out.find(kBegin), end = out.find("</pre>", begin);
    if (exit_code != 0 || begin == std::string::npos || end == begin + kBegin.size() || end == std::string::npos) {
      throw std::runtime_error("chromium did not answer; it said:\n" + out + err);
    }
    const std::string_view answer(out.data() + begin + kBegin.size(), end - begin - kBegin.size());
    std::vector<Seen> all;
    for (const auto& one : nlohmann::json::parse(from_percent(answer))) all.push_back(seen_of(one));
    all.at(0).console = console_of(err);
    return all;
  }

  /// To be told what to do over the file descriptors 3 and 4; for a child.
  static int become_chromium(const std::filesystem::path& files, const Viewport& viewport, const Streams& streams) {
    redirect_to(streams);
    return become({"--remote-debugging-pipe",
                   "--window-size=" + std::to_string(viewport.width) + "," + std::to_string(viewport.height)},
                  files);
  }

 private:
  static std::optional<std::filesystem::path> find() {
    const char* const path = std::getenv("PATH");
    std::istringstream directories(path != nullptr ? path : "/usr/bin:/bin");
    for (std::string directory; std::getline(directories, directory, ':');) {
      const std::filesystem::path file = std::filesystem::path(directory) / "chromium";
      if (::access(file.c_str(), X_OK) == 0) return file;
    }
    return std::nullopt;
  }

  /// With these and those that every test needs. Nothing of it may reach out: what a page fetches must fail here as it
  /// would offline.
  static int become(const std::vector<std::string>& more, const std::filesystem::path& files) {
    std::vector<std::string> arguments{
        find().value(),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-extensions",
        "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--hide-scrollbars",
        "--user-data-dir=" + (files / "profile").string(),
    };
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(argv.front(), argv.data());
    return 127;
  }

  static int become_chromium(const std::filesystem::path& files, Theme theme, const Streams& streams) {
    redirect_to(streams);
    return become({"--allow-file-access-from-files",  // lets the page around it look into the frame
                   "--enable-logging=stderr", "--v=0",
                   "--blink-settings=preferredColorScheme=" + std::string(theme == Theme::dark ? "0" : "1"),
                   "--window-size=1400,2000", "--dump-dom", "file://" + (files / "measure.html").string()},
                  files);
  }

  /// encodeURIComponent() undone.
  static std::string from_percent(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        out += text[i];
        continue;
      }
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    }
    return out;
  }

  static Seen seen_of(const nlohmann::json& json) {
    Seen seen{.console = {},
              .requests = json.at("requests"),
              .script_count = json.at("scripts"),
              .figure_count = json.at("figures"),
              .page_width = json.at("width"),
              .title = json.at("title"),
              .text = json.at("text"),
              .labels = {},
              .faint = json.at("faint")};
    for (const auto& label : json.at("labels")) {
      seen.labels.push_back({.text = label.at("text"),
                             .left = label.at("left"),
                             .top = label.at("top"),
                             .right = label.at("right"),
                             .bottom = label.at("bottom"),
                             .font_px = label.at("font_px")});
    }
    return seen;
  }

  /// What Chromium has to say about the machine is none of a page's business.
  static std::vector<std::string> console_of(const std::string& err) {
    std::vector<std::string> lines;
    std::istringstream all(err);
    for (std::string line; std::getline(all, line);) {
      if (line.find(":CONSOLE:") != std::string::npos) lines.push_back(line);
    }
    return lines;
  }
};

/// What is wrong with it for anybody who looks at it; empty where nothing is.
inline std::vector<std::string> faults_of(const Seen& seen, const Viewport& viewport) {
  const double least_px = viewport.width < 640 ? 9 : 11;
  std::vector<std::string> faults;
  for (const std::string& line : seen.console) faults.push_back("logged: " + line);
  for (const std::string& request : seen.requests) faults.push_back("fetched: " + request);
  for (const std::string& text : seen.faint) faults.push_back("hard to read: " + text);
  if (seen.script_count > 0) faults.emplace_back("has scripts");
  if (seen.page_width > viewport.width) {
    faults.push_back("is " + std::to_string(seen.page_width) + " wide on " + std::to_string(viewport.width));
  }
  for (std::size_t i = 0; i < seen.labels.size(); ++i) {
    const SeenLabel& label = seen.labels[i];
    if (label.font_px < least_px) faults.push_back("too small: " + label.text);
    if (label.left < 0 || label.right > viewport.width) faults.push_back("cut off: " + label.text);
    for (std::size_t other = i + 1; other < seen.labels.size(); ++other) {
      if (label.overlaps(seen.labels[other])) {
        faults.push_back("on top of each other: " + label.text + ", " + seen.labels[other].text);
      }
    }
  }
  return faults;
}

/// With a history of its own, and a browser.
class BrowserTest : public CliTest {
 protected:
  void SetUp() override {
    const auto why = Browser::missing();
    if (why) GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << *why << " ***";
  }

  /// The page that a subcommand makes of this test's history.
  std::filesystem::path page_of(std::vector<std::string> arguments) const {
    const std::filesystem::path page = file("page.html");
    arguments.insert(arguments.end(), {"--format", "html", "--output", page});
    const Answer answer = ask(arguments);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    return page;
  }

  /// In each size and theme; gives what is seen on a phone.
  static Seen expect_no_fault(const std::filesystem::path& page) {
    const std::vector<Viewport> viewports{kDesktop, kTablet, kSmallPhone, kPhone};
    Seen on_phone;
    for (const Theme theme : {Theme::dark, Theme::light}) {
      const std::vector<Seen> all = Browser::look_at(page, viewports, theme);
      for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string where = " at " + std::to_string(viewports[i].width) + (theme == Theme::dark ? ", dark" : "");
        for (const std::string& fault : faults_of(all[i], viewports[i])) ADD_FAILURE() << fault << where;
      }
      on_phone = all.back();
    }
    return on_phone;
  }
};

}  // namespace cgmm::test
