// SPDX-License-Identifier: Apache-2.0
#pragma once

// The sampler's thread: takes scans when they are due, looks in between at what is near its limit, hands it all on,
// says in the log what is new, and takes over changed settings between two scans. Since it wakes up every few seconds
// whatever happens, it also keeps an eye on the clocks and on the reclaimer.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "daemon/clock_watch.hpp"
#include "daemon/earlier_kills.hpp"
#include "daemon/fault.hpp"
#include "daemon/mailbox.hpp"
#include "daemon/reclaimer.hpp"
#include "daemon/record_queue.hpp"
#include "daemon/sampler.hpp"
#include "daemon/schedule.hpp"
#include "daemon/settings.hpp"

namespace cgmm::daemon {

class ScanLoop {
 public:
  /// Where scans go; what the reclaimer is at; where kills are read from.
  struct Channels {
    RecordQueue& queue;
    Mailbox<Candidates>& candidates;
    std::function<Asking()> asking = [] { return Asking{}; };
    std::function<std::string()> log_source = [] { return std::string(); };
  };
  /// `facts` are recorded of the node with those that are known here.
  ScanLoop(Sampler sampler, Settings settings, core::Parameters facts, Channels channels);

  /// Until stop(), or after so many scans, and then until what they found due has been reclaimed.
  void run(std::optional<std::int64_t> cycles);

  /// The counters of OOM kills that an earlier run has left; to be called once, whenever they are known. From any
  /// thread.
  void adopt(EarlierKills::Totals oom_kills_total);

  /// From any thread.
  void change(Settings settings);
  void stop();
  std::int64_t scan_count() const { return scan_count_; }
  /// When it last was at work or woke up to see whether there is any, of the steady clock: every five seconds at least,
  /// whatever the interval. From any thread.
  std::int64_t alive_at_us() const { return alive_at_us_; }
  /// What is watched now. From any thread.
  kernel::Hierarchy hierarchy();

  /// What happens whenever it wakes up. For run() and tests, which may have clocks of their own.
  void tick(const Clocks& clocks);
  /// One scan, now. For run() and tests.
  void scan_once(const Schedule::Start& start);

 private:
  bool wait_until_due(std::int64_t due_us);
  void watch_clocks(const Clocks& clocks);
  void watch_reclaimer(const Clocks& clocks);
  void take_adopted();
  void look_once();
  void hand_on(Sampler::Result&& result);
  void apply_changes(Schedule& schedule);
  void look_for_parent();
  static void log_kills(const std::vector<core::CountedOomKills>& oom_kills);
  void log_scan(const Sampler::Result& result);
  void tell_faults(const Sampler::Result& result);
  void wait_until_idle();
  void event(std::string kind, std::string detail);
  void push_node_facts(const Settings& settings);
  kernel::Hierarchy find_hierarchy(const std::string& parent) const;
  Settings settings_now();

  Sampler sampler_;
  core::Parameters facts_;
  RecordQueue& queue_;
  Mailbox<Candidates>& candidates_;
  std::string parent_setting_;  // that the sampler's hierarchy came from
  std::function<Asking()> asking_;
  std::function<std::string()> log_source_;
  std::string told_log_source_;
  bool unwatched_told_ = false;
  FaultLog unreadable_;
  FaultLog left_out_;
  FaultLog no_parent_;
  Fault cgroups_fault_;
  Fault max_cgroups_fault_;
  Fault parent_fault_;
  Fault hang_fault_;
  Fault clock_fault_;
  std::int64_t hangs_since_us_ = 0;  // while hang_fault_ is on
  EarlierKills earlier_kills_;
  ClockWatch clock_watch_;
  ClockSetting clock_setting_;
  std::int64_t looked_for_parent_at_us_ = 0;
  std::atomic<std::int64_t> scan_count_{0};
  std::atomic<std::int64_t> alive_at_us_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  Settings settings_;            // guarded by mutex_, like all below
  kernel::Hierarchy hierarchy_;  // the sampler's
  bool changed_ = false;         // settings_ are new to the sampler
  bool stopping_ = false;
  std::optional<EarlierKills::Totals> adopted_;  // and new to earlier_kills_
};

}  // namespace cgmm::daemon
