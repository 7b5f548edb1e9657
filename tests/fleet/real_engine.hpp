// SPDX-License-Identifier: Apache-2.0
#pragma once

// A real ClickHouse on loopback, started by tests/fleet/cluster, for a test that is skipped where it is not installed.

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "config.hpp"
#include "packaging/help.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::test {

class RealEngine {
 public:
  /// `kind`: "one" or "cluster".
  explicit RealEngine(const std::string& kind) {
    const int status = script("start-" + kind);
    is_there_ = status == 0;
    if (!is_there_ && status != 77) throw std::runtime_error("ClickHouse does not start");
  }
  ~RealEngine() { script("stop"); }
  RealEngine(const RealEngine&) = delete;
  RealEngine& operator=(const RealEngine&) = delete;

  /// false: it is not installed.
  bool is_there() const { return is_there_; }
  std::string url(const std::string& server = "") const {
    std::string text = output_of(command("url") + server);
    return text.substr(0, text.find('\n'));
  }
  config::Ship settings() const { return {.urls = {url()}}; }
  /// A configuration with [ship] for it. `more`: lines of it.
  std::filesystem::path config(const std::string& more = "") const {
    const std::filesystem::path file = directory_.path() / "config.toml";
    std::ofstream(file) << "[ship]\nurl = \"" << url() << "\"\n" << more;
    return file;
  }
  void kill(const std::string& server) const { script("kill", server); }
  void start(const std::string& server) const { script("start", server); }

 private:
  std::string command(const std::string& what) const {
    return CGMM_SOURCE_DIR "/tests/fleet/cluster " + what + " '" + (directory_.path() / "engine").string() + "' ";
  }
  int script(const std::string& what, const std::string& server = "") const {
    return WEXITSTATUS(std::system((command(what) + server).c_str()));
  }

  TempDir directory_;
  bool is_there_ = false;
};

}  // namespace cgmm::test
