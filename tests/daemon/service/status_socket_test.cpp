// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/status_socket.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <system_error>
#include <vector>

#include "base/unix_address.hpp"
#include "support/eventually.hpp"
#include "support/few_descriptors.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::daemon {
namespace {

using std::chrono::seconds;

class StatusSocketTest : public ::testing::Test {
 protected:
  std::filesystem::path database() const { return directory_.path() / "history.db"; }
  std::filesystem::path path() const { return directory_.path() / "history.db.sock"; }

  /// What somebody who asks is told while the service answers.
  static std::optional<std::string> asked(const StatusSocket& socket, const std::filesystem::path& database,
                                          const std::string& answer) {
    auto told = std::async(std::launch::async, [&] { return ask_service(database, seconds{30}); });
    EXPECT_TRUE(test::eventually([&] {
      socket.answer_one(answer);
      return told.wait_for(seconds{0}) == std::future_status::ready;
    }));
    return told.get();
  }

  test::TempDir directory_;
};

TEST_F(StatusSocketTest, WhoeverAsksIsAnswered) {
  StatusSocket socket(database());
  socket.make();
  EXPECT_EQ(asked(socket, database(), "fine\n"), "fine\n");
  EXPECT_EQ(asked(socket, database(), std::string(100'000, 'x')), std::string(100'000, 'x'));
}

TEST_F(StatusSocketTest, NobodyIsWaitedFor) {
  StatusSocket socket(database());
  EXPECT_EQ(socket.fd(), -1);
  socket.make();
  EXPECT_FALSE(socket.answer_one("fine")) << "nobody has asked";
  const auto address = base::UnixAddress::of(path().string());
  std::vector<base::Fd> silent;  // they connect and do not read
  for (int i = 0; i < 8; ++i) {
    silent.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(silent.back().get(), address->get(), address->length()), 0);
  }
  silent.front().reset();  // and this one is gone already
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(socket.answer_one(std::string(1'000'000, 'x')));
  EXPECT_EQ(asked(socket, database(), "fine"), "fine");
}

TEST_F(StatusSocketTest, WithoutAServiceThereIsNoAnswer) {
  EXPECT_EQ(ask_service(database(), seconds{30}), std::nullopt);
  StatusSocket socket(database());
  socket.make();
  socket.close();
  EXPECT_EQ(ask_service(database(), seconds{30}), std::nullopt) << "and none is waited for";
}

TEST_F(StatusSocketTest, AServiceThatDoesNotAnswerIsNotWaitedForForLong) {
  StatusSocket socket(database());
  socket.make();
  EXPECT_EQ(ask_service(database(), std::chrono::milliseconds{50}), std::nullopt);
}

TEST_F(StatusSocketTest, OnlyOwnerAndGroupMayAskWhateverTheUmask) {
  std::ofstream(database()) << "x";
  ASSERT_EQ(::chown(database().c_str(), static_cast<uid_t>(-1), ::getegid()), 0);
  for (const mode_t mask : {0000U, 0027U, 0077U}) {
    const mode_t before = ::umask(mask);
    StatusSocket socket(database());
    socket.make();
    ::umask(before);
    struct stat made{};
    ASSERT_EQ(::lstat(path().c_str(), &made), 0);
    EXPECT_TRUE(S_ISSOCK(made.st_mode));
    EXPECT_EQ(made.st_mode & 07777U, 0660U);
    socket.remove();
  }
}

TEST_F(StatusSocketTest, TheGroupIsThatOfTheDatabase) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: only root may give a file to another group ***";
  std::ofstream(database()) << "x";
  ASSERT_EQ(::chown(database().c_str(), 0, 4), 0);
  StatusSocket socket(database());
  socket.make();
  struct stat made{};
  ASSERT_EQ(::lstat(path().c_str(), &made), 0);
  EXPECT_EQ(made.st_gid, 4U);
}

