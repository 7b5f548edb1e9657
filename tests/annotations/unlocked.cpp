// SPDX-License-Identifier: Apache-2.0
// What the analysis must find.
#include "base/mutex.hpp"

class Counter {
 public:
  void add() {
    const cgmm::base::Lock lock(mutex_);
    ++count_;
  }
  int read_without_the_lock() const { return count_; }

 private:
  cgmm::base::Mutex mutex_;
  int count_ CGMM_GUARDED_BY(mutex_) = 0;
};

int main() { return Counter().read_without_the_lock(); }
