// SPDX-License-Identifier: Apache-2.0
#include "policy/workloads.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "stop.hpp"

namespace cgmm::bench::policy {
namespace {

using Order = BlockFile::Order;

// In blocks of 64 KiB a second, at pace 1, which belongs to a limit of 400 MiB.
constexpr double kReads = 800;      // 50 MiB/s
constexpr double kSlowReads = 400;  // 25 MiB/s
constexpr double kStream = 320;     // 20 MiB/s
constexpr double kBatch = 200;      // 12.5 MiB/s
constexpr double kLog = 48;         // 3 MiB/s
constexpr double kTableReads = 60;  // rows that are rarely asked for
constexpr double kPageWrites = 30;  // of a database
constexpr double kCheckpoint_s = 30;
constexpr double kHot_s = 30, kIdle_s = 60;  // bursts
constexpr double kCycle_s = 240;             // from one batch to the next, or until grown memory is given back
constexpr double kExecutions = 2;            // a second, at any pace

std::uint64_t any_block(Job& job, const BlockFile& file) { return job.random()() % file.block_count(); }

void read_any(Job& job, BlockFile& file) {
  const std::uint64_t block = any_block(job, file);
  job.measured([&] { file.read(block); });
}

/// Round and round. It is three times as big as the cgroup: each block is as good as new when its turn comes again.
void stream(BlockFile& file, double per_second) {
  Pace pace(per_second);
  for (std::uint64_t i = 0;; ++i) {
    pace.wait();
    file.read(i % file.block_count());
  }
}

void read_hot(Job& job, double per_second) {
  BlockFile hot(job.path("hot"), Order::random);
  hot.read_all();
  job.ready();
  Pace pace(per_second * job.pace());
  for (;;) {
    pace.wait();
    read_any(job, hot);
  }
}

void hot_set(Job& job) { read_hot(job, kReads); }

/// A service with a hot set; beside it something reads through files that nobody needs twice.
void mixed(Job& job) {
  std::thread([per_second = kStream * job.pace(), file = BlockFile(job.path("stream"), Order::sequential)]() mutable {
    stream(file, per_second);
  }).detach();  // it ends with the process
  read_hot(job, kSlowReads);
}

/// Reads and writes its hot pages, now and then a row of the rest, and syncs every half a minute.
void database(Job& job) {
  BlockFile hot(job.path("hot"), Order::random);
  BlockFile table(job.path("table"), Order::random);
  hot.read_all();
  job.ready();
  Pace pace(kSlowReads * job.pace());
  double written_until_s = 0, read_until_s = 0, checkpoint_at_s = kCheckpoint_s;
  for (;;) {
    pace.wait();
    read_any(job, hot);
    const double now_s = job.elapsed_s();
    if (now_s >= written_until_s) {
      hot.write(any_block(job, hot));
      written_until_s = now_s + 1 / (kPageWrites * job.pace());
    }
    if (now_s >= read_until_s) {
      read_any(job, table);
      read_until_s = now_s + 1 / (kTableReads * job.pace());
    }
    if (now_s >= checkpoint_at_s) {
      ::fdatasync(hot.fd());
      checkpoint_at_s = now_s + kCheckpoint_s;
    }
  }
}

/// The block of rank r is read as often as 1 / (r + 1) says.
void zipf(Job& job) {
  BlockFile file(job.path("skewed"), Order::random);
  std::vector<double> up_to(file.block_count());
  double sum = 0;
  for (std::size_t rank = 0; rank < up_to.size(); ++rank) up_to[rank] = sum += 1 / static_cast<double>(rank + 1);
  std::vector<std::uint32_t> block_of(up_to.size());
  for (std::uint32_t i = 0; i < block_of.size(); ++i) block_of[i] = i;
  std::ranges::shuffle(block_of, job.random());
  std::uniform_real_distribution<double> place(0, sum);
  const auto next = [&] {
    const auto rank = std::ranges::lower_bound(up_to, place(job.random())) - up_to.begin();
    return block_of[static_cast<std::size_t>(rank)];
  };
  for (std::size_t i = 0; i < 2 * block_of.size(); ++i) file.read(next());
  job.ready();
  Pace pace(kReads * job.pace());
  for (;;) {
    pace.wait();
    const std::uint32_t block = next();
    job.measured([&] { file.read(block); });
  }
}

void execute(const std::string& program) {
  std::string mode = "touch";
  char* arguments[] = {const_cast<char*>(program.c_str()), mode.data(), nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments, environ);
  if (error != 0) throw std::system_error(error, std::system_category(), program);
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0) throw std::runtime_error(program + " failed");
}

/// A big program that is started again and again, and runs for as long as it takes to go through its code once.
void mapped(Job& job) {
  const std::string program = job.path("program");
  execute(program);
  execute(program);
  job.ready();
  Pace pace(kExecutions);
  for (;;) {
    pace.wait();
    job.measured([&] { execute(program); });
  }
}

void bursty(Job& job) {
  BlockFile hot(job.path("hot"), Order::random);
  hot.read_all();
  job.ready();
  Pace pace(kReads * job.pace());
  for (;;) {
    pace.wait();
    if (std::fmod(job.elapsed_s(), kHot_s + kIdle_s) < kHot_s) read_any(job, hot);
  }
}

void stream_only(Job& job) {
  BlockFile file(job.path("stream"), Order::sequential);
  job.ready();
  Pace pace(kStream * job.pace());
  for (std::uint64_t i = 0;; ++i) {
    pace.wait();
    job.measured([&] { file.read(i % file.block_count()); });
  }
}

/// Appends to a log; when that is as big as half of the limit, it takes the place of the one before.
void log_writer(Job& job) {
  job.ready();
  Pace pace(kLog * job.pace());
  const std::uint64_t blocks = job.share(0.5) / kBlock;
  for (;;) {
    BlockFile log(job.path("log"), Order::sequential, O_CREAT | O_TRUNC);
    for (std::uint64_t i = 0; i < blocks; ++i) {
      pace.wait();
      job.measured([&] { log.write(i); });
    }
    std::filesystem::rename(job.path("log"), job.path("log.1"));
  }
}

/// Reads more than it can hold, half of its file, then has nothing to do until its next time.
void batch(Job& job) {
  BlockFile file(job.path("input"), Order::sequential);
  job.ready();
  Pace pace(kBatch * job.pace());
  std::uint64_t next = 0;
  for (std::uint64_t run = 0;; ++run) {
    while (job.elapsed_s() < static_cast<double>(run) * kCycle_s) pace.wait();
    for (std::uint64_t i = 0; i < file.block_count() / 2; ++i) {
      pace.wait();
      job.measured([&] { file.read(next++ % file.block_count()); });
    }
  }
}

/// A hot set beside a heap that grows by almost half of the limit, and is given back.
void growing(Job& job) {
  BlockFile hot(job.path("hot"), Order::random);
  hot.read_all();
  job.ready();
  Pace pace(kReads * job.pace());
  std::vector<std::vector<char>> heap;
  for (;;) {
    pace.wait();
    const double part = std::fmod(job.elapsed_s(), kCycle_s) / kCycle_s;
    const auto wanted = static_cast<std::size_t>(part * static_cast<double>(job.share(0.45) / kBlock));
    if (wanted < heap.size()) heap.clear();
    if (wanted > heap.size()) job.measured([&] { heap.emplace_back(kBlock, 'a'); });
    read_any(job, hot);
  }
}

/// One half of the run it reads the same, in the other it streams: what was learned is wrong then.
void phases(Job& job) {
  BlockFile hot(job.path("hot"), Order::random);
  BlockFile passing(job.path("stream"), Order::sequential);
  hot.read_all();
  job.ready();
  Pace pace(kSlowReads * job.pace());
  for (std::uint64_t i = 0;;) {
    pace.wait();
    if (job.elapsed_s() < job.run_s() / 2) {
      read_any(job, hot);
    } else {
      job.measured([&] { passing.read(i++ % passing.block_count()); });
    }
  }
}

/// Reads a lot when it starts and a little of that ever after, as many services do.
void starter(Job& job) {
  BlockFile file(job.path("data"), Order::sequential);
  BlockFile hot(job.path("hot"), Order::random);
  job.ready();
  Pace fast(kReads * job.pace());
  for (std::uint64_t i = 0; i < file.block_count(); ++i) {
    fast.wait();
    file.read(i);
  }
  Pace slow(kLog * job.pace());
  for (;;) {
    slow.wait();
    read_any(job, hot);
  }
}

/// Memory of its own, unmapped with it.
class Mapping {
 public:
  Mapping(std::uint64_t bytes, int flags, int fd = -1) : bytes_(bytes) {
    at_ = ::mmap(nullptr, bytes_, fd < 0 ? PROT_READ | PROT_WRITE : PROT_READ, flags, fd, 0);
    if (at_ == MAP_FAILED) throw std::system_error(errno, std::system_category(), "mmap");
  }
  ~Mapping() { ::munmap(at_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  char* block(std::uint64_t n) const { return static_cast<char*>(at_) + n * kBlock; }

 private:
  void* at_;
  std::uint64_t bytes_;
};

/// Most of a cycle it has page cache up to its limit; then it needs over half of that for itself at once. Only that is
/// measured: how long each block of fresh memory takes.
void need_at_once(Job& job, const std::function<void(std::uint64_t)>& take_cache, std::uint64_t cache_blocks) {
  constexpr double kEvery_s = 60, kFill_s = 10, kAt_s = 50;
  job.ready();
  for (double begun_s = 0;; begun_s += kEvery_s) {
    Pace pace(static_cast<double>(cache_blocks) / kFill_s);
    for (std::uint64_t i = 0; i < cache_blocks; ++i) {
      pace.wait();
      take_cache(i);
    }
    const auto wait_until = [&](double at_s) {
      for (Pace look(100); job.elapsed_s() < begun_s + at_s;) look.wait();
    };
    wait_until(kAt_s);
    const std::uint64_t blocks = job.share(0.6) / kBlock;
    const Mapping memory(blocks * kBlock, MAP_PRIVATE | MAP_ANONYMOUS);
    for (std::uint64_t i = 0; i < blocks; ++i) job.measured([&] { std::memset(memory.block(i), 'a', kBlock); });
    wait_until(kEvery_s);
  }
}

void need_beside_clean(Job& job) {
  BlockFile file(job.path("data"), Order::sequential);
  need_at_once(job, [&](std::uint64_t i) { file.read(i % file.block_count()); }, file.block_count());
}

void need_beside_dirty(Job& job) {
  BlockFile file(job.path("written"), Order::sequential, O_CREAT | O_TRUNC);
  need_at_once(job, [&](std::uint64_t i) { file.write(i); }, job.share(0.8) / kBlock);
}

void need_beside_mapped(Job& job) {
  const base::Fd file(::open(job.path("data").c_str(), O_RDONLY | O_CLOEXEC));
  const std::uint64_t blocks = job.share(0.8) / kBlock;
  const Mapping mapping(blocks * kBlock, MAP_PRIVATE, file.get());
  volatile char sink = 0;
  need_at_once(
      job,
      [&](std::uint64_t i) {
        for (std::uint64_t at = 0; at < kBlock; at += 4096) sink = mapping.block(i)[at];
      },
      blocks);
}

}  // namespace

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> kAll = {
      {"mixed", "Mixed: a hot set and a stream", {{"hot", 0.3}, {"stream", 3}}, mixed},
      {"database", "Database: hot pages, random rows, checkpoints", {{"hot", 0.45}, {"table", 1.5}}, database},
      {"hot", "Hot set", {{"hot", 0.7}}, hot_set},
      {"zipf", "Skewed reads (zipf)", {{"skewed", 2}}, zipf},
      {"mapped", "Mapped binary, executed again and again", {{"program", 0.35, true}}, mapped},
      {"bursty", "Bursty: hot for 30 s, idle for 60 s", {{"hot", 0.6}}, bursty},
      {"stream", "Stream", {{"stream", 3}}, stream_only},
      {"log", "Log writer", {}, log_writer},
      {"batch", "Nightly batch", {{"input", 3}}, batch},
      {"anon", "Growing anonymous memory beside cache", {{"hot", 0.5}}, growing},
      {"phases", "Phase change: hot for half the run, then a stream", {{"hot", 0.6}, {"stream", 3}}, phases},
      {"need", "Memory needed at once, beside clean cache", {{"data", 0.8}}, need_beside_clean},
      {"need-dirty", "Memory needed at once, beside what was written", {}, need_beside_dirty},
      {"need-mapped", "Memory needed at once, beside a mapped file", {{"data", 0.8}}, need_beside_mapped},
      {"starter", "Cold start, then little", {{"data", 0.7}, {"hot", 0.05}}, starter},
  };
  return kAll;
}

std::vector<const Workload*> workloads_named(const std::string& names) {
  std::vector<const Workload*> chosen;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    const std::size_t before = chosen.size();
    for (const Workload& workload : workloads()) {
      if (name == "all" || name == workload.name) chosen.push_back(&workload);
    }
    if (chosen.size() == before) throw std::invalid_argument("there is no workload \"" + name + "\"; `list` shows all");
  }
  return chosen;
}

int touch_myself() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const base::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const std::uint64_t bytes = std::filesystem::file_size("/proc/self/exe");
  void* const code = ::mmap(nullptr, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.get(), 0);
  if (code == MAP_FAILED) return 1;
  const auto* const pages = static_cast<const volatile char*>(code);
  for (std::uint64_t at = 0; at < bytes; at += 4096) static_cast<void>(pages[at]);
  return 0;
}

}  // namespace cgmm::bench::policy
