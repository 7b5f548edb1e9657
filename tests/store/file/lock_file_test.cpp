// SPDX-License-Identifier: Apache-2.0
#include "store/file/lock_file.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

class Lock : public StoreTest {
 protected:
  std::filesystem::path lock() const { return file().string() + ".lock"; }
};

TEST_F(Lock, ASecondServiceIsRefusedAndToldWhoTheFirstIs) {
  const Service first(file());
  EXPECT_EQ(refusal_of([&] { Service second(file()); }),
            refused(StoreError::Kind::busy, file().string() + " is in use by another cgroup-memory-manager (pid " +
                                                std::to_string(::getpid()) +
                                                "); stop it or name another file with --database"));
}

TEST_F(Lock, SaysThatThePidIsUnknownWhereItIs) {
  const Service first(file());
  std::filesystem::resize_file(lock(), 0);
  EXPECT_EQ(running_service_pid(file()), 0);
  EXPECT_EQ(refusal_of([&] { Service second(file()); }).second,
            file().string() +
                " is in use by another cgroup-memory-manager (pid unknown); stop it or name another file "
                "with --database");
}

TEST_F(Lock, TellsWhetherAServiceHoldsTheDatabase) {
  EXPECT_EQ(running_service_pid(file()), std::nullopt);
  {
    const Service service(file());
    EXPECT_EQ(running_service_pid(file()), ::getpid());
  }
  EXPECT_EQ(running_service_pid(file()), std::nullopt);
  EXPECT_EQ(bytes_of(lock()), "");
}

TEST_F(Lock, TheKernelLetsGoOfTheLockOfAServiceThatWasKilled) {
  const pid_t child = ::fork();
  if (child == 0) {
    Service service(file());
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(bytes_of(lock()), std::to_string(child) + "\n");
  EXPECT_EQ(running_service_pid(file()), std::nullopt);
  const Service service(file());
  EXPECT_EQ(bytes_of(lock()), std::to_string(::getpid()) + "\n");
}

TEST_F(Lock, ARefusedDatabaseKeepsALockFileThatWasThereBefore) {
  std::filesystem::create_directory(file());
  EXPECT_EQ(refusal_of([&] { Service service(file()); }).first, StoreError::Kind::unusable);
  EXPECT_FALSE(std::filesystem::exists(lock()));
  write_bytes(lock(), "");
  LockFile(file(), file()).forget();
  EXPECT_TRUE(std::filesystem::exists(lock()));
}

TEST_F(Lock, IsTheOwnersAloneAlsoWhereItWasNot) {
  {
    const Service service(file());
  }
  std::filesystem::permissions(lock(), std::filesystem::perms(0640));
  const Service service(file());
  EXPECT_EQ(std::filesystem::status(lock()).permissions(), std::filesystem::perms(0600));
}

TEST_F(Lock, WhoMayNotLookAtItIsNotRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes root to become somebody else ***";
  const Service service(file());
  std::filesystem::permissions(directory(), std::filesystem::perms(0755));
  ASSERT_EQ(::seteuid(65534), 0);
  const int held = ::open(lock().c_str(), O_RDONLY | O_CLOEXEC);
  const int error = errno;
  const auto pid = running_service_pid(file());
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(held, -1) << "or it could keep a service from starting";
  EXPECT_EQ(error, EACCES);
  EXPECT_EQ(pid, std::nullopt);
}

TEST_F(Lock, DoesNotFollowALinkPutInPlaceOfTheLockFile) {
  write_bytes(directory() / "precious", "keep");
  std::filesystem::create_symlink(directory() / "precious", lock());
  EXPECT_EQ(refusal_of([&] { Service service(file()); }).first, StoreError::Kind::unusable);
  EXPECT_EQ(bytes_of(directory() / "precious"), "keep");
}

}  // namespace
}  // namespace cgmm::store
