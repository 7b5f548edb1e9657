// SPDX-License-Identifier: Apache-2.0
#pragma once

// The memory controller of one cgroup version: which file has which value, and how to reclaim. A value that the kernel
// lacks is absent, never 0. Each object belongs to one thread.
//
//   value          v1                                            v2
//   usage          memory.usage_in_bytes                         memory.current
//   file, shmem    memory.stat total_cache, total_shmem          memory.stat file, shmem
//   anon           memory.stat total_rss                         memory.stat anon
//   in/active file memory.stat total_inactive_file, ...          memory.stat inactive_file, active_file
//   dirty          memory.stat total_dirty + total_writeback     memory.stat file_dirty + file_writeback
//   kernel         memory.kmem.usage_in_bytes                    memory.stat kernel (5.18), else the sum of its parts
//   swap           memory.stat total_swap                        memory.swap.current
//   faults         memory.stat total_pgfault, total_pgmajfault   memory.stat pgfault, pgmajfault
//   refaults       memory.stat total_workingset_refault_*        memory.stat workingset_refault_* (5.9), else
//                                                                workingset_refault for files
//   pgscan/steal   none                                          memory.stat pgscan, pgsteal
//   limit hits     memory.failcnt                                memory.events max
//   OOM kills      memory.oom_control oom_kill (4.13)            memory.events oom_kill
//   low, high, oom none                                          memory.events low, high, oom, oom_group_kill (5.17)
//   slab           memory.stat slab_reclaimable, ...: if told    memory.stat slab_reclaimable, slab_unreclaimable
//   peak           memory.max_usage_in_bytes                     memory.peak (5.19)
//   stands still   memory.oom_control under_oom with             none
//                  oom_kill_disable
//   pressure       none                                          memory.pressure
//
// v1's total_* include descendants. Kernels (and minimal copies) without them have the plain keys.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/records.hpp"
#include "core/sample.hpp"
#include "kernel/control_file.hpp"
#include "kernel/hierarchy.hpp"
#include "kernel/hierarchy_lock.hpp"
#include "kernel/parse.hpp"

namespace cgmm::kernel {

inline constexpr std::uint64_t kUnlimited = UINT64_MAX;
inline constexpr std::uint64_t kEverything = UINT64_MAX;  // an amount to reclaim: all that the kernel can (v1)

/// One cgroup's numbers, and more from the same files.
struct Reading {
  core::MemorySample sample;
  std::optional<std::uint64_t> hierarchical_limit_bytes;  // from v1's memory.stat; kUnlimited: none; nullopt: not known
  std::string problem;  // the first file that could not be used (its values are absent); empty: none
  std::vector<NoNumber> no_numbers;
  bool may_stand_still = true;   // false: the OOM killer is not disabled for it (v1)
  bool has_no_new_hits = false;  // memory.failcnt was not read: see ReadOptions::no_hits
};

/// Whose events are read: v2 counts those of the cgroups below in memory.events. v1 never does.
enum class Events : std::uint8_t {
  whole,
  own,          // memory.events.local (Linux 5.2), else none
  own_or_whole  // of a leaf: nothing is below it, but there may have been
};

/// What is read of a cgroup.
struct ReadOptions {
  /// False for readings in quick succession: each read of memory.pressure begins a new period, and in one shorter than
  /// a tick of the kernel's clock (4 ms) stalled time is lost for all readers.
  bool with_pressure = true;
  bool with_peak = true;  // it costs one more file
  Events events = Events::whole;
  /// v1. False: memory.oom_control is not read, because nobody was killed on the node since it was read last. Its OOM
  /// killer must not have been disabled then.
  bool with_oom_control = true;
  /// v1. What was so when memory.failcnt was read last, or known to be the same. It is not read where it can't have
  /// risen since.
  struct NoHits {
    std::uint64_t hierarchical_limit_bytes = 0;  // has to be the same now
    std::optional<std::uint64_t> peak_bytes;     // has to be far from that limit now; nullopt: it has none of its own
  };
  std::optional<NoHits> no_hits;
};

class Controller {
 public:
  explicit Controller(const Hierarchy& hierarchy);
  virtual ~Controller() = default;
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// False after the hierarchy was mounted again.
  bool root_is_current() const;

  /// The cgroup with this identity; nullopt: it vanished. Throws std::system_error.
  std::optional<Cgroup> open(core::SharedPath path, std::uint64_t inode);
  std::optional<Cgroup> open(const core::CgroupId& id) { return open(core::SharedPath(id.path), id.inode); }