TEST_F(StatusSocketTest, ADeadOneIsReplacedAndALiveOneIsNot) {
  {
    StatusSocket crashed(database());
    crashed.make();  // and its file stays: only remove() takes it away
  }
  ASSERT_TRUE(std::filesystem::exists(path()));
  StatusSocket socket(database());
  socket.make();
  EXPECT_EQ(asked(socket, database(), "new"), "new");

  StatusSocket other(database());
  EXPECT_THROW(other.make(), std::system_error);
  other.remove();
  EXPECT_EQ(asked(socket, database(), "still there"), "still there");
}

TEST_F(StatusSocketTest, WithoutADescriptorToAskADeadOneItIsNotSaidToBeInUse) {
  {
    StatusSocket crashed(database());
    crashed.make();
  }
  StatusSocket socket(database());
  const test::FewDescriptors one(1);  // for the new socket
  try {
    socket.make();
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EMFILE) << error.what();
  }
}

TEST_F(StatusSocketTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path()) << "dear diary";
  StatusSocket socket(database());
  EXPECT_THROW(socket.make(), std::system_error);
  socket.remove();
  EXPECT_EQ(std::filesystem::file_size(path()), 10U);
}

TEST_F(StatusSocketTest, OneThatWasTakenAwayIsMadeAgain) {
  StatusSocket socket(database());
  socket.make();
  const int fd = socket.fd();
  socket.make();
  EXPECT_EQ(socket.fd(), fd) << "it was there";
  std::filesystem::remove(path());
  socket.make();
  EXPECT_EQ(asked(socket, database(), "again"), "again");
}

TEST_F(StatusSocketTest, InTheRuntimeDirectoryItIsFoundWhereverTheDatabaseIs) {
  const std::filesystem::path runtime = directory_.path() / "run";
  std::filesystem::create_directory(runtime);
  ::setenv("RUNTIME_DIRECTORY", (runtime.string() + ":/run/another").c_str(), 1);
  const std::filesystem::path deep = directory_.path() / std::string(120, 'd') / "history.db";  // is not there
  StatusSocket socket(deep);
  socket.make();
  EXPECT_TRUE(is_service_there(deep));
  EXPECT_EQ(asked(socket, deep, "here"), "here");
  EXPECT_FALSE(is_service_there(directory_.path() / "another.db"));
  StatusSocket beside(database(), "");
  beside.make();
  EXPECT_EQ(asked(beside, database(), "beside"), "beside") << "of a service that has none";
  socket.remove();
  EXPECT_FALSE(is_service_there(deep));
  EXPECT_TRUE(std::filesystem::is_empty(runtime));
  ::unsetenv("RUNTIME_DIRECTORY");
}

TEST_F(StatusSocketTest, WhereTheRuntimeDirectoryCantBeWrittenItStandsBesideTheDatabase) {
  StatusSocket socket(database(), directory_.path() / "nowhere");
  socket.make();
  EXPECT_TRUE(std::filesystem::exists(path()));
  EXPECT_EQ(asked(socket, database(), "here"), "here");
}

TEST_F(StatusSocketTest, ADirectoryThatIsNotThereIsAnErrorThatNamesThePath) {
  StatusSocket socket(directory_.path() / "nowhere" / "history.db");
  try {
    socket.make();
    FAIL() << "made";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("nowhere/history.db.sock"), std::string::npos) << error.what();
  }
}

TEST_F(StatusSocketTest, ItIsFoundByEveryNameOfTheDatabase) {
  std::ofstream(database()) << "x";
  std::filesystem::create_symlink(database(), directory_.path() / "link.db");
  StatusSocket socket(directory_.path() / "link.db");
  socket.make();
  EXPECT_EQ(asked(socket, database(), "here"), "here");
}

TEST_F(StatusSocketTest, RemovingLeavesASuccessorsAlone) {
  StatusSocket socket(database());
  socket.make();
  std::filesystem::remove(path());
  StatusSocket successor(database());
  successor.make();
  socket.remove();
  EXPECT_EQ(asked(successor, database(), "mine"), "mine");
}

}  // namespace
}  // namespace cgmm::daemon
