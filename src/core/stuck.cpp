// SPDX-License-Identifier: Apache-2.0
#include "core/stuck.hpp"

namespace cgmm::core {

StuckState follow_stuck(std::unique_ptr<StuckWatch>& watch, const MemorySample& sample, const Counters& increases,
                        std::optional<std::int64_t> before_at_us, std::int64_t at_us) {
  const bool may_begin = sample.stands_still.value_or(false) || increases.value_or(Counter::high_events, 0) > 0;
  if (!watch && !may_begin) return StuckWatch().follow(sample, increases, before_at_us, at_us);
  if (!watch) watch = std::make_unique<StuckWatch>();
  const StuckState state = watch->follow(sample, increases, before_at_us, at_us);
  if (state == StuckState::no) watch.reset();
  return state;
}

StuckState StuckWatch::follow(const MemorySample& sample, const Counters& increases,
                              std::optional<std::int64_t> before_at_us, std::int64_t at_us) {
  if (sample.stands_still) {
    if (!*sample.stands_still) {
      stuck_.reset();
    } else if (!stuck_) {
      stuck_ = Standstill{.kind = StuckKind::under_oom, .began_at_us = at_us};
    }
    return stuck_ ? StuckState::yes : StuckState::no;
  }
  const auto high_events = increases[Counter::high_events];
  const auto psi_full_us = increases[Counter::psi_full_us];
  const bool is_known = high_events && psi_full_us && before_at_us && *before_at_us < at_us;  // the clock may be set
  if (is_known) return follow_high(*high_events, *psi_full_us, *before_at_us, at_us);
  part_.reset();
  return stuck_ ? StuckState::yes : StuckState::unknown;
}

StuckState StuckWatch::follow_high(std::uint64_t high_events, std::uint64_t psi_full_us, std::int64_t before_at_us,
                                   std::int64_t at_us) {
  if (!part_) part_ = Standstill{.began_at_us = before_at_us};
  part_->high_events += high_events;
  part_->psi_full_us += psi_full_us;
  const std::int64_t part_us = at_us - part_->began_at_us;
  if (part_us >= kStuckPart_us) {
    const bool is_so = part_->high_events > 0 && part_->psi_full_us > static_cast<std::uint64_t>(part_us) / 2;
    if (!is_so) {
      run_.reset();
    } else if (!run_) {
      run_ = part_;
    } else {
      run_->high_events += part_->high_events;
      run_->psi_full_us += part_->psi_full_us;
    }
    part_.reset();
    const bool is_long = run_ && at_us - run_->began_at_us >= kStuckAfter_us;
    stuck_ = is_long || (stuck_ && run_) ? run_ : std::nullopt;
  }
  if (stuck_) return StuckState::yes;
  return run_ || (part_ && part_->high_events > 0) ? StuckState::unknown : StuckState::no;
}

}  // namespace cgmm::core
