// SPDX-License-Identifier: Apache-2.0
#include "kernel/timed_write.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <thread>

#include "base/fd.hpp"
#include "support/child_process.hpp"

namespace cgmm::kernel {
namespace {

constexpr auto kInterrupted = std::errc::interrupted;

/// A pipe that takes no more: a write to it lasts for ever.
class FullPipe {
 public:
  FullPipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    out_ = base::Fd(ends[0]);
    in_ = base::Fd(ends[1]);
    ::fcntl(in_.get(), F_SETFL, O_NONBLOCK);
    while (::write(in_.get(), "0123456789abcdef", 16) > 0 || ::write(in_.get(), "0", 1) > 0) {
    }
    ::fcntl(in_.get(), F_SETFL, 0);
  }
  int fd() const { return in_.get(); }

 private:
  base::Fd out_, in_;
};

sigset_t mask() {
  sigset_t set;
  pthread_sigmask(SIG_SETMASK, nullptr, &set);
  return set;
}
int pending_count() {
  sigset_t set;
  sigpending(&set);
  int count = 0;
  for (int one = 1; one < NSIG; ++one) count += sigismember(&set, one) == 1 ? 1 : 0;
  return count;
}
bool same(const sigset_t& a, const sigset_t& b) {
  for (int one = 1; one < NSIG; ++one)
    if (sigismember(&a, one) != sigismember(&b, one)) return false;
  return true;
}

TEST(TimedWrites, EndAfterTheirTime) {
  const FullPipe pipe;
  TimedWrites writes;
  ASSERT_FALSE(writes.error());
  for (const std::int64_t after_us : {1, 20, 100, 5000, 20'000})
    EXPECT_EQ(writes.write(pipe.fd(), "1", after_us), kInterrupted);
  EXPECT_FALSE(writes.is_interrupted()) << "a tick is not taken for somebody who ends the reclaim";
}

TEST(TimedWrites, ReturnTheKernelsAnswerIfTheyEndBefore) {
  const base::Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const base::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  TimedWrites writes;
  EXPECT_FALSE(writes.write(null.get(), "1", 60'000'000));
  EXPECT_EQ(writes.write(full.get(), "1", 60'000'000), std::errc::no_space_on_device);
  EXPECT_EQ(writes.write(-1, "1", 60'000'000), std::errc::bad_file_descriptor);
}

TEST(TimedWrites, LeaveNoSignalBehindAndTheMaskAsItWas) {
  const FullPipe pipe;
  const base::Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const sigset_t before = mask();
  for (int i = 0; i < 2000; ++i) {
    TimedWrites writes;
    writes.write(i % 2 == 0 ? pipe.fd() : null.get(), "1", 1 + i % 60);
  }
  EXPECT_TRUE(same(mask(), before));
  EXPECT_EQ(pending_count(), 0);
}

TEST(TimedWrites, TicksGoToNoOtherThread) {
  const FullPipe pipe;
  sigset_t ticks;
  sigemptyset(&ticks);
  sigaddset(&ticks, tick_signal());
  pthread_sigmask(SIG_BLOCK, &ticks, nullptr);  // here, where one for the process would be kept
  std::thread([&] {
    TimedWrites writes;
    for (int i = 0; i < 200; ++i) EXPECT_EQ(writes.write(pipe.fd(), "1", 20), kInterrupted);
  }).join();
  EXPECT_EQ(pending_count(), 0);
  pthread_sigmask(SIG_UNBLOCK, &ticks, nullptr);
}

TEST(TimedWrites, TellWhetherAnotherSignalWaitsAndDeliverItAtTheEnd) {
  static volatile std::sig_atomic_t came = 0;
  struct sigaction note{}, old{};
  note.sa_handler = [](int) { came = 1; };
  sigaction(SIGUSR2, &note, &old);
  sigset_t hang_up;
  sigemptyset(&hang_up);
  sigaddset(&hang_up, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &hang_up, nullptr);
  {
    const FullPipe pipe;
    TimedWrites writes;
    pthread_kill(pthread_self(), SIGHUP);
    EXPECT_FALSE(writes.is_interrupted()) << "it has waited before, too";
    pthread_kill(pthread_self(), SIGUSR2);
    EXPECT_EQ(came, 0);
    EXPECT_TRUE(writes.is_interrupted());
    EXPECT_EQ(writes.write(pipe.fd(), "1", 100), kInterrupted) << "ended by its own timer";
    EXPECT_EQ(came, 0);
  }
  EXPECT_EQ(came, 1);
  const timespec now{};
  EXPECT_EQ(sigtimedwait(&hang_up, nullptr, &now), SIGHUP);
  pthread_sigmask(SIG_UNBLOCK, &hang_up, nullptr);
  sigaction(SIGUSR2, &old, nullptr);
}

TEST(TimedWrites, SayWhyThereIsNoTimer) {
  auto child = test::ChildProcess::fork_off([] {
    sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_timer_create, 0, 1),
                            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{sizeof filter / sizeof filter[0], filter};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      return 2;
    const TimedWrites writes;
    return writes.error() == std::errc::function_not_supported ? 0 : 1;
  });
  EXPECT_EQ(child.wait_for_exit(), 0);
}

}  // namespace
}  // namespace cgmm::kernel
