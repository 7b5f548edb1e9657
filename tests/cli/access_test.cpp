// SPDX-License-Identifier: Apache-2.0
// Who may do what: a configuration that others may write is not taken, and whoever is in the group adm reads the
// history without being root.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

class UntrustedConfig : public CliTest {
 protected:
  UntrustedConfig() { cgroups().put("/web", v1_files(kOver)); }
  void let_others_write() const { fs::permissions(config(), fs::perms(0666)); }
  std::string sentence() const {
    return config().string() +
           ": not to be trusted: its mode is 0666, so that others than its owner may write it: take that away (chmod "
           "go-w)";
  }
};

TEST_F(UntrustedConfig, IsNotRunWith) {
  let_others_write();
  const Answer answer = program(service_arguments({"--cycles", "1"}));
  EXPECT_EQ(answer.exit_code, 2);
  EXPECT_EQ(answer.err, "cgroup-memory-manager: " + sentence() + "\n");
  EXPECT_FALSE(fs::exists(database()));
}

TEST_F(UntrustedConfig, IsNotReloadedAndTheSettingsStayAsTheyWere) {
  write_config("threshold = '90%'");
  ServiceProcess service = start();
  ASSERT_TRUE(eventually([&] { return scan_count() >= 1; }));
  write_config("threshold = '25%'");
  let_others_write();
  service.signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return event_count("config_error") == 1; }));
  EXPECT_EQ(text("SELECT detail FROM service_event WHERE kind = 'config_error'"), sentence());
  ASSERT_TRUE(wait_for_scans(3));
  EXPECT_EQ(reclaim_count(), 0);
  EXPECT_TRUE(eventually([&] {
    return service.output().find("the configuration stays as it was: " + sentence()) != std::string::npos;
  })) << service.output();

  fs::permissions(config(), fs::perms(0644));
  service.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return reclaim_count() == 1; })) << "when it is put right, it is taken";
}

TEST_F(UntrustedConfig, IsAProblemToCheck) {
  EXPECT_EQ(rows_of({"check", "--parent", cgroups().root()}).at(1)["result"], "ok");
  let_others_write();
  const Answer answer = ask({"check", "--parent", cgroups().root(), "--format", "json"});
  EXPECT_EQ(answer.exit_code, 1);
  const auto row = nlohmann::json::parse(answer.out).at(1);
  EXPECT_EQ(row["item"], "configuration");
  EXPECT_EQ(row["result"], "problem");
  EXPECT_EQ(row["detail"], sentence());
}

TEST_F(UntrustedConfig, ADirectoryThatOthersMayWriteIsAWarning) {
  const auto warned = [&] {
    const Answer answer = ask({"check", "--parent", cgroups().root(), "--format", "json"});  // of the database too
    const auto row = nlohmann::json::parse(answer.out).at(2);
    return row["item"] == "configuration" && row["result"] == "warning";
  };
  EXPECT_FALSE(warned());
  fs::permissions(config().parent_path(), fs::perms(0777));
  EXPECT_TRUE(warned());
  fs::permissions(config().parent_path(), fs::perms(0777) | fs::perms::sticky_bit);
  EXPECT_FALSE(warned()) << "as in /tmp, nobody can take away what is another's";
}

TEST_F(UntrustedConfig, IsToldToWhoOnlyReads) {
  scan();
  let_others_write();
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"report"}, {"incident"}, {"history", "*"}, {"query", "SELECT 1"}}) {
    const Answer answer = ask(command);
    EXPECT_EQ(answer.exit_code, 0) << command.front();
    EXPECT_EQ(answer.err, "cgroup-memory-manager: " + sentence() + "\n") << command.front();
    EXPECT_NE(answer.out, "") << command.front();
  }
}

/// The history in a directory that the service made, and its readers: nobody (uid 65534), in the group adm or not.
class Readers : public CliTest {
 protected:
  void SetUp() override {
    const group* const adm = ::getgrnam("adm");
    if (::geteuid() != 0 || adm == nullptr)
      GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes root and a group adm ***";
    adm_ = adm->gr_gid;
    cgroups().put("/web", v1_files(kOver));
    fs::permissions(database().parent_path(), fs::perms(0755));  // the test's own; the history's is below it
    fs::copy_file(CGMM_PROGRAM, file("program"));                // the build's directory may be nobody else's
    fs::permissions(file("program"), fs::perms(0755));
  }
  fs::path history() const { return file("made") / "history.db"; }
  std::vector<std::string> arguments() const {
    return {"--config", config(), "--parent", cgroups().root(), "--database", history(), "--interval", "100ms"};
  }

