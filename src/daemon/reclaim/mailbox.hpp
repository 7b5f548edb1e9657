// SPDX-License-Identifier: Apache-2.0
#pragma once

// Holds the newest of something for a thread that may be busy: what it did not fetch in time is worthless and is
// replaced. Any thread.

#include <optional>
#include <utility>

#include "base/mutex.hpp"

namespace cgmm::daemon {

template <class T>
class Mailbox {
 public:
  void put(T&& value) {
    {
      const base::Lock lock(mutex_);
      value_ = std::move(value);
    }
    changed_.notify_all();
  }

  /// Waits for the newest; nullopt once the mailbox is closed and empty. Until the next call the taker counts as busy.
  std::optional<T> take() {
    base::Lock lock(mutex_);
    busy_ = false;
    changed_.notify_all();
    changed_.wait(lock, [&]() CGMM_REQUIRES(mutex_) { return closed_ || value_.has_value(); });
    busy_ = value_.has_value();
    return std::exchange(value_, std::nullopt);
  }

  bool has_newer() {
    const base::Lock lock(mutex_);
    return value_.has_value();
  }

  /// Whether nothing waits and the taker is done with what it took.
  bool idle() {
    const base::Lock lock(mutex_);
    return !value_.has_value() && !busy_;
  }

  /// Ends take(); what was not taken is dropped.
  void close() {
    {
      const base::Lock lock(mutex_);
      closed_ = true;
      value_.reset();
    }
    changed_.notify_all();
  }

 private:
  base::Mutex mutex_;
  base::Condition changed_;
  std::optional<T> value_ CGMM_GUARDED_BY(mutex_);
  bool busy_ CGMM_GUARDED_BY(mutex_) = true;  // until the taker first comes
  bool closed_ CGMM_GUARDED_BY(mutex_) = false;
};

}  // namespace cgmm::daemon
