// SPDX-License-Identifier: Apache-2.0
// Whoever may read the history can lock it: a POSIX lock for reading on all of -shm keeps SQLite from writing for as
// long as it is held. Protection goes on, the holder is named, and what waited is recorded afterwards.
#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli_test.hpp"
#include "support/pipe.hpp"

namespace cgmm::test {
namespace {

/// A process that may only read: of the group `adm` and no user's, if the test is root. It holds the lock while it
/// lives.
class Holder {
 public:
  explicit Holder(const std::vector<std::string>& files, int command = F_SETLK) {
    const ::group* const readers = ::getgrnam("adm");
    Pipe locked = make_pipe();
    pid_ = ::fork();
    if (pid_ == 0) {
      if (::geteuid() == 0 && readers != nullptr) {
        [[maybe_unused]] const bool done =
            ::setgroups(0, nullptr) == 0 && ::setgid(readers->gr_gid) == 0 && ::setuid(65534) == 0;
      }
      for (const std::string& file : files) {
        const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        struct flock all{};
        all.l_type = F_RDLCK;
        while (fd >= 0 && ::fcntl(fd, command, &all) != 0) {  // the service may be writing
          if (errno != EAGAIN && errno != EACCES) ::_exit(1);
          ::usleep(1000);
        }
        if (fd < 0) ::_exit(1);
      }
      [[maybe_unused]] const ssize_t told = ::write(locked[1].get(), "x", 1);
      for (;;) ::pause();
    }
    {
      const Fd closed = std::move(locked[1]);
    }  // so that the read ends when the child does
    char byte = 0;
    holds_ = ::read(locked[0].get(), &byte, 1) == 1 && byte == 'x';
  }
  ~Holder() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  bool holds() const { return holds_; }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  bool holds_ = false;
};

class LockedHistory : public CliTest {
 protected:
  LockedHistory() {
    cgroups().put("/over", v1_files(kOver));
    // Others have to get to the directory of the test.
    std::filesystem::permissions(database().parent_path(), std::filesystem::perms(0755));
  }
  std::string shm() const { return database().string() + "-shm"; }
  bool was_reclaimed(const std::string& cgroup) const { return !cgroups().file(cgroup, lever_of(Kind::v1)).empty(); }
  bool names_the_holder(const Holder& holder) const {
    return content_of(log()).find("; pid " + std::to_string(holder.pid()) + " (") != std::string::npos &&
           content_of(log()).find(") holds a lock of " + shm()) != std::string::npos;
  }
  std::int64_t missed() const { return number("SELECT coalesce(sum(missed_count), 0) FROM scan"); }
};

TEST_F(LockedHistory, ItsHolderIsNamedAndProtectionGoesOnAndWhatWaitedIsRecorded) {
  auto service = start();
  ASSERT_TRUE(eventually([&] { return scan_count() >= 2; }));
  {
    const Holder holder({shm()});
    ASSERT_TRUE(holder.holds());
    EXPECT_TRUE(eventually([&] { return names_the_holder(holder); })) << content_of(log());
    cgroups().put("/later", v1_files(kOver));
    EXPECT_TRUE(eventually([&] { return was_reclaimed("/later"); }));
    EXPECT_EQ(number("SELECT count(*) FROM reclaim JOIN cgroup USING (cgroup_id) WHERE path = '/later'"), 0);
  }
  EXPECT_TRUE(eventually(
      [&] { return number("SELECT count(*) FROM reclaim JOIN cgroup USING (cgroup_id) WHERE path = '/later'") == 1; }));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
  EXPECT_EQ(number("SELECT count(*) FROM service_event WHERE kind = 'gap'"), 0) << "nothing was lost";
  EXPECT_EQ(number("SELECT count(*) FROM service_event WHERE fault = 'history' AND kind = 'fault_begin' AND "
                   "detail LIKE '%holds a lock of%'"),
            1);
}

TEST_F(LockedHistory, OfALockThatBelongsToAnOpenFileItIsSaidThatTheProcessIsNotNamed) {
  auto service = start();
  ASSERT_TRUE(eventually([&] { return scan_count() >= 2; }));
  const Holder holder({shm()}, F_OFD_SETLK);
  ASSERT_TRUE(holder.holds());
  EXPECT_TRUE(eventually([&] {
    return content_of(log()).find("a process that /proc/locks does not name holds a lock of " + shm()) !=
           std::string::npos;
  })) << content_of(log());
}

TEST_F(LockedHistory, AStartWhileItIsLockedProtectsAndRecordsLater) {
  scan();
  cgroups().put("/later", v1_files(kOver));
  // A history that is closed has no -shm: what a reader holds is that of a service that was killed.
  auto killed = start();
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(shm()) && scan_count() >= 3; }));
  ASSERT_TRUE(eventually([&] { return was_reclaimed("/later"); })) << "its cooldown is on record before";
  killed.signal(SIGKILL);
  killed.wait_for_exit();
  cgroups().put_file("/later", lever_of(Kind::v1), "");
  std::optional<Holder> holder(std::vector{shm(), database().string()});  // with -shm alone SQLite makes a new one
  ASSERT_TRUE(holder->holds());
  const std::int64_t before = scan_count();
  cgroups().put("/new", v1_files(kOver));
  auto service = start();
  EXPECT_TRUE(eventually([&] { return was_reclaimed("/new"); })) << content_of(log());
  EXPECT_TRUE(eventually([&] { return names_the_holder(*holder); })) << content_of(log());
  EXPECT_FALSE(was_reclaimed("/later")) << "its cooldown of an hour did not hold";
  holder.reset();
  EXPECT_TRUE(eventually([&] { return scan_count() >= before + 5; }));
  EXPECT_TRUE(eventually(
      [&] { return number("SELECT count(*) FROM reclaim JOIN cgroup USING (cgroup_id) WHERE path = '/new'") == 1; }));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
}

}  // namespace
}  // namespace cgmm::test
