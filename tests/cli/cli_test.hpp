// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every test of the program as a whole starts from: a fake hierarchy, a configuration and a history of
// its own. Whatever the program says, it is never an accident told in C++, and never a control character: CSV
// alone has names exactly as they are.

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "support/csv.hpp"
#include "support/eventually.hpp"
#include "support/fake_cgroups.hpp"
#include "support/html.hpp"
#include "support/program.hpp"
#include "support/service_process.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::test {

inline constexpr std::uint64_t kMiB = 1024 * 1024;

/// The hierarchies that there are, and the least that a v1 one may have.
enum class Kind { v1, v2, minimal_v1 };

inline std::string name_of(Kind kind) { return kind == Kind::v1 ? "v1" : kind == Kind::v2 ? "v2" : "minimal_v1"; }
inline void PrintTo(Kind kind, std::ostream* stream) { *stream << name_of(kind); }

/// The file that makes the kernel reclaim.
inline std::string lever_of(Kind kind) { return kind == Kind::v2 ? "memory.reclaim" : "memory.force_empty"; }

inline Files files_of(Kind kind, const FakeMemory& memory) {
  if (kind == Kind::v1) return v1_files(memory);
  if (kind == Kind::v2) return v2_files(memory);
  Files files = minimal_v1(memory);
  if (memory.shmem_bytes > 0) files["memory.stat"] += "shmem " + std::to_string(memory.shmem_bytes) + "\n";
  return files;
}

/// Of a limit of 100 MiB, with a threshold of 25 %.
inline constexpr FakeMemory kOver{.file_bytes = 60 * kMiB, .anon_bytes = 8 * kMiB};
inline constexpr FakeMemory kBelow{.file_bytes = 20 * kMiB, .anon_bytes = 60 * kMiB};

inline const std::vector<std::string> kFormats{"text", "markdown", "html", "csv", "json", "ndjson"};

inline void expect_no_accident(const std::string& said) {
  for (const char* const accident : {"terminate called", "what():", "std::", "bad optional access", "basic_string",
                                     "Assertion", "runtime error:", "Sanitizer", "please report this"}) {
    EXPECT_EQ(said.find(accident), std::string::npos) << accident << " in:\n" << said;
  }
}

/// Whether a terminal would see more than text and line ends: C0, DEL, and C1 as UTF-8 has it.
inline bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\n') || byte == 0x7f) return true;
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) return true;
  }
  return false;
}

/// nlohmann's dump() throws where text is not UTF-8.
inline bool is_utf8(const std::string& text) {
  try {
    return !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

class CliTest : public ::testing::Test {
 protected:
  CliTest() { write_config("threshold = '25%'\ncooldown = '1h'\nreports_dir = '" + reports_dir().string() + "'\n"); }

  void TearDown() override {
    expect_no_accident(content_of(log()));
    if (HasFailure() && std::filesystem::exists(log())) ADD_FAILURE() << "The service said:\n" << content_of(log());
  }

  FakeCgroups& cgroups() { return cgroups_; }
  const FakeCgroups& cgroups() const { return cgroups_; }
  std::filesystem::path file(const std::string& name) const { return files_.path() / name; }
  std::filesystem::path database() const { return file("history.db"); }
  std::filesystem::path config() const { return file("config.toml"); }
  std::filesystem::path reports_dir() const { return file("reports"); }
  std::filesystem::path log() const { return file("service.log"); }

  void write(const std::filesystem::path& path, std::string_view content) const {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }
  /// Where it names no policy, what is over its threshold is reclaimed at once, down to the target.
  void write_config(const std::string& toml) const {
    const bool names_policy = toml.find("policy =") != std::string::npos;
    write(config(), names_policy ? toml : "policy = 'target'\n" + toml);
    std::filesystem::permissions(config(),
                                 std::filesystem::perms(0644));  // whatever the umask is: others may not write it
  }

  /// The program with these arguments and no others.
  static Answer program(const std::vector<std::string>& arguments, const Environment& more = {}) {
    Answer answer = run_program(arguments, more);
    EXPECT_GE(answer.exit_code, 0) << "ended by a signal";
    EXPECT_LE(answer.exit_code, 2);
    expect_no_accident(answer.out + answer.err);
    EXPECT_FALSE(has_control(answer.err)) << answer.err;
    const bool exact = std::find(arguments.begin(), arguments.end(), "csv") != arguments.end();
    EXPECT_TRUE(exact || !has_control(answer.out)) << answer.out;
    return answer;
  }

  std::vector<std::string> service_arguments(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"--config", config(), "--parent", cgroups_.root(), "--database", database()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  /// The service until it has made this many scans.
  Answer scan(int cycles = 1, const std::vector<std::string>& more = {}, const Environment& environment = {}) const {
    auto arguments = service_arguments({"--cycles", std::to_string(cycles)});
    if (cycles > 1) arguments.insert(arguments.end(), {"--interval", "100ms"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    Answer answer = program(arguments, environment);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    return answer;
  }
  /// The service until it is told to stop, ten scans a second.
  ServiceProcess start(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = service_arguments({"--interval", "100ms"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ServiceProcess(arguments, log());
  }
  /// A subcommand on this test's history.
  Answer ask(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--config", config(), "--database", database()});
    return program(arguments);
  }
  /// The rows of the one table that it answers with.
  nlohmann::json rows_of(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--format", "json"});
    const Answer answer = ask(arguments);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    return nlohmann::json::parse(answer.out);
  }

  /// The first value of a query, NULL and no row being 0.
  std::int64_t number(const std::string& sql) const {
    const SQLite::Database db(database(), SQLite::OPEN_READONLY, 5000);
    SQLite::Statement query(db, sql);
    return query.executeStep() ? query.getColumn(0).getInt64() : 0;
  }
  std::string text(const std::string& sql) const {
    const SQLite::Database db(database(), SQLite::OPEN_READONLY, 5000);
    SQLite::Statement query(db, sql);
    return query.executeStep() ? query.getColumn(0).getString() : "";
  }
  /// 0 while the service has only just been started: no file, or no tables yet.
  std::int64_t number_so_far(const std::string& sql) const {
    try {
      return number(sql);
    } catch (const SQLite::Exception&) {
      return 0;
    }
  }
  std::int64_t scan_count() const { return number_so_far("SELECT count(*) FROM scan"); }
  bool wait_for_scans(std::int64_t count) const {
    const std::int64_t before = scan_count();
    return eventually([&] { return scan_count() >= before + count; });
  }
  std::int64_t reclaim_count() const { return number("SELECT count(*) FROM reclaim"); }
  std::int64_t event_count(const std::string& kind) const {
    return number("SELECT count(*) FROM service_event WHERE kind = '" + kind + "'");
  }

 private:
  TempDir files_;
  FakeCgroups cgroups_;
};

}  // namespace cgmm::test
