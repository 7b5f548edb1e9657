// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "report/catalog.hpp"
#include "report/format/row.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

/// Names are other people's. Only those that no shell takes for anything else are offered.
bool is_plain(std::string_view word) {
  const auto is_harmless = [](char c) {
    const bool is_letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return is_letter_or_digit || std::string_view("_./-@").find(c) != std::string_view::npos;
  };
  return !word.empty() && word.front() != '-' && std::ranges::all_of(word, is_harmless);
}

std::vector<std::string> words_of(const Options& options) {
  const config::Config config = load_for_reading(options).config;
  std::vector<std::string> words;
  if (options.complete == "reports") {
    for (const report::Report& one : report::list_reports(config.reports_dir, [](const std::string&) {})) {
      words.push_back(one.name);
    }
    return words;
  }
  if (options.complete != "workloads" && options.complete != "kills") return words;
  store::Reader reader(config.database);
  const core::Table table = answer_to("part_complete_" + options.complete, reader, {});
  for (const report::Row row : report::rows_of(table)) words.push_back(row.text("word"));
  return words;
}

}  // namespace

int complete(const Options& options) {
  std::string text;
  try {
    for (const std::string& word : words_of(options)) {
      if (is_plain(word)) text += word + '\n';
    }
  } catch (const std::exception&) {
    return 0;  // the shell offers nothing, and nobody wants a sentence in the middle of a command line
  }
  write_output(options, text);
  return 0;
}

}  // namespace cgmm::cli
