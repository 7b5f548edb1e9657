// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the threads show their progress, and where the little that flows back is kept (src/EXCEPTIONS.md). Each value
// has one writer. Any thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/mutex.hpp"
#include "core/policy.hpp"
#include "core/records.hpp"
#include "kernel/hierarchy.hpp"

namespace cgmm::daemon {

/// What the kernel was asked for and has not answered yet.
struct Asking {
  std::int64_t since_us = 0;  // of the steady clock; 0: nothing
  std::string path;           // of the cgroup
};

/// The threads' progress, beside what passes through the queue.
struct Signs {
  std::int64_t sampler_at_us = 0;  // as core::LastSigns has them
  std::int64_t reclaimer_at_us = 0;
  Asking asking;
  std::int64_t in_cooldown_count = 0;
  std::int64_t reclaim_timeout_us = 0;
};

class StatusBoard {
 public:
  Signs signs() const { return read(signs_); }

  // Written by the sampler. Instants are of the steady clock; 0: it rests until there is work, or has ended.
  void set_sampler_at_us(std::int64_t at_us) { write(signs_.sampler_at_us, at_us); }
  /// What is sampled now. The kill log finds the cgroups of victims in it.
  void set_hierarchy(kernel::Hierarchy hierarchy) { write(hierarchy_, std::move(hierarchy)); }
  kernel::Hierarchy hierarchy() const { return read(hierarchy_); }

  // Written by the reclaimer.
  void set_reclaimer_at_us(std::int64_t at_us) { write(signs_.reclaimer_at_us, at_us); }
  void set_in_cooldown_count(std::int64_t count) { write(signs_.in_cooldown_count, count); }
  void set_asking(Asking asking) { write(signs_.asking, std::move(asking)); }
  Asking asking() const { return read(signs_.asking); }

  // Written by the kill log: where kills are read from, or why they are not, in words.
  void set_kernel_log(std::string source) { write(kernel_log_, std::move(source)); }
  std::string kernel_log() const { return read(kernel_log_); }

  // Written by the recorder: what earlier runs have left, once.
  void hand_over(core::Handover handover) {
    write(handover_, std::move(handover));
    handed_over_.notify_all();
  }
  /// Whether there is one, at the end of the time or of the service's life.
  bool wait_for_handover(std::optional<std::chrono::milliseconds> time = std::nullopt) {
    base::Lock lock(mutex_);
    const auto is_over = [&] { return handover_ || are_waits_ended_; };
    if (time) {
      handed_over_.wait_for(lock, *time, is_over);
    } else {
      handed_over_.wait(lock, is_over);
    }
    return handover_.has_value();
  }
  std::optional<core::LogPosition> log_position() const {
    const base::Lock lock(mutex_);
    return handover_ ? handover_->log_position : std::nullopt;
  }
  /// Whether earlier runs have seen containers below this parent.
  bool containers_seen_below(const std::string& parent) const {
    const base::Lock lock(mutex_);
    return handover_ && handover_->containers_seen_below == parent;
  }
  /// Whether no earlier run has written to the history; nullopt: not known yet.
  std::optional<bool> is_first_run() const {
    const base::Lock lock(mutex_);
    return handover_ ? std::optional(handover_->is_first_run) : std::nullopt;
  }
  /// Empty until they are handed over, and once they were taken.
  core::Cooldowns take_cooldowns() {
    const base::Lock lock(mutex_);
    return handover_ ? std::exchange(handover_->cooldowns, {}) : core::Cooldowns{};
  }

  // Written by the main thread, and at a reload by the reloader's.
  void set_reclaim_timeout_us(std::int64_t timeout_us) { write(signs_.reclaim_timeout_us, timeout_us); }
  /// The service stops.
  void end_waits() {
    write(are_waits_ended_, true);
    handed_over_.notify_all();
  }

 private:
  template <class T>
  T read(const T& value) const {
    const base::Lock lock(mutex_);
    return value;
  }
  template <class T>
  void write(T& value, std::type_identity_t<T> fresh) {
    const base::Lock lock(mutex_);
    value = std::move(fresh);
  }

  mutable base::Mutex mutex_;
  // All below is guarded by it. clang can't check that: read() and write() get it by reference.
  Signs signs_;
  kernel::Hierarchy hierarchy_;
  std::string kernel_log_;
  base::Condition handed_over_;
  std::optional<core::Handover> handover_;
  bool are_waits_ended_ = false;
};

}  // namespace cgmm::daemon
