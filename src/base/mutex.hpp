// SPDX-License-Identifier: Apache-2.0
#pragma once

// A mutex, a lock and a condition variable that clang's thread safety analysis understands: it checks that what is
// GUARDED_BY a mutex is touched only under its lock. The standard library's have no such annotations. Other compilers
// see plain wrappers; the test group "annotations" has clang look at all that includes this header.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#if defined(__clang__)
#define CGMM_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define CGMM_THREAD_ANNOTATION(x)
#endif

/// Of a member: read and written only under this mutex's lock.
#define CGMM_GUARDED_BY(mutex) CGMM_THREAD_ANNOTATION(guarded_by(mutex))
/// Of a function or a lambda: called only under this mutex's lock.
#define CGMM_REQUIRES(mutex) CGMM_THREAD_ANNOTATION(requires_capability(mutex))
/// Of a function: it takes the lock itself, so whoever calls it must not hold it.
#define CGMM_EXCLUDES(mutex) CGMM_THREAD_ANNOTATION(locks_excluded(mutex))

namespace cgmm::base {

class CGMM_THREAD_ANNOTATION(capability("mutex")) Mutex {
 private:
  friend class Lock;
  std::mutex mutex_;
};

/// Holds the mutex until its end, or until unlock().
class CGMM_THREAD_ANNOTATION(scoped_lockable) Lock {
 public:
  explicit Lock(Mutex& mutex) CGMM_THREAD_ANNOTATION(acquire_capability(mutex)) : lock_(mutex.mutex_) {}
  ~Lock() CGMM_THREAD_ANNOTATION(release_capability()) = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void unlock() CGMM_THREAD_ANNOTATION(release_capability()) { lock_.unlock(); }

 private:
  friend class Condition;
  std::unique_lock<std::mutex> lock_;
};

/// What to wait for under a lock. `ready` is a lambda with CGMM_REQUIRES(mutex): it is called with the lock held.
class Condition {
 public:
  void notify_one() noexcept { changed_.notify_one(); }
  void notify_all() noexcept { changed_.notify_all(); }

  template <typename Ready>
  void wait(Lock& lock, Ready ready) {
    changed_.wait(lock.lock_, std::move(ready));
  }
  /// Whether it was ready before the deadline.
  template <typename Clock, typename Duration, typename Ready>
  bool wait_until(Lock& lock, std::chrono::time_point<Clock, Duration> deadline, Ready ready) {
    return changed_.wait_until(lock.lock_, deadline, std::move(ready));
  }
  template <typename Rep, typename Period>
  void wait_for(Lock& lock, std::chrono::duration<Rep, Period> time) {
    changed_.wait_for(lock.lock_, time);
  }
  template <typename Rep, typename Period, typename Ready>
  bool wait_for(Lock& lock, std::chrono::duration<Rep, Period> time, Ready ready) {
    return changed_.wait_for(lock.lock_, time, std::move(ready));
  }

 private:
  std::condition_variable changed_;
};

}  // namespace cgmm::base