  /// About how many cgroups there are: the more, the fewer files of each are held.
  void expect(std::size_t cgroup_count);

  /// The cgroup's numbers now; nullopt: it vanished, or v2 does not manage its memory. Throws std::system_error or
  /// MalformedFile, with the path, if memory.stat can't be used.
  virtual std::optional<Reading> read(Cgroup& cgroup, const ReadOptions& options) = 0;
  std::optional<Reading> read(Cgroup& cgroup) { return read(cgroup, ReadOptions{}); }

  /// Whether the numbers of a cgroup include those of the cgroups below it: v1 without memory.use_hierarchy does not.
  virtual bool includes_those_below(Cgroup& /*cgroup*/) { return true; }

  /// Whether the cgroup is there, but its memory is not accounted: v2 without the memory controller.
  virtual bool lacks_memory(const Cgroup& /*v1 has one hierarchy for each controller*/) const { return false; }

  /// Only the usage now, in bytes: a fifth of the cost of read(). nullopt: not known.
  virtual std::optional<std::uint64_t> read_usage(Cgroup& cgroup) = 0;

  /// A limit that can't be read counts as none, and `problem` names the first such file. `reading` is a recent one of
  /// the same cgroup.
  virtual core::Limits read_limits(Cgroup& cgroup, const Reading& reading, std::string& problem) = 0;

  /// The limits of ancestors are read once until the next call. Without a call they are read every time.
  virtual void begin_pass() {}

  virtual core::ReclaimMethod method() const = 0;

  virtual const char* reclaim_file() const = 0;

  /// Whether the kernel has the control file (v2 since 5.19; v1 always).
  virtual bool can_reclaim(const Cgroup& cgroup) const { return cgroup.has_file(reclaim_file()); }

  /// False: another process reclaims in this hierarchy. Else no other one will, until this object goes.
  bool reclaims_alone() { return lock_.take(hierarchy_); }

  /// Asks the kernel to reclaim about `bytes`, and waits, possibly for seconds; a signal ends it (EINTR). Returns the
  /// kernel's answer: EAGAIN can come after nearly everything was freed.
  virtual std::error_code reclaim(Cgroup& cgroup, std::uint64_t bytes) = 0;

  /// Why the last reclaim() was one of everything although it was asked for an amount (v1); no error if it was not.
  virtual std::error_code took_all_because() const { return {}; }

 protected:
  // Files in lower slots are held before those in higher ones.
  static constexpr std::size_t kStatSlot = 0;
  static constexpr std::size_t kUsageSlot = 1;

  std::span<char> buffer() { return {buffer_.get(), kMaxFileBytes + 1}; }

  using Use = std::function<void(std::string_view text)>;
  /// Reads a file, if there is one, and parses it with `use`. Errors go into `problem`.
  void use_file(Cgroup& cgroup, std::size_t slot, const char* name, std::string& problem, const Use& use);
  /// The same for memory.stat, which every cgroup has: false if the cgroup vanished. Throws as read() does.
  bool use_stat(Cgroup& cgroup, const Use& use);
  /// A file with one number; absent if it can't be used. What is wrong goes into `reading`.
  Number read_number(Cgroup& cgroup, std::size_t slot, const char* name, Reading& reading);
  /// Adds those that the file has to `reading`.
  static void note_no_numbers(const KeyedNumbers& numbers, const char* file, Reading& reading);
  /// The same of a limit; also nullopt if there is none.
  std::optional<std::uint64_t> read_limit(Cgroup& cgroup, std::size_t slot, const char* name, std::string& problem);

  /// The smaller one of a limit (nullopt: none) and the machine's memory.
  std::optional<std::uint64_t> within_memory(std::optional<std::uint64_t> limit_bytes) const;

  /// A file of the directory at this path below the root; nullopt: it can't be read.
  std::optional<std::string_view> read_at(const std::string& path, const char* name);

  /// Of the machine; 0: not known.
  std::uint64_t memory_bytes() const { return hierarchy_.memory_bytes; }

  int root_fd() const { return root_.get(); }

 private:
  base::Fd root_;
  Hierarchy hierarchy_;
  HierarchyLock lock_;
  HeldFiles held_;
  std::size_t max_held_files_;
  std::unique_ptr<char[]> buffer_;
};

/// Throws std::system_error if the hierarchy's root can't be opened.
std::unique_ptr<Controller> make_controller(const Hierarchy& hierarchy);

std::unique_ptr<Controller> make_v1_controller(const Hierarchy& hierarchy);
std::unique_ptr<Controller> make_v2_controller(const Hierarchy& hierarchy);

}  // namespace cgmm::kernel
