// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the program says of its own commands and options, for what has to name them all.

#include <cstdio>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>

namespace cgmm::test {

/// What a shell command prints.
inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("no pipe to: " + command);
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  ::pclose(pipe);
  return text;
}

/// To stand between single quotes.
inline std::string escaped_for_shell(const std::string& text) {
  return std::regex_replace(text, std::regex("'"), "'\\''");
}

/// What the pattern's first group matches, in all of the text.
inline std::set<std::string> all_matches(const std::string& text, const char* pattern) {
  const std::regex regex(pattern, std::regex::multiline);
  std::set<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match) {
    found.insert((*match)[1]);
  }
  return found;
}

inline std::string help(const std::string& command) { return output_of("'" CGMM_PROGRAM "' " + command + " --help"); }

inline std::set<std::string> commands() {
  const std::string text = help("");
  auto found = all_matches(text.substr(text.find("Subcommands:")), "^  ([a-z]+) ");
  if (found.empty()) throw std::runtime_error("no command in: " + text);
  return found;
}

/// Commands that are two words: "fleet init".
inline std::set<std::string> commands_of(const std::string& command) {
  const std::string text = help(command);
  const std::size_t begin = text.find("Subcommands:");
  std::set<std::string> found;
  if (begin == std::string::npos) return found;
  for (const std::string& name : all_matches(text.substr(begin), "^  ([a-z]+) ")) found.insert(command + " " + name);
  return found;
}

/// Of a command, or "" for those that stand before any.
inline std::set<std::string> options_of(const std::string& command) {
  return all_matches(help(command), "^ +(?:-[a-zA-Z],)?--([a-z-]+)");
}

inline std::set<std::string> options_of_all_commands() {
  std::set<std::string> options = options_of("");
  for (const std::string& command : commands()) {
    options.merge(options_of(command));
    for (const std::string& one : commands_of(command)) options.merge(options_of(one));
  }
  if (!options.contains("threshold")) throw std::runtime_error("the help names no --threshold");
  return options;
}

}  // namespace cgmm::test
