// SPDX-License-Identifier: Apache-2.0
#pragma once

// CGMM_PROGRAM on a terminal of tmux, on a server of its own that ends with the object: keys go in, screens come out.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/eventually.hpp"
#include "support/program.hpp"

namespace cgmm::test {

class Tmux {
 public:
  struct Terminal {
    int columns = 80;
    int rows = 24;
    std::string term = "tmux-256color";
    std::string locale = "C.UTF-8";
    std::string more{};  // of the environment: "NO_COLOR=1"
  };

  static bool is_installed() { return std::system("command -v tmux >/dev/null 2>&1") == 0; }

  Tmux(const std::vector<std::string>& arguments, const Terminal& terminal) {
    std::string command = "exec env -u NO_COLOR TERM=" + terminal.term + " LC_ALL=" + terminal.locale + " " +
                          terminal.more + " " + quoted(CGMM_PROGRAM);
    for (const std::string& argument : arguments) command += " " + quoted(argument);
    // What it was like before and after is to be seen.
    const std::string all = "trap : INT; echo before; sh -c " + quoted(command) +
                            "; echo ended with $?; stty -a | grep -wo -e -echo -e echo; cat";
    run({"-f", "/dev/null", "new-session", "-d", "-x", std::to_string(terminal.columns), "-y",
         std::to_string(terminal.rows), all});
    run({"set", "-g", "status", "off"});
    resize(terminal.columns, terminal.rows);
  }
  ~Tmux() { run({"kill-server"}); }
  Tmux(const Tmux&) = delete;
  Tmux& operator=(const Tmux&) = delete;

  /// As tmux calls them: "t", "Enter", "Down".
  void press(const std::vector<std::string>& keys) const {
    for (const std::string& key : keys) run({"send-keys", key == ";" ? "\\;" : key});
  }
  void type(const std::string& text) const { run({"send-keys", "-l", text}); }
  void resize(int columns, int rows) const {
    run({"resize-window", "-x", std::to_string(columns), "-y", std::to_string(rows)});
  }
  /// With `is_raw` also what colours it has.
  std::string screen(bool is_raw = false) const {
    std::vector<std::string> arguments{"capture-pane", "-p"};
    if (is_raw) arguments.emplace_back("-e");
    return run(arguments);
  }
  /// Whether the screen has this text at some time.
  bool shows(const std::string& text) const {
    return eventually([&] { return screen().find(text) != std::string::npos; });
  }
  bool shows_no(const std::string& text) const {
    return eventually([&] { return screen().find(text) == std::string::npos; });
  }
  /// Of the program; 0: it does not run.
  pid_t pid() const {
    const std::string shell = run({"display-message", "-p", "#{pane_pid}"});
    const std::string number = shell.substr(0, shell.find('\n'));
    return static_cast<pid_t>(std::atoi(content_of("/proc/" + number + "/task/" + number + "/children").c_str()));
  }

 private:
  static std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
  }
  std::string run(const std::vector<std::string>& arguments) const {
    const Streams streams{files_.path() / "out", files_.path() / "err"};
    std::filesystem::remove(streams.out);
    std::vector<std::string> all{"tmux", "-S", (files_.path() / "socket").string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    ChildProcess child = ChildProcess::fork_off([&] {
      ::unsetenv("TMUX");
      ::setenv("LC_ALL", "C.UTF-8", 1);
      ::setenv("SHELL", "/bin/sh", 1);
      return become("/usr/bin/env", all, streams, {});
    });
    child.wait_for_exit();
    return content_of(streams.out);
  }

  TempDir files_;
};

}  // namespace cgmm::test