  /// What a subcommand says to nobody.
  Answer as_nobody(std::vector<std::string> command, bool in_adm) const {
    const TempDir said;
    fs::permissions(said.path(), fs::perms(0755));
    const Streams streams{said.path() / "out", said.path() / "err"};
    for (const fs::path& stream : {streams.out, streams.err}) {
      std::ofstream{stream};
      fs::permissions(stream, fs::perms(0666));
    }
    command.insert(command.end(), {"--config", config(), "--database", history()});
    ChildProcess child = ChildProcess::fork_off([&] {
      if (::setgroups(in_adm ? 1 : 0, &adm_) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) return 99;
      return become(file("program"), command, streams, {});
    });
    const auto exit_code = child.wait_for_exit();
    Answer answer{exit_code.value_or(-1), content_of(streams.out), content_of(streams.err)};
    expect_no_accident(answer.out + answer.err);
    return answer;
  }
  void expect_all_to_be_read(const char* when, int status_exit_code) const {
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"status"}, {"report"}, {"incident"}, {"history", "*"}, {"report", "cgroups"}}) {
      const Answer answer = as_nobody(command, /*in_adm=*/true);
      EXPECT_EQ(answer.exit_code, command.front() == "status" ? status_exit_code : 0)
          << when << ", " << command.front() << ": " << answer.err;
      EXPECT_EQ(answer.err, "") << when << ", " << command.front();
    }
    const Answer answer = as_nobody({"query", "SELECT path FROM v_cgroup", "--format", "csv"}, true);
    EXPECT_EQ(answer.out, "path\n/web\n") << when << answer.err;
  }

  gid_t adm_ = 0;
};

TEST_F(Readers, OfTheGroupAdmNeedNotBeRoot) {
  {
    ServiceProcess service(arguments(), log());
    ASSERT_TRUE(eventually([&] {
      return as_nobody({"query", "SELECT count(*) FROM reclaim", "--format", "csv"}, true).out == "count(*)\n1\n";
    })) << service.output();
    ASSERT_TRUE(fs::exists(history().string() + "-wal"));
    expect_all_to_be_read("beside the running service", 0);
    service.signal(SIGKILL);
    ASSERT_TRUE(service.wait_for_exit());
  }
  ASSERT_GT(fs::file_size(history().string() + "-wal"), std::uintmax_t{0});
  expect_all_to_be_read("after a crash, with its log", 1);

  auto once = arguments();
  once.insert(once.end(), {"--cycles", "1"});
  ASSERT_EQ(program(once).exit_code, 0);
  ASSERT_FALSE(fs::exists(history().string() + "-wal"));
  expect_all_to_be_read("after it has ended in order", 1);
}

/// A reader could hold the lock of a file that it may open, and no service would start.
TEST_F(Readers, OfTheGroupAdmCantOpenTheLockAndKnowAllTheSameWhetherTheServiceRuns) {
  ServiceProcess service(arguments(), log());
  ASSERT_TRUE(eventually([&] { return as_nobody({"status"}, true).exit_code == 0; })) << service.output();
  struct stat lock{};
  ASSERT_EQ(::stat((history().string() + ".lock").c_str(), &lock), 0);
  EXPECT_EQ(lock.st_mode & 07777U, 0600U);
  const std::string in_use = "in use by pid " + std::to_string(service.pid());
  const Answer check = as_nobody({"check", "--parent", cgroups().root()}, true);
  EXPECT_NE(check.out.find(in_use), std::string::npos) << check.out << check.err;

  service.signal(SIGSTOP);  // it does not answer any more
  const Answer hanging = as_nobody({"status", "--format", "json"}, true);
  EXPECT_TRUE(nlohmann::json::parse(hanging.out)[0]["state"].get<std::string>().starts_with("running")) << hanging.out;
  service.signal(SIGCONT);
  service.signal(SIGTERM);
  ASSERT_EQ(service.wait_for_exit(), 0);
  const Answer ended = as_nobody({"status", "--format", "json"}, true);
  EXPECT_EQ(nlohmann::json::parse(ended.out)[0]["state"], "not running") << ended.out;
}

TEST_F(Readers, OthersAreKeptOutWithASentence) {
  auto once = arguments();
  once.insert(once.end(), {"--cycles", "1"});
  ASSERT_EQ(program(once).exit_code, 0);
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"report"}, {"incident"}, {"status"}, {"query", "SELECT 1"}}) {
    const Answer answer = as_nobody(command, /*in_adm=*/false);
    EXPECT_EQ(answer.exit_code, 1) << command.front() << answer.out;
    EXPECT_NE((answer.err + answer.out).find("Permission denied"), std::string::npos) << answer.err;
  }
}

}  // namespace
}  // namespace cgmm::test
